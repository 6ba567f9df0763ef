//! What is asked of dates, and what is answered.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rows::{fault, series_fault};
use crate::catalog::model::series::{
    ClockChange, Local, MAX_RULES, PlannedDate, Rule, Series, SeriesError, SoldDates,
};
use crate::catalog::model::{OccurrenceId, SeatMapId, TierId};
use crate::catalog::service::CatalogError;

/// What an organiser says of a series.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesInput {
    /// The version of the event that this change starts from; needed unless `If-Match` says it.
    pub version: Option<i64>,
    /// From which original start on all this holds, for this and all following dates: those that are
    /// known by an earlier one stay as they are. Any time after the first date will do, and one after
    /// the last date adds to the series. Without it, this holds for all dates.
    pub from: Option<Local>,
    /// When it begins (DTSTART), on the clock of the event's time zone; its time of day is that of
    /// all dates of the rules that name no others. Not earlier than `from`.
    pub starts: Local,
    /// Its rules (RRULE); a series has at most 10, those that begin later included.
    #[serde(default)]
    #[schema(value_type = Vec<Rule>)]
    pub rules: Vec<String>,
    /// Further dates (RDATE). With `from`, those from then on: if this is left out, they stay.
    pub added: Option<Vec<Local>>,
    /// Dates that are left out (EXDATE). With `from`, those from then on: if this is left out, they stay.
    pub excluded: Option<Vec<Local>>,
    /// How long a date lasts, in minutes.
    pub duration_minutes: u32,
    /// How many minutes before the start the doors open.
    pub doors_minutes: Option<u32>,
}

impl SeriesInput {
    /// Its rules, read; what is wrong with one is told by its own code.
    pub(super) fn read_rules(&self) -> Result<Vec<Rule>, CatalogError> {
        if self.rules.len() > MAX_RULES {
            return Err(series_fault("rules", &SeriesError::TooManyRules));
        }
        let starts = std::slice::from_ref(&self.starts);
        let added = self.added.as_deref().unwrap_or_default();
        let excluded = self.excluded.as_deref().unwrap_or_default();
        allow_years("from", self.from.as_slice())?;
        allow_years("starts", starts)?;
        allow_years("added", added)?;
        allow_years("excluded", excluded)?;
        if let Some(from) = self.from {
            for (field, times) in [("starts", starts), ("added", added), ("excluded", excluded)] {
                if times.iter().any(|local| *local < from) {
                    let text = "must not be earlier than `from`";
                    return Err(fault(field, "before_from", text));
                }
            }
        }
        let read = |(i, text): (usize, &String)| {
            let rule = text.parse::<Rule>();
            rule.map_err(|error| fault(&format!("rules[{i}]"), error.code(), error.to_string()))
        };
        self.rules.iter().enumerate().map(read).collect()
    }
}

/// Fails for years beyond which times cannot be written as all others are.
fn allow_years(field: &str, times: &[Local]) -> Result<(), CatalogError> {
    let is_strange = |local: &Local| !(2000..=9900).contains(&local.to_jiff().year());
    if times.iter().any(is_strange) {
        let text = "must be in the years 2000 to 9900";
        return Err(fault(field, "out_of_range", text));
    }
    Ok(())
}

/// A change of the exceptions of a series; what is left out stays as it is, as do its rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesPatch {
    /// The version of the event that this change starts from; needed unless `If-Match` says it.
    pub version: Option<i64>,
    /// All further dates (RDATE).
    pub added: Option<Vec<Local>>,
    /// All dates that are left out (EXDATE).
    pub excluded: Option<Vec<Local>>,
}

impl SeriesPatch {
    /// Fails if it says nothing, or what nobody can mean.
    pub(super) fn check(&self) -> Result<(), CatalogError> {
        if self.added.is_none() && self.excluded.is_none() {
            let text = "say which dates are added or left out";
            return Err(fault("added", "nothing_to_change", text));
        }
        allow_years("added", self.added.as_deref().unwrap_or_default())?;
        allow_years("excluded", self.excluded.as_deref().unwrap_or_default())
    }
}

/// A series with the version of its event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SeriesState {
    /// The version of the event.
    pub version: i64,
    /// The series; null if the event's dates follow no rules.
    pub series: Option<Series>,
    /// How many dates the event has.
    pub occurrence_count: usize,
}

