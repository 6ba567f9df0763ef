//! Second factors and passkeys shown: to end a sign-in, to sign in, or to prove it once more in a
//! session.

use std::net::IpAddr;

use bilten_kernel::db::Conn;

use super::ceremony::{self, NotShown, PasskeyCredential, Purpose, Shown};
use super::codes::{self, Asker, Context};
use super::{Ceremony, Outcome, notices, passkeys};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::devices::known_device;
use crate::identity::service::trail::{keep_attempt, tell};
use crate::identity::service::{
    IdentityError, finish_second_factor, finish_sign_in, open_user, pending_sign_in, raise_session,
    second_factor_failed, try_second_factor, user as load_user,
};
use crate::identity::store::{factors as store, passkeys as passkey_store, people, sessions};
use crate::platform::{self, AuditRecord, token_hash};

/// A second factor as somebody shows it.
#[derive(Clone, Debug)]
pub enum FactorAnswer {
    /// A code.
    Code {
        /// Of which kind.
        kind: FactorKind,
        /// As it was typed.
        code: String,
    },
    /// A passkey.
    Passkey {
        /// The secret of the ceremony that was begun for it.
        ceremony: String,
        /// What the browser answered.
        response: Box<PasskeyCredential>,
    },
}

impl FactorAnswer {
    /// Of which kind it is.
    pub const fn kind(&self) -> FactorKind {
        match self {
            Self::Code { kind, .. } => *kind,
            Self::Passkey { .. } => FactorKind::Passkey,
        }
    }
}

/// An answer that is ready for the write in which it counts.
enum Ready {
    Code(FactorKind, String),
    Passkey(Box<Shown>),
    Refused(NotShown),
}

/// What somebody can show after these methods; nothing if there is nothing that adds to them. Who
/// has only what cannot be used just now, such as SMS without a gateway, is still asked: for a
/// recovery code, even if none is left.
///
/// # Errors
/// A fault of the database.
pub async fn second_factors(
    app: &App,
    c: &mut Conn,
    user: UserId,
    methods: &str,
) -> Result<Vec<FactorKind>, IdentityError> {
    let mut kinds: Vec<FactorKind> = store::confirmed(c, user)
        .await?
        .into_iter()
        .map(|row| row.kind)
        .collect();
    if !passkey_store::of_user(c, user).await?.is_empty() {
        kinds.push(FactorKind::Passkey);
    }
    kinds.retain(|kind| kind.adds_to(methods));
    if kinds.is_empty() {
        return Ok(kinds);
    }
    kinds.retain(|kind| match kind {
        FactorKind::Sms => notices::has_sms(app),
        FactorKind::Passkey => ceremony::is_possible(app),
        FactorKind::Totp | FactorKind::Email | FactorKind::Recovery => true,
    });
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() || store::recovery_codes_left(c, user).await? > 0 {
        kinds.push(FactorKind::Recovery);
    }
    Ok(kinds)
}

/// Whether a code is right; if so, it is used now.
async fn check_code(
    app: &App,
    c: &mut Conn,
    user: UserId,
    kind: FactorKind,
    context: Context,
    code: &str,
) -> Result<bool, IdentityError> {
    match kind {
        FactorKind::Totp => match store::confirmed_of_kind(c, user, kind).await? {
            Some(row) => codes::check_totp(app, c, &row, code).await,
            None => Ok(false),
        },
        // What was sent is worth nothing any more once the factor was removed.
        FactorKind::Email | FactorKind::Sms => {
            Ok(store::confirmed_of_kind(c, user, kind).await?.is_some()
                && codes::check_sent(app, c, user, kind, context, code).await?)
        }
        FactorKind::Recovery => {
            let is_right = codes::check_recovery(app, c, user, code).await?;
            if is_right {
                notices::recovery_code_used(app, c, user).await?;
            }
            Ok(is_right)
        }
        FactorKind::Passkey => Ok(false),
    }
}

/// Looks at an answer as far as that needs no write.
async fn ready(
    app: &App,
    answer: FactorAnswer,
    wanted: impl Fn(&Purpose) -> bool,
) -> Result<Ready, IdentityError> {
    Ok(match answer {
        FactorAnswer::Code { kind, code } => Ready::Code(kind, plain_code(&code)),
        FactorAnswer::Passkey { ceremony, response } => {
            match ceremony::check_shown(app, &ceremony, &response, wanted).await? {
                Ok(shown) => Ready::Passkey(Box::new(shown)),
                Err(refused) => Ready::Refused(refused),
            }
        }
    })
}

