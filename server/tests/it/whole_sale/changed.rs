//! An order is changed after it was paid: another seat, another holder, less of it, and in two.

use serde_json::{Value, json};

use super::{Bought, Sale};
use crate::selling::text;

/// Changes an order as it was shown that it would be; gives the change.
async fn change(sale: &Sale<'_>, order: &str, steps: Value, key: &str) -> Value {
    let path = format!("/api/v1/orders/{order}/changes");
    let mut wish = json!({"steps": steps, "beyond_policy": "The organiser asked for it."});
    let preview = format!("{path}/preview");
    let shown = sale.t.organiser.post(&preview, wish.clone()).await;
    let shown = shown.expect(200);
    assert_eq!(
        (&shown["state"], &shown["money"]["due_minor"]),
        (&json!("preview"), &json!(0))
    );
    wish["version"] = shown["version"].clone();
    let done = sale.t.organiser.post_once(&path, key, &wish).await;
    let done = done.expect(200);
    assert_eq!(done["state"], "done");
    assert_eq!(
        (&done["money"], &done["after"]["total_minor"]),
        (&shown["money"], &shown["after"]["total_minor"]),
        "what was shown is what is done"
    );
    let again = sale.t.organiser.post_once(&path, key, &wish).await;
    assert_eq!(again.expect(200)["id"], done["id"], "and done once");
    done
}

/// One of the seats and its holder are changed: the seat before is free, and nothing more is paid.
pub(super) async fn seat_changed(sale: &Sale<'_>, bought: &Bought) {
    let (t, before, order) = (sale.t, sale.sold().await, bought.id());
    let steps = json!([
        {"kind": "change_seats", "pick": {"line": 1, "units": [1]}, "seats": ["1-3-1"]},
        {"kind": "change_holder", "ticket": 2, "name": "Gaja Hren"},
    ]);
    let done = change(sale, &order, steps, "seat").await;
    let was = text(&done["before"]["lines"][0]["units"][0]["seat"]["id"]);
    let seen = bought.buyer.get(&format!("/api/v1/shop/orders/{order}"));
    let seen = seen.await.expect(200);
    let tickets = seen["tickets"].as_array().unwrap();
    assert_eq!(tickets.len(), bought.tickets().len());
    let has = |seat: &str| tickets.iter().any(|ticket| ticket["seat_id"] == seat);
    assert!(has("1-3-1") && !has(&was), "{seen}");
    assert!(
        tickets
            .iter()
            .any(|ticket| ticket["holder_name"] == "Gaja Hren")
    );
    assert_eq!(seen["order"]["total_minor"], bought.total());
    assert_eq!(sale.sold().await, before);
    let date = &bought.tickets()[0]["occurrence_id"];
    let free = json!({"event": sale.event, "items": [{"tier": sale.seat, "occurrence": date, "seats": [was]}]});
    let held = t.stranger.post_once("/api/v1/shop/holds", "freed", &free);
    let held = text(&held.await.expect(201)["id"]);
    let hold = format!("/api/v1/shop/holds/{held}");
    t.stranger.delete(&hold).await.expect(204);
}

/// A unit is given back, and another one goes to an order of its own.
pub(super) async fn order_parted(sale: &Sale<'_>, bought: &Bought) {
    let (before, order) = (sale.sold().await, bought.id());
    let each = bought.total() / 4;
    let cancel = json!([{"kind": "cancel", "pick": {"line": 1, "units": [4]}}]);
    let done = change(sale, &order, cancel, "cancel").await;
    assert_eq!(done["money"]["refund_minor"], each);
    assert_eq!(done["after"]["total_minor"], 3 * each);
    assert_eq!(sale.sold().await, before - 1);
    let split = json!([{"kind": "split", "picks": [{"line": 1, "units": [1]}]}]);
    let done = change(sale, &order, split, "split").await;
    assert_eq!(done["after"]["total_minor"], 2 * each);
    assert_eq!(done["other"]["total_minor"], each);
    let other = format!("/api/v1/orders/{}", text(&done["other"]["order_id"]));
    let other = sale.t.organiser.get(&other).await.expect(200);
    assert_eq!(
        (&other["state"], &other["total_minor"]),
        (&json!("paid"), &json!(each))
    );
    assert_eq!(sale.sold().await, before - 1, "a split takes no stock");
}
