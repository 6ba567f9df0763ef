//! All SQL of the waiting room: rooms here, places and what counts them in `places.rs`.

pub(super) mod places;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use super::model::*;
use crate::catalog::EventId;

/// A number as it is bound.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The statement that reads rooms, with what follows `FROM waiting_rooms`.
macro_rules! rooms {
    ($rest:literal) => {
        sql!(concat!(
            "SELECT id, event_id, state, opens_at, promised_at, sealed_seed, commitment, beacon, beacon_value, \
             roster_hash, seed, drawn, places, called, lapsed, entered, missed, entered_seen, missed_seen, inside, \
             most_inside, policy, pace, version, revision, created_at, closed_at, revealed_at, ended_at, sold_out_at \
             FROM waiting_rooms ",
            $rest
        ))
    };
}

pub(super) async fn insert(c: &mut Conn, room: &RoomRow) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO waiting_rooms (id, event_id, state, opens_at, promised_at, sealed_seed, commitment, beacon, \
             most_inside, policy, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        ),
        vals![
            room.id,
            room.event_id,
            room.state,
            room.opens_at,
            room.promised_at,
            &room.sealed_seed,
            room.commitment,
            room.beacon.as_deref(),
            room.most_inside,
            Val::json(&room.policy.0)?,
            room.created_at
        ],
    )
    .await?;
    Ok(())
}

/// An event's newest room.
pub(super) async fn newest(c: &mut Conn, event: EventId) -> Result<Option<RoomRow>, DbError> {
    c.opt(
        rooms!("WHERE event_id = $1 ORDER BY id DESC LIMIT 1"),
        vals![event],
    )
    .await
}

/// An event's newest room, locked so that it can be changed.
pub(super) async fn lock_newest(c: &mut Conn, event: EventId) -> Result<Option<RoomRow>, DbError> {
    c.opt(
        rooms!("WHERE event_id = $1 ORDER BY id DESC LIMIT 1 FOR UPDATE"),
        vals![event],
    )
    .await
}

pub(super) async fn room(c: &mut Conn, id: WaitingRoomId) -> Result<Option<RoomRow>, DbError> {
    c.opt(rooms!("WHERE id = $1"), vals![id]).await
}

/// The rooms that a step has something to do for.
pub(super) async fn due(c: &mut Conn, now: Timestamp) -> Result<Vec<RoomRow>, DbError> {
    c.all(
        rooms!(
            "WHERE state IN ('drawing', 'calling') OR (state = 'gathering' AND opens_at <= $1) ORDER BY id LIMIT 1000"
        ),
        vals![now],
    )
    .await
}

/// The events whose rooms call people.
pub(super) async fn calling_events(c: &mut Conn) -> Result<Vec<EventId>, DbError> {
    c.scalars(
        sql!("SELECT event_id FROM waiting_rooms WHERE state = 'calling' ORDER BY event_id LIMIT 1000"),
        vals![],
    )
    .await
}

/// Writes what the organiser changed.
pub(super) async fn update_settings(c: &mut Conn, room: &RoomRow) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE waiting_rooms SET opens_at = $2, most_inside = $3, policy = $4, revision = revision + 1 \
             WHERE id = $1"
        ),
        vals![
            room.id,
            room.opens_at,
            room.most_inside,
            Val::json(&room.policy.0)?
        ],
    )
    .await?;
    Ok(())
}

/// Moves a room from one state to another; says whether it was in the first. Whether it is sold out is for the
/// next step to say.
pub(super) async fn move_room(
    c: &mut Conn,
    id: WaitingRoomId,
    from: RoomState,
    to: RoomState,
    ended_at: Option<Timestamp>,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE waiting_rooms SET state = $3, ended_at = $4, sold_out_at = NULL, revision = revision + 1 \
                 WHERE id = $1 AND state = $2"
            ),
            vals![id, from, to, ended_at],
        )
        .await?;
    Ok(touched == 1)
}

/// Sets the value of a room's beacon, once and only after the roster is published.
pub(super) async fn set_beacon(
    c: &mut Conn,
    id: WaitingRoomId,
    value: Vec<u8>,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE waiting_rooms SET beacon_value = $2, revision = revision + 1 WHERE id = $1 \
                 AND state = 'drawing' AND beacon IS NOT NULL AND beacon_value IS NULL AND roster_hash IS NOT NULL"
            ),
            vals![id, value],
        )
        .await?;
    Ok(touched == 1)
}

