//! `bilten demo`

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use bilten_kernel::on_both_engines;

use super::{Ended, bilten, finish};

fn assert_went_well(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(!ended.stdout.contains("FAIL"), "{}", ended.stdout);
    let figures = ended.stdout.lines().last().unwrap();
    assert!(figures.starts_with("demo: "), "{figures}");
    for wanted in [
        "10 tickets sold",
        "already_redeemed 3",
        "bad_signature 1",
        "expired 1",
        "revoked 1",
        "superseded 1",
        "unknown_key 1",
        "wrong_event 1",
        "conflicts 1",
    ] {
        assert!(figures.contains(wanted), "no `{wanted}` in {figures}");
    }
}

on_both_engines! {
    /// covers: SCAN-1, SCAN-2, SCAN-4, SCAN-10, BE-2, BE-4, DB-2, PAY-1, WEB-2, WEB-4
    async fn the_demo_passes_also_on_a_database_that_holds_another_one(db: TestDb) {
        let url = db.config().url.clone();
        db.db().close().await;
        for _ in 0..2 {
            let url = url.clone();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().to_owned();
            let ended = tokio::task::spawn_blocking(move || {
                let mut demo = bilten(&path);
                demo.args(["demo", "--check", "--database-url", &url]).env("TMPDIR", &path);
                finish(demo.env("BILTEN_SECRETS__MASTER_KEY", "5a".repeat(32)))
            }).await.unwrap();
            assert_went_well(&ended);
            assert_eq!(folder.path().read_dir().unwrap().count(), 0, "its folder is gone");
        }
        // Without the key of that database it stays out of it.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let ended = tokio::task::spawn_blocking(move || {
            finish(bilten(&path).args(["demo", "--check", "--database-url", &url]).env("TMPDIR", &path))
        }).await.unwrap();
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.starts_with("bilten: platform.master_key_wrong: "), "{}", ended.stderr);
    }
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    std::fs::write(folder.path().join("mine/diary.txt"), "dear").unwrap();
    for arguments in [
        &["demo", "--folder", "mine"][..],
        &["demo", "--check", "--folder", "mine"],
    ] {
        let ended = finish(bilten(folder.path()).args(arguments));
        assert_eq!(ended.code, Some(1));
        assert!(
            ended.stderr.starts_with("bilten: demo.folder_not_empty: "),
            "{}",
            ended.stderr
        );
    }
    assert_eq!(folder.path().join("mine").read_dir().unwrap().count(), 1);
}

#[test]
fn a_demo_that_cannot_begin_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let nowhere = "postgres://nobody@127.0.0.1:1/none";
    for (arguments, code) in [
        (["demo", "--listen", &address], "listen_address_in_use"),
        (["demo", "--database-url", nowhere], "database_unreachable"),
    ] {
        let ended = finish(bilten(folder.path()).args(arguments));
        assert_eq!(ended.code, Some(1));
        let wanted = format!("bilten: {code}: ");
        assert!(ended.stderr.starts_with(&wanted), "{}", ended.stderr);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}

/// Runs the demo until it says that the shop is open, asks the shop's page, and stops it.
#[cfg(unix)]
fn open_and_close(folder: &std::path::Path) -> String {
    let mut child = bilten(folder)
        .args(["demo", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut heard = String::new();
    let mut shop = None;
    for line in lines.by_ref().map(Result::unwrap) {
        heard.push_str(&line);
        heard.push('\n');
        if let Some(rest) = line.strip_prefix("The shop is open") {
            shop = Some(rest.trim().to_owned());
        }
        if line.starts_with("Ctrl-C") {
            break;
        }
    }
    let shop = shop.unwrap_or_else(|| panic!("the shop did not open: {heard}"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let page = runtime
        .block_on(async { reqwest::get(&shop).await?.error_for_status()?.text().await })
        .unwrap();
    assert!(page.contains("Polka Night"), "{page}");
    // The gates can still sync, by the address that they know.
    let sync = finish(bilten(folder).args([
        "gate",
        "--json",
        "--store",
        "bilten-demo/gates/north.db",
        "sync",
    ]));
    assert_eq!(sync.code, Some(0), "{}{}", sync.stdout, sync.stderr);
    let stopped = std::process::Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(stopped.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    heard
}

#[cfg(unix)]
#[test]
fn a_finished_demo_goes_on_another_day() {
    let folder = tempfile::tempdir().unwrap();
    let first = open_and_close(folder.path());
    assert!(
        first.contains("ADMIT") && !first.contains("FAIL"),
        "{first}"
    );
    let key = std::fs::read_to_string(folder.path().join("bilten-demo/api-key")).unwrap();
    let second = open_and_close(folder.path());
    assert!(!second.contains("ADMIT"), "{second}");
    assert!(second.contains(key.trim()), "the same key: {second}");
    assert_eq!(
        finish(bilten(folder.path()).args(["demo", "--check", "--folder", "bilten-demo"])).code,
        Some(1)
    );
}
