//! A copy of everything that is held about somebody, as a zip file of JSON files.

use std::fmt::Display;
use std::io::{Cursor, Write};
use std::time::Duration;

use bilten_kernel::busy::Busy;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::jobs::{self, JobError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{PrivacyError, themselves};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::admins::checked_reason;
use crate::identity::service::mail::{self, MailTemplate};
use crate::identity::service::people::open_user;
use crate::identity::service::{IdentityError, factor_purpose};
use crate::identity::store::{consents, exports as store, flags, people};
use crate::personal::{self, Held};
use crate::platform::{self, AuditRecord, Origin};

/// The job that makes a copy.
pub(crate) const EXPORT_JOB: &str = "identity.export";

/// Copies are made one at a time: nobody stands at a door for them.
static ARCHIVES: Busy = Busy::new(|_| 1);

/// How long a copy is kept.
const KEPT: Duration = Duration::from_secs(7 * 86_400);
/// How long a copy that was asked for stands for any other: making one is work.
const FRESH: Duration = Duration::from_secs(3_600);

/// A copy that is to be made.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ExportJob {
    export: ExportId,
    user: UserId,
}

const README: &str = "\
This is a copy of everything that is held about you, as you asked for it.

Each file holds one kind of thing, as JSON: texts that people and programs can read. Times are in UTC.
Passwords, keys and codes are not in it, since they are stored in a form that nobody can read.
";

/// Asks for a copy; one that was asked for a moment ago stands for it.
///
/// # Errors
/// [`PrivacyError::Impersonated`], or a fault of the database.
pub async fn ask_for_export(app: &App, person: &Person) -> Result<Export, PrivacyError> {
    themselves(person)?;
    let (work, user) = (app.clone(), person.user);
    app.db
        .write(move |c| {
            Box::pin(async move {
                let (app, now) = (&work, work.now());
                // One after the other, so that two requests make one copy.
                if !consents::lock(c, user, now).await? {
                    return Err(IdentityError::NotFound("account").into());
                }
                let newest = store::of_user(c, user, now).await?.into_iter().next();
                if let Some(newest) = newest.filter(|newest| now - FRESH < newest.created_at) {
                    return Ok(newest);
                }
                let export = Export {
                    id: ExportId::new(&*app.clock, &*app.random),
                    state: ExportState::Pending,
                    size_bytes: None,
                    created_at: now,
                    expires_at: now + KEPT,
                };
                store::insert(c, user, &export).await?;
                let job = ExportJob {
                    export: export.id,
                    user,
                };
                jobs::enqueue(c, EXPORT_JOB, &job, now).await?;
                let record = AuditRecord::new(user, "export.asked", export.id);
                platform::audit(app, c, record).await?;
                Ok(export)
            })
        })
        .await
}

/// Somebody's copies that are kept, newest first.
///
/// # Errors
/// A fault of the database.
pub async fn exports_of(app: &App, person: &Person) -> Result<Vec<Export>, PrivacyError> {
    let (user, now) = (person.user, app.now());
    Ok(app
        .db
        .read(move |c| Box::pin(async move { store::of_user(c, user, now).await }))
        .await?)
}

/// A finished copy of somebody's own data: a zip file.
///
/// # Errors
/// [`PrivacyError::ExportNotFound`], [`PrivacyError::Impersonated`], or a fault.
pub async fn exported(app: &App, person: &Person, id: ExportId) -> Result<Vec<u8>, PrivacyError> {
    themselves(person)?;
    let (work, user) = (app.clone(), person.user);
    let sealed = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let app = &work;
                let sealed = store::archive(c, user, id, app.now())
                    .await?
                    .ok_or(PrivacyError::ExportNotFound)?;
                let record = AuditRecord::new(user, "export.downloaded", id);
                platform::audit(app, c, record).await?;
                Ok::<_, PrivacyError>(sealed)
            })
        })
        .await?;
    Ok(app.vault.open(&export_purpose(id), &sealed)?)
}

/// For what a copy is sealed.
pub(in crate::identity) fn export_purpose(id: impl Display) -> String {
    format!("data_export:{id}")
}

