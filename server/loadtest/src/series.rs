//! An event with two thousand dates and fifty tiers, as those see it who look for tickets.

use std::time::{Duration, Instant};

use clap::Args;
use hyper::Method;
use serde_json::json;

use crate::client::{Connection, LoadError};
use crate::figures::{Seen, say};
use crate::shop::{Shop, at_once, text};

#[derive(Debug, Args)]
pub(crate) struct SeriesArguments {
    /// How many dates the event has
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(2..=2_000))]
    dates: u32,
    /// How many tiers it has
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=50))]
    tiers: u32,
    /// How many of them are sold by date, with stock of their own for each
    #[arg(long, default_value_t = 50)]
    by_date: u32,
    /// How many clients look at once
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    clients: u32,
    /// For how long, in seconds, for each thing that is looked at
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

pub(crate) async fn run(shop: &Shop, arguments: &SeriesArguments) -> Result<(), LoadError> {
    let tiers: Vec<_> = (1..=arguments.tiers)
        .map(|n| {
            json!({"name": format!("Tier {n}"), "price_minor": 1_000 + n, "capacity": 500,
                   "per_date": n <= arguments.by_date})
        })
        .collect();
    let began = Instant::now();
    let made = shop.draft(json!(tiers)).await?;
    let event = text(&made["id"]);
    let path = format!("/api/v1/events/{event}");
    let rule = format!("FREQ=DAILY;COUNT={}", arguments.dates);
    let series = json!({"version": made["version"], "starts": "2090-02-01T19:30:00", "rules": [rule],
                        "duration_minutes": 120, "doors_minutes": 30});
    let saved = shop
        .call(Method::PUT, &format!("{path}/series"), Some(series))
        .await?;
    let dates = saved["occurrence_count"].as_u64().unwrap_or(0);
    if dates != u64::from(arguments.dates) {
        return Err(LoadError::Wrong(format!("the event has {dates} dates")));
    }
    let published = shop.publish(&event).await?;
    say(&format!(
        "{dates} dates and {} tiers made in {:.2} s",
        arguments.tiers,
        began.elapsed().as_secs_f64()
    ));
    let all = shop.pages(&format!("{path}/occurrences")).await?;
    let middle = all
        .get(all.len() / 2)
        .map(|date| text(&date["id"]))
        .unwrap_or_default();
    let shown = format!("/api/v1/shop/events/{event}");
    for (name, path) in [
        ("event in the shop API", shown.clone()),
        (
            "200 of its dates",
            format!("{shown}/occurrences?limit=200&from=2092-01-01T00:00:00Z"),
        ),
        (
            "what is left on a date",
            format!("{shown}/occurrences/{middle}/availability"),
        ),
        ("event page", format!("/e/{}", text(&published["slug"]))),
    ] {
        look(shop, arguments, name, &path).await?;
    }
    Ok(())
}

/// Looks at one thing, again and again.
async fn look(
    shop: &Shop,
    arguments: &SeriesArguments,
    name: &str,
    path: &str,
) -> Result<(), LoadError> {
    let (began, until) = (Instant::now(), Duration::from_secs(arguments.seconds));
    let clients = (0..arguments.clients).map(|_| {
        let (address, path) = (shop.address.clone(), path.to_owned());
        async move {
            let mut connection = Connection::open(&address).await?;
            let mut seen = Seen::default();
            while began.elapsed() < until {
                let sent = Instant::now();
                let (status, _) = connection.send(Method::GET, &path, &[], Vec::new()).await?;
                seen.note(sent.elapsed());
                seen.errors += u64::from(status != 200);
            }
            Ok::<_, LoadError>(seen)
        }
    });
    let seen = Seen::merge(at_once(clients.collect()).await?);
    seen.print(name, began.elapsed());
    seen.without_errors()
}
