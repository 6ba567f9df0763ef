//! Purchase limits count the tickets of orders that are changed, those of a bundle one by one.

use bilten_kernel::on_both_engines;
use bilten_kernel::{sql, vals};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{change, changed, check, far_event, order_of, pay, stock};
use crate::app::{Answer, Event, TestApp};
use crate::buyers::added_tier;
use crate::selling::{buy, buying, text};

/// An event where one person may have five: a ticket, a shirt, and four tickets as one.
async fn five_each(t: &TestApp) -> (Event, String, String, String) {
    let event = far_event(t, &[("Standing", 2_500, 50)]).await;
    let seat = event.tiers[0].clone();
    let shirt =
        json!({"name": "Shirt", "price_minor": 1500, "capacity": 50, "kind": "merchandise"});
    let shirt = added_tier(t, &event, shirt).await;
    let four = json!({"name": "Four", "price_minor": 9000, "capacity": 10, "kind": "bundle",
        "pricing": {"parts": [{"tier": seat, "quantity": 4}]}});
    let four = added_tier(t, &event, four).await;
    let path = format!("/api/v1/events/{}/purchase-limits", event.id);
    let limits = t.organiser.request(reqwest::Method::PUT, &path);
    let limits = limits.json(&json!({"per_email": 5}));
    t.organiser.send(limits).await.expect(200);
    (event, seat, shirt, four)
}

fn of(tier: &str, quantity: u32) -> Value {
    json!({"tier": tier, "quantity": quantity})
}

/// Buys so many of the first tier by a test card.
async fn by_card(t: &TestApp, event: &Event, quantity: u32, card: &str, key: &str) -> Answer {
    let mut body = buying(event, json!([of(&event.tiers[0], quantity)]), "succeed");
    body["payment"]["card"] = json!(card);
    t.stranger
        .post_once("/api/v1/shop/orders", key, &body)
        .await
}

/// Pays for a supplement by a test card.
async fn pay_by_card(t: &TestApp, change: &Value, card: &str, key: &str) -> Answer {
    let supplement = &change["supplement"];
    let payer = t.stranger.with_token(supplement["token"].as_str().unwrap());
    let path = format!(
        "/api/v1/shop/orders/{}/payments",
        text(&supplement["order_id"])
    );
    let body = json!({"payment": {"method": "sandbox", "outcome": "succeed", "card": card}});
    payer.post_once(&path, key, &body).await
}

