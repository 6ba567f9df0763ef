//! Tests of policies.

use proptest::prelude::*;

use super::*;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// When the event of these tests starts.
const START: i64 = 1_000 * DAY_MS;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms)
}

/// Two tickets of 50.00, and 3.01 in fees, bought a hundred days before.
fn order() -> OrderFacts {
    OrderFacts {
        tickets: 2,
        price_minor: 10_000,
        fees_minor: 301,
        refunded_price_minor: 0,
        refunded_fees_minor: 0,
        paid_at: at(START - 100 * DAY_MS),
        starts_at: at(START),
        is_used: false,
        is_passed_on: false,
        is_disputed: false,
        fate: EventFate::AsSold,
    }
}

/// Price and fees that go back, and why; or why not.
fn refund(
    policy: &Policy,
    order: &OrderFacts,
    ms: i64,
) -> Result<(i64, i64, RefundReason), RefundRefusal> {
    match may_refund(policy, order, at(ms)) {
        RefundDecision::Allowed(parts) => Ok((parts.price_minor, parts.fees_minor, parts.reason)),
        RefundDecision::Refused(refusal) => Err(refusal),
    }
}

/// covers: I18N-10
#[test]
fn the_default_is_what_the_documentation_says() {
    let policy = Policy::default();
    assert_eq!(policy.check(), Ok(()));
    let window = RefundReason::Window;
    let cases = [
        (START - 8 * DAY_MS, Ok((10_000, 0, window))),
        (START - 7 * DAY_MS - 1, Ok((10_000, 0, window))),
        (START - 7 * DAY_MS, Ok((5_000, 0, window))),
        (START - 2 * DAY_MS - 1, Ok((5_000, 0, window))),
        (START - 2 * DAY_MS, Err(RefundRefusal::TooLate)),
        (START + 1, Err(RefundRefusal::TooLate)),
    ];
    for (ms, expected) in cases {
        assert_eq!(refund(&policy, &order(), ms), expected, "{ms}");
    }
}

#[test]
fn rights_come_before_windows() {
    let policy = Policy::default();
    let late = START - HOUR_MS;
    let all = Ok((10_000, 301, RefundReason::EventCancelled));
    let cancelled = OrderFacts {
        fate: EventFate::Cancelled,
        // Nobody is let into an event that does not take place, whatever a device says.
        is_used: true,
        ..order()
    };
    assert_eq!(refund(&policy, &cancelled, late), all);
    let told = START - 10 * DAY_MS;
    let moved = OrderFacts {
        fate: EventFate::Moved(at(told)),
        ..order()
    };
    let whole = Ok((10_000, 0, RefundReason::EventMoved));
    assert_eq!(refund(&policy, &moved, late), whole);
    let end = told + 14 * DAY_MS;
    assert_eq!(refund(&policy, &moved, end - 1), whole);
    assert_eq!(refund(&policy, &moved, end), Err(RefundRefusal::TooLate));

    let mut kind = Policy::default();
    kind.refund.withdrawal_minutes = 30;
    let just = OrderFacts {
        paid_at: at(late - 1),
        ..order()
    };
    let withdrawn = Ok((10_000, 301, RefundReason::Withdrawal));
    assert_eq!(refund(&kind, &just, late), withdrawn);
    // It ends with the start, however late somebody bought.
    let last = OrderFacts {
        paid_at: at(START - 1),
        ..order()
    };
    assert_eq!(refund(&kind, &last, START), Err(RefundRefusal::TooLate));
}

#[test]
fn each_refusal_has_its_reason() {
    let policy = Policy::default();
    let early = START - 30 * DAY_MS;
    let mut never = Policy::default();
    never.refund.windows.clear();
    let mut all = Policy::default();
    all.refund.windows[0].keep_basis_points = WHOLE;
    all.refund.windows[1].keep_basis_points = WHOLE;
    let back = OrderFacts {
        refunded_price_minor: 10_000,
        refunded_fees_minor: 301,
        ..order()
    };
    let disputed = OrderFacts {
        is_disputed: true,
        fate: EventFate::Cancelled,
        ..order()
    };
    let used = OrderFacts {
        is_used: true,
        ..order()
    };
    let passed = OrderFacts {
        is_passed_on: true,
        ..order()
    };
    for (policy, order, refusal) in [
        (&policy, back, RefundRefusal::NothingLeft),
        (&policy, disputed, RefundRefusal::Disputed),
        (&policy, used, RefundRefusal::Used),
        (&policy, passed, RefundRefusal::PassedOn),
        (&never, order(), RefundRefusal::NotOffered),
        (&all, order(), RefundRefusal::AllKept),
    ] {
        assert_eq!(refund(policy, &order, early), Err(refusal));
    }
}

