//! Pure rules of the waitlist.
//!
//! # The rule of who comes next
//!
//! Entries stand in the order of priority (the highest first), then of the time they joined, then of
//! their id. What is free goes to the first; what is left, to the next.
//!
//! An entry says how many tickets it wants at most and at least. If less is left than that, it does not
//! fit, and those behind it may be served before it: a couple is not kept waiting for a group of ten. But
//! only so often: an entry that was passed over in [`WaitlistPolicy::most_passed`] matchings is not passed
//! over again. Matching stops at it, and what is free is kept until it fits. Shortly before the event
//! (`last_call_at`) nothing is kept any more.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::{text_enum, typed_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::HoldId;
use crate::catalog::{EventId, OccurrenceId, TierId};

typed_id!(pub WaitlistEntryId, "wle", "Names an entry of a waitlist.");
typed_id!(pub WaitlistOfferId, "wlo", "Names an offer to somebody who waits.");

/// The highest priority of an entry; the lowest is as far below nothing.
pub const MAX_PRIORITY: i32 = 1_000;

text_enum! {
    /// Where an entry of a waitlist stands.
    ///
    /// ```text
    /// waiting ◀──▶ offered ──▶ served
    ///    │            └──▶ ended ◀──┐
    ///    └──────────────────────────┘
    /// ```
    pub enum WaitlistEntryState {
        /// It waits.
        Waiting = "waiting",
        /// It was made an offer that is open.
        Offered = "offered",
        /// Its offer was accepted.
        Served = "served",
        /// It was withdrawn, or let too many offers pass.
        Ended = "ended",
    }
}

text_enum! {
    /// Where an offer stands.
    pub enum OfferState {
        /// It can be accepted.
        Open = "open",
        /// It has become a hold.
        Accepted = "accepted",
        /// It was not wanted.
        Declined = "declined",
        /// Nobody answered in time.
        Expired = "expired",
    }
}

/// An entry that waits, as far as matching must know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitlistEntry {
    /// Its id.
    pub id: WaitlistEntryId,
    /// How many tickets it wants.
    pub most: u32,
    /// With how many it is content; at least 1.
    pub least: u32,
    /// The higher, the earlier: members before others, and so on.
    pub priority: i32,
    /// When it joined.
    pub joined_at: Timestamp,
    /// In how many matchings others behind it were served before it.
    pub passed_over: u32,
    /// How many offers it let pass.
    pub missed: u32,
}

impl WaitlistEntry {
    /// How many it would take of so many; `None` if it does not fit, or asks for nothing sensible.
    fn takes(&self, left: u32) -> Option<u32> {
        let takes = self.most.min(left);
        (takes >= self.least.max(1)).then_some(takes)
    }

    /// What becomes of it when its offer was declined or expired: it waits on at its own place, unless
    /// that was once too often.
    pub const fn after_missed(&self, policy: &WaitlistPolicy) -> WaitlistEntryState {
        if self.missed.saturating_add(1) >= policy.most_missed {
            WaitlistEntryState::Ended
        } else {
            WaitlistEntryState::Waiting
        }
    }
}

/// How a waitlist offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitlistPolicy {
    /// How long an offer is open, in milliseconds.
    pub offer_ms: i64,
    /// An offer that would be open for less than this is not made, in milliseconds.
    pub shortest_ms: i64,
    /// How often an entry may be passed over.
    pub most_passed: u32,
    /// How many offers an entry may let pass before it ends.
    pub most_missed: u32,
}

impl Default for WaitlistPolicy {
    fn default() -> Self {
        Self {
            offer_ms: 12 * 3_600_000,
            shortest_ms: 15 * 60_000,
            most_passed: 5,
            most_missed: 2,
        }
    }
}

/// The times of what is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferTimes {
    /// Now.
    pub now: Timestamp,
    /// From when on nothing is kept for entries that do not fit.
    pub last_call_at: Timestamp,
    /// When nothing is sold any more.
    pub sales_end_at: Timestamp,
}

/// An offer that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOffer {
    /// To whom.
    pub entry: WaitlistEntryId,
    /// How many tickets.
    pub quantity: u32,
    /// Until when it is open, exclusive.
    pub expires_at: Timestamp,
}

/// What comes of matching.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// The offers, in the order of their entries.
    pub offers: Vec<NewOffer>,
    /// The entries that were passed over now, each once more than before.
    pub passed_over: Vec<WaitlistEntryId>,
    /// What is left; goes on sale only if `kept_for` is nobody.
    pub left: u32,
    /// For which entry what is left is kept.
    pub kept_for: Option<WaitlistEntryId>,
}

/// Puts entries into the order in which they are served.
pub fn order(entries: &mut [WaitlistEntry]) {
    entries.sort_unstable_by_key(|entry| {
        (std::cmp::Reverse(entry.priority), entry.joined_at, entry.id)
    });
}

/// Decides who is offered how many of `free` tickets. `entries` are all that wait for them, in any
/// order, none twice.
pub fn match_entries(
    policy: &WaitlistPolicy,
    entries: &[WaitlistEntry],
    free: u32,
    times: &OfferTimes,
) -> Matched {
    let mut matched = Matched {
        left: free,
        ..Matched::default()
    };
    let open_until = times.now.ms().saturating_add(policy.offer_ms);
    let expires_at = Timestamp::from_ms(open_until.min(times.sales_end_at.ms()));
    let open_ms = expires_at.ms().saturating_sub(times.now.ms());
    if open_ms < policy.shortest_ms.max(1) {
        return matched;
    }
    let mut entries = entries.to_vec();
    order(&mut entries);
    let is_last_call = times.now >= times.last_call_at;
    let mut unfit = Vec::new();
    for entry in &entries {
        if matched.left == 0 {
            break;
        }
        if let Some(quantity) = entry.takes(matched.left) {
            matched.left -= quantity;
            matched.offers.push(NewOffer {
                entry: entry.id,
                quantity,
                expires_at,
            });
            // Only those who were before somebody who is served now were passed over.
            matched.passed_over.append(&mut unfit);
        } else if entry.most < entry.least.max(1) {
            // It asks for nothing that there is; nothing is kept for it.
        } else if !is_last_call && entry.passed_over >= policy.most_passed {
            matched.kept_for = Some(entry.id);
            break;
        } else {
            unfit.push(entry.id);
        }
    }
    matched
}

