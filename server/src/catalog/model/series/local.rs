//! A date and time on the wall clock of some place.

use std::fmt;
use std::str::FromStr;

use bilten_kernel::clock::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A date and time as a clock on the wall shows it, to the second: `2026-05-01T19:30:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Local(DateTime);

/// A text that is no local date and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a local date and time like 2026-05-01T19:30:00, without an offset")]
pub struct LocalError;

/// How a local time met a change of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockChange {
    /// It did not exist, and was moved forward.
    Gap,
    /// It existed twice, and means the first.
    Fold,
}

impl Local {
    /// This time of the calendar; parts of a second are dropped.
    pub fn new(at: DateTime) -> Self {
        Self(at.with().subsec_nanosecond(0).build().unwrap_or(at))
    }

    /// The same for calendar arithmetic.
    pub const fn to_jiff(self) -> DateTime {
        self.0
    }

    /// The moment that is meant in a time zone, and whether a change of the clock had a say.
    /// None beyond the years that a [`Timestamp`] can express.
    pub fn in_zone(self, zone: &TimeZone) -> Option<(Timestamp, Option<ClockChange>)> {
        let ambiguous = zone.to_ambiguous_timestamp(self.0);
        let change = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => None,
            AmbiguousOffset::Gap { .. } => Some(ClockChange::Gap),
            AmbiguousOffset::Fold { .. } => Some(ClockChange::Fold),
        };
        // "Compatible" is the standard's rule: forward over a gap, the first of a fold.
        let at = ambiguous.compatible().ok()?;
        Some((Timestamp::from(at), change))
    }

    /// This many minutes later (or earlier) on the wall clock; none beyond the calendar's end.
    pub fn plus_minutes(self, minutes: i64) -> Option<Self> {
        let span = jiff::SignedDuration::from_secs(minutes.checked_mul(60)?);
        self.0.checked_add(span).ok().map(Self)
    }

    /// How many whole minutes later another time is on the wall clock.
    pub fn minutes_until(self, other: Self) -> i64 {
        self.0.duration_until(other.0).as_mins()
    }
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Local {
    type Err = LocalError;

    fn from_str(text: &str) -> Result<Self, LocalError> {
        let at: DateTime = text.parse().map_err(|_| LocalError)?;
        let local = Self::new(at);
        // The reader of jiff is generous: it drops offsets and zones. A caller who says one means it.
        let said = local.to_string();
        let is_exact = text == said || Some(text) == said.strip_suffix(":00");
        is_exact.then_some(local).ok_or(LocalError)
    }
}

impl Serialize for Local {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Local {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bilten_kernel::id::text_from(deserializer)
    }
}

impl utoipa::PartialSchema for Local {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A date and time in the event's time zone."))
            .pattern(Some(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$"))
            .examples(["2026-05-01T19:30:00"])
            .into()
    }
}

impl utoipa::ToSchema for Local {}
