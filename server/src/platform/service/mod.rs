//! Use cases of the platform.

mod audit;
mod error;
mod keys;
mod maintenance;
mod settings;
mod verify;

use bilten_kernel::db::DbError;

pub use audit::*;
pub use error::PlatformError;
pub use keys::*;
pub use maintenance::*;
pub use settings::*;
pub use verify::*;

use super::store;
use crate::app::App;

/// Asks the database for a sign of life.
///
/// # Errors
/// A fault of the database.
pub async fn ping(app: &App) -> Result<(), DbError> {
    store::ping(&app.db).await.map(|_| ())
}

/// A fault of ours inside a write.
fn fault(at: &'static str, error: impl std::fmt::Display) -> DbError {
    DbError::Fault {
        at,
        detail: error.to_string(),
    }
}
