//! `bilten doctor`: the configuration, the port, a new installation.

use std::path::Path;

use serde_json::Value;

use super::{Ended, bilten, finish};

/// The doctor with some environment; the port is one that is free.
pub(super) fn doctor(folder: &Path, env: &[(&str, &str)]) -> Ended {
    let mut command = bilten(folder);
    command.args(["doctor", "--json"]);
    command.env("BILTEN_HTTP__LISTEN", "127.0.0.1:0");
    // Fits wherever tests run.
    command.env("BILTEN_HTTP__MAX_CONNECTIONS", "200");
    command.envs(env.iter().copied());
    finish(&mut command)
}

pub(super) fn finding(ended: &Ended, check: &str) -> Value {
    let found = ended
        .values()
        .into_iter()
        .find(|value| value["check"] == check);
    found.unwrap_or_else(|| panic!("nothing about {check}: {}{}", ended.stdout, ended.stderr))
}

pub(super) fn status(ended: &Ended, check: &str) -> String {
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
            .env("BILTEN_HTTP__LISTEN", "127.0.0.1:0")
            .env("BILTEN_HTTP__MAX_CONNECTIONS", "200"),
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
