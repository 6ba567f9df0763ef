//! Check-in lists and gates.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use crate::access::model::*;
use crate::catalog::EventId;

pub(in crate::access) async fn insert_list(c: &mut Conn, l: &CheckInList) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO check_in_lists (id, event_id, name, policy, max_entries, opens_at, closes_at, tiers, \
             capacity, accepts_delegated, allowlist_only, created_at, removed_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        ),
        vals![
            l.id,
            l.event_id,
            &l.name,
            l.policy,
            l.max_entries,
            l.opens_at,
            l.closes_at,
            &l.tiers,
            l.capacity,
            l.accepts_delegated,
            l.allowlist_only,
            l.created_at,
            l.removed_at
        ],
    )
    .await?;
    Ok(())
}

pub(in crate::access) async fn update_list(c: &mut Conn, l: &CheckInList) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE check_in_lists SET name = $2, policy = $3, max_entries = $4, opens_at = $5, closes_at = $6, \
             tiers = $7, capacity = $8, accepts_delegated = $9, allowlist_only = $10, removed_at = $11, revision = $12 \
             WHERE id = $1"
        ),
        vals![
            l.id,
            &l.name,
            l.policy,
            l.max_entries,
            l.opens_at,
            l.closes_at,
            &l.tiers,
            l.capacity,
            l.accepts_delegated,
            l.allowlist_only,
            l.removed_at,
            l.revision
        ],
    )
    .await?;
    Ok(())
}

/// All lists of an event, removed ones too, in the order in which they were made.
pub(in crate::access) async fn lists(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<CheckInList>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_id, name, policy, max_entries, opens_at, closes_at, tiers, capacity, \
             accepts_delegated, allowlist_only, revision, created_at, removed_at FROM check_in_lists \
             WHERE event_id = $1 ORDER BY id"
        ),
        vals![event],
    )
    .await
}

/// A list that was not removed; others who want to change it wait.
pub(in crate::access) async fn lock_list(
    c: &mut Conn,
    event: EventId,
    id: ListId,
) -> Result<Option<CheckInList>, DbError> {
    c.opt(
        sql!(
            "SELECT id, event_id, name, policy, max_entries, opens_at, closes_at, tiers, capacity, \
             accepts_delegated, allowlist_only, revision, created_at, removed_at FROM check_in_lists \
             WHERE id = $1 AND event_id = $2 AND removed_at IS NULL FOR UPDATE"
        ),
        vals![id, event],
    )
    .await
}

pub(in crate::access) async fn count_lists(c: &mut Conn, event: EventId) -> Result<i64, DbError> {
    c.scalar(
        sql!(
            "SELECT COUNT(*) AS lists FROM check_in_lists WHERE event_id = $1 AND removed_at IS NULL"
        ),
        vals![event],
    )
    .await
}

pub(in crate::access) async fn insert_gate(c: &mut Conn, g: &Gate) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO gates (id, event_id, name, tiers, created_at, removed_at) \
             VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        vals![
            g.id,
            g.event_id,
            &g.name,
            &g.tiers,
            g.created_at,
            g.removed_at
        ],
    )
    .await?;
    Ok(())
}

pub(in crate::access) async fn update_gate(c: &mut Conn, g: &Gate) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE gates SET name = $2, tiers = $3, removed_at = $4, revision = $5 WHERE id = $1"
        ),
        vals![g.id, &g.name, &g.tiers, g.removed_at, g.revision],
    )
    .await?;
    Ok(())
}

/// All gates of an event, removed ones too, in the order in which they were made.
pub(in crate::access) async fn gates(c: &mut Conn, event: EventId) -> Result<Vec<Gate>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_id, name, tiers, revision, created_at, removed_at FROM gates \
             WHERE event_id = $1 ORDER BY id"
        ),
        vals![event],
    )
    .await
}

/// A gate that was not removed; others who want to change it wait.
pub(in crate::access) async fn lock_gate(
    c: &mut Conn,
    event: EventId,
    id: GateId,
) -> Result<Option<Gate>, DbError> {
    c.opt(
        sql!(
            "SELECT id, event_id, name, tiers, revision, created_at, removed_at FROM gates \
             WHERE id = $1 AND event_id = $2 AND removed_at IS NULL FOR UPDATE"
        ),
        vals![id, event],
    )
    .await
}

pub(in crate::access) async fn count_gates(c: &mut Conn, event: EventId) -> Result<i64, DbError> {
    c.scalar(
        sql!("SELECT COUNT(*) AS gates FROM gates WHERE event_id = $1 AND removed_at IS NULL"),
        vals![event],
    )
    .await
}

// Invitations

pub(in crate::access) async fn insert_pairing(
    c: &mut Conn,
    p: &PairingRow,
    code_hash: [u8; 32],
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO pairings (id, event_id, code_hash, list_id, gate_id, expires_at, used_at, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, NULL, $7)"
        ),
        vals![
            p.id,
            p.event_id,
            code_hash,
            p.list_id,
            p.gate_id,
            p.expires_at,
            now
        ],
    )
    .await?;
    Ok(())
}

pub(in crate::access) async fn pairing(
    c: &mut Conn,
    code_hash: [u8; 32],
) -> Result<Option<PairingRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, event_id, list_id, gate_id, expires_at, used_at FROM pairings WHERE code_hash = $1"
        ),
        vals![code_hash],
    )
    .await
}

/// Uses an invitation up, if that is still possible.
pub(in crate::access) async fn use_pairing(
    c: &mut Conn,
    id: PairingId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let used = c
        .exec(
            sql!(
                "UPDATE pairings SET used_at = $2 WHERE id = $1 AND used_at IS NULL AND expires_at > $2"
            ),
            vals![id, now],
        )
        .await?;
    Ok(used == 1)
}
