//! An order: its tickets, or what became of it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Path, Query};
use bilten_kernel::money::Money;
use serde::Deserialize;

use super::change;
use super::form::{self, Faults, Fields};
use super::shell::{self, Privacy, Shell};
use super::text::{self, Moment};
use super::view::{self, Bill, DateView, EventView, Method};
use crate::app::App;
use crate::catalog::state::Kept;
use crate::catalog::{self, EventDetail, EventState};
use crate::payments::{
    self, Payment, PaymentError, PaymentMethod, PaymentRequest, PaymentState, SandboxOutcome,
};
use crate::sales::changes;
use crate::sales::resale::{ListingState, MAX_LISTINGS};
use crate::sales::{self, Order, OrderId, OrderState, SalesError};
use crate::tickets::{self, Bought, QrFormat, SignedTicket, TicketError, TicketState};

/// The secret in the address of an order's pages.
#[derive(Debug, Deserialize)]
pub(super) struct Key {
    #[serde(default)]
    pub(super) token: String,
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    shell: Shell,
    faults: Faults,
    state: String,
    heading: &'static str,
    notices: Vec<Notice>,
    is_waiting: bool,
    here: String,
    event: EventView,
    tickets: Vec<TicketView>,
    calendar: String,
    /// Where its tickets are changed or given back, if they can be.
    change: Option<String>,
    /// The change that waits for its payment: where that is, and until when.
    change_waiting: Option<(String, Moment)>,
    /// Where its tickets are found, if it became a part of another order.
    find: Option<String>,
    pay: Option<PayForm>,
    payment: Option<Vec<Method>>,
    bill: Bill,
    reference: String,
    name: String,
    email: String,
    ordered: Moment,
}

/// A message with the style of its box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) kind: &'static str,
    pub(super) text: String,
}

/// A form with which something is paid.
pub(super) struct PayForm {
    pub(super) action: String,
    pub(super) key: String,
}

struct TicketView {
    /// The code as SVG; only of a ticket that lets somebody in.
    qr: Option<String>,
    picture: Option<String>,
    /// Where to give it to somebody, and where to sell it; only of a ticket that lets somebody in.
    give: Option<String>,
    sell: Option<String>,
    state: &'static str,
    tier: String,
    holder: String,
    /// The date and the seat that it is for, if it is for one.
    date: Option<DateView>,
    seat: Option<String>,
}

/// The address of a page of an order, with the order's secret.
pub(super) fn address(app: &App, order: OrderId, page: &str) -> String {
    sales::order_path(app, order, page)
}

/// Sends the browser to an order.
pub(super) fn go_to(app: &App, order: OrderId) -> Response {
    shell::see_other(&address(app, order, ""))
}

/// Where an order stands, in words: heading, messages, whether to look again, whether to pay again.
fn in_words(
    order: &Order,
    payment: &Payment,
    is_under_review: bool,
    offer: &EventDetail,
) -> (&'static str, Vec<Notice>, bool, bool) {
    let zone = text::zone(&offer.event.time_zone);
    let until = order
        .expires_at
        .map_or_else(String::new, |at| text::time(at, &zone).text);
    let good = |text: String| Notice { kind: "good", text };
    let bad = |text: String| Notice { kind: "bad", text };
    match order.state {
        OrderState::Paid => {
            let done = if order.total_minor == 0 {
                "Done."
            } else {
                "Paid."
            };
            let mut notices = vec![good(format!(
                "{done} Show the code at the door, on this screen or on paper."
            ))];
            if offer.event.state == EventState::Cancelled {
                notices = vec![bad(
                    "This event was cancelled. The organiser will tell you about your money."
                        .to_owned(),
                )];
            }
            if offer.event.kept() == Kept::Postponed {
                notices = vec![good(
                    "This event is postponed. Keep your tickets: there will be new ones for the new date."
                        .to_owned(),
                )];
            }
            ("Your tickets", notices, false, false)
        }
        OrderState::Pending if is_under_review => {
            let text = format!(
                "The organiser looks at this order before it can be paid. You have paid nothing; you are sent a \
                 mail as soon as you can. Your tickets stay reserved until {until}."
            );
            (
                "We are looking at your order",
                vec![Notice { kind: "test", text }],
                false,
                false,
            )
        }
        OrderState::Pending => match payment.state {
            PaymentState::Declined => {
                let heading = match payment.decline_code.as_deref() {
                    Some(payments::UNDER_REVIEW) => "Your order can be paid now",
                    Some(payments::AMOUNT_DUE) => "Your order is to be paid",
                    Some(_) | None => "The payment did not go through",
                };
                let why = declined(payment.decline_code.as_deref());
                let text = format!(
                    "{why} You have paid nothing. Your tickets stay reserved until {until}."
                );
                (heading, vec![bad(text)], false, true)
            }
            PaymentState::Pending | PaymentState::Succeeded | PaymentState::Refunded => {
                let text = format!(
                    "The payment has not been confirmed yet. This page looks again by itself; your tickets stay \
                     reserved until {until}. There is no need to pay twice."
                );
                (
                    "Waiting for your payment",
                    vec![Notice { kind: "test", text }],
                    true,
                    false,
                )
            }
        },
        OrderState::Expired => {
            let money = match payment.state {
                PaymentState::Refunded => {
                    "The payment came too late, when no tickets were left; the money was paid back."
                }
                PaymentState::Pending => {
                    "No payment has come in. Should one still arrive, you get the tickets or the money back."
                }
                PaymentState::Declined => {
                    "The payment did not go through, so you have paid nothing."
                }
                PaymentState::Succeeded => "Please contact the organiser about your payment.",
            };
            let text = format!(
                "The time for paying ended at {until} and the tickets went back on sale. {money}"
            );
            ("This order has expired", vec![bad(text)], false, false)
        }
        OrderState::Cancelled => {
            let text = "It was given up before it was paid, and its tickets went back on sale.";
            (
                "This order was cancelled",
                vec![bad(text.to_owned())],
                false,
                false,
            )
        }
        OrderState::Refunded => {
            let text = "The money was paid back, and its tickets let nobody in any more.";
            (
                "This order was refunded",
                vec![bad(text.to_owned())],
                false,
                false,
            )
        }
    }
}

