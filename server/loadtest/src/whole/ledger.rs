//! What was acknowledged.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;

use super::Sale;
use crate::client::LoadError;
use crate::shop::{list, text};

/// Which code an order was bought by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    None,
    Tenth,
    Voucher,
}

/// A paid order of one ware on one date, and what else was bought with it.
#[derive(Clone, Debug)]
pub(super) struct Bought {
    pub(super) order: String,
    pub(super) token: String,
    pub(super) ware: usize,
    pub(super) date: usize,
    /// The line of the ware, from 1.
    pub(super) line: u64,
    pub(super) quantity: u64,
    /// What one of the ware was paid for.
    pub(super) each: i64,
    pub(super) total: i64,
    pub(super) code: Code,
    pub(super) has_parking: bool,
    pub(super) tickets: Vec<Value>,
}

impl Bought {
    /// Reads what was answered to a purchase.
    pub(super) fn of(sale: &Sale, answer: &Value, code: Code) -> Result<Self, LoadError> {
        let order = &answer["order"];
        let mut has_parking = false;
        let mut found = None;
        for item in list(&order["items"]) {
            let tier = text(&item["tier_id"]);
            has_parking |= tier == sale.parking;
            let date = text(&item["occurrence_id"]);
            let date = sale.dates.iter().position(|one| *one == date);
            if let (Some(ware), Some(date)) = (sale.ware(&tier), date) {
                found = Some((ware, date, item));
            }
        }
        let (ware, date, item) =
            found.ok_or_else(|| LoadError::Wrong(format!("an order of nothing: {order}")))?;
        let quantity = item["quantity"].as_u64().unwrap_or(0);
        let total = item["total_minor"].as_i64().unwrap_or(0);
        Ok(Self {
            order: text(&order["id"]),
            token: text(&answer["token"]),
            ware,
            date,
            line: item["line"].as_u64().unwrap_or(0),
            quantity,
            each: total / i64::try_from(quantity.max(1)).unwrap_or(1),
            total: order["total_minor"].as_i64().unwrap_or(0),
            code,
            has_parking,
            tickets: list(&answer["tickets"]).cloned().collect(),
        })
    }

    /// What its buyer shows to see it.
    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

/// What was acknowledged: the books must say the same.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// What was paid in all, in minor units.
    pub(super) paid: i64,
    /// How many orders have the code that takes a tenth off, and how many a code of their own.
    pub(super) tenth: u64,
    pub(super) vouchers: u64,
    /// What was resold: the seller's order, the date and the seat.
    pub(super) resold: Vec<(String, String, String)>,
    /// Codes of tickets that are in other hands by now.
    pub(super) dead: Vec<String>,
    /// Codes by which they are let in.
    pub(super) good: Vec<String>,
    /// Steps that were refused, by code.
    pub(super) refused: BTreeMap<String, u64>,
}

impl Ledger {
    pub(super) fn refuse(&mut self, code: &str) {
        *self.refused.entry(code.to_owned()).or_insert(0) += 1;
    }
}

/// Takes some of these orders away, of those that are fit for something.
pub(super) fn take(
    orders: &mut Vec<Bought>,
    most: u32,
    is_fit: impl Fn(&Bought) -> bool,
) -> Result<Vec<Bought>, LoadError> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let (mut taken, mut left) = (Vec::new(), Vec::new());
    for order in orders.drain(..) {
        if taken.len() < most && is_fit(&order) {
            taken.push(order);
        } else {
            left.push(order);
        }
    }
    *orders = left;
    if taken.is_empty() {
        return Err(LoadError::TooLittle);
    }
    Ok(taken)
}

/// One row of the table: how many, and how fast.
pub(super) fn row(name: &str, count: usize, began: Instant) -> String {
    let took = began.elapsed().as_secs_f64();
    format!(
        "| {name} | {count} | {took:.2} s | {:.0}/s |",
        count as f64 / took.max(0.001)
    )
}
