//! The pure function that prices a cart.

use super::book::{BookFault, BookFaultKind, ItemKind, PriceBook, PriceItem};
use super::cart::{PriceBuyer, PriceCart, PriceFacts, PriceLine};
use super::code::{CodeEffect, PromoCode, usable};
use super::discount::{apply_code, group_rates};
use super::fee::{FeeBase, fee};
use super::quote::{CodeUse, FeePart, PriceReason, Quote, QuoteLine, TaxPart, TaxTotal};
use super::rate::{allocate, sum};
use super::refusal::Refusal;
use super::tax::{Portion, rules_for, taxes};
use super::work::{Work, lines};
use super::{MAX_CODES, MAX_LINES};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// Prices a cart: what each line costs, and why.
///
/// The same book, cart and facts give the same quote everywhere and always. Neither the order of
/// lines and codes nor the way in which units are spread over lines makes a difference.
///
/// # Errors
/// Why the cart has no price.
pub fn price(book: &PriceBook, cart: &PriceCart, facts: &PriceFacts) -> Result<Quote, Refusal> {
    evaluate(book, cart, facts, Sold::Together)
}

/// What one unit costs all in, for everybody and without codes: the price to show beside an item.
/// Hidden items and add-ons have one as well; what buyers may choose costs what is suggested.
///
/// # Errors
/// Why the item has no price now.
pub fn shelf_price(
    book: &PriceBook,
    facts: &PriceFacts,
    at: Timestamp,
    item: &str,
    occurrence: Option<&str>,
) -> Result<Quote, Refusal> {
    let cart = PriceCart {
        currency: book.currency,
        at,
        cash: false,
        buyer: PriceBuyer::default(),
        lines: vec![PriceLine {
            item: item.to_owned(),
            occurrence: occurrence.map(str::to_owned),
            supplied_on: None,
            quantity: 1,
            amount_minor: None,
        }],
        codes: Vec::new(),
    };
    evaluate(book, &cart, facts, Sold::Alone)
}

/// Whether a cart must hold what its items need.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sold {
    Together,
    Alone,
}

fn evaluate(
    book: &PriceBook,
    cart: &PriceCart,
    facts: &PriceFacts,
    sold: Sold,
) -> Result<Quote, Refusal> {
    book.check_rules()?;
    check_cart(book, cart)?;
    let halves = book.rounding.halves;
    let codes = usable(book, cart, facts)?;
    if sold == Sold::Together {
        check_hidden(book, cart, &codes)?;
    }
    let mut works = lines(&book.items, cart, facts, halves)?;
    if sold == Sold::Together {
        check_add_ons(&works)?;
    }
    group_rates(book, &unlocked_rates(&codes, cart), &mut works)?;
    let mut used = Vec::with_capacity(codes.len());
    for code in &codes {
        used.push(apply_code(code, facts, &mut works, halves)?);
    }
    finish(book, cart, &works, used)
}

fn check_cart(book: &PriceBook, cart: &PriceCart) -> Result<(), Refusal> {
    if cart.currency != book.currency {
        return Err(Refusal::MixedCurrency {
            expected: book.currency,
            given: cart.currency,
        });
    }
    if cart.lines.is_empty() {
        return Err(Refusal::EmptyCart);
    }
    if cart.lines.len() > MAX_LINES {
        return Err(Refusal::TooManyLines);
    }
    if cart.codes.len() > MAX_CODES {
        return Err(Refusal::from(BookFault {
            rule: "codes".to_owned(),
            what: BookFaultKind::TooMany,
        }));
    }
    for code in &cart.codes {
        code.check()?;
    }
    Ok(())
}

/// Hidden items are sold only to who has a code for them; to others they do not exist, so this is
/// asked before anything else that could tell.
fn check_hidden(book: &PriceBook, cart: &PriceCart, codes: &[&PromoCode]) -> Result<(), Refusal> {
    for item in book.items.iter().filter(|item| item.hidden) {
        let is_asked = cart.lines.iter().any(|line| line.item == item.id);
        if is_asked && !codes.iter().any(|code| unlocks(code, &item.id)) {
            return Err(Refusal::UnknownItem {
                item: item.id.clone(),
            });
        }
    }
    Ok(())
}

fn unlocks(code: &PromoCode, item: &str) -> bool {
    if let CodeEffect::Access { items, .. } = &code.effect {
        items.iter().any(|unlocked| unlocked == item)
    } else {
        false
    }
}

