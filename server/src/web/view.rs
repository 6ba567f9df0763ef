//! An event and a bill as pages show them.

use bilten_kernel::money::Money;
use jiff::tz::TimeZone;
use serde_json::json;

use super::details::TextView;
use super::text::{self, Moment};
use crate::catalog::state::Kept;
use crate::catalog::texts::Language;
use crate::catalog::{EventDetail, MAX_OCCURRENCES, Occurrence, OccurrenceId, TierId};
use crate::payments::SandboxOutcome;
use crate::sales::{Hold, OrderItem, StockLeft};

/// A date of an event.
#[derive(Clone, Debug)]
pub(super) struct DateView {
    pub(super) starts: Moment,
    pub(super) ends: Moment,
    pub(super) doors: Option<Moment>,
}

impl DateView {
    /// A date in the event's time zone.
    pub(super) fn of(date: &Occurrence, zone: &TimeZone) -> Self {
        Self {
            starts: text::date_and_time(date.starts_at, zone),
            ends: text::time_near(date.ends_at, date.starts_at, zone),
            doors: date
                .doors_at
                .map(|doors| text::time_near(doors, date.starts_at, zone)),
        }
    }

    /// The date that a ticket is for, if it is for one.
    pub(super) fn of_ticket(offer: &EventDetail, ticket: &crate::tickets::Ticket) -> Option<Self> {
        let date = offer.occurrence(ticket.occurrence_id?)?;
        Some(Self::of(date, &text::zone(&offer.event.time_zone)))
    }
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
        let date = |date: &Occurrence| DateView::of(date, &zone);
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

/// The date, if there are several to be told apart, and the seats of something.
pub(super) fn place(offer: &EventDetail, date: Option<OccurrenceId>, seats: &[&str]) -> String {
    let zone = text::zone(&offer.event.time_zone);
    let date = date
        .filter(|_| offer.occurrences.len() > 1)
        .and_then(|date| offer.occurrence(date))
        .map(|date| text::date_and_time(date.starts_at, &zone).text);
    let parts: Vec<String> = date
        .into_iter()
        .chain(seats.iter().map(|seat| (*seat).to_owned()))
        .collect();
    parts.join(" · ")
}

/// A line of a bill.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) place: String,
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

/// What a line of a bill is about.
struct Billed<'a> {
    tier: TierId,
    date: Option<OccurrenceId>,
    seats: &'a [crate::sales::HeldSeat],
    quantity: u32,
    /// The price of one.
    unit_minor: i64,
    /// What is paid for the line.
    total_minor: i64,
}

impl Bill {
    /// The bill of an order.
    pub(super) fn of(offer: &EventDetail, items: &[OrderItem], total: Money) -> Self {
        let lines = items.iter().map(|item| Billed {
            tier: item.tier_id,
            date: item.occurrence_id,
            seats: &item.seats.0,
            quantity: item.quantity,
            unit_minor: item.unit_price_minor,
            total_minor: item.total_minor,
        });
        Self::of_lines(offer, lines, total)
    }

    /// The bill of a hold: what its order will cost.
    pub(super) fn of_hold(offer: &EventDetail, hold: &Hold) -> Self {
        let lines = hold.items.iter().map(|item| Billed {
            tier: item.tier,
            date: item.occurrence,
            seats: &item.seats,
            quantity: item.quantity,
            unit_minor: item.unit_price_minor,
            total_minor: item.total_minor,
        });
        Self::of_lines(offer, lines, Money::new(hold.total_minor, hold.currency))
    }

    fn of_lines<'a>(
        offer: &EventDetail,
        items: impl Iterator<Item = Billed<'a>>,
        total: Money,
    ) -> Self {
        let mut lines: Vec<_> = items
            .map(|item| {
                let (quantity, all) = (item.quantity, item.total_minor);
                let count = i64::from(quantity.max(1));
                // All in, where that can be said of one.
                let each = if all % count == 0 {
                    all / count
                } else {
                    item.unit_minor
                };
                let tier = offer.tier(item.tier);
                let seats: Vec<&str> = item.seats.iter().map(|seat| seat.label.as_str()).collect();
                let line = Line {
                    name: tier.map_or_else(|| "Ticket".to_owned(), |tier| tier.name.clone()),
                    place: place(offer, item.date, &seats),
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
