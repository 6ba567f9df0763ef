//! Edits of many dates at once.

use proptest::prelude::*;

use super::*;

/// Five Fridays.
fn fridays() -> Series {
    let mut series = series("2026-05-01T20:00:00", &["FREQ=WEEKLY;COUNT=5"]);
    series.settings.shift_minutes = Some(0);
    series
}

/// What tiers say: one tier, 20.00 each, a hundred of them.
fn base() -> Settings {
    Settings {
        shift_minutes: Some(0),
        duration_minutes: Some(120),
        doors_minutes: Some(0),
        prices: BTreeMap::from([(1, 2_000)]),
        capacities: BTreeMap::from([(1, 100)]),
    }
}

/// The dates as rows, with nothing sold.
fn rows(series: &Series) -> Vec<SeriesDate> {
    let originals = series.originals().unwrap();
    originals
        .into_iter()
        .map(|original| SeriesDate {
            original,
            own: Settings::default(),
            sold: BTreeMap::new(),
            is_closed: false,
        })
        .collect()
}

fn price(minor: i64) -> Settings {
    Settings {
        prices: BTreeMap::from([(1, minor)]),
        ..Settings::default()
    }
}

fn capacity(capacity: i64) -> Settings {
    Settings {
        capacities: BTreeMap::from([(1, capacity)]),
        ..Settings::default()
    }
}

fn shift(minutes: i32) -> Settings {
    Settings {
        shift_minutes: Some(minutes),
        ..Settings::default()
    }
}

fn asks(scope: EditScope, at: Option<Local>, change: Settings) -> SeriesEdit {
    SeriesEdit {
        scope,
        at,
        change,
        sold: SoldDates::Keep,
    }
}

/// Does what an edit came to, as a service would.
fn apply(series: &mut Series, dates: &mut [SeriesDate], edited: Edited) {
    series.settings = edited.settings;
    series.phases = edited.phases;
    for date in dates {
        if let Some(own) = edited.own.get(&date.original) {
            date.own = own.clone();
        }
    }
}

/// What holds for each date.
fn holds(series: &Series, dates: &[SeriesDate]) -> Vec<Settings> {
    dates
        .iter()
        .map(|date| {
            let below = series.settings_of(date.original).over(&base());
            date.own.over(&below)
        })
        .collect()
}

fn prices(series: &Series, dates: &[SeriesDate]) -> Vec<i64> {
    holds(series, dates).iter().map(|s| s.prices[&1]).collect()
}

/// Edits one after another, each of which must be allowed.
fn edited(series: &mut Series, dates: &mut [SeriesDate], asked: &SeriesEdit) -> Edited {
    let result = edit(series, &base(), dates, asked).unwrap();
    apply(series, dates, result.clone());
    result
}

/// covers: ORG-3
#[test]
fn this_and_following_and_all_lie_on_each_other() {
    let (mut series, mut dates) = (fridays(), rows(&fridays()));
    let third = Some(dates[2].original);
    let second = Some(dates[1].original);

    edited(
        &mut series,
        &mut dates,
        &asks(EditScope::This, second, price(1)),
    );
    assert_eq!(prices(&series, &dates), [2_000, 1, 2_000, 2_000, 2_000]);

    edited(
        &mut series,
        &mut dates,
        &asks(EditScope::ThisAndFollowing, third, price(2)),
    );
    assert_eq!(prices(&series, &dates), [2_000, 1, 2, 2, 2]);

    // From the second on: it takes the place of the later one, and leaves the single date alone.
    edited(
        &mut series,
        &mut dates,
        &asks(EditScope::ThisAndFollowing, second, price(3)),
    );
    assert_eq!(prices(&series, &dates), [2_000, 1, 3, 3, 3]);
    assert_eq!(series.phases.len(), 1);

    let all = edited(
        &mut series,
        &mut dates,
        &asks(EditScope::All, None, price(4)),
    );
    assert_eq!(prices(&series, &dates), [4, 1, 4, 4, 4]);
    assert!(series.phases.is_empty());
    assert_eq!(all.changed.len(), 4);
}

#[test]
fn a_phase_keeps_what_a_later_edit_does_not_speak_of() {
    let (mut series, mut dates) = (fridays(), rows(&fridays()));
    let third = Some(dates[2].original);
    edited(
        &mut series,
        &mut dates,
        &asks(EditScope::ThisAndFollowing, third, capacity(50)),
    );
    edited(
        &mut series,
        &mut dates,
        &asks(EditScope::All, None, price(9)),
    );
    let capacities: Vec<_> = holds(&series, &dates)
        .iter()
        .map(|s| s.capacities[&1])
        .collect();
    assert_eq!(capacities, [100, 100, 50, 50, 50]);
    assert_eq!(prices(&series, &dates), [9; 5]);
}

