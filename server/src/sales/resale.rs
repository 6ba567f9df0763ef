//! Resale: a ticket goes from one person to another for no more than it cost, fees included.
//!
//! Pure rules. For whoever builds the service:
//!
//! - table `resale_listings` (`id, ticket_id, ticket_version, event_id, seller_person, asked_minor,
//!   buyer_fee_minor, currency, state, listed_at, order_id`); a ticket is listed once
//!   (`UNIQUE (ticket_id, ticket_version)`), and a listed one cannot be transferred;
//! - the price is checked by [`resale_price_allowed`] when it is listed **and** when it is sold: policies
//!   and fees change. What was paid is read from the ledger of the *first* sale; a resold ticket keeps
//!   that base, so that a price cannot climb by being resold;
//! - where [`ResaleBuyers::Waitlist`] holds, a listing is stock that came back: it goes through
//!   `waitlist::match_entries`, and the seller cannot choose the buyer (nor be paid beside it);
//! - *sell*: one write: `UPDATE resale_listings SET state = 'sold', order_id = $2 WHERE id = $1 AND state =
//!   'listed' AND ticket_version = $3`, the ticket's version is raised, and the ledger is told: buyer →
//!   seller `asked`, buyer → platform `buyer_fee`;
//! - *stock*: units of a tier and date are alike, so a listed ticket need not be sold as itself. Listing
//!   blocks the ticket and gives its unit back (`sold - 1`), whereupon the waitlist's job offers it first.
//!   What must hold is that there are never more open listings than unsold units (`capacity - sold`):
//!   whenever a paid order breaks that, the oldest listings are sold, in that same write. Withdrawing
//!   takes a free unit again, or is refused while all are held; a refund of the seller's order gives back
//!   one unit too many for each listing, which is taken again in the reaction to it. Seats are not alike:
//!   theirs must go with the unit.
//!
//! # Policies as data
//!
//! [`POLICIES`] are defaults by place of the event: the strictest reading of what is known of each. Where
//! nothing is listed the price is capped at what was paid, which is lawful wherever resale is. They are
//! no legal advice; a platform reviews them and lays its own over them.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::{Currency, Money, MoneyError};
use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};

text_enum! {
    /// Who may buy what is resold.
    pub enum ResaleBuyers {
        /// Whoever waits longest: through the waitlist.
        Waitlist = "waitlist",
        /// Anybody who finds it.
        Anybody = "anybody",
    }
}

/// What resale is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResalePolicy {
    /// Whether there is any.
    pub is_allowed: bool,
    /// The highest price, in thousandths of what the first buyer paid.
    pub cap_permille: u32,
    /// Whether the fees that the first buyer paid count as paid.
    pub base_includes_fees: bool,
    /// Whether the fees that the new buyer pays count as asked.
    pub cap_includes_fees: bool,
    /// Who may buy.
    pub buyers: ResaleBuyers,
    /// How long before the doors the last ticket is resold, in minutes.
    pub closes_minutes: u32,
}

/// At most what was paid, through the waitlist.
pub const FACE_VALUE: ResalePolicy = ResalePolicy {
    is_allowed: true,
    cap_permille: 1_000,
    base_includes_fees: true,
    cap_includes_fees: true,
    buyers: ResaleBuyers::Waitlist,
    closes_minutes: 60,
};

/// At most a tenth above what was paid, for costs.
const A_TENTH: ResalePolicy = ResalePolicy {
    cap_permille: 1_100,
    ..FACE_VALUE
};

/// The price on the ticket without the fees that were paid beside it.
const PRINTED: ResalePolicy = ResalePolicy {
    base_includes_fees: false,
    ..FACE_VALUE
};

/// Defaults by country, or country and region (ISO 3166-2).
pub const POLICIES: &[(&str, ResalePolicy)] = &[
    // Australian states: original cost and ten percent.
    ("AU-NSW", A_TENTH),
    ("AU-QLD", A_TENTH),
    ("AU-SA", A_TENTH),
    ("AU-VIC", A_TENTH),
    ("AU-WA", A_TENTH),
    ("BE", FACE_VALUE),
    ("DK", FACE_VALUE),
    ("IE", FACE_VALUE),
    ("IT", PRINTED),
    ("NO", FACE_VALUE),
];

