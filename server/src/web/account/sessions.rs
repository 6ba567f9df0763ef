//! Where somebody is signed in.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Path, Query};
use jiff::tz::TimeZone;

use super::sign_in::Wish;
use super::{Holder, Place, done};
use crate::app::App;
use crate::identity::{self, IdentityError, SessionId, sign_out_cookie};
use crate::web::shell::{self, Privacy, Shell};
use crate::web::text::{self, Moment};

#[derive(Template)]
#[template(path = "account/sessions.html")]
struct SessionsPage {
    shell: Shell,
    done: Option<&'static str>,
    sessions: Vec<SessionRow>,
}

struct SessionRow {
    id: SessionId,
    is_this: bool,
    is_impersonated: bool,
    device: String,
    place: String,
    seen: Moment,
    since: Moment,
    methods: String,
}

/// How somebody signed in, in words.
fn methods(text: &str) -> String {
    let words = text.split_whitespace().map(|method| match method {
        "password" => "password",
        "link" => "a mailed link",
        "passkey" => "passkey",
        "totp" => "a code of an app",
        "email" => "a mailed code",
        "sms" => "a text message",
        "recovery" => "a recovery code",
        "oidc" | "saml" => "another account of yours",
        other => other,
    });
    words.collect::<Vec<_>>().join(" and ")
}

/// `GET /account/sessions`
pub(super) async fn show(
    State(app): State<App>,
    holder: Holder,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    let sessions = identity::sessions_of(&app, &holder.person).await?;
    let page = SessionsPage {
        shell: Shell::account("Where you are signed in", &holder, Place::Sessions),
        done: done(&wish.done),
        sessions: sessions
            .into_iter()
            .map(|session| SessionRow {
                id: session.id,
                is_this: session.is_current,
                is_impersonated: session.is_impersonated,
                device: session.device,
                place: session.place,
                seen: text::date_and_time(session.seen_at, &TimeZone::UTC),
                since: text::date_and_time(session.created_at, &TimeZone::UTC),
                methods: methods(&session.methods),
            })
            .collect(),
    };
    shell::page(StatusCode::OK, &page, Privacy::Form)
}

/// `POST /account/sessions/{session}/end`
pub(super) async fn end(
    State(app): State<App>,
    holder: Holder,
    Path(session): Path<SessionId>,
) -> Result<Response, Problem> {
    match identity::sign_out(&app, &holder.person, session).await {
        // It has ended, by this or before: the list says what there is.
        Ok(()) | Err(IdentityError::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(shell::see_other("/account/sessions?done=session"))
}

/// `POST /account/sessions/end`
pub(super) async fn end_all(State(app): State<App>, holder: Holder) -> Result<Response, Problem> {
    identity::sign_out_everywhere(&app, &holder.person, false).await?;
    let mut response = shell::see_other("/sign-in?done=everywhere");
    response
        .headers_mut()
        .append(header::SET_COOKIE, sign_out_cookie(&app));
    Ok(response)
}

#[cfg(test)]
mod tests {
    #[test]
    fn methods_are_told_in_words() {
        assert_eq!(
            super::methods("password totp"),
            "password and a code of an app"
        );
        assert_eq!(super::methods(""), "");
    }
}
