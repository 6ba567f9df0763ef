//! A series and the dates it gives.

use std::collections::{BTreeMap, BTreeSet};

use bilten_kernel::clock::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ClockChange, LaterRules, Local, MAX_DATES, MAX_RULES, MAX_YEARS, Rule, RuleError, expand,
};
use crate::catalog::model::{MAX_CAPACITY, MAX_PRICE_MINOR, MAX_TIERS};

/// The longest date, in minutes: a festival.
pub const MAX_DURATION_MINUTES: u32 = 31 * 24 * 60;
/// How far a date can be moved on the wall clock, in minutes: a year.
pub const MAX_SHIFT_MINUTES: i32 = 366 * 24 * 60;
/// How long before the start doors can open, in minutes: a day.
pub const MAX_DOORS_MINUTES: u32 = 24 * 60;

/// What one layer says of dates; what it leaves out is for the layer below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How many minutes later than its original start it starts, on the wall clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shift_minutes: Option<i32>,
    /// How long it lasts, in minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_minutes: Option<u32>,
    /// How many minutes before the start the doors open; 0 says nothing of doors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doors_minutes: Option<u32>,
    /// Prices in minor units, by number of the tier.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, i64>)]
    pub prices: BTreeMap<u16, i64>,
    /// Capacities, by number of the tier.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, i64>)]
    pub capacities: BTreeMap<u16, i64>,
}

impl Settings {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it says when a date is.
    pub const fn is_of_time(&self) -> bool {
        self.shift_minutes.is_some()
            || self.duration_minutes.is_some()
            || self.doors_minutes.is_some()
    }

    /// What holds when this layer lies on another.
    #[must_use]
    pub fn over(&self, below: &Self) -> Self {
        let mut all = below.clone();
        all.lay(self);
        all
    }

    /// Lays another layer on this one.
    fn lay(&mut self, top: &Self) {
        self.shift_minutes = top.shift_minutes.or(self.shift_minutes);
        self.duration_minutes = top.duration_minutes.or(self.duration_minutes);
        self.doors_minutes = top.doors_minutes.or(self.doors_minutes);
        self.prices.extend(&top.prices);
        self.capacities.extend(&top.capacities);
    }

    /// What is left of it without all that `other` speaks of.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.filtered(other, false)
    }

    /// What it says of all that `other` speaks of.
    #[must_use]
    pub fn only(&self, other: &Self) -> Self {
        self.filtered(other, true)
    }

    fn filtered(&self, other: &Self, spoken_of: bool) -> Self {
        let map = |mine: &BTreeMap<u16, i64>, other: &BTreeMap<u16, i64>| {
            mine.iter()
                .filter(|(tier, _)| other.contains_key(*tier) == spoken_of)
                .map(|(tier, value)| (*tier, *value))
                .collect::<BTreeMap<u16, i64>>()
        };
        Self {
            shift_minutes: self
                .shift_minutes
                .filter(|_| other.shift_minutes.is_some() == spoken_of),
            duration_minutes: self
                .duration_minutes
                .filter(|_| other.duration_minutes.is_some() == spoken_of),
            doors_minutes: self
                .doors_minutes
                .filter(|_| other.doors_minutes.is_some() == spoken_of),
            prices: map(&self.prices, &other.prices),
            capacities: map(&self.capacities, &other.capacities),
        }
    }

    /// Whether all it says is in range.
    ///
    /// # Errors
    /// [`SeriesError::Range`] with the first field that is not.
    pub fn check(&self) -> Result<(), SeriesError> {
        let is_shift = |minutes: i32| (-MAX_SHIFT_MINUTES..=MAX_SHIFT_MINUTES).contains(&minutes);
        if self.shift_minutes.is_some_and(|minutes| !is_shift(minutes)) {
            return Err(SeriesError::Range("shift_minutes"));
        }
        if self
            .duration_minutes
            .is_some_and(|minutes| !(1..=MAX_DURATION_MINUTES).contains(&minutes))
        {
            return Err(SeriesError::Range("duration_minutes"));
        }
        if self
            .doors_minutes
            .is_some_and(|minutes| minutes > MAX_DOORS_MINUTES)
        {
            return Err(SeriesError::Range("doors_minutes"));
        }
        let is_in = |map: &BTreeMap<u16, i64>, max: i64| {
            map.len() <= MAX_TIERS && map.values().all(|value| (0..=max).contains(value))
        };
        if !is_in(&self.prices, MAX_PRICE_MINOR) {
            return Err(SeriesError::Range("prices"));
        }
        if !is_in(&self.capacities, MAX_CAPACITY) {
            return Err(SeriesError::Range("capacities"));
        }
        Ok(())
    }
}

