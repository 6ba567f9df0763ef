//! Other rules from some date on.

use proptest::prelude::*;

use super::*;

/// From some time on rules that begin at another one, for dates of an hour.
fn then(from: &str, starts: &str, rules: &[&str]) -> Following {
    Following {
        from: local(from),
        rules: LaterRules {
            starts: local(starts),
            rules: rules.iter().map(|rule| rule.parse().unwrap()).collect(),
        },
        added: None,
        excluded: None,
        time: Settings {
            shift_minutes: Some(0),
            duration_minutes: Some(60),
            doors_minutes: Some(0),
            ..Settings::default()
        },
    }
}

fn texts(series: &Series) -> Vec<String> {
    let originals = series.originals().unwrap();
    originals.iter().map(Local::to_string).collect()
}

fn rules(series: &Series) -> Vec<(String, String)> {
    series
        .parts()
        .flat_map(|(starts, rules)| {
            rules
                .iter()
                .map(move |rule| (starts.to_string(), rule.to_string()))
        })
        .collect()
}

/// Tuesdays from October on, twenty of them.
fn tuesdays() -> Series {
    series("2026-10-06T19:30:00", &["FREQ=WEEKLY;COUNT=20"])
}

/// covers: BE-2
#[test]
fn tuesdays_until_december_and_wednesdays_from_january_on() {
    let weekly = "FREQ=WEEKLY;COUNT=3";
    let changed = tuesdays()
        .followed_by(then(
            "2027-01-01T00:00:00",
            "2027-01-06T20:00:00",
            &[weekly],
        ))
        .unwrap();
    let until = "FREQ=WEEKLY;UNTIL=20261229T193000";
    let said = |starts: &str, rule: &str| (starts.to_owned(), rule.to_owned());
    assert_eq!(
        rules(&changed),
        [
            said("2026-10-06T19:30:00", until),
            said("2027-01-06T20:00:00", weekly)
        ]
    );
    let dates = texts(&changed);
    assert_eq!(dates.len(), 13 + 3);
    assert_eq!(
        dates[11..],
        [
            "2026-12-22T19:30:00",
            "2026-12-29T19:30:00",
            "2027-01-06T20:00:00",
            "2027-01-13T20:00:00",
            "2027-01-20T20:00:00",
        ]
    );
    let planned = plan(&changed);
    assert_eq!(planned[12].settings.duration_minutes, Some(120));
    assert_eq!(planned[13].settings.duration_minutes, Some(60));
    let json = serde_json::to_string(&changed).unwrap();
    assert_eq!(serde_json::from_str::<Series>(&json).unwrap(), changed);
    // Nodes of the version before know no later rules, and read those that have none.
    let json = serde_json::to_value(tuesdays()).unwrap();
    assert!(json.get("later").is_none(), "{json}");
    assert_eq!(serde_json::from_value::<Series>(json).unwrap(), tuesdays());
}

/// As long as a rule can be, it is longer once it ends by UNTIL, and is still read.
#[test]
fn a_rule_that_others_follow_can_be_read_however_long_it_is() {
    let months = ["10"; 158].join(",");
    let daily = format!("FREQ=DAILY;BYMONTH={months};COUNT=9");
    assert_eq!(daily.len(), 500);
    let before = series("2026-10-06T19:30:00", &[daily.as_str()]);
    let changed = before
        .followed_by(then("2026-10-10T00:00:00", "2026-10-10T00:00:00", &[]))
        .unwrap();
    assert_eq!(changed.originals().unwrap().len(), 4);
    let json = serde_json::to_string(&changed).unwrap();
    assert_eq!(serde_json::from_str::<Series>(&json).unwrap(), changed);
    // No end makes room for more of the rest.
    let longer = format!("FREQ=DAILY;BYMONTH={months},10,10,10,10;COUNT=9");
    assert_eq!(longer.parse::<Rule>(), Err(RuleError::Range("RRULE")));
}

#[test]
fn an_earlier_change_takes_the_place_of_a_later_one() {
    let daily = "FREQ=DAILY;COUNT=4";
    let changed = tuesdays()
        .followed_by(then("2027-01-01T00:00:00", "2027-01-06T20:00:00", &[daily]))
        .unwrap();
    // Within what the later rules give: they end, too.
    let later = then("2027-01-08T20:00:00", "2027-01-10T11:00:00", &[daily]);
    let again = changed.followed_by(later).unwrap();
    let ends: Vec<_> = rules(&again).into_iter().map(|(_, rule)| rule).collect();
    assert_eq!(
        ends,
        [
            "FREQ=WEEKLY;UNTIL=20261229T193000",
            "FREQ=DAILY;UNTIL=20270107T200000",
            daily
        ]
    );
    // From before: nothing is left of them.
    let earlier = then("2026-10-20T19:30:00", "2026-10-20T19:30:00", &[]);
    let ended = again.followed_by(earlier).unwrap();
    assert_eq!(
        texts(&ended),
        ["2026-10-06T19:30:00", "2026-10-13T19:30:00"]
    );
    assert!(ended.later.is_empty());
    assert_eq!(ended.phases.len(), 1);
}

