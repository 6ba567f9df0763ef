//! The page of an invitation, by the link in its mail.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::Query;
use jiff::tz::TimeZone;

use super::holder::with_next;
use super::organisations::role_words;
use super::sign_in::Wish;
use super::{Holder, link_unknown};
use crate::app::App;
use crate::identity::{self, Email};
use crate::web::form::{Faults, Fields, Refusal};
use crate::web::shell::{self, Privacy, Shell};
use crate::web::text::{self, Moment};

#[derive(Template)]
#[template(path = "account/invitation.html")]
struct InvitationPage {
    shell: Shell,
    faults: Faults,
    organisation: String,
    email: String,
    roles: String,
    until: Moment,
    token: String,
    /// Who is signed in, if somebody is.
    mine: Option<String>,
    /// Whether that is whom the invitation is for.
    is_mine: bool,
    here: String,
    sign_in: String,
    register: String,
}

async fn page(
    app: &App,
    holder: Option<&Holder>,
    token: &str,
    mut refusal: Refusal,
) -> Result<Response, Problem> {
    let invited = match identity::invited(app, token).await {
        Ok(invited) => invited,
        Err(error) => return link_unknown(error, "/account/organisations", "Your organisations"),
    };
    let faults = refusal.take_faults();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("token", token);
    let here = format!("/invitation?{}", query.finish());
    let role = invited.roles.role.map(|role| role_words(role).0.to_owned());
    let invitee = invited.email.parse::<Email>().map(|email| email.lookup());
    let is_mine = holder.is_some_and(|holder| invitee == Ok(holder.profile.email.lookup()));
    let mut shell = Shell::personal("An invitation").with_faults(!faults.is_empty());
    shell.holder = holder.map(|holder| holder.shown_name().to_owned());
    let page = InvitationPage {
        shell,
        faults,
        organisation: invited.organisation,
        email: invited.email,
        roles: role.unwrap_or_else(|| "A role for some events".to_owned()),
        until: text::day(invited.expires_at, &TimeZone::UTC),
        token: token.to_owned(),
        mine: holder.map(|holder| holder.profile.email.as_str().to_owned()),
        is_mine,
        sign_in: with_next("/sign-in", &here),
        register: with_next("/register", &here),
        here,
    };
    refusal.page(&page, Privacy::SecretForm)
}

/// `GET /invitation?token=`
pub(super) async fn show(
    State(app): State<App>,
    holder: Option<Holder>,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    page(&app, holder.as_ref(), &wish.token, Refusal::default()).await
}

/// `POST /invitation`
pub(super) async fn accept(
    State(app): State<App>,
    holder: Holder,
    fields: Fields,
) -> Result<Response, Problem> {
    let token = fields.text("token");
    let (principal, person) = (&holder.principal, &holder.person);
    match identity::accept_invitation(&app, principal, person, token.to_owned()).await {
        Ok(organisation) => {
            let slug = organisation.slug;
            Ok(shell::see_other(&format!(
                "/account/organisations/{slug}?done=joined"
            )))
        }
        Err(error) => {
            let problem = Problem::from(error);
            match Refusal::of(problem.clone(), str::to_owned) {
                Ok(refusal) => page(&app, Some(&holder), token, refusal).await,
                Err(_) => link_unknown(problem, "/account/organisations", "Your organisations"),
            }
        }
    }
}