/// Writes a copy of a passkey into the audit log. The caller writes nothing after it.
async fn tell_of_copy(app: &App, c: &mut Conn, refused: &NotShown) -> Result<(), IdentityError> {
    if let Some((passkey, owner)) = refused.copied {
        let record = AuditRecord::new(owner, "passkey.copied", passkey);
        platform::audit(app, c, record).await?;
    }
    Ok(())
}

/// Counts an answer inside a write: says whether it is right, and if so uses it.
async fn count(
    app: &App,
    c: &mut Conn,
    user: UserId,
    (context, asker): (Context, Asker),
    ready: &Ready,
) -> Outcome<()> {
    match ready {
        Ready::Code(kind, code) => {
            let guesses = asker.guesses(app);
            if let Err(refused) = codes::pass(app, c, guesses).await? {
                return Ok(Err(refused));
            }
            if !check_code(app, c, user, *kind, context, code).await? {
                return Ok(Err(IdentityError::WrongCode));
            }
            guesses.clear(c).await?;
            Ok(Ok(()))
        }
        Ready::Passkey(shown) => shown.settle(app, c).await,
        Ready::Refused(refused) => {
            refused.settle(app, c).await?;
            Ok(Err(IdentityError::PasskeyRefused))
        }
    }
}

/// The pending sign-in of a ticket, and whose it is.
async fn pending(app: &App, ticket: &str) -> Result<(Pending, User), IdentityError> {
    let (work, ticket) = (app.clone(), ticket.to_owned());
    app.db
        .read(move |c| {
            Box::pin(async move {
                let pending = pending_sign_in(&work, c, &ticket).await?;
                let row = people::by_id(c, pending.user)
                    .await?
                    .ok_or(IdentityError::TicketUnknown)?;
                Ok((pending, open_user(&work, row)?))
            })
        })
        .await
}

/// What the pages need to ask for a second factor: what was shown, and what can be shown now.
///
/// # Errors
/// [`IdentityError::TicketUnknown`], or a fault.
pub async fn second_factors_of_ticket(
    app: &App,
    ticket: &str,
) -> Result<Vec<FactorKind>, IdentityError> {
    let (work, ticket) = (app.clone(), ticket.to_owned());
    app.db
        .read(move |c| {
            Box::pin(async move {
                let pending = pending_sign_in(&work, c, &ticket).await?;
                second_factors(&work, c, pending.user, &pending.methods).await
            })
        })
        .await
}

/// Sends a code by one of somebody's factors.
async fn send_code(
    app: &App,
    user: User,
    methods: &str,
    kind: FactorKind,
    how: (Context, Asker),
    ip: IpAddr,
) -> Result<(), IdentityError> {
    let can_send = match kind {
        FactorKind::Email => kind.adds_to(methods),
        FactorKind::Sms => notices::has_sms(app),
        FactorKind::Totp | FactorKind::Recovery | FactorKind::Passkey => false,
    };
    if !can_send {
        return Err(IdentityError::NotFound("factor"));
    }
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let row = store::confirmed_of_kind(c, user.id, kind)
                    .await?
                    .ok_or(IdentityError::NotFound("factor"))?;
                let phone = match kind {
                    FactorKind::Sms => Some(codes::phone_of(&work, &row)?),
                    FactorKind::Totp
                    | FactorKind::Email
                    | FactorKind::Recovery
                    | FactorKind::Passkey => None,
                };
                let to = phone.as_ref().map(|phone| (phone, ip));
                codes::send(&work, c, &user, kind, how, to).await
            })
        })
        .await?
}

/// Sends a code by e-mail or SMS for a sign-in that waits for its second factor.
///
/// # Errors
/// [`IdentityError::TicketUnknown`], [`IdentityError::NotFound`], [`IdentityError::TooMany`], or a
/// fault.
pub async fn send_second_factor_code(
    app: &App,
    ticket: &str,
    kind: FactorKind,
    visitor: &Visitor,
) -> Result<(), IdentityError> {
    let (pending, user) = pending(app, ticket).await?;
    let (work, id, device) = (app.clone(), user.id, visitor.clone());
    let known = app
        .db
        .read(move |c| Box::pin(async move { known_device(&work, c, Some(id), &device).await }))
        .await?;
    let how = (
        Context::Ticket(token_hash(ticket)),
        Asker::SigningIn(id, known),
    );
    send_code(app, user, &pending.methods, kind, how, visitor.origin.ip).await
}

