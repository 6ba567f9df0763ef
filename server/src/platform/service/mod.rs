//! Use cases of the platform.

mod audit;
mod blocks;
mod error;
mod keys;
mod maintenance;
mod once;
mod operating;
mod outbox;
mod settings;
mod verify;

use bilten_kernel::db::DbError;

pub use audit::*;
pub use blocks::*;
pub use error::PlatformError;
pub use keys::*;
pub use maintenance::*;
pub use once::*;
pub use operating::*;
pub use outbox::*;
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
