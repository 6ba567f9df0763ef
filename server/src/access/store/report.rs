//! What the door report is made of.

use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use crate::access::model::*;
use crate::catalog::EventId;

/// All placed scans of an event, counted by what they have in common.
pub(in crate::access) async fn counts(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<ScanCount>, DbError> {
    c.all(
        sql!(
            "SELECT list_id, gate_id, device_id, direction, standing, refused, COUNT(*) AS scans FROM scans \
             WHERE event_id = $1 AND unplaced IS NULL \
             GROUP BY list_id, gate_id, device_id, direction, standing, refused"
        ),
        vals![event],
    )
    .await
}

/// The earliest passages that do not count.
pub(in crate::access) async fn conflicts(
    c: &mut Conn,
    event: EventId,
    limit: i64,
) -> Result<Vec<PassageRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, ticket_id, list_id, gate_id, device_id, at, direction, standing FROM scans \
             WHERE event_id = $1 AND standing = 'conflict' ORDER BY at, id LIMIT $2"
        ),
        vals![event, limit],
    )
    .await
}

pub(in crate::access) async fn count_unplaced(
    c: &mut Conn,
    event: EventId,
) -> Result<i64, DbError> {
    c.scalar(
        sql!("SELECT COUNT(*) AS scans FROM scans WHERE event_id = $1 AND unplaced IS NOT NULL"),
        vals![event],
    )
    .await
}

/// The earliest scans that could not be placed.
pub(in crate::access) async fn unplaced(
    c: &mut Conn,
    event: EventId,
    limit: i64,
) -> Result<Vec<UnplacedScan>, DbError> {
    c.all(
        sql!(
            "SELECT id, unplaced, at, device_id, list_id, ticket_id, version FROM scans \
             WHERE event_id = $1 AND unplaced IS NOT NULL ORDER BY at, id LIMIT $2"
        ),
        vals![event, limit],
    )
    .await
}
