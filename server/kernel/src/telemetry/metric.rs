//! Metrics: each declared once, next to what it counts.
//!
//! The list that the linker builds is what an exporter describes, and what the check of dashboards
//! and alert rules compares with. Labels have few values that we choose ourselves: never ids, never
//! what a caller sent.

use std::time::Duration;

/// Every metric of the program, filled by [`metric!`](crate::metric).
#[linkme::distributed_slice]
pub static METRICS: [&'static Metric];

/// What a metric is.
#[derive(Debug)]
pub struct Metric {
    /// Its name, as Prometheus wants it: `bilten_…`, with its unit, counters with `_total`.
    pub name: &'static str,
    /// What it tells, in a sentence.
    pub about: &'static str,
    /// How it behaves.
    pub kind: MetricKind,
}

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It counts by size: how many values were at most each of these.
    Histogram(&'static [f64]),
}

/// Limits for times, in seconds: half a millisecond to a minute.
pub const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0,
];

/// Limits for how many things were done together.
pub const SIZES: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0,
];

/// The names of labels with their values.
type Labels<'l> = &'l [(&'static str, &'l str)];

fn owned(labels: Labels<'_>) -> Vec<metrics::Label> {
    let label =
        |(name, value): &(&'static str, &str)| metrics::Label::new(*name, (*value).to_owned());
    labels.iter().map(label).collect()
}

/// A metric that only grows.
#[derive(Debug)]
pub struct Counter(#[doc(hidden)] pub Metric);

impl Counter {
    #[doc(hidden)]
    pub const KIND: MetricKind = MetricKind::Counter;

    /// Adds to it.
    pub fn add(&self, labels: Labels<'_>, count: u64) {
        metrics::counter!(self.0.name, owned(labels)).increment(count);
    }
}

/// A metric that goes up and down.
#[derive(Debug)]
pub struct Gauge(#[doc(hidden)] pub Metric);

impl Gauge {
    #[doc(hidden)]
    pub const KIND: MetricKind = MetricKind::Gauge;

    /// Says what it is now.
    pub fn set(&self, labels: Labels<'_>, value: i64) {
        self.set_exact(labels, value as f64);
    }

    /// Says what it is now, with its fraction.
    pub fn set_exact(&self, labels: Labels<'_>, value: f64) {
        metrics::gauge!(self.0.name, owned(labels)).set(value);
    }

    /// One more.
    pub fn up(&self, labels: Labels<'_>) {
        metrics::gauge!(self.0.name, owned(labels)).increment(1.0);
    }

    /// One fewer.
    pub fn down(&self, labels: Labels<'_>) {
        metrics::gauge!(self.0.name, owned(labels)).decrement(1.0);
    }
}

/// A metric that counts by size.
#[derive(Debug)]
pub struct Histogram(#[doc(hidden)] pub Metric);

impl Histogram {
    #[doc(hidden)]
    pub const KIND: MetricKind = MetricKind::Histogram(SECONDS);

    /// Counts a time.
    pub fn time(&self, labels: Labels<'_>, time: Duration) {
        metrics::histogram!(self.0.name, owned(labels)).record(time.as_secs_f64());
    }

    /// Counts a size.
    pub fn size(&self, labels: Labels<'_>, size: usize) {
        metrics::histogram!(self.0.name, owned(labels)).record(size as f64);
    }
}

/// Declares a metric next to what it counts.
///
/// ```
/// use bilten_kernel::telemetry::{Counter, Histogram, SIZES};
/// bilten_kernel::metric! {
///     /// Parcels that were sent, by the way they went.
///     pub PARCELS: Counter = "bilten_example_parcels_total"
/// }
/// bilten_kernel::metric! {
///     /// How many parcels a van took.
///     LOADS: Histogram = "bilten_example_load_parcels", limits: SIZES
/// }
/// PARCELS.add(&[("way", "road")], 2);
/// LOADS.size(&[], 2);
/// ```
#[macro_export]
macro_rules! metric {
    ($(#[doc = $about:literal])+ $visibility:vis $name:ident: $kind:ident = $key:literal $(, limits: $limits:expr)? $(,)?) => {
        $(#[doc = $about])+
        $visibility static $name: $crate::telemetry::$kind = {
            #[$crate::private::linkme::distributed_slice($crate::telemetry::METRICS)]
            #[linkme(crate = $crate::private::linkme)]
            static ENTRY: &$crate::telemetry::Metric = &$name.0;
            $crate::telemetry::$kind($crate::telemetry::Metric {
                name: $key,
                about: concat!($($about),+),
                kind: $crate::metric!(@kind $kind $($limits)?),
            })
        };
    };
    (@kind $kind:ident) => { $crate::telemetry::$kind::KIND };
    (@kind $kind:ident $limits:expr) => { $crate::telemetry::MetricKind::Histogram($limits) };
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// covers: MON-2
    #[test]
    fn names_are_our_own_and_say_what_they_count() {
        let mut seen = HashSet::new();
        assert!(!METRICS.is_empty());
        for metric in METRICS {
            let name = metric.name;
            assert!(seen.insert(name), "{name} is declared twice");
            assert!(name.starts_with("bilten_"), "{name}");
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                "{name}"
            );
            let is_counter = metric.kind == MetricKind::Counter;
            assert_eq!(name.ends_with("_total"), is_counter, "{name}");
            assert!(!metric.about.trim().is_empty(), "{name} says nothing");
            if let MetricKind::Histogram(limits) = metric.kind {
                assert!(limits.is_sorted() && !limits.is_empty(), "{name}");
            }
        }
    }
}
