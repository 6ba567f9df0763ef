//! Sealed texts of all domains, by the statements that they gave.

use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, vals};

use super::super::model::SealedColumn;

record! {
    /// A sealed text, the two columns that name its row, and what says for what it is sealed.
    #[derive(Clone, Debug)]
    pub(in crate::platform) struct SealedRow {
        pub id: Val,
        pub second: Val,
        pub about: String,
        pub sealed: Vec<u8>,
    }
}

/// Some rows after one of them that do not begin with `header`.
pub(in crate::platform) async fn batch(
    c: &mut Conn,
    column: &SealedColumn,
    after: Option<&SealedRow>,
    header: &[u8],
    limit: i64,
) -> Result<Vec<SealedRow>, DbError> {
    match after {
        None => c.all(column.first, vals![header, limit]).await,
        Some(row) => {
            c.all(column.next, vals![&row.id, &row.second, header, limit])
                .await
        }
    }
}

/// Replaces sealed texts that are still as they were read; gives how many were.
pub(in crate::platform) async fn replace(
    c: &mut Conn,
    column: &SealedColumn,
    rows: &[(SealedRow, Vec<u8>)],
) -> Result<u64, DbError> {
    c.update_many(
        column.replace,
        rows.iter()
            .map(|(row, new)| vals![&row.id, &row.second, &row.sealed, new])
            .collect(),
    )
    .await
}

/// How many texts there are, and how many do not begin with `header`.
pub(in crate::platform) async fn count(
    c: &mut Conn,
    column: &SealedColumn,
    header: &[u8],
) -> Result<(i64, i64), DbError> {
    c.one(column.count, vals![header]).await
}
