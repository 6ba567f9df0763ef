//! Seats: every change of more than one is an insert of sorted rows, so that nobody waits in a circle;
//! see `catalog::seating`. Whoever gets fewer than asked for has to undo or roll back.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Statement, Val};
use bilten_kernel::{sql, vals};

use crate::catalog::seating::{SeatId, TakenState};
use crate::catalog::{EventId, OccurrenceId};
use crate::sales::model::{EventSaleRules, SaleRules};

/// Seats of dates, sorted.
pub(in crate::sales) type SeatKeys = [(OccurrenceId, SeatId)];

/// In whose name the organiser keeps seats back.
const ORGANISER: &str = "organiser";

fn rows(
    event: EventId,
    holder: &str,
    seats: &SeatKeys,
    until_at: i64,
    now: Timestamp,
) -> Vec<Vec<Val>> {
    seats
        .iter()
        .map(|(date, seat)| vals![*date, *seat, event, holder, until_at, now])
        .collect()
}

async fn all_of(
    c: &mut Conn,
    statement: &'static Statement,
    rows: Vec<Vec<Val>>,
) -> Result<bool, DbError> {
    let wanted = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    Ok(c.insert_many(statement, rows).await? == wanted)
}

/// Holds seats that are free; says whether all were.
pub(in crate::sales) async fn hold(
    c: &mut Conn,
    event: EventId,
    holder: &str,
    seats: &SeatKeys,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    all_of(
        c,
        sql!(
            "INSERT INTO taken_seats (occurrence_id, seat_id, event_id, state, holder, until_at, asked_at) \
             VALUES ($1, $2, $3, 'held', $4, $5, $6) ON CONFLICT (occurrence_id, seat_id) DO UPDATE \
             SET holder = excluded.holder, until_at = excluded.until_at, asked_at = excluded.asked_at \
             WHERE taken_seats.state = 'held' AND taken_seats.until_at <= excluded.asked_at"
        ),
        rows(event, holder, seats, until.ms(), now),
    )
    .await
}

/// A seat of a date, who is to hold it, until when, and when that was asked for.
pub(in crate::sales) type HeldFor = (OccurrenceId, SeatId, String, Timestamp, Timestamp);

/// Holds seats of an event for several at once, sorted and each only once; gives those that were free.
pub(in crate::sales) async fn hold_each(
    c: &mut Conn,
    event: EventId,
    seats: &[HeldFor],
) -> Result<Vec<(OccurrenceId, SeatId)>, DbError> {
    let rows = seats
        .iter()
        .map(|(date, seat, holder, until, now)| {
            vals![*date, *seat, event, holder, until.ms(), *now]
        })
        .collect();
    c.insert_many_returning(
        sql!(
            "INSERT INTO taken_seats (occurrence_id, seat_id, event_id, state, holder, until_at, asked_at) \
             VALUES ($1, $2, $3, 'held', $4, $5, $6) ON CONFLICT (occurrence_id, seat_id) DO UPDATE \
             SET holder = excluded.holder, until_at = excluded.until_at, asked_at = excluded.asked_at \
             WHERE taken_seats.state = 'held' AND taken_seats.until_at <= excluded.asked_at \
             RETURNING occurrence_id, seat_id"
        ),
        rows,
    )
    .await
}

/// Lets held seats be held until another time; says whether all still were.
pub(in crate::sales) async fn extend(
    c: &mut Conn,
    event: EventId,
    holder: &str,
    seats: &SeatKeys,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    all_of(
        c,
        sql!(
            "INSERT INTO taken_seats (occurrence_id, seat_id, event_id, state, holder, until_at, asked_at) \
             VALUES ($1, $2, $3, 'held', $4, $5, $6) ON CONFLICT (occurrence_id, seat_id) DO UPDATE \
             SET until_at = excluded.until_at \
             WHERE taken_seats.state = 'held' AND taken_seats.holder = excluded.holder"
        ),
        rows(event, holder, seats, until.ms(), now),
    )
    .await
}

/// Sells seats that this holder has or nobody; says whether all were.
pub(in crate::sales) async fn sell(
    c: &mut Conn,
    event: EventId,
    holder: &str,
    seats: &SeatKeys,
    now: Timestamp,
) -> Result<bool, DbError> {
    all_of(
        c,
        sql!(
            "INSERT INTO taken_seats (occurrence_id, seat_id, event_id, state, holder, until_at, asked_at) \
             VALUES ($1, $2, $3, 'sold', $4, $5, $6) ON CONFLICT (occurrence_id, seat_id) DO UPDATE \
             SET state = 'sold', holder = excluded.holder, asked_at = excluded.asked_at \
             WHERE taken_seats.state = 'held' \
             AND (taken_seats.holder = excluded.holder OR taken_seats.until_at <= excluded.asked_at)"
        ),
        rows(event, holder, seats, 0, now),
    )
    .await
}

