//! What organisers do, and what does not become a fault of ours.

use bilten_kernel::on_both_engines;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Waiter, draw, in_minutes, organisers, put, room, visitors};
use crate::app::TestApp;

on_both_engines! {
    /// covers: BE-2, WEB-4
    async fn a_room_is_made_changed_opened_and_ended(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let path = organisers(&event, "");
        t.organiser.get(&path).await.refused(404, "waiting_room.not_found");
        let made = room(&t, &event, json!({})).await;
        assert_eq!((made["state"].as_str(), made["revision"].as_i64()), (Some("gathering"), Some(1)));
        assert_eq!(t.organiser.get(&path).await.expect(200), made);
        let other = t.other_organiser().await;
        other.get(&path).await.refused(404, "waiting_room.not_found");

        // The opening may be moved and the pace changed, from what was seen; the promise stays.
        let moved = json!({"opens_at": in_minutes(&t, 90), "most_inside": 5, "per_network": 1_000});
        let request = t.organiser.request(Method::PUT, &path).header("if-match", "\"7\"").json(&moved);
        t.organiser.send(request).await.refused(412, "precondition_failed");
        let request = t.organiser.request(Method::PUT, &path).header("if-match", "\"1\"").json(&moved);
        let moved = t.organiser.send(request).await.expect(200);
        assert_eq!((&moved["commitment"], &moved["promised_at"], moved["revision"].as_i64()), (&made["commitment"], &made["opens_at"], Some(2)));
        let beacon = json!({"opens_at": moved["opens_at"], "most_inside": 5, "beacon": "drand"});
        put(&t.organiser, &path, &beacon).await.refused(409, "waiting_room.beacon_promised");
        for early in ["/open", "/resume"] {
            t.organiser.post(&organisers(&event, early), json!({})).await.refused(409, "waiting_room.state");
        }

        let waiter = Waiter::join(&t, &event).await;
        t.organiser.delete(&path).await.refused(409, "waiting_room.joined");
        draw(&t, &event).await;
        let late = json!({"opens_at": in_minutes(&t, 100), "most_inside": 5});
        put(&t.organiser, &path, &late).await.refused(409, "waiting_room.state");
        t.organiser.post(&organisers(&event, "/draw"), json!({})).await.refused(409, "waiting_room.state");

        // Opened, nobody needs a pass; later they do again.
        let wish = json!({"event": event.id, "items": [{"tier": event.tiers[0], "quantity": 1}]});
        t.stranger.post_once("/api/v1/shop/holds", "a", &wish).await.refused(409, "sales.waiting_room");
        t.organiser.post(&organisers(&event, "/open"), json!({})).await.expect(200);
        assert_eq!(waiter.standing(&t, &event).await["state"], "open");
        waiter.claim(&t, &event).await.refused(409, "waiting_room.not_needed");
        t.stranger.post(&visitors(&event, "/places"), json!({})).await.refused(409, "waiting_room.not_needed");
        t.stranger.post_once("/api/v1/shop/holds", "b", &wish).await.expect(201);
        t.stranger.buy(&event, 0, 1, "succeed", "c").await.expect(201);
        t.organiser.post(&organisers(&event, "/resume"), json!({})).await.expect(200);
        t.stranger.post_once("/api/v1/shop/holds", "d", &wish).await.refused(409, "sales.waiting_room");
        let ended = t.organiser.post(&organisers(&event, "/end"), json!({})).await.expect(200);
        assert!(ended["ended_at"].is_string());
        t.stranger.post_once("/api/v1/shop/holds", "e", &wish).await.expect(201);
        t.stranger.post(&visitors(&event, "/places"), json!({})).await.refused(410, "waiting_room.over");
        for again in ["/draw", "/open", "/resume", "/end"] {
            t.organiser.post(&organisers(&event, again), json!({})).await.refused(409, "waiting_room.state");
        }

        // Another one is another one.
        let next = room(&t, &event, json!({})).await;
        assert_ne!((&next["id"], &next["commitment"]), (&made["id"], &made["commitment"]));
        waiter.ask(&t, Method::GET, &visitors(&event, "/place")).await.refused(403, "waiting_room.place_refused");
        t.organiser.delete(&path).await.expect(204);
        assert_eq!(t.organiser.get(&path).await.expect(200)["id"], made["id"]);
        let audit = t.organiser.get("/api/v1/audit").await.expect(200).to_string();
        assert!(audit.contains("waiting_room.set") && audit.contains("waiting_room.moved"), "{audit}");
        t.stop().await;
    }

    /// covers: WEB-4
    async fn two_who_make_a_room_at_once_make_one(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let path = organisers(&event, "");
        let body = json!({"opens_at": in_minutes(&t, 60), "most_inside": 5});
        let all = (0..8).map(|_| put(&t.organiser, &path, &body));
        let mut ids = std::collections::BTreeSet::new();
        for answer in futures_util::future::join_all(all).await {
            if answer.status == 412 {
                answer.refused(412, "precondition_failed");
            } else {
                ids.insert(answer.expect(200)["id"].to_string());
            }
        }
        assert_eq!(ids.len(), 1);
        t.stop().await;
    }

    /// covers: BE-2
    async fn an_event_that_goes_takes_its_room_along(db: TestDb) {
        let t = TestApp::start(db).await;
        let at = |minutes| in_minutes(&t, minutes);
        let body = json!({
            "name": "Draft", "time_zone": "UTC", "currency": "EUR", "venue_name": "Kino",
            "occurrences": [{"starts_at": at(120), "ends_at": at(180)}],
            "tiers": [{"name": "Standing", "price_minor": 100, "capacity": 5}],
        });
        let draft = t.organiser.post("/api/v1/events", body).await.expect(201);
        let id = draft["id"].as_str().unwrap();
        let path = format!("/api/v1/events/{id}/waiting-room");
        put(&t.organiser, &path, &json!({"opens_at": at(60), "most_inside": 5})).await.expect(200);
        // Nobody else sees the room of a draft.
        for more in ["", "/notice", "/place", "/roster"] {
            let answer = t.stranger.get(&format!("/api/v1/shop/events/{id}/waiting-room{more}")).await;
            answer.refused(404, "waiting_room.not_found");
        }
        t.organiser.delete(&format!("/api/v1/events/{id}")).await.expect(204);
        t.organiser.get(&path).await.refused(404, "waiting_room.not_found");
        t.stop().await;
    }

    /// covers: BE-6, WEB-4
    async fn bad_input_is_refused(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let path = organisers(&event, "");
        let good = json!({"opens_at": in_minutes(&t, 60), "most_inside": 5});
        for (field, value) in [
            ("opens_at", json!(in_minutes(&t, -1))),
            ("opens_at", json!(in_minutes(&t, 100_000))),
            ("opens_at", json!("tomorrow")),
            ("opens_at", Value::Null),
            ("most_inside", json!(0)),
            ("most_inside", json!(-1)),
            ("most_inside", json!(1.5)),
            ("most_inside", json!(5_000_000_000_u64)),
            ("most_inside", json!("5")),
            ("floor_per_minute", json!(0)),
            ("ceiling_per_minute", json!(1_000_001)),
            ("ceiling_per_minute", json!(1)),
            ("overbook_permille", json!(501)),
            ("per_network", json!(0)),
            ("beacon", json!("\u{0}")),
            ("beacon", json!("")),
            ("beacon", json!("x".repeat(101))),
        ] {
            let mut body = good.clone();
            body[field] = value;
            let refused = put(&t.organiser, &path, &body).await.refused(422, "invalid");
            assert_eq!(refused["errors"][0]["field"], field, "{refused}");
        }
        let mut strange = good.clone();
        strange["seed"] = json!("00");
        put(&t.organiser, &path, &strange).await.refused(422, "invalid");
        for nowhere in ["evt_01m827tppbfdtr9hv9xvxht0nk", "nowhere", "%00", "evt_"] {
            for more in ["", "/notice", "/place", "/roster"] {
                let answer = t.stranger.get(&format!("/api/v1/shop/events/{nowhere}/waiting-room{more}")).await;
                assert_eq!(answer.status, 404, "{nowhere}{more}: {}", answer.text);
            }
            let page = t.stranger.get(&format!("/wait/{nowhere}/notice.json")).await;
            assert_eq!(page.status, 404, "{nowhere}: {}", page.text);
        }
        room(&t, &event, json!({})).await;
        draw(&t, &event).await;
        for strange in ["cursor=x", "limit=0", "limit=x", "cursor=IjAi", "a=b"] {
            let answer = t.stranger.get(&visitors(&event, &format!("/roster?{strange}"))).await;
            assert!(matches!(answer.status, 200 | 400 | 422), "{strange}: {} {}", answer.status, answer.text);
        }
        t.stop().await;
    }
}
