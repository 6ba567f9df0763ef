//! How apps register people and sign them in.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::Problem;
use bilten_kernel::http::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::visitor::{AppVisitor, CameFrom};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::{self, Jwks, Registration};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(resend))
        .routes(routes!(verify))
        .routes(routes!(sign_in))
        .routes(routes!(refresh))
        .routes(routes!(request_link))
        .routes(routes!(use_link))
        .routes(routes!(request_reset))
        .routes(routes!(reset))
        .routes(routes!(jwks))
}

/// Who wants an account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegistrationInput {
    /// Their e-mail address.
    #[schema(format = "email")]
    email: String,
    /// What they are called.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// At least 10 characters, not easy to guess.
    password: Password,
    /// The language that they read, such as `en`.
    #[serde(default)]
    locale: Option<String>,
    /// Which version of the terms of use they accept; the one in force unless told.
    #[serde(default)]
    terms: Option<String>,
    /// Which version of the text on their data they have seen; the one in force unless told.
    #[serde(default)]
    privacy: Option<String>,
    /// Whether mail about events is welcome.
    #[serde(default)]
    marketing: bool,
}

/// An address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressInput {
    /// The e-mail address.
    #[schema(format = "email")]
    email: String,
}

/// The token of a link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkInput {
    /// What the link holds as `token`.
    token: String,
}

/// Who signs in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignInInput {
    /// Their e-mail address.
    #[schema(format = "email")]
    email: String,
    /// Their password.
    password: Password,
}

/// A refresh token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshInput {
    /// The newest refresh token of the session.
    refresh_token: String,
}

/// A new password, by a link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResetInput {
    /// What the link holds as `token`.
    token: String,
    /// The new password.
    password: Password,
}

/// The tokens of an app's session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tokens {
    /// Goes into `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// How many seconds the access token is good.
    expires_in: u64,
    /// Gives the next access token, once.
    refresh_token: Option<String>,
    /// The session.
    session: SessionId,
    /// When the session ends at the latest.
    session_expires_at: Timestamp,
    /// To be kept, and sent as header `Bilten-Device` with the next sign-in on this device.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<String>,
}

/// How far a sign-in has come.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(super) enum SignInAnswer {
    /// The person is signed in.
    SignedIn(Tokens),
    /// They have to show a second factor.
    SecondFactor(SecondFactorAnswer),
}

/// What is missing in a sign-in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SecondFactorAnswer {
    /// To be sent with the second factor.
    ticket: String,
    /// What may be shown.
    methods: Vec<FactorKind>,
    /// Until when.
    expires_at: Timestamp,
}

impl From<SecondFactor> for SecondFactorAnswer {
    fn from(factor: SecondFactor) -> Self {
        Self {
            ticket: factor.ticket,
            methods: factor.methods,
            expires_at: factor.expires_at,
        }
    }
}

impl Tokens {
    pub(super) fn new(app: &App, session: NewToken, device: Option<String>) -> Self {
        Self {
            expires_in: session.token_expires_at.since(app.now()).as_secs(),
            access_token: session.token,
            token_type: "Bearer",
            refresh_token: session.refresh,
            session: session.session,
            session_expires_at: session.expires_at,
            device_token: device,
        }
    }
}

impl SignInAnswer {
    pub(super) fn new(app: &App, step: SignInStep) -> Self {
        match step {
            SignInStep::Done(begun) => {
                Self::SignedIn(Tokens::new(app, begun.session, begun.device))
            }
            SignInStep::SecondFactor(factor) => Self::SecondFactor(factor.into()),
        }
    }
}

/// Tokens must not stay anywhere on the way.
pub(super) fn not_stored<T: Serialize>(body: T) -> impl IntoResponse {
    ([(CACHE_CONTROL, "no-store")], Json(body))
}

/// Register: a link is mailed; the answer does not tell whether there is an account already
#[utoipa::path(post, path = "/api/v1/auth/registrations", tag = "sign-in",
    responses((status = 202), (status = "4XX", body = Problem)))]
