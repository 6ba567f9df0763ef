//! Turns: how it stands for somebody, the pass of whoever is called, and coming in.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};

use super::super::model::*;
use super::super::store::{self, places};
use super::kept::{RoomNow, current};
use super::{EnterRefusal, PASSES, WAITED, WaitingError};
use crate::app::App;
use crate::catalog::EventId;

/// What somebody shows who waits, or whose turn it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassShown {
    /// The secret of their place.
    pub place: Option<String>,
    /// Their pass.
    pub pass: Option<String>,
}

/// How somebody comes to what is on sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Nobody has to wait.
    Free,
    /// By a pass that is good unless it was used.
    Pass {
        /// The room that it is of.
        room: WaitingRoomId,
        /// The place that was called.
        place: PlaceId,
        /// The how-manieth pass of the place it is.
        serial: u64,
    },
}

/// Reads the place that somebody shows.
pub(super) fn read_token(room: &RoomNow, text: Option<&str>) -> Result<PlaceToken, WaitingError> {
    let text = text.ok_or(WaitingError::NoPlace)?;
    PlaceToken::read(&room.key, room.row.id, text).map_err(WaitingError::PlaceRefused)
}

/// How it stands for whoever shows this place.
///
/// # Errors
/// [`WaitingError::NotFound`], [`WaitingError::NoPlace`], [`WaitingError::PlaceRefused`], or a fault of
/// the database if nothing is kept.
pub async fn standing(
    app: &App,
    event: EventId,
    place: Option<&str>,
) -> Result<WaitingStanding, WaitingError> {
    let room = current(app, event).await?.ok_or(WaitingError::NotFound)?;
    let token = read_token(&room, place)?;
    Ok(standing_of(app, &room, &token).await)
}

/// How it stands for a place; from what is kept, but for those who are called.
pub(super) async fn standing_of(app: &App, room: &RoomNow, token: &PlaceToken) -> WaitingStanding {
    let now = app.now();
    let (number, id) = (room.number_of(token), room.row.id);
    let line = match room.row.state {
        RoomState::Gathering => InLine::Gathering {
            opens_at: room.row.opens_at,
        },
        RoomState::Drawing => InLine::Drawing,
        RoomState::Open => InLine::Open,
        RoomState::Ended => InLine::Ended,
        RoomState::Calling => match number.map(|number| (number, room.waiting(number))) {
            // Only who joined a moment ago, by another node.
            None => InLine::Drawing,
            Some((_, Some(_))) if room.row.sold_out_at.is_some() => InLine::SoldOut,
            Some((_, Some(waiting))) => waiting,
            Some((number, None)) => {
                let place = token.place;
                let row = app
                    .db
                    .read(move |c| Box::pin(async move { places::place(c, id, place).await }))
                    .await;
                // While the database is away, what is kept must do.
                // While everything is sold nobody's time passes.
                let sold_out_at = room.row.sold_out_at;
                let at = sold_out_at.unwrap_or(now);
                let line = called(room, number, row.ok().flatten(), at);
                let is_called = matches!(line, InLine::Called { .. });
                if is_called && sold_out_at.is_some() {
                    InLine::SoldOut
                } else {
                    line
                }
            }
        },
    };
    let mut standing = WaitingStanding::of(token.place, number, &line, now);
    if matches!(line, InLine::SoldOut | InLine::Missed | InLine::Ended) {
        standing.waitlist.clone_from(&room.waitlist);
    }
    standing
}

/// How it stands for a number that was called.
fn called(room: &RoomNow, number: u64, row: Option<PlaceRow>, now: Timestamp) -> InLine {
    let given = row.and_then(|row| row.pass_until_at);
    if let Some(row) = row {
        if row.left_at.is_some() {
            return if row.entered_at.is_some() {
                InLine::Left
            } else {
                InLine::Missed
            };
        }
        if row.entered_at.is_some() {
            return InLine::Entered;
        }
    }
    match room.calls.until(number).max(given) {
        Some(until) if until > now => InLine::Called { until },
        Some(_) | None => InLine::Missed,
    }
}

/// Gives whoever is called their pass; the one before is not good any more.
///
/// # Errors
/// [`WaitingError`] by why there is none.
pub async fn claim(
    app: &App,
    event: EventId,
    place: Option<&str>,
) -> Result<WaitingPass, WaitingError> {
    let room = current(app, event).await?.ok_or(WaitingError::NotFound)?;
    let token = read_token(&room, place)?;
    match room.row.state {
        RoomState::Calling => {}
        RoomState::Gathering | RoomState::Drawing => return Err(WaitingError::NotCalled),
        RoomState::Open => return Err(WaitingError::NotNeeded),
        RoomState::Ended => return Err(WaitingError::Over),
    }
    let number = room.number_of(&token).ok_or(WaitingError::NotCalled)?;
    if number > room.row.called {
        return Err(WaitingError::NotCalled);
    }
    if room.row.sold_out_at.is_some() {
        return Err(WaitingError::SoldOut);
    }
    let now = app.now();
    let until = room.calls.until(number).unwrap_or(Timestamp::from_ms(0));
    let (id, revealed_at) = (room.row.id, room.row.revealed_at);
    let given = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let given = places::give_pass(c, token.place, number, now, until).await?;
                if let Some((serial, until)) = given {
                    c.after_commit(move || {
                        PASSES.add(&[("outcome", "given")], 1);
                        if serial == 1 {
                            WAITED.time(&[], now.since(revealed_at.unwrap_or(now)));
                        }
                    });
                    return Ok((serial, until));
                }
                let row = places::place(c, id, token.place).await?;
                let row = row.ok_or(WaitingError::NoPlace)?;
                Err(if row.entered_at.is_some() {
                    WaitingError::Used
                } else {
                    WaitingError::Missed
                })
            })
        })
        .await;
    let (serial, until) = given?;
    let pass = Pass {
        event,
        room: id,
        place: token.place,
        visitor: Visitor::of_cookie(place.unwrap_or_default()),
        serial,
        from: now,
        until,
    };
    Ok(WaitingPass {
        pass: pass.sign(&room.key),
        until,
    })
}