/// Makes a copy; whoever asked is told by mail.
pub(crate) async fn make_export(app: &App, job: ExportJob) -> Result<(), JobError> {
    let Some((email, held)) = all_held(app, job.user).await? else {
        // Erased in the meantime.
        return Ok(());
    };
    let work = app.clone();
    let export = job.export;
    let made = ARCHIVES.run(move || {
        let archive = zipped(&work, &held)?;
        let size = i64::try_from(archive.len()).unwrap_or(i64::MAX);
        let sealed = work
            .vault
            .seal(&export_purpose(export), &archive, &*work.random);
        sealed
            .map(|sealed| (sealed, size))
            .map_err(|error| error.to_string())
    });
    let (sealed, size) = made.await?.map_err(JobError::Retry)?;
    keep(app, export, email, sealed, size).await?;
    Ok(())
}

/// All that is held about somebody, and their address; nothing if they were erased.
async fn all_held(app: &App, user: UserId) -> Result<Option<(Email, Vec<Held>)>, IdentityError> {
    let work = app.clone();
    app.db
        .read_long(move |c| {
            Box::pin(async move {
                let Some(row) = people::by_id(c, user).await? else {
                    return Ok(None);
                };
                let is_verified = row.email_verified_at.is_some();
                let Some(profile) = open_user(&work, row)?.profile else {
                    return Ok(None);
                };
                let proven = is_verified.then_some(&profile.email);
                let mut held = held_of(&work, c, user, &profile).await?;
                held.extend(personal::held_by_others(&work, c, user, proven).await?);
                Ok(Some((profile.email, held)))
            })
        })
        .await
}

/// A copy for an administrator, who was asked for it in another way than by the account: a zip file
/// that is kept nowhere.
///
/// # Errors
/// [`IdentityError::Invalid`] without a reason, [`IdentityError::NotFound`], or a fault.
pub async fn export_user(
    app: &App,
    admin: &Person,
    user: UserId,
    reason: &str,
) -> Result<Vec<u8>, PrivacyError> {
    let detail = json!({"reason": checked_reason(reason)?});
    let (_, held) = all_held(app, user)
        .await?
        .ok_or(IdentityError::NotFound("account"))?;
    let work = app.clone();
    let made = ARCHIVES.run(move || zipped(&work, &held));
    let fault = |error: &dyn Display| IdentityError::Fault(error.to_string());
    let archive = made
        .await
        .map_err(|error| fault(&error))?
        .map_err(|error| fault(&error))?;
    // Nobody has it before the log tells of it.
    let (work, by) = (app.clone(), admin.user);
    app.db
        .write(move |c| {
            Box::pin(async move {
                let record = AuditRecord::new(by, "person.exported", user).detail(detail);
                Ok::<_, PrivacyError>(platform::audit(&work, c, record).await?)
            })
        })
        .await?;
    Ok(archive)
}

/// Where copies are kept; the only place that knows, besides `exported`.
async fn keep(
    app: &App,
    export: ExportId,
    email: Email,
    sealed: Vec<u8>,
    size: i64,
) -> Result<(), IdentityError> {
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = &work;
                let expires_at = app.now() + KEPT;
                if store::finish(c, export, sealed, size, expires_at).await? {
                    let template = MailTemplate::ExportReady {
                        link: mail::link(app, "/account/privacy"),
                        expires_at,
                    };
                    mail::send_in(app, c, &email, template).await?;
                }
                Ok(())
            })
        })
        .await
}

fn zipped(app: &App, held: &[Held]) -> Result<Vec<u8>, String> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let at = app.now().to_jiff().to_zoned(jiff::tz::TimeZone::UTC);
    let small = |number: i8| u8::try_from(number).unwrap_or(1);
    let at = zip::DateTime::from_date_and_time(
        u16::try_from(at.year()).unwrap_or(1980),
        small(at.month()),
        small(at.day()),
        small(at.hour()),
        small(at.minute()),
        small(at.second()),
    );
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(at.unwrap_or_default());
    let mut add = |name: &str, content: &[u8]| {
        zip.start_file(name, options)
            .map_err(|error| error.to_string())?;
        zip.write_all(content).map_err(|error| error.to_string())
    };
    add("README.txt", README.as_bytes())?;
    for Held { name, content } in held {
        let text = serde_json::to_vec_pretty(content).map_err(|error| error.to_string())?;
        add(&format!("{name}.json"), &text)?;
    }
    let done = zip.finish().map_err(|error| error.to_string())?;
    Ok(done.into_inner())
}

