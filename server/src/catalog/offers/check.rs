//! Whether tiers, pools and prices of an event make sense together: asked before any is stored.

use std::collections::{BTreeMap, BTreeSet};

use bilten_core::price::{BookFault, BookFaultKind, DynamicRule, TaxPlace};
use bilten_kernel::money::Currency;

use super::book::{Around, book_of};
use crate::catalog::model::country::Country;
use crate::catalog::model::*;
use crate::catalog::seating::PartId;
use crate::catalog::service::CatalogError;

/// Checks all tiers of an event with its pools and price settings; `at` says how a tier's fields
/// begin in the input.
///
/// # Errors
/// [`CatalogError::Invalid`] with all that is wrong.
pub(in crate::catalog) fn check(
    detail: &EventDetail,
    at: impl Fn(&Tier) -> String,
) -> Result<(), CatalogError> {
    let mut faults = Faults::default();
    for tier in &detail.tiers {
        let at = at(tier);
        counted(&mut faults, &at, detail, tier);
        named(&mut faults, &at, detail, tier);
        amounts(&mut faults, &at, tier);
    }
    if let Some(settings) = &detail.price_settings {
        self::settings(&mut faults, settings, Some(detail));
    }
    // What the core itself would refuse to price; what was found before is said more exactly.
    if let Err(errors) = faults.check() {
        return Err(CatalogError::Invalid(errors));
    }
    let mut faults = Faults::default();
    let (tiers, pools) = (detail.tiers.clone(), detail.pools.clone());
    // What single dates cost was checked when they were edited, and there may be many.
    let mut without_dates = EventDetail::new(detail.event.clone(), Vec::new(), tiers, pools);
    without_dates
        .price_settings
        .clone_from(&detail.price_settings);
    if let Err(fault) = book_of(&without_dates, &Around::default()).check() {
        let tier = detail.tiers.iter().find(|tier| is_about(tier, &fault.rule));
        let field = tier.map_or_else(
            || "settings".to_owned(),
            |tier| {
                let field = if fault.what == BookFaultKind::Empty {
                    "pricing.parts"
                } else {
                    "pricing"
                };
                format!("{}{field}", at(tier))
            },
        );
        faults.add(field, fault_code(fault.what), fault.to_string());
    }
    faults.check().map_err(CatalogError::Invalid)
}

/// Whether a rule that is at fault is a tier's.
fn is_about(tier: &Tier, rule: &str) -> bool {
    let Some(pricing) = &tier.pricing else {
        return tier.id.to_string() == rule;
    };
    let is_phase = match &pricing.price {
        Some(TierPrice::Phased { phases }) => phases.iter().any(|phase| phase.id == rule),
        Some(TierPrice::Fixed { .. } | TierPrice::Free | TierPrice::PayWhatYouWant { .. })
        | None => false,
    };
    let is_dynamic = pricing.dynamic.as_ref().is_some_and(|own| own.id == rule);
    is_phase || is_dynamic || tier.id.to_string() == rule
}

/// The stable code of a fault in rules.
const fn fault_code(what: BookFaultKind) -> &'static str {
    match what {
        BookFaultKind::SameId => "same_id",
        BookFaultKind::Amount => "out_of_range",
        BookFaultKind::Rate => "rate_out_of_range",
        BookFaultKind::Range => "contradiction",
        BookFaultKind::TooMany => "too_many",
        BookFaultKind::Empty => "required",
        BookFaultKind::Dynamic => "not_dynamic",
    }
}

/// What a tier takes of the stock: its pool, its seats, its parts.
fn counted(faults: &mut Faults, at: &str, detail: &EventDetail, tier: &Tier) {
    let field = |name: &str| format!("{at}{name}");
    if let Some(id) = tier.pool_id {
        match detail.pool(id) {
            None => faults.add(field("pool_id"), "unknown", "there is no such pool"),
            Some(pool) if pool.per_date != tier.per_date => faults.add(
                field("pool_id"),
                "pool_per_date",
                "a pool and the tiers that share it are all counted by date, or none is",
            ),
            Some(_) => {}
        }
    }
    if let Some(category) = &tier.seat_category {
        if category.parse::<PartId>().is_err() {
            let text = "must be the id of a price category of a seat map";
            faults.add(field("seat_category"), "seat_category", text);
        }
        if tier.kind != TierKind::Ticket {
            let text = "only tickets are for seats";
            faults.add(field("seat_category"), "not_a_ticket", text);
        }
    }
    let parts = tier
        .pricing
        .as_ref()
        .map_or(&[][..], |pricing| pricing.parts.as_slice());
    if parts.len() > MAX_PARTS {
        let text = format!("at most {MAX_PARTS}");
        faults.add(field("pricing.parts"), "too_many", text);
        return;
    }
    if tier.kind == TierKind::Bundle && parts.is_empty() {
        let text = "a bundle holds something";
        faults.add(field("pricing.parts"), "required", text);
    }
    if tier.kind != TierKind::Bundle && !parts.is_empty() {
        let text = "only a bundle has parts";
        faults.add(field("pricing.parts"), "not_a_bundle", text);
    }
    let mut seen = BTreeSet::new();
    for (i, part) in parts.iter().enumerate() {
        let place = field(&format!("pricing.parts[{i}]"));
        if !(1..=MAX_PART_QUANTITY).contains(&part.quantity) {
            let text = format!("must be between 1 and {MAX_PART_QUANTITY}");
            faults.add(format!("{place}.quantity"), "out_of_range", text);
        }
        if !seen.insert(part.tier) {
            faults.add(format!("{place}.tier"), "twice", "is there twice");
        }
        match detail.tier(part.tier) {
            None => faults.add(format!("{place}.tier"), "unknown", "there is no such tier"),
            Some(of) if of.kind == TierKind::Bundle => {
                let text = "a bundle holds no bundles";
                faults.add(format!("{place}.tier"), "bundle_in_bundle", text);
            }
            Some(of) if of.seat_category.is_some() => {
                let text = "seats are chosen one by one, not in a bundle";
                faults.add(format!("{place}.tier"), "seats_in_bundle", text);
            }
            Some(of) if of.per_date && !tier.per_date => {
                let text = "a bundle with parts for one date is itself sold by date";
                faults.add(format!("{place}.tier"), "part_per_date", text);
            }
            Some(_) => {}
        }
    }
}

