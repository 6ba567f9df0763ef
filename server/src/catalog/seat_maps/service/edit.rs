//! A new version of a seat map, and what it would do.

use std::collections::BTreeSet;
use std::sync::Arc;

use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::error::FieldError;
use bilten_kernel::http::IfMatch;

use super::super::cache::layout;
use super::super::store;
use super::make::{audit, without_venue};
use super::{aside, checked, find, sizes};
use crate::app::App;
use crate::catalog::model::*;
use crate::catalog::seating::{SeatMap, SeatSet, compare};
use crate::catalog::service::{CatalogError, StartsFrom, detail_in, record};
use crate::catalog::venues::{self, HouseError};
use crate::events::{self, DomainEvent, SavedSeatMap};
use crate::identity::Tenant;

/// What an edit is about to do: to be compared with what is taken.
pub struct PlannedEdit {
    /// The version that there is.
    pub from: SeatMapRef,
    /// Both versions.
    pub edit: MapEdit,
    /// The dates that are not over and use the version that there is, by id.
    pub dates: Vec<OccurrenceId>,
    /// Price categories that would be gone while tiers of these dates' events sell them.
    pub refusals: Vec<FieldError>,
}

/// A version of a map and what is to come after it, compared as if no seat were taken; and the new one
/// as it is stored.
async fn compared(
    app: &App,
    of: SeatMapRef,
    map: SeatMap,
) -> Result<(MapEdit, Arc<str>), CatalogError> {
    let old = layout(app, of).await?;
    aside(move || -> Result<_, CatalogError> {
        let new = checked(map)?;
        let nothing = SeatSet::empty(old.places().len());
        let changes = compare(&old, &new.layout, &nothing, &[]).map_err(HouseError::SeatsTaken)?;
        let edit = MapEdit {
            old,
            new: Arc::new(new.layout),
            changes,
        };
        Ok((edit, Arc::<str>::from(new.body)))
    })
    .await?
}

/// What an edit of an organisation's map is about to do; nothing is written.
///
/// # Errors
/// [`HouseError::MapNotFound`], [`CatalogError::Invalid`], [`HouseError::EditTooLarge`], or a fault of
/// the database.
pub async fn plan_seat_map(
    app: &App,
    tenant: &Tenant,
    id: SeatMapId,
    map: SeatMap,
) -> Result<PlannedEdit, CatalogError> {
    let from = find(app, tenant, id).await?.reference();
    let (edit, _) = compared(app, from, map).await?;
    let now = app.now();
    let new = Arc::clone(&edit.new);
    let (dates, refusals) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let dates = store::dates(c, from, now).await?;
                let refusals = categories_gone(c, new.map(), &events_of(&dates)).await?;
                Ok::<_, DbError>((dates, refusals))
            })
        })
        .await?;
    not_too_large(&edit, dates.len())?;
    Ok(PlannedEdit {
        from,
        edit,
        dates: dates.into_iter().map(|(date, _)| date).collect(),
        refusals,
    })
}

/// Saves a new version of a map, which all dates that are not over and used the one before use from
/// now on; nothing is written if that would do something to somebody who has a seat, or if nothing
/// changes.
///
/// # Errors
/// [`HouseError::MapNotFound`], [`CatalogError::Invalid`], [`CatalogError::VersionConflict`],
/// [`CatalogError::Stale`], [`HouseError::SeatsTaken`], [`HouseError::EditTooLarge`], or a fault of
/// the database.
pub async fn save_seat_map(
    app: &App,
    tenant: &Tenant,
    id: SeatMapId,
    actor: String,
    seen: IfMatch,
    change: SeatMapEdit,
) -> Result<SeatMapSummary, CatalogError> {
    let version = change.version;
    let from = StartsFrom { seen, version };
    let before = find(app, tenant, id).await?;
    from.is_said()?;
    from.allow(before.version)?;
    let venue_id = change.venue.unwrap_or(before.venue_id);
    let (edit, body) = compared(app, before.reference(), change.map).await?;
    if edit.old.map() == edit.new.map() && venue_id == before.venue_id {
        return Ok(before);
    }
    let (seats, standing) = sizes(edit.new.map());
    let saved = SeatMapSummary {
        venue_id,
        name: edit.new.map().name.clone(),
        seats,
        standing,
        version: before.version + 1,
        updated_at: app.now(),
        ..before.clone()
    };
    let save = Save {
        app: app.clone(),
        tenant: tenant.clone(),
        actor,
        from,
        before: before.reference(),
        new: saved.clone(),
        edit: Arc::new(edit),
        body,
    };
    let save = Arc::new(save);
    app.db
        .write_again(move |c| {
            let save = Arc::clone(&save);
            Box::pin(async move { save.run(c).await })
        })
        .await?;
    Ok(saved)
}

