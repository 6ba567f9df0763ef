//! Who looks at a page of an account: extractors that lead on to the sign-in.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bilten_kernel::error::Problem;

use crate::app::App;
use crate::identity::{self, Permission, Person, Principal, Profile, Role, SignedIn};
use crate::web::shell;

/// Somebody who is signed in. Whoever is not is sent to the sign-in, and comes back from there.
#[derive(Clone, Debug)]
pub(in crate::web) struct Holder {
    /// Who makes the request.
    pub(in crate::web) principal: Arc<Principal>,
    /// The person, and how they signed in.
    pub(in crate::web) person: Person,
    /// What is personal about them.
    pub(in crate::web) profile: Profile,
    /// Whether they have a password.
    pub(in crate::web) has_password: bool,
}

impl Holder {
    /// What the page calls them.
    pub(in crate::web) fn shown_name(&self) -> &str {
        let name = self.profile.name.trim();
        if name.is_empty() {
            self.profile.email.as_str()
        } else {
            name
        }
    }
}

impl Holder {
    /// Whether they look after keys or webhooks somewhere.
    pub(in crate::web) fn is_developer(&self) -> bool {
        let is_one =
            |role: Role| role.may(Permission::KeysManage) || role.may(Permission::WebhooksManage);
        let memberships = &self.person.memberships;
        memberships.iter().any(|m| m.role.is_some_and(is_one))
    }
}

/// A [`Holder`] who proved only just who they are. Whoever did so longer ago is asked again, and
/// comes back from there.
#[derive(Clone, Debug)]
pub(in crate::web) struct Proven(pub(in crate::web) Holder);

/// The address of a page that leads back here afterwards.
pub(in crate::web) fn with_next(path: &str, next: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", next);
    format!("{path}?{}", query.finish())
}

/// Where somebody wanted to go: the page itself, or the one that holds the form they sent.
fn wanted(parts: &Parts, app: &App) -> String {
    if parts.method == Method::GET {
        return parts
            .uri
            .path_and_query()
            .map_or("/account", |path| path.as_str())
            .to_owned();
    }
    parts
        .headers
        .get(header::REFERER)
        .and_then(|referrer| referrer.to_str().ok())
        .and_then(|referrer| referrer.strip_prefix(shell::public_url(app)))
        .filter(|path| path.starts_with("/account"))
        .unwrap_or("/account")
        .to_owned()
}

async fn holder(parts: &mut Parts, app: &App) -> Result<Option<Holder>, Problem> {
    let SignedIn(principal, person) =
        match <SignedIn as FromRequestParts<App>>::from_request_parts(parts, app).await {
            Ok(signed_in) => signed_in,
            Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => return Ok(None),
            Err(problem) => return Err(problem),
        };
    let user = identity::user(app, person.user).await?;
    let has_password = user.password_hash.is_some();
    Ok(user.profile.map(|profile| Holder {
        principal,
        person,
        profile,
        has_password,
    }))
}

impl FromRequestParts<App> for Holder {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        match holder(parts, app).await {
            Ok(Some(holder)) => Ok(holder),
            Ok(None) => Err(shell::see_other(&with_next(
                "/sign-in",
                &wanted(parts, app),
            ))),
            Err(problem) => Err(problem.into_response()),
        }
    }
}

impl OptionalFromRequestParts<App> for Holder {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Problem> {
        holder(parts, app).await
    }
}

impl FromRequestParts<App> for Proven {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let holder = <Holder as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        if holder.person.impersonation.is_some() {
            let problem = Problem::forbidden(
                "identity.impersonated",
                "This can be done by the person themselves only.",
            );
            return Err(problem.into_response());
        }
        if holder.person.is_recent(app.now()) {
            return Ok(Self(holder));
        }
        Err(shell::see_other(&with_next(
            "/sign-in/again",
            &wanted(parts, app),
        )))
    }
}
