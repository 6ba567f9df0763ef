//! Sandboxes: organisations that try things out, without money and in no total.

use std::time::Duration;

use bilten_kernel::clock::{Clock, SystemClock};
use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::{catalog, identity, platform};
use serde_json::{Value, json};

use crate::access::Device;
use crate::app::{Client, Event, TestApp};
use crate::crash::{bilten, printed};

/// A program of a sandbox.
async fn sandbox(t: &TestApp) -> Client {
    let made = identity::create_sandbox(&t.app, "Try Out").await.unwrap();
    let (_, key) = identity::create_api_key(&t.app, made.id, "tests")
        .await
        .unwrap();
    Client::new(&t.url, Some(&key))
}

/// The owner of a sandbox, made by them as strangers make it.
async fn founder(t: &TestApp) -> Client {
    let user = t.person("founder").await;
    let founder = t.signed_in(user, false).await;
    let body = json!({"name": "Founders", "mode": "sandbox"});
    let made = founder
        .post("/api/v1/organisations", body)
        .await
        .expect(201);
    assert_eq!(made["mode"], "sandbox");
    founder
}

/// Width and height of a PNG.
fn size(png: &[u8]) -> (u32, u32) {
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

async fn picture(t: &TestApp, bought: &Value) -> (u32, u32) {
    let order = bought["order"]["id"].as_str().unwrap();
    let ticket = bought["tickets"][0]["id"].as_str().unwrap();
    let buyer = t.stranger.with_token(bought["token"].as_str().unwrap());
    let path = format!("/api/v1/shop/orders/{order}/tickets/{ticket}/qr/png");
    let answer = buyer
        .request(reqwest::Method::GET, &path)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    size(&answer.bytes().await.unwrap())
}

async fn rows(t: &TestApp) -> Vec<i64> {
    let mut counts = Vec::new();
    for statement in [
        sql!("SELECT COUNT(*) FROM events"),
        sql!("SELECT COUNT(*) FROM stock"),
        sql!("SELECT COUNT(*) FROM holds"),
        sql!("SELECT COUNT(*) FROM orders"),
        sql!("SELECT COUNT(*) FROM payments"),
        sql!("SELECT COUNT(*) FROM tickets"),
        sql!("SELECT COUNT(*) FROM event_keys"),
        sql!("SELECT COUNT(*) FROM devices"),
        sql!("SELECT COUNT(*) FROM scans"),
    ] {
        counts.push(t.app.db.scalar(statement, vals![]).await.unwrap());
    }
    counts
}

on_both_engines! {
    /// covers: BE-6, GW-7
    async fn what_a_sandbox_sells_is_marked_and_found_by_nobody(db: TestDb) {
        let t = TestApp::start(db).await;
        let tester = sandbox(&t).await;
        let trial = t.event_of(&tester, &[("Standing", 2500, 10)]).await;
        assert_eq!(catalog::count_on_sale(&t.app, t.app.now()).await.unwrap(), 0);
        let real = t.event(&[("Standing", 2500, 10)]).await;
        assert_eq!(catalog::count_on_sale(&t.app, t.app.now()).await.unwrap(), 1);

        let tried = t.stranger.buy(&trial, 0, 1, "succeed", "k").await.expect(201);
        let bought = t.stranger.buy(&real, 0, 1, "succeed", "k").await.expect(201);
        for (answer, is_trial) in [(&tried, true), (&bought, false)] {
            assert_eq!(answer["order"]["sandbox"], is_trial);
            assert_eq!(answer["tickets"][0]["sandbox"], is_trial);
            let (width, height) = picture(&t, answer).await;
            assert_eq!(height > width, is_trial, "TEST stands below the code: {width} × {height}");
        }
        assert_eq!(tried["payment"]["provider"], "sandbox");
        let seen = t.stranger.get(&format!("/api/v1/shop/events/{}", trial.id)).await.expect(200);
        assert_eq!(seen["sandbox"], true);
        let ticket = tried["tickets"][0]["id"].as_str().unwrap();
        assert_eq!(tester.get(&format!("/api/v1/tickets/{ticket}")).await.expect(200)["sandbox"], true);

        let home = t.stranger.get("/").await.text;
        assert!(home.contains(&real.slug) && !home.contains(&trial.slug), "{home}");
        let order = tried["links"]["page"].as_str().unwrap().strip_prefix(&t.url).unwrap();
        for (path, is_trial) in [(format!("/e/{}", trial.slug), true), (order.to_owned(), true), (format!("/e/{}", real.slug), false)] {
            let page = t.stranger.get(&path).await;
            assert_eq!(page.status, 200, "{path}");
            assert_eq!(page.text.contains("Test: no real tickets."), is_trial, "{path}");
            assert_eq!(page.text.contains("name=\"robots\" content=\"noindex\""), is_trial, "{path}");
        }
        t.stop().await;
    }

    /// covers: BE-6, SCAN-1
    async fn a_gate_of_another_organisation_never_admits_a_ticket_of_a_sandbox(db: TestDb) {
        let t = TestApp::start(db).await;
        let tester = sandbox(&t).await;
        let trial = t.event_of(&tester, &[("Standing", 0, 10)]).await;
        let real = t.event(&[("Standing", 0, 10)]).await;
        let code = t.stranger.buy(&trial, 0, 1, "succeed", "k").await.expect(201)["tickets"][0]["code"].clone();
        let gates = [
            (&t.organiser, Device::pair(&t, &real, 1).await, &real, json!(false)),
            (&tester, Device::pair_by(&t, &tester, &trial, 2).await, &trial, json!(true)),
        ];
        for (organiser, device, event, is_admitted) in gates {
            let path = format!("/api/v1/events/{}/check-in", event.id);
            let body = json!({"list": device.list().as_str(), "code": code});
            let verdict = organiser.post_once(&path, "scan", &body).await.expect(200);
            assert_eq!(verdict["admit"], is_admitted, "{verdict}");
            assert!(is_admitted == json!(true) || verdict["reason"] == "unknown_key", "{verdict}");
        }
        t.stop().await;
    }

    /// covers: GW-10, ORG-8
    async fn keys_say_of_which_kind_their_organisation_is(db: TestDb) {
        let t = TestApp::start(db).await;
        let founder = founder(&t).await;
        let made = founder.post("/api/v1/keys", json!({"name": "Till", "scopes": ["events.read"]})).await.expect(201);
        assert!(made["token"].as_str().unwrap().starts_with("bilten_test_"), "{made}");
        assert!(made["prefix"].as_str().unwrap().starts_with("bilten_test_"), "{made}");
        let path = format!("/api/v1/keys/{}/rotate", made["id"].as_str().unwrap());
        let rotated = founder.post(&path, json!({})).await.expect(201);
        let token = rotated["token"].as_str().unwrap();
        assert!(token.starts_with("bilten_test_"), "{rotated}");
        t.stranger.with_token(token).get("/api/v1/events").await.expect(200);
        // The same secret under the name of the other kind is nobody's.
        let other = token.replace("bilten_test_", "bilten_live_");
        t.stranger.with_token(&other).get("/api/v1/events").await.refused(401, "identity.token_unknown");
        let live = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap();
        let (_, key) = identity::create_api_key(&t.app, live.id, "live").await.unwrap();
        assert!(key.starts_with("bilten_live_"));
        t.stop().await;
    }

    /// covers: GW-7, ORG-8
    async fn anybody_makes_a_sandbox_and_it_stays_one(db: TestDb) {
        let t = TestApp::start(db).await;
        let founder = founder(&t).await;
        assert_eq!(founder.get("/api/v1/organisation").await.expect(200)["mode"], "sandbox");
        assert_eq!(founder.get("/api/v1/organisations").await.expect(200)["items"][0]["mode"], "sandbox");
        let changed = founder.patch("/api/v1/organisation", json!({"mode": "live"})).await;
        assert!((400..500).contains(&changed.status), "{}", changed.text);
        assert_eq!(founder.get("/api/v1/organisation").await.expect(200)["mode"], "sandbox");
        let odd = founder.post("/api/v1/organisations", json!({"name": "Odd", "mode": "test"})).await;
        assert!((400..500).contains(&odd.status), "{}", odd.text);
        let usual = founder.post("/api/v1/organisations", json!({"name": "Usual"})).await.expect(201);
        assert_eq!(usual["mode"], "live");
        t.stranger.post("/api/v1/organisations", json!({"name": "Odd", "mode": "sandbox"})).await.refused(401, "identity.unauthenticated");
        t.stop().await;
    }

    /// Anybody makes a sandbox and buys in it: that says nothing of who buys elsewhere.
    ///
    /// covers: GW-7, PAY-3
    async fn orders_of_a_sandbox_are_no_facts_of_others(db: TestDb) {
        let t = TestApp::start(db).await;
        let policy = json!({
            "review_from": 20, "refuse_from": 80,
            "rules": [
                {"reason": "email_in_a_hurry", "fact": "orders_of_email", "at_least": 1, "points": 25},
                {"reason": "payment_in_a_hurry", "fact": "orders_of_payment", "at_least": 1, "points": 25},
            ],
        });
        platform::set_setting(&t.app, "sales.fraud_policy", Some(policy), 0, "tests", "tests").await.unwrap();
        let tester = sandbox(&t).await;
        let trial = t.event_of(&tester, &[("Standing", 2500, 10)]).await;
        let another = t.event_of(&tester, &[("Standing", 2500, 10)]).await;
        let real = t.event(&[("Standing", 2500, 10)]).await;
        let order = async |event: &Event, key: &str, email: &str, card: &str| {
            let body = json!({
                "event": event.id, "items": [{"tier": event.tiers[0], "quantity": 1}],
                "buyer": {"email": email, "name": "Ana Novak"},
                "payment": {"method": "sandbox", "outcome": "succeed", "card": card},
            });
            let bought = t.stranger.post_once("/api/v1/shop/orders", key, &body).await.expect(201);
            bought["order"]["state"].as_str().unwrap().to_owned()
        };
        // Nothing is known of Ana and her card anywhere, whatever they did in a sandbox.
        for event in [&trial, &another, &real] {
            assert_eq!(order(event, "a", "ana@example.com", "visa_1").await, "paid");
        }
        // But at the same event, or at another one that sells.
        for event in [&trial, &another, &real] {
            assert_eq!(order(event, "b", "ana@example.com", "visa_2").await, "pending");
            assert_eq!(order(event, "c", "bor@example.com", "visa_1").await, "pending");
        }
        let next = t.event(&[("Standing", 2500, 10)]).await;
        assert_eq!(order(&next, "d", "ana@example.com", "visa_3").await, "pending");
        t.stop().await;
    }

    /// covers: GW-7
    async fn payments_of_a_sandbox_do_as_they_are_told(db: TestDb) {
        let t = TestApp::start(db).await;
        let tester = sandbox(&t).await;
        let event = t.event_of(&tester, &[("Standing", 2500, 10)]).await;
        for (outcome, code) in [
            ("decline", "insufficient_funds"),
            ("decline_expired_card", "expired_card"),
            ("decline_suspected_fraud", "suspected_fraud"),
        ] {
            let declined = t.stranger.buy(&event, 0, 1, outcome, outcome).await.expect(201);
            assert_eq!((&declined["order"]["state"], &declined["payment"]["decline_code"]), (&json!("pending"), &json!(code)));
        }
        let late = t.stranger.buy(&event, 0, 1, "decline_late", "late").await.expect(201);
        assert_eq!(late["payment"]["state"], "pending");
        let buyer = t.stranger.with_token(late["token"].as_str().unwrap());
        let path = format!("/api/v1/shop/orders/{}", late["order"]["id"].as_str().unwrap());
        let mut seen = Value::Null;
        for _ in 0..200 {
            seen = buyer.get(&path).await.expect(200);
            if seen["payment"]["state"] != "pending" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!((&seen["payment"]["state"], &seen["payment"]["decline_code"]), (&json!("declined"), &json!("insufficient_funds")));
        let again = json!({"payment": {"method": "sandbox", "outcome": "succeed"}});
        assert_eq!(buyer.post_once(&format!("{path}/payments"), "again", &again).await.expect(201)["order"]["state"], "paid");
        t.stop().await;
    }

    /// covers: GW-7
    async fn a_sandbox_is_emptied_and_nothing_else(db: TestDb) {
        let t = TestApp::start(db).await;
        let real = t.event(&[("Standing", 2500, 10)]).await;
        t.stranger.buy(&real, 0, 1, "succeed", "real").await.expect(201);
        let before = rows(&t).await;

        let founder = founder(&t).await;
        let owner = t.member(identity::Role::Owner).await;
        owner.post("/api/v1/organisation/reset", json!({})).await.refused(409, "sales.not_a_sandbox");
        t.stranger.post("/api/v1/organisation/reset", json!({})).await.refused(401, "identity.unauthenticated");
        let trials = [
            t.event_of(&founder, &[("Standing", 2500, 10), ("Seated", 0, 5)]).await,
            t.event_of(&founder, &[("Standing", 2500, 10)]).await,
        ];
        let scopes = json!(["events.read"]);
        let key = founder.post("/api/v1/keys", json!({"name": "One", "scopes": scopes, "event": trials[0].id})).await.expect(201);
        let device = Device::pair_by(&t, &founder, &trials[0], 1).await;
        let bought = t.stranger.buy(&trials[0], 0, 2, "succeed", "trial").await.expect(201);
        t.stranger.buy(&trials[0], 0, 1, "decline", "declined").await.expect(201);
        let hold = json!({"event": trials[1].id, "items": [{"tier": trials[1].tiers[0], "quantity": 1}]});
        t.stranger.post_once("/api/v1/shop/holds", "hold", &hold).await.expect(201);
        let scan = json!({"list": device.list().as_str(), "code": bought["tickets"][0]["code"]});
        let door = format!("/api/v1/events/{}/check-in", trials[0].id);
        assert_eq!(founder.post_once(&door, "in", &scan).await.expect(200)["admit"], true);

        let emptied = founder.post("/api/v1/organisation/reset", json!({})).await.expect(200);
        assert_eq!(emptied, json!({"events": 2, "orders": 2}));
        assert_eq!(rows(&t).await, before, "the live organisation has all it had, the sandbox nothing");
        assert_eq!(founder.get("/api/v1/events").await.expect(200)["items"], json!([]));
        t.stranger.buy(&trials[0], 0, 1, "succeed", "after").await.refused(404, "sales.event_not_found");
        t.stranger.with_token(key["token"].as_str().unwrap()).get("/api/v1/events").await.refused(401, "identity.token_unknown");
        assert_eq!(founder.post("/api/v1/organisation/reset", json!({})).await.expect(200), json!({"events": 0, "orders": 0}));
        // It is used again as before.
        let next = t.event_of(&founder, &[("Standing", 2500, 10)]).await;
        t.stranger.buy(&next, 0, 1, "succeed", "next").await.expect(201);
        t.stop().await;
    }

    /// Buyers who come while a sandbox is emptied are refused or done; nobody sees a fault.
    ///
    /// covers: GW-7
    async fn buyers_and_the_emptying_of_a_sandbox_do_not_break_each_other(db: TestDb) {
        let t = TestApp::start(db).await;
        let founder = founder(&t).await;
        for round in 0..5 {
            let trial = t.event_of(&founder, &[("Standing", 2500, 1_000)]).await;
            let storm = (0..30).map(|n| {
                let (t, trial) = (&t, &trial);
                async move { t.stranger.buy(trial, 0, 1, "succeed", &format!("{round}-{n}")).await }
            });
            let (emptied, bought) = tokio::join!(
                founder.post("/api/v1/organisation/reset", json!({})),
                futures_util::future::join_all(storm)
            );
            emptied.expect(200);
            for answer in bought {
                assert!(matches!(answer.status, 201 | 404 | 409), "{}: {}", answer.status, answer.text);
            }
            founder.post("/api/v1/organisation/reset", json!({})).await.expect(200);
            assert_eq!(rows(&t).await, [0; 9]);
        }
        t.stop().await;
    }

    /// The command line makes and empties sandboxes, and none of their orders is in a figure.
    ///
    /// covers: BE-6, GW-7
    async fn orders_of_a_sandbox_are_in_no_figure(db: TestDb) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let config = db.config().clone();
        // The file belongs to the server from here on.
        db.db().close().await;
        let run = |arguments: &[&str]| {
            let mut command = bilten(&config, folder.path());
            command.args(arguments);
            printed(command)
        };
        let second = |line: &str| line.trim().split('\t').nth(1).unwrap().to_owned();
        run(&["organisation", "create", "Real"]);
        assert_eq!(second(&run(&["organisation", "create", "--sandbox", "Try Out"])), "try-out");
        let key = second(&run(&["key", "create", "--organisation", "real"]));
        let trial_key = second(&run(&["key", "create", "--organisation", "try-out"]));
        assert!(key.starts_with("bilten_live_") && trial_key.starts_with("bilten_test_"));

        let free = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().to_string()
        };
        let (address, metrics) = (free(), free());
        let url = format!("http://{address}");
        let mut child = bilten(&config, folder.path())
            .args(["serve", "--listen", &address])
            .env("BILTEN_TELEMETRY__METRICS_LISTEN", &metrics)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..400 {
            if reqwest::get(format!("{url}/readyz")).await.is_ok_and(|answer| answer.status() == 200) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let stranger = Client::new(&url, None);
        let in_hours = |hours: u64| (SystemClock.now() + Duration::from_secs(hours * 3_600)).to_string();
        for (key, count) in [(&key, 1), (&trial_key, 3)] {
            let organiser = Client::new(&url, Some(key));
            let made = organiser.post("/api/v1/events", json!({
                "name": "Evening", "time_zone": "UTC", "currency": "EUR", "venue_name": "Hall",
                "occurrences": [{"starts_at": in_hours(1), "ends_at": in_hours(4)}],
                "tiers": [{"name": "Any", "price_minor": 100, "capacity": 100}],
            })).await.expect(201);
            let event = Event {
                id: made["id"].as_str().unwrap().to_owned(),
                slug: made["slug"].as_str().unwrap().to_owned(),
                tiers: vec![made["tiers"][0]["id"].as_str().unwrap().to_owned()],
            };
            organiser.post(&format!("/api/v1/events/{}/publish", event.id), json!({})).await.expect(200);
            for n in 0..count {
                let bought = stranger.buy(&event, 0, 2, "succeed", &format!("{n}")).await.expect(201);
                if n == 1 {
                    let path = format!("/api/v1/orders/{}/refund", bought["order"]["id"].as_str().unwrap());
                    organiser.post(&path, json!({})).await.expect(200);
                }
            }
        }
        let text = reqwest::get(format!("http://{metrics}/metrics")).await.unwrap().text().await.unwrap();
        let count = |name: &str, label: &str| -> f64 {
            let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
            lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
        };
        assert_eq!(count("bilten_orders_total{", "state=\"created\""), 1.0, "{text}");
        assert_eq!(count("bilten_orders_total{", "state=\"paid\""), 1.0, "{text}");
        assert_eq!(count("bilten_orders_total{", "state=\"refunded\""), 0.0, "{text}");
        assert_eq!(count("bilten_tickets_sold_total", ""), 2.0, "{text}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(run(&["organisation", "reset", "try-out"]).trim(), "1\t3");
        let mut refused = bilten(&config, folder.path());
        let refused = refused.args(["organisation", "reset", "real"]).output().unwrap();
        assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("sales.not_a_sandbox"));
    }
}
