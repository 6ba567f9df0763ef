//! `bilten gate`

use std::path::Path;

use bilten_kernel::on_both_engines;
use serde_json::{Value, json};

use super::{Ended, bilten, finish, finish_with, png};
use crate::app::TestApp;

fn gate(folder: &Path, arguments: &[&str]) -> Ended {
    finish(
        bilten(folder)
            .args(["gate", "--json", "--store", "gate.db"])
            .args(arguments),
    )
}

fn code_of(ended: &Ended) -> String {
    let values = ended.values();
    let value = values.last().unwrap();
    assert_eq!(value["kind"], "error", "{value}");
    value["code"].as_str().unwrap().to_owned()
}

#[test]
fn a_gate_that_is_not_set_up_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for command in [
        &["status"][..],
        &["sync"],
        &["scan"],
        &["search", "ana"],
        &["choose"],
    ] {
        let ended = gate(path, command);
        assert_eq!(
            (code_of(&ended), ended.code),
            ("no_store".to_owned(), Some(1))
        );
        assert!(
            ended.stderr.starts_with("bilten: no_store: "),
            "{}",
            ended.stderr
        );
    }
    assert_eq!(path.read_dir().unwrap().count(), 0, "nothing was made");

    let ended = gate(path, &["pair", "https://example.com"]);
    assert_eq!(
        (code_of(&ended), ended.code),
        ("not_a_pairing_code".to_owned(), Some(1))
    );
    let link = format!(
        "bilten:pair?code={}&server=http://127.0.0.1:1",
        "a".repeat(26)
    );
    assert_eq!(code_of(&gate(path, &["pair", &link])), "offline");

    // The store is there now, but belongs to nobody.
    let status = gate(path, &["status"]);
    assert_eq!(status.code, Some(0));
    let status = &status.values()[0];
    assert_eq!(
        (&status["kind"], &status["paired"]),
        (&json!("status"), &json!(false))
    );
    assert_eq!(status["outbox"], 0);
    assert!(
        status.get("event").is_none(),
        "what has nothing to say is left out: {status}"
    );
    assert_eq!(code_of(&gate(path, &["sync"])), "not_paired");
    let mut typed = bilten(path);
    typed.args(["gate", "--json", "--store", "gate.db", "scan"]);
    assert_eq!(code_of(&finish_with(&mut typed, b"BT1:X\n")), "not_paired");
    assert_eq!(code_of(&gate(path, &["redeem", "nonsense"])), "ticket_id");

    // For people the same, in words.
    let words = finish(bilten(path).args(["gate", "--store", "gate.db", "status"]));
    assert_eq!(
        (words.stdout.as_str(), words.code),
        ("not paired\n", Some(0))
    );
}

#[test]
fn a_store_needs_its_own_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    gate(path, &["pair", "nonsense"]);
    let key = path.join("gate.db.key");
    assert_eq!(std::fs::read_to_string(&key).unwrap().trim().len(), 64);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::write(&key, "11".repeat(32)).unwrap();
    assert_eq!(code_of(&gate(path, &["status"])), "wrong_key");
    std::fs::write(&key, "short").unwrap();
    assert_eq!(code_of(&gate(path, &["status"])), "key_form");
    std::fs::remove_file(&key).unwrap();
    assert_eq!(code_of(&gate(path, &["status"])), "key_missing");
    assert!(!key.exists(), "a new key would not open the old store");
    std::fs::write(
        path.join("gate.db"),
        "this is no store at all, it is a text",
    )
    .unwrap();
    std::fs::write(&key, "11".repeat(32)).unwrap();
    assert_eq!(code_of(&gate(path, &["status"])), "not_a_store");
}

/// One evening at one gate, on a thread that may wait.
async fn at_the_door(run: impl FnOnce() -> Ended + Send + 'static) -> Ended {
    tokio::task::spawn_blocking(run).await.unwrap()
}

