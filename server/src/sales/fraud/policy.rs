//! The rules that hold until a platform has its own, and what rules must be like.

use std::collections::BTreeSet;

use super::{Fact, FraudPolicy, MOST, Rule};

/// The most rules of a policy.
const MAX_RULES: usize = 200;
/// The longest word of a reason.
const MAX_REASON: usize = 64;

/// What is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FraudPolicyError {
    /// Orders would be refused before they are looked at.
    #[error("`review_from` must be from 1 to `refuse_from`, and that at most 101")]
    Thresholds,
    /// There are more rules than anybody oversees.
    #[error("there may be 200 rules")]
    TooMany,
    /// A reason is not a word.
    #[error("`{0}` is not a word of a-z, 0-9 and `_`")]
    Reason(String),
    /// Two rules say the same, and which of them counts is not clear.
    #[error("the rules of `{0}` ask of different facts, or speak for and against the buyer")]
    Mixed(String),
    /// A rule fires always, or never.
    #[error("the rule of `{0}` needs `at_least` or `at_most`, in order")]
    Bounds(String),
    /// A rule adds nothing, or more than there is.
    #[error("the points of `{0}` must be from -100 to 100, and not 0")]
    Points(String),
}

fn rule(reason: &str, fact: Fact, at_least: i64, points: i64) -> Rule {
    Rule {
        reason: reason.to_owned(),
        fact,
        at_least: Some(at_least),
        at_most: None,
        points,
    }
}

fn below(reason: &str, fact: Fact, at_most: i64, points: i64) -> Rule {
    Rule {
        reason: reason.to_owned(),
        fact,
        at_least: None,
        at_most: Some(at_most),
        points,
    }
}

impl Default for FraudPolicy {
    fn default() -> Self {
        Self {
            review_from: 50,
            refuse_from: 85,
            rules: vec![
                rule("blocked", Fact::Blocked, 1, 100),
                rule("disputed_before", Fact::Disputes, 1, 40),
                rule("disputed_before", Fact::Disputes, 3, 60),
                rule("payments_failed", Fact::FailedPayments, 3, 15),
                rule("payments_failed", Fact::FailedPayments, 8, 40),
                rule("payment_of_many", Fact::EmailsOfPayment, 3, 20),
                rule("payment_of_many", Fact::EmailsOfPayment, 6, 40),
                rule("many_payments", Fact::PaymentsOfEmail, 3, 20),
                rule("many_payments", Fact::PaymentsOfEmail, 6, 40),
                rule("email_in_a_hurry", Fact::OrdersOfEmail, 3, 10),
                rule("email_in_a_hurry", Fact::OrdersOfEmail, 8, 30),
                rule("payment_in_a_hurry", Fact::OrdersOfPayment, 4, 15),
                rule("payment_in_a_hurry", Fact::OrdersOfPayment, 10, 35),
                // Schools and offices share an address: it says little.
                rule("network_in_a_hurry", Fact::OrdersOfNetwork, 20, 10),
                rule("network_in_a_hurry", Fact::OrdersOfNetwork, 60, 20),
                rule("disposable_email", Fact::DisposableEmail, 1, 25),
                rule("other_country", Fact::OtherCountry, 1, 15),
                rule("hosted_network", Fact::HostedNetwork, 1, 15),
                rule("all_that_is_allowed", Fact::QuantityPercent, 100, 10),
                rule("unusual_amount", Fact::AmountPercent, 500, 10),
                below("faster_than_people", Fact::SecondsToPay, 5, 20),
                below("new_account", Fact::AccountDays, 0, 5),
                rule("known_account", Fact::AccountDays, 180, -10),
                rule("bought_before", Fact::GoodOrders, 1, -10),
                rule("bought_before", Fact::GoodOrders, 5, -25),
                rule("verified_email", Fact::VerifiedEmail, 1, -5),
            ],
        }
    }
}

impl FraudPolicy {
    /// Whether orders can be scored by it. A threshold of 101 is never reached.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), FraudPolicyError> {
        let are_in_order = 1 <= self.review_from
            && self.review_from <= self.refuse_from
            && self.refuse_from <= MOST + 1;
        if !are_in_order {
            return Err(FraudPolicyError::Thresholds);
        }
        if self.rules.len() > MAX_RULES {
            return Err(FraudPolicyError::TooMany);
        }
        let mut kinds = BTreeSet::new();
        for rule in &self.rules {
            let reason = rule.reason.as_str();
            let is_word = (1..=MAX_REASON).contains(&reason.len())
                && reason
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            if !is_word {
                return Err(FraudPolicyError::Reason(reason.to_owned()));
            }
            let are_bounds = match (rule.at_least, rule.at_most) {
                (None, None) => false,
                (Some(least), Some(most)) => least <= most,
                (Some(_), None) | (None, Some(_)) => true,
            };
            if !are_bounds {
                return Err(FraudPolicyError::Bounds(reason.to_owned()));
            }
            if rule.points == 0 || !(-MOST..=MOST).contains(&rule.points) {
                return Err(FraudPolicyError::Points(reason.to_owned()));
            }
            kinds.insert((reason, rule.fact, rule.points > 0));
        }
        let mut reasons = BTreeSet::new();
        match kinds.iter().find(|(reason, ..)| !reasons.insert(*reason)) {
            Some((reason, ..)) => Err(FraudPolicyError::Mixed((*reason).to_owned())),
            None => Ok(()),
        }
    }
}
