//! The platform over HTTP: for its administrators, and an organisation's own audit trail.
//!
//! Who may call is for identity to say, which comes after this domain: routes use its extractors,
//! services know nothing of it.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{ClientIp, Json, Page, PageQuery, Path, Query};
use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::*;
use super::service;
use crate::app::App;
use crate::identity::{Organiser, PlatformAdmin, RecentlyAuthenticated, permit};

/// The routes of the platform.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(trail))
        .routes(routes!(audit_log))
        .routes(routes!(export))
        .routes(routes!(settings))
        .routes(routes!(set))
        .routes(routes!(history))
        .routes(routes!(roll_back))
        .routes(routes!(keys))
        .routes(routes!(rotate))
        .routes(routes!(close))
        .routes(routes!(open))
        .routes(routes!(blocks))
        .routes(routes!(lift))
        .routes(routes!(outbox))
        .routes(routes!(dead_letters))
        .routes(routes!(replay_letters))
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let ClientIp(ip) = ClientIp::from_request_parts(parts, state).await?;
        let user_agent = parts.headers.get(USER_AGENT);
        let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()));
        Ok(Self::new(ip, &user_agent.unwrap_or_default()))
    }
}

/// Which entries are wanted; all that is given must fit.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TrailQuery {
    /// How many entries, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before; absent for the first page.
    cursor: Option<String>,
    /// Done by this actor.
    actor: Option<String>,
    /// Done to this.
    subject: Option<String>,
    /// Whose action begins so, such as `members.`.
    action: Option<String>,
    /// Not before.
    from: Option<Timestamp>,
    /// Before.
    until: Option<Timestamp>,
}

impl TrailQuery {
    fn split(self) -> (AuditFilter, PageQuery) {
        let filter = AuditFilter {
            actor: self.actor,
            subject: self.subject,
            action: self.action,
            from: self.from,
            until: self.until,
            ..AuditFilter::default()
        };
        let page = PageQuery {
            limit: self.limit,
            cursor: self.cursor,
        };
        (filter, page)
    }
}

/// What was done in the organisation, newest first
#[utoipa::path(get, path = "/api/v1/audit", tag = "organisations", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("audit.read"))), params(TrailQuery),
    responses((status = 200, body = Page<AuditEntry>), (status = "4XX", body = Problem)))]
async fn trail(
    State(app): State<App>,
    organiser: Organiser<permit::AuditRead>,
    Query(query): Query<TrailQuery>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let (filter, page) = query.split();
    let filter = AuditFilter {
        organisation: Some(organiser.organisation().to_string()),
        ..filter
    };
    Ok(Json(service::audit_page(&app, filter, &page, false).await?))
}

/// What of the whole log is wanted besides.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// How many entries, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before; absent for the first page.
    cursor: Option<String>,
    /// Of this organisation's trail.
    organisation: Option<String>,
    /// Done by this actor.
    actor: Option<String>,
    /// Done to this.
    subject: Option<String>,
    /// With an origin of this person.
    person: Option<String>,
    /// Whose action begins so, such as `members.`.
    action: Option<String>,
    /// Not before.
    from: Option<Timestamp>,
    /// Before.
    until: Option<Timestamp>,
    /// With the addresses of those who have not been forgotten; asking for them is recorded.
    #[serde(default)]
    origins: bool,
}

/// What was done anywhere, newest first
#[utoipa::path(get, path = "/api/v1/platform/audit", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))), params(LogQuery),
    responses((status = 200, body = Page<AuditEntry>), (status = "4XX", body = Problem)))]
async fn audit_log(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    Query(query): Query<LogQuery>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let filter = AuditFilter {
        organisation: query.organisation,
        actor: query.actor,
        subject: query.subject,
        person: query.person,
        action: query.action,
        from: query.from,
        until: query.until,
    };
    if query.origins {
        service::note_origins_read(&app, &admin.user.to_string()).await?;
    }
    Ok(Json(
        service::audit_page(&app, filter, &page, query.origins).await?,
    ))
}

/// From where on the log is wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// After this entry; the `seq` of the last line that was had before.
    after: Option<i64>,
    /// Since this time, if `after` is absent.
    since: Option<Timestamp>,
    /// With the addresses of those who have not been forgotten; asking for them is recorded.
    #[serde(default)]
    origins: bool,
}

