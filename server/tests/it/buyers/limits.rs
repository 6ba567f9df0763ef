//! Purchase limits: nobody has more than the event allows, whatever they write.

use bilten_kernel::on_both_engines;
use serde_json::json;

use super::{added_tier, order_id, purchase_by, put, stock};
use crate::app::{Client, Event, TestApp};

pub(super) async fn limit(t: &TestApp, event: &Event, mut limits: serde_json::Value) {
    let path = format!("/api/v1/events/{}/purchase-limits", event.id);
    limits["version"] = t.organiser.get(&path).await.expect(200)["version"].clone();
    put(&t.organiser, &path, &limits).await.expect(200);
}

async fn buy(
    client: &Client,
    event: &Event,
    email: &str,
    count: u32,
    key: &str,
) -> crate::app::Answer {
    let body = purchase_by(event, email, count, "succeed");
    client.post_once("/api/v1/shop/orders", key, &body).await
}

on_both_engines! {
    /// covers: BE-2, PAY-3
    async fn thirty_rivals_of_one_mailbox_never_get_more_than_the_limit(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        limit(&t, &event, json!({"per_email": 4})).await;
        let all = (0..30u32).map(|i| {
            let (t, event) = (&t, &event);
            async move {
                let email = if i % 2 == 0 {
                    format!("ana.novak+{i}@gmail.com")
                } else {
                    format!("a.n.a.novak+{i}@GoogleMail.com")
                };
                (1 + i % 3, buy(&t.stranger, event, &email, 1 + i % 3, &format!("rival-{i}")).await)
            }
        });
        let mut sold = 0;
        for (count, answer) in futures_util::future::join_all(all).await {
            if answer.status == 201 {
                sold += i64::from(count);
            } else {
                answer.refused(409, "sales.purchase_limit");
            }
        }
        // Singles fill what is left.
        for i in 0..4 {
            if buy(&t.stranger, &event, "ananovak@gmail.com", 1, &format!("late-{i}")).await.status == 201 {
                sold += 1;
            }
        }
        assert_eq!(sold, 4);
        assert_eq!(stock(&t, &event).await, (0, 4), "what was refused took no stock");
        buy(&t.stranger, &event, "bor@example.com", 4, "other").await.expect(201);
        buy(&t.stranger, &event, "cene@example.com", 5, "too-many").await.refused(409, "sales.purchase_limit");
        t.stop().await;
    }

    /// An order's address may be one that no mail can be sent to: it counts like any other.
    ///
    /// covers: BE-2, PAY-3
    async fn a_mailbox_that_is_written_wrong_is_the_same_one(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        limit(&t, &event, json!({"per_email": 4})).await;
        buy(&t.stranger, &event, "ana..novak@gmail.com", 4, "first").await.expect(201);
        for (i, email) in ["ana..novak@gmail.com", ".ana.novak@GoogleMail.com", "ana.novak.+x@gmail.com", "ananovak@gmail.com"].iter().enumerate() {
            buy(&t.stranger, &event, email, 1, &format!("more-{i}")).await.refused(409, "sales.purchase_limit");
        }
        assert_eq!(stock(&t, &event).await, (0, 4));
        t.stop().await;
    }

    /// covers: BE-2
    async fn what_ends_or_is_paid_back_does_not_count_any_more(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        limit(&t, &event, json!({"per_email": 2})).await;
        let bought = buy(&t.stranger, &event, "ana@example.com", 2, "first").await.expect(201);
        buy(&t.stranger, &event, "ana+x@example.com", 1, "second").await.refused(409, "sales.purchase_limit");
        // The same request is answered as before, whatever was counted since.
        let again = buy(&t.stranger, &event, "ana@example.com", 2, "first").await.expect(201);
        assert_eq!(order_id(&again), order_id(&bought));
        t.organiser.post(&format!("/api/v1/orders/{}/refund", order_id(&bought)), json!({})).await.expect(200);
        let waits = purchase_by(&event, "ana@example.com", 2, "time_out");
        let waits = t.stranger.post_once("/api/v1/shop/orders", "third", &waits).await.expect(201);
        buy(&t.stranger, &event, "ana@example.com", 1, "fourth").await.refused(409, "sales.purchase_limit");
        let holder = t.stranger.with_token(waits["token"].as_str().unwrap());
        holder.delete(&format!("/api/v1/shop/orders/{}", order_id(&waits))).await.expect(204);
        buy(&t.stranger, &event, "ana@example.com", 2, "fifth").await.expect(201);
        // A purchase that finds no stock is not counted either.
        let small = t.event(&[("Seat", 2500, 1)]).await;
        limit(&t, &small, json!({"per_email": 2})).await;
        buy(&t.stranger, &small, "ana@example.com", 2, "a").await.refused(409, "sales.sold_out");
        buy(&t.stranger, &small, "ana@example.com", 1, "b").await.expect(201);
        t.stop().await;
    }

    /// covers: BE-2
    async fn networks_and_accounts_are_counted_too(db: TestDb) {
        let set_up = |config: &mut bilten_server::config::Config| {
            config.http.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        };
        let t = TestApp::start_with(db, set_up).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        limit(&t, &event, json!({"per_network": 2, "per_account": 3})).await;
        let from = |address: &'static str, client: Client, key: &'static str, count: u32| {
            let body = purchase_by(&event, &format!("{key}@example.com"), count, "succeed");
            async move {
                let request = client
                    .request(reqwest::Method::POST, "/api/v1/shop/orders")
                    .header("idempotency-key", key)
                    .header("x-forwarded-for", address)
                    .json(&body);
                client.send(request).await
            }
        };
        let stranger = || t.stranger.clone();
        from("2001:db8:1:201::1", stranger(), "a", 2).await.expect(201);
        from("2001:db8:1:2ff::9", stranger(), "b", 1).await.refused(409, "sales.purchase_limit");
        from("2001:db8:9::1", stranger(), "c", 2).await.expect(201);
        let person = t.person("buyer").await;
        let signed_in = t.signed_in(person, false).await;
        from("198.51.100.1", signed_in.clone(), "d", 2).await.expect(201);
        from("198.51.100.2", signed_in, "e", 2).await.refused(409, "sales.purchase_limit");
        from("198.51.100.2", stranger(), "f", 2).await.expect(201);
        t.stop().await;
    }

    /// covers: BE-2, BE-6
    async fn limits_are_checked_and_are_those_of_the_organiser(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let path = format!("/api/v1/events/{}/purchase-limits", event.id);
        assert_eq!(t.organiser.get(&path).await.expect(200)["per_email"], json!(null));
        for wrong in [json!({"per_email": 0}), json!({"per_network": 1_000_001})] {
            put(&t.organiser, &path, &wrong).await.expect(422);
        }
        for wrong in [json!({"per_email": -1}), json!({"per_email": 1.5}), json!({"per_head": 1})] {
            put(&t.organiser, &path, &wrong).await.expect(422);
        }
        put(&t.organiser, &path, &json!({"per_email": 1, "per_account": 2})).await.expect(200);
        let seen = t.organiser.get(&path).await.expect(200);
        assert_eq!(seen, json!({"version": 1, "per_email": 1, "per_account": 2, "per_payment": null, "per_network": null}));
        buy(&t.stranger, &event, "ana@example.com", 2, "k").await.refused(409, "sales.purchase_limit");
        put(&t.organiser, &path, &json!({"version": 1})).await.expect(200);
        buy(&t.stranger, &event, "ana@example.com", 2, "k").await.expect(201);
        let other = t.other_organiser().await;
        put(&other, &path, &json!({"per_email": 1})).await.expect(404);
        t.stop().await;
    }

    /// A bundle is as many as there are tickets in it; what lets nobody in is none.
    ///
    /// covers: BE-2, PAY-3
    async fn tickets_that_let_people_in_are_counted(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let seat = event.tiers[0].clone();
        let shirt = added_tier(&t, &event, json!({"name": "Shirt", "price_minor": 1500, "capacity": 50, "kind": "merchandise"})).await;
        let gift = added_tier(&t, &event, json!({"name": "Gift", "price_minor": 1000, "capacity": 50, "kind": "donation"})).await;
        let parking = json!({"name": "Parking", "price_minor": 500, "capacity": 50, "kind": "add_on",
            "pricing": {"added_to": [seat], "most_per_ticket": 1}});
        let parking = added_tier(&t, &event, parking).await;
        let four = json!({"name": "Four", "price_minor": 9000, "capacity": 10, "kind": "bundle",
            "pricing": {"parts": [{"tier": seat, "quantity": 4}, {"tier": shirt, "quantity": 1}]}});
        let four = added_tier(&t, &event, four).await;
        limit(&t, &event, json!({"per_email": 5})).await;
        let of = |tier: &str, quantity: u32| json!({"tier": tier, "quantity": quantity});
        let order = |items: serde_json::Value, key: &'static str| {
            let mut body = purchase_by(&event, "ana@example.com", 1, "succeed");
            body["items"] = items;
            let client = t.stranger.clone();
            async move { client.post_once("/api/v1/shop/orders", key, &body).await }
        };
        order(json!([of(&four, 2)]), "eight").await.refused(409, "sales.purchase_limit");
        let given = json!({"tier": gift, "quantity": 1, "chosen_minor": 1000});
        let first = order(json!([of(&four, 1), of(&shirt, 3), given]), "four").await.expect(201);
        assert_eq!(first["tickets"].as_array().unwrap().len(), 4);
        order(json!([of(&seat, 2)]), "six").await.refused(409, "sales.purchase_limit");
        order(json!([of(&seat, 1), of(&parking, 1)]), "five").await.expect(201);
        order(json!([of(&seat, 1)]), "another").await.refused(409, "sales.purchase_limit");
        order(json!([of(&shirt, 2)]), "shirts").await.expect(201);
        // Who has more than a limit that was set later may still buy what lets nobody in.
        limit(&t, &event, json!({"per_email": 2})).await;
        order(json!([of(&shirt, 1)]), "shirt").await.expect(201);
        limit(&t, &event, json!({"per_email": 5})).await;
        // A hold says nothing else than a cart, and what comes back is what was taken.
        t.organiser.post(&format!("/api/v1/orders/{}/refund", order_id(&first)), json!({})).await.expect(200);
        let wish = json!({"event": event.id, "items": [of(&four, 1)]});
        let hold = t.stranger.post_once("/api/v1/shop/holds", "hold", &wish).await.expect(201);
        let mut held = purchase_by(&event, "ana@example.com", 1, "succeed");
        held["items"] = json!([]);
        held["hold"] = hold["id"].clone();
        t.stranger.post_once("/api/v1/shop/orders", "held", &held).await.expect(201);
        order(json!([of(&seat, 1)]), "sixth").await.refused(409, "sales.purchase_limit");
        t.stop().await;
    }
}
