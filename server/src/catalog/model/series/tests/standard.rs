//! The examples of RFC 5545, section 3.8.5.3; where one has no end, it gets one.

use super::*;

/// `1997-09: 2 4, 1997-10: 2` as dates.
fn days(text: &str) -> Vec<String> {
    let mut days = Vec::new();
    for month in text.split(',') {
        let (month, of_month) = month.split_once(':').unwrap();
        for day in of_month.split_whitespace() {
            let day: u8 = day.parse().unwrap();
            days.push(format!("{}-{day:02}", month.trim()));
        }
    }
    days
}

/// covers: BE-2
#[test]
fn the_examples_of_the_standard() {
    let table = [
        (
            "1997-09-02",
            "FREQ=DAILY;COUNT=10",
            "1997-09: 2 3 4 5 6 7 8 9 10 11",
        ),
        (
            "1997-09-02",
            "FREQ=DAILY;INTERVAL=10;COUNT=5",
            "1997-09: 2 12 22, 1997-10: 2 12",
        ),
        (
            "1997-09-02",
            "FREQ=WEEKLY;COUNT=10",
            "1997-09: 2 9 16 23 30, 1997-10: 7 14 21 28, 1997-11: 4",
        ),
        (
            "1997-09-02",
            "FREQ=WEEKLY;UNTIL=19971224T000000Z",
            "1997-09: 2 9 16 23 30, 1997-10: 7 14 21 28, 1997-11: 4 11 18 25, 1997-12: 2 9 16 23",
        ),
        (
            "1997-09-02",
            "FREQ=WEEKLY;INTERVAL=2;WKST=SU;COUNT=6",
            "1997-09: 2 16 30, 1997-10: 14 28, 1997-11: 11",
        ),
        (
            "1997-09-02",
            "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
            "1997-09: 2 4 9 11 16 18 23 25 30, 1997-10: 2",
        ),
        (
            "1997-09-01",
            "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
            "1997-09: 1 3 5 15 17 19 29, 1997-10: 1 3 13 15 17 27 29 31, \
             1997-11: 10 12 14 24 26 28, 1997-12: 8 10 12 22",
        ),
        (
            "1997-09-02",
            "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
            "1997-09: 2 4 16 18 30, 1997-10: 2 14 16",
        ),
        (
            "1997-09-05",
            "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
            "1997-09: 5, 1997-10: 3, 1997-11: 7, 1997-12: 5, 1998-01: 2, 1998-02: 6, \
             1998-03: 6, 1998-04: 3, 1998-05: 1, 1998-06: 5",
        ),
        (
            "1997-09-05",
            "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR",
            "1997-09: 5, 1997-10: 3, 1997-11: 7, 1997-12: 5",
        ),
        (
            "1997-09-07",
            "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
            "1997-09: 7 28, 1997-11: 2 30, 1998-01: 4 25, 1998-03: 1 29, 1998-05: 3 31",
        ),
        (
            "1997-09-22",
            "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
            "1997-09: 22, 1997-10: 20, 1997-11: 17, 1997-12: 22, 1998-01: 19, 1998-02: 16",
        ),
        (
            "1997-09-28",
            "FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=6",
            "1997-09: 28, 1997-10: 29, 1997-11: 28, 1997-12: 29, 1998-01: 29, 1998-02: 26",
        ),
        (
            "1997-09-02",
            "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
            "1997-09: 2 15, 1997-10: 2 15, 1997-11: 2 15, 1997-12: 2 15, 1998-01: 2 15",
        ),
        (
            "1997-09-30",
            "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
            "1997-09: 30, 1997-10: 1 31, 1997-11: 1 30, 1997-12: 1 31, 1998-01: 1 31, 1998-02: 1",
        ),
        (
            "1997-09-10",
            "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
            "1997-09: 10 11 12 13 14 15, 1999-03: 10 11 12 13",
        ),
        (
            "1997-09-02",
            "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU;COUNT=18",
            "1997-09: 2 9 16 23 30, 1997-11: 4 11 18 25, 1998-01: 6 13 20 27, \
             1998-03: 3 10 17 24 31",
        ),
        (
            "1997-06-10",
            "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
            "1997-06: 10, 1997-07: 10, 1998-06: 10, 1998-07: 10, 1999-06: 10, 1999-07: 10, \
             2000-06: 10, 2000-07: 10, 2001-06: 10, 2001-07: 10",
        ),
        (
            "1997-03-10",
            "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
            "1997-03: 10, 1999-01: 10, 1999-02: 10, 1999-03: 10, 2001-01: 10, 2001-02: 10, \
             2001-03: 10, 2003-01: 10, 2003-02: 10, 2003-03: 10",
        ),
        (
            "1997-05-19",
            "FREQ=YEARLY;BYDAY=20MO;COUNT=3",
            "1997-05: 19, 1998-05: 18, 1999-05: 17",
        ),
        (
            "1997-05-12",
            "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3",
            "1997-05: 12, 1998-05: 11, 1999-05: 17",
        ),
        (
            "1997-01-01",
            "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
            "1997-01: 1, 1997-04: 10, 1997-07: 19, 2000-01: 1, 2000-04: 9, 2000-07: 18, \
             2003-01: 1, 2003-04: 10, 2003-07: 19, 2006-01: 1",
        ),
        (
            "1997-03-13",
            "FREQ=YEARLY;BYMONTH=3;BYDAY=TH;COUNT=11",
            "1997-03: 13 20 27, 1998-03: 5 12 19 26, 1999-03: 4 11 18 25",
        ),
        (
            "1997-06-05",
            "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8;COUNT=13",
            "1997-06: 5 12 19 26, 1997-07: 3 10 17 24 31, 1997-08: 7 14 21 28",
        ),
        (
            "1997-09-02",
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=5",
            "1998-02: 13, 1998-03: 13, 1998-11: 13, 1999-08: 13, 2000-10: 13",
        ),
        (
            "1997-09-13",
            "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13;COUNT=10",
            "1997-09: 13, 1997-10: 11, 1997-11: 8, 1997-12: 13, 1998-01: 10, 1998-02: 7, \
             1998-03: 7, 1998-04: 11, 1998-05: 9, 1998-06: 13",
        ),
        (
            "1996-11-05",
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3",
            "1996-11: 5, 2000-11: 7, 2004-11: 2",
        ),
        (
            "1997-09-04",
            "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
            "1997-09: 4, 1997-10: 7, 1997-11: 6",
        ),
        (
            "1997-09-29",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=7",
            "1997-09: 29, 1997-10: 30, 1997-11: 27, 1997-12: 30, 1998-01: 29, 1998-02: 26, \
             1998-03: 30",
        ),
        (
            "1997-08-05",
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
            "1997-08: 5 10 19 24",
        ),
        (
            "1997-08-05",
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
            "1997-08: 5 17 19 31",
        ),
        (
            "2007-01-15",
            "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
            "2007-01: 15 30, 2007-02: 15, 2007-03: 15 30",
        ),
    ];
    for (starts, rule, expected) in table {
        assert_eq!(dates(starts, rule), days(expected), "{rule} from {starts}");
    }
}

