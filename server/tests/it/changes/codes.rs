//! Orders that were bought with codes: what stays, what comes, what goes, and what the codes are counted for.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_kernel::{sql, vals};
use serde_json::{Value, json};

use super::{change, changed, check, far_event, order_of, pay, preview, seen};
use crate::app::{Event, TestApp};
use crate::selling::{buying, text};

async fn code(t: &TestApp, event: &Event, code: &str, rule: Value) -> Value {
    let body = json!({"code": code, "event": event.id, "rule": rule});
    t.organiser
        .post("/api/v1/promo-codes", body)
        .await
        .expect(201)
}

/// A share off, in millionths, with more to it.
fn share(rate: u32, more: Value) -> Value {
    let mut rule = json!({"effect": {"kind": "percentage", "rate": rate}});
    let fields = rule.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    rule
}

/// Two are paid, the third is free.
fn third_free() -> Value {
    json!({"effect": {"kind": "buy_get", "buy": 2, "get": 1, "rate": 1_000_000}})
}

async fn bought_with(
    t: &TestApp,
    event: &Event,
    code: &str,
    (tier, quantity): (usize, u32),
    key: &str,
) -> Value {
    let items = json!([{"tier": event.tiers[tier], "quantity": quantity}]);
    let mut body = buying(event, items, "succeed");
    body["codes"] = json!([code]);
    let answer = t.stranger.post_once("/api/v1/shop/orders", key, &body);
    answer.await.expect(201)
}

/// How often a code is used, what it took off, and of how many units that are paid for.
async fn used(t: &TestApp, code: &Value) -> (i64, i64, i64) {
    let path = format!("/api/v1/promo-codes/{}", text(&code["id"]));
    let now = t.organiser.get(&path).await.expect(200);
    let said = t.organiser.get(&format!("{path}/statistics")).await;
    let said = said.expect(200);
    let units = said["by_event"][0]["units"].as_i64().unwrap_or(0);
    let (uses, spent) = (now["uses"].as_i64(), now["spent_minor"].as_i64());
    let stated: i64 = ["confirmed", "reserved"]
        .iter()
        .map(|state| said[state].as_i64().unwrap())
        .sum();
    assert_eq!(stated, uses.unwrap(), "statistics, against the counter");
    (uses.unwrap(), spent.unwrap(), units)
}

/// What a code is counted for is what its uses say.
async fn counted(t: &TestApp) {
    let wrong: i64 = t
        .app
        .db
        .scalar(
            sql!(
                "SELECT COUNT(*) FROM promo_codes c WHERE \
                 c.used <> (SELECT CAST(COALESCE(SUM(u.uses), 0) AS BIGINT) FROM promo_code_uses u \
                 WHERE u.code_id = c.id AND u.state <> 'returned') OR \
                 c.spent_minor <> (SELECT CAST(COALESCE(SUM(u.amount_minor), 0) AS BIGINT) FROM promo_code_uses u \
                 WHERE u.code_id = c.id AND u.state <> 'returned')"
            ),
            vals![],
        )
        .await
        .unwrap();
    assert_eq!(wrong, 0);
    check(&t.app.db).await;
}

/// The events of codes in an answer, with amounts and reasons.
fn told(change: &Value) -> Vec<(String, i64, Option<String>)> {
    let none = Vec::new();
    let codes = change["codes"].as_array().unwrap_or(&none).iter();
    codes
        .map(|one| {
            let why = one["why"].as_str().map(str::to_owned);
            (
                text(&one["event"]),
                one["amount_minor"].as_i64().unwrap(),
                why,
            )
        })
        .collect()
}

fn event_of(name: &str, minor: i64, why: Option<&str>) -> (String, i64, Option<String>) {
    (name.to_owned(), minor, why.map(str::to_owned))
}

fn add(event: &Event, tier: usize, quantity: u32) -> Value {
    json!([{"kind": "add", "items": [{"tier": event.tiers[tier], "quantity": quantity}]}])
}

fn cancel(units: &[u32]) -> Value {
    json!([{"kind": "cancel", "pick": {"line": 1, "units": units}}])
}

async fn refund(t: &TestApp, order: &str) {
    let path = format!("/api/v1/orders/{order}/refund");
    t.organiser.post(&path, json!({})).await.expect(200);
}

