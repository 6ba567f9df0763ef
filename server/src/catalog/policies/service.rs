//! Reading and changing policies, and which one holds.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::http::IfMatch;
use serde_json::json;

use super::model::{KeptPolicy, PolicyInput};
use super::store::{self, Whose};
use crate::app::App;
use crate::catalog::model::EventId;
use crate::catalog::model::policy::{Policy, Region, choose};
use crate::catalog::service::CatalogError;
use crate::catalog::service::change::StartsFrom;
use crate::identity::{OrganisationId, Tenant};
use crate::platform::{self, AuditRecord};

/// More policies than there are regions.
const ALL: i64 = 1_000;

/// The policy that holds for an event: its own for the closest region of its venue's country, else
/// the organisation's, else [`Policy::default`].
///
/// # Errors
/// A fault of the database.
pub async fn policy_of(c: &mut Conn, event: EventId) -> Result<Policy, DbError> {
    let Some(event) = super::super::store::event(c, event).await? else {
        return Ok(Policy::default());
    };
    let country = event.details.country;
    for of in [Some(event.id), None] {
        let whose = Whose {
            organisation: event.organisation_id,
            event: of,
        };
        let kept = store::policies(c, whose, "", ALL).await?;
        let policies: Vec<Policy> = kept.iter().map(KeptPolicy::policy).collect();
        if let Some(policy) = choose(&policies, country) {
            return Ok(policy.clone());
        }
    }
    Ok(Policy::default())
}

/// The policy that held for an event at a moment in the past: what whoever bought then was shown. None if
/// nobody wrote down what it was.
///
/// # Errors
/// A fault of the database.
pub async fn policy_at(
    c: &mut Conn,
    event: EventId,
    at: Timestamp,
) -> Result<Option<Policy>, DbError> {
    let Some(event) = super::super::store::event(c, event).await? else {
        return Ok(None);
    };
    let country = event.details.country;
    for of in [Some(event.id), None] {
        let whose = Whose {
            organisation: event.organisation_id,
            event: of,
        };
        let known = store::known_regions(c, whose).await?;
        let mut held = store::replaced_since(c, whose, at).await?;
        for kept in store::policies(c, whose, "", ALL).await? {
            if kept.updated_at <= at {
                held.push(kept.policy());
            } else if kept.version > 1 && !known.contains(&kept.region.to_string()) {
                return Ok(None);
            }
        }
        if let Some(policy) = choose(&held, country) {
            return Ok(Some(policy.clone()));
        }
    }
    Ok(Some(Policy::default()))
}

/// Whose policies a request is about, if it may see them.
async fn whose(
    c: &mut Conn,
    tenant: &Tenant,
    event: Option<EventId>,
) -> Result<Whose, CatalogError> {
    if let Some(id) = event {
        let found = super::super::store::event_of(c, tenant, id).await?;
        found.ok_or(CatalogError::NotFound)?;
    }
    Ok(Whose {
        organisation: tenant.organisation,
        event,
    })
}

/// The policies of an organisation, or of one of its events alone, by region, after one of them.
///
/// # Errors
/// [`CatalogError::NotFound`], or a fault of the database.
pub async fn policies_of(
    app: &App,
    tenant: &Tenant,
    event: Option<EventId>,
    after: String,
    limit: i64,
) -> Result<Vec<KeptPolicy>, CatalogError> {
    let tenant = tenant.clone();
    app.db
        .read(move |c| {
            Box::pin(async move {
                let whose = whose(c, &tenant, event).await?;
                Ok(store::policies(c, whose, &after, limit).await?)
            })
        })
        .await
}

/// The policy of an organisation, or of one of its events alone, for a region.
///
/// # Errors
/// [`CatalogError::NotFound`], [`CatalogError::NoSuch`], or a fault of the database.
pub async fn stored_policy(
    app: &App,
    tenant: &Tenant,
    event: Option<EventId>,
    region: Region,
) -> Result<KeptPolicy, CatalogError> {
    let tenant = tenant.clone();
    app.db
        .read(move |c| {
            Box::pin(async move {
                let whose = whose(c, &tenant, event).await?;
                let found = store::policy(c, whose, region).await?;
                found.ok_or(CatalogError::NoSuch("policy"))
            })
        })
        .await
}

