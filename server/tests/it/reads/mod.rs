//! Reading and writing well: what a screen shows in one read, many reads in one request, lists in an
//! order, and changes of what was seen only.

mod batch;
mod if_match;
mod screens;
mod sorting;

use bilten_server::identity::{self, NewApiKey, OrganisationId, Permission};
use serde_json::Value;

use crate::app::{Client, TestApp};

/// The tests' organisation.
async fn organisation(t: &TestApp) -> OrganisationId {
    let found = identity::organisation_by_slug(&t.app, "kino-siska").await;
    found.unwrap().id
}

/// A key of the tests' organisation that may do this, for all events or for one.
async fn key(t: &TestApp, scopes: &[Permission], event: Option<&str>) -> Client {
    let new = NewApiKey {
        organisation: organisation(t).await,
        name: "narrow".to_owned(),
        scopes: Some(scopes.to_vec()),
        event: event.map(|id| id.parse().unwrap()),
        expires_at: None,
        created_by: "tests".to_owned(),
    };
    let (_, token) = identity::issue_api_key(&t.app, new).await.unwrap();
    t.stranger.with_token(&token)
}

/// The texts that items have in a field.
fn texts(items: &[Value], field: &str) -> Vec<String> {
    items
        .iter()
        .map(|item| item[field].as_str().unwrap().to_owned())
        .collect()
}
