//! A whole sale under load, through the API alone: a seated event on many dates, in three languages, with a
//! shared pool, add-ons, donations, codes and a waiting room is made, sold out by rivals, changed, partly
//! cancelled, given on and resold; then all of it is read back.
//!
//! | file | step |
//! |---|---|
//! | `ledger.rs` | what was acknowledged |
//! | `made.rs` | the event is made |
//! | `market.rs` | what is still worth asking for |
//! | `sold.rs` | rivals come in through the waiting room until nothing is left |
//! | `rival.rs` | one of them |
//! | `changed.rs` | orders are changed, given back in part and as a whole |
//! | `hands.rs` | tickets are given on, and sold on to those who wait |
//! | `mails.rs` | the links that people have by mail |
//! | `proof.rs` | all is read back and compared |

mod changed;
mod hands;
mod ledger;
mod made;
mod mails;
mod market;
mod proof;
mod rival;
mod sold;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

use self::ledger::{Bought, Code, Ledger, row, take};
use crate::client::{Connection, LoadError};
use crate::figures::say;
use crate::shop::{Arena, Shop, purchase_of, text};

#[derive(Debug, Args)]
pub(crate) struct WholeArguments {
    /// How many buy at once
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_500))]
    rivals: u32,
    /// On how many dates it takes place
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=50))]
    dates: u32,
    /// How many blocks of 40 seats the hall has
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    blocks: u32,
    /// How many fit on the floor on each date: a pool that two tiers share
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(10..=10_000))]
    floor: u32,
    /// How many orders each step after the sale is done with
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    steps: u32,
    /// For how long at most is sold, in seconds
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// The folder that the server writes mail to: who is given a ticket has their link by mail
    #[arg(long, env = "BILTEN_MAIL__FOLDER", default_value = "bilten-data/mail")]
    mail: PathBuf,
}

/// A tier that is sold by dates.
#[derive(Clone, Debug)]
struct Ware {
    tier: String,
    /// How many of it each date has.
    capacity: i64,
    /// The blocks whose seats it sells, from 0; none on the floor.
    blocks: Vec<u64>,
}

impl Ware {
    const fn is_seated(&self) -> bool {
        !self.blocks.is_empty()
    }
}

/// The event, and all that is needed to buy of it.
#[derive(Clone)]
struct Sale {
    shop: Shop,
    event: String,
    arena: Arena,
    dates: Vec<String>,
    wares: Vec<Ware>,
    pool: String,
    pool_capacity: i64,
    parking: String,
    parking_capacity: i64,
    donation: String,
    /// An add-on that comes after the sale; empty until then.
    programme: String,
    /// The code that takes a tenth off: its id, its text and how often it can be used.
    tenth: (String, String, u64),
    batch: String,
    /// The codes that can be used once.
    vouchers: Vec<String>,
}

impl Sale {
    fn path(&self, more: &str) -> String {
        format!("/api/v1/events/{}{more}", self.event)
    }

    fn shop_path(&self, more: &str) -> String {
        format!("/api/v1/shop/events/{}{more}", self.event)
    }

    /// The version that the next change of the event starts from.
    async fn version(&self) -> Result<Value, LoadError> {
        let event = self.shop.call(Method::GET, &self.path(""), None).await?;
        Ok(event["version"].clone())
    }

    /// The place of a tier among those that are sold by dates.
    fn ware(&self, tier: &str) -> Option<usize> {
        self.wares.iter().position(|ware| ware.tier == tier)
    }

    /// Pays for what a hold has.
    async fn pay(
        &self,
        connection: &mut Connection,
        hold: &str,
        who: &str,
    ) -> Result<Value, LoadError> {
        let mut body = purchase_of(&self.event, &json!([]), who);
        body["hold"] = json!(hold);
        let path = "/api/v1/shop/orders";
        let bought = connection.post_once(path, hold, &body).await?.done(path)?;
        if bought["order"]["state"] != "paid" {
            let state = text(&bought["order"]["state"]);
            return Err(LoadError::Wrong(format!("a paid order is {state}")));
        }
        Ok(bought)
    }
}

pub(crate) async fn run(shop: &Shop, arguments: &WholeArguments) -> Result<(), LoadError> {
    let mut mails = mails::Mails::open(arguments.mail.clone())?;
    let mut rows = Vec::new();
    let began = Instant::now();
    let sale = Arc::new(made::made(shop, arguments).await?);
    rows.push(row("event made, with its dates and tiers", 1, began));

    let mut ledger = Ledger::default();
    let mut orders = sold::sold_out(&sale, arguments, &mut rows, &mut ledger).await?;
    let began = Instant::now();
    proof::proven(&sale, &ledger).await?;
    rows.push(row("all read back: sold out", orders.len(), began));

    let steps = arguments.steps;
    hands::given_on(
        &sale,
        steps,
        &mut orders,
        &mut mails,
        &mut rows,
        &mut ledger,
    )
    .await?;
    hands::resold(
        &sale,
        steps,
        &mut orders,
        &mut mails,
        &mut rows,
        &mut ledger,
    )
    .await?;
    let mut larger = Sale::clone(&sale);
    changed::offer_enlarged(&mut larger, steps).await?;
    let sale = Arc::new(larger);
    changed::changed(&sale, steps, &mut orders, &mut rows, &mut ledger).await?;
    changed::given_back(&sale, steps, &mut orders, &mut rows, &mut ledger).await?;

    let began = Instant::now();
    let units = proof::proven(&sale, &ledger).await?;
    proof::old_codes_are_dead(&sale, &ledger).await?;
    rows.push(row("all read back: what is left of it", units, began));

    say("| what | how many | time | rate |");
    say("|---|---|---|---|");
    for row in rows {
        say(&row);
    }
    let refused: Vec<String> = ledger
        .refused
        .iter()
        .map(|(code, count)| format!("{code} {count}"))
        .collect();
    say(&format!("refused: {}", refused.join(", ")));
    say(
        "verdict: no seat and no unit was sold twice; stock, codes and money agree, and old codes are dead",
    );
    Ok(())
}
