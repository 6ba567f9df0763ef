//! Policies by region, and what organisations say of themselves.

use bilten_kernel::on_both_engines;
use bilten_server::identity::Role;
use serde_json::{Value, json};

use super::{act, faults, made, path, put};
use crate::app::TestApp;

/// A policy under which so much of the price is kept until a day before the start.
fn keeping(basis_points: u32) -> Value {
    json!({
        "refund": {
            "windows": [{"until_minutes_before": 1_440, "keep_basis_points": basis_points, "keep_minor": 0}],
            "fees_too": false, "withdrawal_minutes": 0, "moved_minutes": 20_160,
        },
        "transfer": {"allowed": true, "most": 5, "freeze_minutes": 60},
        "resale": {"allowed": true, "cap_basis_points": 10_000, "fee_basis_points": 0, "freeze_minutes": 1_440},
    })
}

fn with(mut value: Value, place: &str, new: Value) -> Value {
    *value.pointer_mut(place).unwrap() = new;
    value
}

on_both_engines! {
    /// covers: I18N-10, ORG-3
    async fn the_closest_policy_holds_and_that_of_an_event_comes_first(db: TestDb) {
        let t = TestApp::start(db).await;
        let owner = t.member(Role::Owner).await;
        let event = made(&t, &json!({"details": {"country": "SI"}})).await;
        let nowhere = made(&t, &json!({})).await;
        for one in [&event, &nowhere] {
            act(&t, &path(one), "publish").await.expect(200);
        }
        let kept = async |event: &Value| {
            let shop = format!("{}/policy", path(event).replace("/events", "/shop/events"));
            let policy = t.stranger.get(&shop).await.expect(200);
            let keep = policy["refund"]["windows"][0]["keep_basis_points"].as_i64().unwrap();
            (policy["region"].as_str().unwrap().to_owned(), keep)
        };
        // What the program says if nobody else does.
        assert_eq!(kept(&event).await, ("*".to_owned(), 0));
        for (region, keep) in [("*", 1_000), ("EU", 2_000), ("SI", 3_000), ("AT", 4_000)] {
            put(&owner, &format!("/api/v1/policies/{region}"), &keeping(keep)).await.expect(200);
        }
        assert_eq!(kept(&event).await, ("SI".to_owned(), 3_000));
        // Where no country is known, only what holds everywhere does.
        assert_eq!(kept(&nowhere).await, ("*".to_owned(), 1_000));
        let own = format!("{}/policies", path(&event));
        put(&t.organiser, &format!("{own}/EU"), &keeping(5_000)).await.expect(200);
        assert_eq!(kept(&event).await, ("EU".to_owned(), 5_000));
        // A policy of an event that does not hold at its venue leaves the organisation's in force.
        t.organiser.delete(&format!("{own}/EU")).await.expect(204);
        put(&t.organiser, &format!("{own}/US"), &keeping(6_000)).await.expect(200);
        assert_eq!(kept(&event).await, ("SI".to_owned(), 3_000));
        owner.delete("/api/v1/policies/SI").await.expect(204);
        assert_eq!(kept(&event).await, ("EU".to_owned(), 2_000));
        owner.delete("/api/v1/policies/SI").await.refused(404, "catalog.not_found");
        t.stop().await;
    }

    /// covers: BE-2, BE-6, I18N-10
    async fn policies_are_changed_from_a_known_version_and_within_the_law(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = made(&t, &json!({})).await;
        let own = format!("{}/policies/IE", path(&event));
        t.organiser.get(&own).await.refused(404, "catalog.not_found");
        let first = put(&t.organiser, &own, &keeping(0)).await.expect(200);
        assert_eq!((&first["version"], &first["region"]), (&json!(1), &json!("IE")));
        // Over what is there, one says what one has seen.
        let unseen = put(&t.organiser, &own, &keeping(1)).await.refused(422, "invalid");
        assert_eq!(faults(&unseen), ["version missing"]);
        let mut second = keeping(1);
        second["version"] = json!(1);
        assert_eq!(put(&t.organiser, &own, &second).await.expect(200)["version"], 2);
        put(&t.organiser, &own, &second).await.refused(409, "catalog.version_conflict");
        let request = t.organiser.request(reqwest::Method::PUT, &own).header("if-match", "\"1\"").json(&keeping(2));
        t.organiser.send(request).await.refused(412, "precondition_failed");
        let request = t.organiser.request(reqwest::Method::DELETE, &own).header("if-match", "\"1\"");
        t.organiser.send(request).await.refused(412, "precondition_failed");
        assert_eq!(t.organiser.get(&own).await.expect(200)["refund"], keeping(1)["refund"]);

        let cap = "/resale/cap_basis_points";
        for (place, new, wanted) in [
            (cap, json!(10_001), "resale.cap_basis_points out_of_range"),
            (cap, Value::Null, "resale.cap_basis_points out_of_range"),
            ("/resale/fee_basis_points", json!(5_001), "resale.fee_basis_points out_of_range"),
            ("/refund/windows/0/keep_basis_points", json!(10_001), "refund.windows[0].keep_basis_points out_of_range"),
            ("/refund/moved_minutes", json!(99_999_999), "refund.moved_minutes out_of_range"),
        ] {
            let mut body = with(keeping(0), place, new);
            body["version"] = json!(2);
            let problem = put(&t.organiser, &own, &body).await.refused(422, "invalid");
            assert_eq!(faults(&problem), [wanted]);
        }
        for odd in [json!({}), with(keeping(0), cap, json!(-1)), with(keeping(0), "/transfer/most", json!(1.5)),
            with(keeping(0), "/refund/windows", json!(7)), with(keeping(0), "/resale", json!(null))] {
            let answer = put(&t.organiser, &own, &odd).await;
            assert_eq!(answer.status, 422, "{odd}: {}", answer.text);
        }
        for nowhere in ["ZZ", "si", "EUR", "**", "1"] {
            let answer = put(&t.organiser, &format!("{}/policies/{nowhere}", path(&event)), &keeping(0)).await;
            assert_eq!(answer.status, 404, "{nowhere}: {}", answer.text);
        }

        for region in ["SI", "EU", "*"] {
            let to = format!("{}/policies/{region}", path(&event));
            put(&t.organiser, &to, &keeping(0)).await.expect(200);
        }
        let (mut seen, mut next) = (Vec::new(), String::new());
        loop {
            let page = t.organiser.get(&format!("{}/policies?limit=1{next}", path(&event))).await.expect(200);
            seen.extend(page["items"].as_array().unwrap().iter().map(|one| one["region"].clone()));
            let Some(cursor) = page["next"].as_str() else { break };
            next = format!("&cursor={cursor}");
        }
        assert_eq!(seen.len(), 4, "{seen:?}");

        let other = t.other_organiser().await;
        other.get(&own).await.refused(404, "catalog.not_found");
        other.delete(&own).await.refused(404, "catalog.not_found");
        put(&other, &own, &keeping(0)).await.refused(404, "catalog.not_found");
        // What holds for a whole organisation is for its people to say.
        put(&t.organiser, "/api/v1/policies/SI", &keeping(0)).await.refused(403, "identity.permission_missing");
        t.stop().await;
    }

    /// covers: ORG-2
    async fn an_organisation_says_what_it_is_in_colours_that_can_be_read(db: TestDb) {
        let t = TestApp::start(db).await;
        let owner = t.member(Role::Owner).await;
        let (own, shop) = ("/api/v1/organisation/profile", "/api/v1/shop/organisations/kino-siska/profile");
        let empty = owner.get(own).await.expect(200);
        assert_eq!((&empty["version"], &empty["brand"]), (&json!(0), &Value::Null));
        let said = json!({
            "profile": {"language": "sl", "about": {"sl": "Kino in oder."}, "contact_email": "info@example.com",
                "contact_phone": "+386 1 500 30 00", "links": ["https://example.com"]},
            "brand": {"background": "#FFFFFF", "text": "#222222", "primary": "#0055aa"},
        });
        let first = put(&owner, own, &said).await.expect(200);
        assert_eq!((&first["version"], &first["brand"]["background"]), (&json!(1), &json!("#ffffff")));
        let shown = t.stranger.get(shop).await.expect(200);
        assert_eq!((&shown["profile"], &shown["brand"], &shown["slug"]), (&first["profile"], &first["brand"], &json!("kino-siska")));
        // So does its page, in the language of who reads it.
        let page = t.stranger.get("/o/kino-siska?lang=de").await;
        for part in ["<div class=\"about\" lang=\"sl\" dir=\"ltr\">", "Kino in oder.", "mailto:info@example.com", "/o/kino-siska/colours.css?v=1"] {
            assert!(page.status == 200 && page.text.contains(part), "no {part} in {}", page.text);
        }
        let colours = t.stranger.get("/o/kino-siska/colours.css").await;
        assert_eq!((colours.status, &colours.headers["content-type"]), (200, &reqwest::header::HeaderValue::from_static("text/css; charset=utf-8")));
        assert!(colours.text.contains("--paper: #ffffff;") && colours.text.contains("--accent: #0055aa;"), "{}", colours.text);
        for nobody in ["/o/nobody", "/o/nobody/colours.css", "/o/%F0%9F%8E%AB"] {
            assert_eq!(t.stranger.get(nobody).await.status, 404, "{nobody}");
        }
        // New events are in its language.
        assert_eq!(made(&t, &json!({})).await["details"]["language"], "sl");

        let unseen = put(&owner, own, &said).await.refused(422, "invalid");
        assert_eq!(faults(&unseen), ["version missing"]);
        let versioned = |change: &dyn Fn(&mut Value)| {
            let mut body = said.clone();
            body["version"] = json!(1);
            change(&mut body);
            body
        };
        for (body, wanted) in [
            (versioned(&|b| b["brand"]["text"] = json!("#999999")), "brand.text contrast"),
            (versioned(&|b| b["brand"]["primary"] = json!("#ffee00")), "brand.primary contrast"),
            (versioned(&|b| b["profile"]["contact_email"] = json!("nobody")), "profile.contact_email email"),
            (versioned(&|b| b["profile"]["links"] = json!(["http://localhost"])), "profile.links[0] link"),
            (versioned(&|b| b["profile"]["about"] = json!({"sl": "x".repeat(10_001)})), "profile.about.sl too_long"),
        ] {
            let problem = put(&owner, own, &body).await.refused(422, "invalid");
            assert_eq!(faults(&problem), [wanted]);
        }
        let picture = versioned(&|b| {
            b["brand"]["logo"] = json!("fil_01m827tppbfdtr9hv9xvxht0nk");
            b["brand"]["logo_text"] = json!({"sl": "Znak"});
        });
        assert_eq!(faults(&put(&owner, own, &picture).await.refused(422, "invalid")), ["brand.logo unknown"]);
        for odd in [json!({}), json!({"profile": 7}), json!({"profile": {}, "brand": {"background": "red"}}), json!({"profile": {"more": 1}})] {
            let answer = put(&owner, own, &odd).await;
            assert_eq!(answer.status, 422, "{odd}: {}", answer.text);
        }
        let second = put(&owner, own, &versioned(&|b| b["brand"] = Value::Null)).await.expect(200);
        assert_eq!((&second["version"], &second["brand"]), (&json!(2), &Value::Null));
        put(&owner, own, &versioned(&|_| {})).await.refused(409, "catalog.version_conflict");
        t.stranger.get("/api/v1/shop/organisations/nobody/profile").await.refused(404, "identity.not_found");
        t.stop().await;
    }
}
