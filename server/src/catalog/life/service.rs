//! Doing something to an event, and looking back on it.

use bilten_kernel::http::IfMatch;

use super::model::{EventSnapshot, EventVersion, MovedDate};
use super::{dates, store};
use crate::app::App;
use crate::catalog::model::state::{Action, Has, Immovable, step};
use crate::catalog::model::{EventDetail, EventId};
use crate::catalog::service::CatalogError;
use crate::catalog::service::change::{Edit, StartsFrom, change};
use crate::identity::Tenant;

/// Does something to an event; to do what is done already changes nothing. New dates are said when
/// it is rescheduled, and only then.
///
/// # Errors
/// [`CatalogError::NotFound`], [`CatalogError::State`], [`CatalogError::NoTiers`],
/// [`CatalogError::NotADraft`], [`CatalogError::Invalid`], [`CatalogError::Stale`], or a fault of the
/// database.
pub async fn act(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    actor: String,
    seen: IfMatch,
    action: Action,
    new_dates: Vec<MovedDate>,
) -> Result<EventDetail, CatalogError> {
    let (from, now) = (StartsFrom::any(seen), app.now());
    let edit = move |detail: &mut EventDetail| -> Result<Edit, CatalogError> {
        let has = Has {
            tier: !detail.tiers.is_empty(),
            new_dates: !new_dates.is_empty() && new_dates.iter().all(|date| date.ends_at > now),
        };
        let moved = match step(detail.event.kept(), action, has) {
            Ok(moved) => moved,
            Err(Immovable::Already(_)) => return Ok(Edit::Nothing),
            Err(refusal) => return Err(refusal.into()),
        };
        // Dropping an event is no change of it: see `delete_draft`.
        let Some(to) = moved.to else {
            return Err(CatalogError::NotADraft);
        };
        (detail.event.state, detail.event.brake) = to.columns();
        if new_dates.is_empty() {
            return Ok(Edit::Event);
        }
        dates::put(detail, &new_dates).map_err(CatalogError::Invalid)?;
        Ok(Edit::Dates)
    };
    change(app, tenant, id, from, actor, action.past(), edit).await
}

/// The changes of an event, the newest first, before one of them.
///
/// # Errors
/// [`CatalogError::NotFound`], or a fault of the database.
pub async fn versions_of(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    before: i64,
    limit: i64,
) -> Result<Vec<EventVersion>, CatalogError> {
    let tenant = tenant.clone();
    app.db
        .read(move |c| {
            Box::pin(async move {
                let event = super::super::store::event_of(c, &tenant, id).await?;
                event.ok_or(CatalogError::NotFound)?;
                Ok(store::versions(c, id, before, limit).await?)
            })
        })
        .await
}

/// A change of an event, with the event as it was after it.
///
/// # Errors
/// [`CatalogError::NotFound`], [`CatalogError::NoSuch`], or a fault of the database.
pub async fn version_of(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    version: i64,
) -> Result<EventSnapshot, CatalogError> {
    let tenant = tenant.clone();
    app.db
        .read(move |c| {
            Box::pin(async move {
                let event = super::super::store::event_of(c, &tenant, id).await?;
                event.ok_or(CatalogError::NotFound)?;
                let found = store::version(c, id, version).await?;
                found.ok_or(CatalogError::NoSuch("version of this event"))
            })
        })
        .await
}
