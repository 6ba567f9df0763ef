//! What is wanted, line by line, checked against the offer.

use std::collections::{BTreeMap, HashMap};

use bilten_kernel::clock::Timestamp;

use super::fault;
use crate::catalog::{CounterKey, EventDetail, Occurrence, OccurrenceId, OffSale, Tier, TierId};
use crate::sales::model::{HeldSeat, ItemRequest, MAX_ITEMS, SeatWish};
use crate::sales::service::{SalesError, is_selling};

/// How many of a tier staff puts into one order at most.
const MOST_OF_STAFF: i64 = 100;

/// What is wanted of one tier for one date, at one price if that is the buyer's to say.
#[derive(Clone, Debug)]
pub(in crate::sales) struct CartLine {
    pub(in crate::sales) tier: TierId,
    pub(in crate::sales) label: String,
    /// The date of the units or of their seats.
    pub(in crate::sales) occurrence: Option<OccurrenceId>,
    /// Whether that date has its own stock and price.
    pub(in crate::sales) by_date: bool,
    pub(in crate::sales) quantity: u32,
    pub(in crate::sales) chosen_minor: Option<i64>,
    /// The price category whose seats they are.
    pub(in crate::sales) category: Option<String>,
    /// The seats; those that nobody named are looked for.
    pub(in crate::sales) seats: Vec<HeldSeat>,
    pub(in crate::sales) wish: SeatWish,
}

impl CartLine {
    /// The date by which it is counted and priced.
    pub(super) fn date(&self) -> Option<OccurrenceId> {
        self.occurrence.filter(|_| self.by_date)
    }

    /// The date that its seats are for, if it is counted and priced by none: then it is taxed by that.
    pub(super) fn date_of_seats(&self) -> Option<OccurrenceId> {
        self.occurrence.filter(|_| !self.by_date)
    }

    pub(super) fn counter(&self) -> CounterKey {
        CounterKey {
            of: self.tier.to_string(),
            occurrence: self.date(),
        }
    }
}

/// The lines that are wanted, one for each tier, date and chosen price.
pub(super) fn lines(
    offer: &EventDetail,
    wanted: &[ItemRequest],
    now: Timestamp,
    is_staff: bool,
) -> Result<Vec<CartLine>, SalesError> {
    if wanted.is_empty() {
        return Err(fault(
            "items".into(),
            "required",
            "Please choose at least one ticket.",
        ));
    }
    if wanted.len() > MAX_ITEMS {
        return Err(fault(
            "items".into(),
            "too_many",
            "An order has at most 20 kinds of ticket.",
        ));
    }
    let mut quantities: HashMap<TierId, u32> = HashMap::new();
    let mut lines: BTreeMap<(TierId, Option<OccurrenceId>, Option<i64>), CartLine> =
        BTreeMap::new();
    for (i, item) in wanted.iter().enumerate() {
        let at = format!("items[{i}]");
        let tier = offer
            .tier(item.tier)
            .ok_or_else(|| fault(format!("{at}.tier"), "unknown", "There is no such tier."))?;
        let named = u32::try_from(item.seats.len()).unwrap_or(u32::MAX);
        let quantity = if item.quantity == 0 {
            named
        } else {
            item.quantity
        };
        if quantity == 0 {
            return Err(fault(
                format!("{at}.quantity"),
                "out_of_range",
                "Must be at least 1.",
            ));
        }
        if named != 0 && named != quantity {
            let detail = "There must be as many seats as units.";
            return Err(fault(format!("{at}.seats"), "count", detail));
        }
        let sum = quantities.entry(tier.id).or_insert(0);
        *sum = sum.saturating_add(quantity);
        let most = if is_staff {
            MOST_OF_STAFF
        } else {
            tier.max_per_order
        };
        if i64::from(*sum) > most {
            let detail = format!("At most {most} of this kind in one order.");
            return Err(fault(format!("{at}.quantity"), "too_many", &detail));
        }
        let occurrence = date(offer, tier, item, now, &at)?;
        if tier.seat_category.is_none() && (named != 0 || item.wish.is_some()) {
            let detail = "This kind is not sold by seats.";
            return Err(fault(format!("{at}.seats"), "no_seats", detail));
        }
        let line = lines
            .entry((tier.id, occurrence, item.chosen_minor))
            .or_insert_with(|| CartLine {
                tier: tier.id,
                label: tier.name.clone(),
                occurrence,
                by_date: tier.per_date,
                quantity: 0,
                chosen_minor: item.chosen_minor,
                category: tier.seat_category.clone(),
                seats: Vec::new(),
                wish: SeatWish::default(),
            });
        line.quantity = line.quantity.saturating_add(quantity);
        line.seats.extend(item.seats.iter().map(|id| HeldSeat {
            id: *id,
            label: String::new(),
        }));
        if let Some(wish) = &item.wish {
            if line.wish != SeatWish::default() {
                let detail = "The seats of one kind and date are looked for together, by one wish.";
                return Err(fault(format!("{at}.wish"), "another_wish", detail));
            }
            line.wish = wish.clone();
        }
    }
    one_date_each(lines.values())?;
    for line in lines.values() {
        if let Some(off) = offer
            .tier(line.tier)
            .and_then(|tier| off_sale(offer, tier, now))
            .filter(|off| !is_staff || *off == OffSale::Event)
        {
            return Err(SalesError::OffSale {
                tier: line.tier,
                not_yet: off == OffSale::NotYet,
            });
        }
    }
    Ok(lines.into_values().collect())
}

