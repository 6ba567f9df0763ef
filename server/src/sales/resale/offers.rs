//! Asking those who wait before everybody sees what is for sale.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};

use super::ResaleError;
use super::shop::{allow_selling, check, new_hold};
use super::store::{self, ListingRow};
use crate::app::App;
use crate::catalog;
use crate::sales::service as sales;
use crate::sales::waitlist::{self, WaitlistPolicy};
use crate::sales::{HoldId, NewOrder, SalesError};
use crate::waiting_room::Gate;

/// How many listings are looked at in one run.
const RUN: i64 = 500;

/// Ends what can be bought no more, offers each listing to whoever waits longest for one ticket of its
/// tier and date, and shows it to everybody where nobody does; what the job does.
///
/// # Errors
/// A fault of the database.
pub async fn offer_listings(app: &App) -> Result<(), ResaleError> {
    let now = app.now();
    let worth_it = now
        .ms()
        .saturating_add(WaitlistPolicy::default().shortest_ms);
    let worth_it = Timestamp::from_ms(worth_it);
    let (is_any_closed, rows) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let is_any_closed = store::is_any_closed(c, now).await?;
                Ok::<_, DbError>((is_any_closed, store::to_offer(c, worth_it, RUN).await?))
            })
        })
        .await?;
    if is_any_closed {
        app.db
            .write(move |c| Box::pin(async move { store::end_closed(c, now).await }))
            .await?;
    }
    for row in rows {
        let ticket = row.ticket_id;
        match offer(app, row).await {
            // Somebody was faster, or the sale was paused in this moment: another run looks again.
            Ok(()) | Err(ResaleError::Gone | ResaleError::Sales(SalesError::OffSale { .. })) => {}
            // Policy, law or the ticket are not what they were when it was listed.
            Err(ResaleError::Refused(_)) => {
                app.db
                    .write(move |c| {
                        Box::pin(async move { store::end_of_tickets(c, &[ticket], now).await })
                    })
                    .await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn offer(app: &App, row: ListingRow) -> Result<(), ResaleError> {
    let (work, now) = (app.clone(), app.now());
    let id = HoldId::new(&*app.clock, &*app.random);
    app.db
        .write_again(move |c| {
            let (app, row) = (work.clone(), row.clone());
            Box::pin(async move { offer_in(&app, c, &row, id, now).await })
        })
        .await
}

async fn offer_in(
    app: &App,
    c: &mut Conn,
    row: &ListingRow,
    id: HoldId,
    now: Timestamp,
) -> Result<(), ResaleError> {
    let policy = WaitlistPolicy::default();
    let open_until = now.ms().saturating_add(policy.offer_ms);
    let until = Timestamp::from_ms(open_until.min(row.closes_at.ms()));
    let is_worth_it = until.ms().saturating_sub(now.ms()) >= policy.shortest_ms;
    let entry = if is_worth_it {
        waitlist::next_for_one(c, row.tier_id, &row.sold_by_date).await?
    } else {
        None
    };
    let Some(entry) = entry else {
        store::show(c, row.id).await?;
        return Ok(());
    };
    let event = catalog::kept_detail_in(app, c, row.event_id).await?;
    let event = event.ok_or(ResaleError::NotFound)?;
    allow_selling(&event, row)?;
    // The entry's row before the listing's, as whoever leaves the waitlist takes its own and then what it
    // holds.
    if !waitlist::claim(c, &entry).await? {
        return Err(ResaleError::Gone);
    }
    if !store::hold(c, row.id, id, until, false, now).await? {
        return Err(ResaleError::Gone);
    }
    check(c, &event, row, now).await?;
    let request_hash = NewOrder::hash_of(&(row.event_id, row.id));
    let new = new_hold(row, id, None, request_hash, until);
    let hold = sales::written(c, new, &Gate::Free, now).await?;
    waitlist::offer_one(app, c, &entry, &hold, event.event.name.clone(), now)
        .await
        .map_err(ResaleError::Waitlist)
}
