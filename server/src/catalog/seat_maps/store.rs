//! All SQL about seat maps.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::http::Place;
use bilten_kernel::{sql, vals};

use crate::catalog::model::*;
use crate::identity::{OrganisationId, Tenant};

pub(super) async fn insert(
    c: &mut Conn,
    organisation: OrganisationId,
    map: &SeatMapSummary,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO seat_maps (id, organisation_id, venue_id, name, seats, standing, version, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        ),
        vals![
            map.id, organisation, map.venue_id, &map.name, map.seats, map.standing, map.version, map.created_at,
            map.updated_at
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn insert_version(
    c: &mut Conn,
    map: &SeatMapSummary,
    body: &str,
    actor: &str,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO seat_map_versions (map_id, version, body, name, seats, standing, created_by, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        ),
        vals![map.id, map.version, body, &map.name, map.seats, map.standing, actor, map.updated_at],
    )
    .await?;
    Ok(())
}

/// How many seat maps an organisation has.
pub(super) async fn count(c: &mut Conn, organisation: OrganisationId) -> Result<i64, DbError> {
    c.scalar(
        sql!("SELECT COUNT(*) FROM seat_maps WHERE organisation_id = $1"),
        vals![organisation],
    )
    .await
}

/// A map of an organisation; for whoever may see some events only, if one of their dates uses it.
pub(super) async fn find(
    c: &mut Conn,
    tenant: &Tenant,
    id: SeatMapId,
) -> Result<Option<SeatMapSummary>, DbError> {
    let [all, events] = tenant.only_values();
    c.opt(
        sql!(
            "SELECT m.id, m.venue_id, m.name, m.seats, m.standing, m.version, m.created_at, m.updated_at \
             FROM seat_maps m WHERE m.id = $1 AND m.organisation_id = $2 AND ($3 OR m.id IN \
             (SELECT o.seat_map_id FROM occurrences o WHERE o.event_id IN (SELECT value FROM list($4))))"
        ),
        vals![id, tenant.organisation, all, events],
    )
    .await
}

/// The statement that lists maps in an order, one for each.
macro_rules! listed {
    ($after_and_order:literal) => {
        sql!(concat!(
            "SELECT m.id, m.venue_id, m.name, m.seats, m.standing, m.version, m.created_at, m.updated_at \
             FROM seat_maps m WHERE m.organisation_id = $1 AND ($2 OR m.id IN \
             (SELECT o.seat_map_id FROM occurrences o WHERE o.event_id IN (SELECT value FROM list($3)))) \
             AND ($4 OR m.venue_id = $5) AND ",
            $after_and_order,
            " LIMIT $6"
        ))
    };
}

/// An organisation's maps in an order, after a place in it; all of them, or those of a venue.
pub(super) async fn list(
    c: &mut Conn,
    tenant: &Tenant,
    venue: Option<VenueId>,
    by: SeatMapSort,
    after: Option<&Place>,
    limit: i64,
) -> Result<Vec<SeatMapSummary>, DbError> {
    let [all, events] = tenant.only_values();
    let mut values = vals![
        tenant.organisation,
        all,
        events,
        venue.is_none(),
        venue,
        limit
    ];
    let statement = match by {
        SeatMapSort::Newest => {
            values.extend(Place::newest_first(after));
            listed!("m.id < $7 ORDER BY m.id DESC")
        }
        SeatMapSort::Name => {
            values.extend(Place::by_text(after));
            listed!("($7 OR (m.name, m.id) > ($8, $9)) ORDER BY m.name, m.id")
        }
    };
    c.all(statement, values).await
}

/// What is on a version of a map, as JSON.
pub(super) async fn body(c: &mut Conn, of: SeatMapRef) -> Result<Option<String>, DbError> {
    c.scalar_opt(
        sql!("SELECT body FROM seat_map_versions WHERE map_id = $1 AND version = $2"),
        vals![of.id, of.version],
    )
    .await
}

pub(super) async fn version(
    c: &mut Conn,
    of: SeatMapRef,
) -> Result<Option<SeatMapVersion>, DbError> {
    c.opt(
        sql!(
            "SELECT version, name, seats, standing, created_by, created_at FROM seat_map_versions \
             WHERE map_id = $1 AND version = $2"
        ),
        vals![of.id, of.version],
    )
    .await
}

/// The versions of a map, newest first, before one of them.
pub(super) async fn versions(
    c: &mut Conn,
    id: SeatMapId,
    before: i64,
    limit: i64,
) -> Result<Vec<SeatMapVersion>, DbError> {
    c.all(
        sql!(
            "SELECT version, name, seats, standing, created_by, created_at FROM seat_map_versions \
             WHERE map_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3"
        ),
        vals![id, before, limit],
    )
    .await
}

/// Writes all that can change, if the map still has version `from`.
pub(super) async fn update(c: &mut Conn, map: &SeatMapSummary, from: i64) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE seat_maps SET venue_id = $3, name = $4, seats = $5, standing = $6, version = $7, updated_at = $8 \
                 WHERE id = $1 AND version = $2"
            ),
            vals![
                map.id, from, map.venue_id, &map.name, map.seats, map.standing, map.version, map.updated_at
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// The dates that are not over and use a version of a map, with their events.
pub(super) async fn dates(
    c: &mut Conn,
    of: SeatMapRef,
    now: Timestamp,
) -> Result<Vec<(OccurrenceId, EventId)>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_id FROM occurrences WHERE seat_map_id = $1 AND seat_map_version = $2 AND ends_at > $3 \
             ORDER BY id"
        ),
        vals![of.id, of.version, now],
    )
    .await
}

