//! Screens, and how figures are put together for them.

use std::collections::BTreeMap;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::Currency;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{DoorNow, SilentDevice};
use crate::catalog::state::Standing;
use crate::catalog::{EventDetail, EventId, EventSummary};
use crate::sales::{EventSales, OrderGlance, OrderTotal, PaidQuarter, Stock, StockTotal};
use crate::webhooks::FailingEndpoint;

/// How many days the sales of an event are shown for, today included.
pub const DAYS: usize = 14;
/// How many of the newest orders are shown.
pub const NEWEST_ORDERS: i64 = 10;
/// How many events are shown of an organisation.
pub const MOST_EVENTS: i64 = 50;
/// How long before its end a key wants to be replaced, in milliseconds.
pub const KEY_ENDS_SOON_MS: i64 = 7 * 24 * 3_600_000;
/// How many milliseconds a quarter of an hour has.
const QUARTER_MS: i64 = 900_000;

/// An event with what its organiser looks at every day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventDashboard {
    /// When this was read; all of it is of one moment.
    pub at: Timestamp,
    /// The event with its dates and tiers.
    pub event: EventDetail,
    /// Where it stands now.
    pub standing: Standing,
    /// The stock of its tiers.
    pub stock: Vec<Stock>,
    /// Its sales; only for who holds `orders.read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sales: Option<SalesPart>,
    /// Its door; only for who holds `check_in.read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub door: Option<DoorNow>,
}

/// The sales of an event; no buyer is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SalesPart {
    /// Orders by state and currency.
    pub totals: Vec<OrderTotal>,
    /// What was paid on each of the last 14 days, the earliest first; days are those of the venue.
    pub days: Vec<SalesDay>,
    /// The 10 newest orders, the newest first.
    pub newest: Vec<OrderGlance>,
}

/// What was paid on a day, whatever became of it later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SalesDay {
    /// The day at the venue, as in `2030-12-31`.
    pub date: String,
    /// By currency; empty if nothing was paid.
    pub paid: Vec<MoneyTotal>,
}

/// What orders in one currency are worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MoneyTotal {
    /// The currency (ISO 4217).
    pub currency: Currency,
    /// How many orders.
    pub orders: i64,
    /// What they cost in all, in minor units.
    pub total_minor: i64,
}

/// An organisation with what its people look at every day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Dashboard {
    /// When this was read; all of it is of one moment.
    pub at: Timestamp,
    /// Its published events that are not over, soonest first, at most 50, and of those only what the
    /// reader may see.
    pub upcoming: Vec<UpcomingEvent>,
    /// What was paid for these events and not paid back, by currency; only for who holds `orders.read`,
    /// and for the events for which they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sales: Option<Vec<MoneyTotal>>,
    /// What wants somebody's eye.
    pub attention: Attention,
}

/// An event that is yet to come, or takes place now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UpcomingEvent {
    /// The event.
    #[serde(flatten)]
    pub event: EventSummary,
    /// How many tickets there are in all.
    pub capacity: i64,
    /// How many are held.
    pub held: i64,
    /// How many are sold.
    pub sold: i64,
    /// What was paid for it and not paid back; only for who holds `orders.read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sales: Option<Vec<MoneyTotal>>,
}

/// What wants somebody's eye; each part is there for who may do something about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Attention {
    /// Devices that went silent while doors are open, the longest silent first, at most 50; only for who
    /// holds `check_in.read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_devices: Option<Vec<SilentDevice>>,
    /// Webhook endpoints that take nothing; only for who holds `webhooks.manage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_webhooks: Option<Vec<FailingEndpoint>>,
    /// How many invitations wait for an answer; only for who holds `members.read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_invitations: Option<i64>,
    /// How many API keys end by themselves within 7 days; only for who holds `keys.manage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending_keys: Option<i64>,
}

/// Sums by currency, in the order of the currencies' codes.
#[derive(Clone, Debug, Default)]
struct Sums(BTreeMap<Currency, MoneyTotal>);

impl Sums {
    fn add(&mut self, currency: Currency, orders: i64, total_minor: i64) {
        let sum = self.0.entry(currency).or_insert(MoneyTotal {
            currency,
            orders: 0,
            total_minor: 0,
        });
        sum.orders += orders;
        sum.total_minor = sum.total_minor.saturating_add(total_minor);
    }

    fn into_list(self) -> Vec<MoneyTotal> {
        self.0.into_values().collect()
    }
}

