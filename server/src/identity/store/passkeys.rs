//! Passkeys.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{record, sql, vals};

use crate::identity::model::*;

record! {
    /// A passkey as it is stored.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct PasskeyRow {
        pub(in crate::identity) id: PasskeyId,
        pub(in crate::identity) user_id: UserId,
        pub(in crate::identity) credential_id: Vec<u8>,
        pub(in crate::identity) sealed_credential: Vec<u8>,
        pub(in crate::identity) name: String,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) used_at: Option<Timestamp>,
    }
}

/// Writes a passkey down; says whether nobody had it before.
pub(in crate::identity) async fn insert(c: &mut Conn, row: &PasskeyRow) -> Result<bool, DbError> {
    let inserted = c
        .exec(
            sql!(
                "INSERT INTO passkeys (id, user_id, credential_id, sealed_credential, name, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (credential_id) DO NOTHING"
            ),
            vals![
                row.id,
                row.user_id,
                &row.credential_id,
                &row.sealed_credential,
                &row.name,
                row.created_at
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Somebody's passkeys.
pub(in crate::identity) async fn of_user(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<PasskeyRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, user_id, credential_id, sealed_credential, name, created_at, used_at
             FROM passkeys WHERE user_id = $1 ORDER BY id"
        ),
        vals![user],
    )
    .await
}

/// The passkey of a credential, if its person may sign in.
pub(in crate::identity) async fn by_credential(
    c: &mut Conn,
    credential_id: &[u8],
) -> Result<Option<PasskeyRow>, DbError> {
    c.opt(
        sql!(
            "SELECT p.id, p.user_id, p.credential_id, p.sealed_credential, p.name, p.created_at, p.used_at
             FROM passkeys p JOIN users u ON u.id = p.user_id
             WHERE p.credential_id = $1 AND u.state = 'active'"
        ),
        vals![credential_id],
    )
    .await
}

/// Notes that a passkey was used; says whether its counter really went up, or counts nothing.
pub(in crate::identity) async fn used(
    c: &mut Conn,
    id: PasskeyId,
    sealed_credential: &[u8],
    sign_count: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    let used = c
        .exec(
            sql!(
                "UPDATE passkeys SET sealed_credential = $2, sign_count = $3, used_at = $4
                 WHERE id = $1 AND (sign_count < $3 OR (sign_count = 0 AND CAST($3 AS BIGINT) = 0))"
            ),
            vals![id, sealed_credential, sign_count, now],
        )
        .await?;
    Ok(used == 1)
}

/// Gives a passkey another name; says whether it was there.
pub(in crate::identity) async fn rename(
    c: &mut Conn,
    user: UserId,
    id: PasskeyId,
    name: &str,
) -> Result<bool, DbError> {
    let renamed = c
        .exec(
            sql!("UPDATE passkeys SET name = $3 WHERE id = $1 AND user_id = $2"),
            vals![id, user, name],
        )
        .await?;
    Ok(renamed == 1)
}

/// Deletes a passkey; says whether it was there.
pub(in crate::identity) async fn delete(
    c: &mut Conn,
    user: UserId,
    id: PasskeyId,
) -> Result<bool, DbError> {
    let deleted = c
        .exec(
            sql!("DELETE FROM passkeys WHERE id = $1 AND user_id = $2"),
            vals![id, user],
        )
        .await?;
    Ok(deleted == 1)
}
