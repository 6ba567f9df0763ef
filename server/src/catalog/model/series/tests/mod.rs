//! Tests of series.

mod clocks;
mod edits;
mod later;
mod standard;

use std::collections::BTreeMap;

use super::*;

/// A local time.
fn local(text: &str) -> Local {
    text.parse().unwrap()
}

/// A series in New York of dates of two hours, with these rules.
fn series(starts: &str, rules: &[&str]) -> Series {
    Series {
        starts: local(starts),
        time_zone: "America/New_York".to_owned(),
        rules: rules.iter().map(|rule| rule.parse().unwrap()).collect(),
        later: Vec::new(),
        added: Vec::new(),
        excluded: Vec::new(),
        settings: Settings {
            duration_minutes: Some(120),
            ..Settings::default()
        },
        phases: Vec::new(),
    }
}

/// The plan of a series without settings of single dates.
fn plan(series: &Series) -> Vec<PlannedDate> {
    series.plan(&BTreeMap::new()).unwrap()
}
