//! What edits of seat maps mean for whoever has a seat.

use std::collections::{BTreeMap, BTreeSet};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::error::FieldError;

use super::super::store;
use crate::app::App;
use crate::catalog::seating::{SeatId, SeatMap, SeatSet, TakenState, compare};
use crate::catalog::{
    self, CatalogError, EventId, MapEdit, OccurrenceId, SeatMapComparison, SeatMapId,
};
use crate::events::{Refused, SavedSeatMap};
use crate::identity::Tenant;

/// Seats of dates, sorted.
type SeatsOfDates = Vec<(OccurrenceId, SeatId)>;

/// What is taken of the seats that an edit touches.
struct Taken {
    /// Seats of the old version that somebody has on one of the dates.
    seats: SeatSet,
    /// Seats that the organiser keeps back, by date.
    kept_back: BTreeSet<(OccurrenceId, SeatId)>,
}

async fn taken(
    c: &mut Conn,
    edit: &MapEdit,
    dates: &[OccurrenceId],
    now: Timestamp,
) -> Result<Taken, DbError> {
    let mut taken = Taken {
        seats: SeatSet::empty(edit.old.places().len()),
        kept_back: BTreeSet::new(),
    };
    let touched = edit.touched();
    if touched.is_empty() || dates.is_empty() {
        return Ok(taken);
    }
    for (date, seat, state) in store::map_edits::taken(c, dates, &touched, now).await? {
        match state {
            TakenState::Held | TakenState::Sold => {
                if let Some(place) = edit.old.index(seat) {
                    taken.seats.insert(place);
                }
            }
            TakenState::Blocked => {
                taken.kept_back.insert((date, seat));
            }
        }
    }
    Ok(taken)
}

/// What an edit would do to whoever has a seat; places in standing areas are guarded by the capacity of
/// their pools.
fn refusals(edit: &MapEdit, taken: &Taken) -> Vec<FieldError> {
    if taken.seats.is_empty() {
        return Vec::new();
    }
    compare(&edit.old, &edit.new, &taken.seats, &[])
        .err()
        .unwrap_or_default()
}

/// Lets a seat map be saved, unless somebody has a seat that would be gone or another one, inside the
/// write.
///
/// Seats that are removed or renamed are taken for a moment by the statement that holds take them by:
/// whoever comes first to a seat has it, and either the hold or the edit is refused.
pub(crate) async fn on_seat_map_saved(
    app: &App,
    c: &mut Conn,
    saved: &SavedSeatMap,
) -> Result<(), Refused> {
    let Some(edit) = &saved.edit else {
        return Ok(());
    };
    let now = app.now();
    let dates: Vec<OccurrenceId> = saved.dates.iter().map(|(date, _)| *date).collect();
    let taken = taken(c, edit, &dates, now).await?;
    let refusals = refusals(edit, &taken);
    if !refusals.is_empty() {
        return Err(Refused::SeatsTaken(refusals));
    }
    let seats = edit.renamed_or_gone();
    let mut by_event: BTreeMap<EventId, SeatsOfDates> = BTreeMap::new();
    for (date, event) in &saved.dates {
        let keys = by_event.entry(*event).or_default();
        keys.extend(seats.iter().map(|seat| (*date, *seat)));
    }
    for (event, keys) in by_event {
        let mut free = keys.clone();
        free.retain(|key| !taken.kept_back.contains(key));
        if !store::seats::block(c, event, &free, now).await? {
            return Err(Refused::SeatsTaken(vec![FieldError {
                field: "map".to_owned(),
                code: "taken_meanwhile".into(),
                detail: "somebody took one of these seats a moment ago; compare again".to_owned(),
            }]));
        }
        // What the organiser keeps back stays so under another name, and goes with its seat.
        let mut given_back = keys;
        given_back.retain(|key| !taken.kept_back.contains(key) || edit.new.index(key.1).is_none());
        store::seats::unblock(c, event, &given_back, now).await?;
    }
    Ok(())
}

/// Compares a seat map with what is to come after it, given who has a seat now; nothing is written.
///
/// # Errors
/// [`CatalogError`] if there is no such map, or something is wrong with the new one.
pub async fn compare_seat_map(
    app: &App,
    tenant: &Tenant,
    id: SeatMapId,
    map: SeatMap,
) -> Result<SeatMapComparison, CatalogError> {
    let planned = catalog::plan_seat_map(app, tenant, id, map).await?;
    let now = app.now();
    let (version, dates) = (planned.from.version, planned.dates.len());
    let (refusals, changes) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let taken = taken(c, &planned.edit, &planned.dates, now).await?;
                let mut refusals = refusals(&planned.edit, &taken);
                refusals.extend(planned.refusals);
                Ok::<_, DbError>((refusals, planned.edit.changes))
            })
        })
        .await?;
    let is_allowed = refusals.is_empty();
    Ok(SeatMapComparison {
        version,
        dates,
        is_allowed,
        changes: is_allowed.then_some(changes),
        refusals,
    })
}
