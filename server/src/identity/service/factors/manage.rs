//! What somebody has to prove who they are with: listed, added, removed.

use std::net::IpAddr;

use bilten_kernel::db::Conn;
use bilten_kernel::error::FieldError;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::codes::{self, Asker, Context};
use super::{Outcome, ceremony, notices, prove};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::{IdentityError, user as load_user};
use crate::identity::store::factors::FactorRow;
use crate::identity::store::{factors as store, passkeys};
use crate::platform::{self, AuditRecord};
use crate::qr;

pub(super) use store::{has_any, lock_user as lock};

/// What changed about somebody's factors, with the id of what it was.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// There is a new one.
    Added(FactorKind, String),
    /// One is gone.
    Removed(FactorKind, String),
    /// There are new recovery codes.
    RecoveryCodes,
}

/// An authenticator app that is to be added.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TotpEnrolment {
    /// The factor, to be confirmed with a code.
    pub factor: FactorId,
    /// The secret in base32, for typing.
    pub secret: String,
    /// The same as an address that apps open.
    pub uri: String,
    /// The address as a QR code, an SVG picture.
    pub qr_svg: String,
}

async fn tell(
    app: &App,
    c: &mut Conn,
    person: &Person,
    change: &Change,
) -> Result<(), IdentityError> {
    notices::changed(app, c, person.user, change).await?;
    let (action, subject, detail) = match change {
        Change::Added(kind, id) => ("factor.added", id.clone(), json!({ "kind": kind })),
        Change::Removed(kind, id) => ("factor.removed", id.clone(), json!({ "kind": kind })),
        Change::RecoveryCodes => ("factor.recovery_codes", person.user.to_string(), json!({})),
    };
    let record = AuditRecord::new(person.user, action, subject).detail(detail);
    Ok(platform::audit(app, c, record).await?)
}

/// Tells of a new factor; the first one comes with recovery codes.
pub(super) async fn added(
    app: &App,
    c: &mut Conn,
    person: &Person,
    is_first: bool,
    change: Change,
) -> Result<Option<Vec<String>>, IdentityError> {
    let codes = if is_first {
        Some(codes::new_recovery_codes(app, c, person.user).await?)
    } else {
        None
    };
    tell(app, c, person, &change).await?;
    Ok(codes)
}

/// Tells of a factor that is gone, or gives the write up if it was the last and one is asked for.
pub(super) async fn removed(
    app: &App,
    c: &mut Conn,
    person: &Person,
    change: Change,
) -> Result<(), IdentityError> {
    if !has_any(c, person.user).await? {
        if store::is_required(c, person.user).await? {
            return Err(IdentityError::FactorRequired);
        }
        store::replace_recovery_codes(c, person.user, &[], app.now()).await?;
    }
    tell(app, c, person, &change).await
}

/// Whether there are passkeys on this server.
pub fn has_passkeys(app: &App) -> bool {
    ceremony::is_possible(app)
}

/// All by which somebody can prove who they are besides a password.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn factors(app: &App, user: UserId) -> Result<Factors, IdentityError> {
    let (rows, keys, recovery_codes, is_required) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                Ok::<_, IdentityError>((
                    store::confirmed(c, user).await?,
                    passkeys::of_user(c, user).await?,
                    store::recovery_codes_left(c, user).await?,
                    store::is_required(c, user).await?,
                ))
            })
        })
        .await?;
    let profile = load_user(app, user).await?.profile;
    let factors = rows.iter().map(|row| {
        Ok(Factor {
            id: row.id,
            kind: row.kind,
            target: target(app, row, profile.as_ref())?,
            created_at: row.created_at,
        })
    });
    Ok(Factors {
        factors: factors.collect::<Result<_, IdentityError>>()?,
        passkeys: keys
            .into_iter()
            .map(|row| PasskeyEntry {
                id: row.id,
                name: row.name,
                created_at: row.created_at,
                used_at: row.used_at,
            })
            .collect(),
        recovery_codes,
        is_required,
        has_sms: notices::has_sms(app),
        has_passkeys: ceremony::is_possible(app),
    })
}

fn new_row(app: &App, kind: FactorKind, secret: &[u8]) -> Result<FactorRow, IdentityError> {
    let id = FactorId::new(&*app.clock, &*app.random);
    Ok(FactorRow {
        id,
        kind,
        sealed_secret: codes::seal_secret(app, id, secret)?,
        created_at: app.now(),
    })
}

