//! Taxes of orders that are changed: what comes is taxed by its own date, what stays costs what it cost.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use serde_json::{Value, json};

use super::{changed, check, order_of, pay, seen};
use crate::app::TestApp;
use crate::catalog_offers::put;
use crate::catalog_offers::taxes::{dated, german_taxes, one};
use crate::selling::{buy, text};

const STARTS: [&str; 2] = ["2030-12-31T19:00:00Z", "2031-01-01T19:00:00Z"];

/// The lines of an order by their totals.
fn totals(order: &Value) -> Vec<i64> {
    let items = order["order"]["items"].as_array().unwrap().iter();
    let mut totals: Vec<_> = items
        .map(|item| item["total_minor"].as_i64().unwrap())
        .collect();
    totals.sort_unstable();
    totals
}

on_both_engines! {
    /// covers: PAY-5, PAY-4, BE-2
    async fn a_unit_that_moves_is_taxed_by_its_new_date(db: TestDb) {
        let t = TestApp::start(db).await;
        german_taxes(&t, "exclusive").await;
        let (event, dates) = dated(&t, "Europe/Berlin", &STARTS).await;
        let items = json!([one(&event, 0, Some(&dates[0]))]);
        let first = buy(&t, &event, items, "succeed", "k").await.expect(201);
        assert_eq!(first["order"]["total_minor"], 13_804, "119.00 and 16 %");
        let order = order_of(&first);
        let to = |date: &str| json!([{"kind": "change_date", "pick": {"line": 1}, "occurrence": date}]);
        let waiting = changed(&t, &order, &to(&dates[1]), "c").await;
        let money = &waiting["money"];
        assert_eq!((&money["credit_minor"], &money["cost_minor"], &money["due_minor"]), (&json!(13_804), &json!(14_161), &json!(357)));
        pay(&t, &waiting, "p").await.expect(201);
        assert_eq!(seen(&t, &first).await["order"]["total_minor"], 14_161);
        check(&t.app.db).await;

        // And back again.
        let back = changed(&t, &order, &to(&dates[0]), "c2").await;
        assert_eq!((&back["state"], &back["money"]["refund_minor"]), (&json!("done"), &json!(357)));
        assert_eq!(seen(&t, &first).await["order"]["total_minor"], 13_804);
        let price = t.organiser.get(&format!("/api/v1/orders/{order}/price")).await.expect(200);
        assert_eq!(price["is_confirmed"], true);
        check(&t.app.db).await;
        t.stop().await;
    }

    /// covers: PAY-5, PAY-4
    async fn what_stays_keeps_its_taxes_and_what_goes_gives_them_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let (old, _) = german_taxes(&t, "exclusive").await;
        let (event, dates) = dated(&t, "Europe/Berlin", &STARTS).await;
        let items = json!([one(&event, 0, Some(&dates[0])), one(&event, 0, Some(&dates[1]))]);
        let first = buy(&t, &event, items, "succeed", "k").await.expect(201);
        assert_eq!(totals(&first), [13_804, 14_161]);
        let order = order_of(&first);
        // The old law becomes another one: what was sold by it does not.
        let path = format!("/api/v1/tax-rules/{}", text(&old["id"]));
        let mut lower = old.clone();
        lower.as_object_mut().unwrap().remove("id");
        lower["rate"] = json!(50_000);
        put(&t.organiser, &path, &lower).await.expect(200);
        t.clock.advance(Duration::from_secs(2));
        let more = json!([{"kind": "add", "items": [one(&event, 0, Some(&dates[0]))]}]);
        let waiting = changed(&t, &order, &more, "c").await;
        assert_eq!(waiting["money"]["due_minor"], 12_495, "119.00 and 5 %");
        pay(&t, &waiting, "p").await.expect(201);
        let now = seen(&t, &first).await;
        assert_eq!(totals(&now), [12_495, 13_804, 14_161]);
        // The one of the new year goes, with the taxes that it had.
        let lines = now["order"]["items"].as_array().unwrap();
        let line = lines.iter().find(|line| line["occurrence_id"] == json!(dates[1])).unwrap();
        let cancel = json!([{"kind": "cancel", "pick": {"line": line["line"]}}]);
        let done = changed(&t, &order, &cancel, "c2").await;
        assert_eq!((&done["state"], &done["money"]["refund_minor"]), (&json!("done"), &json!(14_161)));
        assert_eq!(totals(&seen(&t, &first).await), [12_495, 13_804]);
        check(&t.app.db).await;
        t.stop().await;
    }
}
