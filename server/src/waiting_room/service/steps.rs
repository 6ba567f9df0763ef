//! The steps of a room: the draw when its time has come, and once a second how many are called.
//!
//! Before anybody is called, [`fate`] says whether there is anything to be called for: a room that is sold
//! out stands still, goes on, or ends. Any node may make a step: the state and the version in each UPDATE
//! decide that one of them counts.
//! What a step did not finish (a node died) the next one goes on with.

use std::collections::BTreeMap;
use std::time::Duration;

use bilten_kernel::db::DbError;
use serde_json::json;

use super::super::model::*;
use super::super::store::{self, Called, places};
use super::{CALLED, PASSES, PEOPLE, RATE, seed_purpose};
use crate::app::App;
use crate::catalog::{self, EventId};
use crate::platform::{self, AuditRecord};

/// Who ends rooms that have nothing left, in the audit trail.
const ACTOR: &str = "system";
/// How long after its time a pass that was used in time may still be under way.
const GRACE: Duration = Duration::from_secs(10);
/// How many writes may wait for the writer of SQLite before the house counts as strained.
const QUEUED: usize = 256;
/// How long it is known by what places were counted, after the end.
const COUNTS_KEPT: Duration = Duration::from_secs(86_400);

/// The events whose rooms call people, for which it is worth to know how much is left.
///
/// # Errors
/// A fault of the database.
pub async fn calling_events(app: &App) -> Result<Vec<EventId>, DbError> {
    app.db
        .read(|c| Box::pin(async move { store::calling_events(c).await }))
        .await
}

/// Makes a step of every room that has one to make. `supply` says what there is left of the tickets of an
/// event; of what it does not name nothing is known.
///
/// # Errors
/// The last fault of the database; the other rooms have made their steps.
pub async fn tick(app: &App, supply: &BTreeMap<EventId, Supply>) -> Result<(), DbError> {
    let now = app.now();
    let (due, totals) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                Ok::<_, DbError>((store::due(c, now).await?, store::totals(c).await?))
            })
        })
        .await?;
    for (state, people) in [
        ("waiting", totals.waiting),
        ("called", totals.called),
        ("inside", totals.inside),
    ] {
        PEOPLE.set(&[("state", state)], people.max(0));
    }
    let (mut rate, mut failed) = (0, None);
    for room in due {
        let (id, supply) = (room.id, supply.get(&room.event_id).copied());
        match advance(app, room, supply).await {
            Ok(per_minute) => rate += per_minute,
            Err(error) => {
                tracing::error!(%error, room = %id, "a waiting room made no step");
                failed = Some(error);
            }
        }
    }
    RATE.set(&[], i64::try_from(rate).unwrap_or(i64::MAX));
    failed.map_or(Ok(()), Err)
}

/// Makes a step of one room; gives how many it calls a minute.
async fn advance(app: &App, room: RoomRow, supply: Option<Supply>) -> Result<u64, DbError> {
    let event = room.event_id;
    match room.state {
        RoomState::Gathering | RoomState::Drawing => {
            draw(app, room).await?;
            app.rooms.forget(event);
            Ok(0)
        }
        RoomState::Calling => match fate(room.sold_out_at, supply, app.now()) {
            Fate::Calls { left } => call(app, room, left).await,
            Fate::Stands => Ok(0),
            Fate::SellsOut => sell_out(app, room).await,
            Fate::GoesOn => go_on(app, room).await,
            Fate::Ends => end(app, room).await,
        },
        RoomState::Open | RoomState::Ended => Ok(0),
    }
}

/// Says that everything is sold: nobody is called, and nobody's time passes.
async fn sell_out(app: &App, room: RoomRow) -> Result<u64, DbError> {
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if store::sell_out(c, &room, now).await? {
                    c.after_commit(move || work.rooms.forget(room.event_id));
                }
                Ok::<_, DbError>(())
            })
        })
        .await?;
    Ok(0)
}

/// Lets a room go on that was sold out: whoever was called has as much time as was left to them then.
async fn go_on(app: &App, room: RoomRow) -> Result<u64, DbError> {
    let (work, now) = (app.clone(), app.now());
    let since = room.sold_out_at.unwrap_or(now);
    let stood_ms = now.ms().saturating_sub(since.ms()).max(0);
    app.db
        .write(move |c| {
            Box::pin(async move {
                if store::go_on(c, &room).await? {
                    store::move_calls(c, room.id, stood_ms).await?;
                    places::move_passes(c, room.id, since, stood_ms).await?;
                    c.after_commit(move || work.rooms.forget(room.event_id));
                }
                Ok::<_, DbError>(())
            })
        })
        .await?;
    Ok(0)
}

