//! Reading from SQLite on the thread that asks.
//!
//! A read of a few rows takes microseconds; handing it to another thread costs more than doing it
//! (measured: 135,000 against 62,000 requests/s). So each thread keeps read-only connections of
//! its own, and WAL lets them see a snapshot while the writer goes on.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use super::conn::Engine;
use super::{Conn, DbError, Signals, lite};

thread_local! {
    /// The idle connections of this thread, with the database each belongs to.
    static IDLE: RefCell<Vec<(Weak<PathBuf>, Conn)>> = const { RefCell::new(Vec::new()) };
}

/// How a connection is opened.
pub(super) type Open = fn(&Path) -> Result<rusqlite::Connection, DbError>;

/// Hands out this thread's connections to one database.
pub(super) struct Readers {
    path: Arc<PathBuf>,
    open: Open,
    signals: Arc<Signals>,
}

impl Readers {
    pub(super) fn new(path: &Path, signals: Arc<Signals>) -> Self {
        Self::opened_by(lite::open_reader, path, signals)
    }

    pub(super) fn opened_by(open: Open, path: &Path, signals: Arc<Signals>) -> Self {
        Self {
            path: Arc::new(path.to_owned()),
            open,
            signals,
        }
    }

    /// Where the database is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `read` with a connection of this thread.
    pub(super) fn with<T, E: From<DbError>>(
        &self,
        read: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut conn = self.take()?;
        conn.failed = None;
        let result = read(&mut conn);
        // A connection that a failure may have left in a transaction is not kept.
        if matches!(&conn.engine, Engine::Lite(lite) if lite.is_autocommit()) {
            let database = Arc::downgrade(&self.path);
            // While a thread ends it has no place to keep it; dropping it is right then.
            let _ = IDLE.try_with(|idle| idle.borrow_mut().push((database, conn)));
        }
        result
    }

    fn take(&self) -> Result<Conn, DbError> {
        let own = Arc::downgrade(&self.path);
        let kept = IDLE.try_with(|idle| {
            let mut idle = idle.borrow_mut();
            idle.retain(|(database, _)| database.strong_count() > 0);
            let place = idle
                .iter()
                .position(|(database, _)| database.ptr_eq(&own))?;
            Some(idle.swap_remove(place).1)
        });
        match kept {
            Ok(Some(conn)) => Ok(conn),
            Ok(None) | Err(_) => {
                let engine = Engine::Lite((self.open)(&self.path)?);
                Ok(Conn::new(engine, Arc::clone(&self.signals)))
            }
        }
    }
}
