//! All SQL of pools, price settings and taxes.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use crate::catalog::model::*;
use crate::identity::OrganisationId;

// Pools

pub(super) async fn pools(c: &mut Conn, event: EventId) -> Result<Vec<CapacityPool>, DbError> {
    c.all(
        sql!("SELECT id, name, capacity, per_date FROM capacity_pools WHERE event_id = $1 ORDER BY id"),
        vals![event],
    )
    .await
}

pub(super) async fn insert_pool(
    c: &mut Conn,
    event: EventId,
    pool: &CapacityPool,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO capacity_pools (id, event_id, name, capacity, per_date, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $6)"
        ),
        vals![pool.id, event, &pool.name, pool.capacity, pool.per_date, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn update_pool(
    c: &mut Conn,
    pool: &CapacityPool,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE capacity_pools SET name = $2, capacity = $3, updated_at = $4 WHERE id = $1"),
        vals![pool.id, &pool.name, pool.capacity, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn delete_pool(c: &mut Conn, pool: PoolId) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM capacity_pools WHERE id = $1"),
        vals![pool],
    )
    .await?;
    Ok(())
}

// Price settings

pub(super) async fn event_prices(
    c: &mut Conn,
    event: EventId,
) -> Result<Option<PriceSettings>, DbError> {
    c.scalar_opt(
        sql!("SELECT content FROM price_settings WHERE event_id = $1"),
        vals![event],
    )
    .await
}

/// Writes what an event says of prices; the event's own version guards it.
pub(super) async fn put_event_prices(
    c: &mut Conn,
    event: &Event,
    settings: &PriceSettings,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO price_settings (organisation_id, event_id, version, content, updated_at) \
             VALUES ($1, $2, 1, $3, $4) ON CONFLICT (organisation_id, event_id) DO UPDATE \
             SET version = price_settings.version + 1, content = excluded.content, updated_at = excluded.updated_at"
        ),
        vals![event.organisation_id, event.id, settings, event.updated_at],
    )
    .await?;
    Ok(())
}

pub(super) async fn organisation_prices(
    c: &mut Conn,
    organisation: OrganisationId,
) -> Result<Option<OrganisationPrices>, DbError> {
    c.opt(
        sql!("SELECT version, content FROM price_settings WHERE organisation_id = $1 AND event_id = ''"),
        vals![organisation],
    )
    .await
}

/// Writes what an organisation says of prices, if it still has the version before `to`.
pub(super) async fn put_organisation_prices(
    c: &mut Conn,
    organisation: OrganisationId,
    to: i64,
    settings: &PriceSettings,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO price_settings (organisation_id, event_id, version, content, updated_at) \
                 VALUES ($1, '', $2, $3, $4) ON CONFLICT (organisation_id, event_id) DO UPDATE \
                 SET version = excluded.version, content = excluded.content, updated_at = excluded.updated_at \
                 WHERE price_settings.version = excluded.version - 1"
            ),
            vals![organisation, to, settings, now],
        )
        .await?;
    Ok(touched == 1)
}

// Taxes

/// An organisation's taxes, in the order in which compound ones build on earlier ones.
pub(super) async fn taxes(
    c: &mut Conn,
    organisation: OrganisationId,
) -> Result<Vec<StoredTaxRule>, DbError> {
    c.all(
        sql!(
            "SELECT id, content, revision FROM tax_rules WHERE organisation_id = $1 ORDER BY rank, id"
        ),
        vals![organisation],
    )
    .await
}

pub(super) async fn tax(
    c: &mut Conn,
    organisation: OrganisationId,
    id: TaxRuleId,
) -> Result<Option<StoredTaxRule>, DbError> {
    c.opt(
        sql!("SELECT id, content, revision FROM tax_rules WHERE id = $1 AND organisation_id = $2"),
        vals![id, organisation],
    )
    .await
}

pub(super) async fn insert_tax(
    c: &mut Conn,
    organisation: OrganisationId,
    rule: &StoredTaxRule,
    now: Timestamp,
) -> Result<(), DbError> {
    let said = &rule.content;
    c.exec(
        sql!(
            "INSERT INTO tax_rules (id, organisation_id, country, rank, content, from_at, until_at, revision, \
             created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)"
        ),
        vals![
            rule.id, organisation, &said.place.country, said.rank, said, said.from_at, said.until_at,
            rule.revision, now
        ],
    )
    .await?;
    Ok(())
}

/// Writes a tax, if it still has the revision before this one.
pub(super) async fn update_tax(
    c: &mut Conn,
    rule: &StoredTaxRule,
    now: Timestamp,
) -> Result<bool, DbError> {
    let said = &rule.content;
    let touched = c
        .exec(
            sql!(
                "UPDATE tax_rules SET country = $3, rank = $4, content = $5, from_at = $6, until_at = $7, \
                 revision = $2, updated_at = $8 WHERE id = $1 AND revision = $2 - 1"
            ),
            vals![
                rule.id, rule.revision, &said.place.country, said.rank, said, said.from_at, said.until_at, now
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Takes a tax away, at that revision if one is given; says whether it was there.
pub(super) async fn delete_tax(
    c: &mut Conn,
    id: TaxRuleId,
    only: Option<i64>,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!("DELETE FROM tax_rules WHERE id = $1 AND revision = COALESCE($2, revision)"),
            vals![id, only],
        )
        .await?;
    Ok(touched == 1)
}
