//! Signing in and out.

use askama::Template;
use axum::extract::State;
use axum::http::header;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::Query;
use serde::Deserialize;

use super::confirm::{self, Confirm};
use super::holder::with_next;
use super::{Holder, done, link_unknown, providers};
use crate::app::App;
use crate::identity::{
    self, Begun, ConsentVersions, KeptNext, PageVisitor, Password, Reauthentication, SignInStep,
    next_cookie, safe_next, sign_in_cookies, sign_out_cookie,
};
use crate::web::form::{Faults, Fields, Refusal};
use crate::web::problem::Way;
use crate::web::shell::{self, Privacy, Shell};

/// What the address of a sign-in says.
#[derive(Debug, Default, Deserialize)]
pub(in crate::web) struct Wish {
    /// Where to go afterwards.
    #[serde(default)]
    pub(in crate::web) next: String,
    /// What has just been done.
    #[serde(default)]
    pub(in crate::web) done: String,
    /// The secret of a link that was mailed.
    #[serde(default)]
    pub(in crate::web) token: String,
}

#[derive(Template)]
#[template(path = "account/sign_in.html")]
struct SignInPage {
    shell: Shell,
    faults: Faults,
    done: Option<&'static str>,
    email: String,
    next: String,
    register: String,
    has_passkeys: bool,
    ways: Vec<Way>,
    texts: ConsentVersions,
}

#[derive(Template)]
#[template(path = "account/again.html")]
struct AgainPage {
    shell: Shell,
    faults: Faults,
    email: String,
    has_password: bool,
    has_passkeys: bool,
    next: String,
    ways: Vec<Way>,
}

/// Where somebody goes who is signed in now.
pub(in crate::web) fn onward(next: &str) -> &str {
    if next.is_empty() {
        "/account"
    } else {
        safe_next(next)
    }
}

/// What a form carries along of where to go afterwards; nothing that leads elsewhere.
fn carried(next: &str) -> String {
    if next.is_empty() {
        String::new()
    } else {
        safe_next(next).to_owned()
    }
}

/// The sign-in, which says what has just been done and leads on to where somebody wanted.
pub(super) fn sign_in_after(done: &str, next: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("done", done);
    let next = carried(next);
    if !next.is_empty() {
        query.append_pair("next", &next);
    }
    format!("/sign-in?{}", query.finish())
}

