//! Links and codes that count once: issued, tried, used up.
//!
//! A token is stored as a hash, and what it stands for is sealed. For a new purpose: a constant
//! beside the use case, and [`issue_one_time`] and [`take_one_time`] in it.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;
use bilten_kernel::random;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::IdentityError;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::one_time as store;
use crate::identity::store::one_time::OneTimeRow;
use crate::platform::token_hash;

/// What links and tickets start with.
pub const ONE_TIME_PREFIX: &str = "biltenot_";

/// For whom and how long a token is.
#[derive(Clone, Copy, Debug)]
pub struct OneTime {
    /// What it is for.
    pub purpose: &'static str,
    /// Whose it is, if they have an account.
    pub user: Option<UserId>,
    /// The keyed hash of their address, if it must be found by that.
    pub subject: Option<[u8; 32]>,
    /// How long it is good.
    pub lasts: Duration,
}

/// For what the content of tokens of this purpose is sealed.
pub(in crate::identity) fn one_time_purpose(purpose: &str) -> String {
    format!("one time {purpose}")
}

/// Issues a token inside a write; it is returned once and stored as a hash.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn issue_one_time<T: Serialize + Sync>(
    app: &App,
    c: &mut Conn,
    what: OneTime,
    content: &T,
) -> Result<(String, Timestamp), IdentityError> {
    let token = format!("{ONE_TIME_PREFIX}{}", random::token(&*app.random, 40));
    let text = serde_json::to_vec(content).unwrap_or_default();
    let row = store::NewOneTime {
        token_hash: token_hash(&token),
        purpose: what.purpose.to_owned(),
        user_id: what.user,
        subject_hash: what.subject,
        sealed_content: app
            .vault
            .seal(&one_time_purpose(what.purpose), &text, &*app.random)?,
        created_at: app.now(),
        expires_at: app.now() + what.lasts,
    };
    store::insert(c, &row).await?;
    Ok((token, row.expires_at))
}

pub(super) fn open<T: DeserializeOwned>(
    app: &App,
    purpose: &str,
    row: Option<OneTimeRow>,
) -> Result<Option<T>, IdentityError> {
    let Some(row) = row else { return Ok(None) };
    let text = app
        .vault
        .open(&one_time_purpose(purpose), &row.sealed_content)?;
    Ok(serde_json::from_slice(&text).ok())
}

/// What a living token stands for.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn peek_one_time<T: DeserializeOwned>(
    app: &App,
    c: &mut Conn,
    purpose: &'static str,
    token: &str,
) -> Result<Option<T>, IdentityError> {
    let row = store::peek(c, purpose, token_hash(token), app.now()).await?;
    open(app, purpose, row)
}

/// Uses a living token up inside a write.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn take_one_time<T: DeserializeOwned>(
    app: &App,
    c: &mut Conn,
    purpose: &'static str,
    token: &str,
) -> Result<Option<T>, IdentityError> {
    let row = store::take(c, purpose, token_hash(token), app.now()).await?;
    open(app, purpose, row)
}

/// Counts a try with a living token inside a write; nothing when `most` tries were made.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn try_one_time<T: DeserializeOwned>(
    app: &App,
    c: &mut Conn,
    purpose: &'static str,
    token: &str,
    most: i64,
) -> Result<Option<T>, IdentityError> {
    let row = store::attempt(c, purpose, token_hash(token), most, app.now()).await?;
    open(app, purpose, row)
}