/// Lets go of seats, each if this holder has it; sorted, and each only once.
pub(in crate::sales) async fn free_all(
    c: &mut Conn,
    seats: &[(OccurrenceId, SeatId, EventId, String)],
    now: Timestamp,
) -> Result<(), DbError> {
    let rows = seats
        .iter()
        .map(|(date, seat, event, holder)| vals![*date, *seat, *event, holder, 0_i64, now])
        .collect();
    all_of(
        c,
        sql!(
            "INSERT INTO taken_seats (occurrence_id, seat_id, event_id, state, holder, until_at, asked_at) \
             VALUES ($1, $2, $3, 'held', $4, $5, $6) ON CONFLICT (occurrence_id, seat_id) DO UPDATE \
             SET state = 'held', until_at = excluded.until_at WHERE taken_seats.holder = excluded.holder"
        ),
        rows,
    )
    .await?;
    Ok(())
}

/// Lets go of those of these seats that this holder has.
pub(in crate::sales) async fn free(
    c: &mut Conn,
    event: EventId,
    holder: &str,
    seats: &SeatKeys,
    now: Timestamp,
) -> Result<(), DbError> {
    let seats: Vec<_> = seats
        .iter()
        .map(|(date, seat)| (*date, *seat, event, holder.to_owned()))
        .collect();
    free_all(c, &seats, now).await
}

/// Keeps free seats back for the organiser; says whether all were free.
pub(in crate::sales) async fn block(
    c: &mut Conn,
    event: EventId,
    seats: &SeatKeys,
    now: Timestamp,
) -> Result<bool, DbError> {
    all_of(
        c,
        sql!(
            "INSERT INTO taken_seats (occurrence_id, seat_id, event_id, state, holder, until_at, asked_at) \
             VALUES ($1, $2, $3, 'blocked', $4, $5, $6) ON CONFLICT (occurrence_id, seat_id) DO UPDATE \
             SET state = 'blocked', holder = excluded.holder, asked_at = excluded.asked_at \
             WHERE taken_seats.state = 'blocked' \
             OR (taken_seats.state = 'held' AND taken_seats.until_at <= excluded.asked_at)"
        ),
        rows(event, ORGANISER, seats, 0, now),
    )
    .await
}

/// Gives seats back that the organiser has kept.
pub(in crate::sales) async fn unblock(
    c: &mut Conn,
    event: EventId,
    seats: &SeatKeys,
    now: Timestamp,
) -> Result<(), DbError> {
    free(c, event, ORGANISER, seats, now).await
}

/// What is taken on a date.
pub(in crate::sales) async fn taken(
    c: &mut Conn,
    date: OccurrenceId,
    now: Timestamp,
) -> Result<Vec<(SeatId, TakenState)>, DbError> {
    c.all(
        sql!(
            "SELECT seat_id, state FROM taken_seats \
             WHERE occurrence_id = $1 AND (state <> 'held' OR until_at > $2)"
        ),
        vals![date, now],
    )
    .await
}

/// What the organiser asks of those who buy; none if there is no such event.
pub(in crate::sales) async fn rules(
    c: &mut Conn,
    event: EventId,
) -> Result<Option<SaleRules>, DbError> {
    c.opt(
        sql!(
            "SELECT no_single_seats, companions_with_their_place, needs_approval FROM event_sales \
             WHERE event_id = $1"
        ),
        vals![event],
    )
    .await
}

/// The same with its version.
pub(in crate::sales) async fn event_rules(
    c: &mut Conn,
    event: EventId,
) -> Result<Option<EventSaleRules>, DbError> {
    c.opt(
        sql!(
            "SELECT rules_version, no_single_seats, companions_with_their_place, needs_approval \
             FROM event_sales WHERE event_id = $1"
        ),
        vals![event],
    )
    .await
}

/// Sets what the organiser asks of those who buy, if that still has the version `from`; says whether it had.
pub(in crate::sales) async fn set_rules(
    c: &mut Conn,
    event: EventId,
    from: i64,
    rules: SaleRules,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE event_sales SET no_single_seats = $2, companions_with_their_place = $3, \
                 needs_approval = $4, rules_version = rules_version + 1 \
                 WHERE event_id = $1 AND rules_version = $5"
            ),
            vals![
                event,
                rules.no_single_seats,
                rules.companions_with_their_place,
                rules.needs_approval,
                from
            ],
        )
        .await?;
    Ok(touched == 1)
}
