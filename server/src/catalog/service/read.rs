//! Reading the catalogue.

use std::collections::BTreeSet;
use std::sync::Arc;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::http::Place;

use super::{CatalogError, fresh_offer, offer};
use crate::app::App;
use crate::catalog::model::*;
use crate::catalog::{store, venues};
use crate::identity::{OrganisationId, Tenant};

/// An event with its dates and tiers, inside a read or write that is under way.
///
/// # Errors
/// A fault of the database.
pub async fn detail_in(c: &mut Conn, id: EventId) -> Result<Option<EventDetail>, DbError> {
    let Some(event) = store::event(c, id).await? else {
        return Ok(None);
    };
    let occurrences = store::occurrences(c, id).await?;
    let tiers = store::tiers(c, id).await?;
    let pools = crate::catalog::offers::pools_in(c, id).await?;
    let mut detail = EventDetail::new(event, occurrences, tiers, pools);
    detail.price_settings = crate::catalog::offers::event_prices_in(c, id).await?;
    detail.venue_id = venues::venue_of_event(c, id).await?;
    Ok(Some(detail))
}

/// The same, read anew only if what is kept of it is of another version: a series has thousands of dates.
///
/// Only what was read outside of writes is kept, so it is never of a version that came to nothing.
///
/// # Errors
/// A fault of the database.
pub async fn kept_detail_in(
    app: &App,
    c: &mut Conn,
    id: EventId,
) -> Result<Option<Arc<EventDetail>>, DbError> {
    let Some(version) = store::version(c, id).await? else {
        return Ok(None);
    };
    match app.offers.at_version(id, version, app.now()) {
        Some(kept) => Ok(Some(kept)),
        None => Ok(detail_in(c, id).await?.map(Arc::new)),
    }
}

/// An event without what belongs to it, inside a read or write that is under way.
///
/// # Errors
/// A fault of the database.
pub async fn event_in(c: &mut Conn, id: EventId) -> Result<Option<Event>, DbError> {
    store::event(c, id).await
}

/// The version of an event, and whether it takes place with all of these dates, inside a read or write that
/// is under way; none if there is no such event.
///
/// # Errors
/// A fault of the database.
pub async fn takes_place_in(
    c: &mut Conn,
    id: EventId,
    dates: &BTreeSet<OccurrenceId>,
) -> Result<Option<(i64, bool)>, DbError> {
    let found = store::taking_place(c, id, Val::texts(dates)).await?;
    let all = i64::try_from(dates.len()).unwrap_or(i64::MAX);
    Ok(found.map(|(version, state, scheduled)| {
        (version, state == EventState::Published && scheduled == all)
    }))
}

/// Whose event it is, inside a read or write that is under way.
///
/// # Errors
/// A fault of the database.
pub async fn organisation_in(c: &mut Conn, id: EventId) -> Result<Option<OrganisationId>, DbError> {
    store::organisation(c, id).await
}

/// The id of the event with this address.
///
/// # Errors
/// [`CatalogError::NotFound`], or a fault of the database.
pub async fn id_by_slug(app: &App, slug: &str) -> Result<EventId, CatalogError> {
    if let Some(id) = app.offers.by_slug(slug, app.now()) {
        return Ok(id);
    }
    let slug = slug.to_owned();
    app.db
        .read(move |c| Box::pin(async move { store::id_by_slug(c, &slug).await }))
        .await?
        .ok_or(CatalogError::NotFound)
}

/// Published events that are not over, soonest first, but for those of sandboxes.
///
/// # Errors
/// A fault of the database.
pub async fn upcoming(app: &App, limit: i64) -> Result<Vec<Arc<EventDetail>>, CatalogError> {
    let now = app.now();
    let ids = app
        .db
        .read(move |c| Box::pin(async move { store::upcoming(c, now, limit).await }))
        .await?;
    let mut events = Vec::with_capacity(ids.len());
    for id in ids {
        events.push(offer(app, id).await?);
    }
    Ok(events)
}

/// Other events of the same organisation that are not archived, with their names: the newest 200,
/// newest first.
///
/// # Errors
/// A fault of the database.
pub async fn siblings(c: &mut Conn, event: EventId) -> Result<Vec<(EventId, String)>, DbError> {
    store::siblings(c, event).await
}

/// The event, if it belongs to the organisation; for other domains' tenant checks.
///
/// # Errors
/// [`CatalogError::NotFound`], or a fault of the database.
pub async fn event_of(app: &App, tenant: &Tenant, id: EventId) -> Result<Event, CatalogError> {
    app.db
        .read({
            let tenant = tenant.clone();
            move |c| Box::pin(async move { store::event_of(c, &tenant, id).await })
        })
        .await?
        .ok_or(CatalogError::NotFound)
}

/// An organisation's events in an order, after a place in it; all of them, or those with these ids.
///
/// # Errors
/// A fault of the database.
pub async fn events_of(
    app: &App,
    tenant: &Tenant,
    ids: Option<Vec<EventId>>,
    by: EventSort,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<EventSummary>, CatalogError> {
    let organisation = tenant.organisation;
    let only = match (tenant.only(), ids) {
        (None, ids) => ids,
        (Some(only), None) => Some(only.to_vec()),
        (Some(only), Some(mut ids)) => {
            ids.retain(|id| only.contains(id));
            Some(ids)
        }
    };
    Ok(app
        .db
        .read(move |c| {
            Box::pin(async move {
                store::events_of(c, organisation, only.as_deref(), by, after.as_ref(), limit).await
            })
        })
        .await?)
}

/// An organisation's published events that are not over, soonest first, inside a read that is under
/// way.
///
/// # Errors
/// A fault of the database.
pub async fn upcoming_of_in(
    c: &mut Conn,
    tenant: &Tenant,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<EventSummary>, DbError> {
    store::upcoming_of(c, tenant.organisation, tenant.only(), now, limit).await
}

/// An organisation's event with its dates and tiers, as it is now.
///
/// # Errors
/// [`CatalogError::NotFound`], or a fault of the database.
pub async fn detail_of(
    app: &App,
    tenant: &Tenant,
    id: EventId,
) -> Result<Arc<EventDetail>, CatalogError> {
    let event = event_of(app, tenant, id).await?;
    // All that belongs to an event changes with its version, and a series is long.
    if let Some(kept) = app.offers.at_version(id, event.version, app.now()) {
        return Ok(kept);
    }
    fresh_offer(app, id).await
}

/// An organisation's published events that are not over, soonest first, after the one that starts
/// at this time and has this id.
///
/// # Errors
/// A fault of the database.
pub async fn on_sale(
    app: &App,
    organisation: OrganisationId,
    after: Option<(Timestamp, EventId)>,
    limit: i64,
) -> Result<Vec<ListedEvent>, CatalogError> {
    let now = app.now();
    Ok(app
        .db
        .read(move |c| {
            Box::pin(async move { store::on_sale(c, organisation, now, after, limit).await })
        })
        .await?)
}

/// The tiers of an event whose orders the organiser accepts one by one, inside a write that places some.
///
/// # Errors
/// A fault of the database.
pub async fn tiers_to_approve_in(c: &mut Conn, event: EventId) -> Result<Vec<TierId>, DbError> {
    store::tiers_to_approve(c, event).await
}

/// How many published events are not over, but for those of sandboxes.
///
/// # Errors
/// A fault of the database.
pub async fn count_on_sale(app: &App, now: Timestamp) -> Result<i64, DbError> {
    store::count_on_sale(&app.db, now).await
}
