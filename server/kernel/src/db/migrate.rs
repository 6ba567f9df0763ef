//! Migrations: the schema's history, written once in PostgreSQL's words.
//!
//! To change the schema add a file with the next number and a [`Migration`] for it; never touch
//! one that has been released, its checksum is remembered. The kernel's own have numbers below
//! 100, the server's begin at 100. All that are missing are applied in one transaction, in the
//! order of their numbers; on PostgreSQL under an advisory lock, so that two nodes may start at
//! once. `schema.rs` tells how they are
//! translated for SQLite.

use sha2::{Digest, Sha256};

use super::conn::Engine;
use super::{Conn, Db, DbError, schema};
use crate::clock::Timestamp;
use crate::{record, sql, vals};

/// One step of the schema's history.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its place in the order; unique.
    pub version: i64,
    /// What it does, in a few words.
    pub name: &'static str,
    /// Its statements, in PostgreSQL's words.
    pub sql: &'static str,
}

impl Migration {
    fn checksum(&self) -> String {
        // The line ends of a checkout are no change.
        let digest = Sha256::digest(self.sql.replace("\r\n", "\n"));
        digest
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// The table that remembers what was applied; the same on both engines.
const HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at BIGINT NOT NULL
);";

record! {
    struct Applied {
        version: i64,
        name: String,
        checksum: String,
    }
}

impl Db {
    /// Applies the migrations that are missing; gives their names.
    ///
    /// # Errors
    /// [`DbError::Open`] with `database_too_new` when the database has one that is not given here,
    /// or `migration_changed` when an applied one has another text now; [`DbError`] of a statement.
    pub async fn migrate(
        &self,
        sets: &[&[Migration]],
        now: Timestamp,
    ) -> Result<Vec<&'static str>, DbError> {
        let mut known: Vec<Migration> = sets.concat();
        known.sort_by_key(|migration| migration.version);
        if let Some(pair) = known
            .windows(2)
            .find(|pair| pair[0].version == pair[1].version)
        {
            let detail = format!("two migrations have the number {}", pair[0].version);
            return Err(DbError::open("migration_number", detail));
        }
        self.write(move |conn| Box::pin(async move { apply(conn, &known, now).await }))
            .await
    }

    /// The names of the migrations that are missing, without applying them.
    ///
    /// # Errors
    /// As [`migrate`](Self::migrate).
    pub async fn missing_migrations(
        &self,
        sets: &[&[Migration]],
    ) -> Result<Vec<&'static str>, DbError> {
        let known: Vec<Migration> = sets.concat();
        self.read(move |conn| {
            Box::pin(async move {
                let applied = if conn.has_history().await? {
                    history(conn).await?
                } else {
                    Vec::new()
                };
                missing(&known, &applied).map(|left| left.iter().map(|step| step.name).collect())
            })
        })
        .await
    }
}

/// Tells schemas apart: by all that is executed on either engine.
#[cfg(feature = "testing")]
pub(crate) fn fingerprint(sets: &[&[Migration]]) -> String {
    use std::sync::{Mutex, PoisonError};
    type Steps = Vec<(i64, &'static str)>;
    /// The last one: nearly every test of a program asks for the same.
    static LAST: Mutex<Option<(Steps, String)>> = Mutex::new(None);
    let mut known: Vec<Migration> = sets.concat();
    known.sort_by_key(|migration| migration.version);
    let steps: Steps = known.iter().map(|step| (step.version, step.sql)).collect();
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((of, print)) = &*last
        && *of == steps
    {
        return print.clone();
    }
    let mut hash = Sha256::new();
    hash.update(HISTORY);
    for (version, sql) in &steps {
        let (pg, lite) = (schema::pg_migration(sql), schema::lite_migration(sql));
        // The text itself too: its checksum is kept in the database.
        hash.update(format!("{version}\n{sql}\n{pg}\n{lite}\n"));
    }
    let digest = hash.finalize();
    let first = digest.iter().take(8);
    let print: String = first.map(|byte| format!("{byte:02x}")).collect();
    *last = Some((steps, print.clone()));
    print
}

async fn apply(
    conn: &mut Conn,
    known: &[Migration],
    now: Timestamp,
) -> Result<Vec<&'static str>, DbError> {
    if matches!(conn.engine, Engine::Pg(_)) {
        // Any number that no other program is likely to use.
        conn.exec_batch("lock", "SELECT pg_advisory_xact_lock(4706512230811)")
            .await?;
    }
    let history_sql = if matches!(conn.engine, Engine::Lite(_)) {
        schema::lite_migration(HISTORY)
    } else {
        HISTORY.to_owned()
    };
    conn.exec_batch("schema_migrations", &history_sql).await?;
    let applied = history(conn).await?;
    let left = missing(known, &applied)?;
    for step in &left {
        let sql = match conn.engine {
            Engine::Lite(_) => schema::lite_migration(step.sql),
            Engine::Pg(_) => schema::pg_migration(step.sql),
        };
        conn.exec_batch(step.name, &sql).await?;
        conn.exec(
            sql!("INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)"),
            vals![step.version, step.name, step.checksum(), now],
        )
        .await?;
    }
    Ok(left.iter().map(|step| step.name).collect())
}

async fn history(conn: &mut Conn) -> Result<Vec<Applied>, DbError> {
    conn.all(
        sql!("SELECT version, name, checksum FROM schema_migrations ORDER BY version"),
        vals![],
    )
    .await
}

fn missing(known: &[Migration], applied: &[Applied]) -> Result<Vec<Migration>, DbError> {
    for done in applied {
        let Some(step) = known.iter().find(|step| step.version == done.version) else {
            return Err(DbError::open(
                "database_too_new",
                format!(
                    "the database was migrated by a newer version of this program (it has {} `{}`). Use that version, or restore a backup made before.",
                    done.version, done.name
                ),
            ));
        };
        if step.checksum() != done.checksum {
            return Err(DbError::open(
                "migration_changed",
                format!(
                    "migration {} `{}` was changed after it had been applied. Put it back as it was and add a new one.",
                    step.version, step.name
                ),
            ));
        }
    }
    let is_done = |step: &&Migration| applied.iter().any(|done| done.version == step.version);
    Ok(known
        .iter()
        .filter(|step| !is_done(step))
        .copied()
        .collect())
}