fn enrolment(
    factor: FactorId,
    secret: Vec<u8>,
    profile: &Profile,
) -> Result<TotpEnrolment, IdentityError> {
    let totp = codes::totp(secret, profile.email.as_str())?;
    let unreadable = |error: &dyn std::fmt::Display| IdentityError::Fault(error.to_string());
    let uri = totp.to_url().map_err(|error| unreadable(&error))?;
    let picture = qr::render_qr(&uri, qr::QrFormat::Svg).map_err(|error| unreadable(&error))?;
    Ok(TotpEnrolment {
        factor,
        secret: totp.secret().to_base32(),
        uri,
        qr_svg: String::from_utf8_lossy(&picture).into_owned(),
    })
}

/// Begins to add an authenticator app; it counts once it is confirmed with a code.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault.
pub async fn begin_totp(app: &App, person: &Person) -> Result<TotpEnrolment, IdentityError> {
    let user = load_user(app, person.user).await?;
    let profile = user.profile.ok_or(IdentityError::NotFound("account"))?;
    let secret = codes::new_totp_secret(app);
    let row = new_row(app, FactorKind::Totp, &secret)?;
    let enrolment = enrolment(row.id, secret, &profile)?;
    app.db
        .write(move |c| Box::pin(async move { store::insert(c, user.id, &row).await }))
        .await?;
    Ok(enrolment)
}

/// A factor that waits for its first code.
#[derive(Clone, Debug)]
pub struct PendingFactor {
    /// Its kind.
    pub kind: FactorKind,
    /// Where its code went, mostly hidden.
    pub target: Option<String>,
    /// How to set an authenticator app up.
    pub enrolment: Option<TotpEnrolment>,
}

/// A factor that somebody began to add.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault.
pub async fn pending_factor(
    app: &App,
    person: &Person,
    id: FactorId,
) -> Result<PendingFactor, IdentityError> {
    let user = person.user;
    let row = app
        .db
        .read(move |c| Box::pin(async move { store::unconfirmed(c, user, id).await }))
        .await?
        .ok_or(IdentityError::NotFound("factor"))?;
    let profile = load_user(app, user).await?.profile;
    let profile = profile.ok_or(IdentityError::NotFound("account"))?;
    let enrolment = match row.kind {
        FactorKind::Totp => Some(enrolment(id, codes::open_secret(app, &row)?, &profile)?),
        FactorKind::Email | FactorKind::Sms | FactorKind::Recovery | FactorKind::Passkey => None,
    };
    Ok(PendingFactor {
        kind: row.kind,
        target: target(app, &row, Some(&profile))?,
        enrolment,
    })
}

/// Where the codes of a factor go, mostly hidden.
fn target(
    app: &App,
    row: &FactorRow,
    profile: Option<&Profile>,
) -> Result<Option<String>, IdentityError> {
    Ok(match row.kind {
        FactorKind::Email => profile.map(|profile| hidden_email(profile.email.as_str())),
        FactorKind::Sms => Some(hidden_phone(&codes::phone_of(app, row)?)),
        FactorKind::Totp | FactorKind::Recovery | FactorKind::Passkey => None,
    })
}

/// Begins to add codes by e-mail: the first one is sent to the person's address.
///
/// # Errors
/// [`IdentityError::Unverified`], [`IdentityError::TooMany`], or a fault.
pub async fn begin_email_factor(app: &App, person: &Person) -> Result<FactorId, IdentityError> {
    let user = load_user(app, person.user).await?;
    if user.email_verified_at.is_none() {
        return Err(IdentityError::Unverified);
    }
    begin_sent(app, user, FactorKind::Email, None).await
}

/// Begins to add codes by SMS: the first one is sent to the number.
///
/// # Errors
/// [`IdentityError::SmsUnavailable`], [`IdentityError::Invalid`], [`IdentityError::TooMany`],
/// or a fault.
pub async fn begin_sms_factor(
    app: &App,
    person: &Person,
    phone: &str,
    origin: &Origin,
) -> Result<FactorId, IdentityError> {
    if !notices::has_sms(app) {
        return Err(IdentityError::SmsUnavailable);
    }
    let phone = phone.parse::<Phone>().map_err(|error| {
        IdentityError::Invalid(vec![FieldError {
            field: "phone".to_owned(),
            code: "phone".into(),
            detail: error.to_string(),
        }])
    })?;
    let user = load_user(app, person.user).await?;
    begin_sent(app, user, FactorKind::Sms, Some((phone, origin.ip))).await
}