#[test]
fn sold_dates_stay_unless_told_otherwise() {
    let (mut series, mut dates) = (fridays(), rows(&fridays()));
    dates[3].sold.insert(1, 7);
    let mut later = asks(EditScope::All, None, shift(30));
    let result = edited(&mut series, &mut dates, &later);
    assert_eq!(result.kept, [dates[3].original]);
    assert!(result.moved.is_empty());
    let shifts: Vec<_> = holds(&series, &dates)
        .iter()
        .map(|s| s.shift_minutes)
        .collect();
    assert_eq!(shifts, [Some(30), Some(30), Some(30), Some(0), Some(30)]);

    // What it was kept at is its own now: a later edit of all leaves it too.
    later.sold = SoldDates::Change;
    later.change = price(5);
    let result = edited(&mut series, &mut dates, &later);
    assert_eq!(prices(&series, &dates), [5; 5]);
    assert!(result.moved.is_empty());

    // A single sold date moves when it is said, and its holders are named.
    let mut one = asks(EditScope::This, Some(dates[3].original), shift(60));
    assert_eq!(edit(&series, &base(), &dates, &one), Err(EditError::Sold));
    one.sold = SoldDates::Change;
    let result = edited(&mut series, &mut dates, &one);
    assert_eq!(result.moved, [dates[3].original]);
}

#[test]
fn no_capacity_falls_below_what_is_sold() {
    let (series, mut dates) = (fridays(), rows(&fridays()));
    dates[1].sold.insert(1, 60);
    let mut asked = asks(EditScope::All, None, capacity(59));
    asked.sold = SoldDates::Change;
    let refused = edit(&series, &base(), &dates, &asked);
    let below = EditError::CapacityBelowSold {
        original: dates[1].original,
        tier: 1,
        sold: 60,
    };
    assert_eq!(refused, Err(below));
    asked.change = capacity(60);
    assert!(edit(&series, &base(), &dates, &asked).is_ok());
    // Said for the one date, it is refused too, though it does not move it.
    let one = asks(EditScope::This, Some(dates[1].original), capacity(59));
    assert_eq!(
        edit(&series, &base(), &dates, &one).unwrap_err().code(),
        "capacity_below_sold"
    );
}

#[test]
fn edits_that_say_nothing_or_too_much() {
    let (series, mut dates) = (fridays(), rows(&fridays()));
    dates[0].is_closed = true;
    let code = |asked: SeriesEdit| edit(&series, &base(), &dates, &asked).unwrap_err().code();
    let first = Some(dates[0].original);
    let nowhere = Some(local("2026-05-02T20:00:00"));
    assert_eq!(
        code(asks(EditScope::All, None, Settings::default())),
        "nothing_to_change"
    );
    assert_eq!(code(asks(EditScope::This, None, price(1))), "no_such_date");
    assert_eq!(
        code(asks(EditScope::This, nowhere, price(1))),
        "no_such_date"
    );
    assert_eq!(code(asks(EditScope::This, first, price(1))), "date_closed");
    assert_eq!(code(asks(EditScope::All, None, price(-1))), "out_of_range");
    assert_eq!(
        code(asks(EditScope::All, None, shift(i32::MIN))),
        "out_of_range"
    );
    assert_eq!(
        code(asks(EditScope::All, None, capacity(i64::MAX))),
        "out_of_range"
    );
}

#[test]
fn a_changed_rule_takes_nobody_s_ticket_away() {
    let mut dates = rows(&fridays());
    dates[1].sold.insert(1, 1);
    dates[2].is_closed = true;
    let saturdays = series("2026-05-01T20:00:00", &["FREQ=WEEKLY;BYDAY=SA;COUNT=2"]);
    let mut changed = saturdays;
    changed.added = vec![dates[0].original];
    let done = reconcile(&dates, &plan(&changed));
    assert_eq!(done.kept, [dates[0].original]);
    assert_eq!(done.orphaned, [dates[1].original, dates[2].original]);
    assert_eq!(done.removed, [dates[3].original, dates[4].original]);
    assert_eq!(
        done.added,
        [local("2026-05-02T20:00:00"), local("2026-05-09T20:00:00")]
    );
}

#[test]
fn settings_are_plain_json() {
    let settings = price(1).over(&shift(-15));
    let json = serde_json::to_value(&settings).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"shift_minutes": -15, "prices": {"1": 1}})
    );
    assert_eq!(serde_json::from_value::<Settings>(json).unwrap(), settings);
    assert!(serde_json::from_str::<Settings>(r#"{"colour": 1}"#).is_err());
}

proptest! {
    /// However edits follow each other, a sold date that is to be kept keeps all that held for it,
    /// and a date's own settings are never overwritten by an edit of several dates.
    #[test]
    fn sold_dates_and_own_settings_survive(
        edits in proptest::collection::vec((0_usize..2, 0_usize..5, 0_usize..3, 1_i64..9), 1..12),
        sold in 0_usize..5,
        own in 0_usize..5,
    ) {
        let (mut series, mut dates) = (fridays(), rows(&fridays()));
        dates[sold].sold.insert(1, 3);
        dates[own].own = price(77);
        let before = holds(&series, &dates);
        for (scope, at, what, value) in edits {
            let scope = [EditScope::ThisAndFollowing, EditScope::All][scope];
            let change = match what {
                0 => price(value),
                1 => capacity(value),
                _ => shift(i32::try_from(value).unwrap()),
            };
            let at = Some(dates[at].original);
            edited(&mut series, &mut dates, &asks(scope, at, change));
        }
        let after = holds(&series, &dates);
        prop_assert_eq!(&after[sold], &before[sold]);
        prop_assert_eq!(after[own].prices[&1], 77);
    }
}