/// What saving a series came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SeriesSaved {
    /// The version of the event.
    pub version: i64,
    /// The series, with what was sold or is over among its added dates.
    pub series: Series,
    /// How many dates there are now.
    pub occurrence_count: usize,
    /// How many of them there were before.
    pub kept: usize,
    /// How many are new.
    pub added: usize,
    /// How many are gone: nobody had a ticket for them.
    pub removed: usize,
    /// Dates that the rules do not give any more, and that stay because something of them is sold or
    /// they are over; cancel them by name.
    pub orphaned: Vec<OccurrenceId>,
}

/// The dates that a series would give, and what would become of those there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SeriesPreview {
    /// The dates, earliest first.
    pub dates: Vec<PreviewDate>,
    /// Dates that would be new, by their original start.
    pub added: Vec<Local>,
    /// Dates that would go.
    pub removed: Vec<Local>,
    /// Dates that the rules would not give any more, and that would stay because something of them
    /// is sold or they are over.
    pub orphaned: Vec<Local>,
}

text_enum! {
    /// How a change of the clock had a say in a start.
    pub enum ClockChangeWord {
        /// The local time does not exist, and was moved forward.
        Gap = "gap",
        /// The local time exists twice, and means the first.
        Fold = "fold",
    }
}

/// A date that a series would give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PreviewDate {
    /// What it is known by: its start before it was moved.
    pub original_local: Local,
    /// When it starts, on the clock of the event's time zone.
    pub starts_local: Local,
    /// When the doors open, if that is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doors_at: Option<Timestamp>,
    /// When it starts.
    pub starts_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
    /// How a change of the clock had a say in its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_change: Option<ClockChangeWord>,
}

impl From<&PlannedDate> for PreviewDate {
    fn from(date: &PlannedDate) -> Self {
        Self {
            original_local: date.original,
            starts_local: date.starts_local,
            doors_at: date.doors_at,
            starts_at: date.starts_at,
            ends_at: date.ends_at,
            clock_change: date.clock_change.map(|change| match change {
                ClockChange::Gap => ClockChangeWord::Gap,
                ClockChange::Fold => ClockChangeWord::Fold,
            }),
        }
    }
}

text_enum! {
    /// Which dates an edit is for.
    pub enum DateScope {
        /// One date.
        This = "this",
        /// One date and all after it.
        ThisAndFollowing = "this_and_following",
        /// All dates.
        All = "all",
        /// The dates that are named.
        These = "these",
    }
}

/// An edit of dates.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatesEdit {
    /// The version of the event that this change starts from; needed unless `If-Match` says it.
    pub version: Option<i64>,
    /// Which dates it is for.
    pub scope: DateScope,
    /// The date of `this` and `this_and_following`, or those of `these`, at most 2,000.
    #[serde(default)]
    pub occurrences: Vec<OccurrenceId>,
    /// What is to hold.
    pub change: DateChange,
    /// What it does with dates that have sold something: keep them as they are, or change them too.
    /// Price and capacity of single dates change in any case.
    #[serde(default)]
    #[schema(value_type = SoldDates)]
    pub sold: SoldDates,
}

/// What is to hold for dates; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DateChange {
    /// How many minutes later than originally they start, on the wall clock.
    pub shift_minutes: Option<i32>,
    /// How long they last, in minutes.
    pub duration_minutes: Option<u32>,
    /// How many minutes before the start the doors open; 0 says nothing of doors.
    pub doors_minutes: Option<u32>,
    /// What they sell otherwise than the tiers say.
    pub tiers: Vec<DateTier>,
    /// The seat map of which seats are sold, in its newest version; null for none.
    #[serde(deserialize_with = "crate::catalog::model::nullable")]
    #[schema(value_type = Option<SeatMapId>)]
    pub seat_map: Option<Option<SeatMapId>>,
}

/// What dates sell of a tier that is sold by date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DateTier {
    /// The tier.
    pub tier: TierId,
    /// Its price, in minor units of the event's currency.
    pub price_minor: Option<i64>,
    /// How many there are of it on each of the dates; never below what is sold and held.
    pub capacity: Option<i64>,
}

/// What an edit of dates came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DatesEdited {
    /// The version of the event.
    pub version: i64,
    /// Dates for which something else holds than before.
    pub changed: Vec<OccurrenceId>,
    /// Dates of which something is sold and whose time is another one: their holders are to be told.
    pub moved: Vec<OccurrenceId>,
    /// Dates that stay as they were because something of them is sold, or they are over or cancelled.
    pub kept: Vec<OccurrenceId>,
}
