//! What a program asks of a person, and what they answer.

use std::time::Duration;

use bilten_kernel::db::AsJson;
use bilten_kernel::random;
use serde_json::json;

use super::note::{Note, note};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::IdentityError;
use crate::identity::store::oauth as store;
use crate::platform::token_hash;

/// What a program asks of a person.
#[derive(Clone, Debug)]
pub struct AuthorisationRequest {
    /// Which program.
    pub client: OAuthClient,
    /// Where the browser is sent back to: one that the client registered.
    pub redirect_uri: String,
    /// What it wants to be allowed.
    pub scopes: Vec<Permission>,
    /// What it wants to be told again.
    pub state: Option<String>,
    /// What its verifier must answer.
    pub code_challenge: String,
}

/// Why a program's request cannot be put before a person.
#[derive(Debug, thiserror::Error)]
pub enum AuthorisationFailure {
    /// The client or its address is not known: the person is told, and sent nowhere.
    #[error("{0}")]
    Unsafe(&'static str),
    /// Something else is wrong with it: the client is told, at its address.
    #[error("{}", .0.error)]
    Refused(Box<RefusedRequest>),
    /// Something failed on our side.
    #[error(transparent)]
    Fault(#[from] IdentityError),
}

/// A request that is refused at the client's address.
#[derive(Clone, Debug)]
pub struct RefusedRequest {
    /// Where the browser is sent back to.
    pub redirect_uri: String,
    /// What the client wants to be told again.
    pub state: Option<String>,
    /// What is wrong.
    pub error: OAuthError,
}

/// An organisation for which somebody could let a program act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantChoice {
    /// Which organisation.
    pub organisation: OrganisationId,
    /// What it is called.
    pub name: String,
    /// What the program would be allowed: never more than the person may themselves.
    pub scopes: Vec<Permission>,
    /// Whether the organisation wants a second factor first.
    pub needs_mfa: bool,
}

impl AuthorisationRequest {
    /// Where the browser is sent back to with the answer, which says who gave it (RFC 9207).
    fn answer(&self, app: &App, parameters: &[(&str, &str)]) -> String {
        answer(app, &self.redirect_uri, self.state.as_deref(), parameters)
    }

    /// Where the browser is sent back to when the person says no.
    pub fn denied(&self, app: &App) -> String {
        let code = OAuthCode::AccessDenied.as_str();
        self.answer(
            app,
            &[
                ("error", code),
                ("error_description", "The person said no."),
            ],
        )
    }

