//! Ending holds and orders whose time is over.

use bilten_kernel::db::DbError;

use super::returned::{Returned, return_hold};
use crate::app::App;
use crate::sales::model::OrderState;
use crate::sales::service::{SalesError, end_pending, limits};
use crate::sales::store::{self, Take};
use crate::waiting_room;

/// How many holds or orders one sweep ends in one write.
const SWEEP: i64 = 200;

/// Ends holds and pending orders whose time is over; says how many.
///
/// # Errors
/// A fault of the database.
pub async fn sweep(app: &App) -> Result<usize, SalesError> {
    let now = app.now();
    let (holds, orders) = app
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
    app.db
        .write_again(move |c| {
            let (holds, orders) = (holds.clone(), orders.clone());
            Box::pin(async move {
                let (mut ended, mut returned) = (Vec::new(), Returned::default());
                // Since they were found, somebody may have been given more time.
                for id in holds {
                    if store::expire_hold(c, id, now).await?
                        && return_hold(c, id, "expired", &mut returned).await?
                    {
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
                Ok(ended.len())
            })
        })
        .await
}