/// What identity itself holds of somebody.
async fn held_of(
    app: &App,
    c: &mut Conn,
    user: UserId,
    profile: &Profile,
) -> Result<Vec<Held>, DbError> {
    let origin = |sealed: &[u8]| origin_of(app, user, sealed);
    let sessions: Vec<Value> = store::sessions(c, user)
        .await?
        .iter()
        .map(|s| {
            json!({
                "id": s.id, "kind": s.kind, "methods": s.methods, "created_at": s.created_at,
                "seen_at": s.seen_at, "ended_at": s.revoked_at, "from": origin(&s.sealed_origin),
                "by_support": s.impersonation_id.is_some(),
            })
        })
        .collect();
    let attempts: Vec<Value> = store::attempts(c, user)
        .await?
        .iter()
        .map(|a| {
            json!({
                "at": a.at, "method": a.method, "outcome": a.outcome,
                "looked_unusual": a.is_suspicious, "from": origin(&a.sealed_origin),
            })
        })
        .collect();
    let devices: Vec<Value> = store::devices(c, user)
        .await?
        .iter()
        .map(|(sealed, first, last)| {
            json!({"from": origin(sealed), "first_seen_at": first, "seen_at": last})
        })
        .collect();
    let passkeys: Vec<Value> = store::passkeys(c, user)
        .await?
        .iter()
        .map(|(name, made, used)| json!({"name": name, "created_at": made, "used_at": used}))
        .collect();
    let factors: Vec<Value> = store::factors(c, user)
        .await?
        .iter()
        .map(|f| {
            json!({
                "kind": f.kind, "number": number_of(app, f), "created_at": f.created_at,
                "confirmed_at": f.confirmed_at,
            })
        })
        .collect();
    let recovery_codes: Vec<Value> = store::recovery_codes(c, user)
        .await?
        .iter()
        .map(|(made, used)| json!({"created_at": made, "used_at": used}))
        .collect();
    let links: Vec<Value> = store::links(c, user)
        .await?
        .iter()
        .map(|(place, subject, linked, used)| {
            json!({"where": place, "known_there_as": subject, "linked_at": linked, "used_at": used})
        })
        .collect();
    let event_roles = store::event_roles(c, user).await?;
    let memberships: Vec<Value> = store::memberships(c, user)
        .await?
        .iter()
        .map(|m| {
            let for_events: Vec<Value> = event_roles
                .iter()
                .filter(|(member, _, _)| *member == m.id)
                .map(|(_, event, role)| json!({"event": event, "role": role}))
                .collect();
            json!({
                "organisation": m.organisation, "role": m.role, "for_events": for_events,
                "since": m.created_at, "until": m.removed_at,
            })
        })
        .collect();
    let grants: Vec<Value> = store::grants(c, user)
        .await?
        .iter()
        .map(|(program, scopes, given, revoked)| {
            json!({"program": program, "scopes": scopes, "given_at": given, "revoked_at": revoked})
        })
        .collect();
    let impersonations: Vec<Value> = store::impersonations(c, user)
        .await?
        .iter()
        .map(|(from, until, ended, reason)| {
            json!({"from": from, "until": ended.unwrap_or(*until), "reason": reason})
        })
        .collect();
    let flags = flags::of_user(c, user).await?;
    let consents = consents::of_user(c, user).await?;
    let held = [
        ("profile", json!({"id": user, "profile": profile})),
        ("sessions", json!(sessions)),
        ("sign_in_attempts", json!(attempts)),
        ("unusual_sign_ins", json!(flags)),
        ("known_devices", json!(devices)),
        ("passkeys", json!(passkeys)),
        ("second_factors", json!(factors)),
        ("recovery_codes", json!(recovery_codes)),
        ("linked_accounts", json!(links)),
        ("memberships", json!(memberships)),
        ("programs_with_access", json!(grants)),
        ("access_by_support", json!(impersonations)),
        ("consents", json!(consents)),
    ];
    Ok(held
        .into_iter()
        .map(|(name, content)| Held { name, content })
        .collect())
}

/// The number to which a factor's codes go; all others hold a secret.
fn number_of(app: &App, factor: &store::HeldFactor) -> Option<String> {
    match factor.kind {
        FactorKind::Sms => {
            let purpose = factor_purpose(factor.id);
            let number = app.vault.open(&purpose, &factor.sealed_secret).ok()?;
            String::from_utf8(number).ok()
        }
        FactorKind::Totp | FactorKind::Email | FactorKind::Recovery | FactorKind::Passkey => None,
    }
}

fn origin_of(app: &App, user: UserId, sealed: &[u8]) -> Option<Origin> {
    crate::identity::service::sessions::open_origin(app, Some(user), sealed)
}
