//! Second factors and passkeys, over HTTP.

mod authenticator;
mod codes;
mod passkeys;

use std::time::Duration;

use bilten_server::identity::{
    self, FactorKind, Origin, Proof, SessionKind, SignInStep, UserId, Visitor,
};
use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder, Totp};

use crate::app::{Answer, Client, TestApp};

/// The codes of an authenticator app in which a secret was typed.
pub(crate) fn app_codes(secret: &str) -> Totp {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let app = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(0);
    app.with_step_duration(30)
        .with_secret(secret)
        .build()
        .unwrap()
}

/// The code that an app shows so many steps from now.
pub(crate) fn code(t: &TestApp, totp: &Totp, steps: i64) -> String {
    let seconds = t.app.now().ms() / 1_000 + steps * 30;
    totp.generate(u64::try_from(seconds).unwrap()).to_string()
}

/// Adds an authenticator app; gives it and the recovery codes.
async fn add_app(t: &TestApp, person: &Client) -> (Totp, Vec<String>) {
    let begun = person
        .post("/api/v1/me/factors/totp", json!({}))
        .await
        .expect(201);
    let totp = app_codes(begun["secret"].as_str().unwrap());
    let confirmed = confirm(t, person, &begun, &code(t, &totp, 0))
        .await
        .expect(200);
    let codes = confirmed["recovery_codes"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned());
    (totp, codes.collect())
}

async fn confirm(_: &TestApp, person: &Client, begun: &Value, code: &str) -> Answer {
    let path = format!(
        "/api/v1/me/factors/{}/confirm",
        begun["factor"].as_str().unwrap()
    );
    person.post(&path, json!({ "code": code })).await
}

/// Somebody at a browser.
fn visitor() -> Visitor {
    Visitor {
        origin: Origin::new([127, 0, 0, 1].into(), "tests"),
        device: None,
        kind: SessionKind::App,
    }
}

/// How far somebody comes after the first proof.
async fn after(t: &TestApp, user: UserId, method: &'static str) -> SignInStep {
    let app = t.app.clone();
    t.app
        .db
        .write(move |c| {
            Box::pin(async move {
                identity::finish_sign_in(&app, c, user, Proof::single(method), &visitor()).await
            })
        })
        .await
        .unwrap()
}

/// The ticket of a sign-in that showed a password, and what may be shown next.
async fn ticket(t: &TestApp, user: UserId) -> (String, Vec<FactorKind>) {
    match after(t, user, "password").await {
        SignInStep::SecondFactor(next) => (next.ticket, next.methods),
        SignInStep::Done(_) => panic!("no second factor was asked for"),
    }
}

/// Shows a code as the second factor of a sign-in.
async fn show(t: &TestApp, ticket: &str, method: &str, code: &str) -> Answer {
    let body = json!({ "ticket": ticket, "method": method, "code": code });
    t.stranger.post("/api/v1/auth/second-factor", body).await
}

/// Lets an app's codes be new again.
fn next_step(t: &TestApp) {
    t.clock.advance(Duration::from_secs(30));
}
