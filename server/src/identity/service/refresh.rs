//! Refresh tokens: each is used once, and gives the next one.
//!
//! One that is shown again was stolen, or its thief was faster: the whole session ends. Whoever lost
//! the answer may ask again within ten seconds, from the same address and with the same program, and
//! is given the same successor: it is derived from the token that was shown, so nothing is stored.

use bilten_kernel::db::Conn;
use bilten_kernel::random;

use super::IdentityError;
use super::access_tokens::issue_access_token;
use super::trail::tell;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::{sessions, tokens as store};
use crate::platform::token_hash;

/// What refresh tokens start with.
pub const REFRESH_PREFIX: &str = "biltenrt_";
/// How long whoever lost the answer may ask again, in milliseconds.
const RETRY_MS: i64 = 10_000;

/// A session's first refresh token.
pub(super) async fn first_refresh_token(
    app: &App,
    c: &mut Conn,
    session: SessionId,
) -> Result<String, IdentityError> {
    let token = format!("{REFRESH_PREFIX}{}", random::token(&*app.random, 40));
    store::insert_refresh(c, token_hash(&token), session, app.now()).await?;
    Ok(token)
}

fn successor(app: &App, token: &str) -> String {
    let mac = app.vault.mac("refresh token", &[token.as_bytes()]);
    let text: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{REFRESH_PREFIX}{text}")
}

fn client_hash(app: &App, origin: &Origin) -> [u8; 32] {
    let ip = origin.ip.to_string();
    app.vault.mac(
        "refresh client",
        &[ip.as_bytes(), origin.user_agent.as_bytes()],
    )
}

enum Refreshed {
    Token(NewToken),
    Unknown,
    Reused,
}

/// Gives an app its next access token and refresh token.
///
/// # Errors
/// [`IdentityError::RefreshUnknown`] if the token is not known or its session has ended,
/// [`IdentityError::RefreshReused`] if it was used before: the session has ended then; a fault of
/// the vault or the database.
pub async fn refresh(app: &App, token: &str, origin: &Origin) -> Result<NewToken, IdentityError> {
    let (work, token, origin) = (app.clone(), token.to_owned(), origin.clone());
    let refreshed = app
        .db
        .write(move |c| Box::pin(async move { refresh_in(&work, c, &token, &origin).await }))
        .await?;
    match refreshed {
        Refreshed::Token(token) => Ok(token),
        Refreshed::Unknown => Err(IdentityError::RefreshUnknown),
        Refreshed::Reused => {
            app.principals.clear();
            Err(IdentityError::RefreshReused)
        }
    }
}

async fn refresh_in(
    app: &App,
    c: &mut Conn,
    token: &str,
    origin: &Origin,
) -> Result<Refreshed, IdentityError> {
    let (hash, client, now) = (token_hash(token), client_hash(app, origin), app.now());
    let is_first = store::use_refresh(c, hash, client, now).await?;
    let Some(row) = store::refresh(c, hash).await? else {
        return Ok(Refreshed::Unknown);
    };
    let session = sessions::live_session_by_id(c, row.session_id, now).await?;
    let Some(session) = session.filter(|session| !super::is_idle(app, session, now)) else {
        return Ok(Refreshed::Unknown);
    };
    let next = successor(app, token);
    if is_first {
        store::insert_refresh(c, token_hash(&next), session.id, now).await?;
        sessions::sessions_seen(c, &[(session.id, now)]).await?;
    } else {
        // Who waited for the faster one took the time before it.
        let age = row
            .used_at
            .map_or(i64::MAX, |at| now.ms().saturating_sub(at.ms()));
        let next_row = store::refresh(c, token_hash(&next)).await?;
        let may_ask_again = age.saturating_abs() < RETRY_MS
            && row.client_hash == Some(client)
            && next_row.is_some_and(|next| next.used_at.is_none());
        if !may_ask_again {
            sessions::revoke(c, session.id, session.user_id, now).await?;
            let happened = IdentityEvent::RefreshTokenReused {
                user: session.user_id,
                session: session.id,
            };
            let actor = session.user_id.to_string();
            tell(app, c, &actor, vec![happened], Some(origin)).await?;
            return Ok(Refreshed::Reused);
        }
    }
    let (access, token_expires_at) =
        issue_access_token(app, c, session.user_id, session.id).await?;
    Ok(Refreshed::Token(NewToken {
        session: session.id,
        token: access,
        token_expires_at,
        refresh: Some(next),
        expires_at: session.expires_at,
    }))
}
