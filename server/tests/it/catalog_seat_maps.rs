//! Seat maps, through the API.

use std::time::Duration;

use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::catalog::seating::templates;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Event, TestApp};
use crate::catalog_venues::key_for;

pub(crate) const MAPS: &str = "/api/v1/seat-maps";

pub(crate) fn path_of(made: &Value) -> String {
    format!("{MAPS}/{}", made["id"].as_str().unwrap())
}

/// A hall of two blocks of two rows of five seats, whose ids are block, row and seat.
pub(crate) fn hall() -> Value {
    serde_json::to_value(templates::arena(2, 2, 5).unwrap()).unwrap()
}

/// The hall without the last seat of the first row.
pub(crate) fn without_a_seat() -> Value {
    let mut map = hall();
    let seats = map["sections"][0]["rows"][0]["seats"]
        .as_array_mut()
        .unwrap();
    assert_eq!(seats.pop().unwrap()["id"], "1-1-5");
    map
}

/// What is said to be wrong: fields with their codes.
pub(crate) fn faults(problem: &Value) -> Vec<(&str, &str)> {
    let errors = problem["errors"].as_array().unwrap().iter();
    errors
        .map(|e| (e["field"].as_str().unwrap(), e["code"].as_str().unwrap()))
        .collect()
}

/// Lets the date of an event use a map; gives the date.
pub(crate) async fn seated(t: &TestApp, event: &Event, map: &Value) -> String {
    let path = format!("/api/v1/events/{}", event.id);
    let read = t.organiser.get(&path).await.expect(200);
    let date = read["occurrences"][0]["id"].as_str().unwrap().to_owned();
    let (of, map, version) = (
        date.clone(),
        map["id"].as_str().unwrap().to_owned(),
        map["version"].as_i64().unwrap(),
    );
    let written = t.app.db.write(move |c| {
        Box::pin(async move {
            c.exec(
                sql!(
                    "UPDATE occurrences SET seat_map_id = $2, seat_map_version = $3 WHERE id = $1"
                ),
                vals![of, map, version],
            )
            .await
        })
    });
    written.await.unwrap();
    // What was on offer is remembered for ten seconds, if the event has no new version.
    t.clock.advance(Duration::from_secs(11));
    date
}

