//! Looking at a database without changing anything, not even a file beside it: for whoever asks
//! what is wrong before a server is started.

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::reader::Readers;
use super::{Backend, Conn, DatabaseConfig, Db, DbError, config, lite, pg};
use crate::clock::Timestamp;
use crate::{sql, vals};

/// SQLite's file as it lies there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiteFile {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it exists.
    pub exists: bool,
    /// The process id of the server that has it, or an empty text if it does not say.
    pub holder: Option<String>,
}

/// What an engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Its version.
    pub version: String,
    /// What is set.
    pub settings: Settings,
    /// When the schema was last changed, by the clock of whoever did it.
    pub migrated_at: Option<Timestamp>,
}

/// The settings that decide whether nothing is lost and nobody waits in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settings {
    /// SQLite; the rest is set by us whenever the file is opened.
    Lite {
        /// Whether changes are kept in a write-ahead log, as in each file that a server has opened.
        is_wal: bool,
    },
    /// PostgreSQL.
    Pg {
        /// The version as a number, such as 150004.
        version_number: i32,
        /// Whether commits reach the disk.
        fsync: bool,
        /// Whether torn pages can be mended after a crash.
        full_page_writes: bool,
        /// Whether a commit waits for the disk.
        synchronous_commit: String,
        /// The encoding of texts.
        encoding: String,
        /// How many connections it takes.
        max_connections: i32,
        /// How many there are.
        connections: i64,
        /// Whether it is a replica, which refuses writes.
        is_replica: bool,
        /// Whether this user may make tables.
        may_create: bool,
        /// Its clock.
        now: Timestamp,
    },
}

impl DatabaseConfig {
    /// SQLite's file, or `None` if this is a PostgreSQL database.
    ///
    /// # Errors
    /// [`DbError::Open`] with `database_url` if it is neither, or if the lock cannot be looked at.
    pub fn lite_file(&self) -> Result<Option<LiteFile>, DbError> {
        let Some(path) = config::lite_path(&self.url)? else {
            return Ok(None);
        };
        Ok(Some(LiteFile {
            exists: path.exists(),
            holder: lite::holder(&path)?,
            path,
        }))
    }
}

impl Db {
    /// Opens the database to look at it, beside a running server or without one. A SQLite file
    /// that no server has is opened as one that nobody changes, so that none is made beside it.
    ///
    /// # Errors
    /// [`DbError::Open`], with the code `database_missing` if there is no such file.
    pub async fn open_to_inspect(config: &DatabaseConfig) -> Result<Self, DbError> {
        let Some(file) = config.lite_file()? else {
            return Ok(Self::new(
                Backend::Pg(pg::open(config).await?),
                Arc::default(),
            ));
        };
        if !file.exists {
            let detail = format!("there is no file {}", file.path.display());
            return Err(DbError::open("database_missing", detail));
        }
        let mut wal = file.path.as_os_str().to_owned();
        wal.push("-wal");
        let is_still = file.holder.is_none() && !PathBuf::from(wal).exists();
        let open = if is_still {
            lite::open_still
        } else {
            lite::open_reader
        };
        open(&file.path)?;
        let signals = Arc::default();
        let readers = Readers::opened_by(open, &file.path, Arc::clone(&signals));
        Ok(Self::new(
            Backend::Lite {
                readers,
                writer: None,
            },
            signals,
        ))
    }

    /// What the engine says of itself.
    ///
    /// # Errors
    /// [`DbError`] if it does not answer.
    pub async fn inspect(&self) -> Result<Inspection, DbError> {
        let (version, settings) = match &*self.backend {
            Backend::Lite { readers, .. } => {
                let is_wal = lite::is_wal(readers.path())?;
                (rusqlite::version().to_owned(), Settings::Lite { is_wal })
            }
            Backend::Pg(pool) => {
                let asked = sqlx::query(PG_SETTINGS).fetch_one(pool).await;
                asked
                    .and_then(|row| pg_settings(&row))
                    .map_err(|error| DbError::pg("inspect", &error))?
            }
        };
        let migrated_at = self
            .read(|conn| Box::pin(async move { newest_migration(conn).await }))
            .await?;
        Ok(Inspection {
            version,
            settings,
            migrated_at,
        })
    }
}

async fn newest_migration(conn: &mut Conn) -> Result<Option<Timestamp>, DbError> {
    if !conn.has_history().await? {
        return Ok(None);
    }
    conn.scalar(
        sql!("SELECT MAX(applied_at) FROM schema_migrations"),
        vals![],
    )
    .await
}

const PG_SETTINGS: &str = "SELECT current_setting('server_version'),
    current_setting('server_version_num')::int4,
    current_setting('fsync') = 'on',
    current_setting('full_page_writes') = 'on',
    current_setting('synchronous_commit'),
    current_setting('server_encoding'),
    current_setting('max_connections')::int4,
    (SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
    pg_is_in_recovery(),
    COALESCE(has_schema_privilege(current_schema(), 'CREATE'), FALSE),
    (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::int8";

fn pg_settings(row: &PgRow) -> Result<(String, Settings), sqlx::Error> {
    let settings = Settings::Pg {
        version_number: row.try_get(1)?,
        fsync: row.try_get(2)?,
        full_page_writes: row.try_get(3)?,
        synchronous_commit: row.try_get(4)?,
        encoding: row.try_get(5)?,
        max_connections: row.try_get(6)?,
        connections: row.try_get(7)?,
        is_replica: row.try_get(8)?,
        may_create: row.try_get(9)?,
        now: Timestamp::from_ms(row.try_get(10)?),
    };
    Ok((row.try_get(0)?, settings))
}
