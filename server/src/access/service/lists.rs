//! Check-in lists.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;
use bilten_kernel::http::IfMatch;
use bilten_kernel::telemetry::Cause;

use super::{AccessError, marks, told};
use crate::access::model::*;
use crate::access::store::{places, scans};
use crate::app::App;
use crate::catalog::{self, EventId};
use crate::events;
use crate::identity::Tenant;
use crate::tickets;

/// The list that every new event has.
pub(super) fn first_list(app: &App, event: EventId, now: Timestamp) -> CheckInList {
    CheckInList {
        id: ListId::new(&*app.clock, &*app.random),
        event_id: event,
        name: "Entry".to_owned(),
        policy: ListPolicy::Single,
        max_entries: None,
        opens_at: None,
        closes_at: None,
        tiers: None,
        capacity: None,
        accepts_delegated: true,
        allowlist_only: false,
        revision: 1,
        created_at: now,
        removed_at: None,
    }
}

/// The numbers of an event's tiers.
pub(super) async fn tier_numbers(c: &mut Conn, event: EventId) -> Result<Vec<u16>, AccessError> {
    let owner = catalog::organisation_in(c, event).await?;
    owner.ok_or(AccessError::NotFound)?;
    let tiers = catalog::tiers_in(c, event).await?;
    Ok(tiers.iter().map(|tier| tier.number).collect())
}

/// An event's check-in lists, the oldest first.
///
/// # Errors
/// [`AccessError::NotFound`], or a fault of the database.
pub async fn lists(
    app: &App,
    tenant: &Tenant,
    event: EventId,
) -> Result<Vec<CheckInList>, AccessError> {
    catalog::event_of(app, tenant, event).await?;
    let mut lists = app
        .db
        .read(move |c| Box::pin(async move { places::lists(c, event).await }))
        .await?;
    lists.retain(|list| list.removed_at.is_none());
    Ok(lists)
}

/// Makes a check-in list.
///
/// # Errors
/// [`AccessError::Invalid`], [`AccessError::NotFound`], [`AccessError::TooManyLists`], or a fault
/// of the database.
pub async fn create_list(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    input: ListInput,
) -> Result<CheckInList, AccessError> {
    catalog::event_of(app, tenant, event).await?;
    let list = CheckInList {
        id: ListId::new(&*app.clock, &*app.random),
        event_id: event,
        name: input.name.trim().to_owned(),
        policy: input.policy,
        max_entries: input.max_entries,
        opens_at: input.opens_at,
        closes_at: input.closes_at,
        tiers: input.tiers,
        capacity: input.capacity,
        accepts_delegated: input.accepts_delegated,
        allowlist_only: input.allowlist_only,
        revision: 1,
        created_at: app.now(),
        removed_at: None,
    };
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                check(c, &list).await?;
                if places::count_lists(c, event).await? >= MAX_LISTS {
                    return Err(AccessError::TooManyLists);
                }
                places::insert_list(c, &list).await?;
                marks::put(&work, c, event, vec![marks::of_list(&list)?]).await?;
                Ok(list)
            })
        })
        .await
}

async fn check(c: &mut Conn, list: &CheckInList) -> Result<(), AccessError> {
    let tiers = tier_numbers(c, list.event_id).await?;
    let mut faults = Faults::default();
    faults.list(list, &tiers);
    faults.check().map_err(AccessError::Invalid)
}

/// Changes a check-in list. Another policy judges anew what was scanned before.
///
/// # Errors
/// [`AccessError::Invalid`], [`AccessError::NotFound`], [`AccessError::Stale`], or a fault of the
/// database.
pub async fn update_list(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    id: ListId,
    seen: IfMatch,
    patch: ListPatch,
) -> Result<CheckInList, AccessError> {
    catalog::event_of(app, tenant, event).await?;
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let old = places::lock_list(c, event, id).await?;
                let old = old.ok_or(AccessError::NotFound)?;
                seen.allow(old.revision)?;
                let mut list = old.clone();
                patch.apply(&mut list);
                check(c, &list).await?;
                if list == old {
                    return Ok(list);
                }
                list.revision += 1;
                places::update_list(c, &list).await?;
                marks::put(&work, c, event, vec![marks::of_list(&list)?]).await?;
                if list.core_policy() != old.core_policy() {
                    judge_anew(&work, c, &list).await?;
                }
                Ok(list)
            })
        })
        .await
}

/// Settles all passages of a list again. The feed's row is held since the list was marked.
async fn judge_anew(app: &App, c: &mut Conn, list: &CheckInList) -> Result<(), AccessError> {
    let mut rows = scans::passages_of_list(c, list.event_id, list.id).await?;
    let (mut changed, mut anew) = (Vec::new(), Vec::new());
    for rows in rows.chunk_by_mut(|a, b| a.ticket_id == b.ticket_id) {
        for place in settle_rows(list.core_policy(), rows)? {
            changed.push((rows[place].id, rows[place].standing));
            anew.push(rows[place].clone());
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    let last = tickets::advance(app, c, list.event_id, changed.len()).await?;
    let first = last + 1 - i64::try_from(changed.len()).unwrap_or(0);
    let changed = changed
        .into_iter()
        .zip(first..)
        .map(|((id, standing), position)| (id, standing, position))
        .collect();
    scans::restand(c, changed).await?;
    let told = told::settled(list.event_id, &anew, &Cause::current());
    events::publish(app, c, told).await?;
    Ok(())
}

/// Removes a check-in list; what was scanned by it stays.
///
/// # Errors
/// [`AccessError::NotFound`], [`AccessError::Stale`], [`AccessError::LastList`], or a fault of the
/// database.
pub async fn remove_list(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    id: ListId,
    seen: IfMatch,
) -> Result<(), AccessError> {
    catalog::event_of(app, tenant, event).await?;
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let list = places::lock_list(c, event, id).await?;
                let mut list = list.ok_or(AccessError::NotFound)?;
                seen.allow(list.revision)?;
                // Two who remove the last two lists meet at the feed's row.
                tickets::advance(&work, c, event, 0).await?;
                if places::count_lists(c, event).await? == 1 {
                    return Err(AccessError::LastList);
                }
                list.removed_at = Some(now);
                list.revision += 1;
                places::update_list(c, &list).await?;
                marks::put(&work, c, event, vec![marks::of_list(&list)?]).await?;
                Ok(())
            })
        })
        .await
}
