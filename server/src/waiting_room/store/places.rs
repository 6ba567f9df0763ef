//! Places, and how many each account, device and network has.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{sql, vals};

use super::int;
use crate::waiting_room::model::*;

// Joining

/// Where a room stands, locked: nobody closes its draw before this write is done.
pub(in crate::waiting_room) async fn lock_state(
    c: &mut Conn,
    room: WaitingRoomId,
) -> Result<Option<RoomState>, DbError> {
    c.scalar_opt(
        sql!("SELECT state FROM waiting_rooms WHERE id = $1 FOR UPDATE"),
        vals![room],
    )
    .await
}

/// Adds to how many places there are; gives how many there are then.
pub(in crate::waiting_room) async fn add(
    c: &mut Conn,
    room: WaitingRoomId,
    count: u64,
) -> Result<Option<u64>, DbError> {
    c.scalar_opt(
        sql!(
            "UPDATE waiting_rooms SET places = places + $2 WHERE id = $1 AND state IN ('gathering', 'calling') \
             RETURNING places"
        ),
        vals![room, int(count)],
    )
    .await
}

/// A place to be stored, with its number if it came after the draw.
pub(in crate::waiting_room) struct NewPlace {
    pub(in crate::waiting_room) id: PlaceId,
    pub(in crate::waiting_room) number: Option<u64>,
    pub(in crate::waiting_room) joined_at: Timestamp,
}

pub(in crate::waiting_room) async fn insert(
    c: &mut Conn,
    room: WaitingRoomId,
    places: &[NewPlace],
) -> Result<(), DbError> {
    c.insert_many(
        sql!("INSERT INTO waiting_places (id, room_id, number, joined_at) VALUES ($1, $2, $3, $4)"),
        places
            .iter()
            .map(|place| vals![place.id, room, place.number.map(int), place.joined_at])
            .collect(),
    )
    .await?;
    Ok(())
}

/// So many places for a key, of which there may be at most some.
pub(in crate::waiting_room) struct Count {
    pub(in crate::waiting_room) key: JoinKey,
    pub(in crate::waiting_room) places: u32,
    pub(in crate::waiting_room) most: u32,
}

/// Counts places of many keys, those that have enough left; gives those.
pub(in crate::waiting_room) async fn count_many(
    c: &mut Conn,
    room: WaitingRoomId,
    counts: &[Count],
) -> Result<Vec<JoinKey>, DbError> {
    let rows = counts
        .iter()
        .map(|count| {
            vals![
                room,
                count.key.kind,
                count.key.hash,
                count.places,
                count.most
            ]
        })
        .collect();
    let counted: Vec<(JoinKind, [u8; 32])> = c
        .insert_many_returning(
            sql!(
                "INSERT INTO waiting_counts (room_id, kind, key_hash, places, most) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (room_id, kind, key_hash) \
                 DO UPDATE SET places = waiting_counts.places + excluded.places, most = excluded.most \
                 WHERE waiting_counts.places + excluded.places <= excluded.most RETURNING kind, key_hash"
            ),
            rows,
        )
        .await?;
    Ok(counted
        .into_iter()
        .map(|(kind, hash)| JoinKey { kind, hash })
        .collect())
}

/// Takes places of keys back.
pub(in crate::waiting_room) async fn uncount(
    c: &mut Conn,
    room: WaitingRoomId,
    counts: &[(JoinKey, u32)],
) -> Result<(), DbError> {
    c.update_many(
        sql!(
            "UPDATE waiting_counts SET places = places - $4 WHERE room_id = $1 AND kind = $2 AND key_hash = $3"
        ),
        counts
            .iter()
            .map(|(key, places)| vals![room, key.kind, key.hash, *places])
            .collect(),
    )
    .await?;
    Ok(())
}

/// Gives up a place whose turn was missed, so that another one may be had for it.
pub(in crate::waiting_room) async fn give_up(
    c: &mut Conn,
    room: WaitingRoomId,
    place: PlaceId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE waiting_places SET left_at = $3 WHERE id = $2 AND room_id = $1 AND entered_at IS NULL \
                 AND left_at IS NULL AND (pass_until_at IS NULL OR pass_until_at <= $3)"
            ),
            vals![room, place, now],
        )
        .await?;
    Ok(touched == 1)
}