#[test]
fn what_is_kept_is_rounded_for_the_buyer() {
    let mut policy = Policy::default();
    policy.refund.fees_too = true;
    policy.refund.windows = vec![RefundWindow {
        until_minutes_before: 0,
        keep_basis_points: 3_333,
        keep_minor: 50,
    }];
    let odd = OrderFacts {
        price_minor: 9_999,
        ..order()
    };
    // A third is 3,332.6667; and fifty cents of each ticket.
    let back = refund(&policy, &odd, START - 1);
    assert_eq!(back, Ok((9_999 - 3_332 - 100, 301, RefundReason::Window)));
    // What is kept is a part of the whole price, and at most what is left of it.
    let partly = OrderFacts {
        refunded_price_minor: 9_000,
        ..odd
    };
    let back = refund(&policy, &partly, START - 1);
    assert_eq!(back, Ok((0, 301, RefundReason::Window)));
}

fn ticket() -> TicketFacts {
    TicketFacts {
        doors_at: at(START),
        country: None,
        passed_on: 0,
        is_used: false,
        is_valid: true,
        paid_minor: 5_150,
    }
}

#[test]
fn transfers_end_before_doors() {
    let policy = Policy::default();
    let may = |ticket: TicketFacts, ms: i64| may_transfer(&policy, &ticket, at(ms));
    let early = START - DAY_MS;
    assert_eq!(may(ticket(), START - HOUR_MS - 1), Ok(()));
    assert_eq!(may(ticket(), START - HOUR_MS), Err(PassOnRefusal::Frozen));
    let often = TicketFacts {
        passed_on: 5,
        ..ticket()
    };
    assert_eq!(may(often, early), Err(PassOnRefusal::TooOften));
    let used = TicketFacts {
        is_used: true,
        ..ticket()
    };
    assert_eq!(may(used, early), Err(PassOnRefusal::Used));
    let dead = TicketFacts {
        is_valid: false,
        ..ticket()
    };
    assert_eq!(may(dead, early), Err(PassOnRefusal::NotValid));
    let mut strict = Policy::default();
    strict.transfer.allowed = false;
    let refused = may_transfer(&strict, &ticket(), at(early));
    assert_eq!(refused, Err(PassOnRefusal::NotAllowed));
}

#[test]
fn nobody_pays_more_than_the_cap_with_all_fees() {
    let mut policy = Policy::default();
    policy.resale.fee_basis_points = 500;
    let early = at(START - 2 * DAY_MS);
    let sold = may_resell(&policy, &ticket(), 5_150, early);
    let resale = Resale {
        buyer_pays_minor: 5_150,
        fee_minor: 257,
        seller_gets_minor: 4_893,
    };
    assert_eq!(sold, Ok(resale));
    let above = may_resell(&policy, &ticket(), 5_151, early);
    assert_eq!(above, Err(PassOnRefusal::AboveCap));
    let below = may_resell(&policy, &ticket(), -1, early);
    assert_eq!(below, Err(PassOnRefusal::Price));
    let late = may_resell(&policy, &ticket(), 1, at(START - DAY_MS));
    assert_eq!(late, Err(PassOnRefusal::Frozen));
    // Without a cap of its own, a policy is still under the law of the place.
    policy.resale.cap_basis_points = None;
    assert!(may_resell(&policy, &ticket(), 99_999, early).is_ok());
    let irish = TicketFacts {
        country: "IE".parse().ok(),
        ..ticket()
    };
    let above = may_resell(&policy, &irish, 5_151, early);
    assert_eq!(above, Err(PassOnRefusal::AboveCap));
}

