//! Everybody comes, waits, is drawn and buys, until there is nothing left.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};

use super::market::Market;
use super::rival::{Got, joined, rival};
use super::{Bought, Code, Ledger, Sale, WholeArguments, row};
use crate::client::{Connection, LoadError};
use crate::figures::Seen;
use crate::room::{A_MOMENT, until_calling};
use crate::shop::{at_once, list, text};

/// Sells all there is; gives the orders.
pub(super) async fn sold_out(
    sale: &Arc<Sale>,
    arguments: &WholeArguments,
    rows: &mut Vec<String>,
    ledger: &mut Ledger,
) -> Result<Vec<Bought>, LoadError> {
    refused(sale, 0, "early", &["sales.waiting_room"]).await?;
    let began = Instant::now();
    let joins = (0..arguments.rivals).map(|_| {
        let sale = Arc::clone(sale);
        async move {
            let mut connection = Connection::open(&sale.shop.address).await?;
            joined(&mut connection, &sale.event).await
        }
    });
    let tokens = at_once(joins.collect()).await?;
    rows.push(row("joined the waiting room", tokens.len(), began));
    let room = sale.path("/waiting-room");
    let draw = format!("{room}/draw");
    sale.shop.call(Method::POST, &draw, None).await?;
    until_calling(&sale.shop, &room).await?;

    let market = Arc::new(Market::new(sale));
    let began = Instant::now();
    let rivals = (0..)
        .zip(tokens)
        .map(|(client, token)| {
            let (sale, market) = (Arc::clone(sale), Arc::clone(&market));
            async move {
                let got = rival(sale, Arc::clone(&market), client, token).await;
                if got.is_err() {
                    // Nobody goes on with what is proven wrong.
                    market.is_over.store(true, Ordering::Relaxed);
                }
                got
            }
        })
        .collect();
    let all = tokio::spawn(at_once(rivals));
    let limit = Duration::from_secs(arguments.seconds);
    let most_inside = u64::from(arguments.rivals.saturating_mul(2));
    while !all.is_finished() {
        let now = sale.shop.call(Method::GET, &room, None).await?;
        let number = |name: &str| now[name].as_u64().unwrap_or(0);
        market.called.store(number("called"), Ordering::Relaxed);
        if number("inside") > most_inside {
            let inside = number("inside");
            return Err(LoadError::Wrong(format!(
                "{inside} are inside a house for {most_inside}"
            )));
        }
        if began.elapsed() >= limit || is_sold_out(sale).await? {
            market.is_over.store(true, Ordering::Relaxed);
        } else {
            market.is_not_sold_out(sale);
        }
        tokio::time::sleep(A_MOMENT).await;
    }
    let all = all
        .await
        .map_err(|error| LoadError::Network(error.to_string()))??;
    if !is_sold_out(sale).await? {
        return Err(LoadError::Wrong(format!(
            "not everything was sold after {:.0} s",
            began.elapsed().as_secs_f64()
        )));
    }
    let orders = added_up(sale, all, began, rows, ledger);
    let open = format!("{room}/open");
    sale.shop.call(Method::POST, &open, None).await?;
    for ware in 0..sale.wares.len() {
        let codes = ["sales.sold_out", "sales.too_few_seats"];
        refused(sale, ware, &format!("late-{ware}"), &codes).await?;
    }
    Ok(orders)
}

/// Adds up what the rivals have.
fn added_up(
    sale: &Sale,
    all: Vec<Got>,
    began: Instant,
    rows: &mut Vec<String>,
    ledger: &mut Ledger,
) -> Vec<Bought> {
    let last = all.iter().filter_map(|got| got.last).max();
    let took = last.map_or_else(|| began.elapsed(), |last| last.duration_since(began));
    let (mut seen, mut orders, mut by_hand) = (Vec::new(), Vec::new(), 0);
    for got in all {
        by_hand += got.by_hand;
        ledger.paid += got.paid;
        for (code, count) in got.refused {
            *ledger.refused.entry(code).or_insert(0) += count;
        }
        orders.extend(got.bought);
        seen.push(got.seen);
    }
    for order in &orders {
        ledger.tenth += u64::from(order.code == Code::Tenth);
        ledger.vouchers += u64::from(order.code == Code::Voucher);
    }
    let seen = Seen::merge(seen);
    let seats: u64 = orders
        .iter()
        .filter(|order| {
            sale.wares
                .get(order.ware)
                .is_some_and(super::Ware::is_seated)
        })
        .map(|order| order.quantity)
        .sum();
    let seconds = took.as_secs_f64();
    for (name, count) in [
        ("paid orders, through the waiting room", orders.len() as u64),
        ("… tickets in them, until sold out", seen.tickets),
        ("… seats among them", seats),
        ("… of which by hand", by_hand),
    ] {
        let rate = count as f64 / seconds.max(0.001);
        rows.push(format!(
            "| {name} | {count} | {seconds:.2} s | {rate:.0}/s |"
        ));
    }
    rows.push(format!(
        "| … from hold to tickets | {} | p50 {:.1} ms | p99 {:.1} ms |",
        seen.latencies.len(),
        seen.percentile(0.5),
        seen.percentile(0.99)
    ));
    orders
}

/// Whether every seat and every place on the floor is sold.
async fn is_sold_out(sale: &Sale) -> Result<bool, LoadError> {
    let path = format!("/api/v2/events/{}/stock", sale.event);
    let stock = sale.shop.call(Method::GET, &path, None).await?;
    let (mut seats, mut floor) = (0, 0);
    for tier in list(&stock["tiers"]) {
        let sold = tier["sold"].as_i64().unwrap_or(0);
        match sale
            .ware(&text(&tier["tier_id"]))
            .and_then(|ware| sale.wares.get(ware))
        {
            Some(ware) if ware.is_seated() => seats += sold,
            Some(_) => floor += sold,
            None => {}
        }
    }
    let dates = i64::try_from(sale.dates.len()).unwrap_or(0);
    let of_hall = i64::try_from(sale.arena.seats).unwrap_or(0);
    Ok(stock["held"] == 0 && seats == of_hall * dates && floor == sale.pool_capacity * dates)
}

/// Somebody wants one of a ware without a pass, and cannot have it.
async fn refused(sale: &Sale, ware: usize, key: &str, codes: &[&str]) -> Result<(), LoadError> {
    let mut connection = Connection::open(&sale.shop.address).await?;
    let tier = sale.wares.get(ware).map(|ware| ware.tier.as_str());
    let items: Value = json!([{"tier": tier, "occurrence": sale.dates.first(), "quantity": 1}]);
    let body = json!({"event": sale.event, "items": items});
    let key = format!("{}-{key}", sale.event);
    let answer = connection
        .post_once("/api/v1/shop/holds", &key, &body)
        .await?;
    if answer.status == 409 && codes.contains(&answer.code()) {
        return Ok(());
    }
    Err(LoadError::Wrong(format!(
        "what cannot be had was answered {}: {}",
        answer.status, answer.body
    )))
}
