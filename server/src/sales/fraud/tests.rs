//! What orders score, and that a score says no more and no less than its reasons.

use proptest::prelude::*;

use super::*;

/// Somebody who buys their first two tickets.
fn guest() -> OrderFacts {
    OrderFacts {
        orders_of_email: Some(1),
        orders_of_network: Some(1),
        failed_payments: Some(0),
        quantity_percent: Some(20),
        amount_percent: Some(100),
        seconds_to_pay: Some(90),
        is_disposable_email: Some(false),
        is_other_country: Some(false),
        ..OrderFacts::default()
    }
}

/// covers: PAY-3
#[test]
fn orders_score_what_they_look_like() {
    use FraudDecision::{Accept, Refuse, Review};
    let policy = FraudPolicy::default();
    let tourist = OrderFacts {
        is_other_country: Some(true),
        ..guest()
    };
    let regular = OrderFacts {
        account_days: Some(400),
        good_orders: Some(7),
        quantity_percent: Some(100),
        is_verified_email: Some(true),
        ..tourist
    };
    let tries_cards = OrderFacts {
        failed_payments: Some(9),
        payments_of_email: Some(7),
        seconds_to_pay: Some(2),
        ..guest()
    };
    let tout = OrderFacts {
        is_disposable_email: Some(true),
        quantity_percent: Some(100),
        orders_of_payment: Some(5),
        ..guest()
    };
    let blocked = OrderFacts {
        is_blocked: Some(true),
        ..guest()
    };
    for (facts, score, decision, reasons) in [
        (OrderFacts::default(), 0, Accept, vec![]),
        (guest(), 0, Accept, vec![]),
        (tourist, 15, Accept, vec![("other_country", 15)]),
        (
            regular,
            0,
            Accept,
            vec![
                ("other_country", 15),
                ("all_that_is_allowed", 10),
                ("verified_email", -5),
                ("known_account", -10),
                ("bought_before", -25),
            ],
        ),
        (
            tout,
            50,
            Review,
            vec![
                ("disposable_email", 25),
                ("payment_in_a_hurry", 15),
                ("all_that_is_allowed", 10),
            ],
        ),
        (
            tries_cards,
            100,
            Refuse,
            vec![
                ("many_payments", 40),
                ("payments_failed", 40),
                ("faster_than_people", 20),
            ],
        ),
        (blocked, 100, Refuse, vec![("blocked", 100)]),
    ] {
        let got = policy.score(&facts);
        assert_eq!((got.score, got.decision), (score, decision), "{got:?}");
        let got: Vec<_> = got
            .reasons
            .iter()
            .map(|reason| (reason.reason.as_str(), reason.points))
            .collect();
        assert_eq!(got, reasons);
    }
}

/// covers: PAY-3
#[test]
fn one_fact_alone_refuses_nobody_but_the_blocked() {
    let policy = FraudPolicy::default();
    for fact in Fact::ALL {
        let strongest = policy.rules.iter().filter(|rule| rule.fact == *fact);
        let most = strongest.map(|rule| rule.points).max().unwrap_or(0);
        let is_refused = policy.decide(most) == FraudDecision::Refuse;
        assert_eq!(is_refused, *fact == Fact::Blocked, "{fact}");
    }
}

#[test]
fn thresholds_are_met_exactly() {
    let policy = FraudPolicy::default();
    for (score, wanted) in [
        (0, FraudDecision::Accept),
        (49, FraudDecision::Accept),
        (50, FraudDecision::Review),
        (84, FraudDecision::Review),
        (85, FraudDecision::Refuse),
        (100, FraudDecision::Refuse),
    ] {
        assert_eq!(policy.decide(score), wanted, "{score}");
    }
}