/// Closes the draw of a room whose time has come; its row lock is what separates the draw from those
/// who come late.
pub(super) async fn close(
    c: &mut Conn,
    id: WaitingRoomId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE waiting_rooms SET state = 'drawing', drawn = places, closed_at = $2 \
                 WHERE id = $1 AND state = 'gathering' AND opens_at <= $2"
            ),
            vals![id, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Publishes the hash of all places in a draw.
pub(super) async fn set_roster(
    c: &mut Conn,
    id: WaitingRoomId,
    hash: [u8; 32],
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE waiting_rooms SET roster_hash = $2 WHERE id = $1 AND state = 'drawing' AND roster_hash IS NULL"
        ),
        vals![id, hash],
    )
    .await?;
    Ok(())
}

/// Shows the seed; from now on people are called.
pub(super) async fn reveal(
    c: &mut Conn,
    id: WaitingRoomId,
    seed: [u8; 32],
    pace: &Pace,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE waiting_rooms SET state = 'calling', seed = $2, pace = $3, revealed_at = $4, \
                 version = version + 1 WHERE id = $1 AND state = 'drawing' AND roster_hash IS NOT NULL"
            ),
            vals![id, seed, Val::json(pace)?, now],
        )
        .await?;
    Ok(touched == 1)
}

/// What a step writes.
pub(super) struct Called {
    pub(super) call: u32,
    pub(super) pace: Pace,
    pub(super) lapsed: u64,
    pub(super) missed: u64,
}

/// Calls people, unless another node has made a step since the room was read; gives up to which number.
pub(super) async fn call(
    c: &mut Conn,
    room: &RoomRow,
    step: &Called,
) -> Result<Option<u64>, DbError> {
    c.scalar_opt(
        sql!(
            "UPDATE waiting_rooms SET called = called + $2, pace = $3, lapsed = $5, missed = missed + $6, \
             entered_seen = $7, missed_seen = $8, version = version + 1 \
             WHERE id = $1 AND version = $4 AND state = 'calling' RETURNING called"
        ),
        vals![
            room.id,
            step.call,
            Val::json(&step.pace)?,
            room.version,
            int(step.lapsed),
            int(step.missed),
            int(room.entered),
            int(room.missed)
        ],
    )
    .await
}

pub(super) async fn insert_call(
    c: &mut Conn,
    id: WaitingRoomId,
    upto: u64,
    at: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!("INSERT INTO waiting_calls (room_id, upto, at) VALUES ($1, $2, $3)"),
        vals![id, int(upto), at],
    )
    .await?;
    Ok(())
}

/// Forgets the calls up to a number.
pub(super) async fn forget_calls(
    c: &mut Conn,
    id: WaitingRoomId,
    upto: u64,
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM waiting_calls WHERE room_id = $1 AND upto <= $2"),
        vals![id, int(upto)],
    )
    .await?;
    Ok(())
}

/// The calls of a room that still matter, in order.
pub(super) async fn calls(
    c: &mut Conn,
    id: WaitingRoomId,
) -> Result<Vec<(u64, Timestamp)>, DbError> {
    c.all(
        sql!("SELECT upto, at FROM waiting_calls WHERE room_id = $1 ORDER BY upto"),
        vals![id],
    )
    .await
}

/// Says that everything is sold, unless another node has made a step since the room was read.
pub(super) async fn sell_out(
    c: &mut Conn,
    room: &RoomRow,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE waiting_rooms SET sold_out_at = $3, version = version + 1 \
                 WHERE id = $1 AND version = $2 AND state = 'calling' AND sold_out_at IS NULL"
            ),
            vals![room.id, room.version, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Lets a room go on that was sold out, unless another node has made a step since it was read.
pub(super) async fn go_on(c: &mut Conn, room: &RoomRow) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE waiting_rooms SET sold_out_at = NULL, version = version + 1 \
                 WHERE id = $1 AND version = $2 AND state = 'calling' AND sold_out_at IS NOT NULL"
            ),
            vals![room.id, room.version],
        )
        .await?;
    Ok(touched == 1)
}

