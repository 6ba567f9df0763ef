//! An on-sale: so many wait in a room, there is a draw, and they are let in one after the other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Address, Connection, LoadError};
use crate::figures::{Seen, say};
use crate::orders::agree;
use crate::room::{A_MOMENT, TRIES, claim, places, until_calling};
use crate::shop::{Event, Shop, at_once, purchase_of, text};

/// More tickets than anybody buys here.
const CAPACITY: i64 = 10_000_000;

#[derive(Debug, Args)]
pub(crate) struct OnSaleArguments {
    /// How many wait
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    waiting: u64,
    /// How many clients ask at once
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    clients: u32,
    /// How many may be inside at once
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    inside: u32,
    /// How many of them come in and buy
    #[arg(long, default_value_t = 5_000)]
    admit: u64,
    /// For how long the notice is asked for, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// For how long at most people are let in, in seconds
    #[arg(long, default_value_t = 900)]
    limit: u64,
    /// The process id of the server, to say how much memory it has
    #[arg(long)]
    server: Option<u32>,
}

/// Somebody who waits.
#[derive(Clone, Debug)]
struct Waiter {
    number: u64,
    token: String,
}

pub(crate) async fn run(shop: &Shop, arguments: &OnSaleArguments) -> Result<(), LoadError> {
    let event = Arc::new(shop.event(CAPACITY).await?);
    let room = format!("/api/v1/events/{}/waiting-room", event.id);
    let wish = json!({
        "opens_at": "2098-01-01T00:00:00Z", "most_inside": arguments.inside,
        "floor_per_minute": 1_000, "ceiling_per_minute": 1_000_000,
        "per_network": 2_000_000, "per_device": 2_000_000,
    });
    shop.call(Method::PUT, &room, Some(wish)).await?;

    say_memory("before anybody waits", arguments.server);
    let waiters = join(shop, &event, arguments).await?;
    say_memory("while they wait", arguments.server);
    notices(shop, &event, arguments).await?;

    let drawn = Instant::now();
    let draw = format!("{room}/draw");
    shop.call(Method::POST, &draw, None).await?;
    until_calling(shop, &room).await?;
    say(&format!(
        "draw of {}: {:.2} s until the first are called",
        waiters.len(),
        drawn.elapsed().as_secs_f64()
    ));
    let waiters = numbers(shop, &event, arguments, waiters).await?;
    admit(shop, &event, &room, arguments, waiters).await?;
    say_memory("at the end", arguments.server);
    say("verdict: nobody had another's number or seat, and the house was never too full");
    Ok(())
}

/// Says how much memory the server has, where the system tells.
fn say_memory(when: &str, server: Option<u32>) {
    let Some(server) = server else { return };
    let status = std::fs::read_to_string(format!("/proc/{server}/status")).unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.map_or("unknown", str::trim);
    say(&format!("memory of the server {when}: {resident}"));
}

/// Gives so many people places; their secrets.
async fn join(
    shop: &Shop,
    event: &Event,
    arguments: &OnSaleArguments,
) -> Result<Vec<String>, LoadError> {
    let share = arguments.waiting.div_ceil(u64::from(arguments.clients));
    let began = Instant::now();
    let clients = (0..u64::from(arguments.clients)).map(|client| {
        let (address, path) = (shop.address.clone(), places(&event.id, "places"));
        let mine = share.min(arguments.waiting.saturating_sub(client * share));
        async move {
            let mut connection = Connection::open(&address).await?;
            let (mut seen, mut tokens) = (Seen::default(), Vec::new());
            for _ in 0..mine {
                let sent = Instant::now();
                let place = connection
                    .ask(Method::POST, &path, &[], Some(&json!({})))
                    .await?;
                seen.note(sent.elapsed());
                tokens.push(text(&place.done(&path)?["token"]));
            }
            seen.turned_away = connection.turned_away;
            Ok::<_, LoadError>((seen, tokens))
        }
    });
    let all = at_once(clients.collect()).await?;
    let took = began.elapsed();
    let (seen, tokens): (Vec<Seen>, Vec<Vec<String>>) = all.into_iter().unzip();
    Seen::merge(seen).print("joins", took);
    let tokens = tokens.concat();
    let distinct: BTreeSet<&String> = tokens.iter().collect();
    if distinct.len() != tokens.len() {
        return Err(LoadError::Wrong("two people have one place".to_owned()));
    }
    Ok(tokens)
}

