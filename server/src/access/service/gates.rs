//! Gates.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;
use bilten_kernel::http::IfMatch;

use super::{AccessError, lists, marks};
use crate::access::model::*;
use crate::access::store::places;
use crate::app::App;
use crate::catalog::{self, EventId};
use crate::identity::Tenant;

/// The gate that every new event has.
pub(super) fn first_gate(app: &App, event: EventId, now: Timestamp) -> Gate {
    Gate {
        id: GateId::new(&*app.clock, &*app.random),
        event_id: event,
        name: "Gate 1".to_owned(),
        tiers: None,
        revision: 1,
        created_at: now,
        removed_at: None,
    }
}

/// An event's gates, the oldest first.
///
/// # Errors
/// [`AccessError::NotFound`], or a fault of the database.
pub async fn gates(app: &App, tenant: &Tenant, event: EventId) -> Result<Vec<Gate>, AccessError> {
    catalog::event_of(app, tenant, event).await?;
    let mut gates = app
        .db
        .read(move |c| Box::pin(async move { places::gates(c, event).await }))
        .await?;
    gates.retain(|gate| gate.removed_at.is_none());
    Ok(gates)
}

/// Makes a gate.
///
/// # Errors
/// [`AccessError::Invalid`], [`AccessError::NotFound`], [`AccessError::TooManyGates`], or a fault
/// of the database.
pub async fn create_gate(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    input: GateInput,
) -> Result<Gate, AccessError> {
    catalog::event_of(app, tenant, event).await?;
    let gate = Gate {
        id: GateId::new(&*app.clock, &*app.random),
        event_id: event,
        name: input.name.trim().to_owned(),
        tiers: input.tiers,
        revision: 1,
        created_at: app.now(),
        removed_at: None,
    };
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                check(c, &gate).await?;
                if places::count_gates(c, event).await? >= MAX_GATES {
                    return Err(AccessError::TooManyGates);
                }
                places::insert_gate(c, &gate).await?;
                marks::put(&work, c, event, vec![marks::of_gate(&gate)?]).await?;
                Ok(gate)
            })
        })
        .await
}

async fn check(c: &mut Conn, gate: &Gate) -> Result<(), AccessError> {
    let tiers = lists::tier_numbers(c, gate.event_id).await?;
    let mut faults = Faults::default();
    faults.gate(gate, &tiers);
    faults.check().map_err(AccessError::Invalid)
}

/// Changes a gate.
///
/// # Errors
/// [`AccessError::Invalid`], [`AccessError::NotFound`], [`AccessError::Stale`], or a fault of the
/// database.
pub async fn update_gate(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    id: GateId,
    seen: IfMatch,
    patch: GatePatch,
) -> Result<Gate, AccessError> {
    change(app, tenant, event, id, seen, move |gate| {
        if let Some(name) = patch.name {
            gate.name = name.trim().to_owned();
        }
        if let Some(tiers) = patch.tiers {
            gate.tiers = tiers;
        }
    })
    .await
}

/// Removes a gate; what was scanned there stays.
///
/// # Errors
/// [`AccessError::NotFound`], [`AccessError::Stale`], or a fault of the database.
pub async fn remove_gate(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    id: GateId,
    seen: IfMatch,
) -> Result<(), AccessError> {
    let now = app.now();
    change(app, tenant, event, id, seen, move |gate| {
        gate.removed_at = Some(now);
    })
    .await?;
    Ok(())
}

async fn change(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    id: GateId,
    seen: IfMatch,
    edit: impl FnOnce(&mut Gate) + Send + 'static,
) -> Result<Gate, AccessError> {
    catalog::event_of(app, tenant, event).await?;
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let gate = places::lock_gate(c, event, id).await?;
                let mut gate = gate.ok_or(AccessError::NotFound)?;
                seen.allow(gate.revision)?;
                edit(&mut gate);
                gate.revision += 1;
                if gate.removed_at.is_none() {
                    check(c, &gate).await?;
                }
                places::update_gate(c, &gate).await?;
                marks::put(&work, c, event, vec![marks::of_gate(&gate)?]).await?;
                Ok(gate)
            })
        })
        .await
}
