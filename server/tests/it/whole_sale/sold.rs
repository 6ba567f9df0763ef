//! Everybody comes, waits, is drawn and buys, until there is nothing left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bilten_server::waiting_room;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Bought, CARS, DATES, FLOOR, FRIENDS, SEATS, Sale};
use crate::app::TestApp;
use crate::selling::text;

/// What somebody wants, and by which codes.
struct Wish {
    items: Value,
    codes: Value,
}

/// What all those want who come: together it is all there is.
fn wishes(sale: &Sale<'_>) -> Vec<Wish> {
    let mut all = Vec::new();
    for date in &sale.dates {
        let named: Vec<_> = (1..=5).map(|seat| format!("1-1-{seat}")).collect();
        let mut add = |items: Value, codes: Value| all.push(Wish { items, codes });
        add(
            json!([{"tier": sale.seat, "occurrence": date, "seats": named}]),
            json!([]),
        );
        add(
            json!([{"tier": sale.seat, "occurrence": date, "quantity": 5}]),
            json!([]),
        );
        add(
            json!([{"tier": sale.parking, "quantity": 1}, {"tier": sale.standing, "occurrence": date, "quantity": 4}]),
            // As somebody types it who has it from hearsay.
            json!([" jésen"]),
        );
        add(
            json!([{"tier": sale.reduced, "occurrence": date, "quantity": 4}]),
            json!([]),
        );
        add(
            json!([{"tier": sale.friends, "occurrence": date, "quantity": 2}]),
            json!(["SEZAM"]),
        );
    }
    all
}

/// Everybody waits, is drawn, comes in when called, and buys; then there is nothing left.
pub(super) async fn sold_out(sale: &Sale<'_>) -> Vec<Bought> {
    let t = sale.t;
    let german = t.stranger.get(&sale.shop("?lang=de")).await.expect(200);
    assert_eq!(
        (&german["name"], &german["languages"]),
        (&json!("Herbstzyklus"), &json!(["sl", "de"]))
    );
    assert_eq!(
        german["tiers"].as_array().unwrap().len(),
        4,
        "the hidden one is not shown"
    );
    let early = json!({"event": sale.event, "items": [{"tier": sale.standing, "occurrence": sale.dates[0], "quantity": 1}]});
    t.stranger
        .post_once("/api/v1/shop/holds", "early", &early)
        .await
        .refused(409, "sales.waiting_room");

    let (wishes, place) = (wishes(sale), sale.shop("/waiting-room/place"));
    let mut waiting = Vec::new();
    for _ in &wishes {
        let joined = t
            .stranger
            .post(&sale.shop("/waiting-room/places"), json!({}))
            .await
            .expect(201);
        waiting.push(text(&joined["token"]));
    }
    sale.do_it("/waiting-room/draw").await;
    for _ in 0..5 {
        step(t).await;
    }
    let ask = async |token: &str, method: Method, path: &str| {
        let request = t
            .stranger
            .request(method, path)
            .header("waiting-place", token);
        t.stranger.send(request).await
    };
    let mut in_order = BTreeMap::new();
    for token in waiting {
        let number = ask(&token, Method::GET, &place).await.expect(200)["number"]
            .as_u64()
            .unwrap();
        assert!(
            in_order.insert(number, token).is_none(),
            "{number} is drawn once"
        );
    }
    assert!(in_order.keys().copied().eq(1..=wishes.len() as u64));

    let mut bought = Vec::new();
    for ((number, token), wish) in in_order.into_iter().zip(wishes) {
        for _ in 0..20 {
            if ask(&token, Method::GET, &place).await.expect(200)["state"] == "called" {
                break;
            }
            step(t).await;
        }
        let pass = ask(&token, Method::POST, &sale.shop("/waiting-room/pass"))
            .await
            .expect(201);
        let body = json!({"event": sale.event, "items": wish.items, "codes": wish.codes});
        let request = t
            .stranger
            .request(Method::POST, "/api/v1/shop/holds")
            .json(&body);
        let request = request
            .header("idempotency-key", format!("visit-{number}"))
            .header("waiting-place", &token)
            .header("waiting-pass", pass["pass"].as_str().unwrap());
        let held = t.stranger.send(request).await.expect(201);
        let one = sale
            .pay(
                held["id"].as_str().unwrap(),
                &format!("visitor{number}@example.com"),
            )
            .await;
        assert_eq!(
            one.total(),
            held["total_minor"].as_i64().unwrap(),
            "what was held is what is paid"
        );
        bought.push(one);
    }
    sale.do_it("/waiting-room/open").await;

    let tickets = bought.iter().flat_map(Bought::tickets);
    let seats: BTreeSet<_> = tickets
        .filter(|ticket| ticket["seat_id"].is_string())
        .map(|ticket| (text(&ticket["occurrence_id"]), text(&ticket["seat_id"])))
        .collect();
    assert_eq!(seats.len(), DATES * SEATS, "each seat of each date once");
    assert_eq!(sale.sold().await, DATES * (SEATS + FLOOR + FRIENDS) + CARS);
    let shown = t.stranger.get(&sale.shop("")).await.expect(200);
    assert_eq!(shown["standing"], "sold_out");
    let left = shown["availability"].as_array().unwrap();
    assert!(left.iter().all(|one| one["left"] == 0), "{left:?}");
    for (tier, code) in [
        (&sale.seat, "sales.too_few_seats"),
        (&sale.reduced, "sales.sold_out"),
    ] {
        let late = json!({"event": sale.event, "items": [{"tier": tier, "occurrence": sale.dates[1], "quantity": 1}]});
        t.stranger
            .post_once("/api/v1/shop/holds", code, &late)
            .await
            .refused(409, code);
    }
    prices_are_explained(sale, &bought).await;
    bought
}

/// Lets two seconds pass and the room make a step.
async fn step(t: &TestApp) {
    t.clock.advance(Duration::from_secs(2));
    waiting_room::tick(&t.app, &BTreeMap::new()).await.unwrap();
}

/// Every price can be worked out again, and the code took a tenth off where it was given.
async fn prices_are_explained(sale: &Sale<'_>, bought: &[Bought]) {
    let mut by_code = 0;
    for order in bought {
        let path = format!("/api/v1/orders/{}/price", order.id());
        let price = sale.t.organiser.get(&path).await.expect(200);
        assert_eq!(
            (&price["is_confirmed"], &price["total_minor"]),
            (&json!(true), &json!(order.total()))
        );
        by_code += usize::from(order.total() == 7_650);
    }
    assert_eq!(by_code, DATES, "a tenth off 8,500");
    assert_eq!(sale.uses_of_tenth().await, 3);
}
