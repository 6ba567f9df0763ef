//! Ending holds and orders whose time is over.

use std::sync::atomic::{AtomicUsize, Ordering};

use bilten_kernel::db::DbError;

use super::returned::{Returned, return_hold};
use crate::app::App;
use crate::sales::model::OrderState;
use crate::sales::service::{SalesError, end_pending, limits};
use crate::sales::store::{self, Take};
use crate::waiting_room;

/// How many holds or orders one sweep ends in one write.
const SWEEP: i64 = 200;

/// Sweeps of a node: one writes at a time. Everybody who finds too little looks for what has run out, and
/// all of them at once would end the same.
#[derive(Default)]
pub struct Sweeps {
    turn: tokio::sync::Mutex<()>,
    /// How much was ended in all.
    ended: AtomicUsize,
}

impl Sweeps {
    fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }
}

/// Ends holds and pending orders whose time is over; says how many.
///
/// # Errors
/// A fault of the database.
pub async fn sweep(app: &App) -> Result<usize, SalesError> {
    sweep_in_turn(app, false).await
}

/// The same for somebody who found too little: what another sweep of the node ends meanwhile will do.
pub(super) async fn sweep_for_more(app: &App) -> Result<usize, SalesError> {
    sweep_in_turn(app, true).await
}

async fn sweep_in_turn(app: &App, others_will_do: bool) -> Result<usize, SalesError> {
    let (now, before) = (app.now(), app.sweeps.ended());
    let (mut holds, mut orders) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                Ok::<_, DbError>((
                    store::due_holds(c, now, SWEEP).await?,
                    store::due_orders(c, now, SWEEP).await?,
                ))
            })
        })
        .await?;
    if holds.is_empty() && orders.is_empty() {
        return Ok(0);
    }
    let _turn = app.sweeps.turn.lock().await;
    let meanwhile = app.sweeps.ended().wrapping_sub(before);
    if others_will_do && meanwhile > 0 {
        return Ok(meanwhile);
    }
    // In the order in which everybody locks them.
    holds.sort_unstable();
    orders.sort_unstable();
    let ended = app
        .db
        .write_again(move |c| {
            let (holds, orders) = (holds.clone(), orders.clone());
            Box::pin(async move {
                let (mut ended, mut returned) = (Vec::new(), Returned::default());
                // Since they were found, somebody may have been given more time.
                for id in holds {
                    if let Some(row) = store::expire_hold(c, id, now).await? {
                        return_hold(c, id, row, "expired", &mut returned).await?;
                        ended.push(id.to_string());
                    }
                }
                let mut due = Vec::with_capacity(orders.len());
                for id in orders {
                    if store::lock_if_due(c, id, now).await? {
                        due.push(id);
                    }
                }
                limits::lock_in(c, &due).await?;
                for id in due {
                    if end_pending(c, id, OrderState::Expired, &mut returned).await? {
                        ended.push(id.to_string());
                    }
                }
                returned.give_back(c, Take::Held, now).await?;
                waiting_room::leave(c, &ended, now).await?;
                Ok::<_, SalesError>(ended.len())
            })
        })
        .await?;
    app.sweeps.ended.fetch_add(ended, Ordering::SeqCst);
    Ok(ended)
}
