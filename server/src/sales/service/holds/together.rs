//! What is done with the holds of one event in the same moment is written together: each row of stock is
//! locked once for all of them. Who gives up comes first, since others may want just that; `many.rs` makes
//! what is made.

use std::collections::BTreeSet;
use std::sync::Arc;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, Db, DbError};
use bilten_kernel::lane::Lanes;

use super::make::{Making, made};
use super::many::{Many, Wanted};
use super::returned::{Returned, return_hold};
use crate::catalog::{CounterKey, EventId};
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
    let (mut endings, mut wanted) = (Vec::new(), Vec::new());
    for (place, HoldWork(work)) in batch.into_iter().enumerate() {
        match work {
            Work::Make(cart, making) => wanted.push(Wanted {
                place,
                cart,
                making,
            }),
            Work::End(ending, now) => endings.push((ending, place, now)),
        }
    }
    if endings.is_empty()
        && wanted.len() == 1
        && let Some(Wanted { cart, making, .. }) = wanted.pop()
    {
        // If it is refused, nothing of this write is kept.
        return Ok(vec![Ok(Some(made(c, &cart, making).await?))]);
    }
    endings.sort_unstable();
    let now = endings.iter().map(|(_, _, now)| *now).max();
    let mut ended = Ended::default();
    let mut answers = end(c, &endings, &mut ended).await?;
    let mut many = Many::of(c, wanted).await?;
    // In the order in which everybody takes them: seats, stock, codes, the room.
    if let Some(now) = now {
        ended.returned.free_seats(c, now).await?;
    }
    many.take_seats(c).await?;
    lock(c, &many.carts(), &ended.returned).await?;
    if let Some(now) = now {
        ended.give_back(c, now).await?;
    }
    let made = many.make(c).await?;
    answers.extend(
        made.into_iter()
            .map(|(place, answer)| (place, answer.map(Some))),
    );
    answers.sort_unstable_by_key(|(place, _)| *place);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

/// What has ended in a write, and what goes back of it.
#[derive(Default)]
struct Ended {
    returned: Returned,
    /// The holds, whose buyers may choose again.
    choosers: Vec<String>,
    /// The orders.
    leavers: Vec<String>,
}

impl Ended {
    async fn give_back(self, c: &mut Conn, now: Timestamp) -> Result<(), DbError> {
        self.returned.give_back(c, Take::Held, now).await?;
        waiting_room::choose_again(c, &self.choosers, now).await?;
        waiting_room::leave(c, &self.leavers, now).await
    }
}

/// Ends holds, and then orders, each sorted; what goes back is added to `ended`.
async fn end(
    c: &mut Conn,
    endings: &[(Ending, usize, Timestamp)],
    ended: &mut Ended,
) -> Result<Vec<(usize, Answer)>, SalesError> {
    let mut answers = Vec::with_capacity(endings.len());
    let mut orders = Vec::new();
    for (ending, place, _) in endings {
        match *ending {
            Ending::Hold { id, is_key_free } => {
                if let Some(row) = store::give_up_hold(c, id).await? {
                    return_hold(c, id, row, "released", &mut ended.returned).await?;
                    ended.choosers.push(id.to_string());
                    if is_key_free {
                        store::free_hold_key(c, id).await?;
                    }
                }
                answers.push((*place, Ok(None)));
            }
            Ending::Order(id) => orders.push((id, *place)),
        }
    }
    if orders.len() > 1 {
        let ids: Vec<OrderId> = orders.iter().map(|(id, _)| *id).collect();
        let pending = store::lock_pending_of(c, &ids).await?;
        limits::lock_in(c, &pending).await?;
    }
    for (id, place) in orders {
        let answer = if end_pending(c, id, OrderState::Cancelled, &mut ended.returned).await? {
            ended.leavers.push(id.to_string());
            Ok(None)
        } else {
            has_ended(c, id).await?.map(|()| None)
        };
        answers.push((place, answer));
    }
    Ok(answers)
}

/// Locks the stock and the codes of several at once, in the order in which everybody takes them.
async fn lock(c: &mut Conn, carts: &[Arc<Cart>], returned: &Returned) -> Result<(), DbError> {
    let Some(first) = carts.first() else {
        return Ok(());
    };
    let wanted = carts.iter().flat_map(|cart| &cart.stock);
    let keys: BTreeSet<&CounterKey> = wanted
        .map(|(key, _)| key)
        .chain(returned.counters())
        .collect();
    store::lock_counters(c, &keys).await?;
    let typed = carts.iter().map(|cart| cart.codes.as_slice());
    let organisation = first.offer.event.organisation_id;
    codes::lock_all(c, organisation, typed, returned.code_holders()).await
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
