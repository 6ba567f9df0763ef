//! The requests of an organisation's programs, and one of them.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Page, PageQuery, Path, Query};
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::app::App;
use crate::identity::{self, ApiKeySort, OrganisationId, Permission};
use crate::inspect::{
    self, InspectedBody, InspectedHeader, InspectedMessage, LeftOut, LoggedRequest,
    LoggedRequestId, RequestQuery, StatusClass, Viewer,
};
use crate::web::account::organisations::{allowed, membership};
use crate::web::account::{Holder, Place};
use crate::web::shell::{self, Privacy, Shell};
use crate::web::text::{self, Moment};

/// How many of the newest are on the organisation's page.
const NEWEST: i64 = 5;
/// Of how many keys one can be chosen.
const KEYS: i64 = 100;

/// A request in a list.
pub(super) struct RequestRow {
    pub(super) id: LoggedRequestId,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) is_error: bool,
    pub(super) problem: Option<String>,
    pub(super) duration_ms: i64,
    pub(super) at: Moment,
}

#[derive(Template)]
#[template(path = "account/developer_requests.html")]
struct RequestsPage {
    shell: Shell,
    name: String,
    slug: String,
    requests: Vec<RequestRow>,
    more: Option<String>,
    statuses: Vec<Choice>,
    keys: Vec<Choice>,
}

/// Something to choose in a filter.
struct Choice {
    value: String,
    text: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "account/developer_request.html")]
struct RequestPage {
    shell: Shell,
    slug: String,
    request: RequestRow,
    request_id: String,
    route: Option<String>,
    made_by: String,
    network: Option<String>,
    parts: Vec<Part>,
}

/// What was sent, or what was answered.
struct Part {
    id: &'static str,
    title: &'static str,
    headers: Vec<InspectedHeader>,
    body: Option<BodyView>,
}

struct BodyView {
    about: String,
    json: Option<String>,
    note: Option<&'static str>,
}

fn row(request: &LoggedRequest) -> RequestRow {
    RequestRow {
        id: request.id,
        method: request.method.clone(),
        path: request.path.clone(),
        status: request.status,
        is_error: request.status >= 400,
        problem: request.problem.clone(),
        duration_ms: request.duration_ms,
        at: text::date_and_time(request.at, &TimeZone::UTC),
    }
}

const fn all_of(organisation: OrganisationId) -> Viewer {
    Viewer {
        organisation,
        program: None,
    }
}

/// The newest requests of an organisation's programs.
pub(super) async fn newest(
    app: &App,
    organisation: OrganisationId,
) -> Result<Vec<RequestRow>, Problem> {
    let (viewer, all) = (all_of(organisation), RequestQuery::default());
    let found = inspect::requests(app, &viewer, &all, None, NEWEST).await?;
    Ok(found.iter().map(row).collect())
}

/// What the filters of the page say; those that were left alone are empty.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filters {
    #[serde(default)]
    status: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    cursor: String,
}

const fn status_words(class: StatusClass) -> &'static str {
    match class {
        StatusClass::Success => "Done (2xx)",
        StatusClass::Redirect => "Led on (3xx)",
        StatusClass::Refusal => "Refused (4xx)",
        StatusClass::Failure => "Failed (5xx)",
        StatusClass::Error => "Refused or failed",
    }
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// `GET /account/developer/{slug}/requests`
pub(super) async fn list(
    State(app): State<App>,
    holder: Holder,
    Path(slug): Path<String>,
    Query(filters): Query<Filters>,
) -> Result<Response, Problem> {
    let organisation = allowed(&holder, Permission::KeysManage, &slug)?;
    let mine = membership(&holder, &slug)?;
    // A filter that means nothing is one that was left alone.
    let class = filters.status.parse::<StatusClass>().ok();
    let query = RequestQuery {
        status: class,
        key: given(&filters.key),
        ..RequestQuery::default()
    };
    let paging = PageQuery {
        limit: None,
        cursor: given(&filters.cursor),
    };
    let (before, limit) = (paging.after()?, paging.limit_and_one());
    let viewer = all_of(organisation);
    let found = inspect::requests(&app, &viewer, &query, before, limit).await?;
    let found: Page<LoggedRequest> = paging.page(found, |request| request.id);
    let keys = identity::api_keys(&app, organisation, ApiKeySort::Newest, None, KEYS).await?;
    let more = found.next.as_ref().map(|next| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("status", &filters.status)
            .append_pair("key", &filters.key)
            .append_pair("cursor", next);
        format!(
            "/account/developer/{}/requests?{}",
            mine.slug,
            query.finish()
        )
    });
    let page = RequestsPage {
        shell: Shell::account("Requests", &holder, Place::Developer),
        name: mine.name.clone(),
        slug: mine.slug.clone(),
        requests: found.items.iter().map(row).collect(),
        more,
        statuses: StatusClass::ALL
            .iter()
            .map(|one| Choice {
                value: one.to_string(),
                text: status_words(*one).to_owned(),
                is_chosen: class == Some(*one),
            })
            .collect(),
        keys: keys
            .into_iter()
            .map(|key| Choice {
                is_chosen: key.id.to_string() == filters.key,
                value: key.id.to_string(),
                text: key.name,
            })
            .collect(),
    };
    shell::page(StatusCode::OK, &page, Privacy::Form)
}

const fn left_out(why: LeftOut) -> &'static str {
    match why {
        LeftOut::TooLarge => "It is too large to be kept.",
        LeftOut::NotJson => "It is not JSON, so it is not kept.",
        LeftOut::Malformed => "It says that it is JSON, and is none.",
        LeftOut::NotRead => "It was refused before it was read, or it is a stream.",
    }
}

fn body_view(body: InspectedBody) -> BodyView {
    let size = body.size.map(|size| format!("{size} bytes"));
    let about: Vec<String> = body.media_type.into_iter().chain(size).collect();
    BodyView {
        about: about.join(", "),
        json: body
            .json
            .and_then(|json| serde_json::to_string_pretty(&json).ok()),
        note: body.left_out.map(left_out),
    }
}

fn part(id: &'static str, title: &'static str, message: InspectedMessage) -> Part {
    Part {
        id,
        title,
        headers: message.headers,
        body: message.body.map(body_view),
    }
}

/// `GET /account/developer/{slug}/requests/{request}`
pub(super) async fn show(
    State(app): State<App>,
    holder: Holder,
    Path((slug, named)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let organisation = allowed(&holder, Permission::KeysManage, &slug)?;
    let mine = membership(&holder, &slug)?;
    let found = inspect::request(&app, &all_of(organisation), &named).await?;
    let page = RequestPage {
        shell: Shell::account("A request", &holder, Place::Developer),
        slug: mine.slug.clone(),
        request: row(&found.summary),
        request_id: found.summary.request_id,
        route: found.summary.route,
        made_by: found.summary.made_by,
        network: found.summary.client_network,
        parts: vec![
            part("sent", "What was sent", found.request),
            part("answered", "What was answered", found.response),
        ],
    };
    shell::page(StatusCode::OK, &page, Privacy::Form)
}
