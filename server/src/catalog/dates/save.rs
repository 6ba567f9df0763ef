//! Saving the rules of a series, and what that would come to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bilten_kernel::http::IfMatch;

use super::input::{
    PreviewDate, SeriesInput, SeriesPatch, SeriesPreview, SeriesSaved, SeriesState,
};
use super::maps::{newest_of_dates, seats_of_new};
use super::rows::{self, DateRow, allow_dates, allow_starts, fault, offer, series_fault, time};
use super::store;
use crate::app::App;
use crate::catalog::model::series::{
    Following, LaterRules, Local, PlannedDate, Rule, Series, Settings, reconcile,
};
use crate::catalog::model::*;
use crate::catalog::service::{
    CatalogError, StartsFrom, detail_in, detail_of, open_in, raise_in, record,
};
use crate::identity::Tenant;

/// The series of an event.
pub(super) async fn state(
    app: &App,
    tenant: &Tenant,
    id: EventId,
) -> Result<SeriesState, CatalogError> {
    let detail = detail_of(app, tenant, id).await?;
    let series = app
        .db
        .read(move |c| Box::pin(async move { store::series(c, id).await }))
        .await?;
    Ok(SeriesState {
        version: detail.event.version,
        series,
        occurrence_count: detail.occurrence_count,
    })
}

/// The dates that a series is to have.
struct Plan {
    series: Series,
    /// The original start from which on it is another one; all of it if that is not said.
    from: Option<Local>,
    rows: Vec<DateRow>,
    planned: BTreeMap<Local, PlannedDate>,
    added: Vec<Local>,
    removed: Vec<Local>,
    orphaned: Vec<Local>,
}

/// The series that an input describes: all of it, or the one before with something else from some date on.
fn series_of(
    detail: &EventDetail,
    before: Option<&Series>,
    rules: Vec<Rule>,
    input: SeriesInput,
) -> Result<Series, CatalogError> {
    let Some(from) = input.from else {
        return Ok(whole(detail, before, rules, input));
    };
    let Some(before) = before else {
        let text = "the dates of the event follow no rules yet: leave it out";
        return Err(fault("from", "no_series", text));
    };
    let then = Following {
        from,
        rules: LaterRules {
            starts: input.starts,
            rules,
        },
        added: input.added,
        excluded: input.excluded,
        time: Settings {
            shift_minutes: Some(0),
            duration_minutes: Some(input.duration_minutes),
            doors_minutes: Some(input.doors_minutes.unwrap_or(0)),
            ..Settings::default()
        },
    };
    before
        .followed_by(then)
        .map_err(|error| series_fault("from", &error))
}

/// A series that is said anew; what the one before says of prices and capacities stays, and when its
/// dates are is said by the input alone.
fn whole(
    detail: &EventDetail,
    before: Option<&Series>,
    rules: Vec<Rule>,
    input: SeriesInput,
) -> Series {
    let (mut settings, mut phases) = before.map_or_else(
        || (Settings::default(), Vec::new()),
        |before| (before.settings.clone(), before.phases.clone()),
    );
    for phase in &mut phases {
        let untimed = Settings {
            prices: std::mem::take(&mut phase.settings.prices),
            capacities: std::mem::take(&mut phase.settings.capacities),
            ..Settings::default()
        };
        phase.settings = untimed;
    }
    phases.retain(|phase| !phase.settings.is_empty());
    settings.shift_minutes = None;
    settings.duration_minutes = Some(input.duration_minutes);
    settings.doors_minutes = input.doors_minutes;
    Series {
        starts: input.starts,
        time_zone: detail.event.time_zone.clone(),
        rules,
        later: Vec::new(),
        added: input.added.unwrap_or_default(),
        excluded: input.excluded.unwrap_or_default(),
        settings,
        phases,
    }
}

