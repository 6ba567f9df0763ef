//! From a rule to local dates.

use jiff::Span;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::{ByDay, End, Frequency, Local, MAX_DATES, Rule, SeriesError, Until};

/// The local dates of a rule that begins at `start` and may reach into `last_year`, earliest first.
pub(super) fn dates(
    rule: &Rule,
    start: DateTime,
    last_year: i16,
    zone: &TimeZone,
) -> Result<Vec<DateTime>, SeriesError> {
    rule.check()?;
    let (most, until) = match rule.end {
        End::Count(count) => (usize::from(count), None),
        End::Until(until) => (MAX_DATES, Some(until)),
    };
    let mut found: Vec<DateTime> = Vec::new();
    for step in 0_i64.. {
        let (begin, days) = period(rule, start.date(), step).ok_or(SeriesError::TooLong)?;
        if until.is_some_and(|until| {
            is_over(
                until,
                begin.to_datetime(jiff::civil::Time::midnight()),
                zone,
            )
        }) {
            break;
        }
        if begin.year() > last_year {
            return Err(SeriesError::TooLong);
        }
        for day in chosen(rule, start.date(), begin, days) {
            let at = day.to_datetime(start.time());
            if at < start {
                continue;
            }
            if until.is_some_and(|until| is_over(until, at, zone)) {
                return Ok(found);
            }
            if found.len() >= most {
                // Only UNTIL gets here: COUNT stops below.
                return Err(SeriesError::TooManyDates);
            }
            found.push(at);
            if until.is_none() && found.len() == most {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// Whether a local time is later than a rule reaches.
fn is_over(until: Until, at: DateTime, zone: &TimeZone) -> bool {
    match until {
        Until::Date(date) => at.date() > date,
        Until::Local(last) => at > last,
        Until::Utc(last) => Local::new(at)
            .in_zone(zone)
            .is_none_or(|(moment, _)| moment.to_jiff() > last),
    }
}

fn plus_days(day: Date, days: i64) -> Option<Date> {
    day.checked_add(Span::new().try_days(days).ok()?).ok()
}

/// The `step`-th day, week, month or year of a rule: its first day and how many it has. None
/// beyond the calendar's end.
fn period(rule: &Rule, first: Date, step: i64) -> Option<(Date, i64)> {
    let steps = step.checked_mul(i64::from(rule.interval))?;
    match rule.frequency {
        Frequency::Daily => Some((plus_days(first, steps)?, 1)),
        Frequency::Weekly => {
            let since = first
                .weekday()
                .to_monday_zero_offset()
                .checked_sub(rule.week_start.to_monday_zero_offset())?
                .rem_euclid(7);
            let week = plus_days(first, -i64::from(since))?;
            Some((plus_days(week, steps.checked_mul(7)?)?, 7))
        }
        Frequency::Monthly => {
            let months = i64::from(first.year()) * 12 + i64::from(first.month()) - 1 + steps;
            let year = i16::try_from(months.div_euclid(12)).ok()?;
            let month = i8::try_from(months.rem_euclid(12) + 1).ok()?;
            let begin = Date::new(year, month, 1).ok()?;
            Some((begin, i64::from(begin.days_in_month())))
        }
        Frequency::Yearly => {
            let year = i16::try_from(i64::from(first.year()).checked_add(steps)?).ok()?;
            let begin = Date::new(year, 1, 1).ok()?;
            Some((begin, i64::from(begin.days_in_year())))
        }
    }
}

/// The days of a period that the rule gives.
fn chosen(rule: &Rule, first: Date, begin: Date, days: i64) -> Vec<Date> {
    let all: Vec<Date> = (0..days)
        .filter_map(|day| plus_days(begin, day))
        .filter(|day| matches(rule, first, *day))
        .collect();
    if rule.by_set_pos.is_empty() {
        return all;
    }
    let mut taken: Vec<Date> = rule
        .by_set_pos
        .iter()
        .filter_map(|position| {
            let position = isize::from(*position);
            let at = if position > 0 {
                position - 1
            } else {
                isize::try_from(all.len()).ok()? + position
            };
            all.get(usize::try_from(at).ok()?).copied()
        })
        .collect();
    taken.sort_unstable();
    taken.dedup();
    taken
}

/// Whether a day fits all parts of a rule; what is not said comes from the first date.
fn matches(rule: &Rule, first: Date, day: Date) -> bool {
    let is_month = rule.by_month.is_empty() || rule.by_month.contains(&day.month());
    let is_month_day = rule.by_month_day.is_empty()
        || rule.by_month_day.iter().any(|wanted| {
            if *wanted > 0 {
                day.day() == *wanted
            } else {
                day.day() - day.days_in_month() - 1 == *wanted
            }
        });
    let is_day = rule.by_day.is_empty() || rule.by_day.iter().any(|by| is_nth(rule, *by, day));
    let says_no_day = rule.by_day.is_empty() && rule.by_month_day.is_empty();
    let is_like_first = match rule.frequency {
        Frequency::Daily => true,
        Frequency::Weekly => !rule.by_day.is_empty() || day.weekday() == first.weekday(),
        Frequency::Monthly => !says_no_day || day.day() == first.day(),
        Frequency::Yearly => {
            !says_no_day
                || (day.day() == first.day()
                    && (!rule.by_month.is_empty() || day.month() == first.month()))
        }
    };
    is_month && is_month_day && is_day && is_like_first
}

/// Whether a day is the n-th of its weekday, in its month or year as the standard says.
fn is_nth(rule: &Rule, by: ByDay, day: Date) -> bool {
    if day.weekday() != by.weekday {
        return false;
    }
    let Some(nth) = by.nth else { return true };
    let in_month = rule.frequency == Frequency::Monthly || !rule.by_month.is_empty();
    let (at, of) = if in_month {
        (i16::from(day.day()), i16::from(day.days_in_month()))
    } else {
        (day.day_of_year(), day.days_in_year())
    };
    let nth = i16::from(nth);
    if nth > 0 {
        (at - 1) / 7 + 1 == nth
    } else {
        (at - of) / 7 - 1 == nth
    }
}
