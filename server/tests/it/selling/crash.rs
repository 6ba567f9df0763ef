//! Killed at each step from hold to tickets: whatever was acknowledged is there, and the books balance.

use std::process::Child;
use std::time::Duration;

use bilten_kernel::clock::{Clock, SystemClock};
use bilten_kernel::db::{DatabaseConfig, Db};
use bilten_kernel::on_both_engines;
use bilten_server::catalog::seating::templates;
use serde_json::{Value, json};

use super::{balance, text};
use crate::app::Client;
use crate::crash::{bilten, printed, serve};

/// Up to where buyers go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// They hold.
    Hold,
    /// They order what they hold, and their payment is declined.
    Order,
    /// They pay for that order.
    Payment,
    /// They buy in one request and get their tickets.
    Tickets,
    /// They give up what they hold.
    Release,
    /// They buy, and make two orders of it.
    Split,
}

/// What was acknowledged to a buyer at last.
#[derive(Clone, Debug)]
enum Acknowledged {
    Held(String),
    Pending(String, String),
    Paid(String, String),
    Released(String),
    Split(String, String),
}

struct Shop {
    url: String,
    event: String,
    tiers: Vec<String>,
}

impl Shop {
    /// One request; otherwise whether the server was there and refused: rivals may be faster with a seat.
    async fn post(
        &self,
        http: &reqwest::Client,
        path: &str,
        key: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<Value, bool> {
        let mut request = http
            .post(format!("{}{path}", self.url))
            .json(body)
            .header("idempotency-key", key);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.map_err(|_| false)?;
        let status = answer.status();
        let answer = answer.json::<Value>().await.map_err(|_| false)?;
        if status == 409 {
            assert_eq!(answer["code"], "sales.seats_taken", "{path}: {answer}");
            return Err(true);
        }
        assert!(status.is_success(), "{path}: {status} {answer}");
        Ok(answer)
    }

    /// Goes as far as the step says; gives what was acknowledged at last, or whether the server is still
    /// there.
    async fn go(
        &self,
        http: &reqwest::Client,
        step: Step,
        key: &str,
        is_seated: bool,
    ) -> Result<Acknowledged, bool> {
        let items = json!([{"tier": self.tiers[usize::from(is_seated)], "quantity": 2}]);
        let buyer = json!({"email": "ana@example.com", "name": "Ana Novak"});
        let pay = |outcome: &str| json!({"method": "sandbox", "outcome": outcome});
        let orders = "/api/v1/shop/orders";
        if matches!(step, Step::Tickets | Step::Split) {
            let body = json!({"event": self.event, "items": items, "buyer": buyer, "payment": pay("succeed")});
            let bought = self.post(http, orders, key, None, &body).await?;
            let (id, token) = (text(&bought["order"]["id"]), text(&bought["token"]));
            if step == Step::Split {
                let steps = json!([{"kind": "split", "picks": [{"line": 1, "units": [1]}]}]);
                let body = json!({"version": 1, "steps": steps});
                let path = format!("{orders}/{id}/changes");
                self.post(http, &path, key, Some(&token), &body).await?;
                return Ok(Acknowledged::Split(id, token));
            }
            return Ok(Acknowledged::Paid(id, token));
        }
        let body = json!({"event": self.event, "items": items});
        let held = self
            .post(http, "/api/v1/shop/holds", key, None, &body)
            .await?;
        let hold = text(&held["id"]);
        match step {
            Step::Hold | Step::Tickets | Step::Split => return Ok(Acknowledged::Held(hold)),
            Step::Release => {
                let sent = http
                    .delete(format!("{}/api/v1/shop/holds/{hold}", self.url))
                    .send()
                    .await;
                // Sent and not answered: it may be given up or not.
                let answer = sent.map_err(|_| false)?;
                assert_eq!(answer.status(), 204);
                return Ok(Acknowledged::Released(hold));
            }
            Step::Order | Step::Payment => {}
        }
        let body =
            json!({"event": self.event, "hold": hold, "buyer": buyer, "payment": pay("decline")});
        let order = self.post(http, orders, key, None, &body).await?;
        let (id, token) = (text(&order["order"]["id"]), text(&order["token"]));
        if step == Step::Order {
            return Ok(Acknowledged::Pending(id, token));
        }
        let path = format!("{orders}/{id}/payments");
        let body = json!({"payment": pay("succeed")});
        self.post(http, &path, &format!("{key}-again"), Some(&token), &body)
            .await?;
        Ok(Acknowledged::Paid(id, token))
    }

    /// Fails unless what was acknowledged is still so.
    async fn check(&self, step: Step, what: &Acknowledged) {
        let stranger = Client::new(&self.url, None);
        match what {
            Acknowledged::Held(hold) => {
                let held = stranger
                    .get(&format!("/api/v1/shop/holds/{hold}"))
                    .await
                    .expect(200);
                assert_eq!(held["items"][0]["quantity"], 2, "{step:?}");
            }
            Acknowledged::Released(hold) => {
                stranger
                    .get(&format!("/api/v1/shop/holds/{hold}"))
                    .await
                    .refused(410, "sales.hold_gone");
            }
            Acknowledged::Split(order, token) => {
                let buyer = stranger.with_token(token);
                let path = format!("/api/v1/shop/orders/{order}");
                let seen = buyer.get(&path).await.expect(200);
                assert_eq!(seen["tickets"].as_array().unwrap().len(), 1, "{step:?}");
            }
            Acknowledged::Pending(order, token) | Acknowledged::Paid(order, token) => {
                let buyer = stranger.with_token(token);
                let seen = buyer
                    .get(&format!("/api/v1/shop/orders/{order}"))
                    .await
                    .expect(200);
                let is_paid = matches!(what, Acknowledged::Paid(..));
                assert_eq!(
                    seen["order"]["state"],
                    if is_paid { "paid" } else { "pending" },
                    "{step:?}"
                );
                let tickets = seen["tickets"].as_array().unwrap();
                assert_eq!(tickets.len(), if is_paid { 2 } else { 0 }, "{step:?}");
            }
        }
    }
}

async fn books(config: &DatabaseConfig) {
    let db = Db::open(config).await.unwrap();
    balance(&db).await;
    db.close().await;
}

fn kill(child: &mut Child) {
    // SIGKILL on Unix.
    child.kill().unwrap();
    child.wait().unwrap();
}

async fn open_shop(organiser: &Client, url: &str) -> Shop {
    let map = serde_json::to_value(templates::arena(4, 25, 50).unwrap()).unwrap();
    let map = organiser
        .post("/api/v1/seat-maps", json!({"map": map}))
        .await
        .expect(201);
    let in_hours =
        |hours: u64| (SystemClock.now() + Duration::from_secs(hours * 3_600)).to_string();
    let made = organiser.post("/api/v1/events", json!({
        "name": "Storm", "time_zone": "UTC", "currency": "EUR", "venue_name": "Hall",
        "occurrences": [{"starts_at": in_hours(1), "ends_at": in_hours(4)}],
        "tiers": [
            {"name": "Standing", "price_minor": 100, "capacity": 1_000_000},
            {"name": "Seat", "price_minor": 200, "capacity": map["seats"], "seat_category": "a"},
        ],
    })).await.expect(201);
    let event = text(&made["id"]);
    let edit = json!({"version": 1, "scope": "all", "change": {"seat_map": map["id"]}});
    organiser
        .patch(&format!("/api/v1/events/{event}/occurrences"), edit)
        .await
        .expect(200);
    organiser
        .post(&format!("/api/v1/events/{event}/publish"), json!({}))
        .await
        .expect(200);
    let tiers = made["tiers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tier| text(&tier["id"]))
        .collect();
    Shop {
        url: url.to_owned(),
        event,
        tiers,
    }
}

on_both_engines! {
    /// covers: BE-2, DB-8, PAY-1
    async fn the_books_balance_wherever_the_server_is_killed(db: TestDb) {
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
        let shop = std::sync::Arc::new(open_shop(&organiser, &url).await);

        for (step, delay_ms) in [
            (Step::Hold, 40), (Step::Hold, 110), (Step::Order, 50), (Step::Order, 170), (Step::Payment, 60),
            (Step::Payment, 200), (Step::Tickets, 40), (Step::Tickets, 150), (Step::Release, 50), (Step::Release, 180),
            (Step::Split, 70), (Step::Split, 200),
        ] {
            let http = reqwest::Client::new();
            let begun = std::sync::Arc::new(tokio::sync::Notify::new());
            let storm: Vec<_> = (0..8).map(|task| {
                let (http, shop, begun) = (http.clone(), shop.clone(), begun.clone());
                tokio::spawn(async move {
                    let mut acknowledged = Vec::new();
                    for i in 0.. {
                        let key = format!("{step:?}-{delay_ms}-{task}-{i}");
                        match shop.go(&http, step, &key, task % 2 == 0).await {
                            Ok(what) => {
                                acknowledged.push(what);
                                begun.notify_one();
                            }
                            Err(true) => {}
                            Err(false) => break,
                        }
                    }
                    acknowledged
                })
            }).collect();
            // However slow the machine is: something was acknowledged, and more is under way.
            tokio::time::timeout(Duration::from_secs(60), begun.notified()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            kill(&mut child);
            let mut acknowledged = Vec::new();
            for task in storm {
                acknowledged.extend(task.await.unwrap());
            }
            assert!(!acknowledged.is_empty(), "{step:?}: nothing was acknowledged before the kill");
            books(&config).await;
            child = serve(&config, folder.path(), &url).await;
            for what in &acknowledged {
                shop.check(step, what).await;
            }
        }
        kill(&mut child);
        books(&config).await;
    }
}