/// Ends a room: there is nothing left to wait for.
async fn end(app: &App, room: RoomRow) -> Result<u64, DbError> {
    let (work, now) = (app.clone(), app.now());
    let (id, event) = (room.id, room.event_id);
    let mut record = AuditRecord::new(ACTOR, "waiting_room.moved", event)
        .detail(json!({"room": id, "move": RoomMove::End}));
    // Its event may be gone by now, and the room with it.
    if let Ok(offer) = catalog::offer(app, event).await {
        record = record.of(offer.event.organisation_id);
    }
    app.db
        .write(move |c| {
            Box::pin(async move {
                if !store::end(c, &room, now).await? {
                    return Ok(());
                }
                platform::audit(&work, c, record).await?;
                c.after_commit(move || work.rooms.forget(event));
                Ok::<_, DbError>(())
            })
        })
        .await?;
    Ok(0)
}

async fn again(app: &App, id: WaitingRoomId) -> Result<Option<RoomRow>, DbError> {
    app.db
        .read(move |c| Box::pin(async move { store::room(c, id).await }))
        .await
}

/// Closes the draw, publishes who takes part, then reveals the seed; whatever of it is still to be done.
async fn draw(app: &App, room: RoomRow) -> Result<(), DbError> {
    let (id, now) = (room.id, app.now());
    app.db
        .write(move |c| Box::pin(async move { store::close(c, id, now).await }))
        .await?;
    let Some(room) = again(app, id).await? else {
        return Ok(());
    };
    if room.state != RoomState::Drawing {
        return Ok(());
    }
    if room.roster_hash.is_none() {
        let drawn = room.drawn;
        let ids = app
            .db
            .read_long(move |c| Box::pin(async move { places::drawn(c, id, drawn).await }))
            .await?;
        let hash = roster_hash(id, ids);
        app.db
            .write(move |c| Box::pin(async move { store::set_roster(c, id, hash).await }))
            .await?;
    }
    if room.beacon.is_some() && room.beacon_value.is_none() {
        // Nobody knows it yet.
        return Ok(());
    }
    let seed = app.vault.open(&seed_purpose(id), &room.sealed_seed)?;
    let seed = <[u8; 32]>::try_from(seed.as_slice()).map_err(|_| DbError::Fault {
        at: "waiting_room::draw",
        detail: format!("the seed of {id} has another length"),
    })?;
    let pace = Pace::start(&room.policy.0.pace, now);
    app.db
        .write(move |c| Box::pin(async move { store::reveal(c, id, seed, &pace, now).await }))
        .await?;
    Ok(())
}

fn whole(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Whether holds take longer than they should.
fn is_strained(app: &App) -> bool {
    let usage = app.db.usage();
    let connections = usage.connections;
    usage.writes_queued > QUEUED
        || connections.is_some_and(|connections| {
            connections.open >= connections.most && connections.idle == 0
        })
}

/// Calls as many as may come now, and counts who did not come in time.
async fn call(app: &App, room: RoomRow, left: Option<u64>) -> Result<u64, DbError> {
    let (id, now) = (room.id, app.now());
    let (calls, at_door) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let calls = store::calls(c, id).await?;
                Ok::<_, DbError>((calls, places::at_door(c, id, now).await?))
            })
        })
        .await?;
    let mut calls = Calls::of(room.lapsed, calls);
    let (after, upto) = calls.lapse(now - GRACE);
    let policy = room.policy.0.pace;
    let last = room
        .pace
        .map_or_else(|| Pace::start(&policy, now), |pace| pace.0);
    let came = whole(room.entered.saturating_sub(room.entered_seen));
    let measured = Measured {
        at: now,
        waiting: room.places.saturating_sub(room.called),
        called: whole(room.outstanding()),
        inside: room.inside.saturating_add(at_door),
        held: came,
        came,
        missed: whole(room.missed.saturating_sub(room.missed_seen)),
        is_strained: is_strained(app),
        stock_left: left,
    };
    let next = step(&policy, &last, &measured);
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let missed = if upto > after {
                    (upto - after).saturating_sub(places::came(c, id, after, upto).await?)
                } else {
                    0
                };
                let called = Called {
                    call: next.call,
                    pace: next.pace,
                    lapsed: upto,
                    missed,
                };
                let Some(all) = store::call(c, &room, &called).await? else {
                    // Another node was faster.
                    return Ok(());
                };
                if next.call > 0 {
                    store::insert_call(c, id, all, now).await?;
                }
                if upto > after {
                    store::forget_calls(c, id, upto).await?;
                }
                c.after_commit(move || {
                    work.rooms.forget(room.event_id);
                    CALLED.add(&[], u64::from(next.call));
                    if missed > 0 {
                        PASSES.add(&[("outcome", "missed")], missed);
                    }
                });
                Ok::<_, DbError>(())
            })
        })
        .await?;
    Ok(next.pace.per_minute())
}

/// Forgets by what places were counted, a day after a room has ended.
///
/// # Errors
/// A fault of the database.
pub async fn tidy(app: &App) -> Result<(), DbError> {
    let before = app.now() - COUNTS_KEPT;
    app.db
        .write(move |c| Box::pin(async move { store::forget_counts(c, before).await }))
        .await?;
    Ok(())
}
