//! After the sale: the offer grows, orders are changed, and some of it is given back.

use std::sync::Arc;
use std::time::Instant;

use hyper::Method;
use serde_json::{Value, json};

use super::{Bought, Code, Ledger, Sale, row, take};
use crate::client::{Answer, Connection, LoadError};
use crate::shop::{at_once, list, text};

/// What is answered when there is too little of something.
const TOO_LITTLE: [&str; 3] = [
    "sales.sold_out",
    "sales.too_few_seats",
    "sales.not_together",
];

/// What came of a wish to change an order.
#[derive(Debug, Default)]
struct Changed {
    /// What was paid for it, in minor units.
    paid: i64,
    /// What it was refused with; empty if it was done.
    refused: String,
    /// The order after it.
    after: Value,
}

/// Makes room for changes: more fits on the floor, and there is a programme to be had.
pub(super) async fn offer_enlarged(sale: &mut Sale, steps: u32) -> Result<(), LoadError> {
    let more = i64::from(steps) * 2;
    let pool = sale.path(&format!("/pools/{}", sale.pool));
    let smaller = json!({"version": sale.version().await?, "capacity": sale.pool_capacity - 1});
    let refused = sale
        .shop
        .ask(Method::PATCH, &pool, None, Some(&smaller))
        .await?;
    if refused.code() != "catalog.capacity_below_sold" {
        let text = format!("a full pool was made smaller: {}", refused.body);
        return Err(LoadError::Wrong(text));
    }
    sale.pool_capacity += more;
    let larger = json!({"version": sale.version().await?, "capacity": sale.pool_capacity});
    sale.shop.call(Method::PATCH, &pool, Some(larger)).await?;
    for place in 0..sale.wares.len() {
        let version = sale.version().await?;
        let Some(ware) = sale.wares.get_mut(place).filter(|ware| !ware.is_seated()) else {
            continue;
        };
        ware.capacity += more;
        let (tier, capacity) = (ware.tier.clone(), ware.capacity);
        let path = sale.path(&format!("/tiers/{tier}"));
        let larger = json!({"version": version, "capacity": capacity});
        sale.shop.call(Method::PATCH, &path, Some(larger)).await?;
    }
    let programme =
        json!({"name": "Program", "price_minor": 700, "capacity": more, "kind": "add_on"});
    let path = sale.path("/tiers");
    let added = sale.shop.call(Method::POST, &path, Some(programme)).await?;
    sale.programme = list(&added["tiers"])
        .last()
        .map(|tier| text(&tier["id"]))
        .unwrap_or_default();
    Ok(())
}

/// What a change came to that was refused for want of stock; none of any other answer.
fn too_little(answer: &Answer) -> Option<Changed> {
    let is_refused = answer.status == 409 && TOO_LITTLE.contains(&answer.code());
    is_refused.then(|| Changed {
        refused: answer.code().to_owned(),
        ..Changed::default()
    })
}

/// Changes an order as it was shown that it would be, and pays for what it costs more.
async fn change(sale: &Sale, order: &str, steps: Value, key: &str) -> Result<Changed, LoadError> {
    let path = format!("/api/v1/orders/{order}/changes");
    let mut wish = json!({"steps": steps});
    let preview = format!("{path}/preview");
    let shown = sale
        .shop
        .ask(Method::POST, &preview, None, Some(&wish))
        .await?;
    if let Some(refused) = too_little(&shown) {
        return Ok(refused);
    }
    let shown = shown.done(&preview)?;
    wish["version"] = shown["version"].clone();
    let key = format!("{order}-{key}");
    let done = sale
        .shop
        .ask(Method::POST, &path, Some(&key), Some(&wish))
        .await?;
    if let Some(refused) = too_little(&done) {
        return Ok(refused);
    }
    let done = done.done(&path)?;
    if shown["money"] != done["money"] || shown["after"] != done["after"] {
        return Err(LoadError::Wrong(format!(
            "what was shown is not what was done: {} {}",
            shown["money"], done["money"]
        )));
    }
    let paid = if done["state"] == "pending" {
        supplement(sale, &done["supplement"], &key).await?
    } else {
        0
    };
    if paid != done["money"]["due_minor"].as_i64().unwrap_or(0) {
        return Err(LoadError::Wrong(format!(
            "{paid} paid of {}",
            done["money"]
        )));
    }
    Ok(Changed {
        paid,
        refused: String::new(),
        after: done["after"].clone(),
    })
}

/// Pays for what a change costs more; what was paid.
async fn supplement(sale: &Sale, supplement: &Value, key: &str) -> Result<i64, LoadError> {
    let path = format!(
        "/api/v1/shop/orders/{}/payments",
        text(&supplement["order_id"])
    );
    let token = format!("Bearer {}", text(&supplement["token"]));
    let headers = [("authorization", token.as_str()), ("idempotency-key", key)];
    let body = json!({"payment": {"method": "sandbox", "outcome": "succeed"}});
    let mut connection = Connection::open(&sale.shop.address).await?;
    let paid = connection
        .ask(Method::POST, &path, &headers, Some(&body))
        .await?
        .done(&path)?;
    Ok(paid["payment"]["amount_minor"].as_i64().unwrap_or(0))
}

