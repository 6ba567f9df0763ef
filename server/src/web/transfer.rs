//! Passing a ticket on: offering it from the page of an order, answering an offer, the ticket of
//! whoever accepted one.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Path, Query};

use super::files;
use super::form::{Faults, Fields, Refusal};
use super::order::{self, Key, Notice};
use super::shell::{self, Privacy, Shell};
use super::text::{self, Moment};
use super::view::{DateView, EventView};
use crate::app::App;
use crate::catalog::{self, EventDetail};
use crate::sales::OrderId;
use crate::tickets::transfers::{
    self, Holding, OfferedTicket, Transfer, TransferId, TransferState,
};
use crate::tickets::{self, QrFormat, SignedTicket, TicketError, TicketId, TicketState};

/// How many offers of a ticket are looked through: there are never more.
const ALL: i64 = transfers::MAX_OFFERS;

/// An offer that waits for an answer.
struct WaitingView {
    id: TransferId,
    email: String,
    until: Moment,
}

impl WaitingView {
    fn of(event: &EventDetail, transfer: Transfer) -> Self {
        let zone = text::zone(&event.event.time_zone);
        Self {
            id: transfer.id,
            email: transfer.email,
            until: text::date_and_time(transfer.expires_at, &zone),
        }
    }
}

// From the page of an order

#[derive(Template)]
#[template(path = "transfer_offer.html")]
struct OfferPage {
    shell: Shell,
    faults: Faults,
    event: EventView,
    tier: String,
    holder: String,
    waiting: Option<WaitingView>,
    action: String,
    cancel: String,
    email: String,
    back: String,
}

fn tier_name(event: &EventDetail, ticket: &SignedTicket) -> String {
    event
        .tier(ticket.ticket.tier_id)
        .map_or_else(|| "Ticket".to_owned(), |tier| tier.name.clone())
}

async fn offer_page(
    app: &App,
    order: OrderId,
    ticket: &SignedTicket,
    email: &str,
    mut refusal: Refusal,
) -> Result<Response, Problem> {
    let id = ticket.ticket.id;
    let event = catalog::offer(app, ticket.ticket.event_id).await?;
    let all = transfers::transfers(app, id, Holding::Order(order), None, ALL).await?;
    let waiting = all
        .into_iter()
        .find(|transfer| transfer.state == TransferState::Pending);
    let faults = refusal.take_faults();
    let page = OfferPage {
        shell: Shell::personal("Give a ticket to somebody")
            .of_event(event.event.sandbox)
            .with_faults(!faults.is_empty()),
        faults,
        event: EventView::of(&event),
        tier: tier_name(&event, ticket),
        holder: ticket.ticket.holder_name.clone(),
        waiting: waiting.map(|transfer| WaitingView::of(&event, transfer)),
        action: order::address(app, order, &format!("/transfer/{id}")),
        cancel: order::address(app, order, &format!("/transfer/{id}/cancel")),
        email: email.to_owned(),
        back: order::address(app, order, ""),
    };
    refusal.page(&page, Privacy::SecretForm)
}

/// A ticket of an order that is still its buyer's.
async fn own(
    app: &App,
    order: OrderId,
    ticket: TicketId,
    key: &Key,
) -> Result<SignedTicket, Problem> {
    let bought = tickets::bought(app, order, &key.token).await?;
    let found = bought
        .tickets
        .into_iter()
        .find(|signed| signed.ticket.id == ticket);
    Ok(found.ok_or(TicketError::NotFound)?)
}

/// `GET /orders/{order}/transfer/{ticket}?token=`
pub(super) async fn show_offer(
    State(app): State<App>,
    Path((order, ticket)): Path<(OrderId, TicketId)>,
    Query(key): Query<Key>,
) -> Result<Response, Problem> {
    let ticket = own(&app, order, ticket, &key).await?;
    offer_page(&app, order, &ticket, "", Refusal::default()).await
}

/// `POST /orders/{order}/transfer/{ticket}?token=`
pub(super) async fn offer(
    State(app): State<App>,
    Path((order, id)): Path<(OrderId, TicketId)>,
    Query(key): Query<Key>,
    fields: Fields,
) -> Result<Response, Problem> {
    let ticket = own(&app, order, id, &key).await?;
    let email = fields.text("email");
    match transfers::offer(&app, Holding::Order(order), id, email).await {
        // Sent twice: the page says to whom it is offered.
        Ok(_) | Err(TicketError::OfferedAlready) => {
            let page = format!("/transfer/{id}");
            Ok(shell::see_other(&order::address(&app, order, &page)))
        }
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            offer_page(&app, order, &ticket, email, refusal).await
        }
    }
}

