//! How doors are just now, inside a read that is under way, so that the figures of a screen agree.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};

use super::devices::SILENT_AFTER;
use crate::access::model::*;
use crate::access::store::{devices, places, report};
use crate::catalog::EventId;

/// How many devices a screen shows.
const MOST_DEVICES: i64 = 200;

/// How the door of an event is at `now`; nobody is silent unless its doors are open.
///
/// # Errors
/// A fault of the database.
pub async fn door_now_in(
    c: &mut Conn,
    event: EventId,
    is_open: bool,
    now: Timestamp,
) -> Result<DoorNow, DbError> {
    let lists = places::lists(c, event).await?;
    let gates = places::gates(c, event).await?;
    let devices = devices::devices(c, event, DeviceSort::Newest, None, MOST_DEVICES).await?;
    let counts = report::counts(c, event).await?;
    let silent_before = is_open.then(|| now - SILENT_AFTER);
    Ok(DoorNow::new(lists, gates, devices, &counts, silent_before))
}

/// Devices of some events that are not heard of, although the doors are open and they were there
/// when these opened: the longest silent first, at most 50.
///
/// # Errors
/// A fault of the database.
pub async fn silent_devices_in(
    c: &mut Conn,
    events: &[EventId],
    now: Timestamp,
) -> Result<Vec<SilentDevice>, DbError> {
    devices::silent(c, events, now, now - SILENT_AFTER).await
}
