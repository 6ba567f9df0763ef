//! `bilten doctor`: databases, and the key that fits them.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{DatabaseConfig, Db, Migration};
use bilten_kernel::on_both_engines;

use super::doctor::{doctor, finding, status};
use super::{bilten, finish};

/// covers: DB-2
#[test]
fn a_second_server_on_one_file_is_refused_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    finish(bilten(folder.path()).arg("migrate"));
    let url = format!(
        "sqlite:{}",
        folder.path().join("bilten-data/bilten.db").display()
    );
    let db = runtime
        .block_on(Db::open(&DatabaseConfig::new(url)))
        .unwrap();
    let serve = finish(bilten(folder.path()).args(["serve", "--listen", "127.0.0.1:0"]));
    assert_eq!(serve.code, Some(1));
    assert!(
        serve.stderr.contains("bilten: database_in_use: "),
        "{}",
        serve.stderr
    );
    let ended = doctor(folder.path(), &[]);
    let found = finding(&ended, "second server");
    assert_eq!((ended.code, &found["status"]), (Some(1), &"fail".into()));
    assert!(
        found["detail"]
            .as_str()
            .unwrap()
            .contains(&std::process::id().to_string()),
        "{found}"
    );
    assert_eq!(
        status(&ended, "schema"),
        "ok",
        "it can be looked at all the same"
    );
    runtime.block_on(db.close());
    assert_eq!(status(&doctor(folder.path(), &[]), "second server"), "ok");
}

#[test]
fn a_key_that_does_not_fit_is_found_before_a_ticket_must_be_signed() {
    let folder = tempfile::tempdir().unwrap();
    let demo = finish(bilten(folder.path()).args(["demo", "--check", "--folder", "demo"]));
    assert_eq!(demo.code, Some(0), "{}{}", demo.stdout, demo.stderr);
    let key = folder.path().join("demo/master.key");
    let key_file = key.display().to_string();
    let database = format!("sqlite:{}", folder.path().join("demo/bilten.db").display());
    let look = || {
        doctor(
            folder.path(),
            &[
                ("BILTEN_DATABASE__URL", &database),
                ("BILTEN_SECRETS__MASTER_KEY_FILE", &key_file),
            ],
        )
    };
    assert_eq!(
        finding(&look(), "master key")["detail"],
        "it opens the database's keys"
    );
    std::fs::write(&key, "ab".repeat(32)).unwrap();
    assert!(
        finding(&look(), "master key")["detail"]
            .as_str()
            .unwrap()
            .contains("platform.master_key_wrong")
    );
    std::fs::write(&key, "short").unwrap();
    assert!(
        finding(&look(), "master key")["detail"]
            .as_str()
            .unwrap()
            .contains("platform.master_key_form")
    );
    std::fs::remove_file(&key).unwrap();
    assert_eq!(
        (look().code, status(&look(), "master key")),
        (Some(1), "fail".to_owned())
    );
    assert!(!key.exists());
    // A write-ahead log would mend the file.
    for beside in ["demo/bilten.db-wal", "demo/bilten.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(beside));
    }
    std::fs::write(
        folder.path().join("demo/bilten.db"),
        "this is no database, it is a text that somebody wrote",
    )
    .unwrap();
    assert!(
        finding(&look(), "database")["detail"]
            .as_str()
            .unwrap()
            .contains("database_damaged")
    );
}

on_both_engines! {
    /// covers: DB-2, DB-8
    async fn the_database_is_looked_at_from_empty_to_too_new(db: TestDb) {
        let folder = tempfile::tempdir().unwrap();
        let (path, url) = (folder.path().to_owned(), db.config().url.clone());
        let is_sqlite = url.starts_with("sqlite:");
        // Nobody has the file while the doctor looks.
        db.db().close().await;
        let look = move || {
            let (path, url) = (path.clone(), url.clone());
            async move {
                let look = move || doctor(&path, &[("BILTEN_DATABASE__URL", &url)]);
                tokio::task::spawn_blocking(look).await.unwrap()
            }
        };
        let ended = look().await;
        assert_eq!((ended.code, status(&ended, "schema")), (Some(0), "ok".to_owned()), "{}", ended.stdout);
        assert!(finding(&ended, "schema")["detail"].as_str().unwrap().contains("empty"));
        if !is_sqlite {
            assert_eq!(status(&ended, "durability"), "ok");
            assert_eq!(status(&ended, "connections"), "ok");
        }

        let sets = [bilten_kernel::MIGRATIONS, bilten_server::MIGRATIONS];
        let migrate = async |sets: &[&[Migration]]| {
            let open = Db::open(db.config()).await.unwrap();
            open.migrate(sets, Timestamp::from_ms(0)).await.unwrap();
            open.close().await;
        };
        migrate(&sets[..1]).await;
        let ended = look().await;
        assert_eq!((ended.code, status(&ended, "schema")), (Some(0), "warn".to_owned()), "{}", ended.stdout);
        migrate(&sets).await;
        assert_eq!(status(&look().await, "schema"), "ok");

        let newer = Migration { version: 9_999, name: "from the future", sql: "CREATE TABLE tomorrow (id BIGINT)" };
        migrate(&[sets[0], sets[1], &[newer]]).await;
        let ended = look().await;
        assert_eq!((ended.code, status(&ended, "schema")), (Some(1), "fail".to_owned()));
        assert!(finding(&ended, "schema")["detail"].as_str().unwrap().contains("database_too_new"));
        let (path, url) = (folder.path().to_owned(), db.config().url.clone());
        let serve = tokio::task::spawn_blocking(move || {
            finish(bilten(&path).args(["--database-url", &url, "serve", "--listen", "127.0.0.1:0"]))
        }).await.unwrap();
        assert_eq!(serve.code, Some(1));
        assert!(serve.stderr.contains("bilten: database_too_new: "), "{}", serve.stderr);
    }
}
