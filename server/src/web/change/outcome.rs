//! The page of a change: what was done, what is to be paid for it, or why nothing came of it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Path, Query};
use bilten_kernel::money::Money;

use super::super::form::{self, Faults, Fields};
use super::super::order::{self, Key, Notice, PayForm, declined as why};
use super::super::shell::{self, Privacy, Shell};
use super::super::text;
use super::super::view::{self, EventView, Method, place};
use super::{buyer, choose_path, path};
use crate::app::App;
use crate::catalog::{self, EventDetail};
use crate::payments::{
    self, Payment, PaymentError, PaymentMethod, PaymentRequest, PaymentState, SandboxOutcome,
};
use crate::sales::changes::{self, ChangeId, ChangeState, OrderChange};
use crate::sales::{self, Order, OrderId, OrderState, SalesError};
use crate::tickets::{self, TicketError};

#[derive(Template)]
#[template(path = "change.html")]
struct ChangePage {
    shell: Shell,
    faults: Faults,
    state: String,
    heading: &'static str,
    notices: Vec<Notice>,
    is_waiting: bool,
    here: String,
    event: EventView,
    /// The order after the change, if that is done or can still be.
    lines: Vec<LineView>,
    total: String,
    is_done: bool,
    pay: Option<PayForm>,
    payment: Option<Vec<Method>>,
    due: String,
    give_up: Option<String>,
    choose: String,
    back: String,
}

struct LineView {
    name: String,
    quantity: u32,
    place: String,
    amount: String,
}

/// Where a change stands for its buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is done.
    Done,
    /// It is to be paid.
    Payable,
    /// Its payment is not answered yet.
    Waiting,
    /// Nothing comes of it.
    Over,
}

/// The order that is paid for a change.
struct Supplement {
    order: Order,
    payment: Option<Payment>,
}

impl Supplement {
    async fn of(app: &App, change: &OrderChange) -> Result<Option<Self>, Problem> {
        let Some(due) = &change.supplement else {
            return Ok(None);
        };
        Ok(Some(Self {
            order: sales::order(app, due.order_id).await?.order,
            payment: payments::latest(app, due.order_id).await?,
        }))
    }

    /// Where its last payment stands.
    fn paid(&self) -> PaymentState {
        let payment = self.payment.as_ref();
        payment.map_or(PaymentState::Declined, |payment| payment.state)
    }

    /// Why its last payment was declined, unless that is only that there was none yet.
    fn declined(&self) -> Option<&str> {
        let code = self.payment.as_ref()?.decline_code.as_deref();
        code.filter(|code| *code != payments::AMOUNT_DUE)
    }

    fn standing(&self, now: Timestamp) -> Standing {
        let is_over = self.order.expires_at.is_some_and(|until| until <= now);
        match (self.order.state, self.paid()) {
            (OrderState::Pending, _) if is_over => Standing::Over,
            (OrderState::Pending, PaymentState::Declined) => Standing::Payable,
            (
                OrderState::Pending,
                PaymentState::Pending | PaymentState::Succeeded | PaymentState::Refunded,
            ) => Standing::Waiting,
            (
                OrderState::Paid
                | OrderState::Cancelled
                | OrderState::Expired
                | OrderState::Refunded,
                _,
            ) => Standing::Over,
        }
    }
}

fn standing(change: &OrderChange, supplement: Option<&Supplement>, now: Timestamp) -> Standing {
    match (change.state, supplement) {
        (ChangeState::Done, _) => Standing::Done,
        (ChangeState::Pending, Some(supplement)) => supplement.standing(now),
        (ChangeState::Pending | ChangeState::Preview | ChangeState::Void, _) => Standing::Over,
    }
}

/// Where a change stands, in words: heading and messages.
fn in_words(
    offer: &EventDetail,
    change: &OrderChange,
    standing: Standing,
    supplement: Option<&Supplement>,
) -> (&'static str, Vec<Notice>) {
    let zone = text::zone(&offer.event.time_zone);
    let until = supplement.and_then(|supplement| supplement.order.expires_at);
    let until = until.map_or_else(String::new, |at| text::time(at, &zone).text);
    let amount = |minor: i64| text::amount(Money::new(minor, change.currency));
    let notice = |kind: &'static str, text: String| vec![Notice { kind, text }];
    match standing {
        Standing::Done => {
            let money = if change.money.refund_minor > 0 {
                format!(
                    " {} goes back the way you paid.",
                    amount(change.money.refund_minor)
                )
            } else {
                String::new()
            };
            let text = format!(
                "Done.{money} Tickets that were changed have new codes: older pictures and printouts of them let \
                 nobody in."
            );
            ("Your order is changed", notice("good", text))
        }
        Standing::Payable => {
            let declined = supplement.and_then(Supplement::declined);
            let ends = format!(
                "Please pay until {until}: what you chose is reserved until then, and your order stays as it is."
            );
            match declined {
                Some(code) => {
                    let text = format!("{} You have paid nothing. {ends}", why(Some(code)));
                    ("The payment did not go through", notice("bad", text))
                }
                None => ("Pay for your change", notice("hold", ends)),
            }
        }
        Standing::Waiting => {
            let text = format!(
                "The payment has not been confirmed yet. This page looks again by itself; what you chose is \
                 reserved until {until}. There is no need to pay twice."
            );
            ("Waiting for your payment", notice("test", text))
        }
        Standing::Over => {
            let money = match supplement.map(Supplement::paid) {
                Some(PaymentState::Refunded | PaymentState::Succeeded) => {
                    "It could not be made any more when you paid, so the money goes back."
                }
                Some(PaymentState::Pending) => {
                    "It was not paid in time. Should a payment still arrive, it goes back."
                }
                Some(PaymentState::Declined) | None => "It was not paid, so you have paid nothing.",
            };
            let text = format!("{money} Your order is as it was.");
            ("Nothing was changed", notice("bad", text))
        }
    }
}

