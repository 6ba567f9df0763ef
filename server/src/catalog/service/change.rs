//! How an event is changed: from a known version, with a new row of its history.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, Val};
use bilten_kernel::error::FieldError;
use bilten_kernel::http::IfMatch;

use super::{CatalogError, detail_in};
use crate::app::App;
use crate::catalog::forms::{self, FormChange};
use crate::catalog::model::*;
use crate::catalog::{life, store, venues};
use crate::events::{self, DomainEvent};
use crate::identity::Tenant;

/// Writes the version history and tells the other domains.
pub(in crate::catalog) async fn record(
    app: &App,
    c: &mut Conn,
    detail: &EventDetail,
    change: &str,
    actor: &str,
) -> Result<(), CatalogError> {
    store::insert_version(c, &detail.event, change, actor, Val::json(detail)?).await?;
    events::publish(
        app,
        c,
        vec![DomainEvent::EventSaved {
            detail: Box::new(detail.clone()),
            change: change.to_owned(),
        }],
    )
    .await?;
    let (app, id) = (app.clone(), detail.event.id);
    c.after_commit(move || app.offers.forget(id));
    Ok(())
}

/// Which version of an event a change starts from.
#[derive(Clone, Debug)]
pub(in crate::catalog) struct StartsFrom {
    /// As `If-Match` says it.
    pub(in crate::catalog) seen: IfMatch,
    /// As the change itself says it.
    pub(in crate::catalog) version: Option<i64>,
}

impl StartsFrom {
    /// Whatever version there is, unless the caller says which one they have seen.
    pub(in crate::catalog) const fn any(seen: IfMatch) -> Self {
        Self {
            seen,
            version: None,
        }
    }

    /// Fails unless it is said somewhere: texts and prices are not written over unseen.
    pub(in crate::catalog) fn is_said(&self) -> Result<(), CatalogError> {
        if self.version.is_some() || self.seen.is_said() {
            return Ok(());
        }
        Err(CatalogError::Invalid(vec![FieldError {
            field: "version".to_owned(),
            code: "missing".into(),
            detail: "Say which version this change starts from, here or by If-Match.".to_owned(),
        }]))
    }

    /// Fails if the thing has another version by now.
    pub(in crate::catalog) fn allow(&self, current: i64) -> Result<(), CatalogError> {
        self.seen.allow(current)?;
        if self.version.is_some_and(|version| version != current) {
            return Err(CatalogError::VersionConflict { current });
        }
        Ok(())
    }

    /// What is said if somebody else was a moment earlier, so that it has this version now.
    pub(in crate::catalog) fn missed(&self, current: i64) -> CatalogError {
        match self.seen.allow(current) {
            Err(stale) => stale.into(),
            Ok(()) => CatalogError::VersionConflict { current },
        }
    }
}

/// The event that a change starts from, inside a write.
pub(in crate::catalog) async fn open_in(
    c: &mut Conn,
    tenant: &Tenant,
    id: EventId,
    from: &StartsFrom,
) -> Result<EventDetail, CatalogError> {
    let detail = detail_in(c, id).await?.filter(|d| d.event.is_of(tenant));
    let detail = detail.ok_or(CatalogError::NotFound)?;
    from.allow(detail.event.version)?;
    Ok(detail)
}

/// Raises the version of an event that a change has opened, and with it locks the event: whatever
/// else the change writes comes after it, and [`record`] last.
pub(in crate::catalog) async fn raise_in(
    c: &mut Conn,
    detail: &mut EventDetail,
    from: &StartsFrom,
    now: Timestamp,
) -> Result<(), CatalogError> {
    let current = detail.event.version;
    detail.event.version = current + 1;
    detail.event.updated_at = now;
    if !store::update_event(c, &detail.event, current).await? {
        // Somebody else was a moment earlier.
        from.seen.allow(current + 1)?;
        return Err(CatalogError::VersionConflict {
            current: current + 1,
        });
    }
    Ok(())
}

/// Changes an event that still has the version that the change starts from: loads it, lets `edit`
/// change it, saves it; anew, if it met somebody who buys in the middle of both.
pub(in crate::catalog) async fn change(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    from: StartsFrom,
    actor: String,
    name: &'static str,
    edit: impl FnOnce(&mut EventDetail) -> Result<Edit, CatalogError> + Clone + Send + 'static,
) -> Result<EventDetail, CatalogError> {
    let (app, tenant, now) = (app.clone(), tenant.clone(), app.now());
    let db = app.db.clone();
    db.write_again(move |c| {
        let (work, tenant, from) = (app.clone(), tenant.clone(), from.clone());
        let (edit, actor) = (edit.clone(), actor.clone());
        Box::pin(async move {
            let mut detail = open_in(c, &tenant, id, &from).await?;
            let venue = detail.venue_id;
            let edit = edit(&mut detail)?;
            if matches!(edit, Edit::Nothing) {
                return Ok(detail);
            }
            raise_in(c, &mut detail, &from, now).await?;
            if detail.venue_id != venue {
                venues::set_venue_of_event(c, id, detail.venue_id).await?;
            }
            match edit {
                Edit::Nothing | Edit::Event => {}
                Edit::Dates => {
                    life::store::update_dates(c, id, &detail.occurrences).await?;
                    life::store::update_validity(c, id, &detail.tiers).await?;
                }
                Edit::Form(form) => forms::save_in(c, id, form, now).await?,
                Edit::AddTier(tier) => {
                    store::insert_tiers(c, id, std::slice::from_ref(&tier), now).await?;
                    detail.tiers.push(tier);
                }
                Edit::SaveTier(tier) => {
                    allow_counting(c, &detail, &tier).await?;
                    store::update_tier(c, &tier, now).await?;
                    if let Some(old) = detail.tiers.iter_mut().find(|t| t.id == tier.id) {
                        *old = tier;
                    }
                }
            }
            record(&work, c, &detail, name, &actor).await?;
            Ok(detail)
        })
    })
    .await
}

/// What is sold of a tier stays counted where it was: by date or not, in its pool, by its parts.
async fn allow_counting(
    c: &mut Conn,
    detail: &EventDetail,
    after: &Tier,
) -> Result<(), CatalogError> {
    let Some(before) = detail.tier(after.id) else {
        return Ok(());
    };
    let parts = |tier: &Tier| {
        let pricing = tier.pricing.clone().unwrap_or_default();
        (
            tier.per_date,
            tier.pool_id,
            tier.kind == TierKind::Bundle,
            pricing.parts,
        )
    };
    if parts(before) == parts(after) {
        return Ok(());
    }
    let of = after.id.to_string();
    let taken = events::taken_in(c, detail.event.id).await?;
    if taken.iter().any(|(key, count)| key.of == of && *count > 0) {
        return Err(OfferRefusal::TierSold.into());
    }
    Ok(())
}

/// What else a change writes, apart from the event itself.
pub(in crate::catalog) enum Edit {
    /// It is as it should be already: nothing is written.
    Nothing,
    Event,
    /// The times of dates that it has, and those at which its tiers are valid.
    Dates,
    /// Its questions.
    Form(FormChange),
    AddTier(Tier),
    SaveTier(Tier),
}
