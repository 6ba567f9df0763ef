//! Venues, through the API.

use std::time::Duration;

use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::identity::{self, NewApiKey, Permission};
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Client, TestApp};

/// A venue as an organiser describes it.
fn hall(name: &str) -> Value {
    json!({
        "language": "sl",
        "name": name,
        "address": {"country": "SI", "street": [" Trg 1 "], "postal_code": "1000", "city": "Ljubljana"},
        "position": {"latitude_e6": 46_050_000, "longitude_e6": 14_500_000},
        "time_zone": "Europe/Ljubljana",
        "access": {"step_free": true, "notes": "Dvigalo je levo."},
        "translations": {"name": {"en": format!("{name} (en)")}},
    })
}

/// What is said to be wrong: fields with their codes.
fn faults(problem: &Value) -> Vec<(&str, &str)> {
    let errors = problem["errors"].as_array().unwrap().iter();
    errors
        .map(|e| (e["field"].as_str().unwrap(), e["code"].as_str().unwrap()))
        .collect()
}

fn path_of(made: &Value) -> String {
    format!("/api/v1/venues/{}", made["id"].as_str().unwrap())
}

/// A key that may see one event only.
pub(crate) async fn key_for(t: &TestApp, event: &str) -> Client {
    let organisation = identity::organisation_by_slug(&t.app, "kino-siska")
        .await
        .unwrap();
    let new = NewApiKey {
        organisation: organisation.id,
        name: "one event".to_owned(),
        scopes: Some(vec![Permission::EventsRead]),
        event: Some(event.parse().unwrap()),
        expires_at: None,
        created_by: "tests".to_owned(),
    };
    let (_, token) = identity::issue_api_key(&t.app, new).await.unwrap();
    t.stranger.with_token(&token)
}

fn draft(venue: &str) -> Value {
    json!({
        "name": "Večer", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue": venue,
        "occurrences": [{"starts_at": "2030-01-01T19:00:00Z", "ends_at": "2030-01-01T22:00:00Z"}],
    })
}

