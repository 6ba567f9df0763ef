//! The fraud score: how much an order looks like one that will be disputed, from 0 to 100, and why.
//!
//! Pure rules over facts; who obeys them is `service/review.rs`:
//!
//! - facts are gathered in the write that places an order which costs something: counts over
//!   `order_scores` by keyed hashes of mailbox, network and the means of payment that the order is placed
//!   with; a fact that is not known is `None`, and no rule fires on it (no provider gives countries or
//!   disputes yet);
//! - table `order_scores`: reasons as JSON, words and points only. What a person typed, and figures that
//!   would tell them apart, are not in them, so they can be kept, shown to the organiser and audited;
//! - *accept*: go on. *Review*: no payment is begun, the order stays `pending` with its stock held for a
//!   day, and one UPDATE lets one person decide. *Refuse*: nothing is placed, and the buyer is told no
//!   reason (`sales.order_refused`), so that nobody learns how to look harmless;
//! - the policy is a setting of the platform (JSON of [`FraudPolicy`]), with its version in each score.
//!
//! Nobody is refused by one fact alone in the default policy, except for having been blocked.

mod disposable;
mod policy;

use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use disposable::is_disposable;
pub use policy::FraudPolicyError;

/// The most that an order can score.
pub const MOST: i64 = 100;

/// What is known of an order and of who makes it. `None` is what is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderFacts {
    /// How many orders of this mailbox there were within the last hour.
    pub orders_of_email: Option<i64>,
    /// How many orders from this network there were within the last hour.
    pub orders_of_network: Option<i64>,
    /// How many orders by this means of payment there were within the last day.
    pub orders_of_payment: Option<i64>,
    /// How many different mailboxes this means of payment was used with within the last week.
    pub emails_of_payment: Option<i64>,
    /// How many different means of payment this mailbox used within the last day.
    pub payments_of_email: Option<i64>,
    /// How many payments of this buyer failed within the last hour.
    pub failed_payments: Option<i64>,
    /// How many disputes this mailbox or means of payment had, ever.
    pub disputes: Option<i64>,
    /// How many tickets are in the order, in percent of what one order may have.
    pub quantity_percent: Option<i64>,
    /// How many times the usual order of the event it costs, in percent.
    pub amount_percent: Option<i64>,
    /// How old the account is, in days.
    pub account_days: Option<i64>,
    /// How many orders the account paid that were never disputed.
    pub good_orders: Option<i64>,
    /// How many seconds lie between opening the page and paying.
    pub seconds_to_pay: Option<i64>,
    /// Whether the domain of the e-mail address is one that anybody gets addresses of for ten minutes.
    pub is_disposable_email: Option<bool>,
    /// Whether the e-mail address was verified.
    pub is_verified_email: Option<bool>,
    /// Whether the country of the network is another than that of the means of payment.
    pub is_other_country: Option<bool>,
    /// Whether the network is one of hosters, proxies or Tor.
    pub is_hosted_network: Option<bool>,
    /// Whether the buyer, or what they pay with, was blocked by somebody.
    pub is_blocked: Option<bool>,
}

impl OrderFacts {
    /// What is known of one fact; yes and no as 1 and 0.
    pub fn get(&self, fact: Fact) -> Option<i64> {
        match fact {
            Fact::OrdersOfEmail => self.orders_of_email,
            Fact::OrdersOfNetwork => self.orders_of_network,
            Fact::OrdersOfPayment => self.orders_of_payment,
            Fact::EmailsOfPayment => self.emails_of_payment,
            Fact::PaymentsOfEmail => self.payments_of_email,
            Fact::FailedPayments => self.failed_payments,
            Fact::Disputes => self.disputes,
            Fact::QuantityPercent => self.quantity_percent,
            Fact::AmountPercent => self.amount_percent,
            Fact::AccountDays => self.account_days,
            Fact::GoodOrders => self.good_orders,
            Fact::SecondsToPay => self.seconds_to_pay,
            Fact::DisposableEmail => self.is_disposable_email.map(i64::from),
            Fact::VerifiedEmail => self.is_verified_email.map(i64::from),
            Fact::OtherCountry => self.is_other_country.map(i64::from),
            Fact::HostedNetwork => self.is_hosted_network.map(i64::from),
            Fact::Blocked => self.is_blocked.map(i64::from),
        }
    }
}

