//! What edits of seat maps need to know of who has a seat.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{sql, vals};

use crate::catalog::OccurrenceId;
use crate::catalog::seating::{SeatId, TakenState};

/// Which of these seats are taken on which of these dates; a hold that ran out takes nothing.
pub(in crate::sales) async fn taken(
    c: &mut Conn,
    dates: &[OccurrenceId],
    seats: &[SeatId],
    now: Timestamp,
) -> Result<Vec<(OccurrenceId, SeatId, TakenState)>, DbError> {
    c.all(
        sql!(
            "SELECT occurrence_id, seat_id, state FROM taken_seats \
             WHERE occurrence_id IN (SELECT value FROM list($1)) AND seat_id IN (SELECT value FROM list($2)) \
             AND (state <> 'held' OR until_at > $3)"
        ),
        vals![Val::texts(dates), Val::texts(seats), now],
    )
    .await
}
