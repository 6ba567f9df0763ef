//! A million attempts for a few tickets: bought at once, held and bought, held and given up, ordered and
//! given up; and never one ticket too many.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Address, Answer, Connection, LoadError};
use crate::figures::{Seen, median, say};
use crate::orders::agree;
use crate::shop::{Shop, at_once, purchase_of, text};

const PRICE: i64 = 2_500;

#[derive(Debug, Args)]
pub(crate) struct ContendArguments {
    /// How many attempts in all
    #[arg(long, default_value_t = 1_000_000)]
    attempts: u64,
    /// How many of them are for the tickets of one event, before there is another one
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    round: u64,
    /// How many tickets an event has: a pool that two tiers share
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    tickets: i64,
    /// How many clients try at once
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    clients: u32,
    /// For how long at most, in seconds; what is left of the attempts then is not made
    #[arg(long, default_value_t = 7_200)]
    seconds: u64,
}

/// What came of some attempts.
#[derive(Default)]
struct Tried {
    seen: Seen,
    /// Tickets that were given back: by giving up what was held or ordered.
    returned: u64,
}

/// An event with a few tickets, in a pool that two tiers share.
struct Few {
    event: String,
    tiers: Vec<String>,
}

impl Few {
    /// The key of a request.
    fn key(&self, mark: &str) -> String {
        format!("{}-{mark}", self.event)
    }
}

pub(crate) async fn run(shop: &Shop, arguments: &ContendArguments) -> Result<(), LoadError> {
    let (began, until) = (Instant::now(), Duration::from_secs(arguments.seconds));
    let (mut made, mut sold, mut returned, mut refused) = (0, 0, 0, 0);
    let (mut rounds, mut rates) = (0, Vec::new());
    while made < arguments.attempts && began.elapsed() < until {
        let few = Arc::new(few(shop, arguments.tickets).await?);
        let attempts = arguments.round.min(arguments.attempts - made);
        let share = attempts.div_ceil(u64::from(arguments.clients));
        let round = Instant::now();
        let clients = (0..arguments.clients).map(|client| {
            let limits = (share, began, until);
            client_of(shop.address.clone(), Arc::clone(&few), client, limits)
        });
        let all = at_once(clients.collect()).await?;
        let took = round.elapsed();
        let (mut seen, mut given_back) = (Vec::new(), 0);
        for tried in all {
            given_back += tried.returned;
            seen.push(tried.seen);
        }
        let seen = Seen::merge(seen);
        prove(shop, &few, arguments.tickets, seen.tickets).await?;
        seen.without_errors()?;
        made += seen.latencies.len() as u64;
        sold += seen.tickets;
        refused += seen.sold_out;
        returned += given_back;
        rates.push(seen.rate(took));
        rounds += 1;
        if rounds % 50 == 0 || made >= arguments.attempts {
            say(&format!(
                "{made} attempts in {:.0} s: {sold} tickets of {rounds} events sold, {returned} given back, {refused} refused, 0 oversold",
                began.elapsed().as_secs_f64()
            ));
        }
    }
    say(&format!(
        "{made} attempts for {} tickets, median {:.0} attempts/s: {sold} sold, {returned} given back, {refused} refused, 0 oversold",
        arguments.tickets * rounds,
        median(rates)
    ));
    if made < arguments.attempts {
        say(&format!(
            "the time was over: {} attempts were not made",
            arguments.attempts - made
        ));
    }
    say("verdict: nothing was sold twice");
    Ok(())
}

async fn few(shop: &Shop, tickets: i64) -> Result<Few, LoadError> {
    let made = shop.draft(json!([])).await?;
    let event = text(&made["id"]);
    let path = format!("/api/v1/events/{event}");
    let pool = json!({"name": "Floor", "capacity": tickets});
    let pool = shop
        .call(Method::POST, &format!("{path}/pools"), Some(pool))
        .await?;
    let mut tiers = Vec::new();
    for name in ["Standing", "Reduced"] {
        let tier =
            json!({"name": name, "price_minor": PRICE, "capacity": tickets, "pool_id": pool["id"]});
        let changed = shop
            .call(Method::POST, &format!("{path}/tiers"), Some(tier))
            .await?;
        let newest = changed["tiers"].as_array().and_then(|tiers| tiers.last());
        tiers.push(newest.map(|tier| text(&tier["id"])).unwrap_or_default());
    }
    shop.publish(&event).await?;
    Ok(Few { event, tiers })
}

