//! Where browsers go out to identity providers and come back.
//!
//! What providers make browsers post comes from another site and without cookies; these are the
//! only routes that take such a form, and all that they do is to send the browser on to a link.

use axum::extract::{DefaultBodyLimit, Form, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bilten_kernel::error::{IntoProblem, Problem};
use bilten_kernel::http::{Json, Path, Query};
use bilten_kernel::random;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::identity::model::*;
use crate::identity::routes::extract::cookie;
use crate::identity::routes::visitor::{CameFrom, PageVisitor, safe_next, sign_in_cookies};
use crate::identity::routes::{RecentlyAuthenticated, SignedIn, is_same_site};
use crate::identity::service::{self, Arrived, FederationError, Landing, OidcCallback};

/// The largest form that a provider makes a browser post, in bytes.
const MOST_FORM: usize = 600 * 1_024;
/// How many characters the secret of a browser has.
const SECRET: usize = 40;
/// How long a browser keeps it, in seconds.
const LASTS_S: u32 = 86_400;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(providers))
        .routes(routes!(start))
        .routes(routes!(callback))
        .routes(routes!(finish))
        .routes(routes!(confirm))
        .routes(routes!(metadata))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(posted_callback))
                .routes(routes!(acs))
                .layer(DefaultBodyLimit::max(MOST_FORM)),
        )
}

/// For whom the buttons are.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ProvidersQuery {
    /// The e-mail address that was typed, if one was.
    email: Option<String>,
}

/// Ways to sign in by other identity providers.
#[derive(Debug, Serialize, ToSchema)]
struct Providers {
    /// A button each.
    providers: Vec<SsoButton>,
}

/// List the ways to sign in by other identity providers
#[utoipa::path(get, path = "/api/v1/sso/providers", tag = "sso", params(ProvidersQuery),
    responses((status = 200, body = Providers), (status = "4XX", body = Problem)))]
async fn providers(
    State(app): State<App>,
    Query(query): Query<ProvidersQuery>,
) -> Result<Json<Providers>, Problem> {
    let providers = service::sso_buttons(&app, query.email.as_deref()).await?;
    Ok(Json(Providers { providers }))
}

/// Why and whereto a browser goes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StartQuery {
    /// The page of ours to go on to.
    next: Option<String>,
    /// The e-mail address that was typed, if one was.
    email: Option<String>,
    /// To link the account elsewhere with the one that is signed in.
    link: Option<String>,
    /// To prove once more who one is.
    again: Option<String>,
}

/// What a provider sent a browser back with.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CallbackQuery {
    /// Which sign-in goes on.
    state: Option<String>,
    /// What the provider gives out tokens for.
    code: Option<String>,
    /// Why it gives none.
    error: Option<String>,
    /// Which provider it says it is (RFC 9207).
    iss: Option<String>,
    /// The person's name, which Apple tells once.
    name: Option<String>,
}

/// A form that Apple makes a browser post.
#[derive(Debug, Deserialize, ToSchema)]
struct CallbackForm {
    /// Which sign-in goes on.
    state: Option<String>,
    /// What the provider gives out tokens for.
    code: Option<String>,
    /// Why it gives none.
    error: Option<String>,
    /// Who it is, as JSON, the first time.
    user: Option<String>,
}

/// A form that a SAML identity provider makes a browser post.
#[derive(Debug, Deserialize, ToSchema)]
struct SamlForm {
    /// What the provider says, in Base64.
    #[serde(rename = "SAMLResponse", default)]
    response: String,
    /// Which sign-in goes on.
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

/// Which sign-in goes on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FinishQuery {
    /// Which sign-in.
    state: Option<String>,
}

/// The link that was mailed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ConfirmQuery {
    /// The secret of the link.
    token: Option<String>,
}

fn is_https(app: &App) -> bool {
    app.config.http.public_url.starts_with("https://")
}

fn cookie_name(app: &App) -> &'static str {
    if is_https(app) {
        "__Host-bilten_sso"
    } else {
        "bilten_sso"
    }
}

