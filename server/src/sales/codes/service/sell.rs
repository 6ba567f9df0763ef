//! What selling asks of codes, inside its own reads and writes.

use std::collections::{BTreeMap, BTreeSet};

use bilten_core::price::{
    CodeFact, CodeRefusal, CodeUse, MAX_CODES, PromoCode, Refusal, canonical,
};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};

use super::CodesError;
use crate::catalog::EventId;
use crate::identity::OrganisationId;
use crate::sales::codes::model::*;
use crate::sales::codes::store::codes as store;
use crate::sales::codes::store::uses;

/// The forms of what somebody typed.
fn forms(typed: &[String]) -> Result<Vec<String>, CodesError> {
    if typed.len() > MAX_CODES {
        return Err(CodesError::TooMany(MAX_CODES));
    }
    typed
        .iter()
        .enumerate()
        .map(|(place, text)| canonical(text).map_err(|_| CodesError::Unknown { place }))
        .collect()
}

/// The codes that somebody typed, in that order, with how far each is used up. A text that is no code
/// of this event, an archived one too, is unknown; whether the others may be used is for prices to say.
///
/// # Errors
/// [`CodesError::Unknown`] with the place of the first text that is no code of this event,
/// [`CodesError::TooMany`], or a fault of the database.
pub async fn facts(
    c: &mut Conn,
    organisation: OrganisationId,
    event: EventId,
    typed: &[String],
    buyer_key: Option<[u8; 32]>,
) -> Result<Vec<(PromoCodeId, PromoCode, CodeFact)>, CodesError> {
    let forms = forms(typed)?;
    if forms.is_empty() {
        return Ok(Vec::new());
    }
    let rows = store::facts(c, organisation, event, &forms, buyer_key).await?;
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    forms
        .iter()
        .enumerate()
        .map(|(place, form)| {
            let row = rows.iter().find(|row| row.form == *form);
            let row = row.ok_or(CodesError::Unknown { place })?;
            let mut code = row.rule.0.priced(row.id);
            if row.is_of_batch {
                code.max_uses = Some(1);
            }
            let fact = CodeFact {
                id: code.id.clone(),
                used: count(row.used),
                used_by_buyer: count(row.used_by_buyer),
                spent_minor: row.spent_minor,
            };
            Ok((row.id, code, fact))
        })
        .collect()
}

/// Locks the codes that somebody typed for the rest of a write: what [`facts`] says after this is
/// what [`reserve`] finds. Without it a rival may be faster in between, and `reserve` refuses.
///
/// # Errors
/// [`CodesError::Unknown`], [`CodesError::TooMany`], or a fault of the database.
pub async fn lock(
    c: &mut Conn,
    organisation: OrganisationId,
    typed: &[String],
) -> Result<(), CodesError> {
    let forms = forms(typed)?;
    if forms.is_empty() {
        return Ok(());
    }
    Ok(store::lock(c, organisation, &forms).await?)
}

/// The same for what several people typed, and for the codes of holds and orders that end. Of whom
/// something is no code, or too many, none is: they are refused when their turn comes.
///
/// # Errors
/// A fault of the database.
pub async fn lock_all(
    c: &mut Conn,
    organisation: OrganisationId,
    typed: impl Iterator<Item = &[String]>,
    holders: &[String],
) -> Result<(), DbError> {
    let forms: BTreeSet<String> = typed
        .filter_map(|typed| forms(typed).ok())
        .flatten()
        .collect();
    if forms.is_empty() {
        return Ok(());
    }
    store::lock_with_had(c, organisation, &Vec::from_iter(forms), holders).await
}

pub(super) fn refused(code: PromoCodeId, why: CodeRefusal) -> Refusal {
    Refusal::CodeNotApplicable {
        id: code.to_string(),
        why,
    }
}

/// Counts what a quote uses for a hold or order, within all limits: all of it or nothing. What the
/// holder has already is not counted again; if it is to be something else, give it back first.
///
/// # Errors
/// A fault of the database; inside, which code cannot be had, and why.
pub async fn reserve(
    c: &mut Conn,
    holder: &str,
    codes: &[CodeUse],
    buyer_key: Option<[u8; 32]>,
    now: Timestamp,
) -> Result<Result<(), Refusal>, DbError> {
    let mut wanted: Vec<(PromoCodeId, &CodeUse)> = Vec::with_capacity(codes.len());
    for code in codes {
        match code.id.parse() {
            Ok(id) => wanted.push((id, code)),
            Err(_) => {
                return Ok(Err(Refusal::CodeNotApplicable {
                    id: code.id.clone(),
                    why: CodeRefusal::UsedUp,
                }));
            }
        }
    }
    wanted.sort_by_key(|(id, _)| *id);
    let mut taken: Vec<(PromoCodeId, i64)> = Vec::with_capacity(wanted.len());
    for (id, code) in wanted {
        let amount = code.discount_minor;
        if !uses::open(c, holder, id, buyer_key, code.units, amount, now).await? {
            continue;
        }
        if let Some(why) = take(c, id, amount, buyer_key).await? {
            uses::forget(c, holder, id).await?;
            for (earlier, amount) in taken {
                put_back(c, earlier, amount, buyer_key).await?;
                uses::forget(c, holder, earlier).await?;
            }
            return Ok(Err(refused(id, why)));
        }
        taken.push((id, amount));
    }
    Ok(Ok(()))
}

