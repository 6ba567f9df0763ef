//! Promo codes over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{ClientIp, IfMatch, Json, Page, PageQuery, Path, Query, Revised};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::*;
use super::service::{self, CodeFilter};
use crate::app::App;
use crate::catalog::EventId;
use crate::identity::{Organiser, permit};
use crate::sales;

/// The routes of promo codes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(read, update, archive))
        .routes(routes!(statistics))
        .routes(routes!(create_batch, list_batches))
        .routes(routes!(read_batch, archive_batch))
        .routes(routes!(batch_statistics))
        .routes(routes!(export_batch))
        .routes(routes!(check))
}

/// Make a promo code
///
/// Texts that read alike are one code: case, accents, spaces and dashes make no difference, and `O` is `0`, `I` and
/// `L` are `1`. A text that another code of the organisation reads like is refused with `sales.code_taken`.
#[utoipa::path(post, path = "/api/v1/promo-codes", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("codes.manage"))),
    responses((status = 201, body = PromoCodeDetail), (status = "4XX", body = Problem)))]
async fn create(
    State(app): State<App>,
    organiser: Organiser<permit::CodesManage>,
    Json(input): Json<PromoCodeInput>,
) -> Result<(StatusCode, Json<PromoCodeDetail>), Problem> {
    let made = service::create_code(&app, organiser.tenant(), organiser.actor(), input).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Which codes are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CodeQuery {
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before; absent for the first page.
    cursor: Option<String>,
    /// Only codes that are for this event alone.
    event: Option<EventId>,
    /// The codes of this batch; otherwise those of none are listed.
    batch: Option<PromoCodeBatchId>,
    /// The code that reads like this text, of a batch or not.
    code: Option<String>,
    /// Whether archived codes are listed as well.
    #[serde(default)]
    archived: bool,
}

/// List the organisation's promo codes, newest first
#[utoipa::path(get, path = "/api/v1/promo-codes", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("codes.read"))), params(CodeQuery),
    responses((status = 200, body = Page<PromoCodeDetail>), (status = "4XX", body = Problem)))]
async fn list(
    State(app): State<App>,
    organiser: Organiser<permit::CodesRead>,
    Query(query): Query<CodeQuery>,
) -> Result<Json<Page<PromoCodeDetail>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let filter = CodeFilter {
        event: query.event,
        batch: query.batch,
        text: query.code,
        with_archived: query.archived,
    };
    let (before, limit) = (page.after::<PromoCodeId>()?, page.limit_and_one());
    let codes = service::codes(&app, organiser.tenant(), filter, before, limit).await?;
    Ok(Json(page.page(codes, |code| code.id)))
}

/// Read a promo code
#[utoipa::path(get, path = "/api/v1/promo-codes/{promo_code}", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("codes.read"))),
    params(("promo_code" = PromoCodeId, Path, description = "Which code")),
    responses((status = 200, body = PromoCodeDetail, headers(("ETag" = String, description = "The version of the code, for If-Match"))), (status = "4XX", body = Problem)))]
async fn read(
    State(app): State<App>,
    organiser: Organiser<permit::CodesRead>,
    Path(code): Path<PromoCodeId>,
) -> Result<Revised<PromoCodeDetail>, Problem> {
    let found = service::code(&app, organiser.tenant(), code).await?;
    Ok(Revised(found.version, found))
}

/// Change a promo code; orders that used it keep their price
///
/// A limit or budget below what was used already is refused with `sales.code_below_used`; codes of a batch have the rule
/// of their batch (`sales.code_of_batch`).
#[utoipa::path(patch, path = "/api/v1/promo-codes/{promo_code}", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("codes.manage"))),
    params(("promo_code" = PromoCodeId, Path, description = "Which code"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the code had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = PromoCodeDetail, headers(("ETag" = String, description = "The version of the code, for If-Match"))), (status = "4XX", body = Problem)))]
async fn update(
    State(app): State<App>,
    organiser: Organiser<permit::CodesManage>,
    Path(code): Path<PromoCodeId>,
    seen: IfMatch,
    Json(patch): Json<PromoCodePatch>,
) -> Result<Revised<PromoCodeDetail>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let changed = service::update_code(&app, tenant, code, actor, seen, patch).await?;
    Ok(Revised(changed.version, changed))
}

/// Archive a promo code: nobody can use it any more
///
/// Its text stays taken, and so does what it was used for. Holds and orders that have it keep it.
#[utoipa::path(delete, path = "/api/v1/promo-codes/{promo_code}", operation_id = "archivePromoCode", tag = "sales",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("codes.manage"))),
    params(("promo_code" = PromoCodeId, Path, description = "Which code"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the code had, or its version in quotes: 412 if it was changed since")),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn archive(
    State(app): State<App>,
    organiser: Organiser<permit::CodesManage>,
    Path(code): Path<PromoCodeId>,
    seen: IfMatch,
) -> Result<StatusCode, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    service::archive_code(&app, tenant, code, actor, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// See how a promo code was used, and what orders with it came to
#[utoipa::path(get, path = "/api/v1/promo-codes/{promo_code}/statistics", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("codes.read"))),
    params(("promo_code" = PromoCodeId, Path, description = "Which code")),
    responses((status = 200, body = PromoCodeStatistics), (status = "4XX", body = Problem)))]
