//! Event keys: made with the event, opened to sign, replaced.

use std::sync::Arc;

use bilten_core::key::PublicKey;
use bilten_core::ticket::Issuer;
use bilten_kernel::db::{Conn, DbError};

use super::super::model::*;
use super::super::store;
use super::change::{Renewed, renew};
use super::{TicketError, end_all};
use crate::app::App;
use crate::catalog::state::Action;
use crate::catalog::{
    self, DATE_CANCELLED, DATES_MOVED, EventDetail, EventId, EventState, OccurrenceId,
};
use crate::events::{self, DomainEvent};
use crate::identity::Tenant;
use crate::platform::VaultError;

/// Gates accept an event's key from this long before it was made, in seconds: clocks differ.
const KEY_EARLY_S: u32 = 86_400;

/// A fault of ours inside a write.
fn fault(at: &'static str, error: impl std::fmt::Display) -> DbError {
    DbError::Fault {
        at,
        detail: error.to_string(),
    }
}

/// For what the key of an event is sealed.
pub(in crate::tickets) fn sealed_for(event: impl std::fmt::Display) -> String {
    format!("event key {event}")
}

/// Gives a new event its key and its feed, kills the tickets of a cancelled one or of a date, and
/// gives those of a rescheduled one their new validity.
pub(crate) async fn on_event_saved(
    app: &App,
    c: &mut Conn,
    detail: &EventDetail,
    change: &str,
) -> Result<(), DbError> {
    let event = detail.event.id;
    if change == "created" {
        let now = app.now();
        let epoch = i64::try_from(bilten_kernel::random::u64(&*app.random) >> 33).unwrap_or(0);
        store::insert_feed(c, event, epoch).await?;
        new_key(app, c, event, now).await?;
    }
    if change == EventState::Cancelled.as_str() {
        let ids = store::ids_of_event(c, event).await?;
        end_all(app, c, event, &ids).await?;
    }
    if change == DATE_CANCELLED {
        let dates = detail
            .occurrences
            .iter()
            .filter(|date| !date.is_scheduled());
        let dates: Vec<OccurrenceId> = dates.map(|date| date.id).collect();
        let ids = store::ids_of_dates(c, event, &dates).await?;
        end_all(app, c, event, &ids).await?;
    }
    if change == Action::Reschedule.past() {
        renew(app, c, detail, Renewed::All).await?;
    }
    if change == DATES_MOVED {
        renew(app, c, detail, Renewed::Moved).await?;
    }
    Ok(())
}

async fn new_key(
    app: &App,
    c: &mut Conn,
    event: EventId,
    now: bilten_kernel::clock::Timestamp,
) -> Result<EventKeyRow, DbError> {
    let mut secret = [0; 32];
    app.random.fill(&mut secret);
    let issuer = Issuer::from_secret(&secret);
    let sealed = app.vault.seal(&sealed_for(event), &secret, &*app.random);
    let seconds = u32::try_from(now.ms() / 1_000).unwrap_or(0);
    let row = EventKeyRow {
        key_id: issuer.public_key().id().to_string(),
        public_key: issuer.public_key().as_bytes().to_vec(),
        sealed_secret: sealed.map_err(|error| fault("tickets::new_key", error))?,
        valid_from: seconds.saturating_sub(KEY_EARLY_S),
        valid_until: u32::MAX,
        revoked_at: None,
    };
    store::insert_key(c, event, &row, now).await?;
    Ok(row)
}

/// Lets whoever issues or scans at an event that is being deleted be done before.
pub(crate) async fn on_event_closed(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    store::lock_feed(c, event).await
}

/// Drops the key and the feed of a deleted draft, and the tickets of a deleted event of a sandbox.
pub(crate) async fn on_event_deleted(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    store::delete_of_event(c, event).await
}

/// An event's keys, newest first, as gates should know them.
///
/// # Errors
/// A fault of the database.
pub async fn keys_in(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<bilten_core::key::EventKey>, DbError> {
    let name = bilten_core::id::EventId::new(event.to_string())
        .map_err(|error| fault("tickets::keys_in", error))?;
    let rows = store::keys(c, event).await?;
    Ok(rows
        .iter()
        .filter_map(|row| {
            let public_key =
                PublicKey::from_bytes(row.public_key.as_slice().try_into().ok()?).ok()?;
            Some(bilten_core::key::EventKey {
                event: name.clone(),
                public_key,
                validity: bilten_core::time::Validity {
                    from: row.valid_from,
                    until: row.valid_until,
                },
                revoked: row.revoked_at.is_some(),
            })
        })
        .collect())
}

fn issuer_name(event: EventId, key_id: &str) -> String {
    format!("{event} {key_id}")
}

pub(in crate::tickets) fn open(
    app: &App,
    event: EventId,
    row: &EventKeyRow,
) -> Result<Arc<Issuer>, VaultError> {
    let name = issuer_name(event, &row.key_id);
    if let Some(issuer) = app.issuers.get(&name) {
        return Ok(issuer);
    }
    let secret = app.vault.open(&sealed_for(event), &row.sealed_secret)?;
    let secret: [u8; 32] = secret
        .as_slice()
        .try_into()
        .map_err(|_| VaultError::Sealed)?;
    let issuer = Arc::new(Issuer::from_secret(&secret));
    app.issuers.put(name, Arc::clone(&issuer));
    Ok(issuer)
}

/// The key with which an event signs now.
///
/// # Errors
/// [`TicketError::NoKey`], [`TicketError::Vault`], or a fault of the database.
pub async fn issuer_in(
    app: &App,
    c: &mut Conn,
    event: EventId,
) -> Result<Arc<Issuer>, TicketError> {
    let rows = store::keys(c, event).await?;
    let row = rows
        .iter()
        .find(|row| row.revoked_at.is_none())
        .ok_or(TicketError::NoKey)?;
    Ok(open(app, event, row)?)
}

/// The key of an event with this id, opened; most often it is open already.
pub(super) async fn issuer(
    app: &App,
    event: EventId,
    key_id: &str,
) -> Result<Arc<Issuer>, TicketError> {
    if let Some(issuer) = app.issuers.get(&issuer_name(event, key_id)) {
        return Ok(issuer);
    }
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::keys(c, event).await }))
        .await?;
    if rows.is_empty() {
        // Its sandbox was emptied in this very moment.
        return Err(TicketError::NotFound);
    }
    let row = rows
        .iter()
        .find(|row| row.key_id == key_id)
        .ok_or(TicketError::NoKey)?;
    Ok(open(app, event, row)?)
}

/// Gives an event a new key for tickets from now on; codes by its older keys stay valid.
///
/// # Errors
/// [`TicketError::NotFound`] if the event has no such key, or a fault of the database.
pub async fn rotate_key(app: &App, tenant: &Tenant, event: EventId) -> Result<String, TicketError> {
    catalog::event_of(app, tenant, event).await?;
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = work;
                let fresh = new_key(&app, c, event, now).await?;
                let detail = catalog::detail_in(c, event)
                    .await?
                    .ok_or(TicketError::NotFound)?;
                let change = "key_added".to_owned();
                events::publish(
                    &app,
                    c,
                    vec![DomainEvent::EventSaved {
                        detail: Box::new(detail),
                        change,
                    }],
                )
                .await?;
                Ok(fresh.key_id)
            })
        })
        .await
}
