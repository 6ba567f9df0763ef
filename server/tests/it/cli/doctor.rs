//! `bilten doctor`

use std::path::Path;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{DatabaseConfig, Db, Migration};
use bilten_kernel::on_both_engines;
use serde_json::Value;

use super::{Ended, bilten, finish};

/// The doctor with some environment; the port is one that is free.
fn doctor(folder: &Path, env: &[(&str, &str)]) -> Ended {
    let mut command = bilten(folder);
    command.args(["doctor", "--json"]);
    command.env("BILTEN_HTTP__LISTEN", "127.0.0.1:0");
    command.envs(env.iter().copied());
    finish(&mut command)
}

fn finding(ended: &Ended, check: &str) -> Value {
    let found = ended
        .values()
        .into_iter()
        .find(|value| value["check"] == check);
    found.unwrap_or_else(|| panic!("nothing about {check}: {}{}", ended.stdout, ended.stderr))
}

fn status(ended: &Ended, check: &str) -> String {
    finding(ended, check)["status"].as_str().unwrap().to_owned()
}

/// All files with their sizes.
fn files(folder: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        }
        found.push((
            entry.path().display().to_string(),
            entry.metadata().unwrap().len(),
        ));
    }
    found.sort();
    found
}

/// covers: DB-2
#[test]
fn a_new_installation_is_well_and_stays_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let ended = doctor(folder.path(), &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert!(
        ended.values().iter().all(|value| value["status"] == "ok"),
        "{}",
        ended.stdout
    );
    assert_eq!(files(folder.path()), []);

    let migrated = finish(bilten(folder.path()).arg("migrate"));
    assert_eq!(migrated.code, Some(0), "{}", migrated.stderr);
    let before = files(folder.path());
    let ended = doctor(folder.path(), &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    for check in [
        "configuration",
        "database",
        "durability",
        "schema",
        "clock",
        "master key",
        "disk",
    ] {
        assert_eq!(status(&ended, check), "ok", "{}", ended.stdout);
    }
    assert_eq!(files(folder.path()), before);

    // For people: one line each, and no way to mend what is well.
    let words = finish(
        bilten(folder.path())
            .arg("doctor")
            .env("BILTEN_HTTP__LISTEN", "127.0.0.1:0"),
    );
    assert!(
        words.stdout.lines().all(|line| line.starts_with("ok ")),
        "{}",
        words.stdout
    );
}

#[test]
fn a_wrong_configuration_is_named_with_its_cure() {
    let folder = tempfile::tempdir().unwrap();
    for (env, check, wanted) in [
        (("BILTEN_HTTP__LISTNE", "x"), "configuration", "http.listen"),
        (
            ("BILTEN_HTTP__REQUEST_TIMEOUT_MS", "soon"),
            "configuration",
            "http.request_timeout_ms",
        ),
        (
            ("BILTEN_HTTP__REQUEST_TIMEOUT_MS", "0"),
            "configuration",
            "http.request_timeout_ms",
        ),
        (
            ("BILTEN_HTTP__TRUSTED_PROXIES", "[\"10.0.0.0/99\"]"),
            "configuration",
            "http.trusted_proxies",
        ),
        (
            ("BILTEN_DATABASE__MAX_CONNECTIONS", "0"),
            "configuration",
            "database.max_connections",
        ),
        (
            ("BILTEN_LOG__LEVEL", "bilten=loud=x"),
            "configuration",
            "log.level",
        ),
        (
            ("BILTEN_HTTP__PUBLIC_URL", "tickets.example.org"),
            "public_url",
            "http.public_url",
        ),
        (("BILTEN_HTTP__LISTEN", "nowhere"), "port", "http.listen"),
        (
            ("BILTEN_DATABASE__URL", "mysql://x"),
            "database",
            "database.url",
        ),
        (
            ("BILTEN_DATABASE__URL", "postgres://nobody@127.0.0.1:1/none"),
            "database",
            "database.url",
        ),
        (
            ("BILTEN_SECRETS__MASTER_KEY", "too short"),
            "master key",
            "64 hexadecimal digits",
        ),
    ] {
        let ended = doctor(
            folder.path(),
            &[env, ("BILTEN_DATABASE__ACQUIRE_TIMEOUT_MS", "300")],
        );
        let found = finding(&ended, check);
        assert_eq!(
            (ended.code, &found["status"]),
            (Some(1), &"fail".into()),
            "{env:?}: {found}"
        );
        assert!(found.to_string().contains(wanted), "{env:?}: {found}");
        assert!(found["mend"].is_string(), "{env:?}: {found}");
    }
    std::fs::write(folder.path().join("bilten.toml"), "[http\n").unwrap();
    let ended = doctor(folder.path(), &[]);
    assert!(
        finding(&ended, "configuration")["detail"]
            .as_str()
            .unwrap()
            .contains("not TOML")
    );
    // Every command says the same, in one line.
    let ended = finish(bilten(folder.path()).arg("migrate"));
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.starts_with("bilten: config: "),
        "{}",
        ended.stderr
    );
    let ended = finish(bilten(folder.path()).args(["--config", "missing.toml", "serve"]));
    assert!(
        ended.stderr.contains("missing.toml: cannot be read"),
        "{}",
        ended.stderr
    );
}

#[test]
fn warnings_are_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let ended = doctor(
        folder.path(),
        &[("BILTEN_HTTP__PUBLIC_URL", "http://tickets.example.org")],
    );
    assert_eq!(
        (ended.code, status(&ended, "public_url")),
        (Some(0), "warn".to_owned())
    );
    finish(bilten(folder.path()).arg("migrate"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let key = folder.path().join("bilten-data/master.key");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        let ended = doctor(folder.path(), &[]);
        assert_eq!(
            (ended.code, status(&ended, "master key")),
            (Some(0), "warn".to_owned())
        );
    }
}

#[test]
fn a_port_that_another_program_has_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        // A program that is no server of ours: it hangs up.
        while other.accept().is_ok() {}
    });
    let ended = doctor(folder.path(), &[("BILTEN_HTTP__LISTEN", &address)]);
    assert_eq!(
        (ended.code, status(&ended, "port")),
        (Some(1), "fail".to_owned())
    );
    let serve = finish(bilten(folder.path()).args(["serve", "--listen", &address]));
    assert_eq!(serve.code, Some(1));
    assert!(
        serve.stderr.contains("bilten: listen_address_in_use: "),
        "{}",
        serve.stderr
    );
    assert_eq!(
        files(folder.path()),
        [],
        "a server without a port touches nothing"
    );
}

#[cfg(unix)]
#[test]
fn a_server_of_ours_on_the_port_is_well() {
    let folder = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let mut server = bilten(folder.path())
        .args(["serve", "--listen", &address])
        .env("BILTEN_LOG__LEVEL", "error")
        .spawn()
        .unwrap();
    let mut tries = 0;
    let ended = loop {
        let ended = doctor(folder.path(), &[("BILTEN_HTTP__LISTEN", &address)]);
        let about_port = finding(&ended, "port")["detail"].to_string();
        tries += 1;
        if about_port.contains("our server answers") || tries > 200 {
            break ended;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    server.kill().unwrap();
    server.wait().unwrap();
    for check in ["port", "second server", "database", "durability", "schema"] {
        assert_eq!(status(&ended, check), "ok", "{}", ended.stdout);
    }
    assert_eq!(ended.code, Some(0));
}

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