/// All that a write of a new version needs; it may be run again.
struct Save {
    app: App,
    tenant: Tenant,
    actor: String,
    from: StartsFrom,
    before: SeatMapRef,
    new: SeatMapSummary,
    edit: Arc<MapEdit>,
    body: Arc<str>,
}

impl Save {
    async fn run(&self, c: &mut Conn) -> Result<(), CatalogError> {
        let (new, organisation) = (&self.new, self.tenant.organisation);
        venues::must_be_there(c, organisation, new.venue_id).await?;
        let is_first = store::update(c, new, self.before.version)
            .await
            .map_err(without_venue)?;
        if !is_first {
            return Err(self.from.missed(new.version));
        }
        store::insert_version(c, new, &self.body, &self.actor).await?;
        let dates = store::dates(c, self.before, new.updated_at).await?;
        not_too_large(&self.edit, dates.len())?;
        let events = events_of(&dates);
        let gone = categories_gone(c, self.edit.new.map(), &events).await?;
        if !gone.is_empty() {
            return Err(CatalogError::House(HouseError::SeatsTaken(gone)));
        }
        // Each of these events has a date that is another one now. It is sold at its new version only, so
        // nobody buys a seat by the map before who comes after this write.
        for event in &events {
            store::raise_event(c, *event, new.updated_at).await?;
        }
        let saved = SavedSeatMap {
            map: new.id,
            organisation,
            from_version: self.before.version,
            to_version: new.version,
            dates: dates.clone(),
            edit: (!dates.is_empty()).then(|| Arc::clone(&self.edit)),
        };
        events::publish(&self.app, c, vec![DomainEvent::SeatMapSaved(saved)]).await?;
        let moved: Vec<OccurrenceId> = dates.iter().map(|(date, _)| *date).collect();
        store::move_dates(c, &moved, new.version).await?;
        for event in &events {
            if let Some(detail) = detail_in(c, *event).await? {
                record(&self.app, c, &detail, "seat_map_changed", &self.actor).await?;
            }
        }
        let (action, of) = ("seat_maps.changed", new.reference());
        audit(&self.app, c, organisation, &self.actor, action, of).await?;
        let (app, layout) = (self.app.clone(), Arc::clone(&self.edit.new));
        c.after_commit(move || app.layouts.put(of, layout));
        Ok(())
    }
}

/// The events of dates, sorted.
fn events_of(dates: &[(OccurrenceId, EventId)]) -> Vec<EventId> {
    let events: BTreeSet<EventId> = dates.iter().map(|(_, event)| *event).collect();
    events.into_iter().collect()
}

/// Price categories that a map lacks and that tiers of these events sell.
async fn categories_gone(
    c: &mut Conn,
    map: &SeatMap,
    events: &[EventId],
) -> Result<Vec<FieldError>, DbError> {
    let sold = store::categories_sold(c, events).await?;
    let is_there = |sold: &String| {
        let mut known = map.categories.iter();
        known.any(|category| category.id.as_str() == sold.as_str())
    };
    Ok(sold
        .into_iter()
        .filter(|sold| !is_there(sold))
        .map(|sold| FieldError {
            field: format!("categories[{sold}]"),
            code: "category_sold".into(),
            detail: "tiers sell this price category".to_owned(),
        })
        .collect())
}

/// Whether what an edit does to so many dates can be one write.
fn not_too_large(edit: &MapEdit, dates: usize) -> Result<(), HouseError> {
    if edit.touched().len().saturating_mul(dates) > MAX_TOUCHED {
        return Err(HouseError::EditTooLarge);
    }
    Ok(())
}