/// What holds from a date on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// The original start of its first date.
    pub from: Local,
    /// What it says.
    pub settings: Settings,
}

/// A recurring series as its organiser describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// When it begins (DTSTART); its time of day is that of all dates of its rules that name no others.
    pub starts: Local,
    /// The IANA time zone of the event.
    pub time_zone: String,
    /// Its rules (RRULE).
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Rules that begin later, in the order in which they were said; left out if there are none.
    // So that nodes of the version before read what needs nothing new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<LaterRules>,
    /// Further dates (RDATE).
    #[serde(default)]
    pub added: Vec<Local>,
    /// Dates that are left out (EXDATE).
    #[serde(default)]
    pub excluded: Vec<Local>,
    /// What holds for all dates; the length of a date must be said here.
    pub settings: Settings,
    /// What holds from some date on, earliest first.
    #[serde(default)]
    pub phases: Vec<Phase>,
}

/// A date as a series gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDate {
    /// What it is known by: its start before it was moved.
    pub original: Local,
    /// When it starts, on the wall clock.
    pub starts_local: Local,
    /// When the doors open, if that is said.
    pub doors_at: Option<Timestamp>,
    /// When it starts.
    pub starts_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
    /// How a change of the clock had a say in its start; worth a word to the organiser.
    pub clock_change: Option<ClockChange>,
    /// All that holds for it.
    pub settings: Settings,
}

/// Why a series gives no dates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// A rule is wrong.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The time zone is unknown.
    #[error("expected an IANA time zone such as Europe/Ljubljana")]
    Zone,
    /// There are too many rules.
    #[error("a series has at most {MAX_RULES} rules")]
    TooManyRules,
    /// There are too many dates.
    #[error("a series has at most {MAX_DATES} dates")]
    TooManyDates,
    /// It reaches too far.
    #[error("a series reaches at most {years} years", years = MAX_YEARS)]
    TooLong,
    /// It gives no date at all.
    #[error("the series has no dates")]
    Empty,
    /// A value is out of its range.
    #[error("{0} is out of range")]
    Range(&'static str),
    /// The length of a date is not said.
    #[error("say how long a date lasts")]
    NoDuration,
    /// Other rules from some date on would be those of all dates.
    #[error("no date of the series is earlier: leave it out to change the rules of all dates")]
    NothingBefore,
}

impl SeriesError {
    /// The stable code of the fault.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Rule(fault) => fault.code(),
            Self::Zone => "time_zone",
            Self::TooManyRules => "too_many_rules",
            Self::TooManyDates => "too_many_dates",
            Self::TooLong => "series_too_long",
            Self::Empty => "series_empty",
            Self::Range(_) => "out_of_range",
            Self::NoDuration => "no_duration",
            Self::NothingBefore => "nothing_before",
        }
    }
}

impl Series {
    /// Its time zone.
    ///
    /// # Errors
    /// [`SeriesError::Zone`].
    pub fn zone(&self) -> Result<TimeZone, SeriesError> {
        TimeZone::get(&self.time_zone).map_err(|_| SeriesError::Zone)
    }

    /// All its rules, together with when they begin.
    pub(super) fn parts(&self) -> impl Iterator<Item = (Local, &[Rule])> {
        let later = self.later.iter();
        std::iter::once((self.starts, self.rules.as_slice()))
            .chain(later.map(|later| (later.starts, later.rules.as_slice())))
    }

