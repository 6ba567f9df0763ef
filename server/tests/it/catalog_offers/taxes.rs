//! Taxes that change between the dates of an event: each unit is taxed by the day of its own date.

use std::time::Duration;

use bilten_core::price::Rate;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::on_both_engines;
use bilten_server::catalog::seating::templates;
use serde_json::{Value, json};

use super::{book, invalid, path, put, with};
use crate::app::{Event, TestApp};
use crate::selling::{balance, buy, seated_at, text};

/// 16 % until New Year's Eve of 2030, 19 % from then on.
pub(crate) async fn german_taxes(t: &TestApp, mode: &str) -> (Value, Value) {
    let tax = |name: &str, rate: i64| {
        json!({"name": name, "place": {"country": "DE"},
        "classes": ["admission", "merchandise"], "rate": rate, "mode": mode})
    };
    let old = with(tax("Old", 160_000), "last_day", &json!("2030-12-31"));
    let new = with(tax("New", 190_000), "first_day", &json!("2031-01-01"));
    let old = t.organiser.post("/api/v1/tax-rules", old).await;
    let new = t.organiser.post("/api/v1/tax-rules", new).await;
    let place = json!({"place": {"country": "DE"}});
    put(&t.organiser, "/api/v1/price-settings", &place)
        .await
        .expect(200);
    (old.expect(201), new.expect(201))
}

/// A published event whose dates begin at these moments, with its dates: a tier for each of them, one for all
/// of them, and a shirt.
pub(crate) async fn dated(t: &TestApp, zone: &str, starts: &[&str]) -> (Event, Vec<String>) {
    let later = |at: &str| Timestamp::from_ms(at.parse::<Timestamp>().unwrap().ms() + 600_000);
    let dates: Vec<Value> = starts
        .iter()
        .map(|at| json!({"starts_at": at, "ends_at": later(at).to_string()}))
        .collect();
    let made = json!({
        "name": "Silvester", "time_zone": zone, "currency": "EUR", "venue_name": "Halle", "occurrences": dates,
        "tiers": [
            {"name": "Evening", "price_minor": 11_900, "capacity": 10, "per_date": true},
            {"name": "Pass", "price_minor": 11_900, "capacity": 10},
            {"name": "Shirt", "price_minor": 11_900, "capacity": 10, "kind": "merchandise"},
        ],
    });
    let made = t.organiser.post("/api/v1/events", made).await.expect(201);
    let id = text(&made["id"]);
    let publish = format!("/api/v1/events/{id}/publish");
    let event = t.organiser.post(&publish, json!({})).await.expect(200);
    let ids = |what: &str| -> Vec<String> {
        let all = event[what].as_array().unwrap().iter();
        all.map(|one| text(&one["id"])).collect()
    };
    let (tiers, dates) = (ids("tiers"), ids("occurrences"));
    let slug = text(&event["slug"]);
    (Event { id, slug, tiers }, dates)
}

/// One unit of a tier, for a date if one is given.
pub(crate) fn one(event: &Event, tier: usize, date: Option<&str>) -> Value {
    json!({"tier": event.tiers[tier], "quantity": 1, "occurrence": date})
}

async fn quote(t: &TestApp, event: &Event, items: Value) -> Value {
    let wish = json!({"event": event.id, "items": items});
    let quote = t.stranger.post("/api/v1/shop/quotes", wish).await;
    quote.expect(200)["price"].clone()
}

/// What each tax comes to, by its name.
fn by_name(price: &Value) -> Vec<(String, i64)> {
    let taxes = price["taxes"].as_array().unwrap().iter();
    let mut named: Vec<_> = taxes
        .map(|tax| (text(&tax["name"]), tax["minor"].as_i64().unwrap()))
        .collect();
    named.sort();
    named
}

fn named(taxes: &[(&str, i64)]) -> Vec<(String, i64)> {
    let taxes = taxes.iter();
    taxes
        .map(|(name, minor)| ((*name).to_owned(), *minor))
        .collect()
}

