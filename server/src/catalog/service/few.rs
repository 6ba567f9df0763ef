//! Events for those who need few of their dates: a series has thousands, a ticket is for one.

use std::collections::BTreeSet;
use std::sync::Arc;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};

use crate::app::App;
use crate::catalog::dates::store as dates;
use crate::catalog::model::*;
use crate::catalog::store;

/// An event as it is now with these dates, its tiers and its pools, inside a read or write that is under way:
/// what is kept of it if that is of this version.
///
/// What is read anew has no other dates but those that say when it opens and ends: with it it can be said what
/// tickets are for and when they are valid, not what is on sale or when it is open. Nor has it what it says of
/// prices besides its tiers.
///
/// # Errors
/// A fault of the database.
pub async fn offer_with_dates_in(
    app: &App,
    c: &mut Conn,
    id: EventId,
    wanted: &BTreeSet<OccurrenceId>,
) -> Result<Option<Arc<EventDetail>>, DbError> {
    let Some(version) = store::version(c, id).await? else {
        return Ok(None);
    };
    if let Some(kept) = app.offers.at_version(id, version, app.now()) {
        return Ok(Some(kept));
    }
    let Some(event) = store::event(c, id).await? else {
        return Ok(None);
    };
    let found = dates::with_span(c, id, Val::texts(wanted)).await?;
    Ok(Some(Arc::new(with_tiers(c, event, found).await?)))
}

/// An event as it is now with its tiers and its pools and without any date, inside a read or write that is
/// under way: for those who ask what it and its tiers are, not when.
///
/// # Errors
/// A fault of the database.
pub async fn offer_without_dates_in(
    c: &mut Conn,
    id: EventId,
) -> Result<Option<EventDetail>, DbError> {
    match store::event(c, id).await? {
        Some(event) => Ok(Some(with_tiers(c, event, Vec::new()).await?)),
        None => Ok(None),
    }
}

async fn with_tiers(
    c: &mut Conn,
    event: Event,
    dates: Vec<Occurrence>,
) -> Result<EventDetail, DbError> {
    let tiers = store::tiers(c, event.id).await?;
    let pools = crate::catalog::offers::pools_in(c, event.id).await?;
    Ok(EventDetail::new(event, dates, tiers, pools))
}

/// The tiers of an event by number, inside a read or write that is under way.
///
/// # Errors
/// A fault of the database.
pub async fn tiers_in(c: &mut Conn, event: EventId) -> Result<Vec<Tier>, DbError> {
    store::tiers(c, event).await
}

/// When doors open, inside a read or write that is under way: those of a date, if it is one of the event; else
/// the first ones within `[from, until)` of the dates that take place. None if there are no such doors.
///
/// # Errors
/// A fault of the database.
pub async fn doors_in(
    c: &mut Conn,
    event: EventId,
    date: Option<OccurrenceId>,
    within: (Timestamp, Timestamp),
) -> Result<Option<Timestamp>, DbError> {
    if let Some(date) = date
        && let Some(doors) = dates::doors_of_date(c, event, date).await?
    {
        return Ok(Some(doors));
    }
    dates::first_doors(c, event, within).await
}
