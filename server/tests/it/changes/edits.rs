//! Every kind of step, one by one.

use bilten_kernel::on_both_engines;
use serde_json::{Value, json};

use super::{
    bought, change, changed, check, far_event, order_of, pay, preview, seen, stock, valid,
};
use crate::app::{Event, TestApp};
use crate::selling::{buy, event_with, named, seated, text};

async fn dates(t: &TestApp, event: &Event) -> Vec<String> {
    let path = format!("/api/v1/events/{}", event.id);
    let event = t.organiser.get(&path).await.expect(200);
    let dates = event["occurrences"].as_array().unwrap().iter();
    dates.map(|date| text(&date["id"])).collect()
}

on_both_engines! {
    /// covers: BE-2, PAY-4, SCAN-2
    async fn a_dearer_tier_waits_for_its_payment(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10), ("Seated", 4_000, 10)]).await;
        let first = bought(&t, &event, 0, 2, "k").await;
        let order = order_of(&first);
        let steps = json!([{"kind": "change_tier", "pick": {"line": 1, "units": [2]}, "tier": event.tiers[1]}]);
        let waiting = changed(&t, &order, &steps, "c").await;
        assert_eq!(waiting["state"], "pending");
        let money = &waiting["money"];
        assert_eq!((&money["credit_minor"], &money["cost_minor"], &money["due_minor"]), (&json!(2_500), &json!(4_000), &json!(1_500)));
        assert_eq!(waiting["supplement"]["total_minor"], 1_500);
        // Until it is paid the order is as it was, and what is to come is held.
        let same = seen(&t, &first).await;
        assert_eq!((&same["order"]["items"], valid(&same)), (&first["order"]["items"], valid(&first)));
        assert_eq!((stock(&t, &event.tiers[0]).await, stock(&t, &event.tiers[1]).await), ((0, 2), (1, 0)));
        check(&t.app.db).await;
        preview(&t, &order, &steps).await.refused(409, "sales.change_waiting");
        change(&t, &order, 2, &steps, "c2").await.refused(409, "sales.change_waiting");

        let paid = pay(&t, &waiting, "p").await.expect(201);
        assert_eq!((&paid["order"]["state"], &paid["payment"]["amount_minor"]), (&json!("paid"), &json!(1_500)));
        assert_eq!(pay(&t, &waiting, "p").await.expect(201)["payment"]["id"], paid["payment"]["id"]);
        let now = seen(&t, &first).await;
        assert_eq!(now["order"]["total_minor"], 6_500);
        let tiers: Vec<_> = now["order"]["items"].as_array().unwrap().iter().map(|item| item["tier_id"].clone()).collect();
        assert_eq!(tiers, [json!(event.tiers[0]), json!(event.tiers[1])]);
        let (before, after) = (valid(&first), valid(&now));
        assert_eq!(before.len(), after.len());
        let renewed: Vec<_> = before.iter().zip(&after).filter(|(old, new)| old != new).collect();
        assert_eq!(renewed.len(), 1, "one ticket is issued anew, under its id");
        let (old, new) = renewed[0];
        assert_eq!((&old.0, old.1 + 1), (&new.0, new.1));
        assert_ne!(old.2, new.2, "the old code is dead");
        assert_eq!((stock(&t, &event.tiers[0]).await, stock(&t, &event.tiers[1]).await), ((0, 1), (0, 1)));
        // Asked again with the same key, it is answered as it stands.
        let again = crate::changes::buyer(&t, &first);
        let path = format!("/api/v1/shop/orders/{order}/changes");
        let again = again.post_once(&path, "c", &json!({"version": 1, "steps": steps})).await.expect(200);
        assert_eq!((&again["id"], &again["state"]), (&waiting["id"], &json!("done")));
        check(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-2, PAY-4
    async fn a_cheaper_tier_gives_the_rest_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10), ("Seated", 4_000, 10)]).await;
        let first = bought(&t, &event, 1, 1, "k").await;
        let steps = json!([{"kind": "change_tier", "pick": {"line": 1}, "tier": event.tiers[0]}]);
        let done = changed(&t, &order_of(&first), &steps, "c").await;
        assert_eq!((&done["state"], &done["money"]["refund_minor"], &done["money"]["refund_reason"]), (&json!("done"), &json!(1_500), &json!("window")));
        let refunds = t.organiser.get(&format!("/api/v1/orders/{}/refunds", order_of(&first))).await.expect(200);
        assert_eq!((&refunds["items"][0]["amount_minor"], &refunds["items"][0]["state"]), (&json!(1_500), &json!("succeeded")));
        let now = seen(&t, &first).await;
        assert_eq!((&now["order"]["total_minor"], &now["payment"]["state"]), (&json!(2_500), &json!("succeeded")));
        check(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-2, ORG-3
    async fn a_date_is_exchanged_if_there_is_room(db: TestDb) {
        let t = TestApp::start(db).await;
        let tiers = json!([{"name": "Standing", "price_minor": 2_500, "capacity": 1, "per_date": true}]);
        let event = event_with(&t, tiers, &[700, 800, 900]).await;
        let dates = dates(&t, &event).await;
        let on = |date: &str| json!([{"tier": event.tiers[0], "quantity": 1, "occurrence": date}]);
        let first = buy(&t, &event, on(&dates[0]), "succeed", "k").await.expect(201);
        buy(&t, &event, on(&dates[1]), "succeed", "k2").await.expect(201);
        let to = |date: &str| json!([{"kind": "change_date", "pick": {"line": 1}, "occurrence": date}]);
        // A date that is sold out is refused, and nothing has changed.
        let order = order_of(&first);
        preview(&t, &order, &to(&dates[1])).await.refused(409, "sales.sold_out");
        change(&t, &order, 1, &to(&dates[1]), "c").await.refused(409, "sales.sold_out");
        assert_eq!(seen(&t, &first).await, first);
        check(&t.app.db).await;

        let done = changed(&t, &order, &to(&dates[2]), "c2").await;
        assert_eq!((&done["state"], &done["money"]["due_minor"], &done["money"]["refund_minor"]), (&json!("done"), &json!(0), &json!(0)));
        let now = seen(&t, &first).await;
        assert_eq!((&now["tickets"][0]["occurrence_id"], &now["tickets"][0]["version"]), (&json!(dates[2]), &json!(2)));
        // The first date has a place again.
        buy(&t, &event, on(&dates[0]), "succeed", "k3").await.expect(201);
        check(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-2, WEB-4
    async fn seats_are_exchanged_and_free_again(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, _) = seated(&t, 1, 2, 10).await;
        let first = buy(&t, &event, named(&event, &["1-1-1", "1-1-2"]), "succeed", "k").await.expect(201);
        let other = buy(&t, &event, named(&event, &["1-1-3"]), "succeed", "k2").await.expect(201);
        let to = |seats: &[&str]| json!([{"kind": "change_seats", "pick": {"line": 1, "units": [2]}, "seats": seats}]);
        let order = order_of(&first);
        assert_eq!(preview(&t, &order, &to(&["1-1-3"])).await.status, 409, "somebody has it");
        let done = changed(&t, &order, &to(&["1-1-9"]), "c").await;
        assert_eq!((&done["state"], &done["after"]["total_minor"]), (&json!("done"), &json!(5_000)));
        let now = seen(&t, &first).await;
        let mut seats: Vec<_> = now["tickets"].as_array().unwrap().iter().map(|ticket| text(&ticket["seat_id"])).collect();
        seats.sort();
        assert_eq!(seats, ["1-1-1", "1-1-9"]);
        check(&t.app.db).await;
        buy(&t, &event, named(&event, &["1-1-2"]), "succeed", "k3").await.expect(201);
        // Paid back, all seats of the order are free, the new one as well.
        t.organiser.post(&format!("/api/v1/orders/{order}/refund"), json!({})).await.expect(200);
        buy(&t, &event, named(&event, &["1-1-1", "1-1-9"]), "succeed", "k4").await.expect(201);
        assert_eq!(valid(&seen(&t, &other).await), valid(&other));
        check(&t.app.db).await;
        t.stop().await;
    }

    /// covers: SCAN-2, WEB-8
    async fn somebody_else_comes_with_a_ticket(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10)]).await;
        let first = bought(&t, &event, 0, 2, "k").await;
        let steps = json!([{"kind": "change_holder", "ticket": 2, "name": "Bor Kos", "email": "bor@example.com"}]);
        let done = changed(&t, &order_of(&first), &steps, "c").await;
        assert_eq!((&done["state"], &done["after"]["total_minor"]), (&json!("done"), &json!(5_000)));
        let now = seen(&t, &first).await;
        let named: Vec<&Value> = now["tickets"].as_array().unwrap().iter().filter(|ticket| ticket["holder_name"] == "Bor Kos").collect();
        assert_eq!((named.len(), &named[0]["version"]), (1, &json!(2)));
        let said = t.organiser.get(&format!("/api/v1/orders/{}/answers", order_of(&first))).await.expect(200);
        assert_eq!((&said["tickets"][0]["number"], &said["tickets"][0]["holder_email"]), (&json!(2), &json!("bor@example.com")));
        check(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-2
    async fn more_is_added_when_it_is_paid(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 3), ("Child", 0, 10)]).await;
        let first = bought(&t, &event, 0, 1, "k").await;
        let order = order_of(&first);
        let add = |tier: usize, quantity: u32| json!([{
            "kind": "add", "items": [{"tier": event.tiers[tier], "quantity": quantity}], "tickets": [{"name": "Bor Kos"}],
        }]);
        preview(&t, &order, &add(0, 3)).await.refused(409, "sales.sold_out");
        let waiting = changed(&t, &order, &add(0, 2), "c").await;
        assert_eq!((&waiting["state"], &waiting["money"]["due_minor"]), (&json!("pending"), &json!(5_000)));
        pay(&t, &waiting, "p").await.expect(201);
        // What costs nothing is there at once.
        let free = changed(&t, &order, &add(1, 1), "c2").await;
        assert_eq!(free["state"], "done");
        let now = seen(&t, &first).await;
        assert_eq!((valid(&now).len(), &now["order"]["total_minor"]), (4, &json!(7_500)));
        let names = now["tickets"].as_array().unwrap().iter().filter(|ticket| ticket["holder_name"] == "Bor Kos");
        assert_eq!(names.count(), 2);
        assert!(valid(&now).contains(&valid(&first)[0]), "what was there is as it was");
        check(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-2, PAY-4
    async fn several_steps_are_one_change(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10), ("Seated", 4_000, 10)]).await;
        let first = bought(&t, &event, 0, 4, "k").await;
        let steps = json!([
            {"kind": "cancel", "pick": {"line": 1, "units": [1, 2]}},
            {"kind": "change_tier", "pick": {"line": 1, "units": [4]}, "tier": event.tiers[1]},
            {"kind": "add", "items": [{"tier": event.tiers[1], "quantity": 1}]},
        ]);
        // 1,500 for the other tier and 4,000 for one more, less 5,000 for what is cancelled.
        let waiting = changed(&t, &order_of(&first), &steps, "c").await;
        assert_eq!(waiting["money"]["due_minor"], 500);
        pay(&t, &waiting, "p").await.expect(201);
        let now = seen(&t, &first).await;
        assert_eq!((&now["order"]["total_minor"], valid(&now).len()), (&json!(10_500), 3));
        check(&t.app.db).await;
        t.stop().await;
    }
}
