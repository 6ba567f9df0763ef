//! Changes against each other, against refunds, against time and against the door.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{
    bought, change, changed, check, far_event, order_of, pay, preview, seen, stock, valid,
};
use crate::app::TestApp;
use crate::selling::{buy, text};

on_both_engines! {
    /// covers: BE-2, DB-2
    async fn of_changes_at_once_one_is_made(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 20), ("Seated", 2_500, 20)]).await;
        let first = bought(&t, &event, 0, 10, "k").await;
        let order = order_of(&first);
        let tries = (1..=8u32).map(|i| {
            let (t, order, event) = (&t, &order, &event);
            async move {
                let pick = json!({"line": 1, "units": [i]});
                let steps = if i % 2 == 0 {
                    json!([{"kind": "cancel", "pick": pick}])
                } else {
                    json!([{"kind": "change_tier", "pick": pick, "tier": event.tiers[1]}])
                };
                change(t, order, 1, &steps, &format!("c-{i}")).await
            }
        });
        let answers = join_all(tries).await;
        let made = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(made, 1, "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            answer.refused(409, "sales.order_version_conflict");
        }
        check(&t.app.db).await;
        t.stop().await;
    }

    /// The same request twice at once is one change.
    ///
    /// covers: BE-2
    async fn a_repeated_change_is_made_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 20)]).await;
        let first = bought(&t, &event, 0, 5, "k").await;
        let path = format!("/api/v1/shop/orders/{}/changes", order_of(&first));
        let own = crate::changes::buyer(&t, &first);
        let body = json!({"version": 1, "steps": [{"kind": "cancel", "pick": {"line": 1, "units": [1]}}]});
        let answers = join_all((0..6).map(|_| own.post_once(&path, "same", &body))).await;
        let ids: Vec<Value> = answers.iter().map(|answer| answer.expect(200)["id"].clone()).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(stock(&t, &event.tiers[0]).await, (0, 4));
        let other = json!({"version": 1, "steps": [{"kind": "cancel", "pick": {"line": 1, "units": [2]}}]});
        own.post_once(&path, "same", &other).await.refused(422, "sales.idempotency_key_reused");
        check(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-2, PAY-4
    async fn a_change_and_a_refund_never_both_give_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 100)]).await;
        for i in 0..5 {
            let first = bought(&t, &event, 0, 2, &format!("k-{i}")).await;
            let order = order_of(&first);
            let steps = json!([{"kind": "cancel", "pick": {"line": 1, "units": [1]}}]);
            let refund = format!("/api/v1/orders/{order}/refund");
            let key = format!("c-{i}");
            let (changed, refunded) = tokio::join!(change(&t, &order, 1, &steps, &key), t.organiser.post(&refund, json!({})));
            assert!([200, 409].contains(&changed.status), "{}", changed.text);
            refunded.expect(200);
            let refunds = t.organiser.get(&format!("{refund}s")).await.expect(200);
            let back: i64 = refunds["items"].as_array().unwrap().iter().map(|one| one["amount_minor"].as_i64().unwrap()).sum();
            assert_eq!(back, 5_000);
            check(&t.app.db).await;
        }
        assert_eq!(stock(&t, &event.tiers[0]).await, (0, 0));
        t.stop().await;
    }

    /// Two orders want the last place of a tier: one gets it, and rivals of other buyers as little as they.
    ///
    /// covers: BE-2, DB-2
    async fn the_last_place_is_exchanged_for_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 20), ("Seated", 2_500, 1)]).await;
        let mut orders = Vec::new();
        for i in 0..6 {
            orders.push(order_of(&bought(&t, &event, 0, 2, &format!("k-{i}")).await));
        }
        let steps = json!([{"kind": "change_tier", "pick": {"line": 1, "units": [1]}, "tier": event.tiers[1]}]);
        let answers = join_all(orders.iter().map(|order| change(&t, order, 1, &steps, "c"))).await;
        let (made, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(made.len(), 1, "{answers:?}");
        for answer in lost {
            answer.refused(409, "sales.sold_out");
        }
        assert_eq!(stock(&t, &event.tiers[1]).await, (0, 1));
        check(&t.app.db).await;
        t.stop().await;
    }

    /// covers: PAY-1, PAY-4
    async fn money_for_a_change_that_cannot_be_made_goes_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10), ("Seated", 4_000, 10)]).await;
        let first = bought(&t, &event, 0, 2, "k").await;
        let order = order_of(&first);
        let steps = json!([{"kind": "change_tier", "pick": {"line": 1, "units": [1]}, "tier": event.tiers[1]}]);
        let waiting = changed(&t, &order, &steps, "c").await;
        // A ticket was ended in between.
        let ticket = text(&first["tickets"][0]["id"]);
        let other = text(&first["tickets"][1]["id"]);
        for ticket in [ticket, other] {
            t.organiser.post(&format!("/api/v1/tickets/{ticket}/revoke"), json!({})).await.expect(200);
        }
        let paid = pay(&t, &waiting, "p").await.expect(201);
        assert_eq!((&paid["order"]["state"], &paid["payment"]["state"]), (&json!("expired"), &json!("refunded")));
        assert_eq!(stock(&t, &event.tiers[1]).await, (0, 0));
        assert_eq!(seen(&t, &first).await["order"]["total_minor"], 5_000);
        let path = format!("/api/v1/shop/orders/{order}/changes");
        let again = crate::changes::buyer(&t, &first).post_once(&path, "c", &json!({"version": 1, "steps": steps})).await;
        let again = again.expect(200);
        assert_eq!((&again["state"], &again["supplement"]), (&json!("void"), &waiting["supplement"]));

        // The order was paid back in between.
        let second = bought(&t, &event, 0, 1, "k2").await;
        let steps = json!([{"kind": "change_tier", "pick": {"line": 1}, "tier": event.tiers[1]}]);
        let waiting = changed(&t, &order_of(&second), &steps, "c2").await;
        t.organiser.post(&format!("/api/v1/orders/{}/refund", order_of(&second)), json!({})).await.expect(200);
        let paid = pay(&t, &waiting, "p2").await.expect(201);
        assert_eq!(paid["payment"]["state"], "refunded");
        assert_eq!((stock(&t, &event.tiers[0]).await, stock(&t, &event.tiers[1]).await), ((0, 2), (0, 0)));
        t.stop().await;
    }

    /// covers: BE-2
    async fn what_is_not_paid_in_time_is_for_others(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10), ("Seated", 4_000, 1)]).await;
        let first = bought(&t, &event, 0, 1, "k").await;
        let order = order_of(&first);
        let steps = json!([{"kind": "change_tier", "pick": {"line": 1}, "tier": event.tiers[1]}]);
        let waiting = changed(&t, &order, &steps, "c").await;
        let seat = json!([{"tier": event.tiers[1], "quantity": 1}]);
        buy(&t, &event, seat.clone(), "succeed", "k2").await.refused(409, "sales.sold_out");
        t.clock.advance(Duration::from_secs(16 * 60));
        bilten_server::sales::sweep(&t.app).await.unwrap();
        buy(&t, &event, seat, "succeed", "k3").await.expect(201);
        assert_eq!(pay(&t, &waiting, "p").await.status, 409);
        assert_eq!(valid(&seen(&t, &first).await), valid(&first));
        preview(&t, &order, &steps).await.refused(409, "sales.sold_out");
        check(&t.app.db).await;
        t.stop().await;
    }

    /// covers: SCAN-2, PAY-4
    async fn whoever_came_in_cannot_give_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2_500, 10)]).await;
        let first = bought(&t, &event, 0, 2, "k").await;
        let path = format!("/api/v1/events/{}/lists", event.id);
        let list = t.organiser.post(&path, json!({"name": "Day"})).await.expect(201)["id"].clone();
        let ticket = first["tickets"][0]["id"].clone();
        let scan = json!({"list": list, "ticket": ticket, "direction": "entry"});
        t.organiser.post_once(&format!("/api/v1/events/{}/check-in", event.id), "s", &scan).await.expect(200);
        let path = format!("/api/v1/orders/{}/changes", order_of(&first));
        let (mut used, mut others) = (0, Vec::new());
        for unit in [1, 2] {
            let steps = json!([{"kind": "cancel", "pick": {"line": 1, "units": [unit]}}]);
            let body = json!({"version": 1, "steps": steps, "beyond_policy": "Told at the door"});
            let answer = t.organiser.post(&format!("{path}/preview"), body.clone()).await;
            if answer.status == 200 {
                others.push(body);
            } else {
                answer.refused(409, "sales.ticket_used");
                t.organiser.post_once(&path, "used", &body).await.refused(409, "sales.ticket_used");
                used += 1;
            }
        }
        assert_eq!((used, others.len()), (1, 1), "the other one was not used");
        t.organiser.post_once(&path, "other", &others[0]).await.expect(200);
        check(&t.app.db).await;
        t.stop().await;
    }
}
