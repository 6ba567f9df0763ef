//! Orders from a file: one a line, all of them or none.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bilten_kernel::db::Conn;
use bilten_kernel::error::FieldError;
use bilten_kernel::money::Currency;
use serde::Serialize;
use utoipa::ToSchema;

use super::manual::staff_sale;
use super::model::*;
use super::service::PaymentError;
use super::store;
use crate::app::App;
use crate::catalog::{self, EventDetail, EventId, TierId};
use crate::identity::Tenant;
use crate::sales::{
    self, Basis, Buyer, Cart, ItemRequest, NewOrder, OrderDetail, OrderId, Placed, SalesError,
    StaffChannel, StaffPayment, StaffSale,
};

/// The most lines of a file.
pub const MOST_LINES: usize = 1_000;
/// The most tickets of a file.
const MOST_TICKETS: u64 = 10_000;
/// The most faults that are told.
const MOST_FAULTS: usize = 500;

/// What a file of orders led to, or would lead to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ImportAnswer {
    /// Whether nothing was done.
    pub is_dry_run: bool,
    /// How many orders the file holds.
    pub lines: usize,
    /// How many tickets they have in all.
    pub tickets: u64,
    /// The currency of the amounts (ISO 4217).
    pub currency: Currency,
    /// What they cost in all, in minor units, but for those whose price the stock decides.
    pub total_minor: i64,
    /// The orders that were made; none in a dry run.
    pub orders: Vec<ImportedOrder>,
    /// What is wrong with the file, by line: `lines[3].email`; the first line holds the titles. At most 500.
    pub errors: Vec<FieldError>,
}

/// An order that was made of a line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ImportedOrder {
    /// The number of the line in the file, counted from 1.
    pub line: u64,
    /// The order.
    pub order_id: OrderId,
    /// What people call it.
    pub reference: String,
}

/// An order as a line tells it.
#[derive(Clone, Debug)]
struct Line {
    number: u64,
    buyer: Buyer,
    tier: TierId,
    quantity: u32,
    payment: StaffPayment,
    reason: String,
}

impl Line {
    /// The hash of all that it says.
    fn hash(&self) -> [u8; 32] {
        NewOrder::hash_of(&(
            &self.buyer,
            self.tier,
            self.quantity,
            self.payment,
            &self.reason,
        ))
    }
}

fn fault(line: u64, field: &str, code: &'static str, detail: impl Into<String>) -> FieldError {
    FieldError {
        field: if field.is_empty() {
            format!("lines[{line}]")
        } else {
            format!("lines[{line}].{field}")
        },
        code: code.into(),
        detail: detail.into(),
    }
}

/// The columns that a file must have, and those that it may have.
const NEEDED: [&str; 5] = ["email", "name", "tier", "quantity", "payment"];
const REASON: &str = "reason";

/// The tier that a cell names: by id, number or name.
fn tier_named(detail: &EventDetail, text: &str) -> Option<TierId> {
    let by_id = text.parse::<TierId>().ok();
    let by_number = text.parse::<u16>().ok();
    let is_it = |tier: &&crate::catalog::Tier| {
        by_id == Some(tier.id) || by_number == Some(tier.number) || tier.name.trim() == text
    };
    detail.tiers.iter().find(is_it).map(|tier| tier.id)
}

/// Reads a file; what is wrong with it is told by line.
fn read(detail: &EventDetail, text: &str) -> (Vec<Line>, Vec<FieldError>) {
    // Lines are counted by their ends.
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let first = text.lines().next().unwrap_or_default();
    let delimiter = if first.contains(';') && !first.contains(',') {
        b';'
    } else {
        b','
    };
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut columns: HashMap<String, usize> = HashMap::new();
    if let Ok(titles) = reader.headers() {
        for (i, title) in titles.iter().enumerate() {
            columns.entry(title.to_lowercase()).or_insert(i);
        }
    }
    let missing: Vec<FieldError> = NEEDED
        .iter()
        .filter(|title| !columns.contains_key(**title))
        .map(|title| fault(1, title, "missing", format!("There is no column {title}.")))
        .collect();
    if !missing.is_empty() {
        return (Vec::new(), missing);
    }
    let (mut lines, mut faults) = (Vec::new(), Vec::new());
    for (i, record) in reader.records().enumerate() {
        let place = record.as_ref().ok().and_then(csv::StringRecord::position);
        let guess = u64::try_from(i).unwrap_or(u64::MAX).saturating_add(2);
        let number = place.map_or(guess, |place| {
            place.line() + blank_lines(&text, place.byte())
        });
        if i >= MOST_LINES {
            let detail = format!("A file has at most {MOST_LINES} orders.");
            faults.push(fault(number, "", "too_many", detail));
            break;
        }
        if faults.len() >= MOST_FAULTS {
            break;
        }
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                faults.push(fault(number, "", "invalid", error.to_string()));
                continue;
            }
        };
        let cell = |title: &str| {
            let place = columns.get(title).copied();
            place.and_then(|i| record.get(i)).unwrap_or_default()
        };
        match line(detail, number, cell) {
            Ok(line) => lines.push(line),
            Err(more) => faults.extend(more),
        }
    }
    faults.truncate(MOST_FAULTS);
    if lines.is_empty() && faults.is_empty() {
        faults.push(fault(2, "", "required", "There is no order in this file."));
    }
    (lines, faults)
}

