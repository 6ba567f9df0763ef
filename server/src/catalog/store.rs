//! All SQL of the catalogue.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, Db, DbError, Val};
use bilten_kernel::http::Place;
use bilten_kernel::{sql, vals};

use super::model::*;
use crate::identity::{OrganisationId, Tenant};

pub(super) async fn insert_event(c: &mut Conn, e: &Event) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO events (id, organisation_id, slug, name, description, state, time_zone, currency, \
             venue_name, venue_address, sandbox, version, created_at, updated_at, brake, details) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
        ),
        vals![
            e.id, e.organisation_id, &e.slug, &e.name, &e.description, e.state, &e.time_zone, e.currency,
            &e.venue_name, &e.venue_address, e.sandbox, e.version, e.created_at, e.updated_at, e.brake,
            Val::json(&e.details)?
        ],
    )
    .await?;
    Ok(())
}

/// Writes all that can change, if the event still has version `from`.
pub(super) async fn update_event(c: &mut Conn, e: &Event, from: i64) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE events SET name = $3, description = $4, state = $5, venue_name = $6, venue_address = $7, \
                 version = $8, updated_at = $9, brake = $10, details = $11 WHERE id = $1 AND version = $2"
            ),
            vals![
                e.id, from, &e.name, &e.description, e.state, &e.venue_name, &e.venue_address, e.version, e.updated_at,
                e.brake, Val::json(&e.details)?
            ],
        )
        .await?;
    Ok(touched == 1)
}

