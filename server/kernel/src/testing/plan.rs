//! How much PostgreSQL does for a statement of the program.

use serde_json::Value;

use super::{Place, TestDb};
use crate::db::{STATEMENTS, Statement, Val, explain};

/// The one statement of the program that has all of these words.
///
/// # Panics
/// When there is none, or several.
#[expect(
    clippy::expect_used,
    reason = "a test without its statement can only fail"
)]
pub fn statement_with(words: &[&str]) -> &'static Statement {
    let has_all = |one: &&&'static Statement| words.iter().all(|word| one.sql().contains(word));
    let mut found = STATEMENTS.iter().filter(has_all).copied();
    let statement = found.next().expect("a statement with these words");
    assert!(
        found.next().is_none(),
        "several statements have the words {words:?}"
    );
    statement
}

impl TestDb {
    /// Has PostgreSQL take its statistics of a table now, and keep them whatever comes into it.
    ///
    /// # Panics
    /// When it cannot, with the reason.
    #[expect(clippy::expect_used, reason = "a test fails by panicking")]
    pub async fn keep_statistics(&self, table: &str) {
        let sql = format!("ALTER TABLE {table} SET (autovacuum_enabled = false); ANALYZE {table}");
        super::run_sql(self.server(), sql)
            .await
            .expect("statistics of a table");
    }

    /// How many rows PostgreSQL goes through to run a statement with these values, each step of its plan
    /// counted by itself. What the statement does is undone.
    ///
    /// # Panics
    /// When it cannot be run, or takes a minute, with the reason.
    #[expect(clippy::expect_used, reason = "a test fails by panicking")]
    pub async fn rows_visited(&self, statement: &'static Statement, vals: Vec<Val>) -> f64 {
        let explained = explain(self.server(), statement, &vals)
            .await
            .expect("a statement that can be run");
        let explained: Value = serde_json::from_str(&explained).expect("a plan as JSON");
        let plan = explained.pointer("/0/Plan").expect("a plan");
        rows_of(plan)
    }

    /// Where PostgreSQL has this database.
    #[expect(clippy::panic, reason = "SQLite has no statistics of that kind")]
    fn server(&self) -> &str {
        self.opened();
        match &self.place {
            Place::Server { .. } => &self.config.url,
            Place::Folder(_) => panic!("this is not PostgreSQL"),
        }
    }
}

/// The rows that a step of a plan and those below it went through.
fn rows_of(plan: &Value) -> f64 {
    let number = |name: &str| plan.get(name).and_then(Value::as_f64).unwrap_or_default();
    let rows: f64 = [
        "Actual Rows",
        "Rows Removed by Filter",
        "Rows Removed by Join Filter",
        "Rows Removed by Index Recheck",
    ]
    .into_iter()
    .map(number)
    .sum();
    let below = plan.get("Plans").and_then(Value::as_array);
    let below: f64 = below.into_iter().flatten().map(rows_of).sum();
    // A step that finds nothing was begun all the same.
    number("Actual Loops") * (rows + 1.0) + below
}