on_both_engines! {
    /// covers: SCAN-2, SCAN-4, SCAN-10
    async fn a_gate_admits_refuses_and_says_why(db: TestDb) {
        let app = TestApp::start(db).await;
        let event = app.event(&[("Standing", 1000, 10)]).await;
        let bought = app.stranger.buy(&event, 0, 2, "succeed", "once").await.expect(201);
        let codes: Vec<String> = bought["tickets"].as_array().unwrap().iter()
            .map(|ticket| ticket["code"].as_str().unwrap().to_owned()).collect();
        let pairings = format!("/api/v1/events/{}/pairings", event.id);
        let pairing = app.organiser.post(&pairings, json!({})).await.expect(201);
        let link = pairing["link"].as_str().unwrap().to_owned();

        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("first.png"), png(&codes[0])).unwrap();
        std::fs::write(folder.path().join("poster.png"), png("https://example.com")).unwrap();
        std::fs::write(folder.path().join("torn.png"), b"no picture").unwrap();
        let path = folder.path().to_owned();
        let gate_with = move |arguments: &'static [&'static str], link: Option<String>| {
            let path = path.clone();
            at_the_door(move || {
                let link = link.as_deref();
                let arguments: Vec<&str> = arguments.iter().copied().chain(link).collect();
                gate(&path, &arguments)
            })
        };
        let paired = gate_with(&["pair", "--name", "Door"], Some(link.clone())).await;
        assert_eq!(paired.code, Some(0), "{}", paired.stderr);
        assert_eq!(paired.values()[0]["paired"], true);
        assert_eq!(code_of(&gate_with(&["pair"], Some(link)).await), "already_paired");

        let choices = gate_with(&["choose"], None).await.values();
        let lists: Vec<&Value> = choices.iter().filter(|choice| choice["what"] == "list").collect();
        assert_eq!(lists.len(), 1);
        assert!(choices.iter().any(|choice| choice["what"] == "gate"));
        let name = lists[0]["name"].as_str().unwrap().to_owned();
        assert_eq!(code_of(&gate_with(&["choose", "--list", "no such list"], None).await), "unknown_list");
        let chosen = gate_with(&["choose", "--list"], Some(name.clone())).await;
        assert_eq!(chosen.values()[0]["list"]["name"], name.as_str());

        let synced = gate_with(&["sync"], None).await;
        assert_eq!((synced.code, &synced.values()[0]["complete"]), (Some(0), &json!(true)));

        let scanned = gate_with(&["scan", "first.png"], None).await;
        assert_eq!(scanned.code, Some(0));
        let scan = &scanned.values()[0];
        assert_eq!((&scan["kind"], &scan["verdict"], &scan["colour"]), (&json!("scan"), &json!("admit"), &json!("green")));
        assert_eq!(scan["ticket"]["tier_name"], "Standing");
        assert!(scan.get("reason").is_none());

        let scanned = gate_with(&["scan", "first.png", "poster.png"], None).await;
        assert_eq!(scanned.code, Some(3), "a refusal is no failure");
        let scans = scanned.values();
        assert_eq!((&scans[0]["reason"], &scans[1]["reason"]), (&json!("already_redeemed"), &json!("not_a_ticket")));
        assert_eq!((&scans[0]["supervisor"], &scans[0]["signal"]), (&json!(true), &json!("double_buzz")));
        assert_eq!(scans[0]["earlier"]["is_here"], true);

        let scanned = gate_with(&["scan", "torn.png", "first.png"], None).await;
        assert_eq!(scanned.code, Some(1), "a failure outweighs a refusal");
        assert_eq!((&scanned.values()[0]["kind"], &scanned.values()[0]["code"]), (&json!("unread"), &json!("unsupported_format")));

        let path = folder.path().to_owned();
        let typed = format!("\n{}\r\n\u{fffd}\u{0}\n{}\n", codes[1], "9".repeat(100_000));
        let typed = at_the_door(move || {
            let mut typing = bilten(&path);
            typing.args(["gate", "--json", "--store", "gate.db", "scan"]);
            finish_with(&mut typing, typed.as_bytes())
        }).await;
        let verdicts: Vec<_> = typed.values().iter().map(|scan| scan["verdict"].clone()).collect();
        assert_eq!(verdicts, ["admit", "deny", "deny"]);

        let holder = bought["order"]["name"].as_str().unwrap().to_owned();
        let found = gate_with(&["search"], Some(holder)).await.values();
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|ticket| ticket["is_inside"] == true));
        let id = found[0]["id"].as_str().unwrap().to_owned();
        let again = gate_with(&["redeem"], Some(id)).await;
        assert_eq!((again.code, &again.values()[0]["reason"]), (Some(3), &json!("already_redeemed")));

        let synced = gate_with(&["sync"], None).await;
        // Admitted 2; refused: twice the first picture, the poster, two typed lines, by name.
        assert_eq!(synced.values()[0]["pushed"]["accepted"], 8);
        let status = gate_with(&["status"], None).await.values();
        assert_eq!((&status[0]["outbox"], &status[0]["inside"]), (&json!(0), &json!(2)));
        app.stop().await;
    }
}