// The draw

/// The places that take part in a draw of so many.
pub(in crate::waiting_room) async fn drawn(
    c: &mut Conn,
    room: WaitingRoomId,
    drawn: u64,
) -> Result<Vec<PlaceId>, DbError> {
    c.scalars(
        sql!(
            "SELECT id FROM waiting_places WHERE room_id = $1 AND (number IS NULL OR number <= $2) ORDER BY id"
        ),
        vals![room, int(drawn)],
    )
    .await
}

/// A page of the places that took part in a draw of so many, by their ids.
pub(in crate::waiting_room) async fn drawn_after(
    c: &mut Conn,
    room: WaitingRoomId,
    drawn: u64,
    after: Option<PlaceId>,
    limit: i64,
) -> Result<Vec<PlaceId>, DbError> {
    c.scalars(
        sql!(
            "SELECT id FROM waiting_places WHERE room_id = $1 AND (number IS NULL OR number <= $2) AND id > $3 \
             ORDER BY id LIMIT $4"
        ),
        vals![
            room,
            int(drawn),
            after.map_or_else(String::new, |place| place.to_string()),
            limit
        ],
    )
    .await
}

// Turns

pub(in crate::waiting_room) async fn place(
    c: &mut Conn,
    room: WaitingRoomId,
    place: PlaceId,
) -> Result<Option<PlaceRow>, DbError> {
    c.opt(
        sql!(
            "SELECT pass_until_at, entered_at, left_at FROM waiting_places WHERE id = $2 AND room_id = $1"
        ),
        vals![room, place],
    )
    .await
}

/// Gives a place another pass, until then or until the time that it was given before, whichever is
/// later; a place that is not called any more has only the latter. Gives the pass's number and its end.
pub(in crate::waiting_room) async fn give_pass(
    c: &mut Conn,
    place: PlaceId,
    number: u64,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<(u64, Timestamp)>, DbError> {
    c.opt(
        sql!(
            "UPDATE waiting_places SET serial = serial + 1, number = $4, \
             pass_until_at = GREATEST(COALESCE(pass_until_at, 0), $3) \
             WHERE id = $1 AND entered_at IS NULL AND left_at IS NULL \
             AND (pass_until_at > $2 OR (pass_until_at IS NULL AND $3 > $2)) RETURNING serial, pass_until_at"
        ),
        vals![place, now, until, int(number)],
    )
    .await
}

/// Lets the last pass of a place be used, once; inside, whether the place had come before and found the
/// house full.
pub(in crate::waiting_room) async fn enter(
    c: &mut Conn,
    place: PlaceId,
    serial: u64,
    holder: &str,
    now: Timestamp,
) -> Result<Option<bool>, DbError> {
    c.scalar_opt(
        sql!(
            "UPDATE waiting_places SET entered_at = $3, holder = $4 WHERE id = $1 AND serial = $2 \
             AND entered_at IS NULL AND left_at IS NULL RETURNING full_at IS NOT NULL AS was_full"
        ),
        vals![place, int(serial), now, holder],
    )
    .await
}

/// Undoes that a place came in.
pub(in crate::waiting_room) async fn not_entered(
    c: &mut Conn,
    place: PlaceId,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE waiting_places SET entered_at = NULL, holder = NULL WHERE id = $1"),
        vals![place],
    )
    .await?;
    Ok(())
}

