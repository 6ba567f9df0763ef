//! The seat maps of dates.

use std::collections::BTreeSet;

use bilten_kernel::db::Conn;

use super::edit::Done;
use super::input::DateScope;
use super::rows::{DateRow, fault};
use crate::app::App;
use crate::catalog::model::series::Local;
use crate::catalog::model::*;
use crate::catalog::service::{CatalogError, detail_of};
use crate::identity::Tenant;

/// A map that dates are to use has the categories whose seats the tiers sell.
pub(super) async fn allow_map(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    map: SeatMapId,
) -> Result<(), CatalogError> {
    let detail = detail_of(app, tenant, id).await?;
    let unknown = || fault("change.seat_map", "unknown", "there is no such seat map");
    let map = match crate::catalog::seat_map(app, tenant, map, None).await {
        Ok(map) => map,
        Err(CatalogError::Db(error)) => return Err(CatalogError::Db(error)),
        Err(_) => return Err(unknown()),
    };
    let has = |category: &str| {
        let mut all = map.map.categories.iter();
        all.any(|known| known.id.as_str() == category)
    };
    let mut missing = detail.tiers.iter().filter_map(|tier| {
        let category = tier.seat_category.as_deref()?;
        (!has(category)).then_some((tier, category))
    });
    match missing.next() {
        Some((tier, category)) => {
            let text = format!("it has no category {category}, which {} sells", tier.name);
            Err(fault("change.seat_map", "category_unknown", text))
        }
        None => Ok(()),
    }
}

/// The newest version of a map of the event's organisation.
pub(super) async fn newest(
    c: &mut Conn,
    detail: &EventDetail,
    map: Option<SeatMapId>,
) -> Result<Option<SeatMapRef>, CatalogError> {
    let Some(id) = map else { return Ok(None) };
    let organisation = detail.event.organisation_id;
    match crate::catalog::seat_map_to_use_in(c, organisation, id).await? {
        Some(map) => Ok(Some(map)),
        None => Err(fault(
            "change.seat_map",
            "unknown",
            "there is no such seat map",
        )),
    }
}

/// Lets dates use another seat map. One of which something is sold keeps its map, and may have a newer
/// version of it: whether all seats that are taken are still there is for sales to say.
pub(super) fn set_map(
    all: &mut [DateRow],
    meant: &[usize],
    scope: DateScope,
    map: Option<SeatMapRef>,
    done: &mut Done,
) -> Result<(), CatalogError> {
    let is_named = matches!(scope, DateScope::This | DateScope::These);
    for place in meant {
        let Some(row) = all.get_mut(*place) else {
            continue;
        };
        if row.date.seat_map == map {
            continue;
        }
        let is_same = row.date.seat_map.map(|now| now.id) == map.map(|new| new.id);
        let is_sold = row.sold.values().any(|sold| *sold > 0);
        let why = if row.is_closed {
            Some(OfferRefusal::DateClosed)
        } else if is_sold && !is_same {
            Some(OfferRefusal::MapSold)
        } else {
            None
        };
        match why {
            Some(why) if is_named => return Err(why.into()),
            Some(_) => {
                done.kept.insert(row.date.id);
            }
            None => {
                row.date.seat_map = map;
                done.changed.insert(row.date.id);
            }
        }
    }
    Ok(())
}

/// The maps of an event's dates in their newest versions, which are the newest until this write is over.
pub(super) async fn newest_of_dates(
    c: &mut Conn,
    detail: &EventDetail,
) -> Result<Vec<SeatMapRef>, CatalogError> {
    let used = detail.occurrences.iter().filter_map(|date| date.seat_map);
    let used: BTreeSet<SeatMapId> = used.map(|map| map.id).collect();
    let mut all = Vec::with_capacity(used.len());
    for id in used {
        let organisation = detail.event.organisation_id;
        all.extend(crate::catalog::seat_map_to_use_in(c, organisation, id).await?);
    }
    Ok(all)
}

/// The seats of new dates: those that all others have that are not over, whatever their versions, for a map
/// that is changed leaves what is over as it was. Where the series changes from some date on, the others are
/// those that there were from then on, if there were any.
pub(super) fn seats_of_new(
    before: &[DateRow],
    kept: &[DateRow],
    from: Option<Local>,
) -> Option<SeatMapRef> {
    let is_open = |row: &&DateRow| !row.is_closed;
    let mut found = match from {
        Some(from) => {
            let open = before.iter().filter(is_open);
            maps_of(open.filter(|row| row.original >= from))
        }
        None => BTreeSet::new(),
    };
    if found.is_empty() {
        found = maps_of(kept.iter().filter(is_open));
    }
    if found.is_empty() {
        found = maps_of(kept.iter().filter(|row| row.date.is_scheduled()));
    }
    let ids: BTreeSet<Option<SeatMapId>> = found.iter().map(|map| map.map(|map| map.id)).collect();
    match ids.len() {
        1 => found.last().copied().flatten(),
        _ => None,
    }
}

fn maps_of<'a>(rows: impl Iterator<Item = &'a DateRow>) -> BTreeSet<Option<SeatMapRef>> {
    rows.map(|row| row.date.seat_map).collect()
}