on_both_engines! {
    /// covers: ORG-2
    async fn a_house_of_5000_seats_is_made_and_read_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let listed = t.organiser.get("/api/v1/seat-map-templates").await.expect(200);
        let listed: Vec<_> = listed["items"].as_array().unwrap().iter().map(|one| (one["template"].as_str().unwrap(), one["seats"].as_i64().unwrap())).collect();
        assert_eq!(listed, [("theatre", 446), ("arena", 5_000), ("club", 72)]);

        let input = json!({"template": {"template": "arena"}, "name": "Hala Tivoli"});
        let made = t.organiser.post(MAPS, input).await.expect(201);
        assert_eq!((&made["seats"], &made["standing"], &made["version"]), (&json!(5_000), &json!(0), &json!(1)));
        let path = path_of(&made);
        let read = t.organiser.get(&path).await.expect(200);
        assert_eq!((&read["name"], &read["map"]["name"]), (&json!("Hala Tivoli"), &json!("Hala Tivoli")));
        let mut wanted = serde_json::to_value(templates::arena(20, 10, 25).unwrap()).unwrap();
        wanted["name"] = json!("Hala Tivoli");
        assert_eq!(read["map"], wanted);

        // All its seats are in the list, once.
        let (mut seen, mut at) = (Vec::new(), format!("{path}/seats?limit=60"));
        loop {
            let page = t.organiser.get(&at).await.expect(200);
            for item in page["items"].as_array().unwrap() {
                let seats = item["row"]["seats"].as_array().unwrap();
                seen.extend(seats.iter().map(|seat| seat["id"].as_str().unwrap().to_owned()));
            }
            let Some(next) = page["next"].as_str() else { break };
            at = format!("{path}/seats?limit=60&cursor={next}");
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 5_000);
        let one = t.organiser.get(&format!("{path}/seats?section=k7")).await.expect(200);
        assert_eq!(one["items"].as_array().unwrap().len(), 10);
        assert_eq!((&one["items"][0]["section_label"], &one["items"][0]["row"]["seats"][3]["label"]), (&json!("Block 7"), &json!("4")));
        t.organiser.get(&format!("{path}/seats?section=attic")).await.refused(404, "catalog.section_not_found");
        let far = t.organiser.get(&format!("{path}/seats?cursor=WzEsMTg0NDY3NDQwNzM3MDk1NTE2MTVd")).await.expect(200);
        assert_eq!(far["items"], json!([]));
        t.stop().await;
    }

    /// covers: ORG-2, BE-6
    async fn a_large_map_is_taken_and_what_is_too_large_is_not(db: TestDb) {
        let t = TestApp::start(db).await;
        let map = templates::arena(80, 20, 25).unwrap();
        let body = json!({"map": map});
        let size = body.to_string().len();
        assert!(size > 1_100_000, "{size} bytes are no large body");
        let made = t.organiser.post(MAPS, body.clone()).await.expect(201);
        assert_eq!(made["seats"], 40_000);
        let again = t.organiser.post_once(MAPS, "once", &body).await.expect(201);
        assert_eq!(t.organiser.post_once(MAPS, "once", &body).await.expect(201), again);
        let read = t.organiser.get(&path_of(&made)).await.expect(200);
        assert_eq!(read["map"], body["map"]);

        let endless = json!({"name": "x".repeat(16 * 1024 * 1024 + 50_000), "template": {"template": "club"}});
        t.organiser.post(MAPS, endless).await.refused(413, "body_too_large");
        // Other routes take what they took.
        let long = json!({"name": "x".repeat(1_100_000)});
        t.organiser.post("/api/v1/events", long).await.refused(413, "body_too_large");
        t.stop().await;
    }

    /// covers: ORG-2, BE-6
    async fn a_bad_map_is_refused_by_field(db: TestDb) {
        let t = TestApp::start(db).await;
        let theatre = serde_json::to_value(templates::theatre().unwrap()).unwrap();
        let seat = "/sections/0/rows/0/seats/1";
        let odd: [(&str, Value, &str, &str); 17] = [
            ("/format", json!(2), "map.format", "format"),
            ("/format", json!(-1), "map.format", "invalid"),
            ("/name", json!(""), "map.name", "required"),
            ("/width", json!(2_000_000_000), "map.width", "out_of_range"),
            ("/width", json!(3_000_000_000_u64), "map.width", "invalid"),
            ("/width", json!(600.5), "map.width", "invalid"),
            ("/sections", json!([]), "map.sections", "empty"),
            ("/sections/0/rows/0/category", json!("z"), "map.sections[0].rows[0].category", "unknown_category"),
            ("/sections/0/rows/0/seats/1/id", json!("s1-1"), "map.sections[0].rows[0].seats[1].id", "duplicate_id"),
            ("/sections/0/rows/0/seats/1/id", json!("S1 1"), "map.sections[0].rows[0].seats[1].id", "invalid"),
            ("/sections/0/rows/0/seats/1/x", json!(79), "map.sections[0].rows[0].seats[1].x", "overlap"),
            ("/sections/0/rows/0/seats/1/y", json!(i32::MAX), "map.sections[0].rows[0].seats[1].x", "outside"),
            ("/sections/0/rows/0/seats/1", json!({"id": "a", "x": 1, "y": 1, "price_minor": 100}), "map.sections[0].rows[0].seats[1]", "unknown"),
            ("/sections/0/rows/0/seats/1", json!({"id": "a", "x": 1}), "map.sections[0].rows[0].seats[1].y", "missing"),
            ("/sections/0/rows/13/seats/1/companion_of", json!("b1-1"), "map.sections[0].rows[13].seats[1].companion_of", "unknown_seat"),
            ("/objects/0/outline", json!([{"x": 1, "y": 1}]), "map.objects[0].outline", "outline"),
            ("/categories", json!(null), "map.categories", "invalid"),
        ];
        assert!(theatre.pointer(seat).is_some());
        for (place, value, field, code) in odd {
            let mut map = theatre.clone();
            *map.pointer_mut(place).unwrap() = value;
            let problem = t.organiser.post(MAPS, json!({"map": map})).await.refused(422, "invalid");
            let said = faults(&problem);
            assert!(said.iter().any(|(f, c)| f.starts_with(field) && *c == code), "{field} {code} is not among {said:?}");
        }
        for (input, field, code) in [
            (json!({}), "map", "one_of_two"),
            (json!({"map": theatre, "template": {"template": "club"}}), "map", "one_of_two"),
            (json!({"template": {"template": "stadium"}}), "template.template", "invalid"),
            (json!({"template": {"template": "club", "rows": 3}}), "template.rows", "not_sizable"),
            (json!({"template": {"template": "arena", "rows": 61}}), "template.rows", "out_of_range"),
            (json!({"template": {"template": "arena", "sections": 0}}), "template.sections", "out_of_range"),
            (json!({"template": {"template": "club"}, "name": " "}), "name", "text"),
            (json!({"template": {"template": "club"}, "venue": "ven_01kdvm6x00fazbzzr4pc4snbka"}), "venue", "unknown"),
        ] {
            let problem = t.organiser.post(MAPS, input).await.refused(422, "invalid");
            assert_eq!(faults(&problem), [(field, code)]);
        }
        // A map with a fault at every seat is told of a hundred, and one that is deep of none.
        let mut map = theatre.clone();
        for seat in map["sections"][0]["rows"][2]["seats"].as_array_mut().unwrap() {
            seat["x"] = json!(-1);
        }
        for row in map["sections"][1]["rows"].as_array_mut().unwrap() {
            for seat in row["seats"].as_array_mut().unwrap() {
                seat["category"] = json!("z");
            }
        }
        let problem = t.organiser.post(MAPS, json!({"map": map})).await.refused(422, "invalid");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 100);
        let deep = format!("{{\"map\":{}", "{\"sections\":[".repeat(50_000));
        let request = t.organiser.request(Method::POST, MAPS).header("content-type", "application/json").body(deep);
        assert!(matches!(t.organiser.send(request).await.status, 400 | 422));
        assert_eq!(t.organiser.get(MAPS).await.expect(200)["items"], json!([]));
        t.stop().await;
    }

    /// covers: ORG-2, BE-2
    async fn versions_stay_as_they_were(db: TestDb) {
        let t = TestApp::start(db).await;
        let made = t.organiser.post(MAPS, json!({"map": hall()})).await.expect(201);
        let path = path_of(&made);
        let save = async |version: i64, map: Value| {
            let request = t.organiser.request(Method::PUT, &path).json(&json!({"version": version, "map": map}));
            t.organiser.send(request).await
        };
        let saved = save(1, without_a_seat()).await.expect(200);
        assert_eq!((&saved["version"], &saved["seats"]), (&json!(2), &json!(19)));
        // What changes nothing is no version.
        assert_eq!(save(2, without_a_seat()).await.expect(200), saved);
        // Two managers: who comes second is told so, whichever way they say what they saw.
        save(1, hall()).await.refused(409, "catalog.version_conflict");
        let late = t.organiser.request(Method::PUT, &path).header("if-match", "\"1\"").json(&json!({"map": hall()}));
        t.organiser.send(late).await.refused(412, "precondition_failed");
        let unsaid = t.organiser.request(Method::PUT, &path).json(&json!({"map": hall()}));
        assert_eq!(faults(&t.organiser.send(unsaid).await.refused(422, "invalid")), [("version", "missing")]);
        let mut others = hall();
        others["name"] = json!("Another");
        let both = futures_util::future::join(save(2, hall()), save(2, others)).await;
        let mut statuses = [both.0.status, both.1.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);

        assert_eq!(t.organiser.get(&path).await.expect(200)["version"], 3);
        let first = t.organiser.get(&format!("{path}?version=1")).await.expect(200);
        assert_eq!((&first["map"], &first["seats"]), (&hall(), &json!(20)));
        let second = t.organiser.get(&format!("{path}?version=2")).await.expect(200);
        assert_eq!(second["map"], without_a_seat());
        for strange in ["0", "4", "-1", "9223372036854775807"] {
            t.organiser.get(&format!("{path}?version={strange}")).await.refused(404, "catalog.seat_map_not_found");
        }
        let (mut numbers, mut at) = (Vec::new(), format!("{path}/versions?limit=2"));
        loop {
            let page = t.organiser.get(&at).await.expect(200);
            numbers.extend(page["items"].as_array().unwrap().iter().map(|one| one["version"].as_i64().unwrap()));
            let Some(next) = page["next"].as_str() else { break };
            at = format!("{path}/versions?limit=2&cursor={next}");
        }
        assert_eq!(numbers, [3, 2, 1]);

        t.organiser.delete(&path).await.expect(204);
        t.organiser.get(&path).await.refused(404, "catalog.seat_map_not_found");
        t.organiser.get(&format!("{path}?version=1")).await.refused(404, "catalog.seat_map_not_found");
        t.stop().await;
    }

    /// covers: ORG-2
    async fn a_map_is_of_a_venue(db: TestDb) {
        let t = TestApp::start(db).await;
        let venue = json!({
            "name": "Dvorana", "time_zone": "Europe/Ljubljana",
            "address": {"country": "SI", "street": ["Trg 1"], "postal_code": "1000", "city": "Ljubljana"},
        });
        let venue = t.organiser.post("/api/v1/venues", venue).await.expect(201);
        let id = venue["id"].as_str().unwrap();
        let made = t.organiser.post(MAPS, json!({"map": hall(), "venue": id})).await.expect(201);
        t.organiser.post(MAPS, json!({"map": hall()})).await.expect(201);
        assert_eq!(t.organiser.get(&format!("{MAPS}?venue={id}")).await.expect(200)["items"], json!([made]));
        t.organiser.delete(&format!("/api/v1/venues/{id}")).await.refused(409, "catalog.venue_in_use");
        let path = path_of(&made);
        let put = |body: Value| t.organiser.send(t.organiser.request(Method::PUT, &path).json(&body));
        // Left out, it stays; null takes it away.
        let saved = put(json!({"version": 1, "map": without_a_seat()})).await.expect(200);
        assert_eq!(saved["venue_id"], venue["id"]);
        let saved = put(json!({"version": 2, "map": without_a_seat(), "venue": null})).await.expect(200);
        assert_eq!((&saved["venue_id"], &saved["version"]), (&Value::Null, &json!(3)));
        t.organiser.delete(&format!("/api/v1/venues/{id}")).await.expect(204);
        let problem = put(json!({"version": 3, "map": hall(), "venue": id})).await.refused(422, "invalid");
        assert_eq!(faults(&problem), [("venue", "unknown")]);
        t.stop().await;
    }

    /// covers: ORG-2, WEB-2, WEB-7
    async fn a_map_is_drawn_by_the_server(db: TestDb) {
        let t = TestApp::start(db).await;
        let mut nasty = hall();
        nasty["name"] = json!("<script>alert(1)</script> & \"more\"");
        let made = t.organiser.post(MAPS, json!({"map": nasty})).await.expect(201);
        let path = format!("{}/svg", path_of(&made));
        let mut pictures = Vec::new();
        for query in ["", "?view=sections", "?section=k1", "?section=k1&language=sl", "?theme=dark", "?theme=light&language=ar"] {
            let drawn = t.organiser.get(&format!("{path}{query}")).await;
            assert_eq!((drawn.status, &drawn.headers["content-type"]), (200, &"image/svg+xml".parse().unwrap()), "{}", drawn.text);
            let policy = drawn.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("default-src 'none'") && !policy.contains("script"), "{policy}");
            uppsala::parse(&drawn.text).unwrap();
            assert!(!drawn.text.contains("<script"), "{query}");
            let known = t.organiser.request(Method::GET, &format!("{path}{query}")).header("if-none-match", &drawn.headers["etag"]);
            let known = t.organiser.send(known).await;
            assert_eq!((known.status, known.text.as_str()), (304, ""));
            pictures.push(drawn.text);
        }
        assert!(pictures[2].contains("row 1") && pictures[3].contains("vrsta 1"));
        assert!(pictures[4].contains("color-scheme: dark; }") && pictures[5].contains("lang=\"ar\""));
        pictures.sort_unstable();
        pictures.dedup();
        assert_eq!(pictures.len(), 6, "two of them are the same");
        t.organiser.get(&format!("{path}?section=attic")).await.refused(404, "catalog.section_not_found");
        t.organiser.get(&format!("{path}?version=7")).await.refused(404, "catalog.seat_map_not_found");
        for odd in ["?theme=pink", "?view=3d", "?section=A%20B", "?language=_", "?size=9"] {
            t.organiser.get(&format!("{path}{odd}")).await.refused(422, "invalid");
        }
        t.stop().await;
    }

    /// covers: ORG-2
    async fn the_format_has_a_schema(db: TestDb) {
        let t = TestApp::start(db).await;
        let schema = t.stranger.get("/api/v1/seat-map-formats/1").await.expect(200);
        assert_eq!(schema["$ref"], "#/$defs/SeatMap");
        // All that a map holds is said there.
        for (name, value) in [("SeatMap", hall()), ("Seat", hall()["sections"][0]["rows"][0]["seats"][0].clone())] {
            for field in value.as_object().unwrap().keys() {
                assert!(schema["$defs"][name]["properties"][field].is_object(), "{name} has no {field}");
            }
        }
        t.stop().await;
    }

    /// covers: BE-6, AUTH-10
    async fn nobody_sees_the_maps_of_others(db: TestDb) {
        let t = TestApp::start(db).await;
        let made = t.organiser.post(MAPS, json!({"map": hall()})).await.expect(201);
        let path = path_of(&made);
        let other = t.other_organiser().await;
        for below in ["", "?version=1", "/versions", "/seats", "/svg"] {
            other.get(&format!("{path}{below}")).await.refused(404, "catalog.seat_map_not_found");
            assert_eq!(t.stranger.get(&format!("{path}{below}")).await.status, 401);
        }
        let put = other.request(Method::PUT, &path).json(&json!({"version": 1, "map": without_a_seat()}));
        other.send(put).await.refused(404, "catalog.seat_map_not_found");
        other.post(&format!("{path}/compare"), json!({"map": hall()})).await.refused(404, "catalog.seat_map_not_found");
        other.delete(&path).await.refused(404, "catalog.seat_map_not_found");
        assert_eq!(other.get(MAPS).await.expect(200)["items"], json!([]));
        assert_eq!(t.organiser.get(&path).await.expect(200)["version"], 1);

        // Whoever may see one event sees the maps of its dates, and changes none.
        let (event, unseated) = (t.event(&[("Seat", 2500, 20)]).await, t.event(&[("Any", 0, 1)]).await);
        seated(&t, &event, &made).await;
        let unused = t.organiser.post(MAPS, json!({"map": hall()})).await.expect(201);
        let one = key_for(&t, &event.id).await;
        assert_eq!(one.get(MAPS).await.expect(200)["items"], json!([made]));
        assert_eq!(one.get(&format!("{path}/svg")).await.status, 200);
        one.get(&path_of(&unused)).await.refused(404, "catalog.seat_map_not_found");
        assert_eq!(one.delete(&path).await.status, 403);
        let none = key_for(&t, &unseated.id).await;
        none.get(&path).await.refused(404, "catalog.seat_map_not_found");
        assert_eq!(none.get(MAPS).await.expect(200)["items"], json!([]));
        t.stop().await;
    }
}
