//! Keys are replaced while everybody works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_kernel::random::OsRandom;
use bilten_server::app::{App, Post};
use bilten_server::platform::{
    self, AuditRecord, KeyState, KeysError, MasterKey, Masters, PlatformError, Vault, VaultError,
};
use bilten_server::server;

use super::{holds, record_from};
use crate::access::buy;
use crate::app::{TestApp, vault};

/// How many texts older keys have sealed, and how many there are.
async fn older(app: &App) -> (i64, i64) {
    let sealed = platform::keys_report(app).await.unwrap().sealed;
    sealed.iter().fold((0, 0), |(older, total), count| {
        (older + count.older, total + count.total)
    })
}

async fn load(t: &TestApp, current: &str, others: &[&str]) -> Result<Vault, KeysError> {
    let key = |digits: &str| MasterKey::from_hex(&digits.repeat(32)).unwrap();
    let others = others.iter().map(|digits| key(digits)).collect();
    let masters = Masters::new(key(current), others);
    Vault::load(&t.app.db, masters, server::sealed_columns(), t.app.now()).await
}

on_both_engines! {
    /// covers: BE-8, DB-5
    async fn everything_is_sealed_again_while_readers_work(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 500)]).await;
        for n in 0..450 {
            record_from(&t.app, AuditRecord::new("usr_1", "test.done", "evt_1"), &format!("usr_{n}")).await;
        }
        let token = t.app.vault.mac("a token", &[b"x"]);
        let (stop, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let workers: Vec<_> = (0..3).map(|worker| {
            let (app, stop, reads) = (t.app.clone(), Arc::clone(&stop), Arc::clone(&reads));
            tokio::spawn(async move {
                let mut n = 0;
                while !stop.load(Ordering::SeqCst) {
                    // A person from before, whose key is read, and a new one, whose key is made.
                    n += 1;
                    record_from(&app, AuditRecord::new("usr_1", "test.done", "evt_1"), &format!("usr_{}", n % 450)).await;
                    record_from(&app, AuditRecord::new("usr_1", "test.done", "evt_1"), &format!("usr_{worker}_{n}")).await;
                    assert_eq!(platform::check_sealed(&app).await.unwrap().1, 0);
                    reads.fetch_add(1, Ordering::SeqCst);
                }
            })
        }).collect();
        for _ in 0..3 {
            let key = platform::rotate_keys(&t.app, "usr_1", Duration::ZERO).await.unwrap();
            let done = platform::reseal(&t.app, Duration::MAX).await.unwrap();
            assert!(done.moved >= 451 && done.unreadable == 0, "{done:?}");
            let report = platform::keys_report(&t.app).await.unwrap();
            assert_eq!(report.keys.iter().filter(|k| k.state == KeyState::Active).map(|k| k.id).collect::<Vec<_>>(), [1, key]);
        }
        stop.store(true, Ordering::SeqCst);
        for worker in workers {
            worker.await.unwrap();
        }
        assert!(reads.load(Ordering::SeqCst) >= 3);
        platform::reseal(&t.app, Duration::MAX).await.unwrap();
        let (old, total) = older(&t.app).await;
        assert_eq!(old, 0);
        assert!(total > 450);
        let report = platform::keys_report(&t.app).await.unwrap();
        assert!(report.keys.iter().all(|key| matches!(key.state, KeyState::Active | KeyState::Retired)), "{report:?}");
        // Tokens stay what they were, and tickets are signed by the key of the event as before.
        assert_eq!(t.app.vault.mac("a token", &[b"x"]), token);
        assert_eq!(vault(&t.app.db, t.app.now()).await.mac("a token", &[b"x"]), token);
        buy(&t, &event, 1, "after").await;
        holds(&platform::verify_audit(&t.app.db, &t.app.vault, None).await.unwrap());
        t.stop().await;
    }

    /// covers: BE-8, DB-5
    async fn a_new_key_seals_only_when_every_node_knows_it(db: TestDb) {
        let t = TestApp::start(db).await;
        let other = vault(&t.app.db, t.app.now()).await;
        let key = platform::rotate_keys(&t.app, "usr_1", Duration::from_secs(60)).await.unwrap();
        let refused = platform::rotate_keys(&t.app, "usr_1", Duration::ZERO).await;
        assert!(matches!(refused, Err(PlatformError::RotationUnderWay)));
        let coming = |report: platform::KeysReport| report.keys.iter().find(|k| k.id == key).unwrap().state;
        assert_eq!(coming(platform::keys_report(&t.app).await.unwrap()), KeyState::Coming);
        // What this node seals the other opens, which has not read the keys since.
        let sealed = t.app.vault.seal("p", b"secret", &OsRandom).unwrap();
        assert_eq!(other.open("p", &sealed).unwrap(), b"secret");
        other.refresh(&t.app.db, t.app.now()).await.unwrap();

        t.clock.advance(Duration::from_secs(61));
        t.app.vault.refresh(&t.app.db, t.app.now()).await.unwrap();
        assert_eq!(coming(platform::keys_report(&t.app).await.unwrap()), KeyState::Active);
        let sealed = t.app.vault.seal("p", b"secret", &OsRandom).unwrap();
        assert_eq!(sealed[..5], [[1].as_slice(), &key.to_be_bytes()].concat());
        assert_eq!(other.open("p", &sealed).unwrap(), b"secret");
        // A node that missed a key altogether says so, and reads it.
        platform::rotate_keys(&t.app, "usr_1", Duration::ZERO).await.unwrap();
        let sealed = t.app.vault.seal("p", b"secret", &OsRandom).unwrap();
        assert!(matches!(other.open("p", &sealed), Err(VaultError::UnknownKey(_))));
        other.refresh(&t.app.db, t.app.now()).await.unwrap();
        assert_eq!(other.open("p", &sealed).unwrap(), b"secret");
        t.stop().await;
    }

    /// covers: BE-8, DB-5
    async fn the_job_of_a_rotation_seals_again(db: TestDb) {
        let t = TestApp::start(db).await;
        t.event(&[("Standing", 2500, 500)]).await;
        platform::rotate_keys(&t.app, "usr_1", Duration::from_secs(60)).await.unwrap();
        t.clock.advance(Duration::from_secs(60 + 31));
        for n in 0.. {
            assert!(n < 200, "nothing was sealed again");
            if older(&t.app).await.0 == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(older(&t.app).await.1 > 0);
        t.stop().await;
    }

    /// covers: BE-8, DB-5
    async fn the_master_key_is_replaced(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 500)]).await;
        let token = t.app.vault.mac("a token", &[b"x"]);
        let wrong = platform::opens_keys(&t.app.db, None).await.unwrap();
        assert_eq!(wrong, Some(false));
        assert!(matches!(load(&t, "6b", &[]).await, Err(KeysError::Vault(VaultError::Sealed))));
        let new = MasterKey::from_hex(&"6b".repeat(32)).unwrap();
        let fingerprint = new.fingerprint().to_string();
        platform::rewrap_keys(&t.app, "usr_1", Some(new)).await.unwrap();

        assert!(matches!(load(&t, "5a", &[]).await, Err(KeysError::Vault(VaultError::Sealed))));
        assert_eq!(load(&t, "6b", &[]).await.unwrap().mac("a token", &[b"x"]), token);
        assert!(load(&t, "5a", &["6b"]).await.is_ok());
        let report = platform::keys_report(&t.app).await.unwrap();
        assert!(report.keys.iter().all(|key| key.master == fingerprint), "{report:?}");
        // The running server needs no master key for what it has opened.
        t.app.vault.refresh(&t.app.db, t.app.now()).await.unwrap();
        assert_eq!(platform::check_sealed(&t.app).await.unwrap().1, 0);
        buy(&t, &event, 1, "after").await;
        // And back, by a node that has both.
        let both = load(&t, "5a", &["6b"]).await.unwrap();
        let second = App::new(t.app.db.clone(), t.clock.clone(), t.app.random.clone(), t.app.config.clone(), both, Post::new(&t.app.config, t.app.outside.clone()).unwrap());
        platform::rewrap_keys(&second, "usr_1", None).await.unwrap();
        assert!(load(&t, "5a", &[]).await.is_ok());
        holds(&platform::verify_audit(&t.app.db, &t.app.vault, None).await.unwrap());
        t.stop().await;
    }

    /// Two nodes that start at once on an empty database have one set of keys.
    ///
    /// covers: DB-5
    async fn two_nodes_that_start_at_once_agree(db: TestDb) {
        use bilten_kernel::clock::{Clock, SystemClock};
        db.migrate(&[bilten_kernel::MIGRATIONS, bilten_server::MIGRATIONS], SystemClock.now()).await.unwrap();
        let db = db.db();
        let now = SystemClock.now();
        let (a, b) = tokio::join!(vault(&db, now), vault(&db, now));
        let sealed = a.seal("p", b"secret", &OsRandom).unwrap();
        assert_eq!(b.open("p", &sealed).unwrap(), b"secret");
        assert_eq!(a.mac("p", &[b"x"]), b.mac("p", &[b"x"]));
        holds(&platform::verify_audit(&db, &a, None).await.unwrap());
    }
}
