//! What a cart costs.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bilten_core::price::{
    CodeFact, PriceBuyer, PriceCart, PriceFacts, PriceLine, PriceModel, PriceSnapshot, PromoCode,
    Rate, Refusal, StockFact,
};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::Money;

use super::{Cart, CartLine, Founds, Priced, fault};
use crate::catalog::CounterKey;
use crate::sales::model::{HeldSeat, HeldSeats, OrderItem};
use crate::sales::service::{SalesError, json_fault};

impl Cart {
    /// Whether a price in it moves with what is sold.
    pub(super) fn follows_stock(&self) -> bool {
        let is_counted = |model: &PriceModel| match model {
            PriceModel::Phased { phases } => phases.iter().any(|phase| phase.until_sold.is_some()),
            PriceModel::Fixed { .. } | PriceModel::Free | PriceModel::PayWhatYouWant { .. } => {
                false
            }
        };
        self.lines.iter().any(|line| {
            let id = line.tier.to_string();
            let item = self.book.items.iter().find(|item| item.id == id);
            item.is_some_and(|item| {
                item.dynamic.is_some()
                    || is_counted(&item.price)
                    || item.dates.iter().any(|date| is_counted(&date.price))
            })
        })
    }

    /// The counters that its prices look at.
    pub(in crate::sales) fn looked_at(&self) -> Vec<CounterKey> {
        if self.priced.is_some() {
            return Vec::new();
        }
        self.lines.iter().map(CartLine::counter).collect()
    }

    /// What it costs by what was found of the stock, which is what others have taken.
    ///
    /// # Errors
    /// Why it has no price.
    pub(in crate::sales) fn price(
        &self,
        at: Timestamp,
        founds: &Founds,
        codes: Vec<(PromoCode, CodeFact)>,
    ) -> Result<Priced, SalesError> {
        let (codes, code_facts) = codes.into_iter().unzip();
        // Of seats that are counted for the whole event, taxes may differ by their dates.
        let is_taxed_by_date = !self.book.dates.is_empty();
        let supplied_on = |line: &CartLine| line.date_of_seats().filter(|_| is_taxed_by_date);
        let asked = PriceCart {
            currency: self.book.currency,
            at: bilten_core::time::Timestamp(at.ms()),
            cash: false,
            buyer: PriceBuyer::default(),
            lines: self
                .lines
                .iter()
                .map(|line| PriceLine {
                    item: line.tier.to_string(),
                    occurrence: line.date().map(|date| date.to_string()),
                    supplied_on: supplied_on(line).map(|date| date.to_string()),
                    quantity: line.quantity,
                    amount_minor: line.chosen_minor,
                })
                .collect(),
            codes,
        };
        let facts = PriceFacts {
            stock: if founds.is_empty() {
                Vec::new()
            } else {
                self.stock_facts(founds)
            },
            codes: code_facts,
        };
        let snapshot = PriceSnapshot::take(&self.book, &asked, &facts)
            .map_err(|refusal| self.refused(refusal))?;
        let items = self.items(&snapshot.quote);
        Ok(Priced {
            items,
            total: Money::new(snapshot.quote.total_minor, snapshot.quote.currency),
            snapshot: Some(serde_json::to_string(&snapshot).map_err(|error| json_fault(&error))?),
            quote: snapshot.quote,
        })
    }

    fn stock_facts(&self, founds: &Founds) -> Vec<StockFact> {
        let mut facts: BTreeMap<CounterKey, StockFact> = BTreeMap::new();
        for line in &self.lines {
            let key = line.counter();
            if let Some(found) = founds.get(&key) {
                let fact = StockFact {
                    item: key.of.clone(),
                    occurrence: key.occurrence.map(|date| date.to_string()),
                    sold: u64::try_from(found.taken).unwrap_or(0),
                    capacity: u64::try_from(found.capacity).unwrap_or(0),
                    pace: Rate::ONE,
                };
                facts.insert(key, fact);
            }
        }
        facts.into_values().collect()
    }

    /// The lines of an order: those of the quote, each with its seats.
    fn items(&self, quote: &bilten_core::price::Quote) -> Vec<OrderItem> {
        let mut waiting: HashMap<(String, Option<String>), VecDeque<HeldSeat>> = HashMap::new();
        for line in &self.lines {
            let date = line.date().map(|date| date.to_string());
            let seats = waiting.entry((line.tier.to_string(), date)).or_default();
            seats.extend(line.seats.iter().cloned());
        }
        let of_line = |line: &bilten_core::price::QuoteLine| {
            self.lines.iter().find(|asked| {
                asked.tier.to_string() == line.item
                    && asked.date().map(|date| date.to_string()) == line.occurrence
            })
        };
        let mut items = Vec::with_capacity(quote.lines.len());
        for (line, number) in quote.lines.iter().zip(1u32..) {
            let Some(asked) = of_line(line) else {
                continue;
            };
            let key = (line.item.clone(), line.occurrence.clone());
            let seats = waiting.entry(key).or_default();
            let count = usize::try_from(line.quantity)
                .unwrap_or(usize::MAX)
                .min(seats.len());
            items.push(OrderItem {
                line: number,
                tier_id: asked.tier,
                label: asked.label.clone(),
                occurrence_id: asked.occurrence,
                quantity: line.quantity,
                unit_price_minor: line.unit_minor,
                total_minor: line.total_minor,
                seats: HeldSeats(seats.drain(..count).collect()),
            });
        }
        items
    }

    /// A refusal of prices in the words of sales, where those have some.
    fn refused(&self, refusal: Refusal) -> SalesError {
        if let Refusal::NotOnSale { item } = &refusal
            && let Some(line) = self
                .lines
                .iter()
                .find(|line| line.tier.to_string() == *item)
        {
            return SalesError::OffSale {
                tier: line.tier,
                not_yet: false,
            };
        }
        // What is hidden is not there for whoever has no code for it.
        if matches!(refusal, Refusal::UnknownItem { .. }) {
            return fault("items".into(), "unknown", "There is no such tier.");
        }
        SalesError::Price(refusal)
    }
}
