//! Use cases of the waitlist: joining, leaving, seeing and ordering it.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::error::FieldError;

use super::WaitlistError;
use super::model::*;
use super::store::{self, EntryRow};
use crate::app::App;
use crate::catalog::{
    self, CatalogError, EventDetail, EventId, OccurrenceId, OccurrenceState, Tier, TierId,
};
use crate::identity::mail::{self, MailTemplate};
use crate::identity::{Email, Rule, Tenant, Throttle};
use crate::platform::Vault;
use crate::sales::ItemRequest;
use crate::sales::limits::mailbox;
use crate::sales::service::{availability, public_event};

// Addresses and secrets

/// For what the address of an entry is sealed.
pub(in crate::sales) fn person_purpose(entry: impl std::fmt::Display) -> String {
    format!("waitlist {entry}")
}

fn person_hash(app: &App, email_lookup: &str) -> [u8; 32] {
    app.vault.blind_index("waitlist person", email_lookup)
}

/// The address of whoever waits; empty once they are forgotten.
pub(super) fn person(app: &App, row: &EntryRow) -> Result<String, DbError> {
    if row.sealed_person.is_empty() {
        return Ok(String::new());
    }
    Ok(app
        .vault
        .open_text(&person_purpose(row.id), &row.sealed_person)?)
}

/// The secret by which somebody sees their entry and leaves; derived, so it is stored nowhere.
pub fn token(app: &App, id: WaitlistEntryId) -> String {
    app.vault.mac("waitlist token", &[id.as_bytes()])[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The path of a page of an entry, which begins with `/` or is empty, with the entry's secret.
pub fn path(app: &App, id: WaitlistEntryId, page: &str) -> String {
    format!("/waitlist/{id}{page}?token={}", token(app, id))
}

fn authorise(app: &App, id: WaitlistEntryId, given: &str) -> Result<(), WaitlistError> {
    if Vault::equal(token(app, id).as_bytes(), given.as_bytes()) {
        Ok(())
    } else {
        Err(WaitlistError::NotFound)
    }
}

// What is waited for

/// The date of an entry, if its tier is sold by dates.
pub(super) fn date_of(row: &EntryRow) -> Option<OccurrenceId> {
    row.occurrence_id.parse().ok()
}

/// What is held for somebody who waits.
pub(super) fn wanted(row: &EntryRow, quantity: u32) -> ItemRequest {
    ItemRequest {
        occurrence: date_of(row),
        ..ItemRequest::of(row.tier_id, quantity)
    }
}

/// How many of a tier can still be bought, on a date if it is sold by dates.
pub(super) async fn left(
    app: &App,
    event: &EventDetail,
    tier: TierId,
    date: Option<OccurrenceId>,
) -> Result<i64, WaitlistError> {
    let all = availability(app, event, date).await?;
    let of_tier = all.iter().find(|one| one.tier == tier);
    Ok(of_tier.map_or(0, |one| one.left))
}

/// What is wrong with the date that somebody waits for.
fn date_fault(
    event: &EventDetail,
    tier: &Tier,
    date: Option<OccurrenceId>,
    now: Timestamp,
) -> Option<&'static str> {
    let Some(date) = date else {
        return tier.per_date.then_some("Please choose a date.");
    };
    if !tier.per_date {
        return Some("This ticket is not sold by dates.");
    }
    let is_to_come = event
        .occurrences
        .iter()
        .any(|one| one.id == date && one.state == OccurrenceState::Scheduled && now < one.ends_at);
    (!is_to_come).then_some("There is no such date to come.")
}

// Joining and leaving

/// Each list that an address is put on sends it a mail, whoever asked for that.
const JOINS: Rule = Rule::new("waitlist", 20, 60_000, 600_000, Duration::from_secs(86_400));

/// Puts somebody on the waitlist of a tier, and tells them by mail. Whoever is on it already stays where
/// they are and is told nothing: the answer is the same, so that nobody learns who waits.
///
/// # Errors
/// [`WaitlistError`] by what was refused.
pub async fn join(
    app: &App,
    event: EventId,
    request: WaitlistRequest,
) -> Result<(), WaitlistError> {
    let event = public_event(app, &event.to_string()).await?;
    let now = app.now();
    let (tier, email) = checked(&event, &request, now)?;
    let least = request.least.unwrap_or(request.quantity);
    if event.off_sale(tier, now).is_some() {
        return Err(WaitlistError::Closed);
    }
    let (tier_id, date) = (tier.id, request.occurrence);
    let occurrence = date.map_or_else(String::new, |id| id.to_string());
    let free = left(app, &event, tier_id, date).await?;
    let wished = occurrence.clone();
    let waiting = app
        .db
        .read(move |c| Box::pin(async move { store::waiting(c, tier_id, &wished, 1).await }))
        .await?;
    if free >= i64::from(least) && waiting.is_empty() {
        return Err(WaitlistError::NotNeeded);
    }
    let id = WaitlistEntryId::new(&*app.clock, &*app.random);
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = work;
                // Whoever it waits for already is counted, too: a refusal says nothing of that.
                let throttle = Throttle::new(&app, JOINS, &[mailbox(&email).as_bytes()]);
                if let Err(seconds) = throttle.pass(c, now).await? {
                    return Err(WaitlistError::TooOften(seconds));
                }
                let purpose = person_purpose(id);
                let sealed = app.vault.seal_text(&purpose, email.as_str(), &*app.random);
                let row = EntryRow {
                    id,
                    event_id: event.event.id,
                    tier_id,
                    occurrence_id: occurrence,
                    sealed_person: sealed.map_err(DbError::from)?,
                    most: request.quantity,
                    least,
                    priority: 0,
                    joined_at: now,
                    state: WaitlistEntryState::Waiting,
                    passed_over: 0,
                    missed: 0,
                    version: 1,
                };
                let hash = person_hash(&app, &email.lookup());
                let Some(id) = store::join(c, &row, hash).await? else {
                    return Ok(());
                };
                let joined = MailTemplate::WaitlistJoined {
                    event: event.event.name.clone(),
                    entry: mail::link(&app, &path(&app, id, "")),
                };
                mail::send_in(&app, c, &email, joined).await?;
                Ok(())
            })
        })
        .await
}

