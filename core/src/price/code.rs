//! Promo codes: what they do, for whom, how often, and whether one may be used.

use super::book::PriceBook;
use super::cart::{PriceCart, PriceFacts};
use super::fee::Per;
use super::rate::{Rate, sum};
use super::refusal::Refusal;
use super::work::Work;
use crate::codes::codes;
use crate::money::Currency;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A promo code, as it is stored. Its letters are the store's, by [`canonical`](super::canonical).
///
/// Codes are applied in this order, whatever the order in the cart: price, buy-get, percentage,
/// fixed by unit, fixed by order; two of one kind by id. Each takes of what the earlier ones left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PromoCode {
    /// Its id.
    pub id: String,
    /// What it does.
    pub effect: CodeEffect,
    /// The currency of its amounts; without it, the one of whatever it is used for.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// The items that it makes cheaper; without any, all but donations.
    #[serde(default)]
    pub items: Vec<String>,
    /// The dates on which it does; without any, all.
    #[serde(default)]
    pub occurrences: Vec<String>,
    /// When it begins, if not always.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<i64>))]
    pub from_at: Option<Timestamp>,
    /// When it is over (it holds before this), if ever.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<i64>))]
    pub until_at: Option<Timestamp>,
    /// The audiences that may use it; without any, everybody.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// In how many orders it may be used.
    #[serde(default)]
    pub max_uses: Option<u64>,
    /// In how many orders of one buyer.
    #[serde(default)]
    pub max_uses_per_buyer: Option<u64>,
    /// How many units of one order it makes cheaper: the dearest, for buy-get the cheapest.
    #[serde(default)]
    pub max_units: Option<u32>,
    /// How many units that it fits the order must have.
    #[serde(default)]
    pub min_units: u32,
    /// What those must cost together before anything is taken off.
    #[serde(default)]
    pub min_subtotal_minor: i64,
    /// The most that it takes off in one order.
    #[serde(default)]
    pub max_discount_minor: Option<i64>,
    /// The most that it takes off in all orders; the last one gets what is left.
    #[serde(default)]
    pub budget_minor: Option<i64>,
    /// Whether it may stand beside other codes that take something off.
    #[serde(default)]
    pub combines: bool,
    /// Whether it also makes units cheaper that have a group rate.
    #[serde(default)]
    pub on_group_rates: bool,
}

/// What a code does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CodeEffect {
    /// Takes a share off.
    Percentage {
        /// The share.
        rate: Rate,
    },
    /// Takes an amount off, never more than there is.
    Fixed {
        /// The amount.
        minor: i64,
        /// Whether off each unit or once.
        per: Per,
    },
    /// Each unit costs this, if that is less.
    Price {
        /// The price.
        minor: i64,
    },
    /// Of every `buy + get` units, the `get` cheapest are cheaper; of what is left over, those
    /// beyond `buy`.
    BuyGet {
        /// How many are paid in full.
        buy: u32,
        /// How many are then cheaper.
        get: u32,
        /// How much is taken off them; all makes them free.
        rate: Rate,
    },
    /// Unlocks hidden items and rates; stands beside any code.
    Access {
        /// The items.
        #[serde(default)]
        items: Vec<String>,
        /// The group rates, by key.
        #[serde(default)]
        rates: Vec<String>,
    },
}

impl CodeEffect {
    /// Its place in the order of application.
    pub(super) const fn stage(&self) -> u8 {
        match self {
            Self::Price { .. } => 0,
            Self::BuyGet { .. } => 1,
            Self::Percentage { .. } => 2,
            Self::Fixed { per: Per::Unit, .. } => 3,
            Self::Fixed {
                per: Per::Order, ..
            } => 4,
            Self::Access { .. } => 5,
        }
    }

    pub(super) const fn is_access(&self) -> bool {
        matches!(self, Self::Access { .. })
    }
}

/// Why a code cannot be used for a cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CodeRefusal {
    /// It is in the cart twice.
    #[error("it is there twice")]
    Twice,
    /// Its time has not begun.
    #[error("it is not valid yet")]
    NotYetValid,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// It is for others.
    #[error("it is not for this buyer")]
    WrongAudience,
    /// It was used as often as it may be.
    #[error("it is used up")]
    UsedUp,
    /// This buyer used it as often as they may.
    #[error("this buyer has used it up")]
    UsedUpByBuyer,
    /// Its budget is spent.
    #[error("its budget is spent")]
    BudgetSpent,
    /// Nothing in the cart is what it is for.
    #[error("nothing in the cart is what it is for")]
    NothingEligible,
    /// Too few units in the cart are what it is for.
    #[error("it needs more units")]
    TooFewUnits,
    /// What it is for costs too little.
    #[error("it needs a larger order")]
    SubtotalTooLow,
    /// It, or another one, may not stand beside other codes.
    #[error("it cannot be combined with the other codes")]
    NotCombinable,
    /// It would take nothing off.
    #[error("it would take nothing off")]
    NoEffect,
}

