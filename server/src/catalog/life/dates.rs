//! Moving dates.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::FieldError;
use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::model::MovedDate;
use crate::catalog::model::{EventDetail, meeting};
use crate::catalog::series::Local;

/// A date before it was moved, and when it starts from then on.
struct Moved {
    starts_at: Timestamp,
    ends_at: Timestamp,
    to: Timestamp,
}

/// Gives dates of an event their new times; tiers that are valid at some times only move along.
///
/// # Errors
/// All that is wrong with them.
pub(super) fn put(detail: &mut EventDetail, dates: &[MovedDate]) -> Result<(), Vec<FieldError>> {
    let (mut faults, mut moved) = (Vec::new(), Vec::new());
    let mut add = |field: String, code: &'static str, detail: &str| {
        faults.push(FieldError {
            field,
            code: code.into(),
            detail: detail.to_owned(),
        });
    };
    let before = detail.occurrences.clone();
    if dates.len() > before.len() {
        add("dates".to_owned(), "too_many", "the event has fewer dates");
        return Err(faults);
    }
    for (i, date) in dates.iter().enumerate() {
        let at = format!("dates[{i}]");
        if dates
            .iter()
            .take(i)
            .any(|earlier| earlier.occurrence == date.occurrence)
        {
            add(
                format!("{at}.occurrence"),
                "twice",
                "this date is moved twice",
            );
        }
        if date.starts_at >= date.ends_at {
            let text = "must be later than the start";
            add(format!("{at}.ends_at"), "not_after", text);
        }
        if date.doors_at.is_some_and(|doors| doors > date.starts_at) {
            let text = "must not be later than the start";
            add(format!("{at}.doors_at"), "after_start", text);
        }
        let own = detail
            .occurrences
            .iter_mut()
            .find(|own| own.id == date.occurrence);
        match own {
            Some(own) => {
                moved.push(Moved {
                    starts_at: own.starts_at,
                    ends_at: own.ends_at,
                    to: date.starts_at,
                });
                own.doors_at = date.doors_at;
                own.starts_at = date.starts_at;
                own.ends_at = date.ends_at;
            }
            None => add(
                format!("{at}.occurrence"),
                "unknown",
                "the event has no such date",
            ),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    if let Some(at) = meeting(&before, detail.occurrences.iter()) {
        let place = dates.iter().rposition(|date| date.starts_at == at);
        return Err(vec![FieldError {
            field: place.map_or_else(
                || "dates".to_owned(),
                |place| format!("dates[{place}].starts_at"),
            ),
            code: "same_start".into(),
            detail: "two dates would start at this moment in the same place".to_owned(),
        }]);
    }
    if !move_windows(detail, moved) {
        return Err(vec![FieldError {
            field: "dates".to_owned(),
            code: "out_of_range".into(),
            detail: "are too far away".to_owned(),
        }]);
    }
    detail
        .occurrences
        .sort_by_key(|date| (date.starts_at, date.id));
    Ok(())
}

/// Moves the times at which tickets of a tier are valid with the dates that they are for: the
/// beginning with the first of these that is moved, the end with the last. Says whether there are such
/// times.
fn move_windows(detail: &mut EventDetail, mut moved: Vec<Moved>) -> bool {
    moved.sort_by_key(|date| date.starts_at);
    let zone = detail.event.time_zone.as_str();
    let by = |date: &Moved, at: Timestamp| Distance::new(zone, date.starts_at, date.to).moved(at);
    for tier in &mut detail.tiers {
        let (from, until) = (tier.valid_from_at, tier.valid_until_at);
        let is_for = |date: &&Moved| {
            from.is_none_or(|from| from < date.ends_at)
                && until.is_none_or(|until| date.starts_at < until)
        };
        let (first, last) = (moved.iter().find(is_for), moved.iter().rev().find(is_for));
        let (Some(first), Some(last)) = (first, last) else {
            continue;
        };
        if let Some(from) = from {
            let Some(at) = by(first, from) else {
                return false;
            };
            tier.valid_from_at = Some(at);
        }
        if let Some(until) = until {
            let Some(at) = by(last, until) else {
                return false;
            };
            tier.valid_until_at = Some(at);
        }
    }
    true
}

/// How far a copy is from its model, by the clock on the wall.
pub(super) struct Distance {
    zone: TimeZone,
    by: SignedDuration,
}

impl Distance {
    /// From one moment to another at a place.
    pub(super) fn new(time_zone: &str, from: Timestamp, to: Timestamp) -> Self {
        let zone = TimeZone::get(time_zone).unwrap_or(TimeZone::UTC);
        let (start, end) = (
            zone.to_datetime(from.to_jiff()),
            zone.to_datetime(to.to_jiff()),
        );
        Self {
            by: start.duration_until(end),
            zone,
        }
    }

    /// The moment that corresponds to one of the model; none beyond the calendar.
    pub(super) fn moved(&self, at: Timestamp) -> Option<Timestamp> {
        let moved = self.zone.to_datetime(at.to_jiff()).checked_add(self.by);
        let (at, _) = Local::new(moved.ok()?).in_zone(&self.zone)?;
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// covers: I18N-5
    #[test]
    fn copies_keep_the_clock_on_the_wall() {
        // From summer into winter: 20:00 stays 20:00, though an hour later in UTC.
        let zone = "Europe/Ljubljana";
        let away = Distance::new(zone, at("2026-10-20T18:00:00Z"), at("2026-10-27T19:00:00Z"));
        assert_eq!(
            away.moved(at("2026-10-20T18:00:00Z")),
            Some(at("2026-10-27T19:00:00Z"))
        );
        assert_eq!(
            away.moved(at("2026-10-10T18:30:00Z")),
            Some(at("2026-10-17T18:30:00Z"))
        );
        let far = Distance::new(zone, at("2026-01-01T00:00:00Z"), at("9998-01-01T00:00:00Z"));
        assert_eq!(far.moved(at("2100-01-01T00:00:00Z")), None);
    }
}
