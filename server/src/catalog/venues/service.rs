//! Making, changing, deleting and choosing venues.

use bilten_kernel::db::{Conn, DbError, Violation};
use bilten_kernel::error::FieldError;
use bilten_kernel::http::{IfMatch, Place};
use serde_json::json;

use super::error::HouseError;
use super::store;
use crate::app::App;
use crate::catalog::model::EventId;
use crate::catalog::model::venue::*;
use crate::catalog::profiles;
use crate::catalog::service::{CatalogError, StartsFrom};
use crate::events::{self, DomainEvent};
use crate::identity::{OrganisationId, Tenant};
use crate::platform::{self, AuditRecord};

/// Tells the other domains what was done to a venue, and the audit log; last in a write.
async fn record(
    app: &App,
    c: &mut Conn,
    organisation: OrganisationId,
    actor: &str,
    action: &'static str,
    (venue, version): (VenueId, i64),
) -> Result<(), CatalogError> {
    let changed = DomainEvent::VenueChanged {
        venue,
        organisation,
        change: action.to_owned(),
    };
    events::publish(app, c, vec![changed]).await?;
    let record = AuditRecord::new(actor, action, venue)
        .of(organisation)
        .detail(json!({"version": version}));
    Ok(platform::audit(app, c, record).await?)
}

/// Makes a venue.
///
/// # Errors
/// [`CatalogError::Invalid`], [`HouseError::TooManyVenues`], or a fault of the database.
pub async fn create_venue(
    app: &App,
    tenant: &Tenant,
    actor: String,
    input: VenueInput,
) -> Result<VenueDetail, CatalogError> {
    let (id, organisation) = (VenueId::new(&*app.clock, &*app.random), tenant.organisation);
    let profile = profiles::profile_of(app, organisation).await?.profile;
    let language = profile.language.unwrap_or_default();
    let venue = input.checked(language).map_err(CatalogError::Invalid)?;
    let made = VenueDetail::new(id, venue, 1, app.now());
    let (work, new) = (app.clone(), made.clone());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if store::count(c, organisation).await? >= MAX_VENUES {
                    return Err(CatalogError::House(HouseError::TooManyVenues));
                }
                store::insert(c, organisation, &new).await?;
                let what = (new.id, new.version);
                record(&work, c, organisation, &actor, "venues.created", what).await
            })
        })
        .await?;
    Ok(made)
}

