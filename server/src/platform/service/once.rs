//! Requests that are done once, however often they are sent.
//!
//! For whatever has no better way of its own. Selling, paying and checking in have: they keep the
//! key in the row that it makes, in the same transaction, and answer a repeated request from there.
//!
//! Here, whoever carries a request out has a [`Claim`]. It guards their writes: each of them notes in
//! its own transaction that something was written under the claim, and is refused once somebody else
//! has taken it over. So a node that dies leaves one of two things behind. Nothing was written: when
//! its time is over, the request may be carried out anew. Something was: it never is, and whoever
//! repeats the request hears that its answer is not known.

use std::sync::Arc;
use std::time::Duration;

use bilten_kernel::db::{Conn, DbError, Guard};
use bilten_kernel::random;
use futures_util::future::BoxFuture;

use super::super::model::*;
use super::super::store;
use super::fault;
use crate::app::App;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// For what an answer is sealed.
pub(in crate::platform) fn once_purpose(id: &str) -> String {
    format!("idempotent_answer:{id}")
}

impl Guard for Claim {
    fn check<'c>(&'c self, conn: &'c mut Conn) -> BoxFuture<'c, Result<(), DbError>> {
        Box::pin(async move {
            if store::once::note_write(conn, &self.id, &self.token).await? {
                Ok(())
            } else {
                Err(DbError::Busy {
                    at: "platform::once",
                    detail: "another node carries this request out by now".to_owned(),
                })
            }
        })
    }
}

/// Begins with a request, unless it was begun before. Who gets [`Begun::New`] has `time` to call
/// [`answered_once`], [`refused_once`] or [`failed_once`], and guards their writes by the claim.
///
/// # Errors
/// A fault of the database, or an answer that this node cannot read.
pub async fn begin_once(app: &App, once: &Once, time: Duration) -> Result<Begun, DbError> {
    let (work, once, now) = (app.clone(), once.clone(), app.now());
    let claim = Arc::new(Claim {
        id: once.id.clone(),
        token: random::token(&*app.random, 26),
    });
    let begun = app.db.write(move |c| {
        Box::pin(async move {
            let (until, expires) = (now + time, now + KEPT);
            if store::once::insert(c, &once, &claim.token, until, expires).await? {
                return Ok(Begun::New(claim));
            }
            let Some(row) = store::once::one(c, &once.id).await? else {
                // Given up just now.
                return Ok(Begun::UnderWay);
            };
            let is_over = !row.is_answered && row.claimed_until <= now;
            if row.expires_at <= now || (is_over && !row.has_written) {
                let is_ours = store::once::take_over(c, &once.id, &row.claim, now).await?
                    && store::once::insert(c, &once, &claim.token, until, expires).await?;
                // Otherwise something was written in this moment, or somebody else took it over.
                return Ok(if is_ours {
                    Begun::New(claim)
                } else {
                    Begun::UnderWay
                });
            }
            if row.request_hash != once.request_hash {
                return Ok(Begun::Reused);
            }
            if !row.is_answered {
                return Ok(if is_over {
                    Begun::Unknown
                } else {
                    Begun::UnderWay
                });
            }
            let at = "platform::begin_once";
            let plain = work.vault.open(&once_purpose(&once.id), &row.sealed_answer);
            let plain = plain.map_err(|error| fault(at, error))?;
            let answer = serde_json::from_slice(&plain).map_err(|error| fault(at, error))?;
            Ok(Begun::Done(answer))
        })
    });
    begun.await
}

/// Keeps the answer to a request.
///
/// # Errors
/// A fault of the database.
pub async fn answered_once(
    app: &App,
    claim: &Arc<Claim>,
    answer: &KeptAnswer,
) -> Result<(), DbError> {
    let at = "platform::answered_once";
    let plain = serde_json::to_vec(answer).map_err(|error| fault(at, error))?;
    let sealed = app
        .vault
        .seal(&once_purpose(&claim.id), &plain, &*app.random);
    let (sealed, claim) = (sealed.map_err(|error| fault(at, error))?, Arc::clone(claim));
    app.db
        .write(move |c| {
            Box::pin(async move { store::once::answer(c, &claim.id, &claim.token, sealed).await })
        })
        .await
}

/// Lets a request be tried again: it was refused for now, so what it asks for was not done.
///
/// # Errors
/// A fault of the database.
pub async fn refused_once(app: &App, claim: &Arc<Claim>) -> Result<(), DbError> {
    let claim = Arc::clone(claim);
    app.db
        .write(move |c| {
            Box::pin(async move { store::once::delete(c, &claim.id, &claim.token).await })
        })
        .await
}

/// Lets a request be tried again if nothing was written for it. Otherwise its answer is not known:
/// it failed on the way, or is too large to be kept.
///
/// # Errors
/// A fault of the database.
pub async fn failed_once(app: &App, claim: &Arc<Claim>) -> Result<(), DbError> {
    let (claim, now) = (Arc::clone(claim), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move { store::once::fail(c, &claim.id, &claim.token, now).await })
        })
        .await
}

/// Forgets answers whose time is over.
///
/// # Errors
/// A fault of the database.
pub async fn forget_old_answers(app: &App) -> Result<(), DbError> {
    let now = app.now();
    app.db
        .write(move |c| Box::pin(async move { store::once::delete_over(c, now).await }))
        .await
        .map(|_| ())
}
