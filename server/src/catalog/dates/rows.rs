//! The dates of an event as a change sees them: with their layers, and with what is sold of them.

use std::collections::{BTreeMap, HashMap};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::error::FieldError;
use jiff::tz::TimeZone;

use super::store::{self, DateLayer};
use crate::catalog::model::series::{
    Local, PlannedDate, Series, SeriesDate, SeriesError, Settings,
};
use crate::catalog::model::*;
use crate::catalog::service::CatalogError;
use crate::events;

/// A date as a change sees it.
#[derive(Clone)]
pub(super) struct DateRow {
    /// The date.
    pub(super) date: Occurrence,
    /// What it is known by.
    pub(super) original: Local,
    /// What it says itself.
    pub(super) own: Settings,
    /// What holds for it, all layers together but for what the tiers say.
    pub(super) held: Settings,
    /// How many are sold or held, by number of the tier; tickets for the whole event count on each.
    pub(super) sold: BTreeMap<u16, i64>,
    /// Whether it is over or cancelled.
    pub(super) is_closed: bool,
}

impl DateRow {
    /// The same in the words of series.
    pub(super) fn series_date(&self) -> SeriesDate {
        SeriesDate {
            original: self.original,
            own: self.own.clone(),
            sold: self.sold.clone(),
            is_closed: self.is_closed,
        }
    }

    /// Lets something else hold for it; its time is touched only where that is spoken of, so that
    /// nobody's date moves by a rounded minute.
    pub(super) fn hold(&mut self, detail: &EventDetail, holds: Settings, planned: &PlannedDate) {
        if time(&holds) != time(&self.held) {
            self.date.doors_at = planned.doors_at;
            self.date.starts_at = planned.starts_at;
            self.date.ends_at = planned.ends_at;
        }
        self.date.original_local = Some(self.original);
        self.date.offer = offer(detail, &holds);
        self.held = holds;
    }
}

/// When a date is, as settings say it: what they do not say is not shifted, and has no doors.
pub(super) fn time(s: &Settings) -> (i32, Option<u32>, u32) {
    (
        s.shift_minutes.unwrap_or(0),
        s.duration_minutes,
        s.doors_minutes.unwrap_or(0),
    )
}

/// What a date sells otherwise than the tiers that are sold by date.
pub(super) fn offer(detail: &EventDetail, holds: &Settings) -> DateOffer {
    let by_date = |number: u16| {
        let tier = detail.tiers.iter().find(|tier| tier.number == number);
        tier.is_some_and(|tier| tier.per_date)
    };
    let of = |map: &BTreeMap<u16, i64>| -> BTreeMap<u16, i64> {
        map.iter()
            .filter(|(number, _)| by_date(**number))
            .map(|(number, value)| (*number, *value))
            .collect()
    };
    DateOffer {
        prices: of(&holds.prices),
        capacities: of(&holds.capacities),
    }
}

/// What the tiers say that are sold by date: the lowest layer.
pub(super) fn base(detail: &EventDetail) -> Settings {
    let by_date = || detail.tiers.iter().filter(|tier| tier.per_date);
    Settings {
        shift_minutes: Some(0),
        duration_minutes: None,
        doors_minutes: Some(0),
        prices: by_date()
            .map(|tier| (tier.number, tier.price_minor))
            .collect(),
        capacities: by_date().map(|tier| (tier.number, tier.capacity)).collect(),
    }
}

/// The time zone of an event.
pub(super) fn zone(detail: &EventDetail) -> Result<TimeZone, CatalogError> {
    TimeZone::get(&detail.event.time_zone)
        .map_err(|_| series_fault("time_zone", &SeriesError::Zone))
}

