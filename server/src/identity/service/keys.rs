//! API keys.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::random;

use super::IdentityError;
use crate::app::App;
use crate::catalog::EventId;
use crate::identity::model::*;
use crate::identity::store::keys as store;
use crate::platform::token_hash;

/// An API key that is to be made.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// For whom it acts.
    pub organisation: OrganisationId,
    /// What it is for.
    pub name: String,
    /// What it may do; nothing means all that programs may.
    pub scopes: Option<Vec<Permission>>,
    /// The only event that it may touch, if it is bound to one.
    pub event: Option<EventId>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Who made it, as the audit log names them.
    pub created_by: String,
}

/// Makes an API key as it is asked for; the text is returned once and stored nowhere.
///
/// # Errors
/// A fault of the database.
pub async fn issue_api_key(app: &App, new: NewApiKey) -> Result<(ApiKeyId, String), IdentityError> {
    let id = ApiKeyId::new(&*app.clock, &*app.random);
    let token = format!("{API_KEY_PREFIX}{}", random::token(&*app.random, 40));
    let (hash, now) = (token_hash(&token), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move { store::insert_api_key(c, id, &new, hash, now).await })
        })
        .await?;
    Ok((id, token))
}

/// Makes an API key that may do all that programs may, and does not end by itself.
///
/// # Errors
/// A fault of the database.
pub async fn create_api_key(
    app: &App,
    organisation: OrganisationId,
    name: &str,
) -> Result<(ApiKeyId, String), IdentityError> {
    let new = NewApiKey {
        organisation,
        name: name.to_owned(),
        scopes: None,
        event: None,
        expires_at: None,
        created_by: "command line".to_owned(),
    };
    issue_api_key(app, new).await
}

/// Ends an API key; says whether it was alive.
///
/// # Errors
/// A fault of the database.
pub async fn revoke_api_key(app: &App, id: ApiKeyId) -> Result<bool, IdentityError> {
    let now = app.now();
    let revoked = app
        .db
        .write(move |c| Box::pin(async move { store::revoke_api_key(c, id, now).await }))
        .await?;
    app.principals.clear();
    Ok(revoked)
}
