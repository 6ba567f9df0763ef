//! What people agreed to; only ever added to.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use crate::identity::model::*;

pub(in crate::identity) async fn insert(
    c: &mut Conn,
    user: UserId,
    consent: &Consent,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO consents (id, user_id, kind, version, is_given, source, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        vals![
            consent.id,
            user,
            consent.kind,
            &consent.version,
            consent.is_given,
            &consent.source,
            consent.at
        ],
    )
    .await?;
    Ok(())
}

/// All of somebody's, oldest first.
pub(in crate::identity) async fn of_user(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<Consent>, DbError> {
    c.all(
        sql!(
            "SELECT id, kind, version, is_given, source, at FROM consents
             WHERE user_id = $1 ORDER BY at, id"
        ),
        vals![user],
    )
    .await
}

/// Keeps two requests of one person from adding the same thing side by side.
pub(in crate::identity) async fn lock(
    c: &mut Conn,
    user: UserId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!("UPDATE users SET updated_at = $2 WHERE id = $1 AND state = 'active'"),
            vals![user, now],
        )
        .await?;
    Ok(touched == 1)
}