#[test]
fn exceptions_stay_unless_others_are_said() {
    let mut before = tuesdays();
    before.added = vec![local("2026-10-10T15:00:00"), local("2026-12-24T15:00:00")];
    before.excluded = vec![local("2026-10-13T19:30:00"), local("2026-12-22T19:30:00")];
    let daily = "FREQ=DAILY;COUNT=4";
    let mut change = then("2026-12-01T00:00:00", "2026-12-21T19:30:00", &[daily]);
    let first = ["2026-10-06T19:30:00", "2026-10-10T15:00:00"];
    let kept = texts(&before.followed_by(change.clone()).unwrap());
    assert_eq!(kept[..2], first);
    assert_eq!(
        kept[8..],
        [
            "2026-12-21T19:30:00",
            "2026-12-23T19:30:00",
            "2026-12-24T15:00:00",
            "2026-12-24T19:30:00",
        ]
    );
    change.added = Some(Vec::new());
    change.excluded = Some(vec![local("2026-12-23T19:30:00")]);
    let said = texts(&before.followed_by(change).unwrap());
    assert_eq!(said[..2], first);
    assert_eq!(
        said[8..],
        [
            "2026-12-21T19:30:00",
            "2026-12-22T19:30:00",
            "2026-12-24T19:30:00",
        ]
    );
}

#[test]
fn rules_from_some_date_on_have_their_limits() {
    let once = "FREQ=DAILY;COUNT=1";
    // At the first date and before, there is nothing that stays.
    for from in ["2026-10-06T19:30:00", "2025-01-01T00:00:00"] {
        let refused = tuesdays().followed_by(then(from, "2026-11-01T20:00:00", &[once]));
        assert_eq!(refused, Err(SeriesError::NothingBefore));
    }
    // All parts together have the rules, dates and years of one series.
    let gives = |starts: &str, rules: &[&str]| {
        let changed = tuesdays().followed_by(then("2027-06-01T00:00:00", starts, rules));
        changed.unwrap().originals().map(|dates| dates.len())
    };
    assert_eq!(gives("2027-06-01T20:00:00", &[once; 9]), Ok(21));
    let rules = gives("2027-06-01T20:00:00", &[once; 10]);
    assert_eq!(rules, Err(SeriesError::TooManyRules));
    let most = gives("2027-06-01T20:00:00", &["FREQ=DAILY;COUNT=1980"]);
    assert_eq!(most, Ok(MAX_DATES));
    let more = gives("2027-06-01T20:00:00", &["FREQ=DAILY;COUNT=1981"]);
    assert_eq!(more, Err(SeriesError::TooManyDates));
    assert_eq!(
        gives("2075-01-01T20:00:00", &["FREQ=YEARLY;COUNT=2"]),
        Ok(22)
    );
    let far = gives("2075-01-01T20:00:00", &["FREQ=YEARLY;COUNT=3"]);
    assert_eq!(far, Err(SeriesError::TooLong));
    // A part that is over and one that begins later are rules like any other.
    let mut only_added = tuesdays();
    only_added.rules.clear();
    only_added.added = vec![local("2026-10-06T15:00:00")];
    let change = then("2026-10-07T00:00:00", "2026-11-01T20:00:00", &[once]);
    let changed = only_added.followed_by(change).unwrap();
    assert_eq!(
        (changed.starts, changed.later.len()),
        (local("2026-11-01T20:00:00"), 0)
    );
    assert_eq!(
        texts(&changed),
        ["2026-10-06T15:00:00", "2026-11-01T20:00:00"]
    );
}

const ZONES: &[&str] = &[
    "Europe/Ljubljana",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kathmandu",
];

const RULES: &[&str] = &[
    "FREQ=DAILY;BYHOUR=2,3,14;BYMINUTE=0,30;COUNT=60",
    "FREQ=DAILY;COUNT=30",
    "FREQ=DAILY;INTERVAL=3;UNTIL=20260701",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,FR;COUNT=20",
    "FREQ=MONTHLY;BYDAY=-1SU;COUNT=10",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE;BYSETPOS=2,-1;UNTIL=20261001T000000Z",
    "FREQ=MONTHLY;BYMONTHDAY=31,-1;COUNT=12",
];

