//! Rivals on a seated hall: some name their seats, the others take the best ones that are free.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Address, Answer, Connection, LoadError};
use crate::figures::{Dice, Seen, median, say};
use crate::shop::{Arena, SeatKey, Shop, at_once, distinct, list, purchase_of, seat_of, text};

/// The rows of a block, and the seats of a row.
const ROWS: u32 = 20;
const SEATS: u32 = 25;
/// After how many named choices in a row that others had before somebody takes what there is.
const PATIENCE: u32 = 20;

#[derive(Debug, Args)]
pub(crate) struct SeatsArguments {
    /// How many rivals there are
    #[arg(long, default_value_t = 200)]
    clients: u32,
    /// How many blocks the hall has, of 500 seats each
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    blocks: u32,
    /// How many seats somebody wants together
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=10))]
    party: u32,
    /// How many of a hundred purchases name their seats
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=100))]
    by_hand: u32,
    /// For how long at most, in seconds, each time
    #[arg(long, default_value_t = 300)]
    seconds: u64,
    /// How often, each time in an empty hall
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
}

/// A published event on one date in a hall.
struct Hall {
    event: String,
    date: String,
    arena: Arena,
    /// The tier that sells the seats of each block.
    tiers: Vec<String>,
}

/// What was acknowledged: the ticket of each seat.
#[derive(Default)]
struct Got {
    seen: Seen,
    tickets: Vec<(SeatKey, String)>,
}

pub(crate) async fn run(shop: &Shop, arguments: &SeatsArguments) -> Result<(), LoadError> {
    let mut rates = Vec::new();
    for _ in 0..arguments.runs {
        let hall = Arc::new(hall(shop, arguments.blocks).await?);
        let began = Instant::now();
        let until = Duration::from_secs(arguments.seconds);
        let rivals = (0..arguments.clients).map(|client| {
            let wishes = Wishes {
                party: arguments.party,
                by_hand: u64::from(arguments.by_hand),
                client,
            };
            rival(
                shop.address.clone(),
                Arc::clone(&hall),
                wishes,
                began,
                until,
            )
        });
        let all = at_once(rivals.collect()).await?;
        let took = began.elapsed();
        let (mut seen, mut tickets) = (Vec::new(), Vec::new());
        for got in all {
            seen.push(got.seen);
            tickets.extend(got.tickets);
        }
        let seen = Seen::merge(seen);
        seen.print("attempts for seats", took);
        let sold = prove(shop, &hall, tickets).await?;
        seen.without_errors()?;
        let rate = sold as f64 / took.as_secs_f64();
        say(&format!(
            "{sold} of {} seats in {:.2} s: {rate:.0} seats/s",
            hall.arena.seats,
            took.as_secs_f64()
        ));
        rates.push(rate);
    }
    say(&format!(
        "median of {}: {:.0} seats/s by {} rivals",
        arguments.runs,
        median(rates),
        arguments.clients
    ));
    say("verdict: no seat was sold twice");
    Ok(())
}

/// Makes a hall of so many blocks and an event that sells all of its seats.
async fn hall(shop: &Shop, blocks: u32) -> Result<Hall, LoadError> {
    let arena = shop.arena(blocks, ROWS, SEATS).await?;
    let tiers: Vec<Value> = arena
        .categories()
        .iter()
        .map(|(category, size)| {
            json!({"name": format!("Category {category}"), "price_minor": 2500, "capacity": size,
                   "max_per_order": 20, "seat_category": category})
        })
        .collect();
    let made = shop.draft(json!(tiers)).await?;
    let event = text(&made["id"]);
    let edit =
        json!({"version": made["version"], "scope": "all", "change": {"seat_map": arena.map}});
    let path = format!("/api/v1/events/{event}/occurrences");
    shop.call(Method::PATCH, &path, Some(edit)).await?;
    shop.publish(&event).await?;
    let of_category: BTreeMap<String, String> = list(&made["tiers"])
        .map(|tier| (text(&tier["seat_category"]), text(&tier["id"])))
        .collect();
    let tier = |category: &str| of_category.get(category).cloned().unwrap_or_default();
    Ok(Hall {
        event,
        date: text(&made["occurrences"][0]["id"]),
        tiers: arena
            .blocks
            .iter()
            .map(|(_, category)| tier(category))
            .collect(),
        arena,
    })
}

/// What a rival is after.
struct Wishes {
    party: u32,
    by_hand: u64,
    client: u32,
}

