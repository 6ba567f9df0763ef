//! What cannot be is refused, and nothing has happened.

use bilten_kernel::on_both_engines;
use serde_json::json;

use super::{bought, change, check, far_event, order_of, preview, seen, stock, valid};
use crate::app::TestApp;
use crate::selling::buy;

on_both_engines! {
    /// covers: BE-2, BE-6
    async fn strange_steps_are_refused(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10), ("Seated", 4_000, 10)]).await;
        let other = far_event(&t, &[("Standing", 2_500, 10)]).await;
        let first = bought(&t, &event, 0, 2, "k").await;
        let order = order_of(&first);
        let (tier, foreign) = (&event.tiers[1], &other.tiers[0]);
        let pick = json!({"line": 1, "units": [1]});
        for (i, steps) in [
            json!([]),
            json!([{"kind": "vanish"}]),
            json!([{"kind": "cancel"}]),
            json!([{"kind": "cancel", "pick": {"line": 0}}]),
            json!([{"kind": "cancel", "pick": {"line": 2}}]),
            json!([{"kind": "cancel", "pick": {"line": -1}}]),
            json!([{"kind": "cancel", "pick": {"line": 1, "units": [0]}}]),
            json!([{"kind": "cancel", "pick": {"line": 1, "units": [3]}}]),
            json!([{"kind": "cancel", "pick": {"line": 1, "units": [1, 1]}}]),
            json!([{"kind": "cancel", "pick": {"line": 1, "units": [4_294_967_295u32]}}]),
            json!([{"kind": "cancel", "pick": pick, "more": 1}]),
            json!([{"kind": "cancel", "pick": pick}, {"kind": "change_tier", "pick": pick, "tier": tier}]),
            json!([{"kind": "change_tier", "pick": pick, "tier": foreign}]),
            json!([{"kind": "change_tier", "pick": pick, "tier": "tir_1"}]),
            json!([{"kind": "change_tier", "pick": pick, "tier": tier, "seats": ["1-1-1"]}]),
            json!([{"kind": "change_tier", "pick": pick, "tier": tier, "chosen_minor": -1}]),
            json!([{"kind": "change_tier", "pick": pick, "tier": tier, "chosen_minor": 1.5}]),
            json!([{"kind": "change_date", "pick": pick, "occurrence": "occ_01kdvm6x00fazbzzr4pc4snbka"}]),
            json!([{"kind": "change_seats", "pick": pick, "seats": ["1-1-1"]}]),
            json!([{"kind": "change_holder", "ticket": 3, "name": "Bor Kos"}]),
            json!([{"kind": "change_holder", "ticket": 0, "name": "Bor Kos"}]),
            json!([{"kind": "change_holder", "ticket": 1, "name": " "}]),
            json!([{"kind": "change_holder", "ticket": 1, "name": "Bor\u{0}Kos"}]),
            json!([{"kind": "change_holder", "ticket": 1, "name": "Bor", "email": "nobody"}]),
            json!([{"kind": "change_holder", "ticket": 1, "name": "Bor"}, {"kind": "cancel", "pick": pick}]),
            json!([{"kind": "add", "items": []}]),
            json!([{"kind": "add", "items": [{"tier": tier, "quantity": 0}]}]),
            json!([{"kind": "add", "items": [{"tier": tier, "quantity": 4_294_967_295u32}]}]),
            json!([{"kind": "add", "items": [{"tier": tier, "quantity": 1}], "tickets": [{}, {}]}]),
            json!([{"kind": "add", "items": [{"tier": tier, "quantity": 1}], "tickets": [{"email": "a@example.com"}]}]),
            json!([{"kind": "split", "picks": []}]),
            json!([{"kind": "split", "picks": [{"line": 1}]}]),
            json!([{"kind": "split", "picks": [pick]}, {"kind": "cancel", "pick": {"line": 1, "units": [2]}}]),
            json!([{"kind": "merge", "order": "ord_01kdvm6x00fazbzzr4pc4snbka"}]),
            json!([{"kind": "merge", "order": order}]),
            json!(vec![json!({"kind": "cancel", "pick": pick}); 21]),
        ].into_iter().enumerate() {
            for answer in [preview(&t, &order, &steps).await, change(&t, &order, 1, &steps, &format!("c-{i}")).await] {
                assert_eq!(answer.status / 100, 4, "{steps}: {} {}", answer.status, answer.text);
                assert_eq!(answer.headers["content-type"], "application/problem+json", "{steps}");
            }
        }
        assert_eq!(seen(&t, &first).await["order"], first["order"]);
        assert_eq!(valid(&seen(&t, &first).await), valid(&first));
        assert_eq!((stock(&t, &event.tiers[0]).await, stock(&t, &event.tiers[1]).await), ((0, 2), (0, 0)));
        check(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-2, GW-4
    async fn a_change_starts_from_what_was_seen(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10)]).await;
        let order = order_of(&bought(&t, &event, 0, 3, "k").await);
        let path = format!("/api/v1/orders/{order}/changes");
        let steps = json!([{"kind": "cancel", "pick": {"line": 1, "units": [1]}}]);
        t.organiser.post_once(&path, "c", &json!({"steps": steps})).await.refused(422, "invalid");
        t.organiser.post_once(&path, "c1", &json!({"version": 2, "steps": steps})).await.refused(409, "sales.order_version_conflict");
        let with = |tag: &'static str, key: &'static str| {
            let request = t.organiser.request(reqwest::Method::POST, &path).header("idempotency-key", key);
            t.organiser.send(request.header("if-match", tag).json(&json!({"steps": steps})))
        };
        with("\"2\"", "c2").await.refused(412, "precondition_failed");
        assert_eq!(with("\"1\"", "c3").await.expect(200)["version"], 2);
        with("\"1\"", "c4").await.refused(412, "precondition_failed");
        check(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-1, BE-2
    async fn orders_of_others_and_unpaid_ones_are_not_changed(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10)]).await;
        let first = bought(&t, &event, 0, 2, "k").await;
        let path = format!("/api/v1/orders/{}/changes", order_of(&first));
        let steps = json!([{"kind": "cancel", "pick": {"line": 1, "units": [1]}}]);
        let body = json!({"version": 1, "steps": steps});
        let stranger = t.other_organiser().await;
        stranger.post_once(&path, "c", &body).await.refused(404, "sales.order_not_found");
        stranger.post(&format!("{path}/preview"), body.clone()).await.refused(404, "sales.order_not_found");
        stranger.get(&path.replace("/changes", "/refunds")).await.refused(404, "sales.order_not_found");
        t.stranger.post_once(&path, "c", &body).await.expect(401);
        let items = json!([{"tier": event.tiers[0], "quantity": 1}]);
        let pending = buy(&t, &event, items, "decline", "k2").await.expect(201);
        change(&t, &order_of(&pending), 1, &steps, "c").await.refused(409, "sales.state");
        preview(&t, &order_of(&pending), &steps).await.refused(409, "sales.state");
        check(&t.app.db).await;
        t.stop().await;
    }

    /// Whoever adds is counted like whoever buys; what is given back may be bought again.
    ///
    /// covers: BE-2, PAY-3
    async fn limits_hold_for_what_is_added(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10), ("Child", 0, 10)]).await;
        let limits = t.organiser.request(reqwest::Method::PUT, &format!("/api/v1/events/{}/purchase-limits", event.id));
        t.organiser.send(limits.json(&json!({"per_email": 4}))).await.expect(200);
        let first = bought(&t, &event, 0, 3, "k").await;
        let own = crate::changes::buyer(&t, &first);
        let path = format!("/api/v1/shop/orders/{}/changes", order_of(&first));
        let add = |count: u32| json!([{"kind": "add", "items": [{"tier": event.tiers[1], "quantity": count}]}]);
        own.post_once(&path, "a", &json!({"version": 1, "steps": add(2)})).await.refused(409, "sales.purchase_limit");
        own.post_once(&path, "b", &json!({"version": 1, "steps": add(1)})).await.expect(200);
        own.post_once(&path, "c", &json!({"version": 2, "steps": add(1)})).await.refused(409, "sales.purchase_limit");
        let cancel = json!([{"kind": "cancel", "pick": {"line": 1, "units": [1, 2]}}]);
        own.post_once(&path, "d", &json!({"version": 2, "steps": cancel})).await.expect(200);
        // Two are left of four: staff adds as it likes, and that counts for the buyer, too.
        let done = change(&t, &order_of(&first), 3, &add(2), "e").await.expect(200);
        assert_eq!(done["state"], "done");
        own.post_once(&path, "f", &json!({"version": 4, "steps": add(1)})).await.refused(409, "sales.purchase_limit");
        // What waits for its payment counts until it is over.
        t.organiser.post(&format!("/api/v1/orders/{}/refund", order_of(&first)), json!({})).await.expect(200);
        let second = bought(&t, &event, 0, 3, "k2").await;
        let own = crate::changes::buyer(&t, &second);
        let path = format!("/api/v1/shop/orders/{}/changes", order_of(&second));
        let dear = json!([{"kind": "add", "items": [{"tier": event.tiers[0], "quantity": 1}]}]);
        let waiting = own.post_once(&path, "g", &json!({"version": 1, "steps": dear})).await.expect(200);
        assert_eq!(waiting["state"], "pending");
        let one = json!([{"tier": event.tiers[1], "quantity": 1}]);
        buy(&t, &event, one.clone(), "succeed", "k3").await.refused(409, "sales.purchase_limit");
        let payer = t.stranger.with_token(waiting["supplement"]["token"].as_str().unwrap());
        let supplement = format!("/api/v1/shop/orders/{}", waiting["supplement"]["order_id"].as_str().unwrap());
        payer.delete(&supplement).await.expect(204);
        buy(&t, &event, one, "succeed", "k4").await.expect(201);
        check(&t.app.db).await;
        t.stop().await;
    }
}