/// Why a payment was declined, in a sentence.
pub(super) fn declined(code: Option<&str>) -> &'static str {
    match code {
        Some("insufficient_funds") => {
            "The bank declined it: there is not enough money on the account."
        }
        Some("expired_card") => "The bank declined it: the card has expired.",
        Some("suspected_fraud") => {
            "The bank declined it because it looks like fraud. Please ask your bank."
        }
        Some(payments::UNDER_REVIEW) => "The organiser has looked at your order: please pay now.",
        Some(payments::AMOUNT_DUE) => "Please pay here.",
        Some(_) | None => "The payment provider declined it without giving a reason.",
    }
}

/// Whether a ticket lets somebody in, and its state in words.
pub(super) const fn state_in_words(state: TicketState) -> (bool, &'static str) {
    match state {
        TicketState::Valid => (true, "Valid"),
        TicketState::Unpaid => (false, "Not paid"),
        TicketState::Blocked => (false, "Blocked"),
        TicketState::Cancelled => (false, "Cancelled"),
        TicketState::Revoked => (false, "Revoked"),
    }
}

/// Whether a ticket is dead since its holder sold it.
async fn is_sold(app: &App, signed: &SignedTicket) -> Result<bool, Problem> {
    let ticket = &signed.ticket;
    if ticket.state != TicketState::Revoked {
        return Ok(false);
    }
    let of = (ticket.order_id, ticket.id);
    let all = tickets::listings(app, of, None, None, MAX_LISTINGS).await?;
    Ok(all.iter().any(|one| one.state == ListingState::Sold))
}

fn ticket_view(
    app: &App,
    offer: &EventDetail,
    signed: &SignedTicket,
    is_sold: bool,
) -> Result<TicketView, Problem> {
    let ticket = &signed.ticket;
    let (is_valid, state) = state_in_words(ticket.state);
    let qr = if is_valid {
        let svg = tickets::render_qr(&signed.code, QrFormat::Svg)
            .map_err(|error| Problem::fault(&error))?;
        let svg = String::from_utf8(svg).map_err(|error| Problem::fault(&error))?;
        Some(svg)
    } else {
        None
    };
    Ok(TicketView {
        picture: is_valid
            .then(|| address(app, ticket.order_id, &format!("/tickets/{}.png", ticket.id))),
        give: is_valid.then(|| address(app, ticket.order_id, &format!("/transfer/{}", ticket.id))),
        sell: is_valid.then(|| address(app, ticket.order_id, &format!("/sell/{}", ticket.id))),
        qr,
        state: if is_sold { "Sold" } else { state },
        tier: offer
            .tier(ticket.tier_id)
            .map_or_else(|| "Ticket".to_owned(), |tier| tier.name.clone()),
        holder: ticket.holder_name.clone(),
        date: DateView::of_ticket(offer, ticket),
        seat: ticket.seat_label.clone(),
    })
}

/// Where the change of an order is that waits for its payment, and until when.
async fn change_waiting(
    app: &App,
    order: &Order,
    offer: &EventDetail,
) -> Result<Option<(String, Moment)>, Problem> {
    if order.state != OrderState::Paid {
        return Ok(None);
    }
    let waiting = changes::waiting_change(app, order.id).await?;
    Ok(waiting.and_then(|waiting| {
        let until = waiting.supplement?.expires_at;
        let until = text::time(until, &text::zone(&offer.event.time_zone));
        Some((change::path(app, order.id, waiting.id?, ""), until))
    }))
}

