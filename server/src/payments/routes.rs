//! Refunds over HTTP. Buying and paying are routes of `tickets`, since their answers hold tickets.

use axum::extract::State;
use bilten_kernel::error::{IntoProblem, Problem};
use bilten_kernel::http::{Json, Page, PageQuery, Path, Query};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{Refund, RefundId};
use super::{refund as refunding, service::PaymentError};
use crate::app::App;
use crate::identity::{Organiser, permit};
use crate::sales::{OrderDetail, OrderId};

/// The routes of payments.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(refund))
        .routes(routes!(refunds))
}

/// Pay an order back; its tickets let nobody in any more
///
/// Doing it again is refused with `sales.state`, so it needs no key to happen once.
#[utoipa::path(post, path = "/api/v1/orders/{order}/refund", tag = "payments", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.refund"))),
    params(("order" = OrderId, Path)), responses((status = 200, body = OrderDetail), (status = "4XX", body = Problem)))]
async fn refund(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRefund>,
    Path(order): Path<OrderId>,
) -> Result<Json<OrderDetail>, Problem> {
    Ok(Json(
        refunding::refund(&app, organiser.tenant(), order).await?,
    ))
}

/// List what went back, or is owed, of an order; oldest first
#[utoipa::path(get, path = "/api/v1/orders/{order}/refunds", tag = "payments", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("order" = OrderId, Path), PageQuery), responses((status = 200, body = Page<Refund>), (status = "4XX", body = Problem)))]
async fn refunds(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(order): Path<OrderId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Refund>>, Problem> {
    let after = page.after::<RefundId>()?;
    let found = refunding::refunds_of(&app, organiser.tenant(), order, after, page.limit_and_one());
    Ok(Json(page.page(found.await?, |refund| refund.id)))
}

impl IntoProblem for PaymentError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Sales(error) => error.into_problem(),
            Self::NotPayable(_) => Problem::conflict("payments.not_payable", detail),
            Self::SandboxOnly => Problem::conflict("payments.sandbox_only", detail),
            Self::UnderWay => Problem::conflict("payments.under_way", detail),
            Self::Db(error) => error.into_problem(),
        }
    }
}
