//! Another e-mail address: confirmed at the new one before it counts, told to the old one, which can
//! bring itself back for a week.

use std::fmt::Display;
use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, Violation};
use bilten_kernel::random;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{PrivacyError, invalid, themselves};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::mail::{self, MailTemplate};
use crate::identity::service::people::{email_lookup, open_user, seal_profile};
use crate::identity::service::{IdentityError, end_sessions_in};
use crate::identity::store::{email_changes as store, people};
use crate::platform::{self, AuditRecord, token_hash};

/// How long the new address can be confirmed.
const CONFIRM: Duration = Duration::from_secs(86_400);
/// How long the old address can bring itself back.
const UNDO: Duration = Duration::from_secs(7 * 86_400);
/// How many changes somebody can ask for in a day: each sends mail to wherever they like.
const MOST_A_DAY: i64 = 5;
/// How long changes are kept.
const KEPT: Duration = Duration::from_secs(14 * 86_400);

/// What a link to confirm or to take back starts with.
const PREFIX: &str = "biltenem_";

/// The addresses of a change.
#[derive(Serialize, Deserialize)]
pub(super) struct Addresses {
    pub(super) old: Email,
    pub(super) new: Email,
    /// Whether the old one was known to be theirs.
    pub(super) old_was_verified: bool,
}

/// For what the addresses of a change are sealed.
pub(in crate::identity) fn email_change_purpose(id: impl Display) -> String {
    format!("email_change:{id}")
}

impl Addresses {
    /// The addresses of a stored change.
    pub(super) fn open(app: &App, id: EmailChangeId, sealed: &[u8]) -> Result<Self, PrivacyError> {
        let text = app.vault.open(&email_change_purpose(id), sealed)?;
        serde_json::from_slice(&text).map_err(|_| PrivacyError::LinkUnknown)
    }
}

fn new_token(app: &App) -> String {
    format!("{PREFIX}{}", random::token(&*app.random, 40))
}

/// The person's profile as it is stored and opened.
async fn stored(
    app: &App,
    c: &mut Conn,
    id: UserId,
) -> Result<(Vec<u8>, Profile, Option<Timestamp>), PrivacyError> {
    let gone = || PrivacyError::from(IdentityError::NotFound("account"));
    let row = people::by_id(c, id).await?.ok_or_else(gone)?;
    let (sealed, verified_at) = (row.sealed_profile.clone(), row.email_verified_at);
    let profile = open_user(app, row)?.profile.ok_or_else(gone)?;
    Ok((sealed, profile, verified_at))
}

/// Asks for another address: mail goes to the new one, and nothing changes until it is confirmed.
///
/// The answer is the same if somebody else has the address; its owner is told instead.
///
/// # Errors
/// [`PrivacyError::Invalid`], [`PrivacyError::TooMany`], [`PrivacyError::Impersonated`], or a fault.
pub async fn ask_for_email(app: &App, person: &Person, email: &str) -> Result<(), PrivacyError> {
    themselves(person)?;
    let new: Email = email.parse().map_err(|error: EmailError| {
        PrivacyError::Invalid(vec![invalid("email", "email", error.to_string())])
    })?;
    let (work, id) = (app.clone(), person.user);
    app.db
        .write(move |c| {
            Box::pin(async move {
                let (app, now) = (&work, work.now());
                let (_, profile, verified_at) = stored(app, c, id).await?;
                if profile.email == new {
                    let fault = invalid("email", "same", "This is your address already.");
                    return Err(PrivacyError::Invalid(vec![fault]));
                }
                let day_ago = now - Duration::from_secs(86_400);
                if store::count_since(c, id, day_ago).await? >= MOST_A_DAY {
                    return Err(PrivacyError::TooMany);
                }
                store::end_pending(c, id, now).await?;
                let token = new_token(app);
                let addresses = Addresses {
                    old: profile.email,
                    new: new.clone(),
                    old_was_verified: verified_at.is_some(),
                };
                let change = EmailChangeId::new(&*app.clock, &*app.random);
                let text = serde_json::to_vec(&addresses).unwrap_or_default();
                let row = store::NewChange {
                    id: change,
                    user_id: id,
                    sealed_content: app.vault.seal(
                        &email_change_purpose(change),
                        &text,
                        &*app.random,
                    )?,
                    created_at: now,
                    expires_at: now + CONFIRM,
                };
                store::insert(c, &row, token_hash(&token)).await?;
                let owner = people::by_email(c, email_lookup(app, &new)).await?;
                let template = match owner {
                    Some(owner) if owner.id != id => MailTemplate::AlreadyRegistered {
                        sign_in: mail::link(app, "/sign-in"),
                        reset: mail::link(app, "/forgotten"),
                    },
                    Some(_) | None => MailTemplate::ConfirmNewEmail {
                        link: mail::link(app, &format!("/account/email/confirm?token={token}")),
                        expires_at: row.expires_at,
                    },
                };
                mail::send_in(app, c, &new, template).await?;
                let record = AuditRecord::new(id, "email.change_asked", id);
                Ok(platform::audit(app, c, record).await?)
            })
        })
        .await
}