/// The policy of a place: of its region, or of its country, or [`FACE_VALUE`].
pub fn policy_of(country: &str, region: Option<&str>) -> ResalePolicy {
    let known = |wanted: &str| {
        POLICIES
            .iter()
            .find(|(place, _)| place.eq_ignore_ascii_case(wanted))
            .map(|(_, policy)| *policy)
    };
    region
        .and_then(|region| known(&format!("{country}-{region}")))
        .or_else(|| known(country))
        .unwrap_or(FACE_VALUE)
}

/// What the first buyer paid for one ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paid {
    /// Its price, taxes included, after what codes took off.
    pub price_minor: i64,
    /// Its share of the order's fees.
    pub fees_minor: i64,
    /// In which currency.
    pub currency: Currency,
}

/// What is asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What the seller is to get.
    pub price_minor: i64,
    /// What the buyer pays beside it.
    pub fees_minor: i64,
    /// In which currency.
    pub currency: Currency,
}

/// Why a ticket is not resold like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResaleRefusal {
    /// There is no resale of this event.
    #[error("Tickets of this event cannot be resold.")]
    Forbidden,
    /// It is too close to the doors.
    #[error("It is too late to resell tickets of this event.")]
    TooLate,
    /// The price is higher than allowed.
    #[error(
        "At most {most_minor} can be asked, in the smallest unit of the currency, fees included."
    )]
    TooHigh {
        /// The highest that the buyer may pay of what counts.
        most_minor: i64,
    },
    /// The price is in another currency than what was paid.
    #[error("The price must be in the currency that was paid.")]
    Currency,
    /// An amount is negative or too large to reckon with.
    #[error("This is not a price.")]
    Amount,
    /// Only those who wait can buy it.
    #[error("Resold tickets go to the waitlist.")]
    NotWaiting,
}

impl ResaleRefusal {
    /// The stable name of this refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Forbidden => "sales.resale_forbidden",
            Self::TooLate => "sales.resale_too_late",
            Self::TooHigh { .. } => "sales.resale_price_too_high",
            Self::Currency => "sales.resale_currency",
            Self::Amount => "sales.resale_amount",
            Self::NotWaiting => "sales.resale_waitlist_only",
        }
    }
}

impl From<MoneyError> for ResaleRefusal {
    fn from(error: MoneyError) -> Self {
        match error {
            MoneyError::Mixed(..) => Self::Currency,
            MoneyError::Currency | MoneyError::Overflow => Self::Amount,
        }
    }
}

/// What an allowed resale comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResalePrice {
    /// What the seller gets.
    pub seller: Money,
    /// What the buyer pays, all-in.
    pub buyer: Money,
    /// The highest that was allowed of what counts.
    pub most: Money,
}

/// The highest price that may be asked, of what counts by this policy; rounded down.
///
/// # Errors
/// [`ResaleRefusal::Amount`] if what was paid is no price.
pub fn resale_cap(policy: &ResalePolicy, paid: &Paid) -> Result<Money, ResaleRefusal> {
    if paid.price_minor < 0 || paid.fees_minor < 0 {
        return Err(ResaleRefusal::Amount);
    }
    let fees = if policy.base_includes_fees {
        paid.fees_minor
    } else {
        0
    };
    let base = i128::from(paid.price_minor) + i128::from(fees);
    let most = base * i128::from(policy.cap_permille) / 1_000;
    let most = i64::try_from(most).map_err(|_| ResaleRefusal::Amount)?;
    Ok(Money::new(most, paid.currency))
}

