//! Counting and printing.

use std::time::Duration;

use crate::client::LoadError;

/// What one client saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// How long each answer took, in microseconds.
    pub(crate) latencies: Vec<u32>,
    /// Tickets that were acknowledged.
    pub(crate) tickets: u64,
    /// Requests that were refused for want of stock.
    pub(crate) sold_out: u64,
    /// How often the server had too much to do, and was asked again.
    pub(crate) turned_away: u64,
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
            sum.turned_away += seen.turned_away;
            sum.errors += seen.errors;
        }
        sum.latencies.sort_unstable();
        sum
    }

    /// The latency that `share` of the answers did not exceed, in milliseconds; of a merged one.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index within the list"
        )]
        let index = (last as f64 * share).round() as usize;
        f64::from(self.latencies.get(index).copied().unwrap_or(0)) / 1_000.0
    }

    /// How many answers came in a second.
    pub(crate) fn rate(&self, took: Duration) -> f64 {
        self.latencies.len() as f64 / took.as_secs_f64()
    }

    /// Refuses figures of which a part is something else, such as refusals because of limits.
    pub(crate) fn without_errors(&self) -> Result<(), LoadError> {
        if self.errors == 0 {
            return Ok(());
        }
        Err(LoadError::Errors(self.errors))
    }

    #[expect(clippy::print_stdout, reason = "the result")]
    pub(crate) fn print(&self, name: &str, took: Duration) {
        println!(
            "{name}: {:.0}/s, p50 {:.2} ms, p99 {:.2} ms, {} answers, {} sold out, {} turned away, {} errors",
            self.rate(took),
            self.percentile(0.5),
            self.percentile(0.99),
            self.latencies.len(),
            self.sold_out,
            self.turned_away,
            self.errors,
        );
    }
}

/// Prints one line of the result.
#[expect(clippy::print_stdout, reason = "the result")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// The one in the middle; 0 of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Numbers that look random and are the same each time: what is bought can be bought again.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `limit`, which is not 0 (SplitMix64).
    pub(crate) const fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ (mixed >> 31);
        match mixed.checked_rem(limit) {
            Some(number) => number,
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert!((median(vec![9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).abs() < f64::EPSILON);
    }

    #[test]
    fn dice_are_spread_and_the_same_each_time() {
        let throws = |seed| {
            let mut dice = Dice::new(seed);
            (0..1_000).map(|_| dice.below(6)).collect::<Vec<_>>()
        };
        assert_eq!(throws(7), throws(7));
        for face in 0..6 {
            let count = throws(7).iter().filter(|throw| **throw == face).count();
            assert!((100..240).contains(&count), "{face}: {count}");
        }
        assert!(throws(7) != throws(8));
    }
}
