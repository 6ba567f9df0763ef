//! Policies for refund, transfer and resale: data by region, and what follows from it.
//!
//! # Defaults
//! | matter | default of an organisation that says nothing |
//! |---|---|
//! | refund until 7 days before the start | the whole price; fees are kept |
//! | refund until 48 hours before the start | half the price; fees are kept |
//! | refund after that | none |
//! | event cancelled | everything that was paid, fees too |
//! | event moved to another time, or postponed | the whole price for 14 days after holders are told |
//! | withdrawal after purchase | none: Directive 2011/83/EU, article 16 (l), exempts leisure on a set date |
//! | transfer | up to 5 times, until 60 minutes before doors |
//! | resale | until 24 hours before doors; the buyer pays at most what the seller paid, all fees included |
//!
//! Where a law is known to cap resale at the original price ([`Region::resale_ceiling`]), a policy can say
//! more only if it says that it answers for the law itself ([`ResalePolicy::caps_by_law`]). These are
//! defaults of a program, not advice: an organisation is asked to read them.
//!
//! An event's own policies come before the organisation's, [`choose`] takes the closest region, and
//! [`Policy::default`] is what is left: see [`policy_of`](crate::catalog::policy_of). The region is
//! that of the venue.
//!
//! # For the integrator
//! - **Orders.** The policy that held at purchase is written down with the order (JSON): a later,
//!   stricter one does not reach back. [`may_refund`] takes the one that was written down.
//! - **Refund.** `sales` gathers [`OrderFacts`] and asks [`may_refund`] twice: for the preview, and
//!   inside the write that refunds. The statement decides again: `UPDATE orders SET refunded_minor =
//!   refunded_minor + $2 WHERE id = $1 AND refunded_minor + $2 <= total_minor`.
//! - **Transfer and resale.** [`may_transfer`] and [`may_resell`] inside the write that raises the
//!   ticket's version.
//! - Staff with `orders.refund` may go beyond the policy by saying a reason; that is the service's
//!   affair, and is audited.

mod pass_on;
mod refund;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::FieldError;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use super::country::Country;

pub use pass_on::*;
pub use refund::*;

/// The whole, in basis points.
pub const WHOLE: u32 = 10_000;
/// The most windows of one policy.
pub const MAX_WINDOWS: u32 = 20;
/// The longest time that a policy speaks of, in minutes: two years.
pub const MAX_MINUTES: u32 = 2 * 366 * 24 * 60;
/// The highest cap of resale, in basis points: ten times what was paid.
pub const MAX_CAP: u32 = 10 * WHOLE;

/// Countries whose law is known to forbid to resell a ticket for more than it cost: Belgium (law of 30 July
/// 2013 on the resale of tickets), Denmark (act on the resale of tickets for cultural and sports events),
/// Ireland (Sale of Tickets Act 2021), Italy (law 232/2016, article 1 (545)), Norway (act of 29 June 2007
/// no. 84), Poland (code of petty offences, article 133), Portugal (decree-law 28/84, article 35). Written
/// without advice of a lawyer: laws differ in whom and what they are about, and change.
const FACE_VALUE_BY_LAW: [&str; 7] = ["BE", "DK", "IE", "IT", "NO", "PL", "PT"];

/// Where a policy holds: `SI`, `EU` or `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Region {
    /// In a country.
    Country(Country),
    /// In the European Union.
    EuropeanUnion,
    /// Everywhere.
    Everywhere,
}

/// A text that is no region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the code of a country, EU or *")]
pub struct RegionError;

impl Region {
    /// How close it comes to a country; none if the country is not in it.
    fn closeness(self, country: Country) -> Option<u8> {
        match self {
            Self::Country(own) => (own == country).then_some(2),
            Self::EuropeanUnion => country.is_in_european_union().then_some(1),
            Self::Everywhere => Some(0),
        }
    }

    /// The highest cap of resale that a law allows in a country, in basis points of what was paid.
    pub fn resale_ceiling(country: Country) -> Option<u32> {
        FACE_VALUE_BY_LAW.contains(&country.code()).then_some(WHOLE)
    }
}

impl FromStr for Region {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, RegionError> {
        match text {
            "*" => Ok(Self::Everywhere),
            "EU" => Ok(Self::EuropeanUnion),
            code => code
                .parse::<Country>()
                .map(Self::Country)
                .map_err(|_| RegionError),
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Country(country) => f.write_str(country.code()),
            Self::EuropeanUnion => f.write_str("EU"),
            Self::Everywhere => f.write_str("*"),
        }
    }
}

impl Serialize for Region {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bilten_kernel::id::text_from(deserializer)
    }
}

impl utoipa::PartialSchema for Region {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The code of a country, EU, or * for everywhere."))
            .pattern(Some(r"^([A-Z]{2}|\*)$"))
            .examples(["SI", "EU", "*"])
            .into()
    }
}

impl ToSchema for Region {}

/// What holds until some time before the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundWindow {
    /// It holds until this many minutes before the start.
    pub until_minutes_before: u32,
    /// How much of the price is kept, in basis points.
    pub keep_basis_points: u32,
    /// How much is kept of each ticket besides, in minor units.
    #[serde(default)]
    pub keep_minor: i64,
}

/// When money goes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundPolicy {
    /// What holds until when; the most generous that is open holds. None means no refunds at will.
    pub windows: Vec<RefundWindow>,
    /// Whether fees go back too where the price does.
    pub fees_too: bool,
    /// For how many minutes after purchase everything goes back without a reason.
    pub withdrawal_minutes: u32,
    /// For how many minutes after holders are told of another time the whole price goes back.
    pub moved_minutes: u32,
}

