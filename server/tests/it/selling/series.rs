//! Long series: what is left of all dates together is added up now and then, of one date it is read at once,
//! and tickets are for what their date is when they are issued.

use std::time::Duration;

use bilten_kernel::db::DbError;
use bilten_kernel::on_both_engines;
use bilten_kernel::{sql, vals};
use serde_json::{Value, json};

use super::{balance, buy, draft, event_with, hold, publish, text};
use crate::app::{Event, TestApp};
use crate::catalog_offers::put;

/// So many dates of a sale: a tier for all of them together; two that share a pool of four for each date;
/// a hidden one. With the pool, and the first three dates.
async fn series(t: &TestApp, count: i64) -> (Event, String, Vec<String>) {
    let all = json!([{"name": "All evenings", "price_minor": 9000, "capacity": 50}]);
    let made = draft(t, all, &[24]).await;
    let path = |more: &str| format!("/api/v1/events/{}{more}", text(&made["id"]));
    let pool = json!({"name": "Floor", "capacity": 4, "per_date": true});
    let pool = t.organiser.post(&path("/pools"), pool).await.expect(201);
    let pool = text(&pool["id"]);
    for tier in [
        json!({"name": "Standing", "price_minor": 1000, "capacity": 5, "per_date": true, "pool_id": pool}),
        json!({"name": "Reduced", "price_minor": 500, "capacity": 4, "per_date": true, "pool_id": pool}),
        json!({"name": "Friends", "price_minor": 100, "capacity": 3, "per_date": true, "hidden": true}),
    ] {
        t.organiser.post(&path("/tiers"), tier).await.expect(201);
    }
    let rules = json!({"version": t.organiser.get(&path("")).await.expect(200)["version"], "starts": "2031-02-01T19:30:00",
        "rules": [format!("FREQ=DAILY;COUNT={count}")], "duration_minutes": 90});
    let saved = put(&t.organiser, &path("/series"), &rules)
        .await
        .expect(200);
    assert_eq!(saved["occurrence_count"].as_i64(), Some(count));
    let event = publish(t, made.clone()).await;
    let read = t.organiser.get(&path("")).await.expect(200);
    let dates = read["occurrences"].as_array().unwrap();
    let dates = dates.iter().take(3).map(|date| text(&date["id"])).collect();
    (event, pool, dates)
}

fn lefts(tiers: &Value) -> Vec<i64> {
    let tiers = tiers.as_array().unwrap();
    tiers
        .iter()
        .map(|one| one["left"].as_i64().unwrap())
        .collect()
}

/// What is left of all dates together, as the shop shows it.
async fn shown(t: &TestApp, event: &Event) -> Vec<i64> {
    let path = format!("/api/v1/shop/events/{}", event.id);
    lefts(&t.stranger.get(&path).await.expect(200)["availability"])
}

async fn left_on(t: &TestApp, event: &Event, date: &str) -> Vec<i64> {
    let path = format!(
        "/api/v1/shop/events/{}/occurrences/{date}/availability",
        event.id
    );
    lefts(&t.stranger.get(&path).await.expect(200)["tiers"])
}