pub(super) async fn insert_version(
    c: &mut Conn,
    event: &Event,
    change: &str,
    actor: &str,
    snapshot: Val,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO event_versions (event_id, version, change, actor, snapshot, at) \
             VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        vals![
            event.id,
            event.version,
            change,
            actor,
            snapshot,
            event.updated_at
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn event_of(
    c: &mut Conn,
    tenant: &Tenant,
    id: EventId,
) -> Result<Option<Event>, DbError> {
    if !tenant.includes(id) {
        return Ok(None);
    }
    c.opt(
        sql!(
            "SELECT id, organisation_id, slug, name, description, state, time_zone, currency, venue_name, \
             venue_address, sandbox, version, created_at, updated_at, brake, details FROM events \
             WHERE id = $1 AND organisation_id = $2"
        ),
        vals![id, tenant.organisation],
    )
    .await
}

pub(super) async fn event(c: &mut Conn, id: EventId) -> Result<Option<Event>, DbError> {
    c.opt(
        sql!(
            "SELECT id, organisation_id, slug, name, description, state, time_zone, currency, venue_name, \
             venue_address, sandbox, version, created_at, updated_at, brake, details FROM events WHERE id = $1"
        ),
        vals![id],
    )
    .await
}

pub(super) async fn version(c: &mut Conn, id: EventId) -> Result<Option<i64>, DbError> {
    c.scalar_opt(sql!("SELECT version FROM events WHERE id = $1"), vals![id])
        .await
}

/// The version and the state of an event, and how many of these dates of it are not called off.
pub(super) async fn taking_place(
    c: &mut Conn,
    id: EventId,
    dates: Val,
) -> Result<Option<(i64, EventState, i64)>, DbError> {
    c.opt(
        sql!(
            "SELECT e.version, e.state, (SELECT COUNT(*) FROM occurrences o WHERE o.event_id = e.id \
             AND o.state = 'scheduled' AND o.id IN (SELECT value FROM list($2))) AS scheduled \
             FROM events e WHERE e.id = $1"
        ),
        vals![id, dates],
    )
    .await
}

pub(super) async fn organisation(
    c: &mut Conn,
    id: EventId,
) -> Result<Option<OrganisationId>, DbError> {
    c.scalar_opt(
        sql!("SELECT organisation_id FROM events WHERE id = $1"),
        vals![id],
    )
    .await
}

pub(super) async fn id_by_slug(c: &mut Conn, slug: &str) -> Result<Option<EventId>, DbError> {
    c.scalar_opt(sql!("SELECT id FROM events WHERE slug = $1"), vals![slug])
        .await
}

/// The statement that lists events in an order, one for each.
macro_rules! listed {
    ($after_and_order:literal) => {
        sql!(concat!(
            "SELECT e.id, e.organisation_id, e.slug, e.name, e.description, e.state, e.time_zone, e.currency, \
             e.venue_name, e.venue_address, e.sandbox, e.version, e.created_at, e.updated_at, e.brake, e.details, \
             f.starts_at, l.ends_at \
             FROM events e \
             JOIN occurrences f ON f.id = (SELECT o.id FROM occurrences o WHERE o.event_id = e.id \
             ORDER BY o.starts_at, o.id LIMIT 1) \
             JOIN occurrences l ON l.id = (SELECT o.id FROM occurrences o WHERE o.event_id = e.id \
             ORDER BY o.ends_at DESC, o.id LIMIT 1) \
             WHERE e.organisation_id = $1 AND ($2 OR e.id IN (SELECT value FROM list($3))) AND ",
            $after_and_order,
            " LIMIT $4"
        ))
    };
}

/// An organisation's events in an order, after a place in it; `only` are those that are asked for
/// and may be seen, if not all.
pub(super) async fn events_of(
    c: &mut Conn,
    organisation: OrganisationId,
    only: Option<&[EventId]>,
    by: EventSort,
    after: Option<&Place>,
    limit: i64,
) -> Result<Vec<EventSummary>, DbError> {
    let mut values = vals![
        organisation,
        only.is_none(),
        Val::texts(only.unwrap_or_default()),
        limit
    ];
    match by {
        EventSort::Newest => values.extend(Place::newest_first(after)),
        EventSort::Oldest => values.extend(Place::oldest_first(after)),
        EventSort::Soonest | EventSort::Latest => values.extend(Place::by_number(after)),
        EventSort::Name | EventSort::NameBackwards => values.extend(Place::by_text(after)),
    }
    let statement = match by {
        EventSort::Newest => listed!("e.id < $5 ORDER BY e.id DESC"),
        EventSort::Oldest => listed!("e.id > $5 ORDER BY e.id"),
        EventSort::Soonest => {
            listed!("($5 OR (f.starts_at, e.id) > ($6, $7)) ORDER BY f.starts_at, e.id")
        }
        EventSort::Latest => {
            listed!("($5 OR (f.starts_at, e.id) < ($6, $7)) ORDER BY f.starts_at DESC, e.id DESC")
        }
        EventSort::Name => listed!("($5 OR (e.name, e.id) > ($6, $7)) ORDER BY e.name, e.id"),
        EventSort::NameBackwards => {
            listed!("($5 OR (e.name, e.id) < ($6, $7)) ORDER BY e.name DESC, e.id DESC")
        }
    };
    c.all(statement, values).await
}

/// An organisation's published events that end after `now`, soonest first; `only` are those that may
/// be seen, if not all.
pub(super) async fn upcoming_of(
    c: &mut Conn,
    organisation: OrganisationId,
    only: Option<&[EventId]>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<EventSummary>, DbError> {
    c.all(
        listed!("e.state = 'published' AND l.ends_at > $5 ORDER BY f.starts_at, e.id"),
        vals![
            organisation,
            only.is_none(),
            Val::texts(only.unwrap_or_default()),
            limit,
            now
        ],
    )
    .await
}

/// Published events with a date that ends after `now`, soonest first, but for those of sandboxes.
pub(super) async fn upcoming(
    c: &mut Conn,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<EventId>, DbError> {
    let rows: Vec<(EventId, Timestamp)> = c
        .all(
            sql!(
                "SELECT o.event_id, MIN(o.starts_at) AS starts_at FROM occurrences o \
                 JOIN events e ON e.id = o.event_id \
                 WHERE e.state = 'published' AND NOT e.sandbox AND o.state = 'scheduled' AND o.ends_at > $1 \
                 GROUP BY o.event_id ORDER BY starts_at, o.event_id LIMIT $2"
            ),
            vals![now, limit],
        )
        .await?;
    Ok(rows.into_iter().map(|(id, _)| id).collect())
}

/// An organisation's published events with dates that are not over, soonest first, after the one that
/// starts at this time and has this id. The dates are put together before anything else of their events is
/// read.
pub(super) async fn on_sale(
    c: &mut Conn,
    organisation: OrganisationId,
    now: Timestamp,
    after: Option<(Timestamp, EventId)>,
    limit: i64,
) -> Result<Vec<ListedEvent>, DbError> {
    let (starts_at, id) = after.map_or((i64::MIN, String::new()), |(at, id)| {
        (at.ms(), id.to_string())
    });
    c.all(
        sql!(
            "SELECT e.id, e.slug, e.name, e.time_zone, e.currency, e.venue_name, e.venue_address, e.sandbox, \
             e.details, d.starts_at, d.ends_at, \
             (SELECT MIN(t.price_minor) FROM tiers t WHERE t.event_id = e.id AND NOT t.hidden \
             AND t.kind IN ('ticket', 'bundle')) AS from_price_minor \
             FROM events e JOIN (SELECT o.event_id, MIN(o.starts_at) AS starts_at, MAX(o.ends_at) AS ends_at \
             FROM occurrences o WHERE o.state = 'scheduled' AND o.ends_at > $2 AND o.event_id IN \
             (SELECT own.id FROM events own WHERE own.organisation_id = $1 AND own.state = 'published') \
             GROUP BY o.event_id) d ON d.event_id = e.id \
             WHERE d.starts_at > $3 OR (d.starts_at = $3 AND e.id > $4) \
             ORDER BY d.starts_at, e.id LIMIT $5"
        ),
        vals![organisation, now, starts_at, id, limit],
    )
    .await
}

/// How many published events have dates that are not over, but for those of sandboxes.
pub(super) async fn count_on_sale(db: &Db, now: Timestamp) -> Result<i64, DbError> {
    db.scalar(
        sql!(
            "SELECT COUNT(DISTINCT o.event_id) FROM occurrences o JOIN events e ON e.id = o.event_id \
             WHERE e.state = 'published' AND NOT e.sandbox AND o.state = 'scheduled' AND o.ends_at > $1"
        ),
        vals![now],
    )
    .await
}

/// Other events of the same organisation that are not archived, for telling their tickets from forgeries.
pub(super) async fn siblings(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<(EventId, String)>, DbError> {
    c.all(
        sql!(
            "SELECT e.id, e.name FROM events e JOIN events mine ON mine.organisation_id = e.organisation_id \
             WHERE mine.id = $1 AND e.id <> mine.id AND e.state <> 'archived' \
             ORDER BY e.id DESC LIMIT 200"
        ),
        vals![event],
    )
    .await
}

/// All events of a sandbox.
pub(super) async fn sandbox_events(
    c: &mut Conn,
    organisation: OrganisationId,
) -> Result<Vec<EventId>, DbError> {
    c.scalars(
        sql!("SELECT id FROM events WHERE organisation_id = $1 AND sandbox ORDER BY id"),
        vals![organisation],
    )
    .await
}

async fn delete_parts(c: &mut Conn, id: EventId) -> Result<(), DbError> {
    for statement in [
        sql!("DELETE FROM tiers WHERE event_id = $1"),
        sql!("DELETE FROM capacity_pools WHERE event_id = $1"),
        sql!("DELETE FROM price_settings WHERE event_id = $1"),
        sql!("DELETE FROM series WHERE event_id = $1"),
        sql!("DELETE FROM occurrences WHERE event_id = $1"),
        sql!("DELETE FROM event_versions WHERE event_id = $1"),
        sql!("DELETE FROM questions WHERE event_id = $1"),
        sql!("DELETE FROM policies WHERE event_id = $1"),
        sql!("DELETE FROM policy_versions WHERE event_id = $1"),
    ] {
        c.exec(statement, vals![id]).await?;
    }
    Ok(())
}

pub(super) async fn delete_sandbox_event(c: &mut Conn, id: EventId) -> Result<(), DbError> {
    delete_parts(c, id).await?;
    c.exec(
        sql!("DELETE FROM events WHERE id = $1 AND sandbox"),
        vals![id],
    )
    .await?;
    Ok(())
}

pub(super) async fn delete_draft(c: &mut Conn, id: EventId) -> Result<bool, DbError> {
    delete_parts(c, id).await?;
    Ok(c.exec(
        sql!("DELETE FROM events WHERE id = $1 AND state = 'draft'"),
        vals![id],
    )
    .await?
        == 1)
}

pub(super) async fn insert_occurrences(
    c: &mut Conn,
    event: EventId,
    occurrences: &[Occurrence],
) -> Result<(), DbError> {
    c.insert_many(
        sql!(
            "INSERT INTO occurrences (id, event_id, doors_at, starts_at, ends_at, state, original_local, offer, \
             seat_map_id, seat_map_version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        ),
        occurrences
            .iter()
            .map(|o| {
                vals![
                    o.id, event, o.doors_at, o.starts_at, o.ends_at, o.state, o.original_local, o.stored_offer(),
                    o.seat_map.map(|map| map.id), o.seat_map.map(|map| map.version)
                ]
            })
            .collect(),
    )
    .await?;
    Ok(())
}

pub(super) async fn occurrences(c: &mut Conn, event: EventId) -> Result<Vec<Occurrence>, DbError> {
    c.all(
        sql!(
            "SELECT id, doors_at, starts_at, ends_at, state, original_local, offer, seat_map_id, seat_map_version \
             FROM occurrences WHERE event_id = $1 ORDER BY starts_at, id"
        ),
        vals![event],
    )
    .await
}

pub(super) async fn insert_tiers(
    c: &mut Conn,
    event: EventId,
    tiers: &[Tier],
    now: Timestamp,
) -> Result<(), DbError> {
    c.insert_many(
        sql!(
            "INSERT INTO tiers (id, event_id, number, name, description, price_minor, capacity, max_per_order, \
             sales_start_at, sales_end_at, valid_from_at, valid_until_at, created_at, updated_at, \
             kind, per_date, pool_id, hidden, seat_category, needs_approval, pricing) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15, $16, $17, $18, $19, $20)"
        ),
        tiers
            .iter()
            .map(|t| {
                vals![
                    t.id, event, t.number, &t.name, &t.description, t.price_minor, t.capacity, t.max_per_order,
                    t.sales_start_at, t.sales_end_at, t.valid_from_at, t.valid_until_at, now,
                    t.kind, t.per_date, t.pool_id, t.hidden, &t.seat_category, t.needs_approval, &t.pricing
                ]
            })
            .collect(),
    )
    .await?;
    Ok(())
}

pub(super) async fn update_tier(c: &mut Conn, t: &Tier, now: Timestamp) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE tiers SET name = $2, description = $3, price_minor = $4, capacity = $5, max_per_order = $6, \
             updated_at = $7, sales_start_at = $8, sales_end_at = $9, kind = $10, per_date = $11, pool_id = $12, \
             hidden = $13, seat_category = $14, needs_approval = $15, pricing = $16 WHERE id = $1"
        ),
        vals![
            t.id, &t.name, &t.description, t.price_minor, t.capacity, t.max_per_order, now, t.sales_start_at,
            t.sales_end_at, t.kind, t.per_date, t.pool_id, t.hidden, &t.seat_category, t.needs_approval, &t.pricing
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn tiers(c: &mut Conn, event: EventId) -> Result<Vec<Tier>, DbError> {
    c.all(
        sql!(
            "SELECT id, number, name, description, price_minor, capacity, max_per_order, sales_start_at, \
             sales_end_at, valid_from_at, valid_until_at, kind, per_date, pool_id, hidden, seat_category, \
             needs_approval, pricing FROM tiers WHERE event_id = $1 ORDER BY number"
        ),
        vals![event],
    )
    .await
}

/// The tiers of an event whose orders the organiser accepts one by one.
pub(super) async fn tiers_to_approve(c: &mut Conn, event: EventId) -> Result<Vec<TierId>, DbError> {
    c.scalars(
        sql!("SELECT id FROM tiers WHERE event_id = $1 AND needs_approval ORDER BY id"),
        vals![event],
    )
    .await
}
