//! The second step of a sign-in, and signing in with a passkey.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::Query;
use serde::Deserialize;

use super::sign_in::{again_page, go_on, onward, signed_in};
use super::{Holder, link_unknown};
use crate::app::App;
use crate::identity::{
    self, FactorAnswer, FactorKind, Finished, IdentityError, PageVisitor, safe_next,
};
use crate::web::form::{Faults, Fields, Refusal};
use crate::web::shell::{self, Privacy, Shell};

/// What the address of the second step says.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Step {
    /// Stands for the first step.
    #[serde(default)]
    ticket: String,
    /// Where to go afterwards.
    #[serde(default)]
    next: String,
    /// By what a code was sent.
    #[serde(default)]
    sent: String,
}

#[derive(Template)]
#[template(path = "account/second_factor.html")]
struct SecondFactorPage {
    shell: Shell,
    faults: Faults,
    ticket: String,
    next: String,
    has_passkey: bool,
    ways: Vec<FactorWay>,
}

/// A code that may be written.
struct FactorWay {
    method: &'static str,
    heading: &'static str,
    label: &'static str,
    text: &'static str,
    is_digits: bool,
    can_send: bool,
    must_send: bool,
}

fn way(kind: FactorKind, sent: Option<FactorKind>) -> Option<FactorWay> {
    let is_sent = sent == Some(kind);
    let (heading, label, text) = match kind {
        FactorKind::Totp => (
            "Authenticator app",
            "Code of the app",
            "The six digits that the app on your phone shows now.",
        ),
        FactorKind::Email if is_sent => (
            "Code by e-mail",
            "Code from the mail",
            "The six digits that were sent to your e-mail address a moment ago.",
        ),
        FactorKind::Email => (
            "Code by e-mail",
            "Code from the mail",
            "We send six digits to your e-mail address.",
        ),
        FactorKind::Sms if is_sent => (
            "Code by text message",
            "Code from the text message",
            "The six digits that were sent to your phone a moment ago.",
        ),
        FactorKind::Sms => (
            "Code by text message",
            "Code from the text message",
            "We send six digits to your phone.",
        ),
        FactorKind::Recovery => (
            "Recovery code",
            "Recovery code",
            "One of the codes that you kept for the day when all else is lost.",
        ),
        FactorKind::Passkey => return None,
    };
    let is_sent_kind = matches!(kind, FactorKind::Email | FactorKind::Sms);
    Some(FactorWay {
        method: kind.as_str(),
        heading,
        label,
        text,
        is_digits: kind != FactorKind::Recovery,
        can_send: is_sent_kind,
        must_send: is_sent_kind && !is_sent,
    })
}

/// The page of a ticket that is not good any more.
fn gone(error: IdentityError) -> Result<Response, Problem> {
    link_unknown(error, "/sign-in", "Sign in again")
}

async fn page(
    app: &App,
    step: &Step,
    sent: Option<FactorKind>,
    mut refusal: Refusal,
) -> Result<Response, Problem> {
    let kinds = match identity::second_factors_of_ticket(app, &step.ticket).await {
        Ok(kinds) => kinds,
        Err(error @ IdentityError::TicketUnknown) => return gone(error),
        Err(error) => return Err(error.into()),
    };
    let faults = refusal.take_faults();
    let page = SecondFactorPage {
        shell: Shell::personal("The second step").with_faults(!faults.is_empty()),
        faults,
        ticket: step.ticket.clone(),
        next: safe_next(&step.next).to_owned(),
        has_passkey: kinds.contains(&FactorKind::Passkey),
        ways: kinds
            .into_iter()
            .filter_map(|kind| way(kind, sent))
            .collect(),
    };
    refusal.page(&page, Privacy::SecretForm)
}

/// `GET /sign-in/second-step?ticket=&next=`
pub(super) async fn show(
    State(app): State<App>,
    Query(step): Query<Step>,
) -> Result<Response, Problem> {
    let sent = step.sent.parse().ok();
    page(&app, &step, sent, Refusal::default()).await
}

fn step_of(fields: &Fields) -> Step {
    Step {
        ticket: fields.text("ticket").to_owned(),
        next: fields.text("next").to_owned(),
        sent: String::new(),
    }
}