/// How many lines from there on are blank: the reader skips them as a part of the line below.
fn blank_lines(text: &str, from: u64) -> u64 {
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| **byte == b'\n').count();
    u64::try_from(blank).unwrap_or(0)
}

/// Reads one line.
fn line<'a>(
    detail: &EventDetail,
    number: u64,
    cell: impl Fn(&str) -> &'a str,
) -> Result<Line, Vec<FieldError>> {
    let buyer = Buyer {
        email: cell("email").to_owned(),
        name: cell("name").to_owned(),
    };
    let mut faults = buyer.faults(&format!("lines[{number}]."));
    let tier = tier_named(detail, cell("tier"));
    if tier.is_none() {
        faults.push(fault(number, "tier", "unknown", "There is no such tier."));
    }
    let quantity = cell("quantity").parse::<u32>().ok();
    if quantity.is_none() {
        let detail = "Must be a whole number from 1.";
        faults.push(fault(number, "quantity", "invalid", detail));
    }
    let payment = cell("payment").to_lowercase().parse::<StaffPayment>().ok();
    if payment.is_none() {
        let detail = "Must be comp, cash or transfer.";
        faults.push(fault(number, "payment", "invalid", detail));
    }
    let reason = match cell(REASON) {
        "" => "Imported".to_owned(),
        reason => reason.to_owned(),
    };
    faults.extend(sales::reason_fault(
        &format!("lines[{number}].reason"),
        &reason,
    ));
    let (Some(tier), Some(quantity), Some(payment)) = (tier, quantity, payment) else {
        return Err(faults);
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Line {
        number,
        buyer,
        tier,
        quantity,
        payment,
        reason,
    })
}

/// The cart of a line; it costs nothing if it is given away.
///
/// # Errors
/// A fault of the database; inside, what is wrong with the line.
async fn cart(
    app: &App,
    offer: &Arc<EventDetail>,
    line: &Line,
) -> Result<Result<Cart, Vec<FieldError>>, SalesError> {
    let wanted = [ItemRequest::of(line.tier, line.quantity)];
    let cart = match sales::staff_cart(app, offer, &wanted).await {
        Ok(cart) if cart.has_seats() => {
            let detail = "This kind is sold by seats; please make its orders one by one.";
            return Ok(Err(vec![fault(line.number, "tier", "seats", detail)]));
        }
        Ok(cart) if line.payment == StaffPayment::Comp => cart.for_nothing(app.now()),
        Err(SalesError::Db(error)) => return Err(SalesError::Db(error)),
        other => other,
    };
    Ok(cart.map_err(|error| -> Vec<FieldError> {
        if let SalesError::Invalid(errors) = error {
            let errors = errors.into_iter().map(|error| {
                let field = error.field.rsplit('.').next().unwrap_or_default();
                fault(line.number, field, "invalid", error.detail.clone())
            });
            errors.collect()
        } else {
            vec![fault(line.number, "tier", "refused", error.to_string())]
        }
    }))
}

/// What is missing of the stock for all lines together, at their end.
async fn shortages(
    app: &App,
    detail: &EventDetail,
    lines: &[(Line, Cart)],
) -> Result<Vec<FieldError>, SalesError> {
    let mut wanted: BTreeMap<TierId, i64> = BTreeMap::new();
    for (line, _) in lines {
        let sum = wanted.entry(line.tier).or_default();
        *sum = sum.saturating_add(i64::from(line.quantity));
    }
    let stock = sales::stock(app, detail.event.id).await?;
    let mut faults = Vec::new();
    for (tier, quantity) in wanted {
        let of_tier = stock.iter().find(|stock| stock.tier_id == tier);
        let left = of_tier.map_or(0, sales::Stock::left).max(0);
        if quantity > left {
            let name = detail.tier(tier).map_or("?", |tier| tier.name.as_str());
            faults.push(FieldError {
                field: "lines".to_owned(),
                code: "sold_out".into(),
                detail: format!("{name} has {left} left, and the file wants {quantity}."),
            });
        }
    }
    Ok(faults)
}

