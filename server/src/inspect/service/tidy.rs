//! Forgetting requests.

use std::time::Duration;

use bilten_kernel::db::{Conn, DbError};

use super::id_at;
use crate::app::App;
use crate::identity::UserId;
use crate::inspect::store;

/// How many batches are deleted at once; the rest is left to the next time.
const MOST_BATCHES: u32 = 1_000;

/// Deletes requests that have had their time.
///
/// # Errors
/// A fault of the database.
pub async fn tidy(app: &App) -> Result<(), DbError> {
    let hours = u64::from(app.config.inspector.keep_hours);
    let before = id_at(app.now() - Duration::from_secs(hours.saturating_mul(3_600))).to_string();
    for _ in 0..MOST_BATCHES {
        let before = before.clone();
        let deleted = app
            .db
            .write(move |c| Box::pin(async move { store::delete_before(c, &before).await }))
            .await?;
        if deleted == 0 {
            break;
        }
    }
    Ok(())
}

/// Somebody was forgotten: so is what programs asked for them.
///
/// # Errors
/// A fault of the database.
pub async fn on_person_erased(c: &mut Conn, user: UserId) -> Result<(), DbError> {
    store::delete_of_user(c, user).await.map(|_| ())
}