on_both_engines! {
    /// covers: ORG-2, BE-2
    async fn a_venue_is_made_changed_and_deleted(db: TestDb) {
        let t = TestApp::start(db).await;
        let made = t.organiser.post("/api/v1/venues", hall("Dvorana")).await;
        assert!(made.headers["etag"].to_str().unwrap().starts_with("W/\"1."));
        let made = made.expect(201);
        let path = path_of(&made);
        assert_eq!(made["address_lines"], json!(["Trg 1", "1000 Ljubljana"]));
        assert_eq!((&made["language"], &made["name"]), (&json!("sl"), &json!("Dvorana")));
        assert_eq!(made["access"]["notes"], "Dvigalo je levo.");
        assert_eq!(made["translations"], json!({"name": {"en": "Dvorana (en)"}, "access_notes": {}}));
        assert_eq!(t.organiser.get(&path).await.expect(200), made);

        // Languages that a change does not name stay; what is null goes; the code is the country's.
        let change = json!({
            "version": 1, "translations": {"name": {"de": "Saal"}}, "position": null,
            "address": {"country": "SE", "street": ["Gatan 2"], "postal_code": "11122", "city": "Stockholm"},
        });
        let changed = t.organiser.patch(&path, change).await.expect(200);
        assert_eq!(changed["name"], "Dvorana");
        assert_eq!(changed["translations"]["name"], json!({"de": "Saal", "en": "Dvorana (en)"}));
        assert_eq!((&changed["position"], &changed["version"]), (&Value::Null, &json!(2)));
        assert_eq!(changed["address_lines"], json!(["Gatan 2", "111 22 Stockholm"]));
        assert_eq!(changed["time_zone"], "Europe/Ljubljana");

        // Whoever saw the version before writes nothing over.
        t.organiser.patch(&path, json!({"version": 1, "name": "Late"})).await.refused(409, "catalog.version_conflict");
        let late = t.organiser.request(Method::PATCH, &path).header("if-match", "\"1\"").json(&json!({"name": "Late"}));
        t.organiser.send(late).await.refused(412, "precondition_failed");
        let late = t.organiser.request(Method::DELETE, &path).header("if-match", "\"1\"");
        t.organiser.send(late).await.refused(412, "precondition_failed");
        let unsaid = t.organiser.patch(&path, json!({"name": "Hall"})).await.refused(422, "invalid");
        assert_eq!(faults(&unsaid), [("version", "missing")]);
        assert_eq!(t.organiser.get(&path).await.expect(200), changed);

        t.organiser.delete(&path).await.expect(204);
        t.organiser.get(&path).await.refused(404, "catalog.venue_not_found");
        t.organiser.delete(&path).await.refused(404, "catalog.venue_not_found");
        t.stop().await;
    }

    /// covers: ORG-2, I18N-2
    async fn a_venue_has_a_language_of_its_own_and_translations(db: TestDb) {
        let t = TestApp::start(db).await;
        let path = path_of(&t.organiser.post("/api/v1/venues", hall("Dvorana")).await.expect(201));
        let change = |version: i64, change: Value| {
            let mut change = change;
            change["version"] = json!(version);
            t.organiser.patch(&path, change)
        };
        // The texts in the new language become the plain ones, the others translations.
        let notes = json!({"translations": {"access_notes": {"en": "The lift is on the left."}}});
        change(1, notes).await.expect(200);
        let turned = change(2, json!({"language": "en"})).await.expect(200);
        assert_eq!((&turned["language"], &turned["name"]), (&json!("en"), &json!("Dvorana (en)")));
        assert_eq!(turned["access"]["notes"], "The lift is on the left.");
        let others = json!({"name": {"sl": "Dvorana"}, "access_notes": {"sl": "Dvigalo je levo."}});
        assert_eq!(turned["translations"], others);
        assert_eq!(t.organiser.get(&path).await.expect(200), turned);

        // An empty text takes a language away; the last name stays.
        let without = change(3, json!({"translations": {"name": {"sl": ""}}})).await.expect(200);
        assert_eq!(without["translations"]["name"], json!({}));
        for (wrong, fault) in [
            (json!({"language": "sl"}), ("name", "required")),
            (json!({"name": " "}), ("name", "required")),
            (json!({"translations": {"name": {"en": "Hall"}}}), ("translations.name.en", "own_language")),
        ] {
            let problem = change(4, wrong).await.refused(422, "invalid");
            assert_eq!(faults(&problem), [fault]);
        }
        // Unless a venue says otherwise, it speaks as its organisation does.
        let mut plain = hall("Oder");
        plain.as_object_mut().unwrap().remove("language");
        plain.as_object_mut().unwrap().remove("translations");
        let plain = t.organiser.post("/api/v1/venues", plain).await.expect(201);
        assert_eq!((&plain["language"], &plain["name"]), (&json!("en"), &json!("Oder")));
        t.stop().await;
    }

    /// covers: ORG-2, I18N-2
    async fn a_venue_that_was_kept_by_language_is_read_and_changed(db: TestDb) {
        let t = TestApp::start(db).await;
        let made = t.organiser.post("/api/v1/venues", hall("Dvorana")).await.expect(201);
        let id = made["id"].as_str().unwrap().to_owned();
        let before = json!({
            "name": {"sl": "Dvorana", "en": "Hall"},
            "address": {"country": "SI", "street": ["Trg 1"], "postal_code": "1000", "city": "Ljubljana", "region": ""},
            "position": null, "time_zone": "Europe/Ljubljana",
            "access": {"step_free": true, "accessible_toilets": null, "hearing_loop": null, "assistance_dogs": null,
                "accessible_parking": null, "notes": {"sl": "Dvigalo je levo."}},
        });
        let before = before.to_string();
        t.app.db.write(move |c| Box::pin(async move {
            c.exec(sql!("UPDATE venues SET definition = $2, name = 'Hall' WHERE id = $1"), vals![id, before]).await
        })).await.unwrap();

        let read = t.organiser.get(&path_of(&made)).await.expect(200);
        assert_eq!((&read["language"], &read["name"]), (&json!("en"), &json!("Hall")));
        let others = json!({"name": {"sl": "Dvorana"}, "access_notes": {"sl": "Dvigalo je levo."}});
        assert_eq!((&read["access"]["notes"], &read["translations"]), (&json!(""), &others));
        let turned = t.organiser.patch(&path_of(&made), json!({"version": 1, "language": "sl"})).await.expect(200);
        assert_eq!((&turned["name"], &turned["access"]["notes"]), (&json!("Dvorana"), &json!("Dvigalo je levo.")));
        assert_eq!(turned["translations"], json!({"name": {"en": "Hall"}, "access_notes": {}}));
        assert_eq!(t.organiser.get(&path_of(&made)).await.expect(200), turned);
        t.stop().await;
    }

    /// covers: ORG-2, BE-6
    async fn a_wrong_venue_is_refused_by_field(db: TestDb) {
        let t = TestApp::start(db).await;
        let with = |place: &str, value: Value| {
            let mut venue = hall("Dvorana");
            *venue.pointer_mut(place).unwrap() = value;
            venue
        };
        let long = "š".repeat(201);
        for (venue, field, code) in [
            (with("/address/postal_code", json!("10000")), "address.postal_code", "postal_code"),
            (with("/address/city", json!(" ")), "address.city", "required"),
            (with("/address/street", json!([])), "address.street", "required"),
            (with("/address/street", json!(["a", "b", "c", "d"])), "address.street", "too_many"),
            (with("/address/country", json!("US")), "address.region", "required"),
            (with("/address/country", json!("si")), "address.country", "invalid"),
            (with("/position/latitude_e6", json!(90_000_001)), "position", "out_of_range"),
            (with("/position/latitude_e6", json!(46.05)), "position.latitude_e6", "invalid"),
            (with("/time_zone", json!("Mars/Olympus")), "time_zone", "time_zone"),
            (with("/name", json!("")), "name", "required"),
            (with("/name", json!({"sl": "Dvorana"})), "name", "invalid"),
            (with("/name", json!(long)), "name", "too_long"),
            (with("/name", json!("a\u{202e}b")), "name", "control_characters"),
            (with("/language", json!("??")), "language", "invalid"),
            (with("/translations/name", json!({"??": "Hall"})), "translations.name", "invalid"),
            (with("/translations/name/en", json!(long)), "translations.name.en", "too_long"),
            (with("/translations/name", json!({"sl": "Hala"})), "translations.name.sl", "own_language"),
            (with("/access/notes", json!("a\u{0007}")), "access.notes", "control_characters"),
            (with("/access/step_free", json!("yes")), "access.step_free", "invalid"),
            (with("/access", json!({"lift": true})), "access", "unknown"),
        ] {
            let problem = t.organiser.post("/api/v1/venues", venue).await.refused(422, "invalid");
            let said = faults(&problem);
            assert!(said.iter().any(|(f, c)| f.starts_with(field) && *c == code), "{field} {code} is not among {said:?}");
        }
        // All that is wrong is said at once.
        let mut venue = with("/time_zone", json!(""));
        venue["name"] = json!("");
        venue["address"]["city"] = json!("");
        let problem = t.organiser.post("/api/v1/venues", venue).await.refused(422, "invalid");
        let fields: Vec<_> = faults(&problem).into_iter().map(|(field, _)| field).collect();
        for field in ["name", "address.city", "time_zone"] {
            assert!(fields.contains(&field), "{field} is not among {fields:?}");
        }
        assert_eq!(t.organiser.get("/api/v1/venues").await.expect(200)["items"], json!([]));
        t.stop().await;
    }

    /// covers: ORG-2, BE-2
    async fn an_event_names_a_venue_and_shows_what_it_was(db: TestDb) {
        let t = TestApp::start(db).await;
        let venue = t.organiser.post("/api/v1/venues", hall("Dvorana")).await.expect(201);
        let (id, path) = (venue["id"].as_str().unwrap(), path_of(&venue));
        let event = t.organiser.post("/api/v1/events", draft(id)).await.expect(201);
        assert_eq!(event["venue_id"], venue["id"]);
        // In the event's language if the venue has it; what else it has becomes translations.
        assert_eq!(event["venue_name"], "Dvorana (en)");
        assert_eq!(event["details"]["translations"]["venue_name"], json!({"sl": "Dvorana"}));
        assert_eq!(event["venue_address"], "Trg 1, 1000 Ljubljana");
        let event_path = format!("/api/v1/events/{}", event["id"].as_str().unwrap());
        assert_eq!(t.organiser.get(&event_path).await.expect(200)["venue_id"], venue["id"]);

        // The event shows what it showed; it is asked to follow by naming the venue again.
        let change = json!({"version": 1, "translations": {"name": {"en": "Hall"}}});
        t.organiser.patch(&path, change).await.expect(200);
        let read = t.organiser.get(&event_path).await.expect(200);
        assert_eq!((&read["venue_name"], &read["version"]), (&json!("Dvorana (en)"), &json!(1)));
        let followed = t.organiser.patch(&event_path, json!({"version": 1, "venue": id})).await.expect(200);
        assert_eq!((&followed["venue_name"], &followed["version"]), (&json!("Hall"), &json!(2)));

        t.organiser.delete(&path).await.refused(409, "catalog.venue_in_use");
        let other = t.organiser.post("/api/v1/venues", hall("Oder")).await.expect(201);
        let moved = t.organiser.patch(&event_path, json!({"version": 2, "venue": other["id"]})).await.expect(200);
        assert_eq!((&moved["venue_id"], &moved["venue_name"]), (&other["id"], &json!("Oder (en)")));
        assert_eq!(moved["details"]["translations"]["venue_name"], json!({"sl": "Oder"}));
        // A copy is at the same place.
        let copy = t.organiser.post(&format!("{event_path}/duplicate"), json!({"starts_at": "2040-05-01T18:00:00Z"})).await.expect(201);
        let copy_path = format!("/api/v1/events/{}", copy["id"].as_str().unwrap());
        assert_eq!(t.organiser.get(&copy_path).await.expect(200)["venue_id"], other["id"]);
        t.organiser.delete(&copy_path).await.expect(204);
        t.organiser.delete(&path).await.expect(204);
        t.organiser.delete(&event_path).await.expect(204);
        t.organiser.delete(&path_of(&other)).await.expect(204);

        // What is nobody's, or somebody else's, is no venue.
        let theirs = t.other_organiser().await.post("/api/v1/venues", hall("Tuja")).await.expect(201);
        for unknown in [id, theirs["id"].as_str().unwrap()] {
            let problem = t.organiser.post("/api/v1/events", draft(unknown)).await.refused(422, "invalid");
            assert_eq!(faults(&problem), [("venue", "unknown")]);
        }
        let mut nowhere = draft(id);
        nowhere.as_object_mut().unwrap().remove("venue");
        let problem = t.organiser.post("/api/v1/events", nowhere).await.refused(422, "invalid");
        assert_eq!(faults(&problem), [("venue_name", "required")]);
        t.stop().await;
    }

    /// covers: ORG-2, BE-6
    async fn venues_are_listed_by_name_and_by_age(db: TestDb) {
        let t = TestApp::start(db).await;
        for name in ["C", "A", "B", "A"] {
            t.organiser.post("/api/v1/venues", hall(name)).await.expect(201);
            t.clock.advance(Duration::from_millis(5));
        }
        for (sort, wanted) in [("name", ["A", "A", "B", "C"]), ("-created", ["A", "B", "A", "C"])] {
            let (mut seen, mut ids) = (Vec::new(), Vec::new());
            let mut path = format!("/api/v1/venues?limit=1&sort={sort}");
            loop {
                let page = t.organiser.get(&path).await.expect(200);
                for venue in page["items"].as_array().unwrap() {
                    seen.push(venue["name"].as_str().unwrap().to_owned());
                    ids.push(venue["id"].as_str().unwrap().to_owned());
                }
                let Some(next) = page["next"].as_str() else { break };
                path = format!("/api/v1/venues?limit=1&sort={sort}&cursor={next}");
            }
            assert_eq!(seen, wanted, "{sort}");
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), 4, "none twice");
        }
        t.organiser.get("/api/v1/venues?sort=size").await.refused(400, "sort_unknown");
        t.stop().await;
    }

    /// covers: BE-6, AUTH-10
    async fn nobody_sees_the_venues_of_others(db: TestDb) {
        let t = TestApp::start(db).await;
        let venue = t.organiser.post("/api/v1/venues", hall("Dvorana")).await.expect(201);
        let unnamed = t.organiser.post("/api/v1/venues", hall("Oder")).await.expect(201);
        let path = path_of(&venue);
        let event = t.organiser.post("/api/v1/events", draft(venue["id"].as_str().unwrap())).await.expect(201);

        let other = t.other_organiser().await;
        other.get(&path).await.refused(404, "catalog.venue_not_found");
        other.patch(&path, json!({"version": 1, "time_zone": "Europe/Rome"})).await.refused(404, "catalog.venue_not_found");
        other.delete(&path).await.refused(404, "catalog.venue_not_found");
        assert_eq!(other.get("/api/v1/venues").await.expect(200)["items"], json!([]));
        assert_eq!(t.stranger.get(&path).await.status, 401);

        // Whoever may see one event sees its venue, and changes none.
        let one = key_for(&t, event["id"].as_str().unwrap()).await;
        assert_eq!(one.get(&path).await.expect(200), venue);
        one.get(&path_of(&unnamed)).await.refused(404, "catalog.venue_not_found");
        let seen = one.get("/api/v1/venues").await.expect(200);
        assert_eq!(seen["items"], json!([venue]));
        assert_eq!(one.delete(&path).await.status, 403);
        assert_eq!(one.post("/api/v1/venues", hall("Nova")).await.status, 403);
        t.stop().await;
    }

    /// covers: ORG-2, WEB-6
    async fn a_form_asks_for_what_a_country_writes(db: TestDb) {
        let t = TestApp::start(db).await;
        let form = t.stranger.get("/api/v1/address-formats/US").await.expect(200);
        assert_eq!(form["fields"], json!(["street", "city", "region", "postal_code"]));
        assert_eq!(form["required"], json!(["street", "city", "region", "postal_code"]));
        let form = t.stranger.get("/api/v1/address-formats/QA").await.expect(200);
        assert_eq!(form["fields"], json!(["street", "city", "region"]));
        assert_eq!(form["postal_code_example"], Value::Null);
        for odd in ["XX", "si", "SVN", "%F0%9F%8E%AB"] {
            t.stranger.get(&format!("/api/v1/address-formats/{odd}")).await.refused(404, "not_found");
        }
        t.stop().await;
    }
}
