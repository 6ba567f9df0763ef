//! Use cases of the door.

mod check_in;
mod devices;
mod error;
mod feed;
mod gates;
mod hints;
mod lists;
mod marks;
mod now;
mod pairing;
mod push;
mod read_push;
mod record;
mod report;
mod session;
mod staff;
mod told;
mod used;

pub use check_in::*;
pub use devices::*;
pub use error::*;
pub use feed::*;
pub use gates::*;
pub use hints::*;
pub use lists::*;
pub(in crate::access) use marks::named_keys;
pub use now::*;
pub use pairing::*;
pub use push::*;
pub use read_push::*;
pub use report::*;
pub use session::*;
pub use staff::*;
pub use used::*;

use bilten_kernel::db::{Conn, DbError};

use crate::access::model::*;
use crate::access::store;
use crate::app::App;
use crate::catalog::{EventDetail, EventId};
use crate::tickets::TicketId;

/// Whether a ticket has let somebody in, on any list.
///
/// # Errors
/// A fault of the database.
pub async fn was_let_in_in(c: &mut Conn, ticket: TicketId) -> Result<bool, DbError> {
    Ok(store::scans::entries(c, ticket).await? > 0)
}

/// Gives a new event its first list, its first gate and the device that is the server itself, and
/// marks what devices must hear of.
pub(crate) async fn on_event_saved(
    app: &App,
    c: &mut Conn,
    detail: &EventDetail,
    change: &str,
) -> Result<(), DbError> {
    let mut places = Vec::new();
    if change == "created" {
        let (event, now) = (detail.event.id, app.now());
        let list = lists::first_list(app, event, now);
        let gate = gates::first_gate(app, event, now);
        store::places::insert_list(c, &list).await?;
        store::places::insert_gate(c, &gate).await?;
        let server = Device {
            id: DeviceId::new(&*app.clock, &*app.random),
            event_id: event,
            name: "Server".to_owned(),
            software: concat!("bilten-server/", env!("CARGO_PKG_VERSION")).to_owned(),
            list_id: None,
            gate_id: None,
            paired_at: now,
            seen_at: now,
            clock_skew_ms: 0,
            revoked_at: None,
            built_in: true,
        };
        store::devices::insert(c, &server, None, None).await?;
        places = vec![marks::of_list(&list)?, marks::of_gate(&gate)?];
    }
    marks::mark_event(app, c, detail, places, change == "created").await
}

/// Drops what a deleted event had at the door.
pub(crate) async fn on_event_deleted(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    store::delete_of_event(c, event).await
}
