//! What can go wrong with a database, by what a caller does differently about it.

use std::fmt;

use super::observe;

/// Which promise of the schema a statement would have broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Violation {
    /// A primary key or unique index already has these values.
    Unique,
    /// The row refers to a row that does not exist, or is still referred to.
    ForeignKey,
    /// A `CHECK` said no.
    Check,
    /// A column that must have a value would have none.
    NotNull,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unique => "unique",
            Self::ForeignKey => "foreign key",
            Self::Check => "check",
            Self::NotNull => "not null",
        })
    }
}

/// A refusal or failure of the database. `at` is the place of the statement in our source.
///
/// It is cheap to clone, because one failed commit answers every write of its group.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// A constraint held; the write did not happen.
    #[error("{kind} violation at {at}: {detail}")]
    Violation {
        /// Which kind of constraint.
        kind: Violation,
        /// The table it is on, where the engine tells.
        table: Option<String>,
        /// Where the statement is written.
        at: &'static str,
        /// What the engine said.
        detail: String,
    },
    /// `one` found no row.
    #[error("no row at {at}")]
    NoRow {
        /// Where the statement is written.
        at: &'static str,
    },
    /// A column is missing, or holds what its Rust type cannot.
    #[error("column `{column}` at {at}: {detail}")]
    Column {
        /// The name of the column.
        column: String,
        /// Where the statement is written.
        at: &'static str,
        /// What does not fit.
        detail: String,
    },
    /// Too much is going on just now (lock, queue, pool, deadlock); trying again later may help.
    #[error("database busy at {at}: {detail}")]
    Busy {
        /// Where it was noticed.
        at: &'static str,
        /// What was busy.
        detail: String,
    },
    /// The database cannot be reached; a write that was being committed may or may not have been.
    #[error("database unavailable at {at}: {detail}")]
    Unavailable {
        /// Where it was noticed.
        at: &'static str,
        /// What the connection said.
        detail: String,
    },
    /// A statement of this write failed before, so nothing of it may be committed.
    #[error("the write was refused because the statement at {at} had failed in it")]
    Poisoned {
        /// Where the failed statement is written.
        at: &'static str,
    },
    /// The closure of a write or read awaited something other than its `Conn`.
    #[error("a database closure waited for something other than the database")]
    WouldWait,
    /// The closure of a write or read panicked; nothing of it was kept.
    #[error("a database closure panicked: {0}")]
    Panicked(String),
    /// The database was closed, or opened for reading only.
    #[error("{0}")]
    Closed(&'static str),
    /// The database cannot be opened as it is configured.
    #[error("{detail}")]
    Open {
        /// Stable code of the reason, such as `database_in_use`.
        code: &'static str,
        /// What is wrong and how to mend it.
        detail: String,
    },
    /// Anything else: a fault of ours or of the machine.
    #[error("database fault at {at}: {detail}")]
    Fault {
        /// Where the statement is written.
        at: &'static str,
        /// What the engine said.
        detail: String,
    },
}

impl DbError {
    /// Whether this is a violation of that kind.
    pub fn violates(&self, wanted: Violation) -> bool {
        matches!(self, Self::Violation { kind, .. } if *kind == wanted)
    }

    /// Whether the same write may succeed when tried again a little later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unavailable { .. })
    }

    /// A stable code for logs and for the command line.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Violation { .. } => "database_violation",
            Self::NoRow { .. } => "database_no_row",
            Self::Column { .. } => "database_column",
            Self::Busy { .. } => "database_busy",
            Self::Unavailable { .. } => "database_unavailable",
            Self::Poisoned { .. } => "database_poisoned",
            Self::WouldWait => "database_would_wait",
            Self::Panicked(_) => "database_panicked",
            Self::Closed(_) => "database_closed",
            Self::Open { code, .. } => code,
            Self::Fault { .. } => "database_fault",
        }
    }

    pub(super) fn fault(at: &'static str, detail: impl fmt::Display) -> Self {
        Self::Fault {
            at,
            detail: detail.to_string(),
        }
    }

    pub(super) fn open(code: &'static str, detail: impl fmt::Display) -> Self {
        Self::Open {
            code,
            detail: detail.to_string(),
        }
    }

    /// The error of a caught panic.
    pub(crate) fn panicked(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Self::Panicked(text.unwrap_or_else(|| "no message".to_owned()))
    }

    pub(super) fn lite(at: &'static str, error: &rusqlite::Error) -> Self {
        observe::failed(Self::of_lite(at, error))
    }

    fn of_lite(at: &'static str, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        use rusqlite::ffi;
        let detail = error.to_string();
        let Some(found) = error.sqlite_error() else {
            return Self::Fault { at, detail };
        };
        let violation = |kind| {
            // "UNIQUE constraint failed: table.column, …"; a foreign key names nothing.
            let named = detail
                .split_once("failed: ")
                .and_then(|(_, rest)| rest.split_once('.'));
            let table = named.map(|(table, _)| table.to_owned());
            Self::Violation {
                kind,
                table,
                at,
                detail: detail.clone(),
            }
        };
        match found.extended_code {
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID => violation(Violation::Unique),
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => violation(Violation::ForeignKey),
            ffi::SQLITE_CONSTRAINT_CHECK => violation(Violation::Check),
            ffi::SQLITE_CONSTRAINT_NOTNULL => violation(Violation::NotNull),
            _ if matches!(found.code, Code::DatabaseBusy | Code::DatabaseLocked) => {
                Self::Busy { at, detail }
            }
            _ if matches!(
                found.code,
                Code::DiskFull | Code::CannotOpen | Code::SystemIoFailure
            ) =>
            {
                Self::Unavailable { at, detail }
            }
            _ => Self::Fault { at, detail },
        }
    }

    pub(super) fn pg(at: &'static str, error: &sqlx::Error) -> Self {
        observe::failed(Self::of_pg(at, error))
    }

    fn of_pg(at: &'static str, error: &sqlx::Error) -> Self {
        let detail = error.to_string();
        let Some(found) = error.as_database_error() else {
            use sqlx::Error as Sqlx;
            return if matches!(error, Sqlx::PoolTimedOut) {
                Self::Busy { at, detail }
            } else if matches!(error, Sqlx::Io(_) | Sqlx::Tls(_) | Sqlx::WorkerCrashed) {
                Self::Unavailable { at, detail }
            } else if matches!(error, Sqlx::PoolClosed) {
                Self::Closed("the database was closed")
            } else {
                Self::Fault { at, detail }
            };
        };
        let violation = |kind| {
            let table = found.table().map(str::to_owned);
            Self::Violation {
                kind,
                table,
                at,
                detail: detail.clone(),
            }
        };
        let state = found.code().unwrap_or_default();
        match &*state {
            "23505" => violation(Violation::Unique),
            "23503" | "23001" => violation(Violation::ForeignKey),
            "23514" => violation(Violation::Check),
            "23502" => violation(Violation::NotNull),
            // Serialisation failure, deadlock, lock timeout, cancelled by timeout, too many.
            "40001" | "40P01" | "55P03" | "57014" | "53300" => Self::Busy { at, detail },
            // Our own mistake in talking to it, which shares the class of lost connections.
            "08P01" => Self::Fault { at, detail },
            _ if state.starts_with("08") || state.starts_with("53") || state.starts_with("57P") => {
                Self::Unavailable { at, detail }
            }
            _ => Self::Fault { at, detail },
        }
    }
}
