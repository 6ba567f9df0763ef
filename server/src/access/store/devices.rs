//! Devices.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, Db, DbError, Val};
use bilten_kernel::http::Place;
use bilten_kernel::{sql, vals};

use crate::access::model::*;
use crate::catalog::EventId;

pub(in crate::access) async fn insert(
    c: &mut Conn,
    d: &Device,
    pairing: Option<PairingId>,
    public_key: Option<[u8; 32]>,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO devices (id, event_id, pairing_id, name, software, public_key, built_in, list_id, \
             gate_id, paired_at, seen_at, clock_skew_ms, revoked_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        ),
        vals![
            d.id,
            d.event_id,
            pairing,
            &d.name,
            &d.software,
            public_key,
            d.built_in,
            d.list_id,
            d.gate_id,
            d.paired_at,
            d.seen_at,
            d.clock_skew_ms,
            d.revoked_at
        ],
    )
    .await?;
    Ok(())
}

pub(in crate::access) async fn device(
    c: &mut Conn,
    id: DeviceId,
) -> Result<Option<Device>, DbError> {
    c.opt(
        sql!(
            "SELECT id, event_id, name, software, list_id, gate_id, paired_at, seen_at, clock_skew_ms, \
             revoked_at, built_in FROM devices WHERE id = $1"
        ),
        vals![id],
    )
    .await
}

/// The public key of a paired device.
pub(in crate::access) async fn public_key(
    c: &mut Conn,
    id: DeviceId,
) -> Result<Option<[u8; 32]>, DbError> {
    c.scalar_opt(
        sql!("SELECT public_key FROM devices WHERE id = $1 AND public_key IS NOT NULL"),
        vals![id],
    )
    .await
}

/// The device that an invitation made, if it has this key.
pub(in crate::access) async fn paired_by(
    c: &mut Conn,
    pairing: PairingId,
    public_key: [u8; 32],
) -> Result<Option<Device>, DbError> {
    c.opt(
        sql!(
            "SELECT id, event_id, name, software, list_id, gate_id, paired_at, seen_at, clock_skew_ms, \
             revoked_at, built_in FROM devices WHERE pairing_id = $1 AND public_key = $2"
        ),
        vals![pairing, public_key],
    )
    .await
}

/// The device that is the server itself.
pub(in crate::access) async fn built_in(c: &mut Conn, event: EventId) -> Result<Device, DbError> {
    c.one(
        sql!(
            "SELECT id, event_id, name, software, list_id, gate_id, paired_at, seen_at, clock_skew_ms, \
             revoked_at, built_in FROM devices WHERE event_id = $1 AND built_in"
        ),
        vals![event],
    )
    .await
}

/// The statement that lists devices in an order, one for each.
macro_rules! listed {
    ($after_and_order:literal) => {
        sql!(concat!(
            "SELECT id, event_id, name, software, list_id, gate_id, paired_at, seen_at, clock_skew_ms, \
             revoked_at, built_in FROM devices WHERE event_id = $1 AND ",
            $after_and_order,
            " LIMIT $2"
        ))
    };
}

/// An event's devices in an order, after a place in it.
pub(in crate::access) async fn devices(
    c: &mut Conn,
    event: EventId,
    by: DeviceSort,
    after: Option<&Place>,
    limit: i64,
) -> Result<Vec<Device>, DbError> {
    let mut values = vals![event, limit];
    match by {
        DeviceSort::Newest => values.extend(Place::newest_first(after)),
        DeviceSort::Oldest => values.extend(Place::oldest_first(after)),
        DeviceSort::LongestSilent | DeviceSort::LastSeen => values.extend(Place::by_number(after)),
        DeviceSort::Name | DeviceSort::NameBackwards => values.extend(Place::by_text(after)),
    }
    let statement = match by {
        DeviceSort::Newest => listed!("id < $3 ORDER BY id DESC"),
        DeviceSort::Oldest => listed!("id > $3 ORDER BY id"),
        DeviceSort::LongestSilent => {
            listed!("($3 OR (seen_at, id) > ($4, $5)) ORDER BY seen_at, id")
        }
        DeviceSort::LastSeen => {
            listed!("($3 OR (seen_at, id) < ($4, $5)) ORDER BY seen_at DESC, id DESC")
        }
        DeviceSort::Name => listed!("($3 OR (name, id) > ($4, $5)) ORDER BY name, id"),
        DeviceSort::NameBackwards => {
            listed!("($3 OR (name, id) < ($4, $5)) ORDER BY name DESC, id DESC")
        }
    };
    c.all(statement, values).await
}

