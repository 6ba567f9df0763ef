//! The tiers on the page of an event: what each costs, what is left of it, and how many of it can be chosen, for
//! the date that was chosen.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::Money;

use super::date_choice::{Chosen, Told, has_place, is_of_date, is_open};
use super::form::Fields;
use super::text;
use crate::catalog::{EventDetail, OffSale, Tier, TierId};
use crate::sales::{LeftNow, StockLeft};

/// What is said of a ticket whose orders the organiser accepts one by one.
const APPROVED: &str = "The organiser looks at each order for this ticket before it can be paid.";
/// Stock is told as a number when no more than this is left.
pub(super) const SCARCE: i64 = 20;

/// A tier as the form shows it.
pub(super) struct TierView {
    pub(super) field: String,
    pub(super) name: String,
    pub(super) description: Vec<String>,
    pub(super) price: String,
    pub(super) stock: String,
    pub(super) is_scarce: bool,
    /// Whether there is none of it, or none is sold.
    pub(super) is_off: bool,
    /// Whether a date has to be chosen before any of it.
    pub(super) needs_date: bool,
    pub(super) most: i64,
    pub(super) chosen: String,
    /// Where to wait for it, if it is sold out.
    pub(super) waitlist: Option<String>,
}

/// The field of the form that asks how many of a tier.
pub(super) fn field_of(tier: TierId) -> String {
    format!("q_{tier}")
}

/// What can be said of a tier's stock, and how many of it one order may have.
fn stock_in_words(
    offer: &EventDetail,
    tier: &Tier,
    off_sale: Option<OffSale>,
    left: LeftNow,
) -> (String, i64) {
    match off_sale {
        Some(OffSale::Event) => return ("Not on sale".to_owned(), 0),
        Some(OffSale::Over) => return ("Sale has ended".to_owned(), 0),
        Some(OffSale::NotYet) => {
            let zone = text::zone(&offer.event.time_zone);
            let from = tier
                .sales_start_at
                .map_or_else(String::new, |at| text::date_and_time(at, &zone).text);
            return (format!("On sale from {from}"), 0);
        }
        None => {}
    }
    let words = match left.free {
        ..=0 if left.unsold > 0 => "All taken; some may come back within minutes".to_owned(),
        ..=0 => "Sold out".to_owned(),
        free @ 1..=SCARCE => format!("{free} left"),
        _ => "Available".to_owned(),
    };
    (words, left.free.clamp(0, tier.max_per_order))
}

/// What the tickets of a page are told from.
pub(super) struct Shelf<'o> {
    pub(super) offer: &'o EventDetail,
    pub(super) chosen: &'o Chosen<'o>,
    /// What is left of all dates together.
    pub(super) stock: &'o StockLeft,
    /// What is left of the date that was chosen.
    pub(super) on_date: Option<&'o StockLeft>,
    pub(super) is_over: bool,
    /// Whether prices differ by dates.
    pub(super) is_priced_by_date: bool,
    pub(super) now: Timestamp,
}

impl Shelf<'_> {
    fn off_sale(&self, tier: &Tier) -> Option<OffSale> {
        match self.chosen.date {
            Some(date) if !has_place(tier, date) => Some(OffSale::Event),
            Some(_) | None => self.offer.off_sale_if(tier, self.is_over, self.now),
        }
    }

    /// What is left of a tier: of the date that was chosen, if it is sold by dates.
    fn left(&self, tier: &Tier) -> LeftNow {
        let of_date = self.on_date.filter(|_| tier.per_date);
        of_date.unwrap_or(self.stock).of(tier)
    }

    /// The price of one for the date; before one is chosen, the least of all.
    fn price(&self, tier: &Tier) -> String {
        let offer = self.offer;
        if let Some(date) = self.chosen.date {
            return text::price(offer.price_on(tier, date));
        }
        let usual = offer.price(tier);
        if !(self.is_priced_by_date && self.chosen.is_choice && tier.per_date) {
            return text::price(usual);
        }
        let dates = offer.occurrences.iter();
        let open = dates.filter(|date| is_open(date, self.now));
        let prices = open.map(|date| offer.price_on(tier, date).minor);
        match (prices.clone().min(), prices.max()) {
            (Some(least), Some(most)) if least < most => {
                let least = text::price(Money::new(least, usual.currency));
                format!("From {least}")
            }
            (Some(only), _) => text::price(Money::new(only, usual.currency)),
            (None, _) => text::price(usual),
        }
    }

    /// A tier as the form shows it; `is_only` if it shows no other.
    pub(super) fn view(&self, tier: &Tier, fields: &Fields, is_only: bool) -> TierView {
        let (offer, field) = (self.offer, field_of(tier.id));
        let off_sale = self.off_sale(tier);
        let (words, can_have) = stock_in_words(offer, tier, off_sale, self.left(tier));
        let needs_date = self.chosen.is_choice && self.chosen.date.is_none() && is_of_date(tier);
        let most = if needs_date { 0 } else { can_have };
        let mut description = text::paragraphs(&tier.description);
        if tier.needs_approval {
            description.push(APPROVED.to_owned());
        }
        let chosen = match fields.text(&field) {
            "" if is_only && most > 0 => "1".to_owned(),
            "" => "0".to_owned(),
            // What can be had of what was wanted; nonsense stays, to be seen and corrected.
            text => text
                .parse()
                .map_or_else(|_| text.to_owned(), |n: i64| n.min(most).to_string()),
        };
        let is_sold_out = can_have == 0 && off_sale.is_none();
        let date = self.chosen.date.filter(|_| self.chosen.is_choice);
        let date = date.map_or_else(String::new, |date| format!("&date={}", date.id));
        let slug = &offer.event.slug;
        TierView {
            waitlist: is_sold_out.then(|| format!("/e/{slug}/waitlist?tier={}{date}", tier.id)),
            name: tier.name.clone(),
            description,
            price: self.price(tier),
            is_scarce: can_have > 0 && words != "Available",
            is_off: can_have == 0,
            needs_date: needs_date && can_have > 0,
            stock: words,
            field,
            most,
            chosen,
        }
    }

    /// That nothing is left of the date that was chosen, if that is so.
    pub(super) fn told(&self, seen: &[&Tier]) -> Option<Told> {
        let date = self.chosen.date.filter(|_| self.chosen.is_choice)?;
        let of_date = seen.iter().copied().filter(|tier| is_of_date(tier));
        let sold: Vec<LeftNow> = of_date
            .filter(|tier| self.off_sale(tier).is_none())
            .map(|tier| self.left(tier))
            .collect();
        let is_none_left = !sold.is_empty() && sold.iter().all(|left| left.free <= 0);
        let is_held = sold.iter().any(|left| left.unsold > 0);
        is_none_left.then(|| Told::sold_out(self.offer, date, is_held))
    }
}
