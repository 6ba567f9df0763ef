//! Orders unit by unit: from lines and back, so that every sum stays what it was.

use bilten_core::price::{PriceReason, PriceSnapshot, Quote};
use std::cmp::Reverse;

use super::model::*;
use crate::catalog::EventDetail;
use crate::sales::{HeldSeats, OrderId, OrderItem, tickets_due};

/// A line as it is stored, with what only changes know of it.
#[derive(Clone, Debug)]
pub(super) struct StoredLine {
    pub(super) item: OrderItem,
    pub(super) fees_minor: Option<i64>,
    pub(super) tickets: Option<Vec<Vec<UnitTicket>>>,
    /// What codes took off each of its units.
    pub(super) codes: Option<Vec<Vec<UnitCode>>>,
}

/// An amount in so many parts that differ by one at most; the first ones are larger.
pub(super) fn shares(total: i64, parts: usize) -> Vec<i64> {
    let count = i64::try_from(parts).unwrap_or(i64::MAX).max(1);
    let (each, rest) = (total.div_euclid(count), total.rem_euclid(count));
    (0..parts)
        .map(|i| each + i64::from(i64::try_from(i).unwrap_or(i64::MAX) < rest))
        .collect()
}

/// What of a line of a quote is fees that the buyer pays, with the taxes on them.
pub(super) fn fees_of(quote: &Quote, line: u32) -> i64 {
    let place = usize::try_from(line).unwrap_or(0).saturating_sub(1);
    let Some(line) = quote.lines.get(place) else {
        return 0;
    };
    let fees = line.fees.iter();
    let passed = fees.filter(|fee| fee.reason == PriceReason::FeePassedOn);
    let taxes = line.taxes.iter();
    let on_top = taxes.filter(|tax| tax.fee.is_some() && tax.reason == PriceReason::TaxAdded);
    let sum = passed.map(|fee| fee.minor).sum::<i64>() + on_top.map(|tax| tax.minor).sum::<i64>();
    sum.clamp(0, line.total_minor.max(0))
}

/// What codes took off each of so many units of a line of a quote.
fn codes_of(quote: &Quote, line: u32, count: usize) -> Vec<Vec<UnitCode>> {
    let mut units = vec![Vec::new(); count];
    let place = usize::try_from(line).unwrap_or(0).saturating_sub(1);
    let Some(line) = quote.lines.get(place) else {
        return units;
    };
    let quantity = usize::try_from(line.quantity).unwrap_or(0);
    for part in &line.discounts {
        let is_code = matches!(
            part.reason,
            PriceReason::CodePercentage
                | PriceReason::CodeFixed
                | PriceReason::CodePrice
                | PriceReason::CodeBuyGet
        );
        if !is_code {
            continue;
        }
        let numbered = shares(part.minor, quantity).into_iter().zip(1u32..);
        for (unit, (minor, number)) in units.iter_mut().zip(numbered) {
            unit.push(UnitCode {
                code: part.rule.clone(),
                is_counted: number <= part.units,
                minor,
            });
        }
    }
    units
}

/// What codes took off the units of a line as it is stored, or as it was bought.
pub(super) fn codes_of_line(
    line: &StoredLine,
    snapshot: Option<&PriceSnapshot>,
) -> Vec<Vec<UnitCode>> {
    let count = usize::try_from(line.item.quantity).unwrap_or(0);
    match (&line.codes, snapshot) {
        (Some(codes), _) => codes.clone(),
        // A line that was changed before codes were followed is no line of the snapshot.
        (None, Some(snapshot)) if line.tickets.is_none() => {
            codes_of(&snapshot.quote, line.item.line, count)
        }
        (None, _) => Vec::new(),
    }
}

/// The units of an order, with their tickets: as they are stored, or as they were bought.
pub(super) fn units_of(
    order: OrderId,
    offer: &EventDetail,
    lines: &[StoredLine],
    snapshot: Option<&PriceSnapshot>,
) -> Vec<Unit> {
    let (mut units, mut next) = (Vec::new(), 0u32);
    for line in lines {
        let item = &line.item;
        let count = usize::try_from(item.quantity).unwrap_or(0);
        let fees = line
            .fees_minor
            .unwrap_or_else(|| snapshot.map_or(0, |snapshot| fees_of(&snapshot.quote, item.line)));
        let amounts = shares(item.total_minor, count);
        let fees = shares(fees, count);
        let per_unit = tickets_per_unit(offer, item);
        let codes = codes_of_line(line, snapshot);
        for (i, (paid_minor, fees_minor)) in amounts.into_iter().zip(fees).enumerate() {
            let tickets = match &line.tickets {
                Some(tickets) => tickets.get(i).cloned().unwrap_or_default(),
                None => {
                    let numbers = next..next.saturating_add(per_unit);
                    next = numbers.end;
                    let bought = |number| UnitTicket {
                        number,
                        first: order,
                        first_number: number,
                    };
                    numbers.map(bought).collect()
                }
            };
            units.push(Unit {
                tier: item.tier_id,
                label: item.label.clone(),
                occurrence: item.occurrence_id,
                seat: item.seats.0.get(i).cloned(),
                unit_price_minor: item.unit_price_minor,
                paid_minor,
                fees_minor,
                tickets,
                codes: codes.get(i).cloned().unwrap_or_default(),
                reason: LineReason::Kept,
            });
        }
    }
    units
}