/// Counts one use of a code; why it cannot be had.
async fn take(
    c: &mut Conn,
    id: PromoCodeId,
    amount_minor: i64,
    buyer: Option<[u8; 32]>,
) -> Result<Option<CodeRefusal>, DbError> {
    let Some(most_by_buyer) = uses::count(c, id, amount_minor).await? else {
        return Ok(Some(match uses::is_used_up(c, id).await? {
            Some(false) => CodeRefusal::BudgetSpent,
            // Archived in this very moment, or with its batch, is as good as used up.
            Some(true) | None => CodeRefusal::UsedUp,
        }));
    };
    let Some(buyer) = buyer else {
        return Ok(None);
    };
    if uses::count_buyer(c, id, buyer, most_by_buyer).await? {
        return Ok(None);
    }
    uses::uncount(c, id, 1, amount_minor).await?;
    Ok(Some(CodeRefusal::UsedUpByBuyer))
}

/// Takes one use of a code back.
async fn put_back(
    c: &mut Conn,
    id: PromoCodeId,
    amount_minor: i64,
    buyer: Option<[u8; 32]>,
) -> Result<(), DbError> {
    uses::uncount(c, id, 1, amount_minor).await?;
    if let Some(buyer) = buyer {
        uses::uncount_buyer(c, id, &buyer).await?;
    }
    Ok(())
}

/// Gives back all that a hold or order has, paid for or not. Doing it again changes nothing.
///
/// # Errors
/// A fault of the database.
pub async fn give_back(c: &mut Conn, holder: &str) -> Result<(), DbError> {
    give_back_all(c, &[holder.to_owned()]).await
}

/// Gives back all that these holds and orders have: one call for many keeps the order of locks.
///
/// # Errors
/// A fault of the database.
pub async fn give_back_all(c: &mut Conn, holders: &[String]) -> Result<(), DbError> {
    if holders.is_empty() {
        return Ok(());
    }
    let mut by_code: BTreeMap<PromoCodeId, (i64, i64, Vec<Vec<u8>>)> = BTreeMap::new();
    for row in uses::close(c, holders).await? {
        let (count, amount_minor, buyers) = by_code.entry(row.code_id).or_default();
        *count += row.uses;
        *amount_minor += row.amount_minor;
        buyers.extend(row.buyer.filter(|_| row.uses > 0));
    }
    for (id, (count, amount_minor, mut buyers)) in by_code {
        uses::uncount(c, id, count, amount_minor).await?;
        buyers.sort();
        for buyer in buyers {
            uses::uncount_buyer(c, id, &buyer).await?;
        }
    }
    Ok(())
}

/// Notes that what a holder has is paid for. Doing it again changes nothing.
///
/// # Errors
/// A fault of the database.
pub async fn confirm(c: &mut Conn, holder: &str) -> Result<(), DbError> {
    uses::confirm(c, holder).await
}

/// Gives what a hold has to the order that it becomes, or what one order has to another; nothing is
/// counted anew.
///
/// # Errors
/// A fault of the database.
pub async fn rename(c: &mut Conn, from_holder: &str, to_holder: &str) -> Result<(), DbError> {
    if from_holder == to_holder {
        return Ok(());
    }
    uses::rename(c, from_holder, to_holder).await
}

/// Counts what a holder has for its buyer, where it was reserved before anybody knew who that is, or for
/// somebody who does not buy: all of it or nothing. Doing it again changes nothing.
///
/// # Errors
/// A fault of the database; inside, which code this buyer has used up.
pub async fn name_buyer(
    c: &mut Conn,
    holder: &str,
    buyer_key: [u8; 32],
) -> Result<Result<(), Refusal>, DbError> {
    let others = uses::of_others(c, holder, buyer_key).await?;
    for (id, other) in &others {
        uses::uncount_buyer(c, *id, other).await?;
    }
    if !others.is_empty() {
        let ids: Vec<PromoCodeId> = others.iter().map(|(id, _)| *id).collect();
        uses::unname(c, holder, &ids).await?;
    }
    let mut named = uses::name(c, holder, buyer_key).await?;
    named.sort_by_key(|(id, _)| *id);
    let mut counted: BTreeSet<PromoCodeId> = BTreeSet::new();
    for &(id, most) in &named {
        if uses::count_buyer(c, id, buyer_key, most).await? {
            counted.insert(id);
            continue;
        }
        for id in &counted {
            uses::uncount_buyer(c, *id, &buyer_key).await?;
        }
        let all: Vec<PromoCodeId> = named.iter().map(|(id, _)| *id).collect();
        uses::unname(c, holder, &all).await?;
        return Ok(Err(refused(id, CodeRefusal::UsedUpByBuyer)));
    }
    Ok(Ok(()))
}
