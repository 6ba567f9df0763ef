//! Who gets a place, and how many.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity::Role;
use reqwest::Method;
use serde_json::json;

use super::{Waiter, draw, in_minutes, organisers, put, room, step, visitors, waiters};
use crate::app::TestApp;

on_both_engines! {
    /// covers: WEB-4, GW-2
    async fn networks_devices_and_accounts_have_so_many_places(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let path = visitors(&event, "/places");
        t.stranger.post(&path, json!({})).await.refused(404, "waiting_room.not_found");
        let made = room(&t, &event, json!({"per_network": 3})).await;
        let first = Waiter::join(&t, &event).await;
        // Whoever shows a place has it, however often they ask.
        for _ in 0..5 {
            let again = first.ask(&t, Method::POST, &path).await.expect(200);
            assert_eq!((again["id"].as_str(), again["token"].as_str()), (Some(&*first.id), Some(&*first.token)));
        }
        let by_device = |device: &str| {
            let request = t.stranger.request(Method::POST, &path).header("bilten-device", device.to_owned());
            t.stranger.send(request)
        };
        by_device("a telephone").await.expect(201);
        by_device("a telephone").await.refused(409, "waiting_room.no_more_places");
        by_device("another one").await.expect(201);
        by_device("a third one").await.refused(409, "waiting_room.no_more_places");
        t.stranger.post(&path, json!({})).await.refused(409, "waiting_room.no_more_places");

        // What was refused was not counted: with more room it goes on.
        let body = json!({"opens_at": made["opens_at"], "most_inside": 1, "per_network": 5, "needs_account": true});
        put(&t.organiser, &organisers(&event, ""), &body).await.expect(200);
        t.stranger.post(&path, json!({})).await.refused(403, "waiting_room.account_needed");
        let member = t.member(Role::Viewer).await;
        member.post(&path, json!({})).await.expect(201);
        member.post(&path, json!({})).await.refused(409, "waiting_room.no_more_places");
        t.organiser.post(&path, json!({})).await.refused(403, "waiting_room.account_needed");
        t.member(Role::Finance).await.post(&path, json!({})).await.expect(201);
        t.stop().await;
    }

    /// covers: WEB-4, GW-2
    async fn who_come_at_once_are_counted_one_by_one(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        room(&t, &event, json!({"per_network": 50})).await;
        let path = visitors(&event, "/places");
        let all = (0..120).map(|_| t.stranger.post(&path, json!({})));
        let mut placed = 0;
        for answer in futures_util::future::join_all(all).await {
            if answer.status == 201 {
                placed += 1;
            } else {
                answer.refused(409, "waiting_room.no_more_places");
            }
        }
        assert_eq!(placed, 50);
        t.clock.advance(Duration::from_secs(2));
        let room = t.organiser.get(&organisers(&event, "")).await.expect(200);
        assert_eq!((room["places"].as_u64(), room["waiting"].as_u64()), (Some(50), Some(50)));
        t.stop().await;
    }

    /// covers: WEB-4
    async fn whoever_missed_their_turn_joins_again_behind_all(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        room(&t, &event, json!({"per_network": 2, "opens_at": in_minutes(&t, 30)})).await;
        let waiting = crate::waiting_room::in_order_after_draw(&t, &event, waiters(&t, &event, 2).await).await;
        step(&t).await;
        assert_eq!(waiting[0].standing(&t, &event).await["state"], "called");
        // Somebody who is called and does not come does not keep the others waiting.
        t.clock.advance(Duration::from_secs(11 * 60));
        step(&t).await;
        step(&t).await;
        assert_eq!(waiting[0].standing(&t, &event).await["state"], "missed");
        assert_eq!(waiting[1].standing(&t, &event).await["state"], "called");
        waiting[0].claim(&t, &event).await.refused(410, "waiting_room.missed");
        let again = waiting[0].ask(&t, Method::POST, &visitors(&event, "/places")).await.expect(201);
        assert_ne!(again["id"].as_str(), Some(&*waiting[0].id));
        assert_eq!(again["standing"]["number"], 3, "the network's two places are the same two");
        // Once.
        waiting[0].ask(&t, Method::POST, &visitors(&event, "/places")).await.refused(409, "waiting_room.no_more_places");
        t.stop().await;
    }

    /// covers: WEB-4
    async fn a_place_that_is_none_gets_nothing(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let other = t.event(&[("Standing", 2500, 100)]).await;
        room(&t, &event, json!({})).await;
        room(&t, &other, json!({})).await;
        let waiter = Waiter::join(&t, &event).await;
        draw(&t, &event).await;
        step(&t).await;
        let elsewhere = Waiter::join(&t, &other).await;
        let altered = format!("{}A", &waiter.token[..waiter.token.len() - 1]);
        for strange in [altered.as_str(), "bwl1.AAAA.AAAA", "?", "", &"a".repeat(5_000), &elsewhere.token] {
            if strange == waiter.token {
                continue;
            }
            let forged = Waiter { id: String::new(), token: strange.to_owned() };
            forged.ask(&t, Method::GET, &visitors(&event, "/place")).await.refused(403, "waiting_room.place_refused");
            forged.claim(&t, &event).await.refused(403, "waiting_room.place_refused");
        }
        t.stranger.get(&visitors(&event, "/place")).await.refused(404, "waiting_room.no_place");
        t.stranger.post(&visitors(&event, "/pass"), json!({})).await.refused(404, "waiting_room.no_place");
        t.stop().await;
    }
}
