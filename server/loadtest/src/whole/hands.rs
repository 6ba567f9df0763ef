//! Tickets go from hand to hand: given on, and sold on to those who wait.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};

use super::mails::Mails;
use super::{Bought, Code, Ledger, Sale, row, take};
use crate::client::{Connection, LoadError};
use crate::shop::{SeatKey, at_once, distinct, mailbox, seat_of, text};

/// How often somebody who waits asks whether something is offered.
const TRIES: u32 = 600;
const A_MOMENT: Duration = Duration::from_millis(100);

/// Asks with a secret of a buyer's, a receiver's or somebody's who waits.
async fn asked(
    sale: &Sale,
    method: Method,
    path: &str,
    bearer: &str,
    body: Option<&Value>,
) -> Result<Value, LoadError> {
    let mut connection = Connection::open(&sale.shop.address).await?;
    let headers = [("authorization", bearer)];
    connection
        .ask(method, path, &headers, body)
        .await?
        .done(path)
}

/// The last ticket of an order.
fn last(order: &Bought) -> Value {
    order.tickets.last().cloned().unwrap_or_default()
}

/// Tickets are offered to others, who accept them: the same tickets, by other codes.
pub(super) async fn given_on(
    sale: &Arc<Sale>,
    steps: u32,
    orders: &mut Vec<Bought>,
    mails: &mut Mails,
    rows: &mut Vec<String>,
    ledger: &mut Ledger,
) -> Result<(), LoadError> {
    let givers = take(orders, steps, |order| order.code == Code::None)?;
    let began = Instant::now();
    let offers = (0..)
        .zip(&givers)
        .map(|(number, order): (u32, &Bought)| {
            let (sale, order) = (Arc::clone(sale), order.clone());
            async move {
                let ticket = text(&last(&order)["id"]);
                let path = format!(
                    "/api/v1/shop/orders/{}/tickets/{ticket}/transfers",
                    order.order
                );
                let to = json!({"email": mailbox(&sale.event, &format!("given-{number}"))});
                asked(&sale, Method::POST, &path, &order.bearer(), Some(&to)).await
            }
        })
        .collect();
    at_once(offers).await?;
    let mut accepts = Vec::new();
    for (number, order) in givers.iter().enumerate() {
        let to = mailbox(&sale.event, &format!("given-{number}"));
        let (transfer, token) = mails.link(&to, "/transfers/").await?;
        let (sale, before) = (Arc::clone(sale), last(order));
        accepts.push(async move {
            let path = format!("/api/v1/shop/transfers/{transfer}/accept");
            let name = json!({"name": "Bor Kos"});
            let bearer = format!("Bearer {token}");
            let accepted = asked(&sale, Method::POST, &path, &bearer, Some(&name)).await?;
            Ok::<_, LoadError>((before, accepted["ticket"].clone()))
        });
    }
    for (before, after) in at_once(accepts).await? {
        let is_next = after["version"].as_i64() == before["version"].as_i64().map(|n| n + 1);
        let is_same = after["id"] == before["id"] && seat_of(&after) == seat_of(&before);
        if !is_next || !is_same || after["code"] == before["code"] {
            return Err(LoadError::Wrong(format!(
                "{before} was given on and is {after}"
            )));
        }
        ledger.dead.push(text(&before["code"]));
        ledger.good.push(text(&after["code"]));
    }
    rows.push(row("tickets given on and accepted", givers.len(), began));
    Ok(())
}

