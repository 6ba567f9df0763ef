//! Organisations.

use bilten_kernel::db::{DbError, Violation};

use super::IdentityError;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::organisations as store;

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
        requires_mfa: false,
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
        .ok_or(IdentityError::NotFound("organisation"))
}

/// The organisation with this id.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the database.
pub async fn organisation(app: &App, id: OrganisationId) -> Result<Organisation, IdentityError> {
    app.db
        .read(move |c| Box::pin(async move { store::organisation(c, id).await }))
        .await?
        .ok_or(IdentityError::NotFound("organisation"))
}
