//! Single codes, as organisers manage them.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity::Role;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{PATH, check, confirm, give_back, make, now, of, reserve, tenth, text, with};
use crate::app::{Client, TestApp};

/// The ids of all codes that a list shows, page by page.
async fn listed(organiser: &Client, query: &str) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let path = format!("{PATH}?limit=2{query}{next}");
        let page = organiser.get(&path).await.expect(200);
        let items = page["items"].as_array().unwrap();
        found.extend(items.iter().map(|code| text(code, "id").to_owned()));
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return found,
        }
    }
}

async fn change(organiser: &Client, code: &Value, seen: &str, body: &Value) -> crate::app::Answer {
    let path = format!("{PATH}/{}", text(code, "id"));
    let request = organiser.request(Method::PATCH, &path).json(body);
    let request = if seen.is_empty() {
        request
    } else {
        request.header("if-match", seen)
    };
    organiser.send(request).await
}

on_both_engines! {
    /// covers: MKT-2, PAY-5
    async fn a_code_is_made_found_and_archived(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let everywhere = make(&t.organiser, " Summer 2026 ", None, tenth()).await;
        assert_eq!((&everywhere["code"], &everywhere["form"]), (&json!("Summer 2026"), &json!("SUMMER2026")));
        assert_eq!((&everywhere["uses"], &everywhere["version"], &everywhere["event_id"]), (&json!(0), &json!(1), &Value::Null));
        // Lists are in the order of milliseconds.
        t.clock.advance(Duration::from_millis(2));
        let here = make(&t.organiser, "Rock", Some(&event.id), with(tenth(), json!({"max_uses": 5, "budget_minor": 10_000}))).await;
        assert_eq!(here["rule"]["currency"], "EUR", "amounts are in the currency of the event");
        assert_eq!(here["event_id"], event.id.as_str());
        assert_eq!(now(&t.organiser, &here).await, here);

        // Whatever reads like it is the same code, also for another event.
        for alike in ["R0CK", "rock", "RОСК", "ro-ck", "röck"] {
            let body = json!({"code": alike, "rule": tenth()});
            t.organiser.post(PATH, body).await.refused(409, "sales.code_taken");
            let found = t.organiser.get(&format!("{PATH}?code={alike}")).await.expect(200);
            assert_eq!(found["items"][0]["id"], here["id"], "{alike}");
        }
        t.clock.advance(Duration::from_millis(2));
        let third = make(&t.organiser, "third", None, tenth()).await;
        let ids = |codes: &[&Value]| -> Vec<String> { codes.iter().map(|code| text(code, "id").to_owned()).collect() };
        assert_eq!(listed(&t.organiser, "").await, ids(&[&third, &here, &everywhere]));
        assert_eq!(listed(&t.organiser, &format!("&event={}", event.id)).await, ids(&[&here]));
        assert!(listed(&t.organiser, "&code=nothing").await.is_empty());
        assert!(listed(&t.organiser, "&code=50%25").await.is_empty(), "what can be no code is none");

        assert_eq!(check(&t, &event.id, "rOcK").await["is_usable"], true);
        let path = format!("{PATH}/{}", text(&here, "id"));
        for _ in 0..2 {
            t.organiser.delete(&path).await.expect(204);
        }
        assert!(now(&t.organiser, &here).await["archived_at"].is_string());
        assert_eq!(check(&t, &event.id, "rOcK").await["is_usable"], false);
        assert_eq!(listed(&t.organiser, "").await, ids(&[&third, &everywhere]));
        assert_eq!(listed(&t.organiser, "&archived=true").await, ids(&[&third, &here, &everywhere]));
        let body = json!({"code": "ROCK", "rule": tenth()});
        t.organiser.post(PATH, body).await.refused(409, "sales.code_taken");
        change(&t.organiser, &here, "", &json!({"version": 2, "name": "Again"})).await.refused(409, "sales.code_archived");
        t.stop().await;
    }

    /// covers: MKT-2, GW-4
    async fn a_code_is_changed_as_it_was_seen_or_not_at_all(db: TestDb) {
        let t = TestApp::start(db).await;
        let code = make(&t.organiser, "Rock", None, with(tenth(), json!({"max_uses": 5}))).await;
        let missing = change(&t.organiser, &code, "", &json!({"name": "No"})).await.refused(422, "invalid");
        assert_eq!(missing["errors"][0]["field"], "version");
        let body = json!({"version": 1, "rule": with(tenth(), json!({"max_uses": 3, "combines": true}))});
        let changed = change(&t.organiser, &code, "", &body).await.expect(200);
        assert_eq!((&changed["version"], &changed["rule"]["combines"], &changed["name"]), (&json!(2), &json!(true), &json!("R0CK")));
        change(&t.organiser, &code, "", &json!({"version": 1, "name": "Late"})).await.refused(409, "sales.code_version_conflict");
        change(&t.organiser, &code, "\"1\"", &json!({"name": "Late"})).await.refused(412, "precondition_failed");

        let tag = t.organiser.get(&format!("{PATH}/{}", text(&code, "id"))).await.headers["etag"].to_str().unwrap().to_owned();
        let names: Vec<_> = (0..8).map(|turn| json!({"name": format!("Name {turn}")})).collect();
        let tries = names.iter().map(|body| change(&t.organiser, &code, &tag, body));
        let (won, lost): (Vec<_>, Vec<_>) = join_all(tries).await.into_iter().partition(|answer| answer.status == 200);
        assert_eq!((won.len(), lost.len()), (1, 7), "{lost:?}");
        for answer in lost {
            answer.refused(412, "precondition_failed");
        }

        // No limit goes below what was used; what is left out of a rule is not limited any more.
        for holder in ["a", "b"] {
            reserve(&t, holder, vec![of(&code, 500)], None).await.unwrap();
        }
        let fewer = json!({"rule": with(tenth(), json!({"max_uses": 1}))});
        change(&t.organiser, &code, "\"3\"", &fewer).await.refused(409, "sales.code_below_used");
        let cheaper = json!({"rule": with(tenth(), json!({"budget_minor": 999, "currency": "EUR"}))});
        change(&t.organiser, &code, "\"3\"", &cheaper).await.refused(409, "sales.code_below_used");
        give_back(&t, "b").await;
        let changed = change(&t.organiser, &code, "\"3\"", &fewer).await.expect(200);
        assert_eq!((&changed["uses"], &changed["spent_minor"], &changed["version"]), (&json!(1), &json!(500), &json!(4)));
        let changed = change(&t.organiser, &code, "\"4\"", &json!({"rule": tenth()})).await.expect(200);
        assert_eq!(changed["rule"]["max_uses"], Value::Null);
        t.organiser.delete(&format!("{PATH}/{}", text(&code, "id"))).await.expect(204);
        t.stop().await;
    }

    /// covers: MKT-2, BE-6
    async fn bad_codes_are_refused_by_field(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let other = t.event(&[("Standing", 2500, 10)]).await;
        let rule = |more: Value| with(tenth(), more);
        let fixed = |minor: i64| json!({"effect": {"kind": "fixed", "minor": minor, "per": "unit"}, "currency": "EUR"});
        for (code, event, rule, field) in [
            ("", None, tenth(), "code"),
            (" - ", None, tenth(), "code"),
            ("50%", None, tenth(), "code"),
            ("a\u{0}b", None, tenth(), "code"),
            ("🎉", None, tenth(), "code"),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", None, tenth(), "code"),
            ("x", Some("evt_01m827tppbfdtr9hv9xvxht0nk"), tenth(), "event"),
            ("x", None, json!({"effect": {"kind": "percentage", "rate": 0}}), "rule.effect.rate"),
            ("x", None, json!({"effect": {"kind": "percentage", "rate": 1_000_001}}), "rule.effect.rate"),
            ("x", None, fixed(-1), "rule.effect.minor"),
            ("x", None, fixed(i64::MAX), "rule.effect.minor"),
            ("x", None, json!({"effect": {"kind": "fixed", "minor": 100, "per": "unit"}}), "rule.currency"),
            ("x", Some(event.id.as_str()), with(fixed(100), json!({"currency": "USD"})), "rule.currency"),
            ("x", None, json!({"effect": {"kind": "access"}}), "rule.effect"),
            ("x", None, json!({"effect": {"kind": "access", "items": [event.tiers[0]]}}), "rule.effect.items"),
            ("x", Some(event.id.as_str()), json!({"effect": {"kind": "access", "items": [other.tiers[0]]}}), "rule.effect.items[0]"),
            ("x", Some(event.id.as_str()), rule(json!({"items": [event.tiers[0], "tir_x"]})), "rule.items[1]"),
            ("x", Some(event.id.as_str()), rule(json!({"occurrences": ["occ_x"]})), "rule.occurrences[0]"),
            ("x", None, rule(json!({"max_uses": 0})), "rule.max_uses"),
            ("x", None, rule(json!({"budget_minor": -5, "currency": "EUR"})), "rule.budget_minor"),
            ("x", None, rule(json!({"audiences": ["a\nb"]})), "rule.audiences[0]"),
            ("x", None, rule(json!({"from_at": "2030-01-01T00:00:00Z", "until_at": "2030-01-01T00:00:00Z"})), "rule.until_at"),
            ("x", None, rule(json!({"max_uses": -1})), "rule.max_uses"),
            ("x", None, rule(json!({"min_subtotal_minor": 1.5})), "rule.min_subtotal_minor"),
            ("x", None, rule(json!({"surprise": true})), "rule.surprise"),
            ("x", None, json!({}), "rule.effect"),
        ] {
            let mut body = json!({"code": code, "rule": rule});
            if let Some(event) = event {
                body["event"] = json!(event);
            }
            let refused = t.organiser.post(PATH, body).await.refused(422, "invalid");
            let fields: Vec<_> = refused["errors"].as_array().unwrap().iter().map(|fault| text(fault, "field")).collect();
            assert_eq!(fields, [field], "{refused}");
        }
        assert!(listed(&t.organiser, "").await.is_empty(), "nothing was made");
        t.stop().await;
    }

    /// covers: MKT-2, BE-1, AUTH-10
    async fn codes_are_their_organisations(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let code = make(&t.organiser, "Rock", None, tenth()).await;
        let other = t.other_organiser().await;
        let theirs = t.event_of(&other, &[("Standing", 2500, 10)]).await;
        let path = format!("{PATH}/{}", text(&code, "id"));
        other.get(&path).await.refused(404, "sales.code_not_found");
        other.get(&format!("{path}/statistics")).await.refused(404, "sales.code_not_found");
        other.delete(&path).await.refused(404, "sales.code_not_found");
        change(&other, &code, "\"1\"", &json!({"name": "Mine"})).await.refused(404, "sales.code_not_found");
        assert!(listed(&other, "").await.is_empty() && listed(&other, "&code=rock").await.is_empty());
        assert_eq!(check(&t, &theirs.id, "rock").await["is_usable"], false);
        let body = json!({"code": "Mine", "event": event.id, "rule": tenth()});
        other.post(PATH, body).await.refused(422, "invalid");
        // The same text is another code there.
        let same = make(&other, "rock", None, tenth()).await;
        assert_ne!(same["id"], code["id"]);
        assert_eq!(check(&t, &theirs.id, "rock").await["is_usable"], true);

        let viewer = t.member(Role::Viewer).await;
        viewer.get(PATH).await.refused(403, "identity.permission_missing");
        let finance = t.member(Role::Finance).await;
        assert_eq!(finance.get(&path).await.expect(200)["id"], code["id"]);
        finance.delete(&path).await.refused(403, "identity.permission_missing");
        let marketing = t.member(Role::Marketing).await;
        make(&marketing, "Jazz", Some(&event.id), tenth()).await;
        t.stop().await;
    }

    /// covers: MKT-2, PAY-5
    async fn statistics_say_what_a_code_was_used_for(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let code = make(&t.organiser, "Rock", None, tenth()).await;
        let paid = t.stranger.buy(&event, 0, 2, "succeed", "paid").await.expect(201);
        let pending = t.stranger.buy(&event, 0, 1, "time_out", "pending").await.expect(201);
        let (paid, pending) = (text(&paid["order"], "id"), text(&pending["order"], "id"));
        for (holder, minor) in [(paid, 500), (pending, 250), ("a hold", 250), ("given back", 250)] {
            reserve(&t, holder, vec![of(&code, minor)], None).await.unwrap();
        }
        confirm(&t, paid).await;
        give_back(&t, "given back").await;
        let path = format!("{PATH}/{}/statistics", text(&code, "id"));
        let found = t.organiser.get(&path).await.expect(200);
        assert_eq!(found, json!({
            "confirmed": 1, "reserved": 2, "returned": 1,
            "by_event": [{
                "event_id": event.id, "currency": "EUR", "orders": 2, "confirmed": 1, "units": 2,
                "spent_minor": 750, "revenue_minor": 5000,
            }],
        }));
        let code = now(&t.organiser, &code).await;
        assert_eq!((&code["uses"], &code["spent_minor"]), (&json!(3), &json!(1000)));
        t.stop().await;
    }

    /// covers: MKT-2
    async fn codes_of_a_draft_go_with_it(db: TestDb) {
        let t = TestApp::start(db).await;
        let draft = json!({
            "name": "Draft", "time_zone": "UTC", "currency": "EUR", "venue_name": "Kino",
            "occurrences": [{"starts_at": "2040-01-01T20:00:00Z", "ends_at": "2040-01-01T22:00:00Z"}],
        });
        let draft = t.organiser.post("/api/v1/events", draft).await.expect(201);
        let code = make(&t.organiser, "Rock", Some(text(&draft, "id")), tenth()).await;
        let kept = make(&t.organiser, "Jazz", None, tenth()).await;
        let batch = json!({"name": "Flyers", "event": draft["id"], "size": 3, "rule": tenth()});
        t.organiser.post(&format!("{PATH}/batches"), batch).await.expect(201);
        reserve(&t, "a", vec![of(&code, 100), of(&kept, 100)], Some([1; 32])).await.unwrap();
        t.organiser.delete(&format!("/api/v1/events/{}", text(&draft, "id"))).await.expect(204);
        t.organiser.get(&format!("{PATH}/{}", text(&code, "id"))).await.refused(404, "sales.code_not_found");
        assert_eq!(now(&t.organiser, &kept).await["uses"], 1);
        assert_eq!(t.organiser.get(&format!("{PATH}/batches")).await.expect(200)["items"], json!([]));
        t.stop().await;
    }
}
