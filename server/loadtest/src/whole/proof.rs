//! All is read back and compared: seats, counters, pools, codes, money, and what a gate says to old codes.

use std::collections::{BTreeMap, BTreeSet};

use bilten_core::checkin::Direction;
use hyper::Method;
use serde_json::Value;

use super::{Ledger, Sale};
use crate::client::LoadError;
use crate::gate::{device, paired, synced};
use crate::shop::{SeatKey, distinct, list, text};

/// What orders have.
#[derive(Default)]
struct Books {
    /// How many of each tier, on each date.
    units: BTreeMap<(String, String), i64>,
    seats: Vec<SeatKey>,
    /// What paid orders cost, and what was paid back of any, in minor units.
    total: i64,
    refunded: i64,
}

fn differ(what: &str, one: impl std::fmt::Debug, other: impl std::fmt::Debug) -> LoadError {
    LoadError::Wrong(format!("{what}: {one:?} and {other:?}"))
}

/// Fails unless all books agree; gives how many units are sold.
pub(super) async fn proven(sale: &Sale, ledger: &Ledger) -> Result<usize, LoadError> {
    sale.shop.settled(&sale.event).await?;
    let books = books_of(sale, ledger).await?;
    stock_agrees(sale, &books).await?;
    seats_agree(sale, &books).await?;
    codes_agree(sale, ledger).await?;
    tickets_agree(sale, &books).await?;
    if ledger.paid - books.refunded != books.total {
        let back = (ledger.paid, books.refunded);
        return Err(differ("paid and paid back, orders", back, books.total));
    }
    usize::try_from(books.units.values().sum::<i64>()).map_err(|_| differ("units", 0, 0))
}

/// Reads all orders. What was resold is in the order of who bought it, and no more in the seller's.
async fn books_of(sale: &Sale, ledger: &Ledger) -> Result<Books, LoadError> {
    let orders = sale.shop.pages(&sale.path("/orders")).await?;
    let path = |order: &Value, more: &str| format!("/api/v1/orders/{}{more}", text(&order["id"]));
    let refunds = orders.iter().map(|order| path(order, "/refunds")).collect();
    let paid = orders.iter().filter(|order| order["state"] == "paid");
    let paid = paid.map(|order| path(order, "")).collect();
    let mut resold: BTreeSet<(String, String, String)> = ledger.resold.iter().cloned().collect();
    let mut books = Books::default();
    for page in sale.shop.read_all(refunds).await? {
        let amounts = list(&page["items"]).filter_map(|refund| refund["amount_minor"].as_i64());
        books.refunded += amounts.sum::<i64>();
    }
    for order in sale.shop.read_all(paid).await? {
        books.total += order["total_minor"].as_i64().unwrap_or(0);
        let id = text(&order["id"]);
        for item in list(&order["items"]) {
            let (tier, date) = (text(&item["tier_id"]), text(&item["occurrence_id"]));
            let mut quantity = item["quantity"].as_i64().unwrap_or(0);
            for seat in list(&item["seats"]) {
                let seat = text(&seat["id"]);
                if resold.remove(&(id.clone(), date.clone(), seat.clone())) {
                    quantity -= 1;
                } else {
                    books.seats.push((date.clone(), seat));
                }
            }
            *books.units.entry((tier, date)).or_insert(0) += quantity;
        }
    }
    if resold.is_empty() {
        Ok(books)
    } else {
        Err(differ("resold seats are in no order", resold, ()))
    }
}