codes!(CodeRefusal {
    Twice = "twice",
    NotYetValid = "not_yet_valid",
    Expired = "expired",
    WrongAudience = "wrong_audience",
    UsedUp = "used_up",
    UsedUpByBuyer = "used_up_by_buyer",
    BudgetSpent = "budget_spent",
    NothingEligible = "nothing_eligible",
    TooFewUnits = "too_few_units",
    SubtotalTooLow = "subtotal_too_low",
    NotCombinable = "not_combinable",
    NoEffect = "no_effect",
});

impl PromoCode {
    /// The refusal that names this code.
    pub(super) fn refuse(&self, why: CodeRefusal) -> Refusal {
        Refusal::CodeNotApplicable {
            id: self.id.clone(),
            why,
        }
    }

    /// Whether it could make units of this line cheaper.
    pub(super) fn fits(&self, work: &Work<'_>) -> bool {
        let listed = |list: &[String], id: &str| list.is_empty() || list.iter().any(|i| i == id);
        work.is_negotiable()
            && listed(&self.items, &work.item.id)
            && (self.occurrences.is_empty()
                || work
                    .occurrence
                    .is_some_and(|date| listed(&self.occurrences, date)))
            && (self.on_group_rates || !work.has_group_rate)
    }

    /// What is left of its budget.
    pub(super) fn budget_left(&self, facts: &PriceFacts) -> Option<i64> {
        let spent = facts.code(&self.id).map_or(0, |fact| fact.spent_minor);
        self.budget_minor
            .map(|budget| budget.saturating_sub(spent).max(0))
    }
}

/// The codes of a cart in the order of application, once each may be used by this buyer now.
pub(super) fn usable<'a>(
    book: &PriceBook,
    cart: &'a PriceCart,
    facts: &PriceFacts,
) -> Result<Vec<&'a PromoCode>, Refusal> {
    let mut codes: Vec<&PromoCode> = cart.codes.iter().collect();
    codes.sort_by(|a, b| (a.effect.stage(), &a.id).cmp(&(b.effect.stage(), &b.id)));
    let mut ids: Vec<&str> = codes.iter().map(|code| code.id.as_str()).collect();
    ids.sort_unstable();
    for code in &codes {
        if let Some(why) = refusal(code, cart, facts) {
            return Err(code.refuse(why));
        }
        if let Some(given) = code.currency.filter(|given| *given != book.currency) {
            return Err(Refusal::MixedCurrency {
                expected: book.currency,
                given,
            });
        }
        if ids.iter().filter(|id| **id == code.id).count() > 1 {
            return Err(code.refuse(CodeRefusal::Twice));
        }
    }
    let taking: Vec<&PromoCode> = codes
        .iter()
        .copied()
        .filter(|code| !code.effect.is_access())
        .collect();
    if taking.len() > 1
        && let Some(code) = taking.iter().find(|code| !code.combines)
    {
        return Err(code.refuse(CodeRefusal::NotCombinable));
    }
    Ok(codes)
}

/// Why this buyer may not use the code now, whatever is in the cart.
fn refusal(code: &PromoCode, cart: &PriceCart, facts: &PriceFacts) -> Option<CodeRefusal> {
    let fact = facts.code(&code.id);
    let used = fact.map_or(0, |fact| fact.used);
    let used_by_buyer = fact.map_or(0, |fact| fact.used_by_buyer);
    let is_for_buyer = code.audiences.is_empty()
        || code
            .audiences
            .iter()
            .any(|audience| cart.buyer.audiences.contains(audience));
    if code.from_at.is_some_and(|from| cart.at < from) {
        Some(CodeRefusal::NotYetValid)
    } else if code.until_at.is_some_and(|until| cart.at >= until) {
        Some(CodeRefusal::Expired)
    } else if !is_for_buyer {
        Some(CodeRefusal::WrongAudience)
    } else if code.max_uses.is_some_and(|most| used >= most) {
        Some(CodeRefusal::UsedUp)
    } else if code
        .max_uses_per_buyer
        .is_some_and(|most| used_by_buyer >= most)
    {
        Some(CodeRefusal::UsedUpByBuyer)
    } else if code.budget_left(facts) == Some(0) {
        Some(CodeRefusal::BudgetSpent)
    } else {
        None
    }
}

/// Whether the cart has what the code asks for; the lines that it fits, by place.
pub(super) fn eligible(code: &PromoCode, works: &[Work<'_>]) -> Result<Vec<usize>, Refusal> {
    let fitting: Vec<usize> = works
        .iter()
        .enumerate()
        .filter(|(_, work)| code.fits(work))
        .map(|(index, _)| index)
        .collect();
    if fitting.is_empty() {
        return Err(code.refuse(CodeRefusal::NothingEligible));
    }
    let units: i64 = sum(fitting.iter().map(|at| i64::from(works[*at].quantity)))?;
    if units < i64::from(code.min_units) {
        return Err(code.refuse(CodeRefusal::TooFewUnits));
    }
    if sum(fitting.iter().map(|at| works[*at].list_minor))? < code.min_subtotal_minor {
        return Err(code.refuse(CodeRefusal::SubtotalTooLow));
    }
    Ok(fitting)
}
