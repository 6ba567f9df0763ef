//! Accounts elsewhere: the buttons for signing in by them, how an organisation's is found, and those
//! that somebody connected with theirs.
//!
//! They are links, not forms: browsers hold a form's redirects against the page's policy, and a
//! provider is another site.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Path, Query};
use jiff::tz::TimeZone;

use super::holder::with_next;
use super::sign_in::{Wish, onward};
use super::{Holder, Place, Proven, done};
use crate::app::App;
use crate::identity::{
    self, ConnectionId, ConsentVersions, FederationError, PageVisitor, SsoButton,
};
use crate::web::form::{Faults, Fields, Refusal};
use crate::web::problem::Way;
use crate::web::shell::{self, Privacy, Shell};
use crate::web::text::{self, Moment};

const PATH: &str = "/account/identities";

#[derive(Template)]
#[template(path = "account/organisation_sign_in.html")]
struct OrganisationPage {
    shell: Shell,
    faults: Faults,
    email: String,
    next: String,
    sign_in: String,
    ways: Vec<Way>,
    texts: ConsentVersions,
}

#[derive(Template)]
#[template(path = "account/identities.html")]
struct IdentitiesPage {
    shell: Shell,
    faults: Faults,
    done: Option<&'static str>,
    identities: Vec<IdentityRow>,
    others: Vec<Way>,
}

struct IdentityRow {
    connection: ConnectionId,
    name: String,
    linked: Moment,
    used: Option<Moment>,
}

/// The address at which a browser goes out to a provider.
fn start(slug: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    format!("/sso/{slug}/start?{}", query.finish())
}

fn way(button: &SsoButton, pairs: &[(&str, &str)]) -> Way {
    Way {
        link: start(&button.slug, pairs),
        text: format!("Continue with {}", button.name),
    }
}

/// The ways to sign in by an account elsewhere, which lead back to a page of ours.
pub(super) async fn ways(app: &App, next: &str) -> Result<Vec<Way>, Problem> {
    let next = onward(next);
    let buttons = identity::sso_buttons(app, None).await?;
    let mut ways: Vec<Way> = buttons.iter().map(|b| way(b, &[("next", next)])).collect();
    if identity::has_organisation_sso(app).await? {
        ways.push(Way {
            link: with_next("/sign-in/organisation", next),
            text: "Continue with your organisation".to_owned(),
        });
    }
    Ok(ways)
}

/// The ways in which somebody who is signed in proves elsewhere that it is still them.
pub(super) async fn ways_again(
    app: &App,
    holder: &Holder,
    next: &str,
) -> Result<Vec<Way>, Problem> {
    let next = onward(next);
    let identities = identity::identities_that_ask_again(app, holder.person.user).await?;
    let ways = identities.iter().map(|linked| Way {
        link: start(&linked.slug, &[("again", "1"), ("next", next)]),
        text: format!("Continue with {}", linked.name),
    });
    Ok(ways.collect())
}

/// Whether there is an account elsewhere that somebody has connected, or could connect.
pub(super) async fn has_any(app: &App, holder: &Holder) -> Result<bool, Problem> {
    let email = holder.profile.email.as_str();
    Ok(!identity::sso_buttons(app, Some(email)).await?.is_empty()
        || !identity::identities_of(app, holder.person.user)
            .await?
            .is_empty())
}

fn organisation_page(
    app: &App,
    mut refusal: Refusal,
    email: &str,
    next: &str,
    ways: Vec<Way>,
) -> Result<Response, Problem> {
    let faults = refusal.take_faults();
    let next = onward(next);
    let page = OrganisationPage {
        shell: Shell::personal("Sign in with your organisation").with_faults(!faults.is_empty()),
        faults,
        email: email.to_owned(),
        sign_in: with_next("/sign-in", next),
        next: next.to_owned(),
        ways,
        texts: app.config.identity.consents.clone(),
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /sign-in/organisation?next=`
pub(super) async fn show_organisation(
    State(app): State<App>,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    organisation_page(&app, Refusal::default(), "", &wish.next, Vec::new())
}

/// `POST /sign-in/organisation`
///
/// What is found depends on the domain of the address only, not on who has an account.
pub(super) async fn find_organisation(
    State(app): State<App>,
    fields: Fields,
) -> Result<Response, Problem> {
    let (email, next) = (fields.text("email"), fields.text("next"));
    let refused = |text: &str| {
        let refusal = Refusal::with(Faults::one("email", text));
        organisation_page(&app, refusal, email, next, Vec::new())
    };
    if email.parse::<identity::Email>().is_err() {
        return refused("Please give an e-mail address, such as ana@example.com.");
    }
    let for_all = identity::sso_buttons(&app, None).await?;
    let pairs = [("email", email), ("next", onward(next))];
    let found = identity::sso_buttons(&app, Some(email)).await?;
    let ways: Vec<Way> = found
        .iter()
        .filter(|button| !for_all.contains(button))
        .map(|button| way(button, &pairs))
        .collect();
    if ways.is_empty() {
        return refused("No organisation signs in people with such an address here.");
    }
    organisation_page(&app, Refusal::default(), email, next, ways)
}

async fn identities_page(
    app: &App,
    holder: &Holder,
    mut refusal: Refusal,
    done: Option<&'static str>,
) -> Result<Response, Problem> {
    let linked = identity::identities_of(app, holder.person.user).await?;
    let offered = identity::sso_buttons(app, Some(holder.profile.email.as_str())).await?;
    let faults = refusal.take_faults();
    let next = format!("{PATH}?done=linked");
    let others = offered
        .iter()
        .filter(|button| linked.iter().all(|one| one.slug != button.slug))
        .map(|button| Way {
            link: start(&button.slug, &[("link", "1"), ("next", next.as_str())]),
            text: button.name.clone(),
        })
        .collect();
    let page = IdentitiesPage {
        shell: Shell::account("Accounts elsewhere", holder, Place::Profile)
            .with_faults(!faults.is_empty()),
        faults,
        done,
        others,
        identities: linked
            .into_iter()
            .map(|one| IdentityRow {
                connection: one.connection,
                name: one.name,
                linked: text::day(one.created_at, &TimeZone::UTC),
                used: one.used_at.map(|at| text::day(at, &TimeZone::UTC)),
            })
            .collect(),
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /account/identities`
///
/// Whoever comes here has proved only just who they are, since connecting wants that and is a link.
pub(super) async fn show(
    State(app): State<App>,
    Proven(holder): Proven,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    identities_page(&app, &holder, Refusal::default(), done(&wish.done)).await
}

/// `POST /account/identities/{connection}/end`
pub(super) async fn end(
    State(app): State<App>,
    Proven(holder): Proven,
    PageVisitor(visitor): PageVisitor,
    Path(connection): Path<ConnectionId>,
) -> Result<Response, Problem> {
    let user = holder.person.user;
    match identity::unlink_identity(&app, user, connection, &visitor.origin).await {
        Ok(()) | Err(FederationError::NotLinked) => {
            Ok(shell::see_other(&format!("{PATH}?done=unlinked")))
        }
        Err(error) => {
            let refusal = Refusal::of(error, |_| String::new())?;
            identities_page(&app, &holder, refusal, None).await
        }
    }
}
