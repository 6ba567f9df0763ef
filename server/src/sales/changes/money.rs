//! What a change comes to: what comes is paid, what goes is given back as the refund policy says.

use std::collections::BTreeMap;

use bilten_kernel::clock::Timestamp;

use super::model::*;
use crate::catalog::policy::{
    EventFate, OrderFacts, Policy, RefundDecision, RefundRefusal, may_refund,
};
use crate::catalog::state::Kept;
use crate::catalog::{EventDetail, OccurrenceId};

/// By what money goes back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    pub(super) policy: &'a Policy,
    /// The one that held when the order was bought, if that is known: the better one for the buyer holds.
    pub(super) bought_by: Option<&'a Policy>,
    pub(super) offer: &'a EventDetail,
    /// When the order was paid.
    pub(super) paid_at: Timestamp,
    pub(super) now: Timestamp,
    /// Whether everything goes back, whatever the policy says.
    pub(super) is_beyond: bool,
}

/// What goes and what comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trade<'a> {
    /// What goes for something else.
    pub(super) exchanged: &'a [Unit],
    /// What that costs for which it goes.
    pub(super) exchanged_for_minor: i64,
    /// What is given back.
    pub(super) cancelled: &'a [Unit],
    /// What that costs which comes besides.
    pub(super) added_minor: i64,
    /// What codes took off that which stays, and would not any more.
    pub(super) lost_minor: i64,
}

/// When the first date that a unit is for starts.
pub(super) fn starts_at(offer: &EventDetail, date: Option<OccurrenceId>) -> Timestamp {
    let starts = offer
        .occurrences
        .iter()
        .filter(|one| date.is_none_or(|date| one.id == date))
        .map(|one| one.starts_at);
    starts.min().unwrap_or(offer.event.created_at)
}

/// What goes back of some amounts.
#[derive(Clone, Copy, Debug, Default)]
struct Back {
    given_minor: i64,
    kept_minor: i64,
}

/// How much a decision gives back.
const fn given(decision: &RefundDecision) -> i64 {
    match decision {
        RefundDecision::Allowed(parts) => parts.price_minor + parts.fees_minor,
        RefundDecision::Refused(_) => 0,
    }
}

impl Terms<'_> {
    fn facts(&self, tickets: u32, price_minor: i64, fees_minor: i64, at: Timestamp) -> OrderFacts {
        let is_cancelled = self.offer.event.kept() == Kept::Cancelled;
        OrderFacts {
            tickets,
            price_minor,
            fees_minor,
            refunded_price_minor: 0,
            refunded_fees_minor: 0,
            paid_at: self.paid_at,
            starts_at: at,
            is_used: false,
            is_passed_on: false,
            is_disputed: false,
            fate: if is_cancelled {
                EventFate::Cancelled
            } else {
                EventFate::AsSold
            },
        }
    }

    /// What the policy gives that is the better one for the buyer.
    fn decision(&self, facts: &OrderFacts) -> RefundDecision {
        let today = may_refund(self.policy, facts, self.now);
        let Some(bought_by) = self.bought_by else {
            return today;
        };
        let then = may_refund(bought_by, facts, self.now);
        if given(&then) > given(&today) {
            then
        } else {
            today
        }
    }

    /// How much of what goes is given back; notes why, or why not.
    fn back(&self, facts: &OrderFacts, money: &mut ChangeMoney) -> Back {
        let all = facts.price_minor + facts.fees_minor;
        if all == 0 {
            return Back::default();
        }
        if self.is_beyond {
            return Back {
                given_minor: all,
                kept_minor: 0,
            };
        }
        match self.decision(facts) {
            RefundDecision::Allowed(parts) => {
                let given = (parts.price_minor + parts.fees_minor).clamp(0, all);
                money.refund_reason = Some(parts.reason);
                Back {
                    given_minor: given,
                    kept_minor: all - given,
                }
            }
            RefundDecision::Refused(refusal) => {
                money.refusal = Some(refusal);
                Back {
                    given_minor: 0,
                    kept_minor: all,
                }
            }
        }
    }

    /// What a change comes to.
    pub(super) fn reckon(&self, trade: Trade<'_>) -> ChangeMoney {
        let mut money = ChangeMoney::default();
        let exchanged: i64 = trade.exchanged.iter().map(|unit| unit.paid_minor).sum();
        let cancelled: i64 = trade.cancelled.iter().map(|unit| unit.paid_minor).sum();
        money.credit_minor = exchanged + cancelled;
        money.cost_minor = trade.exchanged_for_minor + trade.added_minor;

        let mut back = Back::default();
        let mut add = |more: Back| {
            back.given_minor += more.given_minor;
            back.kept_minor += more.kept_minor;
        };
        // By their dates: each has its own windows.
        let mut by_start: BTreeMap<i64, (u32, i64, i64)> = BTreeMap::new();
        for unit in trade.cancelled {
            let at = starts_at(self.offer, unit.occurrence).ms();
            let sums = by_start.entry(at).or_default();
            sums.0 = sums.0.saturating_add(1);
            sums.1 += unit.paid_minor - unit.fees_minor;
            sums.2 += unit.fees_minor;
        }
        for (at, (units, price, fees)) in by_start {
            let facts = self.facts(units, price, fees, Timestamp::from_ms(at));
            add(self.back(&facts, &mut money));
        }
        let surplus = (exchanged - trade.exchanged_for_minor).max(0);
        if surplus > 0 {
            let starts = trade.exchanged.iter();
            let at = starts
                .map(|unit| starts_at(self.offer, unit.occurrence).ms())
                .min();
            let units = u32::try_from(trade.exchanged.len()).unwrap_or(u32::MAX);
            let at = Timestamp::from_ms(at.unwrap_or_default());
            add(self.back(&self.facts(units, surplus, 0, at), &mut money));
        }

        // Never more than goes back, and nothing where everything does.
        let is_all = self.is_beyond || self.offer.event.kept() == Kept::Cancelled;
        if !is_all {
            money.lost_discount_minor = trade.lost_minor.clamp(0, back.given_minor.max(0));
            back.given_minor -= money.lost_discount_minor;
        }

        let shortfall = (trade.exchanged_for_minor - exchanged).max(0);
        let cost = shortfall + trade.added_minor;
        money.kept_minor = back.kept_minor;
        money.due_minor = (cost - back.given_minor).max(0);
        money.refund_minor = (back.given_minor - cost).max(0);
        money
    }

    /// Why nothing is cancelled under the policy, if that is so: whoever gives something back and gets
    /// nothing for it shall know that.
    pub(super) fn refuses(&self, money: &ChangeMoney, cancelled: &[Unit]) -> Option<RefundRefusal> {
        let is_worth = cancelled.iter().any(|unit| unit.paid_minor > 0);
        money.refusal.filter(|_| is_worth && !self.is_beyond)
    }
}
