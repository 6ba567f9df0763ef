//! Accounts with unusual sign-ins: the platform's administrators have a list, and are told by mail.

use std::time::Duration;

use bilten_kernel::db::Conn;
use serde_json::json;

use super::mail::{self, MailTemplate};
use super::note::note;
use super::throttle::{Rule, Throttle};
use super::{IdentityError, open_user};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::{admins, flags as store, people};

const HOUR_MS: i64 = 3_600_000;
/// Mail about one account, so that whoever attacks it floods nobody.
const ABOUT_ONE: Rule = Rule::new("alert", 1, HOUR_MS, HOUR_MS, Duration::from_secs(86_400));
/// Mail about all accounts, so that whoever attacks many floods nobody either; the list has them all.
const ABOUT_ALL: Rule = Rule::new("alerts", 50, HOUR_MS, HOUR_MS, Duration::from_secs(3_600));
/// How many administrators are told.
const MOST_TOLD: i64 = 50;

/// Puts an account on the list of administrators, inside a write, and tells them unless they were
/// told within the hour.
pub(super) async fn flag(
    app: &App,
    c: &mut Conn,
    user: UserId,
    was_let_in: bool,
) -> Result<(), IdentityError> {
    let now = app.now();
    store::flag(c, user, was_let_in, now).await?;
    let one = Throttle::new(app, ABOUT_ONE, &[user.as_bytes()]);
    let all = Throttle::new(app, ABOUT_ALL, &[]);
    if one.pass(c, now).await?.is_err() || all.pass(c, now).await?.is_err() {
        return Ok(());
    }
    for row in admins::reachable(c, MOST_TOLD).await? {
        if let Some(profile) = open_user(app, row)?.profile {
            let template = MailTemplate::AccountFlagged {
                at: now,
                account: user.to_string(),
                was_let_in,
            };
            mail::send_in(app, c, &profile.email, template).await?;
        }
    }
    Ok(())
}

/// The accounts with unusual sign-ins that nobody has looked into since, the latest first, before
/// one of them by its time and id.
///
/// # Errors
/// A fault of the database.
pub async fn flagged_accounts(
    app: &App,
    before: Option<(i64, UserId)>,
    limit: i64,
) -> Result<Vec<FlaggedAccount>, IdentityError> {
    let read = app
        .db
        .read(move |c| Box::pin(async move { store::list(c, before, limit).await }));
    Ok(read.await?)
}

/// Takes an account from the list, as an administrator who has looked into it; doing so again
/// changes nothing.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the database.
pub async fn unflag_account(app: &App, admin: &Person, user: UserId) -> Result<(), IdentityError> {
    let (work, by) = (app.clone(), admin.user.to_string());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if people::by_id(c, user).await?.is_none() {
                    return Err(IdentityError::NotFound("account"));
                }
                if store::unflag(c, user).await? {
                    note(&work, c, None, &by, "users.unflagged", user, json!({})).await?;
                }
                Ok(())
            })
        })
        .await
}
