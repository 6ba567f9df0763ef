//! Editing many dates at once.

use std::collections::{BTreeMap, BTreeSet};

use bilten_kernel::http::IfMatch;

use super::input::{DateChange, DateScope, DatesEdit, DatesEdited};
use super::maps::{allow_map, newest, set_map};
use super::rows::{self, DateRow, allow_dates, allow_starts, fault, series_fault};
use super::store;
use crate::app::App;
use crate::catalog::model::series::{
    EditError, EditScope, Local, MAX_DATES, PlannedDate, Series, SeriesEdit, Settings, SoldDates,
    edit,
};
use crate::catalog::model::*;
use crate::catalog::service::{CatalogError, StartsFrom, open_in, raise_in, record};
use crate::identity::Tenant;

/// What an edit came to so far.
#[derive(Default)]
pub(super) struct Done {
    pub(super) changed: BTreeSet<OccurrenceId>,
    pub(super) moved: BTreeSet<OccurrenceId>,
    pub(super) kept: BTreeSet<OccurrenceId>,
}

/// Edits dates: one, one and all after it, all, or those that are named.
pub(super) async fn edit_dates(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    actor: String,
    seen: IfMatch,
    input: DatesEdit,
) -> Result<DatesEdited, CatalogError> {
    check(&input)?;
    if let Some(Some(map)) = input.change.seat_map {
        allow_map(app, tenant, id, map).await?;
    }
    let (work, tenant, now) = (app.clone(), tenant.clone(), app.now());
    let version = input.version;
    let from = StartsFrom { seen, version };
    app.db
        .write(move |c| {
            Box::pin(async move {
                let mut detail = open_in(c, &tenant, id, &from).await?;
                from.is_said()?;
                allow_dates(&detail)?;
                let settings = settings(&detail, &input.change)?;
                if settings.is_empty() && input.change.seat_map.is_none() {
                    return Err(refused(EditError::Nothing));
                }
                // The map before the event, as whoever saves a map takes them.
                let map = match input.change.seat_map {
                    Some(map) => Some(newest(c, &detail, map).await?),
                    None => None,
                };
                raise_in(c, &mut detail, &from, now).await?;
                let mut series = store::series(c, id).await?;
                let zone = rows::zone(&detail)?;
                let mut all = rows::rows(c, &detail, series.as_ref(), &zone, now).await?;
                let before = all.clone();
                let meant = meant(&all, series.is_some(), &input)?;
                let mut done = Done::default();
                if !settings.is_empty() {
                    match &mut series {
                        Some(series) if input.scope != DateScope::These => {
                            in_series(&detail, series, &mut all, &input, settings, &mut done)?;
                            store::put_series(c, id, series, now).await?;
                        }
                        Some(_) | None => {
                            one_by_one(&detail, &mut all, &meant, &input, &settings, &mut done)?;
                        }
                    }
                }
                if let Some(map) = map {
                    set_map(&mut all, &meant, input.scope, map, &mut done)?;
                }
                let field = match input.change.shift_minutes {
                    Some(_) => "change.shift_minutes",
                    None => "change",
                };
                let dates = all.iter().map(|row| &row.date);
                allow_starts(field, &detail.occurrences, dates)?;
                let changed: Vec<(&Occurrence, &Settings)> = all
                    .iter()
                    .zip(&before)
                    .filter(|(row, before)| row.date != before.date || row.own != before.own)
                    .map(|(row, _)| (&row.date, &row.own))
                    .collect();
                store::update_dates(c, &changed).await?;
                detail.set_occurrences(all.into_iter().map(|row| row.date).collect());
                let name = if done.moved.is_empty() {
                    "dates_updated"
                } else {
                    DATES_MOVED
                };
                record(&work, c, &detail, name, &actor).await?;
                done.kept.retain(|date| !done.changed.contains(date));
                Ok(DatesEdited {
                    version: detail.event.version,
                    changed: done.changed.into_iter().collect(),
                    moved: done.moved.into_iter().collect(),
                    kept: done.kept.into_iter().collect(),
                })
            })
        })
        .await
}