/// Compares the dates there are with those of a series that is to be.
fn plan(
    mut rows: Vec<DateRow>,
    mut series: Series,
    from: Option<Local>,
) -> Result<Plan, CatalogError> {
    let fault = |error| series_fault("series", &error);
    let known: BTreeSet<Local> = rows.iter().map(|row| row.original).collect();
    if known.len() != rows.len() {
        return Err(OfferRefusal::SameStart.into());
    }
    let first = series.plan(&BTreeMap::new()).map_err(fault)?;
    let dates: Vec<_> = rows.iter().map(DateRow::series_date).collect();
    let mut done = reconcile(&dates, &first);
    done.orphaned.sort_unstable();
    // What stays without the rules is among the added dates from now on, so that the series says
    // what there is.
    series.added.extend(&done.orphaned);
    series.added.sort_unstable();
    series.added.dedup();
    series
        .excluded
        .retain(|excluded| done.orphaned.binary_search(excluded).is_err());
    // A date that is sold or over stays as it is, whatever the series says now.
    for row in &mut rows {
        let holds = row.own.over(&series.settings_of(row.original));
        let is_fixed = row.is_closed || row.series_date().is_sold();
        if is_fixed && time(&holds) != time(&row.held) {
            row.own.shift_minutes = Some(row.held.shift_minutes.unwrap_or(0));
            row.own.duration_minutes = row.held.duration_minutes;
            row.own.doors_minutes = Some(row.held.doors_minutes.unwrap_or(0));
        }
    }
    let own: BTreeMap<Local, Settings> = rows
        .iter()
        .filter(|row| !row.own.is_empty())
        .map(|row| (row.original, row.own.clone()))
        .collect();
    let planned = series.plan(&own).map_err(fault)?;
    Ok(Plan {
        series,
        from,
        rows,
        planned: planned
            .into_iter()
            .map(|date| (date.original, date))
            .collect(),
        added: done.added,
        removed: done.removed,
        orphaned: done.orphaned,
    })
}

/// What a series would come to; nothing is written.
pub(super) async fn preview(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    input: SeriesInput,
) -> Result<SeriesPreview, CatalogError> {
    let rules = input.read_rules()?;
    let (work, tenant, now) = (app.clone(), tenant.clone(), app.now());
    let plan = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let detail = detail_in(c, id).await?.filter(|d| d.event.is_of(&tenant));
                let detail = detail.ok_or(CatalogError::NotFound)?;
                let before = store::series(c, id).await?;
                let zone = rows::zone(&detail)?;
                let rows = rows::rows(c, &detail, before.as_ref(), &zone, now).await?;
                let from = input.from;
                let series = series_of(&detail, before.as_ref(), rules, input)?;
                let plan = plan(rows, series, from)?;
                let (new, kept, _) = carry_out(&work, &detail, &plan);
                allow_all(&detail, &kept, &new)?;
                Ok::<_, CatalogError>(plan)
            })
        })
        .await?;
    let mut dates: Vec<PreviewDate> = plan.planned.values().map(PreviewDate::from).collect();
    dates.sort_by_key(|date| (date.starts_at, date.original_local));
    Ok(SeriesPreview {
        dates,
        added: plan.added,
        removed: plan.removed,
        orphaned: plan.orphaned,
    })
}

/// Saves the rules of an event's dates, those of all or from some date on.
pub(super) async fn save(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    actor: String,
    seen: IfMatch,
    input: SeriesInput,
) -> Result<SeriesSaved, CatalogError> {
    let rules = input.read_rules()?;
    let version = input.version;
    let from = (StartsFrom { seen, version }, input.from);
    change(app, tenant, id, actor, from, move |detail, before| {
        series_of(detail, before, rules, input)
    })
    .await
}

/// Saves which dates are added to what the rules of an event give, or left out of it.
pub(super) async fn save_exceptions(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    actor: String,
    seen: IfMatch,
    input: SeriesPatch,
) -> Result<SeriesSaved, CatalogError> {
    input.check()?;
    let version = input.version;
    let from = (StartsFrom { seen, version }, None);
    change(app, tenant, id, actor, from, move |_, before| {
        let Some(mut series) = before.cloned() else {
            let text = "the dates of the event follow no rules yet: set them first";
            return Err(fault("series", "no_series", text));
        };
        if let Some(added) = input.added {
            series.added = added;
        }
        if let Some(excluded) = input.excluded {
            series.excluded = excluded;
        }
        Ok(series)
    })
    .await
}

