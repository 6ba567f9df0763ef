//! From a rule to local dates.

use jiff::Span;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::{End, Frequency, Local, MAX_DATES, Rule, SeriesError, Until};

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
    let times = times(rule, start.time());
    let mut found: Vec<DateTime> = Vec::new();
    for step in 0_i64.. {
        let (begin, days) = period(rule, start.date(), step).ok_or(SeriesError::TooLong)?;
        if until.is_some_and(|until| is_over(until, begin.to_datetime(Time::midnight()), zone)) {
            break;
        }
        if begin.year() > last_year {
            return Err(SeriesError::TooLong);
        }
        for at in chosen(rule, start.date(), &times, (begin, days)) {
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

/// What the rule gives of a period at these times of a day, earliest first.
fn chosen(rule: &Rule, first: Date, times: &[Time], (begin, days): (Date, i64)) -> Vec<DateTime> {
    let days: Vec<Date> = (0..days)
        .filter_map(|day| plus_days(begin, day))
        .filter(|day| matches(rule, first, *day))
        .collect();
    if rule.by_set_pos.is_empty() {
        let of_day = |day: &Date| {
            let day = *day;
            times.iter().map(move |time| day.to_datetime(*time))
        };
        return days.iter().flat_map(of_day).collect();
    }
    // All of them by their places, without making them: a year can have tens of thousands.
    let all = days.len().saturating_mul(times.len());
    let mut taken: Vec<DateTime> = rule
        .by_set_pos
        .iter()
        .filter_map(|position| {
            let position = isize::from(*position);
            let at = if position > 0 {
                position - 1
            } else {
                isize::try_from(all).ok()? + position
            };
            let at = usize::try_from(at).ok()?;
            let day = days.get(at.checked_div(times.len())?)?;
            let time = times.get(at.checked_rem(times.len())?)?;
            Some(day.to_datetime(*time))
        })
        .collect();
    taken.sort_unstable();
    taken.dedup();
    taken
}

/// The times of a day that the rule gives, earliest first; what is not said comes from the beginning.
fn times(rule: &Rule, first: Time) -> Vec<Time> {
    let said = |all: &[i8], first: i8| {
        let mut all = if all.is_empty() {
            vec![first]
        } else {
            all.to_vec()
        };
        all.sort_unstable();
        all.dedup();
        all
    };
    let hours = said(&rule.by_hour, first.hour());
    let minutes = said(&rule.by_minute, first.minute());
    let mut times = Vec::new();
    for hour in hours {
        let of_hour = minutes
            .iter()
            .filter_map(|minute| Time::new(hour, *minute, first.second(), 0).ok());
        times.extend(of_hour);
    }
    times
}

/// Whether one of these numbers is that of a day: its place from the beginning, or from the end as a
/// negative one. None of them is any.
fn is_one<T: Copy + PartialEq>(wanted: &[T], place: T, from_end: T) -> bool {
    let is_it = |number: &T| *number == place || *number == from_end;
    wanted.is_empty() || wanted.iter().any(is_it)
}

/// Whether a day fits all parts of a rule; what is not said comes from the first date.
///
/// What is asked of the day is found out once, not for each number of a list: a rule looks at fifty years
/// of days if it has to.
fn matches(rule: &Rule, first: Date, day: Date) -> bool {
    let is_month = rule.by_month.is_empty() || rule.by_month.contains(&day.month());
    if !is_month {
        return false;
    }
    let from_end = day.day() - day.days_in_month() - 1;
    let is_month_day = is_one(&rule.by_month_day, day.day(), from_end);
    let (place, from_end) = (
        day.day_of_year(),
        day.day_of_year() - day.days_in_year() - 1,
    );
    let is_year_day = is_one(&rule.by_year_day, place, from_end);
    let is_day = rule.by_day.is_empty() || is_nth(rule, day);
    let is_week = rule.by_week_no.is_empty() || is_in_week(rule, day);
    let says_no_day =
        rule.by_day.is_empty() && rule.by_month_day.is_empty() && rule.by_year_day.is_empty();
    let is_like_first = match rule.frequency {
        Frequency::Daily => true,
        Frequency::Weekly => !rule.by_day.is_empty() || day.weekday() == first.weekday(),
        Frequency::Monthly => !says_no_day || day.day() == first.day(),
        Frequency::Yearly if !rule.by_week_no.is_empty() => {
            !says_no_day || day.weekday() == first.weekday()
        }
        Frequency::Yearly => {
            !says_no_day
                || (day.day() == first.day()
                    && (!rule.by_month.is_empty() || day.month() == first.month()))
        }
    };
    is_week && is_year_day && is_month_day && is_day && is_like_first
}

/// Whether a day is in one of the rule's weeks. The first week of a year is the first of which most
/// days are in that year, and a week is of the year of most of its days.
fn is_in_week(rule: &Rule, day: Date) -> bool {
    let since = day.weekday().to_monday_zero_offset() - rule.week_start.to_monday_zero_offset();
    let Some(middle) = plus_days(day, 3 - i64::from(since.rem_euclid(7))) else {
        return false;
    };
    let before = middle.day_of_year() - 1;
    let week = before / 7 + 1;
    let weeks = (middle.days_in_year() - 1 - before % 7) / 7 + 1;
    let from_end = week - weeks - 1;
    rule.by_week_no.iter().any(|wanted| {
        let wanted = i16::from(*wanted);
        wanted == week || wanted == from_end
    })
}

/// Whether a day is one of the rule's weekdays, the n-th in its month or year as the standard says.
fn is_nth(rule: &Rule, day: Date) -> bool {
    let in_month = rule.frequency == Frequency::Monthly || !rule.by_month.is_empty();
    let (at, of) = if in_month {
        (i16::from(day.day()), i16::from(day.days_in_month()))
    } else {
        (day.day_of_year(), day.days_in_year())
    };
    let (place, from_end) = ((at - 1) / 7 + 1, (at - of) / 7 - 1);
    let weekday = day.weekday();
    rule.by_day.iter().any(|by| {
        let is_place = |nth: i8| i16::from(nth) == place || i16::from(nth) == from_end;
        by.weekday == weekday && by.nth.is_none_or(is_place)
    })
}
