//! The refund policy that was shown at purchase, and the one of today.

use std::time::Duration;

use bilten_kernel::db::DbError;
use bilten_kernel::on_both_engines;
use bilten_kernel::{sql, vals};
use reqwest::Method;
use serde_json::{Value, json};

use super::{bought, buyer, changed, check, far_event, order_of, preview};
use crate::app::{Answer, Event, TestApp};

/// A policy under which so much of the price is kept until a day before the start.
fn keeping(basis_points: u32) -> Value {
    json!({
        "refund": {
            "windows": [{"until_minutes_before": 1_440, "keep_basis_points": basis_points, "keep_minor": 0}],
            "fees_too": false, "withdrawal_minutes": 0, "moved_minutes": 20_160,
        },
        "transfer": {"allowed": true, "most": 5, "freeze_minutes": 60},
        "resale": {"allowed": true, "cap_basis_points": 10_000, "fee_basis_points": 0, "freeze_minutes": 1_440},
    })
}

/// Saves a policy of an event over version `version`, some time after whatever was before.
async fn save(t: &TestApp, event: &Event, policy: Value, version: i64) -> Answer {
    t.clock.advance(Duration::from_secs(60));
    let mut body = policy;
    if version > 0 {
        body["version"] = json!(version);
    }
    let path = format!("/api/v1/events/{}/policies/*", event.id);
    let request = t.organiser.request(Method::PUT, &path).json(&body);
    let saved = t.organiser.send(request).await;
    t.clock.advance(Duration::from_secs(60));
    saved
}

/// Leaves the policy of an event as one of which nobody wrote down what was before.
async fn forget_versions(t: &TestApp, event: &Event) {
    let id = event.id.clone();
    let done: Result<u64, DbError> = t
        .app
        .db
        .write(move |c| {
            Box::pin(async move {
                c.exec(
                    sql!("DELETE FROM policy_versions WHERE event_id = $1"),
                    vals![&id],
                )
                .await?;
                c.exec(
                    sql!("UPDATE policies SET revision = 2 WHERE event_id = $1"),
                    vals![&id],
                )
                .await
            })
        })
        .await;
    assert_eq!(done.unwrap(), 1);
}

fn cancel_one() -> Value {
    json!([{"kind": "cancel", "pick": {"line": 1, "units": [1]}}])
}

/// What goes back of one unit, and what is kept.
async fn goes_back(t: &TestApp, order: &str) -> (i64, i64) {
    let said = preview(t, order, &cancel_one()).await.expect(200);
    let money = &said["money"];
    (
        money["refund_minor"].as_i64().unwrap(),
        money["kept_minor"].as_i64().unwrap(),
    )
}

on_both_engines! {
    /// covers: PAY-4, I18N-10
    async fn a_stricter_policy_does_not_reach_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_000, 20)]).await;
        save(&t, &event, keeping(1_000), 0).await.expect(200);
        let first = bought(&t, &event, 0, 3, "k").await;
        save(&t, &event, keeping(8_000), 1).await.expect(200);
        let second = bought(&t, &event, 0, 3, "k2").await;
        assert_eq!(goes_back(&t, &order_of(&first)).await, (1_800, 200));
        assert_eq!(goes_back(&t, &order_of(&second)).await, (400, 1_600));
        // A refund at will that is not offered any more is still theirs to whom it was.
        let mut none = keeping(0);
        none["refund"]["windows"] = json!([]);
        save(&t, &event, none, 2).await.expect(200);
        let third = bought(&t, &event, 0, 2, "k3").await;
        assert_eq!(goes_back(&t, &order_of(&second)).await, (400, 1_600));
        preview(&t, &order_of(&third), &cancel_one()).await.refused(409, "sales.refund_not_offered");
        // So it is for whoever asks with their order's secret.
        let own = format!("/api/v1/shop/orders/{}/changes", order_of(&first));
        let body = json!({"version": 1, "steps": cancel_one()});
        let done = buyer(&t, &first).post_once(&own, "c", &body).await.expect(200);
        assert_eq!((&done["money"]["refund_minor"], &done["money"]["refund_reason"]), (&json!(1_800), &json!("window")));
        check(&t.app.db).await;
        // What is split off was bought when the rest was.
        let split = json!([{"kind": "split", "picks": [{"line": 1, "units": [1]}]}]);
        let parts = changed(&t, &order_of(&second), &split, "s").await;
        assert_eq!(goes_back(&t, &order_of(&second)).await, (400, 1_600));
        let part = parts["other"]["order_id"].as_str().unwrap();
        let back: i64 = t.app.db.scalar(sql!("SELECT bought_at FROM orders WHERE id = $1"), vals![part]).await.unwrap();
        let made: i64 = t.app.db.scalar(sql!("SELECT created_at FROM orders WHERE id = $1"), vals![order_of(&second)]).await.unwrap();
        assert_eq!(back, made);
        t.stop().await;
    }

    /// covers: PAY-4, I18N-10
    async fn a_kinder_policy_is_for_all(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_000, 20)]).await;
        save(&t, &event, keeping(8_000), 0).await.expect(200);
        let first = bought(&t, &event, 0, 3, "k").await;
        assert_eq!(goes_back(&t, &order_of(&first)).await, (400, 1_600));
        save(&t, &event, keeping(2_500), 1).await.expect(200);
        assert_eq!(goes_back(&t, &order_of(&first)).await, (1_500, 500));
        // Dropped, what is wider holds: everything goes back that far from the start.
        let path = format!("/api/v1/events/{}/policies/*", event.id);
        t.organiser.delete(&path).await.expect(204);
        assert_eq!(goes_back(&t, &order_of(&first)).await, (2_000, 0));
        // And where what was shown is not known, the policy of today holds alone.
        save(&t, &event, keeping(5_000), 0).await.expect(200);
        assert_eq!(goes_back(&t, &order_of(&first)).await, (1_000, 1_000));
        forget_versions(&t, &event).await;
        assert_eq!(goes_back(&t, &order_of(&first)).await, (1_000, 1_000));
        t.stop().await;
    }
}