/// Makes another series of what an event has, all of it or from some date on: new dates are made, those
/// that nobody has a ticket for go, and those that are sold or over stay.
async fn change<F>(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    actor: String,
    (from, since): (StartsFrom, Option<Local>),
    make: F,
) -> Result<SeriesSaved, CatalogError>
where
    F: FnOnce(&EventDetail, Option<&Series>) -> Result<Series, CatalogError> + Send + 'static,
{
    let (work, tenant, now) = (app.clone(), tenant.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let mut detail = open_in(c, &tenant, id, &from).await?;
                from.is_said()?;
                allow_dates(&detail)?;
                // The maps before the event, as whoever saves a map takes them.
                let newest = newest_of_dates(c, &detail).await?;
                raise_in(c, &mut detail, &from, now).await?;
                let before = store::series(c, id).await?;
                let zone = rows::zone(&detail)?;
                let rows = rows::rows(c, &detail, before.as_ref(), &zone, now).await?;
                let old: HashMap<OccurrenceId, Settings> = rows
                    .iter()
                    .map(|row| (row.date.id, row.own.clone()))
                    .collect();
                let plan = plan(rows, make(&detail, before.as_ref())?, since)?;
                let (mut new, kept, gone) = carry_out(&work, &detail, &plan);
                for date in &mut new {
                    let map = newest
                        .iter()
                        .find(|map| date.seat_map.is_some_and(|used| used.id == map.id));
                    date.seat_map = map.copied().or(date.seat_map);
                }
                allow_all(&detail, &kept, &new)?;
                store::delete_dates(c, id, &gone).await?;
                crate::catalog::store::insert_occurrences(c, id, &new).await?;
                let changed: Vec<(&Occurrence, &Settings)> = kept
                    .iter()
                    .filter(|row| {
                        detail.occurrence(row.date.id) != Some(&row.date)
                            || old.get(&row.date.id) != Some(&row.own)
                    })
                    .map(|row| (&row.date, &row.own))
                    .collect();
                store::update_dates(c, &changed).await?;
                store::put_series(c, id, &plan.series, now).await?;
                let orphaned = kept
                    .iter()
                    .filter(|row| plan.orphaned.binary_search(&row.original).is_ok())
                    .map(|row| row.date.id)
                    .collect();
                let saved = SeriesSaved {
                    version: detail.event.version,
                    series: plan.series.clone(),
                    occurrence_count: new.len() + kept.len(),
                    kept: kept.len(),
                    added: new.len(),
                    removed: gone.len(),
                    orphaned,
                };
                let all = kept.into_iter().map(|row| row.date).chain(new).collect();
                detail.set_occurrences(all);
                record(&work, c, &detail, "series_saved", &actor).await?;
                Ok(saved)
            })
        })
        .await
}

/// Fails if a new date, or one that moves, would meet another: one that is sold and was moved stays there.
fn allow_all(
    detail: &EventDetail,
    kept: &[DateRow],
    new: &[Occurrence],
) -> Result<(), CatalogError> {
    let all = kept.iter().map(|row| &row.date).chain(new);
    allow_starts("series", &detail.occurrences, all)
}

/// The dates that are new, those that stay as they are to be, and those that go.
fn carry_out(
    app: &App,
    detail: &EventDetail,
    plan: &Plan,
) -> (Vec<Occurrence>, Vec<DateRow>, Vec<OccurrenceId>) {
    let removed: BTreeSet<Local> = plan.removed.iter().copied().collect();
    let (mut kept, mut gone) = (Vec::new(), Vec::new());
    for row in &plan.rows {
        if removed.contains(&row.original) {
            gone.push(row.date.id);
            continue;
        }
        let mut row = row.clone();
        if let Some(planned) = plan.planned.get(&row.original) {
            row.hold(detail, planned.settings.clone(), planned);
        }
        kept.push(row);
    }
    let seat_map = seats_of_new(&plan.rows, &kept, plan.from);
    let mut new = Vec::new();
    for original in &plan.added {
        let Some(planned) = plan.planned.get(original) else {
            continue;
        };
        new.push(Occurrence {
            id: OccurrenceId::new(&*app.clock, &*app.random),
            doors_at: planned.doors_at,
            starts_at: planned.starts_at,
            ends_at: planned.ends_at,
            state: OccurrenceState::Scheduled,
            original_local: Some(*original),
            seat_map,
            offer: offer(detail, &planned.settings),
        });
    }
    (new, kept, gone)
}
