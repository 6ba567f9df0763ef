//! Guarding writes: something that each write of a task does first, in the same transaction.
//!
//! For work that must be known of exactly if it was written, and that must write nothing more once
//! somebody else has taken it over: what is written and that it was written are one transaction.
//! Only writes that the task itself makes are guarded, not those of lanes and jobs that it causes.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Conn, DbError};

/// What guards writes.
pub trait Guard: Send + Sync {
    /// Runs at the beginning of a write; an error refuses the write.
    fn check<'c>(&'c self, conn: &'c mut Conn) -> BoxFuture<'c, Result<(), DbError>>;
}

tokio::task_local! {
    static GUARD: Arc<dyn Guard>;
}

/// Runs a future whose writes are guarded.
pub async fn guarded<F: Future>(guard: Arc<dyn Guard>, future: F) -> F::Output {
    GUARD.scope(guard, future).await
}

/// What guards the writes of this task.
pub(super) fn current() -> Option<Arc<dyn Guard>> {
    GUARD.try_with(Arc::clone).ok()
}
