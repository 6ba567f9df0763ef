//! API keys.

use bilten_kernel::random;

use super::IdentityError;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::keys as store;
use crate::platform::token_hash;

/// Makes an API key; the text is returned once and stored nowhere.
///
/// # Errors
/// A fault of the database.
pub async fn create_api_key(
    app: &App,
    organisation: OrganisationId,
    name: &str,
) -> Result<(ApiKeyId, String), IdentityError> {
    let id = ApiKeyId::new(&*app.clock, &*app.random);
    let token = format!("{API_KEY_PREFIX}{}", random::token(&*app.random, 40));
    let (hash, name, now) = (token_hash(&token), name.to_owned(), app.now());
    app.db
        .write(move |c| {
            Box::pin(
                async move { store::insert_api_key(c, id, organisation, &name, hash, now).await },
            )
        })
        .await?;
    Ok((id, token))
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
