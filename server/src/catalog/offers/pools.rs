//! Adding, changing and removing capacity pools.

use bilten_kernel::http::IfMatch;

use super::store;
use crate::app::App;
use crate::catalog::model::*;
use crate::catalog::service::{CatalogError, StartsFrom, open_in, raise_in, record};
use crate::identity::Tenant;

/// Adds a pool to an event.
pub(super) async fn add(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    actor: String,
    seen: IfMatch,
    input: PoolInput,
) -> Result<(i64, CapacityPool), CatalogError> {
    let mut faults = Faults::default();
    faults.pool(Some(&input.name), Some(input.capacity));
    faults.check().map_err(CatalogError::Invalid)?;
    let pool = CapacityPool {
        id: PoolId::new(&*app.clock, &*app.random),
        name: input.name.trim().to_owned(),
        capacity: input.capacity,
        per_date: input.per_date,
    };
    let (work, tenant, now) = (app.clone(), tenant.clone(), app.now());
    let from = StartsFrom::any(seen);
    app.db
        .write(move |c| {
            Box::pin(async move {
                let mut detail = open_in(c, &tenant, id, &from).await?;
                if detail.pools.len() >= MAX_POOLS {
                    return Err(CatalogError::from(OfferRefusal::TooManyPools));
                }
                raise_in(c, &mut detail, &from, now).await?;
                store::insert_pool(c, id, &pool, now).await?;
                detail.pools.push(pool.clone());
                record(&work, c, &detail, "pool_added", &actor).await?;
                Ok((detail.event.version, pool))
            })
        })
        .await
}

/// Changes a pool; its capacity never falls below what is sold and held.
pub(super) async fn update(
    app: &App,
    tenant: &Tenant,
    (id, pool): (EventId, PoolId),
    actor: String,
    seen: IfMatch,
    patch: PoolPatch,
) -> Result<(i64, CapacityPool), CatalogError> {
    let mut faults = Faults::default();
    faults.pool(patch.name.as_deref(), patch.capacity);
    faults.check().map_err(CatalogError::Invalid)?;
    let (work, tenant, now) = (app.clone(), tenant.clone(), app.now());
    let version = patch.version;
    let from = StartsFrom { seen, version };
    app.db
        .write(move |c| {
            Box::pin(async move {
                let mut detail = open_in(c, &tenant, id, &from).await?;
                from.is_said()?;
                let mut changed = detail.pool(pool).ok_or(CatalogError::NotFound)?.clone();
                changed.name = patch
                    .name
                    .map_or(changed.name, |name| name.trim().to_owned());
                changed.capacity = patch.capacity.unwrap_or(changed.capacity);
                raise_in(c, &mut detail, &from, now).await?;
                store::update_pool(c, &changed, now).await?;
                if let Some(old) = detail.pools.iter_mut().find(|old| old.id == pool) {
                    *old = changed.clone();
                }
                record(&work, c, &detail, "pool_updated", &actor).await?;
                Ok((detail.event.version, changed))
            })
        })
        .await
}

/// Removes a pool that no tier shares.
pub(super) async fn remove(
    app: &App,
    tenant: &Tenant,
    (id, pool): (EventId, PoolId),
    actor: String,
    seen: IfMatch,
) -> Result<(), CatalogError> {
    let (work, tenant, now) = (app.clone(), tenant.clone(), app.now());
    let from = StartsFrom::any(seen);
    app.db
        .write(move |c| {
            Box::pin(async move {
                let mut detail = open_in(c, &tenant, id, &from).await?;
                if detail.pool(pool).is_none() {
                    return Err(CatalogError::NotFound);
                }
                if detail.tiers.iter().any(|tier| tier.pool_id == Some(pool)) {
                    return Err(OfferRefusal::PoolInUse.into());
                }
                raise_in(c, &mut detail, &from, now).await?;
                store::delete_pool(c, pool).await?;
                detail.pools.retain(|old| old.id != pool);
                record(&work, c, &detail, "pool_removed", &actor).await
            })
        })
        .await
}
