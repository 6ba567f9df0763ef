//! Second factors and passkeys: a person's own, and shown to sign in.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{RecentlyAuthenticated, SignedIn};
use super::sign_in::{SignInAnswer, Tokens, not_stored};
use super::visitor::{AppVisitor, CameFrom};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::{
    self, Ceremony, FactorAnswer, IdentityError, PasskeyCredential, PasskeyRegistrationResponse,
    TotpEnrolment,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(factors))
        .routes(routes!(add_totp))
        .routes(routes!(add_email))
        .routes(routes!(add_sms))
        .routes(routes!(confirm))
        .routes(routes!(remove_factor))
        .routes(routes!(renew_recovery_codes))
        .routes(routes!(passkeys, add_passkey))
        .routes(routes!(begin_passkey))
        .routes(routes!(rename_passkey, remove_passkey))
        .routes(routes!(reauthentication_code))
        .routes(routes!(reauthentication_passkey))
        .routes(routes!(reauthenticate))
        .routes(routes!(second_factor_code))
        .routes(routes!(second_factor_passkey))
        .routes(routes!(second_factor))
        .routes(routes!(begin_passkey_sign_in))
        .routes(routes!(passkey_sign_in))
}

/// A number for codes by SMS.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SmsInput {
    /// The number with its country, such as `+386 40 123 456`.
    phone: String,
}

/// A factor that waits for its first code.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FactorBegun {
    /// Its id.
    factor: FactorId,
}

/// A code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeInput {
    /// As it was typed.
    code: String,
}

/// A factor counts now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FactorConfirmed {
    /// With the first factor: codes for the day when all else is lost. They are shown once.
    recovery_codes: Option<Vec<String>>,
}

/// New recovery codes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RecoveryCodes {
    /// Each counts once. They are shown once.
    recovery_codes: Vec<String>,
}

/// A passkey that was made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasskeyInput {
    /// The secret of the ceremony.
    ceremony: String,
    /// What its owner calls it.
    #[serde(default)]
    #[schema(max_length = 100)]
    name: String,
    /// The `RegistrationResponseJSON` of WebAuthn.
    #[schema(value_type = Object)]
    credential: Box<PasskeyRegistrationResponse>,
}

/// A passkey that was added.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PasskeyAdded {
    /// The passkey.
    passkey: PasskeyEntry,
    /// With the first factor: codes for the day when all else is lost. They are shown once.
    recovery_codes: Option<Vec<String>>,
}

/// A name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NameInput {
    /// The new name.
    #[schema(max_length = 100)]
    name: String,
}

/// By what a code is sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MethodInput {
    /// `email` or `sms`.
    method: FactorKind,
}

/// By what a code is sent, and for which sign-in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TicketMethodInput {
    /// The ticket of the sign-in.
    ticket: String,
    /// `email` or `sms`.
    method: FactorKind,
}

/// A sign-in that waits for its second factor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TicketInput {
    /// The ticket of the sign-in.
    ticket: String,
}

/// A second factor: `code`, or with the method `passkey`: `ceremony` and `credential`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FactorInput {
    /// Of which kind it is.
    method: FactorKind,
    /// The code.
    #[serde(default)]
    code: Option<String>,
    /// The secret of the ceremony.
    #[serde(default)]
    ceremony: Option<String>,
    /// The `AuthenticationResponseJSON` of WebAuthn.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    credential: Option<Box<PasskeyCredential>>,
}

/// A second factor that ends a sign-in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SecondFactorInput {
    /// The ticket of the sign-in.
    ticket: String,
    /// Of which kind the factor is.
    method: FactorKind,
    /// The code.
    #[serde(default)]
    code: Option<String>,
    /// For a passkey: the secret of the ceremony.
    #[serde(default)]
    ceremony: Option<String>,
    /// For a passkey: the `AuthenticationResponseJSON` of WebAuthn.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    credential: Option<Box<PasskeyCredential>>,
}

/// What a second factor led to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(super) enum SecondFactorOutcome {
    /// The person is signed in.
    SignedIn(Box<Tokens>),
    /// The session that there was counts as freshly authenticated.
    Done,
}

/// Who signs in with a passkey.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasskeySignInBegin {
    /// Their address, for authenticators that keep no names; without it, any passkey will do.
    #[serde(default)]
    #[schema(format = "email")]
    email: Option<String>,
}