/// `POST /sign-in/second-step/code`
pub(super) async fn send_code(
    State(app): State<App>,
    PageVisitor(visitor): PageVisitor,
    fields: Fields,
) -> Result<Response, Problem> {
    let step = step_of(&fields);
    let kind = fields.text("method").parse().unwrap_or(FactorKind::Email);
    match identity::send_second_factor_code(&app, &step.ticket, kind, &visitor).await {
        Ok(()) => {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("ticket", &step.ticket);
            query.append_pair("next", onward(&step.next));
            query.append_pair("sent", kind.as_str());
            let path = format!("/sign-in/second-step?{}", query.finish());
            Ok(shell::see_other(&path))
        }
        Err(error @ IdentityError::TicketUnknown) => gone(error),
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            page(&app, &step, Some(kind), refusal).await
        }
    }
}

/// What a form says of a passkey that was shown.
fn passkey(fields: &Fields) -> Option<FactorAnswer> {
    let response = serde_json::from_str(fields.text("credential")).ok()?;
    Some(FactorAnswer::Passkey {
        ceremony: fields.text("ceremony").to_owned(),
        response: Box::new(response),
    })
}

/// `POST /sign-in/second-step`
pub(super) async fn finish(
    State(app): State<App>,
    PageVisitor(visitor): PageVisitor,
    fields: Fields,
) -> Result<Response, Problem> {
    let step = step_of(&fields);
    let kind = fields.text("method").parse().unwrap_or(FactorKind::Totp);
    let code = fields.text("code");
    let answer = match kind {
        FactorKind::Passkey => passkey(&fields),
        FactorKind::Totp | FactorKind::Email | FactorKind::Sms | FactorKind::Recovery => {
            (!code.is_empty()).then(|| FactorAnswer::Code {
                kind,
                code: code.to_owned(),
            })
        }
    };
    let Some(answer) = answer else {
        let faults = if kind == FactorKind::Passkey {
            Faults::one("", IdentityError::PasskeyRefused.to_string())
        } else {
            Faults::one(kind.as_str(), "Please write the code.")
        };
        return page(&app, &step, Some(kind), Refusal::with(faults)).await;
    };
    match identity::show_second_factor(&app, &step.ticket, answer, &visitor).await {
        Ok(Finished::Begun(begun)) => Ok(signed_in(&app, &begun, &step.next)),
        Ok(Finished::Raised) => Ok(shell::see_other(onward(&step.next))),
        Err(error @ IdentityError::TicketUnknown) => gone(error),
        Err(error @ IdentityError::WrongCode) => {
            let faults = Faults::one(kind.as_str(), error.to_string());
            page(&app, &step, Some(kind), Refusal::with(faults)).await
        }
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            page(&app, &step, Some(kind), refusal).await
        }
    }
}

/// `POST /sign-in/passkey`
pub(super) async fn sign_in(
    State(app): State<App>,
    PageVisitor(visitor): PageVisitor,
    fields: Fields,
) -> Result<Response, Problem> {
    let Some(FactorAnswer::Passkey { ceremony, response }) = passkey(&fields) else {
        return gone(IdentityError::PasskeyRefused);
    };
    match identity::sign_in_by_passkey(&app, &ceremony, &response, &visitor).await {
        Ok(step) => Ok(go_on(&app, &step, fields.text("next"))),
        Err(error) => gone(error),
    }
}

/// `POST /sign-in/again/passkey`
pub(super) async fn again(
    State(app): State<App>,
    holder: Holder,
    fields: Fields,
) -> Result<Response, Problem> {
    let next = fields.text("next");
    let Some(answer) = passkey(&fields) else {
        let faults = Faults::one("", IdentityError::PasskeyRefused.to_string());
        return again_page(&app, &holder, Refusal::with(faults), next).await;
    };
    if holder.person.impersonation.is_some() {
        return Err(IdentityError::Impersonated.into());
    }
    match identity::reauthenticate_by_factor(&app, &holder.person, answer).await {
        Ok(()) => Ok(shell::see_other(onward(next))),
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            again_page(&app, &holder, refusal, next).await
        }
    }
}
