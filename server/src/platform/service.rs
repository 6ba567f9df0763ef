//! Use cases of the platform.

use bilten_kernel::db::DbError;

use super::store;
use crate::app::App;

/// Asks the database for a sign of life.
///
/// # Errors
/// A fault of the database.
pub async fn ping(app: &App) -> Result<(), DbError> {
    store::ping(&app.db).await.map(|_| ())
}