async fn begin_sent(
    app: &App,
    user: User,
    kind: FactorKind,
    phone: Option<(Phone, IpAddr)>,
) -> Result<FactorId, IdentityError> {
    let secret = phone.as_ref().map_or("", |(phone, _)| phone.as_str());
    let row = new_row(app, kind, secret.as_bytes())?;
    let (work, id) = (app.clone(), row.id);
    app.db
        .write(move |c| {
            Box::pin(async move {
                let to = phone.as_ref().map(|(phone, ip)| (phone, *ip));
                let how = (Context::Factor(id), Asker::Adding(user.id));
                let sent = codes::send(&work, c, &user, kind, how, to).await?;
                // What waits for an earlier code goes on waiting if there is no new one.
                if sent.is_ok() {
                    store::insert(c, user.id, &row).await?;
                }
                Ok::<_, IdentityError>(sent)
            })
        })
        .await??;
    Ok(id)
}

/// Lets a factor count, in place of one of its kind that there was, if this is a code of it; gives
/// recovery codes if it is the person's first. Their session counts as authenticated by it.
///
/// # Errors
/// [`IdentityError::NotFound`], [`IdentityError::WrongCode`], [`IdentityError::TooMany`], or a
/// fault.
pub async fn confirm_factor(
    app: &App,
    person: &Person,
    id: FactorId,
    code: &str,
) -> Result<Option<Vec<String>>, IdentityError> {
    let (work, person, code) = (app.clone(), person.clone(), plain_code(code));
    let codes = app
        .db
        .write(move |c| Box::pin(async move { confirm(&work, c, &person, id, &code).await }))
        .await??;
    app.principals.clear();
    Ok(codes)
}

async fn confirm(
    app: &App,
    c: &mut Conn,
    person: &Person,
    id: FactorId,
    code: &str,
) -> Outcome<Option<Vec<String>>> {
    let user = person.user;
    lock(c, user).await?;
    let Some(row) = store::unconfirmed(c, user, id).await? else {
        return Ok(Err(IdentityError::NotFound("factor")));
    };
    let guesses = Asker::Adding(user).guesses(app);
    if let Err(refused) = codes::pass(app, c, guesses).await? {
        return Ok(Err(refused));
    }
    let is_right = match row.kind {
        FactorKind::Totp => codes::check_totp(app, c, &row, code).await?,
        FactorKind::Email | FactorKind::Sms => {
            codes::check_sent(app, c, user, row.kind, Context::Factor(id), code).await?
        }
        FactorKind::Recovery | FactorKind::Passkey => false,
    };
    if !is_right {
        return Ok(Err(IdentityError::WrongCode));
    }
    guesses.clear(c).await?;
    let is_first = !has_any(c, user).await?;
    if !store::confirm(c, user, id, row.kind, app.now()).await? {
        // Given up as a whole: the factor that it was to replace stays.
        return Err(IdentityError::NotFound("factor"));
    }
    prove::raise(app, c, person, row.kind).await?;
    let change = Change::Added(row.kind, id.to_string());
    added(app, c, person, is_first, change).await.map(Ok)
}

/// Removes a factor.
///
/// # Errors
/// [`IdentityError::NotFound`], [`IdentityError::FactorRequired`], or a fault.
pub async fn remove_factor(app: &App, person: &Person, id: FactorId) -> Result<(), IdentityError> {
    let (work, person) = (app.clone(), person.clone());
    app.db
        .write(move |c| {
            Box::pin(async move {
                lock(c, person.user).await?;
                let kind = store::delete(c, person.user, id)
                    .await?
                    .ok_or(IdentityError::NotFound("factor"))?;
                let change = Change::Removed(kind, id.to_string());
                removed(&work, c, &person, change).await
            })
        })
        .await?;
    app.principals.clear();
    Ok(())
}

/// Gives somebody new recovery codes, in place of those before.
///
/// # Errors
/// [`IdentityError::NotFound`] if they have no second factor, or a fault.
pub async fn renew_recovery_codes(
    app: &App,
    person: &Person,
) -> Result<Vec<String>, IdentityError> {
    let (work, person) = (app.clone(), person.clone());
    app.db
        .write(move |c| {
            Box::pin(async move {
                lock(c, person.user).await?;
                if !has_any(c, person.user).await? {
                    return Err(IdentityError::NotFound("factor"));
                }
                let codes = codes::new_recovery_codes(&work, c, person.user).await?;
                tell(&work, c, &person, &Change::RecoveryCodes).await?;
                Ok(codes)
            })
        })
        .await
}
