//! What organisers do with waiting rooms.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Violation};
use bilten_kernel::error::FieldError;
use bilten_kernel::http::{IfMatch, Stale};
use serde_json::json;

use super::super::model::*;
use super::super::store;
use super::{WaitingError, seed_purpose};
use crate::app::App;
use crate::catalog::{self, EventDetail, EventId, EventState};
use crate::identity::Tenant;
use crate::platform::{self, AuditRecord};

/// An event's newest waiting room.
///
/// # Errors
/// [`WaitingError::NotFound`], or a fault of the database.
pub async fn room_of(
    app: &App,
    tenant: &Tenant,
    event: EventId,
) -> Result<WaitingRoom, WaitingError> {
    catalog::event_of(app, tenant, event).await?;
    let row = app
        .db
        .read(move |c| Box::pin(async move { store::newest(c, event).await }))
        .await?;
    row.as_ref()
        .map(WaitingRoom::from)
        .ok_or(WaitingError::NotFound)
}

fn invalid(field: &str, code: &'static str, detail: &str) -> WaitingError {
    WaitingError::Invalid(vec![FieldError {
        field: field.to_owned(),
        code: code.into(),
        detail: detail.to_owned(),
    }])
}

/// Whether an opening is one for this event.
fn check_opening(
    detail: &EventDetail,
    opens_at: Timestamp,
    now: Timestamp,
) -> Result<(), WaitingError> {
    if opens_at <= now {
        return Err(invalid("opens_at", "past", "Must be in the future."));
    }
    if opens_at >= detail.ends_at() {
        let text = "Must be before the event is over.";
        return Err(invalid("opens_at", "too_late", text));
    }
    Ok(())
}

/// Makes an event's waiting room, or changes it.
///
/// # Errors
/// [`WaitingError`] by what was refused.
pub async fn set_room(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    actor: String,
    seen: IfMatch,
    input: WaitingRoomInput,
) -> Result<WaitingRoom, WaitingError> {
    let detail = catalog::detail_of(app, tenant, event).await?;
    let faults = input.faults();
    if !faults.is_empty() {
        return Err(WaitingError::Invalid(faults));
    }
    let (work, organisation, now) = (app.clone(), tenant.organisation, app.now());
    // Sealed before the write, in which nothing slow is done; it is used if a room is made.
    let new = new_room(app, event, &input, now)?;
    let made = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let row = match store::lock_newest(c, event).await? {
                    Some(row) if row.state != RoomState::Ended => {
                        seen.allow(row.revision)?;
                        change(c, &detail, row, &input, now).await?
                    }
                    Some(_) | None => {
                        check_opening(&detail, input.opens_at, now)?;
                        if is_over(&detail) {
                            return Err(WaitingError::State(RoomState::Ended));
                        }
                        store::insert(c, &new).await?;
                        new
                    }
                };
                let record = AuditRecord::new(actor, "waiting_room.set", event)
                    .of(organisation)
                    .detail(json!({"room": row.id, "opens_at": row.opens_at, "most_inside": row.most_inside}));
                platform::audit(&work, c, record).await?;
                forget_after(&work, c, event);
                Ok::<_, WaitingError>(row)
            })
        })
        .await;
    match made {
        Ok(row) => Ok(WaitingRoom::from(&row)),
        // Another one was made in this very moment.
        Err(WaitingError::Db(error)) if error.violates(Violation::Unique) => {
            Err(WaitingError::Stale(Stale))
        }
        Err(error) => Err(error),
    }
}

fn is_over(detail: &EventDetail) -> bool {
    matches!(
        detail.event.state,
        EventState::Cancelled | EventState::Archived
    )
}

fn new_room(
    app: &App,
    event: EventId,
    input: &WaitingRoomInput,
    now: Timestamp,
) -> Result<RoomRow, DbError> {
    let id = WaitingRoomId::new(&*app.clock, &*app.random);
    let seed = Seed::draw(&*app.random);
    let beacon = input.beacon.as_deref().map(|name| name.trim().to_owned());
    let terms = DrawTerms {
        room: id,
        closes_at: input.opens_at,
        beacon: beacon.clone(),
    };
    Ok(RoomRow {
        id,
        event_id: event,
        state: RoomState::Gathering,
        opens_at: input.opens_at,
        promised_at: input.opens_at,
        sealed_seed: app
            .vault
            .seal(&seed_purpose(id), seed.as_bytes(), &*app.random)?,
        commitment: terms.commitment(&seed),
        beacon,
        beacon_value: None,
        roster_hash: None,
        seed: None,
        drawn: 0,
        places: 0,
        called: 0,
        lapsed: 0,
        entered: 0,
        missed: 0,
        entered_seen: 0,
        missed_seen: 0,
        inside: 0,
        most_inside: input.most_inside,
        policy: AsJson(input.policy()),
        pace: None,
        version: 0,
        revision: 1,
        created_at: now,
        closed_at: None,
        revealed_at: None,
        ended_at: None,
        sold_out_at: None,
    })
}

