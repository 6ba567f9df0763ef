//! Codes: what comes is priced by those that the order has, and what they are counted for follows.

use bilten_core::price::{CodeEffect, CodeFact, MAX_CODES, PriceSnapshot, PromoCode, Refusal};
use bilten_kernel::db::{Conn, DbError};

use super::super::codes::{Refused, Standing, shifts, told};
use super::super::error::ChangeError;
use super::super::model::*;
use super::super::plan::Planned;
use super::super::store;
use super::super::units::codes_of_line;
use super::{Prepared, paid_together_in};
use crate::sales::codes::{self, HadCode, PromoCodeId};
use crate::sales::service::{Founds, Priced};
use crate::sales::{Cart, OrderId, SalesError};

/// The codes of an order that changes, and which of them do not hold for what comes.
#[derive(Clone, Debug, Default)]
pub(super) struct Codes {
    codes: Vec<HadCode>,
    refused: Vec<Refused>,
}

impl Codes {
    /// The codes that an order has.
    pub(super) async fn look(c: &mut Conn, prepared: &Prepared) -> Result<Self, DbError> {
        let had = codes::had(c, &prepared.loaded.code_holders).await?;
        // Those of other orders that share what was paid are theirs alone.
        let own = &prepared.loaded.codes;
        let is_own = |code: &HadCode| {
            let id = code.id.to_string();
            own.iter().any(|own| own.id == id)
        };
        Ok(Self {
            codes: had.into_iter().filter(is_own).collect(),
            refused: Vec::new(),
        })
    }

    /// The same inside a write: nobody spends of them until it is done.
    pub(super) async fn lock(c: &mut Conn, prepared: &Prepared) -> Result<Self, DbError> {
        codes::lock_had(c, &prepared.loaded.code_holders).await?;
        Self::look(c, prepared).await
    }

    /// Prices what comes by all codes that hold for it, and notes which do not.
    pub(super) fn price(
        &mut self,
        prepared: &Prepared,
        cart: &Cart,
        founds: &Founds,
    ) -> Result<Priced, ChangeError> {
        let standing = Standing {
            offer: &prepared.offer,
            units: &prepared.loaded.units,
            draft: &prepared.draft,
        };
        let has_news = standing.has_news();
        let (mut usual, mut together) = (Vec::new(), Vec::new());
        for code in self.codes.iter().take(MAX_CODES) {
            let is_access = |rule: &PromoCode| matches!(rule.effect, CodeEffect::Access { .. });
            let now = code.now.as_ref();
            // What only changes its seat costs what it cost.
            if !has_news && now.is_none_or(|(rule, _)| !is_access(rule)) {
                continue;
            }
            match standing.adapted(code) {
                Ok((rule, fact)) if matches!(rule.effect, CodeEffect::BuyGet { .. }) => {
                    together.push((code.id, rule, fact));
                }
                Ok((rule, fact)) => usual.push((code.id, rule, fact)),
                Err(why) => self.refused.push((code.id, why)),
            }
        }
        let mut priced = price(prepared, cart, founds, &mut usual, &mut self.refused)?;
        for (id, rule, fact) in together {
            match standing.buy_get(&rule, &priced.quote) {
                Ok(rule) => {
                    usual.push((id, rule, fact));
                    priced = price(prepared, cart, founds, &mut usual, &mut self.refused)?;
                }
                Err(why) => self.refused.push((id, why)),
            }
        }
        Ok(priced)
    }

    /// What is told of them.
    pub(super) fn told(&self, planned: &Planned) -> Vec<ChangedCode> {
        told(
            &self.codes,
            (planned.gone.as_slice(), planned.came.as_slice()),
            (
                planned.losses.as_slice(),
                planned.plan.money.lost_discount_minor,
            ),
            &self.refused,
        )
    }
}

/// Prices a cart by as many of these codes as hold for it: those that do not are taken out, with why.
fn price(
    prepared: &Prepared,
    cart: &Cart,
    founds: &Founds,
    codes: &mut Vec<(PromoCodeId, PromoCode, CodeFact)>,
    refused: &mut Vec<Refused>,
) -> Result<Priced, ChangeError> {
    loop {
        let asked = codes.iter();
        let asked = asked.map(|(_, rule, fact)| (rule.clone(), fact.clone()));
        let (place, why) = match cart.price(prepared.now, founds, asked.collect()) {
            Err(SalesError::Price(Refusal::CodeNotApplicable { id, why })) => {
                match codes.iter().position(|(_, rule, _)| rule.id == id) {
                    Some(place) => (place, why),
                    None => return Err(SalesError::OfferChanged.into()),
                }
            }
            answer => return Ok(answer?),
        };
        let (id, _, _) = codes.remove(place);
        refused.push((id, why));
    }
}

/// Reserves what the order is to have more of its codes, in the name of the order that may come of the
/// change; says whether there is anything.
pub(super) async fn reserve(
    c: &mut Conn,
    prepared: &Prepared,
    plan: &Plan,
) -> Result<bool, ChangeError> {
    let side = prepared.side.to_string();
    codes::reserve_more(c, &side, &plan.codes, prepared.now)
        .await?
        .map_err(SalesError::Price)?;
    Ok(plan.codes.iter().any(|shift| shift.amount_minor > 0))
}

/// Lets codes be counted as is planned, with what was reserved in the name of `side`.
pub(super) async fn count(
    c: &mut Conn,
    side: &str,
    id: OrderId,
    plan: &Plan,
) -> Result<(), DbError> {
    if plan.codes.is_empty() {
        return Ok(());
    }
    let together = paid_together_in(c, id).await?;
    let holders: Vec<String> = together.iter().map(ToString::to_string).collect();
    codes::shift(c, side, &holders, &plan.codes).await
}

/// Gives back what an order that is paid back has of codes: all of it, or what of it is its own where others
/// that share what was paid have the rest.
pub(in crate::sales) async fn return_codes(c: &mut Conn, id: OrderId) -> Result<(), SalesError> {
    let orders = paid_together_in(c, id).await?;
    let holders: Vec<String> = orders.iter().map(ToString::to_string).collect();
    if !store::others_have_codes(c, &orders, id).await? {
        return Ok(codes::give_back_all(c, &holders).await?);
    }
    let row = store::changing(c, id)
        .await?
        .ok_or(SalesError::OrderNotFound)?;
    let snapshot = row.snapshot.as_deref().map(serde_json::from_str);
    let snapshot: Option<PriceSnapshot> = snapshot.and_then(Result::ok);
    let lines = store::lines(c, id).await?;
    let own = lines
        .iter()
        .flat_map(|line| codes_of_line(line, snapshot.as_ref()));
    let shifts = shifts(own.flatten().map(|code| (code, -1)));
    Ok(codes::shift(c, &id.to_string(), &holders, &shifts).await?)
}
