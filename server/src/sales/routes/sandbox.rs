//! Emptying sandboxes, over HTTP.

use axum::extract::State;
use bilten_kernel::error::{IntoProblem, Problem};
use bilten_kernel::http::Json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::identity::{Organiser, permit};
use crate::sales::model::Emptied;
use crate::sales::service::{self, ResetError};

/// The routes of sandboxes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(reset))
}

/// Empty a sandbox: its events go with all that was sold; members, keys and webhooks stay
///
/// All of it or nothing. An organisation that sells is refused with `sales.not_a_sandbox`.
#[utoipa::path(post, path = "/api/v1/organisation/reset", tag = "organisations",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("organisation.manage"))),
    responses((status = 200, body = Emptied), (status = "4XX", body = Problem)))]
async fn reset(
    State(app): State<App>,
    organiser: Organiser<permit::OrganisationManage>,
) -> Result<Json<Emptied>, Problem> {
    let emptied = service::reset_sandbox(&app, organiser.organisation(), organiser.actor()).await?;
    Ok(Json(emptied))
}

impl IntoProblem for ResetError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::NotASandbox => Problem::conflict("sales.not_a_sandbox", detail),
            Self::TooLarge => Problem::conflict("sales.sandbox_too_large", detail),
            Self::Catalog(error) => error.into_problem(),
            Self::Db(error) => error.into_problem(),
        }
    }
}
