//! A rule of recurrence: the parts of RFC 5545 that a calendar of shows needs.

use bilten_kernel::text_enum;
use jiff::Timestamp as Instant;
use jiff::civil::{Date, DateTime, Weekday};

use super::MAX_DATES;

/// The most times of a day of one rule: each quarter of an hour.
pub const MAX_TIMES: usize = 96;

text_enum! {
    /// What a rule steps by.
    pub enum Frequency {
        /// By days.
        Daily = "DAILY",
        /// By weeks.
        Weekly = "WEEKLY",
        /// By months.
        Monthly = "MONTHLY",
        /// By years.
        Yearly = "YEARLY",
    }
}

/// A weekday, or the n-th of its kind in a month or year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByDay {
    /// Which one: 1 is the first, -1 the last; none means each.
    pub nth: Option<i8>,
    /// The weekday.
    pub weekday: Weekday,
}

/// Until when a rule gives dates, that moment included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until the end of a day in the event's zone.
    Date(Date),
    /// Until a local time in the event's zone.
    Local(DateTime),
    /// Until a moment.
    Utc(Instant),
}

/// How a rule ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// After this many dates.
    Count(u16),
    /// At a time.
    Until(Until),
}

/// A rule of recurrence (RRULE).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it steps by.
    pub frequency: Frequency,
    /// How many of them it steps.
    pub interval: u16,
    /// Months of the year; empty means any.
    pub by_month: Vec<i8>,
    /// Weeks of the year, negative from its end; empty means any.
    pub by_week_no: Vec<i8>,
    /// Days of the year, negative from its end; empty means any.
    pub by_year_day: Vec<i16>,
    /// Days of the month, negative from its end; empty means any.
    pub by_month_day: Vec<i8>,
    /// Weekdays; empty means any.
    pub by_day: Vec<ByDay>,
    /// Hours of the day; empty means that of the beginning.
    pub by_hour: Vec<i8>,
    /// Minutes of the hour; empty means that of the beginning.
    pub by_minute: Vec<i8>,
    /// Which dates of each step are taken, negative from its end; empty means all.
    pub by_set_pos: Vec<i16>,
    /// On which day weeks begin.
    pub week_start: Weekday,
    /// How it ends.
    pub end: End,
}

/// Why a rule cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A part is not written as the standard says.
    #[error("{0} is not written as RFC 5545 says")]
    Syntax(String),
    /// A part comes twice.
    #[error("{0} is said twice")]
    Twice(String),
    /// A part of the standard that is not supported.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// A number is out of its range.
    #[error("{0} is out of range")]
    Range(&'static str),
    /// Two parts that do not go together.
    #[error("{0}")]
    Combination(&'static str),
    /// It never ends.
    #[error("a rule ends by COUNT or UNTIL")]
    Endless,
    /// It ends twice.
    #[error("a rule has COUNT or UNTIL, not both")]
    TwoEnds,
}

impl RuleError {
    /// The stable code of the fault.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "rule_syntax",
            Self::Twice(_) => "rule_twice",
            Self::Unsupported(_) => "rule_unsupported",
            Self::Range(_) => "rule_out_of_range",
            Self::Combination(_) => "rule_combination",
            Self::Endless => "rule_endless",
            Self::TwoEnds => "rule_two_ends",
        }
    }
}

impl Rule {
    /// Every `interval` days, weeks, months or years.
    pub const fn every(interval: u16, frequency: Frequency, end: End) -> Self {
        Self {
            frequency,
            interval,
            by_month: Vec::new(),
            by_week_no: Vec::new(),
            by_year_day: Vec::new(),
            by_month_day: Vec::new(),
            by_day: Vec::new(),
            by_hour: Vec::new(),
            by_minute: Vec::new(),
            by_set_pos: Vec::new(),
            week_start: Weekday::Monday,
            end,
        }
    }

    /// Whether its parts are in range and go together.
    ///
    /// # Errors
    /// The first [`RuleError`] there is.
    pub fn check(&self) -> Result<(), RuleError> {
        if !(1..=999).contains(&self.interval) {
            return Err(RuleError::Range("INTERVAL"));
        }
        if let End::Count(count) = self.end
            && !(1..=MAX_DATES).contains(&usize::from(count))
        {
            return Err(RuleError::Range("COUNT"));
        }
        if !self.by_month.iter().all(|month| (1..=12).contains(month)) {
            return Err(RuleError::Range("BYMONTH"));
        }
        let is_day = |day: &i8| *day != 0 && (-31..=31).contains(day);
        if !self.by_month_day.iter().all(is_day) {
            return Err(RuleError::Range("BYMONTHDAY"));
        }
        // Also the days of a year.
        let is_position = |at: &i16| *at != 0 && (-366..=366).contains(at);
        if !self.by_set_pos.iter().all(is_position) {
            return Err(RuleError::Range("BYSETPOS"));
        }
        if !self.by_year_day.iter().all(is_position) {
            return Err(RuleError::Range("BYYEARDAY"));
        }
        let is_week = |week: &i8| *week != 0 && (-53..=53).contains(week);
        if !self.by_week_no.iter().all(is_week) {
            return Err(RuleError::Range("BYWEEKNO"));
        }
        let times = self.by_hour.len().max(1) * self.by_minute.len().max(1);
        if !self.by_hour.iter().all(|hour| (0..=23).contains(hour)) || times > MAX_TIMES {
            return Err(RuleError::Range("BYHOUR"));
        }
        if !self
            .by_minute
            .iter()
            .all(|minute| (0..=59).contains(minute))
        {
            return Err(RuleError::Range("BYMINUTE"));
        }
        let mut nths = self.by_day.iter().filter_map(|by| by.nth);
        if nths.any(|nth| nth == 0 || !(-53..=53).contains(&nth)) {
            return Err(RuleError::Range("BYDAY"));
        }
        self.check_combinations()
    }

    fn check_combinations(&self) -> Result<(), RuleError> {
        let counts_days = self.by_day.iter().any(|by| by.nth.is_some());
        match self.frequency {
            Frequency::Daily | Frequency::Weekly if counts_days => {
                return Err(RuleError::Combination(
                    "a numbered BYDAY goes with MONTHLY or YEARLY",
                ));
            }
            Frequency::Weekly if !self.by_month_day.is_empty() => {
                return Err(RuleError::Combination("BYMONTHDAY does not go with WEEKLY"));
            }
            Frequency::Daily | Frequency::Weekly | Frequency::Monthly
                if !(self.by_week_no.is_empty() && self.by_year_day.is_empty()) =>
            {
                return Err(RuleError::Combination(
                    "BYWEEKNO and BYYEARDAY go with YEARLY",
                ));
            }
            Frequency::Yearly if counts_days && !self.by_week_no.is_empty() => {
                return Err(RuleError::Combination(
                    "a numbered BYDAY does not go with BYWEEKNO",
                ));
            }
            Frequency::Daily | Frequency::Weekly | Frequency::Monthly | Frequency::Yearly => {}
        }
        let has_set = !(self.by_month.is_empty()
            && self.by_week_no.is_empty()
            && self.by_year_day.is_empty()
            && self.by_month_day.is_empty()
            && self.by_day.is_empty()
            && self.by_hour.is_empty()
            && self.by_minute.is_empty());
        if !self.by_set_pos.is_empty() && !has_set {
            return Err(RuleError::Combination("BYSETPOS goes with another BY part"));
        }
        Ok(())
    }
}