/// What a tier's rules are called, and which tiers they name.
fn named(faults: &mut Faults, at: &str, detail: &EventDetail, tier: &Tier) {
    let Some(pricing) = &tier.pricing else { return };
    let field = |name: &str| format!("{at}pricing.{name}");
    if let Some(class) = &pricing.tax_class {
        tax_class(faults, field("tax_class"), class);
    }
    if tier.kind != TierKind::AddOn
        && (!pricing.added_to.is_empty() || pricing.most_per_ticket.is_some())
    {
        let text = "only an add-on is added to tickets";
        faults.add(field("added_to"), "not_an_add_on", text);
    }
    if pricing.added_to.len() > MAX_TIERS {
        let text = format!("at most {MAX_TIERS}");
        faults.add(field("added_to"), "too_many", text);
    }
    for (i, id) in pricing.added_to.iter().take(MAX_TIERS).enumerate() {
        let place = field(&format!("added_to[{i}]"));
        match detail.tier(*id) {
            Some(of) if of.kind == TierKind::AddOn => {
                faults.add(place, "add_on_to_add_on", "an add-on is added to tickets");
            }
            Some(_) => {}
            None => faults.add(place, "unknown", "there is no such tier"),
        }
    }
    if let Some(most) = pricing.most_per_ticket {
        faults.range(field("most_per_ticket"), i64::from(most), 1, 1_000);
    }
    if let Some(TierPrice::Phased { phases }) = &pricing.price {
        if phases.is_empty() {
            faults.add(field("price.phases"), "required", "there is at least one");
        }
        if phases.len() > MAX_PHASES {
            let text = format!("at most {MAX_PHASES}");
            faults.add(field("price.phases"), "too_many", text);
        }
        let mut seen = BTreeSet::new();
        for (i, phase) in phases.iter().take(MAX_PHASES).enumerate() {
            let place = field(&format!("price.phases[{i}]"));
            faults.text(format!("{place}.id"), &phase.id, 1, 40);
            if !seen.insert(phase.id.as_str()) {
                faults.add(format!("{place}.id"), "same_id", "another one has this id");
            }
            faults.order(format!("{place}.until_at"), phase.from_at, phase.until_at);
        }
    }
    if let Some(rule) = &pricing.dynamic {
        dynamic(faults, &field("dynamic"), rule);
    }
}

fn dynamic(faults: &mut Faults, at: &str, rule: &DynamicRule) {
    faults.text(format!("{at}.id"), &rule.id, 1, 40);
    for (name, steps) in [("fill", &rule.fill), ("pace", &rule.pace)] {
        if steps.len() > MAX_PHASES {
            let text = format!("at most {MAX_PHASES}");
            faults.add(format!("{at}.{name}"), "too_many", text);
        }
        for (i, step) in steps.iter().take(MAX_PHASES).enumerate() {
            let place = format!("{at}.{name}[{i}].change_ppm");
            // From nothing to ten times as much: beyond that somebody has mistyped.
            faults.range(place, i64::from(step.change_ppm), -1_000_000, 9_000_000);
        }
    }
}

/// Amounts are in the range of all prices here, which is narrower than the core's.
fn amounts(faults: &mut Faults, at: &str, tier: &Tier) {
    let Some(pricing) = &tier.pricing else { return };
    let mut amount = |name: String, minor: i64| {
        faults.range(format!("{at}pricing.{name}"), minor, 0, MAX_PRICE_MINOR);
    };
    match &pricing.price {
        Some(TierPrice::Fixed { minor }) => amount("price.minor".to_owned(), *minor),
        Some(TierPrice::PayWhatYouWant {
            floor_minor,
            suggestion_minor,
            ceiling_minor,
        }) => {
            amount("price.floor_minor".to_owned(), *floor_minor);
            amount("price.suggestion_minor".to_owned(), *suggestion_minor);
            if let Some(most) = ceiling_minor {
                amount("price.ceiling_minor".to_owned(), *most);
            }
        }
        Some(TierPrice::Phased { phases }) => {
            for (i, phase) in phases.iter().take(MAX_PHASES).enumerate() {
                amount(format!("price.phases[{i}].minor"), phase.minor);
            }
        }
        Some(TierPrice::Free) | None => {}
    }
    if let Some(rule) = &pricing.dynamic {
        amount("dynamic.floor_minor".to_owned(), rule.floor_minor);
        amount("dynamic.ceiling_minor".to_owned(), rule.ceiling_minor);
        amount("dynamic.step_minor".to_owned(), rule.step_minor);
    }
}

