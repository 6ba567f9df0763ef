//! Making an account.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::Query;
use serde::Deserialize;

use super::confirm::{self, Confirm};
use super::holder::with_next;
use super::sign_in::{Wish, keeping, onward, sign_in_after, wait_for_mail};
use super::{Holder, PASSWORD_RULE, link_unknown, providers};
use crate::app::App;
use crate::identity::{
    self, ConsentVersions, FirstConsents, KeptNext, PageVisitor, Password, Registration,
};
use crate::web::form::{Faults, Fields, Refusal};
use crate::web::problem::Way;
use crate::web::shell::{self, Privacy, Shell};

#[derive(Template)]
#[template(path = "account/register.html")]
struct RegisterPage {
    shell: Shell,
    faults: Faults,
    name: String,
    email: String,
    rule: &'static str,
    marketing: bool,
    texts: ConsentVersions,
    next: String,
    sign_in: String,
    ways: Vec<Way>,
}

async fn page(
    app: &App,
    mut refusal: Refusal,
    fields: &Fields,
    next: &str,
) -> Result<Response, Problem> {
    let faults = refusal.take_faults();
    let next = if next.is_empty() { "" } else { onward(next) };
    let page = RegisterPage {
        shell: Shell::personal("Create an account").with_faults(!faults.is_empty()),
        faults,
        name: fields.text("name").to_owned(),
        email: fields.text("email").to_owned(),
        rule: PASSWORD_RULE,
        marketing: wants_mail(fields),
        texts: app.config.identity.consents.clone(),
        sign_in: if next.is_empty() {
            "/sign-in".to_owned()
        } else {
            with_next("/sign-in", next)
        },
        ways: providers::ways(app, next).await?,
        next: next.to_owned(),
    };
    refusal.page(&page, Privacy::Form)
}

fn wants_mail(fields: &Fields) -> bool {
    fields.text("marketing") == "yes"
}

/// `GET /register?next=`
pub(super) async fn show(
    State(app): State<App>,
    holder: Option<Holder>,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    if holder.is_some() {
        return Ok(shell::see_other(onward(&wish.next)));
    }
    page(&app, Refusal::default(), &Fields::default(), &wish.next).await
}

/// `POST /register`
pub(super) async fn register(
    State(app): State<App>,
    PageVisitor(visitor): PageVisitor,
    fields: Fields,
) -> Result<Response, Problem> {
    let version = |name| {
        let version = fields.text(name);
        (!version.is_empty()).then(|| version.to_owned())
    };
    let new = Registration {
        email: fields.text("email").to_owned(),
        name: fields.text("name").to_owned(),
        password: Password::from(fields.exact("password").to_owned()),
        locale: None,
        consents: FirstConsents {
            terms: version("terms"),
            privacy: version("privacy"),
            marketing: wants_mail(&fields),
            source: "page",
        },
    };
    match identity::register(&app, new, &visitor).await {
        Ok(()) => Ok(wait_for_mail(&app, "registration", fields.text("next"))),
        Err(error) => {
            let refusal = Refusal::of(error, |field| match field {
                // Nobody writes into those.
                "terms" | "privacy" => String::new(),
                _ => field.to_owned(),
            })?;
            page(&app, refusal, &fields, fields.text("next")).await
        }
    }
}

/// `GET /verify?token=`
pub(super) async fn show_verify(Query(wish): Query<Wish>) -> Result<Response, Problem> {
    confirm::page(Confirm {
        heading: "Confirm your address",
        text: "One more step: confirm that this address is yours, and your account is ready.",
        action: "/verify",
        button: "Confirm",
        token: wish.token,
    })
}

/// `POST /verify`
pub(super) async fn verify(
    State(app): State<App>,
    KeptNext(next): KeptNext,
    fields: Fields,
) -> Result<Response, Problem> {
    match identity::verify_registration(&app, fields.text("token")).await {
        Ok(_) => {
            let path = sign_in_after("verified", &next);
            Ok(keeping(&app, shell::see_other(&path), ""))
        }
        Err(error) => link_unknown(error, "/sign-in", "Go to the sign-in"),
    }
}

/// What a mail is waited for.
#[derive(Debug, Deserialize)]
pub(super) struct Awaited {
    #[serde(default, rename = "for")]
    what: String,
}

/// `GET /check-mail?for=`
pub(super) async fn check_mail(
    KeptNext(next): KeptNext,
    Query(awaited): Query<Awaited>,
) -> Result<Response, Problem> {
    let text = match awaited.what.as_str() {
        "registration" => {
            "A link is on its way to the address you gave. Open it within a day, and your account is ready."
        }
        "provider" => {
            "A link is on its way to the address that your provider gave us. Open it within an hour, in this browser, and your account is ready."
        }
        "email" => {
            "A link is on its way to the new address. The old one counts until you have opened it."
        }
        // The same words whether or not there is an account.
        _ => {
            "If there is an account with the address you gave, a link is on its way there. It works once, and not for long."
        }
    };
    let way = match awaited.what.as_str() {
        "email" => Way {
            link: "/account".to_owned(),
            text: "Back to the profile".to_owned(),
        },
        // The mail may be opened on another device.
        "registration" | "link" if !next.is_empty() => Way {
            link: with_next("/sign-in", onward(&next)),
            text: "Back to the sign-in".to_owned(),
        },
        _ => Way {
            link: "/sign-in".to_owned(),
            text: "Back to the sign-in".to_owned(),
        },
    };
    confirm::message(
        "Check your mail",
        text,
        "Nothing there after some minutes? Look into the folder for spam, and whether the address was right.",
        way,
    )
}
