//! Changing an order from its page: its tickets and what shall happen to them, what that comes to, doing it,
//! paying for it.
//!
//! | file | holds |
//! |---|---|
//! | `choice.rs` | what somebody chose, as the steps of a change |
//! | `choose.rs` | the page on which they choose |
//! | `look.rs` | the page that says what it would come to, and doing it |
//! | `outcome.rs` | the page of a change: done, to be paid, or over |
//! | `words.rs` | refusals in words |
//!
//! What may be changed and what it comes to is for `sales::changes` to say; nothing of it is decided here.

mod choice;
mod choose;
mod look;
mod outcome;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use bilten_kernel::error::Problem;

use super::order::{self, Key};
use super::shell;
use crate::app::App;
use crate::catalog::{self, EventDetail};
use crate::sales::changes::{self, Caller, ChangeError, ChangeId, Changeable};
use crate::sales::{OrderId, SalesError};
use crate::tickets::{self, Bought};

/// The routes of these pages.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/orders/{order}/change",
            get(choose::show).post(look::confirm),
        )
        .route(
            "/orders/{order}/change/preview",
            get(choose::again).post(look::preview),
        )
        .route("/orders/{order}/changes/{change}", get(outcome::show))
        .route("/orders/{order}/changes/{change}/pay", post(outcome::pay))
        .route(
            "/orders/{order}/changes/{change}/give-up",
            post(outcome::give_up),
        )
}

/// The address at which tickets of an order are chosen.
pub(super) fn choose_path(app: &App, order: OrderId) -> String {
    order::address(app, order, "/change")
}

/// The address of a change.
pub(super) fn path(app: &App, order: OrderId, change: ChangeId, page: &str) -> String {
    order::address(app, order, &format!("/changes/{change}{page}"))
}

/// Whoever knows the secret.
fn buyer(key: &Key) -> Caller {
    Caller::Buyer {
        token: key.token.clone(),
    }
}

/// An order that can be changed.
struct Known {
    id: OrderId,
    bought: Bought,
    offer: Arc<EventDetail>,
    changeable: Changeable,
}

/// Looks for an order that can be changed; otherwise gives where its buyer is sent instead.
async fn known(app: &App, id: OrderId, key: &Key) -> Result<Result<Known, Response>, Problem> {
    let bought = tickets::bought(app, id, &key.token).await?;
    if let Some(waiting) = waiting(app, id).await? {
        return Ok(Err(waiting));
    }
    let changeable = match changes::changeable(app, &buyer(key), id).await {
        Ok(changeable) => changeable,
        // Its page says how it stands.
        Err(ChangeError::Merged | ChangeError::Sales(SalesError::State(_))) => {
            return Ok(Err(order::go_to(app, id)));
        }
        Err(error) => return Err(error.into()),
    };
    let offer = catalog::offer(app, bought.purchased.order.order.event_id).await?;
    Ok(Ok(Known {
        id,
        bought,
        offer,
        changeable,
    }))
}

/// Sends the browser to the change that waits for its payment, if there is one.
async fn waiting(app: &App, id: OrderId) -> Result<Option<Response>, Problem> {
    let found = changes::waiting_change(app, id).await?;
    let change = found.and_then(|change| change.id);
    Ok(change.map(|change| shell::see_other(&path(app, id, change, ""))))
}
