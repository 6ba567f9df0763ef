//! Killed while webhooks are under way: each is sent again, as the same message.

use std::collections::BTreeMap;
use std::time::Duration;

use bilten_kernel::clock::{Clock, SystemClock};
use bilten_kernel::db::{Db, DbError};
use bilten_kernel::{on_both_engines, sql, vals};
use serde_json::json;

use super::hook::{Answer, Hook};
use super::*;
use crate::app::{Client, Event};
use crate::crash::{bilten, printed, serve};

on_both_engines! {
    /// covers: BE-7, GW-10, DB-8
    async fn webhooks_survive_kill_9_as_the_same_messages(db: TestDb) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let config = db.config().clone();
        // The file belongs to the server from here on.
        db.db().close().await;
        let command = |arguments: &[&str]| {
            let mut command = bilten(&config, folder.path());
            command.args(arguments);
            printed(command)
        };
        command(&["organisation", "create", "Storm"]);
        let key = command(&["key", "create", "--organisation", "storm"]).split('\t').nth(1).unwrap().trim().to_owned();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let mut child = serve(&config, folder.path(), &url).await;
        let organiser = Client::new(&url, Some(&key));
        let hook = Hook::start().await;
        let (id, secret) = endpoint(&organiser, &hook.url, &["order.paid"]).await;
        let in_hours = |hours: u64| (SystemClock.now() + Duration::from_secs(hours * 3_600)).to_string();
        let made = organiser.post("/api/v1/events", json!({
            "name": "Storm", "time_zone": "UTC", "currency": "EUR", "venue_name": "Hall",
            "occurrences": [{"starts_at": in_hours(1), "ends_at": in_hours(4)}],
            "tiers": [{"name": "Any", "price_minor": 100, "capacity": 1_000}],
        })).await.expect(201);
        let event = Event {
            id: made["id"].as_str().unwrap().to_owned(),
            slug: String::new(),
            tiers: vec![made["tiers"][0]["id"].as_str().unwrap().to_owned()],
        };
        organiser.post(&format!("/api/v1/events/{}/publish", event.id), json!({})).await.expect(200);

        // The receiver has the first ones, but the server dies before it hears so.
        hook.always(Answer::Slowly(Duration::from_secs(14)));
        let stranger = Client::new(&url, None);
        let buyers = (0..8).map(|n| {
            let (stranger, event) = (&stranger, &event);
            async move {
                let bought = stranger.buy(event, 0, 1, "succeed", &format!("k{n}")).await.expect(201);
                bought["order"]["id"].as_str().unwrap().to_owned()
            }
        });
        let mut orders = futures_util::future::join_all(buyers).await;
        hook.wait_for(1).await;
        // SIGKILL on Unix.
        child.kill().unwrap();
        child.wait().unwrap();
        let before = hook.received();
        hook.always(Answer::Status(200));
        // The dead server's claims run out after a minute; nobody wants to wait for that.
        let open = Db::open(&config).await.unwrap();
        open.write(|c| Box::pin(async move {
            for statement in [
                sql!("UPDATE jobs SET run_at = 0 WHERE claim IS NOT NULL"),
                sql!("UPDATE outbox SET run_at = 0 WHERE claim IS NOT NULL"),
                sql!("UPDATE webhook_deliveries SET claimed_until = 0"),
            ] {
                c.exec(statement, vals![]).await?;
            }
            Ok::<_, DbError>(())
        })).await.unwrap();
        open.close().await;
        child = serve(&config, folder.path(), &url).await;
        let begin = Instant::now();
        loop {
            let list = deliveries(&organiser, &id).await;
            if list.len() == 8 && list.iter().all(|one| one["state"] == "delivered") {
                break;
            }
            assert!(begin.elapsed() < Duration::from_secs(40), "{list:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let received = hook.received();
        let mut bodies: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        for one in &received {
            assert_eq!(one.header("webhook-signature"), one.signatures(&[&secret]));
            bodies.entry(one.id().to_owned()).or_default().push(one.body.clone());
        }
        assert_eq!(bodies.len(), 8, "one message for each order");
        for copies in bodies.values() {
            assert!(copies.windows(2).all(|pair| pair[0] == pair[1]), "another text by the same id");
        }
        let mut told: Vec<_> = bodies.values().map(|copies| {
            let body: Value = serde_json::from_slice(&copies[0]).unwrap();
            body["data"]["order"].as_str().unwrap().to_owned()
        }).collect();
        told.sort();
        orders.sort();
        assert_eq!(told, orders);
        for one in &before {
            assert!(bodies[one.id()].len() >= 2, "what was under way is sent again");
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