/// How many tickets one unit of a line gives.
fn tickets_per_unit(offer: &EventDetail, item: &OrderItem) -> u32 {
    let one = OrderItem {
        quantity: 1,
        ..item.clone()
    };
    u32::try_from(tickets_due(offer, &[one]).len()).unwrap_or(0)
}

/// The units of new lines, which have no tickets yet.
pub(super) fn fresh_units(items: &[OrderItem], quote: &Quote) -> Vec<Unit> {
    let mut units = Vec::new();
    for item in items {
        let count = usize::try_from(item.quantity).unwrap_or(0);
        let fees = shares(fees_of(quote, item.line), count);
        let codes = codes_of(quote, item.line, count);
        for (i, (paid_minor, fees_minor)) in shares(item.total_minor, count)
            .into_iter()
            .zip(fees)
            .enumerate()
        {
            units.push(Unit {
                tier: item.tier_id,
                label: item.label.clone(),
                occurrence: item.occurrence_id,
                seat: item.seats.0.get(i).cloned(),
                unit_price_minor: item.unit_price_minor,
                paid_minor,
                fees_minor,
                tickets: Vec::new(),
                codes: codes.get(i).cloned().unwrap_or_default(),
                reason: LineReason::Added,
            });
        }
    }
    units
}

/// The units line by line: those that are alike are one.
fn grouped(units: &[Unit]) -> Vec<Vec<&Unit>> {
    let mut lines: Vec<Vec<&Unit>> = Vec::new();
    for unit in units {
        let is_alike = |line: &&mut Vec<&Unit>| {
            line.first().is_some_and(|first| {
                (
                    first.tier,
                    first.occurrence,
                    first.unit_price_minor,
                    first.reason,
                ) == (
                    unit.tier,
                    unit.occurrence,
                    unit.unit_price_minor,
                    unit.reason,
                ) && first.label == unit.label
                    && first.seat.is_some() == unit.seat.is_some()
            })
        };
        match lines.iter_mut().find(is_alike) {
            Some(line) => line.push(unit),
            None => lines.push(vec![unit]),
        }
    }
    // The amounts of a line are shared out from the first unit on: what differs by more is another line.
    let mut even: Vec<Vec<&Unit>> = Vec::new();
    for mut line in lines {
        line.sort_by_key(|unit| Reverse((unit.paid_minor, unit.fees_minor)));
        for unit in line {
            let joins = even.last().is_some_and(|last| {
                last.first().is_some_and(|first| {
                    first.tier == unit.tier
                        && first.occurrence == unit.occurrence
                        && first.unit_price_minor == unit.unit_price_minor
                        && first.reason == unit.reason
                        && first.label == unit.label
                        && first.seat.is_some() == unit.seat.is_some()
                        && first.paid_minor - unit.paid_minor <= 1
                        && first.fees_minor - unit.fees_minor <= 1
                }) && last
                    .last()
                    .is_some_and(|last| unit.fees_minor <= last.fees_minor)
            });
            match even.last_mut().filter(|_| joins) {
                Some(line) => line.push(unit),
                None => even.push(vec![unit]),
            }
        }
    }
    even
}

fn sum(line: &[&Unit]) -> i64 {
    line.iter().map(|unit| unit.paid_minor).sum()
}

/// The lines as they are stored.
pub(super) fn lines_of(units: &[Unit]) -> Vec<StoredLine> {
    let mut lines = Vec::new();
    for (line, number) in grouped(units).into_iter().zip(1u32..) {
        let Some(first) = line.first() else {
            continue;
        };
        lines.push(StoredLine {
            item: OrderItem {
                line: number,
                tier_id: first.tier,
                label: first.label.clone(),
                occurrence_id: first.occurrence,
                quantity: u32::try_from(line.len()).unwrap_or(u32::MAX),
                unit_price_minor: first.unit_price_minor,
                total_minor: sum(&line),
                seats: HeldSeats(line.iter().filter_map(|unit| unit.seat.clone()).collect()),
            },
            fees_minor: Some(line.iter().map(|unit| unit.fees_minor).sum()),
            tickets: Some(line.iter().map(|unit| unit.tickets.clone()).collect()),
            codes: Some(line.iter().map(|unit| unit.codes.clone()).collect()),
        });
    }
    lines
}

