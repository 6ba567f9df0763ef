//! Files that answer questions, over HTTP.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{ClientIp, Json, Path, Query};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{FileBytes, UploadedFile};
use super::{body, download, service};
use crate::app::App;
use crate::catalog::FileId;
use crate::catalog::questions::QuestionId;
use crate::identity::{self, Organiser, permit};
use crate::sales::OrderId;
use crate::sales::changes::OrderSecret;

/// The routes of files.
pub(in crate::sales) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(upload))
        .routes(routes!(read))
        .routes(routes!(read_own))
}

/// What is said of a file beside its bytes.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FileQuery {
    /// What the file is called; those who may read it see it, and it decides nothing.
    #[param(max_length = 200)]
    name: Option<String>,
}

/// Send a file that answers a question, before the purchase
///
/// The body is the file itself. Of which type it is, is told by its bytes, whatever `Content-Type` and name
/// say; the question says which types it takes, and how many bytes. The answer to the question is the `id`:
/// an order has to name it before `expires_at`, and one order only. Sent twice, it is two files; what no order
/// names is deleted.
#[utoipa::path(post, path = "/api/v1/shop/events/{event}/questions/{question}/files", tag = "shop",
    operation_id = "uploadAnswerFile",
    params(("event" = String, Path, description = "Its id or the last part of its page's address"),
        ("question" = QuestionId, Path), FileQuery),
    request_body(content = FileBytes, content_type = "application/octet-stream", description = "The file itself"),
    responses((status = 201, body = UploadedFile), (status = "4XX", body = Problem)))]
async fn upload(
    State(app): State<App>,
    ClientIp(sender): ClientIp,
    Path((event, question)): Path<(String, QuestionId)>,
    Query(query): Query<FileQuery>,
    request: Request,
) -> Result<(StatusCode, Json<UploadedFile>), Problem> {
    let wanted = service::wanted_file(&app, &event, question).await?;
    let received = body::read(request, wanted.max_bytes).await?;
    let name = query.name.as_deref();
    let file = service::keep_file(&app, wanted, sender, name, received).await?;
    Ok((StatusCode::CREATED, Json(file)))
}

/// Download a file that answers a question of an order
///
/// Of the type that its bytes are; it is to be kept, and no browser shows it by itself.
#[utoipa::path(get, path = "/api/v1/orders/{order}/files/{file}", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "downloadOrderFile",
    extensions(("x-permission" = json!("orders.read"))),
    params(("order" = OrderId, Path), ("file" = FileId, Path)),
    responses((status = 200, content((FileBytes = "application/pdf"), (FileBytes = "image/jpeg"), (FileBytes = "image/png"), (FileBytes = "image/webp"))),
        (status = "4XX", body = Problem)))]
async fn read(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path((order, file)): Path<(OrderId, FileId)>,
) -> Result<Response, Problem> {
    let found = service::file_of(&app, organiser.tenant(), order, file).await?;
    identity::note_personal_data_read(
        &app,
        organiser.organisation(),
        organiser.actor(),
        order,
        "order_file",
        1,
    )
    .await?;
    download::answer(found)
}

/// Download a file that you sent with your order
#[utoipa::path(get, path = "/api/v1/shop/orders/{order}/files/{file}", tag = "shop", security(("order_token" = [])),
    operation_id = "downloadShopOrderFile",
    params(("order" = OrderId, Path), ("file" = FileId, Path)),
    responses((status = 200, content((FileBytes = "application/pdf"), (FileBytes = "image/jpeg"), (FileBytes = "image/png"), (FileBytes = "image/webp"))),
        (status = "4XX", body = Problem)))]
async fn read_own(
    State(app): State<App>,
    OrderSecret(token): OrderSecret,
    Path((order, file)): Path<(OrderId, FileId)>,
) -> Result<Response, Problem> {
    download::answer(service::own_file(&app, order, &token, file).await?)
}