/// What is wrong with an edit whatever the event is.
fn check(input: &DatesEdit) -> Result<(), CatalogError> {
    let named = input.occurrences.len();
    let most = match input.scope {
        DateScope::This | DateScope::ThisAndFollowing => 1,
        DateScope::All => 0,
        DateScope::These => MAX_DATES,
    };
    let least = usize::from(most > 0);
    if named < least {
        let text = "say which dates it is for";
        return Err(fault("occurrences", "required", text));
    }
    if named > most {
        let text = format!("at most {most} with this scope");
        return Err(fault("occurrences", "too_many", text));
    }
    if input.change == DateChange::default() {
        let text = "the edit changes nothing";
        return Err(fault("change", "nothing_to_change", text));
    }
    if input.change.tiers.len() > MAX_TIERS {
        let text = format!("at most {MAX_TIERS}");
        return Err(fault("change.tiers", "too_many", text));
    }
    let mut faults = Faults::default();
    for (i, tier) in input.change.tiers.iter().enumerate() {
        let at = format!("change.tiers[{i}]");
        if let Some(price) = tier.price_minor {
            faults.range(format!("{at}.price_minor"), price, 0, MAX_PRICE_MINOR);
        }
        if let Some(capacity) = tier.capacity {
            faults.range(format!("{at}.capacity"), capacity, 0, MAX_CAPACITY);
        }
    }
    faults.check().map_err(CatalogError::Invalid)
}

/// A change in the words of series.
fn settings(detail: &EventDetail, change: &DateChange) -> Result<Settings, CatalogError> {
    let (mut prices, mut capacities) = (BTreeMap::new(), BTreeMap::new());
    for (i, said) in change.tiers.iter().enumerate() {
        let field = format!("change.tiers[{i}].tier");
        let Some(tier) = detail.tier(said.tier) else {
            return Err(fault(&field, "unknown", "there is no such tier"));
        };
        if !tier.per_date {
            let text = "this tier is not sold by date";
            return Err(fault(&field, "not_per_date", text));
        }
        if let Some(price) = said.price_minor {
            prices.insert(tier.number, price);
        }
        if let Some(capacity) = said.capacity {
            capacities.insert(tier.number, capacity);
        }
    }
    let settings = Settings {
        shift_minutes: change.shift_minutes,
        duration_minutes: change.duration_minutes,
        doors_minutes: change.doors_minutes,
        prices,
        capacities,
    };
    settings
        .check()
        .map_err(|error| series_fault("change", &error))?;
    Ok(settings)
}

/// The places of the dates that an edit is for.
fn meant(all: &[DateRow], is_series: bool, input: &DatesEdit) -> Result<Vec<usize>, CatalogError> {
    let place = |id: &OccurrenceId| {
        let place = all.iter().position(|row| row.date.id == *id);
        place.ok_or(CatalogError::NotFound)
    };
    match input.scope {
        DateScope::All => Ok((0..all.len()).collect()),
        DateScope::This => input.occurrences.iter().map(place).collect(),
        DateScope::These => {
            let wanted: BTreeSet<OccurrenceId> = input.occurrences.iter().copied().collect();
            let found: Vec<usize> = all
                .iter()
                .enumerate()
                .filter(|(_, row)| wanted.contains(&row.date.id))
                .map(|(place, _)| place)
                .collect();
            if found.len() == wanted.len() {
                Ok(found)
            } else {
                Err(CatalogError::NotFound)
            }
        }
        DateScope::ThisAndFollowing => {
            let first = input.occurrences.first().ok_or(CatalogError::NotFound)?;
            let first = all.get(place(first)?).ok_or(CatalogError::NotFound)?;
            let follows = |row: &DateRow| {
                if is_series {
                    row.original >= first.original
                } else {
                    row.date.starts_at >= first.date.starts_at
                }
            };
            let places = all.iter().enumerate().filter(|(_, row)| follows(row));
            Ok(places.map(|(place, _)| place).collect())
        }
    }
}

