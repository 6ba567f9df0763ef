//! Orders that are split and merged.

use bilten_kernel::on_both_engines;
use serde_json::{Value, json};

use super::{
    bought, buyer, change, changed, check, far_event, order_of, preview, seen, stock, valid,
};
use crate::app::TestApp;
use crate::selling::{buy, buying, named, seated, text};

on_both_engines! {
    /// covers: BE-2, PAY-4
    async fn one_order_becomes_two_and_one_again(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10), ("Seated", 4_000, 10)]).await;
        let items = json!([{"tier": event.tiers[0], "quantity": 2}, {"tier": event.tiers[1], "quantity": 1}]);
        let mut body = buying(&event, items, "succeed");
        body["tickets"] = json!([{"name": "Bor Kos"}, {"name": "Cene Kos"}, {"name": "Dora Kos"}]);
        let first = t.stranger.post_once("/api/v1/shop/orders", "k", &body).await.expect(201);
        let order = order_of(&first);
        let before = (stock(&t, &event.tiers[0]).await, stock(&t, &event.tiers[1]).await);
        let steps = json!([{"kind": "split", "picks": [{"line": 1, "units": [1]}, {"line": 2}]}]);
        let done = changed(&t, &order, &steps, "c").await;
        let other = done["other"].clone();
        assert_eq!((&done["after"]["total_minor"], &other["total_minor"]), (&json!(2_500), &json!(6_500)));
        assert_eq!((stock(&t, &event.tiers[0]).await, stock(&t, &event.tiers[1]).await), before, "no stock is touched");
        check(&t.app.db).await;

        // Tickets move as they are: with their codes and those who come.
        let left = seen(&t, &first).await;
        let path = format!("/api/v1/shop/orders/{}", text(&other["order_id"]));
        let own = t.stranger.with_token(other["token"].as_str().unwrap());
        let moved = own.get(&path).await.expect(200);
        assert_eq!((&moved["order"]["total_minor"], &moved["order"]["state"]), (&json!(6_500), &json!("paid")));
        assert_eq!(moved["payment"]["id"], first["payment"]["id"], "the money is where it was paid");
        let mut names: Vec<_> = left["tickets"].as_array().unwrap().iter().map(|ticket| text(&ticket["holder_name"])).collect();
        assert_eq!(names.len(), 1);
        let said = t.organiser.get(&format!("/api/v1/orders/{}/answers", text(&other["order_id"]))).await.expect(200);
        names.extend(said["tickets"].as_array().unwrap().iter().map(|one| text(&one["holder_name"])));
        names.sort();
        assert_eq!(names, ["Bor Kos", "Cene Kos", "Dora Kos"]);
        let ids: Vec<_> = valid(&first).into_iter().filter(|one| !valid(&left).contains(one)).collect();
        assert_eq!(ids.len(), 2);
        assert_eq!(valid(&moved), ids);

        // The buyer, who has the secrets of both, makes them one again.
        let merge = |token: &str| json!([{"kind": "merge", "order": other["order_id"], "token": token}]);
        let changes = format!("/api/v1/shop/orders/{order}/changes");
        let by_buyer = buyer(&t, &first);
        let refused = json!({"version": 2, "steps": merge(&"0".repeat(32))});
        by_buyer.post_once(&changes, "b", &refused).await.refused(404, "sales.order_not_found");
        let body = json!({"version": 2, "steps": merge(other["token"].as_str().unwrap())});
        let done = by_buyer.post_once(&changes, "b2", &body).await.expect(200);
        assert_eq!((&done["state"], &done["after"]["total_minor"]), (&json!("done"), &json!(9_000)));
        let again = seen(&t, &first).await;
        assert_eq!(valid(&again), valid(&first), "every ticket is as it was bought");
        let said = t.organiser.get(&format!("/api/v1/orders/{order}/answers")).await.expect(200);
        assert_eq!(said["tickets"].as_array().unwrap().len(), 3);
        check(&t.app.db).await;
        // What was merged is nobody's any more.
        let steps = json!([{"kind": "cancel", "pick": {"line": 1}}]);
        let gone = own.post_once(&format!("{path}/changes"), "g", &json!({"version": 2, "steps": steps})).await;
        gone.refused(409, "sales.order_merged");
        t.stop().await;
    }

    /// covers: PAY-4
    async fn each_part_gets_its_own_money_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10)]).await;
        let first = bought(&t, &event, 0, 3, "k").await;
        let order = order_of(&first);
        let steps = json!([{"kind": "split", "picks": [{"line": 1, "units": [3]}]}]);
        let done = changed(&t, &order, &steps, "c").await;
        let other = text(&done["other"]["order_id"]);
        t.organiser.post(&format!("/api/v1/orders/{other}/refund"), json!({})).await.expect(200);
        check(&t.app.db).await;
        let left = seen(&t, &first).await;
        assert_eq!((&left["order"]["state"], &left["payment"]["state"], valid(&left).len()), (&json!("paid"), &json!("succeeded"), 2));
        t.organiser.post(&format!("/api/v1/orders/{order}/refund"), json!({})).await.expect(200);
        assert_eq!(seen(&t, &first).await["payment"]["state"], "refunded");
        assert_eq!(stock(&t, &event.tiers[0]).await, (0, 0));
        check(&t.app.db).await;
        t.stop().await;
    }

    /// Seats go with their order, and are free when that is refunded.
    ///
    /// covers: BE-2, WEB-4
    async fn two_orders_of_one_buyer_become_one(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, _) = seated(&t, 1, 2, 10).await;
        let first = buy(&t, &event, named(&event, &["1-1-1"]), "succeed", "k").await.expect(201);
        let second = buy(&t, &event, named(&event, &["1-1-2", "1-1-3"]), "succeed", "k2").await.expect(201);
        let mut body = buying(&event, named(&event, &["1-1-4"]), "succeed");
        body["buyer"] = json!({"email": "bor@example.com", "name": "Bor Kos"});
        let foreign = t.stranger.post_once("/api/v1/shop/orders", "k3", &body).await.expect(201);
        let order = order_of(&first);
        let merge = |other: &Value| json!([{"kind": "merge", "order": other["order"]["id"]}]);
        preview(&t, &order, &merge(&foreign)).await.refused(409, "sales.not_mergeable");
        change(&t, &order, 1, &merge(&foreign), "c").await.refused(409, "sales.not_mergeable");
        preview(&t, &order, &merge(&first)).await.refused(409, "sales.not_mergeable");
        let done = changed(&t, &order, &merge(&second), "c2").await;
        assert_eq!(done["after"]["total_minor"], 7_500);
        let mut tickets = valid(&first);
        tickets.extend(valid(&second));
        tickets.sort();
        assert_eq!(valid(&seen(&t, &first).await), tickets);
        assert_eq!(seen(&t, &second).await["tickets"], json!([]));
        // Nothing of it is left to be paid back, and nobody is led to it.
        let merged = order_of(&second);
        t.organiser.post(&format!("/api/v1/orders/{merged}/refund"), json!({})).await.refused(409, "sales.order_merged");
        assert_eq!(seen(&t, &second).await["order"]["state"], "paid");
        let lookup = json!({"event": event.id, "email": "ana@example.com"});
        t.stranger.post("/api/v1/shop/order-lookups", lookup).await.expect(202);
        let mail = t.mail_to("ana@example.com").await;
        assert!(mail.text.contains(&order) && !mail.text.contains(&merged), "{}", mail.text);
        check(&t.app.db).await;
        t.organiser.post(&format!("/api/v1/orders/{order}/refund"), json!({})).await.expect(200);
        assert_eq!(seen(&t, &second).await["payment"]["state"], "refunded", "both payments went back");
        buy(&t, &event, named(&event, &["1-1-1", "1-1-2", "1-1-3"]), "succeed", "k4").await.expect(201);
        check(&t.app.db).await;
        t.stop().await;
    }
}