/// The last days of a place, the earliest first, and when the first of them began.
#[derive(Clone, Debug)]
pub struct Days {
    zone: TimeZone,
    dates: Vec<Date>,
    /// When the first of them began.
    pub since: Timestamp,
}

impl Days {
    /// The days that end with that of `now`; a zone that nobody knows has those of UTC.
    pub fn until(now: Timestamp, time_zone: &str) -> Self {
        let zone = TimeZone::get(time_zone).unwrap_or(TimeZone::UTC);
        let mut date = now.to_jiff().to_zoned(zone.clone()).date();
        let mut dates = vec![date];
        while dates.len() < DAYS
            && let Ok(before) = date.yesterday()
        {
            date = before;
            dates.push(date);
        }
        dates.reverse();
        let began = date.to_zoned(zone.clone());
        let since = began.map_or(now, |began| {
            Timestamp::from_ms(began.timestamp().as_millisecond())
        });
        Self { zone, dates, since }
    }

    /// What was paid on each of them. Days begin at a quarter of an hour wherever people live.
    pub fn sales(&self, paid: &[PaidQuarter]) -> Vec<SalesDay> {
        let mut by_date: BTreeMap<Date, Sums> = BTreeMap::new();
        for quarter in paid {
            let at = Timestamp::from_ms(quarter.quarter.saturating_mul(QUARTER_MS));
            let date = at.to_jiff().to_zoned(self.zone.clone()).date();
            let sums = by_date.entry(date).or_default();
            sums.add(quarter.currency, quarter.orders, quarter.total_minor);
        }
        let day = |date: &Date| SalesDay {
            date: date.to_string(),
            paid: by_date.get(date).cloned().unwrap_or_default().into_list(),
        };
        self.dates.iter().map(day).collect()
    }
}

/// Puts events, their stock and their sales together; the sales of all together as well.
pub fn upcoming(
    events: Vec<EventSummary>,
    stock: &[StockTotal],
    sales: Option<&[EventSales]>,
    may_see_sales: impl Fn(EventId) -> bool,
) -> (Vec<UpcomingEvent>, Option<Vec<MoneyTotal>>) {
    let mut all = Sums::default();
    let upcoming = events
        .into_iter()
        .map(|event| {
            let id = event.event.id;
            let stock = stock.iter().find(|stock| stock.event_id == id);
            let sales = sales.filter(|_| may_see_sales(id)).map(|sales| {
                let mut own = Sums::default();
                for sold in sales.iter().filter(|sold| sold.event_id == id) {
                    own.add(sold.currency, sold.orders, sold.total_minor);
                    all.add(sold.currency, sold.orders, sold.total_minor);
                }
                own.into_list()
            });
            UpcomingEvent {
                capacity: stock.map_or(0, |stock| stock.capacity),
                held: stock.map_or(0, |stock| stock.held),
                sold: stock.map_or(0, |stock| stock.sold),
                event,
                sales,
            }
        })
        .collect();
    (upcoming, sales.map(|_| all.into_list()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// covers: GW-1
    #[test]
    fn days_are_those_of_the_venue() {
        // The clocks go back on the 25th of October 2026: that day has 25 hours.
        let days = Days::until(at("2026-10-31T23:30:00Z"), "Europe/Ljubljana");
        assert_eq!(days.dates.len(), DAYS);
        assert_eq!(days.since, at("2026-10-18T22:00:00Z"));
        let eur: Currency = "EUR".parse().unwrap();
        let paid = |text: &str, orders| PaidQuarter {
            quarter: at(text).ms() / QUARTER_MS,
            currency: eur,
            orders,
            total_minor: orders * 100,
        };
        let sales = days.sales(&[
            paid("2026-10-24T21:45:00Z", 1),
            paid("2026-10-24T22:00:00Z", 2),
            paid("2026-10-25T22:45:00Z", 4),
            paid("2026-10-25T23:00:00Z", 8),
        ]);
        let orders: Vec<_> = sales
            .iter()
            .filter(|day| !day.paid.is_empty())
            .map(|day| {
                (
                    day.date.as_str(),
                    day.paid[0].orders,
                    day.paid[0].total_minor,
                )
            })
            .collect();
        assert_eq!(
            orders,
            [
                ("2026-10-24", 1, 100),
                ("2026-10-25", 6, 600),
                ("2026-10-26", 8, 800)
            ]
        );
        assert_eq!(sales.first().unwrap().date, "2026-10-19");
        assert_eq!(sales.last().unwrap().date, "2026-11-01");
        assert_eq!(
            Days::until(at("2026-10-31T23:30:00Z"), "?").dates.len(),
            DAYS
        );
    }
}
