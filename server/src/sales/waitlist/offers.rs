//! Offering what comes back: by a job to whoever is next, by the organiser to whom they choose.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::metric;

use super::WaitlistError;
use super::model::*;
use super::service::{date_of, entry_of, left, listed_now, path, person, wanted};
use super::store::{self, EntryRow, OfferRow};
use crate::app::App;
use crate::catalog::{self, CatalogError, EventDetail, EventId, OccurrenceId, Tier, TierId};
use crate::identity::mail::{self, MailTemplate};
use crate::identity::{Email, Tenant};
use crate::sales::store::seats as taken;
use crate::sales::{HoldWish, SalesError, service as sales};

/// How many offers are settled in one run.
const RUN: i64 = 500;
/// How many that wait for a tier are looked at; far more than are served at once.
pub(super) const LOOK: i64 = 500;
/// This long before the doors nothing is kept any more for who does not fit, in milliseconds.
const LAST_CALL_MS: i64 = 24 * 3_600_000;

metric! {
    /// Offers to those who wait, by what became of them: made, accepted, declined, expired.
    pub(super) OFFERS: Counter = "bilten_waitlist_offers_total"
}

/// Settles offers that have ended and makes new ones of what is free; what the job does. A list that fails
/// is in no other's way.
///
/// # Errors
/// A fault of the database; the first one, when all lists that can be served are.
pub async fn offer_what_is_free(app: &App) -> Result<(), WaitlistError> {
    let unsettled = settle_ended(app).await?;
    let mut fault = unsettled.into_iter().map(|(_, error)| error).next();
    // All of them: who waits for what will never be free again is in nobody's way.
    let mut last: Option<(EventId, TierId, String)> = None;
    loop {
        let after = last.take();
        let next = app
            .db
            .read(move |c| Box::pin(async move { store::next_waited_for(c, after).await }))
            .await?;
        let Some((event, tier, occurrence)) = next else {
            return fault.map_or(Ok(()), Err);
        };
        last = Some((event, tier, occurrence.clone()));
        if let Err(error) = serve(app, event, tier, occurrence).await {
            tracing::warn!(%error, %event, %tier, "those who wait for a tier were not served");
            fault.get_or_insert(error);
        }
    }
}

/// Settles offers that have ended, each by itself; gives the entries whose offers could not be, and why.
async fn settle_ended(app: &App) -> Result<Vec<(WaitlistEntryId, WaitlistError)>, WaitlistError> {
    let mut unsettled = Vec::new();
    let ended = app
        .db
        .read(move |c| Box::pin(async move { store::ended_offers(c, RUN).await }))
        .await?;
    for offer in ended {
        let entry = offer.entry_id;
        if let Err(error) = settle(app, offer).await {
            tracing::warn!(%error, %entry, "an offer to somebody who waits was not settled");
            unsettled.push((entry, error));
        }
    }
    Ok(unsettled)
}

/// Writes down what became of an offer by what became of its hold.
async fn settle(app: &App, offer: OfferRow) -> Result<(), WaitlistError> {
    let to = match offer.hold_state.as_str() {
        "ordered" => OfferState::Accepted,
        "released" => OfferState::Declined,
        _ => OfferState::Expired,
    };
    let now = app.now();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let row = store::lock_entry(c, offer.entry_id).await?;
                let row = row.ok_or(WaitlistError::NotFound)?;
                // Two runs may find the same offer ended: one of them counts it as missed.
                if !store::settle_offer(c, offer.id, to, now).await? {
                    return Ok(());
                }
                let (state, missed) = match to {
                    OfferState::Accepted => (WaitlistEntryState::Served, 0),
                    OfferState::Declined | OfferState::Expired | OfferState::Open => {
                        let policy = WaitlistPolicy::default();
                        (matched(&row, row.most).after_missed(&policy), 1)
                    }
                };
                store::after_offer(c, row.id, state, missed).await?;
                c.after_commit(move || OFFERS.add(&[("state", to.as_str())], 1));
                Ok(())
            })
        })
        .await
}