/// How tickets change hands without money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferPolicy {
    /// Whether they do.
    pub allowed: bool,
    /// How often one ticket does.
    pub most: u32,
    /// For how many minutes before doors they do not.
    pub freeze_minutes: u32,
}

/// How tickets are sold on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResalePolicy {
    /// Whether they are.
    pub allowed: bool,
    /// What the buyer pays at most, all fees included, in basis points of what the seller paid with
    /// fees. None means no cap.
    pub cap_basis_points: Option<u32>,
    /// What the platform takes of the buyer's payment, in basis points.
    pub fee_basis_points: u32,
    /// For how many minutes before doors they are not.
    pub freeze_minutes: u32,
    /// Whether what Bilten knows of the law of the venue's country caps the price as well; true if absent.
    /// What it knows is no legal advice, and may be wrong or out of date: false says that the organiser
    /// has looked into the law and answers for the cap.
    #[serde(default = "by_law")]
    pub caps_by_law: bool,
}

const fn by_law() -> bool {
    true
}

/// A policy: what an organiser promises, or what the program takes as usual. None of it is legal advice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Where it holds.
    pub region: Region,
    /// When money goes back.
    pub refund: RefundPolicy,
    /// How tickets change hands without money.
    pub transfer: TransferPolicy,
    /// How tickets are sold on.
    pub resale: ResalePolicy,
}

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;

impl Default for Policy {
    fn default() -> Self {
        Self {
            region: Region::Everywhere,
            refund: RefundPolicy {
                windows: vec![
                    RefundWindow {
                        until_minutes_before: 7 * DAY,
                        keep_basis_points: 0,
                        keep_minor: 0,
                    },
                    RefundWindow {
                        until_minutes_before: 2 * DAY,
                        keep_basis_points: WHOLE / 2,
                        keep_minor: 0,
                    },
                ],
                fees_too: false,
                withdrawal_minutes: 0,
                moved_minutes: 14 * DAY,
            },
            transfer: TransferPolicy {
                allowed: true,
                most: 5,
                freeze_minutes: HOUR,
            },
            resale: ResalePolicy {
                allowed: true,
                cap_basis_points: Some(WHOLE),
                fee_basis_points: 0,
                freeze_minutes: DAY,
                caps_by_law: true,
            },
        }
    }
}

impl Policy {
    /// Whether its numbers are in range.
    ///
    /// # Errors
    /// All that are not, by field.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        let mut faults = Vec::new();
        let mut range = |field: String, value: u32, max: u32| {
            if value > max {
                faults.push(FieldError {
                    field,
                    code: "out_of_range".into(),
                    detail: format!("must be at most {max}"),
                });
            }
        };
        for (i, window) in self.refund.windows.iter().enumerate() {
            let at = format!("refund.windows[{i}]");
            range(
                format!("{at}.until_minutes_before"),
                window.until_minutes_before,
                MAX_MINUTES,
            );
            range(
                format!("{at}.keep_basis_points"),
                window.keep_basis_points,
                WHOLE,
            );
            // A negative amount would pay out more than was paid.
            let keep = u32::try_from(window.keep_minor).unwrap_or(u32::MAX);
            range(format!("{at}.keep_minor"), keep, 1_000_000_000);
        }
        let count = u32::try_from(self.refund.windows.len()).unwrap_or(u32::MAX);
        range("refund.windows".into(), count, MAX_WINDOWS);
        let minutes = [
            ("refund.withdrawal_minutes", self.refund.withdrawal_minutes),
            ("refund.moved_minutes", self.refund.moved_minutes),
            ("transfer.freeze_minutes", self.transfer.freeze_minutes),
            ("resale.freeze_minutes", self.resale.freeze_minutes),
        ];
        for (field, value) in minutes {
            range(field.to_owned(), value, MAX_MINUTES);
        }
        range("transfer.most".into(), self.transfer.most, 1_000);
        range(
            "resale.fee_basis_points".into(),
            self.resale.fee_basis_points,
            WHOLE / 2,
        );
        let ceiling = match self.region {
            Region::Country(country) if self.resale.caps_by_law => {
                Region::resale_ceiling(country).unwrap_or(MAX_CAP)
            }
            Region::Country(_) | Region::EuropeanUnion | Region::Everywhere => MAX_CAP,
        };
        // No cap at all is more than any ceiling of a law.
        let cap = self
            .resale
            .cap_basis_points
            .unwrap_or(if ceiling == MAX_CAP { 0 } else { u32::MAX });
        range("resale.cap_basis_points".into(), cap, ceiling);
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }
}

/// The policy that holds in a country: of those in the closest region, the first. Where no country is
/// known, only what holds everywhere does.
pub fn choose(policies: &[Policy], country: Option<Country>) -> Option<&Policy> {
    let mut best: Option<(u8, &Policy)> = None;
    for policy in policies {
        let closeness = match country {
            Some(country) => policy.region.closeness(country),
            None => (policy.region == Region::Everywhere).then_some(0),
        };
        if let Some(closeness) = closeness
            && best.is_none_or(|(closest, _)| closeness > closest)
        {
            best = Some((closeness, policy));
        }
    }
    best.map(|(_, policy)| policy)
}

/// This many minutes before a moment.
fn before(at: Timestamp, minutes: u32) -> Timestamp {
    at - std::time::Duration::from_secs(u64::from(minutes) * 60)
}

/// This many minutes after a moment.
fn after(at: Timestamp, minutes: u32) -> Timestamp {
    at + std::time::Duration::from_secs(u64::from(minutes) * 60)
}

/// A part of an amount, rounded down; amounts below nothing are nothing.
fn part(minor: i64, basis_points: u32) -> i64 {
    let exact = i128::from(minor.max(0)) * i128::from(basis_points) / i128::from(WHOLE);
    i64::try_from(exact).unwrap_or(i64::MAX)
}
