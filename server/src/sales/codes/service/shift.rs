//! What changes of orders ask of codes: what an order has of them becomes more or less, and is no further
//! use.

use bilten_core::price::{CodeFact, CodeRefusal, PromoCode, Refusal};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use serde::{Deserialize, Serialize};

use super::sell::refused;
use crate::sales::codes::model::*;
use crate::sales::codes::store::codes as store;
use crate::sales::codes::store::uses::{self, SharedRow};

/// By how much a code is used more, or less, by an order that has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeShift {
    /// The code.
    pub id: PromoCodeId,
    /// How many units more are cheaper; fewer below zero.
    pub units: i64,
    /// How much more it takes off; less below zero.
    pub amount_minor: i64,
}

/// A code that is used by an order that is paid.
#[derive(Clone, Debug)]
pub struct HadCode {
    /// Its id.
    pub id: PromoCodeId,
    /// Its text, as it is printed.
    pub shown: String,
    /// Its rule of today, and what it has taken off so far; none if it is archived. How often it is used is
    /// left out: whoever has it does not use it again.
    pub now: Option<(PromoCode, CodeFact)>,
}

/// The codes that these orders have and paid for, by id.
///
/// # Errors
/// A fault of the database.
pub async fn had(c: &mut Conn, holders: &[String]) -> Result<Vec<HadCode>, DbError> {
    if holders.is_empty() {
        return Ok(Vec::new());
    }
    let rows = store::had(c, holders).await?;
    let codes = rows.into_iter().map(|row| {
        let code = row.rule.0.priced(row.id);
        let fact = CodeFact {
            id: code.id.clone(),
            used: 0,
            used_by_buyer: 0,
            spent_minor: row.spent_minor,
        };
        HadCode {
            id: row.id,
            shown: row.shown,
            now: row.archived_at.is_none().then_some((code, fact)),
        }
    });
    Ok(codes.collect())
}

/// Locks the codes that these orders have for the rest of a write, so that what [`had`] says after this is
/// what [`reserve_more`] finds.
///
/// # Errors
/// A fault of the database.
pub async fn lock_had(c: &mut Conn, holders: &[String]) -> Result<(), DbError> {
    if holders.is_empty() {
        return Ok(());
    }
    store::lock_had(c, holders).await
}

/// Reserves in the name of `side` what an order is to have more, within the budgets; what it is to have less
/// stays for now. A refusal must undo the write.
///
/// # Errors
/// A fault of the database; inside, whose budget is spent.
pub async fn reserve_more(
    c: &mut Conn,
    side: &str,
    shifts: &[CodeShift],
    now: Timestamp,
) -> Result<Result<(), Refusal>, DbError> {
    for shift in shifts.iter().filter(|shift| shift.amount_minor > 0) {
        uses::open_more(c, side, shift.id, shift.amount_minor, now).await?;
        if !uses::spend(c, shift.id, shift.amount_minor).await? {
            return Ok(Err(refused(shift.id, CodeRefusal::BudgetSpent)));
        }
    }
    Ok(Ok(()))
}

/// Lets orders that share what was paid have what was reserved for them in the name of `side`, and gives back
/// what they have less of: to the budgets, and the use with the last of it.
///
/// # Errors
/// A fault of the database.
pub async fn shift(
    c: &mut Conn,
    side: &str,
    holders: &[String],
    shifts: &[CodeShift],
) -> Result<(), DbError> {
    for shift in shifts {
        let reserved = uses::take_more(c, side, shift.id).await?.unwrap_or(0);
        // Locked, and as they are now.
        let mut rows = uses::shared(c, holders, shift.id).await?;
        rows.sort_by(|a, b| a.holder.cmp(&b.holder));
        let mut spread = Spread {
            units: shift.units,
            amount_minor: reserved + shift.amount_minor.min(0),
        };
        let changed: Vec<SharedRow> = rows.iter().map(|row| spread.over(row)).collect();
        let before: i64 = rows.iter().map(|row| row.amount_minor).sum();
        let after: i64 = changed.iter().map(|row| row.amount_minor).sum();
        let over: Vec<&SharedRow> = changed.iter().filter(|row| row.is_over()).collect();
        let count: i64 = over.iter().map(|row| row.uses).sum();
        // What was reserved is spent already.
        let back = before + reserved - after;
        if back != 0 || count != 0 {
            uses::uncount(c, shift.id, count, back).await?;
        }
        let counted = over.iter().filter(|row| row.uses > 0);
        let mut buyers: Vec<&Vec<u8>> = counted.filter_map(|row| row.buyer.as_ref()).collect();
        buyers.sort();
        for buyer in buyers {
            uses::uncount_buyer(c, shift.id, buyer).await?;
        }
        for (row, was) in changed.iter().zip(&rows) {
            if row != was || row.is_over() {
                uses::put_shared(c, shift.id, row).await?;
            }
        }
    }
    Ok(())
}

/// What is still to be shared out over the uses of a code.
struct Spread {
    units: i64,
    amount_minor: i64,
}

impl Spread {
    /// A use with its share: what is more goes to the first one, what is less is taken of each as far as it
    /// goes.
    fn over(&mut self, row: &SharedRow) -> SharedRow {
        let mut row = row.clone();
        for (own, left) in [
            (&mut row.units, &mut self.units),
            (&mut row.amount_minor, &mut self.amount_minor),
        ] {
            let new = (*own + *left).max(0);
            *left -= new - *own;
            *own = new;
        }
        row
    }
}