/// An entry as matching sees it, that can have so many in one order.
pub(super) fn matched(row: &EntryRow, most: u32) -> WaitlistEntry {
    WaitlistEntry {
        id: row.id,
        most: row.most.min(most),
        least: row.least,
        priority: row.priority,
        joined_at: row.joined_at,
        passed_over: row.passed_over,
        missed: row.missed,
    }
}

/// The times by which a tier of an event is offered, on a date if it is sold by dates.
fn times(
    event: &EventDetail,
    tier: &Tier,
    date: Option<OccurrenceId>,
    now: Timestamp,
) -> OfferTimes {
    let date = event.occurrences.iter().find(|one| Some(one.id) == date);
    let ends_at = date.map_or_else(|| event.ends_at(), |date| date.ends_at);
    let opens_at = date.map_or_else(
        || event.opens_at(),
        |date| date.doors_at.unwrap_or(date.starts_at),
    );
    OfferTimes {
        now,
        last_call_at: Timestamp::from_ms(opens_at.ms().saturating_sub(LAST_CALL_MS)),
        sales_end_at: tier.sales_end_at.map_or(ends_at, |end| end.min(ends_at)),
    }
}

/// Offers what is free of a tier to those who wait for it.
async fn serve(
    app: &App,
    event: EventId,
    tier: TierId,
    occurrence: String,
) -> Result<(), WaitlistError> {
    let offer = match catalog::offer(app, event).await {
        Ok(offer) => offer,
        Err(CatalogError::NotFound) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let now = app.now();
    let Some(tier) = offer.tier(tier) else {
        return Ok(());
    };
    if offer.off_sale(tier, now).is_some() {
        return Ok(());
    }
    let date = occurrence.parse::<OccurrenceId>().ok();
    let free = left(app, &offer, tier.id, date).await?;
    let Ok(free @ 1..) = u32::try_from(free) else {
        return Ok(());
    };
    // What is free may be from an offer that ran out a moment ago: whoever keeps their place by that
    // stands in it again before it is offered to the next.
    let id = tier.id;
    for (entry, error) in settle_ended(app).await? {
        let row = app
            .db
            .read(move |c| Box::pin(async move { store::entry(c, entry).await }))
            .await?;
        if row.is_some_and(|row| row.tier_id == id && row.occurrence_id == occurrence) {
            return Err(error);
        }
    }
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::waiting(c, id, &occurrence, LOOK).await }))
        .await?;
    let most = u32::try_from(tier.max_per_order).unwrap_or(u32::MAX);
    let entries: Vec<_> = rows.iter().map(|row| matched(row, most)).collect();
    let found = match_entries(
        &WaitlistPolicy::default(),
        &entries,
        free,
        &times(&offer, tier, date, now),
    );
    let mut is_any_made = false;
    for new in &found.offers {
        let Some(row) = rows.iter().find(|row| row.id == new.entry) else {
            continue;
        };
        match make(app, &offer, row, new.quantity, new.expires_at).await {
            Ok(is_made) => is_any_made |= is_made,
            // Somebody was faster, or the offer changed: another run looks again.
            Err(WaitlistError::Sales(error)) if is_refusal(&error) => break,
            Err(error) => return Err(error),
        }
    }
    if is_any_made && !found.passed_over.is_empty() {
        app.db
            .write(move |c| Box::pin(async move { store::pass_over(c, &found.passed_over).await }))
            .await?;
    }
    Ok(())
}

/// Whether selling said no, and nothing failed.
fn is_refusal(error: &SalesError) -> bool {
    !matches!(error, SalesError::Db(_))
}

