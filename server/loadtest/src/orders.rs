//! Paid orders on one hot tier.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use hyper::Method;
use serde_json::Value;

use crate::client::{Connection, LoadError};
use crate::figures::{Seen, say};
use crate::shop::{Event, Shop, at_once, purchase_of};

#[derive(Debug, Args)]
pub(crate) struct OrdersArguments {
    /// How many clients buy at once
    #[arg(long, default_value_t = 64)]
    clients: u32,
    /// For how long, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Tickets in each order
    #[arg(long, default_value_t = 2)]
    quantity: u32,
    /// How many tickets there are
    #[arg(long, default_value_t = 10_000_000)]
    capacity: i64,
}

/// How many bytes of an answer come before its tickets; a client need not parse what it counts.
const CODE: &[u8] = b"\"code\":\"BT1:";

pub(crate) async fn run(shop: &Shop, arguments: &OrdersArguments) -> Result<(), LoadError> {
    let event = shop.event(arguments.capacity).await?;
    let until = Duration::from_secs(arguments.seconds);
    let (seen, took) = sell(
        shop,
        &event,
        arguments.clients,
        arguments.quantity,
        until,
        u64::MAX,
    )
    .await?;
    seen.print("paid orders", took);
    prove(shop, &event, arguments.capacity, seen.tickets).await
}

/// Sells until the time is over, `tickets` are sold or there are none left.
pub(crate) async fn sell(
    shop: &Shop,
    event: &Event,
    clients: u32,
    quantity: u32,
    until: Duration,
    tickets: u64,
) -> Result<(Seen, Duration), LoadError> {
    let wishes = Arc::new(vec![(event.id.clone(), event.items(quantity))]);
    sell_of(shop, &event.id, wishes, clients, until, tickets).await
}

/// Sells these items of events one after the other, each client beginning with another one, until the time
/// is over, `tickets` are sold or there are none left. `run` names all of it once.
pub(crate) async fn sell_of(
    shop: &Shop,
    run: &str,
    wishes: Arc<Vec<(String, Value)>>,
    clients: u32,
    until: Duration,
    tickets: u64,
) -> Result<(Seen, Duration), LoadError> {
    let began = Instant::now();
    let share = tickets.div_ceil(u64::from(clients));
    let mut buyers = Vec::new();
    for client in 0..clients {
        let (address, wishes) = (shop.address.clone(), Arc::clone(&wishes));
        let run = format!("{run}-{}-{client}", began.elapsed().as_nanos());
        let from = usize::try_from(client).unwrap_or(0);
        buyers.push(async move {
            let mut connection = Connection::open(&address).await?;
            let mut seen = Seen::default();
            let from = from % wishes.len().max(1);
            for (i, (event, items)) in wishes.iter().cycle().skip(from).enumerate() {
                if began.elapsed() >= until || seen.tickets >= share {
                    break;
                }
                let key = format!("{run}-{i}");
                let headers = [
                    ("content-type", "application/json"),
                    ("idempotency-key", key.as_str()),
                ];
                let body = purchase_of(event, items, &format!("{client}-{i}"));
                let body = body.to_string().into_bytes();
                let sent = Instant::now();
                let (status, answer) = connection
                    .send(Method::POST, "/api/v1/shop/orders", &headers, body)
                    .await?;
                seen.note(sent.elapsed());
                match status {
                    201 => {
                        seen.tickets +=
                            answer.windows(CODE.len()).filter(|w| *w == CODE).count() as u64;
                    }
                    409 => {
                        seen.sold_out += 1;
                        if seen.sold_out > 20 {
                            break;
                        }
                    }
                    _ => seen.errors += 1,
                }
            }
            Ok::<_, LoadError>(seen)
        });
    }
    let all = at_once(buyers).await?;
    Ok((Seen::merge(all), began.elapsed()))
}

/// Compares what was acknowledged with what the server says it sold.
async fn prove(
    shop: &Shop,
    event: &Event,
    capacity: i64,
    acknowledged: u64,
) -> Result<(), LoadError> {
    let (held, sold) = shop.stock(event).await?;
    agree(capacity, held, sold, acknowledged)?;
    say(&format!(
        "proof: {sold} of {capacity} sold, {acknowledged} acknowledged, {held} held: nothing oversold"
    ));
    Ok(())
}

/// Whether what is sold fits, and is what was acknowledged.
pub(crate) fn agree(
    capacity: i64,
    held: i64,
    sold: i64,
    acknowledged: u64,
) -> Result<(), LoadError> {
    if held < 0 || sold < 0 || held + sold > capacity {
        return Err(LoadError::Wrong(format!(
            "{sold} sold and {held} held of {capacity}"
        )));
    }
    if i64::try_from(acknowledged) != Ok(sold) {
        return Err(LoadError::Wrong(format!(
            "{acknowledged} tickets acknowledged, {sold} sold"
        )));
    }
    Ok(())
}
