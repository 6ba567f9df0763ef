//! Use cases of the catalogue.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val, Violation};
use bilten_kernel::error::FieldError;
use bilten_kernel::http::{IfMatch, Place, Stale};
use bilten_kernel::random;

use super::model::*;
use super::store;
use crate::app::App;
use crate::events::{self, DomainEvent, Refused};
use crate::identity::{self, OrganisationId, Tenant};

/// Why something about the catalogue was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Fields of the input are wrong.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// There is no such event or tier, or it belongs to another organisation.
    #[error("there is no such event")]
    NotFound,
    /// Another event has this address.
    #[error("another event has this address")]
    SlugTaken,
    /// The event was changed by somebody else in the meantime.
    #[error("the event was changed in the meantime; it has version {current} now")]
    VersionConflict {
        /// The version it has now.
        current: i64,
    },
    /// The event is not any more what the caller has seen.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The event's state does not allow it.
    #[error("an event that is {from} cannot become {to}")]
    State {
        /// Its state.
        from: EventState,
        /// The state that was asked for.
        to: EventState,
    },
    /// Something that is not a draft cannot be deleted.
    #[error("only a draft can be deleted; cancel or archive the event instead")]
    NotADraft,
    /// An event without tiers cannot be published.
    #[error("an event needs a tier before it can be published")]
    NoTiers,
    /// An event has the most tiers it can have.
    #[error("an event has at most {MAX_TIERS} tiers")]
    TooManyTiers,
    /// The capacity is below what is sold or held.
    #[error("the capacity cannot be lower than what is sold or held")]
    CapacityBelowSold,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<Refused> for CatalogError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::CapacityBelowSold => Self::CapacityBelowSold,
            Refused::Db(error) => Self::Db(error),
        }
    }
}

/// Offers as they were a moment ago, so that a busy sale does not read them anew for each request.
///
/// Selling checks the version of the event inside the statement that takes the stock, so a stale
/// offer can be shown for a moment, but never be bought.
#[derive(Default)]
pub struct Offers(Mutex<HashMap<EventId, (Timestamp, Arc<EventDetail>)>>);

/// How long an offer is kept, in milliseconds.
const OFFER_MS: i64 = 1_000;

impl Offers {
    fn get(&self, id: EventId, now: Timestamp) -> Option<Arc<EventDetail>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, offer) = kept.get(&id)?;
        (now.ms() - read_at.ms() < OFFER_MS).then(|| Arc::clone(offer))
    }

    fn put(&self, offer: Arc<EventDetail>, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= 1_000 {
            kept.retain(|_, (read_at, _)| now.ms() - read_at.ms() < OFFER_MS);
        }
        kept.insert(offer.event.id, (now, offer));
    }

    fn forget(&self, id: EventId) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
    }
}

/// An event as it is on sale, at most a second old.
///
/// # Errors
/// [`CatalogError::NotFound`], or a fault of the database.
pub async fn offer(app: &App, id: EventId) -> Result<Arc<EventDetail>, CatalogError> {
    let now = app.now();
    if let Some(offer) = app.offers.get(id, now) {
        return Ok(offer);
    }
    fresh_offer(app, id).await
}

