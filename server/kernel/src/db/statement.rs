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
    name: OnceLock<String>,
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
            name: OnceLock::new(),
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

    /// What it does to which table, such as `UPDATE tiers`: its name in traces.
    pub fn name(&self) -> &str {
        self.name.get_or_init(|| name_of(self.sql))
    }

    pub(super) fn lite(&self) -> &str {
        self.lite.get_or_init(|| dialect::lite(self.sql))
    }

    pub(super) fn pg(&'static self) -> &'static str {
        self.pg.get_or_init(|| dialect::pg(self.sql))
    }
}

/// The first word of a statement and the first table that it names.
fn name_of(sql: &str) -> String {
    let mut words = sql
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty());
    let verb = words.next().unwrap_or_default().to_ascii_uppercase();
    let is_before_table = |word: &&str| {
        ["FROM", "INTO", "UPDATE", "JOIN"]
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known))
    };
    let mut all = std::iter::once(verb.as_str()).chain(words);
    let table = match all.find(is_before_table) {
        Some(_) => all.next(),
        None => None,
    };
    table.map_or_else(|| verb.clone(), |table| format!("{verb} {table}"))
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

#[cfg(test)]
mod tests {
    use super::name_of;

    /// covers: MON-3
    #[test]
    fn a_statement_is_named_by_what_it_does_to_which_table() {
        for (sql, wanted) in [
            ("SELECT a, b FROM shelves WHERE id = $1", "SELECT shelves"),
            ("insert into shelves (a) VALUES ($1)", "INSERT shelves"),
            ("UPDATE shelves SET a = $1", "UPDATE shelves"),
            ("DELETE FROM shelves\n WHERE id = $1", "DELETE shelves"),
            ("SELECT EXISTS (SELECT 1 FROM shelves)", "SELECT shelves"),
            ("WITH x AS (SELECT 1) SELECT 2", "WITH"),
            ("", ""),
        ] {
            assert_eq!(name_of(sql), wanted, "{sql}");
        }
    }
}
