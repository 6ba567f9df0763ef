//! Copying an event.

use std::collections::HashMap;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Violation;
use bilten_kernel::error::FieldError;
use bilten_kernel::random;

use super::dates::Distance;
use super::model::DuplicateInput;
use crate::app::App;
use crate::catalog::model::state::Brake;
use crate::catalog::model::{
    Event, EventDetail, EventId, EventState, Faults, Occurrence, OccurrenceId, OccurrenceState,
    Tier, TierId, TierPrice, slugify,
};
use crate::catalog::service::change::record;
use crate::catalog::service::{CatalogError, detail_in};
use crate::catalog::{forms, offers, policies, store, venues};
use crate::events;
use crate::identity::Tenant;

/// Makes a draft that is like an event: with its texts, its dates and tiers moved to another time, its
/// questions, its policies and what it asks of those who buy. Nothing that was sold, and no code, is copied.
///
/// # Errors
/// [`CatalogError::Invalid`], [`CatalogError::NotFound`], [`CatalogError::SlugTaken`], or a fault of
/// the database.
pub async fn duplicate(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    actor: String,
    input: DuplicateInput,
) -> Result<EventDetail, CatalogError> {
    let (work, tenant) = (app.clone(), tenant.clone());
    let made: Result<EventDetail, CatalogError> = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let model = detail_in(c, id).await?.filter(|d| d.event.is_of(&tenant));
                let model = model.ok_or(CatalogError::NotFound)?;
                let copy = copy_of(&work, &model, input)?;
                let (event, now) = (&copy.detail.event, work.now());
                store::insert_event(c, event).await?;
                if copy.detail.venue_id.is_some() {
                    venues::set_venue_of_event(c, event.id, copy.detail.venue_id).await?;
                }
                offers::insert_in(c, &copy.detail).await?;
                store::insert_occurrences(c, event.id, &copy.detail.occurrences).await?;
                store::insert_tiers(c, event.id, &copy.detail.tiers, now).await?;
                forms::copy_in(&work, c, id, event.id, &copy.tiers).await?;
                policies::copy_in(c, event.organisation_id, id, event.id, now).await?;
                // Others set up for it what a new event needs.
                record(&work, c, &copy.detail, "created", &actor).await?;
                events::event_copied(&work, c, id, event.id).await?;
                Ok(copy.detail)
            })
        })
        .await;
    match made {
        Err(CatalogError::Db(db)) if db.violates(Violation::Unique) => Err(CatalogError::SlugTaken),
        other => other,
    }
}

/// A copy that is not written yet.
struct Copied {
    detail: EventDetail,
    /// Its tiers by those of the model.
    tiers: HashMap<TierId, TierId>,
}

fn copy_of(app: &App, model: &EventDetail, input: DuplicateInput) -> Result<Copied, CatalogError> {
    let mut faults = Faults::default();
    faults.copy(input.name.as_deref(), input.slug.as_deref());
    faults.check().map_err(CatalogError::Invalid)?;
    let (now, zone) = (app.now(), model.event.time_zone.as_str());
    let first = model.scheduled().next().or(model.occurrences.first());
    let first = first.map(|date| date.starts_at);
    let distance = Distance::new(zone, first.unwrap_or(input.starts_at), input.starts_at);
    let (dates, tiers) = moved(app, model, &distance).ok_or_else(|| {
        CatalogError::Invalid(vec![FieldError {
            field: "starts_at".to_owned(),
            code: "out_of_range".into(),
            detail: "is too far away".to_owned(),
        }])
    })?;
    let name = input.name.map(|name| name.trim().to_owned());
    let name = name.unwrap_or_else(|| model.event.name.clone());
    let slug = input.slug.unwrap_or_else(|| {
        let parts = [slugify(&name), random::token(&*app.random, 5)];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("-")
    });
    let event = Event {
        id: EventId::new(&*app.clock, &*app.random),
        slug,
        name,
        state: EventState::Draft,
        brake: Brake::None,
        version: 1,
        created_at: now,
        updated_at: now,
        ..model.event.clone()
    };
    let by_model = model.tiers.iter().zip(&tiers);
    let by_model: HashMap<TierId, TierId> = by_model.map(|(old, new)| (old.id, new.id)).collect();
    let mut detail = model.clone();
    detail.event = event;
    detail.set_occurrences(dates);
    detail.tiers = tiers;
    offers::rename(app, &mut detail, &by_model);
    Ok(Copied {
        detail,
        tiers: by_model,
    })
}

/// The dates and tiers of an event at another time; none if that is beyond the calendar.
fn moved(
    app: &App,
    model: &EventDetail,
    distance: &Distance,
) -> Option<(Vec<Occurrence>, Vec<Tier>)> {
    let mut dates = Vec::with_capacity(model.occurrences.len());
    let is_off = model.scheduled().next().is_none();
    let taking_place = model.occurrences.iter();
    for date in taking_place.filter(|date| is_off || date.is_scheduled()) {
        let mut copy = date.clone();
        copy.state = OccurrenceState::Scheduled;
        // It is of no series: its dates are as those of the model are.
        copy.original_local = None;
        copy.id = OccurrenceId::new(&*app.clock, &*app.random);
        copy.starts_at = distance.moved(date.starts_at)?;
        // A show is as long as it is, whatever the clocks do meanwhile.
        let (start, old) = (copy.starts_at.ms(), date.starts_at.ms());
        let near = |at: Timestamp| Some(Timestamp::from_ms(start.checked_add(at.ms() - old)?));
        copy.ends_at = near(date.ends_at)?;
        copy.doors_at = match date.doors_at {
            Some(doors) => Some(near(doors)?),
            None => None,
        };
        dates.push(copy);
    }
    let mut tiers = Vec::with_capacity(model.tiers.len());
    for tier in &model.tiers {
        let mut copy = tier.clone();
        copy.id = TierId::new(&*app.clock, &*app.random);
        for at in [
            &mut copy.sales_start_at,
            &mut copy.sales_end_at,
            &mut copy.valid_from_at,
            &mut copy.valid_until_at,
        ]
        .into_iter()
        .flatten()
        {
            *at = distance.moved(*at)?;
        }
        let pricing = copy.pricing.as_mut();
        if let Some(TierPrice::Phased { phases }) =
            pricing.and_then(|pricing| pricing.price.as_mut())
        {
            for at in phases
                .iter_mut()
                .flat_map(|phase| [&mut phase.from_at, &mut phase.until_at])
                .flatten()
            {
                *at = distance.moved(*at)?;
            }
        }
        tiers.push(copy);
    }
    Some((dates, tiers))
}