/// Makes the orders of a file, all of them or none; or says only what would happen. The same file with the
/// same key is taken once.
///
/// # Errors
/// [`SalesError::Invalid`] by line if it was not a dry run, or another [`PaymentError`] by what was refused.
pub async fn import_orders(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    text: &str,
    actor: &str,
    key: Option<&str>,
) -> Result<ImportAnswer, PaymentError> {
    let detail = catalog::detail_of(app, tenant, event)
        .await
        .map_err(SalesError::from)?;
    let (read, mut errors) = read(&detail, text);
    let mut lines: Vec<(Line, Cart)> = Vec::with_capacity(read.len());
    for line in read {
        match cart(app, &detail, &line).await? {
            Ok(cart) => lines.push((line, cart)),
            Err(more) => errors.extend(more),
        }
    }
    errors.truncate(MOST_FAULTS);
    let tickets = lines
        .iter()
        .map(|(line, _)| u64::from(line.quantity))
        .fold(0, u64::saturating_add);
    if tickets > MOST_TICKETS {
        errors.push(FieldError {
            field: "lines".to_owned(),
            code: "too_many".into(),
            detail: format!("A file has at most {MOST_TICKETS} tickets."),
        });
    }
    // What the stock decides is known when the orders are made.
    let total = lines
        .iter()
        .map(|(_, cart)| cart.known_total().unwrap_or(0))
        .fold(0, i64::saturating_add);
    let mut answer = ImportAnswer {
        is_dry_run: key.is_none(),
        lines: lines.len(),
        tickets,
        currency: detail.event.currency,
        total_minor: total,
        orders: Vec::new(),
        errors: Vec::new(),
    };
    let Some(key) = key else {
        errors.extend(shortages(app, &detail, &lines).await?);
        answer.errors = errors;
        return Ok(answer);
    };
    if !errors.is_empty() {
        return Err(SalesError::Invalid(errors).into());
    }
    let numbers: Vec<u64> = lines.iter().map(|(line, _)| line.number).collect();
    let orders: Vec<NewOrder> = lines
        .into_iter()
        .map(|(line, cart)| {
            // No buyer's key has a blank in it.
            let once = (format!("import {key} {}", line.number), line.hash());
            let staff = StaffSale {
                channel: StaffChannel::Import,
                method: line.payment,
                reason: line.reason.trim().to_owned(),
                actor: actor.to_owned(),
            };
            let basis = Basis::Cart(Arc::new(cart));
            staff_sale(app, &detail, line.buyer, basis, once, staff)
        })
        .collect();
    let work = app.clone();
    answer.orders = app
        .db
        .write(move |c| {
            Box::pin(async move { place_all(&work, c, event, &orders, &numbers).await })
        })
        .await?;
    Ok(answer)
}

/// Places all orders with their payments, or fails.
async fn place_all(
    app: &App,
    c: &mut Conn,
    event: EventId,
    orders: &[NewOrder],
    numbers: &[u64],
) -> Result<Vec<ImportedOrder>, PaymentError> {
    let (mut made, mut faults, mut payments) = (Vec::new(), Vec::new(), Vec::new());
    let placed = sales::place(app, c, event, orders).await?;
    for ((new, number), placed) in orders.iter().zip(numbers).zip(placed) {
        let detail = match placed {
            Ok(Placed::New(detail)) => {
                payments.push((payment_of(app, new, &detail), new));
                detail
            }
            Ok(Placed::Before(detail)) => detail,
            Err(SalesError::KeyReused) => return Err(SalesError::KeyReused.into()),
            Err(SalesError::Db(error)) => return Err(error.into()),
            Err(refused) => {
                faults.push(fault(*number, "tier", "refused", refused.to_string()));
                continue;
            }
        };
        made.push(ImportedOrder {
            line: *number,
            order_id: detail.order.id,
            reference: detail.order.reference,
        });
    }
    if !faults.is_empty() {
        faults.truncate(MOST_FAULTS);
        return Err(SalesError::Invalid(faults).into());
    }
    let rows = payments.iter().map(|(payment, new)| store::NewPayment {
        payment,
        idempotency_key: &new.idempotency_key,
        request_hash: store::hash_with_order(new.id),
    });
    store::insert(c, rows.collect()).await?;
    Ok(made)
}

/// The payment of an order that staff made.
fn payment_of(app: &App, new: &NewOrder, placed: &OrderDetail) -> Payment {
    let method = new
        .staff
        .as_ref()
        .map_or("free", |staff| staff.method.as_str());
    Payment {
        id: PaymentId::new(&*app.clock, &*app.random),
        order_id: new.id,
        provider: method.to_owned(),
        state: PaymentState::Succeeded,
        amount_minor: placed.order.total_minor,
        currency: placed.order.currency,
        decline_code: None,
        created_at: new.at,
        updated_at: new.at,
    }
}
