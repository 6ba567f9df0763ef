//! The endpoints that programs talk to. Forms in, JSON out, and refusals as RFC 6749 says, since
//! programs that know OAuth read nothing else.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bilten_kernel::error::IntoProblem as _;
use bilten_kernel::http::Json;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::{self, Introspection, OAuthFailure, TokenAnswer};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(token))
        .routes(routes!(introspect))
        .routes(routes!(revoke))
        .routes(routes!(metadata))
}

/// A refusal of OAuth (RFC 6749, section 5.2).
#[derive(Clone, Debug, Serialize, ToSchema)]
struct OAuthRefusal {
    /// Why, in the word of the standard.
    error: OAuthCode,
    /// In a sentence for whoever writes the program.
    error_description: &'static str,
}

impl IntoResponse for OAuthFailure {
    fn into_response(self) -> Response {
        let error = match self {
            Self::Refused(error) => error,
            Self::Fault(error) => return error.into_problem().into_response(),
        };
        let body = OAuthRefusal {
            error: error.code,
            error_description: error.description,
        };
        let mut response = never_kept(error.status(), body);
        if error.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"bilten\""),
            );
        }
        response
    }
}

/// An answer that no cache keeps.
fn never_kept<T: Serialize>(status: StatusCode, body: T) -> Response {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::PRAGMA, "no-cache"),
    ];
    (status, headers, Json(body)).into_response()
}

/// What a form sent.
struct OAuthForm(Parameters);

impl<S: Send + Sync> FromRequest<S> for OAuthForm {
    type Rejection = OAuthFailure;

    async fn from_request(request: Request, state: &S) -> Result<Self, OAuthFailure> {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .and_then(|kind| kind.split(';').next())
            .unwrap_or_default();
        if !kind
            .trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        {
            return Err(OAuthError::request(
                "Send a form: Content-Type: application/x-www-form-urlencoded.",
            )
            .into());
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|_| OAuthError::request("The form is too large or did not arrive whole."))?;
        Ok(Self(Parameters::parse(&body)?))
    }
}

/// The client that calls.
async fn caller(
    app: &App,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<OAuthClient, OAuthFailure> {
    let authorization = headers
        .get(header::AUTHORIZATION)
        .map(|value| value.to_str().unwrap_or_default());
    service::oauth_caller(app, authorization, form).await
}

/// How a client asks for tokens (RFC 6749, sections 4.1.3, 4.4.2 and 6).
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes a form; it is read by its parameters' names"
)]
struct TokenForm {
    /// `authorization_code`, `refresh_token` or `client_credentials`.
    grant_type: String,
    /// The code, with `authorization_code`.
    code: Option<String>,
    /// The address that the code was sent to.
    redirect_uri: Option<String>,
    /// What answers the challenge of PKCE.
    code_verifier: Option<String>,
    /// The token, with `refresh_token`.
    refresh_token: Option<String>,
    /// Less than what was granted, as permissions with spaces between.
    scope: Option<String>,
    /// Which client, unless the header says it.
    client_id: Option<String>,
    /// Its secret, unless the header says it.
    client_secret: Option<String>,
}

/// Fetch tokens, for a code, for a refresh token, or as a service (OAuth 2.0)
#[utoipa::path(post, path = "/oauth/token", tag = "programs",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenAnswer), (status = "4XX", body = OAuthRefusal)))]
async fn token(
    State(app): State<App>,
    headers: HeaderMap,
    OAuthForm(form): OAuthForm,
) -> Result<Response, OAuthFailure> {
    let client = caller(&app, &headers, &form).await?;
    let answer = service::oauth_token(&app, client, &form).await?;
    Ok(never_kept(StatusCode::OK, answer))
}

/// About which token something is asked (RFC 7009 and 7662).
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes a form; it is read by its parameters' names"
)]
struct OneTokenForm {
    /// The token.
    token: String,
    /// What it may be; the answer does not depend on it.
    token_type_hint: Option<String>,
    /// Which client, unless the header says it.
    client_id: Option<String>,
    /// Its secret, unless the header says it.
    client_secret: Option<String>,
}

/// Ask what a token, an API key or a session of your organisation is good for (RFC 7662)
#[utoipa::path(post, path = "/oauth/introspect", tag = "programs",
    request_body(content = OneTokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Introspection), (status = "4XX", body = OAuthRefusal)))]
async fn introspect(
    State(app): State<App>,
    headers: HeaderMap,
    OAuthForm(form): OAuthForm,
) -> Result<Response, OAuthFailure> {
    let client = caller(&app, &headers, &form).await?;
    let token = form.need("token", "The token is missing.")?;
    let answer = service::introspect(&app, &client, token).await?;
    Ok(never_kept(StatusCode::OK, answer))
}

/// End a token; a refresh token ends its whole grant (RFC 7009)
#[utoipa::path(post, path = "/oauth/revoke", tag = "programs",
    request_body(content = OneTokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token is not good for anything (any more)"),
        (status = "4XX", body = OAuthRefusal)))]
async fn revoke(
    State(app): State<App>,
    headers: HeaderMap,
    OAuthForm(form): OAuthForm,
) -> Result<Response, OAuthFailure> {
    let client = caller(&app, &headers, &form).await?;
    let token = form.need("token", "The token is missing.")?;
    service::revoke_oauth_token(&app, client.id, token).await?;
    Ok((StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response())
}

/// Where everything is and what is supported (RFC 8414).
#[derive(Clone, Debug, Serialize, ToSchema)]
struct OAuthMetadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    scopes_supported: Vec<Permission>,
    response_types_supported: Vec<&'static str>,
    response_modes_supported: Vec<&'static str>,
    grant_types_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    code_challenge_methods_supported: Vec<&'static str>,
    authorization_response_iss_parameter_supported: bool,
}

/// Where the endpoints of OAuth are and what they support (RFC 8414)
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "programs",
    responses((status = 200, body = OAuthMetadata)))]
async fn metadata(State(app): State<App>) -> impl IntoResponse {
    let url = &app.config.http.public_url;
    let secret = ["client_secret_basic", "client_secret_post"];
    let any = vec![secret[0], secret[1], "none"];
    let metadata = OAuthMetadata {
        issuer: url.clone(),
        authorization_endpoint: format!("{url}/oauth/authorize"),
        token_endpoint: format!("{url}/oauth/token"),
        revocation_endpoint: format!("{url}/oauth/revoke"),
        introspection_endpoint: format!("{url}/oauth/introspect"),
        scopes_supported: program_scopes().collect(),
        response_types_supported: vec!["code"],
        response_modes_supported: vec!["query"],
        grant_types_supported: vec!["authorization_code", "refresh_token", "client_credentials"],
        token_endpoint_auth_methods_supported: any.clone(),
        revocation_endpoint_auth_methods_supported: any,
        introspection_endpoint_auth_methods_supported: secret.to_vec(),
        code_challenge_methods_supported: vec!["S256"],
        authorization_response_iss_parameter_supported: true,
    };
    (
        [(header::CACHE_CONTROL, "public, max-age=300")],
        Json(metadata),
    )
}
