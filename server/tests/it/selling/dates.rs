//! Tiers that are sold by dates: stock, price and tickets of each date are its own.

use bilten_kernel::on_both_engines;
use serde_json::{Value, json};

use super::{balance, buy, buying, event_with, hold, seen, text};
use crate::app::{Event, TestApp};

async fn two_evenings(t: &TestApp) -> (Event, Vec<String>) {
    let event = event_with(
        t,
        json!([
            {"name": "Evening", "price_minor": 1000, "capacity": 3, "per_date": true},
            {"name": "Both", "price_minor": 1800, "capacity": 5},
            {"name": "Parking", "price_minor": 300, "capacity": 5, "kind": "add_on"},
        ]),
        &[24, 48],
    )
    .await;
    let read = t
        .organiser
        .get(&format!("/api/v1/events/{}", event.id))
        .await
        .expect(200);
    let dates = read["occurrences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|date| text(&date["id"]))
        .collect();
    (event, dates)
}

async fn left(t: &TestApp, event: &Event, date: &str) -> Vec<i64> {
    let path = format!(
        "/api/v1/shop/events/{}/occurrences/{date}/availability",
        event.id
    );
    let told = t.stranger.get(&path).await.expect(200);
    told["tiers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["left"].as_i64().unwrap())
        .collect()
}

on_both_engines! {
    /// covers: BE-2, ORG-2
    async fn each_date_sells_its_own(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, dates) = two_evenings(&t).await;
        let on = |date: &str, quantity: u32| json!([{"tier": event.tiers[0], "occurrence": date, "quantity": quantity}]);
        let undated = json!([{"tier": event.tiers[0], "quantity": 1}]);
        let refused = buy(&t, &event, undated, "succeed", "no-date").await.refused(422, "invalid");
        assert_eq!((&refused["errors"][0]["field"], &refused["errors"][0]["code"]), (&json!("items[0].occurrence"), &json!("required")));
        let foreign = on("occ_01kdvm6x00fazbzzr4pc4snbka", 1);
        buy(&t, &event, foreign, "succeed", "foreign").await.refused(422, "invalid");
        let dated = json!([{"tier": event.tiers[1], "occurrence": dates[0], "quantity": 1}]);
        buy(&t, &event, dated, "succeed", "not-by-date").await.refused(422, "invalid");

        let bought = buy(&t, &event, on(&dates[1], 3), "succeed", "k").await.expect(201);
        buy(&t, &event, on(&dates[1], 1), "succeed", "k2").await.refused(409, "sales.sold_out");
        hold(&t, &event, on(&dates[0], 2), "h").await.expect(201);
        assert_eq!(left(&t, &event, &dates[0]).await, [1, 5, 5]);
        assert_eq!(left(&t, &event, &dates[1]).await, [0, 5, 5]);
        let all = t.stranger.get(&format!("/api/v1/shop/events/{}", event.id)).await.expect(200);
        assert_eq!(all["availability"][0]["left"], 1, "of both dates together");

        // A ticket is for its date.
        let ticket = &bought["tickets"][0];
        assert_eq!(ticket["occurrence_id"], dates[1].as_str());
        assert_eq!(bought["order"]["items"][0]["occurrence_id"], dates[1].as_str());
        let starts = |index: usize| t.app.now().ms() / 1_000 + [24, 48][index] * 3_600;
        let (from, until) = (ticket["valid_from"].as_i64().unwrap(), ticket["valid_until"].as_i64().unwrap());
        assert!(from > starts(0) && from < starts(1) && until > starts(1), "{from} {until}");
        let both = buy(&t, &event, json!([{"tier": event.tiers[1], "quantity": 1}]), "succeed", "both").await.expect(201);
        assert!(both["tickets"][0]["valid_from"].as_i64().unwrap() < starts(0));
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-2, ORG-3
    async fn what_lets_nobody_in_gives_no_ticket(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, dates) = two_evenings(&t).await;
        let items = json!([
            {"tier": event.tiers[2], "quantity": 2},
            {"tier": event.tiers[0], "occurrence": dates[0], "quantity": 1},
            {"tier": event.tiers[0], "occurrence": dates[1], "quantity": 1},
        ]);
        let bought = buy(&t, &event, items, "succeed", "k").await.expect(201);
        assert_eq!(bought["order"]["total_minor"], 2600);
        assert_eq!(bought["order"]["items"].as_array().unwrap().len(), 3);
        let mut tickets: Vec<_> = bought["tickets"].as_array().unwrap().iter().map(|ticket| text(&ticket["occurrence_id"])).collect();
        tickets.sort_unstable();
        let mut wanted = dates.clone();
        wanted.sort_unstable();
        assert_eq!(tickets, wanted);
        t.stop().await;
    }

    /// A date that is called off sells no more; what was sold of it stays in the books, and goes back as
    /// what it was.
    ///
    /// covers: BE-2, ORG-2
    async fn a_date_that_is_called_off_sells_no_more(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, dates) = two_evenings(&t).await;
        let on = |date: &str| json!([{"tier": event.tiers[0], "occurrence": date, "quantity": 1}]);
        let sold = buy(&t, &event, on(&dates[0]), "succeed", "k").await.expect(201);
        let path = format!("/api/v1/events/{}/occurrences/{}/cancel", event.id, dates[0]);
        t.organiser.post(&path, json!({})).await.expect(200);
        buy(&t, &event, on(&dates[0]), "succeed", "k2").await.refused(409, "sales.off_sale");
        // With one date left there is no doubt which one is meant.
        let only = json!([{"tier": event.tiers[0], "quantity": 1}]);
        let bought = buy(&t, &event, only, "succeed", "k3").await.expect(201);
        assert_eq!(bought["tickets"][0]["occurrence_id"], dates[1].as_str());
        let refund = format!("/api/v1/orders/{}/refund", text(&sold["order"]["id"]));
        let refunded = t.organiser.post(&refund, json!({})).await;
        assert!([200, 409].contains(&refunded.status), "{}", refunded.text);
        buy(&t, &event, on(&dates[0]), "succeed", "k4").await.refused(409, "sales.off_sale");
        t.stop().await;
    }

    /// Money for a date that was called off in the meantime goes back, also where it comes after the order
    /// has ended, and what is held of it cannot be ordered any more; other dates go on.
    ///
    /// covers: PAY-1, BE-2
    async fn nobody_pays_for_a_date_that_was_called_off(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, dates) = two_evenings(&t).await;
        let on = |date: &str| json!([{"tier": event.tiers[0], "occurrence": date, "quantity": 1}]);
        let pending = buy(&t, &event, on(&dates[0]), "time_out", "k").await.expect(201);
        let given_up = buy(&t, &event, on(&dates[0]), "time_out", "k2").await.expect(201);
        let buyer = t.stranger.with_token(given_up["token"].as_str().unwrap());
        buyer.delete(&format!("/api/v1/shop/orders/{}", text(&given_up["order"]["id"]))).await.expect(204);
        let held = hold(&t, &event, on(&dates[0]), "h").await.expect(201);
        let other = hold(&t, &event, on(&dates[1]), "h2").await.expect(201);
        let path = format!("/api/v1/events/{}/occurrences/{}/cancel", event.id, dates[0]);
        t.organiser.post(&path, json!({})).await.expect(200);
        for (order, state) in [(&pending, "expired"), (&given_up, "cancelled")] {
            let payment = text(&order["payment"]["id"]).parse().unwrap();
            bilten_server::payments::provider_reports(&t.app, payment, true).await.unwrap();
            let told = seen(&t, order).await;
            assert_eq!((&told["order"]["state"], &told["payment"]["state"]), (&json!(state), &json!("refunded")));
            assert_eq!(told["tickets"], json!([]));
        }
        for (hold, key) in [(&held, "k3"), (&other, "k4")] {
            let mut body = buying(&event, json!([]), "succeed");
            body["hold"] = hold["id"].clone();
            let answer = t.stranger.post_once("/api/v1/shop/orders", key, &body).await;
            if key == "k3" {
                answer.refused(410, "sales.hold_gone");
            } else {
                assert_eq!(answer.expect(201)["order"]["state"], "paid");
            }
        }
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// Another price on one date is what is paid for that date.
    ///
    /// covers: PAY-5, ORG-2
    async fn a_date_has_its_own_price(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, dates) = two_evenings(&t).await;
        let version = t.organiser.get(&format!("/api/v1/events/{}", event.id)).await.expect(200)["version"].clone();
        let edit = json!({"version": version, "scope": "this", "occurrences": [dates[1]],
            "change": {"tiers": [{"tier": event.tiers[0], "price_minor": 1500, "capacity": 1}]}});
        t.organiser.patch(&format!("/api/v1/events/{}/occurrences", event.id), edit).await.expect(200);
        let items: Value = dates.iter().map(|date| json!({"tier": event.tiers[0], "occurrence": date, "quantity": 1})).collect();
        let bought = buy(&t, &event, items, "succeed", "k").await.expect(201);
        assert_eq!(bought["order"]["total_minor"], 2500);
        let again = json!([{"tier": event.tiers[0], "occurrence": dates[1], "quantity": 1}]);
        buy(&t, &event, again, "succeed", "k2").await.refused(409, "sales.sold_out");
        t.stop().await;
    }
}