/// Whether a ticket may be resold at this price, and what it comes to. Giving it away is a price of 0.
///
/// # Errors
/// A [`ResaleRefusal`] that says why not.
pub fn resale_price_allowed(
    policy: &ResalePolicy,
    paid: &Paid,
    asked: &Asked,
) -> Result<ResalePrice, ResaleRefusal> {
    if !policy.is_allowed {
        return Err(ResaleRefusal::Forbidden);
    }
    if asked.price_minor < 0 || asked.fees_minor < 0 {
        return Err(ResaleRefusal::Amount);
    }
    if asked.currency != paid.currency {
        return Err(ResaleRefusal::Currency);
    }
    let most = resale_cap(policy, paid)?;
    let seller = Money::new(asked.price_minor, asked.currency);
    let buyer = seller.add(Money::new(asked.fees_minor, asked.currency))?;
    let counted = if policy.cap_includes_fees {
        buyer
    } else {
        seller
    };
    if counted.minor > most.minor {
        return Err(ResaleRefusal::TooHigh {
            most_minor: most.minor,
        });
    }
    Ok(ResalePrice {
        seller,
        buyer,
        most,
    })
}

/// Whether it is early enough to list or sell a ticket.
///
/// # Errors
/// [`ResaleRefusal::Forbidden`] or [`ResaleRefusal::TooLate`].
pub fn resale_is_open(
    policy: &ResalePolicy,
    doors_at: Timestamp,
    now: Timestamp,
) -> Result<(), ResaleRefusal> {
    let before_ms = i64::from(policy.closes_minutes) * 60_000;
    if !policy.is_allowed {
        Err(ResaleRefusal::Forbidden)
    } else if now.ms() >= doors_at.ms().saturating_sub(before_ms) {
        Err(ResaleRefusal::TooLate)
    } else {
        Ok(())
    }
}