/// Changes a room that is in use: its limits always, its opening until the draw, its beacon never.
async fn change(
    c: &mut Conn,
    detail: &EventDetail,
    mut row: RoomRow,
    input: &WaitingRoomInput,
    now: Timestamp,
) -> Result<RoomRow, WaitingError> {
    if input.beacon.as_deref().map(str::trim) != row.beacon.as_deref() {
        return Err(WaitingError::BeaconPromised);
    }
    if input.opens_at != row.opens_at {
        if row.state != RoomState::Gathering {
            return Err(WaitingError::State(row.state));
        }
        check_opening(detail, input.opens_at, now)?;
        row.opens_at = input.opens_at;
    }
    row.most_inside = input.most_inside;
    row.policy = AsJson(input.policy());
    store::update_settings(c, &row).await?;
    row.revision += 1;
    Ok(row)
}

/// Lets this node read the room anew once the write is durable.
fn forget_after(app: &App, c: &mut Conn, event: EventId) {
    let app = app.clone();
    c.after_commit(move || app.rooms.forget(event));
}

/// Holds the draw now, lets everybody in, lets people wait again, or ends a room.
///
/// # Errors
/// [`WaitingError`] by what was refused.
pub async fn move_room(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    actor: String,
    how: RoomMove,
) -> Result<WaitingRoom, WaitingError> {
    catalog::event_of(app, tenant, event).await?;
    let (work, organisation, now) = (app.clone(), tenant.organisation, app.now());
    let row = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let row = store::lock_newest(c, event).await?;
                let mut row = row.ok_or(WaitingError::NotFound)?;
                let to = match how {
                    RoomMove::Draw => RoomState::Drawing,
                    RoomMove::Open => RoomState::Open,
                    RoomMove::Resume => RoomState::Calling,
                    RoomMove::End => RoomState::Ended,
                };
                let is_resumed = how == RoomMove::Resume && row.state != RoomState::Open;
                if is_resumed || !row.state.may_become(to) {
                    return Err(WaitingError::State(row.state));
                }
                if how == RoomMove::Draw {
                    // The step draws, a moment from now.
                    row.opens_at = row.opens_at.min(now);
                    store::update_settings(c, &row).await?;
                } else {
                    let ended_at = (how == RoomMove::End).then_some(now);
                    if !store::move_room(c, row.id, row.state, to, ended_at).await? {
                        return Err(WaitingError::State(row.state));
                    }
                }
                let record = AuditRecord::new(actor, "waiting_room.moved", event)
                    .of(organisation)
                    .detail(json!({"room": row.id, "move": how}));
                platform::audit(&work, c, record).await?;
                forget_after(&work, c, event);
                let row = store::room(c, row.id).await?;
                row.ok_or(WaitingError::NotFound)
            })
        })
        .await?;
    Ok(WaitingRoom::from(&row))
}

/// Takes the value of a room's beacon in, once the places of the draw are published.
///
/// # Errors
/// [`WaitingError`] by what was refused.
pub async fn set_beacon(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    actor: String,
    input: BeaconInput,
) -> Result<WaitingRoom, WaitingError> {
    catalog::event_of(app, tenant, event).await?;
    let Some(value) = input.bytes() else {
        let text = "Must be 1 to 128 bytes in hexadecimal digits.";
        return Err(invalid("value", "invalid", text));
    };
    let (work, organisation) = (app.clone(), tenant.organisation);
    let row = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let row = store::lock_newest(c, event).await?;
                let row = row.ok_or(WaitingError::NotFound)?;
                if !store::set_beacon(c, row.id, value).await? {
                    return Err(WaitingError::State(row.state));
                }
                let record = AuditRecord::new(actor, "waiting_room.beacon", event)
                    .of(organisation)
                    .detail(json!({"room": row.id, "value": input.value}));
                platform::audit(&work, c, record).await?;
                forget_after(&work, c, event);
                let row = store::room(c, row.id).await?;
                row.ok_or(WaitingError::NotFound)
            })
        })
        .await?;
    Ok(WaitingRoom::from(&row))
}

/// Takes a room away that nobody has joined.
///
/// # Errors
/// [`WaitingError`] by what was refused.
pub async fn delete_room(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    actor: String,
    seen: IfMatch,
) -> Result<(), WaitingError> {
    catalog::event_of(app, tenant, event).await?;
    let (work, organisation) = (app.clone(), tenant.organisation);
    app.db
        .write(move |c| {
            Box::pin(async move {
                let row = store::lock_newest(c, event).await?;
                let row = row.ok_or(WaitingError::NotFound)?;
                seen.allow(row.revision)?;
                if !store::delete_unused(c, row.id).await? {
                    return Err(if row.state == RoomState::Gathering {
                        WaitingError::Joined
                    } else {
                        WaitingError::State(row.state)
                    });
                }
                let record = AuditRecord::new(actor, "waiting_room.deleted", event)
                    .of(organisation)
                    .detail(json!({"room": row.id}));
                platform::audit(&work, c, record).await?;
                forget_after(&work, c, event);
                Ok(())
            })
        })
        .await
}