/// covers: I18N-10
#[test]
fn the_closest_region_holds() {
    let of = |region: &str| Policy {
        region: region.parse().unwrap(),
        ..Policy::default()
    };
    let policies = [of("*"), of("EU"), of("SI"), of("SI")];
    let chosen = |code: &str| {
        choose(&policies, Some(code.parse().unwrap()))
            .unwrap()
            .region
    };
    assert_eq!(chosen("SI").to_string(), "SI");
    assert_eq!(chosen("AT").to_string(), "EU");
    assert_eq!(chosen("US").to_string(), "*");
    assert_eq!(choose(&policies[2..], Some("AT".parse().unwrap())), None);
    for text in ["", "si", "E", "XX", "**"] {
        assert_eq!(text.parse::<Region>(), Err(RegionError), "{text}");
    }
}

#[test]
fn policies_out_of_range_are_refused() {
    let fields = |change: fn(&mut Policy)| {
        let mut policy = Policy::default();
        change(&mut policy);
        let faults = policy.check().unwrap_err();
        faults.into_iter().map(|f| f.field).collect::<Vec<_>>()
    };
    let keeps_more = fields(|p| p.refund.windows[1].keep_basis_points = WHOLE + 1);
    assert_eq!(keeps_more, ["refund.windows[1].keep_basis_points"]);
    let pays_more = fields(|p| p.refund.windows[0].keep_minor = -1);
    assert_eq!(pays_more, ["refund.windows[0].keep_minor"]);
    let forever = fields(|p| p.transfer.freeze_minutes = u32::MAX);
    assert_eq!(forever, ["transfer.freeze_minutes"]);
    let unlawful = fields(|p| {
        p.region = Region::Country("IT".parse().unwrap());
        p.resale.cap_basis_points = None;
    });
    assert_eq!(unlawful, ["resale.cap_basis_points"]);
    let mut free = Policy::default();
    free.resale.cap_basis_points = None;
    assert_eq!(free.check(), Ok(()));
}

#[test]
fn policies_are_plain_json() {
    let json = serde_json::to_value(Policy::default()).unwrap();
    assert_eq!(json["region"], "*");
    let back: Policy = serde_json::from_value(json).unwrap();
    assert_eq!(back, Policy::default());
}

proptest! {
    /// No policy and no order pays back more than is left of what was paid, or less than nothing.
    #[test]
    fn never_more_than_was_paid(
        price in 0_i64..=i64::MAX, fees in 0_i64..=i64::MAX,
        refunded in any::<i64>(), tickets in any::<u32>(), keep in any::<u32>(),
        flat in any::<i64>(), until in any::<u32>(), ms in any::<i64>(), fees_too in any::<bool>(),
    ) {
        let mut policy = Policy::default();
        policy.refund.fees_too = fees_too;
        policy.refund.windows = vec![RefundWindow {
            until_minutes_before: until,
            keep_basis_points: keep,
            keep_minor: flat,
        }];
        let refunded = refunded.rem_euclid(price.max(1));
        let order = OrderFacts {
            tickets,
            price_minor: price,
            fees_minor: fees,
            refunded_price_minor: refunded,
            ..order()
        };
        if let RefundDecision::Allowed(parts) = may_refund(&policy, &order, at(ms)) {
            prop_assert!(parts.price_minor >= 0 && parts.kept_minor >= 0);
            prop_assert_eq!(parts.price_minor + parts.kept_minor, price - refunded);
            prop_assert!((0..=fees).contains(&parts.fees_minor));
        }
    }

    /// What a buyer pays is what the platform and the seller get.
    #[test]
    fn resale_adds_up(
        paid in 0_i64..1_000_000, price in 0_i64..1_000_000, fee in 0_u32..=5_000, cap in 0_u32..20_000,
    ) {
        let mut policy = Policy::default();
        policy.resale.fee_basis_points = fee;
        policy.resale.cap_basis_points = Some(cap);
        let ticket = TicketFacts { paid_minor: paid, ..ticket() };
        match may_resell(&policy, &ticket, price, at(0)) {
            Ok(sold) => {
                prop_assert_eq!(sold.fee_minor + sold.seller_gets_minor, price);
                prop_assert!(sold.seller_gets_minor >= 0);
                prop_assert!(i128::from(price) * 10_000 <= i128::from(paid) * i128::from(cap));
            }
            Err(refusal) => prop_assert_eq!(refusal, PassOnRefusal::AboveCap),
        }
    }
}
