//! Clocks that jump, in every time zone there is.

use std::cmp::Ordering;

use bilten_kernel::clock::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span};
use proptest::prelude::*;

use super::*;

/// Every time zone that jiff knows here, by name.
fn zones() -> Vec<(String, TimeZone)> {
    let zones: Vec<_> = jiff::tz::db()
        .available()
        .map(|name| name.to_string())
        .filter_map(|name| TimeZone::get(&name).ok().map(|zone| (name, zone)))
        .collect();
    assert!(zones.len() > 300, "only {} time zones", zones.len());
    zones
}

fn utc(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn in_zone(starts: &str, zone: &str, rule: &str) -> Series {
    Series {
        time_zone: zone.to_owned(),
        ..series(starts, &[rule])
    }
}

/// covers: I18N-5
#[test]
fn the_wall_clock_stays() {
    let series = in_zone(
        "2026-03-27T19:30:00",
        "Europe/Ljubljana",
        "FREQ=DAILY;COUNT=4",
    );
    let starts: Vec<_> = plan(&series).iter().map(|date| date.starts_at).collect();
    // Summer time began on the 29th.
    assert_eq!(
        starts,
        [
            utc("2026-03-27T18:30:00Z"),
            utc("2026-03-28T18:30:00Z"),
            utc("2026-03-29T17:30:00Z"),
            utc("2026-03-30T17:30:00Z"),
        ]
    );
}

/// covers: I18N-5
#[test]
fn a_time_that_does_not_exist_moves_forward() {
    let series = in_zone(
        "2026-03-28T02:30:00",
        "Europe/Ljubljana",
        "FREQ=DAILY;COUNT=3",
    );
    let dates = plan(&series);
    assert_eq!(dates[1].starts_at, utc("2026-03-29T01:30:00Z")); // 03:30 in summer time
    assert_eq!(dates[1].clock_change, Some(ClockChange::Gap));
    assert_eq!(dates[1].original, local("2026-03-29T02:30:00"));
    assert_eq!(dates[2].clock_change, None);
    // It lasts as long as the others.
    assert_eq!(dates[1].ends_at, utc("2026-03-29T03:30:00Z"));
}

/// covers: I18N-5
#[test]
fn a_time_that_exists_twice_is_the_first() {
    let series = in_zone(
        "2026-10-25T02:30:00",
        "Europe/Ljubljana",
        "FREQ=DAILY;COUNT=1",
    );
    let dates = plan(&series);
    assert_eq!(dates[0].starts_at, utc("2026-10-25T00:30:00Z")); // still summer time
    assert_eq!(dates[0].clock_change, Some(ClockChange::Fold));
    assert_eq!(dates[0].ends_at, utc("2026-10-25T02:30:00Z"));
}

/// covers: I18N-5
#[test]
fn two_times_of_a_day_that_are_one_moment_are_one_date() {
    let rule = "FREQ=DAILY;BYHOUR=2,3;COUNT=6";
    let dates = plan(&in_zone("2026-03-28T02:00:00", "Europe/Ljubljana", rule));
    let starts: Vec<_> = dates.iter().map(|date| date.starts_at).collect();
    // At 02:00 on the 29th it was 03:00.
    assert_eq!(
        starts,
        [
            utc("2026-03-28T01:00:00Z"),
            utc("2026-03-28T02:00:00Z"),
            utc("2026-03-29T01:00:00Z"),
            utc("2026-03-30T00:00:00Z"),
            utc("2026-03-30T01:00:00Z"),
        ]
    );
}

/// Samoa had no 30th of December 2011: what would be that day is the next one, which has its date.
#[test]
fn a_day_that_does_not_exist_makes_no_second_date() {
    let series = in_zone("2011-12-28T19:00:00", "Pacific/Apia", "FREQ=DAILY;COUNT=5");
    let dates = plan(&series);
    let texts: Vec<_> = dates.iter().map(|date| date.original.to_string()).collect();
    assert_eq!(
        texts,
        [
            "2011-12-28T19:00:00",
            "2011-12-29T19:00:00",
            "2011-12-30T19:00:00",
            "2012-01-01T19:00:00",
        ]
    );
    assert_eq!(dates[2].starts_at, utc("2011-12-31T05:00:00Z"));
    assert_eq!(dates[2].clock_change, Some(ClockChange::Gap));
}

#[test]
fn doors_are_minutes_before_the_start() {
    let mut series = in_zone(
        "2026-03-29T03:15:00",
        "Europe/Ljubljana",
        "FREQ=DAILY;COUNT=1",
    );
    series.settings.doors_minutes = Some(30);
    let dates = plan(&series);
    // The wall clock shows 01:45.
    assert_eq!(dates[0].doors_at, Some(utc("2026-03-29T00:45:00Z")));
    series.settings.doors_minutes = Some(0);
    assert_eq!(plan(&series)[0].doors_at, None);
}

/// What is true of every daily series, wherever it is and whatever the clocks do; says its dates.
fn check(name: &str, zone: &TimeZone, starts: Local, count: u16) -> Vec<PlannedDate> {
    let rule = Rule::every(1, Frequency::Daily, End::Count(count));
    let series = Series {
        starts,
        time_zone: name.to_owned(),
        rules: vec![rule],
        ..series("2026-01-01T00:00:00", &[])
    };
    let dates = plan(&series);
    for pair in dates.windows(2) {
        assert!(pair[0].starts_at < pair[1].starts_at, "{name} {starts}");
    }
    for date in &dates {
        let shown = Local::new(date.starts_at.to_jiff().to_zoned(zone.clone()).datetime());
        match date.clock_change {
            None => assert_eq!(shown, date.original, "{name}"),
            Some(ClockChange::Gap) => assert!(shown > date.original, "{name}"),
            Some(ClockChange::Fold) => {
                assert_eq!(shown, date.original, "{name}");
                // The clock shows it once more later, never earlier.
                let earlier = zone.to_ambiguous_timestamp(date.original.to_jiff());
                let first = earlier.earlier().unwrap();
                assert_eq!(Timestamp::from(first), date.starts_at, "{name}");
            }
        }
        assert_eq!(date.ends_at.ms() - date.starts_at.ms(), 7_200_000);
    }
    // Only a day that was skipped as a whole is missing.
    assert!(dates.len() + 1 >= usize::from(count), "{name} {starts}");
    said_anew(&series, &dates, count);
    dates
}

/// The same rule said anew from the middle on gives the same dates.
fn said_anew(series: &Series, dates: &[PlannedDate], count: u16) {
    let middle = dates[dates.len() / 2].original;
    let days = Span::new().days(i64::from(count) - 1);
    let last = series.starts.to_jiff().checked_add(days).unwrap();
    let end = End::Until(Until::Local(last));
    let then = Following {
        from: middle,
        rules: LaterRules {
            starts: middle,
            rules: vec![Rule::every(1, Frequency::Daily, end)],
        },
        added: None,
        excluded: None,
        time: series.settings.clone(),
    };
    let anew = series.followed_by(then).unwrap();
    let originals: Vec<Local> = dates.iter().map(|date| date.original).collect();
    assert_eq!(anew.originals().unwrap(), originals, "{series:?}");
}

/// covers: I18N-5
#[test]
fn a_week_around_every_change_of_the_clock_in_every_time_zone() {
    let begin = utc("2026-01-01T00:00:00Z").to_jiff();
    let end = utc("2032-01-01T00:00:00Z").to_jiff();
    let mut changes = 0;
    for (name, zone) in zones() {
        check(&name, &zone, local("2026-06-01T19:30:00"), 3);
        let following = zone.following(begin);
        for change in following.take_while(|change| change.timestamp() < end) {
            // Between these two the clock skips what it shows, or shows it twice.
            let at = change.timestamp();
            let offset = zone.to_offset(at - SignedDuration::from_secs(1));
            let (before, after) = (offset.to_datetime(at), zone.to_datetime(at));
            let met = match before.cmp(&after) {
                Ordering::Less => ClockChange::Gap,
                Ordering::Equal => continue,
                Ordering::Greater => ClockChange::Fold,
            };
            let amid = before
                .checked_add(before.duration_until(after) / 2)
                .unwrap();
            let starts = amid.checked_sub(Span::new().days(3)).unwrap();
            let dates = check(&name, &zone, Local::new(starts), 7);
            let night = dates.iter().find(|date| date.original == Local::new(amid));
            assert_eq!(night.unwrap().clock_change, Some(met), "{name} {amid}");
            changes += 1;
        }
    }
    assert!(changes > 1_000, "only {changes} changes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// covers: I18N-5
    #[test]
    fn any_time_in_any_time_zone(
        seed in any::<usize>(),
        year in 1980_i16..2060,
        month in 1_i8..=12,
        day in 1_i8..=28,
        hour in 0_i8..24,
        minute in 0_i8..60,
    ) {
        let zones = zones();
        let (name, zone) = &zones[seed % zones.len()];
        let first = date(year, month, day).at(hour, minute, 0, 0);
        check(name, zone, Local::new(first), 300);
    }
}