/// Changes each of these orders, all at the same time, and notes what came of it.
async fn each(
    sale: &Arc<Sale>,
    orders: Vec<Bought>,
    (name, key): (&str, &'static str),
    steps: impl Fn(&Bought) -> Value,
    rows: &mut Vec<String>,
    ledger: &mut Ledger,
) -> Result<Vec<Changed>, LoadError> {
    let began = Instant::now();
    let count = orders.len();
    let tasks = orders
        .into_iter()
        .map(|order| {
            let (sale, steps) = (Arc::clone(sale), steps(&order));
            async move { change(&sale, &order.order, steps, key).await }
        })
        .collect();
    let all: Vec<Changed> = at_once(tasks).await?;
    rows.push(row(name, count, began));
    for one in &all {
        ledger.paid += one.paid;
        if !one.refused.is_empty() {
            ledger.refuse(&one.refused);
        }
    }
    Ok(all)
}

/// Everybody of these must have been refused, or nobody.
fn all_are(all: &[Changed], is_refused: bool, what: &str) -> Result<(), LoadError> {
    match all.iter().find(|one| one.refused.is_empty() == is_refused) {
        None => Ok(()),
        Some(one) => Err(LoadError::Wrong(format!("{what}: {one:?}"))),
    }
}

/// Units of an order's ware.
fn pick(order: &Bought, units: &[u64]) -> Value {
    json!({"line": order.line, "units": units})
}

/// Another date, which is full; another person, another tier, more than before.
pub(super) async fn changed(
    sale: &Arc<Sale>,
    steps: u32,
    orders: &mut Vec<Bought>,
    rows: &mut Vec<String>,
    ledger: &mut Ledger,
) -> Result<(), LoadError> {
    let is_seated = |order: &Bought| {
        sale.wares
            .get(order.ware)
            .is_some_and(super::Ware::is_seated)
    };
    let is_plain = |order: &Bought| order.code == Code::None && !order.has_parking;

    let others = take(orders, steps, |order| is_seated(order) && is_plain(order))?;
    let next = |order: &Bought| {
        let date = sale
            .dates
            .get(order.date + 1)
            .or_else(|| sale.dates.first());
        json!([{"kind": "change_date", "pick": pick(order, &[]), "occurrence": date}])
    };
    let names = ("asked for a date that is full", "date");
    let all = each(sale, others.clone(), names, next, rows, ledger).await?;
    all_are(&all, true, "a date that is full took more")?;
    let holder = |_: &Bought| json!([{"kind": "change_holder", "ticket": 1, "name": "Gaja Hren"}]);
    let names = ("got another holder", "holder");
    let all = each(sale, others, names, holder, rows, ledger).await?;
    all_are(&all, false, "a holder could not be changed")?;

    let floor = take(orders, steps, |order| !is_seated(order) && is_plain(order))?;
    let other_tier = |order: &Bought| {
        let mut tiers = sale.wares.iter().enumerate();
        let other = tiers.find(|(place, ware)| !ware.is_seated() && *place != order.ware);
        let tier = other.map(|(_, ware)| ware.tier.clone());
        json!([{"kind": "change_tier", "pick": pick(order, &[1]), "tier": tier}])
    };
    let names = ("got another tier, dearer or cheaper", "tier");
    let all = each(sale, floor, names, other_tier, rows, ledger).await?;
    all_are(&all, false, "a tier with room was refused")?;

    let more = take(orders, steps, is_plain)?;
    let add =
        |_: &Bought| json!([{"kind": "add", "items": [{"tier": sale.programme, "quantity": 1}]}]);
    let names = ("got an add-on more", "add");
    let all = each(sale, more, names, add, rows, ledger).await?;
    all_are(&all, false, "an add-on with stock was refused")
}

/// Parts of orders are given back, and whole ones, some of which were bought by codes.
pub(super) async fn given_back(
    sale: &Arc<Sale>,
    steps: u32,
    orders: &mut Vec<Bought>,
    rows: &mut Vec<String>,
    ledger: &mut Ledger,
) -> Result<(), LoadError> {
    let parts = take(orders, steps, |order| {
        order.code == Code::None && !order.has_parking && order.quantity > 1
    })?;
    let totals: Vec<i64> = parts.iter().map(|order| order.total - order.each).collect();
    let cancel = |order: &Bought| json!([{"kind": "cancel", "pick": pick(order, &[1])}]);
    let names = ("given back in part", "cancel");
    let all = each(sale, parts, names, cancel, rows, ledger).await?;
    all_are(&all, false, "a unit could not be given back")?;
    for (one, total) in all.iter().zip(totals) {
        if one.after["total_minor"] != total {
            return Err(LoadError::Wrong(format!(
                "an order that should cost {total} costs {}",
                one.after["total_minor"]
            )));
        }
    }

    let mut whole = take(orders, steps, |order| order.code != Code::None)?;
    whole.extend(take(orders, steps, |order| order.code == Code::None)?);
    let began = Instant::now();
    let refunds = whole
        .iter()
        .map(|order| {
            let (sale, order) = (Arc::clone(sale), order.order.clone());
            async move {
                let path = format!("/api/v1/orders/{order}/refund");
                let refunded = sale.shop.call(Method::POST, &path, Some(json!({}))).await?;
                if refunded["state"] == "refunded" {
                    return Ok::<_, LoadError>(());
                }
                let state = text(&refunded["state"]);
                Err(LoadError::Wrong(format!("a refunded order is {state}")))
            }
        })
        .collect();
    at_once(refunds).await?;
    rows.push(row("given back as a whole", whole.len(), began));
    for order in whole {
        ledger.tenth -= u64::from(order.code == Code::Tenth);
        ledger.vouchers -= u64::from(order.code == Code::Voucher);
    }
    Ok(())
}