#[test]
fn long_examples_of_the_standard() {
    // Until the 24th at midnight in Greenwich, which is the evening of the 23rd in New York.
    let daily = dates("1997-09-02", "FREQ=DAILY;UNTIL=19971224T000000Z");
    assert_eq!(daily.len(), 113);
    assert_eq!(daily.last().unwrap(), "1997-12-23");
    // Every day in January for three years, said in two ways.
    let january = dates(
        "1998-01-01",
        "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
    );
    assert_eq!(january.len(), 93);
    assert_eq!(
        january,
        dates("1998-01-01", "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1")
    );
}

#[test]
fn exceptions_and_further_dates() {
    let mut series = series("1997-09-02T09:00:00", &["FREQ=DAILY;COUNT=3"]);
    series.excluded = vec![local("1997-09-03T09:00:00"), local("1997-09-04T10:00:00")];
    series.added = vec![local("1997-09-02T15:00:00"), local("1997-09-02T09:00:00")];
    let texts: Vec<_> = series
        .originals()
        .unwrap()
        .iter()
        .map(Local::to_string)
        .collect();
    // COUNT counts before exceptions; an exception takes the exact time only; nothing comes twice.
    assert_eq!(
        texts,
        [
            "1997-09-02T09:00:00",
            "1997-09-02T15:00:00",
            "1997-09-04T09:00:00"
        ]
    );
}

