//! Recurring series and edits of many dates, through the API.

mod edits;
mod later;

use bilten_kernel::{on_both_engines, sql, vals};
use serde_json::{Value, json};

use crate::app::{Event, TestApp};
use crate::catalog_offers::put;

/// A published event in a time zone, with a tier that is sold by date and one for the whole event.
async fn event_in(t: &TestApp, zone: &str) -> Event {
    let made = json!({
        "name": "Every week", "time_zone": zone, "currency": "EUR", "venue_name": "Hall",
        "occurrences": [{"starts_at": "2031-01-01T19:00:00Z", "ends_at": "2031-01-01T21:00:00Z"}],
        "tiers": [
            {"name": "One evening", "price_minor": 1000, "capacity": 100, "per_date": true},
            {"name": "All evenings", "price_minor": 9000, "capacity": 50},
        ],
    });
    let made = t.organiser.post("/api/v1/events", made).await.expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/events/{id}/publish");
    let event = t.organiser.post(&path, json!({})).await.expect(200);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Event {
        id,
        slug: text(&event["slug"]),
        tiers: (0..2).map(|at| text(&event["tiers"][at]["id"])).collect(),
    }
}

fn path(event: &Event, what: &str) -> String {
    format!("/api/v1/events/{}{what}", event.id)
}

async fn version(t: &TestApp, event: &Event) -> i64 {
    let read = t.organiser.get(&path(event, "")).await.expect(200);
    read["version"].as_i64().unwrap()
}

/// Sets the rules of an event's dates.
async fn series(t: &TestApp, event: &Event, starts: &str, rules: &[&str]) -> Value {
    let input = json!({"version": version(t, event).await, "starts": starts, "rules": rules, "duration_minutes": 90,
        "doors_minutes": 30});
    put(&t.organiser, &path(event, "/series"), &input)
        .await
        .expect(200)
}

/// All dates of an event, page by page.
async fn dates(t: &TestApp, event: &Event) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = path(event, &format!("/occurrences?limit=200{cursor}"));
        let page = t.organiser.get(&path).await.expect(200);
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

fn starts(dates: &[Value]) -> Vec<&str> {
    dates
        .iter()
        .map(|date| date["starts_at"].as_str().unwrap())
        .collect()
}

fn ids(dates: &[Value]) -> Vec<&str> {
    dates
        .iter()
        .map(|date| date["id"].as_str().unwrap())
        .collect()
}

/// Edits dates from the version that the event has.
async fn edit(t: &TestApp, event: &Event, mut edit: Value) -> crate::app::Answer {
    edit["version"] = json!(version(t, event).await);
    t.organiser.patch(&path(event, "/occurrences"), edit).await
}

/// Buys tickets of a tier for a date.
async fn buy(
    t: &TestApp,
    event: &Event,
    tier: usize,
    date: Option<&str>,
    quantity: u32,
    key: &str,
) -> crate::app::Answer {
    let mut body = crate::app::purchase(event, tier, quantity, "succeed");
    if let Some(date) = date {
        body["items"][0]["occurrence"] = json!(date);
    }
    t.stranger
        .post_once("/api/v1/shop/orders", key, &body)
        .await
}

