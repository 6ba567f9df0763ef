//! Requests that are done once, however often they are sent.
//!
//! For whatever has no better way of its own. Selling, paying and checking in have: they keep the
//! key in the row that it makes, in the same transaction, so that not even a node that dies between
//! doing and answering makes it happen twice.

use std::time::Duration;

use bilten_kernel::db::DbError;

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

/// Begins with a request, unless it was begun before. Who gets [`Begun::New`] has `claim` to call
/// [`answered_once`] or [`give_up_once`].
///
/// # Errors
/// A fault of the database, or an answer that this node cannot read.
pub async fn begin_once(app: &App, once: &Once, claim: Duration) -> Result<Begun, DbError> {
    let (work, once, now) = (app.clone(), once.clone(), app.now());
    let begun = app.db.write(move |c| {
        Box::pin(async move {
            if store::once::insert(c, &once, now + claim, now + KEPT).await? {
                return Ok(Begun::New);
            }
            let Some(row) = store::once::one(c, &once.id).await? else {
                // Given up just now.
                return Ok(Begun::UnderWay);
            };
            let is_over = row.expires_at <= now || (!row.is_answered && row.claimed_until <= now);
            if is_over {
                store::once::delete(c, &once.id).await?;
                store::once::insert(c, &once, now + claim, now + KEPT).await?;
                return Ok(Begun::New);
            }
            if row.request_hash != once.request_hash {
                return Ok(Begun::Reused);
            }
            if !row.is_answered {
                return Ok(Begun::UnderWay);
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
pub async fn answered_once(app: &App, once: &Once, answer: &KeptAnswer) -> Result<(), DbError> {
    let at = "platform::answered_once";
    let plain = serde_json::to_vec(answer).map_err(|error| fault(at, error))?;
    let sealed = app
        .vault
        .seal(&once_purpose(&once.id), &plain, &*app.random);
    let (sealed, id) = (sealed.map_err(|error| fault(at, error))?, once.id.clone());
    app.db
        .write(move |c| Box::pin(async move { store::once::answer(c, &id, sealed).await }))
        .await
}

/// Lets a request be tried again: nothing was done, or its answer is not one to be kept.
///
/// # Errors
/// A fault of the database.
pub async fn give_up_once(app: &App, once: &Once) -> Result<(), DbError> {
    let id = once.id.clone();
    app.db
        .write(move |c| Box::pin(async move { store::once::delete(c, &id).await }))
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