/// The audit log as lines of JSON for a SIEM, oldest first
///
/// At most 10,000 lines; ask again with the `seq` of the last one until nothing comes.
#[utoipa::path(get, path = "/api/v1/platform/audit/export", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))), params(ExportQuery),
    responses((status = 200, body = String, content_type = "application/x-ndjson"), (status = "4XX", body = Problem)))]
async fn export(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    if query.origins {
        service::note_origins_read(&app, &admin.user.to_string()).await?;
    }
    let after = match (query.after, query.since) {
        (Some(after), _) => Some(after),
        (None, Some(since)) => service::audit_export_start(&app.db, since).await?,
        (None, None) => Some(0),
    };
    let entries = match after {
        Some(after) => service::audit_export(&app.db, &app.vault, after, query.origins).await?,
        None => Vec::new(),
    };
    let mut lines = String::new();
    for entry in entries {
        lines += &serde_json::to_string(&entry).map_err(|error| Problem::fault(&error))?;
        lines.push('\n');
    }
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], lines).into_response())
}

/// All settings and flags
#[utoipa::path(get, path = "/api/v1/platform/settings", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    responses((status = 200, body = Vec<SettingState>), (status = "4XX", body = Problem)))]
async fn settings(
    State(app): State<App>,
    _: PlatformAdmin,
) -> Result<Json<Vec<SettingState>>, Problem> {
    Ok(Json(service::settings_list(&app).await?))
}

/// A new value.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSetting {
    /// The value; nothing sets it back to its default.
    #[schema(value_type = Option<Value>)]
    value: Option<Value>,
    /// The version that was seen.
    version: i64,
    /// Why.
    reason: String,
}

/// Change a setting or a flag
///
/// Refused with `platform.stale` if somebody has changed it since the version that was seen.
#[utoipa::path(put, path = "/api/v1/platform/settings/{key}", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))), params(("key" = String, Path)),
    responses((status = 200, body = SettingState), (status = "4XX", body = Problem)))]
async fn set(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    Path(key): Path<String>,
    Json(new): Json<NewSetting>,
) -> Result<Json<SettingState>, Problem> {
    let actor = admin.user.to_string();
    let set = service::set_setting(&app, &key, new.value, new.version, &actor, &new.reason);
    Ok(Json(set.await?))
}

/// How a setting was changed, newest first
#[utoipa::path(get, path = "/api/v1/platform/settings/{key}/history", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))), params(("key" = String, Path), PageQuery),
    responses((status = 200, body = Page<SettingChange>), (status = "4XX", body = Problem)))]
async fn history(
    State(app): State<App>,
    _: PlatformAdmin,
    Path(key): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<SettingChange>>, Problem> {
    Ok(Json(service::setting_history(&app, &key, &page).await?))
}

/// Which version is wanted back.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rollback {
    /// The version to go back to; 0 is the default.
    to: i64,
    /// The version that was seen.
    version: i64,
    /// Why.
    reason: String,
}

/// Set a setting to what it was at an earlier version
#[utoipa::path(post, path = "/api/v1/platform/settings/{key}/rollback", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))), params(("key" = String, Path)),
    responses((status = 200, body = SettingState), (status = "4XX", body = Problem)))]
async fn roll_back(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    Path(key): Path<String>,
    Json(back): Json<Rollback>,
) -> Result<Json<SettingState>, Problem> {
    let actor = admin.user.to_string();
    let set = service::roll_back_setting(&app, &key, back.to, back.version, &actor, &back.reason);
    Ok(Json(set.await?))
}

/// Where the keys stand that seal secrets
#[utoipa::path(get, path = "/api/v1/platform/keys", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    responses((status = 200, body = KeysReport), (status = "4XX", body = Problem)))]
async fn keys(State(app): State<App>, _: PlatformAdmin) -> Result<Json<KeysReport>, Problem> {
    Ok(Json(service::keys_report(&app).await?))
}

text_enum! {
    /// Which key is replaced.
    enum Layer {
        /// The data key: a new one seals, and everything is sealed again by it.
        Data = "data",
        /// The master key: all data keys are wrapped by the one this server is configured with.
        Master = "master",
    }
}

/// Which key to replace.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// Which one.
    layer: Layer,
}

/// What replacing a key has begun or done.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Rotated {
    /// The number of the new data key.
    #[serde(skip_serializing_if = "Option::is_none")]
    data_key: Option<u32>,
    /// How many data keys were wrapped again.
    #[serde(skip_serializing_if = "Option::is_none")]
    wrapped: Option<u64>,
}

