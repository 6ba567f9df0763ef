//! Settings and their history.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use super::super::model::*;

pub(in crate::platform) async fn all(c: &mut Conn) -> Result<Vec<SettingRow>, DbError> {
    c.all(
        sql!("SELECT key, value, version, updated_at FROM settings"),
        vals![],
    )
    .await
}

pub(in crate::platform) async fn one(
    c: &mut Conn,
    key: &str,
) -> Result<Option<SettingRow>, DbError> {
    c.opt(
        sql!("SELECT key, value, version, updated_at FROM settings WHERE key = $1 FOR UPDATE"),
        vals![key],
    )
    .await
}

/// Sets a value if the setting is still at `version`; says whether it was.
pub(in crate::platform) async fn set(
    c: &mut Conn,
    key: &str,
    value: Option<&str>,
    version: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    let statement = if version == 0 {
        sql!(
            "INSERT INTO settings (key, value, version, updated_at) VALUES ($1, $2, $3 + 1, $4) \
             ON CONFLICT (key) DO NOTHING"
        )
    } else {
        sql!(
            "UPDATE settings SET value = $2, version = version + 1, updated_at = $4 \
             WHERE key = $1 AND version = $3"
        )
    };
    Ok(c.exec(statement, vals![key, value, version, now]).await? == 1)
}

pub(in crate::platform) async fn insert_change(
    c: &mut Conn,
    key: &str,
    change: &ChangeRow,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO settings_history (key, version, old_value, new_value, actor, reason, at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        vals![
            key,
            change.version,
            &change.old_value,
            &change.new_value,
            &change.actor,
            &change.reason,
            change.at
        ],
    )
    .await?;
    Ok(())
}

/// Changes before a version, newest first.
pub(in crate::platform) async fn changes(
    c: &mut Conn,
    key: &str,
    before: i64,
    limit: i64,
) -> Result<Vec<ChangeRow>, DbError> {
    c.all(
        sql!(
            "SELECT version, old_value, new_value, actor, reason, at FROM settings_history \
             WHERE key = $1 AND version < $2 ORDER BY version DESC LIMIT $3"
        ),
        vals![key, before, limit],
    )
    .await
}

/// What a setting was at a version, if it ever had that.
pub(in crate::platform) async fn at_version(
    c: &mut Conn,
    key: &str,
    version: i64,
) -> Result<Option<Option<String>>, DbError> {
    c.scalar_opt(
        sql!("SELECT new_value FROM settings_history WHERE key = $1 AND version = $2"),
        vals![key, version],
    )
    .await
}
