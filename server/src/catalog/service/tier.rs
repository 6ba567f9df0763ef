//! Adding and changing tiers.

use bilten_kernel::http::IfMatch;
use bilten_kernel::money::Currency;

use super::CatalogError;
use super::change::{Edit, StartsFrom, change};
use crate::app::App;
use crate::catalog::model::*;
use crate::catalog::offers;
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
        kind: input.kind,
        per_date: input.per_date,
        pool_id: input.pool_id,
        hidden: input.hidden,
        seat_category: input.seat_category,
        needs_approval: input.needs_approval,
        pricing: input.pricing,
    }
}

/// Whether an event may have a tier like this, among its others.
fn allowed(
    detail: &EventDetail,
    tier: &Tier,
    currency: Option<Currency>,
) -> Result<(), CatalogError> {
    let mut faults = Faults::default();
    faults.currency("currency".to_owned(), currency, detail.event.currency);
    if let (Some(start), Some(end)) = (tier.sales_start_at, tier.sales_end_at)
        && start >= end
    {
        let text = "must be later than the start";
        faults.add("sales_end_at".to_owned(), "not_after", text);
    }
    faults.check().map_err(CatalogError::Invalid)?;
    // Without its dates, of which there may be many: no tier's rules depend on them.
    let (tiers, pools) = (detail.tiers.clone(), detail.pools.clone());
    let mut after = EventDetail::new(detail.event.clone(), Vec::new(), tiers, pools);
    after.price_settings.clone_from(&detail.price_settings);
    match after.tiers.iter_mut().find(|old| old.id == tier.id) {
        Some(old) => *old = tier.clone(),
        None => after.tiers.push(tier.clone()),
    }
    offers::check(&after, |at| {
        if at.id == tier.id {
            String::new()
        } else {
            format!("{}.", at.id)
        }
    })
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
    let currency = input.currency;
    let tier = new_tier(app, input, 0);
    let from = StartsFrom::any(seen);
    change(app, tenant, id, from, actor, "tier_added", move |detail| {
        if detail.tiers.len() >= MAX_TIERS {
            return Err(CatalogError::TooManyTiers);
        }
        let number = detail.tiers.iter().map(|t| t.number).max().unwrap_or(0) + 1;
        let tier = Tier { number, ..tier };
        allowed(detail, &tier, currency)?;
        Ok(Edit::AddTier(tier))
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
            tier.sales_start_at = patch.sales_start_at.unwrap_or(tier.sales_start_at);
            tier.sales_end_at = patch.sales_end_at.unwrap_or(tier.sales_end_at);
            tier.kind = patch.kind.unwrap_or(tier.kind);
            tier.per_date = patch.per_date.unwrap_or(tier.per_date);
            tier.pool_id = patch.pool_id.unwrap_or(tier.pool_id);
            tier.hidden = patch.hidden.unwrap_or(tier.hidden);
            tier.seat_category = patch.seat_category.unwrap_or(tier.seat_category);
            tier.needs_approval = patch.needs_approval.unwrap_or(tier.needs_approval);
            tier.pricing = patch.pricing.unwrap_or(tier.pricing);
            allowed(detail, &tier, patch.currency)?;
            Ok(Edit::SaveTier(tier))
        },
    )
    .await
}