/// `POST /orders/{order}/transfer/{ticket}/cancel?token=`
pub(super) async fn cancel(
    State(app): State<App>,
    Path((order, id)): Path<(OrderId, TicketId)>,
    Query(key): Query<Key>,
    fields: Fields,
) -> Result<Response, Problem> {
    tickets::bought(&app, order, &key.token).await?;
    let Ok(transfer) = fields.text("transfer").parse::<TransferId>() else {
        return Err(TicketError::TransferNotFound.into());
    };
    match transfers::cancel(&app, Holding::Order(order), id, transfer).await {
        // Whatever came in between, the order's page shows what is left.
        Ok(()) | Err(TicketError::TransferState(_)) => Ok(order::go_to(&app, order)),
        Err(error) => Err(error.into()),
    }
}

// From the mail

#[derive(Template)]
#[template(path = "transfer.html")]
struct TransferPage {
    shell: Shell,
    faults: Faults,
    heading: &'static str,
    notice: Option<Notice>,
    event: EventView,
    tier: String,
    ticket: Option<TicketView>,
    /// Until when it can be accepted, if it can.
    until: Option<Moment>,
    accept: String,
    decline: String,
    name: String,
    waiting: Option<WaitingView>,
    /// Where to offer it to somebody else, and where to sell it, if it is theirs.
    offer: Option<String>,
    sell: Option<String>,
    keep: String,
    email: String,
}

struct TicketView {
    /// The code as SVG; only of a ticket that lets somebody in.
    qr: Option<String>,
    picture: Option<String>,
    state: &'static str,
    holder: String,
    /// The date and the seat that it is for, if it is for one.
    date: Option<DateView>,
    seat: Option<String>,
}

impl TicketView {
    fn of(
        app: &App,
        event: &EventDetail,
        transfer: TransferId,
        signed: &SignedTicket,
    ) -> Result<Self, Problem> {
        let (is_valid, state) = order::state_in_words(signed.ticket.state);
        let qr = if is_valid {
            let svg = tickets::render_qr(&signed.code, QrFormat::Svg)
                .map_err(|error| Problem::fault(&error))?;
            Some(String::from_utf8(svg).map_err(|error| Problem::fault(&error))?)
        } else {
            None
        };
        Ok(Self {
            qr,
            picture: is_valid.then(|| transfers::path(app, transfer, "/ticket.png")),
            state,
            holder: signed.ticket.holder_name.clone(),
            date: DateView::of_ticket(event, &signed.ticket),
            seat: signed.ticket.seat_label.clone(),
        })
    }
}

/// Where an offer stands, in words.
fn in_words(offered: &OfferedTicket) -> (&'static str, Option<Notice>) {
    let bad = |text: &str| {
        Some(Notice {
            kind: "bad",
            text: text.to_owned(),
        })
    };
    match (offered.state, &offered.ticket) {
        (TransferState::Pending, _) => ("A ticket for you", None),
        (TransferState::Accepted, Some(signed)) if signed.ticket.state == TicketState::Valid => {
            let text = "It is yours. Show the code at the door, on this screen or on paper.";
            let notice = Notice {
                kind: "good",
                text: text.to_owned(),
            };
            ("Your ticket", Some(notice))
        }
        (TransferState::Accepted, Some(_)) => ("Your ticket", None),
        (TransferState::Accepted, None) => (
            "This ticket is no longer yours",
            bad("It was passed on, and its code is with whoever has it now."),
        ),
        (TransferState::Declined, _) => (
            "You declined this ticket",
            bad("It stays with whoever offered it."),
        ),
        (TransferState::Cancelled, _) => (
            "This offer is over",
            bad("It was taken back, or the ticket is not valid any more."),
        ),
        (TransferState::Expired, _) => (
            "This offer is over",
            bad("Nobody accepted it in time. Please ask whoever offered it to do so again."),
        ),
    }
}

/// What somebody wrote into a form of the page.
#[derive(Default)]
struct Written<'a> {
    name: &'a str,
    email: &'a str,
}

