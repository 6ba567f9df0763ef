//! The storefront: pages for people, from the list of events to the tickets, and their accounts.
//!
//! Owns no table and calls services only. Every page works without scripts (but for passkeys, which
//! browsers offer to scripts only) and without anything from another host; those of events and
//! orders without cookies, too.
//!
//! | file | holds |
//! |---|---|
//! | `shell.rs` | what all pages share: head, headers, rendering |
//! | `assets.rs` | style, script and icon, embedded, under addresses that change with them |
//! | `guard.rs` | refuses forms that other sites send |
//! | `problem.rs` | errors as pages |
//! | `form.rs` | what a form sent, and what is wrong with it |
//! | `text.rs` | money, times and descriptions for people |
//! | `view.rs` | an event and a bill as pages show them |
//! | `details.rs` | what else there is to know of an event, in the reader's language |
//! | `home.rs` `organisation.rs` `event.rs` `checkout.rs` `order.rs` | the pages, each with its handlers |
//! | `asked/` `countries.rs` | what an event asks of those who buy, as a part of the checkout's form |
//! | `date_choice.rs` `date_pages.rs` | choosing a date of an event, month by month where there are many |
//! | `shelf.rs` | the tiers of an event as its page sells them |
//! | `change/` | changing an order, and giving tickets back |
//! | `find.rs` | finding one's tickets again |
//! | `transfer.rs` `resale.rs` `resold.rs` `waitlist.rs` | passing a ticket on, selling it on, buying it; waiting for one |
//! | `status.rs` | how the service is |
//! | `waiting.rs` | the waiting room: a static page, and one that says how it stands |
//! | `account/` | signing in, and what somebody can see and change of their account |
//! | `files.rs` `calendar.rs` | pictures of tickets, calendar entries, `robots.txt` |
//!
//! To add a page: a template in `server/templates/`, a struct with `#[derive(Template)]` that holds
//! a [`shell::Shell`], a handler that gives `Result<Response, Problem>`, a route below, and its
//! name in the tests that render every page.
//!
//! Invariants:
//! - a form that was sent twice, by an impatient thumb or a network that lost the answer, buys
//!   once: the checkout's idempotency key is the hold itself;
//! - nobody pays another amount than the page showed;
//! - pages of an order are kept by no cache and named to no other site.

mod account;
mod asked;
pub(crate) mod assets;
mod calendar;
mod change;
mod checkout;
mod countries;
mod date_choice;
mod date_pages;
mod details;
mod event;
mod files;
mod find;
mod form;
mod guard;
mod home;
mod order;
mod organisation;
mod problem;
mod resale;
mod resold;
mod shelf;
mod shell;
mod status;
mod text;
mod transfer;
mod view;
mod waiting;
mod waitlist;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

pub use problem::errors_as_pages;

/// The pages that the description of the API names, since programs send people there.
pub fn described() -> OpenApiRouter<App> {
    account::oauth::routes()
}

/// The routes of the storefront. Wrap the merged router in [`errors_as_pages`] as well.
pub fn routes(app: &App) -> Router<App> {
    Router::new()
        .route("/", get(home::show))
        .route("/e/{slug}", get(event::show))
        .route("/e/{slug}/hold", post(event::hold))
        .route("/e/{slug}/resale/{listing}", post(resold::buy))
        .route("/o/{slug}", get(organisation::show))
        .route("/o/{slug}/colours.css", get(organisation::colours))
        .route("/checkout/{hold}", get(checkout::show).post(checkout::buy))
        .route("/checkout/{hold}/release", post(checkout::release))
        .route("/orders/find", get(find::show).post(find::find))
        .route("/orders/{order}", get(order::show))
        .route("/orders/{order}/pay", post(order::pay))
        .route("/orders/{order}/calendar.ics", get(files::calendar))
        .route("/orders/{order}/tickets/{file}", get(files::ticket))
        .merge(change::routes())
        .merge(waiting::forms())
        .route(
            "/orders/{order}/transfer/{ticket}",
            get(transfer::show_offer).post(transfer::offer),
        )
        .route(
            "/orders/{order}/transfer/{ticket}/cancel",
            post(transfer::cancel),
        )
        .route(
            "/orders/{order}/sell/{ticket}",
            get(resale::show_of_order).post(resale::list_of_order),
        )
        .route(
            "/orders/{order}/sell/{ticket}/withdraw",
            post(resale::withdraw_of_order),
        )
        .route(
            "/transfers/{transfer}/sell",
            get(resale::show_of_transfer).post(resale::list_of_transfer),
        )
        .route(
            "/transfers/{transfer}/sell/withdraw",
            post(resale::withdraw_of_transfer),
        )
        .route("/transfers/{transfer}", get(transfer::show))
        .route("/transfers/{transfer}/accept", post(transfer::accept))
        .route("/transfers/{transfer}/decline", post(transfer::decline))
        .route("/transfers/{transfer}/offer", post(transfer::offer_onward))
        .route("/transfers/{transfer}/keep", post(transfer::keep))
        .route("/transfers/{transfer}/ticket.png", get(transfer::picture))
        .route(
            "/e/{slug}/waitlist",
            get(waitlist::form).post(waitlist::join),
        )
        .route("/waitlist/{entry}", get(waitlist::show))
        .route("/waitlist/{entry}/leave", post(waitlist::leave))
        .merge(account::routes())
        .route_layer(from_fn_with_state(app.clone(), guard::refuse_other_sites))
        .merge(waiting::pages())
        .route("/status", get(status::show))
        .route("/assets/{hash}/{name}", get(assets::serve))
        .route("/robots.txt", get(files::robots))
}
