//! The API as a whole: its description, its versions, its documentation.
//!
//! Owns no table. Domains describe their routes beside the handlers; what every route has in common
//! is said here once, from what the layers and extractors around it do.
//!
//! | file | holds |
//! |---|---|
//! | `description.rs` | what the document says of the API: title, tags, ways to prove who one is |
//! | `complete.rs` | [`document`]: adds to each operation what all of its kind have |
//! | `operation.rs` | an operation while it is being completed, and what can be seen of it |
//! | `answers.rs` | which refusals an operation of a kind can meet, as shared responses with headers |
//! | `parameters.rs` | parameters that many operations share |
//! | `names.rs` | `operationId`s: a verb and a noun, by the address |
//! | `stream.rs` | streams of server-sent events |
//! | `examples.rs` | examples of the way from an event to a paid order |
//! | `versions.rs` | versions side by side, what is deprecated, and the layer that says so |
//! | `index.rs` | `GET /api` |
//! | `docs.rs` | the interactive documentation, without anything from another host |
//!
//! How routes look, and how one gets a `v2`: `docs/api-style.md`. The rules are checked in
//! `server/tests/it/openapi/`.

mod answers;
mod complete;
mod description;
mod docs;
pub mod examples;
mod index;
mod names;
mod operation;
mod parameters;
pub(crate) mod stream;
mod versions;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

pub use complete::document;
pub use description::description;
pub(crate) use versions::announce;
pub use versions::{DEPRECATED, Deprecation, VERSIONS, Version, VersionState};

/// Where the description is; it holds all versions.
pub const DESCRIPTION: &str = "/api/openapi.json";
/// Where it was before there were two versions, and still is.
const DESCRIPTION_OF_V1: &str = "/api/v1/openapi.json";
/// Where the interactive documentation is.
pub const DOCS: &str = "/api/docs";

/// Addresses below `/api/` that the description does not describe: itself, and pages about it.
pub const UNDESCRIBED: &[&str] = &[DESCRIPTION, DESCRIPTION_OF_V1, DOCS, docs::FILES];

/// The routes that the description describes.
pub fn routes() -> OpenApiRouter<App> {
    index::routes()
}

/// The description itself and the pages about it.
pub fn undescribed(document: &Value) -> Router<App> {
    let text: axum::body::Bytes = serde_json::to_vec(document).unwrap_or_default().into();
    let serve = move || {
        let text = text.clone();
        async move {
            let kind = HeaderValue::from_static("application/json");
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
    };
    Router::new()
        .route(DESCRIPTION, get(serve.clone()))
        .route(DESCRIPTION_OF_V1, get(serve))
        .merge(docs::routes())
}