pub(in crate::access) async fn names(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<(DeviceId, String)>, DbError> {
    c.all(
        sql!("SELECT id, name FROM devices WHERE event_id = $1"),
        vals![event],
    )
    .await
}

pub(in crate::access) async fn revoke(
    c: &mut Conn,
    id: DeviceId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let revoked = c
        .exec(
            sql!("UPDATE devices SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL"),
            vals![id, now],
        )
        .await?;
    Ok(revoked == 1)
}

pub(in crate::access) async fn saw(
    c: &mut Conn,
    id: DeviceId,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE devices SET seen_at = $2 WHERE id = $1 AND seen_at < $2"),
        vals![id, now],
    )
    .await?;
    Ok(())
}

/// Of the devices of events that take place now and that were heard of since an hour before the
/// doors: how many were heard of since `heard`, and how many were not.
pub(in crate::access) async fn count_scanners(
    db: &Db,
    now: Timestamp,
    heard: Timestamp,
) -> Result<Scanners, DbError> {
    db.one(
        sql!(
            "SELECT COUNT(DISTINCT CASE WHEN d.seen_at >= $2 THEN d.id END) AS active, \
             COUNT(DISTINCT CASE WHEN d.seen_at < $2 THEN d.id END) AS silent \
             FROM occurrences o JOIN devices d ON d.event_id = o.event_id \
             WHERE COALESCE(o.doors_at, o.starts_at) <= $1 AND o.ends_at > $1 \
             AND NOT d.built_in AND d.revoked_at IS NULL \
             AND d.seen_at >= COALESCE(o.doors_at, o.starts_at) - 3600000"
        ),
        vals![now, heard],
    )
    .await
}

/// Devices of some events that count as silent by the same rule; the longest silent first, at most 50.
pub(in crate::access) async fn silent(
    c: &mut Conn,
    events: &[EventId],
    now: Timestamp,
    heard: Timestamp,
) -> Result<Vec<SilentDevice>, DbError> {
    c.all(
        sql!(
            "SELECT d.id AS device_id, d.event_id AS event_id, d.name AS name, d.seen_at AS seen_at \
             FROM devices d WHERE d.event_id IN (SELECT value FROM list($1)) \
             AND NOT d.built_in AND d.revoked_at IS NULL AND d.seen_at < $3 \
             AND EXISTS (SELECT 1 FROM occurrences o WHERE o.event_id = d.event_id \
             AND COALESCE(o.doors_at, o.starts_at) <= $2 AND o.ends_at > $2 \
             AND d.seen_at >= COALESCE(o.doors_at, o.starts_at) - 3600000) \
             ORDER BY d.seen_at, d.id LIMIT 50"
        ),
        vals![Val::texts(events), now, heard],
    )
    .await
}

/// Notes that devices sent scans, and how far their clocks are off.
pub(in crate::access) async fn saw_clocks(
    c: &mut Conn,
    seen: Vec<(DeviceId, Timestamp, i64)>,
) -> Result<(), DbError> {
    let rows = seen
        .into_iter()
        .map(|(id, at, skew)| vals![id, at, skew])
        .collect();
    c.update_many(
        sql!("UPDATE devices SET seen_at = $2, clock_skew_ms = $3 WHERE id = $1"),
        rows,
    )
    .await?;
    Ok(())
}
