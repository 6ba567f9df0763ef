//! Orders as files, over HTTP.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use bilten_kernel::error::{IntoProblem, Problem};
use bilten_kernel::http::Path;
use futures_util::StreamExt;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::catalog::{EventDetail, EventId};
use crate::identity::{self, Organiser, permit};
use crate::sales::service;
use crate::sheet::{self, MOST_ROWS, Pages};

/// The routes of files.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(csv))
        .routes(routes!(xlsx))
}

/// The event and how many orders it has, noted as read.
async fn begin(
    app: &App,
    organiser: &Organiser<permit::OrdersRead>,
    event: EventId,
) -> Result<(Arc<EventDetail>, usize), Problem> {
    let (detail, count) = service::export_of(app, organiser.tenant(), event).await?;
    identity::note_personal_data_read(
        app,
        organiser.organisation(),
        organiser.actor(),
        event,
        "file of orders",
        count,
    )
    .await?;
    Ok((detail, count))
}

fn pages(app: App, detail: Arc<EventDetail>) -> Pages {
    futures_util::stream::try_unfold((app, detail, None), |(app, detail, after)| async move {
        let next = service::order_rows(&app, &detail, after)
            .await
            .map_err(IntoProblem::into_problem)?;
        Ok::<_, Problem>(next.map(|(last, rows)| (rows, (app, detail, Some(last)))))
    })
    .boxed()
}

/// Download an event's orders as CSV, oldest first
///
/// Each order once: one that was merged into another is in that one, and what was paid for a change is in the
/// order that it changed. Cells that a spreadsheet could read as a formula begin with an apostrophe.
#[utoipa::path(get, path = "/api/v1/events/{event}/orders.csv", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "downloadEventOrdersCsv",
    extensions(("x-permission" = json!("orders.read"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = String, content_type = "text/csv"), (status = "4XX", body = Problem)))]
async fn csv(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(event): Path<EventId>,
) -> Result<Response, Problem> {
    let (detail, _) = begin(&app, &organiser, event).await?;
    let name = format!("orders-{}.csv", detail.event.slug);
    Ok(sheet::csv(
        &name,
        service::ORDER_COLUMNS,
        pages(app, detail),
    ))
}

/// Download an event's orders as XLSX, oldest first
///
/// Each order once, as in the CSV. More than 1,048,575 orders do not fit into such a file: that is refused with `sales.too_many_rows`.
#[utoipa::path(get, path = "/api/v1/events/{event}/orders.xlsx", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "downloadEventOrdersXlsx",
    extensions(("x-permission" = json!("orders.read"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = String, content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (status = 409, body = Problem, description = "There are too many for such a file"), (status = "4XX", body = Problem)))]
async fn xlsx(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(event): Path<EventId>,
) -> Result<Response, Problem> {
    let (detail, count) = begin(&app, &organiser, event).await?;
    if count > MOST_ROWS {
        return Err(Problem::conflict(
            "sales.too_many_rows",
            "There are more orders than such a file can hold; please download them as CSV.",
        ));
    }
    let name = format!("orders-{}.xlsx", detail.event.slug);
    sheet::xlsx(&name, service::ORDER_COLUMNS, pages(app, detail)).await
}
