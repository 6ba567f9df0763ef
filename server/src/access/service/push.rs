//! Taking in what devices report.
//!
//! All that devices of one event push goes through one lane, so that a full house is one write and
//! not a queue at the feed's row. Several nodes may run lanes for the same event: the feed's row
//! decides who goes first.

use std::collections::HashSet;
use std::sync::{Arc, Weak};

use bilten_core::key::{KeyId, KeySet};
use bilten_core::sync::page::Change;
use bilten_core::sync::push::Receipt;
use bilten_core::ticket::UntrustedTicket;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, Db, DbError};
use bilten_kernel::lane::Lanes;
use bilten_kernel::telemetry::Cause;

use super::record::record;
use super::{AccessError, ReadPush};
use crate::access::DOOR_WORK;
use crate::access::model::*;
use crate::access::store::marks::{self, MarkKind};
use crate::app::{App, Parts};
use crate::catalog::EventId;
use crate::identity::{self, MemberId};
use crate::tickets::{self, TicketId};

/// The lanes through which scans come in, one for each event.
pub type PushLanes = Lanes<EventId, Arc<Push>, Receipt, AccessError>;

/// Scans of one device, on their way into the database.
#[derive(Debug)]
pub struct Push {
    /// Who reports.
    pub(super) device: Device,
    /// When they came.
    pub(super) received_at: Timestamp,
    /// How far the device's clock is behind ours, in milliseconds; nothing if it is ours.
    pub(super) clock_skew_ms: Option<i64>,
    /// The scans.
    pub(super) reports: Vec<Report>,
    /// Tickets that we do not know, but that a key of the event vouches for.
    pub(super) vouched: HashSet<TicketId>,
    /// Members who held the device at some time.
    pub(super) staff: HashSet<MemberId>,
    /// What brought them.
    pub(super) cause: Cause,
}

/// The lanes of pushes.
///
/// They live in the application that they record for, hence the weak reference.
pub fn push_lanes(db: Db, parts: Weak<Parts>) -> PushLanes {
    Lanes::new(db, move |c: &mut Conn, batch: Vec<Arc<Push>>| {
        let parts = parts.clone();
        Box::pin(async move {
            let Some(parts) = parts.upgrade() else {
                return Err(DbError::Closed("the server is shutting down").into());
            };
            let receipts = record(&App::from_parts(parts), c, &batch).await?;
            Ok(receipts.into_iter().map(Ok).collect())
        })
    })
}

/// Records what a device reports. Doing so again changes nothing and is answered the same.
///
/// # Errors
/// A fault of the database, in which case nothing was recorded.
pub async fn push(
    app: &App,
    device: Device,
    received_at: Timestamp,
    read: ReadPush,
) -> Result<Receipt, AccessError> {
    let event = device.event_id;
    let vouched = vouch(app, event, &read.reports).await?;
    let named: HashSet<_> = read
        .reports
        .iter()
        .filter_map(|report| report.staff)
        .collect();
    let staff = identity::staff_of_device(app, device.id.to_string(), named).await?;
    let push = Push {
        device,
        received_at,
        clock_skew_ms: Some(read.clock_skew_ms),
        reports: read.reports,
        vouched,
        staff,
        cause: Cause::current(),
    };
    let receipt = app.pushes.submit(event, Arc::new(push)).await?;
    Ok(Receipt {
        server_time: bilten_core::time::Timestamp(app.now().ms()),
        ..receipt
    })
}

/// A code that a device took although it did not know the ticket.
struct Claim {
    ticket: TicketId,
    code: String,
    at: Timestamp,
}

/// The tickets of accepted scans that we do not know, but that a key of the event vouches for:
/// those that a box office signed and has not reported yet.
async fn vouch(
    app: &App,
    event: EventId,
    reports: &[Report],
) -> Result<HashSet<TicketId>, AccessError> {
    let claims: Vec<_> = reports
        .iter()
        .filter(|report| report.refused.is_none())
        .filter_map(|report| {
            Some(Claim {
                ticket: report.ticket?,
                code: report.code.clone()?,
                at: report.at,
            })
        })
        .collect();
    if claims.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<_> = claims.iter().map(|claim| claim.ticket).collect();
    let (known, keys) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let known = tickets::versions_in(c, event, &ids).await?;
                Ok::<_, AccessError>((known, trusted_keys(c, event).await?))
            })
        })
        .await?;
    let claims: Vec<_> = claims
        .into_iter()
        .filter(|claim| !known.contains_key(&claim.ticket))
        .collect();
    if claims.is_empty() {
        return Ok(HashSet::new());
    }
    let name = opaque(event)?;
    // A full push of such codes takes a tenth of a second to verify.
    let verify = move || {
        claims
            .iter()
            .filter(|claim| is_genuine(claim, &keys, &name))
            .map(|claim| claim.ticket)
            .collect()
    };
    let verified = DOOR_WORK.run(verify).await;
    verified.map_err(|error| AccessError::Page(error.to_string()))
}

fn is_genuine(claim: &Claim, keys: &KeySet, event: &bilten_core::id::EventId) -> bool {
    let at = bilten_core::time::Timestamp(claim.at.ms());
    let code = UntrustedTicket::parse(&claim.code).ok();
    code.and_then(|code| code.verify(keys, at).ok())
        .is_some_and(|ticket| {
            ticket.event() == event && TicketId::from(ticket.payload().id) == claim.ticket
        })
}

/// The keys that gates of an event trust.
pub(super) async fn trusted_keys(c: &mut Conn, event: EventId) -> Result<KeySet, DbError> {
    let mut keys = KeySet::default();
    let rows = marks::of_kinds(
        c,
        event,
        &[MarkKind::Key, MarkKind::SiblingKey, MarkKind::WithdrawnKey],
    )
    .await?;
    for row in rows {
        match serde_json::from_str::<Change>(&row.content) {
            Ok(Change::Key(named)) => keys.put(named.key),
            Ok(Change::WithdrawnKey(id)) => keys.withdraw(KeyId(id.0)),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(keys)
}
