//! A scan: judged and written down in one transaction, durable before it is answered.

use super::known::Known;
use super::passages::{self, NewPassage, Settled};
use super::seal::{Purpose, Sealer};
use super::{Device, Store, StoreError};
use crate::checkin::{
    CheckInList, DenyReason, Direction, Evidence, History, Passage, Presented, Scan, Standing,
    TicketRecord, TicketState, Verdict, decide,
};
use crate::id::{GateId, ScanId, TicketId};
use crate::ticket::{MAX_CODE_LEN, UntrustedTicket};
use crate::time::{Timestamp, Validity};
use rusqlite::{Connection, OptionalExtension, params};

/// What was judged, and everything that explains the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The scan as it was written down.
    pub scan: ScanId,
    /// When, by the corrected clock; after every earlier passage of the ticket that is known here.
    pub at: Timestamp,
    /// The answer.
    pub verdict: Verdict,
    /// By what the person claimed to hold a ticket.
    pub evidence: Evidence,
    /// The allowlist's record of the ticket.
    pub record: Option<TicketRecord>,
    /// What was known of the ticket on this list before this scan, in the order of time.
    pub before: Vec<Settled>,
}

impl Store {
    /// Judges a code by the chosen list and gate, and writes the scan down.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be judged or written; nothing was changed then, nobody may pass.
    pub fn scan_code(
        &mut self,
        code: &str,
        direction: Direction,
        now: Timestamp,
    ) -> Result<Judged, StoreError> {
        self.refresh()?;
        let at = self.device.correct(now);
        let evidence = match UntrustedTicket::parse(code) {
            Err(fault) => Evidence::Malformed(fault),
            Ok(untrusted) => match untrusted.verify(&self.known.keys, at) {
                Ok(ticket) => Evidence::Code(ticket),
                Err(fault) => Evidence::Distrusted(fault),
            },
        };
        self.judge(evidence, Some(code), direction, at)
    }

    /// Judges a ticket that staff found on the allowlist, and writes the scan down.
    ///
    /// # Errors
    /// As [`Store::scan_code`].
    pub fn scan_found(
        &mut self,
        ticket: TicketId,
        direction: Direction,
        now: Timestamp,
    ) -> Result<Judged, StoreError> {
        self.refresh()?;
        let at = self.device.correct(now);
        self.judge(Evidence::Found(ticket), None, direction, at)
    }

    fn judge(
        &mut self,
        evidence: Evidence,
        code: Option<&str>,
        direction: Direction,
        at: Timestamp,
    ) -> Result<Judged, StoreError> {
        let (list, scan) = circumstances(&self.device, &self.known, direction)?;
        let identity = self.device.identity()?.clone();
        let id = ScanId::generate(at, self.sealer.randomness())?;
        let ticket = claimed(&evidence);
        let version = claimed_version(&evidence);

        let tx = self
            .db
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let (record, revoked_below, before) = match ticket {
            Some(ticket) => (
                record(&tx, &self.sealer, ticket)?,
                revoked_below(&tx, ticket)?,
                passages::of_ticket(&tx, &list.id, ticket)?,
            ),
            None => (None, None, Vec::new()),
        };
        let history = History {
            passages: before
                .iter()
                .map(|settled| settled.passage.clone())
                .collect(),
            inside: passages::inside(&tx, &list.id)?,
        };
        let presented = Presented {
            evidence,
            record,
            revoked_below,
        };
        let verdict = decide(&presented, &list, &history, &scan, at);

        // Whoever knows of a passage acts after it, whatever the two clocks say: a passage that
        // we let happen now must not be sorted before the one that it follows.
        let latest = history.passages.iter().map(|passage| passage.at).max();
        let at = match verdict {
            Verdict::Admit => latest.map_or(at, |latest| at.max(latest.plus_ms(1))),
            Verdict::Deny { .. } => at,
        };
        let gate = scan.gate.map(|gate| gate.id);
        let sealed_code = match code.filter(|_| is_worth_keeping(&presented, verdict)) {
            Some(code) => Some(self.sealer.seal(
                Purpose::Code,
                id.as_bytes(),
                cut(code).as_bytes(),
            )?),
            None => None,
        };
        let refused = match verdict {
            Verdict::Admit => None,
            Verdict::Deny { reason } => Some(reason.code()),
        };
        tx.prepare_cached(
            "INSERT INTO scans (id, at, list, gate, direction, refused, ticket, version, sealed_code)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            id.as_bytes(),
            at.ms(),
            list.id.as_str(),
            gate.as_ref().map(GateId::as_str),
            passages::direction_code(direction),
            refused,
            ticket.map(|ticket| ticket.0),
            version,
            sealed_code,
        ])?;
        if let (Verdict::Admit, Some(ticket)) = (verdict, ticket) {
            let passage = Passage {
                scan: id,
                at,
                direction,
                device: identity.device,
                gate,
            };
            passages::put(
                &tx,
                &NewPassage {
                    ticket,
                    list: &list.id,
                    passage: &passage,
                    is_own: true,
                    server: None::<Standing>,
                    generation: self.device.generation,
                },
            )?;
            passages::resettle(&tx, &list.id, list.policy, ticket)?;
        }
        tx.commit()?;
        let Presented {
            evidence, record, ..
        } = presented;
        Ok(Judged {
            scan: id,
            at,
            verdict,
            evidence,
            record,
            before,
        })
    }

    /// The allowlist's record of a ticket.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn record(&self, ticket: TicketId) -> Result<Option<TicketRecord>, StoreError> {
        record(&self.db, &self.sealer, ticket)
    }
}