/// From when until when the ticket of an order is valid, once it is issued.
async fn validity(t: &TestApp, order: &str) -> Option<(i64, i64)> {
    for _ in 0..100 {
        let found = sql!("SELECT valid_from, valid_until FROM tickets WHERE order_id = $1");
        let issued: Option<(i64, i64)> = t.app.db.opt(found, vals![order]).await.unwrap();
        if issued.is_some() {
            return issued;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    None
}

on_both_engines! {
    /// What is added up for each who asks, and what is added up for many at once, comes to the same.
    ///
    /// covers: BE-2, ORG-3
    async fn a_long_series_tells_what_a_short_one_tells(db: TestDb) {
        let t = TestApp::start(db).await;
        for count in [3, 700] {
            let (event, pool, dates) = series(&t, count).await;
            assert_eq!(shown(&t, &event).await, [50, 4 * count, 4 * count], "{count}: no more than the pool has");
            let key = |name: &str| format!("{name}{count}");
            let standing = json!([{"tier": event.tiers[1], "occurrence": dates[0], "quantity": 3}]);
            buy(&t, &event, standing, "succeed", &key("standing")).await.expect(201);
            let all = json!([{"tier": event.tiers[0], "quantity": 1}]);
            buy(&t, &event, all, "succeed", &key("all")).await.expect(201);
            let reduced = json!([{"tier": event.tiers[2], "occurrence": dates[1], "quantity": 2}]);
            hold(&t, &event, reduced, &key("reduced")).await.expect(201);

            // Of one date at once.
            assert_eq!(left_on(&t, &event, &dates[0]).await, [49, 1, 1], "{count}");
            assert_eq!(left_on(&t, &event, &dates[1]).await, [49, 2, 2], "{count}");
            assert_eq!(left_on(&t, &event, &dates[2]).await, [49, 4, 4], "{count}");
            // Of all together within seconds.
            t.clock.advance(Duration::from_secs(3));
            assert_eq!(shown(&t, &event).await, [49, 4 * count - 5, 4 * count - 5], "{count}");
            let steps = t.stranger.get(&format!("/api/v1/shop/events/{}/availability", event.slug)).await.expect(200);
            let least: Vec<i64> = steps["tiers"].as_array().unwrap().iter().map(|one| one["left_at_least"].as_i64().unwrap()).collect();
            assert_eq!(least, if count == 3 { [20, 7, 7] } else { [20, 2_000, 2_000] });
            let page = t.stranger.get(&format!("/e/{}", event.slug)).await;
            assert_eq!((page.status, page.text.matches("7 left").count()), (200, if count == 3 { 2 } else { 0 }));

            // The organiser's figures are those of the books.
            let stock = t.organiser.get(&format!("/api/v2/events/{}/stock", event.id)).await.expect(200);
            let figures: Vec<[i64; 3]> = stock["tiers"].as_array().unwrap().iter()
                .map(|tier| ["capacity", "held", "sold"].map(|name| tier[name].as_i64().unwrap())).collect();
            assert_eq!(figures, [[50, 0, 1], [5 * count, 0, 3], [4 * count, 2, 0], [3 * count, 0, 0]]);

            // What the organiser changes is seen at once.
            let path = format!("/api/v1/events/{}", event.id);
            let version = t.organiser.get(&path).await.expect(200)["version"].clone();
            let more = json!({"version": version, "capacity": 6});
            t.organiser.patch(&format!("{path}/pools/{pool}"), more).await.expect(200);
            assert_eq!(shown(&t, &event).await, [49, 5 * count - 4, 4 * count - 3], "{count}: date by date");
        }
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// What a node keeps of an event is not what tickets are made of, once another node has changed it.
    ///
    /// covers: BE-3, ORG-2
    async fn a_ticket_is_for_the_time_that_its_date_has_when_it_is_issued(db: TestDb) {
        let t = TestApp::start(db).await;
        let tiers = json!([{"name": "Evening", "price_minor": 1000, "capacity": 3, "per_date": true}]);
        let event = event_with(&t, tiers, &[24, 48]).await;
        let read = t.organiser.get(&format!("/api/v1/events/{}", event.id)).await.expect(200);
        let date = text(&read["occurrences"][0]["id"]);
        let items = json!([{"tier": event.tiers[0], "occurrence": date, "quantity": 1}]);
        let bought = buy(&t, &event, items.clone(), "succeed", "k").await.expect(201);
        let pending = buy(&t, &event, items, "call_back_late", "late").await.expect(201);

        let id = event.id.clone();
        t.app.db.write(move |c| Box::pin(async move {
            let later = sql!("UPDATE occurrences SET starts_at = starts_at + 3600000, ends_at = ends_at + 3600000 WHERE id = $1");
            c.exec(later, vals![date]).await?;
            c.exec(sql!("UPDATE events SET version = version + 1 WHERE id = $1"), vals![&id]).await?;
            c.exec(sql!("UPDATE event_sales SET version = version + 1 WHERE event_id = $1"), vals![&id]).await?;
            Ok::<_, DbError>(())
        })).await.unwrap();
        t.clock.advance(Duration::from_secs(4));

        let order = text(&pending["order"]["id"]);
        let issued = validity(&t, &order).await;
        let ticket = &bought["tickets"][0];
        let before = ["valid_from", "valid_until"].map(|name| ticket[name].as_i64().unwrap());
        assert_eq!(issued, Some((before[0] + 3_600, before[1] + 3_600)));
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// As above, of a ticket for all dates: it is valid around those of them that take place.
    ///
    /// covers: BE-3, ORG-2
    async fn a_ticket_for_all_dates_is_for_those_that_take_place_when_it_is_issued(db: TestDb) {
        let t = TestApp::start(db).await;
        let tiers = json!([{"name": "All evenings", "price_minor": 4000, "capacity": 3}]);
        let event = event_with(&t, tiers, &[24, 48, 72, 96, 120]).await;
        let items = json!([{"tier": event.tiers[0], "quantity": 1}]);
        let bought = buy(&t, &event, items.clone(), "succeed", "k").await.expect(201);
        let pending = buy(&t, &event, items, "call_back_late", "late").await.expect(201);

        let read = t.organiser.get(&format!("/api/v1/events/{}", event.id)).await.expect(200);
        let date = |place: usize| text(&read["occurrences"][place]["id"]);
        let (id, first, second, last) = (event.id.clone(), date(0), date(1), date(4));
        t.app.db.write(move |c| Box::pin(async move {
            // Its doors open two hours before.
            c.exec(sql!("UPDATE occurrences SET doors_at = starts_at - 7200000 WHERE id = $1"), vals![second]).await?;
            for off in [first, last] {
                c.exec(sql!("UPDATE occurrences SET state = 'cancelled' WHERE id = $1"), vals![off]).await?;
            }
            c.exec(sql!("UPDATE events SET version = version + 1 WHERE id = $1"), vals![&id]).await?;
            c.exec(sql!("UPDATE event_sales SET version = version + 1 WHERE event_id = $1"), vals![&id]).await?;
            Ok::<_, DbError>(())
        })).await.unwrap();
        t.clock.advance(Duration::from_secs(4));

        let issued = validity(&t, &text(&pending["order"]["id"])).await;
        let ticket = &bought["tickets"][0];
        let before = ["valid_from", "valid_until"].map(|name| ticket[name].as_i64().unwrap());
        assert_eq!(issued, Some((before[0] + 86_400 - 7_200, before[1] - 86_400)));
        balance(&t.app.db).await;
        t.stop().await;
    }
}
