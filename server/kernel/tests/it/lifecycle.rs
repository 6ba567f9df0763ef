//! Opening, migrating, closing: what an operator can do wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{DatabaseConfig, Db, DbError, Migration, Settings, can_wait};
use bilten_kernel::{on_both_engines, sql, vals};

use crate::{MIGRATIONS, set_up};

const AT: Timestamp = Timestamp::from_ms(0);

async fn add(db: &Db, id: i64) -> Result<u64, DbError> {
    db.write(move |conn| {
        Box::pin(async move {
            conn.exec(
                sql!("INSERT INTO shelves (id, room) VALUES ($1, 1)"),
                vals![id],
            )
            .await
        })
    })
    .await
}

async fn count(db: &Db) -> i64 {
    db.scalar(sql!("SELECT COUNT(*) FROM shelves"), vals![])
        .await
        .unwrap()
}

/// Waits until this is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

on_both_engines! {
    /// covers: GW-6, DB-1
    async fn what_can_wait_leaves_some_connections_alone(db: TestDb) {
        set_up(&db, 1).await;
        if db.engine() != "postgres" {
            // There are no connections to run short of.
            assert_eq!(can_wait(count(&db)).await, 1);
            return;
        }
        let mut config = db.config().clone();
        (config.max_connections, config.acquire_timeout_ms) = (4, 300);
        let narrow = Db::open(&config).await.unwrap();
        let (release, released) = tokio::sync::watch::channel(false);
        let slow: Vec<_> = (0..8).map(|_| {
            let (db, mut released) = (narrow.clone(), released.clone());
            tokio::spawn(can_wait(async move {
                db.read(move |_| Box::pin(async move {
                    let _ = released.wait_for(|is_released| *is_released).await;
                    Ok::<_, DbError>(())
                })).await
            }))
        }).collect();
        // Three of four work, the others have given up.
        until("five are refused", || slow.iter().filter(|one| one.is_finished()).count() == 5).await;
        let connections = narrow.usage().connections.unwrap();
        assert_eq!(connections.open - connections.idle, 3);
        assert!(matches!(can_wait(narrow.scalar::<i64>(sql!("SELECT COUNT(*) FROM shelves"), vals![])).await, Err(DbError::Busy { .. })));
        // What must not stop finds one.
        assert_eq!(count(&narrow).await, 1);
        release.send(true).unwrap();
        let mut worked = 0;
        for one in slow {
            worked += u32::from(one.await.unwrap().is_ok());
        }
        assert_eq!(worked, 3);
        assert_eq!(can_wait(count(&narrow)).await, 1);
        narrow.close().await;
    }

    async fn migrations_are_applied_once_and_remembered(db: TestDb) {
        let mut db = db;
        let sets = [bilten_kernel::MIGRATIONS, MIGRATIONS];
        let all: Vec<_> = sets.concat().iter().map(|step| step.name).collect();
        assert!(all.starts_with(&["jobs and outbox"]) && all.ends_with(&["shelves"]), "{all:?}");
        assert_eq!(db.missing_migrations(&sets).await.unwrap(), all);
        assert_eq!(db.migrate(&sets, AT).await.unwrap(), all);
        assert_eq!(db.migrate(&sets, AT).await.unwrap(), <[&str; 0]>::default());
        db.reopen().await;
        assert_eq!(db.missing_migrations(&sets).await.unwrap(), <[&str; 0]>::default());

        let error = db.migrate(&[MIGRATIONS], AT).await.unwrap_err();
        assert_eq!(error.code(), "database_too_new", "{error}");
        let changed = Migration { sql: "SELECT 1", ..MIGRATIONS[0] };
        let error = db.migrate(&[bilten_kernel::MIGRATIONS, &[changed]], AT).await.unwrap_err();
        assert_eq!(error.code(), "migration_changed", "{error}");
        let error = db.migrate(&[MIGRATIONS, MIGRATIONS], AT).await.unwrap_err();
        assert_eq!(error.code(), "migration_number", "{error}");
    }

    /// What tests of everything else begin with.
    async fn a_copied_database_is_as_one_that_was_migrated(db: TestDb) {
        let sets = [bilten_kernel::MIGRATIONS, MIGRATIONS];
        assert_eq!(db.migrate(&sets, AT).await.unwrap(), <[&str; 0]>::default());
        assert_eq!(db.missing_migrations(&sets).await.unwrap(), <[&str; 0]>::default());
        assert_eq!(count(&db).await, 0);
        assert_eq!(add(&db, 1).await.unwrap(), 1);
    }

    async fn looking_at_a_database_works_beside_a_server_and_leaves_no_trace(db: TestDb) {
        let config = db.config().clone();
        set_up(&db, 3).await;
        let holder = config.lite_file().unwrap().map(|file| file.holder.unwrap());
        assert!(holder.is_none_or(|holder| holder == std::process::id().to_string()));
        for is_served in [true, false] {
            if !is_served {
                db.db().close().await;
            }
            let look = Db::open_to_inspect(&config).await.unwrap();
            let found = look.inspect().await.unwrap();
            assert_eq!(found.migrated_at, Some(AT));
            match found.settings {
                Settings::Lite { is_wal } => assert!(is_wal),
                Settings::Pg { fsync, may_create, is_replica, .. } => assert!(fsync && may_create && !is_replica),
            }
            assert!(look.missing_migrations(&[bilten_kernel::MIGRATIONS, MIGRATIONS]).await.unwrap().is_empty());
            assert_eq!(count(&look).await, 1);
            look.close().await;
        }
        if let Some(file) = config.lite_file().unwrap() {
            assert_eq!(file.holder, None);
            std::fs::remove_file(&file.path).unwrap();
            let error = Db::open_to_inspect(&config).await.err().unwrap();
            assert_eq!(error.code(), "database_missing");
            assert!(!file.path.exists());
        }
    }

    async fn a_migration_that_fails_leaves_nothing_behind(db: TestDb) {
        let broken = Migration { version: 101, name: "broken", sql: "CREATE TABLE half (id BIGINT); INSERT INTO nowhere VALUES (1);" };
        let sets: [&[Migration]; 3] = [bilten_kernel::MIGRATIONS, MIGRATIONS, &[broken]];
        let error = db.db().migrate(&sets, AT).await.unwrap_err();
        assert!(error.to_string().contains("broken"), "{error}");
        assert_eq!(db.missing_migrations(&sets).await.unwrap().len(), sets.concat().len());
        set_up(&db, 1).await;
    }

    async fn two_nodes_may_migrate_at_once(db: TestDb) {
        let sets = [bilten_kernel::MIGRATIONS, MIGRATIONS];
        let nodes = (0..4).map(|_| {
            let db = db.db();
            tokio::spawn(async move { db.migrate(&sets, AT).await })
        });
        let mut applied = 0;
        for node in nodes.collect::<Vec<_>>() {
            applied += node.await.unwrap().unwrap().len();
        }
        assert_eq!(applied, sets.concat().len());
    }

    /// Types are as strict on SQLite as on PostgreSQL.
    async fn a_wrong_type_is_refused(db: TestDb) {
        set_up(&db, 1).await;
        for refused in [
            db.write(|conn| Box::pin(async move { conn.exec(sql!("INSERT INTO shelves (id, room) VALUES (5, $1)"), vals!["many"]).await })).await,
            db.write(|conn| Box::pin(async move { conn.exec(sql!("UPDATE shelves SET open = $1"), vals![2i64]).await })).await,
            db.write(|conn| Box::pin(async move { conn.exec(sql!("UPDATE shelves SET label = $1"), vals![]).await })).await,
        ] {
            let error: DbError = refused.unwrap_err();
            assert!(matches!(error, DbError::Fault { .. } | DbError::Violation { .. }), "{error:?}");
        }
    }

    /// The trap: two who read 1 and each write 0 have both bought the last one. Deciding inside the
    /// statement sells it once, however many try.
    async fn the_last_place_is_given_once(db: TestDb) {
        set_up(&db, 1).await;
        let tries = (0..50).map(|_| {
            let db = db.db();
            tokio::spawn(async move {
                db.write(|conn| Box::pin(async move {
                    conn.exec(sql!("UPDATE shelves SET taken = taken + 1 WHERE id = 1 AND taken + 1 <= room"), vals![]).await
                })).await
            })
        });
        let mut won = 0;
        for one in tries.collect::<Vec<_>>() {
            won += one.await.unwrap().unwrap_or_else(|error: DbError| panic!("{error}"));
        }
        assert_eq!(won, 1);
    }

    async fn a_hook_runs_after_a_commit_and_only_then(db: TestDb) {
        set_up(&db, 1).await;
        let ran: Arc<AtomicUsize> = Arc::default();
        for fails in [false, true] {
            let (hook, reader) = (Arc::clone(&ran), db.db());
            let _ = db.write(move |conn| Box::pin(async move {
                conn.after_commit(move || {
                    drop(reader);
                    hook.fetch_add(1, Ordering::SeqCst);
                });
                if fails { Err(DbError::Closed("no")) } else { Ok(()) }
            })).await;
        }
        assert_eq!(ran.load(Ordering::SeqCst), 1);
    }

    async fn a_read_sees_one_snapshot_and_cannot_write(db: TestDb) {
        set_up(&db, 1).await;
        let refused = db.read(|conn| Box::pin(async move { conn.exec(sql!("DELETE FROM things"), vals![]).await })).await;
        assert!(matches!(refused, Err(DbError::Fault { .. })), "{refused:?}");
        let long = db.read_long(|conn| Box::pin(async move { conn.scalar(sql!("SELECT COUNT(*) FROM shelves"), vals![]).await })).await;
        let long: Result<i64, DbError> = long;
        assert_eq!(long.unwrap(), 1);
    }

    async fn a_caller_that_gives_up_before_its_turn_changes_nothing(db: TestDb) {
        set_up(&db, 1).await;
        for id in 10..40 {
            let write = add(&db, id);
            let _ = tokio::time::timeout(std::time::Duration::ZERO, write).await;
        }
        add(&db, 50).await.unwrap();
        let ids: Vec<i64> = db.scalars(sql!("SELECT id FROM shelves ORDER BY id"), vals![]).await.unwrap();
        assert!(ids.contains(&50) && ids.len() as i64 == count(&db).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = DatabaseConfig::new(format!("sqlite:{}/own.db", folder.path().display()));
    let first = Db::open(&config).await.unwrap();
    set_up(&first, 1).await;
    let error = Db::open(&config).await.err().unwrap();
    assert_eq!(error.code(), "database_in_use");
    assert!(
        error.to_string().contains(&std::process::id().to_string()),
        "{error}"
    );

    let reader = Db::open_to_read(&config).await.unwrap();
    assert_eq!(count(&reader).await, 1);
    assert!(matches!(add(&reader, 2).await, Err(DbError::Closed(_))));

    let handle = first.clone();
    first.close().await;
    assert!(matches!(add(&handle, 2).await, Err(DbError::Closed(_))));
    let again = Db::open(&config).await.unwrap();
    assert_eq!(add(&again, 2).await.unwrap(), 1);
    assert_eq!(count(&reader).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_and_files_that_cannot_be_are_told_clearly() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.db");
    std::fs::write(&garbage, [b'x'; 4096]).unwrap();
    for (url, code) in [
        (String::from("mysql://u:secret@h/d"), "database_url"),
        (String::from("sqlite:"), "database_url"),
        (String::from("sqlite::memory:"), "database_url"),
        (
            format!("sqlite:{}/none/x.db", folder.path().display()),
            "database_unopenable",
        ),
        (format!("sqlite:{}", garbage.display()), "database_damaged"),
        (
            String::from("postgres://u:secret@127.0.0.1:1/d"),
            "database_unreachable",
        ),
    ] {
        let config = DatabaseConfig {
            acquire_timeout_ms: 500,
            ..DatabaseConfig::new(&url)
        };
        let error = Db::open(&config).await.err().unwrap();
        assert_eq!(error.code(), code, "{url}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

/// What group commit promises: an answer only after the commit that has it, also for a write that
/// shares its group with one that fails or panics.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_answered_before_the_commit() {
    let folder = tempfile::tempdir().unwrap();
    let config = DatabaseConfig::new(format!("sqlite:{}/own.db", folder.path().display()));
    let db = Db::open(&config).await.unwrap();
    set_up(&db, 1).await;
    // Another connection sees only what is committed.
    let other = Db::open_to_read(&config).await.unwrap();
    let missing = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..200i64)
        .map(|n| {
            let (db, other, missing) = (db.clone(), other.clone(), Arc::clone(&missing));
            tokio::spawn(async move {
                let id = 100 + n;
                let write = db.write(move |conn| {
                    Box::pin(async move {
                        let insert = sql!("INSERT INTO shelves (id, room) VALUES ($1, 1)");
                        conn.exec(insert, vals![id]).await?;
                        assert!(n % 10 != 3, "on purpose");
                        if n % 10 == 7 {
                            Err(DbError::Closed("refused"))
                        } else {
                            Ok(())
                        }
                    })
                });
                let is_kept = write.await.is_ok();
                let select = sql!("SELECT EXISTS (SELECT 1 FROM shelves WHERE id = $1)");
                let is_there: bool = other.scalar(select, vals![id]).await.unwrap();
                if is_there != is_kept {
                    missing.store(true, Ordering::SeqCst);
                }
                is_kept
            })
        })
        .collect();
    let mut kept = 0;
    for task in tasks {
        kept += i64::from(task.await.unwrap());
    }
    assert!(!missing.load(Ordering::SeqCst));
    assert_eq!((kept, count(&db).await), (160, 161));
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_something_else_in_a_write_is_a_clear_fault() {
    let folder = tempfile::tempdir().unwrap();
    let config = DatabaseConfig::new(format!("sqlite:{}/own.db", folder.path().display()));
    let db = Db::open(&config).await.unwrap();
    set_up(&db, 1).await;
    let result = db
        .write(|conn| {
            Box::pin(async move {
                conn.exec(sql!("UPDATE shelves SET label = 'x'"), vals![])
                    .await?;
                tokio::task::yield_now().await;
                Ok(())
            })
        })
        .await;
    assert!(matches!(result, Err(DbError::WouldWait)), "{result:?}");
    assert_eq!(add(&db, 2).await.unwrap(), 1);
    let labels: Vec<Option<String>> = db
        .scalars(sql!("SELECT label FROM shelves"), vals![])
        .await
        .unwrap();
    assert_eq!(labels, [None, None]);
}
