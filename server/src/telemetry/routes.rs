//! Signs of life, the public status, and what administrators look at and change.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::Problem;
use bilten_kernel::http::Json;
use bilten_kernel::telemetry::Verbosity;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::health::{Check, Condition, Group, Outage, Part};
use super::{Reloaded, reload};
use crate::app::App;
use crate::identity::PlatformAdmin;
use crate::platform::{self, Maintenance, Notice, TemporaryLevel};

/// The routes of the watch.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(livez))
        .routes(routes!(readyz))
        .routes(routes!(status))
        .routes(routes!(health))
        .routes(routes!(log_level, set_log_level, end_log_level))
        .routes(routes!(reload_configuration))
}

/// Whether the server can do its work.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Ready {
    /// `ok`, or `degraded` if something needs somebody's eye.
    status: Condition,
    /// The version of this server.
    version: &'static str,
    /// The database engine: `sqlite` or `postgres`.
    database: &'static str,
    /// How its parts were when it last looked; what was seen is told to administrators only.
    parts: Vec<PartState>,
}

/// How a part of the server is.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PartState {
    /// Which part.
    part: Part,
    /// How it is.
    condition: Condition,
}

/// The process is alive
#[utoipa::path(get, path = "/livez", tag = "operations", responses((status = 204)))]
async fn livez() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// The server can serve: its database answers
///
/// What is degraded does not take the server out of service: it would be so on any other, or it
/// can still sell.
#[utoipa::path(get, path = "/readyz", tag = "operations",
    responses((status = 200, body = Ready), (status = 503, body = Problem)))]
async fn readyz(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    if app.draining.is_begun() {
        return Err(Problem::unavailable(
            "platform.stopping",
            "This node is about to stop.",
        ));
    }
    platform::ping(&app).await.map_err(|error| {
        tracing::error!(%error, "the database does not answer");
        Problem::unavailable("platform.not_ready", "The database does not answer.").retry_after(5)
    })?;
    let (checks, _) = app.health.checks();
    // It answered just now, whatever was seen before.
    let seen = checks.iter().filter(|check| check.part != Part::Database);
    let mut parts = vec![PartState {
        part: Part::Database,
        condition: Condition::Ok,
    }];
    parts.extend(seen.map(|check| PartState {
        part: check.part,
        condition: check.condition,
    }));
    let is_well = parts.iter().all(|part| part.condition == Condition::Ok);
    let ready = Ready {
        status: if is_well {
            Condition::Ok
        } else {
            Condition::Degraded
        },
        version: env!("CARGO_PKG_VERSION"),
        database: app.db.engine(),
        parts,
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(ready)))
}

/// How the service is, for everybody.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Status {
    /// The worst of all.
    condition: Condition,
    /// What people use.
    groups: Vec<GroupState>,
    /// What administrators say about an incident.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<Notice>,
    /// Maintenance that is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    maintenance: Option<Maintenance>,
    /// What did not work in the last days, as this server saw it since its start, newest first.
    outages: Vec<Outage>,
}

/// How something that people use is.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct GroupState {
    /// What.
    group: Group,
    /// How it is.
    condition: Condition,
}

/// How the service is
#[utoipa::path(get, path = "/api/v1/status", tag = "operations",
    responses((status = 200, body = Status), (status = "4XX", body = Problem)))]
async fn status(State(app): State<App>) -> impl IntoResponse {
    let groups = app.health.groups();
    let status = Status {
        condition: groups
            .iter()
            .map(|(_, condition)| *condition)
            .max()
            .unwrap_or(Condition::Ok),
        groups: groups
            .into_iter()
            .map(|(group, condition)| GroupState { group, condition })
            .collect(),
        notice: platform::setting(&app, &platform::STATUS_NOTICE).await,
        maintenance: platform::setting(&app, &platform::MAINTENANCE).await,
        outages: app.health.outages(app.now()),
    };
    ([(CACHE_CONTROL, "public, max-age=15")], Json(status))
}

/// How this node is.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct NodeHealth {
    /// Since when it is watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    /// When it was looked at last.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    /// What was seen.
    checks: Vec<Check>,
    /// What did not work in the last days, newest first.
    outages: Vec<Outage>,
}

/// How this node is, with what was seen
#[utoipa::path(get, path = "/api/v1/platform/health", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    responses((status = 200, body = NodeHealth), (status = "4XX", body = Problem)))]
async fn health(State(app): State<App>, _: PlatformAdmin) -> Json<NodeHealth> {
    let (checks, at) = app.health.checks();
    Json(NodeHealth {
        since: app.health.since(),
        at,
        checks,
        outages: app.health.outages(app.now()),
    })
}

/// How much is logged.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct LogState {
    /// What this node logs.
    level: String,
    /// What the configuration says.
    configured: String,
    /// What was set for a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    temporary: Option<TemporaryLevel>,
}

async fn log_state(app: &App) -> LogState {
    LogState {
        level: app.log.level(),
        configured: app.config.log.level.clone(),
        temporary: platform::temporary_log_level(app).await,
    }
}

/// How much is logged
#[utoipa::path(get, path = "/api/v1/platform/log-level", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    responses((status = 200, body = LogState), (status = "4XX", body = Problem)))]
async fn log_level(State(app): State<App>, _: PlatformAdmin) -> Json<LogState> {
    Json(log_state(&app).await)
}

/// Another level for a while.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLevel {
    /// From which importance on lines are written.
    level: Verbosity,
    /// For how long.
    #[schema(minimum = 1, maximum = 1440)]
    minutes: u32,
    /// Why.
    reason: String,
}

/// Log more or less than configured, for some minutes, on all nodes
///
/// Other nodes follow within ten seconds. More is said by Bilten's own parts only.
#[utoipa::path(put, path = "/api/v1/platform/log-level", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    responses((status = 200, body = LogState), (status = "4XX", body = Problem)))]
async fn set_log_level(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    Json(new): Json<NewLevel>,
) -> Result<Json<LogState>, Problem> {
    let actor = admin.user.to_string();
    platform::set_log_level(&app, new.level, new.minutes, &actor, &new.reason).await?;
    Ok(Json(log_state(&app).await))
}

/// Log as configured, before the time is over
#[utoipa::path(delete, path = "/api/v1/platform/log-level", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    responses((status = 200, body = LogState), (status = "4XX", body = Problem)))]
async fn end_log_level(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
) -> Result<Json<LogState>, Problem> {
    platform::end_log_level(&app, &admin.user.to_string(), "no longer needed").await?;
    Ok(Json(log_state(&app).await))
}

/// Read this node's configuration again
///
/// What can change without a restart does, if everything is right; otherwise all stays as it was
/// and `platform.configuration_wrong` says why. The same as SIGHUP.
#[utoipa::path(post, path = "/api/v1/platform/configuration/reload", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    responses((status = 200, body = Reloaded), (status = "4XX", body = Problem)))]
async fn reload_configuration(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
) -> Result<Json<Reloaded>, Problem> {
    use bilten_kernel::error::IntoProblem;
    let reloaded = reload(&app, &admin.user.to_string()).await;
    reloaded.map(Json).map_err(IntoProblem::into_problem)
}
