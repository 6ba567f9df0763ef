//! Asking those who wait before everybody sees what is for sale.

use std::collections::{BTreeMap, BTreeSet};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::money::Currency;

use super::ResaleError;
use super::model::*;
use super::shop::{allow_selling, check, new_hold};
use super::store::{self, ListingRow};
use crate::app::App;
use crate::catalog::{self, TierId};
use crate::sales::service as sales;
use crate::sales::waitlist::{self, NextEntry, OfferTimes, WaitlistEntry, WaitlistPolicy};
use crate::sales::{HoldId, NewOrder, SalesError};
use crate::tickets::TicketId;
use crate::waiting_room::Gate;

/// How many listings of a tier and date are offered in one run at most, as many as anybody can wait for, and how
/// many that nobody was asked about yet are looked at.
const RUN: (i64, i64) = (100, 500);

/// Ends what can be bought no more, offers listings to those who wait for tickets of their tier and date, as
/// many at once as they want, and shows what nobody of them takes to everybody; what the job does. Listings that
/// fail are in no others' way.
///
/// # Errors
/// A fault of the database; the first one, when all that can be offered are.
pub async fn offer_listings(app: &App) -> Result<(), ResaleError> {
    let now = app.now();
    let worth_it = now
        .ms()
        .saturating_add(WaitlistPolicy::default().shortest_ms);
    let worth_it = Timestamp::from_ms(worth_it);
    let (is_any_closed, lists) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let is_any_closed = store::is_any_closed(c, now).await?;
                Ok::<_, DbError>((is_any_closed, to_look_at(c, worth_it).await?))
            })
        })
        .await?;
    if is_any_closed {
        app.db
            .write(move |c| Box::pin(async move { store::end_closed(c, now).await }))
            .await?;
    }
    // Each by itself, so that no event waits for those of which much more is for sale.
    let mut fault = None;
    for (tier, date) in lists {
        if let Err(error) = serve_list(app, tier, date.clone(), worth_it).await {
            tracing::warn!(%error, %tier, date, "tickets for sale were not offered");
            fault.get_or_insert(error);
        }
    }
    fault.map_or(Ok(()), Err)
}

/// The tiers and dates where something is to be done: there are listings that nobody was asked about yet, or
/// somebody waits who is content with as many as there are.
async fn to_look_at(
    c: &mut Conn,
    worth_it: Timestamp,
) -> Result<BTreeSet<(TierId, String)>, DbError> {
    let mut lists: BTreeSet<(TierId, String)> = store::unseen(c).await?.into_iter().collect();
    let mut last = None;
    while let Some((event, tier, date)) = waitlist::next_waited_for(c, last.take()).await? {
        let listed = store::count_listed(c, tier, &date, worth_it).await?;
        if listed > 0 && waitlist::is_waited_for(c, tier, &date, listed).await? {
            lists.insert((tier, date.clone()));
        }
        last = Some((event, tier, date));
    }
    Ok(lists)
}

/// Offers what is for sale of a tier, on a date if it is sold by dates.
async fn serve_list(
    app: &App,
    tier: TierId,
    date: String,
    worth_it: Timestamp,
) -> Result<(), ResaleError> {
    let rows = app
        .db
        .read(move |c| {
            Box::pin(async move { store::to_offer(c, (tier, &date), worth_it, RUN).await })
        })
        .await?;
    let mut alike: BTreeMap<Currency, Vec<ListingRow>> = BTreeMap::new();
    for row in rows {
        alike.entry(row.currency).or_default().push(row);
    }
    let mut fault = None;
    for rows in alike.into_values() {
        match serve(app, rows, worth_it).await {
            // Somebody was faster, or the sale was paused in this moment: another run looks again.
            Ok(())
            | Err(
                ResaleError::Gone
                | ResaleError::Refused(_)
                | ResaleError::Sales(SalesError::OffSale { .. }),
            ) => {}
            Err(error) => {
                fault.get_or_insert(error);
            }
        }
    }
    fault.map_or(Ok(()), Err)
}

/// What is for sale of one tier and date, and who waits for it.
#[derive(Default)]
struct Looked {
    /// What can be bought, oldest first.
    rows: Vec<ListingRow>,
    /// The tickets that are not sold any more: policy, law or they are not what they were when listed.
    refused: Vec<TicketId>,
    waiting: Vec<NextEntry>,
    /// How many one order may have.
    most: u32,
}