/// Replace the data key, or wrap all data keys by the master key that is configured now
///
/// A new data key becomes active after 90 seconds; a job then seals everything again. It needs
/// somebody who signed in only just.
#[utoipa::path(post, path = "/api/v1/platform/keys/rotate", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin")), ("x-recently-authenticated" = json!(true))),
    responses((status = 200, body = Rotated), (status = "4XX", body = Problem)))]
async fn rotate(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    _: RecentlyAuthenticated,
    Json(rotation): Json<Rotation>,
) -> Result<Json<Rotated>, Problem> {
    let actor = admin.user.to_string();
    let mut rotated = Rotated {
        data_key: None,
        wrapped: None,
    };
    match rotation.layer {
        Layer::Data => {
            let grace: Duration = service::KEYS_GRACE;
            rotated.data_key = Some(service::rotate_keys(&app, &actor, grace).await?);
        }
        Layer::Master => {
            rotated.wrapped = Some(service::rewrap_keys(&app, &actor, None).await?);
        }
    }
    Ok(Json(rotated))
}

/// What is announced.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Closing {
    /// What people read.
    message: String,
    /// When it should be over.
    until: Option<Timestamp>,
    /// Why, for the history.
    reason: String,
}

/// Close the service for everybody but gates and platform administrators
#[utoipa::path(post, path = "/api/v1/platform/maintenance", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    responses((status = 200, body = SettingState), (status = "4XX", body = Problem)))]
async fn close(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    Json(closing): Json<Closing>,
) -> Result<Json<SettingState>, Problem> {
    let (actor, message) = (admin.user.to_string(), &closing.message);
    let closed = service::begin_maintenance(&app, message, closing.until, &actor, &closing.reason);
    Ok(Json(closed.await?))
}

/// Why it is over.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Opening {
    /// Why, for the history.
    reason: String,
}

/// Open the service again
#[utoipa::path(post, path = "/api/v1/platform/maintenance/end", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    responses((status = 200, body = SettingState), (status = "4XX", body = Problem)))]
async fn open(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    Json(opening): Json<Opening>,
) -> Result<Json<SettingState>, Problem> {
    let actor = admin.user.to_string();
    let opened = service::end_maintenance(&app, &actor, &opening.reason);
    Ok(Json(opened.await?))
}

/// The addresses that are shut out because too many of their requests were refused
#[utoipa::path(get, path = "/api/v1/platform/blocks", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))), params(PageQuery),
    responses((status = 200, body = Page<AddressBlock>), (status = "4XX", body = Problem)))]
async fn blocks(
    State(app): State<App>,
    _: PlatformAdmin,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<AddressBlock>>, Problem> {
    Ok(Json(service::blocks_page(&app, &page).await?))
}

/// Let such an address in again
#[utoipa::path(delete, path = "/api/v1/platform/blocks/{block}", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))), params(("block" = BlockId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn lift(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    Path(block): Path<BlockId>,
) -> Result<StatusCode, Problem> {
    service::lift_block(&app, block, &admin.user.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How far behind the outbox is
#[utoipa::path(get, path = "/api/v1/platform/outbox", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    responses((status = 200, body = OutboxReport), (status = "4XX", body = Problem)))]
async fn outbox(State(app): State<App>, _: PlatformAdmin) -> Result<Json<OutboxReport>, Problem> {
    Ok(Json(service::outbox_report(&app).await?))
}

/// Entries of the outbox that were refused too often, oldest first
#[utoipa::path(get, path = "/api/v1/platform/outbox/dead-letters", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))), params(PageQuery),
    responses((status = 200, body = Page<DeadLetter>), (status = "4XX", body = Problem)))]
async fn dead_letters(
    State(app): State<App>,
    _: PlatformAdmin,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<DeadLetter>>, Problem> {
    Ok(Json(service::dead_letters(&app, &page).await?))
}

/// Deliver dead letters again to those who have not dealt with them
#[utoipa::path(post, path = "/api/v1/platform/outbox/replay", tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    responses((status = 200, body = ReplayedLetters), (status = "4XX", body = Problem)))]
async fn replay_letters(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    Json(letters): Json<ReplayLetters>,
) -> Result<Json<ReplayedLetters>, Problem> {
    let actor = admin.user.to_string();
    Ok(Json(service::replay_letters(&app, &actor, letters).await?))
}