    /// The last year that its rules may reach.
    pub(super) fn last_year(&self) -> i16 {
        self.starts.to_jiff().year().saturating_add(MAX_YEARS)
    }

    /// The original starts of its dates, earliest first.
    ///
    /// # Errors
    /// What is wrong with the rules, or that there are no dates or too many.
    pub fn originals(&self) -> Result<Vec<Local>, SeriesError> {
        let zone = self.zone()?;
        if self.parts().map(|(_, rules)| rules.len()).sum::<usize>() > MAX_RULES {
            return Err(SeriesError::TooManyRules);
        }
        // A list of exceptions as long as two series helps nobody.
        if self.added.len() > MAX_DATES || self.excluded.len() > 2 * MAX_DATES {
            return Err(SeriesError::TooManyDates);
        }
        let mut all: BTreeSet<Local> = self.added.iter().copied().collect();
        for (starts, rules) in self.parts() {
            for rule in rules {
                let dates = expand::dates(rule, starts.to_jiff(), self.last_year(), &zone)?;
                all.extend(dates.into_iter().map(Local::new));
            }
        }
        for excluded in &self.excluded {
            all.remove(excluded);
        }
        if all.len() > MAX_DATES {
            return Err(SeriesError::TooManyDates);
        }
        // Two local times can be one moment: where the clock jumped over the first of them.
        let mut moments = BTreeMap::new();
        for original in all {
            let (at, _) = original.in_zone(&zone).ok_or(SeriesError::TooLong)?;
            moments.entry(at).or_insert(original);
        }
        if moments.is_empty() {
            return Err(SeriesError::Empty);
        }
        let mut originals: Vec<Local> = moments.into_values().collect();
        originals.sort_unstable();
        Ok(originals)
    }

    /// What the layers under a date's own say of it.
    pub fn settings_of(&self, original: Local) -> Settings {
        let mut holds = self.settings.clone();
        // In place: a series can have as many of them as dates, and this is asked of each date.
        for phase in self.phases.iter().filter(|phase| phase.from <= original) {
            holds.lay(&phase.settings);
        }
        holds
    }

    /// Its dates with all that holds for them, earliest first; `own` is what single dates say.
    ///
    /// # Errors
    /// As [`Series::originals`], or a setting out of range.
    pub fn plan(&self, own: &BTreeMap<Local, Settings>) -> Result<Vec<PlannedDate>, SeriesError> {
        self.settings.check()?;
        if self.phases.len() > MAX_DATES {
            return Err(SeriesError::TooManyDates);
        }
        for phase in &self.phases {
            phase.settings.check()?;
        }
        let zone = self.zone()?;
        let mut dates = Vec::new();
        for original in self.originals()? {
            let below = self.settings_of(original);
            let settings = match own.get(&original) {
                Some(own) => {
                    own.check()?;
                    own.over(&below)
                }
                None => below,
            };
            dates.push(place(original, settings, &zone)?);
        }
        dates.sort_by_key(|date| (date.starts_at, date.original));
        Ok(dates)
    }
}

/// Puts a date on the time line.
fn place(original: Local, settings: Settings, zone: &TimeZone) -> Result<PlannedDate, SeriesError> {
    let duration = settings.duration_minutes.ok_or(SeriesError::NoDuration)?;
    let shift = settings.shift_minutes.unwrap_or(0);
    let starts_local = original
        .plus_minutes(i64::from(shift))
        .ok_or(SeriesError::TooLong)?;
    let (starts_at, clock_change) = starts_local.in_zone(zone).ok_or(SeriesError::TooLong)?;
    let minutes = |minutes: u32| std::time::Duration::from_secs(u64::from(minutes) * 60);
    Ok(PlannedDate {
        original,
        starts_local,
        doors_at: settings
            .doors_minutes
            .filter(|doors| *doors > 0)
            .map(|doors| starts_at - minutes(doors)),
        starts_at,
        ends_at: starts_at + minutes(duration),
        clock_change,
        settings,
    })
}