async fn look(c: &mut Conn, rows: Vec<ListingRow>, now: Timestamp) -> Result<Looked, ResaleError> {
    let mut looked = Looked::default();
    let Some(first) = rows.first() else {
        return Ok(looked);
    };
    let event = catalog::offer_without_dates_in(c, first.event_id).await?;
    let event = event.ok_or(ResaleError::NotFound)?;
    allow_selling(&event, first)?;
    let tier = event.tier(first.tier_id);
    looked.most = tier.map_or(1, |tier| {
        u32::try_from(tier.max_per_order).unwrap_or(u32::MAX)
    });
    looked.waiting = waitlist::waiting(c, first.tier_id, &first.sold_by_date).await?;
    for row in rows {
        match check(c, &event, &row, now).await {
            Ok(()) => looked.rows.push(row),
            Err(ResaleError::Refused(_)) => looked.refused.push(row.ticket_id),
            Err(error) => return Err(error),
        }
    }
    Ok(looked)
}

/// Offers listings of one tier, date and currency, oldest first, to those who wait for it.
async fn serve(app: &App, rows: Vec<ListingRow>, worth_it: Timestamp) -> Result<(), ResaleError> {
    let now = app.now();
    let looked = app
        .db
        .read(move |c| Box::pin(async move { look(c, rows, now).await }))
        .await?;
    let Looked {
        rows,
        refused,
        waiting,
        most,
    } = looked;
    if !refused.is_empty() {
        app.db
            .write(move |c| Box::pin(async move { store::end_of_tickets(c, &refused, now).await }))
            .await?;
    }
    // An offer that would be open for a moment only is none.
    let (mut left, late): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.closes_at >= worth_it);
    let mut to_show: Vec<ListingId> = late.iter().map(|row| row.id).collect();
    let policy = WaitlistPolicy::default();
    let entries: Vec<WaitlistEntry> = waiting.iter().map(|one| one.matched(most)).collect();
    let closes_at = left.iter().map(|row| row.closes_at).min().unwrap_or(now);
    // What somebody sells is not kept for whoever wants more than there are: they want to sell it.
    let times = OfferTimes {
        now,
        last_call_at: now,
        sales_end_at: closes_at,
    };
    let free = u32::try_from(left.len()).unwrap_or(u32::MAX);
    let found = waitlist::match_entries(&policy, &entries, free, &times);
    for new in &found.offers {
        let Some(entry) = waiting.iter().find(|one| one.id() == new.entry) else {
            continue;
        };
        let quantity = usize::try_from(new.quantity).unwrap_or(usize::MAX);
        let taken: Vec<ListingRow> = left.drain(..quantity.min(left.len())).collect();
        offer(app, entry.clone(), taken, new.expires_at).await?;
    }
    to_show.extend(left.iter().map(|row| row.id));
    let passed_over = found.passed_over;
    if to_show.is_empty() && passed_over.is_empty() {
        return Ok(());
    }
    app.db
        .write(move |c| {
            Box::pin(async move {
                waitlist::pass_over(c, &passed_over).await?;
                store::show(c, &to_show).await
            })
        })
        .await?;
    Ok(())
}

async fn offer(
    app: &App,
    entry: NextEntry,
    rows: Vec<ListingRow>,
    until: Timestamp,
) -> Result<(), ResaleError> {
    let (work, now) = (app.clone(), app.now());
    let id = HoldId::new(&*app.clock, &*app.random);
    app.db
        .write_again(move |c| {
            let (app, entry, rows) = (work.clone(), entry.clone(), rows.clone());
            Box::pin(
                async move { offer_in(&app, c, (&entry, rows.as_slice()), (id, until), now).await },
            )
        })
        .await
}

/// Offers listings to an entry: all of them, or none.
async fn offer_in(
    app: &App,
    c: &mut Conn,
    (entry, rows): (&NextEntry, &[ListingRow]),
    (id, until): (HoldId, Timestamp),
    now: Timestamp,
) -> Result<(), ResaleError> {
    let Some((first, others)) = rows.split_first() else {
        return Err(ResaleError::Gone);
    };
    let event = catalog::offer_without_dates_in(c, first.event_id).await?;
    let event = event.ok_or(ResaleError::NotFound)?;
    allow_selling(&event, first)?;
    // The entry's row before those of listings, as whoever leaves the waitlist takes its own and then what
    // it holds.
    if !waitlist::claim(c, entry).await? {
        return Err(ResaleError::Gone);
    }
    for (line, row) in (1..).zip(rows) {
        if !store::hold(c, row.id, id, until, (line, false), now).await? {
            return Err(ResaleError::Gone);
        }
        check(c, &event, row, now).await?;
    }
    let ids: Vec<ListingId> = rows.iter().map(|row| row.id).collect();
    let request_hash = NewOrder::hash_of(&(first.event_id, ids));
    let new = new_hold((first, others), id, None, request_hash, until);
    let hold = sales::written(c, new, &Gate::Free, now).await?;
    let quantity = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    let name = event.event.name.clone();
    waitlist::offer_held(app, c, entry, (&hold, quantity), name, now)
        .await
        .map_err(ResaleError::Waitlist)
}
