//! Two managers at once, what an event was before, and its copies.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::on_both_engines;
use bilten_server::identity::Role;
use serde_json::json;

use super::{act, at, faults, made, path, put};
use crate::app::TestApp;

on_both_engines! {
    /// covers: BE-2
    async fn of_two_managers_who_change_one_event_neither_writes_over_the_other(db: TestDb) {
        let t = TestApp::start(db).await;
        let (one, other) = (t.member(Role::Manager).await, t.member(Role::Owner).await);
        let event = made(&t, &json!({})).await;
        let own = path(&event);
        // Both have read version 1, and send what they want at once.
        let (texts, details) = tokio::join!(
            one.patch(&own, json!({"version": 1, "name": "One"})),
            other.patch(&own, json!({"version": 1, "details": {"tags": ["other"]}})),
        );
        let statuses = [texts.status, details.status];
        assert!(statuses == [200, 409] || statuses == [409, 200], "{statuses:?}");
        let (kept, lost) = if texts.status == 200 { (&texts, &details) } else { (&details, &texts) };
        lost.refused(409, "catalog.version_conflict");
        assert_eq!(t.organiser.get(&own).await.expect(200), kept.expect(200));
        // Whoever was too late reads it anew, and loses nothing of what the first one did.
        one.patch(&own, json!({"version": 2, "name": "One"})).await.expect(200);
        other.patch(&own, json!({"version": 3, "details": {"tags": ["other"]}})).await.expect(200);
        let both = t.organiser.get(&own).await.expect(200);
        assert_eq!((&both["name"], &both["details"]["tags"]), (&json!("One"), &json!(["other"])));
        // The same by what the page had in its hands.
        let seen = t.organiser.get(&own).await.headers["etag"].clone();
        let with = |client: &crate::app::Client, action: &str| {
            client.request(reqwest::Method::POST, &format!("{own}/{action}")).header("if-match", seen.clone())
        };
        one.send(with(&one, "publish")).await.expect(200);
        other.send(with(&other, "cancel")).await.refused(412, "precondition_failed");
        assert_eq!(t.organiser.get(&own).await.expect(200)["state"], "published");
        t.stop().await;
    }

    /// covers: BE-2
    async fn every_change_stands_in_the_history_with_who_did_it(db: TestDb) {
        let t = TestApp::start(db).await;
        let manager = t.member(Role::Manager).await;
        let event = made(&t, &json!({})).await;
        let own = path(&event);
        manager.patch(&own, json!({"version": 1, "name": "Second"})).await.expect(200);
        for action in ["publish", "pause", "pause", "resume", "postpone"] {
            act(&t, &own, action).await.expect(200);
        }
        let (mut seen, mut next) = (Vec::new(), String::new());
        loop {
            let page = t.organiser.get(&format!("{own}/versions?limit=2{next}")).await.expect(200);
            seen.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(cursor) = page["next"].as_str() else { break };
            next = format!("&cursor={cursor}");
        }
        let told: Vec<_> = seen.iter().map(|one| (one["version"].as_i64().unwrap(), one["change"].as_str().unwrap())).collect();
        // To pause what is paused is no change.
        assert_eq!(told, [(6, "postponed"), (5, "resumed"), (4, "paused"), (3, "published"), (2, "updated"), (1, "created")]);
        assert_ne!(seen[4]["actor"], seen[5]["actor"], "a manager and a key");
        let first = t.organiser.get(&format!("{own}/versions/1")).await.expect(200);
        assert_eq!(first["event"], event);
        assert_eq!(t.organiser.get(&format!("{own}/versions/2")).await.expect(200)["event"]["name"], "Second");
        for nothing in ["0", "7", "-1", "x", "9223372036854775807", "9223372036854775808"] {
            let answer = t.organiser.get(&format!("{own}/versions/{nothing}")).await;
            assert_eq!(answer.status, 404, "{nothing}: {}", answer.text);
        }
        t.organiser.get(&format!("{own}/versions?cursor=x")).await.refused(400, "cursor_invalid");
        let other = t.other_organiser().await;
        other.get(&format!("{own}/versions")).await.refused(404, "catalog.not_found");
        other.get(&format!("{own}/versions/1")).await.refused(404, "catalog.not_found");
        t.stop().await;
    }

    /// covers: BE-2, ORG-2, I18N-5
    async fn a_copy_has_all_that_is_said_and_nothing_that_is_sold(db: TestDb) {
        let t = TestApp::start(db).await;
        let moment = |text: &str| text.parse::<Timestamp>().unwrap().to_string();
        // Two evenings in summer time; the copy is in winter time from its second evening on.
        let event = made(&t, &json!({
            "time_zone": "Europe/Ljubljana",
            "occurrences": [
                {"doors_at": "2040-06-02T17:00:00Z", "starts_at": "2040-06-02T18:00:00Z", "ends_at": "2040-06-02T20:00:00Z"},
                {"starts_at": "2040-06-09T18:00:00Z", "ends_at": "2040-06-09T20:00:00Z"},
            ],
            "tiers": [
                {"name": "Early", "price_minor": 500, "capacity": 5, "sales_end_at": "2040-05-01T10:00:00Z"},
                {"name": "Late", "price_minor": 900, "capacity": 5},
            ],
            "details": {"translations": {"name": {"de": "Abend"}}, "tags": ["jazz"], "country": "SI"},
        })).await;
        let own = path(&event);
        let late = event["tiers"][1]["id"].clone();
        let ask = |label: &str| json!({"label": {"sl": label}, "asks": {"kind": "consent"}, "per": "order", "stage": "purchase"});
        let mut form = json!([ask("Ena"), ask("Dve")]);
        form[1]["when"] = json!([{"question": "#0"}]);
        form[1]["tiers"] = json!([late]);
        put(&t.organiser, &format!("{own}/questions"), &json!({"version": 1, "questions": form})).await.expect(200);
        let policy = json!({
            "refund": {"windows": [], "fees_too": true, "withdrawal_minutes": 0, "moved_minutes": 0},
            "transfer": {"allowed": false, "most": 0, "freeze_minutes": 0},
            "resale": {"allowed": false, "cap_basis_points": null, "fee_basis_points": 0, "freeze_minutes": 0},
        });
        put(&t.organiser, &format!("{own}/policies/*"), &policy).await.expect(200);
        act(&t, &own, "publish").await.expect(200);
        act(&t, &own, "pause").await.expect(200);

        let to = format!("{own}/duplicate");
        // 2040-10-28 is the day on which the clocks go back.
        let body = json!({"starts_at": "2040-10-27T18:00:00Z", "slug": "again", "name": "Again"});
        let copy = t.organiser.post_once(&to, "copy", &body).await.expect(201);
        assert_eq!(t.organiser.post_once(&to, "copy", &body).await.expect(201), copy, "made once");
        let texts = [&copy["name"], &copy["slug"], &copy["state"], &copy["brake"]];
        assert_eq!(texts, ["Again", "again", "draft", "none"]);
        assert_eq!((&copy["version"], &copy["details"]), (&json!(1), &event["details"]));
        let date = |i: usize, field: &str| copy["occurrences"][i][field].as_str().unwrap().to_owned();
        assert_eq!(date(0, "doors_at"), moment("2040-10-27T17:00:00Z"));
        assert_eq!(date(0, "starts_at"), moment("2040-10-27T18:00:00Z"));
        // Eight in the evening on both days.
        assert_eq!(date(1, "starts_at"), moment("2040-11-03T19:00:00Z"));
        assert_eq!(date(1, "ends_at"), moment("2040-11-03T21:00:00Z"));
        let (old, new) = (&event["tiers"], &copy["tiers"]);
        assert_eq!((&new[0]["name"], &new[1]["price_minor"]), (&old[0]["name"], &old[1]["price_minor"]));
        assert_eq!(new[0]["sales_end_at"].as_str().unwrap(), moment("2040-09-25T10:00:00Z"));
        for (old, new) in [(&old[0], &new[0]), (&old[1], &new[1]), (&event["occurrences"][0], &copy["occurrences"][0])] {
            assert_ne!(old["id"], new["id"]);
        }
        let asked = t.organiser.get(&format!("{}/questions", path(&copy))).await.expect(200);
        assert_eq!(asked["questions"][1]["when"][0]["question"], asked["questions"][0]["id"]);
        assert_eq!(asked["questions"][1]["tiers"], json!([new[1]["id"]]));
        let policies = t.organiser.get(&format!("{}/policies", path(&copy))).await.expect(200);
        assert_eq!(policies["items"][0]["transfer"]["allowed"], false);
        // It is an event of its own: it sells, and the model does not hear of it.
        act(&t, &path(&copy), "publish").await.expect(200);
        let wish = json!({"event": copy["id"], "items": [{"tier": new[1]["id"], "quantity": 5}]});
        t.stranger.post("/api/v1/shop/quotes", wish).await.expect(200);
        assert_eq!(t.organiser.get(&own).await.expect(200)["brake"], "paused");

        t.organiser.post(&to, body).await.refused(409, "catalog.slug_taken");
        for (odd, wanted) in [
            (json!({"starts_at": at(&t, 1), "slug": "Not A Slug"}), "slug slug"),
            (json!({"starts_at": at(&t, 1), "name": " "}), "name required"),
        ] {
            assert_eq!(faults(&t.organiser.post(&to, odd).await.refused(422, "invalid")), [wanted]);
        }
        for odd in [json!({}), json!({"starts_at": "tomorrow"}), json!({"starts_at": at(&t, 1), "more": 1})] {
            assert_eq!(t.organiser.post(&to, odd).await.status, 422);
        }
        // As far as times go: refused or made, never a fault.
        for far in ["9999-12-30T00:00:00Z", "0001-01-01T00:00:00Z"] {
            let answer = t.organiser.post(&to, json!({"starts_at": far})).await;
            assert!(answer.status < 500, "{}", answer.text);
        }
        let other = t.other_organiser().await;
        other.post(&to, json!({"starts_at": at(&t, 1)})).await.refused(404, "catalog.not_found");
        t.stop().await;
    }
}
