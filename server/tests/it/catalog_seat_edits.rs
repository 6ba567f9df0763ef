//! Edits of seat maps that dates use, and what buyers see of these dates.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::{on_both_engines, sql, vals};
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Event, TestApp};
use crate::catalog_seat_maps::{MAPS, faults, hall, path_of, seated, without_a_seat};

/// Lets somebody have a seat on a date: sold, held until then, or kept back.
async fn take(t: &TestApp, event: &Event, date: &str, seat: &str, state: &str, until: Timestamp) {
    let holder = if state == "blocked" {
        "organiser"
    } else {
        "somebody"
    };
    let row = vals![date, seat, event.id.as_str(), state, holder, until];
    let written = t.app.db.write(move |c| {
        Box::pin(async move {
            c.exec(
                sql!(
                    "INSERT INTO taken_seats (occurrence_id, seat_id, event_id, state, holder, until_at, asked_at) \
                     VALUES ($1, $2, $3, $4, $5, $6, 0)"
                ),
                row,
            )
            .await
        })
    });
    written.await.unwrap();
}

/// Which version of its map a date uses.
async fn version_of(t: &TestApp, date: &str) -> i64 {
    t.app
        .db
        .scalar(
            sql!("SELECT seat_map_version FROM occurrences WHERE id = $1"),
            vals![date],
        )
        .await
        .unwrap()
}

fn an_hour_from_now(t: &TestApp) -> Timestamp {
    Timestamp::from_ms(t.app.now().ms() + 3_600_000)
}

