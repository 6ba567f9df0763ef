//! Stock by counters. Whoever takes from several takes them sorted by key, so that nobody waits in a circle.

use std::collections::BTreeSet;

use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::catalog::{CounterKey, EventId, OccurrenceId};
use crate::sales::model::*;

/// Where the taken stock goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::sales) enum Take {
    Held,
    Sold,
}

/// What a statement found that took stock.
#[derive(Clone, Copy, Debug)]
pub(in crate::sales) struct Found {
    /// How many were held or sold before.
    pub(in crate::sales) taken: i64,
    /// How many there are in all.
    pub(in crate::sales) capacity: i64,
}

record! {
    /// What may be sold of an event now.
    pub(in crate::sales) struct SalesRow {
        pub(in crate::sales) version: i64,
        pub(in crate::sales) selling: bool,
        pub(in crate::sales) plan: Option<Vec<u8>>,
    }
}

record! {
    /// A counter as it is stored.
    pub(in crate::sales) struct CounterRow {
        pub(in crate::sales) counter: String,
        pub(in crate::sales) occurrence_id: String,
        pub(in crate::sales) capacity: i64,
        pub(in crate::sales) taken: i64,
    }
}

record! {
    /// What is left of a counter.
    pub(in crate::sales) struct LeftRow {
        pub(in crate::sales) counter: String,
        pub(in crate::sales) occurrence_id: String,
        pub(in crate::sales) unsold: i64,
        pub(in crate::sales) free: i64,
    }
}

/// The date of a counter as it is stored: empty for all dates together.
pub(in crate::sales) fn date_of(key: &CounterKey) -> String {
    key.occurrence.map_or_else(String::new, |id| id.to_string())
}

// Following the catalogue

pub(in crate::sales) async fn event_sales(
    c: &mut Conn,
    event: EventId,
) -> Result<Option<SalesRow>, DbError> {
    c.opt(
        sql!("SELECT version, selling, plan FROM event_sales WHERE event_id = $1"),
        vals![event],
    )
    .await
}

/// Notes what may be sold of an event, unless that of a later version is noted; says whether it was.
pub(in crate::sales) async fn put_event_sales(
    c: &mut Conn,
    event: EventId,
    version: i64,
    selling: bool,
    plan: [u8; 32],
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO event_sales (event_id, version, selling, plan) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (event_id) DO UPDATE \
                 SET version = excluded.version, selling = excluded.selling, plan = excluded.plan \
                 WHERE event_sales.version <= excluded.version"
            ),
            vals![event, version, selling, plan],
        )
        .await?;
    Ok(touched == 1)
}