async fn page(
    app: &App,
    status: StatusCode,
    bought: &Bought,
    faults: Faults,
) -> Result<Response, Problem> {
    let (detail, payment) = (&bought.purchased.order, &bought.purchased.payment);
    let order = &detail.order;
    let offer = catalog::offer(app, order.event_id).await?;
    let is_held_back = payment.decline_code.as_deref() == Some(payments::UNDER_REVIEW)
        && sales::is_under_review(app, order.id).await?;
    let (mut heading, mut notices, is_waiting, is_payable) =
        in_words(order, payment, is_held_back, &offer);
    // What is left of an order that became a part of another one is nothing to show at a door.
    let is_part = order.state == OrderState::Paid
        && bought.tickets.is_empty()
        && changes::is_part_of_another(app, order.id).await?;
    if is_part {
        heading = "This order is a part of another one now";
        notices = vec![Notice {
            kind: "test",
            text: "Its tickets are with your other order for this event.".to_owned(),
        }];
    }
    let passed_on = tickets::passed_on(app, order.id).await?;
    if passed_on > 0 {
        let which = if passed_on == 1 {
            "One ticket of this order was".to_owned()
        } else {
            format!("{passed_on} tickets of this order were")
        };
        notices.push(Notice {
            kind: "test",
            text: format!("{which} passed on; the code is with whoever has it now."),
        });
    }
    let total = Money::new(order.total_minor, order.currency);
    let pay = is_payable.then(|| PayForm {
        action: address(app, order.id, "/pay"),
        key: form::new_key(&*app.random),
    });
    let mut views = Vec::with_capacity(bought.tickets.len());
    for signed in &bought.tickets {
        let is_sold = is_sold(app, signed).await?;
        views.push(ticket_view(app, &offer, signed, is_sold)?);
    }
    let change_waiting = change_waiting(app, order, &offer).await?;
    let is_changeable = order.state == OrderState::Paid
        && offer.event.state == EventState::Published
        && change_waiting.is_none()
        && views.iter().any(|view| view.qr.is_some());
    let page = OrderPage {
        shell: Shell::personal(heading)
            .of_event(order.sandbox)
            .with_faults(!faults.is_empty()),
        faults,
        state: format!("{}-{}", order.state, payment.state),
        heading,
        notices,
        is_waiting,
        here: address(app, order.id, ""),
        event: EventView::of(&offer),
        tickets: views,
        calendar: address(app, order.id, "/calendar.ics"),
        change: is_changeable.then(|| change::choose_path(app, order.id)),
        change_waiting,
        find: is_part.then(|| format!("/orders/find?event={}", offer.event.slug)),
        payment: is_payable
            .then(|| view::methods(order.total_minor, None))
            .flatten(),
        pay,
        bill: Bill::of(&offer, &detail.items, total),
        reference: order.reference.clone(),
        name: order.name.clone(),
        email: order.email.clone(),
        ordered: text::date_and_time(order.created_at, &text::zone(&offer.event.time_zone)),
    };
    shell::page(
        status,
        &page,
        if is_payable {
            Privacy::Form
        } else {
            Privacy::Secret
        },
    )
}

/// `GET /orders/{order}?token=`
pub(super) async fn show(
    State(app): State<App>,
    Path(order): Path<OrderId>,
    Query(key): Query<Key>,
) -> Result<Response, Problem> {
    let bought = tickets::bought(&app, order, &key.token).await?;
    page(&app, StatusCode::OK, &bought, Faults::default()).await
}

/// `POST /orders/{order}/pay?token=`
pub(super) async fn pay(
    State(app): State<App>,
    Path(id): Path<OrderId>,
    Query(secret): Query<Key>,
    fields: Fields,
) -> Result<Response, Problem> {
    let bought = tickets::bought(&app, id, &secret.token).await?;
    let key = fields.key().unwrap_or_else(|| form::new_key(&*app.random));
    let Ok(outcome) = fields.text("payment").parse::<SandboxOutcome>() else {
        let faults = Faults::one("payment", "Please choose what the test payment does.");
        return page(&app, StatusCode::UNPROCESSABLE_ENTITY, &bought, faults).await;
    };
    let request = PaymentRequest {
        payment: PaymentMethod::Sandbox {
            outcome,
            card: None,
        },
    };
    let paid = match tickets::pay(&app, id, request.clone(), key).await {
        // The form was used before, for another way to pay. Only one payment can be under way.
        Err(TicketError::Payment(PaymentError::Sales(SalesError::KeyReused))) => {
            tickets::pay(&app, id, request, form::new_key(&*app.random)).await
        }
        other => other,
    };
    match paid {
        // The page of the order says what there is to say.
        Ok(_) | Err(TicketError::Payment(PaymentError::NotPayable(_) | PaymentError::UnderWay)) => {
            Ok(go_to(&app, id))
        }
        Err(other) => Err(other.into()),
    }
}
