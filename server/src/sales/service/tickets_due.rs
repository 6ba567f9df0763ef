//! Which tickets an order gives: one for each unit that lets somebody in.

use super::super::model::*;
use crate::catalog::{EventDetail, OccurrenceId, TierId, TierKind};

/// A ticket that an order is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueTicket {
    /// Its tier; of a bundle, that of the part.
    pub tier: TierId,
    /// The date that it is for, if it is for one.
    pub occurrence: Option<OccurrenceId>,
    /// Its seat.
    pub seat: Option<HeldSeat>,
}

/// The tiers of the tickets that one unit of a tier gives; none for what lets nobody in.
fn tiers_of_unit(offer: &EventDetail, tier: TierId) -> Vec<TierId> {
    let Some(tier) = offer.tier(tier) else {
        return Vec::new();
    };
    match tier.kind {
        TierKind::Ticket => vec![tier.id],
        TierKind::Bundle => {
            let mut tiers = Vec::new();
            for part in tier.pricing.iter().flat_map(|pricing| &pricing.parts) {
                let is_ticket = offer
                    .tier(part.tier)
                    .is_some_and(|tier| tier.kind == TierKind::Ticket);
                if is_ticket {
                    tiers.extend((0..part.quantity).map(|_| part.tier));
                }
            }
            tiers
        }
        TierKind::AddOn | TierKind::Donation | TierKind::Merchandise => Vec::new(),
    }
}

/// The tiers of all tickets of these units, in their order.
pub(super) fn ticket_tiers(
    offer: &EventDetail,
    units: impl Iterator<Item = (TierId, u32)>,
) -> Vec<TierId> {
    let mut tiers = Vec::new();
    for (tier, quantity) in units {
        let of_unit = tiers_of_unit(offer, tier);
        for _ in 0..quantity {
            tiers.extend_from_slice(&of_unit);
        }
    }
    tiers
}

/// How many tickets these units give in all: those of a bundle one by one, none for what lets nobody in.
pub fn ticket_count(offer: &EventDetail, units: impl Iterator<Item = (TierId, u32)>) -> u32 {
    units
        .map(|(tier, quantity)| {
            let of_unit = u32::try_from(tiers_of_unit(offer, tier).len()).unwrap_or(u32::MAX);
            of_unit.saturating_mul(quantity)
        })
        .fold(0, u32::saturating_add)
}

/// The tickets that these items of an order give, in their order.
pub fn tickets_due(offer: &EventDetail, items: &[OrderItem]) -> Vec<DueTicket> {
    let mut due = Vec::new();
    for item in items {
        let of_unit = tiers_of_unit(offer, item.tier_id);
        let mut seats = item.seats.0.iter();
        for _ in 0..item.quantity {
            let seat = seats.next();
            due.extend(of_unit.iter().map(|tier| DueTicket {
                tier: *tier,
                occurrence: item.occurrence_id,
                seat: seat.cloned(),
            }));
        }
    }
    due
}
