//! What everybody may know of a waiting room.

use std::sync::Arc;

use axum::body::Bytes;
use bilten_kernel::db::DbError;

use super::super::model::*;
use super::super::store::places;
use super::WaitingError;
use super::kept::{RoomNow, current, roster_of};
use crate::app::App;
use crate::catalog::EventId;

/// An event's room as everybody may see it, at most a second old.
///
/// # Errors
/// [`WaitingError::NotFound`], or a fault of the database if nothing is kept.
pub async fn shown_room(app: &App, event: EventId) -> Result<Arc<RoomNow>, WaitingError> {
    current(app, event).await?.ok_or(WaitingError::NotFound)
}

/// What anybody needs to check the draw of an event's room.
///
/// # Errors
/// As [`shown_room`].
pub async fn proof(app: &App, event: EventId) -> Result<WaitingRoomProof, WaitingError> {
    Ok(WaitingRoomProof::from(&shown_room(app, event).await?.row))
}

/// Whether people wait for an event: without a pass nothing of it can be had.
///
/// # Errors
/// A fault of the database if nothing is kept.
pub async fn is_waiting(app: &App, event: EventId) -> Result<bool, DbError> {
    let room = current(app, event).await?;
    Ok(room.is_some_and(|room| {
        matches!(
            room.row.state,
            RoomState::Gathering | RoomState::Drawing | RoomState::Calling
        )
    }))
}

/// A page of the places that took part in the draw, by their ids; they are published with the seed.
///
/// # Errors
/// [`WaitingError::NotFound`], [`WaitingError::NotDrawn`], or a fault of the database.
pub async fn roster(
    app: &App,
    event: EventId,
    after: Option<PlaceId>,
    limit: i64,
) -> Result<Vec<RosterPlace>, WaitingError> {
    let (room, drawn) = drawn(app, event).await?;
    let ids = app
        .db
        .read(move |c| {
            Box::pin(async move { places::drawn_after(c, room, drawn, after, limit).await })
        })
        .await?;
    Ok(ids.into_iter().map(|id| RosterPlace { id }).collect())
}

/// The tag by which caches know the text of a room's roster again: its published hash.
///
/// # Errors
/// [`WaitingError::NotDrawn`].
pub fn roster_tag(room: &RoomNow) -> Result<String, WaitingError> {
    let hash = room.row.seed.and(room.row.roster_hash);
    Ok(hex(&hash.ok_or(WaitingError::NotDrawn)?))
}

/// All places that took part in the draw of a room, one a line.
///
/// # Errors
/// [`WaitingError::NotDrawn`], or a fault of the database.
pub async fn roster_text(app: &App, room: &RoomNow) -> Result<Bytes, WaitingError> {
    if room.row.seed.is_none() {
        return Err(WaitingError::NotDrawn);
    }
    Ok(roster_of(app, room.row.id, room.row.drawn).await?)
}

async fn drawn(app: &App, event: EventId) -> Result<(WaitingRoomId, u64), WaitingError> {
    let room = shown_room(app, event).await?;
    if room.row.seed.is_none() {
        return Err(WaitingError::NotDrawn);
    }
    Ok((room.row.id, room.row.drawn))
}