/// Holds so many for an entry until a time and tells whoever waits; says whether it still waited.
async fn make(
    app: &App,
    event: &EventDetail,
    row: &EntryRow,
    quantity: u32,
    expires_at: Timestamp,
) -> Result<bool, WaitlistError> {
    // No header can hold a space, so that no stranger can have this key. It is the same for all nodes
    // that offer to this entry in this moment, and for a run after one that was cut off.
    let key = format!("waitlist {} {}", row.id, row.version);
    let wish = HoldWish {
        items: vec![wanted(row, quantity)],
        idempotency_key: Some(key),
        is_invited: true,
        ..HoldWish::default()
    };
    let hold = match sales::hold_wish(app, row.event_id, wish).await {
        Ok(hold) => hold,
        Err(SalesError::HoldGone | SalesError::KeyReused) => {
            let (id, version) = (row.id, row.version);
            app.db
                .write(move |c| Box::pin(async move { store::bump(c, id, version).await }))
                .await?;
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    };
    // Sorted, as everybody takes seats.
    let dated = hold
        .items
        .iter()
        .filter_map(|item| Some((item.occurrence?, &item.seats)));
    let mut seats: Vec<_> = dated
        .flat_map(|(date, seats)| seats.iter().map(move |seat| (date, seat.id)))
        .collect();
    seats.sort_unstable();
    let (work, row, now) = (app.clone(), row.clone(), app.now());
    let (hold, holder) = (hold.id, hold.id.to_string());
    let event_name = event.event.name.clone();
    let offer = WaitlistOfferId::new(&*app.clock, &*app.random);
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = work;
                if !store::claim(c, row.id, row.version).await? {
                    // Another node offers it, or they have left and the hold runs out by itself.
                    return Ok(false);
                }
                let event = row.event_id;
                let is_held = store::hold_until(c, hold, expires_at).await?
                    && (seats.is_empty()
                        || taken::extend(c, event, &holder, &seats, expires_at, now).await?);
                if !is_held {
                    return Err(SalesError::HoldGone.into());
                }
                let open = OpenWaitlistOffer {
                    quantity,
                    hold,
                    expires_at,
                };
                store::insert_offer(c, offer, &row, &open, now).await?;
                if let Ok(to) = person(&app, &row)?.parse::<Email>() {
                    let offered = MailTemplate::WaitlistOffered {
                        event: event_name,
                        quantity,
                        link: mail::link(&app, &format!("/checkout/{hold}")),
                        expires_at,
                        entry: mail::link(&app, &path(&app, row.id, "")),
                    };
                    mail::send_in(&app, c, &to, offered).await?;
                }
                c.after_commit(|| OFFERS.add(&[("state", "made")], 1));
                Ok(true)
            })
        })
        .await
}

/// Offers tickets to an entry of one of the organisation's events now, whoever else waits: as many as it
/// wants, or fewer.
///
/// # Errors
/// [`WaitlistError`] by what was refused.
pub async fn offer_by_staff(
    app: &App,
    tenant: &Tenant,
    id: WaitlistEntryId,
    quantity: Option<u32>,
) -> Result<ListedWaitlistEntry, WaitlistError> {
    let row = entry_of(app, tenant, id).await?;
    if row.state != WaitlistEntryState::Waiting {
        return Err(WaitlistError::State(row.state));
    }
    let event = catalog::offer(app, row.event_id).await?;
    let now = app.now();
    let tier = event
        .tier(row.tier_id)
        .filter(|tier| event.off_sale(tier, now).is_none())
        .ok_or(WaitlistError::Closed)?;
    let quantity = quantity.unwrap_or(row.most);
    let policy = WaitlistPolicy::default();
    // As if nobody else waited, and that many were free.
    let alone = WaitlistEntry {
        least: 1,
        passed_over: 0,
        ..matched(&row, quantity)
    };
    let times = times(&event, tier, date_of(&row), now);
    let found = match_entries(&policy, &[alone], quantity, &times);
    let Some(new) = found.offers.first() else {
        return Err(if quantity == 0 {
            WaitlistError::Invalid(vec![bilten_kernel::error::FieldError {
                field: "quantity".to_owned(),
                code: "out_of_range".into(),
                detail: "Must be at least 1.".to_owned(),
            }])
        } else {
            WaitlistError::Closed
        });
    };
    // The date is the entry's own.
    let free = left(app, &event, tier.id, date_of(&row)).await?;
    if free < i64::from(new.quantity) {
        return Err(WaitlistError::Sales(SalesError::SoldOut {
            tier: tier.id,
            left: free,
        }));
    }
    if !make(app, &event, &row, new.quantity, new.expires_at).await? {
        let now = listed_now(app, id).await?;
        return Err(WaitlistError::State(now.state));
    }
    listed_now(app, id).await
}
