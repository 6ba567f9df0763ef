//! Rates, rounding, and sharing an amount out so that the shares sum to it.

use super::refusal::Refusal;
use serde::{Deserialize, Serialize};

/// Parts in a [`Rate`] of one.
const MILLION: i128 = 1_000_000;

/// A share in millionths: 29,000 is 2.9 %, 9.975 % is 99,750.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Rate(pub u32);

impl Rate {
    /// All of it.
    pub const ONE: Self = Self(1_000_000);

    /// `hundredths` of one percent: 725 is 7.25 %.
    #[must_use]
    pub const fn basis_points(hundredths: u16) -> Self {
        Self(hundredths as u32 * 100)
    }

    /// The rate of `amount`, rounded.
    pub(super) fn of(self, amount: i64, rounding: Rounding) -> Result<i64, Refusal> {
        mul_div(amount, i128::from(self.0), MILLION, rounding)
    }
}

/// Where exact halves go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Up: 0.5 becomes 1.
    #[default]
    HalfUp,
    /// To the even neighbour: 0.5 becomes 0, 1.5 becomes 2.
    HalfEven,
}

/// `amount * numerator / denominator` of numbers that are not negative, rounded.
pub(super) fn mul_div(
    amount: i64,
    numerator: i128,
    denominator: i128,
    rounding: Rounding,
) -> Result<i64, Refusal> {
    let product = i128::from(amount)
        .checked_mul(numerator)
        .filter(|product| *product >= 0 && denominator > 0)
        .ok_or(Refusal::TooLarge)?;
    let (whole, rest) = (product / denominator, product % denominator);
    // Against `rest`, so that doubling cannot overflow.
    let up = match rest.cmp(&(denominator - rest)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => rounding == Rounding::HalfUp || whole % 2 == 1,
    };
    i64::try_from(whole + i128::from(up)).map_err(|_| Refusal::TooLarge)
}

/// The sum, or a refusal when it does not fit.
pub(super) fn sum(amounts: impl IntoIterator<Item = i64>) -> Result<i64, Refusal> {
    amounts
        .into_iter()
        .try_fold(0i64, i64::checked_add)
        .ok_or(Refusal::TooLarge)
}

/// Shares `total` out in proportion to `weights`, by largest remainder.
///
/// Neither `total` nor a weight may be negative. The shares sum to `total` exactly; equal
/// remainders go to the earlier share. No share is larger than its weight while `total` is not
/// larger than all weights together. Without any weight the shares are equal.
pub(super) fn allocate(total: i64, weights: &[i64]) -> Vec<i64> {
    let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if sum == 0 {
        return split(total, weights.len());
    }
    let mut left = total;
    let mut shares = Vec::with_capacity(weights.len());
    let mut rests = Vec::with_capacity(weights.len());
    for (index, weight) in weights.iter().enumerate() {
        let exact = i128::from(total) * i128::from(*weight);
        // At most `total`, as no weight is larger than their sum.
        let share = i64::try_from(exact / sum).unwrap_or(total);
        left -= share;
        shares.push(share);
        rests.push((std::cmp::Reverse(exact % sum), index));
    }
    if left > 0 {
        rests.sort_unstable();
        for (_, index) in rests.iter().take(usize::try_from(left).unwrap_or(0)) {
            shares[*index] += 1;
        }
    }
    shares
}

/// Shares `total` out into `count` shares that differ by one at most, the larger ones first.
pub(super) fn split(total: i64, count: usize) -> Vec<i64> {
    let Ok(parts) = i64::try_from(count) else {
        return Vec::new();
    };
    (0..parts)
        .map(|index| total / parts + i64::from(index < total % parts))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn halves_go_where_the_rule_says() {
        for (amount, up, even) in [(1, 1, 0), (3, 2, 2), (5, 3, 2), (7, 4, 4), (4, 2, 2)] {
            assert_eq!(mul_div(amount, 1, 2, Rounding::HalfUp), Ok(up));
            assert_eq!(mul_div(amount, 1, 2, Rounding::HalfEven), Ok(even));
        }
        let up = Rounding::HalfUp;
        assert_eq!(Rate::basis_points(725).of(1_000, up), Ok(73));
        assert_eq!(mul_div(1, 1, 0, up), Err(Refusal::TooLarge));
        assert_eq!(mul_div(-1, 1, 1, up), Err(Refusal::TooLarge));
        assert_eq!(mul_div(i64::MAX, 2, 1, up), Err(Refusal::TooLarge));
        assert_eq!(mul_div(i64::MAX, i128::MAX, 1, up), Err(Refusal::TooLarge));
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_whole(
            total in 0i64..10_000_000_000_000_000,
            weights in prop::collection::vec(0i64..1_000_000_000_000_000, 1..40),
        ) {
            let shares = allocate(total, &weights);
            prop_assert_eq!(shares.iter().sum::<i64>(), total);
            prop_assert!(shares.iter().all(|share| *share >= 0));
            let all: i64 = weights.iter().sum();
            if total <= all {
                prop_assert!(shares.iter().zip(&weights).all(|(share, weight)| share <= weight));
            }
            prop_assert_eq!(split(total, weights.len()).iter().sum::<i64>(), total);
        }
    }
}