#[test]
fn policies_are_data() {
    let policy = FraudPolicy::default();
    assert_eq!(policy.check(), Ok(()));
    let text = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<FraudPolicy>(&text).unwrap(), policy);
    for wrong in [
        r#"{"review_from":1,"refuse_from":2,"rules":[{"reason":"x","fact":"shoe_size","at_least":1,"points":1}]}"#,
        r#"{"review_from":1,"refuse_from":2,"rules":[{"reason":"x","fact":"disputes","atleast":1,"points":1}]}"#,
        r#"{"review_from":1,"rules":[]}"#,
    ] {
        assert!(
            serde_json::from_str::<FraudPolicy>(wrong).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn policies_that_make_no_sense_are_refused() {
    let good = Rule {
        reason: "x".to_owned(),
        fact: Fact::Disputes,
        at_least: Some(1),
        at_most: None,
        points: 1,
    };
    let checked = |review_from, refuse_from, rules: Vec<Rule>| {
        let policy = FraudPolicy {
            review_from,
            refuse_from,
            rules,
        };
        policy.check()
    };
    let with = |change: &dyn Fn(&mut Rule)| {
        let mut rule = good.clone();
        change(&mut rule);
        checked(50, 85, vec![good.clone(), rule])
    };
    assert_eq!(checked(1, 101, vec![good.clone()]), Ok(()));
    for (review, refuse) in [(0, 10), (20, 10), (50, 102)] {
        let wanted = Err(FraudPolicyError::Thresholds);
        assert_eq!(checked(review, refuse, vec![]), wanted);
    }
    let many = vec![good.clone(); 201];
    assert_eq!(checked(50, 85, many), Err(FraudPolicyError::TooMany));
    for reason in ["", "Ana", "ana@example.com", &"x".repeat(65)] {
        let wanted = FraudPolicyError::Reason(reason.to_owned());
        assert_eq!(with(&|rule| rule.reason = reason.to_owned()), Err(wanted));
    }
    let x = || "x".to_owned();
    assert_eq!(
        with(&|rule| rule.at_least = None),
        Err(FraudPolicyError::Bounds(x()))
    );
    assert_eq!(
        with(&|rule| rule.at_most = Some(0)),
        Err(FraudPolicyError::Bounds(x()))
    );
    for points in [0, 101, -101, i64::MIN] {
        assert_eq!(
            with(&|rule| rule.points = points),
            Err(FraudPolicyError::Points(x()))
        );
    }
    assert_eq!(
        with(&|rule| rule.fact = Fact::Blocked),
        Err(FraudPolicyError::Mixed(x()))
    );
    assert_eq!(
        with(&|rule| rule.points = -1),
        Err(FraudPolicyError::Mixed(x()))
    );
    assert_eq!(with(&|rule| rule.points = 2), Ok(()));
}

prop_compose! {
    fn any_facts()(
        numbers in proptest::collection::vec(any::<Option<u8>>(), 12),
        answers in proptest::collection::vec(any::<Option<bool>>(), 5),
    ) -> OrderFacts {
        let number = |place: usize| numbers[place].map(i64::from);
        OrderFacts {
            orders_of_email: number(0),
            orders_of_network: number(1),
            orders_of_payment: number(2),
            emails_of_payment: number(3),
            payments_of_email: number(4),
            failed_payments: number(5),
            disputes: number(6),
            quantity_percent: number(7),
            amount_percent: number(8),
            account_days: number(9),
            good_orders: number(10),
            seconds_to_pay: number(11),
            is_disposable_email: answers[0],
            is_verified_email: answers[1],
            is_other_country: answers[2],
            is_hosted_network: answers[3],
            is_blocked: answers[4],
        }
    }
}

proptest! {
    #[test]
    fn a_score_is_the_sum_of_its_reasons(facts in any_facts()) {
        let policy = FraudPolicy::default();
        let got = policy.score(&facts);
        let sum: i64 = got.reasons.iter().map(|reason| reason.points).sum();
        prop_assert_eq!(got.score, sum.clamp(0, 100));
        prop_assert_eq!(got.decision, policy.decide(got.score));
        for reason in &got.reasons {
            prop_assert!(policy.rules.iter().any(|rule| rule.reason == reason.reason && rule.points == reason.points));
        }
        prop_assert!(got.reasons.is_sorted_by(|a, b| a.points >= b.points));
    }

    /// Rules may stand in any order.
    #[test]
    fn the_order_of_rules_does_not_matter(facts in any_facts()) {
        let policy = FraudPolicy::default();
        let mut turned = policy.clone();
        turned.rules.reverse();
        prop_assert_eq!(policy.score(&facts), turned.score(&facts));
    }

    /// More of what is suspicious never makes an order look better.
    #[test]
    fn worse_facts_never_score_less(facts in any_facts(), more in 1i64..50) {
        let policy = FraudPolicy::default();
        let worse = OrderFacts {
            failed_payments: facts.failed_payments.map(|n| n + more),
            disputes: facts.disputes.map(|n| n + more),
            orders_of_email: facts.orders_of_email.map(|n| n + more),
            good_orders: facts.good_orders.map(|n| (n - more).max(0)),
            is_blocked: facts.is_blocked.map(|_| true),
            ..facts
        };
        prop_assert!(policy.score(&worse).score >= policy.score(&facts).score);
    }
}
