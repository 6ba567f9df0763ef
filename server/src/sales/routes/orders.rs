//! Orders as an organiser reads them, over HTTP.

use axum::extract::State;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Page, PageQuery, Path, Query, Sorted, ids};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::catalog::EventId;
use crate::catalog::questions::Answers;
use crate::identity::{self, Organiser, permit};
use crate::sales::files::AnswerFile;
use crate::sales::model::*;
use crate::sales::service;

/// The routes of orders.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(orders))
        .routes(routes!(order))
        .routes(routes!(order_price))
        .routes(routes!(order_answers))
}

/// Which orders of an event are listed, and how.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OrderQuery {
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before, with the same `sort`; absent for the first page.
    cursor: Option<String>,
    /// By what, with a `-` before it for descending; `-created` if absent.
    #[param(inline, value_type = Option<OrderSort>)]
    sort: Option<String>,
    /// Only orders with these ids, at most 100, with commas between them.
    ids: Option<String>,
    /// Only orders in this state.
    #[param(inline, value_type = Option<OrderState>)]
    state: Option<OrderState>,
    /// Only orders with this tag.
    tag: Option<String>,
}

/// List an event's orders, newest first unless they are sorted otherwise
#[utoipa::path(get, path = "/api/v1/events/{event}/orders", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("event" = EventId, Path), OrderQuery),
    responses((status = 200, body = Page<Order>), (status = "4XX", body = Problem)))]
async fn orders(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(event): Path<EventId>,
    Query(query): Query<OrderQuery>,
) -> Result<Json<Page<Order>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let sorted = Sorted::<OrderSort>::new(page, query.sort.as_deref())?;
    let filter = OrderFilter {
        ids: ids::<OrderId>(query.ids.as_deref())?,
        state: query.state,
        // What cannot be a tag is one that no order has.
        tag: query
            .tag
            .as_deref()
            .map(|text| tag(text).unwrap_or_else(|| ",".to_owned())),
    };
    let (after, limit) = (sorted.after()?, sorted.limit_and_one());
    let tenant = organiser.tenant();
    let orders =
        service::orders_of_event(&app, tenant, event, filter, sorted.by, after, limit).await?;
    let page = sorted.page(orders, |order| sorted.by.place(order));
    identity::note_personal_data_read(
        &app,
        organiser.organisation(),
        organiser.actor(),
        event,
        "orders",
        page.items.len(),
    )
    .await?;
    Ok(Json(page))
}

/// Read an order
#[utoipa::path(get, path = "/api/v1/orders/{order}", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("order" = OrderId, Path)), responses((status = 200, body = OrderDetail), (status = "4XX", body = Problem)))]
async fn order(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(order): Path<OrderId>,
) -> Result<Json<OrderDetail>, Problem> {
    let detail = service::order_of(&app, organiser.tenant(), order).await?;
    identity::note_personal_data_read(
        &app,
        organiser.organisation(),
        organiser.actor(),
        order,
        "order",
        1,
    )
    .await?;
    Ok(Json(detail))
}

/// See how the price of an order comes about
///
/// From what was kept when it was bought: nothing that has changed since plays a part. Orders from
/// before that was kept are answered with `sales.price_not_kept`.
#[utoipa::path(get, path = "/api/v1/orders/{order}/price", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("order" = OrderId, Path)), responses((status = 200, body = OrderPrice), (status = "4XX", body = Problem)))]
async fn order_price(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(order): Path<OrderId>,
) -> Result<Json<OrderPrice>, Problem> {
    let price = service::order_price(&app, organiser.tenant(), order).await?;
    price.map(Json).ok_or_else(|| {
        let detail = "What the price of this order came from was not kept.";
        Problem::not_found("sales.price_not_kept", detail)
    })
}

/// What somebody said of an order's tickets.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct OrderAnswers {
    /// The order.
    pub order_id: OrderId,
    /// What was answered for the order, by question.
    #[schema(value_type = Object)]
    pub answers: Answers,
    /// What was said of its tickets; those of which nothing was said are left out.
    pub tickets: Vec<TicketAnswers>,
    /// The files that answer, each at `/api/v1/orders/{order}/files/{file}`.
    pub files: Vec<AnswerFile>,
}

/// What somebody said of one ticket.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct TicketAnswers {
    /// Its number within the order, from 1.
    pub number: u32,
    /// Who comes with it, if that is not the buyer.
    pub holder_name: Option<String>,
    /// Their e-mail address.
    pub holder_email: Option<String>,
    /// What was answered for it, by question.
    #[schema(value_type = Object)]
    pub answers: Answers,
}

/// See who comes with an order's tickets, and what was answered
#[utoipa::path(get, path = "/api/v1/orders/{order}/answers", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("order" = OrderId, Path)), responses((status = 200, body = OrderAnswers), (status = "4XX", body = Problem)))]
async fn order_answers(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(order): Path<OrderId>,
) -> Result<Json<OrderAnswers>, Problem> {
    let said = service::people_of(&app, organiser.tenant(), order).await?;
    let tickets: Vec<TicketAnswers> = said
        .tickets
        .into_iter()
        .map(|(number, holder, answers)| TicketAnswers {
            number: number.saturating_add(1),
            holder_email: holder.as_ref().and_then(|holder| holder.email.clone()),
            holder_name: holder.map(|holder| holder.name),
            answers,
        })
        .collect();
    identity::note_personal_data_read(
        &app,
        organiser.organisation(),
        organiser.actor(),
        order,
        "order_answers",
        tickets.len(),
    )
    .await?;
    Ok(Json(OrderAnswers {
        order_id: order,
        answers: said.order,
        tickets,
        files: said.files,
    }))
}
