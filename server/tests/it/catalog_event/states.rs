//! What is done to events, and in which state.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::on_both_engines;
use serde_json::{Value, json};

use super::{act, at, made, path};
use crate::app::{Answer, Event, TestApp};

/// The states in the order of the table's columns, each with how a draft gets there.
const STATES: [(&str, &[&str]); 6] = [
    ("draft", &[]),
    ("published", &["publish"]),
    ("paused", &["publish", "pause"]),
    ("postponed", &["publish", "postpone"]),
    ("cancelled", &["publish", "cancel"]),
    ("archived", &["publish", "archive"]),
];

/// What each action leads to from each state: `=` is done already, `-` is refused.
const TABLE: [(&str, [&str; 6]); 8] = [
    ("publish", ["published", "=", "-", "-", "-", "-"]),
    ("pause", ["-", "paused", "=", "-", "-", "-"]),
    ("resume", ["-", "=", "published", "-", "-", "-"]),
    ("postpone", ["-", "postponed", "postponed", "=", "-", "-"]),
    (
        "reschedule",
        ["-", "published", "paused", "published", "-", "-"],
    ),
    (
        "cancel",
        ["-", "cancelled", "cancelled", "cancelled", "=", "-"],
    ),
    (
        "archive",
        ["-", "archived", "archived", "-", "archived", "="],
    ),
    ("delete", ["gone", "-", "-", "-", "-", "-"]),
];

/// The one word that state and brake mean.
fn kept(event: &Value) -> String {
    let (state, brake) = (event["state"].as_str(), event["brake"].as_str());
    let word = if brake == Some("none") { state } else { brake };
    word.unwrap().to_owned()
}

/// An event in a state.
async fn event_in(t: &TestApp, way: &[&str]) -> Value {
    let mut event = made(t, &json!({})).await;
    for action in way {
        event = act(t, &path(&event), action).await.expect(200);
    }
    event
}

async fn reschedule(t: &TestApp, event: &Value, hours: i64) -> Answer {
    let dates = json!([{
        "occurrence": event["occurrences"][0]["id"], "doors_at": at(t, hours - 1),
        "starts_at": at(t, hours), "ends_at": at(t, hours + 3),
    }]);
    let to = format!("{}/reschedule", path(event));
    t.organiser.post(&to, json!({"dates": dates})).await
}