/// Whether somebody may buy; `has_offer` if the waitlist offered it to them.
///
/// # Errors
/// [`ResaleRefusal::NotWaiting`].
pub fn may_buy_resold(policy: &ResalePolicy, has_offer: bool) -> Result<(), ResaleRefusal> {
    match policy.buyers {
        ResaleBuyers::Waitlist if !has_offer => Err(ResaleRefusal::NotWaiting),
        ResaleBuyers::Waitlist | ResaleBuyers::Anybody => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paid(price_minor: i64, fees_minor: i64) -> Paid {
        Paid {
            price_minor,
            fees_minor,
            currency: Currency::EUR,
        }
    }

    fn asked(price_minor: i64, fees_minor: i64) -> Asked {
        Asked {
            price_minor,
            fees_minor,
            currency: Currency::EUR,
        }
    }

    #[test]
    fn nobody_asks_for_more_than_was_paid() {
        let outside = ResalePolicy {
            cap_includes_fees: false,
            ..FACE_VALUE
        };
        let none = ResalePolicy {
            is_allowed: false,
            ..FACE_VALUE
        };
        let high = |most_minor| Err(ResaleRefusal::TooHigh { most_minor });
        for (policy, paid, asked, wanted) in [
            (FACE_VALUE, paid(5_000, 175), asked(5_000, 175), Ok(5_175)),
            (FACE_VALUE, paid(5_000, 175), asked(5_000, 176), high(5_175)),
            (FACE_VALUE, paid(5_000, 175), asked(5_175, 0), Ok(5_175)),
            (FACE_VALUE, paid(5_000, 175), asked(0, 0), Ok(0)),
            (FACE_VALUE, paid(0, 0), asked(1, 0), high(0)),
            (PRINTED, paid(5_000, 175), asked(5_000, 1), high(5_000)),
            (PRINTED, paid(5_000, 175), asked(4_900, 100), Ok(5_000)),
            (outside, paid(5_000, 0), asked(5_000, 300), Ok(5_300)),
            (outside, paid(5_000, 0), asked(5_001, 0), high(5_000)),
            // 5,498.9 is rounded down.
            (A_TENTH, paid(4_999, 0), asked(5_499, 0), high(5_498)),
            (A_TENTH, paid(4_999, 0), asked(5_498, 0), Ok(5_498)),
            (
                none,
                paid(5_000, 0),
                asked(0, 0),
                Err(ResaleRefusal::Forbidden),
            ),
            (
                FACE_VALUE,
                paid(1, 0),
                asked(-1, 1),
                Err(ResaleRefusal::Amount),
            ),
            (
                FACE_VALUE,
                paid(1, 0),
                asked(1, -1),
                Err(ResaleRefusal::Amount),
            ),
            (
                FACE_VALUE,
                paid(-1, 1),
                asked(0, 0),
                Err(ResaleRefusal::Amount),
            ),
            (
                FACE_VALUE,
                paid(1, 0),
                asked(i64::MAX, 1),
                Err(ResaleRefusal::Amount),
            ),
            (
                FACE_VALUE,
                paid(i64::MAX, 1),
                asked(1, 0),
                Err(ResaleRefusal::Amount),
            ),
            (
                A_TENTH,
                paid(i64::MAX, 0),
                asked(1, 0),
                Err(ResaleRefusal::Amount),
            ),
        ] {
            let got = resale_price_allowed(&policy, &paid, &asked);
            assert_eq!(
                got.map(|price| price.buyer.minor),
                wanted,
                "{paid:?} {asked:?}"
            );
        }
        let yen = Asked {
            currency: "JPY".parse().unwrap(),
            ..asked(1, 0)
        };
        assert_eq!(
            resale_price_allowed(&FACE_VALUE, &paid(5_000, 0), &yen),
            Err(ResaleRefusal::Currency)
        );
    }

    #[test]
    fn a_place_has_its_policy() {
        assert_eq!(policy_of("AU", Some("NSW")), A_TENTH);
        assert_eq!(policy_of("au", Some("nsw")), A_TENTH);
        assert_eq!(policy_of("AU", Some("TAS")), FACE_VALUE);
        assert_eq!(policy_of("IT", Some("RM")), PRINTED);
        assert_eq!(policy_of("SI", None), FACE_VALUE);
        assert_eq!(policy_of("", Some("")), FACE_VALUE);
        let places: Vec<_> = POLICIES.iter().map(|(place, _)| *place).collect();
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn who_waits_buys_and_only_in_time() {
        assert_eq!(may_buy_resold(&FACE_VALUE, true), Ok(()));
        let refused = may_buy_resold(&FACE_VALUE, false);
        assert_eq!(refused, Err(ResaleRefusal::NotWaiting));
        let free = ResalePolicy {
            buyers: ResaleBuyers::Anybody,
            ..FACE_VALUE
        };
        assert_eq!(may_buy_resold(&free, false), Ok(()));
        let at = Timestamp::from_ms;
        for (now_ms, wanted) in [
            (3_599_999, Ok(())),
            (3_600_000, Err(ResaleRefusal::TooLate)),
            (i64::MAX, Err(ResaleRefusal::TooLate)),
        ] {
            assert_eq!(
                resale_is_open(&FACE_VALUE, at(7_200_000), at(now_ms)),
                wanted
            );
        }
        assert_eq!(
            resale_is_open(&FACE_VALUE, at(i64::MIN), at(0)),
            Err(ResaleRefusal::TooLate)
        );
    }

    proptest! {
        /// However often a ticket changes hands, its price never climbs above the first one's cap.
        #[test]
        fn no_chain_of_resales_climbs(
            price in 0i64..1_000_000, fees in 0i64..100_000,
            asks in proptest::collection::vec((0i64..1_200_000, 0i64..100_000), 1..10),
        ) {
            let first = paid(price, fees);
            for (ask, fee) in asks {
                if let Ok(sold) = resale_price_allowed(&FACE_VALUE, &first, &asked(ask, fee)) {
                    prop_assert!(sold.buyer.minor <= price + fees);
                    prop_assert!(sold.seller.minor <= sold.buyer.minor);
                }
            }
        }

        #[test]
        fn no_amount_breaks_it(price: i64, fees: i64, ask: i64, fee: i64, cap_permille: u32) {
            let policy = ResalePolicy { cap_permille, ..FACE_VALUE };
            let got = resale_price_allowed(&policy, &paid(price, fees), &asked(ask, fee));
            if let Ok(sold) = got {
                prop_assert!(sold.buyer.minor >= 0 && sold.buyer.minor <= sold.most.minor);
            }
        }
    }
}
