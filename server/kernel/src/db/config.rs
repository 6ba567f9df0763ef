//! Where the database is.

use std::path::PathBuf;

use super::DbError;

/// Where the records are and how they are reached: section `[database]`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `sqlite:PATH` or `postgres://user:password@host:port/database`.
    pub url: String,
    /// How many connections this node opens to PostgreSQL at most.
    #[serde(default = "defaults::max_connections")]
    pub max_connections: u32,
    /// How long a request waits for one of them before it is refused as busy.
    #[serde(default = "defaults::acquire_timeout_ms")]
    pub acquire_timeout_ms: u64,
}

mod defaults {
    pub(super) fn max_connections() -> u32 {
        16
    }

    pub(super) fn acquire_timeout_ms() -> u64 {
        5_000
    }
}

impl DatabaseConfig {
    /// This database with the default settings.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: defaults::max_connections(),
            acquire_timeout_ms: defaults::acquire_timeout_ms(),
        }
    }
}

/// The file of a SQLite URL, or `None` for PostgreSQL.
pub(super) fn lite_path(url: &str) -> Result<Option<PathBuf>, DbError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(None);
    }
    let path = url
        .strip_prefix("sqlite:")
        .map(|path| path.strip_prefix("//").unwrap_or(path));
    match path {
        Some(":memory:") => Err(DbError::open(
            "database_url",
            "database.url is sqlite::memory:, which readers could not see. Give a file: sqlite:bilten.db.",
        )),
        Some(path) if !path.is_empty() => Ok(Some(PathBuf::from(path))),
        // The URL may hold a password, so it is not repeated.
        _ => Err(DbError::open(
            "database_url",
            "database.url must be sqlite:PATH or postgres://user:password@host:port/database.",
        )),
    }
}