/// Units of a tier that is not counted by dates have one price and become one line, so their seats must
/// be of one date.
fn one_date_each<'a>(lines: impl Iterator<Item = &'a CartLine>) -> Result<(), SalesError> {
    let mut dates: HashMap<TierId, Option<OccurrenceId>> = HashMap::new();
    for line in lines.filter(|line| !line.by_date) {
        if *dates.entry(line.tier).or_insert(line.occurrence) != line.occurrence {
            let detail = "Seats of this kind are bought for one date at a time.";
            return Err(fault("items".into(), "several_dates", detail));
        }
    }
    Ok(())
}

fn off_sale(offer: &EventDetail, tier: &Tier, now: Timestamp) -> Option<OffSale> {
    if !is_selling(offer) {
        return Some(OffSale::Event);
    }
    offer.off_sale(tier, now)
}

/// The date that units of a tier are for, if they are for one.
fn date(
    offer: &EventDetail,
    tier: &Tier,
    item: &ItemRequest,
    now: Timestamp,
    at: &str,
) -> Result<Option<OccurrenceId>, SalesError> {
    let field = || format!("{at}.occurrence");
    let is_seated = tier.seat_category.is_some();
    let is_open = |date: &&Occurrence| {
        date.is_scheduled() && now < date.ends_at && (!is_seated || date.seat_map.is_some())
    };
    let Some(id) = item.occurrence else {
        if !tier.per_date && !is_seated {
            return Ok(None);
        }
        let mut open = offer.occurrences.iter().filter(is_open);
        return match (open.next(), open.next()) {
            (Some(only), None) => Ok(Some(only.id)),
            (Some(_), Some(_)) => Err(fault(field(), "required", "Please choose a date.")),
            (None, _) => Err(SalesError::OffSale {
                tier: tier.id,
                not_yet: false,
            }),
        };
    };
    let date = offer
        .occurrence(id)
        .ok_or_else(|| fault(field(), "unknown", "There is no such date."))?;
    if !tier.per_date && !is_seated {
        // With only one date there is no doubt what is meant.
        return if offer.occurrences.len() == 1 {
            Ok(None)
        } else {
            Err(fault(field(), "not_by_date", "This kind is for all dates."))
        };
    }
    if is_open(&date) {
        Ok(Some(id))
    } else {
        Err(SalesError::OffSale {
            tier: tier.id,
            not_yet: false,
        })
    }
}