async fn statistics(
    State(app): State<App>,
    organiser: Organiser<permit::CodesRead>,
    Path(code): Path<PromoCodeId>,
) -> Result<Json<PromoCodeStatistics>, Problem> {
    Ok(Json(
        service::code_statistics(&app, organiser.tenant(), code).await?,
    ))
}

/// Make a batch of random codes, each for one order
///
/// Up to 2,000 codes are there with the answer; more are made in the background, until its `state` is `ready`.
#[utoipa::path(post, path = "/api/v1/promo-codes/batches", operation_id = "createPromoCodeBatch", tag = "sales",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("codes.manage"))),
    responses((status = 201, body = PromoCodeBatch), (status = "4XX", body = Problem)))]
async fn create_batch(
    State(app): State<App>,
    organiser: Organiser<permit::CodesManage>,
    Json(input): Json<PromoCodeBatchInput>,
) -> Result<(StatusCode, Json<PromoCodeBatch>), Problem> {
    let made = service::create_batch(&app, organiser.tenant(), organiser.actor(), input).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Which batches are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BatchQuery {
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before; absent for the first page.
    cursor: Option<String>,
    /// Only batches that are for this event alone.
    event: Option<EventId>,
}

/// List the organisation's batches of promo codes, newest first
#[utoipa::path(get, path = "/api/v1/promo-codes/batches", operation_id = "listPromoCodeBatches", tag = "sales",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("codes.read"))), params(BatchQuery),
    responses((status = 200, body = Page<PromoCodeBatch>), (status = "4XX", body = Problem)))]
async fn list_batches(
    State(app): State<App>,
    organiser: Organiser<permit::CodesRead>,
    Query(query): Query<BatchQuery>,
) -> Result<Json<Page<PromoCodeBatch>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let (before, limit) = (page.after::<PromoCodeBatchId>()?, page.limit_and_one());
    let tenant = organiser.tenant();
    let batches = service::batches(&app, tenant, query.event, before, limit).await?;
    Ok(Json(page.page(batches, |batch| batch.id)))
}

/// Read a batch of promo codes
#[utoipa::path(get, path = "/api/v1/promo-codes/batches/{batch}", operation_id = "getPromoCodeBatch", tag = "sales",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("codes.read"))), params(("batch" = PromoCodeBatchId, Path)),
    responses((status = 200, body = PromoCodeBatch), (status = "4XX", body = Problem)))]
async fn read_batch(
    State(app): State<App>,
    organiser: Organiser<permit::CodesRead>,
    Path(batch): Path<PromoCodeBatchId>,
) -> Result<Json<PromoCodeBatch>, Problem> {
    Ok(Json(service::batch(&app, organiser.tenant(), batch).await?))
}

/// Archive a batch: none of its codes can be used any more
#[utoipa::path(delete, path = "/api/v1/promo-codes/batches/{batch}", operation_id = "archivePromoCodeBatch", tag = "sales",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("codes.manage"))), params(("batch" = PromoCodeBatchId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn archive_batch(
    State(app): State<App>,
    organiser: Organiser<permit::CodesManage>,
    Path(batch): Path<PromoCodeBatchId>,
) -> Result<StatusCode, Problem> {
    service::archive_batch(&app, organiser.tenant(), batch, organiser.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// See how the codes of a batch were used, and what orders with them came to
#[utoipa::path(get, path = "/api/v1/promo-codes/batches/{batch}/statistics", operation_id = "getPromoCodeBatchStatistics", tag = "sales",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("codes.read"))), params(("batch" = PromoCodeBatchId, Path)),
    responses((status = 200, body = PromoCodeStatistics), (status = "4XX", body = Problem)))]
async fn batch_statistics(
    State(app): State<App>,
    organiser: Organiser<permit::CodesRead>,
    Path(batch): Path<PromoCodeBatchId>,
) -> Result<Json<PromoCodeStatistics>, Problem> {
    Ok(Json(
        service::batch_statistics(&app, organiser.tenant(), batch).await?,
    ))
}

/// Download the codes of a batch as CSV; that somebody did is recorded
///
/// A line for each code: its text, and in how many orders it is used. Refused with `sales.code_batch_not_ready` while
/// the codes are being made.
#[utoipa::path(get, path = "/api/v1/promo-codes/batches/{batch}/export", operation_id = "exportPromoCodeBatch", tag = "sales",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("codes.read"))), params(("batch" = PromoCodeBatchId, Path)),
    responses((status = 200, body = String, content_type = "text/csv"),
        (status = 409, description = "The codes are being made", body = Problem), (status = "4XX", body = Problem)))]
async fn export_batch(
    State(app): State<App>,
    organiser: Organiser<permit::CodesRead>,
    Path(batch): Path<PromoCodeBatchId>,
) -> Result<impl IntoResponse, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let csv = service::batch_csv(&app, tenant, batch, actor).await?;
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"promo-codes.csv\"",
        ),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, csv))
}

/// Ask what a promo code is worth for an event; reserves nothing
///
/// A code that is not known, used up, over or not valid yet is answered alike. Who tries many wrong ones has to wait.
#[utoipa::path(post, path = "/api/v1/shop/codes/check", tag = "shop",
    responses((status = 200, body = CodeCheck), (status = "4XX", body = Problem)))]
async fn check(
    State(app): State<App>,
    ClientIp(ip): ClientIp,
    Json(request): Json<CodeCheckRequest>,
) -> Result<Json<CodeCheck>, Problem> {
    let event = sales::public_event(&app, &request.event.to_string()).await?;
    Ok(Json(service::check(&app, ip, &event, request.code).await?))
}
