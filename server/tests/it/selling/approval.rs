//! Orders that the organiser accepts one by one.

use bilten_kernel::on_both_engines;
use reqwest::Method;
use serde_json::json;

use super::{buy, seated, text};
use crate::app::{Event, TestApp};

async fn approve_each(t: &TestApp, event: &Event) {
    let path = format!("/api/v1/events/{}/sale-rules", event.id);
    let mut rules = t.organiser.get(&path).await.expect(200);
    assert_eq!(rules["needs_approval"], false);
    rules["needs_approval"] = json!(true);
    let put = t.organiser.request(Method::PUT, &path).json(&rules);
    rules["version"] = json!(1);
    assert_eq!(t.organiser.send(put).await.expect(200), rules);
}

async fn counted(t: &TestApp, event: &Event) -> (i64, i64) {
    let path = format!("/api/v2/events/{}/stock", event.id);
    let stock = t.organiser.get(&path).await.expect(200);
    (
        stock["held"].as_i64().unwrap(),
        stock["sold"].as_i64().unwrap(),
    )
}

on_both_engines! {
    /// covers: BE-2, PAY-5
    async fn an_order_waits_with_its_seat_until_it_is_accepted(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, _) = seated(&t, 1, 1, 5).await;
        approve_each(&t, &event).await;
        let seat = |name: &str| json!([{"tier": event.tiers[0], "seats": [name]}]);
        let waits = buy(&t, &event, seat("1-1-1"), "succeed", "k").await.expect(201);
        assert_eq!((&waits["order"]["state"], &waits["payment"]["decline_code"]), (&json!("pending"), &json!("under_review")));
        assert_eq!(waits["tickets"], json!([]));
        assert_eq!(counted(&t, &event).await, (1, 0));
        let id = text(&waits["order"]["id"]);
        let buyer = t.stranger.with_token(waits["token"].as_str().unwrap());
        let pay = format!("/api/v1/shop/orders/{id}/payments");
        let money = json!({"payment": {"method": "sandbox", "outcome": "succeed"}});
        buyer.post_once(&pay, "p", &money).await.refused(409, "sales.under_review");
        let queue = t.organiser.get(&format!("/api/v1/events/{}/orders/review", event.id)).await.expect(200);
        assert_eq!(queue["items"][0]["reasons"], json!([{"reason": "needs_approval", "points": 0}]));

        // It is longer than any hold that somebody thinks about it.
        t.clock.advance(std::time::Duration::from_secs(3_600));
        buy(&t, &event, seat("1-1-1"), "succeed", "rival").await.refused(409, "sales.seats_taken");
        let review = format!("/api/v1/orders/{id}/review");
        t.organiser.post(&review, json!({"decision": "accept"})).await.expect(200);
        let paid = buyer.post_once(&pay, "p2", &money).await.expect(201);
        assert_eq!((&paid["order"]["state"], paid["tickets"].as_array().unwrap().len()), (&json!("paid"), 1));
        assert_eq!(counted(&t, &event).await, (0, 1));

        // Who is declined gives everything back.
        let other = buy(&t, &event, seat("1-1-2"), "succeed", "k2").await.expect(201);
        let review = format!("/api/v1/orders/{}/review", text(&other["order"]["id"]));
        let declined = t.organiser.post(&review, json!({"decision": "refuse"})).await.expect(200);
        assert_eq!(declined["state"], "cancelled");
        assert_eq!(counted(&t, &event).await, (0, 1));
        buy(&t, &event, seat("1-1-2"), "succeed", "k3").await.expect(201);
        t.stop().await;
    }

    /// covers: BE-2
    async fn what_is_free_is_done_when_it_is_accepted(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Guest", 0, 5)]).await;
        approve_each(&t, &event).await;
        let items = json!([{"tier": event.tiers[0], "quantity": 2}]);
        let waits = buy(&t, &event, items, "succeed", "k").await.expect(201);
        assert_eq!(waits["order"]["state"], "pending");
        assert_eq!(counted(&t, &event).await, (2, 0));
        let id = text(&waits["order"]["id"]);
        let review = format!("/api/v1/orders/{id}/review");
        for _ in 0..2 {
            let accepted = t.organiser.post(&review, json!({"decision": "accept"})).await.expect(200);
            assert_eq!(accepted["state"], "paid");
        }
        assert_eq!(counted(&t, &event).await, (0, 2));
        let buyer = t.stranger.with_token(waits["token"].as_str().unwrap());
        let seen = buyer.get(&format!("/api/v1/shop/orders/{id}")).await.expect(200);
        assert_eq!(seen["tickets"].as_array().unwrap().len(), 2);
        t.stop().await;
    }

    /// Only some tickets are given to those whom the organiser has looked at, such as those of the press.
    ///
    /// covers: BE-2, PAY-5, ORG-3
    async fn orders_of_some_tiers_wait_and_others_do_not(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2_500, 10), ("Press", 2_500, 10)]).await;
        let own = format!("/api/v1/events/{}", event.id);
        let seen = t.organiser.get(&own).await.expect(200);
        assert_eq!(seen["tiers"][1]["needs_approval"], false);
        let change = json!({"version": seen["version"], "needs_approval": true});
        t.organiser.patch(&format!("{own}/tiers/{}", event.tiers[1]), change).await.expect(200);
        let shown = t.stranger.get(&format!("/api/v1/shop/events/{}", event.id)).await.expect(200);
        assert_eq!((&shown["tiers"][0]["needs_approval"], &shown["tiers"][1]["needs_approval"]), (&json!(false), &json!(true)));

        let page = t.stranger.get(&format!("/e/{}", event.slug)).await;
        assert_eq!(page.text.matches("The organiser looks at each order for this ticket").count(), 1);

        let standing = json!({"tier": event.tiers[0], "quantity": 1});
        let press = json!({"tier": event.tiers[1], "quantity": 1});
        let bought = buy(&t, &event, json!([standing]), "succeed", "k1").await.expect(201);
        assert_eq!(bought["order"]["state"], "paid");
        let waits = buy(&t, &event, json!([press]), "succeed", "k2").await.expect(201);
        assert_eq!(waits["order"]["state"], "pending");
        // One of them in it is enough, and it makes no difference whether it was held before.
        let held = crate::selling::hold(&t, &event, json!([standing, press]), "h").await.expect(201);
        let mut body = crate::selling::buying(&event, json!([]), "succeed");
        body["hold"] = held["id"].clone();
        let mixed = t.stranger.post_once("/api/v1/shop/orders", "k3", &body).await.expect(201);
        assert_eq!((&mixed["order"]["state"], &mixed["payment"]["decline_code"]), (&json!("pending"), &json!("under_review")));
        let queue = t.organiser.get(&format!("{own}/orders/review")).await.expect(200);
        assert_eq!(queue["items"].as_array().unwrap().len(), 2);
        assert_eq!(queue["items"][0]["reasons"], json!([{"reason": "needs_approval", "points": 0}]));
        let review = format!("/api/v1/orders/{}/review", text(&waits["order"]["id"]));
        t.organiser.post(&review, json!({"decision": "accept"})).await.expect(200);
        let buyer = t.stranger.with_token(waits["token"].as_str().unwrap());
        let pay = format!("/api/v1/shop/orders/{}/payments", text(&waits["order"]["id"]));
        let money = json!({"payment": {"method": "sandbox", "outcome": "succeed"}});
        assert_eq!(buyer.post_once(&pay, "p", &money).await.expect(201)["order"]["state"], "paid");

        // Nobody gets round it by changing what they have; the organiser may.
        let order = text(&bought["order"]["id"]);
        let steps = json!([{"kind": "change_tier", "pick": {"line": 1}, "tier": event.tiers[1]}]);
        let body = json!({"version": 1, "steps": steps});
        let buyer = t.stranger.with_token(bought["token"].as_str().unwrap());
        let refused = buyer.post_once(&format!("/api/v1/shop/orders/{order}/changes"), "c", &body).await.refused(422, "invalid");
        assert_eq!(refused["errors"][0]["code"], "needs_approval");
        let preview = t.organiser.post(&format!("/api/v1/orders/{order}/changes/preview"), json!({"steps": steps})).await;
        assert_eq!(preview.status, 200, "{}", preview.text);

        // A copy of the event asks the same.
        let again = json!({"starts_at": "2040-10-27T18:00:00Z", "slug": "again", "name": "Again"});
        let copy = t.organiser.post_once(&format!("{own}/duplicate"), "copy", &again).await.expect(201);
        assert_eq!(copy["tiers"][1]["needs_approval"], true);
        t.stop().await;
    }

    /// covers: BE-2, ORG-3
    async fn a_copy_asks_what_its_model_asks_of_those_who_buy(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Guest", 0, 5)]).await;
        let mut rules = json!({"no_single_seats": true, "companions_with_their_place": false, "needs_approval": true});
        let mut limits = json!({"per_email": 2, "per_account": 3, "per_payment": null, "per_network": 40});
        for (what, body) in [("sale-rules", &mut rules), ("purchase-limits", &mut limits)] {
            let put = t.organiser.request(Method::PUT, &format!("/api/v1/events/{}/{what}", event.id)).json(body);
            body["version"] = json!(1);
            assert_eq!(t.organiser.send(put).await.expect(200), *body);
        }
        let again = json!({"starts_at": "2040-10-27T18:00:00Z", "slug": "again", "name": "Again"});
        let copy = t.organiser.post_once(&format!("/api/v1/events/{}/duplicate", event.id), "copy", &again).await.expect(201);
        let own = format!("/api/v1/events/{}", text(&copy["id"]));
        assert_eq!(t.organiser.get(&format!("{own}/sale-rules")).await.expect(200), rules);
        assert_eq!(t.organiser.get(&format!("{own}/purchase-limits")).await.expect(200), limits);

        // They hold for it, and each event has its own from then on.
        t.organiser.post(&format!("{own}/publish"), json!({})).await.expect(200);
        let copied = Event { id: text(&copy["id"]), slug: "again".to_owned(), tiers: vec![text(&copy["tiers"][0]["id"])] };
        let guests = |count: u32| json!([{"tier": copied.tiers[0], "quantity": count}]);
        buy(&t, &copied, guests(3), "succeed", "many").await.refused(409, "sales.purchase_limit");
        let waits = buy(&t, &copied, guests(2), "succeed", "two").await.expect(201);
        assert_eq!(waits["order"]["state"], "pending");
        let none = json!({"version": 1, "per_email": null, "per_account": null, "per_payment": null, "per_network": null});
        let put = t.organiser.request(Method::PUT, &format!("{own}/purchase-limits")).json(&none);
        t.organiser.send(put).await.expect(200);
        let kept = t.organiser.get(&format!("/api/v1/events/{}/purchase-limits", event.id)).await.expect(200);
        assert_eq!(kept, limits);
        t.stop().await;
    }
}