on_both_engines! {
    /// covers: ORG-2
    async fn an_edit_takes_no_seat_from_anybody(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Seat", 2500, 20)]).await;
        let made = t.organiser.post(MAPS, json!({"map": hall()})).await.expect(201);
        let path = path_of(&made);
        let date = seated(&t, &event, &made).await;
        let compare = async |map: Value| t.organiser.post(&format!("{path}/compare"), json!({"map": map})).await.expect(200);
        let save = async |version: i64, map: Value| {
            let request = t.organiser.request(Method::PUT, &path).json(&json!({"version": version, "map": map}));
            t.organiser.send(request).await
        };
        t.organiser.delete(&path).await.refused(409, "catalog.seat_map_in_use");

        for (state, until) in [("sold", Timestamp::from_ms(0)), ("held", an_hour_from_now(&t))] {
            take(&t, &event, &date, "1-1-5", state, until).await;
            let compared = compare(without_a_seat()).await;
            assert_eq!((&compared["is_allowed"], &compared["dates"], &compared["changes"]), (&json!(false), &json!(1), &Value::Null));
            assert_eq!(compared["refusals"][0]["code"], "taken_seat_removed");
            let refused = save(1, without_a_seat()).await.refused(409, "catalog.seats_taken");
            assert_eq!(faults(&refused), [("seats[1-1-5]", "taken_seat_removed")]);
            // Nor is it called otherwise, or put behind a pillar.
            let mut renamed = hall();
            renamed["sections"][0]["rows"][0]["label"] = json!("A");
            let refused = save(1, renamed).await.refused(409, "catalog.seats_taken");
            assert_eq!(faults(&refused), [("seats[1-1-5]", "taken_seat_relabelled")]);
            let mut hidden = hall();
            hidden["sections"][0]["rows"][0]["seats"][4]["obstructed"] = json!(true);
            let refused = save(1, hidden).await.refused(409, "catalog.seats_taken");
            assert_eq!(faults(&refused), [("seats[1-1-5]", "taken_seat_view_lost")]);
            assert_eq!(version_of(&t, &date).await, 1);
            assert_eq!(t.organiser.get(&path).await.expect(200)["version"], 1);
            let gone = t.app.db.write(|c| Box::pin(async move {
                c.exec(sql!("DELETE FROM taken_seats WHERE seat_id = '1-1-5'"), vals![]).await
            }));
            gone.await.unwrap();
        }

        // A hold that ran out holds nothing, and what the organiser keeps back goes with its seat.
        take(&t, &event, &date, "1-1-5", "held", Timestamp::from_ms(1)).await;
        take(&t, &event, &date, "2-1-1", "sold", Timestamp::from_ms(0)).await;
        take(&t, &event, &date, "1-2-1", "blocked", Timestamp::from_ms(0)).await;
        let mut smaller = without_a_seat();
        smaller["sections"][0]["rows"].as_array_mut().unwrap().pop();
        let compared = compare(smaller.clone()).await;
        assert_eq!(compared["is_allowed"], true, "{compared}");
        assert_eq!(compared["changes"]["removed"], json!(["1-1-5", "1-2-1", "1-2-2", "1-2-3", "1-2-4", "1-2-5"]));
        let event_path = format!("/api/v1/events/{}", event.id);
        let before = t.organiser.get(&event_path).await.expect(200);
        assert_eq!(save(1, smaller).await.expect(200)["version"], 2);
        assert_eq!(version_of(&t, &date).await, 2);
        // Whoever chose by the map before does not buy by it.
        let after = t.organiser.get(&event_path).await.expect(200);
        assert_eq!(after["version"].as_i64(), before["version"].as_i64().map(|version| version + 1));
        assert_eq!(after["occurrences"][0]["seat_map"], json!({"id": made["id"], "version": 2}));

        // Seats come back under their ids, and the one that was sold is sold still.
        let back = compare(hall()).await;
        assert_eq!((&back["version"], &back["dates"], back["changes"]["added"].as_array().unwrap().len()), (&json!(2), &json!(1), 6));
        save(2, hall()).await.expect(200);
        let seats = format!("/api/v1/shop/events/{}/occurrences/{date}/seats", event.slug);
        t.clock.advance(Duration::from_secs(2));
        let shown = t.stranger.get(&seats).await.expect(200);
        let free: Vec<_> = shown["sections"].as_array().unwrap().iter().map(|one| one["free"].as_i64().unwrap()).collect();
        assert_eq!((&shown["seat_map"]["version"], free), (&json!(3), vec![10, 9]));
        t.stop().await;
    }

    /// covers: ORG-2, BE-2
    async fn a_map_is_saved_while_dates_are_let_use_it(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Seat", 2500, 20)]).await;
        let made = t.organiser.post(MAPS, json!({"map": hall()})).await.expect(201);
        let path = path_of(&made);
        let date = seated(&t, &event, &made).await;
        let own = format!("/api/v1/events/{}", event.id);
        for round in 1..=20_i64 {
            let map = if round % 2 == 1 { without_a_seat() } else { hall() };
            let version = t.organiser.get(&own).await.expect(200)["version"].clone();
            let edit = json!({"version": version, "scope": "all", "change": {"seat_map": made["id"]}});
            let put = t.organiser.request(Method::PUT, &path).json(&json!({"version": round, "map": map}));
            let dates = format!("{own}/occurrences");
            let (edited, saved) = futures_util::future::join(t.organiser.patch(&dates, edit), t.organiser.send(put)).await;
            saved.expect(200);
            assert!(matches!(edited.status, 200 | 409), "{edited:?}");
            assert_eq!(version_of(&t, &date).await, round + 1);
        }
        t.stop().await;
    }

    /// covers: ORG-2
    async fn a_price_category_that_is_on_sale_stays(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Seat", 2500, 20)]).await;
        let made = t.organiser.post(MAPS, json!({"map": hall()})).await.expect(201);
        let path = path_of(&made);
        let date = seated(&t, &event, &made).await;
        let tier = event.tiers[0].clone();
        let sells = t.app.db.write(move |c| Box::pin(async move {
            c.exec(sql!("UPDATE tiers SET seat_category = 'a' WHERE id = $1"), vals![tier]).await
        }));
        sells.await.unwrap();
        let mut without = hall();
        without["categories"].as_array_mut().unwrap().remove(0);
        for section in without["sections"].as_array_mut().unwrap() {
            section["category"] = json!("b");
        }
        let compared = t.organiser.post(&format!("{path}/compare"), json!({"map": without})).await.expect(200);
        assert_eq!((&compared["is_allowed"], &compared["refusals"][0]["code"]), (&json!(false), &json!("category_sold")));
        let put = t.organiser.request(Method::PUT, &path).json(&json!({"version": 1, "map": without}));
        let refused = t.organiser.send(put).await.refused(409, "catalog.seats_taken");
        assert_eq!(faults(&refused), [("categories[a]", "category_sold")]);
        // Its seats may become others.
        let mut kept = hall();
        kept["sections"][1]["category"] = json!("b");
        let put = t.organiser.request(Method::PUT, &path).json(&json!({"version": 1, "map": kept}));
        t.organiser.send(put).await.expect(200);
        assert_eq!(version_of(&t, &date).await, 2);
        t.stop().await;
    }

    /// covers: ORG-2
    async fn dates_that_are_over_keep_the_map_they_had(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Seat", 2500, 20)]).await;
        let made = t.organiser.post(MAPS, json!({"map": hall()})).await.expect(201);
        let date = seated(&t, &event, &made).await;
        take(&t, &event, &date, "1-1-5", "sold", Timestamp::from_ms(0)).await;
        t.clock.advance(Duration::from_hours(6));
        let put = t.organiser.request(Method::PUT, &path_of(&made)).json(&json!({"version": 1, "map": without_a_seat()}));
        t.organiser.send(put).await.expect(200);
        assert_eq!(version_of(&t, &date).await, 1);
        t.stop().await;
    }

    /// covers: WEB-2, WEB-4
    async fn buyers_see_what_is_free_on_a_date(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Seat", 2500, 20)]).await;
        let made = t.organiser.post(MAPS, json!({"map": hall()})).await.expect(201);
        let date = seated(&t, &event, &made).await;
        take(&t, &event, &date, "1-1-1", "sold", Timestamp::from_ms(0)).await;
        take(&t, &event, &date, "1-1-2", "held", an_hour_from_now(&t)).await;
        take(&t, &event, &date, "1-1-3", "blocked", Timestamp::from_ms(0)).await;
        take(&t, &event, &date, "1-1-4", "held", Timestamp::from_ms(1)).await;

        let base = format!("/api/v1/shop/events/{}/occurrences/{date}", event.id);
        let seats = format!("{base}/seats");
        let all = t.stranger.get(&seats).await;
        let tag = all.headers["etag"].clone();
        let all = all.expect(200);
        assert_eq!(all["seat_map"], json!({"id": made["id"], "version": 1}));
        let free: Vec<_> = all["sections"].as_array().unwrap().iter().map(|one| (one["id"].as_str().unwrap(), one["free"].as_i64().unwrap())).collect();
        assert_eq!(free, [("k1", 7), ("k2", 10)]);
        assert_eq!(all["rows"], Value::Null);
        let known = t.stranger.request(Method::GET, &seats).header("if-none-match", &tag);
        assert_eq!(t.stranger.send(known).await.status, 304);
        let one = t.stranger.get(&format!("{seats}?section=k1")).await.expect(200);
        let states: Vec<_> = one["rows"][0]["seats"].as_array().unwrap().iter().map(|seat| seat["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["sold", "held", "not_for_sale", "free", "free"]);
        t.stranger.get(&format!("{seats}?section=attic")).await.refused(404, "catalog.section_not_found");

        let picture = format!("{base}/seat-map/svg?section=k1");
        let drawn = t.stranger.get(&picture).await;
        assert_eq!(drawn.status, 200, "{}", drawn.text);
        uppsala::parse(&drawn.text).unwrap();
        assert!(drawn.text.contains("seat 1, Category A, sold"), "{}", drawn.text);
        let again = t.stranger.request(Method::GET, &picture).header("if-none-match", &drawn.headers["etag"]);
        assert_eq!(t.stranger.send(again).await.status, 304);
        // Once somebody takes a seat it is another picture.
        take(&t, &event, &date, "1-1-5", "sold", Timestamp::from_ms(0)).await;
        let again = t.stranger.request(Method::GET, &picture).header("if-none-match", &drawn.headers["etag"]);
        assert_eq!(t.stranger.send(again).await.status, 200);

        // Dates of other events, dates without seats and drafts show nothing.
        let other = t.event(&[("Any", 0, 1)]).await;
        for path in [format!("/api/v1/shop/events/{}/occurrences/{date}/seats", other.id), format!("/api/v1/shop/events/{}/occurrences/{date}/seat-map/svg", other.id)] {
            t.stranger.get(&path).await.refused(404, "sales.no_seats");
        }
        let missing = format!("/api/v1/shop/events/{}/occurrences/occ_01kdvm6x00fazbzzr4pc4snbka/seats", event.id);
        t.stranger.get(&missing).await.refused(404, "sales.no_seats");
        t.stranger.get(&seats.replace(&event.id, "no-such-event")).await.refused(404, "sales.event_not_found");
        t.stop().await;
    }
}
