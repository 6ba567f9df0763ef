//! An event and a bill as pages show them.

use bilten_kernel::money::Money;
use serde_json::json;

use super::details::TextView;
use super::text::{self, Moment};
use crate::catalog::state::Kept;
use crate::catalog::texts::Language;
use crate::catalog::{EventDetail, MAX_OCCURRENCES, Occurrence, TierId};
use crate::payments::SandboxOutcome;
use crate::sales::{Hold, OrderItem, StockLeft};

/// A date of an event.
#[derive(Clone, Debug)]
pub(super) struct DateView {
    pub(super) starts: Moment,
    pub(super) ends: Moment,
    pub(super) doors: Option<Moment>,
}

/// An event.
#[derive(Clone, Debug)]
pub(super) struct EventView {
    pub(super) slug: String,
    pub(super) name: TextView,
    pub(super) description: TextView,
    pub(super) dates: Vec<DateView>,
    pub(super) zone: String,
    pub(super) venue: TextView,
    pub(super) address: TextView,
    pub(super) is_sandbox: bool,
}

impl EventView {
    /// The event as its pages show it, in its own language.
    pub(super) fn of(offer: &EventDetail) -> Self {
        Self::in_languages(offer, &[])
    }

    /// The event as its pages show it to who wants these languages.
    pub(super) fn in_languages(offer: &EventDetail, wanted: &[Language]) -> Self {
        let event = &offer.event;
        let zone = text::zone(&event.time_zone);
        let date = |o: &Occurrence| DateView {
            starts: text::date_and_time(o.starts_at, &zone),
            ends: text::time_near(o.ends_at, o.starts_at, &zone),
            doors: o
                .doors_at
                .map(|doors| text::time_near(doors, o.starts_at, &zone)),
        };
        Self {
            slug: event.slug.clone(),
            name: event.name_in(wanted).into(),
            description: event.description_in(wanted).into(),
            // Of a series the first ones; the others are asked for by pages.
            dates: offer.scheduled().take(MAX_OCCURRENCES).map(date).collect(),
            zone: zone.iana_name().unwrap_or("UTC").replace('_', " "),
            venue: event.venue_name_in(wanted).into(),
            address: event.venue_address_in(wanted).into(),
            is_sandbox: event.sandbox,
        }
    }

    /// A sentence for search results and previews.
    pub(super) fn preview(&self) -> String {
        let when = self
            .dates
            .first()
            .map_or("", |date| date.starts.text.as_str());
        let facts = format!("{when}, {}.", self.venue);
        let about = &self.description;
        text::beginning(format!("{facts} {about}").trim(), 200)
    }
}

/// A line of a bill.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) quantity: u32,
    pub(super) each: String,
    pub(super) amount: String,
}

/// What is bought and what it costs.
#[derive(Clone, Debug)]
pub(super) struct Bill {
    pub(super) lines: Vec<Line>,
    pub(super) total: String,
    pub(super) minor: i64,
}

/// What a line of a bill is about: tier, quantity, the price of one, and what is paid for the line.
type Billed = (TierId, u32, i64, i64);

impl Bill {
    /// The bill of an order.
    pub(super) fn of(offer: &EventDetail, items: &[OrderItem], total: Money) -> Self {
        let lines = items.iter().map(|item| {
            let (unit, all) = (item.unit_price_minor, item.total_minor);
            (item.tier_id, item.quantity, unit, all)
        });
        Self::of_lines(offer, lines, total)
    }

    /// The bill of a hold: what its order will cost.
    pub(super) fn of_hold(offer: &EventDetail, hold: &Hold) -> Self {
        let lines = hold.items.iter().map(|item| {
            let (unit, all) = (item.unit_price_minor, item.total_minor);
            (item.tier, item.quantity, unit, all)
        });
        Self::of_lines(offer, lines, Money::new(hold.total_minor, hold.currency))
    }