/// The dates of an event with what is sold of them, earliest first, inside a write.
pub(super) async fn rows(
    c: &mut Conn,
    detail: &EventDetail,
    series: Option<&Series>,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Vec<DateRow>, DbError> {
    let layers = store::layers(c, detail.event.id).await?;
    let mut layers: HashMap<OccurrenceId, DateLayer> =
        layers.into_iter().map(|layer| (layer.id, layer)).collect();
    let taken = events::taken_in(c, detail.event.id).await?;
    let (always, by_date) = sold(detail, taken);
    let row = |date: &Occurrence| {
        let layer = layers.remove(&date.id);
        let (said, own) = layer.map_or((None, None), |layer| (layer.original_local, layer.own));
        let mut own = own.unwrap_or_default();
        let original = said.unwrap_or_else(|| local(date.starts_at, zone));
        let below = match series {
            Some(series) => series.settings_of(original),
            None => as_it_is(date),
        };
        if let Some(time) = rescheduled(date, original, &own.over(&below), zone) {
            own = time.over(&own);
        }
        let mut sold = by_date.get(&date.id).cloned().unwrap_or_default();
        sold.extend(always.iter().map(|(tier, count)| (*tier, *count)));
        DateRow {
            date: date.clone(),
            original,
            held: own.over(&below),
            own,
            sold,
            is_closed: !date.is_scheduled() || date.ends_at <= now,
        }
    };
    Ok(detail.occurrences.iter().map(row).collect())
}

type Sold = BTreeMap<u16, i64>;

/// What is sold of the whole event, and of single dates, by number of the tier.
fn sold(
    detail: &EventDetail,
    taken: Vec<(CounterKey, i64)>,
) -> (Sold, HashMap<OccurrenceId, Sold>) {
    let numbers: HashMap<String, u16> = detail
        .tiers
        .iter()
        .map(|tier| (tier.id.to_string(), tier.number))
        .collect();
    let (mut always, mut by_date) = (Sold::new(), HashMap::<OccurrenceId, Sold>::new());
    for (key, count) in taken {
        let Some(number) = numbers.get(&key.of) else {
            continue;
        };
        let of = match key.occurrence {
            Some(date) => by_date.entry(date).or_default(),
            None => &mut always,
        };
        *of.entry(*number).or_default() += count;
    }
    (always, by_date)
}

/// A moment on the wall clock of a time zone.
fn local(at: Timestamp, zone: &TimeZone) -> Local {
    Local::new(at.to_jiff().to_zoned(zone.clone()).datetime())
}

/// When a date takes place that is not where its settings put it: it was rescheduled, and that is its own
/// affair from then on. None if it is there, but for seconds.
fn rescheduled(
    date: &Occurrence,
    original: Local,
    held: &Settings,
    zone: &TimeZone,
) -> Option<Settings> {
    let shift = i64::from(held.shift_minutes.unwrap_or(0));
    let (starts_at, _) = original.plus_minutes(shift)?.in_zone(zone)?;
    let is = as_it_is(date);
    let off_ms = starts_at.ms().saturating_sub(date.starts_at.ms());
    let is_there = off_ms.saturating_abs() < 60_000
        && is.duration_minutes == held.duration_minutes
        && is.doors_minutes.unwrap_or(0) == held.doors_minutes.unwrap_or(0);
    if is_there {
        return None;
    }
    let shift = original.minutes_until(local(date.starts_at, zone));
    let time = Settings {
        shift_minutes: Some(i32::try_from(shift).ok()?),
        duration_minutes: is.duration_minutes,
        doors_minutes: is.doors_minutes,
        ..Settings::default()
    };
    time.check().ok().map(|()| time)
}

/// What a date without a series says by being as it is.
fn as_it_is(date: &Occurrence) -> Settings {
    let minutes = |from: Timestamp, until: Timestamp| {
        u32::try_from(until.ms().saturating_sub(from.ms()) / 60_000).unwrap_or(u32::MAX)
    };
    Settings {
        shift_minutes: Some(0),
        duration_minutes: Some(minutes(date.starts_at, date.ends_at)),
        doors_minutes: Some(
            date.doors_at
                .map_or(0, |doors| minutes(doors, date.starts_at)),
        ),
        prices: date.offer.prices.clone(),
        capacities: date.offer.capacities.clone(),
    }
}

/// What is wrong with a series, as a fault of a field.
pub(super) fn series_fault(field: &str, error: &SeriesError) -> CatalogError {
    fault(field, error.code(), error.to_string())
}

/// One fault of a field.
pub(super) fn fault(field: &str, code: &'static str, detail: impl Into<String>) -> CatalogError {
    CatalogError::Invalid(vec![FieldError {
        field: field.to_owned(),
        code: code.into(),
        detail: detail.into(),
    }])
}

/// Fails if dates would start at one moment in the same place that did not before.
pub(super) fn allow_starts<'a>(
    field: &str,
    before: &[Occurrence],
    after: impl Iterator<Item = &'a Occurrence>,
) -> Result<(), CatalogError> {
    match meeting(before, after) {
        None => Ok(()),
        Some(at) => {
            let text = format!("two dates would start at {at} in the same place");
            Err(fault(field, "same_start", text))
        }
    }
}

/// An event that is cancelled or archived has the dates it has.
pub(super) fn allow_dates(detail: &EventDetail) -> Result<(), CatalogError> {
    match detail.event.state {
        EventState::Draft | EventState::Published => Ok(()),
        EventState::Cancelled | EventState::Archived => Err(OfferRefusal::EventOver.into()),
    }
}
