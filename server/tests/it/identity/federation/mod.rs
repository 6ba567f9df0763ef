//! Sign-in by other identity providers, over HTTP: the providers are in the test and do as told.

mod accounts;
mod browser;
mod connections;
mod failures;
mod organisations;
mod provider;
mod saml;
#[path = "../../../../adapters/tests/it/signer.rs"]
mod signer;

use bilten_kernel::db::{Statement, Val};
use bilten_server::identity::{self, NewUser, Profile, UserId};
use serde_json::{Value, json};

use crate::app::TestApp;
use provider::Provider;

/// Changes what is stored, as no use case does.
async fn change(t: &TestApp, statement: &'static Statement, values: Vec<Val>) {
    t.app
        .db
        .write(move |c| Box::pin(async move { c.exec(statement, values).await }))
        .await
        .unwrap();
}

/// Somebody with an account.
async fn account(t: &TestApp, email: &str, is_verified: bool) -> UserId {
    let profile = Profile {
        email: email.parse().unwrap(),
        name: "Ana".to_owned(),
        locale: None,
        phone: None,
    };
    let new = NewUser {
        profile,
        password_hash: None,
        is_verified,
    };
    identity::create_user(&t.app, new).await.unwrap()
}

/// What a connection to this provider is set up with.
fn oidc(slug: &str, provider: &Provider) -> Value {
    json!({
        "slug": slug, "name": "Test", "oidc": {
            "preset": "generic", "issuer": provider.issuer, "client_id": "bilten", "client_secret": "s3cret",
        },
    })
}

/// Connects the whole platform with a provider.
async fn connect(t: &TestApp, slug: &str, provider: &Provider) {
    let input = serde_json::from_value(oidc(slug, provider)).unwrap();
    identity::save_sso_connection(&t.app, None, None, input, "tests")
        .await
        .unwrap();
}