/// Sends a browser on that is signed in now.
pub(in crate::web) fn signed_in(app: &App, begun: &Begun, next: &str) -> Response {
    let mut response = shell::see_other(onward(next));
    for cookie in sign_in_cookies(app, begun, app.now()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Sends a browser on after the first proof: signed in, or to the second step.
pub(in crate::web) fn go_on(app: &App, step: &SignInStep, next: &str) -> Response {
    match step {
        SignInStep::Done(begun) => signed_in(app, begun, next),
        SignInStep::SecondFactor(factor) => second_step(&factor.ticket, next),
    }
}

/// Sends a browser on to the second step of a sign-in.
pub(super) fn second_step(ticket: &str, next: &str) -> Response {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("ticket", ticket);
    query.append_pair("next", onward(next));
    shell::see_other(&format!("/sign-in/second-step?{}", query.finish()))
}

/// Sends a browser on to wait for a mail; it keeps where it wanted to go.
pub(super) fn wait_for_mail(app: &App, what: &str, next: &str) -> Response {
    keeping(
        app,
        shell::see_other(&format!("/check-mail?for={what}")),
        next,
    )
}

/// A response with which a browser keeps where it wanted to go, or forgets it.
pub(super) fn keeping(app: &App, mut response: Response, next: &str) -> Response {
    response
        .headers_mut()
        .append(header::SET_COOKIE, next_cookie(app, next));
    response
}

async fn sign_in_page(
    app: &App,
    mut refusal: Refusal,
    done: Option<&'static str>,
    email: &str,
    next: &str,
) -> Result<Response, Problem> {
    let faults = refusal.take_faults();
    let next = carried(next);
    let page = SignInPage {
        shell: Shell::personal("Sign in").with_faults(!faults.is_empty()),
        faults,
        done,
        email: email.to_owned(),
        register: if next.is_empty() {
            "/register".to_owned()
        } else {
            with_next("/register", &next)
        },
        has_passkeys: identity::has_passkeys(app),
        ways: providers::ways(app, &next).await?,
        texts: app.config.identity.consents.clone(),
        next,
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /sign-in?next=`
pub(super) async fn show(
    State(app): State<App>,
    holder: Option<Holder>,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    if holder.is_some() {
        return Ok(shell::see_other(onward(&wish.next)));
    }
    let done = done(&wish.done);
    sign_in_page(&app, Refusal::default(), done, "", &wish.next).await
}

/// `POST /sign-in`
pub(super) async fn by_password(
    State(app): State<App>,
    PageVisitor(visitor): PageVisitor,
    fields: Fields,
) -> Result<Response, Problem> {
    let (email, next) = (fields.text("email"), fields.text("next"));
    let password = fields.exact("password");
    let mut faults = Faults::default();
    if email.is_empty() {
        faults.add("email", "Please give your e-mail address.");
    }
    if password.is_empty() {
        faults.add("password", "Please give your password.");
    }
    if !faults.is_empty() {
        return sign_in_page(&app, Refusal::with(faults), None, email, next).await;
    }
    let password = Password::from(password.to_owned());
    match identity::sign_in(&app, email, password, &visitor).await {
        Ok(step) => Ok(go_on(&app, &step, next)),
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            sign_in_page(&app, refusal, None, email, next).await
        }
    }
}

/// `POST /sign-in/link`
pub(super) async fn send_link(
    State(app): State<App>,
    PageVisitor(visitor): PageVisitor,
    fields: Fields,
) -> Result<Response, Problem> {
    let (email, next) = (fields.text("email"), fields.text("next"));
    if email.parse::<identity::Email>().is_err() {
        let faults = Faults::one(
            "email",
            "Please give an e-mail address, such as ana@example.com.",
        );
        return sign_in_page(&app, Refusal::with(faults), None, email, next).await;
    }
    match identity::request_sign_in_link(&app, email, &visitor).await {
        Ok(()) => Ok(wait_for_mail(&app, "link", next)),
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            sign_in_page(&app, refusal, None, email, next).await
        }
    }
}

/// `GET /sign-in/link?token=`
///
/// It changes nothing: programs that look at mail follow links, but send no forms.
pub(super) async fn show_link(Query(wish): Query<Wish>) -> Result<Response, Problem> {
    confirm::page(Confirm {
        heading: "Sign in",
        text: "You asked for a link to sign in. It is used up when you go on.",
        action: "/sign-in/link/use",
        button: "Sign in",
        token: wish.token,
    })
}

/// `POST /sign-in/link/use`
pub(super) async fn by_link(
    State(app): State<App>,
    PageVisitor(visitor): PageVisitor,
    KeptNext(next): KeptNext,
    fields: Fields,
) -> Result<Response, Problem> {
    match identity::sign_in_by_link(&app, fields.text("token"), &visitor).await {
        Ok(step) => Ok(keeping(&app, go_on(&app, &step, &next), "")),
        Err(error) => link_unknown(error, "/sign-in", "Sign in another way"),
    }
}

pub(super) async fn again_page(
    app: &App,
    holder: &Holder,
    mut refusal: Refusal,
    next: &str,
) -> Result<Response, Problem> {
    let factors = identity::second_factors_of_session(app, &holder.person).await?;
    let faults = refusal.take_faults();
    let mut shell = Shell::personal("Is it you?").with_faults(!faults.is_empty());
    shell.holder = Some(holder.shown_name().to_owned());
    let page = AgainPage {
        shell,
        faults,
        email: holder.profile.email.as_str().to_owned(),
        has_password: holder.has_password,
        has_passkeys: factors.contains(&identity::FactorKind::Passkey),
        next: carried(next),
        ways: providers::ways_again(app, holder, next).await?,
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /sign-in/again?next=`
pub(super) async fn show_again(
    State(app): State<App>,
    holder: Holder,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    again_page(&app, &holder, Refusal::default(), &wish.next).await
}

/// `POST /sign-in/again`
pub(super) async fn again(
    State(app): State<App>,
    holder: Holder,
    fields: Fields,
) -> Result<Response, Problem> {
    let next = fields.text("next");
    let password = fields.exact("password");
    if password.is_empty() {
        let faults = Faults::one("password", "Please give your password.");
        return again_page(&app, &holder, Refusal::with(faults), next).await;
    }
    let password = Password::from(password.to_owned());
    match identity::reauthenticate(&app, &holder.person, password).await {
        Ok(Reauthentication::Done) => Ok(shell::see_other(onward(next))),
        Ok(Reauthentication::SecondFactor(factor)) => Ok(second_step(&factor.ticket, next)),
        Err(error) => {
            let refusal = Refusal::of(error, |_| "password".to_owned())?;
            again_page(&app, &holder, refusal, next).await
        }
    }
}

/// `POST /sign-out`
pub(super) async fn sign_out(
    State(app): State<App>,
    holder: Option<Holder>,
    fields: Result<Fields, Problem>,
) -> Result<Response, Problem> {
    if let Some(holder) = holder {
        let session = holder.person.session;
        match identity::sign_out(&app, &holder.person, session).await {
            // Somebody else ended it a moment ago.
            Ok(()) | Err(identity::IdentityError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // Nobody stays signed in for a form that did not arrive as it should.
    let fields = fields.unwrap_or_default();
    let mut response = shell::see_other(&sign_in_after("signed-out", fields.text("next")));
    response
        .headers_mut()
        .append(header::SET_COOKIE, sign_out_cookie(&app));
    Ok(response)
}
