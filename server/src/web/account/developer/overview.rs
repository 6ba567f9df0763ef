//! The organisations of a developer, and one of them with its keys, webhooks and newest requests.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Path, Query};
use jiff::tz::TimeZone;

use super::requests::{RequestRow, newest};
use crate::app::App;
use crate::identity::{self, ApiKey, ApiKeyId, ApiKeySort, Permission};
use crate::web::account::organisations::{allowed, membership};
use crate::web::account::sign_in::Wish;
use crate::web::account::{Holder, Place, done};
use crate::web::form::{Faults, Refusal};
use crate::web::shell::{self, Privacy, Shell};
use crate::web::text::{self, Moment};
use crate::webhooks::{self, DisabledReason, WebhookEndpoint, WebhookEndpointId};

/// How many keys and endpoints are on the page.
const LIMIT: i64 = 100;

#[derive(Template)]
#[template(path = "account/developer.html")]
struct DeveloperPage {
    shell: Shell,
    organisations: Vec<OrganisationLink>,
}

struct OrganisationLink {
    slug: String,
    name: String,
}

#[derive(Template)]
#[template(path = "account/developer_organisation.html")]
struct OverviewPage {
    shell: Shell,
    faults: Faults,
    done: Option<&'static str>,
    name: String,
    slug: String,
    keys: Option<Vec<KeyRow>>,
    endpoints: Option<Vec<EndpointRow>>,
    requests: Option<Vec<RequestRow>>,
}

struct KeyRow {
    id: ApiKeyId,
    name: String,
    prefix: String,
    /// What it may do, in a line.
    scopes: String,
    used: Option<Moment>,
    until: Option<Moment>,
    is_alive: bool,
    is_revoked: bool,
}

struct EndpointRow {
    id: WebhookEndpointId,
    url: String,
    types: String,
    is_enabled: bool,
    /// Why it is off, if nobody switched it off.
    off: &'static str,
    taken: Option<Moment>,
}

fn key_row(app: &App, key: ApiKey) -> KeyRow {
    let now = app.now();
    let is_over = key.expires_at.is_some_and(|end| end <= now);
    KeyRow {
        id: key.id,
        name: key.name,
        prefix: key.prefix,
        scopes: key.scopes.map_or_else(
            || "all that programs may do".to_owned(),
            |scopes| {
                let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
                words.join(", ")
            },
        ),
        used: key
            .last_used_at
            .map(|at| text::date_and_time(at, &TimeZone::UTC)),
        until: key
            .expires_at
            .map(|at| text::date_and_time(at, &TimeZone::UTC)),
        is_alive: key.revoked_at.is_none() && !is_over,
        is_revoked: key.revoked_at.is_some(),
    }
}

fn endpoint_row(endpoint: WebhookEndpoint) -> EndpointRow {
    let types: Vec<_> = endpoint
        .event_types
        .iter()
        .map(ToString::to_string)
        .collect();
    EndpointRow {
        id: endpoint.id,
        url: endpoint.url,
        types: types.join(", "),
        is_enabled: endpoint.is_enabled,
        off: match endpoint.disabled_reason {
            Some(DisabledReason::Failing) => {
                "It took nothing in three days, so it was switched off."
            }
            Some(DisabledReason::Gone) => "It answered that it is gone, so it was switched off.",
            None => "It was switched off.",
        },
        taken: endpoint
            .last_success_at
            .map(|at| text::date_and_time(at, &TimeZone::UTC)),
    }
}

/// `GET /account/developer`
pub(super) async fn show(holder: Holder) -> Result<Response, Problem> {
    let is_one = |slug: &str| {
        [Permission::KeysManage, Permission::WebhooksManage]
            .into_iter()
            .any(|permission| allowed(&holder, permission, slug).is_ok())
    };
    let organisations = holder
        .person
        .memberships
        .iter()
        .filter(|membership| is_one(&membership.slug))
        .map(|membership| OrganisationLink {
            slug: membership.slug.clone(),
            name: membership.name.clone(),
        });
    let page = DeveloperPage {
        organisations: organisations.collect(),
        shell: Shell::account("Developers", &holder, Place::Developer),
    };
    shell::page(StatusCode::OK, &page, Privacy::Form)
}

/// The page of an organisation, perhaps with what was refused.
pub(super) async fn overview(
    app: &App,
    holder: &Holder,
    slug: &str,
    done: Option<&'static str>,
    mut refusal: Refusal,
) -> Result<Response, Problem> {
    let mine = membership(holder, slug)?;
    let manages_keys = allowed(holder, Permission::KeysManage, slug);
    let manages_webhooks = allowed(holder, Permission::WebhooksManage, slug);
    if manages_webhooks.is_err() {
        manages_keys.clone()?;
    }
    let (mut keys, mut requests, mut endpoints) = (None, None, None);
    if let Ok(organisation) = manages_keys {
        let found = identity::api_keys(app, organisation, ApiKeySort::Newest, None, LIMIT).await?;
        let rows = found.into_iter().map(|key| key_row(app, key));
        keys = Some(rows.collect());
        requests = Some(newest(app, organisation).await?);
    }
    if let Ok(organisation) = manages_webhooks {
        let found = webhooks::endpoints(app, organisation, None, LIMIT).await?;
        endpoints = Some(found.into_iter().map(endpoint_row).collect());
    }
    let faults = refusal.take_faults();
    let page = OverviewPage {
        shell: Shell::account(
            &format!("Developers of {}", mine.name),
            holder,
            Place::Developer,
        )
        .with_faults(!faults.is_empty()),
        faults,
        done,
        name: mine.name.clone(),
        slug: mine.slug.clone(),
        keys,
        endpoints,
        requests,
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /account/developer/{slug}`
pub(super) async fn open(
    State(app): State<App>,
    holder: Holder,
    Path(slug): Path<String>,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    overview(&app, &holder, &slug, done(&wish.done), Refusal::default()).await
}

/// `POST /account/developer/{slug}/webhooks/{endpoint}/test`
pub(super) async fn test(
    State(app): State<App>,
    holder: Holder,
    Path((slug, endpoint)): Path<(String, WebhookEndpointId)>,
) -> Result<Response, Problem> {
    let organisation = allowed(&holder, Permission::WebhooksManage, &slug)?;
    match webhooks::send_test(&app, organisation, endpoint).await {
        Ok(_) => Ok(shell::see_other(&address(&slug, "hook-tested"))),
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            overview(&app, &holder, &slug, None, refusal).await
        }
    }
}

/// The address of an organisation's page that says what has just been done.
pub(super) fn address(slug: &str, done: &str) -> String {
    // A short name is letters, digits and hyphens.
    format!("/account/developer/{slug}?done={done}")
}
