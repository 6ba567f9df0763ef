//! How a route says who may call it: by the extractor that it takes.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, COOKIE, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};
use bilten_kernel::error::{IntoProblem, Problem};
use bilten_kernel::http::Counted;
use bilten_kernel::telemetry::trace;

use super::is_same_site;
use super::noted::Noted;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::{self, IdentityError};
use crate::platform;

/// The header by which people who belong to several organisations name one: its id or short name.
const ORGANISATION: &str = "bilten-organisation";

/// How a request without a credential, or with one that does not do, is told what would (RFC 6750).
const REALM: &str = "Bearer realm=\"bilten\"";

/// Somebody who holds the permission `P` in an organisation, for all of its events or for some.
///
/// Taking this extractor is what makes a route the organiser's.
#[derive(Clone, Debug)]
pub struct Organiser<P> {
    principal: Arc<Principal>,
    tenant: Tenant,
    permit: PhantomData<P>,
}

impl<P: Permit> Organiser<P> {
    /// What the request may touch.
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The organisation it is about.
    pub const fn organisation(&self) -> OrganisationId {
        self.tenant.organisation
    }

    /// How the audit log names who did something.
    pub fn actor(&self) -> String {
        self.principal.actor()
    }

    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// A person, whatever the organisation: for what is their own.
#[derive(Clone, Debug)]
pub struct SignedIn(pub Arc<Principal>, pub Person);

/// A person who proved only just who they are, with all factors they have: for dangerous actions.
/// An administrator who acts as somebody else is never that.
#[derive(Clone, Debug)]
pub struct RecentlyAuthenticated(pub Person);

/// An administrator of the platform who showed a second factor.
#[derive(Clone, Debug)]
pub struct PlatformAdmin(pub Person);

/// Whoever is authenticated, a person or a program, with the organisation that they name: for what
/// each sees in a way of their own, so that the service decides.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// Who makes the request.
    pub principal: Arc<Principal>,
    /// The organisation that they name, by id or short name.
    pub organisation: Option<String>,
}

/// The token of an `Authorization: Bearer …` header.
pub(crate) fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// The name of the cookie that holds a session's token; browsers keep `__Host-` ones to this host
/// and to encrypted connections.
pub(crate) fn session_cookie_name(app: &App) -> &'static str {
    if app.config.http.public_url.starts_with("https://") {
        "__Host-bilten_session"
    } else {
        "bilten_session"
    }
}

fn unauthenticated() -> Problem {
    Problem::unauthorized(
        "identity.unauthenticated",
        "This needs you to sign in, or an API key: Authorization: Bearer …",
    )
    .header(WWW_AUTHENTICATE, HeaderValue::from_static(REALM))
}

/// Why somebody may not do something; a program is also told in the words of RFC 6750 what it lacks.
fn refusal(principal: &Principal, permission: Permission, error: IdentityError) -> Problem {
    let is_programs = matches!(
        (principal, &error),
        (
            Principal::Program(_),
            IdentityError::Denied(Denied::PermissionMissing)
        )
    );
    let problem = error.into_problem();
    let challenge = format!("{REALM}, error=\"insufficient_scope\", scope=\"{permission}\"");
    match HeaderValue::try_from(challenge) {
        Ok(challenge) if is_programs => problem.header(WWW_AUTHENTICATE, challenge),
        Ok(_) | Err(_) => problem,
    }
}

/// Who makes a request, for layers; extractors find it kept with the request.
///
/// # Errors
/// A problem 401 or 403 if it is nobody who may.
pub(crate) async fn caller(parts: &mut Parts, app: &App) -> Result<Arc<Principal>, Problem> {
    principal(parts, app).await
}

/// Who makes a request, kept with it so that two extractors ask once.
async fn principal(parts: &mut Parts, app: &App) -> Result<Arc<Principal>, Problem> {
    if let Some(known) = parts.extensions.get::<Arc<Principal>>() {
        return Ok(Arc::clone(known));
    }
    let (token, is_cookie) = match bearer(parts) {
        Some(token) => (token, false),
        None => match cookie(&parts.headers, session_cookie_name(app)) {
            Some(token) => (token, true),
            None => return Err(unauthenticated()),
        },
    };
    let found = service::authenticate(app, token).await?;
    let found = found.ok_or_else(|| {
        Problem::unauthorized(
            "identity.token_unknown",
            "This key or session is not known, has expired or was revoked.",
        )
        .header(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"bilten\", error=\"invalid_token\""),
        )
    })?;
    if let Some(noted) = parts.extensions.get::<Noted>() {
        noted.note_principal(&found);
    }
    // Browsers add cookies to whatever other sites make them send.
    let reads = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if is_cookie && !reads && !is_same_site(&parts.headers, &app.config.http.public_url) {
        return Err(Problem::forbidden(
            "identity.other_site",
            "This was sent from another site, so it was not carried out.",
        ));
    }
    let is_page = matches!(&*found, Principal::Person(person) if person.kind == SessionKind::Page);
    if is_page != is_cookie {
        // A token that leaked from one place must not work in the other.
        return Err(unauthenticated());
    }
    note(&found);
    count(parts, &found).await?;
    parts.extensions.insert(Arc::clone(&found));
    Ok(found)
}

