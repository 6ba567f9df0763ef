//! Caps on the price of a resold ticket: the organiser's policy and the law of the place, whichever is
//! stricter. Pure rules.
//!
//! [`LAWS`] are the strictest reading of what is known of each place, written without advice of a lawyer; a
//! platform reviews them, and a policy that says so answers for the law itself
//! ([`caps_by_law`](crate::catalog::policy::ResalePolicy::caps_by_law)). Where nothing is listed, the policy
//! alone decides: by default, at most what was paid. Of Australian states some cap and some do not, and an
//! event does not say its state, so all do.
//!
//! A cap stands on what the seller paid **and** on what the first buyer paid, so that a price cannot climb
//! by being resold. Amounts are what buyers pay, fees included.

use bilten_kernel::clock::Timestamp;

use crate::catalog::country::Country;
use crate::catalog::policy::{Policy, TicketFacts, resale_cap};

/// What a law says of the highest price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResaleLaw {
    /// The highest price, in thousandths of what was paid.
    pub cap_permille: u32,
    /// Whether the fees that were paid count as paid.
    pub base_includes_fees: bool,
}

/// At most what was paid.
const FACE_VALUE: ResaleLaw = ResaleLaw {
    cap_permille: 1_000,
    base_includes_fees: true,
};

/// At most a tenth above what was paid, for costs.
const A_TENTH: ResaleLaw = ResaleLaw {
    cap_permille: 1_100,
    ..FACE_VALUE
};

/// The price on the ticket without the fees that were paid beside it.
const PRINTED: ResaleLaw = ResaleLaw {
    base_includes_fees: false,
    ..FACE_VALUE
};

/// Laws by country (ISO 3166-1). Australia by the acts of its states that cap (New South Wales: Fair Trading
/// Act 1987, part 4A; Queensland: Major Sports Facilities Act 2001; Victoria: Major Events Act 2009; Western
/// Australia: Ticket Scalping Act 2021), Italy by law 232/2016, article 1 (545): "nominal price". The others
/// are said with [`resale_ceiling`](crate::catalog::policy::Region::resale_ceiling).
pub const LAWS: &[(&str, ResaleLaw)] = &[
    ("AU", A_TENTH),
    ("BE", FACE_VALUE),
    ("DK", FACE_VALUE),
    ("IE", FACE_VALUE),
    ("IT", PRINTED),
    ("NO", FACE_VALUE),
    ("PL", FACE_VALUE),
    ("PT", FACE_VALUE),
];

/// The law of a country, if one is known.
pub fn law_of(country: Country) -> Option<ResaleLaw> {
    LAWS.iter()
        .find(|(place, _)| *place == country.code())
        .map(|(_, law)| *law)
}

/// What somebody paid for one ticket, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paid {
    /// Its price, taxes included, after what codes took off.
    pub price_minor: i64,
    /// Its share of the fees that buyers pay.
    pub fees_minor: i64,
}

impl Paid {
    /// All of it.
    pub const fn all_minor(self) -> i64 {
        self.price_minor.saturating_add(self.fees_minor)
    }
}