/// What somebody does about an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferAnswer {
    /// They take so many of it.
    Accept {
        /// How many; at most what was offered.
        quantity: u32,
    },
    /// They do not want it.
    Decline,
    /// Nobody answered; asked by the job that looks after times.
    Nothing,
}

/// An offer that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Where it stands.
    pub state: OfferState,
    /// How many tickets it holds.
    pub quantity: u32,
    /// Until when it is open, exclusive.
    pub expires_at: Timestamp,
}

/// What becomes of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It becomes a hold of so many, and the rest goes back to the waitlist.
    Hold {
        /// What is held.
        quantity: u32,
        /// What goes back.
        back: u32,
    },
    /// It ends, and all of it goes back to the waitlist.
    Ends {
        /// How.
        state: OfferState,
        /// What goes back.
        back: u32,
    },
    /// It stays open.
    Stays,
}

/// Why an answer to an offer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferRefusal {
    /// It was answered before, or is over.
    #[error("This offer is no longer open.")]
    NotOpen,
    /// Its time is over.
    #[error("The time of this offer is over.")]
    TooLate,
    /// More than was offered, or none.
    #[error("The offer is for fewer tickets.")]
    Quantity,
}

impl OfferRefusal {
    /// The stable name of this refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotOpen => "sales.offer_not_open",
            Self::TooLate => "sales.offer_expired",
            Self::Quantity => "sales.offer_quantity",
        }
    }
}

impl Offer {
    /// What becomes of it when it is answered now.
    ///
    /// # Errors
    /// When the answer changes nothing; the UPDATE that follows decides the same once more.
    pub fn settle(&self, answer: OfferAnswer, now: Timestamp) -> Result<Settled, OfferRefusal> {
        if self.state != OfferState::Open {
            return Err(OfferRefusal::NotOpen);
        }
        let is_over = now >= self.expires_at;
        match answer {
            OfferAnswer::Accept { .. } if is_over => Err(OfferRefusal::TooLate),
            OfferAnswer::Accept { quantity } => match self.quantity.checked_sub(quantity) {
                Some(back) if quantity > 0 => Ok(Settled::Hold { quantity, back }),
                _ => Err(OfferRefusal::Quantity),
            },
            OfferAnswer::Nothing if !is_over => Ok(Settled::Stays),
            OfferAnswer::Nothing => Ok(self.ends(OfferState::Expired)),
            OfferAnswer::Decline => Ok(self.ends(OfferState::Declined)),
        }
    }

    const fn ends(&self, state: OfferState) -> Settled {
        Settled::Ends {
            state,
            back: self.quantity,
        }
    }
}

/// What somebody who wants to wait asks for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitlistRequest {
    /// The tier.
    pub tier: TierId,
    /// The date, of a tier that is sold by dates.
    pub occurrence: Option<OccurrenceId>,
    /// How many tickets they want.
    pub quantity: u32,
    /// With how many they are content; with all that they want, unless it is said.
    pub least: Option<u32>,
    /// Where offers are sent.
    pub email: String,
}

/// Whom the waitlist holds, as they see it themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OwnWaitlistEntry {
    /// Its id.
    pub id: WaitlistEntryId,
    /// Where it stands.
    pub state: WaitlistEntryState,
    /// The event.
    pub event_id: EventId,
    /// What the event is called.
    pub event_name: String,
    /// The tier.
    pub tier_id: TierId,
    /// What the tier is called.
    pub tier_name: String,
    /// The date, if the tier is sold by dates.
    pub occurrence_id: Option<OccurrenceId>,
    /// How many tickets it wants.
    pub quantity: u32,
    /// With how many it is content.
    pub least: u32,
    /// When it joined.
    pub joined_at: Timestamp,
    /// What is held for it now.
    pub offer: Option<OpenWaitlistOffer>,
}

/// What is held for somebody who waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OpenWaitlistOffer {
    /// How many tickets.
    pub quantity: u32,
    /// The hold; knowing it is the right to buy what it holds.
    pub hold: HoldId,
    /// Until when.
    pub expires_at: Timestamp,
}

/// An entry as the organiser sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListedWaitlistEntry {
    /// Its id.
    pub id: WaitlistEntryId,
    /// The event.
    pub event_id: EventId,
    /// The tier.
    pub tier_id: TierId,
    /// The date, if the tier is sold by dates.
    pub occurrence_id: Option<OccurrenceId>,
    /// Who waits; empty once they are forgotten.
    pub email: String,
    /// How many tickets they want.
    pub quantity: u32,
    /// With how many they are content.
    pub least: u32,
    /// The higher, the earlier.
    pub priority: i32,
    /// Where it stands.
    pub state: WaitlistEntryState,
    /// When it joined.
    pub joined_at: Timestamp,
    /// How often others behind it were served before it, since less was there than it wants.
    pub passed_over: u32,
    /// How many offers it let pass.
    pub missed: u32,
}

#[cfg(test)]
mod tests;
