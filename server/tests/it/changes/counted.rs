//! Orders that were changed and merged, as figures and files count them.

use bilten_kernel::on_both_engines;
use serde_json::json;

use super::{bought, changed, far_event, order_of, pay};
use crate::app::TestApp;

on_both_engines! {
    /// A merged order is in the one that it was merged into, and a supplement is a part of what it changes,
    /// whether it was paid or not.
    ///
    /// covers: ORG-3, BE-2
    async fn each_order_is_counted_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10), ("Seated", 4_000, 10)]).await;
        let dearer = |line: i64| json!([{"kind": "change_tier", "pick": {"line": line, "units": [1]}, "tier": event.tiers[1]}]);
        // One that was changed, and paid for it.
        let first = bought(&t, &event, 0, 2, "k1").await;
        let waiting = changed(&t, &order_of(&first), &dearer(1), "c1").await;
        pay(&t, &waiting, "p1").await.expect(201);
        // Two that are one now.
        let second = bought(&t, &event, 0, 1, "k2").await;
        let third = bought(&t, &event, 0, 1, "k3").await;
        let merge = json!([{"kind": "merge", "order": third["order"]["id"]}]);
        changed(&t, &order_of(&second), &merge, "c2").await;
        // One whose change waits for its payment.
        let fourth = bought(&t, &event, 0, 1, "k4").await;
        let waiting = changed(&t, &order_of(&fourth), &dearer(1), "c3").await;
        assert_eq!(waiting["state"], "pending");

        let seen = t.organiser.get(&format!("/api/v1/events/{}/dashboard", event.id)).await.expect(200);
        let sales = &seen["sales"];
        assert_eq!(sales["totals"], json!([{"state": "paid", "currency": "EUR", "orders": 3, "total_minor": 14_000}]));
        let paid: Vec<_> = sales["days"].as_array().unwrap().iter().flat_map(|day| day["paid"].as_array().unwrap()).collect();
        assert_eq!(paid, [&json!({"currency": "EUR", "orders": 3, "total_minor": 14_000})]);
        let newest: Vec<_> = sales["newest"].as_array().unwrap().iter().map(|order| order["id"].clone()).collect();
        assert_eq!(newest, [&fourth, &second, &first].map(|one| one["order"]["id"].clone()));
        let all = t.organiser.get("/api/v1/dashboard").await.expect(200);
        assert_eq!(all["sales"], json!([{"currency": "EUR", "orders": 3, "total_minor": 14_000}]));

        let file = t.organiser.get(&format!("/api/v1/events/{}/orders.csv", event.id)).await;
        assert_eq!(file.status, 200, "{}", file.text);
        let rows: Vec<_> = file.text.trim_end().split("\r\n").skip(1).collect();
        assert_eq!(rows.len(), 3, "{rows:?}");
        for (order, total) in [(&first, 6_500), (&second, 5_000), (&fourth, 2_500)] {
            let row = rows.iter().find(|row| row.contains(&order_of(order))).unwrap();
            assert!(row.contains(&format!(",{total},")), "{row}");
        }

        // What was not paid in time is no order either.
        let supplement = waiting["supplement"]["order_id"].as_str().unwrap();
        let payer = t.stranger.with_token(waiting["supplement"]["token"].as_str().unwrap());
        payer.delete(&format!("/api/v1/shop/orders/{supplement}")).await.expect(204);
        let seen = t.organiser.get(&format!("/api/v1/events/{}/dashboard", event.id)).await.expect(200);
        assert_eq!(seen["sales"]["totals"], sales["totals"]);
        t.stop().await;
    }
}