async fn register(
    State(app): State<App>,
    AppVisitor(visitor): AppVisitor,
    Json(input): Json<RegistrationInput>,
) -> Result<StatusCode, Problem> {
    let new = Registration {
        email: input.email,
        name: input.name,
        password: input.password,
        locale: input.locale,
        consents: FirstConsents {
            terms: input.terms,
            privacy: input.privacy,
            marketing: input.marketing,
            source: "api",
        },
    };
    service::register(&app, new, &visitor).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Have the link of a registration mailed once more
#[utoipa::path(post, path = "/api/v1/auth/registrations/resend", tag = "sign-in",
    responses((status = 202), (status = "4XX", body = Problem)))]
async fn resend(
    State(app): State<App>,
    AppVisitor(visitor): AppVisitor,
    Json(input): Json<AddressInput>,
) -> Result<StatusCode, Problem> {
    service::resend_registration(&app, &input.email, &visitor).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Make the account whose link was followed
#[utoipa::path(post, path = "/api/v1/auth/registrations/verify", tag = "sign-in",
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn verify(
    State(app): State<App>,
    Json(input): Json<LinkInput>,
) -> Result<StatusCode, Problem> {
    service::verify_registration(&app, &input.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign in by password
#[utoipa::path(post, path = "/api/v1/auth/tokens", tag = "sign-in",
    params(("Bilten-Device" = Option<String>, Header, description = "The device token of an earlier sign-in")),
    responses((status = 200, body = SignInAnswer), (status = "4XX", body = Problem)))]
async fn sign_in(
    State(app): State<App>,
    AppVisitor(visitor): AppVisitor,
    Json(input): Json<SignInInput>,
) -> Result<impl IntoResponse, Problem> {
    let step = service::sign_in(&app, &input.email, input.password, &visitor).await?;
    Ok(not_stored(SignInAnswer::new(&app, step)))
}

/// Get the next access token; each refresh token is good once
#[utoipa::path(post, path = "/api/v1/auth/tokens/refresh", tag = "sign-in",
    responses((status = 200, body = Tokens), (status = "4XX", body = Problem)))]
async fn refresh(
    State(app): State<App>,
    CameFrom(origin): CameFrom,
    Json(input): Json<RefreshInput>,
) -> Result<impl IntoResponse, Problem> {
    let session = service::refresh(&app, &input.refresh_token, &origin).await?;
    Ok(not_stored(Tokens::new(&app, session, None)))
}

/// Have a link mailed by which one signs in
#[utoipa::path(post, path = "/api/v1/auth/links", tag = "sign-in",
    responses((status = 202), (status = "4XX", body = Problem)))]
async fn request_link(
    State(app): State<App>,
    AppVisitor(visitor): AppVisitor,
    Json(input): Json<AddressInput>,
) -> Result<StatusCode, Problem> {
    service::request_sign_in_link(&app, &input.email, &visitor).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Sign in by a link that was mailed
#[utoipa::path(post, path = "/api/v1/auth/links/use", tag = "sign-in",
    params(("Bilten-Device" = Option<String>, Header, description = "The device token of an earlier sign-in")),
    responses((status = 200, body = SignInAnswer), (status = "4XX", body = Problem)))]
async fn use_link(
    State(app): State<App>,
    AppVisitor(visitor): AppVisitor,
    Json(input): Json<LinkInput>,
) -> Result<impl IntoResponse, Problem> {
    let step = service::sign_in_by_link(&app, &input.token, &visitor).await?;
    Ok(not_stored(SignInAnswer::new(&app, step)))
}

/// Have a link mailed by which one chooses a new password
#[utoipa::path(post, path = "/api/v1/auth/password-resets", tag = "sign-in",
    responses((status = 202), (status = "4XX", body = Problem)))]
async fn request_reset(
    State(app): State<App>,
    AppVisitor(visitor): AppVisitor,
    Json(input): Json<AddressInput>,
) -> Result<StatusCode, Problem> {
    service::request_password_reset(&app, &input.email, &visitor).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Choose a new password by a link; all sessions end
#[utoipa::path(post, path = "/api/v1/auth/password-resets/use", tag = "sign-in",
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn reset(
    State(app): State<App>,
    CameFrom(origin): CameFrom,
    Json(input): Json<ResetInput>,
) -> Result<StatusCode, Problem> {
    service::reset_password(&app, &input.token, input.password, &origin).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The keys that sign access tokens
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "sign-in", responses((status = 200, body = Jwks)))]
async fn jwks(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let keys = service::jwks(&app).await?;
    Ok(([(CACHE_CONTROL, "public, max-age=3600")], Json(keys)))
}
