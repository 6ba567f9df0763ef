//! Rules as text: `FREQ=MONTHLY;BYDAY=1FR;COUNT=10`.

use std::fmt::{self, Write};
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Weekday};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ByDay, End, Frequency, Rule, RuleError, Until};

/// The longest text of a rule, apart from how it ends.
const MAX_TEXT: usize = 500;
/// The longest text with its end: a rule that ended by COUNT ends by UNTIL once others follow it, and is to
/// be read then too.
const MAX_WHOLE: usize = MAX_TEXT + ";UNTIL=19971224T000000Z".len();

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
    ("SU", Weekday::Sunday),
];

fn weekday(text: &str) -> Option<Weekday> {
    WEEKDAYS
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, weekday)| *weekday)
}

fn word(weekday: Weekday) -> &'static str {
    WEEKDAYS
        .iter()
        .find(|(_, known)| *known == weekday)
        .map_or("MO", |(word, _)| word)
}

/// How long a text is without its COUNT or UNTIL.
fn length_without_end(text: &str) -> usize {
    let is_end = |part: &str| part.starts_with("COUNT=") || part.starts_with("UNTIL=");
    let others = text.split(';').filter(|part| !is_end(part));
    // With a separator each, but for one of them.
    others
        .map(|part| part.len() + 1)
        .sum::<usize>()
        .saturating_sub(1)
}

fn syntax(part: &str) -> RuleError {
    RuleError::Syntax(part.to_owned())
}

/// Numbers between commas.
fn numbers<T: FromStr>(part: &str, text: &str) -> Result<Vec<T>, RuleError> {
    text.split(',')
        .map(|number| number.parse::<T>().map_err(|_| syntax(part)))
        .collect()
}

fn by_day(text: &str) -> Option<ByDay> {
    let at = text.len().checked_sub(2)?;
    let (nth, day) = (text.get(..at)?, text.get(at..)?);
    let nth = if nth.is_empty() {
        None
    } else {
        Some(nth.parse::<i8>().ok()?)
    };
    Some(ByDay {
        nth,
        weekday: weekday(day)?,
    })
}

/// A number of digits at a place.
fn digits<T: FromStr>(text: &str, from: usize, until: usize) -> Option<T> {
    let digits = text.get(from..until)?;
    digits.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    digits.parse::<T>().ok()
}

