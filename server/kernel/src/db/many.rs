//! Many rows by one PostgreSQL statement.
//!
//! Domain code writes the statement for one row. SQLite runs it in a loop, which is fast there;
//! on PostgreSQL each run would be a round trip, so the statement is rewritten to read all rows
//! from arrays: `VALUES ($1, $2)` becomes `SELECT u.c1, u.c2 FROM unnest($1::text[], $2::bigint[])
//! AS u(c1, c2)`, and an update gets that `FROM` before its first `WHERE`.

use std::fmt::Write as _;

use sqlx::Arguments;
use sqlx::postgres::PgArguments;

use super::dialect::{Piece, pieces, put};
use super::{DbError, Statement, Val};

/// What kind of statement is rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Insert,
    Update,
}

/// The rewritten statement, and the array types it was written for.
#[derive(Debug)]
pub(super) struct ManySql {
    types: Vec<&'static str>,
    sql: String,
}

/// The statement over arrays, and the arrays.
pub(super) fn unnest(
    statement: &'static Statement,
    rows: &[Vec<Val>],
    shape: Shape,
) -> Result<(&'static str, PgArguments), DbError> {
    let fault = |detail: &str| DbError::fault(statement.at(), detail);
    let types: Vec<_> = rows.first().into_iter().flatten().map(array_type).collect();
    let many = match statement.many.get() {
        Some(many) => many,
        None => {
            let sql = rewrite(statement.sql(), &types, shape).ok_or_else(|| {
                fault("insert_many takes INSERT … VALUES (…), update_many UPDATE … WHERE …")
            })?;
            statement.many.get_or_init(|| ManySql {
                types: types.clone(),
                sql,
            })
        }
    };
    if many.types != types {
        return Err(fault(
            "the values of this statement have changed their types",
        ));
    }
    let mut arguments = PgArguments::default();
    for (column, array) in types.iter().enumerate() {
        let cells = rows.iter().map(|row| row.get(column));
        add(&mut arguments, array, cells).map_err(fault)?;
    }
    if rows.iter().any(|row| row.len() != types.len()) {
        return Err(fault("the rows differ in their number of values"));
    }
    Ok((&many.sql, arguments))
}

fn array_type(val: &Val) -> &'static str {
    match val {
        Val::Text(_) => "text",
        Val::Int(_) => "bigint",
        Val::Bool(_) => "boolean",
        Val::Bytes(_) => "bytea",
        Val::Real(_) => "double precision",
        Val::TextList(_) | Val::IntList(_) => "list",
    }
}

fn add<'v>(
    arguments: &mut PgArguments,
    array: &str,
    cells: impl Iterator<Item = Option<&'v Val>>,
) -> Result<(), &'static str> {
    /// Collects one column; `None` when a cell is missing or of another type.
    macro_rules! column {
        ($variant:ident, $type:ty) => {
            cells
                .map(|cell| match cell {
                    Some(Val::$variant(value)) => Some(value.as_ref()),
                    _ => None,
                })
                .collect::<Option<Vec<Option<&$type>>>>()
                .map(|column| arguments.add(column))
        };
    }
    match array {
        "text" => column!(Text, String),
        "bigint" => column!(Int, i64),
        "boolean" => column!(Bool, bool),
        "bytea" => column!(Bytes, Vec<u8>),
        "double precision" => column!(Real, f64),
        _ => return Err("a list cannot be a value of many rows"),
    }
    .ok_or("the values of one column differ in type between rows")?
    .map_err(|_| "a column is too large to send")
}

fn rewrite(sql: &str, types: &[&str], shape: Shape) -> Option<String> {
    let mut from = String::from("FROM unnest(");
    for (place, array) in types.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        let _ = write!(from, "{comma}${}::{array}[]", place + 1);
    }
    let columns: Vec<_> = (1..=types.len()).map(|place| format!("c{place}")).collect();
    let _ = write!(from, ") AS u({})", columns.join(", "));

    let (mut out, mut depth, mut done) = (String::new(), 0usize, false);
    // Where the list of values opened, until it closes.
    let mut opened = None;
    let mut pieces = pieces(sql).into_iter().peekable();
    while let Some(piece) = pieces.next() {
        if piece == Piece::Sign("(") {
            depth += 1;
        } else if piece == Piece::Sign(")") {
            depth = depth.saturating_sub(1);
        }
        if !done && shape == Shape::Insert && depth == 0 && piece.is_word("values") {
            out.push_str("SELECT");
            while pieces
                .next_if(|piece| matches!(piece, Piece::Space(_)))
                .is_some()
            {}
            pieces.next_if_eq(&Piece::Sign("("))?;
            (opened, done, depth) = (Some(0usize), true, 1);
            out.push(' ');
            continue;
        }
        if opened == Some(depth) {
            let _ = write!(out, " {from}");
            opened = None;
            continue;
        }
        if !done && shape == Shape::Update && depth == 0 && piece.is_word("where") {
            let _ = write!(out, "{from} ");
            done = true;
        }
        put(&mut out, piece, "u.c");
    }
    done.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserts_and_updates_are_rewritten() {
        let insert = |sql| rewrite(sql, &["text", "bigint"], Shape::Insert);
        assert_eq!(
            insert("INSERT INTO t (a, b, c) VALUES ($1, COALESCE($2, 0), 'x') ON CONFLICT (a) DO NOTHING").as_deref(),
            Some("INSERT INTO t (a, b, c) SELECT u.c1, COALESCE(u.c2, 0), 'x' FROM unnest($1::text[], $2::bigint[]) AS u(c1, c2) ON CONFLICT (a) DO NOTHING")
        );
        assert_eq!(
            rewrite(
                "UPDATE t SET b = b + $2 WHERE a = $1 AND b < (SELECT max(c) FROM s WHERE d)",
                &["text", "bigint"],
                Shape::Update
            )
            .as_deref(),
            Some(
                "UPDATE t SET b = b + u.c2 FROM unnest($1::text[], $2::bigint[]) AS u(c1, c2) WHERE a = u.c1 AND b < (SELECT max(c) FROM s WHERE d)"
            )
        );
        assert_eq!(insert("INSERT INTO t SELECT 1"), None);
        assert_eq!(insert("INSERT INTO t VALUES"), None);
    }
}
