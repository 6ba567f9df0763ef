//! Which of an event's dates are shown at once: few of them all together, many month by month, and those of a
//! full month some at a time. Dates are sorted, so that months are found without looking at each of 2,000.

use std::ops::Range;

use bilten_kernel::clock::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::catalog::Occurrence;

/// So many dates are shown all together.
pub(super) const FEW: usize = 12;
/// So many dates of a month are shown at once.
const MOST: usize = 31;

/// A part of the calendar.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// A month.
    Month,
    /// A year.
    Year,
}

impl Part {
    /// From when until when the part lasts that a moment is in.
    fn around(self, at: Timestamp, zone: &TimeZone) -> (Timestamp, Timestamp) {
        let day = at.to_jiff().to_zoned(zone.clone()).date();
        let (first, last) = match self {
            Self::Month => (day.first_of_month(), day.last_of_month()),
            Self::Year => (day.first_of_year(), day.last_of_year()),
        };
        let next = last.tomorrow().ok();
        let from = midnight(first, zone);
        let until = next.and_then(|day| midnight(day, zone));
        (
            from.unwrap_or(Timestamp::from_ms(i64::MIN)),
            until.unwrap_or(Timestamp::from_ms(i64::MAX)),
        )
    }
}

/// When a day begins.
fn midnight(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let begins = day.to_zoned(zone.clone()).ok()?;
    Some(begins.timestamp().into())
}

/// The dates of an event that can be looked at, earliest first.
#[derive(Clone, Copy, Debug)]
pub(super) struct DatePages<'o> {
    dates: &'o [Occurrence],
    zone: &'o TimeZone,
}

impl<'o> DatePages<'o> {
    /// Of few dates all; of many those from the month on in which the `first` is that can still be bought.
    pub(super) fn of(dates: &'o [Occurrence], first: usize, zone: &'o TimeZone) -> Self {
        let begin = match dates.get(first) {
            Some(date) if dates.len() > FEW => {
                let (from, _) = Part::Month.around(date.starts_at, zone);
                dates.partition_point(|date| date.starts_at < from)
            }
            Some(_) | None => 0,
        };
        Self {
            dates: dates.get(begin..).unwrap_or_default(),
            zone,
        }
    }

    /// All dates that can be looked at.
    pub(super) const fn dates(&self) -> &'o [Occurrence] {
        self.dates
    }

    /// Whether there are so many that they are shown month by month.
    pub(super) const fn is_long(&self) -> bool {
        self.dates.len() > FEW
    }

    /// Which dates are shown together with the one at this place.
    pub(super) fn page_with(&self, at: usize) -> Range<usize> {
        if !self.is_long() {
            return 0..self.dates.len();
        }
        let Range { start, end } = self.part_with(Part::Month, at);
        let start = start + at.saturating_sub(start) / MOST * MOST;
        start..end.min(start + MOST)
    }

    /// Which dates are in the same part of the calendar as the one at this place.
    pub(super) fn part_with(&self, part: Part, at: usize) -> Range<usize> {
        let Some(date) = self.dates.get(at) else {
            return 0..0;
        };
        let (from, until) = part.around(date.starts_at, self.zone);
        let before = |moment| self.dates.partition_point(|date| date.starts_at < moment);
        before(from)..before(until)
    }

    /// The first date of each part of the calendar that has some of these dates.
    pub(super) fn firsts(&self, part: Part, of: Range<usize>) -> Vec<usize> {
        let mut firsts = Vec::new();
        let mut at = of.start;
        while at < of.end.min(self.dates.len()) {
            firsts.push(at);
            at = self.part_with(part, at).end.max(at + 1);
        }
        firsts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{DateOffer, OccurrenceId, OccurrenceState};
    use crate::web::text;

    fn dates(starts: impl Iterator<Item = String>) -> Vec<Occurrence> {
        starts
            .map(|text| {
                let starts_at: Timestamp = text.parse().unwrap();
                Occurrence {
                    id: OccurrenceId::from_bytes([1; 16]),
                    doors_at: None,
                    starts_at,
                    ends_at: starts_at + std::time::Duration::from_secs(7_200),
                    state: OccurrenceState::Scheduled,
                    original_local: None,
                    seat_map: None,
                    offer: DateOffer::default(),
                }
            })
            .collect()
    }

    #[test]
    fn few_dates_are_one_page_and_none_is_none() {
        let zone = text::zone("Europe/Ljubljana");
        let few = dates((1..=12).map(|month| format!("2031-{month:02}-05T18:00:00Z")));
        let pages = DatePages::of(&few, 7, &zone);
        assert!(!pages.is_long());
        assert_eq!(pages.page_with(9), 0..12, "those that are over, too");
        let none = DatePages::of(&[], 0, &zone);
        assert_eq!(none.page_with(0), 0..0);
        assert_eq!(none.part_with(Part::Month, 3), 0..0);
    }

    #[test]
    fn months_are_those_of_the_events_zone() {
        let zone = text::zone("Pacific/Auckland");
        // The last evening of January in UTC is the first of February there.
        let many = dates((0..20).map(|day| format!("2031-01-{:02}T18:00:00Z", day + 12)));
        let pages = DatePages::of(&many, 0, &zone);
        assert_eq!(pages.page_with(0), 0..19);
        assert_eq!(pages.page_with(19), 19..20);
        assert_eq!(pages.firsts(Part::Month, 0..20), [0, 19]);
        let later = DatePages::of(&many, 19, &zone);
        assert_eq!(later.dates().len(), 1, "months that are over are not shown");
    }

    #[test]
    fn full_months_are_shown_in_parts_and_every_date_once() {
        let zone = text::zone("UTC");
        let many = dates((0..2_000).map(|hours| {
            let day = 1 + (hours / 10) % 28;
            let (year, month) = (2031 + hours / 3_360, 1 + (hours / 280) % 12);
            format!("{year}-{month:02}-{day:02}T{:02}:00:00Z", 8 + hours % 10)
        }));
        let pages = DatePages::of(&many, 0, &zone);
        let (mut at, mut count) = (0, 0);
        while at < many.len() {
            let page = pages.page_with(at);
            assert_eq!(page.start, at);
            assert!(page.len() <= MOST);
            assert_eq!(pages.page_with(page.end - 1), page);
            (at, count) = (page.end, count + 1);
        }
        assert_eq!(
            count,
            7 * 10 + 2,
            "280 in a month are ten pages, the last 40 two"
        );
        assert_eq!(pages.firsts(Part::Year, 0..2_000), [0]);
        assert_eq!(pages.firsts(Part::Month, 0..2_000).len(), 8);
    }
}