/// Saves the policy for a region. What was shown to whoever bought before is kept: [`policy_at`].
///
/// # Errors
/// [`CatalogError::NotFound`], [`CatalogError::Invalid`], [`CatalogError::VersionConflict`],
/// [`CatalogError::Stale`], or a fault of the database.
pub async fn save_policy(
    app: &App,
    tenant: &Tenant,
    actor: String,
    event: Option<EventId>,
    region: Region,
    seen: IfMatch,
    input: PolicyInput,
) -> Result<KeptPolicy, CatalogError> {
    let version = input.version;
    let from = StartsFrom { seen, version };
    let (work, tenant, now) = (app.clone(), tenant.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let whose = whose(c, &tenant, event).await?;
                let policy = Policy {
                    region,
                    refund: input.refund,
                    transfer: input.transfer,
                    resale: input.resale,
                };
                policy.check().map_err(CatalogError::Invalid)?;
                let before = store::policy(c, whose, region).await?;
                let current = before.map_or(0, |before| before.version);
                if current > 0 {
                    from.is_said()?;
                }
                from.allow(current)?;
                let kept = KeptPolicy::new(policy, current + 1, now);
                let is_written = if current == 0 {
                    store::insert(c, whose, &kept).await?
                } else {
                    store::keep(c, whose, region, current, now).await?;
                    store::update(c, whose, &kept, current).await?
                };
                if !is_written {
                    // Somebody else was a moment earlier.
                    return Err(CatalogError::VersionConflict {
                        current: current + 1,
                    });
                }
                note(&work, c, whose, &actor, "policy.saved", region).await?;
                Ok(kept)
            })
        })
        .await
}

/// Drops the policy for a region; what is wider holds from then on.
///
/// # Errors
/// [`CatalogError::NotFound`], [`CatalogError::NoSuch`], [`CatalogError::Stale`],
/// [`CatalogError::VersionConflict`], or a fault of the database.
pub async fn delete_policy(
    app: &App,
    tenant: &Tenant,
    actor: String,
    event: Option<EventId>,
    region: Region,
    seen: IfMatch,
) -> Result<(), CatalogError> {
    let (work, tenant, now) = (app.clone(), tenant.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let whose = whose(c, &tenant, event).await?;
                let before = store::policy(c, whose, region).await?;
                let before = before.ok_or(CatalogError::NoSuch("policy"))?;
                seen.allow(before.version)?;
                store::keep(c, whose, region, before.version, now).await?;
                if !store::delete(c, whose, region, before.version).await? {
                    return Err(CatalogError::VersionConflict {
                        current: before.version + 1,
                    });
                }
                note(&work, c, whose, &actor, "policy.deleted", region).await
            })
        })
        .await
}

/// Notes in the audit log, last in a write, who changed which policy.
async fn note(
    app: &App,
    c: &mut Conn,
    whose: Whose,
    actor: &str,
    action: &'static str,
    region: Region,
) -> Result<(), CatalogError> {
    let subject = whose
        .event
        .map_or_else(|| whose.organisation.to_string(), |event| event.to_string());
    let record = AuditRecord::new(actor, action, subject)
        .of(whose.organisation)
        .detail(json!({"region": region}));
    Ok(platform::audit(app, c, record).await?)
}

/// Gives a copy of an event the policies that its model has on its own.
pub(in crate::catalog) async fn copy_in(
    c: &mut Conn,
    organisation: OrganisationId,
    from: EventId,
    to: EventId,
    now: Timestamp,
) -> Result<(), DbError> {
    let of = |event| Whose {
        organisation,
        event: Some(event),
    };
    for mut kept in store::policies(c, of(from), "", ALL).await? {
        kept.version = 1;
        kept.updated_at = now;
        store::insert(c, of(to), &kept).await?;
    }
    Ok(())
}
