//! Reading and listing seat maps.

use bilten_kernel::http::Place;

use super::super::cache::layout;
use super::super::store;
use super::{aside, broken, sizes};
use crate::app::App;
use crate::catalog::model::*;
use crate::catalog::seating::{self, Occupancy, PartId, SeatSet};
use crate::catalog::service::CatalogError;
use crate::catalog::venues::HouseError;
use crate::identity::Tenant;

/// An organisation's map, as it is now.
pub(super) async fn find(
    app: &App,
    tenant: &Tenant,
    id: SeatMapId,
) -> Result<SeatMapSummary, CatalogError> {
    let tenant = tenant.clone();
    app.db
        .read(move |c| Box::pin(async move { store::find(c, &tenant, id).await }))
        .await?
        .ok_or(CatalogError::House(HouseError::MapNotFound))
}

/// An organisation's map as it is now, or as it was at a version.
///
/// # Errors
/// [`HouseError::MapNotFound`], or a fault of the database.
pub async fn seat_map_at(
    app: &App,
    tenant: &Tenant,
    id: SeatMapId,
    version: Option<i64>,
) -> Result<SeatMapSummary, CatalogError> {
    let newest = find(app, tenant, id).await?;
    let Some(version) = version.filter(|version| *version != newest.version) else {
        return Ok(newest);
    };
    let of = SeatMapRef { id, version };
    let was = app
        .db
        .read(move |c| Box::pin(async move { store::version(c, of).await }))
        .await?
        .ok_or(HouseError::MapNotFound)?;
    Ok(SeatMapSummary {
        name: was.name,
        seats: was.seats,
        standing: was.standing,
        version: was.version,
        updated_at: was.created_at,
        ..newest
    })
}

/// A version of an organisation's map with what is on it; the newest, if none is named.
///
/// # Errors
/// [`HouseError::MapNotFound`], or a fault of the database.
pub async fn seat_map(
    app: &App,
    tenant: &Tenant,
    id: SeatMapId,
    version: Option<i64>,
) -> Result<SeatMapDetail, CatalogError> {
    let summary = seat_map_at(app, tenant, id, version).await?;
    let layout = layout(app, summary.reference()).await?;
    Ok(SeatMapDetail {
        summary,
        map: layout.map().clone(),
    })
}

/// An organisation's maps in an order, after a place in it; all of them, or those of a venue.
///
/// # Errors
/// A fault of the database.
pub async fn seat_maps(
    app: &App,
    tenant: &Tenant,
    venue: Option<VenueId>,
    by: SeatMapSort,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<SeatMapSummary>, CatalogError> {
    let tenant = tenant.clone();
    Ok(app
        .db
        .read(move |c| {
            Box::pin(async move { store::list(c, &tenant, venue, by, after.as_ref(), limit).await })
        })
        .await?)
}

/// The versions of an organisation's map, newest first, before one of them.
///
/// # Errors
/// [`HouseError::MapNotFound`], or a fault of the database.
pub async fn seat_map_versions(
    app: &App,
    tenant: &Tenant,
    id: SeatMapId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<SeatMapVersion>, CatalogError> {
    find(app, tenant, id).await?;
    let before = before.unwrap_or(i64::MAX);
    Ok(app
        .db
        .read(move |c| Box::pin(async move { store::versions(c, id, before, limit).await }))
        .await?)
}

/// The templates that there are.
///
/// # Errors
/// A fault of ours.
pub async fn seat_map_templates() -> Result<Vec<ListedTemplate>, CatalogError> {
    aside(|| {
        SeatMapTemplate::ALL
            .iter()
            .map(|one| listed(*one))
            .collect()
    })
    .await?
}

fn listed(template: SeatMapTemplate) -> Result<ListedTemplate, CatalogError> {
    let input = TemplateInput {
        template,
        sections: None,
        rows: None,
        seats: None,
    };
    let map = input.map().map_err(|error| broken(&error))?;
    let (seats, standing) = sizes(&map);
    Ok(ListedTemplate {
        template,
        name: map.name,
        seats,
        standing,
        is_sizable: template.is_sizable(),
    })
}

/// Rows and tables of a version of a map with their seats, in the order of the map: so many after the
/// first `skip` of them, all or those of a section.
///
/// # Errors
/// [`HouseError::SectionNotFound`], or a fault of the database.
pub async fn seat_rows(
    app: &App,
    of: SeatMapRef,
    only: Option<PartId>,
    mut skip: usize,
    most: usize,
) -> Result<Vec<ListedRow>, CatalogError> {
    let layout = layout(app, of).await?;
    aside(move || -> Result<_, CatalogError> {
        let sections = &layout.map().sections;
        if only.is_some_and(|only| sections.iter().all(|section| section.id != only)) {
            return Err(CatalogError::House(HouseError::SectionNotFound));
        }
        let nothing = (
            Occupancy::new(&layout),
            SeatSet::empty(layout.places().len()),
        );
        let mut found = Vec::new();
        let wanted = sections
            .iter()
            .filter(|section| only.is_none_or(|only| section.id == only));
        for section in wanted {
            let count = section.rows.len() + section.tables.len();
            if skip >= count {
                skip -= count;
                continue;
            }
            let rows = seating::list(&layout, &nothing.0, &nothing.1, section.id);
            found.extend(rows.into_iter().skip(skip).map(|row| ListedRow {
                section: section.id,
                section_label: section.label.clone(),
                entrance: section.entrance.clone(),
                row,
            }));
            skip = 0;
            if found.len() >= most {
                break;
            }
        }
        found.truncate(most);
        Ok(found)
    })
    .await?
}
