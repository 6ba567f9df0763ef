//! Statements: the only SQL that a [`Conn`](super::Conn) takes.
//!
//! `sql!("…")` makes a `&'static Statement` and writes it into a list that the linker builds, so
//! that [`check_statements`] can prepare every statement of the program on both engines, whether
//! or not a test happens to run it. Text made at run time cannot get in; there is no injection to
//! think about.

use std::sync::OnceLock;

use super::many::ManySql;
use super::{Db, DbError, dialect};

/// Every statement of the program, filled by [`sql!`](crate::sql).
#[linkme::distributed_slice]
pub static STATEMENTS: [&'static Statement];

/// One SQL statement, written once for both engines; made by [`sql!`](crate::sql).
#[derive(Debug)]
pub struct Statement {
    sql: &'static str,
    at: &'static str,
    lite: OnceLock<String>,
    pg: OnceLock<String>,
    pub(super) many: OnceLock<ManySql>,
}

impl Statement {
    #[doc(hidden)]
    pub const fn new(sql: &'static str, at: &'static str) -> Self {
        Self {
            sql,
            at,
            lite: OnceLock::new(),
            pg: OnceLock::new(),
            many: OnceLock::new(),
        }
    }

    /// The text as it is written in the source.
    pub fn sql(&self) -> &'static str {
        self.sql
    }

    /// The source file and line.
    pub fn at(&self) -> &'static str {
        self.at
    }

    pub(super) fn lite(&self) -> &str {
        self.lite.get_or_init(|| dialect::lite(self.sql))
    }

    pub(super) fn pg(&'static self) -> &'static str {
        self.pg.get_or_init(|| dialect::pg(self.sql))
    }
}

/// One SQL statement for both engines: `sql!("SELECT name FROM shelves WHERE id = $1")`.
#[macro_export]
macro_rules! sql {
    ($sql:expr $(,)?) => {{
        static STATEMENT: $crate::db::Statement =
            $crate::db::Statement::new($sql, concat!(file!(), ":", line!()));
        #[$crate::private::linkme::distributed_slice($crate::db::STATEMENTS)]
        #[linkme(crate = $crate::private::linkme)]
        static ENTRY: &$crate::db::Statement = &STATEMENT;
        &STATEMENT
    }};
}

/// Prepares every statement of the program on this database and names all that do not fit it.
///
/// Returns how many there are.
///
/// # Errors
/// The refused statements with their places, one a line.
pub async fn check_statements(db: &Db) -> Result<usize, DbError> {
    let refused = db.prepare_all(&STATEMENTS).await?;
    if refused.is_empty() {
        return Ok(STATEMENTS.len());
    }
    let lines: Vec<_> = refused
        .iter()
        .map(|(statement, why)| format!("{}: {why}", statement.at))
        .collect();
    Err(DbError::fault(
        "check_statements",
        format!("\n{}", lines.join("\n")),
    ))
}
