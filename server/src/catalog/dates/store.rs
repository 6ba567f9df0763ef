//! All SQL of series and of what single dates say.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Col, ColError, Conn, DbError, FromCol, ToVal, Val};
use bilten_kernel::{record, sql, vals};

use crate::catalog::model::series::{Local, Series, Settings};
use crate::catalog::model::*;

impl FromCol for Series {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        serde_json::from_str(col.text()?).map_err(|error| ColError(error.to_string()))
    }
}

impl FromCol for Settings {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        serde_json::from_str(col.text()?).map_err(|error| ColError(error.to_string()))
    }
}

impl ToVal for Settings {
    fn to_val(self) -> Val {
        Val::Text(serde_json::to_string(&self).ok())
    }

    fn null() -> Val {
        Val::Text(None)
    }
}

record! {
    /// What a date says itself.
    pub(super) struct DateLayer {
        pub(super) id: OccurrenceId,
        pub(super) original_local: Option<Local>,
        pub(super) own: Option<Settings>,
    }
}

pub(super) async fn series(c: &mut Conn, event: EventId) -> Result<Option<Series>, DbError> {
    c.scalar_opt(
        sql!("SELECT content FROM series WHERE event_id = $1"),
        vals![event],
    )
    .await
}

pub(super) async fn put_series(
    c: &mut Conn,
    event: EventId,
    series: &Series,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO series (event_id, content, created_at, updated_at) VALUES ($1, $2, $3, $3) \
             ON CONFLICT (event_id) DO UPDATE SET content = excluded.content, updated_at = excluded.updated_at"
        ),
        vals![event, Val::json(series)?, now],
    )
    .await?;
    Ok(())
}

/// What the dates of an event say themselves.
pub(super) async fn layers(c: &mut Conn, event: EventId) -> Result<Vec<DateLayer>, DbError> {
    c.all(
        sql!("SELECT id, original_local, own FROM occurrences WHERE event_id = $1"),
        vals![event],
    )
    .await
}

/// Writes dates with what they say themselves.
pub(super) async fn update_dates(
    c: &mut Conn,
    dates: &[(&Occurrence, &Settings)],
) -> Result<(), DbError> {
    c.update_many(
        sql!(
            "UPDATE occurrences SET doors_at = $2, starts_at = $3, ends_at = $4, state = $5, original_local = $6, \
             offer = $7, seat_map_id = $8, seat_map_version = $9, own = $10 WHERE id = $1"
        ),
        dates
            .iter()
            .map(|(date, own)| {
                vals![
                    date.id, date.doors_at, date.starts_at, date.ends_at, date.state, date.original_local,
                    date.stored_offer(), date.seat_map.map(|map| map.id), date.seat_map.map(|map| map.version),
                    Some(*own).filter(|own| !own.is_empty())
                ]
            })
            .collect(),
    )
    .await?;
    Ok(())
}

pub(super) async fn delete_dates(
    c: &mut Conn,
    event: EventId,
    dates: &[OccurrenceId],
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM occurrences WHERE event_id = $1 AND id IN (SELECT value FROM list($2))"),
        vals![event, Val::texts(dates)],
    )
    .await?;
    Ok(())
}

pub(super) async fn cancel_date(c: &mut Conn, date: OccurrenceId) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE occurrences SET state = 'cancelled' WHERE id = $1"),
        vals![date],
    )
    .await?;
    Ok(())
}

/// Dates of an event that start in `[from, until)`, after the one that starts at this time and has
/// this id, earliest first.
pub(super) async fn page(
    c: &mut Conn,
    event: EventId,
    (from, until): (Timestamp, Timestamp),
    after: Option<(Timestamp, OccurrenceId)>,
    limit: i64,
) -> Result<Vec<Occurrence>, DbError> {
    let (at, id) = after.map_or((i64::MIN, String::new()), |(at, id)| {
        (at.ms(), id.to_string())
    });
    c.all(
        sql!(
            "SELECT id, doors_at, starts_at, ends_at, state, original_local, offer, seat_map_id, seat_map_version \
             FROM occurrences WHERE event_id = $1 AND starts_at >= $2 AND starts_at < $3 \
             AND (starts_at, id) > ($4, $5) ORDER BY starts_at, id LIMIT $6"
        ),
        vals![event, from, until, at, id, limit],
    )
    .await
}

/// Some dates of an event, and those that say when it is: the one whose doors open first and the one that
/// ends last of those that take place, or of all if none does.
pub(in crate::catalog) async fn with_span(
    c: &mut Conn,
    event: EventId,
    dates: Val,
) -> Result<Vec<Occurrence>, DbError> {
    c.all(
        sql!(
            "SELECT id, doors_at, starts_at, ends_at, state, original_local, offer, seat_map_id, seat_map_version \
             FROM occurrences WHERE event_id = $1 AND id IN (SELECT value FROM list($2) \
             UNION ALL SELECT f.id FROM (SELECT o.id FROM occurrences o WHERE o.event_id = $1 \
             ORDER BY CASE WHEN o.state = 'scheduled' THEN 0 ELSE 1 END, COALESCE(o.doors_at, o.starts_at), o.id \
             LIMIT 1) AS f \
             UNION ALL SELECT l.id FROM (SELECT o.id FROM occurrences o WHERE o.event_id = $1 \
             ORDER BY CASE WHEN o.state = 'scheduled' THEN 0 ELSE 1 END, o.ends_at DESC, o.id LIMIT 1) AS l) \
             ORDER BY starts_at, id"
        ),
        vals![event, dates],
    )
    .await
}

/// When the doors of a date open.
pub(in crate::catalog) async fn doors_of_date(
    c: &mut Conn,
    event: EventId,
    date: OccurrenceId,
) -> Result<Option<Timestamp>, DbError> {
    c.scalar_opt(
        sql!(
            "SELECT COALESCE(doors_at, starts_at) FROM occurrences WHERE id = $1 AND event_id = $2"
        ),
        vals![date, event],
    )
    .await
}

/// When doors of an event first open within `[from, until)`, of the dates that take place.
pub(in crate::catalog) async fn first_doors(
    c: &mut Conn,
    event: EventId,
    (from, until): (Timestamp, Timestamp),
) -> Result<Option<Timestamp>, DbError> {
    c.scalar_opt(
        sql!(
            "SELECT COALESCE(doors_at, starts_at) AS opens_at FROM occurrences WHERE event_id = $1 \
             AND state = 'scheduled' AND COALESCE(doors_at, starts_at) >= $2 AND COALESCE(doors_at, starts_at) < $3 \
             ORDER BY opens_at LIMIT 1"
        ),
        vals![event, from, until],
    )
    .await
}