/// Holders sell tickets at face value to those who wait for them.
pub(super) async fn resold(
    sale: &Arc<Sale>,
    steps: u32,
    orders: &mut Vec<Bought>,
    mails: &mut Mails,
    rows: &mut Vec<String>,
    ledger: &mut Ledger,
) -> Result<(), LoadError> {
    let sellers = take(orders, steps, |order| {
        let ware = sale.wares.get(order.ware);
        order.code == Code::None && ware.is_some_and(super::Ware::is_seated)
    })?;
    let began = Instant::now();
    let joins = (0..)
        .zip(&sellers)
        .map(|(number, order)| waiting(Arc::clone(sale), number, order.clone()))
        .collect();
    at_once(joins).await?;
    let mut waiters = Vec::new();
    for number in 0..sellers.len() {
        let email = mailbox(&sale.event, &format!("waits-{number}"));
        waiters.push(mails.link(&email, "/waitlist/").await?);
    }
    let lists = sellers
        .iter()
        .map(|order| listed(Arc::clone(sale), order.clone()))
        .collect();
    at_once(lists).await?;
    let purchases = (0..)
        .zip(waiters)
        .map(|(number, entry)| offered(Arc::clone(sale), number, entry))
        .collect();
    let mut bought = Vec::new();
    for answer in at_once(purchases).await? {
        ledger.paid += answer["payment"]["amount_minor"].as_i64().unwrap_or(0);
        bought.push(answer["tickets"][0].clone());
    }
    rows.push(row(
        "resold to who waits, at face value",
        sellers.len(),
        began,
    ));

    let before: BTreeSet<SeatKey> = sellers.iter().map(|order| seat_of(&last(order))).collect();
    let after = distinct("what was resold", bought.iter().map(seat_of))?;
    if before != after {
        return Err(LoadError::Wrong(format!(
            "{before:?} were for sale, {after:?} were bought"
        )));
    }
    let paths = sellers
        .iter()
        .map(|order| format!("/api/v1/tickets/{}", text(&last(order)["id"])))
        .collect();
    for ticket in sale.shop.read_all(paths).await? {
        if ticket["state"] == "valid" {
            return Err(LoadError::Wrong(format!("{ticket} was sold and is valid")));
        }
    }
    for order in sellers {
        let ticket = last(&order);
        let (date, seat) = seat_of(&ticket);
        ledger.dead.push(text(&ticket["code"]));
        ledger.resold.push((order.order, date, seat));
    }
    ledger
        .good
        .extend(bought.iter().map(|ticket| text(&ticket["code"])));
    Ok(())
}

/// Somebody waits for what a holder will sell.
async fn waiting(sale: Arc<Sale>, number: u32, order: Bought) -> Result<(), LoadError> {
    let wish = json!({
        "tier": sale.wares.get(order.ware).map(|ware| ware.tier.as_str()),
        "occurrence": sale.dates.get(order.date), "quantity": 1,
        "email": mailbox(&sale.event, &format!("waits-{number}")),
    });
    let path = sale.shop_path("/waitlist-entries");
    let mut connection = Connection::open(&sale.shop.address).await?;
    let joined = connection
        .ask(Method::POST, &path, &[], Some(&wish))
        .await?;
    joined.done(&path).map(|_| ())
}

/// A holder sells a ticket for what it cost, and for no more.
async fn listed(sale: Arc<Sale>, order: Bought) -> Result<(), LoadError> {
    let ticket = text(&last(&order)["id"]);
    let path = format!(
        "/api/v1/shop/orders/{}/tickets/{ticket}/resale-listings",
        order.order
    );
    let mut connection = Connection::open(&sale.shop.address).await?;
    let bearer = order.bearer();
    let headers = [("authorization", bearer.as_str())];
    let dearer = json!({"price_minor": order.each + 1});
    let refused = connection
        .ask(Method::POST, &path, &headers, Some(&dearer))
        .await?;
    if refused.code() != "sales.resale_above_cap" {
        return Err(LoadError::Wrong(format!(
            "a ticket is for sale for more than it cost: {}",
            refused.body
        )));
    }
    let price = json!({"price_minor": order.each});
    let listed = connection
        .ask(Method::POST, &path, &headers, Some(&price))
        .await?;
    listed.done(&path).map(|_| ())
}

/// Somebody who waits is offered a ticket and buys it.
async fn offered(
    sale: Arc<Sale>,
    number: u32,
    (entry, token): (String, String),
) -> Result<Value, LoadError> {
    let path = format!("/api/v1/shop/waitlist-entries/{entry}");
    let bearer = format!("Bearer {token}");
    for _ in 0..TRIES {
        let seen = asked(&sale, Method::GET, &path, &bearer, None).await?;
        if seen["state"] == "offered" {
            let hold = text(&seen["offer"]["hold"]);
            let mut connection = Connection::open(&sale.shop.address).await?;
            let who = format!("waits-{number}");
            return sale.pay(&mut connection, &hold, &who).await;
        }
        tokio::time::sleep(A_MOMENT).await;
    }
    Err(LoadError::Wrong(
        "nothing was offered to who waits".to_owned(),
    ))
}
