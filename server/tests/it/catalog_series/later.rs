//! Other rules from some date on: "this and following" for the rules of a series.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use reqwest::Method;
use serde_json::{Value, json};

use super::{buy, dates, edit, event_in, ids, path, series, starts, version};
use crate::app::{Answer, Event, TestApp};
use crate::catalog_offers::put;
use crate::catalog_seat_maps::{MAPS, hall, path_of, without_a_seat};

/// Saves rules from the version that the event has.
async fn save(t: &TestApp, event: &Event, mut input: Value) -> Answer {
    input["version"] = json!(version(t, event).await);
    put(&t.organiser, &path(event, "/series"), &input).await
}

on_both_engines! {
    /// covers: BE-2, ORG-3, I18N-5
    async fn the_rules_change_from_a_date_on_and_what_is_before_stays(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Ljubljana").await;
        series(&t, &event, "2031-02-04T19:30:00", &["FREQ=WEEKLY;COUNT=10"]).await;
        let made = dates(&t, &event).await;
        let id = |at: usize| made[at]["id"].as_str().unwrap();
        let tier = |field: &str, value: i64| json!({"tiers": [{"tier": event.tiers[0], field: value}]});
        for (scope, at, change) in [
            ("this", 1, tier("price_minor", 500)),
            ("this_and_following", 3, tier("capacity", 2)),
            ("this_and_following", 6, tier("price_minor", 1500)),
        ] {
            edit(&t, &event, json!({"scope": scope, "occurrences": [id(at)], "change": change})).await.expect(200);
        }
        let bought = buy(&t, &event, 0, Some(id(1)), 1, "before").await.expect(201);
        let ticket = format!("/api/v1/tickets/{}", bought["tickets"][0]["id"].as_str().unwrap());
        buy(&t, &event, 0, Some(id(5)), 1, "after").await.expect(201);
        let (before, held) = (dates(&t, &event).await, t.organiser.get(&ticket).await.expect(200));

        // Tuesdays until February; Wednesdays at another time from March on, over the change of the clock.
        let input = json!({"version": version(&t, &event).await, "from": "2031-03-04T19:30:00", "starts": "2031-03-12T20:00:00",
            "rules": ["FREQ=WEEKLY;COUNT=4"], "duration_minutes": 120});
        let preview = t.organiser.post(&path(&event, "/series/preview"), input.clone()).await.expect(200);
        let at = ["2031-02-04T18:30:00.000Z", "2031-02-11T18:30:00.000Z", "2031-02-18T18:30:00.000Z", "2031-02-25T18:30:00.000Z",
            "2031-03-11T18:30:00.000Z",
            "2031-03-12T19:00:00.000Z", "2031-03-19T19:00:00.000Z", "2031-03-26T19:00:00.000Z", "2031-04-02T18:00:00.000Z"];
        assert_eq!(starts(preview["dates"].as_array().unwrap()), at);
        assert_eq!(preview["added"], json!(["2031-03-12T20:00:00", "2031-03-19T20:00:00", "2031-03-26T20:00:00", "2031-04-02T20:00:00"]));
        assert_eq!(preview["removed"], json!(["2031-03-04T19:30:00", "2031-03-18T19:30:00", "2031-03-25T19:30:00",
            "2031-04-01T19:30:00", "2031-04-08T19:30:00"]));
        assert_eq!(preview["orphaned"], json!(["2031-03-11T19:30:00"]));
        assert_eq!(dates(&t, &event).await, before, "a preview changes nothing");

        let saved = put(&t.organiser, &path(&event, "/series"), &input).await.expect(200);
        let counts = |saved: &Value| ["kept", "added", "removed", "occurrence_count"].map(|name| saved[name].as_i64().unwrap());
        assert_eq!(counts(&saved), [5, 4, 5, 9]);
        assert_eq!(saved["orphaned"], json!([id(5)]));
        let said = &saved["series"];
        assert_eq!(said["rules"], json!(["FREQ=WEEKLY;UNTIL=20310225T193000"]));
        assert_eq!(said["later"], json!([{"starts": "2031-03-12T20:00:00", "rules": ["FREQ=WEEKLY;COUNT=4"]}]));
        assert_eq!(said["added"], json!(["2031-03-11T19:30:00"]));
        assert_eq!(&t.organiser.get(&path(&event, "/series")).await.expect(200)["series"], said);
        let history = t.organiser.get(&path(&event, "/versions?limit=1")).await.expect(200);
        assert_eq!((&history["items"][0]["change"], &history["items"][0]["version"]), (&json!("series_saved"), &saved["version"]));

        // What is before, and what is sold, is what it was to the letter; so are its tickets.
        let after = dates(&t, &event).await;
        assert_eq!(starts(&after), at);
        assert_eq!((&after[..4], &after[4]), (&before[..4], &before[5]));
        assert_eq!(t.organiser.get(&ticket).await.expect(200), held);
        assert_eq!((&after[5]["ends_at"], &after[5]["doors_at"]), (&json!("2031-03-12T21:00:00.000Z"), &Value::Null));
        // What was said for this and all following dates holds for those that are new.
        let offers = |dates: &[Value]| -> Vec<[Option<i64>; 2]> {
            dates.iter().map(|date| ["prices", "capacities"].map(|name| date["offer"][name]["1"].as_i64())).collect()
        };
        assert_eq!(offers(&after[5..]), [[None, Some(2)], [Some(1500), Some(2)], [Some(1500), Some(2)], [Some(1500), Some(2)]]);
        let new = after[6]["id"].as_str().unwrap();
        buy(&t, &event, 0, Some(new), 2, "both").await.expect(201);
        buy(&t, &event, 0, Some(new), 1, "third").await.refused(409, "sales.sold_out");

        // The same once more: not from the version that was seen, and then it changes nothing.
        put(&t.organiser, &path(&event, "/series"), &input).await.refused(409, "catalog.version_conflict");
        let stale = t.organiser.request(Method::PUT, &path(&event, "/series")).header("if-match", "\"1\"").json(&input);
        t.organiser.send(stale).await.refused(412, "precondition_failed");
        let again = save(&t, &event, input).await.expect(200);
        assert_eq!((counts(&again), &again["series"], &again["orphaned"]), ([9, 0, 0, 9], said, &json!([])));
        assert_eq!(dates(&t, &event).await, after);

        // Edits go on as before, from a date of the later rules too.
        let later = json!({"scope": "this_and_following", "occurrences": [after[7]["id"]], "change": {"shift_minutes": 30}});
        edit(&t, &event, later).await.expect(200);
        let edited = dates(&t, &event).await;
        assert_eq!(edited[..7], after[..7]);
        assert_eq!(starts(&edited)[7..], ["2031-03-26T19:30:00.000Z", "2031-04-02T18:30:00.000Z"]);

        // Rules for all dates take the place of all there are.
        let whole = series(&t, &event, "2031-02-04T19:30:00", &["FREQ=WEEKLY;COUNT=2"]).await;
        assert_eq!((&whole["series"]["later"], &whole["series"]["rules"]), (&Value::Null, &json!(["FREQ=WEEKLY;COUNT=2"])));
        assert_eq!(ids(&dates(&t, &event).await), [id(0), id(1), id(5), new]);
        t.stop().await;
    }

    /// covers: BE-2, I18N-5
    async fn rules_after_a_pause_have_exceptions_and_an_end(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Ljubljana").await;
        series(&t, &event, "2031-02-04T19:30:00", &["FREQ=WEEKLY;COUNT=2"]).await;
        let first = dates(&t, &event).await;
        let from = |from: &str, starts: &str, rules: &[&str]| {
            json!({"from": from, "starts": starts, "rules": rules, "duration_minutes": 90})
        };

        // After the last date there is a pause; 02:30 is 03:30 in the night of the change.
        let night = "2031-03-29T02:30:00";
        let saved = save(&t, &event, from("2031-03-01T00:00:00", night, &["FREQ=DAILY;COUNT=3"])).await.expect(200);
        assert_eq!((&saved["kept"], &saved["added"], &saved["removed"]), (&json!(2), &json!(3), &json!(0)));
        let nights = dates(&t, &event).await;
        assert_eq!(nights[..2], first);
        assert_eq!(starts(&nights)[2..], ["2031-03-29T01:30:00.000Z", "2031-03-30T01:30:00.000Z", "2031-03-31T00:30:00.000Z"]);

        // Exceptions from then on; where nothing is said of them, they stay.
        let last = "2031-03-31T02:30:00";
        let mut input = from("2031-03-31T00:00:00", last, &["FREQ=DAILY;COUNT=3"]);
        input["added"] = json!(["2031-04-05T15:00:00"]);
        input["excluded"] = json!(["2031-04-01T02:30:00"]);
        save(&t, &event, input.clone()).await.expect(200);
        let made = dates(&t, &event).await;
        assert_eq!(ids(&made)[..5], ids(&nights));
        assert_eq!(starts(&made)[4..], ["2031-03-31T00:30:00.000Z", "2031-04-02T00:30:00.000Z", "2031-04-05T13:00:00.000Z"]);
        save(&t, &event, from("2031-03-31T00:00:00", last, &["FREQ=DAILY;COUNT=4"])).await.expect(200);
        assert_eq!(starts(&dates(&t, &event).await)[5..],
            ["2031-04-02T00:30:00.000Z", "2031-04-03T00:30:00.000Z", "2031-04-05T13:00:00.000Z"]);

        // A sold date that the rules still give stays as it is, however long the others are now.
        let sold = made[3]["id"].as_str().unwrap();
        buy(&t, &event, 0, Some(sold), 1, "sold").await.expect(201);
        input = from(night, night, &["FREQ=DAILY;COUNT=3"]);
        input["duration_minutes"] = json!(120);
        let longer = save(&t, &event, input).await.expect(200);
        assert_eq!((&longer["kept"], &longer["orphaned"]), (&json!(6), &json!([])));
        let ends: Vec<Value> = dates(&t, &event).await[2..5].iter().map(|date| date["ends_at"].clone()).collect();
        assert_eq!(ends, ["2031-03-29T03:30:00.000Z", "2031-03-30T03:00:00.000Z", "2031-03-31T02:30:00.000Z"]);

        // No rule at all: the series is over, but for what is sold.
        input = from(night, night, &[]);
        input["added"] = json!([]);
        let ended = save(&t, &event, input).await.expect(200);
        assert_eq!((&ended["orphaned"], &ended["occurrence_count"]), (&json!([sold]), &json!(3)));
        assert_eq!((&ended["series"]["rules"], &ended["series"]["later"]), (&json!(["FREQ=WEEKLY;COUNT=2"]), &Value::Null));
        let left = dates(&t, &event).await;
        assert_eq!((&left[..2], &left[2]["id"]), (&first[..], &json!(sold)));
        t.stop().await;
    }

    /// covers: BE-2, ORG-3
    async fn dates_are_added_and_left_out_whatever_the_rules_are(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Ljubljana").await;
        let at = path(&event, "/series");
        let change = async |mut input: Value| {
            input["version"] = json!(version(&t, &event).await);
            t.organiser.patch(&at, input).await
        };
        let matinee = json!(["2031-02-08T15:00:00"]);
        let problem = change(json!({"added": matinee})).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["code"], "no_series");

        series(&t, &event, "2031-02-04T19:30:00", &["FREQ=WEEKLY;COUNT=2"]).await;
        let wednesdays = json!({"from": "2031-03-01T00:00:00", "starts": "2031-03-05T20:00:00", "rules": ["FREQ=WEEKLY;COUNT=3"],
            "duration_minutes": 120});
        let rules = save(&t, &event, wednesdays).await.expect(200)["series"].clone();
        let before = dates(&t, &event).await;

        // One more in the first part, one less in the second; the rules stay as they are.
        let saved = change(json!({"added": matinee, "excluded": ["2031-03-12T20:00:00"]})).await.expect(200);
        assert_eq!(["kept", "added", "removed"].map(|name| saved[name].as_i64().unwrap()), [4, 1, 1]);
        for name in ["starts", "rules", "later", "settings", "phases"] {
            assert_eq!(saved["series"][name], rules[name]);
        }
        let after = dates(&t, &event).await;
        assert_eq!((&after[0], &after[2..4], &after[4]), (&before[0], &before[1..3], &before[4]));
        assert_eq!((&after[1]["starts_at"], &after[1]["ends_at"]), (&json!("2031-02-08T14:00:00.000Z"), &json!("2031-02-08T15:30:00.000Z")));
        // What is not spoken of stays; what is sold is not left out, and says so.
        let sold = after[0]["id"].as_str().unwrap();
        buy(&t, &event, 0, Some(sold), 1, "sold").await.expect(201);
        let saved = change(json!({"excluded": ["2031-02-04T19:30:00"]})).await.expect(200);
        assert_eq!((&saved["orphaned"], &saved["series"]["excluded"]), (&json!([sold]), &json!([])));
        assert_eq!(saved["series"]["added"], json!(["2031-02-04T19:30:00", "2031-02-08T15:00:00"]));
        assert_eq!(ids(&dates(&t, &event).await)[..4], ids(&after)[..4]);

        let now = version(&t, &event).await;
        for (input, code) in [
            (json!({}), "nothing_to_change"),
            (json!({"added": ["1999-02-08T15:00:00"]}), "out_of_range"),
            (json!({"excluded": ["9999-02-08T15:00:00"]}), "out_of_range"),
            (json!({"added": [], "excluded": ["2031-02-11T19:30:00Z"]}), "invalid"),
        ] {
            assert_eq!(change(input).await.refused(422, "invalid")["errors"][0]["code"], code);
        }
        t.organiser.patch(&at, json!({"added": []})).await.refused(422, "invalid");
        t.organiser.patch(&at, json!({"version": now - 1, "added": []})).await.refused(409, "catalog.version_conflict");
        t.other_organiser().await.patch(&at, json!({"version": now, "added": []})).await.refused(404, "catalog.not_found");
        assert_eq!(version(&t, &event).await, now, "what is refused changes nothing");
        t.stop().await;
    }

    /// covers: BE-2
    async fn a_long_rule_that_others_follow_is_read_and_said_again(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Vienna").await;
        let daily = format!("FREQ=DAILY;BYMONTH={};COUNT=9", ["5"; 235].join(","));
        series(&t, &event, "2031-05-02T20:00:00", &[daily.as_str()]).await;
        // It ends by UNTIL now, which is longer.
        let input = json!({"from": "2031-05-05T00:00:00", "starts": "2031-06-01T20:00:00", "rules": ["FREQ=DAILY;COUNT=1"],
            "duration_minutes": 90});
        let saved = save(&t, &event, input).await.expect(200);
        assert_eq!(saved["occurrence_count"], 4);
        let read = t.organiser.get(&path(&event, "/series")).await.expect(200);
        assert_eq!(read["series"], saved["series"]);
        let rules = &read["series"]["rules"];
        assert!(rules[0].as_str().unwrap().ends_with(";UNTIL=20310504T200000"), "{rules}");
        let again = json!({"starts": "2031-05-02T20:00:00", "rules": rules, "duration_minutes": 90});
        assert_eq!(save(&t, &event, again).await.expect(200)["occurrence_count"], 3);
        t.stop().await;
    }

    /// covers: BE-2, ORG-2
    async fn later_rules_are_refused_where_they_make_no_sense(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Vienna").await;
        let once = "FREQ=DAILY;COUNT=1";
        let from = |from: &str, starts: &str, rules: &[&str]| {
            json!({"from": from, "starts": starts, "rules": rules, "duration_minutes": 90})
        };
        let second = "2031-05-03T20:00:00";
        let with = |name: &str, times: &[&str]| {
            let mut input = from(second, second, &[once]);
            input[name] = json!(times);
            input
        };
        let problem = save(&t, &event, from(second, second, &[once])).await.refused(422, "invalid");
        assert_eq!((&problem["errors"][0]["field"], &problem["errors"][0]["code"]), (&json!("from"), &json!("no_series")));

        series(&t, &event, "2031-05-02T20:00:00", &["FREQ=DAILY;COUNT=3"]).await;
        let first = dates(&t, &event).await[0]["id"].clone();
        edit(&t, &event, json!({"scope": "this", "occurrences": [first], "change": {"shift_minutes": 4 * 1_440}})).await.expect(200);
        let before = (version(&t, &event).await, dates(&t, &event).await);
        for (input, field, code) in [
            (from("2031-05-02T20:00:00", second, &[once]), "from", "nothing_before"),
            (from("2030-01-01T00:00:00", second, &[once]), "from", "nothing_before"),
            (from("1999-05-02T20:00:00", second, &[once]), "from", "out_of_range"),
            (from(second, "2031-05-03T19:59:59", &[once]), "starts", "before_from"),
            (with("added", &["2031-05-03T12:00:00"]), "added", "before_from"),
            (with("excluded", &["2031-05-02T20:00:00"]), "excluded", "before_from"),
            (with("excluded", &["9999-05-02T20:00:00"]), "excluded", "out_of_range"),
            (from(second, second, &[once; 11]), "rules", "too_many_rules"),
            (from(second, second, &[once; 10]), "series", "too_many_rules"),
            (from(second, second, &["FREQ=DAILY;COUNT=2000"]), "series", "too_many_dates"),
            (from(second, "2082-01-01T20:00:00", &[once]), "series", "series_too_long"),
            (from(second, "2031-05-06T20:00:00", &[once]), "series", "same_start"),
        ] {
            let problem = save(&t, &event, input.clone()).await.refused(422, "invalid");
            let told = (&problem["errors"][0]["field"], &problem["errors"][0]["code"]);
            assert_eq!(told, (&json!(field), &json!(code)), "{input}: {problem}");
            let preview = t.organiser.post(&path(&event, "/series/preview"), input).await.refused(422, "invalid");
            assert_eq!(preview["errors"], problem["errors"]);
        }
        assert_eq!((version(&t, &event).await, dates(&t, &event).await), before, "what is refused changes nothing");

        // Of two who change the rules from the same version, one does.
        let input = |rules: &str| {
            let mut input = from(second, second, &[rules]);
            input["version"] = json!(before.0);
            input
        };
        let path = path(&event, "/series");
        let inputs = [input("FREQ=DAILY;COUNT=2"), input("FREQ=DAILY;COUNT=3")];
        let (one, other) = futures_util::future::join(
            put(&t.organiser, &path, &inputs[0]), put(&t.organiser, &path, &inputs[1])).await;
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", one.text, other.text);
        assert_eq!(dates(&t, &event).await.len(), if one.status == 200 { 3 } else { 4 });
        t.stop().await;
    }

    /// covers: BE-2, ORG-2
    async fn later_dates_have_the_seats_of_those_whose_place_they_take(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "Europe/Vienna").await;
        series(&t, &event, "2031-05-02T20:00:00", &["FREQ=WEEKLY;COUNT=4"]).await;
        let map = t.organiser.post(MAPS, json!({"map": hall()})).await.expect(201);
        let third = dates(&t, &event).await[2]["id"].clone();
        edit(&t, &event, json!({"scope": "this_and_following", "occurrences": [third], "change": {"seat_map": map["id"]}})).await.expect(200);
        let seats = async || {
            let all = dates(&t, &event).await;
            all.iter().map(|date| date["seat_map"]["id"].clone()).collect::<Vec<Value>>()
        };
        let (none, same) = (Value::Null, map["id"].clone());
        assert_eq!(seats().await, [&none, &none, &same, &same].map(Value::clone));
        let rules = ["FREQ=WEEKLY;COUNT=3"];
        let saturdays = json!({"from": "2031-05-16T20:00:00", "starts": "2031-05-17T20:00:00", "rules": rules, "duration_minutes": 90});
        save(&t, &event, saturdays).await.expect(200);
        assert_eq!(seats().await, [&none, &none, &same, &same, &same].map(Value::clone));
        t.stop().await;
    }

    /// A map that is changed leaves dates that are over as they were, and they say nothing of new ones.
    ///
    /// covers: BE-2, ORG-2
    async fn new_dates_have_the_newest_seats_whatever_is_over(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = event_in(&t, "UTC").await;
        let tomorrow = (t.app.now() + Duration::from_secs(86_400)).to_string();
        let begin = &tomorrow[..19];
        series(&t, &event, begin, &["FREQ=DAILY;COUNT=3"]).await;
        let map = t.organiser.post(MAPS, json!({"map": hall()})).await.expect(201);
        edit(&t, &event, json!({"scope": "all", "change": {"seat_map": map["id"]}})).await.expect(200);
        t.clock.advance(Duration::from_secs(36 * 3_600));
        let smaller = json!({"version": 1, "map": without_a_seat()});
        put(&t.organiser, &path_of(&map), &smaller).await.expect(200);
        series(&t, &event, begin, &["FREQ=DAILY;COUNT=4"]).await;
        let seats = async || -> Vec<Value> { dates(&t, &event).await.iter().map(|date| date["seat_map"].clone()).collect() };
        let of = |version: i64| json!({"id": map["id"], "version": version});
        assert_eq!(seats().await, [of(1), of(2), of(2), of(2)]);

        // Once all are over, none of them has the newest version.
        t.clock.advance(Duration::from_secs(10 * 86_400));
        put(&t.organiser, &path_of(&map), &json!({"version": 2, "map": hall()})).await.expect(200);
        series(&t, &event, begin, &["FREQ=DAILY;COUNT=5"]).await;
        assert_eq!(seats().await, [of(1), of(2), of(2), of(2), of(3)]);
        t.stop().await;
    }
}
