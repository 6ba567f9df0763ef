//! Forgetting somebody, as they ask: themselves, or an administrator of the platform.

use bilten_kernel::db::Conn;
use serde_json::json;

use super::{PrivacyError, invalid, themselves};
use crate::app::App;
use crate::events::{self, DomainEvent};
use crate::identity::model::*;
use crate::identity::service::admins::checked_reason;
use crate::identity::service::mail::{self, MailTemplate};
use crate::identity::service::people::{email_lookup, open_user};
use crate::identity::service::{IdentityError, end_grants_in};
use crate::identity::store::{admins, erasure as store, people};
use crate::platform::{self, AuditRecord};

/// The word by which somebody says that they mean it.
pub const ERASE_WORD: &str = "erase";

/// Erases somebody's account in one write: everything personal is gone, every token is dead, and what
/// they bought is kept without their name. Whoever is the only owner of an organisation stays.
///
/// # Errors
/// [`PrivacyError::Invalid`] without the word, [`PrivacyError::OnlyOwner`],
/// [`PrivacyError::Impersonated`], or a fault.
pub async fn erase(app: &App, person: &Person, word: &str) -> Result<(), PrivacyError> {
    themselves(person)?;
    if !word.trim().eq_ignore_ascii_case(ERASE_WORD) {
        let detail = format!("Type the word {ERASE_WORD} if you mean it.");
        return Err(PrivacyError::Invalid(vec![invalid("word", "word", detail)]));
    }
    let (work, id) = (app.clone(), person.user);
    app.db
        .write(move |c| {
            Box::pin(async move {
                let record = AuditRecord::new(id, "person.erased", id);
                erase_in(&work, c, id, record).await
            })
        })
        .await?;
    app.principals.clear();
    Ok(())
}

/// Erases the account of somebody who asked for it in another way than by their own account; they
/// are told by mail.
///
/// # Errors
/// [`IdentityError::Invalid`] without a reason, [`IdentityError::NotFound`],
/// [`IdentityError::AdminProtected`], [`PrivacyError::OnlyOwner`], or a fault.
pub async fn erase_user(
    app: &App,
    admin: &Person,
    user: UserId,
    reason: &str,
) -> Result<(), PrivacyError> {
    let detail = json!({"reason": checked_reason(reason)?});
    let (work, by) = (app.clone(), admin.user);
    app.db
        .write(move |c| {
            Box::pin(async move {
                if admins::is_admin(c, user).await? {
                    return Err(IdentityError::AdminProtected.into());
                }
                let record = AuditRecord::new(by, "person.erased", user).detail(detail);
                erase_in(&work, c, user, record).await
            })
        })
        .await?;
    app.principals.clear();
    Ok(())
}

/// Erases an account inside a write and at its end; `record` says who did it.
async fn erase_in(
    app: &App,
    c: &mut Conn,
    id: UserId,
    record: AuditRecord,
) -> Result<(), PrivacyError> {
    let now = app.now();
    let gone = || PrivacyError::from(IdentityError::NotFound("account"));
    let row = people::by_id(c, id).await?.ok_or_else(gone)?;
    let is_verified = row.email_verified_at.is_some();
    let profile = open_user(app, row)?.profile.ok_or_else(gone)?;
    let alone = store::owned_alone(c, id).await?;
    if !alone.is_empty() {
        return Err(PrivacyError::OnlyOwner(alone));
    }
    if !store::entomb(c, id, now).await? {
        return Err(gone());
    }
    store::delete_all(c, id, email_lookup(app, &profile.email), now).await?;
    let letter = MailTemplate::AccountErased { at: now };
    mail::send_in(app, c, &profile.email, letter).await?;
    let erased = DomainEvent::PersonErased {
        user: id,
        email: is_verified.then_some(profile.email),
    };
    events::publish(app, c, vec![erased]).await?;
    platform::forget_person(app, c, &id.to_string()).await?;
    end_grants_in(app, c, &record.actor, id, None).await?;
    Ok(platform::audit(app, c, record).await?)
}