/// Lets a place that found the house full wait at the door until then; says whether it is the first time.
pub(in crate::waiting_room) async fn wait_at_door(
    c: &mut Conn,
    place: PlaceId,
    serial: u64,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, DbError> {
    let extended = c
        .exec(
            sql!(
                "UPDATE waiting_places SET pass_until_at = $4 WHERE id = $1 AND serial = $2 \
                 AND entered_at IS NULL AND left_at IS NULL AND pass_until_at > $3"
            ),
            vals![place, int(serial), now, until],
        )
        .await?;
    if extended == 0 {
        return Ok(false);
    }
    let touched = c
        .exec(
            sql!("UPDATE waiting_places SET full_at = $2 WHERE id = $1 AND full_at IS NULL"),
            vals![place, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Lets passes that were good at a moment, and were not used, be good for so many milliseconds more.
pub(in crate::waiting_room) async fn move_passes(
    c: &mut Conn,
    room: WaitingRoomId,
    good_at: Timestamp,
    by_ms: i64,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE waiting_places SET pass_until_at = pass_until_at + $3 WHERE room_id = $1 \
             AND entered_at IS NULL AND left_at IS NULL AND pass_until_at > $2"
        ),
        vals![room, good_at, by_ms],
    )
    .await?;
    Ok(())
}

/// How many wait at the door of a full house.
pub(in crate::waiting_room) async fn at_door(
    c: &mut Conn,
    room: WaitingRoomId,
    now: Timestamp,
) -> Result<u32, DbError> {
    c.scalar(
        sql!(
            "SELECT COUNT(*) FROM waiting_places WHERE room_id = $1 AND full_at IS NOT NULL \
             AND entered_at IS NULL AND left_at IS NULL AND pass_until_at > $2"
        ),
        vals![room, now],
    )
    .await
}

/// How many of the numbers after the first, up to and with the second, came.
pub(in crate::waiting_room) async fn came(
    c: &mut Conn,
    room: WaitingRoomId,
    after: u64,
    upto: u64,
) -> Result<u64, DbError> {
    c.scalar(
        sql!(
            "SELECT COUNT(*) FROM waiting_places WHERE room_id = $1 AND number > $2 AND number <= $3 \
             AND (entered_at IS NOT NULL OR full_at IS NOT NULL)"
        ),
        vals![room, int(after), int(upto)],
    )
    .await
}

/// Those of these holders whose visits go on.
pub(in crate::waiting_room) async fn inside(
    c: &mut Conn,
    holders: &[String],
) -> Result<Vec<String>, DbError> {
    c.scalars(
        sql!(
            "SELECT holder FROM waiting_places WHERE holder IN (SELECT value FROM list($1)) \
             AND left_at IS NULL ORDER BY id"
        ),
        vals![Val::texts(holders)],
    )
    .await
}

/// Ends the visits of these holders; gives the room of each that was inside.
pub(in crate::waiting_room) async fn leave(
    c: &mut Conn,
    holders: &[String],
    now: Timestamp,
) -> Result<Vec<WaitingRoomId>, DbError> {
    c.scalars(
        sql!(
            "UPDATE waiting_places SET left_at = $2 WHERE holder IN (SELECT value FROM list($1)) \
             AND left_at IS NULL RETURNING room_id"
        ),
        vals![Val::texts(holders), now],
    )
    .await
}

/// Takes a visit back whose pass is still good, so that it can be used for another choice; gives its
/// room, and whether it counts as not having come.
pub(in crate::waiting_room) async fn take_back(
    c: &mut Conn,
    holder: &str,
    now: Timestamp,
) -> Result<Option<(WaitingRoomId, bool)>, DbError> {
    c.opt(
        sql!(
            "UPDATE waiting_places SET entered_at = NULL, holder = NULL WHERE holder = $1 AND left_at IS NULL \
             AND pass_until_at > $2 AND (full_at IS NOT NULL OR number > (SELECT r.lapsed FROM waiting_rooms r \
             WHERE r.id = waiting_places.room_id)) RETURNING room_id, full_at IS NULL AS not_come"
        ),
        vals![holder, now],
    )
    .await
}

/// Lets a visit go on under another name.
pub(in crate::waiting_room) async fn rename(
    c: &mut Conn,
    names: &[(String, String)],
) -> Result<(), DbError> {
    c.update_many(
        sql!("UPDATE waiting_places SET holder = $2 WHERE holder = $1"),
        names.iter().map(|(from, to)| vals![from, to]).collect(),
    )
    .await?;
    Ok(())
}
