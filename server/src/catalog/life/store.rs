//! All SQL about an event as a whole.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError};
use bilten_kernel::{sql, vals};
use serde_json::Value;

use super::model::{EventSnapshot, EventVersion};
use crate::catalog::model::{EventId, Occurrence, Tier};

/// Gives the dates of an event the times that they have now.
pub(in crate::catalog) async fn update_dates(
    c: &mut Conn,
    event: EventId,
    dates: &[Occurrence],
) -> Result<(), DbError> {
    let rows = dates
        .iter()
        .map(|date| vals![date.id, event, date.doors_at, date.starts_at, date.ends_at])
        .collect();
    c.update_many(
        sql!(
            "UPDATE occurrences SET doors_at = $3, starts_at = $4, ends_at = $5 WHERE id = $1 AND event_id = $2"
        ),
        rows,
    )
    .await?;
    Ok(())
}

/// Gives the tiers of an event the times at which they are valid now.
pub(in crate::catalog) async fn update_validity(
    c: &mut Conn,
    event: EventId,
    tiers: &[Tier],
) -> Result<(), DbError> {
    let rows = tiers
        .iter()
        .map(|tier| vals![tier.id, event, tier.valid_from_at, tier.valid_until_at])
        .collect();
    c.update_many(
        sql!("UPDATE tiers SET valid_from_at = $3, valid_until_at = $4 WHERE id = $1 AND event_id = $2"),
        rows,
    )
    .await?;
    Ok(())
}

/// The changes of an event, the newest first, before one of them.
pub(super) async fn versions(
    c: &mut Conn,
    event: EventId,
    before: i64,
    limit: i64,
) -> Result<Vec<EventVersion>, DbError> {
    c.all(
        sql!(
            "SELECT version, change, actor, at FROM event_versions WHERE event_id = $1 AND version < $2 \
             ORDER BY version DESC LIMIT $3"
        ),
        vals![event, before, limit],
    )
    .await
}

/// A change of an event, with the event as it was after it.
pub(super) async fn version(
    c: &mut Conn,
    event: EventId,
    version: i64,
) -> Result<Option<EventSnapshot>, DbError> {
    let row: Option<(i64, String, String, Timestamp, AsJson<Value>)> = c
        .opt(
            sql!(
                "SELECT version, change, actor, at, snapshot FROM event_versions \
                 WHERE event_id = $1 AND version = $2"
            ),
            vals![event, version],
        )
        .await?;
    Ok(row.map(
        |(version, change, actor, at, AsJson(event))| EventSnapshot {
            change: EventVersion {
                version,
                change,
                actor,
                at,
            },
            event,
        },
    ))
}
