//! What codes would not take off any more, once something goes.

use bilten_core::price::{CodeRefusal, PromoCode};

use super::{buy_get, carried, fits};
use crate::catalog::EventDetail;
use crate::sales::changes::model::*;
use crate::sales::changes::units::shares;

/// What a code took off that which stays, and would not any more.
#[derive(Clone, Debug)]
pub(in crate::sales::changes) struct Loss {
    pub(super) code: String,
    pub(super) minor: i64,
    pub(super) why: CodeRefusal,
}

/// What codes, by the rules by which they were bought, took off more than they would take off these units.
pub(in crate::sales::changes) fn losses(
    codes: &[PromoCode],
    offer: &EventDetail,
    after: &[Unit],
) -> Vec<Loss> {
    let mut losses = Vec::new();
    for code in codes {
        let has = carried(&code.id, after);
        if has.minor <= 0 {
            continue;
        }
        let fitting: Vec<i64> = after
            .iter()
            .filter(|unit| fits(code, offer, unit))
            .map(|unit| unit.unit_price_minor)
            .collect();
        let count = u32::try_from(fitting.len()).unwrap_or(u32::MAX);
        let (allowed, why) = if count < code.min_units {
            (0, CodeRefusal::TooFewUnits)
        } else if fitting.iter().sum::<i64>() < code.min_subtotal_minor {
            (0, CodeRefusal::SubtotalTooLow)
        } else {
            let allowed = buy_get(code, fitting).unwrap_or(has.minor);
            (allowed, CodeRefusal::TooFewUnits)
        };
        if allowed < has.minor {
            losses.push(Loss {
                code: code.id.clone(),
                minor: has.minor - allowed,
                why,
            });
        }
    }
    losses.sort_by(|a, b| a.code.cmp(&b.code));
    losses
}

/// What is lost in all.
pub(in crate::sales::changes) fn lost(losses: &[Loss]) -> i64 {
    losses.iter().map(|loss| loss.minor).sum()
}

/// Whether this is a code that took something off.
fn bears(own: &UnitCode, code: &str) -> bool {
    own.code == code && own.minor > 0
}

/// Lets units cost so much more as is taken from what goes back.
pub(in crate::sales::changes) fn raise(
    losses: &[Loss],
    mut withheld_minor: i64,
    units: &mut [Unit],
) {
    for loss in losses {
        let mut due = loss.minor.min(withheld_minor);
        withheld_minor -= due;
        // Evenly, as far as each of them has so much.
        while due > 0 {
            let bearers = units
                .iter()
                .filter(|unit| unit.codes.iter().any(|own| bears(own, &loss.code)))
                .count();
            let parts = shares(due, bearers);
            if parts.is_empty() {
                break;
            }
            let mut parts = parts.into_iter();
            for unit in units.iter_mut() {
                let bearing = unit.codes.iter_mut().find(|own| bears(own, &loss.code));
                let Some(own) = bearing else {
                    continue;
                };
                let more = parts.next().unwrap_or(0).min(own.minor);
                own.minor -= more;
                own.is_counted = own.is_counted && own.minor > 0;
                unit.paid_minor += more;
                due -= more;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::TierId;

    fn unit(code: &str, minor: i64) -> Unit {
        Unit {
            tier: TierId::from_bytes([1; 16]),
            label: "Standing".to_owned(),
            occurrence: None,
            seat: None,
            unit_price_minor: 1_000,
            paid_minor: 1_000 - minor,
            fees_minor: 0,
            tickets: Vec::new(),
            codes: vec![UnitCode {
                code: code.to_owned(),
                is_counted: true,
                minor,
            }],
            reason: LineReason::Kept,
        }
    }

    fn loss(code: &str, minor: i64) -> Loss {
        Loss {
            code: code.to_owned(),
            minor,
            why: CodeRefusal::TooFewUnits,
        }
    }

    /// What is taken from what goes back is what the units cost more: no more, and of that code alone.
    ///
    /// covers: PAY-4, MKT-2
    #[test]
    fn units_cost_more_by_what_is_withheld() {
        let before = [unit("a", 500), unit("a", 3), unit("b", 200), unit("a", 400)];
        for (lost_a, lost_b, withheld, wanted) in [
            (903, 200, 1_103, [1_000, 1_000, 1_000, 1_000]),
            (100, 0, 100, [549, 1_000, 800, 648]),
            (903, 200, 7, [503, 999, 800, 602]),
            (10, 200, 15, [504, 1_000, 805, 603]),
            (903, 200, 0, [500, 997, 800, 600]),
        ] {
            let mut units = before.clone();
            raise(
                &[loss("a", lost_a), loss("b", lost_b)],
                withheld,
                &mut units,
            );
            let paid: Vec<i64> = units.iter().map(|unit| unit.paid_minor).collect();
            let sum = |units: &[Unit]| units.iter().map(|unit| unit.paid_minor).sum::<i64>();
            assert_eq!(sum(&units) - sum(&before), withheld, "{lost_a} {lost_b}");
            assert_eq!(paid, wanted, "{lost_a} {lost_b} {withheld}");
            for (unit, was) in units.iter().zip(&before) {
                let (now, then) = (&unit.codes[0], &was.codes[0]);
                assert_eq!(now.minor + unit.paid_minor, then.minor + was.paid_minor);
                assert_eq!(now.is_counted, now.minor > 0);
            }
        }
    }
}
