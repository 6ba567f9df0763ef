//! Prices: decided once, by what the stock said, and explained for as long as the order is kept.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{balance, buy, buying, event_with, hold, seen, text};
use crate::app::{Event, TestApp};

fn early(capacity: i64) -> Value {
    json!([{"name": "Phased", "price_minor": 1000, "capacity": capacity, "pricing": {"price": {"kind": "phased", "phases": [
        {"id": "early", "name": "early_bird", "minor": 1000, "until_sold": 5},
        {"id": "usual", "name": "regular", "minor": 2000},
    ]}}}])
}

async fn explained(t: &TestApp, order: &Value) -> Value {
    let path = format!("/api/v1/orders/{}/price", text(&order["order"]["id"]));
    t.organiser.get(&path).await.expect(200)
}

async fn code(t: &TestApp, event: &Event, code: &str, rule: Value) -> Value {
    let body = json!({"code": code, "event": event.id, "rule": rule});
    t.organiser
        .post("/api/v1/promo-codes", body)
        .await
        .expect(201)
}

async fn uses(t: &TestApp, code: &Value) -> i64 {
    let path = format!("/api/v1/promo-codes/{}", text(&code["id"]));
    t.organiser.get(&path).await.expect(200)["uses"]
        .as_i64()
        .unwrap()
}