/// The list and the gate by which the device judges now.
fn circumstances(
    device: &Device,
    known: &Known,
    direction: Direction,
) -> Result<(CheckInList, Scan), StoreError> {
    device.identity()?;
    if device.revoked_at.is_some() {
        return Err(StoreError::Revoked);
    }
    let list = device
        .list
        .as_ref()
        .and_then(|id| known.list(id))
        .ok_or(StoreError::NoList)?;
    let gate = match &device.gate {
        // A gate that is gone may have had restrictions: do not judge without them.
        Some(id) => Some(known.gate(id).ok_or(StoreError::UnknownGate)?.clone()),
        None => None,
    };
    Ok((list.clone(), Scan { direction, gate }))
}

const fn claimed(evidence: &Evidence) -> Option<TicketId> {
    match evidence {
        Evidence::Code(ticket) => Some(ticket.payload().id),
        Evidence::Found(ticket) => Some(*ticket),
        Evidence::Malformed(_) | Evidence::Distrusted(_) => None,
    }
}

const fn claimed_version(evidence: &Evidence) -> Option<u16> {
    match evidence {
        Evidence::Code(ticket) => Some(ticket.payload().version),
        Evidence::Found(_) | Evidence::Malformed(_) | Evidence::Distrusted(_) => None,
    }
}

/// The server looks again at codes of tickets that the device did not know. What is no ticket at
/// all may be anything out of somebody's pocket, and is none of our business.
fn is_worth_keeping(presented: &Presented, verdict: Verdict) -> bool {
    presented.record.is_none()
        && verdict
            != Verdict::Deny {
                reason: DenyReason::NotATicket,
            }
}

fn cut(code: &str) -> &str {
    let code = code.trim_matches([' ', '\t', '\r', '\n']);
    &code[..code.floor_char_boundary(MAX_CODE_LEN)]
}

fn revoked_below(db: &Connection, ticket: TicketId) -> Result<Option<u16>, StoreError> {
    Ok(db
        .prepare_cached("SELECT below FROM revocations WHERE ticket = ?1")?
        .query_row([ticket.as_bytes()], |row| row.get(0))
        .optional()?)
}

fn record(
    db: &Connection,
    sealer: &Sealer,
    ticket: TicketId,
) -> Result<Option<TicketRecord>, StoreError> {
    let row = db
        .prepare_cached(
            "SELECT version, tier, state, valid_from, valid_until, sealed_holder
             FROM tickets WHERE id = ?1",
        )?
        .query_row([ticket.as_bytes()], |row| {
            let sealed: Option<Vec<u8>> = row.get(5)?;
            let record = TicketRecord {
                id: ticket,
                version: row.get(0)?,
                tier: row.get(1)?,
                state: state_of(row.get(2)?),
                validity: Validity {
                    from: row.get(3)?,
                    until: row.get(4)?,
                },
                holder: None,
            };
            Ok((record, sealed))
        })
        .optional()?;
    let Some((mut record, sealed)) = row else {
        return Ok(None);
    };
    if let Some(sealed) = sealed {
        record.holder = Some(sealer.opener().open_holder(ticket.as_bytes(), &sealed)?);
    }
    Ok(Some(record))
}

pub(super) const fn state_code(state: TicketState) -> i64 {
    match state {
        TicketState::Valid => 0,
        TicketState::Unpaid => 1,
        TicketState::Cancelled => 2,
        TicketState::Blocked => 3,
    }
}

/// Codes that were never written read as blocked: nobody passes by a fault.
pub(super) const fn state_of(code: i64) -> TicketState {
    match code {
        0 => TicketState::Valid,
        1 => TicketState::Unpaid,
        2 => TicketState::Cancelled,
        _ => TicketState::Blocked,
    }
}
