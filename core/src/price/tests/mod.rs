//! Prices as people would work them out by hand, and what must hold for all of them.

mod codes;
mod countries;
mod dates;
mod properties;
mod tiers;

use super::*;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// The moment of most carts.
const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn item(id: &str, kind: ItemKind, price: PriceModel) -> PriceItem {
    PriceItem {
        id: id.to_owned(),
        kind,
        price,
        hidden: false,
        dates: Vec::new(),
        dynamic: None,
        tax_class: Some("admission".to_owned()),
        place: None,
        added_to: Vec::new(),
        most_per_ticket: None,
        parts: Vec::new(),
    }
}

fn ticket(id: &str, minor: i64) -> PriceItem {
    item(id, ItemKind::Ticket, PriceModel::Fixed { minor })
}

fn place(country: &str) -> TaxPlace {
    TaxPlace {
        country: country.to_owned(),
        region: None,
        city: None,
    }
}

fn book(currency: &str, country: &str, items: Vec<PriceItem>) -> PriceBook {
    PriceBook {
        currency: currency.parse().unwrap(),
        place: place(country),
        supplied_at: None,
        dates: BTreeMap::new(),
        items,
        groups: Vec::new(),
        taxes: Vec::new(),
        fees: Vec::new(),
        rounding: RoundingRule::default(),
    }
}

fn tax(id: &str, country: &str, ppm: u32, mode: TaxMode) -> TaxRule {
    TaxRule {
        id: id.to_owned(),
        name: id.to_uppercase(),
        place: place(country),
        classes: vec!["admission".to_owned()],
        rate: Rate(ppm),
        mode,
        compound: false,
        reverse_charge: false,
        from_at: None,
        until_at: None,
    }
}

fn line(item: &str, quantity: u32) -> PriceLine {
    PriceLine {
        item: item.to_owned(),
        occurrence: None,
        supplied_on: None,
        quantity,
        amount_minor: None,
    }
}

fn cart(book: &PriceBook, lines: &[(&str, u32)]) -> PriceCart {
    PriceCart {
        currency: book.currency,
        at: NOW,
        cash: false,
        buyer: PriceBuyer::default(),
        lines: lines
            .iter()
            .map(|(item, quantity)| line(item, *quantity))
            .collect(),
        codes: Vec::new(),
    }
}

fn code(id: &str, effect: CodeEffect) -> PromoCode {
    PromoCode {
        id: id.to_owned(),
        effect,
        currency: None,
        items: Vec::new(),
        occurrences: Vec::new(),
        from_at: None,
        until_at: None,
        audiences: Vec::new(),
        max_uses: None,
        max_uses_per_buyer: None,
        max_units: None,
        min_units: 0,
        min_subtotal_minor: 0,
        max_discount_minor: None,
        budget_minor: None,
        combines: false,
        on_group_rates: false,
    }
}

/// The price with facts that say nothing, with its sums checked.
fn quote(book: &PriceBook, cart: &PriceCart) -> Quote {
    assert_eq!(book.check(), Ok(()));
    let quote = price(book, cart, &PriceFacts::default()).unwrap();
    check_sums(&quote);
    quote
}

fn refused(book: &PriceBook, cart: &PriceCart) -> Refusal {
    price(book, cart, &PriceFacts::default()).unwrap_err()
}

/// Every total is the sum of its parts, and no part is negative.
fn check_sums(quote: &Quote) {
    let (mut due, mut list, mut off, mut taxes, mut passed_on, mut absorbed) = (0, 0, 0, 0, 0, 0);
    for line in &quote.lines {
        assert_eq!(line.list_minor, line.unit_minor * i64::from(line.quantity));
        assert_eq!(line.steps.last().unwrap().unit_minor, line.unit_minor);
        let mut total = line.list_minor;
        for part in &line.discounts {
            assert!(part.minor > 0 && part.units <= line.quantity);
            total -= part.minor;
            off += part.minor;
        }
        assert!(total >= 0);
        assert_eq!(line.price_minor, total);
        for part in &line.taxes {
            assert!(part.minor >= 0 && part.relieved_minor >= 0 && part.base_minor >= 0);
            taxes += part.minor;
            total -= part.relieved_minor;
            if part.reason == PriceReason::TaxAdded {
                total += part.minor;
            }
        }
        for part in &line.fees {
            assert!(part.minor > 0);
            if part.reason == PriceReason::FeePassedOn {
                total += part.minor;
                passed_on += part.minor;
            } else {
                absorbed += part.minor;
            }
        }
        assert!(total >= 0);
        assert_eq!(line.total_minor, total);
        assert_eq!(line.unit_totals().len(), line.quantity as usize);
        assert_eq!(line.unit_totals().iter().sum::<i64>(), total);
        due += total;
        list += line.list_minor;
    }
    assert_eq!(quote.list_minor, list);
    assert_eq!(quote.discount_minor, off);
    assert_eq!(quote.tax_minor, taxes);
    assert_eq!(quote.taxes.iter().map(|tax| tax.minor).sum::<i64>(), taxes);
    assert_eq!(quote.fee_minor, passed_on);
    assert_eq!(quote.absorbed_fee_minor, absorbed);
    assert_eq!(quote.total_minor, due + quote.cash_rounding_minor);
    assert!(quote.total_minor >= 0);
    assert!(
        absorbed <= due,
        "the organiser is left with less than nothing"
    );
    for used in &quote.codes {
        let parts = quote.lines.iter().flat_map(|line| &line.discounts);
        let minor: i64 = parts
            .filter(|part| part.rule == used.id)
            .map(|part| part.minor)
            .sum();
        assert_eq!(used.discount_minor, minor);
    }
}
