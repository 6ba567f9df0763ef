//! Turns: who is called, what a pass is good for, and who is inside.

use std::collections::BTreeMap;
use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::waiting_room;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Waiter, figure, in_order_after_draw, organisers, put, room, step, visitors, waiters};
use crate::app::{Answer, Event, TestApp, purchase};

/// Buys by a hold.
async fn buy(t: &TestApp, event: &Event, hold: &Value, outcome: &str, key: &str) -> Answer {
    let mut body = purchase(event, 0, 1, outcome);
    body["items"] = json!([]);
    body["hold"] = hold["id"].clone();
    t.stranger
        .post_once("/api/v1/shop/orders", key, &body)
        .await
}

/// A room with so many people, of whom the first so many are called; in their order.
async fn called(t: &TestApp, event: &Event, people: usize, most_inside: usize) -> Vec<Waiter> {
    room(t, event, json!({"most_inside": most_inside})).await;
    let waiting = in_order_after_draw(t, event, waiters(t, event, people).await).await;
    step(t).await;
    assert_eq!(
        figure(t, event, "called").await,
        most_inside.min(people) as u64
    );
    waiting
}

on_both_engines! {
    /// covers: WEB-4
    async fn only_whoever_is_called_can_buy_and_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let waiting = called(&t, &event, 3, 1).await;
        assert_eq!(waiting[0].standing(&t, &event).await["state"], "called");
        let second = waiting[1].standing(&t, &event).await;
        assert_eq!((second["state"].as_str(), second["ahead"].as_u64()), (Some("waiting"), Some(0)));
        waiting[1].claim(&t, &event).await.refused(409, "waiting_room.not_called");

        // Nobody else, whatever they show.
        let wish = json!({"event": event.id, "items": [{"tier": event.tiers[0], "quantity": 1}]});
        let refused = t.stranger.post_once("/api/v1/shop/holds", "none", &wish).await.refused(409, "sales.waiting_room");
        assert!(refused["detail"].as_str().unwrap().contains(&format!("/wait/{}/", event.id)), "{refused}");
        t.stranger.buy(&event, 0, 1, "succeed", "direct").await.refused(409, "sales.waiting_room");
        let pass = waiting[0].pass(&t, &event).await;
        waiting[1].hold(&t, &event, &pass, "theirs").await.refused(409, "sales.waiting_room");
        for strange in ["", "?", "bwp1.AAAA.AAAA", &pass[..pass.len() - 2], &format!("{pass}A"), &waiting[0].token] {
            waiting[0].hold(&t, &event, strange, "strange").await.refused(409, "sales.waiting_room");
        }
        let other = t.event(&[("Standing", 2500, 100)]).await;
        room(&t, &other, json!({})).await;
        waiting[0].hold(&t, &other, &pass, "elsewhere").await.refused(409, "sales.waiting_room");

        let hold = waiting[0].hold(&t, &event, &pass, "mine").await.expect(201);
        let again = waiting[0].hold(&t, &event, &pass, "mine").await.expect(201);
        assert_eq!(hold, again, "the same request is answered the same");
        waiting[0].hold(&t, &event, &pass, "more").await.refused(409, "sales.waiting_room");
        waiting[0].claim(&t, &event).await.refused(409, "waiting_room.used");
        assert_eq!(waiting[0].standing(&t, &event).await["state"], "entered");
        assert_eq!(figure(&t, &event, "inside").await, 1);

        // The next one comes when the first is done.
        step(&t).await;
        assert_eq!(figure(&t, &event, "called").await, 1);
        buy(&t, &event, &hold, "succeed", "paid").await.expect(201);
        step(&t).await;
        assert_eq!((figure(&t, &event, "inside").await, figure(&t, &event, "called").await), (0, 2));
        assert_eq!(waiting[0].standing(&t, &event).await["state"], "left");
        waiting[0].hold(&t, &event, &pass, "after").await.refused(409, "sales.waiting_room");
        t.stop().await;
    }

    /// covers: WEB-4
    async fn a_new_pass_kills_the_one_before(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let waiting = called(&t, &event, 1, 1).await;
        // The node has read that the place is called.
        waiting[0].pass(&t, &event).await;
        let passes = join_all((0..8).map(|_| waiting[0].pass(&t, &event))).await;
        // All of them at once: one is the last one, and it is used once.
        let tries = passes.iter().enumerate().map(|(i, pass)| {
            let (t, event, waiter) = (&t, &event, &waiting[0]);
            async move { waiter.hold(t, event, pass, &format!("k{i}")).await }
        });
        let answers = join_all(tries).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.refused(409, "sales.waiting_room");
        }
        assert_eq!(figure(&t, &event, "inside").await, 1);
        t.stop().await;
    }

    /// covers: WEB-4
    async fn a_pass_is_short_lived(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let waiting = called(&t, &event, 2, 2).await;
        let passes = [waiting[0].pass(&t, &event).await, waiting[1].pass(&t, &event).await];
        t.clock.advance(Duration::from_secs(9 * 60));
        waiting[0].hold(&t, &event, &passes[0], "in-time").await.expect(201);
        t.clock.advance(Duration::from_secs(2 * 60));
        waiting[1].hold(&t, &event, &passes[1], "late").await.refused(409, "sales.waiting_room");
        waiting[1].claim(&t, &event).await.refused(410, "waiting_room.missed");
        step(&t).await;
        step(&t).await;
        assert_eq!((figure(&t, &event, "entered").await, figure(&t, &event, "missed").await), (1, 1));
        t.stop().await;
    }

    /// covers: WEB-4
    async fn a_full_house_keeps_the_turn_of_whoever_came(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let waiting = called(&t, &event, 2, 2).await;
        let passes = [waiting[0].pass(&t, &event).await, waiting[1].pass(&t, &event).await];
        let made = t.organiser.get(&organisers(&event, "")).await.expect(200);
        let fewer = json!({"opens_at": made["opens_at"], "most_inside": 1, "overbook_permille": 0});
        put(&t.organiser, &organisers(&event, ""), &fewer).await.expect(200);
        let hold = waiting[0].hold(&t, &event, &passes[0], "a").await.expect(201);
        t.clock.advance(Duration::from_secs(8 * 60));
        let full = waiting[1].hold(&t, &event, &passes[1], "b").await;
        full.refused(409, "sales.waiting_room_full");
        assert!(full.headers.contains_key("retry-after"));
        let stock = t.organiser.get(&format!("/api/v2/events/{}/stock", event.id)).await.expect(200);
        assert_eq!(stock["held"], 1, "what was refused holds nothing");

        // Long after their time they are still welcome, and have missed nothing.
        t.clock.advance(Duration::from_secs(5 * 60));
        step(&t).await;
        assert_eq!(waiting[1].standing(&t, &event).await["state"], "called");
        assert_eq!((figure(&t, &event, "entered").await, figure(&t, &event, "missed").await), (2, 0));
        let pass = waiting[1].pass(&t, &event).await;
        waiting[1].hold(&t, &event, &pass, "c").await.refused(409, "sales.waiting_room_full");
        buy(&t, &event, &hold, "succeed", "paid").await.expect(201);
        waiting[1].hold(&t, &event, &pass, "d").await.expect(201);
        assert_eq!((figure(&t, &event, "inside").await, figure(&t, &event, "entered").await), (1, 2));
        t.stop().await;
    }

    /// covers: WEB-4, BE-2
    async fn whoever_comes_at_once_fills_the_house_and_no_more(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let waiting = called(&t, &event, 8, 8).await;
        // One after the other: while somebody has a room read anew, the others are told what it was.
        let mut passes = Vec::new();
        for waiter in &waiting {
            passes.push(waiter.pass(&t, &event).await);
        }
        let made = t.organiser.get(&organisers(&event, "")).await.expect(200);
        let fewer = json!({"opens_at": made["opens_at"], "most_inside": 3, "overbook_permille": 0});
        put(&t.organiser, &organisers(&event, ""), &fewer).await.expect(200);
        let all = waiting.iter().zip(&passes).enumerate().map(|(i, (waiter, pass))| {
            let (t, event) = (&t, &event);
            async move { waiter.hold(t, event, pass, &format!("at-once-{i}")).await }
        });
        let (inside, outside): (Vec<_>, Vec<_>) = join_all(all).await.into_iter().partition(|answer| answer.status == 201);
        assert_eq!((inside.len(), outside.len()), (3, 5));
        for answer in outside {
            answer.refused(409, "sales.waiting_room_full");
        }
        assert_eq!(figure(&t, &event, "inside").await, 3);
        let stock = t.organiser.get(&format!("/api/v2/events/{}/stock", event.id)).await.expect(200);
        assert_eq!(stock["held"], 3, "what was refused holds nothing");
        t.stop().await;
    }

    /// covers: WEB-4
    async fn a_visit_lasts_as_long_as_what_it_is_for(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let waiting = called(&t, &event, 1, 1).await;
        let pass = waiting[0].pass(&t, &event).await;
        // Whoever gives up what they chose may choose again while their pass is good.
        for key in ["first", "second"] {
            let hold = waiting[0].hold(&t, &event, &pass, key).await.expect(201);
            assert_eq!((figure(&t, &event, "inside").await, figure(&t, &event, "entered").await), (1, 1));
            let path = format!("/api/v1/shop/holds/{}", hold["id"].as_str().unwrap());
            for _ in 0..2 {
                t.stranger.delete(&path).await.expect(204);
                assert_eq!((figure(&t, &event, "inside").await, figure(&t, &event, "entered").await), (0, 0));
            }
        }
        // A payment that is not done keeps them inside, giving the order up does not.
        let hold = waiting[0].hold(&t, &event, &pass, "third").await.expect(201);
        let pending = buy(&t, &event, &hold, "decline", "declined").await.expect(201);
        assert_eq!(figure(&t, &event, "inside").await, 1);
        let buyer = t.stranger.with_token(pending["token"].as_str().unwrap());
        let path = format!("/api/v1/shop/orders/{}", pending["order"]["id"].as_str().unwrap());
        buyer.delete(&path).await.expect(204);
        assert_eq!(figure(&t, &event, "inside").await, 0);
        waiting[0].hold(&t, &event, &pass, "fourth").await.refused(409, "sales.waiting_room");
        t.stop().await;
    }

    /// Whoever is declined by the organiser, or pays for what was called off, is not inside any more.
    ///
    /// covers: WEB-4, PAY-1
    async fn what_is_declined_or_called_off_keeps_no_place(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let waiting = called(&t, &event, 2, 2).await;
        let path = format!("/api/v1/events/{}/sale-rules", event.id);
        let mut rules = t.organiser.get(&path).await.expect(200);
        rules["needs_approval"] = json!(true);
        rules = put(&t.organiser, &path, &rules).await.expect(200);
        let pass = waiting[0].pass(&t, &event).await;
        let hold = waiting[0].hold(&t, &event, &pass, "a").await.expect(201);
        let waits = buy(&t, &event, &hold, "succeed", "waits").await.expect(201);
        assert_eq!(figure(&t, &event, "inside").await, 1);
        let review = format!("/api/v1/orders/{}/review", waits["order"]["id"].as_str().unwrap());
        t.organiser.post(&review, json!({"decision": "refuse"})).await.expect(200);
        assert_eq!(figure(&t, &event, "inside").await, 0);

        rules["needs_approval"] = json!(false);
        put(&t.organiser, &path, &rules).await.expect(200);
        let pass = waiting[1].pass(&t, &event).await;
        let hold = waiting[1].hold(&t, &event, &pass, "b").await.expect(201);
        let pending = buy(&t, &event, &hold, "time_out", "pending").await.expect(201);
        assert_eq!(figure(&t, &event, "inside").await, 1);
        t.organiser.post(&format!("/api/v1/events/{}/cancel", event.id), json!({})).await.expect(200);
        let payment = pending["payment"]["id"].as_str().unwrap().parse().unwrap();
        bilten_server::payments::provider_reports(&t.app, payment, true).await.unwrap();
        assert_eq!(figure(&t, &event, "inside").await, 0);
        t.stop().await;
    }

    /// covers: WEB-4
    async fn what_is_not_paid_in_time_leaves_by_itself(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let waiting = called(&t, &event, 2, 2).await;
        let mut holds = Vec::new();
        for waiter in &waiting {
            let pass = waiter.pass(&t, &event).await;
            holds.push(waiter.hold(&t, &event, &pass, &waiter.id).await.expect(201));
        }
        buy(&t, &event, &holds[1], "decline", "declined").await.expect(201);
        assert_eq!(figure(&t, &event, "inside").await, 2);
        t.clock.advance(Duration::from_secs(16 * 60));
        while bilten_server::sales::sweep(&t.app).await.unwrap() > 0 {}
        for _ in 0..100 {
            if figure(&t, &event, "inside").await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(figure(&t, &event, "inside").await, 0);
        t.stop().await;
    }

    /// Whichever node makes the step, one of them counts.
    ///
    /// covers: WEB-4, BE-10
    async fn steps_at_once_call_nobody_twice(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        room(&t, &event, json!({"most_inside": 10})).await;
        let waiting = in_order_after_draw(&t, &event, waiters(&t, &event, 40).await).await;
        for _ in 0..4 {
            t.clock.advance(Duration::from_secs(2));
            let none = BTreeMap::new();
            let steps = (0..8).map(|_| waiting_room::tick(&t.app, &none));
            assert!(join_all(steps).await.iter().all(Result::is_ok));
            assert_eq!(figure(&t, &event, "called").await, 10, "never more than fit");
        }
        // Where hardly anything is left, hardly anybody is called.
        for waiter in &waiting[..10] {
            let pass = waiter.pass(&t, &event).await;
            let hold = waiter.hold(&t, &event, &pass, &waiter.id).await.expect(201);
            buy(&t, &event, &hold, "succeed", &format!("o{}", waiter.id)).await.expect(201);
        }
        assert_eq!((figure(&t, &event, "inside").await, figure(&t, &event, "entered").await), (0, 10));
        let notice = t.stranger.get(&visitors(&event, "/notice")).await.expect(200);
        assert!(notice["called"].as_u64().unwrap() >= 10, "{notice}");
        t.stop().await;
    }
}