/// Edits a series: its layers, and the dates for which they are not the last word.
fn in_series(
    detail: &EventDetail,
    series: &mut Series,
    all: &mut [DateRow],
    input: &DatesEdit,
    change: Settings,
    done: &mut Done,
) -> Result<(), CatalogError> {
    let at = input.occurrences.first();
    let asked = SeriesEdit {
        scope: match input.scope {
            DateScope::This | DateScope::These => EditScope::This,
            DateScope::ThisAndFollowing => EditScope::ThisAndFollowing,
            DateScope::All => EditScope::All,
        },
        at: at.and_then(|id| {
            let row = all.iter().find(|row| row.date.id == *id)?;
            Some(row.original)
        }),
        change,
        sold: input.sold,
    };
    let dates: Vec<_> = all.iter().map(DateRow::series_date).collect();
    let mut edited = edit(series, &rows::base(detail), &dates, &asked).map_err(refused)?;
    series.settings = edited.settings;
    series.phases = edited.phases;
    for row in all.iter_mut() {
        if let Some(own) = edited.own.remove(&row.original) {
            row.own = own;
        }
    }
    let own: BTreeMap<Local, Settings> = all
        .iter()
        .filter(|row| !row.own.is_empty())
        .map(|row| (row.original, row.own.clone()))
        .collect();
    let planned = series
        .plan(&own)
        .map_err(|error| series_fault("change", &error))?;
    let planned: BTreeMap<Local, PlannedDate> = planned
        .into_iter()
        .map(|date| (date.original, date))
        .collect();
    let (changed, moved): (BTreeSet<Local>, BTreeSet<Local>) = (
        edited.changed.into_iter().collect(),
        edited.moved.into_iter().collect(),
    );
    let kept: BTreeSet<Local> = edited.kept.into_iter().collect();
    for row in all {
        let id = row.date.id;
        if kept.contains(&row.original) {
            done.kept.insert(id);
        }
        if moved.contains(&row.original) {
            done.moved.insert(id);
        }
        if changed.contains(&row.original)
            && let Some(planned) = planned.get(&row.original)
        {
            done.changed.insert(id);
            row.hold(detail, planned.settings.clone(), planned);
        }
    }
    Ok(())
}

/// Edits dates one by one, each as a series of one: those that are named, and those of an event
/// without a series.
fn one_by_one(
    detail: &EventDetail,
    all: &mut [DateRow],
    meant: &[usize],
    input: &DatesEdit,
    change: &Settings,
    done: &mut Done,
) -> Result<(), CatalogError> {
    let is_named = matches!(input.scope, DateScope::This | DateScope::These);
    let base = rows::base(detail);
    for place in meant {
        let Some(row) = all.get_mut(*place) else {
            continue;
        };
        let date = row.series_date();
        let may_change = !date.is_sold() || input.sold == SoldDates::Change;
        if !is_named && (date.is_closed || !may_change) {
            done.kept.insert(row.date.id);
            continue;
        }
        let series = Series {
            starts: row.original,
            time_zone: detail.event.time_zone.clone(),
            rules: Vec::new(),
            later: Vec::new(),
            added: vec![row.original],
            excluded: Vec::new(),
            settings: row.held.without(&row.own),
            phases: Vec::new(),
        };
        let asked = SeriesEdit {
            scope: EditScope::This,
            at: Some(row.original),
            change: change.clone(),
            sold: input.sold,
        };
        let dates = [date];
        let mut edited = edit(&series, &base, &dates, &asked).map_err(refused)?;
        if let Some(own) = edited.own.remove(&row.original) {
            row.own = own;
        }
        if edited.changed.is_empty() {
            continue;
        }
        let holds = row.own.over(&row.held);
        let alone = Series {
            settings: holds.clone(),
            ..series
        };
        let planned = alone
            .plan(&BTreeMap::new())
            .map_err(|error| series_fault("change", &error))?;
        if let Some(planned) = planned.first() {
            row.hold(detail, holds, planned);
            done.changed.insert(row.date.id);
            if !edited.moved.is_empty() {
                done.moved.insert(row.date.id);
            }
        }
    }
    Ok(())
}

/// Why an edit is refused.
fn refused(error: EditError) -> CatalogError {
    match error {
        EditError::NoSuchDate => CatalogError::NotFound,
        EditError::Nothing => fault("change", "nothing_to_change", error.to_string()),
        EditError::Closed => OfferRefusal::DateClosed.into(),
        EditError::Sold => OfferRefusal::DateSold.into(),
        EditError::CapacityBelowSold { .. } => CatalogError::CapacityBelowSold,
        EditError::Series(error) => series_fault("change", &error),
    }
}
