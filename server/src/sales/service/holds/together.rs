//! What is done with the holds of one event in the same moment is written together: each row of stock is
//! locked once for all of them. Who gives up comes first, since others may want just that.

use std::collections::BTreeSet;
use std::sync::Arc;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, Db, DbError};
use bilten_kernel::lane::Lanes;

use super::make::{Making, made};
use super::returned::{Returned, return_hold};
use crate::catalog::EventId;
use crate::sales::codes;
use crate::sales::model::*;
use crate::sales::service::cart::Cart;
use crate::sales::service::orders::end_pending;
use crate::sales::service::{SalesError, limits};
use crate::sales::store::{self, Take};
use crate::waiting_room;

/// Queues of what is done with holds and unpaid orders, one for each event; the answer to what is made is
/// a hold.
pub type HoldLanes = Lanes<EventId, HoldWork, Option<Hold>, SalesError>;

type Answer = Result<Option<Hold>, SalesError>;

/// How much is written together: PostgreSQL keeps 64 savepoints of a transaction at hand for everybody who
/// looks at its rows; more cost all of them.
const AT_ONCE: usize = 64;

/// What is done with a hold or an unpaid order.
#[derive(Clone)]
pub struct HoldWork(Work);

#[derive(Clone)]
enum Work {
    Make(Arc<Cart>, Making),
    End(Ending, Timestamp),
}

/// What ends. In the order in which everybody locks them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Hold { id: HoldId, is_key_free: bool },
    Order(OrderId),
}

impl HoldWork {
    pub(super) const fn make(cart: Arc<Cart>, making: Making) -> Self {
        Self(Work::Make(cart, making))
    }

    /// Gives up a hold; the same request may make it anew if its key becomes free.
    pub(super) const fn give_up(id: HoldId, is_key_free: bool, now: Timestamp) -> Self {
        Self(Work::End(Ending::Hold { id, is_key_free }, now))
    }

    /// Gives up an order that is not paid.
    pub(in crate::sales::service) const fn cancel(id: OrderId, now: Timestamp) -> Self {
        Self(Work::End(Ending::Order(id), now))
    }
}

/// The lanes through which holds are made and given up.
pub fn hold_lanes(db: Db) -> HoldLanes {
    Lanes::of_batches(db, AT_ONCE, |c: &mut Conn, batch: Vec<HoldWork>| {
        Box::pin(write(c, batch))
    })
}

async fn write(c: &mut Conn, batch: Vec<HoldWork>) -> Result<Vec<Answer>, SalesError> {
    let (mut endings, mut makings) = (Vec::new(), Vec::new());
    for (place, HoldWork(work)) in batch.into_iter().enumerate() {
        match work {
            Work::Make(cart, making) => makings.push((place, cart, making)),
            Work::End(ending, now) => endings.push((ending, place, now)),
        }
    }
    let is_alone = endings.len() + makings.len() == 1;
    endings.sort_unstable();
    let carts: Vec<_> = makings
        .iter()
        .map(|(_, cart, _)| Arc::clone(cart))
        .collect();
    let mut answers = end(c, endings, if is_alone { &[] } else { &carts }).await?;
    for (place, cart, making) in makings {
        let answer = if is_alone {
            // If it is refused, nothing of this write is kept.
            Ok(made(c, &cart, making).await?)
        } else {
            c.apart(move |c| Box::pin(async move { made(c, &cart, making).await }))
                .await
        };
        match answer {
            // Only what is its own fault is its own: after a fault of the database all is tried anew, one by
            // one.
            Err(SalesError::Db(error)) if !matches!(error, DbError::Violation { .. }) => {
                return Err(error.into());
            }
            answer => answers.push((place, answer.map(Some))),
        }
    }
    answers.sort_unstable_by_key(|(place, _)| *place);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

/// Ends holds and orders and gives back what they had; locks beforehand what others want to have as well.
async fn end(
    c: &mut Conn,
    endings: Vec<(Ending, usize, Timestamp)>,
    carts: &[Arc<Cart>],
) -> Result<Vec<(usize, Answer)>, SalesError> {
    let orders: Vec<_> = endings
        .iter()
        .filter_map(|(ending, _, _)| match ending {
            Ending::Order(id) => Some(*id),
            Ending::Hold { .. } => None,
        })
        .collect();
    limits::lock_in(c, &orders).await?;
    let now = endings.iter().map(|(_, _, now)| *now).max();
    let (mut answers, mut returned) = (Vec::new(), Returned::default());
    let (mut choosers, mut leavers) = (Vec::new(), Vec::new());
    for (ending, place, _) in endings {
        let answer = match ending {
            Ending::Hold { id, is_key_free } => {
                if store::end_hold(c, id, "released", None).await?
                    && return_hold(c, id, "released", &mut returned).await?
                {
                    choosers.push(id.to_string());
                    if is_key_free {
                        store::free_hold_key(c, id).await?;
                    }
                }
                Ok(None)
            }
            Ending::Order(id) => {
                if end_pending(c, id, OrderState::Cancelled, &mut returned).await? {
                    leavers.push(id.to_string());
                    Ok(None)
                } else {
                    has_ended(c, id).await?.map(|()| None)
                }
            }
        };
        answers.push((place, answer));
    }
    lock(c, carts, &returned).await?;
    if let Some(now) = now {
        returned.give_back(c, Take::Held, now).await?;
        for holder in choosers {
            waiting_room::choose_again(c, holder, now).await?;
        }
        waiting_room::leave(c, &leavers, now).await?;
    }
    Ok(answers)
}

/// Locks the stock and the codes of several at once, in the order in which everybody takes them.
async fn lock(c: &mut Conn, carts: &[Arc<Cart>], returned: &Returned) -> Result<(), DbError> {
    let Some(first) = carts.first() else {
        return Ok(());
    };
    let wanted = carts.iter().flat_map(|cart| &cart.stock);
    let keys: BTreeSet<_> = wanted
        .map(|(key, _)| key)
        .chain(returned.counters())
        .cloned()
        .collect();
    store::lock_counters(c, &keys).await?;
    let typed = carts.iter().flat_map(|cart| &cart.codes);
    let organisation = first.offer.event.organisation_id;
    codes::lock_all(c, organisation, typed.map(String::as_str)).await
}

/// Whether an order that is not pending was given up before.
async fn has_ended(c: &mut Conn, id: OrderId) -> Result<Result<(), SalesError>, DbError> {
    Ok(match store::order(c, id).await?.map(|order| order.state) {
        None => Err(SalesError::OrderNotFound),
        Some(OrderState::Cancelled) => Ok(()),
        Some(
            state @ (OrderState::Pending
            | OrderState::Paid
            | OrderState::Expired
            | OrderState::Refunded),
        ) => Err(SalesError::State(state)),
    })
}