/// Checks what is said of prices besides the tiers: of an organisation, or of an event.
pub(super) fn settings(faults: &mut Faults, said: &PriceSettings, of: Option<&EventDetail>) {
    if let Some(detail) = of {
        let expected = detail.event.currency;
        faults.currency("settings.currency".to_owned(), said.currency, expected);
    } else {
        if !said.groups.is_empty() {
            let text = "group rates are an event's, which has the tiers they name";
            faults.add("settings.groups".to_owned(), "not_here", text);
        }
        if !said.fees.is_empty() && said.currency.is_none() {
            let text = "say in which currency the fees are";
            faults.add("settings.currency".to_owned(), "required", text);
        }
    }
    if let Some(place) = &said.place {
        self::place(faults, "settings.place", place);
    }
    if said.fees.len() > MAX_FEES || said.groups.len() > MAX_FEES {
        let text = format!("at most {MAX_FEES} of each");
        faults.add("settings.fees".to_owned(), "too_many", text);
        return;
    }
    for (i, fee) in said.fees.iter().enumerate() {
        let at = format!("settings.fees[{i}]");
        faults.text(format!("{at}.id"), &fee.id, 1, 40);
        faults.text(format!("{at}.name"), &fee.name, 1, 100);
        if fee.id == PLATFORM_FEE {
            faults.add(format!("{at}.id"), "same_id", "is the platform's own");
        }
        if let Some(class) = &fee.tax_class {
            tax_class(faults, format!("{at}.tax_class"), class);
        }
        for (name, minor) in [
            ("fixed_minor", fee.fixed_minor),
            ("cap_minor", fee.cap_minor.unwrap_or(0)),
        ] {
            faults.range(format!("{at}.{name}"), minor, 0, MAX_PRICE_MINOR);
        }
    }
    for (i, rate) in said.groups.iter().enumerate() {
        let at = format!("settings.groups[{i}]");
        faults.text(format!("{at}.id"), &rate.id, 1, 40);
        if let Some(key) = &rate.key {
            faults.text(format!("{at}.key"), key, 1, 100);
        }
        faults.range(
            format!("{at}.at_least"),
            i64::from(rate.at_least),
            1,
            10_000,
        );
        if rate.items.len() > MAX_TIERS {
            let text = format!("at most {MAX_TIERS}");
            faults.add(format!("{at}.items"), "too_many", text);
        }
        let is_known = |item: &String| {
            let id = item.parse::<TierId>().ok();
            of.is_some_and(|detail| id.is_some_and(|id| detail.tier(id).is_some()))
        };
        if !rate.items.iter().take(MAX_TIERS).all(is_known) {
            let text = "items are ids of the event's tiers";
            faults.add(format!("{at}.items"), "unknown", text);
        }
    }
}

/// Checks the rules that the core knows, of settings that no event has yet; those that need no currency, too.
pub(super) fn rules(faults: &mut Faults, said: &PriceSettings) {
    let book = bilten_core::price::PriceBook {
        currency: said.currency.unwrap_or(Currency::EUR),
        place: TaxPlace {
            country: String::new(),
            region: None,
            city: None,
        },
        supplied_at: None,
        dates: BTreeMap::new(),
        items: Vec::new(),
        groups: Vec::new(),
        taxes: Vec::new(),
        fees: said.fees.clone(),
        rounding: said.rounding.unwrap_or_default(),
    };
    if let Err(BookFault { rule, what }) = book.check() {
        let text = format!("{rule}: {what}");
        let is_of_fee = said.fees.iter().any(|fee| fee.id == rule);
        let field = if is_of_fee || rule == "fees" {
            "settings.fees"
        } else {
            "settings.rounding"
        };
        faults.add(field.to_owned(), fault_code(what), text);
    }
}

pub(super) fn place(faults: &mut Faults, at: &str, place: &TaxPlace) {
    if place.country.parse::<Country>().is_err() {
        let text = "must be the ISO 3166-1 code of a country in upper case";
        faults.add(format!("{at}.country"), "country", text);
    }
    for (name, part) in [("region", &place.region), ("city", &place.city)] {
        if let Some(part) = part {
            faults.text(format!("{at}.{name}"), part, 1, 100);
        }
    }
}

pub(super) fn tax_class(faults: &mut Faults, field: String, class: &str) {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if class.is_empty() || class.len() > 40 || !class.chars().all(is_word) {
        let text = "a word of lower-case letters, digits and underscores, at most 40";
        faults.add(field, "tax_class", text);
    }
}