/// An organisation's venues in an order, after a place in it.
///
/// # Errors
/// A fault of the database.
pub async fn venues(
    app: &App,
    tenant: &Tenant,
    by: VenueSort,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<VenueDetail>, CatalogError> {
    let tenant = tenant.clone();
    Ok(app
        .db
        .read(move |c| {
            Box::pin(async move { store::list(c, &tenant, by, after.as_ref(), limit).await })
        })
        .await?)
}

/// A venue of an organisation.
///
/// # Errors
/// [`HouseError::VenueNotFound`], or a fault of the database.
pub async fn venue(app: &App, tenant: &Tenant, id: VenueId) -> Result<VenueDetail, CatalogError> {
    let tenant = tenant.clone();
    app.db
        .read(move |c| Box::pin(async move { store::find(c, &tenant, id).await }))
        .await?
        .ok_or(CatalogError::House(HouseError::VenueNotFound))
}

/// How an event shows a venue that it is to name.
///
/// # Errors
/// [`CatalogError::Invalid`] if the organisation has no such venue, or a fault of the database.
pub(in crate::catalog) async fn shown_venue(
    app: &App,
    organisation: OrganisationId,
    id: VenueId,
) -> Result<ShownVenue, CatalogError> {
    match venue(app, &Tenant::whole(organisation), id).await {
        Ok(venue) => Ok(venue.shown()),
        Err(CatalogError::House(HouseError::VenueNotFound)) => Err(no_such_venue()),
        Err(other) => Err(other),
    }
}

/// What is said of an input that names a venue which is not there.
pub(in crate::catalog) fn no_such_venue() -> CatalogError {
    CatalogError::Invalid(vec![FieldError {
        field: "venue".to_owned(),
        code: "unknown".into(),
        detail: "there is no such venue".to_owned(),
    }])
}

/// Whether an organisation has a venue, inside a write.
pub(in crate::catalog) async fn must_be_there(
    c: &mut Conn,
    organisation: OrganisationId,
    venue: Option<VenueId>,
) -> Result<(), CatalogError> {
    let Some(id) = venue else { return Ok(()) };
    let found = store::find(c, &Tenant::whole(organisation), id).await?;
    found.map(|_| ()).ok_or_else(no_such_venue)
}

/// The venue that an event names, inside a read or write.
pub(in crate::catalog) async fn venue_of_event(
    c: &mut Conn,
    event: EventId,
) -> Result<Option<VenueId>, DbError> {
    store::of_event(c, event).await
}

/// Lets an event name a venue, or none, inside a write.
pub(in crate::catalog) async fn set_venue_of_event(
    c: &mut Conn,
    event: EventId,
    venue: Option<VenueId>,
) -> Result<(), CatalogError> {
    match store::set_of_event(c, event, venue).await {
        Ok(()) => Ok(()),
        // Deleted since it was looked up.
        Err(error) if error.violates(Violation::ForeignKey) => Err(no_such_venue()),
        Err(error) => Err(error.into()),
    }
}

/// Changes a venue; events that name it go on to show what they showed.
///
/// # Errors
/// [`CatalogError::Invalid`], [`HouseError::VenueNotFound`], [`CatalogError::VersionConflict`],
/// [`CatalogError::Stale`], or a fault of the database.
pub async fn update_venue(
    app: &App,
    tenant: &Tenant,
    id: VenueId,
    actor: String,
    seen: IfMatch,
    patch: VenuePatch,
) -> Result<VenueDetail, CatalogError> {
    let version = patch.version;
    let from = StartsFrom { seen, version };
    let before = venue(app, tenant, id).await?;
    from.is_said()?;
    from.allow(before.version)?;
    let (current, organisation) = (before.version, tenant.organisation);
    let changed = patch
        .applied(before.venue())
        .map_err(CatalogError::Invalid)?;
    let changed = VenueDetail {
        updated_at: app.now(),
        ..VenueDetail::new(id, changed, current + 1, before.created_at)
    };
    let (work, new) = (app.clone(), changed.clone());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if !store::update(c, &new, current).await? {
                    return Err(from.missed(current + 1));
                }
                let what = (new.id, new.version);
                record(&work, c, organisation, &actor, "venues.changed", what).await
            })
        })
        .await?;
    Ok(changed)
}

/// Deletes a venue that nothing names.
///
/// # Errors
/// [`HouseError::VenueNotFound`], [`HouseError::VenueInUse`], [`CatalogError::Stale`],
/// [`CatalogError::VersionConflict`], or a fault of the database.
pub async fn delete_venue(
    app: &App,
    tenant: &Tenant,
    id: VenueId,
    actor: String,
    seen: IfMatch,
) -> Result<(), CatalogError> {
    let before = venue(app, tenant, id).await?;
    seen.allow(before.version)?;
    let (work, organisation, version) = (app.clone(), tenant.organisation, before.version);
    app.db
        .write(move |c| {
            Box::pin(async move {
                match store::delete(c, id, version).await {
                    Ok(true) => {}
                    Ok(false) => return Err(StartsFrom::any(seen).missed(version + 1)),
                    Err(error) if error.violates(Violation::ForeignKey) => {
                        return Err(CatalogError::House(HouseError::VenueInUse));
                    }
                    Err(error) => return Err(error.into()),
                }
                let what = (id, version);
                record(&work, c, organisation, &actor, "venues.deleted", what).await
            })
        })
        .await
}
