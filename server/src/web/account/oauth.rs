//! The page on which somebody lets a program of a third party act for them, or does not.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use bilten_kernel::error::Problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Holder;
use super::holder::with_next;
use crate::app::App;
use crate::identity::{
    self, AuthorisationFailure, AuthorisationRequest, GrantChoice, IdentityError, OrganisationId,
    Parameters, Permission, SessionKind,
};
use crate::web::form::{Faults, Fields};
use crate::web::problem::{self, Way};
use crate::web::shell::{self, Privacy, Shell};

const PATH: &str = "/oauth/authorize";

pub(in crate::web) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, decide))
}

/// An organisation that can be chosen, as the page shows it.
struct ChoiceView {
    id: OrganisationId,
    name: String,
    /// What is asked for and cannot be given there.
    lacks: Vec<&'static str>,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "account/consent.html")]
struct ConsentPage {
    shell: Shell,
    faults: Faults,
    action: String,
    client: String,
    owner: String,
    email: String,
    /// Where the browser goes on to.
    target: String,
    scopes: Vec<&'static str>,
    choices: Vec<ChoiceView>,
    /// Organisations that want a second factor first.
    guarded: Vec<String>,
}

/// What the page is about, or what is answered in its place.
enum Asked {
    Request(Box<AuthorisationRequest>, Holder),
    Answered(Response),
}

fn unsafe_page(text: &str) -> Response {
    let problem = Problem::bad_request("oauth.request", text);
    problem::lead_on(problem, Way::home())
}

/// Reads the request. Nobody is sent to another site who is not signed in: otherwise any link to us
/// would lead anywhere (RFC 9700, section 4.11.2).
async fn asked(app: &App, query: &str, holder: Option<Holder>) -> Result<Asked, Problem> {
    // An app's token is not how a browser comes here.
    let holder = holder.filter(|holder| holder.person.kind == SessionKind::Page);
    let parameters = match Parameters::parse(query.as_bytes()) {
        Ok(parameters) => parameters,
        Err(error) => return Ok(Asked::Answered(unsafe_page(error.description))),
    };
    let answer = match (
        identity::authorisation_request(app, &parameters).await,
        holder,
    ) {
        (Ok(request), Some(holder)) => return Ok(Asked::Request(Box::new(request), holder)),
        (Ok(_), None) => shell::see_other(&with_next("/sign-in", &format!("{PATH}?{query}"))),
        (Err(AuthorisationFailure::Unsafe(text)), _) => unsafe_page(text),
        (Err(AuthorisationFailure::Refused(refused)), Some(_)) => {
            shell::leave_for(&refused.location(app))
        }
        (Err(AuthorisationFailure::Refused(refused)), None) => unsafe_page(&format!(
            "The program that sent you here asked in a wrong way. {}",
            refused.error.description
        )),
        (Err(AuthorisationFailure::Fault(error)), _) => return Err(error.into()),
    };
    Ok(Asked::Answered(answer))
}

fn plain(scopes: impl IntoIterator<Item = Permission>) -> Vec<&'static str> {
    scopes.into_iter().map(identity::plain_words).collect()
}

async fn page(
    app: &App,
    query: &str,
    request: &AuthorisationRequest,
    holder: &Holder,
    faults: Faults,
) -> Result<Response, Problem> {
    let owner = identity::organisation(app, request.client.organisation_id).await?;
    let choices = request.choices(&holder.person);
    let (guarded, open): (Vec<GrantChoice>, Vec<GrantChoice>) =
        choices.into_iter().partition(|choice| choice.needs_mfa);
    let open: Vec<GrantChoice> = open.into_iter().filter(|c| !c.scopes.is_empty()).collect();
    let is_only = open.len() == 1;
    let scopes = match open.as_slice() {
        [only] => only.scopes.clone(),
        _ => request.scopes.clone(),
    };
    let source = identity::form_source(&request.redirect_uri);
    let page = ConsentPage {
        shell: Shell {
            holder: Some(holder.shown_name().to_owned()),
            ..Shell::personal("Let a program act for you").with_faults(!faults.is_empty())
        },
        faults,
        action: format!("{PATH}?{query}"),
        client: request.client.name.clone(),
        owner: owner.name,
        email: holder.profile.email.as_str().to_owned(),
        target: source.trim_end_matches(':').to_owned(),
        scopes: plain(scopes),
        choices: open
            .into_iter()
            .map(|choice| ChoiceView {
                lacks: plain(
                    request
                        .scopes
                        .iter()
                        .copied()
                        .filter(|scope| !choice.scopes.contains(scope)),
                ),
                id: choice.organisation,
                name: choice.name,
                is_chosen: is_only,
            })
            .collect(),
        guarded: guarded.into_iter().map(|choice| choice.name).collect(),
    };
    let status = if page.faults.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let response = shell::page(status, &page, Privacy::Form)?;
    Ok(shell::form_leads_to(response, &source))
}

/// Ask somebody to let a program act for them: a page for people (RFC 6749, section 4.1.1)
///
/// PKCE with S256 is required, and `redirect_uri` is one that the client registered. The answer comes
/// back there with `code`, or with `error`, and with `state` and `iss`.
#[utoipa::path(get, path = "/oauth/authorize", tag = "programs",
    params(
        ("client_id" = String, Query, description = "Which client"),
        ("redirect_uri" = String, Query, description = "Where the browser is sent back to"),
        ("response_type" = String, Query, description = "Always `code`"),
        ("code_challenge" = String, Query, description = "The challenge of PKCE"),
        ("code_challenge_method" = String, Query, description = "Always `S256`"),
        ("scope" = Option<String>, Query, description = "Permissions with spaces between; all of the client's unless told"),
        ("state" = Option<String>, Query, description = "Comes back as it is"),
    ),
    responses(
        (status = 200, description = "The page, for somebody who is signed in"),
        (status = 303, description = "To the sign-in, or back to the client"),
        (status = 400, description = "A page that says why nobody is sent anywhere")))]
async fn show(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    holder: Option<Holder>,
) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    match asked(&app, &query, holder).await? {
        Asked::Request(request, holder) => {
            page(&app, &query, &request, &holder, Faults::default()).await
        }
        Asked::Answered(response) => Ok(response),
    }
}

/// Answer for somebody: what the form of that page sends
#[utoipa::path(post, path = "/oauth/authorize", tag = "programs",
    responses(
        (status = 303, description = "Back to the client with `code`, or with `error=access_denied`"),
        (status = "4XX", description = "A page that says what is wrong")))]
async fn decide(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    holder: Option<Holder>,
    fields: Fields,
) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    let (request, holder) = match asked(&app, &query, holder).await? {
        Asked::Request(request, holder) => (request, holder),
        Asked::Answered(response) => return Ok(response),
    };
    if fields.text("decision") != "allow" {
        return Ok(shell::leave_for(&request.denied(&app)));
    }
    let Ok(organisation) = fields.text("organisation").parse::<OrganisationId>() else {
        let faults = Faults::one("organisation", "Please choose for which organisation.");
        return page(&app, &query, &request, &holder, faults).await;
    };
    match identity::grant_access(&app, &request, &holder.person, organisation).await {
        Ok(location) => Ok(shell::leave_for(&location)),
        Err(error @ IdentityError::Denied(_)) => Ok(problem::lead_on(error, Way::home())),
        Err(error) => Err(error.into()),
    }
}