/// A passkey that was shown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasskeySignIn {
    /// The secret of the ceremony.
    ceremony: String,
    /// The `AuthenticationResponseJSON` of WebAuthn.
    #[schema(value_type = Object)]
    credential: Box<PasskeyCredential>,
}

/// The answer, if it holds what its method needs.
fn answer(
    method: FactorKind,
    code: Option<String>,
    ceremony: Option<String>,
    credential: Option<Box<PasskeyCredential>>,
) -> Result<FactorAnswer, Problem> {
    let missing =
        |field: &str| Problem::invalid(Vec::new()).field(field, "missing", "This method needs it.");
    if method == FactorKind::Passkey {
        return Ok(FactorAnswer::Passkey {
            ceremony: ceremony.ok_or_else(|| missing("ceremony"))?,
            response: credential.ok_or_else(|| missing("credential"))?,
        });
    }
    Ok(FactorAnswer::Code {
        kind: method,
        code: code.ok_or_else(|| missing("code"))?,
    })
}

/// List one's second factors and passkeys
#[utoipa::path(get, path = "/api/v1/me/factors", tag = "me", security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 200, body = Factors), (status = "4XX", body = Problem)))]
async fn factors(State(app): State<App>, signed_in: SignedIn) -> Result<Json<Factors>, Problem> {
    let SignedIn(_, person) = signed_in;
    Ok(Json(service::factors(&app, person.user).await?))
}

/// Begin to add an authenticator app; it counts once it is confirmed
#[utoipa::path(post, path = "/api/v1/me/factors/totp", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("recently_authenticated"))),
    responses((status = 201, body = TotpEnrolment), (status = "4XX", body = Problem)))]
async fn add_totp(
    State(app): State<App>,
    RecentlyAuthenticated(person): RecentlyAuthenticated,
) -> Result<impl IntoResponse, Problem> {
    let enrolment = service::begin_totp(&app, &person).await?;
    Ok((StatusCode::CREATED, not_stored(enrolment)))
}

/// Begin to add codes by e-mail: one is sent
#[utoipa::path(post, path = "/api/v1/me/factors/email", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("recently_authenticated"))),
    responses((status = 201, body = FactorBegun), (status = "4XX", body = Problem)))]
async fn add_email(
    State(app): State<App>,
    RecentlyAuthenticated(person): RecentlyAuthenticated,
) -> Result<(StatusCode, Json<FactorBegun>), Problem> {
    let factor = service::begin_email_factor(&app, &person).await?;
    Ok((StatusCode::CREATED, Json(FactorBegun { factor })))
}

/// Begin to add codes by SMS: one is sent
#[utoipa::path(post, path = "/api/v1/me/factors/sms", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("recently_authenticated"))),
    responses((status = 201, body = FactorBegun), (status = "4XX", body = Problem)))]
async fn add_sms(
    State(app): State<App>,
    RecentlyAuthenticated(person): RecentlyAuthenticated,
    CameFrom(origin): CameFrom,
    Json(input): Json<SmsInput>,
) -> Result<(StatusCode, Json<FactorBegun>), Problem> {
    let factor = service::begin_sms_factor(&app, &person, &input.phone, &origin).await?;
    Ok((StatusCode::CREATED, Json(FactorBegun { factor })))
}

/// Let a factor count, in place of one of its kind; the first brings recovery codes
#[utoipa::path(post, path = "/api/v1/me/factors/{factor}/confirm", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("recently_authenticated"))), params(("factor" = FactorId, Path)),
    responses((status = 200, body = FactorConfirmed), (status = "4XX", body = Problem)))]
async fn confirm(
    State(app): State<App>,
    RecentlyAuthenticated(person): RecentlyAuthenticated,
    Path(factor): Path<FactorId>,
    Json(input): Json<CodeInput>,
) -> Result<impl IntoResponse, Problem> {
    let recovery_codes = service::confirm_factor(&app, &person, factor, &input.code).await?;
    Ok(not_stored(FactorConfirmed { recovery_codes }))
}

/// Remove a factor; the last one stays while an organisation asks for it
#[utoipa::path(delete, path = "/api/v1/me/factors/{factor}", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("recently_authenticated"))), params(("factor" = FactorId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn remove_factor(
    State(app): State<App>,
    RecentlyAuthenticated(person): RecentlyAuthenticated,
    Path(factor): Path<FactorId>,
) -> Result<StatusCode, Problem> {
    service::remove_factor(&app, &person, factor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get new recovery codes, in place of the old ones
#[utoipa::path(post, path = "/api/v1/me/recovery-codes", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("recently_authenticated"))),
    responses((status = 201, body = RecoveryCodes), (status = "4XX", body = Problem)))]
