//! All SQL of the door.

pub(super) mod devices;
pub(super) mod marks;
pub(super) mod places;
pub(super) mod report;
pub(super) mod scans;

use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use crate::catalog::EventId;

/// Deletes all that an event had at the door.
pub(super) async fn delete_of_event(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    for statement in [
        sql!("DELETE FROM scans WHERE event_id = $1"),
        sql!("DELETE FROM feed_marks WHERE event_id = $1"),
        sql!("DELETE FROM devices WHERE event_id = $1"),
        sql!("DELETE FROM pairings WHERE event_id = $1"),
        sql!("DELETE FROM gates WHERE event_id = $1"),
        sql!("DELETE FROM check_in_lists WHERE event_id = $1"),
    ] {
        c.exec(statement, vals![event]).await?;
    }
    Ok(())
}