/// An event as it is on sale now.
///
/// # Errors
/// [`CatalogError::NotFound`], or a fault of the database.
pub async fn fresh_offer(app: &App, id: EventId) -> Result<Arc<EventDetail>, CatalogError> {
    let offer = app
        .db
        .read(move |c| Box::pin(async move { detail_in(c, id).await }))
        .await?;
    let offer = Arc::new(offer.ok_or(CatalogError::NotFound)?);
    app.offers.put(Arc::clone(&offer), app.now());
    Ok(offer)
}

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
    Ok(Some(EventDetail {
        event,
        occurrences,
        tiers,
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

/// An organisation's event with its dates and tiers.
///
/// # Errors
/// [`CatalogError::NotFound`], or a fault of the database.
pub async fn detail_of(
    app: &App,
    tenant: &Tenant,
    id: EventId,
) -> Result<EventDetail, CatalogError> {
    let detail = app
        .db
        .read(move |c| Box::pin(async move { detail_in(c, id).await }))
        .await?;
    detail
        .filter(|d| d.event.is_of(tenant))
        .ok_or(CatalogError::NotFound)
}

/// Makes a draft of an event.
///
/// # Errors
/// [`CatalogError::Invalid`], [`CatalogError::SlugTaken`], or a fault of the database.
pub async fn create_event(
    app: &App,
    tenant: &Tenant,
    actor: String,
    input: EventInput,
) -> Result<EventDetail, CatalogError> {
    let mut faults = Faults::default();
    faults.event(&input);
    faults.check().map_err(CatalogError::Invalid)?;

    let now = app.now();
    let mode = identity::organisation_mode(app, tenant.organisation).await?;
    let slug = input.slug.unwrap_or_else(|| {
        // A made-up address gets a random end, so that two shows of one name do not collide.
        let end = random::token(&*app.random, 5);
        [slugify(&input.name), end]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("-")
    });
    let event = Event {
        id: EventId::new(&*app.clock, &*app.random),
        organisation_id: tenant.organisation,
        slug,
        name: input.name.trim().to_owned(),
        description: input.description,
        state: EventState::Draft,
        time_zone: input.time_zone,
        currency: input.currency,
        venue_name: input.venue_name.trim().to_owned(),
        venue_address: input.venue_address,
        sandbox: mode.is_sandbox(),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let mut occurrences: Vec<_> = input
        .occurrences
        .into_iter()
        .map(|o| Occurrence {
            id: OccurrenceId::new(&*app.clock, &*app.random),
            doors_at: o.doors_at,
            starts_at: o.starts_at,
            ends_at: o.ends_at,
        })
        .collect();
    occurrences.sort_by_key(|o| (o.starts_at, o.id));
    let tiers = input
        .tiers
        .into_iter()
        .zip(1..)
        .map(|(tier, number)| new_tier(app, tier, number))
        .collect();
    let detail = EventDetail {
        event,
        occurrences,
        tiers,
    };

    let (work, saved) = (app.clone(), detail.clone());
    let written: Result<(), CatalogError> = app
        .db
        .write(move |c| {
            Box::pin(async move {
                store::insert_event(c, &saved.event).await?;
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

fn new_tier(app: &App, input: TierInput, number: u16) -> Tier {
    Tier {
        id: TierId::new(&*app.clock, &*app.random),
        number,
        name: input.name.trim().to_owned(),
        description: input.description,
        price_minor: input.price_minor,
        capacity: input.capacity,
        max_per_order: input.max_per_order,
        sales_start_at: input.sales_start_at,
        sales_end_at: input.sales_end_at,
        valid_from_at: input.valid_from_at,
        valid_until_at: input.valid_until_at,
    }
}

/// Writes the version history and tells the other domains.
async fn record(
    app: &App,
    c: &mut Conn,
    detail: &EventDetail,
    change: &str,
    actor: &str,
) -> Result<(), CatalogError> {
    store::insert_version(c, &detail.event, change, actor, Val::json(detail)?).await?;
    events::publish(
        app,
        c,
        vec![DomainEvent::EventSaved {
            detail: Box::new(detail.clone()),
            change: change.to_owned(),
        }],
    )
    .await?;
    let (app, id) = (app.clone(), detail.event.id);
    c.after_commit(move || app.offers.forget(id));
    Ok(())
}

/// Which version of an event a change starts from.
#[derive(Clone, Debug)]
struct StartsFrom {
    /// As `If-Match` says it.
    seen: IfMatch,
    /// As the change itself says it.
    version: Option<i64>,
}

impl StartsFrom {
    /// Whatever version there is, unless the caller says which one they have seen.
    const fn any(seen: IfMatch) -> Self {
        Self {
            seen,
            version: None,
        }
    }

    /// Fails unless it is said somewhere: texts and prices are not written over unseen.
    fn is_said(&self) -> Result<(), CatalogError> {
        if self.version.is_some() || self.seen.is_said() {
            return Ok(());
        }
        Err(CatalogError::Invalid(vec![FieldError {
            field: "version".to_owned(),
            code: "missing".into(),
            detail: "Say which version this change starts from, here or by If-Match.".to_owned(),
        }]))
    }

    fn allow(&self, current: i64) -> Result<(), CatalogError> {
        self.seen.allow(current)?;
        if self.version.is_some_and(|version| version != current) {
            return Err(CatalogError::VersionConflict { current });
        }
        Ok(())
    }
}

/// Changes an event that still has the version that the change starts from: loads it, lets `edit`
/// change it, saves it.
async fn change(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    from: StartsFrom,
    actor: String,
    name: &'static str,
    edit: impl FnOnce(&mut EventDetail) -> Result<Edit, CatalogError> + Send + 'static,
) -> Result<EventDetail, CatalogError> {
    let (work, tenant, now) = (app.clone(), tenant.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let detail = detail_in(c, id).await?.filter(|d| d.event.is_of(&tenant));
                let mut detail = detail.ok_or(CatalogError::NotFound)?;
                let current = detail.event.version;
                from.allow(current)?;
                let edit = edit(&mut detail)?;
                detail.event.version = current + 1;
                detail.event.updated_at = now;
                if !store::update_event(c, &detail.event, current).await? {
                    // Somebody else was a moment earlier.
                    from.seen.allow(current + 1)?;
                    return Err(CatalogError::VersionConflict {
                        current: current + 1,
                    });
                }
                match edit {
                    Edit::Event => {}
                    Edit::AddTier(tier) => {
                        store::insert_tiers(c, id, std::slice::from_ref(&tier), now).await?;
                        detail.tiers.push(tier);
                    }
                    Edit::SaveTier(tier) => {
                        store::update_tier(c, &tier, now).await?;
                        if let Some(old) = detail.tiers.iter_mut().find(|t| t.id == tier.id) {
                            *old = tier;
                        }
                    }
                }
                record(&work, c, &detail, name, &actor).await?;
                Ok(detail)
            })
        })
        .await
}

enum Edit {
    Event,
    AddTier(Tier),
    SaveTier(Tier),
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
    patch: EventPatch,
) -> Result<EventDetail, CatalogError> {
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
            let event = &mut detail.event;
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
            Ok(Edit::Event)
        },
    )
    .await
}

/// Publishes, cancels or archives an event.
///
/// # Errors
/// [`CatalogError::NotFound`], [`CatalogError::State`], [`CatalogError::NoTiers`], or a fault of
/// the database.
pub async fn move_event(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    actor: String,
    seen: IfMatch,
    to: EventState,
) -> Result<EventDetail, CatalogError> {
    let from = StartsFrom::any(seen);
    change(app, tenant, id, from, actor, to.as_str(), move |detail| {
        let from = detail.event.state;
        if !from.may_become(to) {
            return Err(CatalogError::State { from, to });
        }
        if to == EventState::Published && detail.tiers.is_empty() {
            return Err(CatalogError::NoTiers);
        }
        detail.event.state = to;
        Ok(Edit::Event)
    })
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

/// Adds a tier to an event.
///
/// # Errors
/// [`CatalogError::Invalid`], [`CatalogError::NotFound`], [`CatalogError::TooManyTiers`], or a
/// fault of the database.
pub async fn add_tier(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    actor: String,
    seen: IfMatch,
    input: TierInput,
) -> Result<EventDetail, CatalogError> {
    let mut faults = Faults::default();
    faults.tier("", &input);
    faults.check().map_err(CatalogError::Invalid)?;
    let tier = new_tier(app, input, 0);
    let from = StartsFrom::any(seen);
    change(app, tenant, id, from, actor, "tier_added", move |detail| {
        if detail.tiers.len() >= MAX_TIERS {
            return Err(CatalogError::TooManyTiers);
        }
        let number = detail.tiers.iter().map(|t| t.number).max().unwrap_or(0) + 1;
        Ok(Edit::AddTier(Tier { number, ..tier }))
    })
    .await
}

/// Changes a tier.
///
/// # Errors
/// [`CatalogError::Invalid`], [`CatalogError::NotFound`], [`CatalogError::VersionConflict`],
/// [`CatalogError::CapacityBelowSold`], or a fault of the database.
pub async fn update_tier(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    tier: TierId,
    actor: String,
    seen: IfMatch,
    patch: TierPatch,
) -> Result<EventDetail, CatalogError> {
    let mut faults = Faults::default();
    faults.tier_patch(&patch);
    faults.check().map_err(CatalogError::Invalid)?;
    let version = patch.version;
    let from = StartsFrom { seen, version };
    change(
        app,
        tenant,
        id,
        from.clone(),
        actor,
        "tier_updated",
        move |detail| {
            from.is_said()?;
            let mut tier = detail.tier(tier).ok_or(CatalogError::NotFound)?.clone();
            tier.name = patch.name.unwrap_or(tier.name);
            tier.description = patch.description.unwrap_or(tier.description);
            tier.price_minor = patch.price_minor.unwrap_or(tier.price_minor);
            tier.capacity = patch.capacity.unwrap_or(tier.capacity);
            tier.max_per_order = patch.max_per_order.unwrap_or(tier.max_per_order);
            Ok(Edit::SaveTier(tier))
        },
    )
    .await
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

/// How many published events are not over, but for those of sandboxes.
///
/// # Errors
/// A fault of the database.
pub async fn count_on_sale(app: &App, now: Timestamp) -> Result<i64, DbError> {
    store::count_on_sale(&app.db, now).await
}
