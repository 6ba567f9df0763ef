//! The shop's API, as a shop of somebody else uses it: without any credential of the organisation.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::on_both_engines;
use serde_json::{Value, json};

use crate::app::{Client, Event, TestApp};

fn at(t: &TestApp, hours: i64) -> String {
    Timestamp::from_ms(t.app.now().ms() + hours * 3_600_000).to_string()
}

/// Publishes an event that starts in so many hours, with this slug and these tiers.
async fn publish(t: &TestApp, slug: &str, hours: i64, tiers: Value) -> Event {
    let body = json!({
        "name": "Večer", "slug": slug, "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Kino Šiška",
        "occurrences": [{"starts_at": at(t, hours), "ends_at": at(t, hours + 3)}], "tiers": tiers,
    });
    let made = t.organiser.post("/api/v1/events", body).await.expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/events/{id}/publish");
    t.organiser.post(&path, json!({})).await.expect(200);
    let tiers = made["tiers"].as_array().unwrap();
    Event {
        id,
        slug: slug.to_owned(),
        tiers: tiers
            .iter()
            .map(|tier| tier["id"].as_str().unwrap().to_owned())
            .collect(),
    }
}

fn one(price: i64) -> Value {
    json!([{"name": "Standing", "price_minor": price, "capacity": 10, "max_per_order": 4}])
}

/// The slugs of all pages of a shop's list.
async fn listed(shop: &Client, limit: u32) -> Vec<String> {
    let (mut slugs, mut next) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/shop/organisations/kino-siska/events?limit={limit}{next}");
        let page = shop.get(&path).await.expect(200);
        for item in page["items"].as_array().unwrap() {
            slugs.push(item["slug"].as_str().unwrap().to_owned());
        }
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return slugs,
        }
    }
}