on_both_engines! {
    /// Five are cheap, and 40 want one in the same moment: five pay less, whoever it is.
    ///
    /// covers: PAY-5, BE-2
    async fn what_the_stock_says_decides_the_price(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_with(&t, early(100), &[24]).await;
        let rivals = (0..40).map(|i| {
            let (t, event) = (&t, &event);
            async move {
                let items = json!([{"tier": event.tiers[0], "quantity": 1}]);
                if i % 4 == 0 {
                    let held = hold(t, event, items, &format!("h{i}")).await.expect(201);
                    return held["total_minor"].as_i64().unwrap();
                }
                let bought = buy(t, event, items, "succeed", &format!("k{i}")).await.expect(201);
                let price = explained(t, &bought).await;
                assert_eq!(price["is_confirmed"], true);
                assert_eq!(price["total_minor"], bought["order"]["total_minor"]);
                bought["order"]["total_minor"].as_i64().unwrap()
            }
        });
        let mut totals = join_all(rivals).await;
        totals.sort_unstable();
        assert_eq!(totals, [vec![1000; 5], vec![2000; 35]].concat());
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// The same where fewer are left of the pool than are wanted: who is served one by one pays by what
    /// those before them got, not by all who stand in line.
    ///
    /// covers: PAY-5, BE-2
    async fn the_last_of_a_pool_cost_what_they_cost_when_it_is_plentiful(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_with(&t, early(100), &[24]).await;
        let pools = format!("/api/v1/events/{}/pools", event.id);
        let pool = t.organiser.post(&pools, json!({"name": "Floor", "capacity": 10})).await.expect(201);
        let read = t.organiser.get(&format!("/api/v1/events/{}", event.id)).await.expect(200);
        let path = format!("/api/v1/events/{}/tiers/{}", event.id, event.tiers[0]);
        let edit = json!({"version": read["version"], "pool_id": pool["id"]});
        t.organiser.patch(&path, edit).await.expect(200);
        let rivals = (0..40).map(|i| {
            let (t, event) = (&t, &event);
            async move {
                let items = json!([{"tier": event.tiers[0], "quantity": 1}]);
                let answer = buy(t, event, items, "succeed", &format!("k{i}")).await;
                if answer.status != 201 {
                    answer.refused(409, "sales.sold_out");
                    return None;
                }
                answer.expect(201)["order"]["total_minor"].as_i64()
            }
        });
        let mut totals: Vec<i64> = join_all(rivals).await.into_iter().flatten().collect();
        totals.sort_unstable();
        assert_eq!(totals, [vec![1000; 5], vec![2000; 5]].concat());
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// covers: PAY-5
    async fn an_order_across_a_border_has_two_lines(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_with(&t, early(100), &[24]).await;
        let items = json!([{"tier": event.tiers[0], "quantity": 7}]);
        let wish = json!({"event": event.id, "items": items});
        let quote = t.stranger.post("/api/v1/shop/quotes", wish).await.expect(200);
        assert_eq!(quote["total_minor"], 9000);
        let bought = buy(&t, &event, items, "succeed", "k").await.expect(201);
        let lines = bought["order"]["items"].as_array().unwrap();
        let told: Vec<_> = lines.iter().map(|line| (line["line"].as_i64(), line["quantity"].as_i64(), line["total_minor"].as_i64())).collect();
        assert_eq!(told, [(Some(1), Some(5), Some(5000)), (Some(2), Some(2), Some(4000))]);
        assert_eq!(lines[0]["label"], "Phased");
        let price = explained(&t, &bought).await;
        let reasons: Vec<_> = price["price"]["lines"].as_array().unwrap().iter().map(|line| line["steps"][0]["reason"].clone()).collect();
        assert_eq!(reasons, [json!("early_bird"), json!("regular")]);
        assert_eq!(bought["tickets"].as_array().unwrap().len(), 7);
        t.stop().await;
    }

    /// Who holds at the same moment pays by what those before them have taken, and whoever wants too much
    /// takes nothing of it.
    ///
    /// covers: BE-2
    async fn holds_made_at_once_cross_a_border_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_with(&t, early(30), &[24]).await;
        let want = |quantity: u32| json!([{"tier": event.tiers[0], "quantity": quantity}]);
        let all = join_all((0..20u32).map(|i| {
            let (t, event, one) = (&t, &event, want(1));
            async move { hold(t, event, one, &format!("at-once-{i}")).await.expect(201) }
        })).await;
        let at = |minor: i64| all.iter().filter(|hold| hold["total_minor"] == minor).count();
        assert_eq!((at(1000), at(2000)), (5, 15));
        // Ten are left, for five of these: one by one where there is not enough for all.
        let answers = join_all((0..9u32).map(|i| {
            let (t, event, two) = (&t, &event, want(2));
            async move { hold(t, event, two, &format!("too-many-{i}")).await }
        })).await;
        let mut had = 0;
        for answer in answers {
            if answer.status == 201 {
                had += 1;
                assert_eq!(answer.expect(201)["total_minor"], 4000);
            } else {
                answer.refused(409, "sales.sold_out");
            }
        }
        assert_eq!(had, 5);
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// covers: PAY-5, WEB-4
    async fn a_hold_keeps_its_price_and_the_order_takes_it_over(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let items = json!([{"tier": event.tiers[0], "quantity": 2}]);
        let held = hold(&t, &event, items.clone(), "h").await.expect(201);
        let path = format!("/api/v1/events/{}/tiers/{}", event.id, event.tiers[0]);
        t.organiser.patch(&path, json!({"version": 2, "price_minor": 9900})).await.expect(200);
        let why = t.stranger.get(&format!("/api/v1/shop/holds/{}/price", text(&held["id"]))).await.expect(200);
        assert_eq!(why["lines"][0]["unit_minor"], 2500);
        let mut body = buying(&event, json!([]), "succeed");
        body["hold"] = held["id"].clone();
        let bought = t.stranger.post_once("/api/v1/shop/orders", "k", &body).await.expect(201);
        assert_eq!(bought["order"]["total_minor"], 5000);
        assert_eq!(explained(&t, &bought).await["is_confirmed"], true, "explained by what held then");
        let other = buy(&t, &event, items, "succeed", "k2").await.expect(201);
        assert_eq!(other["order"]["total_minor"], 19_800);
        let stranger = t.other_organiser().await;
        stranger.get(&format!("/api/v1/orders/{}/price", text(&bought["order"]["id"]))).await.refused(404, "sales.order_not_found");
        t.stop().await;
    }

    /// Holds with codes and without are made and given up at the same moment: what a code is used for is what
    /// those have who have it.
    ///
    /// covers: PAY-5, MKT-2, BE-2
    async fn codes_held_and_given_up_at_once_are_counted_right(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let few = code(&t, &event, "FEW", json!({"effect": {"kind": "percentage", "rate": 500_000}, "max_uses": 3})).await;
        let many = code(&t, &event, "MANY", json!({"effect": {"kind": "percentage", "rate": 200_000}})).await;
        let ask = |codes: Value, key: String| {
            let wish = json!({"event": event.id, "items": [{"tier": event.tiers[0], "quantity": 1}], "codes": codes});
            let t = &t;
            async move { t.stranger.post_once("/api/v1/shop/holds", &key, &wish).await }
        };
        let answers = join_all((0..15usize).map(|i| {
            let codes = [json!(["few"]), json!(["many"]), json!([])][i % 3].clone();
            ask(codes, format!("at-once-{i}"))
        })).await;
        let mut held = Vec::new();
        for (i, answer) in answers.iter().enumerate() {
            if answer.status == 201 {
                let hold = answer.expect(201);
                assert_eq!(hold["total_minor"], [1250, 2000, 2500][i % 3]);
                held.push(text(&hold["id"]));
            } else {
                assert_eq!(i % 3, 0, "{}", answer.text);
                answer.refused(409, "sales.code_not_applicable");
            }
        }
        assert_eq!((held.len(), uses(&t, &few).await, uses(&t, &many).await), (13, 3, 5));
        let given_up = join_all(held.iter().map(|id| {
            let (t, path) = (&t, format!("/api/v1/shop/holds/{id}"));
            async move { t.stranger.delete(&path).await.expect(204) }
        }));
        let again = join_all((0..8usize).map(|i| {
            let named = ["many", "few"][i % 2];
            ask(json!([named]), format!("again-{i}"))
        }));
        let (_, again) = tokio::join!(given_up, again);
        let had = |of: usize| again.iter().enumerate().filter(|(i, answer)| i % 2 == of && answer.status == 201).count() as i64;
        assert_eq!((uses(&t, &many).await, uses(&t, &few).await), (4, had(1)));
        assert_eq!(had(0), 4);
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// covers: PAY-5, MKT-2, BE-2
    async fn codes_are_reserved_by_holds_and_come_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let half = code(&t, &event, "HALF", json!({"effect": {"kind": "percentage", "rate": 500_000}, "max_uses": 1})).await;
        let items = json!([{"tier": event.tiers[0], "quantity": 2}]);
        let wish = json!({"event": event.id, "items": items, "codes": ["half"]});
        let quote = t.stranger.post("/api/v1/shop/quotes", wish.clone()).await.expect(200);
        assert_eq!((&quote["total_minor"], &quote["price"]["discount_minor"]), (&json!(2500), &json!(2500)));
        assert_eq!(uses(&t, &half).await, 0, "a quote reserves nothing");
        let held = t.stranger.post_once("/api/v1/shop/holds", "h", &wish).await.expect(201);
        assert_eq!((&held["total_minor"], uses(&t, &half).await), (&json!(2500), 1));
        let refused = t.stranger.post_once("/api/v1/shop/holds", "h2", &wish).await.refused(409, "sales.code_not_applicable");
        assert_eq!(refused["errors"][0]["code"], "used_up");
        let path = format!("/api/v1/shop/holds/{}", text(&held["id"]));
        t.stranger.delete(&path).await.expect(204);
        assert_eq!(uses(&t, &half).await, 0);
        let unknown = json!({"event": event.id, "items": items, "codes": ["half", "nothing"]});
        let unknown = t.stranger.post_once("/api/v1/shop/holds", "h3", &unknown).await.refused(422, "sales.code_unknown");
        assert_eq!(unknown["errors"][0]["field"], "codes[1]");

        // Without a hold of its own, an order reserves it as well; given back when its time is over.
        let mut body = buying(&event, items.clone(), "time_out");
        body["codes"] = json!(["HALF"]);
        let pending = t.stranger.post_once("/api/v1/shop/orders", "k", &body).await.expect(201);
        assert_eq!((&pending["order"]["total_minor"], uses(&t, &half).await), (&json!(2500), 1));
        t.clock.advance(Duration::from_secs(16 * 60));
        for _ in 0..100 {
            if seen(&t, &pending).await["order"]["state"] == "expired" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(uses(&t, &half).await, 0);

        // Somebody else has it now: money that comes too late goes back.
        body["payment"] = json!({"method": "sandbox", "outcome": "succeed"});
        let paid = t.stranger.post_once("/api/v1/shop/orders", "k2", &body).await.expect(201);
        assert_eq!((&paid["order"]["state"], &paid["order"]["total_minor"]), (&json!("paid"), &json!(2500)));
        let payment = text(&pending["payment"]["id"]).parse().unwrap();
        bilten_server::payments::provider_reports(&t.app, payment, true).await.unwrap();
        let late = seen(&t, &pending).await;
        assert_eq!((&late["order"]["state"], &late["payment"]["state"]), (&json!("expired"), &json!("refunded")));
        assert_eq!(uses(&t, &half).await, 1);
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-6, PAY-5
    async fn what_has_no_price_is_refused_and_nothing_is_taken(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_with(&t, json!([
            {"name": "Seat", "price_minor": 2000, "capacity": 10},
            {"name": "Wish", "price_minor": 1000, "capacity": 10,
                "pricing": {"price": {"kind": "pay_what_you_want", "floor_minor": 300, "suggestion_minor": 1000}}},
            {"name": "Secret", "price_minor": 100, "capacity": 10, "hidden": true},
        ]), &[24]).await;
        let one = |tier: usize, chosen: Value| json!([{"tier": event.tiers[tier], "quantity": 1, "chosen_minor": chosen}]);
        for (i, (items, status, code)) in [
            (one(1, json!(299)), 422, "sales.below_floor"),
            (one(1, json!(-1)), 422, "sales.negative"),
            (one(0, json!(5)), 422, "sales.amount_not_asked"),
            (one(2, Value::Null), 422, "invalid"),
        ].into_iter().enumerate() {
            buy(&t, &event, items.clone(), "succeed", &format!("bad-{i}")).await.refused(status, code);
            hold(&t, &event, items, &format!("bad-{i}")).await.refused(status, code);
        }
        for (i, strange) in [json!(1.5), json!("5"), json!(1e30)].into_iter().enumerate() {
            let answer = hold(&t, &event, one(1, strange.clone()), &format!("strange-{i}")).await;
            assert!((400..500).contains(&answer.status), "{strange}: {}", answer.text);
        }
        let shown = t.stranger.get(&format!("/api/v1/shop/events/{}", event.id)).await.expect(200);
        assert_eq!((shown["tiers"].as_array().unwrap().len(), shown["availability"].as_array().unwrap().len()), (2, 2), "the hidden one is not shown");
        // A code unlocks it.
        code(&t, &event, "SESAME", json!({"effect": {"kind": "access", "items": [event.tiers[2]], "rates": []}})).await;
        let mut body = buying(&event, one(2, Value::Null), "succeed");
        body["codes"] = json!(["sesame"]);
        let bought = t.stranger.post_once("/api/v1/shop/orders", "secret", &body).await.expect(201);
        assert_eq!(bought["order"]["total_minor"], 100);
        let bought = buy(&t, &event, one(1, json!(1234)), "succeed", "chosen").await.expect(201);
        assert_eq!(bought["order"]["total_minor"], 1234);
        balance(&t.app.db).await;
        t.stop().await;
    }
}
