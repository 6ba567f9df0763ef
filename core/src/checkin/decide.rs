//! The decision itself.

use super::settle::Tally;
use super::{
    CheckInList, DenyReason, Direction, Gate, Passage, TicketRecord, TicketState, Verdict,
};
use crate::id::TicketId;
use crate::ticket::{Distrust, Kind, Malformed, Payload, Ticket, TierNumber};
use crate::time::{Place, Timestamp, Validity};

/// By what somebody claims to hold a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A code whose signatures were verified.
    Code(Ticket),
    /// No code: staff found the ticket on the allowlist, by name or order.
    Found(TicketId),
    /// A code without the form of a ticket.
    Malformed(Malformed),
    /// A well-formed code that no trusted key vouches for.
    Distrusted(Distrust),
}

/// What was presented at the gate, and what the device knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The claim.
    pub evidence: Evidence,
    /// The allowlist's record of the ticket, if there is one.
    pub record: Option<TicketRecord>,
    /// Versions below this one are revoked.
    pub revoked_below: Option<u16>,
}

/// What happened on the check-in list before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// All known passages of this ticket on this list.
    pub passages: Vec<Passage>,
    /// How many people are inside, by all tickets of the list.
    pub inside: u32,
}

/// The circumstances of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Which way the person wants to go.
    pub direction: Direction,
    /// Where they stand.
    pub gate: Option<Gate>,
}

/// Decides whether whoever presents this ticket may pass now.
///
/// Leaving is never refused for the time, the tier or the place: nobody is locked in.
#[must_use]
pub fn decide(
    ticket: &Presented,
    list: &CheckInList,
    history: &History,
    scan: &Scan,
    at: Timestamp,
) -> Verdict {
    match refusal(ticket, list, history, scan, at) {
        None => Verdict::Admit,
        Some(reason) => Verdict::Deny { reason },
    }
}

fn refusal(
    ticket: &Presented,
    list: &CheckInList,
    history: &History,
    scan: &Scan,
    at: Timestamp,
) -> Option<DenyReason> {
    let claim = match Claim::of(ticket, list) {
        Ok(claim) => claim,
        Err(reason) => return Some(reason),
    };
    if let Some(reason) = claim.dead(ticket) {
        return Some(reason);
    }
    let is_entry = scan.direction == Direction::Entry;
    if is_entry {
        let refused = time_refusal(&claim, list, at).or_else(|| place_refusal(&claim, list, scan));
        if refused.is_some() {
            return refused;
        }
    }
    // A second entry by the same ticket is that, even when the house is full as well.
    let mut tally = Tally::of(list.policy, &history.passages);
    if let Err(reason) = tally.pass(list.policy, scan.direction) {
        return Some(reason);
    }
    let is_full = list
        .capacity
        .is_some_and(|capacity| history.inside >= capacity);
    (is_entry && is_full).then_some(DenyReason::Full)
}

/// What the presented thing claims, once it is known to be true.
struct Claim {
    version: u16,
    tier: TierNumber,
    validity: Validity,
}

impl Claim {
    fn of(ticket: &Presented, list: &CheckInList) -> Result<Self, DenyReason> {
        match &ticket.evidence {
            Evidence::Malformed(fault) => Err(match fault {
                Malformed::NotATicket => DenyReason::NotATicket,
                Malformed::UnknownFormat
                | Malformed::UnknownKind
                | Malformed::CertificateFormat => DenyReason::NewerFormat,
                Malformed::TooLong
                | Malformed::Base45
                | Malformed::Truncated
                | Malformed::TrailingBytes
                | Malformed::VersionZero
                | Malformed::EmptyValidity
                | Malformed::CertificateKey
                | Malformed::CertificateTiers
                | Malformed::CertificateValidity => DenyReason::Malformed,
            }),
            Evidence::Distrusted(fault) => Err(match fault {
                Distrust::UnknownKey => DenyReason::UnknownKey,
                Distrust::KeyNotInForce => DenyReason::KeyNotInForce,
                Distrust::BadSignature => DenyReason::BadSignature,
                Distrust::BeyondCertificate => DenyReason::BeyondCertificate,
            }),
            Evidence::Code(code) => {
                if code.event() != &list.event {
                    return Err(DenyReason::WrongEvent);
                }
                match code.kind() {
                    Kind::Delegated if !list.accepts_delegated => {
                        return Err(DenyReason::KindNotAllowed);
                    }
                    Kind::Delegated | Kind::Issued => {}
                }
                if list.allowlist_only && ticket.record.is_none() {
                    return Err(DenyReason::NotOnAllowlist);
                }
                let Payload {
                    version,
                    tier,
                    validity,
                    ..
                } = *code.payload();
                Ok(Self {
                    version,
                    tier,
                    validity,
                })
            }
            Evidence::Found(_) => match &ticket.record {
                None => Err(DenyReason::NotOnAllowlist),
                Some(record) => Ok(Self {
                    version: record.version,
                    tier: record.tier,
                    validity: record.validity,
                }),
            },
        }
    }

    /// Whether the ticket is dead or asleep, whoever holds it.
    fn dead(&self, ticket: &Presented) -> Option<DenyReason> {
        let newest = ticket.record.as_ref().map_or(0, |record| record.version);
        if ticket
            .revoked_below
            .is_some_and(|below| self.version < below)
        {
            // If a living version exists, its holder has a newer code: say so.
            let lives_on = ticket.revoked_below.is_some_and(|below| newest >= below);
            return Some(if lives_on {
                DenyReason::Superseded
            } else {
                DenyReason::Revoked
            });
        }
        if self.version < newest {
            return Some(DenyReason::Superseded);
        }
        match ticket.record.as_ref()?.state {
            TicketState::Valid => None,
            TicketState::Blocked => Some(DenyReason::Blocked),
            TicketState::Cancelled => Some(DenyReason::Cancelled),
            TicketState::Unpaid => Some(DenyReason::Unpaid),
        }
    }
}

fn time_refusal(claim: &Claim, list: &CheckInList, at: Timestamp) -> Option<DenyReason> {
    if list.opens_at.is_some_and(|opens| at < opens) {
        return Some(DenyReason::ListNotOpen);
    }
    if list.closes_at.is_some_and(|closes| at >= closes) {
        return Some(DenyReason::ListClosed);
    }
    match claim.validity.place(at) {
        Place::Before => Some(DenyReason::NotYetValid),
        Place::Within => None,
        Place::After => Some(DenyReason::Expired),
    }
}

fn place_refusal(claim: &Claim, list: &CheckInList, scan: &Scan) -> Option<DenyReason> {
    let excludes =
        |tiers: &Option<Vec<TierNumber>>| tiers.as_ref().is_some_and(|t| !t.contains(&claim.tier));
    if excludes(&list.tiers) {
        return Some(DenyReason::WrongTier);
    }
    scan.gate
        .as_ref()
        .is_some_and(|gate| excludes(&gate.tiers))
        .then_some(DenyReason::WrongGate)
}
