//! What a node keeps of rooms: nothing that it could not read again.
//!
//! A room is read at most once a second, however many ask. Whoever finds it old reads it while the
//! others are answered with what there is, and when the database does not answer, so are all: the page
//! and everybody's number stay.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::DbError;
use tokio::sync::OnceCell;

use super::super::model::*;
use super::super::store;
use crate::app::App;
use crate::catalog::{self, CatalogError, EventDetail, EventId, EventState};

/// How long a room is kept, in milliseconds.
const KEPT_MS: i64 = 1_000;
/// How many rooms, or events without one, are kept.
const MOST: usize = 1_000;
/// How many lines are kept.
const MOST_LINES: usize = 50;
/// How many bytes of rosters are kept: two of the largest rooms.
const MOST_ROSTER_BYTES: usize = 80_000_000;
/// Over how many seconds the pace is told.
const LATELY_SECONDS: u64 = 60;

/// A room as it was a moment ago.
#[derive(Debug)]
pub struct RoomNow {
    pub(in crate::waiting_room) row: RoomRow,
    pub(in crate::waiting_room) key: RoomKey,
    pub(in crate::waiting_room) calls: Calls,
    line: Option<Arc<Line>>,
    /// The notice as JSON.
    pub(crate) notice: Bytes,
    /// What caches are told of it.
    pub(crate) cache_control: &'static str,
    /// The last part of the address of the event's page.
    pub(crate) slug: String,
    /// The page of its waitlist, if everything is sold and one can wait for it.
    pub(crate) waitlist: Option<String>,
    at: Timestamp,
}

impl RoomNow {
    /// The number of a place, if it has one yet.
    pub(in crate::waiting_room) fn number_of(&self, token: &PlaceToken) -> Option<u64> {
        if token.number > 0 {
            return Some(token.number);
        }
        self.line.as_ref()?.number_of(token.place)
    }

    /// How it stands for somebody who waits with this number.
    pub(in crate::waiting_room) fn waiting(&self, number: u64) -> Option<InLine> {
        let lately = self.calls.lately(self.at, LATELY_SECONDS);
        InLine::waiting(number, self.row.called, lately, LATELY_SECONDS)
    }
}

#[derive(Clone)]
struct Kept {
    read_at: Timestamp,
    room: Option<Arc<RoomNow>>,
}

/// The rooms that a node keeps.
#[derive(Default)]
pub struct Rooms {
    kept: Mutex<HashMap<EventId, Kept>>,
    /// Locked while one is drawn, so that a node draws once.
    lines: tokio::sync::Mutex<HashMap<WaitingRoomId, Arc<Line>>>,
    /// The rosters as texts, each written once by whoever asks first while the others wait for it.
    rosters: Mutex<HashMap<WaitingRoomId, Arc<OnceCell<Bytes>>>>,
}

/// What is kept of an event.
enum Look {
    Fresh(Option<Arc<RoomNow>>),
    /// Old: whoever is told so reads it anew, the others are told that it is fresh.
    Old(Option<Arc<RoomNow>>),
    Nothing,
}

impl Rooms {
    fn kept(&self) -> MutexGuard<'_, HashMap<EventId, Kept>> {
        // Nothing panics while it is locked.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, event: EventId, now: Timestamp) -> Look {
        let mut kept = self.kept();
        let Some(found) = kept.get_mut(&event) else {
            return Look::Nothing;
        };
        let age = now.ms() - found.read_at.ms();
        if (0..KEPT_MS).contains(&age) {
            return Look::Fresh(found.room.clone());
        }
        found.read_at = now;
        Look::Old(found.room.clone())
    }

    fn put(&self, event: EventId, room: Option<Arc<RoomNow>>, now: Timestamp) {
        let mut kept = self.kept();
        if kept.len() >= MOST {
            kept.retain(|_, one| one.room.is_some() && now.ms() - one.read_at.ms() < 60_000);
        }
        let read_at = now;
        kept.insert(event, Kept { read_at, room });
    }

    /// Where the roster of a room is kept, or will be.
    fn roster(&self, room: WaitingRoomId) -> Arc<OnceCell<Bytes>> {
        // Nothing panics while it is locked.
        let mut rosters = self.rosters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = rosters.get(&room) {
            return Arc::clone(found);
        }
        let written = rosters.values().filter_map(|roster| roster.get());
        let bytes: usize = written.map(Bytes::len).sum();
        if rosters.len() >= MOST_LINES || bytes > MOST_ROSTER_BYTES {
            rosters.clear();
        }
        Arc::clone(rosters.entry(room).or_default())
    }

    /// Lets the next who asks read it anew; until that is done, what was kept is there for all others, and
    /// if the database goes away just now.
    pub(in crate::waiting_room) fn forget(&self, event: EventId) {
        if let Some(found) = self.kept().get_mut(&event) {
            found.read_at = Timestamp::from_ms(0);
        }
    }
}

/// An event's newest room, at most a second old; as old as it must be while the database is away.
///
/// # Errors
/// A fault of the database, if nothing is kept.
pub(in crate::waiting_room) async fn current(
    app: &App,
    event: EventId,
) -> Result<Option<Arc<RoomNow>>, DbError> {
    let now = app.now();
    let old = match app.rooms.look(event, now) {
        Look::Fresh(room) => return Ok(room),
        Look::Old(room) => room,
        Look::Nothing => None,
    };
    match load(app, event, now).await {
        Ok(room) => {
            app.rooms.put(event, room.clone(), now);
            Ok(room)
        }
        Err(error) if old.is_some() => {
            tracing::warn!(%error, %event, "a waiting room is shown as it was");
            Ok(old)
        }
        Err(error) => Err(error),
    }
}