/// Confirms a new address by the link that was sent to it; whoever asked must be signed in, so that
/// nobody gives their address to another's account by following a link.
///
/// # Errors
/// [`PrivacyError::LinkUnknown`], [`PrivacyError::EmailTaken`], [`PrivacyError::Impersonated`], or a
/// fault.
pub async fn confirm_email(app: &App, person: &Person, token: &str) -> Result<(), PrivacyError> {
    themselves(person)?;
    let (work, id, hash) = (app.clone(), person.user, token_hash(token));
    app.db
        .write(move |c| {
            Box::pin(async move {
                let (app, now) = (&work, work.now());
                let (undo, undo_until) = (new_token(app), now + UNDO);
                let change = store::confirm(c, id, hash, token_hash(&undo), undo_until, now)
                    .await?
                    .ok_or(PrivacyError::LinkUnknown)?;
                let addresses = Addresses::open(app, change.id, &change.sealed_content)?;
                let (sealed, mut profile, _) = stored(app, c, id).await?;
                if profile.email != addresses.old {
                    return Err(PrivacyError::LinkUnknown);
                }
                profile.email = addresses.new;
                give(app, c, id, &sealed, &profile).await?;
                // Links to the old mailbox must not open the account any more.
                store::delete_links(c, id).await?;
                if addresses.old_was_verified {
                    let template = MailTemplate::EmailChanged {
                        at: now,
                        undo: mail::link(app, &format!("/account/email/undo?token={undo}")),
                        undo_until,
                    };
                    mail::send_in(app, c, &addresses.old, template).await?;
                }
                let record = AuditRecord::new(id, "email.changed", id);
                Ok(platform::audit(app, c, record).await?)
            })
        })
        .await
}

async fn give(
    app: &App,
    c: &mut Conn,
    id: UserId,
    old: &[u8],
    profile: &Profile,
) -> Result<(), PrivacyError> {
    let sealed = seal_profile(app, id, profile)?;
    let lookup = email_lookup(app, &profile.email);
    match store::set_email(c, id, lookup, (old, &sealed), app.now()).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(PrivacyError::ChangedMeanwhile),
        Err(error) if error.violates(Violation::Unique) => Err(PrivacyError::EmailTaken),
        Err(error) => Err(error.into()),
    }
}

/// Brings an old address back by the link that was sent to it.
///
/// Somebody else may have changed it: all sessions end, the password is gone, and so is by what one
/// could sign in that was added since the change was asked for.
///
/// # Errors
/// [`PrivacyError::LinkUnknown`], [`PrivacyError::EmailTaken`], or a fault.
pub async fn undo_email(app: &App, token: &str) -> Result<(), PrivacyError> {
    let (work, hash) = (app.clone(), token_hash(token));
    app.db
        .write(move |c| {
            Box::pin(async move {
                let (app, now) = (&work, work.now());
                let change = store::undo(c, hash, now)
                    .await?
                    .ok_or(PrivacyError::LinkUnknown)?;
                let id = change.user_id;
                let addresses = Addresses::open(app, change.id, &change.sealed_content)?;
                let (sealed, mut profile, _) = stored(app, c, id).await?;
                profile.email = addresses.old;
                give(app, c, id, &sealed, &profile).await?;
                store::remove_new_ways_in(c, id, change.created_at, now).await?;
                end_sessions_in(app, c, id, None).await?;
                let record = AuditRecord::new(id, "email.change_undone", id)
                    .detail(json!({"change": change.id}));
                Ok::<_, PrivacyError>(platform::audit(app, c, record).await?)
            })
        })
        .await?;
    app.principals.clear();
    Ok(())
}

/// Deletes changes of addresses and copies of data that have had their time.
///
/// # Errors
/// A fault of the database; what is left is deleted the next time.
pub async fn tidy_privacy(app: &App) -> Result<(), IdentityError> {
    let now = app.now();
    app.db
        .write(move |c| {
            Box::pin(async move {
                store::delete_old(c, now - KEPT).await?;
                crate::identity::store::exports::delete_expired(c, now).await?;
                Ok(())
            })
        })
        .await
}
