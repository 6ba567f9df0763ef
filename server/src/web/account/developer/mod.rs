//! What developers of an organisation's programs look after themselves: keys, webhooks, and what their
//! programs asked.
//!
//! | file | holds |
//! |---|---|
//! | `overview.rs` | the organisations, and one of them with its keys, webhooks and newest requests |
//! | `keys.rs` | keys that are made, replaced and ended |
//! | `requests.rs` | the requests of programs, and one of them |

mod keys;
mod overview;
mod requests;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

/// The routes of these pages.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/account/developer", get(overview::show))
        .route("/account/developer/{slug}", get(overview::open))
        .route("/account/developer/{slug}/keys/new", get(keys::show_new))
        .route("/account/developer/{slug}/keys", post(keys::make))
        .route(
            "/account/developer/{slug}/keys/{key}/rotate",
            post(keys::rotate),
        )
        .route("/account/developer/{slug}/keys/{key}/end", post(keys::end))
        .route(
            "/account/developer/{slug}/webhooks/{endpoint}/test",
            post(overview::test),
        )
        .route("/account/developer/{slug}/requests", get(requests::list))
        .route(
            "/account/developer/{slug}/requests/{request}",
            get(requests::show),
        )
}