/// `19971224`, `19971224T000000` or `19971224T000000Z`.
fn until(text: &str) -> Option<Until> {
    let date = Date::new(
        digits(text, 0, 4)?,
        digits(text, 4, 6)?,
        digits(text, 6, 8)?,
    )
    .ok()?;
    let (time, is_utc) = match text.get(8..)? {
        "" => return Some(Until::Date(date)),
        time => match time.strip_suffix('Z') {
            Some(time) => (time, true),
            None => (time, false),
        },
    };
    if time.len() != 7 || !time.starts_with('T') {
        return None;
    }
    let at = DateTime::new(
        date.year(),
        date.month(),
        date.day(),
        digits(time, 1, 3)?,
        digits(time, 3, 5)?,
        digits(time, 5, 7)?,
        0,
    )
    .ok()?;
    if is_utc {
        let moment = jiff::tz::TimeZone::UTC.to_timestamp(at).ok()?;
        Some(Until::Utc(moment))
    } else {
        Some(Until::Local(at))
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let text = text.strip_prefix("RRULE:").unwrap_or(text);
        if text.len() > MAX_WHOLE || length_without_end(text) > MAX_TEXT {
            return Err(RuleError::Range("RRULE"));
        }
        let mut rule = Self::every(1, Frequency::Daily, End::Count(1));
        let (mut frequency, mut count, mut end) = (None, None, None);
        let mut seen: Vec<&str> = Vec::new();
        for part in text.split(';') {
            let (name, value) = part.split_once('=').ok_or_else(|| syntax(part))?;
            if seen.contains(&name) {
                return Err(RuleError::Twice(name.to_owned()));
            }
            seen.push(name);
            match name {
                "FREQ" => match value {
                    "SECONDLY" | "MINUTELY" | "HOURLY" => {
                        return Err(RuleError::Unsupported(format!("FREQ={value}")));
                    }
                    _ => frequency = Some(value.parse::<Frequency>().map_err(|_| syntax(name))?),
                },
                "INTERVAL" => rule.interval = value.parse::<u16>().map_err(|_| syntax(name))?,
                "COUNT" => count = Some(value.parse::<u16>().map_err(|_| syntax(name))?),
                "UNTIL" => end = Some(until(value).ok_or_else(|| syntax(name))?),
                "BYMONTH" => rule.by_month = numbers(name, value)?,
                "BYWEEKNO" => rule.by_week_no = numbers(name, value)?,
                "BYYEARDAY" => rule.by_year_day = numbers(name, value)?,
                "BYMONTHDAY" => rule.by_month_day = numbers(name, value)?,
                "BYHOUR" => rule.by_hour = numbers(name, value)?,
                "BYMINUTE" => rule.by_minute = numbers(name, value)?,
                "BYSETPOS" => rule.by_set_pos = numbers(name, value)?,
                "BYDAY" => {
                    rule.by_day = value
                        .split(',')
                        .map(|day| by_day(day).ok_or_else(|| syntax(name)))
                        .collect::<Result<_, _>>()?;
                }
                "WKST" => rule.week_start = weekday(value).ok_or_else(|| syntax(name))?,
                "BYSECOND" => return Err(RuleError::Unsupported(name.to_owned())),
                _ => return Err(syntax(name)),
            }
        }
        rule.frequency = frequency.ok_or_else(|| syntax("FREQ"))?;
        rule.end = match (count, end) {
            (Some(count), None) => End::Count(count),
            (None, Some(until)) => End::Until(until),
            (Some(_), Some(_)) => return Err(RuleError::TwoEnds),
            (None, None) => return Err(RuleError::Endless),
        };
        rule.check()?;
        Ok(rule)
    }
}

/// Numbers with commas between them.
fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, name: &str, all: &[T]) -> fmt::Result {
    for (i, one) in all.iter().enumerate() {
        if i == 0 {
            write!(f, ";{name}=")?;
        } else {
            f.write_char(',')?;
        }
        write!(f, "{one}")?;
    }
    Ok(())
}

impl fmt::Display for ByDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(nth) = self.nth {
            write!(f, "{nth}")?;
        }
        f.write_str(word(self.weekday))
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(date) => write!(f, "{}", date.strftime("%Y%m%d")),
            Self::Local(at) => write!(f, "{}", at.strftime("%Y%m%dT%H%M%S")),
            Self::Utc(at) => write!(f, "{}", at.strftime("%Y%m%dT%H%M%SZ")),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FREQ={}", self.frequency)?;
        if self.interval != 1 {
            write!(f, ";INTERVAL={}", self.interval)?;
        }
        list(f, "BYMONTH", &self.by_month)?;
        list(f, "BYWEEKNO", &self.by_week_no)?;
        list(f, "BYYEARDAY", &self.by_year_day)?;
        list(f, "BYMONTHDAY", &self.by_month_day)?;
        list(f, "BYDAY", &self.by_day)?;
        list(f, "BYHOUR", &self.by_hour)?;
        list(f, "BYMINUTE", &self.by_minute)?;
        list(f, "BYSETPOS", &self.by_set_pos)?;
        if self.week_start != Weekday::Monday {
            write!(f, ";WKST={}", word(self.week_start))?;
        }
        match self.end {
            End::Count(count) => write!(f, ";COUNT={count}"),
            End::Until(until) => write!(f, ";UNTIL={until}"),
        }
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bilten_kernel::id::text_from(deserializer)
    }
}

impl utoipa::PartialSchema for Rule {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "An RRULE of RFC 5545 with DAILY, WEEKLY, MONTHLY or YEARLY that ends by COUNT or UNTIL; \
                 BYHOUR and BYMINUTE name up to 96 times of a day.",
            ))
            .max_length(Some(MAX_WHOLE))
            .examples(["FREQ=MONTHLY;BYDAY=1FR;COUNT=10"])
            .into()
    }
}

impl utoipa::ToSchema for Rule {}