on_both_engines! {
    /// covers: BE-2, MKT-2, PAY-5
    async fn what_is_added_costs_what_the_code_says_and_is_no_further_use(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10), ("Seated", 4_000, 10)]).await;
        let rule = share(500_000, json!({"max_uses": 1, "max_uses_per_buyer": 1, "items": [event.tiers[0]]}));
        let half = code(&t, &event, "HALF", rule).await;
        let first = bought_with(&t, &event, "half", (0, 2), "k").await;
        let order = order_of(&first);
        assert_eq!((&first["order"]["total_minor"], used(&t, &half).await), (&json!(2_500), (1, 2_500, 2)));

        let waiting = changed(&t, &order, &add(&event, 0, 1), "c").await;
        assert_eq!((&waiting["state"], &waiting["money"]["due_minor"]), (&json!("pending"), &json!(1_250)));
        assert_eq!(told(&waiting), [event_of("applied", 1_250, None)]);
        assert_eq!((&waiting["codes"][0]["code"], &waiting["codes"][0]["units"]), (&json!("HALF"), &json!(1)));
        assert_eq!(used(&t, &half).await.1, 3_750, "what waits is reserved");
        counted(&t).await;
        // Not paid in time, it goes back.
        t.clock.advance(Duration::from_secs(16 * 60));
        for _ in 0..100 {
            if used(&t, &half).await.1 == 2_500 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(used(&t, &half).await, (1, 2_500, 2));
        let changes = t.organiser.get(&format!("/api/v1/orders/{order}/changes")).await.expect(200);
        assert_eq!(changes["items"][0]["state"], "void", "its supplement was not paid in time");
        counted(&t).await;

        let version = preview(&t, &order, &add(&event, 0, 1)).await.expect(200)["version"].as_i64().unwrap();
        let waiting = change(&t, &order, version, &add(&event, 0, 1), "c2").await.expect(200);
        pay(&t, &waiting, "p").await.expect(201);
        let now = seen(&t, &first).await;
        assert_eq!((&now["order"]["total_minor"], used(&t, &half).await), (&json!(3_750), (1, 3_750, 3)));
        counted(&t).await;

        // It is not for the other tier: what goes there gives it back, what comes costs all of it.
        let steps = json!([{"kind": "change_tier", "pick": {"line": 1, "units": [1]}, "tier": event.tiers[1]}]);
        let said = preview(&t, &order, &steps).await.expect(200);
        assert_eq!((&said["money"]["credit_minor"], &said["money"]["cost_minor"]), (&json!(1_250), &json!(4_000)));
        assert_eq!(told(&said), [event_of("returned", 1_250, None), event_of("not_applied", 0, Some("nothing_eligible"))]);
        t.stop().await;
    }

    /// covers: PAY-4, MKT-2
    async fn what_is_cancelled_goes_back_to_the_code(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 10)]).await;
        let half = code(&t, &event, "HALF", share(500_000, json!({"budget_minor": 3_750, "max_uses_per_buyer": 1}))).await;
        let first = bought_with(&t, &event, "half", (0, 3), "k").await;
        let order = order_of(&first);
        assert_eq!(used(&t, &half).await, (1, 3_750, 3));
        let done = changed(&t, &order, &cancel(&[3]), "c").await;
        assert_eq!((&done["money"]["refund_minor"], told(&done)), (&json!(1_250), vec![event_of("returned", 1_250, None)]));
        assert_eq!(used(&t, &half).await, (1, 2_500, 2));
        counted(&t).await;
        // There is so much room in its budget again, and no more: two more are one too many.
        let said = preview(&t, &order, &add(&event, 0, 2)).await.expect(200);
        assert_eq!((&said["money"]["cost_minor"], told(&said)), (&json!(3_750), vec![event_of("applied", 1_250, None)]));

        refund(&t, &order).await;
        assert_eq!(used(&t, &half).await, (0, 0, 0));
        counted(&t).await;
        // Whoever gave it back may use it again.
        bought_with(&t, &event, "half", (0, 1), "k2").await;
        assert_eq!(used(&t, &half).await, (1, 1_250, 1));
        t.stop().await;
    }

    /// A code that gives something for so many takes it back once there are fewer: never more than goes back.
    ///
    /// covers: PAY-4, MKT-2, PAY-5
    async fn a_lost_condition_is_taken_from_what_goes_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 3_000, 20)]).await;
        let third = code(&t, &event, "THIRD", third_free()).await;
        let first = bought_with(&t, &event, "third", (0, 3), "k").await;
        assert_eq!((&first["order"]["total_minor"], used(&t, &third).await), (&json!(6_000), (1, 3_000, 1)));
        let order = order_of(&first);
        let done = changed(&t, &order, &cancel(&[1]), "c").await;
        let money = &done["money"];
        assert_eq!((&money["credit_minor"], &money["lost_discount_minor"], &money["refund_minor"]), (&json!(2_000), &json!(2_000), &json!(0)));
        assert_eq!(told(&done), [event_of("returned", 1_000, None), event_of("lost", 2_000, Some("too_few_units"))]);
        assert_eq!((&done["after"]["total_minor"], &done["after"]["lines"][0]["units"][0]["total_minor"]), (&json!(6_000), &json!(3_000)));
        assert_eq!(used(&t, &third).await, (0, 0, 0), "nothing of the order has it any more");
        counted(&t).await;
        // What is left was paid in full, and goes back in full.
        let done = changed(&t, &order, &cancel(&[1]), "c2").await;
        assert_eq!((&done["money"]["refund_minor"], told(&done).len()), (&json!(3_000), 0));
        counted(&t).await;

        let fifth = code(&t, &event, "FIFTH", share(200_000, json!({"min_units": 3}))).await;
        let second = bought_with(&t, &event, "fifth", (0, 3), "k2").await;
        let order = order_of(&second);
        let done = changed(&t, &order, &cancel(&[2]), "c3").await;
        assert_eq!((&done["money"]["lost_discount_minor"], &done["money"]["refund_minor"]), (&json!(1_200), &json!(1_200)));
        assert_eq!((&done["after"]["total_minor"], used(&t, &fifth).await.1), (&json!(6_000), 0));
        counted(&t).await;

        // Staff may give all of it back, with a reason.
        let third = bought_with(&t, &event, "fifth", (0, 3), "k3").await;
        let path = format!("/api/v1/orders/{}/changes", order_of(&third));
        let body = json!({"version": 1, "steps": cancel(&[1]), "beyond_policy": "Fell ill"});
        let done = t.organiser.post_once(&path, "c4", &body).await.expect(200);
        assert_eq!((&done["money"]["lost_discount_minor"], &done["money"]["refund_minor"]), (&json!(0), &json!(2_400)));
        counted(&t).await;
        t.stop().await;
    }

    /// Buy-x-get-y counts what stays and what comes together.
    ///
    /// covers: PAY-5, MKT-2
    async fn what_is_exchanged_keeps_its_part_of_the_code(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 3_000, 20), ("Gallery", 3_000, 20)]).await;
        let third = code(&t, &event, "THIRD", third_free()).await;
        let first = bought_with(&t, &event, "third", (0, 3), "k").await;
        let order = order_of(&first);
        let steps = json!([{"kind": "change_tier", "pick": {"line": 1, "units": [2]}, "tier": event.tiers[1]}]);
        let done = changed(&t, &order, &steps, "c").await;
        let money = &done["money"];
        assert_eq!((&money["credit_minor"], &money["cost_minor"], &money["lost_discount_minor"]), (&json!(2_000), &json!(2_000), &json!(0)));
        assert_eq!((&done["state"], used(&t, &third).await.1), (&json!("done"), 3_000));
        counted(&t).await;
        // Three more, and one more of them is free; one more alone is not.
        let said = preview(&t, &order, &add(&event, 0, 3)).await.expect(200);
        assert_eq!((&said["money"]["cost_minor"], told(&said)), (&json!(6_000), vec![event_of("applied", 3_000, None)]));
        let said = preview(&t, &order, &add(&event, 0, 1)).await.expect(200);
        assert_eq!((&said["money"]["cost_minor"], told(&said)), (&json!(3_000), vec![event_of("not_applied", 0, Some("too_few_units"))]));
        t.stop().await;
    }

    /// In its time, within its budget, and within what one order may have of it.
    ///
    /// covers: PAY-5, MKT-2
    async fn a_code_holds_as_far_as_it_holds_now(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 20), ("Gallery", 2_500, 20)]).await;
        let spent = code(&t, &event, "SPENT", share(500_000, json!({"budget_minor": 2_500}))).await;
        let first = bought_with(&t, &event, "spent", (0, 2), "k").await;
        let order = order_of(&first);
        let said = preview(&t, &order, &add(&event, 0, 1)).await.expect(200);
        assert_eq!((&said["money"]["cost_minor"], told(&said)), (&json!(2_500), vec![event_of("not_applied", 0, Some("budget_spent"))]));
        // What goes makes room for what comes instead of it.
        let steps = json!([{"kind": "change_tier", "pick": {"line": 1, "units": [2]}, "tier": event.tiers[1]}]);
        let done = changed(&t, &order, &steps, "c").await;
        assert_eq!((&done["state"], &done["money"]["cost_minor"]), (&json!("done"), &json!(1_250)));
        assert_eq!(used(&t, &spent).await, (1, 2_500, 2));
        counted(&t).await;

        code(&t, &event, "ONE", share(500_000, json!({"max_units": 3}))).await;
        let second = bought_with(&t, &event, "one", (0, 2), "k2").await;
        let said = preview(&t, &order_of(&second), &add(&event, 0, 2)).await.expect(200);
        assert_eq!((&said["money"]["cost_minor"], told(&said)), (&json!(3_750), vec![event_of("applied", 1_250, None)]));

        let until = bilten_kernel::clock::Timestamp::from_ms(t.app.now().ms() + 3_600_000).to_string();
        code(&t, &event, "SOON", share(500_000, json!({"until_at": until}))).await;
        let third = bought_with(&t, &event, "soon", (0, 2), "k3").await;
        let said = preview(&t, &order_of(&third), &add(&event, 0, 1)).await.expect(200);
        assert_eq!(said["money"]["cost_minor"], 1_250);
        t.clock.advance(Duration::from_secs(3_600));
        let said = preview(&t, &order_of(&third), &add(&event, 0, 1)).await.expect(200);
        assert_eq!((&said["money"]["cost_minor"], told(&said)), (&json!(2_500), vec![event_of("not_applied", 0, Some("expired"))]));
        // What stays costs what it cost all the same.
        assert_eq!(said["before"]["total_minor"], 2_500);
        t.stop().await;
    }

    /// covers: PAY-4, MKT-2
    async fn the_parts_of_an_order_share_the_use_of_its_code(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = far_event(&t, &[("Standing", 2_500, 20)]).await;
        let half = code(&t, &event, "HALF", share(500_000, json!({"max_uses": 1}))).await;
        let first = bought_with(&t, &event, "half", (0, 4), "k").await;
        let order = order_of(&first);
        let split = |units: &[u32]| json!([{"kind": "split", "picks": [{"line": 1, "units": units}]}]);
        let done = changed(&t, &order, &split(&[1, 2]), "c").await;
        let part = text(&done["other"]["order_id"]);
        assert_eq!(used(&t, &half).await, (1, 5_000, 4));
        // The part has the code as well.
        let said = preview(&t, &part, &add(&event, 0, 1)).await.expect(200);
        assert_eq!(said["money"]["cost_minor"], 1_250);
        // What one gives back is its own.
        refund(&t, &order).await;
        assert_eq!(used(&t, &half).await, (1, 2_500, 2));
        counted(&t).await;
        changed(&t, &part, &cancel(&[1]), "c2").await;
        assert_eq!(used(&t, &half).await, (1, 1_250, 1));
        refund(&t, &part).await;
        assert_eq!(used(&t, &half).await, (0, 0, 0));
        counted(&t).await;

        // Two that were bought with it or without are one: what comes of either goes back to it.
        let tenth = code(&t, &event, "TENTH", share(100_000, json!({}))).await;
        let second = bought_with(&t, &event, "half", (0, 2), "k2").await;
        let third = bought_with(&t, &event, "tenth", (0, 2), "k3").await;
        let merge = json!([{"kind": "merge", "order": order_of(&third)}]);
        changed(&t, &order_of(&second), &merge, "c3").await;
        assert_eq!((used(&t, &half).await, used(&t, &tenth).await), ((1, 2_500, 2), (1, 500, 2)));
        counted(&t).await;
        refund(&t, &order_of(&second)).await;
        assert_eq!((used(&t, &half).await, used(&t, &tenth).await), ((0, 0, 0), (0, 0, 0)));
        counted(&t).await;
        t.stop().await;
    }
}
