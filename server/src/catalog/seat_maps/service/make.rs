//! Making and deleting seat maps.

use std::sync::Arc;

use bilten_kernel::db::{Conn, DbError, Violation};
use bilten_kernel::http::IfMatch;
use serde_json::json;

use super::super::store;
use super::{Checked, aside, broken, checked, find, sizes};
use crate::app::App;
use crate::catalog::model::*;
use crate::catalog::service::{CatalogError, StartsFrom};
use crate::catalog::venues::{self, HouseError};
use crate::events::{self, DomainEvent, SavedSeatMap};
use crate::identity::{OrganisationId, Tenant};
use crate::platform::{self, AuditRecord};

/// Writes to the audit log what was done to a map; last in a write.
pub(super) async fn audit(
    app: &App,
    c: &mut Conn,
    organisation: OrganisationId,
    actor: &str,
    action: &'static str,
    of: SeatMapRef,
) -> Result<(), CatalogError> {
    let record = AuditRecord::new(actor, action, of.id)
        .of(organisation)
        .detail(json!({"version": of.version}));
    Ok(platform::audit(app, c, record).await?)
}

/// A map that cannot be written because its venue was deleted meanwhile.
pub(super) fn without_venue(error: DbError) -> CatalogError {
    if error.violates(Violation::ForeignKey) {
        venues::no_such_venue()
    } else {
        error.into()
    }
}

/// What an input says is on a map, checked.
fn checked_input(input: SeatMapInput) -> Result<Checked, CatalogError> {
    let mut map = match (input.map, input.template) {
        (Some(map), _) => map,
        (None, Some(template)) => template.map().map_err(|error| broken(&error))?,
        (None, None) => return Err(CatalogError::Invalid(Vec::new())),
    };
    let is_named = input.name.is_some();
    if let Some(name) = input.name {
        map.name = name;
    }
    checked(map).map_err(|error| if is_named { of_name(error) } else { error })
}

/// A refusal of the name that the input gives the map.
fn of_name(error: CatalogError) -> CatalogError {
    if let CatalogError::Invalid(mut faults) = error {
        for fault in &mut faults {
            if fault.field == "map.name" {
                "name".clone_into(&mut fault.field);
            }
        }
        CatalogError::Invalid(faults)
    } else {
        error
    }
}

/// Makes a seat map, from what is on it or from a template.
///
/// # Errors
/// [`CatalogError::Invalid`], [`HouseError::TooManyMaps`], or a fault of the database.
pub async fn create_seat_map(
    app: &App,
    tenant: &Tenant,
    actor: String,
    input: SeatMapInput,
) -> Result<SeatMapSummary, CatalogError> {
    let faults = input.faults();
    if !faults.is_empty() {
        return Err(CatalogError::Invalid(faults));
    }
    let (venue_id, organisation, now) = (input.venue, tenant.organisation, app.now());
    let Checked { layout, body } = aside(move || checked_input(input)).await??;
    let (seats, standing) = sizes(layout.map());
    let made = SeatMapSummary {
        id: SeatMapId::new(&*app.clock, &*app.random),
        venue_id,
        name: layout.map().name.clone(),
        seats,
        standing,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let (work, new) = (app.clone(), made.clone());
    app.db
        .write(move |c| {
            Box::pin(async move {
                venues::must_be_there(c, organisation, new.venue_id).await?;
                if store::count(c, organisation).await? >= MAX_SEAT_MAPS {
                    return Err(CatalogError::House(HouseError::TooManyMaps));
                }
                store::insert(c, organisation, &new)
                    .await
                    .map_err(without_venue)?;
                store::insert_version(c, &new, &body, &actor).await?;
                let saved = SavedSeatMap {
                    map: new.id,
                    organisation,
                    from_version: 0,
                    to_version: new.version,
                    dates: Vec::new(),
                    edit: None,
                };
                events::publish(&work, c, vec![DomainEvent::SeatMapSaved(saved)]).await?;
                let (action, of) = ("seat_maps.created", new.reference());
                audit(&work, c, organisation, &actor, action, of).await
            })
        })
        .await?;
    // Whoever makes a map looks at it.
    app.layouts.put(made.reference(), Arc::new(layout));
    Ok(made)
}

/// Deletes a seat map that no date uses, with all its versions.
///
/// # Errors
/// [`HouseError::MapNotFound`], [`HouseError::MapInUse`], [`CatalogError::Stale`], or a fault of the
/// database.
pub async fn delete_seat_map(
    app: &App,
    tenant: &Tenant,
    id: SeatMapId,
    actor: String,
    seen: IfMatch,
) -> Result<(), CatalogError> {
    find(app, tenant, id).await?;
    let (work, organisation) = (app.clone(), tenant.organisation);
    app.db
        .write(move |c| {
            Box::pin(async move {
                let version = store::lock(c, id).await?.ok_or(HouseError::MapNotFound)?;
                StartsFrom::any(seen).allow(version)?;
                if store::is_used(c, id).await? {
                    return Err(CatalogError::House(HouseError::MapInUse));
                }
                store::delete(c, id).await?;
                let deleted = DomainEvent::SeatMapDeleted {
                    map: id,
                    organisation,
                };
                events::publish(&work, c, vec![deleted]).await?;
                let of = SeatMapRef { id, version };
                audit(&work, c, organisation, &actor, "seat_maps.deleted", of).await
            })
        })
        .await
}

/// The newest version of an organisation's map that a date is to use, inside the write that says so:
/// the map is not deleted before that is over.
///
/// # Errors
/// A fault of the database.
pub async fn seat_map_to_use_in(
    c: &mut Conn,
    organisation: OrganisationId,
    id: SeatMapId,
) -> Result<Option<SeatMapRef>, DbError> {
    let version = store::newest_to_use(c, organisation, id).await?;
    Ok(version.map(|version| SeatMapRef { id, version }))
}
