//! What a running server says of itself: log lines, traces, metrics, signs of life; and what changes
//! without a restart.

mod deploy;
mod health;
mod logs;
mod metrics;
mod reload;
mod traces;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bilten_kernel::db::DatabaseConfig;
use bilten_kernel::testing::TestDb;
use serde_json::Value;

use crate::app::{Client, TestApp};
use crate::cli;

/// Somebody who administers the platform, with a second factor.
pub(crate) async fn administrator(t: &TestApp) -> Client {
    let user = t.person("admin").await;
    t.grant_platform(user).await;
    t.signed_in(user, true).await
}

/// The real program as a process of its own, with an organisation; what it logs is kept.
struct Process {
    child: Child,
    url: String,
    key: String,
    folder: tempfile::TempDir,
    log: Arc<Mutex<Vec<String>>>,
}

fn program(config: &DatabaseConfig, folder: &Path, env: &[(&str, &str)]) -> Command {
    let mut command = cli::bilten(folder);
    command
        .env("BILTEN_DATABASE__URL", &config.url)
        .env("BILTEN_SECRETS__MASTER_KEY", "5a".repeat(32))
        .env("BILTEN_LOG__FORMAT", "json")
        .envs(env.iter().copied());
    command
}

/// Starts it; each line that it logs comes into `log`.
fn spawn(
    config: &DatabaseConfig,
    folder: &Path,
    env: &[(&str, &str)],
    address: &str,
    log: &Arc<Mutex<Vec<String>>>,
) -> Child {
    let mut child = program(config, folder, env)
        .args(["serve", "--listen", address])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (lines, written) = (
        BufReader::new(child.stderr.take().unwrap()),
        Arc::clone(log),
    );
    std::thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            written.lock().unwrap().push(line);
        }
    });
    child
}

impl Process {
    /// Starts it in a folder of its own with this configuration file and environment.
    async fn start(db: TestDb, file: &str, env: &[(&str, &str)]) -> (Self, TestDb) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bilten.toml"), file).unwrap();
        let config = db.config().clone();
        // The file belongs to the program from here on.
        db.db().close().await;
        let run = |arguments: &[&str]| {
            let ended = cli::finish(program(&config, folder.path(), env).args(arguments));
            assert_eq!(ended.code, Some(0), "{ended:?}");
            ended.stdout
        };
        run(&["organisation", "create", "Kino"]);
        let key = run(&["key", "create", "--organisation", "kino"]);
        let key = key.split('\t').nth(1).unwrap().trim().to_owned();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = port.local_addr().unwrap().to_string();
        drop(port);
        let log = Arc::new(Mutex::new(Vec::new()));
        let child = spawn(&config, folder.path(), env, &address, &log);
        let process = Self {
            child,
            url: format!("http://{address}"),
            key,
            folder,
            log,
        };
        process.ready().await;
        (process, db)
    }

    /// Stops it and starts it again where it was, on the same database.
    async fn restart(&mut self, db: &TestDb, env: &[(&str, &str)]) {
        self.signal("-TERM");
        let status = tokio::task::block_in_place(|| self.child.wait()).unwrap();
        assert!(status.success(), "{status}: {}", self.lines().join("\n"));
        let address = self.url.trim_start_matches("http://");
        self.child = spawn(db.config(), self.folder.path(), env, address, &self.log);
        self.ready().await;
    }

    async fn ready(&self) {
        for _ in 0..600 {
            let ready = reqwest::get(format!("{}/readyz", self.url)).await;
            if ready.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it did not start: {:?}", self.log.lock().unwrap());
    }

    fn organiser(&self) -> Client {
        Client::new(&self.url, Some(&self.key))
    }

    fn stranger(&self) -> Client {
        Client::new(&self.url, None)
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// The lines of the log so far.
    fn lines(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Waits for a line of the log.
    async fn line(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..200 {
            let found = self
                .lines()
                .iter()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .find(|line| fits(line));
            if let Some(found) = found {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no line with {what}:\n{}", self.lines().join("\n"));
    }

    /// Stops it as an operator does; gives its log.
    async fn stop(mut self) -> Vec<String> {
        self.signal("-TERM");
        let status = tokio::task::block_in_place(|| self.child.wait()).unwrap();
        assert!(status.success(), "{status}: {}", self.lines().join("\n"));
        // The thread that reads has a moment for the last lines.
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.lines()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A test that fails must not leave it behind; after a good end this does nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