    fn of_lines(offer: &EventDetail, items: impl Iterator<Item = Billed>, total: Money) -> Self {
        let mut lines: Vec<_> = items
            .map(|(tier, quantity, unit, all)| {
                let count = i64::from(quantity.max(1));
                // All in, where that can be said of one.
                let each = if all % count == 0 { all / count } else { unit };
                let tier = offer.tier(tier);
                let line = Line {
                    name: tier.map_or_else(|| "Ticket".to_owned(), |tier| tier.name.clone()),
                    quantity,
                    each: text::price(Money::new(each, total.currency)),
                    amount: text::amount(Money::new(all, total.currency)),
                };
                (tier.map(|tier| tier.number), line)
            })
            .collect();
        lines.sort_by_key(|(number, _)| *number);
        let lines = lines.into_iter().map(|(_, line)| line).collect();
        Self {
            lines,
            total: text::amount(total),
            minor: total.minor,
        }
    }
}

/// A way to pay as a form offers it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Method {
    pub(super) value: &'static str,
    pub(super) name: &'static str,
    pub(super) note: &'static str,
    pub(super) is_chosen: bool,
}

/// The ways to pay this much; none if nothing is due.
pub(super) fn methods(due_minor: i64, chosen: Option<SandboxOutcome>) -> Option<Vec<Method>> {
    let method = |outcome: SandboxOutcome, name, note| Method {
        value: outcome.as_str(),
        name,
        note,
        is_chosen: outcome == chosen.unwrap_or(SandboxOutcome::Succeed),
    };
    (due_minor != 0).then(|| {
        vec![
            method(
                SandboxOutcome::Succeed,
                "Succeed",
                "The payment goes through at once.",
            ),
            method(
                SandboxOutcome::Decline,
                "Decline",
                "The bank says no. You can try again.",
            ),
            method(
                SandboxOutcome::CallBackLate,
                "Late answer",
                "The payment goes through after a few seconds.",
            ),
            method(
                SandboxOutcome::TimeOut,
                "No answer",
                "The payment never completes and the order expires.",
            ),
        ]
    })
}

/// What search engines read: schema.org's `Event` as JSON that can stand inside a `script` element.
pub(super) fn linked_data(offer: &EventDetail, stock: &StockLeft, url: &str) -> String {
    let event = &offer.event;
    let zone = text::zone(&event.time_zone);
    let iso = |at| text::date_and_time(at, &zone).iso;
    let first = offer
        .scheduled()
        .next()
        .or_else(|| offer.occurrences.first());
    let offers: Vec<_> = offer
        .visible_tiers(&[])
        .into_iter()
        .map(|tier| {
            let is_left = if stock.of(tier).free > 0 {
                "https://schema.org/InStock"
            } else {
                "https://schema.org/SoldOut"
            };
            json!({
                "@type": "Offer", "name": tier.name, "url": url, "availability": is_left,
                "price": offer.price(tier).decimal(), "priceCurrency": event.currency,
                "validFrom": tier.sales_start_at.map(iso),
            })
        })
        .collect();
    let status = match event.kept() {
        Kept::Cancelled => "https://schema.org/EventCancelled",
        Kept::Postponed => "https://schema.org/EventPostponed",
        Kept::Draft | Kept::Published | Kept::Paused | Kept::Archived => {
            "https://schema.org/EventScheduled"
        }
    };
    let data = json!({
        "@context": "https://schema.org", "@type": "Event", "name": event.name, "url": url,
        "description": text::beginning(&event.description, 500), "eventStatus": status,
        "inLanguage": event.details.language,
        "startDate": first.map(|o| iso(o.starts_at)), "endDate": first.map(|o| iso(o.ends_at)),
        "doorTime": first.and_then(|o| o.doors_at).map(iso),
        "location": { "@type": "Place", "name": event.venue_name, "address": event.venue_address },
        "offers": offers,
    });
    // Nothing in it may end the element or begin a comment.
    data.to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}
