//! Making, changing and deleting events.

use bilten_kernel::db::{Conn, DbError, Violation};
use bilten_kernel::http::IfMatch;
use bilten_kernel::random;

use super::CatalogError;
use super::change::{Edit, StartsFrom, change, record};
use super::tier::new_tier;
use crate::app::App;
use crate::catalog::model::state::Brake;
use crate::catalog::model::*;
use crate::catalog::{offers, profiles, store, venues};
use crate::events::{self, DomainEvent};
use crate::identity::{self, OrganisationId, Tenant};

/// Makes a draft of an event.
///
/// # Errors
/// [`CatalogError::Invalid`], [`CatalogError::SlugTaken`], or a fault of the database.
pub async fn create_event(
    app: &App,
    tenant: &Tenant,
    actor: String,
    mut input: EventInput,
) -> Result<EventDetail, CatalogError> {
    let shown = match input.venue {
        Some(venue) => Some(venues::shown_venue(app, tenant.organisation, venue).await?),
        None => None,
    };
    if let Some(shown) = &shown {
        input.venue_name.clone_from(&shown.name);
        input.venue_address.clone_from(&shown.address);
    }
    let mut faults = Faults::default();
    faults.event(&input);
    faults.check().map_err(CatalogError::Invalid)?;

    let now = app.now();
    let mode = identity::organisation_mode(app, tenant.organisation).await?;
    let profile = profiles::profile_of(app, tenant.organisation).await?;
    let slug = input.slug.unwrap_or_else(|| {
        // A made-up address gets a random end, so that two shows of one name do not collide.
        let end = random::token(&*app.random, 5);
        [slugify(&input.name), end]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("-")
    });
    let mut event = Event {
        id: EventId::new(&*app.clock, &*app.random),
        organisation_id: tenant.organisation,
        slug,
        name: input.name.trim().to_owned(),
        description: input.description,
        state: EventState::Draft,
        brake: Brake::None,
        time_zone: input.time_zone,
        currency: input.currency,
        venue_name: input.venue_name.trim().to_owned(),
        venue_address: input.venue_address,
        sandbox: mode.is_sandbox(),
        details: EventDetails {
            language: input
                .details
                .language
                .clone()
                .or(profile.profile.language)
                .unwrap_or_default(),
            ..EventDetails::default()
        },
        version: 1,
        created_at: now,
        updated_at: now,
    };
    if let Some(shown) = shown {
        event.show(shown);
    }
    event
        .describe(input.details)
        .map_err(CatalogError::Invalid)?;
    let occurrences: Vec<_> = input
        .occurrences
        .into_iter()
        .map(|o| Occurrence {
            id: OccurrenceId::new(&*app.clock, &*app.random),
            doors_at: o.doors_at,
            starts_at: o.starts_at,
            ends_at: o.ends_at,
            state: OccurrenceState::Scheduled,
            original_local: None,
            seat_map: None,
            offer: DateOffer::default(),
        })
        .collect();
    let tiers = input
        .tiers
        .into_iter()
        .zip(1..)
        .map(|(tier, number)| new_tier(app, tier, number))
        .collect();
    let mut detail = EventDetail::new(event, occurrences, tiers, Vec::new());
    detail.venue_id = input.venue;
    offers::check(&detail, |tier| {
        format!("tiers[{}].", tier.number.saturating_sub(1))
    })?;

    let (work, saved) = (app.clone(), detail.clone());
    let written: Result<(), CatalogError> = app
        .db
        .write(move |c| {
            Box::pin(async move {
                store::insert_event(c, &saved.event).await?;
                if saved.venue_id.is_some() {
                    venues::set_venue_of_event(c, saved.event.id, saved.venue_id).await?;
                }
                store::insert_occurrences(c, saved.event.id, &saved.occurrences).await?;
                store::insert_tiers(c, saved.event.id, &saved.tiers, now).await?;
                record(&work, c, &saved, "created", &actor).await
            })
        })
        .await;
    if let Err(CatalogError::Db(db)) = &written
        && db.violates(Violation::Unique)
    {
        return Err(CatalogError::SlugTaken);
    }
    written?;
    Ok(detail)
}