/// The line of a tier in an order.
fn line_of(bought: &Value, tier: &str) -> i64 {
    let items = bought["order"]["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["tier_id"] == tier).unwrap();
    item["line"].as_i64().unwrap()
}

on_both_engines! {
    /// covers: BE-2, PAY-3
    async fn what_comes_and_goes_is_counted_by_its_tickets(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, seat, shirt, four) = five_each(&t).await;
        let bought = |items: Value, key: &'static str| {
            let (t, event) = (&t, &event);
            async move { buy(t, event, items, "succeed", key).await }
        };
        // An order that lets nobody in yet is counted by what comes to it.
        let first = bought(json!([of(&shirt, 1)]), "k1").await.expect(201);
        let own = crate::changes::buyer(&t, &first);
        let path = format!("/api/v1/shop/orders/{}/changes", order_of(&first));
        let add = |tier: &str, count: u32| json!({"version": 1, "steps": [{"kind": "add", "items": [of(tier, count)]}]});
        own.post_once(&path, "a", &add(&four, 2)).await.refused(409, "sales.purchase_limit");
        let waiting = own.post_once(&path, "b", &add(&four, 1)).await.expect(200);
        assert_eq!(waiting["state"], "pending");
        bought(json!([of(&seat, 2)]), "k2").await.refused(409, "sales.purchase_limit");
        pay(&t, &waiting, "p").await.expect(201);
        bought(json!([of(&seat, 2)]), "k3").await.refused(409, "sales.purchase_limit");
        let second = bought(json!([of(&seat, 1)]), "k4").await.expect(201);
        bought(json!([of(&seat, 1)]), "k5").await.refused(409, "sales.purchase_limit");
        // What goes gives back as many as it took.
        let cancel = json!([{"kind": "cancel", "pick": {"line": 2, "units": [1]}}]);
        changed(&t, &order_of(&first), &cancel, "c").await;
        bought(json!([of(&seat, 5)]), "k6").await.refused(409, "sales.purchase_limit");
        t.organiser.post(&format!("/api/v1/orders/{}/refund", order_of(&second)), json!({})).await.expect(200);
        // Orders that one is split into have what their own units took.
        let third = bought(json!([of(&seat, 1), of(&four, 1)]), "k7").await.expect(201);
        let split = json!([{"kind": "split", "picks": [{"line": line_of(&third, &four)}]}]);
        let parts = changed(&t, &order_of(&third), &split, "s").await;
        bought(json!([of(&seat, 1)]), "k8").await.refused(409, "sales.purchase_limit");
        t.organiser.post(&format!("/api/v1/orders/{}/refund", text(&parts["other"]["order_id"])), json!({})).await.expect(200);
        bought(json!([of(&seat, 5)]), "k9").await.refused(409, "sales.purchase_limit");
        bought(json!([of(&four, 1)]), "k10").await.expect(201);
        bought(json!([of(&seat, 1)]), "k11").await.refused(409, "sales.purchase_limit");
        t.stop().await;
    }

    /// covers: BE-2, PAY-3
    async fn each_card_has_the_tickets_that_it_paid_for(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 50)]).await;
        let path = format!("/api/v1/events/{}/purchase-limits", event.id);
        let limits = t.organiser.request(reqwest::Method::PUT, &path);
        t.organiser.send(limits.json(&json!({"per_payment": 3}))).await.expect(200);
        let first = by_card(&t, &event, 3, "visa_1", "k1").await.expect(201);
        // What is added is counted by what pays it, and that is known when it is paid.
        let own = crate::changes::buyer(&t, &first);
        let path = format!("/api/v1/shop/orders/{}/changes", order_of(&first));
        let add = json!([{"kind": "add", "items": [of(&event.tiers[0], 2)]}]);
        let waiting = own.post_once(&path, "a", &json!({"version": 1, "steps": add})).await.expect(200);
        assert_eq!(waiting["state"], "pending");
        pay_by_card(&t, &waiting, "visa_1", "p").await.refused(409, "sales.purchase_limit");
        pay_by_card(&t, &waiting, "visa_2", "p").await.expect(201);
        by_card(&t, &event, 1, "visa_1", "k2").await.refused(409, "sales.purchase_limit");
        by_card(&t, &event, 2, "visa_2", "k3").await.refused(409, "sales.purchase_limit");
        by_card(&t, &event, 1, "visa_2", "k4").await.expect(201);
        // One that goes is given back to one of the cards that paid the order.
        let cancel = json!([{"kind": "cancel", "pick": {"line": 1, "units": [1]}}]);
        changed(&t, &order_of(&first), &cancel, "c").await;
        let mut more = 0;
        for (card, key) in [("visa_1", "k5"), ("visa_2", "k6")] {
            let answer = by_card(&t, &event, 1, card, key).await;
            if answer.status == 201 {
                more += 1;
            } else {
                answer.refused(409, "sales.purchase_limit");
            }
        }
        assert_eq!(more, 1);
        // All that is left of it goes: the two cards have two between them, and may have six.
        t.organiser.post(&format!("/api/v1/orders/{}/refund", order_of(&first)), json!({})).await.expect(200);
        let mut more = 0;
        for i in 0..6 {
            for card in ["visa_1", "visa_2"] {
                if by_card(&t, &event, 1, card, &format!("{card}-{i}")).await.status == 201 {
                    more += 1;
                }
            }
        }
        assert_eq!(more, 4);
        t.stop().await;
    }

    /// covers: BE-2, PAY-3
    async fn orders_that_are_merged_are_counted_by_both_cards(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 50)]).await;
        let path = format!("/api/v1/events/{}/purchase-limits", event.id);
        let limits = t.organiser.request(reqwest::Method::PUT, &path);
        t.organiser.send(limits.json(&json!({"per_payment": 3}))).await.expect(200);
        let first = by_card(&t, &event, 1, "visa_1", "k1").await.expect(201);
        let second = by_card(&t, &event, 2, "visa_2", "k2").await.expect(201);
        let merge = json!([{"kind": "merge", "order": order_of(&second)}]);
        changed(&t, &order_of(&first), &merge, "m").await;
        by_card(&t, &event, 3, "visa_1", "k3").await.refused(409, "sales.purchase_limit");
        by_card(&t, &event, 2, "visa_2", "k4").await.refused(409, "sales.purchase_limit");
        // What staff adds is counted, and not limited.
        let add = json!([{"kind": "add", "items": [of(&event.tiers[0], 3)]}]);
        let waiting = changed(&t, &order_of(&first), &add, "a").await;
        pay_by_card(&t, &waiting, "visa_2", "p").await.expect(201);
        by_card(&t, &event, 1, "visa_2", "k5").await.refused(409, "sales.purchase_limit");
        t.organiser.post(&format!("/api/v1/orders/{}/refund", order_of(&first)), json!({})).await.expect(200);
        by_card(&t, &event, 3, "visa_1", "k6").await.expect(201);
        by_card(&t, &event, 3, "visa_2", "k7").await.expect(201);
        t.stop().await;
    }

    /// Whoever pays for a change and whoever pays the order back lock the order first, then its card.
    ///
    /// covers: BE-2, DB-2, PAY-3
    async fn what_is_added_and_what_goes_back_by_one_card_at_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 100)]).await;
        let path = format!("/api/v1/events/{}/purchase-limits", event.id);
        let limits = t.organiser.request(reqwest::Method::PUT, &path);
        t.organiser.send(limits.json(&json!({"per_payment": 12}))).await.expect(200);
        let mut orders = Vec::new();
        for i in 0..6 {
            let first = by_card(&t, &event, 1, "visa_1", &format!("k-{i}")).await.expect(201);
            let own = crate::changes::buyer(&t, &first);
            let path = format!("/api/v1/shop/orders/{}/changes", order_of(&first));
            let add = json!([{"kind": "add", "items": [of(&event.tiers[0], 1)]}]);
            let waiting = own.post_once(&path, "a", &json!({"version": 1, "steps": add})).await.expect(200);
            orders.push((order_of(&first), waiting));
        }
        let paid = join_all(orders.iter().map(|(_, waiting)| pay_by_card(&t, waiting, "visa_1", "p")));
        let refunded = join_all(orders.iter().map(|(order, _)| {
            let (t, path) = (&t, format!("/api/v1/orders/{order}/refund"));
            async move { t.organiser.post(&path, json!({})).await }
        }));
        let (paid, refunded) = tokio::join!(paid, refunded);
        for answer in &paid {
            answer.expect(201);
        }
        for answer in &refunded {
            answer.expect(200);
        }
        // Whoever was first: all of it went back, and the card has nothing.
        assert_eq!(stock(&t, &event.tiers[0]).await, (0, 0));
        check(&t.app.db).await;
        for key in ["x", "y"] {
            by_card(&t, &event, 6, "visa_1", key).await.expect(201);
        }
        by_card(&t, &event, 1, "visa_1", "z").await.refused(409, "sales.purchase_limit");
        t.stop().await;
    }

    /// Both lock what a buyer is counted by before the stock.
    ///
    /// covers: BE-2, DB-2, PAY-4
    async fn changes_and_refunds_of_one_buyer_at_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 100)]).await;
        let path = format!("/api/v1/events/{}/purchase-limits", event.id);
        let limits = t.organiser.request(reqwest::Method::PUT, &path);
        t.organiser.send(limits.json(&json!({"per_email": 24}))).await.expect(200);
        let mut orders = Vec::new();
        for i in 0..12 {
            let items = json!([of(&event.tiers[0], 2)]);
            let first = buy(&t, &event, items, "succeed", &format!("k-{i}")).await.expect(201);
            orders.push(order_of(&first));
        }
        let cancel = json!([{"kind": "cancel", "pick": {"line": 1, "units": [1]}}]);
        let answers = join_all(orders.iter().enumerate().map(|(i, order)| {
            let (t, cancel) = (&t, &cancel);
            async move {
                if i % 2 == 0 {
                    t.organiser.post(&format!("/api/v1/orders/{order}/refund"), json!({})).await
                } else {
                    change(t, order, 1, cancel, "c").await
                }
            }
        }))
        .await;
        for answer in &answers {
            answer.expect(200);
        }
        assert_eq!(stock(&t, &event.tiers[0]).await, (0, 6));
        check(&t.app.db).await;
        for key in ["x", "y"] {
            buy(&t, &event, json!([of(&event.tiers[0], 9)]), "succeed", key).await.expect(201);
        }
        buy(&t, &event, json!([of(&event.tiers[0], 1)]), "succeed", "z").await.refused(409, "sales.purchase_limit");
        t.stop().await;
    }

    /// What was counted unit by unit, before tickets were, gives back no more than it took.
    ///
    /// covers: BE-2, PAY-3
    async fn an_order_gives_back_no_more_than_it_took(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, seat, _, four) = five_each(&t).await;
        let bought = |items: Value, key: &'static str| {
            let (t, event) = (&t, &event);
            async move { buy(t, event, items, "succeed", key).await }
        };
        let first = bought(json!([of(&seat, 1), of(&four, 1)]), "k1").await.expect(201);
        t.app.db.write(|c| Box::pin(async move {
            let took = c.exec(sql!("UPDATE order_counts SET tickets = 2 WHERE tickets = 5"), vals![]).await?;
            let has = c.exec(sql!("UPDATE purchase_counts SET tickets = 2 WHERE tickets = 5"), vals![]).await?;
            assert_eq!((took, has), (1, 1));
            Ok::<_, bilten_kernel::db::DbError>(())
        })).await.unwrap();
        bought(json!([of(&seat, 1)]), "k2").await.expect(201);
        let cancel = json!([{"kind": "cancel", "pick": {"line": line_of(&first, &four), "units": [1]}}]);
        changed(&t, &order_of(&first), &cancel, "c").await;
        // The one of the other order is left.
        bought(json!([of(&four, 1)]), "k3").await.expect(201);
        bought(json!([of(&seat, 1)]), "k4").await.refused(409, "sales.purchase_limit");
        t.organiser.post(&format!("/api/v1/orders/{}/refund", order_of(&first)), json!({})).await.expect(200);
        bought(json!([of(&seat, 1)]), "k5").await.refused(409, "sales.purchase_limit");
        t.stop().await;
    }
}
