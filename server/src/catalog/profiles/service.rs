//! Reading and changing what organisations say of themselves.

use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::error::FieldError;
use bilten_kernel::http::IfMatch;
use serde_json::json;

use super::model::{OrganisationProfile, ProfileInput};
use super::store;
use crate::app::App;
use crate::catalog::model::texts::{TextLimits, Texts};
use crate::catalog::service::CatalogError;
use crate::catalog::service::change::StartsFrom;
use crate::identity::OrganisationId;
use crate::platform::{self, AuditRecord};

/// What an organisation says of itself, inside a read or write that is under way.
///
/// # Errors
/// A fault of the database.
pub async fn profile_in(
    c: &mut Conn,
    organisation: OrganisationId,
) -> Result<OrganisationProfile, DbError> {
    Ok(store::profile(c, organisation).await?.unwrap_or_default())
}

/// What an organisation says of itself.
///
/// # Errors
/// A fault of the database.
pub async fn profile_of(
    app: &App,
    organisation: OrganisationId,
) -> Result<OrganisationProfile, DbError> {
    app.db
        .read(move |c| Box::pin(async move { profile_in(c, organisation).await }))
        .await
}

/// Saves what an organisation says of itself.
///
/// # Errors
/// [`CatalogError::Invalid`], [`CatalogError::VersionConflict`], [`CatalogError::Stale`], or a fault
/// of the database.
pub async fn save_profile(
    app: &App,
    organisation: OrganisationId,
    actor: String,
    seen: IfMatch,
    input: ProfileInput,
) -> Result<OrganisationProfile, CatalogError> {
    let version = input.version;
    let from = StartsFrom { seen, version };
    let input = checked(input).map_err(CatalogError::Invalid)?;
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let current = profile_in(c, organisation).await?.version;
                if current > 0 {
                    from.is_said()?;
                }
                from.allow(current)?;
                let new = OrganisationProfile {
                    version: current + 1,
                    profile: input.profile,
                    brand: input.brand,
                    updated_at: Some(now),
                };
                if !store::put(c, organisation, &new, current).await? {
                    // Somebody else was a moment earlier.
                    return Err(CatalogError::VersionConflict {
                        current: current + 1,
                    });
                }
                let record = AuditRecord::new(actor, "organisation.profile_saved", organisation)
                    .of(organisation)
                    .detail(json!({"version": new.version}));
                platform::audit(&work, c, record).await?;
                Ok(new)
            })
        })
        .await
}

/// What an organisation says of itself, as it is kept.
fn checked(mut input: ProfileInput) -> Result<ProfileInput, Vec<FieldError>> {
    let mut faults = Vec::new();
    let within = |part: &str, mut fault: FieldError| {
        fault.field = format!("{part}.{}", fault.field);
        fault
    };
    if let Err(more) = input.profile.check() {
        faults.extend(more.into_iter().map(|fault| within("profile", fault)));
    }
    let mut texts =
        |field: &str, texts: &mut Texts, limits: TextLimits| match texts.checked(field, limits) {
            Ok(cleaned) => *texts = cleaned,
            Err(more) => faults.extend(more),
        };
    let prose = TextLimits::prose(10_000);
    texts("profile.about", &mut input.profile.about, prose);
    if let Some(brand) = &mut input.brand {
        let line = TextLimits {
            min: 0,
            max: 200,
            lines: false,
        };
        texts("brand.logo_text", &mut brand.logo_text, line);
        if let Err(more) = brand.check() {
            faults.extend(more.into_iter().map(|fault| within("brand", fault)));
        }
        if brand.logo.is_some() {
            faults.push(FieldError {
                field: "brand.logo".to_owned(),
                code: "unknown".into(),
                detail: "the organisation has sent no such picture".to_owned(),
            });
        }
    }
    if faults.is_empty() {
        Ok(input)
    } else {
        Err(faults)
    }
}
