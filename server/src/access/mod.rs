//! The door: check-in lists, gates, devices, and what they and the server tell each other.

mod hints;

pub use hints::Hints;

use bilten_kernel::db::{Conn, DbError};

use crate::app::App;
use crate::catalog::{EventDetail, EventId};

/// Marks what devices must hear of, and gives a new event its first list and gate.
pub(crate) async fn on_event_saved(
    _app: &App,
    _c: &mut Conn,
    _detail: &EventDetail,
    _change: &str,
) -> Result<(), DbError> {
    Ok(())
}

/// Drops what a deleted draft had at the door.
pub(crate) async fn on_event_deleted(_c: &mut Conn, _event: EventId) -> Result<(), DbError> {
    Ok(())
}

/// The routes of the door.
pub fn routes() -> utoipa_axum::router::OpenApiRouter<App> {
    utoipa_axum::router::OpenApiRouter::new()
}