on_both_engines! {
    /// covers: I18N-5, ORG-2
    async fn a_date_that_was_rescheduled_stays_where_it_is(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Ljubljana").await;
        series(&t, &event, "2031-02-05T19:30:00", &["FREQ=WEEKLY;COUNT=3"]).await;
        let made = dates(&t, &event).await;
        let moved = json!({"dates": [{"occurrence": made[1]["id"], "doors_at": "2031-02-13T18:00:00Z",
            "starts_at": "2031-02-13T18:30:00Z", "ends_at": "2031-02-13T20:00:00Z"}]});
        t.organiser.post(&path(&event, "/reschedule"), moved).await.expect(200);
        let at = ["2031-02-05T18:30:00.000Z", "2031-02-13T18:30:00.000Z", "2031-02-19T18:30:00.000Z"];
        // Longer, and by other rules: neither says when this one starts.
        edit(&t, &event, json!({"scope": "all", "change": {"duration_minutes": 120}})).await.expect(200);
        assert_eq!(starts(&dates(&t, &event).await), at);
        series(&t, &event, "2031-02-05T19:30:00", &["FREQ=WEEKLY;COUNT=4"]).await;
        assert_eq!(starts(&dates(&t, &event).await)[..3], at);
        // What is said of it alone holds from there on.
        let shorter = json!({"scope": "this", "occurrences": [made[1]["id"]], "change": {"duration_minutes": 60}});
        edit(&t, &event, shorter).await.expect(200);
        let now = dates(&t, &event).await;
        assert_eq!((&now[1]["starts_at"], &now[1]["ends_at"]), (&json!(at[1]), &json!("2031-02-13T19:30:00.000Z")));
        t.stop().await;
    }

    /// covers: ORG-2, BE-2
    async fn tickets_of_a_date_that_is_moved_are_valid_at_its_new_time(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Ljubljana").await;
        series(&t, &event, "2031-02-05T19:30:00", &["FREQ=WEEKLY;COUNT=3"]).await;
        let made = dates(&t, &event).await;
        let (first, second) = (made[0]["id"].as_str().unwrap(), made[1]["id"].as_str().unwrap());
        let ticket = async |date: &str, key: &str| {
            let bought = buy(&t, &event, 0, Some(date), 1, key).await.expect(201);
            format!("/api/v1/tickets/{}", bought["tickets"][0]["id"].as_str().unwrap())
        };
        let (moved, stays) = (ticket(first, "k").await, ticket(second, "k2").await);
        let before = t.organiser.get(&moved).await.expect(200);
        let later = json!({"scope": "this", "occurrences": [first], "sold": "change", "change": {"shift_minutes": 2_880}});
        assert_eq!(edit(&t, &event, later).await.expect(200)["moved"], json!([first]));
        let dearer = json!({"scope": "this", "occurrences": [first], "change": {"tiers": [{"tier": event.tiers[0], "price_minor": 1200}]}});
        edit(&t, &event, dearer).await.expect(200);
        let after = t.organiser.get(&moved).await.expect(200);
        let by = |field: &str| after[field].as_i64().unwrap() - before[field].as_i64().unwrap();
        assert_eq!((by("valid_from"), by("valid_until"), by("version")), (172_800, 172_800, 1));
        assert_eq!(t.organiser.get(&stays).await.expect(200)["version"], 1);
        t.stop().await;
    }

    /// covers: I18N-5
    async fn the_wall_clock_stays_over_changes_of_the_clock(db: TestDb) {
        let t = TestApp::start(db).await;
        for (zone, start, expected, changed) in [
            ("Europe/Ljubljana", "2031-03-23T02:30:00",
                ["2031-03-23T01:30:00.000Z", "2031-03-30T01:30:00.000Z", "2031-04-06T00:30:00.000Z"], Some("gap")),
            ("America/New_York", "2031-10-26T01:30:00",
                ["2031-10-26T05:30:00.000Z", "2031-11-02T05:30:00.000Z", "2031-11-09T06:30:00.000Z"], Some("fold")),
            ("Australia/Lord_Howe", "2031-09-28T02:15:00",
                ["2031-09-27T15:45:00.000Z", "2031-10-04T15:45:00.000Z", "2031-10-11T15:15:00.000Z"], Some("gap")),
            ("America/Santiago", "2031-08-31T00:30:00",
                ["2031-08-31T04:30:00.000Z", "2031-09-07T04:30:00.000Z", "2031-09-14T03:30:00.000Z"], Some("gap")),
            ("Asia/Kathmandu", "2031-03-23T19:30:00",
                ["2031-03-23T13:45:00.000Z", "2031-03-30T13:45:00.000Z", "2031-04-06T13:45:00.000Z"], None),
        ] {
            let event = event_in(&t, zone).await;
            let input = json!({"starts": start, "rules": ["FREQ=WEEKLY;COUNT=3"], "duration_minutes": 90});
            let preview = t.organiser.post(&path(&event, "/series/preview"), input).await.expect(200);
            let planned = preview["dates"].as_array().unwrap();
            assert_eq!(starts(planned), expected, "{zone}");
            assert_eq!(planned[1]["clock_change"].as_str(), changed, "{zone}");
            assert_eq!(planned[0]["clock_change"], Value::Null);
            assert_eq!((preview["added"].as_array().unwrap().len(), preview["removed"].as_array().unwrap().len()), (3, 1));
            assert_eq!(starts(&dates(&t, &event).await), ["2031-01-01T19:00:00.000Z"], "a preview changes nothing");
            series(&t, &event, start, &["FREQ=WEEKLY;COUNT=3"]).await;
            let made = dates(&t, &event).await;
            assert_eq!(starts(&made), expected, "{zone}");
            // Length and doors are real minutes.
            assert_eq!(made[0]["original_local"], start);
            let span = |from: &str, until: &str| {
                let at = |name: &str| made[1][name].as_str().unwrap().parse::<bilten_kernel::clock::Timestamp>().unwrap().ms();
                at(until) - at(from)
            };
            assert_eq!((span("starts_at", "ends_at"), span("doors_at", "starts_at")), (90 * 60_000, 30 * 60_000));
        }
        t.stop().await;
    }

    /// covers: BE-2, ORG-3
    async fn two_thousand_dates_are_made_and_read_by_pages(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Vienna").await;
        let too_many = json!({"version": 2, "starts": "2031-02-01T19:30:00", "rules": ["FREQ=DAILY;COUNT=2001"], "duration_minutes": 90});
        let problem = put(&t.organiser, &path(&event, "/series"), &too_many).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["code"], "rule_out_of_range");
        let saved = series(&t, &event, "2031-02-01T19:30:00", &["FREQ=DAILY;COUNT=2000"]).await;
        assert_eq!((saved["added"].as_i64(), saved["removed"].as_i64(), saved["occurrence_count"].as_i64()), (Some(2000), Some(1), Some(2000)));
        let all = dates(&t, &event).await;
        assert_eq!(all.len(), 2000);
        assert!(starts(&all).is_sorted() && starts(&all)[0] == "2031-02-01T18:30:00.000Z");

        // Neither an answer nor the history nor a message carries all of them.
        let read = t.organiser.get(&path(&event, "")).await.expect(200);
        assert_eq!((read["occurrences"].as_array().unwrap().len(), read["occurrence_count"].as_i64()), (100, Some(2000)));
        let renamed = t.organiser.patch(&path(&event, ""), json!({"version": read["version"], "name": "Renamed"})).await.expect(200);
        assert_eq!(renamed["occurrence_count"], 2000);
        let most: i64 = t.app.db.scalar(sql!("SELECT MAX(length(snapshot)) FROM event_versions"), vals![]).await.unwrap();
        assert!(most < 60_000, "a version has {most} bytes");

        // Buyers read them by pages, too; what is asked for is all there is.
        let shop = format!("/api/v1/shop/events/{}/occurrences", event.slug);
        let within = t.stranger.get(&format!("{shop}?from=2031-03-01T00:00:00Z&until=2031-03-04T00:00:00Z")).await.expect(200);
        assert_eq!(starts(within["items"].as_array().unwrap()),
            ["2031-03-01T18:30:00.000Z", "2031-03-02T18:30:00.000Z", "2031-03-03T18:30:00.000Z"]);
        let first = t.stranger.get(&format!("{shop}?limit=2")).await.expect(200);
        let second = t.stranger.get(&format!("{shop}?limit=2&cursor={}", first["next"].as_str().unwrap())).await.expect(200);
        assert_eq!(ids(second["items"].as_array().unwrap()), ids(&all)[2..4]);
        let listed = t.organiser.get(&path(&event, "/occurrences?from=2036-07-01T00:00:00Z&limit=200")).await.expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), all.iter().filter(|d| d["starts_at"].as_str().unwrap() > "2036-07-01").count());

        // One edit of all of them.
        let edited = edit(&t, &event, json!({"scope": "all", "change": {"shift_minutes": 30,
            "tiers": [{"tier": event.tiers[0], "price_minor": 1200}]}})).await.expect(200);
        assert_eq!(edited["changed"].as_array().unwrap().len(), 2000);
        let moved = dates(&t, &event).await;
        assert_eq!(moved[1999]["offer"]["prices"]["1"], 1200);
        assert_eq!(starts(&moved)[0], "2031-02-01T19:00:00.000Z");
        assert_eq!(ids(&moved), ids(&all), "a date stays what it is");
        t.stop().await;
    }

    /// covers: BE-2, ORG-3
    async fn a_matinee_and_an_evening_are_one_rule(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Vienna").await;
        let rule = "FREQ=WEEKLY;BYDAY=SA;BYHOUR=15,20;BYMINUTE=30;COUNT=4";
        let saved = series(&t, &event, "2031-05-03T15:30:00", &[rule]).await;
        assert_eq!(saved["series"]["rules"], json!([rule]));
        let made = dates(&t, &event).await;
        assert_eq!(starts(&made), ["2031-05-03T13:30:00.000Z", "2031-05-03T18:30:00.000Z", "2031-05-10T13:30:00.000Z", "2031-05-10T18:30:00.000Z"]);
        // Each is a date of its own, with a price of its own.
        let cheaper = json!({"tiers": [{"tier": event.tiers[0], "price_minor": 700}]});
        edit(&t, &event, json!({"scope": "these", "occurrences": [ids(&made)[0], ids(&made)[2]], "change": cheaper})).await.expect(200);
        let prices: Vec<_> = dates(&t, &event).await.iter().map(|date| date["offer"]["prices"]["1"].as_i64()).collect();
        assert_eq!(prices, [Some(700), None, Some(700), None]);
        t.stop().await;
    }

    /// covers: BE-2, I18N-5
    async fn series_have_exceptions_and_refuse_nonsense(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Vienna").await;
        assert_eq!(t.organiser.get(&path(&event, "/series")).await.expect(200)["series"], Value::Null);
        let input = json!({"version": version(&t, &event).await, "starts": "2031-05-02T20:00:00", "rules": ["FREQ=WEEKLY;COUNT=4"],
            "added": ["2031-05-04T15:00:00"], "excluded": ["2031-05-09T20:00:00"], "duration_minutes": 120});
        put(&t.organiser, &path(&event, "/series"), &input).await.expect(200);
        let made = dates(&t, &event).await;
        assert_eq!(starts(&made), ["2031-05-02T18:00:00.000Z", "2031-05-04T13:00:00.000Z", "2031-05-16T18:00:00.000Z", "2031-05-23T18:00:00.000Z"]);
        let read = t.organiser.get(&path(&event, "/series")).await.expect(200);
        assert_eq!(read["series"]["rules"], json!(["FREQ=WEEKLY;COUNT=4"]));
        assert_eq!(read["series"]["excluded"], json!(["2031-05-09T20:00:00"]));

        let now = version(&t, &event).await;
        let rule = |rule: &str| json!({"version": now, "starts": "2031-05-02T20:00:00", "rules": [rule], "duration_minutes": 120});
        for (input, code) in [
            (rule("FREQ=WEEKLY"), "rule_endless"),
            (rule("FREQ=WEEKLY;COUNT=3;UNTIL=20310601"), "rule_two_ends"),
            (rule("FREQ=HOURLY;COUNT=3"), "rule_unsupported"),
            (rule("weekly"), "rule_syntax"),
            (rule("FREQ=DAILY;UNTIL=20990101"), "too_many_dates"),
            (rule("FREQ=YEARLY;COUNT=60"), "series_too_long"),
            (json!({"version": now, "starts": "2031-05-02T20:00:00", "duration_minutes": 120}), "series_empty"),
            (json!({"version": now, "starts": "2031-05-02T20:00:00", "rules": ["FREQ=DAILY;COUNT=2"], "duration_minutes": 0}), "out_of_range"),
            (json!({"version": now, "starts": "2031-05-02T20:00:00Z", "rules": ["FREQ=DAILY;COUNT=2"], "duration_minutes": 1}), "invalid"),
            (json!({"starts": "2031-05-02T20:00:00", "rules": ["FREQ=DAILY;COUNT=2"], "duration_minutes": 1}), "missing"),
            (json!({"version": now, "starts": "1831-05-02T20:00:00", "rules": ["FREQ=DAILY;COUNT=2"], "duration_minutes": 1}), "out_of_range"),
        ] {
            let problem = put(&t.organiser, &path(&event, "/series"), &input).await.refused(422, "invalid");
            assert_eq!(problem["errors"][0]["code"], code, "{input}: {problem}");
        }
        assert_eq!(version(&t, &event).await, now, "what is refused changes nothing");
        let mut old = rule("FREQ=DAILY;COUNT=2");
        old["version"] = json!(now - 1);
        put(&t.organiser, &path(&event, "/series"), &old).await.refused(409, "catalog.version_conflict");
        let other = t.other_organiser().await;
        for answer in [other.get(&path(&event, "/series")).await, other.get(&path(&event, "/occurrences")).await,
            put(&other, &path(&event, "/series"), &old).await,
            other.post(&path(&event, "/series/preview"), old.clone()).await] {
            assert_eq!(answer.status, 404, "{}", answer.text);
        }
        t.stop().await;
    }
}