/// What somebody asks for, checked against the offer.
fn checked<'e>(
    event: &'e EventDetail,
    request: &WaitlistRequest,
    now: Timestamp,
) -> Result<(&'e Tier, Email), WaitlistError> {
    let mut faults = Vec::new();
    let mut add = |field: &str, code: &'static str, detail: String| {
        faults.push(FieldError {
            field: field.to_owned(),
            code: code.into(),
            detail,
        });
    };
    // Of a tier that only a code opens nobody is told, nor offered anything without it.
    let tier = event.tier(request.tier).filter(|tier| !tier.hidden);
    match tier {
        None => add("tier", "unknown", "There is no such tier.".to_owned()),
        Some(tier) => {
            if request.quantity == 0 || i64::from(request.quantity) > tier.max_per_order {
                let detail = format!("Must be from 1 to {}.", tier.max_per_order);
                add("quantity", "out_of_range", detail);
            }
            if let Some(fault) = date_fault(event, tier, request.occurrence, now) {
                add("occurrence", "unknown", fault.to_owned());
            }
        }
    }
    if request
        .least
        .is_some_and(|least| least == 0 || least > request.quantity)
    {
        let detail = "Must be at least 1 and at most the quantity.".to_owned();
        add("least", "out_of_range", detail);
    }
    let email = request.email.parse::<Email>();
    if email.is_err() {
        let detail = "Please give an e-mail address such as ana@example.com.".to_owned();
        add("email", "email", detail);
    }
    match (tier, email) {
        (Some(tier), Ok(email)) if faults.is_empty() => Ok((tier, email)),
        (Some(_) | None, Ok(_) | Err(_)) => Err(WaitlistError::Invalid(faults)),
    }
}

/// Takes somebody off the waitlist; what is held for them goes to whoever is next. Leaving again changes
/// nothing.
///
/// # Errors
/// [`WaitlistError::NotFound`] if the secret is not the entry's; a fault of the database.
pub async fn leave(app: &App, id: WaitlistEntryId, given: &str) -> Result<(), WaitlistError> {
    authorise(app, id, given)?;
    remove(app, id).await
}

async fn remove(app: &App, id: WaitlistEntryId) -> Result<(), WaitlistError> {
    let now = app.now();
    app.db
        .write(move |c| Box::pin(async move { remove_in(c, id, now).await }))
        .await
        .map_err(WaitlistError::Db)
}

async fn remove_in(c: &mut Conn, id: WaitlistEntryId, now: Timestamp) -> Result<(), DbError> {
    if !store::end(c, id).await? {
        return Ok(());
    }
    if let Some(offer) = store::open_offer(c, id).await?
        && store::settle_offer(c, offer.id, OfferState::Declined, now).await?
    {
        // The sweep gives its stock back.
        store::hold_until(c, offer.hold_id, now).await?;
    }
    Ok(())
}

/// Takes an entry of one of the organisation's events off the waitlist.
///
/// # Errors
/// [`WaitlistError::NotFound`], or a fault of the database.
pub async fn remove_by_staff(
    app: &App,
    tenant: &Tenant,
    id: WaitlistEntryId,
) -> Result<(), WaitlistError> {
    entry_of(app, tenant, id).await?;
    remove(app, id).await
}

// Seeing