/// The secret of the browser, if it has one of ours.
fn secret<'h>(app: &App, headers: &'h HeaderMap) -> Option<&'h str> {
    cookie(headers, cookie_name(app))
        .filter(|text| text.len() == SECRET && text.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Sends a browser on; nothing of this is kept by a cache or named to another site.
fn see_other(to: &str, cookies: Vec<HeaderValue>) -> Result<Response, Problem> {
    let to = HeaderValue::try_from(to).map_err(|error| Problem::fault(&error))?;
    let mut response = (
        StatusCode::SEE_OTHER,
        [
            (LOCATION, to),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        ],
    )
        .into_response();
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

fn query(path: &str, pairs: &[(&str, Option<&str>)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    format!("{path}?{}", query.finish())
}

/// Go to an identity provider
#[utoipa::path(get, path = "/sso/{slug}/start", tag = "sso",
    params(("slug" = String, Path), StartQuery),
    responses((status = 303), (status = "4XX", body = Problem)))]
async fn start(
    State(app): State<App>,
    Path(slug): Path<String>,
    Query(start): Query<StartQuery>,
    signed_in: Result<SignedIn, Problem>,
    recent: Result<RecentlyAuthenticated, Problem>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let intent = if start.link.is_some() {
        // A link on another site must not begin this.
        if !is_same_site(&headers, &app.config.http.public_url) {
            return Err(FederationError::SignedOut.into_problem());
        }
        let RecentlyAuthenticated(person) = recent?;
        FederationIntent::Link { user: person.user }
    } else if start.again.is_some() {
        let SignedIn(_, person) = signed_in?;
        FederationIntent::Reauthenticate {
            user: person.user,
            session: person.session,
        }
    } else {
        FederationIntent::SignIn
    };
    let next = safe_next(start.next.as_deref().unwrap_or("/"));
    let known = secret(&app, &headers);
    let fresh = random::token(&*app.random, SECRET);
    let browser = known.unwrap_or(&fresh);
    let hint = start.email.as_deref();
    let url = service::begin_federated(&app, &slug, intent, next, hint, browser).await?;
    let secure = if is_https(&app) { "; Secure" } else { "" };
    let text = format!(
        "{}={browser}; Path=/; Max-Age={LASTS_S}; HttpOnly; SameSite=Lax{secure}",
        cookie_name(&app)
    );
    let cookie = HeaderValue::try_from(text).map_err(|error| Problem::fault(&error))?;
    see_other(&url, vec![cookie])
}

fn present(signed_in: Result<SignedIn, Problem>) -> Option<(UserId, SessionId)> {
    signed_in
        .ok()
        .filter(|SignedIn(_, person)| person.impersonation.is_none())
        .map(|SignedIn(_, person)| (person.user, person.session))
}

fn land(app: &App, landing: &Landing) -> Result<Response, Problem> {
    let next = safe_next(&landing.next);
    match &landing.arrived {
        Arrived::SignedIn(begun) => see_other(next, sign_in_cookies(app, begun, app.now())),
        Arrived::SecondFactor(factor) => {
            let pairs = [("ticket", Some(&*factor.ticket)), ("next", Some(next))];
            see_other(&query("/sign-in/second-step", &pairs), Vec::new())
        }
        Arrived::Raised | Arrived::Linked => see_other(next, Vec::new()),
        Arrived::MustConfirm => see_other("/check-mail?for=provider", Vec::new()),
        Arrived::NoRole => Err(FederationError::NoRole.into_problem()),
    }
}

/// Come back from an OpenID provider
#[utoipa::path(get, path = "/sso/{slug}/callback", tag = "sso",
    params(("slug" = String, Path), CallbackQuery),
    responses((status = 303), (status = "4XX", body = Problem)))]
async fn callback(
    State(app): State<App>,
    Path(slug): Path<String>,
    Query(query): Query<CallbackQuery>,
    signed_in: Result<SignedIn, Problem>,
    PageVisitor(visitor): PageVisitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let browser =
        secret(&app, &headers).ok_or_else(|| FederationError::StateUnknown.into_problem())?;
    let callback = OidcCallback {
        state: query.state,
        code: query.code,
        error: query.error,
        iss: query.iss,
        name: query.name,
    };
    let present = present(signed_in);
    let landing = service::finish_oidc(&app, &slug, callback, browser, present, &visitor).await?;
    land(&app, &landing)
}

/// What Apple tells of a person, once.
#[derive(Deserialize)]
struct AppleUser {
    name: Option<AppleName>,
}

