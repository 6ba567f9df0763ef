//! How a device comes to belong to an event.

use bilten_core::sync::pairing::{PairRequest, Paired, PairingLink};
use bilten_kernel::db::{Conn, DbError, Violation};
use bilten_kernel::random;

use super::{AccessError, named_keys, told};
use crate::access::model::*;
use crate::access::store::{devices, places};
use crate::app::App;
use crate::catalog::{self, EventId};
use crate::identity::Tenant;
use crate::platform::token_hash;
use crate::tickets::{self, QrFormat};

/// Invites a device: gives a one-time code as text and as a QR code.
///
/// # Errors
/// [`AccessError::NotFound`] if the event, the list or the gate is none of the organisation's; a
/// fault of the database.
pub async fn invite(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    input: PairingInput,
) -> Result<Pairing, AccessError> {
    catalog::event_of(app, tenant, event).await?;
    let now = app.now();
    let code = random::token(&*app.random, CODE_LENGTH);
    let row = PairingRow {
        id: PairingId::new(&*app.clock, &*app.random),
        event_id: event,
        list_id: input.list,
        gate_id: input.gate,
        expires_at: bilten_kernel::clock::Timestamp::from_ms(now.ms().saturating_add(PAIRING_MS)),
        used_at: None,
    };
    let link = PairingLink {
        server: app.config.http.public_url.trim_end_matches('/').to_owned(),
        code: code.clone(),
    }
    .to_text();
    let qr = tickets::render_qr(&link, QrFormat::Svg);
    let qr = qr.map_err(|error| AccessError::Page(error.to_string()))?;
    let pairing = Pairing {
        id: row.id,
        qr_svg: String::from_utf8_lossy(&qr).into_owned(),
        link,
        expires_at: row.expires_at,
        code,
    };
    let hash = token_hash(&pairing.code);
    app.db
        .write(move |c| {
            Box::pin(async move {
                if let Some(list) = row.list_id {
                    places::lock_list(c, event, list)
                        .await?
                        .ok_or(AccessError::NotFound)?;
                }
                if let Some(gate) = row.gate_id {
                    places::lock_gate(c, event, gate)
                        .await?
                        .ok_or(AccessError::NotFound)?;
                }
                Ok::<_, AccessError>(places::insert_pairing(c, &row, hash, now).await?)
            })
        })
        .await?;
    Ok(pairing)
}

/// Pairs a device that shows a one-time code. A device whose answer was lost may ask again with the
/// same code and key, and is told the same.
///
/// # Errors
/// [`AccessError::Invalid`], one of the `Pairing…` refusals, [`AccessError::DeviceKnown`], or a
/// fault of the database.
pub async fn pair(app: &App, request: PairRequest) -> Result<Paired, AccessError> {
    let mut faults = Faults::default();
    faults.line("name", &request.name, 100);
    faults.line("software", &request.software, 200);
    faults.check().map_err(AccessError::Invalid)?;
    if !request.is_genuine() {
        return Err(AccessError::PairingSignature);
    }
    let hash = token_hash(&request.code);
    let found = app
        .db
        .read(move |c| Box::pin(async move { places::pairing(c, hash).await }))
        .await?;
    // A stranger's guesses write nothing.
    let pairing = found.ok_or(AccessError::PairingUnknown)?;

    let now = app.now();
    let key = *request.public_key.as_bytes();
    let device = Device {
        id: DeviceId::new(&*app.clock, &*app.random),
        event_id: pairing.event_id,
        name: request.name.trim().to_owned(),
        software: request.software.trim().to_owned(),
        list_id: pairing.list_id,
        gate_id: pairing.gate_id,
        paired_at: now,
        seen_at: now,
        clock_skew_ms: 0,
        revoked_at: None,
        built_in: false,
    };
    let work = app.clone();
    let written = app
        .db
        .write(move |c| {
            Box::pin(async move {
                if !places::use_pairing(c, pairing.id, now).await? {
                    let known = devices::paired_by(c, pairing.id, key).await?;
                    return match known {
                        Some(device) if now < pairing.expires_at => paired(c, &device).await,
                        Some(_) | None if now >= pairing.expires_at => {
                            Err(AccessError::PairingExpired)
                        }
                        Some(_) | None => Err(AccessError::PairingUsed),
                    };
                }
                devices::insert(c, &device, Some(pairing.id), Some(key)).await?;
                told::device_changed(&work, c, device.event_id, device.id, "paired").await?;
                paired(c, &device).await
            })
        })
        .await;
    match written {
        Ok(paired) => Ok(Paired {
            server_time: bilten_core::time::Timestamp(app.now().ms()),
            ..paired
        }),
        Err(AccessError::Db(db)) if db.violates(Violation::Unique) => Err(AccessError::DeviceKnown),
        Err(other) => Err(other),
    }
}

/// What a device is told when it is paired: enough to work before its first sync.
async fn paired(c: &mut Conn, device: &Device) -> Result<Paired, AccessError> {
    let event = catalog::event_in(c, device.event_id).await?;
    let event = event.ok_or(AccessError::NotFound)?;
    let keys = named_keys(c, event.id).await?;
    let mut lists = places::lists(c, event.id).await?;
    let mut gates = places::gates(c, event.id).await?;
    lists.retain(|list| list.removed_at.is_none());
    gates.retain(|gate| gate.removed_at.is_none());
    let list = lists.iter().find(|list| Some(list.id) == device.list_id);
    let gate = gates.iter().find(|gate| Some(gate.id) == device.gate_id);
    Ok(Paired {
        device: opaque(device.id)?,
        event: opaque(event.id)?,
        event_name: event.name,
        list: list.map(|list| opaque(list.id)).transpose()?,
        gate: gate.map(|gate| opaque(gate.id)).transpose()?,
        keys,
        lists: lists
            .iter()
            .map(CheckInList::to_core)
            .collect::<Result<_, DbError>>()?,
        gates: gates
            .iter()
            .map(Gate::to_core)
            .collect::<Result<_, DbError>>()?,
        server_time: bilten_core::time::Timestamp(0),
    })
}
