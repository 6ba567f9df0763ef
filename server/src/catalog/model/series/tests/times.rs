//! Times of a day, weeks and days of a year.

use super::*;

/// covers: BE-2
#[test]
fn a_rule_has_several_times_of_a_day() {
    let gives = |rule: &str| -> Vec<String> {
        let series = series("1997-09-02T09:00:00", &[rule]);
        let originals = series.originals().unwrap();
        originals.iter().map(Local::to_string).collect()
    };
    // Every 20 minutes from 9 until 16:40, each day.
    let rule = "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40;COUNT=50";
    let all = gives(rule);
    assert_eq!(
        [&all[0], &all[1], &all[3], &all[23], &all[24], &all[49]],
        [
            "1997-09-02T09:00:00",
            "1997-09-02T09:20:00",
            "1997-09-02T10:00:00",
            "1997-09-02T16:40:00",
            "1997-09-03T09:00:00",
            "1997-09-04T09:20:00",
        ]
    );
    // A matinee and an evening at weekends; one before the beginning is none.
    assert_eq!(
        gives("FREQ=WEEKLY;BYDAY=TU,SA;BYHOUR=20,8,20;BYMINUTE=30;COUNT=4"),
        [
            "1997-09-02T20:30:00",
            "1997-09-06T08:30:00",
            "1997-09-06T20:30:00",
            "1997-09-09T08:30:00",
        ]
    );
    // The last show of each month, and the first one.
    assert_eq!(
        gives("FREQ=MONTHLY;BYDAY=FR,SA;BYHOUR=15,20;BYSETPOS=1,-1;UNTIL=19971101T000000"),
        [
            "1997-09-05T15:00:00",
            "1997-09-27T20:00:00",
            "1997-10-03T15:00:00",
            "1997-10-31T20:00:00",
        ]
    );
}

#[test]
fn weeks_are_of_the_year_of_most_of_their_days() {
    // Weeks of a year from its end, and those that reach into another one.
    assert_eq!(
        dates("2020-01-01", "FREQ=YEARLY;BYWEEKNO=-1;BYDAY=TH;COUNT=3"),
        ["2020-12-31", "2021-12-30", "2022-12-29"]
    );
    assert_eq!(
        dates("2020-01-01", "FREQ=YEARLY;BYWEEKNO=53;COUNT=2"),
        ["2020-12-30", "2026-12-30"]
    );
    assert_eq!(
        dates("2024-12-30", "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO,SU;COUNT=3"),
        ["2024-12-30", "2025-01-05", "2025-12-29"]
    );
    // Where weeks begin on Sundays, the first one is another.
    assert_eq!(
        dates(
            "2021-01-01",
            "FREQ=YEARLY;WKST=SU;BYWEEKNO=1;BYDAY=SU,SA;COUNT=2"
        ),
        ["2021-01-03", "2021-01-09"]
    );
    assert_eq!(
        dates("2026-01-01", "FREQ=YEARLY;BYYEARDAY=-1,60;COUNT=4"),
        ["2026-03-01", "2026-12-31", "2027-03-01", "2027-12-31"]
    );
}
