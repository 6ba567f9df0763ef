//! Checking in on the server itself, for programs that are always online.
//!
//! It decides by the same function as a gate does, and is recorded as a scan of the event's
//! built-in device.

use std::collections::HashSet;
use std::sync::Arc;

use bilten_core::checkin::{
    Evidence, History, Presented, Scan, TicketRecord, TicketState as CoreState, Verdict, decide,
};
use bilten_core::key::KeySet;
use bilten_core::ticket::UntrustedTicket;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;
use bilten_kernel::telemetry::Cause;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::push::trusted_keys;
use super::read_push::cut_code;
use super::record::record;
use super::{AccessError, Push};
use crate::access::model::*;
use crate::access::store::{devices, places, scans};
use crate::app::App;
use crate::catalog::{self, EventId};
use crate::identity::Tenant;
use crate::tickets::{self, Ticket, TicketId, TicketState};

/// What somebody shows, and where.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckInRequest {
    /// The check-in list to judge by.
    pub list: ListId,
    /// The gate at which it happens.
    pub gate: Option<GateId>,
    /// What the QR code holds; this or `ticket`.
    pub code: Option<String>,
    /// The ticket that staff found by name or order; this or `code`.
    pub ticket: Option<TicketId>,
    /// Which way.
    #[serde(default = "entry")]
    #[schema(value_type = String, example = "entry")]
    pub direction: Way,
}

const fn entry() -> Way {
    Way::Entry
}

/// The answer to a check-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CheckInAnswer {
    /// Whether the person may pass.
    pub admit: bool,
    /// Why not, as a stable name.
    pub reason: Option<String>,
    /// The scan that was recorded.
    pub scan_id: ScanId,
    /// The ticket, if the code told of one.
    pub ticket_id: Option<TicketId>,
    /// Who holds it, if it is known here.
    pub holder: Option<String>,
    /// What people call its order.
    pub order_reference: Option<String>,
    /// When the same ticket last passed before, on the same list and counted.
    pub earlier_at: Option<Timestamp>,
}

/// Judges and records one presentation of a ticket. The key makes a repeated request one scan.
///
/// # Errors
/// [`AccessError::Invalid`], [`AccessError::NotFound`], [`AccessError::KeyReused`], or a fault of
/// the database. A refusal at the gate is an answer, not an error.
pub async fn check_in(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    key: &str,
    request: CheckInRequest,
) -> Result<CheckInAnswer, AccessError> {
    catalog::event_of(app, tenant, event).await?;
    if request.code.is_some() == request.ticket.is_some() {
        let mut faults = Faults::default();
        faults.add("code", "one_of", "give either `code` or `ticket`");
        return Err(AccessError::Invalid(
            faults.check().err().unwrap_or_default(),
        ));
    }
    let keys: KeySet = app
        .db
        .read(move |c| Box::pin(async move { trusted_keys(c, event).await }))
        .await?;
    let (evidence, now) = (evidence(&request, &keys, app.now()), app.now());
    let scan = scan_of_key(event, key);
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                // Scans of one event are judged one after the other, on all nodes.
                tickets::advance(&work, c, event, 0).await?;
                let known = scans::known(c, &[scan]).await?.pop();
                let case = Case::read(&work, c, event, &request, evidence).await?;
                if let Some(known) = known {
                    let is_same = known.list_id == request.list.to_string()
                        && known.ticket_id == case.ticket
                        && known.direction == request.direction;
                    return if is_same {
                        case.answer(c, scan, known.refused).await
                    } else {
                        Err(AccessError::KeyReused)
                    };
                }
                let refused = match case.judge(c, now).await? {
                    Verdict::Admit => None,
                    Verdict::Deny { reason } => Some(reason.code().to_owned()),
                };
                let answer = case.answer(c, scan, refused.clone()).await?;
                let push = case
                    .into_push(c, event, &request, scan, refused, now)
                    .await?;
                record(&work, c, &[Arc::new(push)]).await?;
                Ok(answer)
            })
        })
        .await
}

/// The scan that a key stands for: the same key is the same scan.
fn scan_of_key(event: EventId, key: &str) -> ScanId {
    let hash = Sha256::new()
        .chain_update(b"bilten check-in v1")
        .chain_update(event.as_bytes())
        .chain_update(key.as_bytes())
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    // UUID version 8 (made from a hash) and variant bits, RFC 9562.
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    ScanId::from_bytes(bytes)
}

fn evidence(request: &CheckInRequest, keys: &KeySet, now: Timestamp) -> Evidence {
    if let Some(ticket) = request.ticket {
        return Evidence::Found(ticket.to_core());
    }
    let code = request.code.as_deref().unwrap_or_default();
    match UntrustedTicket::parse(code) {
        Err(fault) => Evidence::Malformed(fault),
        Ok(code) => match code.verify(keys, bilten_core::time::Timestamp(now.ms())) {
            Err(fault) => Evidence::Distrusted(fault),
            Ok(ticket) => Evidence::Code(ticket),
        },
    }
}

/// Everything that a check-in is judged by.
struct Case {
    presented: Presented,
    list: CheckInList,
    gate: Option<Gate>,
    way: Way,
    ticket: Option<TicketId>,
    version: Option<u16>,
    /// The ticket as it is known here; a box office's may come later.
    known: Option<Ticket>,
}

