//! Tests of series.

mod clocks;
mod edits;
mod later;
mod standard;
mod times;

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

/// The dates of a rule, each at 09:00.
fn dates(starts: &str, rule: &str) -> Vec<String> {
    let series = series(&format!("{starts}T09:00:00"), &[rule]);
    let originals = series.originals().unwrap();
    originals
        .iter()
        .map(|at| {
            let text = at.to_string();
            text.strip_suffix("T09:00:00").unwrap().to_owned()
        })
        .collect()
}
