//! The level of the log, while the process runs.

use std::sync::{Mutex, OnceLock, PoisonError};

use bilten_kernel::telemetry::LogLevel;

/// Changes the level of this process's log; without a log it only remembers what was wanted.
#[derive(Debug, Default)]
pub struct LogControl {
    handle: OnceLock<LogLevel>,
    now: Mutex<String>,
}

impl LogControl {
    /// Takes the log over, which is at this level now; once.
    pub fn attach(&self, handle: LogLevel, level: &str) {
        let mut now = self.lock();
        let _ = self.handle.set(handle);
        level.clone_into(&mut now);
    }

    /// Logs from this level on.
    pub fn set(&self, level: &str) {
        let mut now = self.lock();
        if *now == level {
            return;
        }
        if let Some(handle) = self.handle.get() {
            // Said before it gets quieter, or after it has become louder.
            tracing::info!(from = *now, to = level, "the level of the log changes");
            if let Err(error) = handle.set(level) {
                tracing::error!(%error, "the level of the log stays as it was");
                return;
            }
        }
        level.clone_into(&mut now);
    }

    /// From which level on is logged.
    pub fn level(&self) -> String {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, String> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
