//! Killed in the middle of a storm of orders and redemptions: whatever was acknowledged is there.

use std::collections::HashSet;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bilten_kernel::clock::{Clock, SystemClock};
use bilten_kernel::db::{DatabaseConfig, Db};
use bilten_kernel::{on_both_engines, sql, vals};
use serde_json::{Value, json};

use crate::app::{Client, Event, purchase};

pub(crate) fn bilten(config: &DatabaseConfig, folder: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bilten"));
    command
        .current_dir(folder)
        .env("BILTEN_DATABASE__URL", &config.url)
        .env("BILTEN_SECRETS__MASTER_KEY", "5a".repeat(32))
        // Receivers of tests are on this machine.
        .env("BILTEN_WEBHOOKS__PRIVATE_NETWORKS", "true")
        .env("BILTEN_LOG__LEVEL", "warn");
    command
}

pub(crate) fn printed(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[expect(
    clippy::zombie_processes,
    reason = "a test that panics leaves nobody to wait"
)]
pub(crate) async fn serve(config: &DatabaseConfig, folder: &std::path::Path, url: &str) -> Child {
    let address = url.trim_start_matches("http://").to_owned();
    let child = bilten(config, folder)
        .args(["serve", "--listen", &address])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..400 {
        if reqwest::get(format!("{url}/readyz"))
            .await
            .is_ok_and(|answer| answer.status() == 200)
        {
            return child;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the server did not start");
}

/// Lets what a server that was killed had claimed by an `Idempotency-Key` run out now, not some seconds
/// later.
pub(crate) async fn requests_run_out(db: &Db) {
    db.write(|c| {
        Box::pin(async move {
            let run_out =
                sql!("UPDATE idempotent_answers SET claimed_until = 0 WHERE NOT is_answered");
            c.exec(run_out, vals![]).await
        })
    })
    .await
    .unwrap();
}

on_both_engines! {
    /// covers: BE-2, DB-8, SCAN-4
    async fn what_was_acknowledged_survives_kill_9(db: TestDb) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let config = db.config().clone();
        // The file belongs to the server from here on.
        db.db().close().await;
        let mut create = bilten(&config, folder.path());
        create.args(["organisation", "create", "Storm"]);
        printed(create);
        let mut create = bilten(&config, folder.path());
        create.args(["key", "create", "--organisation", "storm"]);
        let key = printed(create).split('\t').nth(1).unwrap().trim().to_owned();

        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let mut child = serve(&config, folder.path(), &url).await;
        let organiser = Client::new(&url, Some(&key));
        let in_hours = |hours: u64| (SystemClock.now() + Duration::from_secs(hours * 3_600)).to_string();
        let made = organiser.post("/api/v1/events", json!({
            "name": "Storm", "time_zone": "UTC", "currency": "EUR", "venue_name": "Hall",
            "occurrences": [{"starts_at": in_hours(1), "ends_at": in_hours(4)}],
            "tiers": [{"name": "Any", "price_minor": 100, "capacity": 1_000_000}],
        })).await.expect(201);
        let event = Event {
            id: made["id"].as_str().unwrap().to_owned(),
            slug: String::new(),
            tiers: vec![made["tiers"][0]["id"].as_str().unwrap().to_owned()],
        };
        organiser.post(&format!("/api/v1/events/{}/publish", event.id), json!({})).await.expect(200);
        let list = organiser.post(&format!("/api/v1/events/{}/lists", event.id), json!({"name": "Doors"})).await;
        let list = list.expect(201)["id"].as_str().unwrap().to_owned();
        let door = format!("/api/v1/events/{}/check-in", event.id);

        let mut acknowledged = HashSet::new();
        let mut admitted: Vec<(String, String, Value)> = Vec::new();
        let mut before = 0;
        for round in 0..3 {
            let http = reqwest::Client::new();
            let body = purchase(&event, 0, 2, "succeed");
            let storm: Vec<_> = (0..16).map(|task| {
                let (http, url, body) = (http.clone(), url.clone(), body.clone());
                let (organiser, door, list) = (organiser.clone(), door.clone(), list.clone());
                tokio::spawn(async move {
                    let (mut orders, mut scans) = (Vec::new(), Vec::new());
                    for i in 0.. {
                        let sent = http.post(format!("{url}/api/v1/shop/orders")).json(&body)
                            .header("idempotency-key", format!("{round}-{task}-{i}")).send().await;
                        let Ok(answer) = sent else { break };
                        assert_eq!(answer.status(), 201);
                        let Ok(answer) = answer.json::<Value>().await else { break };
                        orders.push(answer["order"]["id"].as_str().unwrap().to_owned());
                        // One of its two tickets comes in.
                        let code = answer["tickets"][0]["code"].as_str().unwrap().to_owned();
                        let key = format!("scan-{round}-{task}-{i}");
                        let request = organiser.request(reqwest::Method::POST, &door).header("idempotency-key", &key);
                        let Ok(answer) = request.json(&json!({"list": list, "code": code})).send().await else { break };
                        assert_eq!(answer.status(), 200);
                        let Ok(answer) = answer.json::<Value>().await else { break };
                        assert_eq!(answer["admit"], true);
                        scans.push((key, code, answer["scan_id"].clone()));
                    }
                    (orders, scans)
                })
            }).collect();
            tokio::time::sleep(Duration::from_millis(400)).await;
            // SIGKILL on Unix.
            child.kill().unwrap();
            child.wait().unwrap();
            for task in storm {
                let (orders, scans) = task.await.unwrap();
                acknowledged.extend(orders);
                admitted.extend(scans);
            }
            child = serve(&config, folder.path(), &url).await;

            let mut stored = HashSet::new();
            let mut path = format!("/api/v1/events/{}/orders?limit=100", event.id);
            loop {
                let page = organiser.get(&path).await.expect(200);
                for order in page["items"].as_array().unwrap() {
                    assert_eq!(order["state"], "paid");
                    stored.insert(order["id"].as_str().unwrap().to_owned());
                }
                let Some(next) = page["next"].as_str() else { break };
                path = format!("/api/v1/events/{}/orders?limit=100&cursor={next}", event.id);
            }
            let lost: Vec<_> = acknowledged.difference(&stored).collect();
            assert!(lost.is_empty(), "round {round}: acknowledged and lost: {lost:?}");
            let stock = organiser.get(&format!("/api/v2/events/{}/stock", event.id)).await.expect(200);
            assert_eq!(stock["tiers"][0]["sold"], 2 * stored.len(), "stock and orders agree");
            assert!(acknowledged.len() > before, "the storm sold nothing in round {round}");
            before = acknowledged.len();

            // Whoever was let in is in: the same request is the same scan, another one comes too late.
            assert!(!admitted.is_empty(), "nobody was let in");
            for (key, code, scan) in &admitted {
                let body = json!({"list": list, "code": code});
                let again = organiser.post_once(&door, key, &body).await.expect(200);
                assert_eq!((&again["admit"], &again["scan_id"]), (&json!(true), scan), "round {round}: lost a scan");
            }
            let (key, code, _) = &admitted[0];
            let body = json!({"list": list, "code": code});
            let late = organiser.post_once(&door, &format!("late-{round}-{key}"), &body).await.expect(200);
            assert_eq!(late["reason"], "already_redeemed");
            let report = organiser.get(&format!("/api/v1/events/{}/door-report", event.id)).await.expect(200);
            let entries = report["lists"].as_array().unwrap().iter().map(|list| list["entries"].as_u64().unwrap());
            assert!(entries.sum::<u64>() >= admitted.len() as u64);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