/// The lines as they are answered.
pub(super) fn side_of(units: &[Unit]) -> ChangedSide {
    let mut lines = Vec::new();
    for (line, number) in grouped(units).into_iter().zip(1u32..) {
        let Some(first) = line.first() else {
            continue;
        };
        lines.push(ChangedLine {
            line: number,
            reason: first.reason,
            tier_id: first.tier,
            label: first.label.clone(),
            occurrence_id: first.occurrence,
            quantity: u32::try_from(line.len()).unwrap_or(u32::MAX),
            total_minor: sum(&line),
            units: line
                .iter()
                .zip(1u32..)
                .map(|(unit, number)| ChangedUnit {
                    unit: number,
                    total_minor: unit.paid_minor,
                    seat: unit.seat.clone(),
                    tickets: numbers(unit),
                })
                .collect(),
        });
    }
    ChangedSide {
        total_minor: total(units),
        lines,
    }
}

/// The lines before a change: those of the order, each with what becomes of its units.
pub(super) fn before_of(lines: &[StoredLine], units: &[Unit]) -> ChangedSide {
    let mut rest = units.iter();
    let mut found = Vec::new();
    for line in lines {
        let count = usize::try_from(line.item.quantity).unwrap_or(0);
        let own: Vec<&Unit> = rest.by_ref().take(count).collect();
        let reason = own
            .iter()
            .map(|unit| unit.reason)
            .find(|reason| *reason != LineReason::Kept)
            .unwrap_or(LineReason::Kept);
        found.push(ChangedLine {
            line: line.item.line,
            reason,
            tier_id: line.item.tier_id,
            label: line.item.label.clone(),
            occurrence_id: line.item.occurrence_id,
            quantity: line.item.quantity,
            total_minor: line.item.total_minor,
            units: own
                .into_iter()
                .zip(1u32..)
                .map(|(unit, number)| ChangedUnit {
                    unit: number,
                    total_minor: unit.paid_minor,
                    seat: unit.seat.clone(),
                    tickets: numbers(unit),
                })
                .collect(),
        });
    }
    ChangedSide {
        total_minor: total(units),
        lines: found,
    }
}

fn numbers(unit: &Unit) -> Vec<u32> {
    let tickets = unit.tickets.iter();
    tickets
        .map(|ticket| ticket.number.saturating_add(1))
        .collect()
}

/// What units cost together.
pub(super) fn total(units: &[Unit]) -> i64 {
    units.iter().map(|unit| unit.paid_minor).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::TierId;

    fn unit(tier: u8, paid_minor: i64, fees_minor: i64) -> Unit {
        Unit {
            tier: TierId::from_bytes([tier; 16]),
            label: "Standing".to_owned(),
            occurrence: None,
            seat: None,
            unit_price_minor: 100,
            paid_minor,
            fees_minor,
            tickets: Vec::new(),
            codes: Vec::new(),
            reason: LineReason::Kept,
        }
    }

    #[test]
    fn shares_sum_to_what_is_shared() {
        for (total, parts) in [(10, 3), (0, 2), (7, 7), (5, 8), (1, 1)] {
            let shares = shares(total, parts);
            assert_eq!(shares.iter().sum::<i64>(), total);
            let (most, least) = (shares.iter().max().unwrap(), shares.iter().min().unwrap());
            assert!(most - least <= 1, "{shares:?}");
        }
    }

    /// Whatever is grouped and shared out again costs each unit what it cost.
    #[test]
    fn a_unit_keeps_its_amounts_through_lines() {
        let units = [
            unit(1, 34, 2),
            unit(2, 50, 0),
            unit(1, 33, 1),
            unit(1, 33, 1),
            unit(1, 90, 3),
            unit(1, 0, 0),
            unit(1, 89, 2),
            unit(3, 34, 1),
            unit(3, 33, 2),
        ];
        let lines = lines_of(&units);
        let mut amounts = Vec::new();
        for line in &lines {
            let count = usize::try_from(line.item.quantity).unwrap();
            let paid = shares(line.item.total_minor, count);
            let fees = shares(line.fees_minor.unwrap(), count);
            amounts.extend(paid.into_iter().zip(fees));
        }
        amounts.sort_unstable();
        let mut wanted: Vec<_> = units
            .iter()
            .map(|unit| (unit.paid_minor, unit.fees_minor))
            .collect();
        wanted.sort_unstable();
        assert_eq!(amounts, wanted);
        let numbers: Vec<_> = lines.iter().map(|line| line.item.line).collect();
        let count = u32::try_from(lines.len()).unwrap();
        assert_eq!(numbers, (1..=count).collect::<Vec<_>>());
    }
}
