//! Tickets as files, over HTTP.

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
use crate::sheet::{self, MOST_ROWS, Pages};
use crate::tickets::service;

/// The routes of files.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(csv))
        .routes(routes!(xlsx))
}

/// The event and how many tickets it has, noted as read.
async fn begin(
    app: &App,
    organiser: &Organiser<permit::TicketsRead>,
    event: EventId,
) -> Result<(Arc<EventDetail>, usize), Problem> {
    let (detail, count) = service::export_of(app, organiser.tenant(), event).await?;
    identity::note_personal_data_read(
        app,
        organiser.organisation(),
        organiser.actor(),
        event,
        "file of tickets",
        count,
    )
    .await?;
    Ok((detail, count))
}

fn pages(app: App, detail: Arc<EventDetail>) -> Pages {
    futures_util::stream::try_unfold((app, detail, None), |(app, detail, after)| async move {
        let next = service::ticket_rows(&app, &detail, after)
            .await
            .map_err(IntoProblem::into_problem)?;
        Ok::<_, Problem>(next.map(|(last, rows)| (rows, (app, detail, Some(last)))))
    })
    .boxed()
}

/// Download an event's tickets as CSV, by their orders
///
/// Cells that a spreadsheet could read as a formula begin with an apostrophe.
#[utoipa::path(get, path = "/api/v1/events/{event}/tickets.csv", tag = "tickets", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "downloadEventTicketsCsv",
    extensions(("x-permission" = json!("tickets.read"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = String, content_type = "text/csv"), (status = "4XX", body = Problem)))]
async fn csv(
    State(app): State<App>,
    organiser: Organiser<permit::TicketsRead>,
    Path(event): Path<EventId>,
) -> Result<Response, Problem> {
    let (detail, _) = begin(&app, &organiser, event).await?;
    let name = format!("tickets-{}.csv", detail.event.slug);
    Ok(sheet::csv(
        &name,
        service::TICKET_COLUMNS,
        pages(app, detail),
    ))
}

/// Download an event's tickets as XLSX, by their orders
///
/// More than 1,048,575 tickets do not fit into such a file: that is refused with `tickets.too_many_rows`.
#[utoipa::path(get, path = "/api/v1/events/{event}/tickets.xlsx", tag = "tickets", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "downloadEventTicketsXlsx",
    extensions(("x-permission" = json!("tickets.read"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = String, content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (status = 409, body = Problem, description = "There are too many for such a file"), (status = "4XX", body = Problem)))]
async fn xlsx(
    State(app): State<App>,
    organiser: Organiser<permit::TicketsRead>,
    Path(event): Path<EventId>,
) -> Result<Response, Problem> {
    let (detail, count) = begin(&app, &organiser, event).await?;
    if count > MOST_ROWS {
        return Err(Problem::conflict(
            "tickets.too_many_rows",
            "There are more tickets than such a file can hold; please download them as CSV.",
        ));
    }
    let name = format!("tickets-{}.xlsx", detail.event.slug);
    sheet::xlsx(&name, service::TICKET_COLUMNS, pages(app, detail)).await
}
