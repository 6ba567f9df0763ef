//! Notes and tags of orders over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Page, PageQuery, Path, Query};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::identity::{self, Organiser, permit};
use crate::sales::model::*;
use crate::sales::service;

/// The routes of notes and tags.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(notes, add_note))
        .routes(routes!(delete_note))
        .routes(routes!(tags, set_tags))
        .routes(routes!(origin))
}

/// List an order's notes, newest first
#[utoipa::path(get, path = "/api/v1/orders/{order}/notes", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("order" = OrderId, Path), PageQuery),
    responses((status = 200, body = Page<OrderNote>), (status = "4XX", body = Problem)))]
async fn notes(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(order): Path<OrderId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<OrderNote>>, Problem> {
    let before = page.after::<OrderNoteId>()?;
    let limit = page.limit_and_one();
    let notes = service::order_notes(&app, organiser.tenant(), order, before, limit).await?;
    let page = page.page(notes, |note| note.id);
    identity::note_personal_data_read(
        &app,
        organiser.organisation(),
        organiser.actor(),
        order,
        "order notes",
        page.items.len(),
    )
    .await?;
    Ok(Json(page))
}

/// Write a note about an order; its buyer does not see it
#[utoipa::path(post, path = "/api/v1/orders/{order}/notes", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.write"))),
    params(("order" = OrderId, Path)), responses((status = 201, body = OrderNote), (status = "4XX", body = Problem)))]
async fn add_note(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersWrite>,
    Path(order): Path<OrderId>,
    Json(request): Json<NoteRequest>,
) -> Result<(StatusCode, Json<OrderNote>), Problem> {
    let (tenant, author) = (organiser.tenant(), organiser.actor());
    let note = service::add_order_note(&app, tenant, order, &request, author).await?;
    Ok((StatusCode::CREATED, Json(note)))
}

/// Delete a note of an order
#[utoipa::path(delete, path = "/api/v1/orders/{order}/notes/{note}", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.write"))),
    params(("order" = OrderId, Path), ("note" = OrderNoteId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn delete_note(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersWrite>,
    Path((order, note)): Path<(OrderId, OrderNoteId)>,
) -> Result<StatusCode, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    service::delete_order_note(&app, tenant, order, note, actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// See the tags of an order
#[utoipa::path(get, path = "/api/v1/orders/{order}/tags", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("order" = OrderId, Path)), responses((status = 200, body = OrderTags), (status = "4XX", body = Problem)))]
async fn tags(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(order): Path<OrderId>,
) -> Result<Json<OrderTags>, Problem> {
    Ok(Json(
        service::order_tags(&app, organiser.tenant(), order).await?,
    ))
}

/// Give an order these tags and no others
#[utoipa::path(put, path = "/api/v1/orders/{order}/tags", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.write"))),
    params(("order" = OrderId, Path)), responses((status = 200, body = OrderTags), (status = "4XX", body = Problem)))]
async fn set_tags(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersWrite>,
    Path(order): Path<OrderId>,
    Json(request): Json<TagsRequest>,
) -> Result<Json<OrderTags>, Problem> {
    Ok(Json(
        service::set_order_tags(&app, organiser.tenant(), order, &request).await?,
    ))
}

/// See how an order came to be: who of the staff made it and why, and how suspicious it looked
#[utoipa::path(get, path = "/api/v1/orders/{order}/origin", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("order" = OrderId, Path)), responses((status = 200, body = OrderOrigin), (status = "4XX", body = Problem)))]
async fn origin(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(order): Path<OrderId>,
) -> Result<Json<OrderOrigin>, Problem> {
    Ok(Json(
        service::order_origin(&app, organiser.tenant(), order).await?,
    ))
}
