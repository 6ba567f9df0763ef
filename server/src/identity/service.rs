//! Use cases of identity.

use bilten_kernel::db::{DbError, Violation};
use bilten_kernel::random;

use super::model::*;
use super::store;
use crate::app::App;
use crate::platform::token_hash;

/// Why something about identity was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Another organisation has this short name.
    #[error("an organisation with this short name exists already")]
    SlugTaken,
    /// There is no such organisation.
    #[error("there is no such organisation")]
    NotFound,
    /// The name or short name cannot be used.
    #[error("an organisation needs a name of 1 to 200 characters")]
    Name,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Makes an organisation.
///
/// # Errors
/// [`IdentityError::Name`], [`IdentityError::SlugTaken`], or a fault of the database.
pub async fn create_organisation(app: &App, name: &str) -> Result<Organisation, IdentityError> {
    let slug = crate::catalog::slugify(name);
    if slug.is_empty() || name.chars().count() > 200 {
        return Err(IdentityError::Name);
    }
    let organisation = Organisation {
        id: OrganisationId::new(&*app.clock, &*app.random),
        slug,
        name: name.to_owned(),
        created_at: app.now(),
    };
    let row = organisation.clone();
    let inserted: Result<(), DbError> = app
        .db
        .write(move |c| Box::pin(async move { store::insert_organisation(c, &row).await }))
        .await;
    match inserted {
        Ok(()) => Ok(organisation),
        Err(error) if error.violates(Violation::Unique) => Err(IdentityError::SlugTaken),
        Err(error) => Err(error.into()),
    }
}

/// The organisation with this short name.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the database.
pub async fn organisation_by_slug(app: &App, slug: &str) -> Result<Organisation, IdentityError> {
    let slug = slug.to_owned();
    app.db
        .read(move |c| Box::pin(async move { store::organisation_by_slug(c, &slug).await }))
        .await?
        .ok_or(IdentityError::NotFound)
}

/// The organisation with this id.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the database.
pub async fn organisation(app: &App, id: OrganisationId) -> Result<Organisation, IdentityError> {
    app.db
        .read(move |c| Box::pin(async move { store::organisation(c, id).await }))
        .await?
        .ok_or(IdentityError::NotFound)
}

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
    Ok(app
        .db
        .write(move |c| Box::pin(async move { store::revoke_api_key(c, id, now).await }))
        .await?)
}

/// For whom a key acts, if it is alive.
///
/// # Errors
/// A fault of the database.
pub async fn authenticate(
    app: &App,
    token: &str,
) -> Result<Option<(ApiKeyId, OrganisationId)>, IdentityError> {
    if !token.starts_with(API_KEY_PREFIX) {
        return Ok(None);
    }
    let hash = token_hash(token);
    Ok(app
        .db
        .read(move |c| Box::pin(async move { store::api_key(c, hash).await }))
        .await?)
}