/// Tries so often, or until the time is over.
async fn client_of(
    address: Address,
    few: Arc<Few>,
    client: u32,
    (share, began, until): (u64, Instant, Duration),
) -> Result<Tried, LoadError> {
    let mut connection = Connection::open(&address).await?;
    let mut tried = Tried::default();
    for attempt in 0..share {
        if began.elapsed() >= until {
            break;
        }
        let place = u64::from(client) + attempt;
        let tier = few.tiers.iter().cycle().nth(usize::from(place % 2 == 1));
        let items = json!([{"tier": tier, "quantity": place % 3 + 1}]);
        let mark = format!("{client}-{attempt}");
        let sent = Instant::now();
        let answer = match place % 5 {
            0 | 1 => buy(&mut connection, &few, &items, &mark).await?,
            2 => held_and_bought(&mut connection, &few, &items, &mark).await?,
            3 => held_and_given_up(&mut connection, &few, &items, &mark, &mut tried).await?,
            _ => ordered_and_given_up(&mut connection, &few, &items, &mark, &mut tried).await?,
        };
        tried.seen.note(sent.elapsed());
        match answer.status {
            201 | 204 => tried.seen.tickets += tickets_of(&answer.body),
            409 if answer.code() == "sales.sold_out" => tried.seen.sold_out += 1,
            _ => tried.seen.errors += 1,
        }
    }
    tried.seen.turned_away = connection.turned_away;
    Ok(tried)
}

fn tickets_of(bought: &Value) -> u64 {
    bought["tickets"].as_array().map_or(0, Vec::len) as u64
}

async fn buy(
    connection: &mut Connection,
    few: &Few,
    items: &Value,
    mark: &str,
) -> Result<Answer, LoadError> {
    let body = purchase_of(&few.event, items, mark);
    connection
        .post_once("/api/v1/shop/orders", &few.key(mark), &body)
        .await
}

async fn hold(
    connection: &mut Connection,
    few: &Few,
    items: &Value,
    mark: &str,
) -> Result<Answer, LoadError> {
    let body = json!({"event": few.event, "items": items});
    connection
        .post_once("/api/v1/shop/holds", &few.key(mark), &body)
        .await
}

async fn held_and_bought(
    connection: &mut Connection,
    few: &Few,
    items: &Value,
    mark: &str,
) -> Result<Answer, LoadError> {
    let held = hold(connection, few, items, mark).await?;
    if held.status != 201 {
        return Ok(held);
    }
    let mut body = purchase_of(&few.event, &json!([]), mark);
    body["hold"] = held.body["id"].clone();
    connection
        .post_once("/api/v1/shop/orders", &few.key(mark), &body)
        .await
}

async fn held_and_given_up(
    connection: &mut Connection,
    few: &Few,
    items: &Value,
    mark: &str,
    tried: &mut Tried,
) -> Result<Answer, LoadError> {
    let held = hold(connection, few, items, mark).await?;
    if held.status != 201 {
        return Ok(held);
    }
    let path = format!("/api/v1/shop/holds/{}", text(&held.body["id"]));
    let given_up = connection.ask(Method::DELETE, &path, &[], None).await?;
    if given_up.status == 204 {
        tried.returned += items[0]["quantity"].as_u64().unwrap_or(0);
    }
    Ok(given_up)
}

async fn ordered_and_given_up(
    connection: &mut Connection,
    few: &Few,
    items: &Value,
    mark: &str,
    tried: &mut Tried,
) -> Result<Answer, LoadError> {
    let mut body = purchase_of(&few.event, items, mark);
    body["payment"]["outcome"] = json!("decline");
    let ordered = connection
        .post_once("/api/v1/shop/orders", &few.key(mark), &body)
        .await?;
    if ordered.status != 201 {
        return Ok(ordered);
    }
    let path = format!("/api/v1/shop/orders/{}", text(&ordered.body["order"]["id"]));
    let token = format!("Bearer {}", text(&ordered.body["token"]));
    let headers = [("authorization", token.as_str())];
    let given_up = connection
        .ask(Method::DELETE, &path, &headers, None)
        .await?;
    if given_up.status == 204 {
        tried.returned += items[0]["quantity"].as_u64().unwrap_or(0);
    }
    Ok(given_up)
}

/// Compares what was acknowledged with the server's stock and its orders.
async fn prove(shop: &Shop, few: &Few, tickets: i64, acknowledged: u64) -> Result<(), LoadError> {
    let sold = shop.settled(&few.event).await?;
    agree(tickets, 0, sold, acknowledged)?;
    let (orders, in_orders) = shop.paid(&few.event, PRICE).await?;
    if in_orders != sold {
        return Err(LoadError::Wrong(format!(
            "{sold} sold, {in_orders} in {orders} paid orders"
        )));
    }
    Ok(())
}