/// Every counter has sold what paid orders have, and no more than there is; so have the pools.
async fn stock_agrees(sale: &Sale, books: &Books) -> Result<(), LoadError> {
    let mut of_tiers: BTreeMap<String, i64> = BTreeMap::new();
    for ((tier, _), count) in &books.units {
        *of_tiers.entry(tier.clone()).or_insert(0) += count;
    }
    let path = format!("/api/v2/events/{}/stock", sale.event);
    let stock = sale.shop.call(Method::GET, &path, None).await?;
    for tier in list(&stock["tiers"]) {
        let number = |name: &str| tier[name].as_i64().unwrap_or(-1);
        let orders = of_tiers.remove(&text(&tier["tier_id"])).unwrap_or(0);
        if number("sold") != orders || number("sold") > number("capacity") {
            return Err(differ("sold of a tier, and in orders", tier, orders));
        }
    }
    if let Some(tier) = of_tiers.keys().next() {
        return Err(differ("a tier in orders has no stock", tier, ()));
    }
    let paths = sale
        .dates
        .iter()
        .map(|date| sale.shop_path(&format!("/occurrences/{date}/availability")))
        .collect();
    for (date, told) in sale.dates.iter().zip(sale.shop.read_all(paths).await?) {
        let sold = |tier: &str| {
            let key = (tier.to_owned(), date.clone());
            books.units.get(&key).copied().unwrap_or(0)
        };
        let floor = sale.wares.iter().filter(|ware| !ware.is_seated());
        let of_pool = sale.pool_capacity - floor.map(|ware| sold(&ware.tier)).sum::<i64>();
        if of_pool < 0 {
            return Err(differ("more than the pool has on a date", date, of_pool));
        }
        for ware in &sale.wares {
            let mut left = ware.capacity - sold(&ware.tier);
            if !ware.is_seated() {
                left = left.min(of_pool);
            }
            let shown = list(&told["tiers"]).find(|one| one["tier"] == ware.tier.as_str());
            let shown = shown.and_then(|one| one["left"].as_i64());
            if left < 0 || shown != Some(left) {
                return Err(differ("left of a tier on a date, and shown", left, shown));
            }
        }
    }
    Ok(())
}

/// No seat is twice in orders, and the hall is as they say.
async fn seats_agree(sale: &Sale, books: &Books) -> Result<(), LoadError> {
    let of_orders = distinct("the paid orders", books.seats.iter().cloned())?;
    let mut sold = Vec::new();
    for date in &sale.dates {
        sold.extend(sale.shop.sold_seats(&sale.event, date, &sale.arena).await?);
    }
    let of_hall = distinct("the seats of the hall", sold)?;
    let off: Vec<_> = of_orders.symmetric_difference(&of_hall).take(5).collect();
    if off.is_empty() {
        return Ok(());
    }
    Err(differ("seats of orders or of the hall alone", off, ()))
}

/// Codes were used as often as orders have them, and never more often than they can be.
async fn codes_agree(sale: &Sale, ledger: &Ledger) -> Result<(), LoadError> {
    let (tenth, _, limit) = &sale.tenth;
    let path = format!("/api/v1/promo-codes/{tenth}");
    let code = sale.shop.call(Method::GET, &path, None).await?;
    if code["uses"].as_u64() != Some(ledger.tenth) || ledger.tenth > *limit {
        return Err(differ("uses of a code", &code["uses"], ledger.tenth));
    }
    let path = format!("/api/v1/promo-codes/batches/{}/export", sale.batch);
    let mut used = 0;
    for line in sale.shop.file(&path).await?.lines().skip(1) {
        let uses = line
            .rsplit(',')
            .next()
            .and_then(|uses| uses.trim().parse::<u64>().ok());
        match uses {
            Some(uses @ 0..=1) => used += uses,
            Some(_) | None => return Err(differ("a code to be used once", line, uses)),
        }
    }
    if used == ledger.vouchers {
        return Ok(());
    }
    Err(differ("codes that were used once", used, ledger.vouchers))
}

/// There are as many tickets that let somebody in as units are sold that do.
async fn tickets_agree(sale: &Sale, books: &Books) -> Result<(), LoadError> {
    let file = sale.shop.file(&sale.path("/tickets.csv")).await?;
    let rows = file.lines().skip(1);
    let valid = rows.filter(|row| row.split(',').nth(1) == Some("valid"));
    let valid = i64::try_from(valid.count()).unwrap_or(-1);
    let units = books.units.iter();
    let of_wares = units.filter(|((tier, _), _)| sale.ware(tier).is_some());
    let sold = of_wares.map(|(_, count)| count).sum::<i64>();
    if valid == sold {
        return Ok(());
    }
    Err(differ("tickets that are valid, and units", valid, sold))
}

/// A device at the gate lets nobody in by a code that is in other hands, and those in by whose it is now.
pub(super) async fn old_codes_are_dead(sale: &Sale, ledger: &Ledger) -> Result<(), LoadError> {
    let folder = tempfile::tempdir().map_err(device)?;
    let gate = paired(&sale.shop, &sale.event, folder.path()).await?;
    synced(&gate).await?;
    let all = ledger.dead.iter().map(|code| (code, false));
    for (code, is_good) in all.chain(ledger.good.iter().map(|code| (code, true))) {
        let outcome = gate.scan_text(code, Direction::Entry).map_err(device)?;
        if outcome.verdict.is_admit() != is_good {
            return Err(differ("a code at the gate, good", outcome.verdict, is_good));
        }
    }
    Ok(())
}
