//! Data keys.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use super::super::model::*;

/// All data keys, oldest first.
pub(in crate::platform) async fn all(c: &mut Conn) -> Result<Vec<DataKeyRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, purpose, wrapped, master, created_at, active_from, retired_at FROM data_keys ORDER BY id"
        ),
        vals![],
    )
    .await
}

/// Takes the row that whoever changes keys takes first.
pub(in crate::platform) async fn lock(c: &mut Conn, mac_key: u32) -> Result<(), DbError> {
    c.scalar::<i64>(
        sql!("SELECT id FROM data_keys WHERE id = $1 FOR UPDATE"),
        vals![mac_key],
    )
    .await
    .map(|_| ())
}

/// Adds a key; says whether it was not there yet.
pub(in crate::platform) async fn insert(c: &mut Conn, key: &DataKeyRow) -> Result<bool, DbError> {
    let added = c
        .exec(
            sql!(
                "INSERT INTO data_keys (id, purpose, wrapped, master, created_at, active_from, retired_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING"
            ),
            vals![
                key.id,
                key.purpose,
                &key.wrapped,
                key.master,
                key.created_at,
                key.active_from,
                key.retired_at
            ],
        )
        .await?;
    Ok(added == 1)
}

/// Replaces how keys are wrapped.
pub(in crate::platform) async fn wrap_again(
    c: &mut Conn,
    keys: &[DataKeyRow],
) -> Result<u64, DbError> {
    c.update_many(
        sql!("UPDATE data_keys SET wrapped = $2, master = $3 WHERE id = $1"),
        keys.iter()
            .map(|key| vals![key.id, &key.wrapped, key.master])
            .collect(),
    )
    .await
}

/// Notes that nothing is sealed any more by the keys that sealed before this one.
pub(in crate::platform) async fn retire_before(
    c: &mut Conn,
    active: u32,
    now: Timestamp,
) -> Result<u64, DbError> {
    c.exec(
        sql!(
            "UPDATE data_keys SET retired_at = $2 \
             WHERE id < $1 AND purpose IN ('seal', 'bare') AND retired_at IS NULL"
        ),
        vals![active, now],
    )
    .await
}