on_both_engines! {
    /// covers: PAY-5, ORG-3, WEB-4
    async fn a_run_over_new_year_is_taxed_date_by_date(db: TestDb) {
        let t = TestApp::start(db).await;
        let (old, _) = german_taxes(&t, "inclusive").await;
        let starts = ["2030-12-31T19:00:00Z", "2030-12-31T22:30:00Z", "2030-12-31T23:00:00Z", "2031-01-01T19:00:00Z"];
        let (event, dates) = dated(&t, "Europe/Berlin", &starts).await;
        // 119.00 / 1.16 = 102.59; half past eleven in Berlin is still the old year.
        for (date, taxes) in dates.iter().zip([("Old", 1_641), ("Old", 1_641), ("New", 1_900), ("New", 1_900)]) {
            let price = quote(&t, &event, json!([one(&event, 0, Some(date))])).await;
            assert_eq!(by_name(&price), named(&[taxes]), "{date}");
        }
        // What is for all of them, or for none, is taxed by the first.
        for tier in [1, 2] {
            let price = quote(&t, &event, json!([one(&event, tier, None)])).await;
            assert_eq!(by_name(&price), named(&[("Old", 1_641)]));
        }
        let items = json!([one(&event, 0, Some(&dates[0])), one(&event, 0, Some(&dates[3])), one(&event, 1, None)]);
        let bought = buy(&t, &event, items.clone(), "succeed", "k").await.expect(201);
        assert_eq!(bought["order"]["total_minor"], 35_700);
        let of_order = format!("/api/v1/orders/{}/price", text(&bought["order"]["id"]));
        let both = named(&[("New", 1_900), ("Old", 3_282)]);
        let price = t.organiser.get(&of_order).await.expect(200);
        assert_eq!((&price["is_confirmed"], by_name(&price["price"])), (&json!(true), both.clone()));
        assert_eq!(price["price"]["tax_minor"], 5_182);

        // The law changes again; what was sold stays as it was.
        let path = format!("/api/v1/tax-rules/{}", text(&old["id"]));
        let mut lower = old.clone();
        lower.as_object_mut().unwrap().remove("id");
        lower["rate"] = json!(50_000);
        assert_eq!(put(&t.organiser, &path, &lower).await.expect(200)["revision"], 2);
        t.clock.advance(Duration::from_secs(2));
        let price = quote(&t, &event, items.clone()).await;
        assert_eq!(by_name(&price), named(&[("New", 1_900), ("Old", 1_134)]));
        let price = t.organiser.get(&of_order).await.expect(200);
        assert_eq!((&price["is_confirmed"], by_name(&price["price"])), (&json!(true), both.clone()));
        t.organiser.delete(&path).await.expect(204);
        t.clock.advance(Duration::from_secs(2));
        assert_eq!(by_name(&quote(&t, &event, items).await), named(&[("New", 1_900)]));
        let price = t.organiser.get(&of_order).await.expect(200);
        assert_eq!((&price["is_confirmed"], by_name(&price["price"])), (&json!(true), both));
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// covers: PAY-5, I18N-10
    async fn a_day_is_that_of_the_place(db: TestDb) {
        let t = TestApp::start(db).await;
        german_taxes(&t, "inclusive").await;
        // The same moments: before and after midnight in Berlin, and the evening before in New York.
        let starts = ["2030-12-31T22:00:00Z", "2030-12-31T23:30:00Z", "2031-01-01T04:30:00Z", "2031-01-01T05:00:00Z"];
        for (zone, wanted) in [
            ("Europe/Berlin", ["Old", "New", "New", "New"]),
            ("America/New_York", ["Old", "Old", "Old", "New"]),
            ("Pacific/Auckland", ["New", "New", "New", "New"]),
        ] {
            let (event, dates) = dated(&t, zone, &starts).await;
            for (date, name) in dates.iter().zip(wanted) {
                let price = quote(&t, &event, json!([one(&event, 0, Some(date))])).await;
                let names: Vec<_> = by_name(&price).into_iter().map(|(name, _)| name).collect();
                assert_eq!(names, [name], "{zone} {date}");
            }
        }
        t.stop().await;
    }

    /// Seats of a tier that is counted for the whole event are of one date, and are taxed by it.
    ///
    /// covers: PAY-5, BE-2
    async fn seats_are_taxed_by_their_date(db: TestDb) {
        let t = TestApp::start(db).await;
        let map = templates::arena(1, 2, 5).unwrap();
        let (event, dates) = seated_at(&t, serde_json::to_value(map).unwrap(), &[24, 72]).await;
        let change = Timestamp::from_ms(t.app.now().ms() + 48 * 3_600_000).to_string();
        let tax = |name: &str, rate: i64| json!({"name": name, "place": {"country": "DE"},
            "classes": ["admission"], "rate": rate, "mode": "exclusive"});
        let before = with(tax("Before", 160_000), "until_at", &json!(change));
        let after = with(tax("After", 190_000), "from_at", &json!(change));
        for tax in [before, after] {
            t.organiser.post("/api/v1/tax-rules", tax).await.expect(201);
        }
        put(&t.organiser, &path(&event, "price-settings"), &json!({"place": {"country": "DE"}})).await.expect(200);
        for (date, taxes, key) in [(&dates[0], ("Before", 400), "a"), (&dates[1], ("After", 475), "b")] {
            let items = json!([{"tier": event.tiers[0], "seats": ["1-1-1"], "occurrence": date}]);
            assert_eq!(by_name(&quote(&t, &event, items.clone()).await), named(&[taxes]));
            let bought = buy(&t, &event, items, "succeed", key).await.expect(201);
            assert_eq!(bought["order"]["total_minor"].as_i64(), Some(2_500 + taxes.1));
            let of_order = format!("/api/v1/orders/{}/price", text(&bought["order"]["id"]));
            assert_eq!(t.organiser.get(&of_order).await.expect(200)["is_confirmed"], true);
        }
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// However many dates there are, each tax is in the book once; and dates are only where taxes differ.
    ///
    /// covers: PAY-5, DB-4
    async fn a_book_does_not_grow_by_dates_times_taxes(db: TestDb) {
        let t = TestApp::start(db).await;
        german_taxes(&t, "inclusive").await;
        let (event, _) = dated(&t, "Europe/Berlin", &["2030-12-01T19:00:00Z"]).await;
        let plain = book(&t, &event).await;
        let rates = |book: &bilten_core::price::PriceBook| book.taxes.iter().map(|tax| tax.rate).collect::<Vec<_>>();
        assert_eq!((rates(&plain), plain.dates.len()), (vec![Rate(160_000)], 0), "the other law is never its own");
        let version = t.organiser.get(&path(&event, "price-settings")).await.expect(200)["version"].clone();
        let series = json!({"version": version, "starts": "2030-12-02T20:00:00", "rules": ["FREQ=DAILY;COUNT=60"],
            "duration_minutes": 60});
        put(&t.organiser, &path(&event, "series"), &series).await.expect(200);
        let long = book(&t, &event).await;
        assert_eq!(rates(&long), [Rate(160_000), Rate(190_000)]);
        assert_eq!(long.dates.len(), 60);
        assert!(long.items.iter().all(|item| item.dates.is_empty()));
        t.stop().await;
    }

    /// covers: PAY-5, BE-6
    async fn days_of_taxes_are_checked(db: TestDb) {
        let t = TestApp::start(db).await;
        let tax = |more: Value| {
            let mut tax = json!({"name": "VAT", "place": {"country": "DE"}, "classes": ["admission"], "rate": 1,
                "mode": "inclusive"});
            for (field, value) in more.as_object().unwrap() {
                tax[field] = value.clone();
            }
            tax
        };
        for (said, field, code) in [
            (json!({"first_day": "2031-01-02", "last_day": "2031-01-01"}), "last_day", "not_after"),
            (json!({"first_day": "1899-12-31"}), "first_day", "out_of_range"),
            (json!({"last_day": "3000-01-01"}), "last_day", "out_of_range"),
            (json!({"first_day": "2031-01-01", "from_at": "2031-01-01T00:00:00Z"}), "from_at", "contradiction"),
            (json!({"first_day": "2031-01-01", "until_at": "2032-01-01T00:00:00Z"}), "until_at", "contradiction"),
            (json!({"revision": 1}), "revision", "not_here"),
        ] {
            invalid(&t.organiser.post("/api/v1/tax-rules", tax(said)).await, field, code);
        }
        for strange in [json!("2031-02-29"), json!("2031-01-01T00:00:00Z"), json!("tomorrow"), json!(20_310_101)] {
            let answer = t.organiser.post("/api/v1/tax-rules", tax(json!({"first_day": strange}))).await;
            answer.refused(422, "invalid");
        }
        let day = json!({"first_day": "2031-01-01", "last_day": "2031-01-01"});
        let made = t.organiser.post("/api/v1/tax-rules", tax(day)).await.expect(201);
        assert_eq!((&made["first_day"], &made["last_day"], &made["from_at"]), (&json!("2031-01-01"), &json!("2031-01-01"), &Value::Null));
        t.stop().await;
    }
}
