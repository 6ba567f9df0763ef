//! Passwords: forgotten, chosen anew, changed.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::Query;

use super::sign_in::Wish;
use super::{Holder, PASSWORD_RULE, Place, Proven, done, link_unknown};
use crate::app::App;
use crate::identity::{self, IdentityError, PageVisitor, Password};
use crate::web::form::{Faults, Fields, Refusal};
use crate::web::shell::{self, Privacy, Shell};

#[derive(Template)]
#[template(path = "account/forgotten.html")]
struct ForgottenPage {
    shell: Shell,
    faults: Faults,
    done: Option<&'static str>,
    email: String,
}

#[derive(Template)]
#[template(path = "account/reset.html")]
struct ResetPage {
    shell: Shell,
    faults: Faults,
    token: String,
    rule: &'static str,
}

#[derive(Template)]
#[template(path = "account/password.html")]
struct PasswordPage {
    shell: Shell,
    faults: Faults,
    email: String,
    has_password: bool,
    rule: &'static str,
}

fn forgotten_page(
    mut refusal: Refusal,
    done: Option<&'static str>,
    email: &str,
) -> Result<Response, Problem> {
    let faults = refusal.take_faults();
    let page = ForgottenPage {
        shell: Shell::personal("A new password").with_faults(!faults.is_empty()),
        faults,
        done,
        email: email.to_owned(),
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /forgotten`
pub(super) async fn show_forgotten(Query(wish): Query<Wish>) -> Result<Response, Problem> {
    forgotten_page(Refusal::default(), done(&wish.done), "")
}

/// `POST /forgotten`
pub(super) async fn forgotten(
    State(app): State<App>,
    PageVisitor(visitor): PageVisitor,
    fields: Fields,
) -> Result<Response, Problem> {
    let email = fields.text("email");
    if email.parse::<identity::Email>().is_err() {
        let faults = Faults::one(
            "email",
            "Please give an e-mail address, such as ana@example.com.",
        );
        return forgotten_page(Refusal::with(faults), None, email);
    }
    match identity::request_password_reset(&app, email, &visitor).await {
        Ok(()) => Ok(shell::see_other("/check-mail?for=reset")),
        Err(error) => forgotten_page(Refusal::of(error, str::to_owned)?, None, email),
    }
}

fn reset_page(mut refusal: Refusal, token: &str) -> Result<Response, Problem> {
    let faults = refusal.take_faults();
    let page = ResetPage {
        shell: Shell::personal("Choose a new password").with_faults(!faults.is_empty()),
        faults,
        token: token.to_owned(),
        rule: PASSWORD_RULE,
    };
    refusal.page(&page, Privacy::SecretForm)
}

/// `GET /reset?token=`
pub(super) async fn show_reset(
    State(app): State<App>,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    if identity::is_reset_link_good(&app, &wish.token).await? {
        reset_page(Refusal::default(), &wish.token)
    } else {
        link_unknown(
            IdentityError::LinkUnknown,
            "/forgotten",
            "Ask for a new link",
        )
    }
}

/// `POST /reset`
pub(super) async fn reset(
    State(app): State<App>,
    PageVisitor(visitor): PageVisitor,
    fields: Fields,
) -> Result<Response, Problem> {
    let token = fields.text("token");
    let password = Password::from(fields.exact("password").to_owned());
    match identity::reset_password(&app, token, password, &visitor.origin).await {
        Ok(_) => Ok(shell::see_other("/sign-in?done=reset")),
        Err(error @ IdentityError::LinkUnknown) => {
            link_unknown(error, "/forgotten", "Ask for a new link")
        }
        Err(error) => reset_page(Refusal::of(error, str::to_owned)?, token),
    }
}

fn password_page(holder: &Holder, mut refusal: Refusal) -> Result<Response, Problem> {
    let faults = refusal.take_faults();
    let page = PasswordPage {
        shell: Shell::account("Password", holder, Place::Profile).with_faults(!faults.is_empty()),
        faults,
        email: holder.profile.email.as_str().to_owned(),
        has_password: holder.has_password,
        rule: PASSWORD_RULE,
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /account/password`
pub(super) async fn show(holder: Holder) -> Result<Response, Problem> {
    password_page(&holder, Refusal::default())
}

/// `POST /account/password`
///
/// Who has a password shows it; who has none yet must have signed in only just.
pub(super) async fn change(
    State(app): State<App>,
    proven: Result<Proven, Response>,
    holder: Holder,
    PageVisitor(visitor): PageVisitor,
    fields: Fields,
) -> Result<Response, Problem> {
    let exact = |name| Password::from(fields.exact(name).to_owned());
    let holder = match proven {
        Ok(Proven(proven)) => proven,
        Err(redirect) if !holder.has_password => return Ok(redirect),
        Err(_) => holder,
    };
    let current = holder.has_password.then(|| exact("password"));
    let (person, new) = (&holder.person, exact("new_password"));
    match identity::change_password(&app, person, current, new, &visitor.origin).await {
        Ok(()) => Ok(shell::see_other("/account?done=password")),
        Err(error) => {
            // The service calls the new one `password`.
            let refusal = Refusal::of(error, |field| match field {
                "current" => "password".to_owned(),
                _ => "new_password".to_owned(),
            })?;
            password_page(&holder, refusal)
        }
    }
}
