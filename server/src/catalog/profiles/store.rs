//! All SQL of profiles.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::{sql, vals};

use super::model::OrganisationProfile;
use crate::catalog::model::brand::{Brand, Profile};
use crate::identity::OrganisationId;

/// What an organisation says of itself, if it has said anything.
pub(super) async fn profile(
    c: &mut Conn,
    organisation: OrganisationId,
) -> Result<Option<OrganisationProfile>, DbError> {
    type Row = (i64, AsJson<Profile>, Option<AsJson<Brand>>, Timestamp);
    let row: Option<Row> = c
        .opt(
            sql!(
                "SELECT revision, profile, brand, updated_at FROM organisation_profiles \
                 WHERE organisation_id = $1"
            ),
            vals![organisation],
        )
        .await?;
    Ok(row.map(
        |(version, AsJson(profile), brand, updated_at)| OrganisationProfile {
            version,
            profile,
            brand: brand.map(|AsJson(brand)| brand),
            updated_at: Some(updated_at),
        },
    ))
}

/// Writes what an organisation says of itself over what still has version `from`, or anew if that is
/// 0; says whether nobody was a moment earlier.
pub(super) async fn put(
    c: &mut Conn,
    organisation: OrganisationId,
    new: &OrganisationProfile,
    from: i64,
) -> Result<bool, DbError> {
    let brand = match &new.brand {
        Some(brand) => Val::json(brand)?,
        None => Val::Text(None),
    };
    let values = vals![
        organisation,
        from,
        Val::json(&new.profile)?,
        brand,
        new.version,
        new.updated_at
    ];
    // What has another version than `from` is not touched.
    let touched = c
        .exec(
            sql!(
                "INSERT INTO organisation_profiles (organisation_id, profile, brand, revision, updated_at) \
                 VALUES ($1, $3, $4, $5, $6) \
                 ON CONFLICT (organisation_id) DO UPDATE SET profile = excluded.profile, \
                 brand = excluded.brand, revision = excluded.revision, updated_at = excluded.updated_at \
                 WHERE organisation_profiles.revision = $2"
            ),
            values,
        )
        .await?;
    Ok(touched == 1)
}
