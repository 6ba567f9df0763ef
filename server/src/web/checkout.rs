//! The checkout: what is held, who buys it, what they are asked, how it is paid.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use bilten_kernel::error::{FieldError, Problem};
use bilten_kernel::http::{ClientIp, Path};

use super::asked::{self, Asked, AskedView};
use super::form::{Faults, Fields};
use super::shell::{self, Privacy, Shell};
use super::text::{self, Moment};
use super::view::{self, Bill, EventView, Method};
use super::{event, order, problem};
use crate::app::App;
use crate::catalog::texts::Language;
use crate::catalog::{self, EventDetail, Wanted};
use crate::payments::{PaymentError, PaymentMethod, PurchaseRequest, SandboxOutcome};
use crate::sales::{self, Buyer, BuyerFrom, Hold, HoldId, SalesError};
use crate::tickets::{self, TicketError};

#[derive(Template)]
#[template(path = "checkout.html")]
struct CheckoutPage {
    shell: Shell,
    faults: Faults,
    event: EventView,
    bill: Bill,
    hold: HoldId,
    until: Moment,
    time_left: String,
    seconds_left: i64,
    name: String,
    email: String,
    asked: AskedView,
    payment: Option<Vec<Method>>,
}

/// What the buyer wrote into the form.
#[derive(Default)]
struct Written {
    fields: Fields,
    outcome: Option<SandboxOutcome>,
}

/// A hold with what it costs, and what is asked of whoever buys it.
struct Held {
    hold: Hold,
    offer: Arc<EventDetail>,
    /// The languages that the event is shown in, the dearest first.
    wanted: Vec<Language>,
    asked: Asked,
    event: EventView,
    until: Moment,
    bill: Bill,
}

impl Held {
    /// Adds what a service found wrong with the answers.
    fn add_faults(&self, faults: &mut Faults, errors: &[FieldError]) {
        self.asked
            .add_faults(faults, errors, &self.offer, &self.wanted);
    }
}

/// Why a hold cannot be checked out.
enum Missing {
    /// It has ended; this is the page that says so, or leads to the order that it became.
    Ended(Response),
    /// Something else.
    Problem(Problem),
}

impl From<Missing> for Result<Response, Problem> {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Ended(page) => Ok(page),
            Missing::Problem(problem) => Err(problem),
        }
    }
}

async fn held(app: &App, id: HoldId, wanted: Vec<Language>) -> Result<Held, Missing> {
    let hold = match sales::active_hold(app, id).await {
        Ok(hold) => hold,
        Err(error) => return Err(missing(app, id, error).await),
    };
    let offer = catalog::offer(app, hold.event_id)
        .await
        .map_err(|error| Missing::Problem(error.into()))?;
    let asked = match Asked::of(app, &offer, id).await {
        Ok(asked) => asked,
        // It was bought, or its time ended, since it was looked at.
        Err(error @ SalesError::HoldGone) => return Err(missing(app, id, error).await),
        Err(error) => return Err(Missing::Problem(error.into())),
    };
    Ok(Held {
        until: text::time(hold.expires_at, &text::zone(&offer.event.time_zone)),
        event: EventView::in_languages(&offer, &wanted),
        bill: Bill::of_hold(&offer, &hold),
        asked,
        wanted,
        offer,
        hold,
    })
}

async fn missing(app: &App, id: HoldId, error: SalesError) -> Missing {
    ended(app, id, error)
        .await
        .map_or_else(Missing::Problem, Missing::Ended)
}

/// The page after a refusal: the order if the hold became one, otherwise the way to a new hold.
async fn ended(app: &App, id: HoldId, error: SalesError) -> Result<Response, Problem> {
    match sales::after_hold(app, id).await? {
        Some((_, Some(order))) => Ok(order::go_to(app, order)),
        Some((event, None)) => {
            let offer = catalog::offer(app, event).await?;
            Ok(event::back_to(&offer.event.slug, error))
        }
        None => Ok(problem::lead_on(error, problem::Way::home())),
    }
}

fn page(
    app: &App,
    status: StatusCode,
    held: Held,
    written: Written,
    faults: Faults,
) -> Result<Response, Problem> {
    let seconds_left = (held.hold.expires_at.ms() - app.now().ms()).max(0) / 1_000;
    let asked = held
        .asked
        .view(&held.offer, &held.wanted, &written.fields, &faults);
    let page = CheckoutPage {
        shell: Shell::personal("Checkout")
            .of_event(held.event.is_sandbox)
            .with_faults(!faults.is_empty()),
        faults,
        hold: held.hold.id,
        until: held.until,
        time_left: text::span(seconds_left),
        seconds_left,
        name: written.fields.text("name").to_owned(),
        email: written.fields.text("email").to_owned(),
        asked,
        payment: view::methods(held.bill.minor, written.outcome),
        event: held.event,
        bill: held.bill,
    };
    shell::page(status, &page, Privacy::Form)
}

