//! What becomes of files that nobody asks for.

use bilten_kernel::db::{DbError, Val};

use super::error::FileError;
use super::model::KEPT_UNPAID;
use super::store;
use crate::app::App;

/// How many files one write deletes: their pages are given back in it.
const MOST_DELETED: i64 = 20;
/// How many files one write lets wait no more.
const MOST_SETTLED: i64 = 1_000;

/// Deletes files that no order has named in a day, and those whose orders came to nothing a week ago; takes
/// those that are paid for out of what their event keeps on trust. Says how many it has seen to.
///
/// # Errors
/// A fault of the database.
pub async fn sweep(app: &App) -> Result<usize, FileError> {
    let now = app.now();
    let unpaid = now - KEPT_UNPAID;
    let (paid, over) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let paid = store::paid_for(c, MOST_SETTLED).await?;
                let over = store::over(c, now, unpaid, MOST_DELETED).await?;
                Ok::<_, DbError>((paid, over))
            })
        })
        .await?;
    if paid.is_empty() && over.is_empty() {
        return Ok(0);
    }
    let settled = paid.len();
    let deleted = app
        .db
        .write_again(move |c| {
            let (paid, over) = (Val::texts(&paid), Val::texts(&over));
            Box::pin(async move {
                store::settle(c, paid).await?;
                store::delete_over(c, over, now, unpaid).await
            })
        })
        .await?;
    Ok(settled.saturating_add(usize::try_from(deleted).unwrap_or(0)))
}