/// Ends a room in which people are called, unless another node has made a step since it was read.
pub(super) async fn end(c: &mut Conn, room: &RoomRow, now: Timestamp) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE waiting_rooms SET state = 'ended', ended_at = $3, version = version + 1, \
                 revision = revision + 1 WHERE id = $1 AND version = $2 AND state = 'calling'"
            ),
            vals![room.id, room.version, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Lets all who are called have so many milliseconds more.
pub(super) async fn move_calls(c: &mut Conn, id: WaitingRoomId, by_ms: i64) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE waiting_calls SET at = at + $2 WHERE room_id = $1"),
        vals![id, by_ms],
    )
    .await?;
    Ok(())
}

/// Counts somebody as inside, if there is room; `come` is 1 if they had not come before.
pub(super) async fn enter(c: &mut Conn, id: WaitingRoomId, come: i64) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE waiting_rooms SET inside = inside + 1, entered = entered + $2 \
                 WHERE id = $1 AND state = 'calling' AND inside < most_inside"
            ),
            vals![id, come],
        )
        .await?;
    Ok(touched == 1)
}

/// Counts some as not inside any more, and some as not having come.
pub(super) async fn leave(
    c: &mut Conn,
    id: WaitingRoomId,
    count: i64,
    not_come: i64,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE waiting_rooms SET inside = GREATEST(inside - $2, 0), entered = GREATEST(entered - $3, 0) \
             WHERE id = $1"
        ),
        vals![id, count, not_come],
    )
    .await?;
    Ok(())
}

/// Counts somebody who found the house full as come.
pub(super) async fn count_come(c: &mut Conn, id: WaitingRoomId) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE waiting_rooms SET entered = entered + 1 WHERE id = $1"),
        vals![id],
    )
    .await?;
    Ok(())
}

/// Takes away a room that nobody has joined; says whether it was one.
pub(super) async fn delete_unused(c: &mut Conn, id: WaitingRoomId) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!("DELETE FROM waiting_rooms WHERE id = $1 AND state = 'gathering' AND places = 0"),
            vals![id],
        )
        .await?;
    Ok(touched == 1)
}

/// Takes away everything about an event.
pub(super) async fn delete_of_event(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    for statement in [
        sql!(
            "DELETE FROM waiting_counts WHERE room_id IN (SELECT id FROM waiting_rooms WHERE event_id = $1)"
        ),
        sql!(
            "DELETE FROM waiting_calls WHERE room_id IN (SELECT id FROM waiting_rooms WHERE event_id = $1)"
        ),
        sql!(
            "DELETE FROM waiting_places WHERE room_id IN (SELECT id FROM waiting_rooms WHERE event_id = $1)"
        ),
        sql!("DELETE FROM waiting_rooms WHERE event_id = $1"),
    ] {
        c.exec(statement, vals![event]).await?;
    }
    Ok(())
}

/// Forgets by what places were counted, of rooms that ended before this.
pub(super) async fn forget_counts(c: &mut Conn, before: Timestamp) -> Result<u64, DbError> {
    c.exec(
        sql!(
            "DELETE FROM waiting_counts WHERE room_id IN \
             (SELECT id FROM waiting_rooms WHERE state = 'ended' AND ended_at < $1)"
        ),
        vals![before],
    )
    .await
}

record! {
    /// All rooms that are in use, together.
    pub(super) struct Totals {
        pub(super) waiting: i64,
        pub(super) called: i64,
        pub(super) inside: i64,
    }
}

/// How many people wait, are called and are inside, of all rooms that are in use.
pub(super) async fn totals(c: &mut Conn) -> Result<Totals, DbError> {
    c.one(
        sql!(
            "SELECT CAST(COALESCE(SUM(places - called), 0) AS BIGINT) AS waiting, \
             CAST(COALESCE(SUM(called - entered - missed), 0) AS BIGINT) AS called, \
             CAST(COALESCE(SUM(inside), 0) AS BIGINT) AS inside FROM waiting_rooms WHERE state <> 'ended'"
        ),
        vals![],
    )
    .await
}