impl Case {
    async fn read(
        app: &App,
        c: &mut Conn,
        event: EventId,
        request: &CheckInRequest,
        evidence: Evidence,
    ) -> Result<Self, AccessError> {
        // Not locked: who changes a list takes its row first and the feed's afterwards.
        let list = places::lists(c, event)
            .await?
            .into_iter()
            .find(|list| list.id == request.list && list.removed_at.is_none())
            .ok_or(AccessError::NotFound)?;
        let gate = match request.gate {
            None => None,
            Some(id) => Some(
                places::gates(c, event)
                    .await?
                    .into_iter()
                    .find(|gate| gate.id == id && gate.removed_at.is_none())
                    .ok_or(AccessError::NotFound)?,
            ),
        };
        let (ticket, version) = match &evidence {
            Evidence::Code(code) => (
                Some(TicketId::from(code.payload().id)),
                Some(code.payload().version),
            ),
            Evidence::Found(ticket) => (Some(TicketId::from(*ticket)), None),
            Evidence::Malformed(_) | Evidence::Distrusted(_) => (None, None),
        };
        let known = match ticket {
            None => None,
            Some(id) => tickets::ticket_in(app, c, id)
                .await?
                .filter(|ticket| ticket.event_id == event),
        };
        let presented = Presented {
            evidence,
            record: known.as_ref().map(record_of),
            revoked_below: known
                .as_ref()
                .map(|ticket| ticket.revoked_below)
                .filter(|below| *below > 0),
        };
        Ok(Self {
            presented,
            list,
            gate,
            way: request.direction,
            ticket,
            version,
            known,
        })
    }

    async fn passages(&self, c: &mut Conn) -> Result<Vec<PassageRow>, AccessError> {
        let Some(ticket) = self.ticket else {
            return Ok(Vec::new());
        };
        let mut rows = scans::passages(c, &[ticket]).await?;
        let list = self.list.id.to_string();
        rows.retain(|row| row.list_id == list);
        Ok(rows)
    }

    async fn judge(&self, c: &mut Conn, now: Timestamp) -> Result<Verdict, AccessError> {
        let passages = self.passages(c).await?;
        let inside = match self.list.capacity {
            None => 0,
            Some(_) => scans::inside(c, self.list.id).await?,
        };
        let history = History {
            passages: passages
                .iter()
                .map(PassageRow::to_core)
                .collect::<Result<_, _>>()?,
            inside: u32::try_from(inside.max(0)).unwrap_or(u32::MAX),
        };
        let scan = Scan {
            direction: self.way.into(),
            gate: self.gate.as_ref().map(Gate::to_core).transpose()?,
        };
        Ok(decide(
            &self.presented,
            &self.list.to_core()?,
            &history,
            &scan,
            bilten_core::time::Timestamp(now.ms()),
        ))
    }

    async fn answer(
        &self,
        c: &mut Conn,
        scan: ScanId,
        refused: Option<String>,
    ) -> Result<CheckInAnswer, AccessError> {
        let passages = self.passages(c).await?;
        let known = self.known.as_ref();
        Ok(CheckInAnswer {
            admit: refused.is_none(),
            reason: refused,
            scan_id: scan,
            ticket_id: self.ticket,
            holder: known.map(|ticket| ticket.holder_name.clone()),
            order_reference: known.map(|ticket| ticket.order_reference.clone()),
            earlier_at: passages
                .iter()
                .filter(|row| row.id != scan && row.standing == Some(Counting::Counted))
                .map(|row| row.at)
                .max(),
        })
    }

    async fn into_push(
        self,
        c: &mut Conn,
        event: EventId,
        request: &CheckInRequest,
        scan: ScanId,
        refused: Option<String>,
        now: Timestamp,
    ) -> Result<Push, AccessError> {
        let report = Report {
            id: scan,
            list: self.list.id.to_string(),
            gate: self.gate.map(|gate| gate.id.to_string()),
            reported_at: now,
            at: now,
            way: self.way,
            refused,
            ticket: self.ticket,
            version: self.version,
            code: match self.known {
                None => request.code.clone().map(cut_code),
                Some(_) => None,
            },
            staff: None,
        };
        Ok(Push {
            device: devices::built_in(c, event).await?,
            received_at: now,
            clock_skew_ms: None,
            reports: vec![report],
            // It was verified above.
            vouched: self.ticket.into_iter().collect::<HashSet<_>>(),
            staff: HashSet::new(),
            cause: Cause::current(),
        })
    }
}

/// What a gate's allowlist would say of a ticket.
fn record_of(ticket: &Ticket) -> TicketRecord {
    TicketRecord {
        id: ticket.id.to_core(),
        version: ticket.version,
        tier: ticket.tier_number,
        state: core_state(ticket.state),
        validity: ticket.payload().validity,
        holder: None,
    }
}

/// A ticket's state as devices know it; that it was revoked they hear apart.
pub(super) const fn core_state(state: TicketState) -> CoreState {
    match state {
        TicketState::Valid => CoreState::Valid,
        TicketState::Unpaid => CoreState::Unpaid,
        TicketState::Blocked => CoreState::Blocked,
        TicketState::Cancelled | TicketState::Revoked => CoreState::Cancelled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_for_one_scan_of_one_event() {
        let event = |n| EventId::from_bytes([n; 16]);
        assert_eq!(scan_of_key(event(1), "a"), scan_of_key(event(1), "a"));
        assert_ne!(scan_of_key(event(1), "a"), scan_of_key(event(2), "a"));
        assert_ne!(scan_of_key(event(1), "a"), scan_of_key(event(1), "b"));
    }
}
