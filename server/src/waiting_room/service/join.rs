//! Getting a place: a lane for each room, so that a hundred thousand who come at once are a few hundred
//! writes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, Db, DbError};
use bilten_kernel::lane::Lanes;

use super::super::model::*;
use super::super::store::places::{self, Count, NewPlace};
use super::kept::{RoomNow, current};
use super::turns::standing_of;
use super::{JOINS, WaitingError};
use crate::app::App;
use crate::catalog::EventId;
use crate::identity::UserId;

/// The lanes through which places are given, one for each room; each gives the number of the place, or 0
/// if the draw says it.
pub type JoinLanes = Lanes<WaitingRoomId, Join, u64, WaitingError>;

/// Somebody who comes.
#[derive(Clone, Debug)]
pub struct Joiner {
    /// The place that they have, as they show it.
    pub place: Option<String>,
    /// Who they are, if they are signed in.
    pub account: Option<UserId>,
    /// By what their browser or app is known, if it is.
    pub device: Option<String>,
    /// From where they come.
    pub address: IpAddr,
}

/// A place to be given.
#[derive(Clone, Debug)]
pub struct Join {
    room: WaitingRoomId,
    place: PlaceId,
    keys: Vec<JoinKey>,
    limits: JoinLimits,
    /// The place whose turn was missed, and that this one is for.
    instead_of: Option<PlaceId>,
    at: Timestamp,
}

/// Gives somebody a place, or the one that they have; says whether it is new.
///
/// # Errors
/// [`WaitingError`] by why there is none.
pub async fn join(
    app: &App,
    event: EventId,
    who: Joiner,
) -> Result<(WaitingPlace, bool), WaitingError> {
    let room = current(app, event).await?.ok_or(WaitingError::NotFound)?;
    let mut instead_of = None;
    // Whoever shows a place that is none gets a new one, as if they had shown nothing.
    let shown = who.place.as_deref().and_then(|text| {
        let token = PlaceToken::read(&room.key, room.row.id, text).ok()?;
        Some((text, token))
    });
    if let Some((text, token)) = shown {
        let standing = standing_of(app, &room, &token).await;
        if standing.state != StandingState::Missed {
            JOINS.add(&[("outcome", "known")], 1);
            let place = WaitingPlace {
                id: token.place,
                token: text.to_owned(),
                standing,
            };
            return Ok((place, false));
        }
        instead_of = Some(token.place);
    }
    match room.row.state.joining() {
        Joining::Draw | Joining::Behind => {}
        Joining::Shortly => return Err(WaitingError::Drawing),
        Joining::NotNeeded => return Err(WaitingError::NotNeeded),
        Joining::Over => return Err(WaitingError::Over),
    }
    let limits = room.row.policy.0.limits;
    if limits.lacks_account(who.account) {
        return Err(WaitingError::AccountNeeded);
    }
    let device = who.device.unwrap_or_default();
    let mut keys = JoinKey::of(&app.vault, room.row.id, who.account, &device, who.address);
    // What is not known yet cannot have a place already.
    keys.retain(|key| key.kind != JoinKind::Device || !device.is_empty());
    let join = Join {
        room: room.row.id,
        place: PlaceId::new(&*app.clock, &*app.random),
        keys,
        limits,
        instead_of,
        at: app.now(),
    };
    let place = join.place;
    let number = match app.joins.submit(room.row.id, join).await {
        Ok(number) => number,
        Err(error) => {
            if matches!(error, WaitingError::Drawing) {
                app.rooms.forget(event);
            }
            return Err(error);
        }
    };
    Ok((new_place(&room, place, number, app.now()), true))
}

fn new_place(room: &RoomNow, place: PlaceId, number: u64, now: Timestamp) -> WaitingPlace {
    let token = PlaceToken {
        room: room.row.id,
        place,
        number,
    };
    let line = if number == 0 {
        InLine::Gathering {
            opens_at: room.row.opens_at,
        }
    } else if room.row.sold_out_at.is_some() {
        InLine::SoldOut
    } else {
        // Whoever is called already is so by a step that this node has not read yet.
        room.waiting(number).unwrap_or(InLine::Drawing)
    };
    let mut standing = WaitingStanding::of(place, (number > 0).then_some(number), &line, now);
    if line == InLine::SoldOut {
        standing.waitlist.clone_from(&room.waitlist);
    }
    WaitingPlace {
        id: place,
        token: token.sign(&room.key),
        standing,
    }
}

/// The lanes of places.
pub fn join_lanes(db: Db) -> JoinLanes {
    Lanes::new(db, move |c: &mut Conn, batch: Vec<Join>| {
        Box::pin(async move { join_batch(c, batch).await })
    })
}