async fn renew_recovery_codes(
    State(app): State<App>,
    RecentlyAuthenticated(person): RecentlyAuthenticated,
) -> Result<impl IntoResponse, Problem> {
    let recovery_codes = service::renew_recovery_codes(&app, &person).await?;
    Ok((
        StatusCode::CREATED,
        not_stored(RecoveryCodes { recovery_codes }),
    ))
}

/// List one's passkeys
#[utoipa::path(get, path = "/api/v1/me/passkeys", tag = "me", security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 200, body = Vec<PasskeyEntry>), (status = "4XX", body = Problem)))]
async fn passkeys(
    State(app): State<App>,
    signed_in: SignedIn,
) -> Result<Json<Vec<PasskeyEntry>>, Problem> {
    let SignedIn(_, person) = signed_in;
    Ok(Json(service::factors(&app, person.user).await?.passkeys))
}

/// Begin to add a passkey
#[utoipa::path(post, path = "/api/v1/me/passkeys/begin", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("recently_authenticated"))),
    responses((status = 200, body = Ceremony), (status = "4XX", body = Problem)))]
async fn begin_passkey(
    State(app): State<App>,
    RecentlyAuthenticated(person): RecentlyAuthenticated,
) -> Result<impl IntoResponse, Problem> {
    Ok(not_stored(service::begin_passkey(&app, &person).await?))
}

/// Add the passkey that was made, in the session in which it was begun
#[utoipa::path(post, path = "/api/v1/me/passkeys", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("recently_authenticated"))),
    responses((status = 201, body = PasskeyAdded), (status = "4XX", body = Problem)))]
async fn add_passkey(
    State(app): State<App>,
    RecentlyAuthenticated(person): RecentlyAuthenticated,
    Json(input): Json<PasskeyInput>,
) -> Result<impl IntoResponse, Problem> {
    let PasskeyInput {
        ceremony,
        name,
        credential,
    } = input;
    let (passkey, recovery_codes) =
        service::finish_passkey(&app, &person, &ceremony, &name, &credential).await?;
    let added = PasskeyAdded {
        passkey,
        recovery_codes,
    };
    Ok((StatusCode::CREATED, not_stored(added)))
}

/// Give a passkey another name
#[utoipa::path(patch, path = "/api/v1/me/passkeys/{passkey}", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))), params(("passkey" = PasskeyId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn rename_passkey(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(passkey): Path<PasskeyId>,
    Json(input): Json<NameInput>,
) -> Result<StatusCode, Problem> {
    let SignedIn(_, person) = signed_in;
    service::rename_passkey(&app, &person, passkey, &input.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a passkey; the last second factor stays while an organisation asks for one
#[utoipa::path(delete, path = "/api/v1/me/passkeys/{passkey}", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("recently_authenticated"))), params(("passkey" = PasskeyId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn remove_passkey(
    State(app): State<App>,
    RecentlyAuthenticated(person): RecentlyAuthenticated,
    Path(passkey): Path<PasskeyId>,
) -> Result<StatusCode, Problem> {
    service::remove_passkey(&app, &person, passkey).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Nobody proves who they are in somebody else's name.
fn oneself(person: Person) -> Result<Person, IdentityError> {
    match person.impersonation {
        Some(_) => Err(IdentityError::Impersonated),
        None => Ok(person),
    }
}

/// Have a code sent, to prove once more who one is
#[utoipa::path(post, path = "/api/v1/me/reauthenticate/code", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 202), (status = "4XX", body = Problem)))]
async fn reauthentication_code(
    State(app): State<App>,
    signed_in: SignedIn,
    CameFrom(origin): CameFrom,
    Json(input): Json<MethodInput>,
) -> Result<StatusCode, Problem> {
    let SignedIn(_, person) = signed_in;
    let person = oneself(person)?;
    service::send_reauthentication_code(&app, &person, input.method, &origin).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Begin to show a passkey, to prove once more who one is
#[utoipa::path(post, path = "/api/v1/me/reauthenticate/passkey", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 200, body = Ceremony), (status = "4XX", body = Problem)))]
async fn reauthentication_passkey(
    State(app): State<App>,
    signed_in: SignedIn,
) -> Result<impl IntoResponse, Problem> {
    let SignedIn(_, person) = signed_in;
    let begun = service::begin_reauthentication_passkey(&app, &oneself(person)?).await?;
    Ok(not_stored(begun))
}

/// Prove by a second factor that it is still oneself
#[utoipa::path(post, path = "/api/v1/me/reauthenticate/factor", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn reauthenticate(
    State(app): State<App>,
    signed_in: SignedIn,
    Json(input): Json<FactorInput>,
) -> Result<StatusCode, Problem> {
    let SignedIn(_, person) = signed_in;
    let answer = answer(input.method, input.code, input.ceremony, input.credential)?;
    service::reauthenticate_by_factor(&app, &oneself(person)?, answer).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Have a code sent for a sign-in that waits for its second factor
#[utoipa::path(post, path = "/api/v1/auth/second-factor/code", tag = "sign-in",
    params(("Bilten-Device" = Option<String>, Header, description = "The device token of an earlier sign-in")),
    responses((status = 202), (status = "4XX", body = Problem)))]
async fn second_factor_code(
    State(app): State<App>,
    AppVisitor(visitor): AppVisitor,
    Json(input): Json<TicketMethodInput>,
) -> Result<StatusCode, Problem> {
    service::send_second_factor_code(&app, &input.ticket, input.method, &visitor).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Begin to show a passkey as the second factor of a sign-in
#[utoipa::path(post, path = "/api/v1/auth/second-factor/passkey", tag = "sign-in",
    responses((status = 200, body = Ceremony), (status = "4XX", body = Problem)))]
