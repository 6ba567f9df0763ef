//! Profiles as they are said and shown.

use bilten_kernel::clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalog::model::brand::{Brand, Profile};
use crate::identity::OrganisationId;

/// What an organisation says of itself, and how its pages look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrganisationProfile {
    /// Raised by each change; a change must name the version it started from. 0 if nothing was said
    /// yet.
    pub version: i64,
    /// What it says of itself.
    pub profile: Profile,
    /// How its pages look; without it, as they always do.
    pub brand: Option<Brand>,
    /// When it was changed last.
    pub updated_at: Option<Timestamp>,
}

/// What an organisation says of itself from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileInput {
    /// The version that this change starts from; needed unless `If-Match` says it, or nothing was said
    /// yet.
    pub version: Option<i64>,
    /// What it says of itself.
    pub profile: Profile,
    /// How its pages look; without it, as they always do.
    pub brand: Option<Brand>,
}

/// An organisation as buyers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ShopOrganisation {
    /// Its id.
    pub id: OrganisationId,
    /// Its short name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What it says of itself.
    pub profile: Profile,
    /// How its pages look; without it, as they always do.
    pub brand: Option<Brand>,
}