on_both_engines! {
    /// From the list of events to the tickets, by HTTP alone and without a token of the organisation.
    ///
    /// covers: BE-6, WEB-4
    async fn a_shop_of_somebody_else_sells(db: TestDb) {
        let t = TestApp::start(db).await;
        publish(&t, "evening", 2, json!([
            {"name": "Standing", "price_minor": 2500, "capacity": 10, "max_per_order": 4},
            {"name": "Balcony", "price_minor": 4000, "capacity": 10},
        ])).await;
        let shop = &t.stranger;

        let list = shop.get("/api/v1/shop/organisations/kino-siska/events").await.expect(200);
        let found = &list["items"][0];
        assert_eq!((&found["from_price_minor"], &found["sandbox"], &found["currency"]), (&json!(2500), &json!(false), &json!("EUR")));
        let event = shop.get(&format!("/api/v1/shop/events/{}", found["slug"].as_str().unwrap())).await.expect(200);
        assert_eq!(event["id"], found["id"]);
        assert_eq!(event["availability"][0]["left"], 10);
        let items = json!([{"tier": event["tiers"][0]["id"], "quantity": 2}, {"tier": event["tiers"][1]["id"], "quantity": 1}]);
        let wish = json!({"event": event["id"], "items": items});
        let quote = shop.post("/api/v1/shop/quotes", wish.clone()).await.expect(200);
        assert_eq!((&quote["total_minor"], &quote["currency"]), (&json!(9000), &json!("EUR")));

        let hold = shop.post_once("/api/v1/shop/holds", "hold", &wish).await.expect(201);
        let path = format!("/api/v1/shop/holds/{}", hold["id"].as_str().unwrap());
        assert_eq!(shop.get(&path).await.expect(200), hold);
        let order = json!({
            "event": event["id"], "hold": hold["id"], "buyer": {"email": "ana@example.com", "name": "Ana Novak"},
            "payment": {"method": "sandbox", "outcome": "decline"},
        });
        let declined = shop.post_once("/api/v1/shop/orders", "order", &order).await.expect(201);
        assert_eq!(declined["order"]["total_minor"], quote["total_minor"]);
        shop.get(&path).await.refused(410, "sales.hold_gone");

        let buyer = shop.with_token(declined["token"].as_str().unwrap());
        let path = format!("/api/v1/shop/orders/{}", declined["order"]["id"].as_str().unwrap());
        let payment = json!({"payment": {"method": "sandbox", "outcome": "succeed"}});
        buyer.post_once(&format!("{path}/payments"), "payment", &payment).await.expect(201);
        let seen = buyer.get(&path).await.expect(200);
        assert_eq!(seen["order"]["state"], "paid");
        assert_eq!(seen["tickets"].as_array().unwrap().len(), 3);
        buyer.delete(&path).await.refused(409, "sales.state");
        // What a buyer's browser opens, with no header.
        for (address, kind) in [
            (&seen["tickets"][0]["links"]["png"], "image/png"),
            (&seen["tickets"][2]["links"]["svg"], "image/svg+xml"),
            (&seen["links"]["page"], "text/html; charset=utf-8"),
            (&seen["links"]["calendar"], "text/calendar; charset=utf-8"),
        ] {
            let answer = reqwest::get(address.as_str().unwrap()).await.unwrap();
            assert_eq!(answer.status(), 200, "{address}");
            assert_eq!(answer.headers()["content-type"], kind);
        }

        // An order that is given up is free at once.
        let wish = json!({
            "event": event["id"], "items": [{"tier": event["tiers"][0]["id"], "quantity": 1}],
            "buyer": {"email": "ana@example.com", "name": "Ana Novak"}, "payment": {"method": "sandbox", "outcome": "time_out"},
        });
        let pending = shop.post_once("/api/v1/shop/orders", "given-up", &wish).await.expect(201);
        let buyer = shop.with_token(pending["token"].as_str().unwrap());
        let path = format!("/api/v1/shop/orders/{}", pending["order"]["id"].as_str().unwrap());
        buyer.delete(&path).await.expect(204);
        assert_eq!(buyer.get(&path).await.expect(200)["order"]["state"], "cancelled");
        let left = shop.get("/api/v1/shop/events/evening").await.expect(200);
        assert_eq!(left["availability"].as_array().unwrap().iter().map(|one| one["left"].as_i64().unwrap()).sum::<i64>(), 17);
        t.stop().await;
    }

    /// covers: BE-6, WEB-1
    async fn a_shop_lists_what_is_on_sale_soonest_first(db: TestDb) {
        let t = TestApp::start(db).await;
        let (shop, mut wanted) = (&t.stranger, Vec::new());
        assert!(listed(shop, 2).await.is_empty());
        for (slug, hours) in [("c", 30), ("a", 10), ("d", 30), ("b", 20), ("e", 40)] {
            publish(&t, slug, hours, one(100)).await;
            wanted.push((hours, slug));
        }
        // Those that start together keep the order in which they were made.
        wanted.sort_by_key(|(hours, _)| *hours);
        let wanted: Vec<_> = wanted.iter().map(|(_, slug)| (*slug).to_owned()).collect();
        for limit in [1, 2, 3, 200] {
            assert_eq!(listed(shop, limit).await, wanted, "in pages of {limit}");
        }

        // Drafts, what is over, and what is somebody else's are not in it.
        let draft = json!({
            "name": "Draft", "slug": "draft", "time_zone": "UTC", "currency": "EUR", "venue_name": "Kino",
            "occurrences": [{"starts_at": at(&t, 1), "ends_at": at(&t, 2)}], "tiers": one(100),
        });
        t.organiser.post("/api/v1/events", draft).await.expect(201);
        let other = t.other_organiser().await;
        t.event_of(&other, &[("Standing", 0, 1)]).await;
        t.clock.advance(Duration::from_secs(14 * 3_600));
        assert_eq!(listed(shop, 2).await, wanted[1..]);
        let id = t.organiser.get("/api/v1/organisation").await.expect(200)["id"].as_str().unwrap().to_owned();
        let by_id = shop.get(&format!("/api/v1/shop/organisations/{id}/events")).await.expect(200);
        assert_eq!(by_id["items"].as_array().unwrap().len(), 4);

        shop.get("/api/v1/shop/events/draft").await.refused(404, "sales.event_not_found");
        for nobody in ["nobody", "No-Body", "%C5%BEiga", "org_01m827tppbffhb9a5jqha623hr"] {
            let answer = shop.get(&format!("/api/v1/shop/organisations/{nobody}/events")).await;
            assert_eq!(answer.status, 404, "{nobody}: {}", answer.text);
            let answer = shop.get(&format!("/api/v1/shop/events/{nobody}")).await;
            assert_eq!(answer.status, 404, "{nobody}: {}", answer.text);
        }
        shop.get("/api/v1/shop/organisations/kino-siska/events?cursor=x").await.refused(400, "cursor_invalid");
        t.stop().await;
    }

    /// covers: BE-2, WEB-4
    async fn a_hold_is_extended_up_to_half_an_hour(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = publish(&t, "evening", 2, one(2500)).await;
        let wish = json!({"event": event.id, "items": [{"tier": event.tiers[0], "quantity": 1}]});
        let hold = t.stranger.post_once("/api/v1/shop/holds", "hold", &wish).await.expect(201);
        let path = format!("/api/v1/shop/holds/{}", hold["id"].as_str().unwrap());
        let until = |hold: &Value| hold["expires_at"].as_str().unwrap().parse::<Timestamp>().unwrap().ms();
        let made_until = until(&hold);
        t.clock.advance(Duration::from_secs(10 * 60));
        let extended = t.stranger.post(&format!("{path}/extend"), json!({})).await.expect(200);
        let gained = until(&extended) - made_until;
        assert!((10 * 60_000..11 * 60_000).contains(&gained), "{gained}");
        assert_eq!(t.stranger.get(&path).await.expect(200), extended);
        t.clock.advance(Duration::from_secs(14 * 60));
        for _ in 0..2 {
            let longest = t.stranger.post(&format!("{path}/extend"), json!({})).await.expect(200);
            assert_eq!(until(&longest) - made_until, 15 * 60_000, "half an hour in all");
        }
        t.clock.advance(Duration::from_secs(7 * 60));
        t.stranger.get(&path).await.refused(410, "sales.hold_gone");
        t.stranger.post(&format!("{path}/extend"), json!({})).await.refused(410, "sales.hold_gone");
        t.stop().await;
    }

    /// covers: BE-6
    async fn a_shop_is_told_why_something_cannot_be_had(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = publish(&t, "evening", 48, json!([
            {"name": "Usual", "price_minor": 100, "capacity": 3, "max_per_order": 4},
            {"name": "Later", "price_minor": 100, "capacity": 3, "sales_start_at": at(&t, 24)},
            {"name": "Before", "price_minor": 100, "capacity": 3, "sales_end_at": at(&t, -1)},
        ])).await;
        t.stranger.buy(&event, 0, 2, "succeed", "k").await.expect(201);
        let wish = |tier: usize, quantity: u32| json!({"event": event.id, "items": [{"tier": event.tiers[tier], "quantity": quantity}]});
        for (tier, quantity, status, code, fault) in [
            (0, 2, 409, "sales.sold_out", "sold_out"),
            (0, 5, 422, "invalid", "too_many"),
            (0, 0, 422, "invalid", "out_of_range"),
            (1, 1, 409, "sales.not_yet_on_sale", "off_sale"),
            (2, 1, 409, "sales.off_sale", "off_sale"),
        ] {
            let quote = t.stranger.post("/api/v1/shop/quotes", wish(tier, quantity)).await.refused(status, code);
            assert_eq!(quote["errors"][0]["code"], fault);
            // A hold is refused in the same words.
            let key = format!("{tier}-{quantity}");
            let hold = t.stranger.post_once("/api/v1/shop/holds", &key, &wish(tier, quantity)).await.refused(status, code);
            assert_eq!(hold["errors"], quote["errors"]);
        }
        // A quote takes nothing.
        for _ in 0..5 {
            t.stranger.post("/api/v1/shop/quotes", wish(0, 1)).await.expect(200);
        }
        t.organiser.post(&format!("/api/v1/events/{}/cancel", event.id), json!({})).await.expect(200);
        t.stranger.post("/api/v1/shop/quotes", wish(0, 1)).await.refused(409, "sales.off_sale");
        let nowhere = json!({"event": "evt_01m827tppbfdtr9hv9xvxht0nk", "items": []});
        t.stranger.post("/api/v1/shop/quotes", nowhere).await.refused(404, "sales.event_not_found");
        t.stop().await;
    }

    /// covers: GW-4
    async fn pages_of_other_sites_may_use_it(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = publish(&t, "evening", 2, one(100)).await;
        let wish = json!({"event": event.id, "items": [{"tier": event.tiers[0], "quantity": 1}]});
        for (method, path, body) in [
            (reqwest::Method::GET, "/api/v1/shop/organisations/kino-siska/events", Value::Null),
            (reqwest::Method::POST, "/api/v1/shop/quotes", wish),
        ] {
            let request = t.stranger.request(method, path).header("origin", "https://shop.example.org");
            let request = if body.is_null() { request } else { request.json(&body) };
            let answer = t.stranger.send(request).await;
            assert_eq!((answer.status, answer.headers["access-control-allow-origin"].to_str().unwrap()), (200, "*"), "{path}");
        }
        t.stop().await;
    }
}