async fn second_factor_passkey(
    State(app): State<App>,
    Json(input): Json<TicketInput>,
) -> Result<impl IntoResponse, Problem> {
    let begun = service::begin_second_factor_passkey(&app, &input.ticket).await?;
    Ok(not_stored(begun))
}

/// End a sign-in by its second factor
#[utoipa::path(post, path = "/api/v1/auth/second-factor", tag = "sign-in",
    params(("Bilten-Device" = Option<String>, Header, description = "The device token of an earlier sign-in")),
    responses((status = 200, body = SecondFactorOutcome), (status = "4XX", body = Problem)))]
async fn second_factor(
    State(app): State<App>,
    AppVisitor(visitor): AppVisitor,
    Json(input): Json<SecondFactorInput>,
) -> Result<impl IntoResponse, Problem> {
    let answer = answer(input.method, input.code, input.ceremony, input.credential)?;
    let finished = service::show_second_factor(&app, &input.ticket, answer, &visitor).await?;
    Ok(not_stored(match finished {
        Finished::Begun(begun) => {
            let tokens = Tokens::new(&app, begun.session, begun.device);
            SecondFactorOutcome::SignedIn(Box::new(tokens))
        }
        Finished::Raised => SecondFactorOutcome::Done,
    }))
}

/// Begin to sign in with a passkey; the answer does not tell whether an address has an account
#[utoipa::path(post, path = "/api/v1/auth/passkey/begin", tag = "sign-in",
    responses((status = 200, body = Ceremony), (status = "4XX", body = Problem)))]
async fn begin_passkey_sign_in(
    State(app): State<App>,
    AppVisitor(visitor): AppVisitor,
    Json(input): Json<PasskeySignInBegin>,
) -> Result<impl IntoResponse, Problem> {
    let email = input.email.as_deref();
    let begun = service::begin_passkey_sign_in(&app, email, &visitor).await?;
    Ok(not_stored(begun))
}

/// Sign in with a passkey: it is two factors in one
#[utoipa::path(post, path = "/api/v1/auth/passkey", tag = "sign-in",
    params(("Bilten-Device" = Option<String>, Header, description = "The device token of an earlier sign-in")),
    responses((status = 200, body = SignInAnswer), (status = "4XX", body = Problem)))]
async fn passkey_sign_in(
    State(app): State<App>,
    AppVisitor(visitor): AppVisitor,
    Json(input): Json<PasskeySignIn>,
) -> Result<impl IntoResponse, Problem> {
    let PasskeySignIn {
        ceremony,
        credential,
    } = input;
    let step = service::sign_in_by_passkey(&app, &ceremony, &credential, &visitor).await?;
    Ok(not_stored(SignInAnswer::new(&app, step)))
}