on_both_engines! {
    /// covers: BE-2
    async fn every_action_in_every_state_does_what_the_table_says(db: TestDb) {
        let t = TestApp::start(db).await;
        for (action, row) in TABLE {
            for ((state, way), wanted) in STATES.iter().zip(row) {
                let event = event_in(&t, way).await;
                assert_eq!(kept(&event), *state);
                let what = format!("{action} of an event that is {state}");
                let answer = match action {
                    "delete" => t.organiser.delete(&path(&event)).await,
                    "reschedule" => reschedule(&t, &event, 48).await,
                    other => act(&t, &path(&event), other).await,
                };
                let after = t.organiser.get(&path(&event)).await;
                match wanted {
                    "gone" => {
                        answer.expect(204);
                        after.refused(404, "catalog.not_found");
                        continue;
                    }
                    "-" => {
                        let code = if action == "delete" { "catalog.not_a_draft" } else { "catalog.state" };
                        answer.refused(409, code);
                        assert_eq!(kept(&after.expect(200)), *state, "{what}");
                        assert_eq!(after.expect(200)["version"], event["version"], "{what}");
                    }
                    "=" => {
                        assert_eq!(answer.expect(200)["version"], event["version"], "{what}");
                        assert_eq!(kept(&after.expect(200)), *state, "{what}");
                    }
                    to => {
                        assert_eq!(kept(&answer.expect(200)), to, "{what}");
                        let (before, version) = (event["version"].as_i64(), answer.expect(200)["version"].as_i64());
                        assert_eq!(version, before.map(|before| before + 1), "{what}");
                        assert_eq!(answer.expect(200), after.expect(200), "{what}");
                    }
                }
            }
        }
        t.stop().await;
    }

    /// covers: BE-2, ORG-3
    async fn nothing_is_sold_while_an_event_is_held_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1000, 10)]).await;
        let (own, shop) = (format!("/api/v1/events/{}", event.id), format!("/api/v1/shop/events/{}", event.id));
        let standing = async |word: &str| {
            assert_eq!(t.stranger.get(&shop).await.expect(200)["standing"], word);
            assert_eq!(t.organiser.get(&format!("{own}/dashboard")).await.expect(200)["standing"], word);
        };
        standing("on_sale").await;
        t.stranger.buy(&event, 0, 1, "succeed", "first").await.expect(201);
        for (stop, word, go) in [("pause", "paused", "resume"), ("postpone", "postponed", "reschedule")] {
            let stopped = act(&t, &own, stop).await.expect(200);
            // At once: what was shown a moment ago is no longer sold.
            t.stranger.buy(&event, 0, 1, "succeed", stop).await.refused(409, "sales.off_sale");
            standing(word).await;
            if go == "resume" {
                act(&t, &own, go).await.expect(200);
            } else {
                reschedule(&t, &stopped, 72).await.expect(200);
            }
            t.stranger.buy(&event, 0, 1, "succeed", go).await.expect(201);
        }
        t.stranger.buy(&event, 0, 7, "succeed", "rest").await.expect(201);
        standing("sold_out").await;
        act(&t, &own, "cancel").await.expect(200);
        standing("cancelled").await;
        t.stop().await;
    }

    /// covers: BE-2, ORG-3
    async fn an_event_is_scheduled_until_its_sale_begins_and_ends_with_its_last_date(db: TestDb) {
        let t = TestApp::start(db).await;
        let later = json!({"tiers": [{"name": "Late", "price_minor": 0, "capacity": 1, "sales_start_at": at(&t, 1)}]});
        let event = made(&t, &later).await;
        t.stranger.get(&path(&event).replace("/events", "/shop/events")).await.refused(404, "sales.event_not_found");
        assert_eq!(t.organiser.get(&format!("{}/dashboard", path(&event))).await.expect(200)["standing"], "draft");
        act(&t, &path(&event), "publish").await.expect(200);
        let shop = path(&event).replace("/events", "/shop/events");
        for (hours, word) in [(0, "scheduled"), (1, "on_sale"), (4, "ended")] {
            t.clock.advance(std::time::Duration::from_secs(hours * 3_600));
            assert_eq!(t.stranger.get(&shop).await.expect(200)["standing"], word);
        }
        t.stop().await;
    }

    /// covers: BE-2
    async fn tickets_of_a_moved_event_are_valid_at_its_new_time_and_their_old_codes_are_dead(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 0, 10)]).await;
        let bought = t.stranger.buy(&event, 0, 2, "succeed", "k").await.expect(201);
        let ticket = format!("/api/v1/tickets/{}", bought["tickets"][0]["id"].as_str().unwrap());
        let before = t.organiser.get(&ticket).await.expect(200);
        let own = format!("/api/v1/events/{}", event.id);
        let date = t.organiser.get(&own).await.expect(200)["occurrences"][0].clone();
        let later = |field: &str| {
            let at: Timestamp = date[field].as_str().unwrap().parse().unwrap();
            (at + std::time::Duration::from_secs(998 * 3_600)).to_string()
        };
        let dates = json!([{
            "occurrence": date["id"], "doors_at": later("doors_at"), "starts_at": later("starts_at"), "ends_at": later("ends_at"),
        }]);
        t.organiser.post(&format!("{own}/reschedule"), json!({"dates": dates})).await.expect(200);
        let after = t.organiser.get(&ticket).await.expect(200);
        assert_eq!((before["version"].as_i64(), after["version"].as_i64()), (Some(1), Some(2)));
        assert_eq!(after["revoked_below"], 2);
        let moved = |field: &str| after[field].as_i64().unwrap() - before[field].as_i64().unwrap();
        assert_eq!((moved("valid_from"), moved("valid_until")), (998 * 3_600, 998 * 3_600));
        t.stop().await;
    }

    /// covers: BE-2, ORG-3
    async fn tickets_for_one_evening_move_with_their_evening(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = made(&t, &json!({
            "occurrences": [
                {"starts_at": "2040-10-20T18:00:00Z", "ends_at": "2040-10-20T20:00:00Z"},
                {"starts_at": "2040-10-21T18:00:00Z", "ends_at": "2040-10-21T20:00:00Z"},
            ],
            "tiers": [
                {"name": "First", "price_minor": 0, "capacity": 1, "valid_from_at": "2040-10-20T16:00:00Z", "valid_until_at": "2040-10-20T22:00:00Z"},
                {"name": "Second", "price_minor": 0, "capacity": 1, "valid_from_at": "2040-10-21T16:00:00Z", "valid_until_at": "2040-10-21T22:00:00Z"},
                {"name": "Both", "price_minor": 0, "capacity": 1},
            ],
        })).await;
        act(&t, &path(&event), "publish").await.expect(200);
        // The second evening is put off by a week; the clocks go back meanwhile.
        let dates = json!([{
            "occurrence": event["occurrences"][1]["id"], "starts_at": "2040-10-28T19:00:00Z", "ends_at": "2040-10-28T21:00:00Z",
        }]);
        let moved = t.organiser.post(&format!("{}/reschedule", path(&event)), json!({"dates": dates})).await.expect(200);
        assert_eq!(moved["tiers"][0], event["tiers"][0]);
        assert_eq!(moved["tiers"][2], event["tiers"][2]);
        let at = |text: &str| text.parse::<Timestamp>().unwrap().to_string();
        assert_eq!(moved["tiers"][1]["valid_from_at"].as_str().unwrap(), at("2040-10-28T17:00:00Z"));
        assert_eq!(moved["tiers"][1]["valid_until_at"].as_str().unwrap(), at("2040-10-28T23:00:00Z"));
        assert_eq!(t.organiser.get(&path(&event)).await.expect(200), moved);
        t.stop().await;
    }

    /// covers: BE-2, BE-6
    async fn new_dates_are_said_well_or_nothing_is_moved(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, &["publish"]).await;
        let to = format!("{}/reschedule", path(&event));
        let own = event["occurrences"][0]["id"].as_str().unwrap();
        let date = |id: &str, from: i64, until: i64| json!({"occurrence": id, "starts_at": at(&t, from), "ends_at": at(&t, until)});
        t.organiser.post(&to, json!({"dates": []})).await.refused(409, "catalog.no_dates");
        t.organiser.post(&to, json!({"dates": [date(own, -5, -2)]})).await.refused(409, "catalog.no_dates");
        for (dates, wanted) in [
            (json!([date(own, 5, 4)]), "dates[0].ends_at not_after"),
            (json!([date("occ_01m827tppbfdtr9hv9xvxht0nk", 4, 5)]), "dates[0].occurrence unknown"),
            (json!([date(own, 4, 5), date(own, 6, 7)]), "dates too_many"),
        ] {
            let problem = t.organiser.post(&to, json!({"dates": dates})).await.refused(422, "invalid");
            assert_eq!(crate::catalog_event::faults(&problem), [wanted]);
        }
        let doors = json!([{"occurrence": own, "doors_at": at(&t, 5), "starts_at": at(&t, 4), "ends_at": at(&t, 6)}]);
        let problem = t.organiser.post(&to, json!({"dates": doors})).await.refused(422, "invalid");
        assert_eq!(crate::catalog_event::faults(&problem), ["dates[0].doors_at after_start"]);
        for odd in [json!({}), json!({"dates": [{}]}), json!({"dates": [date("x", 1, 2)]}), json!({"dates": 7})] {
            let answer = t.organiser.post(&to, odd).await;
            assert_eq!(answer.status, 422, "{}", answer.text);
        }
        assert_eq!(t.organiser.get(&path(&event)).await.expect(200), event);
        let empty = made(&t, &json!({"tiers": []})).await;
        act(&t, &path(&empty), "publish").await.refused(409, "catalog.no_tiers");
        t.stop().await;
    }

    /// covers: BE-6
    async fn only_who_may_publish_moves_an_event(db: TestDb) {
        let t = TestApp::start(db).await;
        let event: Event = t.event(&[("Standing", 0, 1)]).await;
        let other = t.other_organiser().await;
        for action in ["pause", "resume", "postpone", "cancel", "archive"] {
            let to = format!("/api/v1/events/{}/{action}", event.id);
            other.post(&to, json!({})).await.refused(404, "catalog.not_found");
            t.stranger.post(&to, json!({})).await.refused(401, "identity.unauthenticated");
            let request = t.organiser.request(reqwest::Method::POST, &to).header("if-match", "\"1\"");
            t.organiser.send(request).await.refused(412, "precondition_failed");
        }
        t.stop().await;
    }
}