/// Counts a request by who makes it, on top of the address that it comes from.
async fn count(parts: &Parts, principal: &Principal) -> Result<(), Problem> {
    let Some(counted) = parts.extensions.get::<Counted>() else {
        return Ok(());
    };
    let quotas = counted.quotas();
    match principal {
        Principal::Person(person) => {
            let who = person.user.to_string();
            counted.take("user", &who, quotas.user).await
        }
        Principal::Program(program) => counted.take("key", &program.actor, quotas.key).await,
    }
}

/// Counts a request by the organisation that it is made for; some have quotas of their own.
async fn count_organisation(
    parts: &Parts,
    app: &App,
    organisation: OrganisationId,
) -> Result<(), Problem> {
    let Some(counted) = parts.extensions.get::<Counted>() else {
        return Ok(());
    };
    let who = organisation.to_string();
    let own = platform::setting(app, &platform::ORGANISATION_QUOTAS).await;
    let own = own.0.get(&who).copied();
    let quota = own.or(counted.quotas().organisation);
    counted.take("organisation", &who, quota).await
}

/// Notes with the request what its route needs, so that the decision can be logged.
fn note_permission(parts: &Parts, permission: &'static str) {
    if let Some(noted) = parts.extensions.get::<Noted>() {
        noted.note_permission(permission);
    }
}

/// Notes with the request who asks, so that its log lines and its trace say so.
fn note(principal: &Principal) {
    match principal {
        Principal::Person(person) => trace::note_caller(&person.user, None),
        Principal::Program(program) => {
            trace::note_caller(&program.actor, Some(&program.organisation));
        }
    }
}

async fn person(parts: &mut Parts, app: &App) -> Result<(Arc<Principal>, Person), Problem> {
    let principal = principal(parts, app).await?;
    match &*principal {
        Principal::Person(person) => {
            let person = person.clone();
            Ok((principal, person))
        }
        Principal::Program(_) => Err(Problem::forbidden(
            "identity.person_required",
            "This is for people, not for programs.",
        )),
    }
}

impl<P: Permit> FromRequestParts<App> for Organiser<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        note_permission(parts, P::PERMISSION.as_str());
        let principal = principal(parts, app).await?;
        let named = parts
            .headers
            .get(ORGANISATION)
            .map(|value| value.to_str().unwrap_or("?"));
        let tenant = service::authorise(&principal, P::PERMISSION, named)
            .map_err(|error| refusal(&principal, P::PERMISSION, error))?;
        trace::note_organisation(&tenant.organisation);
        count_organisation(parts, app, tenant.organisation).await?;
        Ok(Self {
            principal,
            tenant,
            permit: PhantomData,
        })
    }
}

impl FromRequestParts<App> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        note_permission(parts, "authenticated");
        let principal = principal(parts, app).await?;
        if let Principal::Program(program) = &*principal {
            count_organisation(parts, app, program.organisation).await?;
        }
        let named = parts.headers.get(ORGANISATION);
        Ok(Self {
            principal,
            organisation: named.map(|value| value.to_str().unwrap_or("?").to_owned()),
        })
    }
}

/// The organisation that a request names, if it names one.
#[derive(Clone, Debug)]
pub(super) struct OrganisationNamed(pub(super) Option<String>);

impl FromRequestParts<App> for OrganisationNamed {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Self::Rejection> {
        let named = parts.headers.get(ORGANISATION);
        Ok(Self(
            named.map(|value| value.to_str().unwrap_or("?").to_owned()),
        ))
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        note_permission(parts, "signed_in");
        let (principal, person) = person(parts, app).await?;
        Ok(Self(principal, person))
    }
}

impl FromRequestParts<App> for RecentlyAuthenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        note_permission(parts, "recently_authenticated");
        let (_, person) = person(parts, app).await?;
        if person.impersonation.is_some() {
            return Err(Problem::forbidden(
                "identity.impersonated",
                "This can be done by the person themselves only.",
            ));
        }
        if !person.is_recent(app.now()) {
            return Err(Problem::forbidden(
                "identity.reauthentication_required",
                "Please prove once more who you are: this was too long ago, or without your second factor.",
            ));
        }
        Ok(Self(person))
    }
}

impl FromRequestParts<App> for PlatformAdmin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        note_permission(parts, "platform_admin");
        let (_, person) = person(parts, app).await?;
        if !person.is_platform_admin {
            // Who is none need not know what there is.
            return Err(Problem::not_found(
                "not_found",
                "There is nothing at this address.",
            ));
        }
        if !person.is_mfa {
            return Err(Denied::MfaRequired.into_problem());
        }
        Ok(Self(person))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=1; bilten_session=x=y;b".parse().unwrap());
        headers.append(COOKIE, "c=3".parse().unwrap());
        assert_eq!(cookie(&headers, "bilten_session"), Some("x=y"));
        assert_eq!(cookie(&headers, "session"), None);
        assert_eq!(cookie(&headers, "c"), Some("3"));
        assert_eq!(cookie(&headers, "b"), None);
    }
}
