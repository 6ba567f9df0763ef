//! What is traced and measured of the database.

use tracing::{Level, Span};

use super::{DbError, Statement};
use crate::metric;
use crate::telemetry::SIZES;

metric! {
    /// How long it took to get a connection to PostgreSQL.
    pub(super) ACQUIRED: Histogram = "bilten_db_acquire_seconds"
}
metric! {
    /// Connections to PostgreSQL that could not be had.
    pub(super) NOT_ACQUIRED: Counter = "bilten_db_acquire_failed_total"
}
metric! {
    /// How long commits took, until they were durable.
    pub(super) COMMITTED: Histogram = "bilten_db_commit_seconds"
}
metric! {
    /// How many writes one commit of SQLite served.
    pub(super) GROUPED: Histogram = "bilten_db_group_commit_size", limits: SIZES
}
metric! {
    /// What the database failed to do, by kind.
    FAILED: Counter = "bilten_db_errors_total"
}

/// The span of a statement: what it does to which table and where it is written, never its values.
/// Statements that belong to nothing, such as looking for jobs every second, have none.
pub(super) fn span(statement: &'static Statement, system: &'static str) -> Span {
    if !tracing::span_enabled!(Level::TRACE) || Span::current().is_none() {
        return Span::none();
    }
    tracing::trace_span!(
        "statement",
        otel.name = statement.name(),
        otel.kind = "client",
        db.system.name = system,
        db.query.summary = statement.name(),
        code.location = statement.at(),
    )
}

/// The span of a whole write, with its commit.
pub(super) fn write_span(system: &'static str) -> Span {
    if !tracing::span_enabled!(Level::TRACE) || Span::current().is_none() {
        return Span::none();
    }
    tracing::trace_span!(
        "write",
        otel.name = "write",
        otel.kind = "client",
        db.system.name = system,
    )
}

/// Counts what the database failed to do; what it refuses, such as a key that is there already, is
/// no failure.
pub(super) fn failed(error: DbError) -> DbError {
    if matches!(
        error,
        DbError::Busy { .. } | DbError::Unavailable { .. } | DbError::Fault { .. }
    ) {
        FAILED.add(&[("kind", error.code())], 1);
    }
    error
}