/// A series from the spring of 2026 on with some rules, further dates and gaps, and prices from two of
/// its dates on.
fn any_series() -> impl Strategy<Value = Series> {
    let minutes = 0_i64..300_000;
    (
        prop::sample::select(ZONES),
        prop::collection::vec(prop::sample::select(RULES), 1..4),
        minutes.clone(),
        prop::collection::vec(minutes, 0..6),
        prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        any::<[prop::sample::Index; 2]>(),
    )
        .prop_filter_map(
            "it has no dates",
            |(zone, rules, start, added, gaps, from)| {
                let begin = local("2026-03-01T00:00:00");
                let at = |minutes: i64| begin.plus_minutes(minutes).unwrap();
                let mut made = series("2026-03-01T00:00:00", &rules);
                made.starts = at(start % 100_000);
                made.time_zone = zone.to_owned();
                made.added = added.into_iter().map(at).collect();
                let dates = made.originals().ok()?;
                made.excluded = gaps.iter().map(|gap| *gap.get(&dates)).collect();
                let dates = made.originals().ok()?;
                let price = |minor: i64| Settings {
                    prices: BTreeMap::from([(1, minor)]),
                    shift_minutes: Some(5),
                    ..Settings::default()
                };
                made.phases = from
                    .iter()
                    .zip([100, 200])
                    .map(|(from, minor)| Phase {
                        from: *from.get(&dates),
                        settings: price(minor),
                    })
                    .collect();
                made.phases.sort_by_key(|phase| phase.from);
                Some(made)
            },
        )
}

/// Another rule from close to one of the dates on, with or without exceptions of its own.
fn any_change() -> impl Strategy<Value = (prop::sample::Index, i64, Following)> {
    let minutes = 0_i64..100_000;
    (
        any::<prop::sample::Index>(),
        -120_i64..120,
        prop::collection::vec(prop::sample::select(RULES), 0..3),
        minutes.clone(),
        prop::option::of(prop::collection::vec(minutes.clone(), 0..3)),
        prop::option::of(prop::collection::vec(minutes, 0..3)),
    )
        .prop_map(|(at, off, rules, pause, added, excluded)| {
            // Times are counted from the one that is chosen with the series.
            let begin = "2000-01-01T00:00:00";
            let mut change = then(begin, begin, &rules);
            let after = |minutes: i64| change.from.plus_minutes(minutes).unwrap();
            let all = |minutes: Vec<i64>| minutes.into_iter().map(after).collect::<Vec<Local>>();
            let (added, excluded) = (added.map(all), excluded.map(all));
            change.rules.starts = after(pause);
            change.added = added;
            change.excluded = excluded;
            (at, off, change)
        })
}

/// The same change from another time on.
fn moved(change: &Following, from: Local) -> Following {
    let by = change.from.minutes_until(from);
    let later = |at: &Local| at.plus_minutes(by).unwrap();
    let all = |times: &Vec<Local>| times.iter().map(later).collect::<Vec<Local>>();
    Following {
        from: later(&change.from),
        rules: LaterRules {
            starts: later(&change.rules.starts),
            rules: change.rules.rules.clone(),
        },
        added: change.added.as_ref().map(all),
        excluded: change.excluded.as_ref().map(all),
        time: change.time.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// covers: BE-2, I18N-5
    #[test]
    fn what_is_before_stays_and_what_follows_is_as_it_is_said(
        before in any_series(),
        (at, off, change) in any_change(),
    ) {
        let dates = before.originals().unwrap();
        let from = at.get(&dates).plus_minutes(off).unwrap();
        let change = moved(&change, from);
        prop_assert_eq!(change.from, from);
        let result = before.followed_by(change.clone());
        if dates[0] >= from {
            prop_assert_eq!(result, Err(SeriesError::NothingBefore));
            return Ok(());
        }
        let after = result.unwrap();
        let (head, tail): (Vec<Local>, Vec<Local>) =
            after.originals().unwrap().into_iter().partition(|date| *date < from);
        let kept: Vec<Local> = dates.iter().copied().filter(|date| *date < from).collect();
        prop_assert_eq!(&head, &kept);

        // What follows is what a series of the new rules alone would give.
        let still = |all: &[Local], said: Option<Vec<Local>>| {
            said.unwrap_or_else(|| all.iter().copied().filter(|date| *date >= from).collect())
        };
        let alone = Series {
            starts: change.rules.starts,
            rules: change.rules.rules.clone(),
            added: still(&before.added, change.added.clone()),
            excluded: still(&before.excluded, change.excluded.clone()),
            later: Vec::new(),
            ..before.clone()
        };
        let zone = before.zone().unwrap();
        let moment = |date: &Local| date.in_zone(&zone).unwrap().0;
        let taken: Vec<_> = kept.iter().map(&moment).collect();
        let mut wanted = match alone.originals() {
            Err(SeriesError::Empty) => Vec::new(),
            wanted => wanted.unwrap(),
        };
        // Where the clock jumps, the first of them can be at the moment of the last one before.
        wanted.retain(|date| !taken.contains(&moment(date)));
        prop_assert_eq!(&tail, &wanted);

        for date in &head {
            prop_assert_eq!(after.settings_of(*date), before.settings_of(*date));
        }
        for date in &tail {
            let (holds, held) = (after.settings_of(*date), before.settings_of(*date));
            prop_assert_eq!(&holds.only(&change.time), &change.time);
            prop_assert_eq!(holds.without(&change.time), held.without(&change.time));
        }

        // Twice is once.
        prop_assert_eq!(after.followed_by(change).unwrap(), after.clone());
        let json = serde_json::to_string(&after).unwrap();
        prop_assert_eq!(serde_json::from_str::<Series>(&json).unwrap(), after);
    }
}