#[derive(Deserialize)]
struct AppleName {
    #[serde(rename = "firstName", default)]
    first: String,
    #[serde(rename = "lastName", default)]
    last: String,
}

/// Come back from an OpenID provider that posts a form: it becomes the link that others use
#[utoipa::path(post, path = "/sso/{slug}/callback", tag = "sso",
    params(("slug" = String, Path)),
    request_body(content = CallbackForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303), (status = "4XX", body = Problem)))]
async fn posted_callback(
    Path(slug): Path<String>,
    Form(form): Form<CallbackForm>,
) -> Result<Response, Problem> {
    let name = form
        .user
        .and_then(|text| serde_json::from_str::<AppleUser>(&text).ok())
        .and_then(|user| user.name)
        .map(|name| format!("{} {}", name.first, name.last))
        .map(|name| name.trim().chars().take(100).collect::<String>())
        .filter(|name| !name.is_empty());
    let path = format!("/sso/{}/callback", encoded(&slug));
    let pairs = [
        ("state", form.state.as_deref()),
        ("code", form.code.as_deref()),
        ("error", form.error.as_deref()),
        ("name", name.as_deref()),
    ];
    see_other(&query(&path, &pairs), Vec::new())
}

/// A short name as a part of a path.
fn encoded(slug: &str) -> String {
    form_urlencoded::byte_serialize(slug.as_bytes()).collect()
}

/// Come back from a SAML identity provider; the browser is sent on
#[utoipa::path(post, path = "/sso/{slug}/saml/acs", tag = "sso",
    params(("slug" = String, Path)),
    request_body(content = SamlForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303), (status = "4XX", body = Problem)))]
async fn acs(
    State(app): State<App>,
    Path(slug): Path<String>,
    CameFrom(origin): CameFrom,
    Form(form): Form<SamlForm>,
) -> Result<Response, Problem> {
    let state = form.relay_state.as_deref();
    service::accept_saml(&app, &slug, &form.response, state, &origin).await?;
    let path = format!("/sso/{}/finish", encoded(&slug));
    see_other(&query(&path, &[("state", state)]), Vec::new())
}

/// Go on after a SAML identity provider has answered
#[utoipa::path(get, path = "/sso/{slug}/finish", tag = "sso",
    params(("slug" = String, Path), FinishQuery),
    responses((status = 303), (status = "4XX", body = Problem)))]
async fn finish(
    State(app): State<App>,
    Path(slug): Path<String>,
    Query(query): Query<FinishQuery>,
    signed_in: Result<SignedIn, Problem>,
    PageVisitor(visitor): PageVisitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let browser =
        secret(&app, &headers).ok_or_else(|| FederationError::StateUnknown.into_problem())?;
    let (state, present) = (query.state.as_deref(), present(signed_in));
    let landing = service::finish_saml(&app, &slug, state, browser, present, &visitor).await?;
    land(&app, &landing)
}

/// Confirm an address for which a provider does not vouch, by the link that was mailed
#[utoipa::path(get, path = "/sso/{slug}/confirm", tag = "sso",
    params(("slug" = String, Path), ConfirmQuery),
    responses((status = 303), (status = "4XX", body = Problem)))]
async fn confirm(
    State(app): State<App>,
    Path(slug): Path<String>,
    Query(query): Query<ConfirmQuery>,
    PageVisitor(visitor): PageVisitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let browser =
        secret(&app, &headers).ok_or_else(|| FederationError::StateUnknown.into_problem())?;
    let token = query.token.unwrap_or_default();
    let landing = service::confirm_federated(&app, &slug, &token, browser, &visitor).await?;
    land(&app, &landing)
}

/// Our description for a SAML identity provider
#[utoipa::path(get, path = "/sso/{slug}/saml/metadata", tag = "sso",
    params(("slug" = String, Path)),
    responses((status = 200, content_type = "application/samlmetadata+xml", body = String),
        (status = "4XX", body = Problem)))]
async fn metadata(State(app): State<App>, Path(slug): Path<String>) -> Result<Response, Problem> {
    let text = service::saml_metadata(&app, &slug).await?;
    let kind = HeaderValue::from_static("application/samlmetadata+xml");
    Ok(([(CONTENT_TYPE, kind)], text).into_response())
}