/// Buys until there is nothing left or the time is over.
async fn rival(
    address: Address,
    hall: Arc<Hall>,
    wishes: Wishes,
    began: Instant,
    until: Duration,
) -> Result<Got, LoadError> {
    let mut connection = Connection::open(&address).await?;
    let mut dice = Dice::new(u64::from(wishes.client) + 1);
    let mut got = Got::default();
    // How many together are still worth asking for, by tier; what is sold out is gone from it.
    let mut open: BTreeMap<&str, u32> = hall
        .tiers
        .iter()
        .map(|tier| (tier.as_str(), wishes.party))
        .collect();
    let mut misses = 0;
    for attempt in 0_u64.. {
        if open.is_empty() || began.elapsed() >= until {
            break;
        }
        let by_hand = misses < PATIENCE && dice.below(100) < wishes.by_hand;
        let (tier, items) = if by_hand {
            named(&hall, &mut dice, wishes.party)
        } else {
            let place = usize::try_from(dice.below(open.len() as u64)).unwrap_or(0);
            let Some((tier, party)) = open.iter().nth(place) else {
                break;
            };
            (
                (*tier).to_owned(),
                json!([{"tier": tier, "quantity": party}]),
            )
        };
        let mark = format!("{}-{attempt}", wishes.client);
        let key = format!("{}-{mark}", hall.event);
        let body = purchase_of(&hall.event, &items, &mark);
        let sent = Instant::now();
        let answer = connection
            .post_once("/api/v1/shop/orders", &key, &body)
            .await?;
        got.seen.note(sent.elapsed());
        if answer.status == 201 {
            misses = 0;
            got.seen.tickets += keep(&answer, &mut got.tickets);
            continue;
        }
        match (answer.status, answer.code()) {
            (409, "sales.seats_taken") => {
                got.seen.sold_out += 1;
                misses += u32::from(by_hand);
            }
            (409, "sales.too_few_seats" | "sales.not_together" | "sales.sold_out") => {
                got.seen.sold_out += 1;
                if by_hand {
                    misses += 1;
                } else if let Some(party) = open.get_mut(tier.as_str()) {
                    *party -= 1;
                    open.retain(|_, party| *party > 0);
                }
            }
            _ => got.seen.errors += 1,
        }
    }
    got.seen.turned_away = connection.turned_away;
    Ok(got)
}

/// Neighbours somewhere in the hall, by name, with the tier that sells them.
fn named(hall: &Hall, dice: &mut Dice, party: u32) -> (String, Value) {
    let block = dice.below(hall.tiers.len() as u64);
    let seats = hall.arena.neighbours(dice, block, party);
    let tier = usize::try_from(block)
        .ok()
        .and_then(|place| hall.tiers.get(place))
        .cloned()
        .unwrap_or_default();
    let items = json!([{"tier": tier, "seats": seats}]);
    (tier, items)
}

/// Keeps the tickets of a purchase; says how many.
fn keep(answer: &Answer, tickets: &mut Vec<(SeatKey, String)>) -> u64 {
    let before = tickets.len();
    for ticket in answer.body["tickets"].as_array().into_iter().flatten() {
        tickets.push((seat_of(ticket), text(&ticket["id"])));
    }
    (tickets.len() - before) as u64
}

/// Reads everything back and compares: what was acknowledged, the tickets, the paid orders, the hall as
/// buyers see it, and the stock. Gives how many seats are sold.
async fn prove(
    shop: &Shop,
    hall: &Hall,
    tickets: Vec<(SeatKey, String)>,
) -> Result<usize, LoadError> {
    let answered = distinct(
        "what was answered",
        tickets.iter().map(|(seat, _)| seat.clone()),
    )?;
    let ids: BTreeSet<&String> = tickets.iter().map(|(_, ticket)| ticket).collect();
    if ids.len() != tickets.len() {
        return Err(LoadError::Wrong("one ticket was answered twice".to_owned()));
    }

    let paths = tickets
        .iter()
        .map(|(_, ticket)| format!("/api/v1/tickets/{ticket}"))
        .collect();
    let read = shop.read_all(paths).await?;
    if let Some(ticket) = read.iter().find(|ticket| ticket["state"] != "valid") {
        let state = text(&ticket["state"]);
        return Err(LoadError::Wrong(format!("a bought ticket is {state}")));
    }
    let of_tickets = distinct("the tickets", read.iter().map(seat_of))?;

    let orders = shop
        .pages(&format!("/api/v1/events/{}/orders", hall.event))
        .await?;
    let paid = orders
        .iter()
        .filter(|order| order["state"] == "paid")
        .map(|order| format!("/api/v1/orders/{}", text(&order["id"])))
        .collect();
    let mut in_orders = Vec::new();
    for order in shop.read_all(paid).await? {
        for item in order["items"].as_array().into_iter().flatten() {
            for seat in item["seats"].as_array().into_iter().flatten() {
                in_orders.push((text(&item["occurrence_id"]), text(&seat["id"])));
            }
        }
    }
    let of_orders = distinct("the paid orders", in_orders)?;
    let of_hall = distinct(
        "the seats of the hall",
        shop.sold_seats(&hall.event, &hall.date, &hall.arena)
            .await?,
    )?;
    let sold = shop.settled(&hall.event).await?;
    let counts = [
        ("answered", answered.len()),
        ("on tickets", of_tickets.len()),
        ("in paid orders", of_orders.len()),
        ("sold in the hall", of_hall.len()),
        ("sold in stock", usize::try_from(sold).unwrap_or(0)),
    ];
    let is_same = answered == of_tickets && answered == of_orders && answered == of_hall;
    if !is_same || counts.iter().any(|(_, count)| *count != answered.len()) {
        return Err(LoadError::Wrong(format!("seats differ: {counts:?}")));
    }
    say(&format!(
        "proof: {} seats answered, on tickets, in paid orders, sold in the hall and in stock: the same ones, each once",
        answered.len()
    ));
    Ok(answered.len())
}