/// All counters of an event.
pub(in crate::sales) async fn counters(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<CounterRow>, DbError> {
    c.all(
        sql!(
            "SELECT counter, occurrence_id, capacity, held + sold AS taken FROM stock \
             WHERE event_id = $1 ORDER BY counter, occurrence_id"
        ),
        vals![event],
    )
    .await
}

/// The counters of an event of which something is held or sold.
pub(in crate::sales) async fn taken_counters(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<CounterRow>, DbError> {
    c.all(
        sql!(
            "SELECT counter, occurrence_id, capacity, held + sold AS taken FROM stock \
             WHERE event_id = $1 AND held + sold > 0 ORDER BY counter, occurrence_id"
        ),
        vals![event],
    )
    .await
}

/// What is left of the counters of an event, each with all its dates put together but for those that are
/// over.
pub(in crate::sales) async fn left_in_all(
    c: &mut Conn,
    event: EventId,
    over: Val,
) -> Result<Vec<LeftRow>, DbError> {
    c.all(
        sql!(
            "SELECT counter, '' AS occurrence_id, CAST(SUM(capacity - sold) AS BIGINT) AS unsold, \
             CAST(SUM(capacity - held - sold) AS BIGINT) AS free FROM stock \
             WHERE event_id = $1 AND occurrence_id NOT IN (SELECT value FROM list($2)) \
             GROUP BY counter ORDER BY counter"
        ),
        vals![event, over],
    )
    .await
}

/// What is left of the counters of an event of which something is, each by its dates but for those that are
/// over.
pub(in crate::sales) async fn left_by_date(
    c: &mut Conn,
    event: EventId,
    over: Val,
) -> Result<Vec<LeftRow>, DbError> {
    c.all(
        sql!(
            "SELECT counter, occurrence_id, capacity - sold AS unsold, capacity - held - sold AS free FROM stock \
             WHERE event_id = $1 AND sold < capacity AND occurrence_id NOT IN (SELECT value FROM list($2))"
        ),
        vals![event, over],
    )
    .await
}

/// What is left of these counters for all dates together (the date is empty) and on these dates. They are found by
/// their whole key, whatever other dates there are.
pub(in crate::sales) async fn left_on(
    c: &mut Conn,
    counters: Val,
    dates: Val,
) -> Result<Vec<LeftRow>, DbError> {
    c.all(
        sql!(
            "SELECT counter, occurrence_id, capacity - sold AS unsold, capacity - held - sold AS free FROM stock \
             WHERE counter IN (SELECT value FROM list($1)) AND occurrence_id IN (SELECT value FROM list($2))"
        ),
        vals![counters, dates],
    )
    .await
}

/// Counters for all dates together, and on one date. They are found by their whole key, whatever other dates
/// there are.
pub(in crate::sales) async fn counters_on(
    c: &mut Conn,
    counters: Val,
    date: OccurrenceId,
) -> Result<Vec<CounterRow>, DbError> {
    c.all(
        sql!(
            "SELECT counter, occurrence_id, capacity, held + sold AS taken FROM stock \
             WHERE counter IN (SELECT value FROM list($1)) AND occurrence_id IN ('', $2)"
        ),
        vals![counters, date],
    )
    .await
}

/// Adds counters, or sets their capacity if that is not below what is sold and held; gives how many
/// were.
pub(in crate::sales) async fn put_counters(
    c: &mut Conn,
    event: EventId,
    selling: bool,
    counters: &[(&CounterKey, i64)],
) -> Result<u64, DbError> {
    c.insert_many(
        sql!(
            "INSERT INTO stock (event_id, counter, occurrence_id, capacity, held, sold, selling) \
             VALUES ($1, $2, $3, $4, 0, 0, $5) ON CONFLICT (counter, occurrence_id) DO UPDATE \
             SET capacity = excluded.capacity WHERE stock.held + stock.sold <= excluded.capacity"
        ),
        counters
            .iter()
            .map(|(key, capacity)| vals![event, &key.of, date_of(key), *capacity, selling])
            .collect(),
    )
    .await
}

/// Says of all counters of an event whether they sell, in the order in which they are taken from.
pub(in crate::sales) async fn set_selling(
    c: &mut Conn,
    event: EventId,
    selling: bool,
) -> Result<(), DbError> {
    // An update of many rows would lock them as they lie in the table.
    c.scalars::<String>(
        sql!(
            "SELECT counter FROM stock WHERE event_id = $1 AND selling <> $2 \
             ORDER BY counter, occurrence_id FOR UPDATE"
        ),
        vals![event, selling],
    )
    .await?;
    c.exec(
        sql!("UPDATE stock SET selling = $2 WHERE event_id = $1 AND selling <> $2"),
        vals![event, selling],
    )
    .await?;
    Ok(())
}

/// Drops a counter of which nothing is sold or held; says whether that was so.
pub(in crate::sales) async fn drop_counter(
    c: &mut Conn,
    row: &CounterRow,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!("DELETE FROM stock WHERE counter = $1 AND occurrence_id = $2 AND held = 0 AND sold = 0"),
            vals![&row.counter, &row.occurrence_id],
        )
        .await?;
    Ok(touched == 1)
}

/// Lets a counter sell no more.
pub(in crate::sales) async fn close_counter(c: &mut Conn, row: &CounterRow) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE stock SET capacity = held + sold WHERE counter = $1 AND occurrence_id = $2"),
        vals![&row.counter, &row.occurrence_id],
    )
    .await?;
    Ok(())
}

pub(in crate::sales) async fn delete_stock(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    for statement in [
        sql!("DELETE FROM stock WHERE event_id = $1"),
        sql!("DELETE FROM event_sales WHERE event_id = $1"),
    ] {
        c.exec(statement, vals![event]).await?;
    }
    Ok(())
}

// Taking

/// Takes from one counter if there is enough, it sells, and the event has not changed.
pub(in crate::sales) async fn take(
    c: &mut Conn,
    how: Take,
    key: &CounterKey,
    quantity: i64,
    event_version: i64,
) -> Result<Option<Found>, DbError> {
    let statement = match how {
        Take::Held => sql!(
            "UPDATE stock SET held = held + $3 WHERE counter = $1 AND occurrence_id = $2 AND selling \
             AND held + sold + $3 <= capacity AND EXISTS (SELECT 1 FROM event_sales s \
             WHERE s.event_id = stock.event_id AND s.version = $4 AND s.selling) \
             RETURNING held + sold - $3 AS taken, capacity"
        ),
        Take::Sold => sql!(
            "UPDATE stock SET sold = sold + $3 WHERE counter = $1 AND occurrence_id = $2 AND selling \
             AND held + sold + $3 <= capacity AND EXISTS (SELECT 1 FROM event_sales s \
             WHERE s.event_id = stock.event_id AND s.version = $4 AND s.selling) \
             RETURNING held + sold - $3 AS taken, capacity"
        ),
    };
    let found: Option<(i64, i64)> = c
        .opt(
            statement,
            vals![&key.of, date_of(key), quantity, event_version],
        )
        .await?;
    Ok(found.map(|(taken, capacity)| Found { taken, capacity }))
}

