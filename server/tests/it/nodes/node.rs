//! A node: a real process that is killed and started again.

use std::process::Child;
use std::time::{Duration, Instant};

use bilten_kernel::db::{Db, DbError};
use bilten_kernel::testing::TestDb;
use bilten_kernel::{sql, vals};

use crate::crash::{requests_run_out, serve};

/// How long anything may take that is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A node of its own folder and address.
pub(super) struct Node {
    pub(super) url: String,
    db: bilten_kernel::db::DatabaseConfig,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Node {
    /// With these settings; not started yet.
    pub(super) fn new(db: &TestDb, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bilten.toml"), settings).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self {
            url,
            db: db.config().clone(),
            folder,
            child: None,
        }
    }

    /// Runs a command of it.
    pub(super) fn run(&self, arguments: &[&str]) -> String {
        let mut command = crate::crash::bilten(&self.db, self.folder.path());
        command.args(arguments);
        crate::crash::printed(command)
    }

    pub(super) async fn start(&mut self) {
        self.child = Some(serve(&self.db, self.folder.path(), &self.url).await);
    }

    /// Ends it in the middle of whatever it does: SIGKILL on Unix.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Lets claims of a dead node run out now: nobody wants to wait a minute for them. Those of the
/// living one run out as well, as if it had stood still for that long; it has to live with that.
pub(super) async fn claims_run_out(db: &Db) {
    db.write(|c| {
        Box::pin(async move {
            for statement in [
                sql!("UPDATE jobs SET run_at = 0 WHERE claim IS NOT NULL AND recurring IS NULL"),
                sql!("UPDATE outbox SET run_at = 0 WHERE claim IS NOT NULL"),
                sql!("UPDATE webhook_deliveries SET claimed_until = 0 WHERE state = 'pending'"),
            ] {
                c.exec(statement, vals![]).await?;
            }
            Ok::<_, DbError>(())
        })
    })
    .await
    .unwrap();
    requests_run_out(db).await;
}

/// Waits until something is so.
pub(super) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "still not so: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