async fn page(
    app: &App,
    id: TransferId,
    key: &Key,
    written: Written<'_>,
    mut refusal: Refusal,
) -> Result<Response, Problem> {
    let offered = transfers::offered(app, id, &key.token).await?;
    let event = catalog::offer(app, offered.event_id).await?;
    let (heading, notice) = in_words(&offered);
    let zone = text::zone(&event.event.time_zone);
    let ticket = offered.ticket.as_ref();
    let is_valid = ticket.is_some_and(|signed| signed.ticket.state == TicketState::Valid);
    let faults = refusal.take_faults();
    let page = TransferPage {
        shell: Shell::personal(heading)
            .of_event(event.event.sandbox)
            .with_faults(!faults.is_empty()),
        faults,
        heading,
        notice,
        event: EventView::of(&event),
        tier: offered.tier_name.clone(),
        ticket: ticket
            .map(|signed| TicketView::of(app, &event, id, signed))
            .transpose()?,
        until: (offered.state == TransferState::Pending)
            .then(|| text::date_and_time(offered.expires_at, &zone)),
        accept: transfers::path(app, id, "/accept"),
        decline: transfers::path(app, id, "/decline"),
        name: written.name.to_owned(),
        waiting: offered
            .onward
            .map(|transfer| WaitingView::of(&event, transfer)),
        offer: is_valid.then(|| transfers::path(app, id, "/offer")),
        sell: is_valid.then(|| transfers::path(app, id, "/sell")),
        keep: transfers::path(app, id, "/keep"),
        email: written.email.to_owned(),
    };
    refusal.page(&page, Privacy::SecretForm)
}

fn back(app: &App, id: TransferId) -> Response {
    shell::see_other(&transfers::path(app, id, ""))
}

/// `GET /transfers/{transfer}?token=`
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<TransferId>,
    Query(key): Query<Key>,
) -> Result<Response, Problem> {
    page(&app, id, &key, Written::default(), Refusal::default()).await
}

/// `POST /transfers/{transfer}/accept?token=`
pub(super) async fn accept(
    State(app): State<App>,
    Path(id): Path<TransferId>,
    Query(key): Query<Key>,
    fields: Fields,
) -> Result<Response, Problem> {
    let name = fields.text("name");
    let written = Written { name, email: "" };
    match transfers::accept(&app, id, &key.token, name).await {
        // Sent twice, or answered meanwhile: the page shows how it stands.
        Ok(_) | Err(TicketError::TransferState(_)) => Ok(back(&app, id)),
        Err(TicketError::Holder) => {
            let text = "Please give your name: 1 to 200 characters.";
            let refusal = Refusal::with(Faults::one("name", text));
            page(&app, id, &key, written, refusal).await
        }
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            page(&app, id, &key, written, refusal).await
        }
    }
}

/// `POST /transfers/{transfer}/decline?token=`
pub(super) async fn decline(
    State(app): State<App>,
    Path(id): Path<TransferId>,
    Query(key): Query<Key>,
) -> Result<Response, Problem> {
    match transfers::decline(&app, id, &key.token).await {
        Ok(_) | Err(TicketError::TransferState(_)) => Ok(back(&app, id)),
        Err(error) => Err(error.into()),
    }
}

/// `POST /transfers/{transfer}/offer?token=`
pub(super) async fn offer_onward(
    State(app): State<App>,
    Path(id): Path<TransferId>,
    Query(key): Query<Key>,
    fields: Fields,
) -> Result<Response, Problem> {
    let email = fields.text("email");
    match transfers::offer_onward(&app, id, &key.token, email).await {
        Ok(_) | Err(TicketError::OfferedAlready | TicketError::PassedOn) => Ok(back(&app, id)),
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            let written = Written { name: "", email };
            page(&app, id, &key, written, refusal).await
        }
    }
}

/// `POST /transfers/{transfer}/keep?token=`
pub(super) async fn keep(
    State(app): State<App>,
    Path(id): Path<TransferId>,
    Query(key): Query<Key>,
) -> Result<Response, Problem> {
    // Fails if the secret is wrong; otherwise what is not there any more was answered meanwhile.
    transfers::offered(&app, id, &key.token).await?;
    match transfers::cancel_onward(&app, id, &key.token).await {
        Ok(()) | Err(TicketError::TransferState(_) | TicketError::TransferNotFound) => {
            Ok(back(&app, id))
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /transfers/{transfer}/ticket.png?token=`
pub(super) async fn picture(
    State(app): State<App>,
    Path(id): Path<TransferId>,
    Query(key): Query<Key>,
) -> Result<Response, Problem> {
    let offered = transfers::offered(&app, id, &key.token).await?;
    let signed = offered.ticket.ok_or(TicketError::NotFound)?;
    let name = format!("{}.png", signed.ticket.id);
    files::picture(signed, QrFormat::Png, &name).await
}
