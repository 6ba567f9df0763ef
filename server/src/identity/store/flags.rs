//! Accounts with unusual sign-ins.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use crate::identity::model::*;

/// Notes an unusual sign-in to an account.
pub(in crate::identity) async fn flag(
    c: &mut Conn,
    user: UserId,
    was_let_in: bool,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO flagged_accounts (user_id, times, was_let_in, first_at, last_at)
             VALUES ($1, 1, $2, $3, $3)
             ON CONFLICT (user_id) DO UPDATE
             SET times = flagged_accounts.times + 1,
                 was_let_in = flagged_accounts.was_let_in OR excluded.was_let_in,
                 last_at = excluded.last_at"
        ),
        vals![user, was_let_in, now],
    )
    .await?;
    Ok(())
}

/// The accounts, those flagged last first, before one of them.
pub(in crate::identity) async fn list(
    c: &mut Conn,
    before: Option<(i64, UserId)>,
    limit: i64,
) -> Result<Vec<FlaggedAccount>, DbError> {
    let (at, user) = before.map_or((i64::MAX, String::new()), |(at, user)| {
        (at, user.to_string())
    });
    c.all(
        sql!(
            "SELECT f.user_id, u.state, f.times, f.was_let_in, f.first_at, f.last_at
             FROM flagged_accounts f JOIN users u ON u.id = f.user_id
             WHERE f.last_at < $1 OR (f.last_at = $1 AND f.user_id < $2)
             ORDER BY f.last_at DESC, f.user_id DESC LIMIT $3"
        ),
        vals![at, user, limit],
    )
    .await
}

/// What there is of one account.
pub(in crate::identity) async fn of_user(
    c: &mut Conn,
    user: UserId,
) -> Result<Option<FlaggedAccount>, DbError> {
    c.opt(
        sql!(
            "SELECT f.user_id, u.state, f.times, f.was_let_in, f.first_at, f.last_at
             FROM flagged_accounts f JOIN users u ON u.id = f.user_id
             WHERE f.user_id = $1"
        ),
        vals![user],
    )
    .await
}

/// Takes an account from the list; says whether it was there.
pub(in crate::identity) async fn unflag(c: &mut Conn, user: UserId) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!("DELETE FROM flagged_accounts WHERE user_id = $1"),
            vals![user],
        )
        .await?;
    Ok(touched == 1)
}

pub(in crate::identity) async fn delete_old(
    c: &mut Conn,
    before: Timestamp,
) -> Result<u64, DbError> {
    c.exec(
        sql!("DELETE FROM flagged_accounts WHERE last_at < $1"),
        vals![before],
    )
    .await
}
