//! The storefront.

use axum::Router;

use crate::app::App;

/// The pages.
pub fn routes() -> Router<App> {
    Router::new()
}
