//! Columns that hold sealed texts.

use bilten_kernel::db::Statement;

/// A column that holds sealed texts, so that they can be sealed again by a new key.
///
/// Each domain lists its own in `SEALED`, made by [`sealed_column!`](crate::sealed_column), and
/// `server::sealed_columns` collects them.
#[derive(Debug)]
pub struct SealedColumn {
    /// Table and column.
    pub name: &'static str,
    /// For what a row's text is sealed, from the text that the description names.
    pub purpose: fn(&str) -> String,
    #[doc(hidden)]
    pub first: &'static Statement,
    #[doc(hidden)]
    pub next: &'static Statement,
    #[doc(hidden)]
    pub replace: &'static Statement,
    #[doc(hidden)]
    pub count: &'static Statement,
}

/// Describes a column that holds sealed texts: its table, the one or two columns of the primary key,
/// itself, and from which text of the row it follows for what it is sealed.
///
/// ```ignore
/// sealed_column!("passkeys", "id", "sealed_credential", "id" => |id| format!("passkey {id}"))
/// sealed_column!("known_devices", ("user_id", "device_hash"), "sealed_origin",
///     "user_id" => |user| format!("origin:{user}"))
/// ```
#[macro_export]
macro_rules! sealed_column {
    ($table:literal, $id:literal, $column:literal, $about:literal => $purpose:expr $(,)?) => {
        $crate::sealed_column!(@ $table, $id, "''", $column, $about, $purpose,
            concat!($id, " > $1 AND CAST($2 AS TEXT) = ''"), $id,
            concat!($id, " = $1 AND CAST($2 AS TEXT) = ''"))
    };
    ($table:literal, ($id:literal, $second:literal), $column:literal,
        $about:literal => $purpose:expr $(,)?) => {
        $crate::sealed_column!(@ $table, $id, $second, $column, $about, $purpose,
            concat!("(", $id, ", ", $second, ") > ($1, $2)"), concat!($id, ", ", $second),
            concat!($id, " = $1 AND ", $second, " = $2"))
    };
    (@ $table:literal, $id:literal, $second:literal, $column:literal, $about:literal, $purpose:expr,
        $after:expr, $order:expr, $one:expr) => {
        $crate::platform::SealedColumn {
            name: concat!($table, ".", $column),
            purpose: $purpose,
            // What was erased is empty, and is left alone.
            first: bilten_kernel::sql!(concat!(
                "SELECT ", $id, " AS id, ", $second, " AS second, ", $about, " AS about, ", $column,
                " AS sealed FROM ", $table, " WHERE length(", $column, ") > 0 AND substr(", $column,
                ", 1, 5) <> $1 ORDER BY ", $order, " LIMIT $2"
            )),
            next: bilten_kernel::sql!(concat!(
                "SELECT ", $id, " AS id, ", $second, " AS second, ", $about, " AS about, ", $column,
                " AS sealed FROM ", $table, " WHERE ", $after, " AND length(", $column,
                ") > 0 AND substr(", $column, ", 1, 5) <> $3 ORDER BY ", $order, " LIMIT $4"
            )),
            // Whoever wrote in between keeps what was written.
            replace: bilten_kernel::sql!(concat!(
                "UPDATE ", $table, " SET ", $column, " = $4 WHERE ", $one, " AND ", $column, " = $3"
            )),
            count: bilten_kernel::sql!(concat!(
                "SELECT COUNT(*) AS total, CAST(COALESCE(SUM(CASE WHEN substr(", $column,
                ", 1, 5) <> $1 THEN 1 ELSE 0 END), 0) AS BIGINT) AS older FROM ", $table,
                " WHERE length(", $column, ") > 0"
            )),
        }
    };
}
