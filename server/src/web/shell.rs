//! What all pages share: the head, the headers, rendering.

use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bilten_kernel::error::Problem;

use super::account::{Holder, Place};
use super::problem::Way;
use crate::app::App;

/// What a page may load and where its forms may go: ourselves only.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The head of a page.
#[derive(Clone, Debug)]
pub(super) struct Shell {
    /// The title in tabs and search results.
    pub(super) title: String,
    /// What search results and previews say of it.
    pub(super) description: String,
    /// Its address, if it may be shared.
    pub(super) url: Option<String>,
    /// Whether search engines may list it.
    pub(super) is_listed: bool,
    /// Whether it is a page of a sandbox: what it sells is nothing real.
    pub(super) is_sandbox: bool,
    /// Who is signed in, by name. Only pages for one person say so: the others are the same for
    /// everybody, so that a cache may keep them.
    pub(super) holder: Option<String>,
    /// Where in the account the page is.
    pub(super) place: Option<Place>,
    /// Whether they look after programs of an organisation.
    pub(super) is_developer: bool,
    /// To the second step that somebody's role asks for and that they have not shown.
    pub(super) to_second_step: Option<Way>,
}

impl Shell {
    /// The head of a page for everybody, at a path below the public address.
    pub(super) fn public(app: &App, title: &str, description: String, path: &str) -> Self {
        let url = Some(format!("{}{path}", public_url(app)));
        Self {
            title: format!("{title} · Bilten"),
            description,
            url,
            is_listed: true,
            is_sandbox: false,
            holder: None,
            place: None,
            is_developer: false,
            to_second_step: None,
        }
    }

    /// The head of a page for one person.
    pub(super) fn personal(title: &str) -> Self {
        let description = "Tickets by Bilten.".to_owned();
        Self {
            title: format!("{title} · Bilten"),
            description,
            url: None,
            is_listed: false,
            is_sandbox: false,
            holder: None,
            place: None,
            is_developer: false,
            to_second_step: None,
        }
    }

    /// The head of a page of somebody's account.
    pub(super) fn account(title: &str, holder: &Holder, place: Place) -> Self {
        Self {
            holder: Some(holder.shown_name().to_owned()),
            place: Some(place),
            is_developer: holder.is_developer(),
            to_second_step: to_second_step(holder, place),
            ..Self::personal(title)
        }
    }

    /// Whether the navigation names this part of the account.
    pub(super) fn shows(&self, place: &Place) -> bool {
        *place != Place::Developer || self.is_developer
    }

    /// Whether the page is in this part of the account.
    pub(super) fn is_at(&self, place: &Place) -> bool {
        self.place.as_ref() == Some(place)
    }

    /// The same head for a page about an event, which may be of a sandbox: nobody shall find that.
    pub(super) fn of_event(mut self, is_sandbox: bool) -> Self {
        self.is_sandbox = is_sandbox;
        self.is_listed = self.is_listed && !is_sandbox;
        self
    }

    /// The same head for the page as it comes back with faults: screen readers say the title first.
    pub(super) fn with_faults(mut self, is_faulty: bool) -> Self {
        if is_faulty {
            self.title.insert_str(0, "Problem: ");
        }
        self
    }
}

/// The way to the second step, for whoever can do nothing in an organisation without it.
fn to_second_step(holder: &Holder, place: Place) -> Option<Way> {
    let person = &holder.person;
    let is_asked = person.is_platform_admin || person.memberships.iter().any(|m| m.requires_mfa);
    if !is_asked || person.is_mfa || person.impersonation.is_some() {
        return None;
    }
    match (person.has_mfa, place) {
        (true, _) => Some(Way {
            link: format!("/sign-in/again?next={}", place.path()),
            text: "Show your second step".to_owned(),
        }),
        // That page says so itself.
        (false, Place::Factors) => None,
        (false, _) => Some(Way {
            link: Place::Factors.path().to_owned(),
            text: "Set up a second step".to_owned(),
        }),
    }
}

/// Who may see and keep a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Privacy {
    /// Everybody.
    Open,
    /// One person, and it holds a form: with `no-referrer` browsers would not say that the form is
    /// our own (`Origin: null`).
    Form,
    /// One person, and its address must be named to nobody.
    Secret,
    /// Both: other pages, ours too, learn the site but not the address, and the browser says that
    /// the form is our own.
    SecretForm,
}

/// The address people use, without a slash at its end.
pub(super) fn public_url(app: &App) -> &str {
    &app.config.http.public_url
}

/// Renders a page.
///
/// # Errors
/// A problem 500 if the template fails.
pub(super) fn page(
    status: StatusCode,
    template: &impl Template,
    privacy: Privacy,
) -> Result<Response, Problem> {
    let html = template.render().map_err(|error| Problem::fault(&error))?;
    let mut response = (status, html).into_response();
    let (cache, referrer) = match privacy {
        Privacy::Open => ("no-cache", "same-origin"),
        Privacy::Form => ("no-store", "same-origin"),
        Privacy::Secret => ("no-store", "no-referrer"),
        Privacy::SecretForm => ("no-store", "strict-origin"),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, cache),
        (header::REFERRER_POLICY, referrer),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// Lets the form of a page lead on to somewhere else: browsers hold a form's redirects, too, against
/// the policy.
pub(super) fn form_leads_to(mut response: Response, source: &str) -> Response {
    let policy = POLICY.replace(
        "form-action 'self'",
        &format!("form-action 'self' {source}"),
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Sends the browser on to another site, by GET, and tells it nothing of where it comes from.
pub(super) fn leave_for(address: &str) -> Response {
    let mut response = see_other(address);
    response.headers_mut().insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

/// Sends the browser on to another page, by GET.
pub(super) fn see_other(path: &str) -> Response {
    let mut response = axum::response::Redirect::to(path).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    response
}