#[test]
fn a_leap_day_comes_every_four_years() {
    assert_eq!(
        dates("2024-02-29", "FREQ=YEARLY;COUNT=3"),
        ["2024-02-29", "2028-02-29", "2032-02-29"]
    );
    // A month without a 31st has no date.
    assert_eq!(
        dates("2026-01-31", "FREQ=MONTHLY;COUNT=3"),
        ["2026-01-31", "2026-03-31", "2026-05-31"]
    );
}

#[test]
fn texts_come_back() {
    for text in [
        "FREQ=DAILY;COUNT=10",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;WKST=SU;UNTIL=19971224",
        "FREQ=MONTHLY;BYMONTHDAY=1,-1;UNTIL=19971224T000000",
        "FREQ=YEARLY;BYMONTH=6,7;BYDAY=-1FR,20MO;BYSETPOS=1,-1;UNTIL=19971224T000000Z",
        "FREQ=YEARLY;BYWEEKNO=1,-1;BYYEARDAY=1,-366;BYHOUR=9,20;BYMINUTE=0,30;COUNT=3",
    ] {
        let rule: Rule = text.parse().unwrap();
        assert_eq!(rule.to_string(), text);
        let json = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<Rule>(&json).unwrap(), rule);
    }
}

#[test]
fn wrong_rules_are_refused_by_name() {
    let minutes: Vec<String> = (0..49).map(|minute| minute.to_string()).collect();
    let often = format!(
        "FREQ=DAILY;COUNT=1;BYHOUR=1,2;BYMINUTE={}",
        minutes.join(",")
    );
    let long = format!("FREQ=DAILY;COUNT=1;BYMONTH={}", "1,".repeat(300));
    for (text, code) in [
        ("", "rule_syntax"),
        ("FREQ", "rule_syntax"),
        ("FREQ=SOMETIMES;COUNT=1", "rule_syntax"),
        ("COUNT=1", "rule_syntax"),
        ("FREQ=DAILY;COUNT=-1", "rule_syntax"),
        ("FREQ=DAILY;COUNT=99999999999", "rule_syntax"),
        ("FREQ=DAILY;COUNT=1;X=1", "rule_syntax"),
        ("FREQ=DAILY;COUNT=1;BYDAY=", "rule_syntax"),
        ("FREQ=DAILY;COUNT=1;BYDAY=ŽŽ", "rule_syntax"),
        ("FREQ=DAILY;UNTIL=1997", "rule_syntax"),
        ("FREQ=DAILY;UNTIL=19970230", "rule_syntax"),
        ("FREQ=DAILY;UNTIL=19970201T250000", "rule_syntax"),
        ("FREQ=DAILY;UNTIL=+9970201", "rule_syntax"),
        ("FREQ=DAILY;COUNT=1;COUNT=2", "rule_twice"),
        ("FREQ=HOURLY;COUNT=1", "rule_unsupported"),
        ("FREQ=DAILY;COUNT=1;BYSECOND=1", "rule_unsupported"),
        ("FREQ=DAILY;COUNT=0", "rule_out_of_range"),
        ("FREQ=DAILY;COUNT=2001", "rule_out_of_range"),
        ("FREQ=DAILY;COUNT=1;INTERVAL=0", "rule_out_of_range"),
        ("FREQ=DAILY;COUNT=1;BYMONTH=13", "rule_out_of_range"),
        ("FREQ=DAILY;COUNT=1;BYMONTHDAY=0", "rule_out_of_range"),
        ("FREQ=DAILY;COUNT=1;BYMONTHDAY=-128", "rule_out_of_range"),
        ("FREQ=YEARLY;COUNT=1;BYYEARDAY=367", "rule_out_of_range"),
        ("FREQ=YEARLY;COUNT=1;BYWEEKNO=-54", "rule_out_of_range"),
        ("FREQ=YEARLY;COUNT=1;BYWEEKNO=0", "rule_out_of_range"),
        ("FREQ=DAILY;COUNT=1;BYHOUR=24", "rule_out_of_range"),
        ("FREQ=DAILY;COUNT=1;BYMINUTE=60", "rule_out_of_range"),
        (often.as_str(), "rule_out_of_range"),
        ("FREQ=MONTHLY;COUNT=1;BYDAY=0MO", "rule_out_of_range"),
        (
            "FREQ=MONTHLY;COUNT=1;BYDAY=MO;BYSETPOS=0",
            "rule_out_of_range",
        ),
        (long.as_str(), "rule_out_of_range"),
        ("FREQ=WEEKLY;COUNT=1;BYDAY=1MO", "rule_combination"),
        ("FREQ=WEEKLY;COUNT=1;BYMONTHDAY=1", "rule_combination"),
        ("FREQ=MONTHLY;COUNT=1;BYSETPOS=1", "rule_combination"),
        ("FREQ=MONTHLY;COUNT=1;BYYEARDAY=1", "rule_combination"),
        ("FREQ=WEEKLY;COUNT=1;BYWEEKNO=1", "rule_combination"),
        (
            "FREQ=YEARLY;COUNT=1;BYWEEKNO=1;BYDAY=1MO",
            "rule_combination",
        ),
        ("FREQ=DAILY", "rule_endless"),
        ("FREQ=DAILY;COUNT=1;UNTIL=19971224", "rule_two_ends"),
    ] {
        assert_eq!(text.parse::<Rule>().unwrap_err().code(), code, "{text}");
    }
}