async fn load(app: &App, event: EventId, now: Timestamp) -> Result<Option<Arc<RoomNow>>, DbError> {
    let found = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let Some(row) = store::newest(c, event).await? else {
                    return Ok::<_, DbError>(None);
                };
                let calls = store::calls(c, row.id).await?;
                Ok(Some((row, calls)))
            })
        })
        .await?;
    let Some((row, calls)) = found else {
        return Ok(None);
    };
    let offer = match catalog::offer(app, event).await {
        Ok(offer) => offer,
        Err(CatalogError::Db(error)) => return Err(error),
        Err(_) => return Ok(None),
    };
    if offer.event.state == EventState::Draft {
        return Ok(None);
    }
    let line = line(app, &row).await?;
    let calls = Calls::of(row.lapsed, calls);
    let notice = notice(&row, &calls, now);
    let json = serde_json::to_vec(&notice).map_err(|error| DbError::Fault {
        at: "waiting_room::notice",
        detail: error.to_string(),
    })?;
    Ok(Some(Arc::new(RoomNow {
        key: RoomKey::of(&app.vault, row.id),
        line,
        cache_control: notice.cache_control(now),
        notice: Bytes::from(json),
        slug: offer.event.slug.clone(),
        waitlist: row.sold_out_at.and_then(|_| waitlist(&offer, now)),
        at: now,
        calls,
        row,
    })))
}

/// The page where one waits for what comes back of an event; none if nothing of it is sold any more.
fn waitlist(offer: &EventDetail, now: Timestamp) -> Option<String> {
    let mut shown = offer.tiers.iter().filter(|tier| !tier.hidden);
    shown
        .any(|tier| offer.off_sale(tier, now).is_none())
        .then(|| format!("/e/{}/waitlist", offer.event.slug))
}

fn notice(row: &RoomRow, calls: &Calls, now: Timestamp) -> Notice {
    Notice {
        room: row.id,
        state: row.state,
        opens_at: row.opens_at,
        commitment: hex(&row.commitment),
        beacon: row.beacon.clone(),
        roster: row.roster_hash.as_ref().map(|hash| hex(hash)),
        seed: row.seed.as_ref().map(|seed| hex(seed)),
        beacon_value: row.beacon_value.as_deref().map(hex),
        drawn: row.drawn,
        called: row.called,
        sold_out_at: row.sold_out_at,
        lately: calls.lately(now, LATELY_SECONDS),
        lately_seconds: LATELY_SECONDS,
        spread_ms: spread_ms(row.drawn),
        at: now,
    }
}

/// The line of a room, drawn once by each node, if its seed is revealed.
async fn line(app: &App, row: &RoomRow) -> Result<Option<Arc<Line>>, DbError> {
    let Some(seed) = row.seed else {
        return Ok(None);
    };
    if row.state == RoomState::Ended {
        return Ok(None);
    }
    let (room, drawn) = (row.id, row.drawn);
    let mut lines = app.rooms.lines.lock().await;
    if let Some(line) = lines.get(&room) {
        return Ok(Some(Arc::clone(line)));
    }
    let ids = app
        .db
        .read_long(move |c| Box::pin(async move { store::places::drawn(c, room, drawn).await }))
        .await?;
    let beacon = row.beacon_value.clone().unwrap_or_default();
    let key = DrawKey::new(&Seed::from_bytes(seed), &beacon);
    let line = Arc::new(Line::draw(key, ids));
    if lines.len() >= MOST_LINES {
        lines.clear();
    }
    lines.insert(room, Arc::clone(&line));
    Ok(Some(line))
}

/// The places that took part in the draw of a room whose seed is revealed, one a line, written once by each
/// node: they do not change any more.
pub(super) async fn roster_of(
    app: &App,
    room: WaitingRoomId,
    drawn: u64,
) -> Result<Bytes, DbError> {
    let kept = app.rooms.roster(room);
    let text = kept
        .get_or_try_init(|| async move {
            let ids = app
                .db
                .read_long(move |c| {
                    Box::pin(async move { store::places::drawn(c, room, drawn).await })
                })
                .await?;
            let mut text = String::new();
            for id in ids {
                text.push_str(&id.to_string());
                text.push('\n');
            }
            text.shrink_to_fit();
            Ok::<_, DbError>(Bytes::from(text))
        })
        .await?;
    Ok(text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(number: u8) -> WaitingRoomId {
        WaitingRoomId::from_bytes([number; 16])
    }

    #[test]
    fn a_roster_is_one_for_all_and_only_so_many_are_kept() {
        let rooms = Rooms::default();
        let first = rooms.roster(room(1));
        assert!(Arc::ptr_eq(&first, &rooms.roster(room(1))));
        for number in 2..=u8::try_from(MOST_LINES).unwrap() + 1 {
            rooms.roster(room(number));
        }
        assert!(rooms.rosters.lock().unwrap().len() <= MOST_LINES);
        assert!(!Arc::ptr_eq(&first, &rooms.roster(room(1))));
    }

    #[test]
    fn large_rosters_make_room_for_others() {
        let rooms = Rooms::default();
        let first = rooms.roster(room(1));
        first
            .set(Bytes::from(vec![b'x'; MOST_ROSTER_BYTES + 1]))
            .unwrap();
        assert!(Arc::ptr_eq(&first, &rooms.roster(room(1))));
        rooms.roster(room(2));
        assert_eq!(rooms.rosters.lock().unwrap().len(), 1);
    }
}