/// Begins to show a passkey as the second factor of a sign-in.
///
/// # Errors
/// [`IdentityError::TicketUnknown`], [`IdentityError::NotFound`],
/// [`IdentityError::PasskeysUnavailable`], or a fault.
pub async fn begin_second_factor_passkey(
    app: &App,
    ticket: &str,
) -> Result<Ceremony, IdentityError> {
    let (pending, _) = pending(app, ticket).await?;
    let purpose = Purpose::Ticket(pending.user, token_hash(ticket));
    begin_own(app, pending.user, purpose).await
}

/// Begins to show one of somebody's own passkeys.
async fn begin_own(app: &App, user: UserId, purpose: Purpose) -> Result<Ceremony, IdentityError> {
    let credentials = passkeys::credentials_of(app, user).await?;
    if credentials.is_empty() {
        return Err(IdentityError::NotFound("passkey"));
    }
    ceremony::begin_showing(app, purpose, credentials).await
}

/// Ends a sign-in by its second factor.
///
/// # Errors
/// [`IdentityError::TicketUnknown`] also after five tries, [`IdentityError::WrongCode`],
/// [`IdentityError::PasskeyRefused`], [`IdentityError::TooMany`], [`IdentityError::SignInRefused`], or
/// a fault.
pub async fn show_second_factor(
    app: &App,
    ticket: &str,
    answer: FactorAnswer,
    visitor: &Visitor,
) -> Result<Finished, IdentityError> {
    let (kind, hash) = (answer.kind(), token_hash(ticket));
    let is_for_it =
        |purpose: &Purpose| matches!(purpose, Purpose::Ticket(_, ticket) if *ticket == hash);
    let ready = ready(app, answer, is_for_it).await?;
    let (work, ticket, visitor) = (app.clone(), ticket.to_owned(), visitor.clone());
    let finished = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let app = &work;
                let pending = try_second_factor(app, c, &ticket).await?;
                let user = pending.user;
                let counted = if kind.adds_to(&pending.methods) {
                    let known = known_device(app, c, Some(user), &visitor).await?;
                    let how = (Context::Ticket(hash), Asker::SigningIn(user, known));
                    count(app, c, user, how, &ready).await?
                } else {
                    Err(IdentityError::WrongCode)
                };
                match counted {
                    Ok(()) => finish_second_factor(app, c, &ticket, kind, &visitor)
                        .await
                        .map(Ok),
                    Err(refused) => {
                        second_factor_failed(app, c, &pending, kind, &visitor.origin).await?;
                        if let Ready::Refused(shown) = &ready {
                            tell_of_copy(app, c, shown).await?;
                        }
                        Ok(Err(refused))
                    }
                }
            })
        })
        .await??;
    app.principals.clear();
    Ok(finished)
}

/// Signs somebody in by a passkey, for which [`begin_passkey_sign_in`](super::begin_passkey_sign_in)
/// was called. A passkey verifies its user: it is two factors in one.
///
/// # Errors
/// [`IdentityError::PasskeyRefused`], [`IdentityError::SignInRefused`], or a fault.
pub async fn sign_in_by_passkey(
    app: &App,
    ceremony: &str,
    response: &PasskeyCredential,
    visitor: &Visitor,
) -> Result<SignInStep, IdentityError> {
    let is_sign_in = |purpose: &Purpose| matches!(purpose, Purpose::SignIn | Purpose::SignInAs(_));
    let checked = ceremony::check_shown(app, ceremony, response, is_sign_in).await?;
    let (work, visitor) = (app.clone(), visitor.clone());
    let step = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let app = &work;
                let shown = match checked {
                    Ok(shown) => shown,
                    Err(refused) => {
                        refused.settle(app, c).await?;
                        let owner = refused.copied.map(|(_, owner)| owner);
                        passkey_failed(app, c, owner, &visitor.origin).await?;
                        tell_of_copy(app, c, &refused).await?;
                        return Ok(Err(IdentityError::PasskeyRefused));
                    }
                };
                if let Err(refused) = shown.settle(app, c).await? {
                    passkey_failed(app, c, Some(shown.user), &visitor.origin).await?;
                    return Ok(Err(refused));
                }
                let proof = Proof {
                    methods: FactorKind::Passkey.to_string(),
                    is_mfa: true,
                };
                finish_sign_in(app, c, shown.user, proof, &visitor)
                    .await
                    .map(Ok)
            })
        })
        .await??;
    app.principals.clear();
    Ok(step)
}

