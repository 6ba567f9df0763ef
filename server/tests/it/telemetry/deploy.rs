//! What operators deploy asks for nothing that does not exist.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bilten_kernel::telemetry::{METRICS, MetricKind};
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../deploy/observability"
    ))
}

/// The names in a text that begin as metrics do.
fn names(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c: char| !is_name(c))
        .filter(|word| {
            ["bilten_", "process_", "probe_"]
                .iter()
                .any(|start| word.starts_with(start))
        })
        .map(str::to_owned)
        .collect()
}

/// Metrics that others export.
const OTHERS: &[&str] = &[
    "probe_ssl_earliest_cert_expiry",
    "probe_success",
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
];

/// covers: MON-2, MON-4
#[test]
fn dashboards_and_rules_ask_for_metrics_that_exist() {
    let mut known: BTreeSet<String> = OTHERS.iter().map(|name| (*name).to_owned()).collect();
    for metric in METRICS {
        match metric.kind {
            MetricKind::Counter | MetricKind::Gauge => {
                known.insert(metric.name.to_owned());
            }
            MetricKind::Histogram(_) => {
                known
                    .extend(["bucket", "count", "sum"].map(|end| format!("{}_{end}", metric.name)));
            }
        }
    }
    let mut asked = BTreeMap::new();
    let rules = std::fs::read_to_string(folder().join("alerts.yml")).unwrap();
    let rules: String = rules
        .lines()
        .filter(|line| {
            let line = line.trim_start();
            !["#", "summary:", "runbook:"]
                .iter()
                .any(|words| line.starts_with(words))
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    asked.insert("alerts.yml".to_owned(), names(&rules));
    for file in std::fs::read_dir(folder().join("dashboards")).unwrap() {
        let path = file.unwrap().path();
        let dashboard: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let panels = dashboard["panels"].as_array().unwrap();
        let exprs = panels
            .iter()
            .flat_map(|panel| panel["targets"].as_array().unwrap());
        let text: Vec<_> = exprs
            .map(|target| target["expr"].as_str().unwrap())
            .collect();
        asked.insert(path.display().to_string(), names(&text.join("\n")));
    }
    assert_eq!(asked.len(), 4);
    let mut shown = BTreeSet::new();
    for (file, names) in &asked {
        assert!(names.len() > 5, "{file}: {names:?}");
        let missing: Vec<_> = names.difference(&known).collect();
        assert!(
            missing.is_empty(),
            "{file} asks for what nothing counts: {missing:?}"
        );
        shown.extend(names.iter().cloned());
    }
    // And nothing is counted that nobody sees.
    for metric in METRICS
        .iter()
        .filter(|metric| !metric.name.contains("_example_"))
    {
        let is_shown = shown.iter().any(|name| name.starts_with(metric.name));
        assert!(is_shown, "{} is on no dashboard", metric.name);
    }
}

/// covers: MON-4
#[test]
fn every_alert_says_what_to_do_first() {
    let rules = std::fs::read_to_string(folder().join("alerts.yml")).unwrap();
    let alerts: Vec<_> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() > 15);
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        for part in ["severity: ", "summary: ", "runbook: "] {
            assert!(alert.contains(part), "{name} has no {part}");
        }
    }
}
