//! Whether a ticket may change hands, and for how much.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::text_enum;

use super::{Policy, Region, WHOLE, before, part};
use crate::catalog::model::country::Country;

/// All of a ticket that decides about passing it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketFacts {
    /// When the doors open; the start, where no doors are known.
    pub doors_at: Timestamp,
    /// Where the venue is.
    pub country: Option<Country>,
    /// How often it was passed on.
    pub passed_on: u32,
    /// Whether it was let in.
    pub is_used: bool,
    /// Whether it is valid: paid, not blocked, not revoked, its event not cancelled.
    pub is_valid: bool,
    /// What its holder paid for it, in minor units, taxes and fees included.
    pub paid_minor: i64,
}

text_enum! {
    /// Why a ticket does not change hands.
    pub enum PassOnRefusal {
        /// It lets nobody in.
        NotValid = "pass_on_not_valid",
        /// It let somebody in.
        Used = "pass_on_used",
        /// The policy does not allow it.
        NotAllowed = "pass_on_not_allowed",
        /// It is too close to doors.
        Frozen = "pass_on_frozen",
        /// It was passed on too often.
        TooOften = "pass_on_too_often",
        /// What the buyer would pay is above the cap.
        AboveCap = "resale_above_cap",
        /// It is less than nothing.
        Price = "resale_price",
    }
}

/// What a resale comes to, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resale {
    /// What the buyer pays, all included.
    pub buyer_pays_minor: i64,
    /// What the platform takes of it.
    pub fee_minor: i64,
    /// What the seller gets of it.
    pub seller_gets_minor: i64,
}

/// Whether a ticket may be given to somebody.
///
/// # Errors
/// Why not.
pub fn may_transfer(
    policy: &Policy,
    ticket: &TicketFacts,
    at: Timestamp,
) -> Result<(), PassOnRefusal> {
    let transfer = policy.transfer;
    may_pass_on(transfer.allowed, transfer.freeze_minutes, ticket, at)?;
    if ticket.passed_on >= transfer.most {
        return Err(PassOnRefusal::TooOften);
    }
    Ok(())
}

/// What a buyer pays at most for a ticket, all included; none where there is no cap.
pub fn resale_cap(policy: &Policy, ticket: &TicketFacts) -> Option<i64> {
    // The law of the venue's country holds under a policy of a wider region too.
    let place = ticket.country.filter(|_| policy.resale.caps_by_law);
    let ceiling = place.and_then(Region::resale_ceiling);
    let cap = match (policy.resale.cap_basis_points, ceiling) {
        (Some(cap), Some(ceiling)) => cap.min(ceiling),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return None,
    };
    Some(part(ticket.paid_minor, cap))
}

/// Whether a ticket may be sold on for a price that includes all that the buyer pays.
///
/// # Errors
/// Why not.
pub fn may_resell(
    policy: &Policy,
    ticket: &TicketFacts,
    buyer_pays_minor: i64,
    at: Timestamp,
) -> Result<Resale, PassOnRefusal> {
    let resale = policy.resale;
    may_pass_on(resale.allowed, resale.freeze_minutes, ticket, at)?;
    if buyer_pays_minor < 0 {
        return Err(PassOnRefusal::Price);
    }
    if resale_cap(policy, ticket).is_some_and(|cap| buyer_pays_minor > cap) {
        return Err(PassOnRefusal::AboveCap);
    }
    let fee_minor = part(buyer_pays_minor, resale.fee_basis_points.min(WHOLE));
    Ok(Resale {
        buyer_pays_minor,
        fee_minor,
        seller_gets_minor: buyer_pays_minor - fee_minor,
    })
}

fn may_pass_on(
    allowed: bool,
    freeze_minutes: u32,
    ticket: &TicketFacts,
    at: Timestamp,
) -> Result<(), PassOnRefusal> {
    if !ticket.is_valid {
        Err(PassOnRefusal::NotValid)
    } else if ticket.is_used {
        Err(PassOnRefusal::Used)
    } else if !allowed {
        Err(PassOnRefusal::NotAllowed)
    } else if at >= before(ticket.doors_at, freeze_minutes) {
        Err(PassOnRefusal::Frozen)
    } else {
        Ok(())
    }
}