/// Notes that a passkey did not sign anybody in; whose it is, if that is sure.
async fn passkey_failed(
    app: &App,
    c: &mut Conn,
    owner: Option<UserId>,
    origin: &Origin,
) -> Result<(), IdentityError> {
    let method = FactorKind::Passkey.as_str();
    let outcome = AttemptOutcome::Failed;
    keep_attempt(app, c, owner, method, outcome, owner.is_some(), origin).await?;
    let happened = IdentityEvent::SignInFailed {
        user: owner,
        method: method.to_owned(),
    };
    tell(app, c, "nobody", vec![happened], Some(origin)).await
}

/// The methods of a session with one more, if it is not among them.
fn with_method(methods: &str, kind: FactorKind) -> String {
    if methods.split(' ').any(|method| method == kind.as_str()) {
        methods.to_owned()
    } else {
        format!("{methods} {kind}").trim().to_owned()
    }
}

/// Lets a session count as freshly authenticated by a second factor, inside a write.
pub(super) async fn raise(
    app: &App,
    c: &mut Conn,
    person: &Person,
    kind: FactorKind,
) -> Result<(), IdentityError> {
    let methods = sessions::methods(c, person.session).await?;
    let proof = Proof {
        methods: with_method(&methods.unwrap_or_default(), kind),
        is_mfa: true,
    };
    raise_session(app, c, person.user, person.session, &proof).await
}

/// By which methods the session of somebody began.
async fn session_methods(app: &App, person: &Person) -> Result<String, IdentityError> {
    let session = person.session;
    let methods = app
        .db
        .read(move |c| Box::pin(async move { sessions::methods(c, session).await }))
        .await?;
    Ok(methods.unwrap_or_default())
}

/// What somebody can show to prove in their session once more who they are.
///
/// # Errors
/// A fault of the database.
pub async fn second_factors_of_session(
    app: &App,
    person: &Person,
) -> Result<Vec<FactorKind>, IdentityError> {
    let methods = session_methods(app, person).await?;
    let (work, user) = (app.clone(), person.user);
    app.db
        .read(move |c| Box::pin(async move { second_factors(&work, c, user, &methods).await }))
        .await
}

/// Sends a code by e-mail or SMS to somebody who is to prove once more who they are.
///
/// # Errors
/// [`IdentityError::NotFound`], [`IdentityError::TooMany`], or a fault.
pub async fn send_reauthentication_code(
    app: &App,
    person: &Person,
    kind: FactorKind,
    origin: &Origin,
) -> Result<(), IdentityError> {
    let methods = session_methods(app, person).await?;
    let user = load_user(app, person.user).await?;
    let session = person.session;
    let how = (Context::Session(session), Asker::Session(user.id, session));
    send_code(app, user, &methods, kind, how, origin.ip).await
}

/// Begins to show a passkey in a session.
///
/// # Errors
/// [`IdentityError::NotFound`], [`IdentityError::PasskeysUnavailable`], or a fault.
pub async fn begin_reauthentication_passkey(
    app: &App,
    person: &Person,
) -> Result<Ceremony, IdentityError> {
    let purpose = Purpose::Session(person.user, person.session);
    begin_own(app, person.user, purpose).await
}

/// Lets a session count as freshly authenticated by a second factor.
///
/// # Errors
/// [`IdentityError::WrongCode`], [`IdentityError::PasskeyRefused`], [`IdentityError::TooMany`],
/// [`IdentityError::SignInRefused`] if the session has ended, or a fault.
pub async fn reauthenticate_by_factor(
    app: &App,
    person: &Person,
    answer: FactorAnswer,
) -> Result<(), IdentityError> {
    let (kind, session) = (answer.kind(), person.session);
    let is_for_it =
        |purpose: &Purpose| matches!(purpose, Purpose::Session(_, of) if *of == session);
    let ready = ready(app, answer, is_for_it).await?;
    let methods = session_methods(app, person).await?;
    if !kind.adds_to(&methods) {
        return Err(IdentityError::WrongCode);
    }
    let (work, person) = (app.clone(), person.clone());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = &work;
                let how = (
                    Context::Session(session),
                    Asker::Session(person.user, session),
                );
                if let Err(refused) = count(app, c, person.user, how, &ready).await? {
                    if let Ready::Refused(shown) = &ready {
                        tell_of_copy(app, c, shown).await?;
                    }
                    return Ok(Err(refused));
                }
                raise(app, c, &person, kind).await.map(Ok)
            })
        })
        .await??;
    app.principals.clear();
    Ok(())
}
