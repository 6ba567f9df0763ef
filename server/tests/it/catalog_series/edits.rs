//! Edits of many dates at once, and of what is sold of them.

use bilten_core::price::PriceModel;
use bilten_kernel::on_both_engines;
use bilten_server::catalog::{self, EventId};
use reqwest::Method;
use serde_json::{Value, json};

use super::{buy, dates, edit, event_in, path, series, starts, version};
use crate::app::TestApp;
use crate::catalog_offers::put;

on_both_engines! {
    /// covers: BE-2, ORG-3
    async fn edits_lie_on_each_other_and_name_their_version(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Vienna").await;
        series(&t, &event, "2031-05-02T20:00:00", &["FREQ=WEEKLY;COUNT=5"]).await;
        let all = dates(&t, &event).await;
        let id = |at: usize| all[at]["id"].clone();
        let price = |minor: i64| json!({"tiers": [{"tier": event.tiers[0], "price_minor": minor}]});
        let prices = |dates: &[Value]| -> Vec<Option<i64>> { dates.iter().map(|date| date["offer"]["prices"]["1"].as_i64()).collect() };

        edit(&t, &event, json!({"scope": "this", "occurrences": [id(1)], "change": price(1)})).await.expect(200);
        edit(&t, &event, json!({"scope": "this_and_following", "occurrences": [id(2)], "change": price(2)})).await.expect(200);
        assert_eq!(prices(&dates(&t, &event).await), [None, Some(1), Some(2), Some(2), Some(2)]);
        let edited = edit(&t, &event, json!({"scope": "these", "occurrences": [id(0), id(4)], "change": price(3)})).await.expect(200);
        assert_eq!(edited["changed"].as_array().unwrap().len(), 2);
        edit(&t, &event, json!({"scope": "all", "change": price(4)})).await.expect(200);
        // What a date says itself stays.
        assert_eq!(prices(&dates(&t, &event).await), [Some(3), Some(1), Some(4), Some(4), Some(3)]);

        // The book of prices knows each date's.
        let offer = catalog::offer(&t.app, event.id.parse::<EventId>().unwrap()).await.unwrap();
        let book = catalog::price_book(&t.app, &offer).await.unwrap();
        let mut minors: Vec<i64> = book.items[0].dates.iter().filter_map(|date| match date.price {
            PriceModel::Fixed { minor } => Some(minor),
            PriceModel::Free | PriceModel::PayWhatYouWant { .. } | PriceModel::Phased { .. } => None,
        }).collect();
        minors.sort_unstable();
        assert_eq!(minors, [1, 3, 3, 4, 4]);
        assert!(book.items[1].dates.is_empty());

        // Times: one date is moved, doors and length of all.
        edit(&t, &event, json!({"scope": "this", "occurrences": [id(0)], "change": {"shift_minutes": -60}})).await.expect(200);
        edit(&t, &event, json!({"scope": "all", "change": {"duration_minutes": 60, "doors_minutes": 0}})).await.expect(200);
        let after = dates(&t, &event).await;
        assert_eq!((after[0]["starts_at"].as_str(), after[0]["ends_at"].as_str()), (Some("2031-05-02T17:00:00.000Z"), Some("2031-05-02T18:00:00.000Z")));
        assert_eq!((&after[1]["doors_at"], after[1]["starts_at"].as_str()), (&Value::Null, Some("2031-05-09T18:00:00.000Z")));

        for (body, code) in [
            (json!({"scope": "this", "change": price(1)}), "required"),
            (json!({"scope": "all", "occurrences": [id(0)], "change": price(1)}), "too_many"),
            (json!({"scope": "all", "change": {}}), "nothing_to_change"),
            (json!({"scope": "all", "change": {"tiers": [{"tier": event.tiers[0]}]}}), "nothing_to_change"),
            (json!({"scope": "all", "change": price(-1)}), "out_of_range"),
            (json!({"scope": "all", "change": {"tiers": [{"tier": event.tiers[0], "capacity": 10_000_001}]}}), "out_of_range"),
            (json!({"scope": "all", "change": {"tiers": [{"tier": event.tiers[0], "price_minor": 1.5}]}}), "invalid"),
            (json!({"scope": "all", "change": {"tiers": [{"tier": event.tiers[1], "price_minor": 1}]}}), "not_per_date"),
            (json!({"scope": "all", "change": {"tiers": [{"tier": "tir_01kdvm6x00fazbzzr4pc4snbka", "price_minor": 1}]}}), "unknown"),
            (json!({"scope": "all", "change": {"shift_minutes": 600_000}}), "out_of_range"),
            (json!({"scope": "all", "change": {"seat_map": "map_01kdvm6x00fazbzzr4pc4snbka"}}), "unknown"),
        ] {
            let problem = edit(&t, &event, body.clone()).await.refused(422, "invalid");
            assert_eq!(problem["errors"][0]["code"], code, "{body}: {problem}");
        }
        let nowhere = json!({"scope": "this", "occurrences": ["occ_01kdvm6x00fazbzzr4pc4snbka"], "change": price(1)});
        edit(&t, &event, nowhere).await.refused(404, "catalog.not_found");
        let path = path(&event, "/occurrences");
        t.organiser.patch(&path, json!({"scope": "all", "change": price(1)})).await.refused(422, "invalid");
        t.organiser.patch(&path, json!({"version": 1, "scope": "all", "change": price(1)})).await.refused(409, "catalog.version_conflict");
        let stale = t.organiser.request(Method::PATCH, &path).header("if-match", "\"1\"").json(&json!({"scope": "all", "change": price(1)}));
        t.organiser.send(stale).await.refused(412, "precondition_failed");
        t.stop().await;
    }

    /// covers: BE-2, ORG-3
    async fn two_who_edit_at_once_overwrite_nothing(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Vienna").await;
        series(&t, &event, "2031-05-02T20:00:00", &["FREQ=WEEKLY;COUNT=5"]).await;
        let seen = version(&t, &event).await;
        let path = path(&event, "/occurrences");
        let change = |minutes: i32| json!({"version": seen, "scope": "all", "change": {"shift_minutes": minutes}});
        let (one, other) = futures_util::future::join(
            t.organiser.patch(&path, change(10)), t.organiser.patch(&path, change(20))).await;
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", one.text, other.text);
        let minutes = if one.status == 200 { "2031-05-02T18:10:00.000Z" } else { "2031-05-02T18:20:00.000Z" };
        assert_eq!(starts(&dates(&t, &event).await)[0], minutes);
        t.stop().await;
    }

    /// covers: BE-2, ORG-3
    async fn what_is_sold_of_a_date_stays(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Vienna").await;
        series(&t, &event, "2031-05-02T20:00:00", &["FREQ=WEEKLY;COUNT=4"]).await;
        let all = dates(&t, &event).await;
        let second = all[1]["id"].as_str().unwrap().to_owned();
        buy(&t, &event, 0, Some(&second), 7, "seven").await.expect(201);

        // A capacity never falls below it, for one date or for all; others may.
        let capacity = |capacity: i64| json!({"tiers": [{"tier": event.tiers[0], "capacity": capacity}]});
        let one = json!({"scope": "this", "occurrences": [second], "change": capacity(6)});
        edit(&t, &event, one).await.refused(409, "catalog.capacity_below_sold");
        let all_change = json!({"scope": "all", "sold": "change", "change": capacity(6)});
        edit(&t, &event, all_change).await.refused(409, "catalog.capacity_below_sold");
        let tier = path(&event, &format!("/tiers/{}", event.tiers[0]));
        t.organiser.patch(&tier, json!({"version": version(&t, &event).await, "capacity": 6})).await
            .refused(409, "catalog.capacity_below_sold");
        edit(&t, &event, json!({"scope": "this", "occurrences": [second], "change": capacity(7)})).await.expect(200);
        buy(&t, &event, 0, Some(&second), 1, "one-more").await.refused(409, "sales.sold_out");
        buy(&t, &event, 0, Some(all[2]["id"].as_str().unwrap()), 1, "another-day").await.expect(201);

        // An edit of all leaves sold dates, unless it is told otherwise; then it says who has moved.
        let shift = |minutes: i32, sold: &str| json!({"scope": "all", "sold": sold, "change": {"shift_minutes": minutes}});
        let edited = edit(&t, &event, shift(15, "keep")).await.expect(200);
        assert_eq!((edited["changed"].as_array().unwrap().len(), edited["kept"].as_array().unwrap().len()), (2, 2));
        let alone = json!({"scope": "this", "occurrences": [second], "change": {"shift_minutes": 30}});
        edit(&t, &event, alone).await.refused(409, "catalog.date_sold");
        let alone = json!({"scope": "this", "occurrences": [second], "sold": "change", "change": {"shift_minutes": 30}});
        assert_eq!(edit(&t, &event, alone).await.expect(200)["moved"], json!([second]));

        // Other rules: what is sold stays among the added dates, the others go.
        let saved = series(&t, &event, "2031-06-06T20:00:00", &["FREQ=WEEKLY;COUNT=2"]).await;
        assert_eq!((saved["added"].as_i64(), saved["removed"].as_i64(), saved["kept"].as_i64()), (Some(2), Some(2), Some(2)));
        assert!(saved["orphaned"].as_array().unwrap().contains(&json!(second)));
        assert_eq!(saved["series"]["added"], json!(["2031-05-09T20:00:00", "2031-05-16T20:00:00"]));
        let left = dates(&t, &event).await;
        assert_eq!(starts(&left), ["2031-05-09T18:30:00.000Z", "2031-05-16T18:00:00.000Z", "2031-06-06T18:00:00.000Z", "2031-06-13T18:00:00.000Z"]);
        t.stop().await;
    }

    /// covers: BE-2, ORG-2
    async fn no_edit_lets_two_dates_start_at_one_moment_in_one_place(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Vienna").await;
        series(&t, &event, "2031-05-02T20:00:00", &["FREQ=DAILY;COUNT=3"]).await;
        let all = dates(&t, &event).await;
        let ids: Vec<&str> = all.iter().map(|date| date["id"].as_str().unwrap()).collect();
        let met = |problem: &Value, field: &str| {
            assert_eq!((&problem["errors"][0]["field"], &problem["errors"][0]["code"]), (&json!(field), &json!("same_start")), "{problem}");
        };
        let shift = |days: i32, sold: &str| json!({"scope": "all", "sold": sold, "change": {"shift_minutes": days * 1_440}});
        let one = |place: usize, days: i32| json!({"scope": "this", "occurrences": [ids[place]], "change": {"shift_minutes": days * 1_440}});
        let before = version(&t, &event).await;
        met(&edit(&t, &event, one(0, 1)).await.refused(422, "invalid"), "change.shift_minutes");
        let moved = json!({"dates": [{"occurrence": ids[0], "starts_at": all[1]["starts_at"], "ends_at": all[1]["ends_at"]}]});
        met(&t.organiser.post(&path(&event, "/reschedule"), moved).await.refused(422, "invalid"), "dates[0].starts_at");
        assert_eq!((version(&t, &event).await, dates(&t, &event).await), (before, all.clone()), "what is refused changes nothing");
        // All together may: each goes where another was.
        edit(&t, &event, shift(1, "keep")).await.expect(200);
        edit(&t, &event, shift(0, "keep")).await.expect(200);

        // What is sold stays where it is, so that nobody may come there.
        buy(&t, &event, 0, Some(ids[1]), 1, "k").await.expect(201);
        met(&edit(&t, &event, shift(1, "keep")).await.refused(422, "invalid"), "change.shift_minutes");
        edit(&t, &event, shift(1, "change")).await.expect(200);
        let rules = json!({"version": version(&t, &event).await, "starts": "2031-05-04T20:00:00", "rules": ["FREQ=DAILY;COUNT=1"], "duration_minutes": 90});
        met(&put(&t.organiser, &path(&event, "/series"), &rules).await.refused(422, "invalid"), "series");
        met(&t.organiser.post(&path(&event, "/series/preview"), rules).await.refused(422, "invalid"), "series");

        // A date that does not take place is in nobody's way.
        t.organiser.post(&path(&event, &format!("/occurrences/{}/cancel", ids[2])), json!({})).await.expect(200);
        edit(&t, &event, one(0, 3)).await.expect(200);
        t.stop().await;
    }

    /// covers: BE-2, I18N-5
    async fn a_series_is_moved_into_the_hour_that_the_clocks_skip(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Vienna").await;
        series(&t, &event, "2031-03-29T01:30:00", &["FREQ=DAILY;COUNT=3"]).await;
        edit(&t, &event, json!({"scope": "all", "change": {"shift_minutes": 60}})).await.expect(200);
        assert_eq!(starts(&dates(&t, &event).await), ["2031-03-29T01:30:00.000Z", "2031-03-30T01:30:00.000Z", "2031-03-31T00:30:00.000Z"]);
        // 02:30 is 03:30 in that night, so that no other date may start then.
        let input = json!({"version": version(&t, &event).await, "starts": "2031-03-29T01:30:00", "rules": ["FREQ=DAILY;COUNT=3"],
            "added": ["2031-03-30T03:30:00"], "duration_minutes": 30});
        put(&t.organiser, &path(&event, "/series"), &input).await.expect(200);
        let made = dates(&t, &event).await;
        let night = made.iter().find(|date| date["original_local"] == "2031-03-30T01:30:00").unwrap();
        let into = json!({"scope": "this", "occurrences": [night["id"]], "change": {"shift_minutes": 60}});
        let problem = edit(&t, &event, into).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["code"], "same_start", "{problem}");
        t.stop().await;
    }

    /// covers: BE-2
    async fn one_date_is_cancelled_and_sells_no_more(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Vienna").await;
        series(&t, &event, "2031-05-02T20:00:00", &["FREQ=WEEKLY;COUNT=2"]).await;
        let all = dates(&t, &event).await;
        let first = all[0]["id"].as_str().unwrap();
        let bought = buy(&t, &event, 0, Some(first), 1, "before").await.expect(201);
        let kept = buy(&t, &event, 0, Some(all[1]["id"].as_str().unwrap()), 1, "kept").await.expect(201);
        let cancel = |id: &str| path(&event, &format!("/occurrences/{id}/cancel"));
        let cancelled = t.organiser.post(&cancel(first), json!({})).await.expect(200);
        assert_eq!(cancelled["state"], "cancelled");
        for (order, state) in [(&bought, "cancelled"), (&kept, "valid")] {
            let ticket = format!("/api/v1/tickets/{}", order["tickets"][0]["id"].as_str().unwrap());
            assert_eq!(t.organiser.get(&ticket).await.expect(200)["state"], state);
        }
        t.organiser.post(&cancel(first), json!({})).await.refused(409, "catalog.date_closed");
        t.organiser.post(&cancel(all[1]["id"].as_str().unwrap()), json!({})).await.refused(409, "catalog.last_date");
        t.organiser.post(&cancel("occ_01kdvm6x00fazbzzr4pc4snbka"), json!({})).await.refused(404, "catalog.not_found");
        let late = buy(&t, &event, 0, Some(first), 1, "after").await;
        assert!((400..500).contains(&late.status), "{}", late.text);
        let change = json!({"scope": "this", "occurrences": [first], "change": {"doors_minutes": 5}});
        edit(&t, &event, change).await.refused(409, "catalog.date_closed");
        let edited = edit(&t, &event, json!({"scope": "all", "change": {"doors_minutes": 5}})).await.expect(200);
        // One is over, of the other somebody has a ticket.
        let mut kept = [first, all[1]["id"].as_str().unwrap()];
        kept.sort_unstable();
        assert_eq!(edited["kept"], json!(kept));

        let offer = catalog::offer(&t.app, event.id.parse::<EventId>().unwrap()).await.unwrap();
        let plan = offer.stock_plan();
        let keys: Vec<_> = plan.iter().map(|(key, _)| key.occurrence.map(|id| id.to_string())).collect();
        assert_eq!(keys.len(), 2);
        assert!(keys.contains(&None) && !keys.contains(&Some(first.to_owned())), "{keys:?}");
        t.organiser.post(&path(&event, "/cancel"), json!({})).await.expect(200);
        edit(&t, &event, json!({"scope": "all", "change": {"doors_minutes": 6}})).await.refused(409, "catalog.event_over");
        t.stop().await;
    }

    /// covers: BE-2
    async fn dates_of_an_event_without_a_series_are_edited_in_the_same_words(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Vienna").await;
        let before = dates(&t, &event).await;
        let edited = edit(&t, &event, json!({"scope": "all", "change": {"shift_minutes": 30, "doors_minutes": 60}})).await.expect(200);
        assert_eq!(edited["changed"], json!([before[0]["id"]]));
        // Twice the same is once: a shift counts from the original start.
        edit(&t, &event, json!({"scope": "all", "change": {"shift_minutes": 30}})).await.expect(200);
        let after = dates(&t, &event).await;
        assert_eq!((after[0]["doors_at"].as_str(), after[0]["starts_at"].as_str(), after[0]["ends_at"].as_str()),
            (Some("2031-01-01T18:30:00.000Z"), Some("2031-01-01T19:30:00.000Z"), Some("2031-01-01T21:30:00.000Z")));
        // A ticket for the whole event is one for each of its dates.
        buy(&t, &event, 1, None, 1, "whole").await.expect(201);
        let later = json!({"scope": "all", "change": {"shift_minutes": 45}});
        assert_eq!(edit(&t, &event, later).await.expect(200)["kept"], json!([before[0]["id"]]));
        let later = json!({"scope": "all", "sold": "change", "change": {"shift_minutes": 45}});
        assert_eq!(edit(&t, &event, later).await.expect(200)["moved"], json!([before[0]["id"]]));
        // With rules it stays where it was moved to.
        let saved = series(&t, &event, "2031-02-05T20:00:00", &["FREQ=WEEKLY;COUNT=2"]).await;
        assert_eq!(saved["orphaned"], json!([before[0]["id"]]));
        assert_eq!(starts(&dates(&t, &event).await)[0], "2031-01-01T19:45:00.000Z");
        t.stop().await;
    }
}
