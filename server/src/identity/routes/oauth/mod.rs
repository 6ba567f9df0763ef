//! OAuth over HTTP: clients and grants as the rest of the API, the protocol as its standards say.

mod clients;
mod grants;
mod protocol;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(clients::routes())
        .merge(grants::routes())
        .merge(protocol::routes())
}