fn check_add_ons(works: &[Work<'_>]) -> Result<(), Refusal> {
    for work in works {
        let item = work.item;
        if item.kind != ItemKind::AddOn || item.added_to.is_empty() {
            continue;
        }
        let bases = units(works, |other| item.added_to.contains(&other.id));
        if bases == 0 {
            return Err(Refusal::AddOnAlone {
                item: item.id.clone(),
            });
        }
        let asked = units(works, |other| other.id == item.id);
        let most = item
            .most_per_ticket
            .map(|each| bases.saturating_mul(each))
            .filter(|most| asked > *most);
        if let Some(most) = most {
            return Err(Refusal::AddOnTooMany {
                item: item.id.clone(),
                most,
            });
        }
    }
    Ok(())
}

fn units(works: &[Work<'_>], is_it: impl Fn(&PriceItem) -> bool) -> u32 {
    works
        .iter()
        .filter(|work| is_it(work.item))
        .fold(0, |units, work| units.saturating_add(work.quantity))
}

/// The group rates that the buyer or a code has the key to.
fn unlocked_rates<'a>(codes: &[&'a PromoCode], cart: &'a PriceCart) -> Vec<&'a str> {
    let mut keys: Vec<&'a str> = cart.buyer.rates.iter().map(String::as_str).collect();
    for code in codes {
        if let CodeEffect::Access { rates, .. } = &code.effect {
            keys.extend(rates.iter().map(String::as_str));
        }
    }
    keys
}

/// Taxes, fees and totals on what the lines cost.
fn finish(
    book: &PriceBook,
    cart: &PriceCart,
    works: &[Work<'_>],
    codes: Vec<CodeUse>,
) -> Result<Quote, Refusal> {
    let vat_id = cart.buyer.vat_id.as_ref();
    let mut tax_parts: Vec<Vec<TaxPart>> = works.iter().map(|_| Vec::new()).collect();
    for (line, part) in taxes(book, vat_id, &portions(book, works))? {
        tax_parts[line].push(part);
    }

    let mut fee_parts: Vec<Vec<FeePart>> = works.iter().map(|_| Vec::new()).collect();
    let mut bases = Vec::with_capacity(works.len());
    for (work, parts) in works.iter().zip(&tax_parts) {
        let minor = with_taxes(work.price_minor, parts)?;
        bases.push(FeeBase {
            kind: work.item.kind,
            quantity: work.quantity,
            minor,
            room_minor: minor,
        });
    }
    let mut fee_portions = Vec::new();
    for rule in &book.fees {
        let shares = fee(rule, &mut bases, book.rounding.halves)?;
        let class = rule.tax_class.as_deref().filter(|_| rule.passed_on);
        let shares = works.iter().zip(shares).enumerate();
        for (line, (work, minor)) in shares.filter(|(_, (_, fee))| *fee > 0) {
            fee_parts[line].push(FeePart {
                reason: if rule.passed_on {
                    PriceReason::FeePassedOn
                } else {
                    PriceReason::FeeAbsorbed
                },
                rule: rule.id.clone(),
                minor,
            });
            fee_portions.push(Portion {
                line,
                minor,
                part: None,
                fee: Some(rule.id.as_str()),
                // A fee goes with what it is for: it is supplied with it.
                rules: rules_for(book, class, &book.place, work.supplied_on),
            });
        }
    }
    for (line, part) in taxes(book, vat_id, &fee_portions)? {
        tax_parts[line].push(part);
    }

    let mut quoted = Vec::with_capacity(works.len());
    for ((work, taxes), fees) in works.iter().zip(tax_parts).zip(fee_parts) {
        quoted.push(line(work, taxes, fees)?);
    }
    total(book, cart, quoted, codes)
}

/// The amounts that are taxed: each line, or each part of a bundle by what it costs alone.
fn portions<'a>(book: &PriceBook, works: &[Work<'a>]) -> Vec<Portion<'a>> {
    let mut portions = Vec::with_capacity(works.len());
    for (line, work) in works.iter().enumerate() {
        let item = work.item;
        let place = item.place.as_ref().unwrap_or(&book.place);
        let class = item.tax_class.as_deref();
        if item.parts.is_empty() {
            portions.push(Portion {
                line,
                minor: work.price_minor,
                part: None,
                fee: None,
                rules: rules_for(book, class, place, work.supplied_on),
            });
            continue;
        }
        let weights: Vec<i64> = item.parts.iter().map(|part| part.alone_minor).collect();
        for (part, minor) in item.parts.iter().zip(allocate(work.price_minor, &weights)) {
            portions.push(Portion {
                line,
                minor,
                part: Some(part.item.as_str()),
                fee: None,
                rules: rules_for(
                    book,
                    part.tax_class.as_deref().or(class),
                    place,
                    work.supplied_on,
                ),
            });
        }
    }
    portions
}

