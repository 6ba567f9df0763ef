//! What goes back, by the refund policy and beyond it.

use bilten_kernel::{on_both_engines, sql, vals};
use serde_json::json;

use super::{
    bought, buyer, change, changed, check, far_event, order_of, preview, seen, stock, valid,
};
use crate::app::TestApp;
use crate::selling::event_with;

on_both_engines! {
    /// covers: PAY-4, I18N-10
    async fn a_part_is_cancelled_and_the_rest_refunded_later(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10)]).await;
        let first = bought(&t, &event, 0, 3, "k").await;
        let order = order_of(&first);
        let steps = json!([{"kind": "cancel", "pick": {"line": 1, "units": [3]}}]);
        let done = changed(&t, &order, &steps, "c").await;
        assert_eq!((&done["state"], &done["money"]["refund_minor"], &done["money"]["kept_minor"]), (&json!("done"), &json!(2_500), &json!(0)));
        let now = seen(&t, &first).await;
        assert_eq!((valid(&now).len(), &now["order"]["total_minor"]), (2, &json!(5_000)));
        let ended = now["tickets"].as_array().unwrap().iter().filter(|ticket| ticket["state"] == "cancelled");
        assert_eq!(ended.count(), 1);
        assert_eq!(stock(&t, &event.tiers[0]).await, (0, 2));
        check(&t.app.db).await;
        // Asked again with the same key, nothing goes back twice.
        assert_eq!(change(&t, &order, 1, &steps, "c").await.expect(200)["id"], done["id"]);
        check(&t.app.db).await;

        t.organiser.post(&format!("/api/v1/orders/{order}/refund"), json!({})).await.expect(200);
        let now = seen(&t, &first).await;
        assert_eq!((&now["order"]["state"], &now["payment"]["state"], valid(&now).len()), (&json!("refunded"), &json!("refunded"), 0));
        let refunds = t.organiser.get(&format!("/api/v1/orders/{order}/refunds")).await.expect(200);
        let amounts: Vec<_> = refunds["items"].as_array().unwrap().iter().map(|one| one["amount_minor"].as_i64().unwrap()).collect();
        assert_eq!(amounts, [2_500, 5_000]);
        change(&t, &order, 2, &steps, "c2").await.refused(409, "sales.state");
        check(&t.app.db).await;
        t.stop().await;
    }

    /// Half of it goes back until 48 hours before, nothing after that; staff may go beyond with a reason.
    ///
    /// covers: PAY-4, I18N-10
    async fn the_policy_says_what_goes_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let tiers = json!([{"name": "Standing", "price_minor": 2_501, "capacity": 10}]);
        let half = event_with(&t, tiers.clone(), &[100]).await;
        let first = bought(&t, &half, 0, 2, "k").await;
        let cancel = json!([{"kind": "cancel", "pick": {"line": 1, "units": [1]}}]);
        let done = changed(&t, &order_of(&first), &cancel, "c").await;
        let (back, kept) = (done["money"]["refund_minor"].as_i64().unwrap(), done["money"]["kept_minor"].as_i64().unwrap());
        assert_eq!((back + kept, back), (2_501, 1_251), "what is kept is rounded down");
        check(&t.app.db).await;

        let late = event_with(&t, tiers, &[20]).await;
        let second = bought(&t, &late, 0, 2, "k2").await;
        let order = order_of(&second);
        preview(&t, &order, &cancel).await.refused(409, "sales.refund_too_late");
        change(&t, &order, 1, &cancel, "c2").await.refused(409, "sales.refund_too_late");
        let own = format!("/api/v1/shop/orders/{order}/changes");
        let by_buyer = buyer(&t, &second);
        by_buyer.post_once(&own, "b", &json!({"version": 1, "steps": cancel})).await.refused(409, "sales.refund_too_late");
        let beyond = json!({"version": 1, "steps": cancel, "beyond_policy": "Fell ill"});
        assert_eq!(by_buyer.post_once(&own, "b2", &beyond).await.status / 100, 4, "buyers have no such field");
        let path = format!("/api/v1/orders/{order}/changes");
        let done = t.organiser.post_once(&path, "c3", &beyond).await.expect(200);
        assert_eq!((&done["money"]["refund_minor"], &done["money"]["kept_minor"]), (&json!(2_501), &json!(0)));
        let changes = t.organiser.get(&path).await.expect(200);
        assert_eq!((&changes["items"], changes["next"].is_null()), (&json!([done]), true));
        let sealed: Vec<Vec<u8>> = t.app.db.scalars(sql!("SELECT sealed_reason FROM order_changes ORDER BY id"), vals![]).await.unwrap();
        assert!(sealed.iter().all(|reason| !String::from_utf8_lossy(reason).contains("ill")));
        check(&t.app.db).await;
        t.stop().await;
    }

    /// covers: PAY-4
    async fn an_order_is_never_emptied_by_a_change(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10)]).await;
        let first = bought(&t, &event, 0, 2, "k").await;
        let all = json!([{"kind": "cancel", "pick": {"line": 1}}]);
        change(&t, &order_of(&first), 1, &all, "c").await.refused(409, "sales.change_leaves_nothing");
        assert_eq!(valid(&seen(&t, &first).await), valid(&first));
        check(&t.app.db).await;
        t.stop().await;
    }

    /// Buyers do as much themselves as the policies allow.
    ///
    /// covers: PAY-4, WEB-8
    async fn a_buyer_changes_their_own_order(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10)]).await;
        let first = bought(&t, &event, 0, 2, "k").await;
        let path = format!("/api/v1/shop/orders/{}/changes", order_of(&first));
        let own = buyer(&t, &first);
        let steps = json!([{"kind": "cancel", "pick": {"line": 1, "units": [1]}}]);
        let said = own.post(&format!("{path}/preview"), json!({"steps": steps})).await;
        assert!(said.headers["etag"].to_str().unwrap().starts_with("W/\"1."), "{:?}", said.headers);
        let body = json!({"steps": steps});
        let request = own.request(reqwest::Method::POST, &path).header("idempotency-key", "c");
        let done = own.send(request.header("if-match", "\"1\"").json(&body)).await.expect(200);
        assert_eq!((&done["money"], &done["after"]), (&said.expect(200)["money"], &said.expect(200)["after"]));
        assert_eq!(done["state"], "done");
        t.stranger.with_token(&"0".repeat(32)).post_once(&path, "x", &json!({"version": 2, "steps": steps})).await.refused(404, "sales.order_not_found");
        check(&t.app.db).await;
        t.stop().await;
    }

    /// Whoever says what they have seen gets it at that, or not at all.
    ///
    /// covers: PAY-4, WEB-4
    async fn nobody_changes_at_another_price_than_they_saw(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10), ("Seated", 4_000, 10)]).await;
        let first = bought(&t, &event, 0, 2, "k").await;
        let path = format!("/api/v1/shop/orders/{}/changes", order_of(&first));
        let own = buyer(&t, &first);
        let cancel = json!([{"kind": "cancel", "pick": {"line": 1, "units": [1]}}]);
        let dearer = json!([{"kind": "change_tier", "pick": {"line": 1}, "tier": event.tiers[1]}]);
        for (i, (steps, due, refund)) in [(&cancel, 0, 2_499), (&cancel, 1, 2_500), (&dearer, 1_499, 0), (&dearer, 0, 0)].iter().enumerate() {
            let body = json!({"version": 1, "steps": steps, "seen": {"due_minor": due, "refund_minor": refund}});
            own.post_once(&path, &format!("c-{i}"), &body).await.refused(409, "sales.change_money_changed");
            own.post(&format!("{path}/preview"), body).await.refused(409, "sales.change_money_changed");
        }
        assert_eq!(seen(&t, &first).await, first);
        let body = json!({"version": 1, "steps": cancel, "seen": {"due_minor": 0, "refund_minor": 2_500}});
        assert_eq!(own.post_once(&path, "d", &body).await.expect(200)["state"], "done");
        let body = json!({"version": 2, "steps": dearer, "seen": {"due_minor": 1_500, "refund_minor": 0}});
        assert_eq!(own.post_once(&path, "e", &body).await.expect(200)["state"], "pending");
        check(&t.app.db).await;
        t.stop().await;
    }
}
