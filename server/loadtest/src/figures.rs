//! Counting and printing.

use std::time::Duration;

/// What one client saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// How long each answer took, in microseconds.
    pub(crate) latencies: Vec<u32>,
    /// Tickets that were acknowledged.
    pub(crate) tickets: u64,
    /// Requests that were refused for want of stock.
    pub(crate) sold_out: u64,
    /// Requests that failed in any other way.
    pub(crate) errors: u64,
}

impl Seen {
    pub(crate) fn note(&mut self, time: Duration) {
        self.latencies
            .push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    pub(crate) fn merge(all: Vec<Self>) -> Self {
        let mut sum = Self::default();
        for seen in all {
            sum.latencies.extend(seen.latencies);
            sum.tickets += seen.tickets;
            sum.sold_out += seen.sold_out;
            sum.errors += seen.errors;
        }
        sum.latencies.sort_unstable();
        sum
    }

    /// The latency that `share` of the answers did not exceed, in milliseconds; of a merged one.
    fn percentile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index within the list"
        )]
        let index = (last as f64 * share).round() as usize;
        f64::from(self.latencies.get(index).copied().unwrap_or(0)) / 1_000.0
    }

    #[expect(clippy::print_stdout, reason = "the result")]
    pub(crate) fn print(&self, name: &str, took: Duration) {
        println!(
            "{name}: {:.0}/s, p50 {:.2} ms, p99 {:.2} ms, {} answers, {} sold out, {} errors",
            self.latencies.len() as f64 / took.as_secs_f64(),
            self.percentile(0.5),
            self.percentile(0.99),
            self.latencies.len(),
            self.sold_out,
            self.errors,
        );
    }
}
