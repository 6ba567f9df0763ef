//! Killed at any moment of a rotation: every secret opens, and the audit log holds.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bilten_kernel::clock::{Clock, SystemClock};
use bilten_kernel::db::{DatabaseConfig, Db};
use bilten_kernel::on_both_engines;
use bilten_kernel::random::{self, OsRandom};
use bilten_server::app::{App, Post};
use bilten_server::config::{Config, DEFAULTS};
use bilten_server::platform::{self, AuditRecord, MasterKey, Masters, Vault};
use bilten_server::{MIGRATIONS, server};

use super::{holds, record, record_from};
use crate::cli::{bilten, finish};

/// The two master keys that take turns.
const MASTERS: [&str; 2] = ["5a", "6b"];
const PERSONS: usize = 1_500;

fn rotating(config: &DatabaseConfig, folder: &Path, round: u64) -> Command {
    let mut command = bilten(folder);
    command
        .env("BILTEN_DATABASE__URL", &config.url)
        .env("BILTEN_SECRETS__MASTER_KEY_FILE", "0.key")
        .env("BILTEN_SECRETS__PREVIOUS_MASTER_KEY_FILES", "[\"1.key\"]")
        .args(["keys", "rotate"]);
    if round % 3 == 2 {
        command.args(["--master", &format!("{}.key", round % 2)]);
    } else {
        command.args(["--grace", "0"]);
    }
    command
}

/// A node of the installation, with both master keys.
async fn node(config: &DatabaseConfig) -> App {
    let db = Db::open(config).await.unwrap();
    db.migrate(&[bilten_kernel::MIGRATIONS, MIGRATIONS], SystemClock.now())
        .await
        .unwrap();
    let keys = MASTERS.map(|digits| MasterKey::from_hex(&digits.repeat(32)).unwrap());
    let [current, other] = keys;
    let masters = Masters::new(current, vec![other]);
    let columns = server::sealed_columns();
    let vault = Vault::unlock(&db, masters, columns, &OsRandom, SystemClock.now())
        .await
        .unwrap();
    let settings: Config = bilten_kernel::config::load(None, DEFAULTS, std::iter::empty()).unwrap();
    let post = Post::new(&settings, server::outside(&settings)).unwrap();
    App::new(
        db,
        Arc::new(SystemClock),
        Arc::new(OsRandom),
        settings,
        vault,
        post,
    )
}

on_both_engines! {
    /// covers: BE-8, DB-5, DB-6
    async fn rotation_survives_kill_9(db: TestDb) {
        let folder = tempfile::tempdir().unwrap();
        for (n, digits) in MASTERS.iter().enumerate() {
            std::fs::write(folder.path().join(format!("{n}.key")), digits.repeat(32)).unwrap();
        }
        let (config, is_shared) = (db.config().clone(), db.engine() == "postgres");
        db.db().close().await;
        let app = node(&config).await;
        for n in 0..PERSONS {
            record_from(&app, AuditRecord::new("usr_1", "test.done", "evt_1"), &format!("usr_{n}")).await;
        }
        let token = app.vault.mac("a token", &[b"x"]);
        let mut appended = holds(&platform::verify_audit(&app.db, &app.vault, None).await.unwrap());
        // A node that goes on working meanwhile; a SQLite file has room for one process only.
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(std::sync::atomic::AtomicI64::new(0)));
        let worker = is_shared.then(|| {
            let (app, stop, acknowledged) = (app.clone(), Arc::clone(&stop), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                for n in 0.. {
                    if stop.load(Ordering::SeqCst) { break }
                    record_from(&app, AuditRecord::new("usr_1", "test.done", "evt_1"), &format!("usr_{}", n % (2 * PERSONS))).await;
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        if !is_shared {
            app.db.clone().close().await;
        }

        let (mut killed, mut ended) = (0, 0);
        for round in 0..24 {
            let mut child = rotating(&config, folder.path(), round)
                .stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            tokio::time::sleep(Duration::from_millis(20 + random::below(&OsRandom, 400))).await;
            // SIGKILL on Unix; one that has ended is not killed any more.
            if child.try_wait().unwrap().is_none() {
                child.kill().unwrap();
                killed += 1;
            } else {
                ended += 1;
            }
            child.wait().unwrap();
            if !is_shared && round % 4 == 3 {
                let app = node(&config).await;
                record(&app, AuditRecord::new("usr_1", "test.between", "evt_1")).await;
                appended += 1;
                let verdict = platform::verify_audit(&app.db, &app.vault, None).await.unwrap();
                assert!(holds(&verdict) >= appended);
                assert_eq!(platform::check_sealed(&app).await.unwrap().1, 0);
                app.db.clone().close().await;
            }
        }
        assert!(killed > 3, "{killed} killed, {ended} came to their end");
        stop.store(true, Ordering::SeqCst);
        if let Some(worker) = worker {
            worker.await.unwrap();
            app.db.clone().close().await;
        }

        // Undisturbed it comes to its end, whatever was left half-done.
        for round in [0, 2, 5] {
            let (config, folder) = (config.clone(), folder.path().to_owned());
            let done = tokio::task::spawn_blocking(move || finish(&mut rotating(&config, &folder, round)));
            let done = done.await.unwrap();
            assert_eq!(done.code, Some(0), "{}", done.stderr);
        }
        let app = node(&config).await;
        let (opens, does_not) = platform::check_sealed(&app).await.unwrap();
        assert!(opens >= PERSONS as u64 && does_not == 0, "{opens} open, {does_not} do not");
        assert_eq!(app.vault.mac("a token", &[b"x"]), token);
        let verdict = platform::verify_audit(&app.db, &app.vault, None).await.unwrap();
        assert!(holds(&verdict) >= appended + acknowledged.load(Ordering::SeqCst));
        platform::reseal(&app, Duration::MAX).await.unwrap();
        let report = platform::keys_report(&app).await.unwrap();
        assert!(report.sealed.iter().all(|count| count.older == 0), "{report:?}");
        app.db.clone().close().await;
    }
}