/// An entry, for whoever knows its secret.
///
/// # Errors
/// [`WaitlistError::NotFound`] if the secret is not the entry's; a fault of the database.
pub async fn own(
    app: &App,
    id: WaitlistEntryId,
    given: &str,
) -> Result<OwnWaitlistEntry, WaitlistError> {
    authorise(app, id, given)?;
    app.db
        .read(move |c| {
            Box::pin(async move {
                let row = store::entry(c, id).await?.ok_or(WaitlistError::NotFound)?;
                let event = catalog::offer_without_dates_in(c, row.event_id).await?;
                let event = event.ok_or(WaitlistError::NotFound)?;
                let offer = store::open_offer(c, id).await?;
                let tier = event.tier(row.tier_id);
                Ok(OwnWaitlistEntry {
                    id,
                    state: row.state,
                    event_id: row.event_id,
                    tier_id: row.tier_id,
                    tier_name: tier.map_or_else(|| "Ticket".to_owned(), |tier| tier.name.clone()),
                    event_name: event.event.name.clone(),
                    occurrence_id: date_of(&row),
                    quantity: row.most,
                    least: row.least,
                    joined_at: row.joined_at,
                    offer: offer
                        .filter(|offer| offer.hold_state == "active")
                        .map(|offer| OpenWaitlistOffer {
                            quantity: offer.quantity,
                            hold: offer.hold_id,
                            expires_at: offer.expires_at,
                        }),
                })
            })
        })
        .await
}

fn listed(app: &App, row: &EntryRow) -> Result<ListedWaitlistEntry, DbError> {
    Ok(ListedWaitlistEntry {
        id: row.id,
        event_id: row.event_id,
        tier_id: row.tier_id,
        occurrence_id: date_of(row),
        email: person(app, row)?,
        quantity: row.most,
        least: row.least,
        priority: row.priority,
        state: row.state,
        joined_at: row.joined_at,
        passed_over: row.passed_over,
        missed: row.missed,
    })
}

/// Where an entry stands in its event's list.
pub fn place_of(entry: &ListedWaitlistEntry) -> (i64, Timestamp, WaitlistEntryId) {
    (-i64::from(entry.priority), entry.joined_at, entry.id)
}

/// The entries of one of the organisation's events in the order in which they are served, after a place
/// in it.
///
/// # Errors
/// [`SalesError::EventNotFound`](crate::sales::SalesError::EventNotFound), or a fault of the database.
pub async fn entries(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    after: Option<(i64, Timestamp, WaitlistEntryId)>,
    limit: i64,
) -> Result<Vec<ListedWaitlistEntry>, WaitlistError> {
    catalog::event_of(app, tenant, event).await?;
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::of_event(c, event, after, limit).await }))
        .await?;
    let all: Result<Vec<_>, DbError> = rows.iter().map(|row| listed(app, row)).collect();
    Ok(all?)
}

/// An entry of one of the organisation's events.
pub(super) async fn entry_of(
    app: &App,
    tenant: &Tenant,
    id: WaitlistEntryId,
) -> Result<EntryRow, WaitlistError> {
    let row = app
        .db
        .read(move |c| Box::pin(async move { store::entry(c, id).await }))
        .await?
        .ok_or(WaitlistError::NotFound)?;
    match catalog::event_of(app, tenant, row.event_id).await {
        Ok(_) => Ok(row),
        Err(CatalogError::NotFound) => Err(WaitlistError::NotFound),
        Err(other) => Err(other.into()),
    }
}

/// An entry of one of the organisation's events, as it is now.
pub(super) async fn listed_now(
    app: &App,
    id: WaitlistEntryId,
) -> Result<ListedWaitlistEntry, WaitlistError> {
    let row = app
        .db
        .read(move |c| Box::pin(async move { store::entry(c, id).await }))
        .await?;
    Ok(listed(app, &row.ok_or(WaitlistError::NotFound)?)?)
}

/// Puts an entry before others, or behind them.
///
/// # Errors
/// [`WaitlistError`] by what was refused.
pub async fn set_priority(
    app: &App,
    tenant: &Tenant,
    id: WaitlistEntryId,
    priority: i32,
) -> Result<ListedWaitlistEntry, WaitlistError> {
    entry_of(app, tenant, id).await?;
    if !(-MAX_PRIORITY..=MAX_PRIORITY).contains(&priority) {
        return Err(WaitlistError::Invalid(vec![FieldError {
            field: "priority".to_owned(),
            code: "out_of_range".into(),
            detail: format!("Must be from -{MAX_PRIORITY} to {MAX_PRIORITY}."),
        }]));
    }
    app.db
        .write(move |c| Box::pin(async move { store::set_priority(c, id, priority).await }))
        .await?;
    listed_now(app, id).await
}

// What is held of people

/// For what somebody waits, or waited.
///
/// # Errors
/// A fault of the database.
pub async fn of_person_in(
    app: &App,
    c: &mut Conn,
    email_lookup: &str,
) -> Result<Vec<ListedWaitlistEntry>, DbError> {
    let rows = store::of_person(c, person_hash(app, email_lookup)).await?;
    rows.iter().map(|row| listed(app, row)).collect()
}

/// Forgets who waits with an address: they are taken off all lists.
pub(crate) async fn on_person_erased(
    app: &App,
    c: &mut Conn,
    email_lookup: &str,
) -> Result<(), DbError> {
    let now = app.now();
    for id in store::lock_of_person(c, person_hash(app, email_lookup)).await? {
        remove_in(c, id, now).await?;
        store::forget_person(c, id).await?;
    }
    Ok(())
}

/// Drops who waited for an event that is deleted: a draft, or one of a sandbox.
pub(crate) async fn on_event_deleted(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    store::delete_of_event(c, event).await
}
