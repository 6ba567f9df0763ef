//! The waitlist over HTTP.

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Page, PageQuery, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::*;
use super::{offers, service};
use crate::app::App;
use crate::catalog::EventId;
use crate::identity::{self, Organiser, permit};

/// The routes of the waitlist.
pub(in crate::sales) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(join))
        .routes(routes!(see, leave))
        .routes(routes!(entries))
        .routes(routes!(update, remove))
        .routes(routes!(offer))
}

/// What is said to whoever asks to wait, whether they waited before or not.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct WaitlistAnswer {
    /// Where the link is sent by which they see how it stands and leave.
    pub email: String,
}

/// Another place of an entry.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitlistPriority {
    /// The higher, the earlier: from -1,000 to 1,000, usually 0.
    #[schema(minimum = -1000, maximum = 1000)]
    pub priority: i32,
}

/// What is offered to an entry.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitlistOfferRequest {
    /// How many tickets; as many as the entry wants, unless it is said.
    #[schema(minimum = 1)]
    pub quantity: Option<u32>,
}

/// The secret of an entry.
pub(super) struct EntryToken(String);

impl FromRequestParts<App> for EntryToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        identity::bearer(parts)
            .map(|token| Self(token.to_owned()))
            .ok_or_else(|| {
                Problem::unauthorized(
                    "sales.token_required",
                    "This needs the entry's token: Authorization: Bearer …",
                )
            })
    }
}

/// Wait for tickets of a tier that is sold out
///
/// What is waited for is told by mail, with a link to leave. When tickets come back, those who wait are
/// offered them in turn: each offer is a hold, whose checkout the mail names.
#[utoipa::path(post, path = "/api/v1/shop/events/{event}/waitlist-entries", tag = "shop", operation_id = "joinWaitlist",
    params(("event" = EventId, Path)),
    responses((status = 202, body = WaitlistAnswer), (status = "4XX", body = Problem)))]
async fn join(
    State(app): State<App>,
    Path(event): Path<EventId>,
    Json(request): Json<WaitlistRequest>,
) -> Result<(StatusCode, Json<WaitlistAnswer>), Problem> {
    let email = request.email.trim().to_owned();
    service::join(&app, event, request).await?;
    Ok((StatusCode::ACCEPTED, Json(WaitlistAnswer { email })))
}

/// See how it stands with what one waits for
#[utoipa::path(get, path = "/api/v1/shop/waitlist-entries/{entry}", tag = "shop",
    security(("waitlist_token" = [])), params(("entry" = WaitlistEntryId, Path)),
    responses((status = 200, body = OwnWaitlistEntry), (status = "4XX", body = Problem)))]
async fn see(
    State(app): State<App>,
    EntryToken(token): EntryToken,
    Path(entry): Path<WaitlistEntryId>,
) -> Result<Json<OwnWaitlistEntry>, Problem> {
    Ok(Json(service::own(&app, entry, &token).await?))
}

/// Leave a waitlist; what is held for the entry goes to whoever is next
#[utoipa::path(delete, path = "/api/v1/shop/waitlist-entries/{entry}", tag = "shop", operation_id = "leaveWaitlist",
    security(("waitlist_token" = [])), params(("entry" = WaitlistEntryId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn leave(
    State(app): State<App>,
    EntryToken(token): EntryToken,
    Path(entry): Path<WaitlistEntryId>,
) -> Result<StatusCode, Problem> {
    service::leave(&app, entry, &token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List who waits for an event, in the order in which they are served
#[utoipa::path(get, path = "/api/v1/events/{event}/waitlist-entries", tag = "sales",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("event" = EventId, Path), PageQuery),
    responses((status = 200, body = Page<ListedWaitlistEntry>), (status = "4XX", body = Problem)))]
async fn entries(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(event): Path<EventId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ListedWaitlistEntry>>, Problem> {
    let (tenant, after) = (organiser.tenant(), page.after()?);
    let found = service::entries(&app, tenant, event, after, page.limit_and_one()).await?;
    let page = page.page(found, service::place_of);
    identity::note_personal_data_read(
        &app,
        organiser.organisation(),
        organiser.actor(),
        event,
        "waitlist",
        page.items.len(),
    )
    .await?;
    Ok(Json(page))
}

/// Put an entry before others, or behind them
#[utoipa::path(patch, path = "/api/v1/waitlist-entries/{entry}", tag = "sales",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("tickets.write"))), params(("entry" = WaitlistEntryId, Path)),
    responses((status = 200, body = ListedWaitlistEntry), (status = "4XX", body = Problem)))]
async fn update(
    State(app): State<App>,
    organiser: Organiser<permit::TicketsWrite>,
    Path(entry): Path<WaitlistEntryId>,
    Json(request): Json<WaitlistPriority>,
) -> Result<Json<ListedWaitlistEntry>, Problem> {
    let tenant = organiser.tenant();
    let entry = service::set_priority(&app, tenant, entry, request.priority).await?;
    Ok(Json(entry))
}

/// Take an entry off the waitlist
#[utoipa::path(delete, path = "/api/v1/waitlist-entries/{entry}", tag = "sales",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("tickets.write"))), params(("entry" = WaitlistEntryId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn remove(
    State(app): State<App>,
    organiser: Organiser<permit::TicketsWrite>,
    Path(entry): Path<WaitlistEntryId>,
) -> Result<StatusCode, Problem> {
    service::remove_by_staff(&app, organiser.tenant(), entry).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hold tickets for an entry now and tell whoever waits, before it is their turn
#[utoipa::path(post, path = "/api/v1/waitlist-entries/{entry}/offer", tag = "sales",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("tickets.write"))), params(("entry" = WaitlistEntryId, Path)),
    responses((status = 200, body = ListedWaitlistEntry), (status = "4XX", body = Problem)))]
async fn offer(
    State(app): State<App>,
    organiser: Organiser<permit::TicketsWrite>,
    Path(entry): Path<WaitlistEntryId>,
    Json(request): Json<WaitlistOfferRequest>,
) -> Result<Json<ListedWaitlistEntry>, Problem> {
    let tenant = organiser.tenant();
    let entry = offers::offer_by_staff(&app, tenant, entry, request.quantity).await?;
    Ok(Json(entry))
}