#[test]
fn a_series_has_its_limits() {
    let starts = "2026-01-01T20:00:00";
    let gives = |rules: &[&str]| series(starts, rules).originals();
    assert_eq!(gives(&["FREQ=DAILY;COUNT=2000"]).unwrap().len(), MAX_DATES);
    // 2,000 days from the first of 2026 are over on the 23rd of June 2031.
    let exact = gives(&["FREQ=DAILY;UNTIL=20310623"]);
    assert_eq!(exact.unwrap().len(), MAX_DATES);
    let more = gives(&["FREQ=DAILY;UNTIL=20310624"]);
    assert_eq!(more, Err(SeriesError::TooManyDates));
    let two = gives(&["FREQ=DAILY;COUNT=2000", "FREQ=DAILY;INTERVAL=7;COUNT=400"]);
    assert_eq!(two, Err(SeriesError::TooManyDates));
    // The thirtieth of February never comes, and asking for it ends.
    let never = gives(&["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1"]);
    assert_eq!(never, Err(SeriesError::TooLong));
    let far = gives(&["FREQ=YEARLY;UNTIL=99991231"]);
    assert_eq!(far, Err(SeriesError::TooLong));
    assert_eq!(
        gives(&["FREQ=DAILY;UNTIL=20251231"]),
        Err(SeriesError::Empty)
    );
    assert_eq!(gives(&[]), Err(SeriesError::Empty));
    assert_eq!(
        gives(&["FREQ=DAILY;COUNT=1"; 11]),
        Err(SeriesError::TooManyRules)
    );
    let mut nowhere = series(starts, &["FREQ=DAILY;COUNT=1"]);
    nowhere.time_zone = "Mars/Olympus".to_owned();
    assert_eq!(nowhere.originals(), Err(SeriesError::Zone));
    let end = series("9999-12-31T20:00:00", &["FREQ=DAILY;COUNT=3"]);
    assert_eq!(end.originals(), Err(SeriesError::TooLong));
    let mut many = series(starts, &["FREQ=DAILY;COUNT=1"]);
    let phase = Phase {
        from: many.starts,
        settings: Settings::default(),
    };
    many.phases = vec![phase; MAX_DATES + 1];
    let own = BTreeMap::new();
    assert_eq!(many.plan(&own), Err(SeriesError::TooManyDates));
    // How long a date lasts must be said somewhere.
    many.phases.clear();
    many.settings.duration_minutes = None;
    assert_eq!(many.plan(&own), Err(SeriesError::NoDuration));
}

#[test]
fn local_times_are_exact() {
    assert_eq!(local("2026-05-01T19:30"), local("2026-05-01T19:30:00"));
    for text in [
        "",
        "2026-05-01",
        "2026-05-01 19:30:00",
        "2026-05-01T19:30:00Z",
        "2026-05-01T19:30:00+02:00",
        "2026-05-01T19:30:00[Europe/Ljubljana]",
        "2026-05-01T19:30:00.5",
        "2026-02-29T19:30:00",
    ] {
        assert_eq!(text.parse::<Local>(), Err(LocalError), "{text}");
    }
}
