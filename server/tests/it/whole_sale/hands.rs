//! Tickets go from hand to hand: given on, and sold again.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Bought, Sale};
use crate::app::Client;
use crate::selling::text;

/// Somebody by the link in the newest mail to them: who they are, and the id in its address.
async fn by_mail(sale: &Sale<'_>, email: &str, page: &str) -> (Client, String) {
    let mail = sale.t.mail_to(email).await;
    let link = mail.link();
    let id = link.strip_prefix(page).unwrap().split('?').next().unwrap();
    (
        sale.t.stranger.with_token(&mail.token("token")),
        id.to_owned(),
    )
}

/// A seat is given on: the same seat, by a new version whose code alone is good.
pub(super) async fn transferred(sale: &Sale<'_>, bought: &Bought) {
    let ticket = &bought.tickets()[0];
    let (order, id) = (bought.id(), text(&ticket["id"]));
    let offer = format!("/api/v1/shop/orders/{order}/tickets/{id}/transfers");
    let to = json!({"email": "bor@example.com"});
    let offered = bought.buyer.post(&offer, to).await.expect(201);
    assert_eq!(offered["state"], "pending");
    let (bor, transfer) = by_mail(sale, "bor@example.com", "/transfers/").await;
    let accept = format!("/api/v1/shop/transfers/{transfer}/accept");
    let accepted = bor.post(&accept, json!({"name": "Bor Kos"})).await;
    let theirs = accepted.expect(200)["ticket"].clone();
    assert_eq!(
        (&theirs["id"], &theirs["version"], &theirs["holder_name"]),
        (&json!(id), &json!(2), &json!("Bor Kos"))
    );
    assert_eq!(theirs["seat_id"], ticket["seat_id"]);
    assert_ne!(theirs["code"], ticket["code"]);
    let left = bought.buyer.get(&format!("/api/v1/shop/orders/{order}"));
    let left = left.await.expect(200)["tickets"].as_array().unwrap().len();
    assert_eq!(left, bought.tickets().len() - 1, "one is in another hand");
}

/// What somebody gives back is held for whoever waits for it, who buys it.
pub(super) async fn sold_again(sale: &Sale<'_>, given_back: &Bought) -> Bought {
    let t = sale.t;
    assert_eq!(sale.left(&sale.standing, 0).await, 0);
    let before = sale.sold().await;
    let wish = json!({"tier": sale.standing, "occurrence": sale.dates[0], "quantity": 1, "email": "cene@example.com"});
    let join = sale.shop("/waitlist-entries");
    t.stranger.post(&join, wish).await.expect(202);
    let (cene, entry) = by_mail(sale, "cene@example.com", "/waitlist/").await;
    let refund = format!("/api/v1/orders/{}/refund", given_back.id());
    t.organiser.post(&refund, json!({})).await.expect(200);
    let hold = offered_hold(&cene, &entry).await;
    let late = json!({"event": sale.event, "items": [{"tier": sale.standing, "occurrence": sale.dates[0], "quantity": 1}]});
    t.stranger
        .post_once("/api/v1/shop/holds", "before-cene", &late)
        .await
        .refused(409, "sales.sold_out");
    let bought = sale.pay(&hold, "cene@example.com").await;
    assert_eq!(bought.tickets().len(), 1);
    assert_eq!(bought.tickets()[0]["occurrence_id"], sale.dates[0].as_str());
    // The seat of the same order is for anybody.
    assert_eq!(sale.sold().await, before - 1);
    bought
}

/// The hold of the offer that comes to whoever waits.
async fn offered_hold(waiter: &Client, entry: &str) -> String {
    let path = format!("/api/v1/shop/waitlist-entries/{entry}");
    let mut seen = Value::Null;
    for _ in 0..400 {
        seen = waiter.get(&path).await.expect(200);
        if seen["state"] == "offered" {
            return text(&seen["offer"]["hold"]);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing was offered: {seen}");
}