/// Takes from one counter for an order that was paid after it had ended, at whatever version.
pub(in crate::sales) async fn take_late(
    c: &mut Conn,
    key: &CounterKey,
    quantity: i64,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE stock SET sold = sold + $3 \
                 WHERE counter = $1 AND occurrence_id = $2 AND held + sold + $3 <= capacity"
            ),
            vals![&key.of, date_of(key), quantity],
        )
        .await?;
    Ok(touched == 1)
}

/// Gives stock back, sorted by key.
pub(in crate::sales) async fn give_back(
    c: &mut Conn,
    how: Take,
    stock: &[(CounterKey, i64)],
) -> Result<(), DbError> {
    let statement = match how {
        Take::Held => {
            sql!("UPDATE stock SET held = held - $3 WHERE counter = $1 AND occurrence_id = $2")
        }
        Take::Sold => {
            sql!("UPDATE stock SET sold = sold - $3 WHERE counter = $1 AND occurrence_id = $2")
        }
    };
    for (key, quantity) in stock {
        c.exec(statement, vals![&key.of, date_of(key), *quantity])
            .await?;
    }
    Ok(())
}

/// Turns held stock into sold stock, sorted by key.
pub(in crate::sales) async fn sell_held(
    c: &mut Conn,
    stock: &[(CounterKey, i64)],
) -> Result<(), DbError> {
    for (key, quantity) in stock {
        c.exec(
            sql!(
                "UPDATE stock SET held = held - $3, sold = sold + $3 \
                 WHERE counter = $1 AND occurrence_id = $2"
            ),
            vals![&key.of, date_of(key), *quantity],
        )
        .await?;
    }
    Ok(())
}

/// Whether a counter sells, waiting for whoever stops that in this moment.
pub(in crate::sales) async fn is_selling(c: &mut Conn, key: &CounterKey) -> Result<bool, DbError> {
    let found = c
        .scalar_opt(
            sql!("SELECT selling FROM stock WHERE counter = $1 AND occurrence_id = $2 FOR UPDATE"),
            vals![&key.of, date_of(key)],
        )
        .await?;
    Ok(found.unwrap_or(false))
}

/// Locks counters for the rest of a write, sorted by key.
pub(in crate::sales) async fn lock_counters(
    c: &mut Conn,
    keys: &BTreeSet<&CounterKey>,
) -> Result<(), DbError> {
    let _locked: Vec<i64> = c
        .scalars(
            sql!(
                "SELECT held FROM stock WHERE counter IN (SELECT value FROM list($1)) \
                 AND occurrence_id IN (SELECT value FROM list($2)) \
                 AND counter || ' ' || occurrence_id IN (SELECT value FROM list($3)) \
                 ORDER BY counter, occurrence_id FOR NO KEY UPDATE"
            ),
            named(keys),
        )
        .await?;
    Ok(())
}

/// Counters and dates, by which their rows are found, and which of their combinations are meant.
fn named(keys: &BTreeSet<&CounterKey>) -> Vec<Val> {
    let counters: BTreeSet<&str> = keys.iter().map(|key| key.of.as_str()).collect();
    let dates: BTreeSet<String> = keys.iter().map(|key| date_of(key)).collect();
    let pairs = keys
        .iter()
        .map(|key| format!("{} {}", key.of, date_of(key)));
    vec![Val::texts(counters), Val::texts(dates), Val::texts(pairs)]
}

// Looking

/// Those of these counters that there are.
pub(in crate::sales) async fn counters_of(
    c: &mut Conn,
    keys: &BTreeSet<&CounterKey>,
) -> Result<Vec<CounterRow>, DbError> {
    c.all(
        sql!(
            "SELECT counter, occurrence_id, capacity, held + sold AS taken FROM stock \
             WHERE counter IN (SELECT value FROM list($1)) AND occurrence_id IN (SELECT value FROM list($2)) \
             AND counter || ' ' || occurrence_id IN (SELECT value FROM list($3))"
        ),
        named(keys),
    )
    .await
}

/// What is taken of one counter, and its capacity.
pub(in crate::sales) async fn counter(
    c: &mut Conn,
    key: &CounterKey,
) -> Result<Option<Found>, DbError> {
    let found: Option<(i64, i64)> = c
        .opt(
            sql!(
                "SELECT held + sold AS taken, capacity FROM stock \
                 WHERE counter = $1 AND occurrence_id = $2"
            ),
            vals![&key.of, date_of(key)],
        )
        .await?;
    Ok(found.map(|(taken, capacity)| Found { taken, capacity }))
}

/// The stock of an event's tiers, all dates of each together.
pub(in crate::sales) async fn stock(c: &mut Conn, event: EventId) -> Result<Vec<Stock>, DbError> {
    c.all(
        sql!(
            "SELECT counter AS tier_id, CAST(SUM(capacity) AS BIGINT) AS capacity, \
             CAST(SUM(held) AS BIGINT) AS held, CAST(SUM(sold) AS BIGINT) AS sold FROM stock \
             WHERE event_id = $1 AND substr(counter, 1, 4) = 'tir_' GROUP BY counter ORDER BY counter"
        ),
        vals![event],
    )
    .await
}