/// What a law lets a buyer pay at most; rounded down.
fn lawful_cap(law: ResaleLaw, paid: Paid) -> i64 {
    let base = if law.base_includes_fees {
        paid.all_minor()
    } else {
        paid.price_minor
    };
    let most = i128::from(base.max(0)) * i128::from(law.cap_permille) / 1_000;
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// What a buyer pays at most for a ticket, all included; none where nothing caps it.
pub fn most_of(policy: &Policy, facts: &TicketFacts, paid: Paid, base: Paid) -> Option<i64> {
    let place = facts.country.filter(|_| policy.resale.caps_by_law);
    let law = place.and_then(law_of);
    let caps = [paid, base].into_iter().flat_map(|paid| {
        let facts = TicketFacts {
            paid_minor: paid.all_minor(),
            ..*facts
        };
        [
            resale_cap(policy, &facts),
            law.map(|law| lawful_cap(law, paid)),
        ]
    });
    caps.flatten().min()
}

/// From when on tickets for these doors are not resold.
pub fn closes_at(policy: &Policy, doors_at: Timestamp) -> Timestamp {
    let before_ms = i64::from(policy.resale.freeze_minutes) * 60_000;
    Timestamp::from_ms(doors_at.ms().saturating_sub(before_ms))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paid(price_minor: i64, fees_minor: i64) -> Paid {
        Paid {
            price_minor,
            fees_minor,
        }
    }

    fn facts(country: Option<&str>) -> TicketFacts {
        TicketFacts {
            doors_at: Timestamp::from_ms(1_000_000_000),
            country: country.map(|code| code.parse().unwrap()),
            passed_on: 0,
            is_used: false,
            is_valid: true,
            paid_minor: 0,
        }
    }

    fn capped_at(cap_basis_points: Option<u32>) -> Policy {
        let mut policy = Policy::default();
        policy.resale.cap_basis_points = cap_basis_points;
        policy
    }

    /// covers: I18N-10, PAY-5
    #[test]
    fn policy_and_law_cap_together() {
        for (cap, country, bought, first, wanted) in [
            (Some(10_000), "", (5_000, 175), (5_000, 175), Some(5_175)),
            (Some(10_000), "SI", (5_000, 175), (5_000, 175), Some(5_175)),
            (Some(12_000), "SI", (5_000, 0), (5_000, 0), Some(6_000)),
            (None, "SI", (5_000, 0), (5_000, 0), None),
            // The law goes before what the organiser allows.
            (Some(12_000), "DK", (5_000, 175), (5_000, 175), Some(5_175)),
            (None, "IE", (5_000, 175), (5_000, 175), Some(5_175)),
            (None, "PL", (5_000, 175), (5_000, 175), Some(5_175)),
            (Some(10_000), "IT", (5_000, 175), (5_000, 175), Some(5_000)),
            (None, "IT", (5_000, 175), (5_000, 175), Some(5_000)),
            // 5,498.9 is rounded down.
            (Some(20_000), "AU", (4_999, 0), (4_999, 0), Some(5_498)),
            (Some(9_000), "AU", (5_000, 0), (5_000, 0), Some(4_500)),
            // Whoever got it for less sells it for no more, and nobody for more than the first could.
            (Some(10_000), "", (3_000, 0), (5_000, 0), Some(3_000)),
            (Some(12_000), "", (6_000, 0), (5_000, 0), Some(6_000)),
            (Some(10_000), "", (0, 0), (0, 0), Some(0)),
            (None, "AU", (-5, 1), (-5, 1), Some(0)),
        ] {
            let country = Some(country).filter(|code| !code.is_empty());
            let [bought, first] = [bought, first].map(|(price, fees)| paid(price, fees));
            let most = most_of(&capped_at(cap), &facts(country), bought, first);
            assert_eq!(most, wanted, "{cap:?} {country:?} {bought:?} {first:?}");
        }
        // Whoever answers for the law themselves has their own cap, or none.
        for (cap, wanted) in [(Some(12_000), Some(6_000)), (None, None)] {
            let mut own = capped_at(cap);
            own.resale.caps_by_law = false;
            for country in ["AU", "DK", "IT", "PL"] {
                let (facts, paid) = (facts(Some(country)), paid(5_000, 0));
                assert_eq!(most_of(&own, &facts, paid, paid), wanted, "{country}");
            }
        }
        let places: Vec<_> = LAWS.iter().map(|(place, _)| *place).collect();
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn resale_closes_before_the_doors() {
        let mut policy = Policy::default();
        policy.resale.freeze_minutes = 60;
        let at = |ms| closes_at(&policy, Timestamp::from_ms(ms)).ms();
        assert_eq!(at(7_200_000), 3_600_000);
        assert_eq!(at(i64::MIN), i64::MIN);
    }

    proptest! {
        /// However often a ticket changes hands, its price never climbs above the first one's cap.
        #[test]
        fn no_chain_of_resales_climbs(
            price in 0i64..1_000_000, fees in 0i64..100_000, cap in 0u32..30_000,
            asks in proptest::collection::vec(0i64..4_000_000, 1..10),
        ) {
            let (policy, first) = (capped_at(Some(cap)), paid(price, fees));
            let highest = most_of(&policy, &facts(None), first, first).unwrap();
            let mut owned = first;
            for ask in asks {
                let most = most_of(&policy, &facts(None), owned, first).unwrap();
                prop_assert!(most <= highest);
                if ask <= most {
                    owned = paid(ask, 0);
                }
            }
        }

        #[test]
        fn no_amount_breaks_it(price: i64, fees: i64, base: i64, cap: u32) {
            let most = most_of(&capped_at(Some(cap)), &facts(Some("AU")), paid(price, fees), paid(base, 0));
            prop_assert!(most.is_some_and(|most| most >= 0));
        }
    }
}