    /// The organisations for which somebody could let the program act.
    pub fn choices(&self, person: &Person) -> Vec<GrantChoice> {
        person
            .memberships
            .iter()
            .filter(|m| self.client.is_shared || m.organisation == self.client.organisation_id)
            .map(|m| GrantChoice {
                organisation: m.organisation,
                name: m.name.clone(),
                scopes: self
                    .scopes
                    .iter()
                    .copied()
                    .filter(|scope| m.scope(*scope).is_some())
                    .collect(),
                needs_mfa: m.requires_mfa && !person.is_mfa,
            })
            .collect()
    }
}

impl RefusedRequest {
    /// Where the browser is sent back to.
    pub fn location(&self, app: &App) -> String {
        let parameters = [
            ("error", self.error.code.as_str()),
            ("error_description", self.error.description),
        ];
        answer(app, &self.redirect_uri, self.state.as_deref(), &parameters)
    }
}

fn answer(app: &App, uri: &str, state: Option<&str>, parameters: &[(&str, &str)]) -> String {
    let mut all = parameters.to_vec();
    if let Some(state) = state {
        all.push(("state", state));
    }
    all.push(("iss", &app.config.http.public_url));
    redirect_with(uri, &all)
}

/// Reads and checks what a program asks. The client and its address come first: until both are
/// known, nobody is sent anywhere.
///
/// # Errors
/// [`AuthorisationFailure`] by what is wrong.
pub async fn authorisation_request(
    app: &App,
    parameters: &Parameters,
) -> Result<AuthorisationRequest, AuthorisationFailure> {
    const UNKNOWN: AuthorisationFailure = AuthorisationFailure::Unsafe(
        "The program that sent you here is not known, or was switched off.",
    );
    const ELSEWHERE: AuthorisationFailure = AuthorisationFailure::Unsafe(
        "The program that sent you here wants you to go on to an address that is not known to be its own.",
    );
    let id = parameters.get("client_id").ok().flatten();
    let id: OAuthClientId = id.and_then(|id| id.parse().ok()).ok_or(UNKNOWN)?;
    let client = app
        .db
        .read(move |c| Box::pin(async move { store::client(c, id).await }))
        .await
        .map_err(IdentityError::from)?
        .filter(|client| client.is_enabled && client.kind.asks_people())
        .ok_or(UNKNOWN)?;
    let redirect_uri = parameters.get("redirect_uri").ok().flatten();
    let redirect_uri = redirect_uri
        .filter(|uri| client.returns_to(uri))
        .ok_or(ELSEWHERE)?
        .to_owned();
    let state = parameters.get("state");
    match asked(&client, parameters) {
        Ok((scopes, code_challenge)) => Ok(AuthorisationRequest {
            client,
            redirect_uri,
            scopes,
            state: state.ok().flatten().map(str::to_owned),
            code_challenge,
        }),
        Err(error) => Err(AuthorisationFailure::Refused(Box::new(RefusedRequest {
            redirect_uri,
            state: state.ok().flatten().map(str::to_owned),
            error,
        }))),
    }
}

/// What is asked for, and the challenge.
fn asked(
    client: &OAuthClient,
    parameters: &Parameters,
) -> Result<(Vec<Permission>, String), OAuthError> {
    if parameters.has_doubles() {
        return Err(OAuthError::request("A parameter was sent more than once."));
    }
    if parameters.need("response_type", "The response_type is missing.")? != "code" {
        return Err(OAuthError::new(
            OAuthCode::UnsupportedResponseType,
            "Only response_type=code is supported.",
        ));
    }
    if parameters
        .get("response_mode")?
        .is_some_and(|mode| mode != "query")
    {
        return Err(OAuthError::request(
            "Only response_mode=query is supported.",
        ));
    }
    if parameters.get("request")?.is_some() || parameters.get("request_uri")?.is_some() {
        return Err(OAuthError::request("Request objects are not supported."));
    }
    // Without a method, RFC 7636 means `plain`.
    let method = parameters.get("code_challenge_method")?;
    let challenge = parameters.need(
        "code_challenge",
        "PKCE is required: the code_challenge is missing.",
    )?;
    if method != Some("S256") {
        return Err(OAuthError::request(
            "Only code_challenge_method=S256 is supported.",
        ));
    }
    if !is_challenge(challenge) {
        return Err(OAuthError::request(
            "The code_challenge is not a SHA-256 in base64url.",
        ));
    }
    let scopes = scopes_within(parameters.get("scope")?, &client.scopes)?;
    Ok((scopes, challenge.to_owned()))
}

/// Lets a program act for an organisation on behalf of somebody; says where the browser is sent
/// back to, with the code.
///
/// # Errors
/// [`IdentityError::Denied`] if they do not belong there, lack a second factor or may do nothing of
/// it; or a fault of the database.
pub async fn grant_access(
    app: &App,
    request: &AuthorisationRequest,
    person: &Person,
    organisation: OrganisationId,
) -> Result<String, IdentityError> {
    let choice = request
        .choices(person)
        .into_iter()
        .find(|choice| choice.organisation == organisation)
        .ok_or(IdentityError::Denied(Denied::OrganisationUnknown))?;
    if choice.needs_mfa {
        return Err(IdentityError::Denied(Denied::MfaRequired));
    }
    // Who acts as somebody else must not leave a program behind that goes on acting as them.
    if choice.scopes.is_empty() || person.impersonation.is_some() {
        return Err(IdentityError::Denied(Denied::PermissionMissing));
    }
    let now = app.now();
    let until = now + Duration::from_secs(CODE_S);
    let code = random::token(&*app.random, 40);
    let grant = store::NewGrant {
        id: OAuthGrantId::new(&*app.clock, &*app.random),
        client_id: request.client.id,
        user_id: Some(person.user),
        organisation_id: organisation,
        scopes: AsJson(choice.scopes),
        is_mfa: person.is_mfa,
        created_at: now,
        // Until tokens are fetched for it, it lasts no longer than its code.
        expires_at: Some(until),
    };
    let granted = Note {
        action: "oauth.granted",
        actor: person.user.to_string(),
        organisation,
        client: grant.client_id,
        grant: Some(grant.id),
        detail: json!({"scopes": grant.scopes.0}),
    };
    let (work, hash) = (app.clone(), token_hash(&code));
    let (uri, challenge) = (request.redirect_uri.clone(), request.code_challenge.clone());
    app.db
        .write(move |c| {
            Box::pin(async move {
                store::insert_grant(c, &grant).await?;
                store::insert_code(c, hash, grant.id, &uri, &challenge, now, until).await?;
                note(&work, c, granted).await?;
                Ok::<_, IdentityError>(())
            })
        })
        .await?;
    Ok(request.answer(app, &[("code", &code)]))
}
