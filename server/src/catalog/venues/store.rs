//! All SQL about venues.

use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::http::Place;
use bilten_kernel::{sql, vals};

use crate::catalog::model::EventId;
use crate::catalog::model::venue::*;
use crate::identity::{OrganisationId, Tenant};

pub(super) async fn insert(
    c: &mut Conn,
    organisation: OrganisationId,
    venue: &VenueDetail,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO venues (id, organisation_id, name, country, definition, version, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        ),
        vals![
            venue.id,
            organisation,
            &venue.name,
            venue.address.country.code(),
            Val::json(&venue.venue())?,
            venue.version,
            venue.created_at,
            venue.updated_at
        ],
    )
    .await?;
    Ok(())
}

/// How many venues an organisation has.
pub(super) async fn count(c: &mut Conn, organisation: OrganisationId) -> Result<i64, DbError> {
    c.scalar(
        sql!("SELECT COUNT(*) FROM venues WHERE organisation_id = $1"),
        vals![organisation],
    )
    .await
}

/// A venue of an organisation; for whoever may see some events only, if one of these names it.
pub(super) async fn find(
    c: &mut Conn,
    tenant: &Tenant,
    id: VenueId,
) -> Result<Option<VenueDetail>, DbError> {
    let [all, events] = tenant.only_values();
    c.opt(
        sql!(
            "SELECT v.id, v.definition, v.version, v.created_at, v.updated_at FROM venues v \
             WHERE v.id = $1 AND v.organisation_id = $2 AND ($3 OR v.id IN \
             (SELECT e.venue_id FROM events e WHERE e.id IN (SELECT value FROM list($4))))"
        ),
        vals![id, tenant.organisation, all, events],
    )
    .await
}

/// The statement that lists venues in an order, one for each.
macro_rules! listed {
    ($after_and_order:literal) => {
        sql!(concat!(
            "SELECT v.id, v.definition, v.version, v.created_at, v.updated_at FROM venues v \
             WHERE v.organisation_id = $1 AND ($2 OR v.id IN \
             (SELECT e.venue_id FROM events e WHERE e.id IN (SELECT value FROM list($3)))) AND ",
            $after_and_order,
            " LIMIT $4"
        ))
    };
}

/// An organisation's venues in an order, after a place in it.
pub(super) async fn list(
    c: &mut Conn,
    tenant: &Tenant,
    by: VenueSort,
    after: Option<&Place>,
    limit: i64,
) -> Result<Vec<VenueDetail>, DbError> {
    let [all, events] = tenant.only_values();
    let mut values = vals![tenant.organisation, all, events, limit];
    let statement = match by {
        VenueSort::Newest => {
            values.extend(Place::newest_first(after));
            listed!("v.id < $5 ORDER BY v.id DESC")
        }
        VenueSort::Name => {
            values.extend(Place::by_text(after));
            listed!("($5 OR (v.name, v.id) > ($6, $7)) ORDER BY v.name, v.id")
        }
    };
    c.all(statement, values).await
}

/// Writes all that can change, if the venue still has version `from`.
pub(super) async fn update(c: &mut Conn, venue: &VenueDetail, from: i64) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE venues SET name = $3, country = $4, definition = $5, version = $6, updated_at = $7 \
                 WHERE id = $1 AND version = $2"
            ),
            vals![
                venue.id,
                from,
                &venue.name,
                venue.address.country.code(),
                Val::json(&venue.venue())?,
                venue.version,
                venue.updated_at
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Deletes a venue; a violation of a foreign key if something names it.
pub(super) async fn delete(c: &mut Conn, id: VenueId, version: i64) -> Result<bool, DbError> {
    let gone = c
        .exec(
            sql!("DELETE FROM venues WHERE id = $1 AND version = $2"),
            vals![id, version],
        )
        .await?;
    Ok(gone == 1)
}

/// The venue that an event names.
pub(super) async fn of_event(c: &mut Conn, event: EventId) -> Result<Option<VenueId>, DbError> {
    let found: Option<Option<VenueId>> = c
        .scalar_opt(
            sql!("SELECT venue_id FROM events WHERE id = $1"),
            vals![event],
        )
        .await?;
    Ok(found.flatten())
}

/// Lets an event name a venue, or none; a violation of a foreign key if that is not there any more.
pub(super) async fn set_of_event(
    c: &mut Conn,
    event: EventId,
    venue: Option<VenueId>,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE events SET venue_id = $2 WHERE id = $1"),
        vals![event, venue],
    )
    .await?;
    Ok(())
}