/// A price with what taxes add to it, or relieve it of.
fn with_taxes(price_minor: i64, parts: &[TaxPart]) -> Result<i64, Refusal> {
    let change = |part: &TaxPart| {
        if part.reason == PriceReason::TaxAdded {
            part.minor
        } else {
            -part.relieved_minor
        }
    };
    sum(std::iter::once(price_minor).chain(parts.iter().map(change)))
}

fn line(work: &Work<'_>, taxes: Vec<TaxPart>, fees: Vec<FeePart>) -> Result<QuoteLine, Refusal> {
    let passed_on = sum(fees
        .iter()
        .filter(|fee| fee.reason == PriceReason::FeePassedOn)
        .map(|fee| fee.minor))?;
    let total_minor = sum([with_taxes(work.price_minor, &taxes)?, passed_on])?;
    Ok(QuoteLine {
        item: work.item.id.clone(),
        kind: work.item.kind,
        occurrence: work.occurrence.map(str::to_owned),
        quantity: work.quantity,
        steps: work.steps.clone(),
        unit_minor: work.unit_minor,
        list_minor: work.list_minor,
        discounts: work.discounts.clone(),
        price_minor: work.price_minor,
        taxes,
        fees,
        total_minor,
    })
}

fn total(
    book: &PriceBook,
    cart: &PriceCart,
    lines: Vec<QuoteLine>,
    codes: Vec<CodeUse>,
) -> Result<Quote, Refusal> {
    let fees = |reason: PriceReason| {
        let all = lines.iter().flat_map(|line| &line.fees);
        sum(all.filter(|fee| fee.reason == reason).map(|fee| fee.minor))
    };
    let (fee_minor, absorbed_fee_minor) = (
        fees(PriceReason::FeePassedOn)?,
        fees(PriceReason::FeeAbsorbed)?,
    );
    let list_minor = sum(lines.iter().map(|line| line.list_minor))?;
    let price_minor = sum(lines.iter().map(|line| line.price_minor))?;
    let due = sum(lines.iter().map(|line| line.total_minor))?;
    let cash_rounding_minor = match book.rounding.cash_step_minor.filter(|_| cart.cash) {
        None => 0,
        Some(step) => {
            let over = due % step;
            // Half a coin goes up.
            if over >= step - over {
                step - over
            } else {
                -over
            }
        }
    };
    let taxes = tax_totals(book, &lines)?;
    Ok(Quote {
        currency: book.currency,
        list_minor,
        discount_minor: list_minor - price_minor,
        tax_minor: sum(taxes.iter().map(|tax| tax.minor))?,
        fee_minor,
        absorbed_fee_minor,
        cash_rounding_minor,
        total_minor: sum([due, cash_rounding_minor])?,
        taxes,
        codes,
        lines,
    })
}

/// What each tax comes to, in the book's order.
fn tax_totals(book: &PriceBook, lines: &[QuoteLine]) -> Result<Vec<TaxTotal>, Refusal> {
    let mut totals = BTreeMap::<(usize, PriceReason), TaxTotal>::new();
    for part in lines.iter().flat_map(|line| &line.taxes) {
        let Some((index, rule)) = book
            .taxes
            .iter()
            .enumerate()
            .find(|(_, rule)| rule.id == part.rule)
        else {
            continue;
        };
        let total = totals
            .entry((index, part.reason))
            .or_insert_with(|| TaxTotal {
                reason: part.reason,
                rule: rule.id.clone(),
                name: rule.name.clone(),
                rate: rule.rate,
                base_minor: 0,
                minor: 0,
            });
        total.base_minor = sum([total.base_minor, part.base_minor])?;
        total.minor = sum([total.minor, part.minor])?;
    }
    Ok(totals.into_values().collect())
}