async fn page(
    app: &App,
    id: OrderId,
    change: &OrderChange,
    status: StatusCode,
    faults: Faults,
) -> Result<Response, Problem> {
    let order = sales::order(app, id).await?.order;
    let offer = catalog::offer(app, order.event_id).await?;
    let supplement = Supplement::of(app, change).await?;
    let standing = standing(change, supplement.as_ref(), app.now());
    let (heading, notices) = in_words(&offer, change, standing, supplement.as_ref());
    let amount = |minor: i64| text::amount(Money::new(minor, change.currency));
    let address = |page: &str| match change.id {
        Some(change) => path(app, id, change, page),
        None => order::address(app, id, ""),
    };
    let paid = supplement.as_ref().map_or("", |one| one.paid().as_str());
    let due = supplement.as_ref().map_or(0, |one| one.order.total_minor);
    let is_payable = standing == Standing::Payable;
    let lines = change.after.lines.iter().map(|line| {
        let seats: Vec<&str> = line
            .units
            .iter()
            .filter_map(|unit| unit.seat.as_ref())
            .map(|seat| seat.label.as_str())
            .collect();
        LineView {
            name: line.label.clone(),
            quantity: line.quantity,
            place: place(&offer, line.occurrence_id, &seats),
            amount: amount(line.total_minor),
        }
    });
    let page = ChangePage {
        shell: Shell::personal(heading)
            .of_event(order.sandbox)
            .with_faults(!faults.is_empty()),
        faults,
        state: format!("{}-{paid}-{standing:?}", change.state),
        heading,
        notices,
        is_waiting: standing == Standing::Waiting,
        here: address(""),
        event: EventView::of(&offer),
        lines: if standing == Standing::Over {
            Vec::new()
        } else {
            lines.collect()
        },
        total: amount(change.after.total_minor),
        is_done: standing == Standing::Done,
        pay: is_payable.then(|| PayForm {
            action: address("/pay"),
            key: form::new_key(&*app.random),
        }),
        payment: is_payable.then(|| view::methods(due, None)).flatten(),
        due: amount(due),
        give_up: is_payable.then(|| address("/give-up")),
        choose: choose_path(app, id),
        back: order::address(app, id, ""),
    };
    shell::page(status, &page, Privacy::SecretForm)
}

/// A change of an order, for whoever knows the order's secret.
async fn found(
    app: &App,
    id: OrderId,
    change: ChangeId,
    key: &Key,
) -> Result<OrderChange, Problem> {
    let found = changes::change_shown(app, &buyer(key), id, change).await?;
    Ok(found.ok_or(SalesError::OrderNotFound)?)
}

/// `GET /orders/{order}/changes/{change}?token=`
pub(super) async fn show(
    State(app): State<App>,
    Path((id, change)): Path<(OrderId, ChangeId)>,
    Query(key): Query<Key>,
) -> Result<Response, Problem> {
    let change = found(&app, id, change, &key).await?;
    page(&app, id, &change, StatusCode::OK, Faults::default()).await
}

/// `POST /orders/{order}/changes/{change}/pay?token=`
pub(super) async fn pay(
    State(app): State<App>,
    Path((id, change)): Path<(OrderId, ChangeId)>,
    Query(secret): Query<Key>,
    fields: Fields,
) -> Result<Response, Problem> {
    let found = found(&app, id, change, &secret).await?;
    let back = shell::see_other(&path(&app, id, change, ""));
    let Some(due) = &found.supplement else {
        return Ok(back);
    };
    let key = fields.key().unwrap_or_else(|| form::new_key(&*app.random));
    let Ok(outcome) = fields.text("payment").parse::<SandboxOutcome>() else {
        let faults = Faults::one("payment", "Please choose what the test payment does.");
        return page(&app, id, &found, StatusCode::UNPROCESSABLE_ENTITY, faults).await;
    };
    let request = PaymentRequest {
        payment: PaymentMethod::Sandbox {
            outcome,
            card: None,
        },
    };
    let paid = match tickets::pay(&app, due.order_id, request.clone(), key).await {
        // The form was used before, for another way to pay. Only one payment can be under way.
        Err(TicketError::Payment(PaymentError::Sales(SalesError::KeyReused))) => {
            tickets::pay(&app, due.order_id, request, form::new_key(&*app.random)).await
        }
        other => other,
    };
    match paid {
        // The page of the change says what there is to say.
        Ok(_) | Err(TicketError::Payment(PaymentError::NotPayable(_) | PaymentError::UnderWay)) => {
            Ok(back)
        }
        Err(other) => Err(other.into()),
    }
}

/// `POST /orders/{order}/changes/{change}/give-up?token=`
pub(super) async fn give_up(
    State(app): State<App>,
    Path((id, change)): Path<(OrderId, ChangeId)>,
    Query(key): Query<Key>,
) -> Result<Response, Problem> {
    let found = found(&app, id, change, &key).await?;
    if let Some(due) = &found.supplement {
        match sales::cancel_pending(&app, due.order_id).await {
            // Whatever came in between, the page of the change says how it stands.
            Ok(()) | Err(SalesError::State(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(shell::see_other(&path(&app, id, change, "")))
}
