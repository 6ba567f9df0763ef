//! What an app shows: owned plain values, ready to cross into Kotlin and Swift.

use crate::checkin::{
    DenyReason, Direction, Evidence, Standing, TicketRecord, TicketState, Verdict,
};
use crate::id::{DeviceId, EventId, GateId, ListId, ScanId, TicketId};
use crate::store::{Hit, Judged, Known, Settled};
use crate::ticket::TierNumber;
use crate::time::{Timestamp, Validity};

/// The answer to a scan, and all that explains it to staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanOutcome {
    /// The scan as it was written down.
    pub scan: ScanId,
    /// When, by the corrected clock.
    pub at: Timestamp,
    /// Which way the person wanted to go.
    pub direction: Direction,
    /// Whether they may.
    pub verdict: Verdict,
    /// The ticket, if a true code told of one or staff found it.
    pub ticket: Option<TicketView>,
    /// The passage that used the ticket up, if that is why it is refused.
    pub earlier: Option<Earlier>,
    /// The event that the ticket is for, if it is for another one and that one is known.
    pub event_name: Option<String>,
    /// Whether a supervisor should look at the person, not only at the code.
    pub supervisor: bool,
}

/// A ticket as staff see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketView {
    /// Which ticket it is.
    pub id: TicketId,
    /// The version that was shown; of a ticket that staff found, the newest one.
    pub version: u16,
    /// The number of its tier.
    pub tier: TierNumber,
    /// What people call the tier.
    pub tier_name: Option<String>,
    /// When it may be used.
    pub validity: Validity,
    /// Where it stands in its life; unknown if it is not on the allowlist.
    pub state: Option<TicketState>,
    /// The name to compare with a photo ID.
    pub holder: Option<String>,
    /// The order's reference.
    pub order: Option<String>,
    /// What staff should know, such as a seat.
    pub note: Option<String>,
}

/// A passage that happened before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// When.
    pub at: Timestamp,
    /// At which device.
    pub device: DeviceId,
    /// Whether that was this one.
    pub is_here: bool,
    /// At which gate, by name if that is known.
    pub gate: Option<String>,
}

/// A ticket that fits a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The ticket.
    pub ticket: TicketView,
    /// Its last entry on the chosen list that counts.
    pub last_entry: Option<Earlier>,
    /// Whether its holder is inside, by the chosen list.
    pub is_inside: bool,
}

/// A list or a gate to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice<I> {
    /// Which one it is.
    pub id: I,
    /// What staff call it.
    pub name: String,
}

/// The event that a device is paired with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairing {
    /// The server's address.
    pub server: String,
    /// The server's name for the device.
    pub device: DeviceId,
    /// The event.
    pub event: EventId,
    /// The event's name.
    pub event_name: String,
}

/// Whether the last attempt to write was a success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StorageState {
    /// It was.
    #[default]
    Fine,
    /// No space was left: free some, nobody may pass until then.
    Full,
    /// It failed for another reason.
    Failing {
        /// The stable name of the reason.
        code: String,
    },
}

/// How a gate is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateStatus {
    /// Where the device belongs; nothing if it is not paired.
    pub pairing: Option<Pairing>,
    /// The list by which it judges; nothing until one is chosen, or if the chosen one is gone.
    pub list: Option<Choice<ListId>>,
    /// The gate where it stands.
    pub gate: Option<Choice<GateId>>,
    /// Since when the server cannot be reached; nothing if the last attempt went well.
    pub offline_since: Option<Timestamp>,
    /// When the feed was last read to its end.
    pub last_pull: Option<Timestamp>,
    /// When scans were last taken by the server.
    pub last_push: Option<Timestamp>,
    /// How many scans were not sent yet.
    pub outbox: u64,
    /// How many tickets are on the allowlist.
    pub tickets: u64,
    /// How many people are inside, by the chosen list, as far as this device knows.
    pub inside: u32,
    /// How many may be.
    pub capacity: Option<u32>,
    /// How many passages of this device turned out not to count.
    pub conflicts: u64,
    /// How many changes this software is too old to know; update it if there are any.
    pub unknown_changes: u64,
    /// How far the machine's clock is behind the server's, in milliseconds; already corrected.
    pub clock_offset_ms: i64,
    /// Whether the store can be written.
    pub storage: StorageState,
    /// When the organiser revoked this device.
    pub revoked_at: Option<Timestamp>,
    /// When it wiped itself.
    pub wiped_at: Option<Timestamp>,
}

