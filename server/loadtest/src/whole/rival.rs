//! One of those who come in through the waiting room and buy, again and again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use hyper::Method;
use serde_json::{Value, json};

use super::market::{Market, Wish};
use super::{Bought, Sale};
use crate::client::{Connection, LoadError};
use crate::figures::{Dice, Seen};
use crate::room::{A_MOMENT, TRIES, claim, places};
use crate::shop::text;

/// After how many choices that others had before somebody takes what there is.
const PATIENCE: u32 = 20;

/// What came of a rival's visits.
#[derive(Default)]
pub(super) struct Got {
    pub(super) seen: Seen,
    pub(super) bought: Vec<Bought>,
    /// How many of its seats were named.
    pub(super) by_hand: u64,
    /// What was paid, in minor units.
    pub(super) paid: i64,
    pub(super) refused: BTreeMap<String, u64>,
    /// When it bought last.
    pub(super) last: Option<Instant>,
}

/// Gets a place in the room; its secret.
pub(super) async fn joined(connection: &mut Connection, event: &str) -> Result<String, LoadError> {
    let path = places(event, "places");
    let place = connection
        .ask(Method::POST, &path, &[], Some(&json!({})))
        .await?;
    Ok(text(&place.done(&path)?["token"]))
}

/// The number of a place once the draw was held.
async fn number_of(
    connection: &mut Connection,
    event: &str,
    token: &str,
) -> Result<u64, LoadError> {
    let path = places(event, "place");
    for _ in 0..TRIES {
        let headers = [("waiting-place", token)];
        let standing = connection.ask(Method::GET, &path, &headers, None).await?;
        if let Some(number) = standing.done(&path)?["number"].as_u64() {
            return Ok(number);
        }
        tokio::time::sleep(A_MOMENT).await;
    }
    Err(LoadError::Wrong("somebody has no number".to_owned()))
}

/// Waits, comes in and buys, until nothing is left or the time is over.
pub(super) async fn rival(
    sale: Arc<Sale>,
    market: Arc<Market>,
    client: u32,
    first: String,
) -> Result<Got, LoadError> {
    let mut connection = Connection::open(&sale.shop.address).await?;
    let mut visit = Visit {
        dice: Dice::new(u64::from(client) + 1),
        client,
        attempts: 0,
        misses: 0,
        got: Got::default(),
    };
    let mut token = first;
    loop {
        let number = number_of(&mut connection, &sale.event, &token).await?;
        while market.called.load(Ordering::Relaxed) < number {
            if market.is_over() {
                return Ok(visit.got);
            }
            tokio::time::sleep(A_MOMENT).await;
        }
        if market.is_over() {
            return Ok(visit.got);
        }
        let Some(pass) = claim(&mut connection, &sale.event, &token).await? else {
            // Whatever is not paid for may come back; their place stays theirs.
            tokio::time::sleep(A_MOMENT).await;
            continue;
        };
        let is_served = visit
            .served(
                &mut connection,
                &sale,
                &market,
                (token.as_str(), pass.as_str()),
            )
            .await?;
        visit.got.seen.turned_away = connection.turned_away;
        if !is_served || market.is_over() {
            return Ok(visit.got);
        }
        token = joined(&mut connection, &sale.event).await?;
    }
}

/// What a rival remembers from visit to visit.
struct Visit {
    dice: Dice,
    client: u32,
    attempts: u64,
    misses: u32,
    got: Got,
}

impl Visit {
    /// Buys something with a pass; says whether there was anything before all was over.
    async fn served(
        &mut self,
        connection: &mut Connection,
        sale: &Sale,
        market: &Market,
        (place, pass): (&str, &str),
    ) -> Result<bool, LoadError> {
        let path = "/api/v1/shop/holds";
        while !market.is_over() {
            let may_name = self.misses < PATIENCE;
            let Some(wish) = market.wish(sale, &mut self.dice, may_name) else {
                // All is taken; what of it is not paid for may come back.
                tokio::time::sleep(A_MOMENT).await;
                continue;
            };
            self.attempts += 1;
            let key = format!("{}-{}-{}", sale.event, self.client, self.attempts);
            let headers = [
                ("waiting-place", place),
                ("waiting-pass", pass),
                ("idempotency-key", key.as_str()),
            ];
            let body = json!({"event": sale.event, "items": wish.items, "codes": wish.codes});
            let sent = Instant::now();
            let held = connection
                .ask(Method::POST, path, &headers, Some(&body))
                .await?;
            market.answered(&wish);
            if held.status == 201 {
                self.bought(connection, sale, &wish, &held.body).await?;
                self.got.seen.note(sent.elapsed());
                self.got.last = Some(Instant::now());
                return Ok(true);
            }
            let code = held.code().to_owned();
            *self.got.refused.entry(code.clone()).or_insert(0) += 1;
            match code.as_str() {
                "sales.waiting_room_full" => {
                    market.give_back(&wish);
                    tokio::time::sleep(A_MOMENT).await;
                }
                _ if market.refused(sale, &wish, &held.body) => {
                    if code != "sales.code_not_applicable" {
                        market.give_back(&wish);
                    }
                    self.misses += u32::from(wish.is_by_hand);
                }
                _ => {
                    held.done(path)?;
                }
            }
        }
        Ok(false)
    }

    /// Pays for what is held.
    async fn bought(
        &mut self,
        connection: &mut Connection,
        sale: &Sale,
        wish: &Wish,
        held: &Value,
    ) -> Result<(), LoadError> {
        let who = format!("{}-{}", self.client, self.attempts);
        let answer = sale.pay(connection, &text(&held["id"]), &who).await?;
        let bought = Bought::of(sale, &answer, wish.code)?;
        let is_as_wished = bought.ware == wish.ware
            && bought.date == wish.date
            && bought.quantity == wish.party
            && bought.tickets.len() as u64 == wish.party
            && bought.has_parking == wish.with_parking;
        if !is_as_wished || held["total_minor"] != answer["order"]["total_minor"] {
            return Err(LoadError::Wrong(format!(
                "what was held is not what was bought: {held} {}",
                answer["order"]
            )));
        }
        let got = &mut self.got;
        got.paid += answer["payment"]["amount_minor"].as_i64().unwrap_or(0);
        got.seen.tickets += bought.quantity;
        got.by_hand += if wish.is_by_hand { bought.quantity } else { 0 };
        got.bought.push(bought);
        self.misses = 0;
        Ok(())
    }
}