/// Whether somebody may come to what is on sale, by what they show: from what is kept and without the
/// database. Whether a pass was used, and whether there is room inside, is for [`enter`] to say.
///
/// # Errors
/// A fault of the database, if nothing is kept.
pub async fn gate(
    app: &App,
    event: EventId,
    shown: &PassShown,
) -> Result<Result<Gate, EnterRefusal>, DbError> {
    let Some(room) = current(app, event).await? else {
        return Ok(Ok(Gate::Free));
    };
    match room.row.state {
        RoomState::Gathering | RoomState::Drawing | RoomState::Calling => {}
        RoomState::Open | RoomState::Ended => return Ok(Ok(Gate::Free)),
    }
    let checked = match (&shown.pass, &shown.place) {
        (Some(pass), Some(place)) => {
            let visitor = Visitor::of_cookie(place);
            Pass::check(&room.key, pass, event, room.row.id, visitor, app.now())
                .map_err(EnterRefusal::Pass)
        }
        (Some(_), None) => Err(EnterRefusal::Pass(PassRefusal::OtherVisitor)),
        (None, _) => Err(EnterRefusal::NoPass),
    };
    if let Err(refusal) = &checked {
        PASSES.add(&[("outcome", refusal.word())], 1);
    }
    Ok(checked.map(|pass| Gate::Pass {
        room: pass.room,
        place: pass.place,
        serial: pass.serial,
    }))
}

/// Lets somebody in, inside the write that makes what they come for (`holder`, the id of a hold): all, or
/// nothing. Call it last in the write: its rows are locked after those of the stock.
///
/// # Errors
/// A fault of the database; inside, why they may not come in.
pub async fn enter(
    c: &mut Conn,
    gate: &Gate,
    holder: impl ToString,
    now: Timestamp,
) -> Result<Result<(), EnterRefusal>, DbError> {
    let Gate::Pass {
        room,
        place,
        serial,
    } = *gate
    else {
        return Ok(Ok(()));
    };
    let holder = holder.to_string();
    let Some(was_full) = places::enter(c, place, serial, &holder, now).await? else {
        PASSES.add(&[("outcome", EnterRefusal::Used.word())], 1);
        return Ok(Err(EnterRefusal::Used));
    };
    if store::enter(c, room, i64::from(!was_full)).await? {
        c.after_commit(|| PASSES.add(&[("outcome", "used")], 1));
        return Ok(Ok(()));
    }
    // The pass stays good, whatever becomes of this write.
    places::not_entered(c, place).await?;
    let state = store::room(c, room).await?.map(|row| row.state);
    match state {
        Some(RoomState::Gathering | RoomState::Drawing | RoomState::Calling) => {
            PASSES.add(&[("outcome", EnterRefusal::Full.word())], 1);
            Ok(Err(EnterRefusal::Full))
        }
        // Nobody has to wait any more.
        Some(RoomState::Open | RoomState::Ended) | None => Ok(Ok(())),
    }
}

/// Keeps the turn of somebody who found the house full: their pass is good for as long again.
///
/// # Errors
/// A fault of the database.
pub async fn wait_at_door(app: &App, gate: &Gate) -> Result<(), DbError> {
    let Gate::Pass {
        room,
        place,
        serial,
    } = *gate
    else {
        return Ok(());
    };
    let now = app.now();
    let until = Timestamp::from_ms(now.ms().saturating_add(PASS_MS));
    app.db
        .write(move |c| {
            Box::pin(async move {
                if places::wait_at_door(c, place, serial, now, until).await? {
                    store::count_come(c, room).await?;
                }
                Ok(())
            })
        })
        .await
}

/// Ends visits, inside the write that ends what they were for: holds that expired, orders that were paid
/// or given up. Of what nobody waited for, and doing it again, changes nothing. Call it last in the
/// write.
///
/// # Errors
/// A fault of the database.
pub async fn leave(c: &mut Conn, holders: &[String], now: Timestamp) -> Result<(), DbError> {
    if holders.is_empty() {
        return Ok(());
    }
    let mut rooms = places::leave(c, holders, now).await?;
    rooms.sort_unstable();
    for group in rooms.chunk_by(|a, b| a == b) {
        if let Some(room) = group.first() {
            let count = i64::try_from(group.len()).unwrap_or(i64::MAX);
            store::leave(c, *room, count, 0).await?;
        }
    }
    Ok(())
}

/// Ends the visits of those who gave up what they had chosen: while their pass is good they may choose
/// again by it, otherwise they have left. Of what nobody waited for changes nothing.
///
/// # Errors
/// A fault of the database.
pub async fn choose_again(c: &mut Conn, holders: &[String], now: Timestamp) -> Result<(), DbError> {
    if holders.is_empty() {
        return Ok(());
    }
    for holder in places::inside(c, holders).await? {
        match places::take_back(c, &holder, now).await? {
            Some((room, not_come)) => store::leave(c, room, 1, i64::from(not_come)).await?,
            None => leave(c, &[holder], now).await?,
        }
    }
    Ok(())
}

/// Lets visits go on for the orders that holds have become (hold and order).
///
/// # Errors
/// A fault of the database.
pub async fn rename(c: &mut Conn, names: &[(String, String)]) -> Result<(), DbError> {
    places::rename(c, names).await
}

/// Drops everything about an event that is being deleted.
pub(crate) async fn on_event_deleted(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    store::delete_of_event(c, event).await
}