/// Changes the texts of an event.
///
/// # Errors
/// [`CatalogError::Invalid`], [`CatalogError::NotFound`], [`CatalogError::VersionConflict`], or a
/// fault of the database.
pub async fn update_event(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    actor: String,
    seen: IfMatch,
    mut patch: EventPatch,
) -> Result<EventDetail, CatalogError> {
    let shown = match patch.venue {
        Some(venue) => Some(venues::shown_venue(app, tenant.organisation, venue).await?),
        None => None,
    };
    if shown.is_some() {
        (patch.venue_name, patch.venue_address) = (None, None);
    }
    let mut faults = Faults::default();
    faults.event_patch(&patch);
    faults.check().map_err(CatalogError::Invalid)?;
    let version = patch.version;
    let from = StartsFrom { seen, version };
    change(
        app,
        tenant,
        id,
        from.clone(),
        actor,
        "updated",
        move |detail| {
            from.is_said()?;
            detail.venue_id = patch.venue.or(detail.venue_id);
            let event = &mut detail.event;
            let details = patch.details.unwrap_or_default();
            if let Some(language) = &details.language {
                event.speak(language.clone());
            }
            let texts = [
                (patch.name, &mut event.name),
                (patch.description, &mut event.description),
                (patch.venue_name, &mut event.venue_name),
                (patch.venue_address, &mut event.venue_address),
            ];
            for (new, old) in texts {
                if let Some(new) = new {
                    *old = new;
                }
            }
            if let Some(shown) = shown {
                event.show(shown);
            }
            event.describe(details).map_err(CatalogError::Invalid)?;
            Ok(Edit::Event)
        },
    )
    .await
}

/// Deletes an event that is still a draft.
///
/// # Errors
/// [`CatalogError::NotFound`], [`CatalogError::NotADraft`], or a fault of the database.
pub async fn delete_draft(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    seen: IfMatch,
) -> Result<(), CatalogError> {
    let (work, tenant) = (app.clone(), tenant.clone());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let event = store::event_of(c, &tenant, id)
                    .await?
                    .ok_or(CatalogError::NotFound)?;
                seen.allow(event.version)?;
                if event.state != EventState::Draft {
                    return Err(CatalogError::NotADraft);
                }
                let deleted = DomainEvent::EventDeleted {
                    event: id,
                    organisation: event.organisation_id,
                };
                // Who works at its devices is forgotten before the devices are.
                identity::forget_event_in(&work, c, id).await?;
                events::publish(&work, c, vec![deleted]).await?;
                if !store::delete_draft(c, id).await? {
                    return Err(CatalogError::NotADraft);
                }
                c.after_commit(move || work.offers.forget(id));
                Ok(())
            })
        })
        .await
}

/// All events of a sandbox, inside a read or write that is under way; none of an organisation that sells.
///
/// # Errors
/// A fault of the database.
pub async fn sandbox_events_in(
    c: &mut Conn,
    organisation: OrganisationId,
) -> Result<Vec<EventId>, DbError> {
    store::sandbox_events(c, organisation).await
}

/// Deletes an event of a sandbox with all that was sold of it, inside a write.
///
/// # Errors
/// A fault of the database, also when the event is of no sandbox and has sold something.
pub async fn erase_sandbox_event_in(
    app: &App,
    c: &mut Conn,
    organisation: OrganisationId,
    event: EventId,
) -> Result<(), CatalogError> {
    identity::forget_event_in(app, c, event).await?;
    let deleted = DomainEvent::EventDeleted {
        event,
        organisation,
    };
    events::publish(app, c, vec![deleted]).await?;
    store::delete_sandbox_event(c, event).await?;
    let app = app.clone();
    c.after_commit(move || app.offers.forget(event));
    Ok(())
}