/// Gives places inside a write, to all who may have one.
async fn join_batch(
    c: &mut Conn,
    batch: Vec<Join>,
) -> Result<Vec<Result<u64, WaitingError>>, WaitingError> {
    let Some(room) = batch.first().map(|join| join.room) else {
        return Ok(Vec::new());
    };
    let state = places::lock_state(c, room).await?;
    let refused = match state.map(RoomState::joining) {
        Some(Joining::Draw | Joining::Behind) => None,
        Some(Joining::Shortly) => Some(WaitingError::Drawing),
        Some(Joining::NotNeeded) => Some(WaitingError::NotNeeded),
        Some(Joining::Over) => Some(WaitingError::Over),
        None => Some(WaitingError::NotFound),
    };
    if let Some(refused) = refused {
        return Ok(batch.iter().map(|_| Err(refused.clone())).collect());
    }
    let admitted = count(c, room, &batch).await?;
    let added = admitted.iter().filter(|one| one.is_ok()).count() as u64;
    let mut next = 0;
    if added > 0 {
        let all = places::add(c, room, added).await?;
        let all = all.ok_or(WaitingError::Drawing)?;
        if state == Some(RoomState::Calling) {
            next = all - added + 1;
        }
    }
    let (mut answers, mut new) = (Vec::with_capacity(batch.len()), Vec::new());
    for (join, admitted) in batch.iter().zip(admitted) {
        answers.push(admitted.map(|()| {
            let number = next;
            next += u64::from(next > 0);
            new.push(NewPlace {
                id: join.place,
                number: (number > 0).then_some(number),
                joined_at: join.at,
            });
            number
        }));
    }
    places::insert(c, room, &new).await?;
    c.after_commit(move || JOINS.add(&[("outcome", "new")], added));
    Ok(answers)
}

/// Who may have a place, and counts it.
async fn count(
    c: &mut Conn,
    room: WaitingRoomId,
    batch: &[Join],
) -> Result<Vec<Result<(), WaitingError>>, DbError> {
    let mut counted = Vec::with_capacity(batch.len());
    for join in batch {
        // What was counted for the place that was missed counts for the new one.
        counted.push(match join.instead_of {
            Some(missed) => places::give_up(c, room, missed, join.at).await?,
            None => false,
        });
    }
    let fresh: Vec<&Join> = batch
        .iter()
        .zip(&counted)
        .filter(|(_, counted)| !**counted)
        .map(|(join, _)| join)
        .collect();
    if count_all(c, room, &fresh).await? {
        return Ok(batch.iter().map(|_| Ok(())).collect());
    }
    // Not enough for all: first come, first served.
    let mut answers = Vec::with_capacity(batch.len());
    for (join, counted) in batch.iter().zip(counted) {
        answers.push(if counted {
            Ok(())
        } else {
            count_one(c, room, join).await?
        });
    }
    Ok(answers)
}

/// Counts all of them, or none.
async fn count_all(c: &mut Conn, room: WaitingRoomId, batch: &[&Join]) -> Result<bool, DbError> {
    let mut sums: BTreeMap<JoinKey, (u32, u32)> = BTreeMap::new();
    for join in batch {
        for key in &join.keys {
            let sum = sums.entry(*key).or_insert((0, join.limits.most(key.kind)));
            sum.0 += 1;
        }
    }
    if sums.values().any(|(places, most)| places > most) {
        return Ok(false);
    }
    let counts: Vec<Count> = sums
        .iter()
        .map(|(key, (places, most))| Count {
            key: *key,
            places: *places,
            most: *most,
        })
        .collect();
    let done = places::count_many(c, room, &counts).await?;
    if done.len() == counts.len() {
        return Ok(true);
    }
    let back: Vec<(JoinKey, u32)> = done
        .into_iter()
        .map(|key| (key, sums.get(&key).map_or(0, |(places, _)| *places)))
        .collect();
    places::uncount(c, room, &back).await?;
    Ok(false)
}

async fn count_one(
    c: &mut Conn,
    room: WaitingRoomId,
    join: &Join,
) -> Result<Result<(), WaitingError>, DbError> {
    let mut back = Vec::new();
    for key in &join.keys {
        let one = Count {
            key: *key,
            places: 1,
            most: join.limits.most(key.kind),
        };
        if places::count_many(c, room, &[one]).await?.is_empty() {
            places::uncount(c, room, &back).await?;
            let kind = key.kind;
            c.after_commit(move || JOINS.add(&[("outcome", kind.as_str())], 1));
            return Ok(Err(WaitingError::NoMorePlaces(kind)));
        }
        back.push((*key, 1));
    }
    Ok(Ok(()))
}
