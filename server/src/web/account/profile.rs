//! The home of an account: what somebody is called, and how they sign in; another e-mail address.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::Query;

use super::confirm::{self, Confirm};
use super::sign_in::{Wish, second_step};
use super::{Holder, Place, Proven, done, link_unknown, providers};
use crate::app::App;
use crate::identity::{self, Password, ProfileChange, Reauthentication};
use crate::web::form::{Faults, Fields, Refusal};
use crate::web::shell::{self, Privacy, Shell};

/// The languages that somebody can prefer, each in its own words.
const LANGUAGES: [Language; 6] = [
    Language::new("en", "English"),
    Language::new("sl", "Slovenščina"),
    Language::new("de", "Deutsch"),
    Language::new("fr", "Français"),
    Language::new("es", "Español"),
    Language::new("ar", "العربية"),
];

#[derive(Clone, Copy)]
struct Language {
    code: &'static str,
    name: &'static str,
}

impl Language {
    const fn new(code: &'static str, name: &'static str) -> Self {
        Self { code, name }
    }
}

#[derive(Template)]
#[template(path = "account/profile.html")]
struct ProfilePage {
    shell: Shell,
    faults: Faults,
    done: Option<&'static str>,
    name: String,
    phone: String,
    locale: String,
    languages: [Language; 6],
    /// A language that is not among them, as an app may have set it.
    other_language: Option<String>,
    email: String,
    new_email: Option<String>,
    has_password: bool,
    has_identities: bool,
}

#[derive(Template)]
#[template(path = "account/email.html")]
struct EmailPage {
    shell: Shell,
    faults: Faults,
    email: String,
    new_email: String,
    has_password: bool,
}

async fn profile_page(
    app: &App,
    holder: &Holder,
    mut refusal: Refusal,
    done: Option<&'static str>,
    written: Option<&Fields>,
) -> Result<Response, Problem> {
    let profile = identity::profile_of(app, &holder.person).await?;
    let faults = refusal.take_faults();
    let of = |name: &str, stored: Option<String>| {
        written.map_or_else(
            || stored.unwrap_or_default(),
            |fields| fields.text(name).to_owned(),
        )
    };
    let locale = of("locale", profile.locale);
    let is_listed = locale.is_empty() || LANGUAGES.iter().any(|known| known.code == locale);
    let page = ProfilePage {
        shell: Shell::account("Profile", holder, Place::Profile).with_faults(!faults.is_empty()),
        faults,
        done,
        name: of("name", Some(profile.name)),
        phone: of("phone", profile.phone),
        other_language: (!is_listed).then(|| locale.clone()),
        locale,
        languages: LANGUAGES,
        email: profile.email,
        new_email: profile.new_email,
        has_password: holder.has_password,
        has_identities: providers::has_any(app, holder).await?,
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /account`
pub(super) async fn show(
    State(app): State<App>,
    holder: Holder,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    profile_page(&app, &holder, Refusal::default(), done(&wish.done), None).await
}

/// `POST /account`
pub(super) async fn change(
    State(app): State<App>,
    holder: Holder,
    fields: Fields,
) -> Result<Response, Problem> {
    let optional = |name: &str| {
        let text = fields.text(name);
        (!text.is_empty()).then(|| text.to_owned())
    };
    let change = ProfileChange {
        name: Some(fields.text("name").to_owned()),
        locale: Some(optional("locale")),
        phone: Some(optional("phone")),
    };
    match identity::change_profile(&app, &holder.person, change).await {
        Ok(()) => Ok(shell::see_other("/account?done=profile")),
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            profile_page(&app, &holder, refusal, None, Some(&fields)).await
        }
    }
}

fn email_page(holder: &Holder, mut refusal: Refusal, new: &str) -> Result<Response, Problem> {
    let faults = refusal.take_faults();
    let page = EmailPage {
        shell: Shell::account("E-mail address", holder, Place::Profile)
            .with_faults(!faults.is_empty()),
        faults,
        email: holder.profile.email.as_str().to_owned(),
        new_email: new.to_owned(),
        has_password: holder.has_password,
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /account/email`
pub(super) async fn show_email(holder: Holder) -> Result<Response, Problem> {
    email_page(&holder, Refusal::default(), "")
}

/// `POST /account/email`
///
/// Who has a password shows it; who has none must have signed in only just.
pub(super) async fn change_email(
    State(app): State<App>,
    proven: Result<Proven, Response>,
    holder: Holder,
    fields: Fields,
) -> Result<Response, Problem> {
    let new = fields.text("new_email");
    let holder = match proven {
        Ok(Proven(proven)) => proven,
        Err(redirect) if !holder.has_password => return Ok(redirect),
        Err(_) => holder,
    };
    if holder.has_password {
        let password = Password::from(fields.exact("password").to_owned());
        match identity::reauthenticate(&app, &holder.person, password).await {
            Ok(Reauthentication::SecondFactor(factor)) if !holder.person.is_recent(app.now()) => {
                return Ok(second_step(&factor.ticket, "/account/email"));
            }
            Ok(Reauthentication::Done | Reauthentication::SecondFactor(_)) => {}
            Err(error) => {
                let refusal = Refusal::of(error, |_| "password".to_owned())?;
                return email_page(&holder, refusal, new);
            }
        }
    }
    match identity::ask_for_email(&app, &holder.person, new).await {
        Ok(()) => Ok(shell::see_other("/check-mail?for=email")),
        Err(error) => email_page(
            &holder,
            Refusal::of(error, |_| "new_email".to_owned())?,
            new,
        ),
    }
}

/// `GET /account/email/confirm?token=`
pub(super) async fn show_confirm(
    _holder: Holder,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    confirm::page(Confirm {
        heading: "Confirm the new address",
        text: "From now on you sign in with this address, and mail goes there.",
        action: "/account/email/confirm",
        button: "Confirm",
        token: wish.token,
    })
}

/// `POST /account/email/confirm`
pub(super) async fn confirm_email(
    State(app): State<App>,
    holder: Holder,
    fields: Fields,
) -> Result<Response, Problem> {
    match identity::confirm_email(&app, &holder.person, fields.text("token")).await {
        Ok(()) => Ok(shell::see_other("/account?done=email")),
        Err(error) => link_unknown(error, "/account/email", "Ask for a new link"),
    }
}

/// `GET /account/email/undo?token=`
pub(super) async fn show_undo(Query(wish): Query<Wish>) -> Result<Response, Problem> {
    confirm::page(Confirm {
        heading: "Get the old address back",
        text: "If it was not you who changed the address of your account, take the old one back. Every sign-in ends, and you choose a new password.",
        action: "/account/email/undo",
        button: "Take the old address back",
        token: wish.token,
    })
}

/// `POST /account/email/undo`
pub(super) async fn undo_email(
    State(app): State<App>,
    fields: Fields,
) -> Result<Response, Problem> {
    match identity::undo_email(&app, fields.text("token")).await {
        Ok(()) => Ok(shell::see_other("/forgotten?done=undone")),
        Err(error) => link_unknown(error, "/sign-in", "Go to the sign-in"),
    }
}