text_enum! {
    /// Something that a rule can ask of [`OrderFacts`].
    pub enum Fact {
        /// Orders of this mailbox within the last hour.
        OrdersOfEmail = "orders_of_email",
        /// Orders from this network within the last hour.
        OrdersOfNetwork = "orders_of_network",
        /// Orders by this means of payment within the last day.
        OrdersOfPayment = "orders_of_payment",
        /// Mailboxes that this means of payment was used with within the last week.
        EmailsOfPayment = "emails_of_payment",
        /// Means of payment that this mailbox used within the last day.
        PaymentsOfEmail = "payments_of_email",
        /// Payments that failed within the last hour.
        FailedPayments = "failed_payments",
        /// Disputes, ever.
        Disputes = "disputes",
        /// Tickets, in percent of what one order may have.
        QuantityPercent = "quantity_percent",
        /// The amount, in percent of the usual.
        AmountPercent = "amount_percent",
        /// The age of the account in days.
        AccountDays = "account_days",
        /// Paid orders without a dispute.
        GoodOrders = "good_orders",
        /// Seconds from the page to the payment.
        SecondsToPay = "seconds_to_pay",
        /// 1 if the e-mail address is a disposable one.
        DisposableEmail = "disposable_email",
        /// 1 if the e-mail address was verified.
        VerifiedEmail = "verified_email",
        /// 1 if the network is in another country than the means of payment.
        OtherCountry = "other_country",
        /// 1 if the network is one of hosters, proxies or Tor.
        HostedNetwork = "hosted_network",
        /// 1 if the buyer was blocked.
        Blocked = "blocked",
    }
}

/// A rule: what it asks, and how much that says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The word that says why: stable, and no personal data.
    pub reason: String,
    /// Of what it asks.
    pub fact: Fact,
    /// It fires from this value on, if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<i64>,
    /// It fires up to this value, if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<i64>,
    /// How much it adds; below 0 for what speaks for the buyer.
    pub points: i64,
}

impl Rule {
    fn fires(&self, facts: &OrderFacts) -> bool {
        facts.get(self.fact).is_some_and(|value| {
            self.at_least.is_none_or(|least| value >= least)
                && self.at_most.is_none_or(|most| value <= most)
        })
    }
}

/// The rules, and what their sum means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FraudPolicy {
    /// From which score on somebody looks at the order.
    pub review_from: i64,
    /// From which score on the order is refused.
    pub refuse_from: i64,
    /// The rules; of several with one reason the strongest counts.
    pub rules: Vec<Rule>,
}

text_enum! {
    /// What is done with an order.
    pub enum FraudDecision {
        /// It goes on.
        Accept = "accept",
        /// Somebody looks at it first.
        Review = "review",
        /// It is refused.
        Refuse = "refuse",
    }
}

/// Why an order scores what it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FraudReason {
    /// The word of the rule.
    pub reason: String,
    /// How much it added.
    pub points: i64,
}

/// The score of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FraudScore {
    /// From 0, harmless, to 100.
    pub score: i64,
    /// What is done.
    pub decision: FraudDecision,
    /// Why, the strongest first; their points add up to the score unless that was cut at 0 or 100.
    pub reasons: Vec<FraudReason>,
}

impl FraudPolicy {
    /// Scores an order.
    pub fn score(&self, facts: &OrderFacts) -> FraudScore {
        let mut reasons: Vec<FraudReason> = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.fires(facts)) {
            let known = reasons.iter_mut().find(|known| known.reason == rule.reason);
            match known {
                Some(known) if known.points.saturating_abs() >= rule.points.saturating_abs() => {}
                Some(known) => known.points = rule.points,
                None => reasons.push(FraudReason {
                    reason: rule.reason.clone(),
                    points: rule.points,
                }),
            }
        }
        reasons.sort_by(|a, b| {
            let by_points = b.points.cmp(&a.points);
            by_points.then_with(|| a.reason.cmp(&b.reason))
        });
        let sum = reasons
            .iter()
            .fold(0i64, |sum, reason| sum.saturating_add(reason.points));
        let score = sum.clamp(0, MOST);
        FraudScore {
            score,
            decision: self.decide(score),
            reasons,
        }
    }

    /// What is done with an order of this score.
    pub const fn decide(&self, score: i64) -> FraudDecision {
        if score >= self.refuse_from {
            FraudDecision::Refuse
        } else if score >= self.review_from {
            FraudDecision::Review
        } else {
            FraudDecision::Accept
        }
    }
}

#[cfg(test)]
mod tests;
