//! `GET /api`: which versions there are and what is deprecated.

use axum::extract::State;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::Problem;
use bilten_kernel::http::Json;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::versions::{DEPRECATED, VERSIONS, VersionState};
use super::{DESCRIPTION, DOCS};
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(versions))
}

/// Which versions of the API there are.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct ApiVersions {
    /// The versions, the oldest first; they are served side by side.
    versions: Vec<ApiVersion>,
    /// The routes that others replace.
    deprecated: Vec<DeprecatedRoute>,
    /// The address of the description of all versions (OpenAPI 3.1).
    openapi: &'static str,
    /// The address of the interactive documentation.
    docs: &'static str,
}

/// A version of the API.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct ApiVersion {
    /// Its name.
    version: &'static str,
    /// How far it is in its life.
    state: VersionState,
    /// How its addresses begin.
    path: String,
    /// What it holds, in a sentence.
    holds: &'static str,
}

/// A route that another one replaces.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct DeprecatedRoute {
    /// Its method.
    method: &'static str,
    /// Its address.
    path: &'static str,
    /// Why, in a sentence.
    reason: &'static str,
    /// The address that replaces it.
    successor: &'static str,
    /// Since when it should not be used any more.
    deprecated_at: Timestamp,
    /// From when it answers 410 only.
    sunset_at: Timestamp,
    /// Whether that time has come.
    is_ended: bool,
}

/// List the versions of the API, what is deprecated, and where all is described
#[utoipa::path(get, path = "/api", tag = "operations",
    responses((status = 200, body = ApiVersions), (status = "4XX", body = Problem)))]
async fn versions(State(app): State<App>) -> Json<ApiVersions> {
    let now = app.now();
    let versions = VERSIONS.iter().map(|version| ApiVersion {
        version: version.name,
        state: version.state,
        path: format!("/api/{}/", version.name),
        holds: version.holds,
    });
    let deprecated = DEPRECATED.iter().map(|one| DeprecatedRoute {
        method: one.method,
        path: one.path,
        reason: one.reason,
        successor: one.successor,
        deprecated_at: one.since_at(),
        sunset_at: one.sunset_at(),
        is_ended: now >= one.sunset_at(),
    });
    Json(ApiVersions {
        versions: versions.collect(),
        deprecated: deprecated.collect(),
        openapi: DESCRIPTION,
        docs: DOCS,
    })
}
