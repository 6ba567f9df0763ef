//! Devices: first sync, increments, pushes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bilten_core::checkin::Direction;
use bilten_core::gate::Gate;
use bilten_core::store::StorageKey;
use clap::Args;
use hyper::Method;
use serde_json::json;

use crate::client::{Connection, LoadError};
use crate::orders::sell;
use crate::shop::{Shop, purchase_of};

#[derive(Debug, Args)]
pub(crate) struct SyncArguments {
    /// How many tickets there are
    #[arg(long, default_value_t = 100_000)]
    tickets: u64,
    /// How often the first sync is measured, each time into a new store
    #[arg(long, default_value_t = 3)]
    runs: u32,
}

#[derive(Debug, Args)]
pub(crate) struct ScansArguments {
    /// How many redemptions wait on the device
    #[arg(long, default_value_t = 5_000)]
    redemptions: u64,
}

pub(crate) fn device(error: impl std::fmt::Display) -> LoadError {
    LoadError::Device(error.to_string())
}

/// Tickets in one order while filling an event.
const FILL: u32 = 100;
/// Longer than any filling takes.
const LONG: Duration = Duration::from_secs(600);

/// A device at the gate of an event.
pub(crate) async fn paired(
    shop: &Shop,
    event: &str,
    folder: &std::path::Path,
) -> Result<Arc<Gate>, LoadError> {
    let path = format!("/api/v1/events/{event}");
    let lists = shop
        .call(Method::GET, &format!("{path}/lists"), None)
        .await?;
    let list = &lists["items"][0]["id"];
    let pairing = shop
        .call(
            Method::POST,
            &format!("{path}/pairings"),
            Some(json!({ "list": list })),
        )
        .await?;
    let link = pairing["link"].as_str().unwrap_or_default();
    let gate = Gate::open_here(&folder.join("gate.db"), &StorageKey::from_bytes([7; 32]))
        .map_err(device)?;
    gate.pair(link, "load").await.map_err(device)?;
    Ok(gate)
}

/// Lets a device sync; how long it took.
pub(crate) async fn synced(gate: &Gate) -> Result<Duration, LoadError> {
    let began = Instant::now();
    let report = gate.sync().await.map_err(device)?;
    let took = began.elapsed();
    match (report.pull_problem.as_ref(), report.push_problem.as_ref()) {
        (None, None) => Ok(took),
        (Some(problem), _) | (None, Some(problem)) => {
            Err(LoadError::Device(format!("{problem:?}")))
        }
    }
}

#[expect(clippy::print_stdout, reason = "the result")]
pub(crate) async fn sync(shop: &Shop, arguments: &SyncArguments) -> Result<(), LoadError> {
    let event = shop.event(10_000_000).await?;
    let (seen, took) = sell(shop, &event, 32, FILL, LONG, arguments.tickets).await?;
    println!(
        "filled with {} tickets in {:.1} s",
        seen.tickets,
        took.as_secs_f64()
    );

    let mut last = None;
    for _ in 0..arguments.runs {
        let folder = tempfile::tempdir().map_err(device)?;
        let gate = paired(shop, &event.id, folder.path()).await?;
        let took = synced(&gate).await?;
        let known = gate.status().map_err(device)?.tickets;
        if known != seen.tickets {
            return Err(LoadError::Wrong(format!(
                "{} tickets sold, {known} on the device",
                seen.tickets
            )));
        }
        println!("first sync: {known} tickets in {:.2} s", took.as_secs_f64());
        last = Some((folder, gate));
    }

    if let Some((_folder, gate)) = last {
        let (more, _) = sell(shop, &event, 4, FILL, LONG, 1_000).await?;
        let took = synced(&gate).await?;
        println!(
            "increment: {} tickets in {:.0} ms",
            more.tickets,
            took.as_secs_f64() * 1_000.0
        );
        let took = synced(&gate).await?;
        println!("nothing new: {:.1} ms", took.as_secs_f64() * 1_000.0);
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the result")]
pub(crate) async fn scans(shop: &Shop, arguments: &ScansArguments) -> Result<(), LoadError> {
    let event = shop.event(10_000_000).await?;
    let folder = tempfile::tempdir().map_err(device)?;
    let mut codes = Vec::new();
    let mut connection = Connection::open(&shop.address).await?;
    for i in 0.. {
        if codes.len() as u64 >= arguments.redemptions {
            break;
        }
        let key = format!("scan-{i}");
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", key.as_str()),
        ];
        let (status, answer) = connection
            .send(
                Method::POST,
                "/api/v1/shop/orders",
                &headers,
                purchase_of(&event.id, &event.items(FILL), &key)
                    .to_string()
                    .into_bytes(),
            )
            .await?;
        let body = String::from_utf8_lossy(&answer).into_owned();
        let bought: serde_json::Value =
            serde_json::from_str(&body).map_err(|_| LoadError::Answer {
                what: "buy".to_owned(),
                status,
                body,
            })?;
        for ticket in bought["tickets"].as_array().into_iter().flatten() {
            codes.extend(ticket["code"].as_str().map(str::to_owned));
        }
    }
    codes.truncate(usize::try_from(arguments.redemptions).unwrap_or(usize::MAX));

    let gate = paired(shop, &event.id, folder.path()).await?;
    synced(&gate).await?;
    let mut times = Vec::with_capacity(codes.len());
    for code in &codes {
        let began = Instant::now();
        let outcome = gate.scan_text(code, Direction::Entry).map_err(device)?;
        times.push(began.elapsed());
        if !outcome.verdict.is_admit() {
            return Err(LoadError::Wrong(format!(
                "a bought ticket was refused: {:?}",
                outcome.verdict
            )));
        }
    }
    times.sort_unstable();
    let ms = |index: usize| {
        times
            .get(index)
            .map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    };
    println!(
        "offline scan: p50 {:.2} ms, p99 {:.2} ms",
        ms(times.len() / 2),
        ms(times.len() * 99 / 100)
    );

    let took = synced(&gate).await?;
    let waiting = gate.status().map_err(device)?.outbox;
    if waiting != 0 {
        return Err(LoadError::Wrong(format!("{waiting} scans were not taken")));
    }
    println!(
        "push: {} redemptions in {:.0} ms",
        codes.len(),
        took.as_secs_f64() * 1_000.0
    );
    Ok(())
}
