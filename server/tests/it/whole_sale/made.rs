//! The event is made: dates, hall, pool, tiers, codes, waiting room.

use serde_json::{Value, json};

use super::{CARS, DATES, FLOOR, FRIENDS, SEATS, Sale};
use crate::app::TestApp;
use crate::selling::text;

/// Three evenings in two languages, over a change of the clock, in a hall with ten seats and a floor.
pub(super) async fn created(t: &TestApp) -> Sale<'_> {
    let hall = json!({"template": {"template": "arena", "sections": 1, "rows": 2, "seats": 5}});
    let map = t
        .organiser
        .post("/api/v1/seat-maps", hall)
        .await
        .expect(201);
    let draft = json!({
        "name": "Jesenski cikel", "description": "Trije večeri.", "time_zone": "Europe/Ljubljana", "currency": "EUR",
        "venue_name": "Kino Šiška",
        "details": {"language": "sl", "translations": {"name": {"de": "Herbstzyklus"}, "description": {"de": "Drei Abende."}}},
        "occurrences": [{"starts_at": "2031-10-01T17:30:00Z", "ends_at": "2031-10-01T20:30:00Z"}],
        "tiers": [{"name": "Sedež", "price_minor": 3000, "capacity": SEATS, "per_date": true, "seat_category": "a"}],
    });
    let made = t.organiser.post("/api/v1/events", draft).await.expect(201);
    let event = text(&made["id"]);
    let path = |more: &str| format!("/api/v1/events/{event}{more}");
    let floor = json!({"name": "Parter", "capacity": FLOOR, "per_date": true});
    let pool = t.organiser.post(&path("/pools"), floor).await.expect(201);
    let add = async |tier: Value| {
        let changed = t.organiser.post(&path("/tiers"), tier).await.expect(201);
        text(&changed["tiers"].as_array().unwrap().last().unwrap()["id"])
    };
    let standing = add(json!({"name": "Stojišče", "price_minor": 2000, "capacity": 4, "per_date": true, "pool_id": pool["id"]})).await;
    let reduced = add(json!({"name": "Znižano", "price_minor": 1500, "capacity": 4, "per_date": true, "pool_id": pool["id"]})).await;
    let parking = add(
        json!({"name": "Parkirišče", "price_minor": 500, "capacity": CARS, "kind": "add_on",
        "pricing": {"added_to": [standing], "most_per_ticket": 1}}),
    )
    .await;
    let friends = add(json!({"name": "Prijatelji", "price_minor": 100, "capacity": FRIENDS, "per_date": true, "hidden": true})).await;
    let code = async |typed: &str, rule: Value| {
        let body = json!({"code": typed, "event": event, "rule": rule});
        let made = t
            .organiser
            .post("/api/v1/promo-codes", body)
            .await
            .expect(201);
        made["id"].as_str().unwrap().to_owned()
    };
    let tenth = code(
        "JESEN",
        json!({"effect": {"kind": "percentage", "rate": 100_000}, "max_uses": CARS}),
    )
    .await;
    code(
        "SEZAM",
        json!({"effect": {"kind": "access", "items": [friends], "rates": []}}),
    )
    .await;

    let mut sale = Sale {
        t,
        map: text(&map["id"]),
        pool: text(&pool["id"]),
        dates: Vec::new(),
        seat: text(&made["tiers"][0]["id"]),
        standing,
        reduced,
        parking,
        friends,
        tenth,
        event: event.clone(),
    };
    let series = json!({"version": sale.event().await["version"], "starts": "2031-10-19T19:30:00", "rules": ["FREQ=WEEKLY;COUNT=3"],
        "duration_minutes": 180, "doors_minutes": 60});
    sale.put(&path("/series"), &series).await;
    let seated = json!({"version": sale.event().await["version"], "scope": "all", "change": {"seat_map": sale.map}});
    t.organiser
        .patch(&path("/occurrences"), seated)
        .await
        .expect(200);
    let event = sale.event().await;
    let dates = event["occurrences"].as_array().unwrap();
    let starts: Vec<_> = dates
        .iter()
        .map(|date| date["starts_at"].as_str().unwrap())
        .collect();
    assert_eq!(
        starts,
        [
            "2031-10-19T17:30:00.000Z",
            "2031-10-26T18:30:00.000Z",
            "2031-11-02T18:30:00.000Z"
        ],
        "19:30, whatever the clock"
    );
    sale.dates = dates.iter().map(|date| text(&date["id"])).collect();
    assert_eq!(sale.dates.len(), DATES);

    let room = json!({"opens_at": "2031-10-01T10:00:00Z", "most_inside": 4, "floor_per_minute": 60_000, "ceiling_per_minute": 60_000,
        "overbook_permille": 0, "per_network": 1_000});
    sale.put(&path("/waiting-room"), &room).await;
    sale.do_it("/publish").await;
    sale
}