/// The price categories that tiers of these events sell.
pub(super) async fn categories_sold(
    c: &mut Conn,
    events: &[EventId],
) -> Result<Vec<String>, DbError> {
    c.scalars(
        sql!(
            "SELECT DISTINCT seat_category FROM tiers \
             WHERE event_id IN (SELECT value FROM list($1)) AND seat_category IS NOT NULL ORDER BY seat_category"
        ),
        vals![Val::texts(events)],
    )
    .await
}

/// Lets dates use another version of the map that they use.
pub(super) async fn move_dates(
    c: &mut Conn,
    dates: &[OccurrenceId],
    to: i64,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE occurrences SET seat_map_version = $2 WHERE id IN (SELECT value FROM list($1))"
        ),
        vals![Val::texts(dates), to],
    )
    .await?;
    Ok(())
}

/// Raises the version of an event some of whose dates use another map now.
pub(super) async fn raise_event(c: &mut Conn, id: EventId, now: Timestamp) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE events SET version = version + 1, updated_at = $2 WHERE id = $1"),
        vals![id, now],
    )
    .await?;
    Ok(())
}

/// The newest version of a map; whoever lets a date use the map waits until this write is over.
pub(super) async fn lock(c: &mut Conn, id: SeatMapId) -> Result<Option<i64>, DbError> {
    c.scalar_opt(
        sql!("SELECT version FROM seat_maps WHERE id = $1 FOR UPDATE"),
        vals![id],
    )
    .await
}

/// The newest version of an organisation's map, which is not deleted until this write is over.
pub(super) async fn newest_to_use(
    c: &mut Conn,
    organisation: OrganisationId,
    id: SeatMapId,
) -> Result<Option<i64>, DbError> {
    c.scalar_opt(
        sql!("SELECT version FROM seat_maps WHERE id = $1 AND organisation_id = $2 FOR SHARE"),
        vals![id, organisation],
    )
    .await
}

/// Whether a date uses a map.
pub(super) async fn is_used(c: &mut Conn, id: SeatMapId) -> Result<bool, DbError> {
    let used: Option<OccurrenceId> = c
        .scalar_opt(
            sql!("SELECT id FROM occurrences WHERE seat_map_id = $1 LIMIT 1"),
            vals![id],
        )
        .await?;
    Ok(used.is_some())
}

/// Deletes a map with all its versions.
pub(super) async fn delete(c: &mut Conn, id: SeatMapId) -> Result<(), DbError> {
    for statement in [
        sql!("DELETE FROM seat_map_versions WHERE map_id = $1"),
        sql!("DELETE FROM seat_maps WHERE id = $1"),
    ] {
        c.exec(statement, vals![id]).await?;
    }
    Ok(())
}
