//! Adding and changing tiers.

use bilten_kernel::http::IfMatch;

use super::CatalogError;
use super::change::{Edit, StartsFrom, change};
use crate::app::App;
use crate::catalog::model::*;
use crate::identity::Tenant;

pub(super) fn new_tier(app: &App, input: TierInput, number: u16) -> Tier {
    Tier {
        id: TierId::new(&*app.clock, &*app.random),
        number,
        name: input.name.trim().to_owned(),
        description: input.description,
        price_minor: input.price_minor,
        capacity: input.capacity,
        max_per_order: input.max_per_order,
        sales_start_at: input.sales_start_at,
        sales_end_at: input.sales_end_at,
        valid_from_at: input.valid_from_at,
        valid_until_at: input.valid_until_at,
    }
}

/// Adds a tier to an event.
///
/// # Errors
/// [`CatalogError::Invalid`], [`CatalogError::NotFound`], [`CatalogError::TooManyTiers`], or a
/// fault of the database.
pub async fn add_tier(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    actor: String,
    seen: IfMatch,
    input: TierInput,
) -> Result<EventDetail, CatalogError> {
    let mut faults = Faults::default();
    faults.tier("", &input);
    faults.check().map_err(CatalogError::Invalid)?;
    let tier = new_tier(app, input, 0);
    let from = StartsFrom::any(seen);
    change(app, tenant, id, from, actor, "tier_added", move |detail| {
        if detail.tiers.len() >= MAX_TIERS {
            return Err(CatalogError::TooManyTiers);
        }
        let number = detail.tiers.iter().map(|t| t.number).max().unwrap_or(0) + 1;
        Ok(Edit::AddTier(Tier { number, ..tier }))
    })
    .await
}

/// Changes a tier.
///
/// # Errors
/// [`CatalogError::Invalid`], [`CatalogError::NotFound`], [`CatalogError::VersionConflict`],
/// [`CatalogError::CapacityBelowSold`], or a fault of the database.
pub async fn update_tier(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    tier: TierId,
    actor: String,
    seen: IfMatch,
    patch: TierPatch,
) -> Result<EventDetail, CatalogError> {
    let mut faults = Faults::default();
    faults.tier_patch(&patch);
    faults.check().map_err(CatalogError::Invalid)?;
    let version = patch.version;
    let from = StartsFrom { seen, version };
    change(
        app,
        tenant,
        id,
        from.clone(),
        actor,
        "tier_updated",
        move |detail| {
            from.is_said()?;
            let mut tier = detail.tier(tier).ok_or(CatalogError::NotFound)?.clone();
            tier.name = patch.name.unwrap_or(tier.name);
            tier.description = patch.description.unwrap_or(tier.description);
            tier.price_minor = patch.price_minor.unwrap_or(tier.price_minor);
            tier.capacity = patch.capacity.unwrap_or(tier.capacity);
            tier.max_per_order = patch.max_per_order.unwrap_or(tier.max_per_order);
            Ok(Edit::SaveTier(tier))
        },
    )
    .await
}