/// `GET /checkout/{hold}`
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<HoldId>,
    Wanted(wanted): Wanted,
) -> Result<Response, Problem> {
    match held(&app, id, wanted).await {
        Ok(held) => page(
            &app,
            StatusCode::OK,
            held,
            Written::default(),
            Faults::default(),
        ),
        Err(missing) => missing.into(),
    }
}

/// `POST /checkout/{hold}`
pub(super) async fn buy(
    State(app): State<App>,
    Path(id): Path<HoldId>,
    BuyerFrom(origin): BuyerFrom,
    ClientIp(sender): ClientIp,
    Wanted(wanted): Wanted,
    request: Request,
) -> Result<Response, Problem> {
    let held = match held(&app, id, wanted).await {
        Ok(held) => held,
        Err(missing) => return missing.into(),
    };
    let event = held.hold.event_id.to_string();
    let (fields, of_files) =
        asked::fields(&app, request, &held.asked, (event.as_str(), sender)).await?;
    let outcome = fields.text("payment").parse::<SandboxOutcome>().ok();
    let buyer = Buyer {
        email: fields.text("email").to_owned(),
        name: fields.text("name").to_owned(),
    };
    let mut faults = Faults::from_errors(&buyer.faults(""), str::to_owned);
    for fault in of_files.iter() {
        faults.add(fault.field.clone(), fault.text.clone());
    }
    let (answers, tickets) = held.asked.said(&fields);
    if !held.asked.is_empty() {
        // All that is wrong is said at once, before anything is bought.
        let tiers = held.asked.tiers();
        match sales::people(&app, held.hold.event_id, &tiers, &answers, &tickets).await {
            Ok(_) => {}
            Err(SalesError::Invalid(errors)) => held.add_faults(&mut faults, &errors),
            Err(error) => return Err(error.into()),
        }
    }
    let payment = match outcome {
        _ if held.bill.minor == 0 => PaymentMethod::Free,
        Some(outcome) => PaymentMethod::Sandbox {
            outcome,
            card: None,
        },
        None => {
            faults.add("payment", "Please choose what the test payment does.");
            PaymentMethod::Free
        }
    };
    let total = fields.text("total").to_owned();
    let written = Written { fields, outcome };
    if !faults.is_empty() {
        return page(
            &app,
            StatusCode::UNPROCESSABLE_ENTITY,
            held,
            written,
            faults,
        );
    }
    if total != held.bill.minor.to_string() {
        let faults = Faults::one(
            "",
            format!(
                "The price has just changed: it is {} now. Please look again.",
                held.bill.total
            ),
        );
        return page(&app, StatusCode::CONFLICT, held, written, faults);
    }
    let request = PurchaseRequest {
        event: held.hold.event_id,
        items: Vec::new(),
        hold: Some(id),
        codes: Vec::new(),
        buyer,
        answers,
        tickets,
        payment,
        origin,
    };
    // The hold is the key: however often this is sent, and with whatever corrections, it buys once.
    match tickets::buy(&app, request, id.to_string()).await {
        Ok(bought) => Ok(order::go_to(&app, bought.purchased.order.order.id)),
        Err(TicketError::Payment(PaymentError::Sales(
            error @ (SalesError::HoldGone | SalesError::KeyReused),
        ))) => ended(&app, id, error).await,
        // A file became another order's, or the questions have just changed.
        Err(TicketError::Payment(PaymentError::Sales(SalesError::Invalid(errors)))) => {
            let mut faults = Faults::default();
            held.add_faults(&mut faults, &errors);
            page(
                &app,
                StatusCode::UNPROCESSABLE_ENTITY,
                held,
                written,
                faults,
            )
        }
        Err(TicketError::Payment(PaymentError::Sales(
            error @ (SalesError::OffSale { .. }
            | SalesError::SoldOut { .. }
            | SalesError::PurchaseLimit(_)
            | SalesError::OrderRefused
            | SalesError::SeatsTaken(_)
            | SalesError::Price(_)
            | SalesError::OfferChanged),
        ))) => Ok(event::back_to(&held.event.slug, error)),
        Err(other) => Err(other.into()),
    }
}

/// `POST /checkout/{hold}/release`
pub(super) async fn release(
    State(app): State<App>,
    Path(id): Path<HoldId>,
) -> Result<Response, Problem> {
    sales::release_hold(&app, id).await?;
    let Some((event, order)) = sales::after_hold(&app, id).await? else {
        return Ok(shell::see_other("/"));
    };
    if let Some(order) = order {
        return Ok(order::go_to(&app, order));
    }
    let offer = catalog::offer(&app, event).await?;
    Ok(shell::see_other(&format!("/e/{}", offer.event.slug)))
}