pub(super) fn outcome(judged: Judged, direction: Direction, known: &Known) -> ScanOutcome {
    let reason = match judged.verdict {
        Verdict::Admit => None,
        Verdict::Deny { reason } => Some(reason),
    };
    let earlier = match reason {
        Some(DenyReason::AlreadyRedeemed) => last_entry(&judged.before, known),
        Some(_) | None => None,
    };
    let event_name = match (&judged.evidence, reason) {
        (Evidence::Code(ticket), Some(DenyReason::WrongEvent)) => {
            known.event_name(ticket.event()).map(str::to_owned)
        }
        _ => None,
    };
    // A ticket of another event has a tier of the same number, but not the same name.
    let is_ours = reason != Some(DenyReason::WrongEvent);
    let ticket = match (&judged.evidence, judged.record) {
        (Evidence::Code(code), record) => {
            let mut view = TicketView::of_payload(code.payload(), is_ours.then_some(known));
            if let Some(record) = record.filter(|_| is_ours) {
                view.add_record(record);
            }
            Some(view)
        }
        (Evidence::Found(_), Some(record)) => Some(TicketView::of_record(record, known)),
        (Evidence::Found(_) | Evidence::Malformed(_) | Evidence::Distrusted(_), _) => None,
    };
    ScanOutcome {
        scan: judged.scan,
        at: judged.at,
        direction,
        verdict: judged.verdict,
        ticket,
        earlier,
        event_name,
        supervisor: reason.is_some_and(DenyReason::is_suspicious),
    }
}

pub(super) fn found(hit: Hit, known: &Known) -> Found {
    let inside: i32 = hit
        .passages
        .iter()
        .filter(|settled| settled.standing == Some(Standing::Counted))
        .map(|settled| match settled.passage.direction {
            Direction::Entry => 1,
            Direction::Exit => -1,
        })
        .sum();
    Found {
        last_entry: last_entry(&hit.passages, known),
        is_inside: inside > 0,
        ticket: TicketView::of_record(hit.record, known),
    }
}

fn last_entry(passages: &[Settled], known: &Known) -> Option<Earlier> {
    let entry = passages.iter().rev().find(|settled| {
        settled.passage.direction == Direction::Entry && settled.standing == Some(Standing::Counted)
    })?;
    let passage = &entry.passage;
    Some(Earlier {
        at: passage.at,
        device: passage.device.clone(),
        is_here: entry.is_own,
        gate: passage.gate.as_ref().map(|id| {
            known
                .gate(id)
                .map_or_else(|| id.to_string(), |gate| gate.name.clone())
        }),
    })
}

impl TicketView {
    fn of_payload(payload: &crate::ticket::Payload, known: Option<&Known>) -> Self {
        Self {
            id: payload.id,
            version: payload.version,
            tier: payload.tier,
            tier_name: known
                .and_then(|known| known.tier_name(payload.tier))
                .map(str::to_owned),
            validity: payload.validity,
            state: None,
            holder: None,
            order: None,
            note: None,
        }
    }

    fn of_record(record: TicketRecord, known: &Known) -> Self {
        let mut view = Self {
            id: record.id,
            version: record.version,
            tier: record.tier,
            tier_name: known.tier_name(record.tier).map(str::to_owned),
            validity: record.validity,
            state: None,
            holder: None,
            order: None,
            note: None,
        };
        view.add_record(record);
        view
    }

    fn add_record(&mut self, record: TicketRecord) {
        self.state = Some(record.state);
        if let Some(holder) = record.holder {
            self.holder = Some(holder.name);
            self.order = Some(holder.order);
            self.note = holder.note;
        }
    }
}
