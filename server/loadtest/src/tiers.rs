//! Paid orders on one hot tier, and the same over many tiers.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::client::LoadError;
use crate::figures::{median, say};
use crate::orders::{agree, sell_of};
use crate::shop::{Shop, text};

/// The most tiers of one event.
const IN_ONE_EVENT: u32 = 50;
/// More tickets than can be sold in the time.
const CAPACITY: i64 = 10_000_000;

#[derive(Debug, Args)]
pub(crate) struct TiersArguments {
    /// How many clients buy at once
    #[arg(long, default_value_t = 64)]
    clients: u32,
    /// For how long, in seconds, each time
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Tickets in each order
    #[arg(long, default_value_t = 2)]
    quantity: u32,
    /// Over how many tiers, 50 in each event
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    tiers: u32,
    /// How often each of the two, in turn
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
}

pub(crate) async fn run(shop: &Shop, arguments: &TiersArguments) -> Result<(), LoadError> {
    let (mut hot, mut spread) = (Vec::new(), Vec::new());
    for _ in 0..arguments.runs {
        hot.push(over(shop, arguments, 1).await?);
        spread.push(over(shop, arguments, arguments.tiers).await?);
    }
    let (hot, spread) = (median(hot), median(spread));
    say(&format!(
        "median of {}: {hot:.0} paid orders/s on one tier, {spread:.0}/s over {} tiers",
        arguments.runs, arguments.tiers
    ));
    say("verdict: nothing was sold twice");
    Ok(())
}

/// Sells over so many tiers; gives the paid orders per second.
async fn over(shop: &Shop, arguments: &TiersArguments, tiers: u32) -> Result<f64, LoadError> {
    let (mut events, mut wishes) = (Vec::new(), Vec::new());
    let mut left = tiers;
    while left > 0 {
        let here = left.min(IN_ONE_EVENT);
        left -= here;
        let offered: Vec<_> = (1..=here)
            .map(|n| json!({"name": format!("Tier {n}"), "price_minor": 2500, "capacity": CAPACITY, "max_per_order": 100}))
            .collect();
        let made = shop.draft(json!(offered)).await?;
        let event = text(&made["id"]);
        shop.publish(&event).await?;
        for tier in made["tiers"].as_array().into_iter().flatten() {
            let items = json!([{"tier": tier["id"], "quantity": arguments.quantity}]);
            wishes.push((event.clone(), items));
        }
        events.push((event, CAPACITY * i64::from(here)));
    }
    if wishes.len() != usize::try_from(tiers).unwrap_or(0) {
        return Err(LoadError::Wrong(format!(
            "{} tiers were made of {tiers}",
            wishes.len()
        )));
    }
    let run = events
        .first()
        .map_or_else(String::new, |(event, _)| event.clone());
    let until = Duration::from_secs(arguments.seconds);
    let wishes = Arc::new(wishes);
    let (seen, took) = sell_of(shop, &run, wishes, arguments.clients, until, u64::MAX).await?;
    seen.print(&format!("paid orders over {tiers} tiers"), took);
    let (mut capacity, mut held, mut sold) = (0, 0, 0);
    for (event, most) in events {
        let (held_here, sold_here) = shop.totals(&event).await?;
        capacity += most;
        held += held_here;
        sold += sold_here;
    }
    agree(capacity, held, sold, seen.tickets)?;
    seen.without_errors()?;
    Ok(seen.rate(took))
}