/// Asks for the notice, as pages do that wait.
async fn notices(shop: &Shop, event: &Event, arguments: &OnSaleArguments) -> Result<(), LoadError> {
    let (began, until) = (Instant::now(), Duration::from_secs(arguments.seconds));
    let clients = (0..arguments.clients).map(|_| {
        let (address, path) = (shop.address.clone(), places(&event.id, "notice"));
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
    seen.print("notices", began.elapsed());
    seen.without_errors()
}

/// Asks for everybody's number; the first comes first.
async fn numbers(
    shop: &Shop,
    event: &Event,
    arguments: &OnSaleArguments,
    tokens: Vec<String>,
) -> Result<Vec<Waiter>, LoadError> {
    let share = tokens
        .len()
        .div_ceil(usize::try_from(arguments.clients).unwrap_or(1))
        .max(1);
    let began = Instant::now();
    let clients = tokens.chunks(share).map(|chunk| {
        let (address, path) = (shop.address.clone(), places(&event.id, "place"));
        let chunk = chunk.to_vec();
        async move {
            let mut connection = Connection::open(&address).await?;
            let (mut seen, mut waiters) = (Seen::default(), Vec::new());
            for token in chunk {
                let headers = [("waiting-place", token.as_str())];
                let mut number = None;
                // What is kept of a room may be a second older than the draw.
                for _ in 0..TRIES {
                    let sent = Instant::now();
                    let place = connection.ask(Method::GET, &path, &headers, None).await?;
                    seen.note(sent.elapsed());
                    number = place.done(&path)?["number"].as_u64();
                    if number.is_some() {
                        break;
                    }
                    tokio::time::sleep(A_MOMENT).await;
                }
                let number = number.unwrap_or(0);
                waiters.push(Waiter { number, token });
            }
            seen.turned_away = connection.turned_away;
            Ok::<_, LoadError>((seen, waiters))
        }
    });
    let all = at_once(clients.collect()).await?;
    let took = began.elapsed();
    let (seen, waiters): (Vec<Seen>, Vec<Vec<Waiter>>) = all.into_iter().unzip();
    Seen::merge(seen).print("numbers", took);
    let mut waiters = waiters.concat();
    waiters.sort_by_key(|waiter| waiter.number);
    let is_a_draw = waiters
        .iter()
        .zip(1_u64..)
        .all(|(waiter, place)| waiter.number == place);
    if !is_a_draw {
        return Err(LoadError::Wrong(
            "the numbers are not 1, 2, 3 … each once".to_owned(),
        ));
    }
    Ok(waiters)
}

/// What the clients of an admission share.
struct Door {
    event: Arc<Event>,
    waiters: Vec<Waiter>,
    next: AtomicUsize,
    called: AtomicU64,
    is_over: AtomicBool,
}

/// Lets people in by their numbers, each of whom buys a ticket.
async fn admit(
    shop: &Shop,
    event: &Arc<Event>,
    room: &str,
    arguments: &OnSaleArguments,
    mut waiters: Vec<Waiter>,
) -> Result<(), LoadError> {
    waiters.truncate(usize::try_from(arguments.admit).unwrap_or(usize::MAX));
    let wanted = waiters.len() as u64;
    let door = Arc::new(Door {
        event: Arc::clone(event),
        waiters,
        next: AtomicUsize::new(0),
        called: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
    });
    let began = Instant::now();
    let clients = (0..arguments.clients)
        .map(|_| visitor(shop.address.clone(), Arc::clone(&door)))
        .collect();
    let bought = tokio::spawn(at_once(clients));
    // The organiser looks on: how many are called, and that the house is never too full.
    let limit = Duration::from_secs(arguments.limit);
    while !bought.is_finished() {
        let now = shop.call(Method::GET, room, None).await?;
        let number = |name: &str| now[name].as_u64().unwrap_or(0);
        door.called.store(number("called"), Ordering::Relaxed);
        if number("inside") > u64::from(arguments.inside) {
            return Err(LoadError::Wrong(format!(
                "{} are inside a house for {}",
                number("inside"),
                arguments.inside
            )));
        }
        if began.elapsed() >= limit {
            door.is_over.store(true, Ordering::Relaxed);
        }
        tokio::time::sleep(A_MOMENT).await;
    }
    let all = bought
        .await
        .map_err(|error| LoadError::Network(error.to_string()))??;
    let took = began.elapsed();
    let seen = Seen::merge(all);
    seen.print("admitted, from being called to having a ticket", took);
    say(&format!(
        "{} of {wanted} admitted in {:.1} s: {:.0}/s, never more than {} inside",
        seen.tickets,
        took.as_secs_f64(),
        seen.tickets as f64 / took.as_secs_f64(),
        arguments.inside
    ));
    let sold = shop.settled(&event.id).await?;
    agree(CAPACITY, 0, sold, seen.tickets)?;
    let now = shop.call(Method::GET, room, None).await?;
    if now["entered"].as_u64() != Some(seen.tickets) {
        return Err(LoadError::Wrong(format!(
            "{} bought, {} entered",
            seen.tickets, now["entered"]
        )));
    }
    seen.without_errors()
}

/// Comes in for one after the other, when it is their turn.
async fn visitor(address: Address, door: Arc<Door>) -> Result<Seen, LoadError> {
    let mut connection = Connection::open(&address).await?;
    let mut seen = Seen::default();
    loop {
        let place = door.next.fetch_add(1, Ordering::Relaxed);
        let Some(waiter) = door.waiters.get(place) else {
            return Ok(seen);
        };
        while door.called.load(Ordering::Relaxed) < waiter.number {
            if door.is_over.load(Ordering::Relaxed) {
                return Ok(seen);
            }
            tokio::time::sleep(A_MOMENT).await;
        }
        let called = Instant::now();
        let bought = come_in(&mut connection, &door.event, waiter).await?;
        seen.note(called.elapsed());
        seen.turned_away = connection.turned_away;
        seen.tickets += bought["tickets"].as_array().map_or(0, Vec::len) as u64;
    }
}

/// Claims the pass, holds a ticket and pays for it.
async fn come_in(
    connection: &mut Connection,
    event: &Event,
    waiter: &Waiter,
) -> Result<Value, LoadError> {
    let place = ("waiting-place", waiter.token.as_str());
    let pass = claim(connection, &event.id, &waiter.token)
        .await?
        .ok_or_else(|| LoadError::Wrong("it is said to be sold out".to_owned()))?;
    let path = "/api/v1/shop/holds";
    let wish = json!({"event": event.id, "items": [{"tier": event.tier, "quantity": 1}]});
    let key = format!("{}-{}", event.id, waiter.number);
    let mut held = Value::Null;
    for _ in 0..TRIES {
        let headers = [
            place,
            ("waiting-pass", pass.as_str()),
            ("idempotency-key", key.as_str()),
        ];
        let answer = connection
            .ask(Method::POST, path, &headers, Some(&wish))
            .await?;
        if answer.code() == "sales.waiting_room_full" {
            tokio::time::sleep(A_MOMENT).await;
            continue;
        }
        held = answer.done(path)?;
        break;
    }
    let mut order = purchase_of(&event.id, &json!([]), &waiter.number.to_string());
    order["hold"] = held["id"].clone();
    let path = "/api/v1/shop/orders";
    connection.post_once(path, &key, &order).await?.done(path)
}
