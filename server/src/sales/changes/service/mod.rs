//! Use cases of changes of orders: what one would be, and making it; a file for what a change needs to know,
//! one for what comes, one for edits, one for codes, one for purchase limits, one for what waits for its
//! payment, one for splitting and merging, one for those who come.
//! `shown` is what a buyer sees before and afterwards.

mod codes;
mod counts;
mod edit;
mod people;
mod prepare;
mod settle;
mod shown;
mod take;
mod whole;

pub(in crate::sales) use codes::return_codes;
pub(in crate::sales) use counts::added_by_supplement;
pub(in crate::sales) use settle::settle;
pub use shown::{
    Changeable, ChangeableUnit, change_shown, changeable, is_part_of_another, waiting_change,
};

use prepare::{Loaded, Prepared, load, prepare, touched};
use take::{look, look_or_take};

use std::sync::Arc;

use bilten_kernel::db::{Conn, DbError, Violation};
use bilten_kernel::http::IfMatch;

use super::draft::Whole;
use super::error::ChangeError;
use super::model::*;
use super::store;
use crate::app::App;
use crate::catalog::{self, EventId};
use crate::identity::Tenant;
use crate::sales::files;
use crate::sales::service::stock_taken;
use crate::sales::{self, NewOrder, OrderId, OrderItem, OrderState, SalesError};

/// What is kept of who asked for a change, if it was the buyer.
const BUYER: &str = "buyer";

/// Who asks for a change.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Somebody of the organisation.
    Staff {
        /// For whom they act.
        tenant: Tenant,
        /// Who they are.
        actor: String,
    },
    /// Whoever knows the order's secret.
    Buyer {
        /// The secret.
        token: String,
    },
}

impl Caller {
    fn actor(&self) -> &str {
        match self {
            Self::Staff { actor, .. } => actor,
            Self::Buyer { .. } => BUYER,
        }
    }

    const fn is_buyer(&self) -> bool {
        matches!(self, Self::Buyer { .. })
    }

    /// The event of an order that they may see.
    async fn event_of(&self, app: &App, id: OrderId) -> Result<EventId, SalesError> {
        match self {
            Self::Staff { tenant, .. } => {
                Ok(sales::order_of(app, tenant, id).await?.order.event_id)
            }
            Self::Buyer { token } if sales::is_order_token(app, id, token) => {
                Ok(sales::order(app, id).await?.order.event_id)
            }
            Self::Buyer { .. } => Err(SalesError::OrderNotFound),
        }
    }
}

/// What a change would be, if it were made now.
///
/// # Errors
/// [`ChangeError`] by why it would be refused.
pub async fn preview(
    app: &App,
    caller: Caller,
    id: OrderId,
    request: ChangeRequest,
    seen: IfMatch,
) -> Result<OrderChange, ChangeError> {
    let prepared = prepare(app, &caller, id, &request, &seen).await?;
    let work = app.clone();
    app.db
        .read(move |c| {
            Box::pin(async move {
                if store::is_waiting(c, id, prepared.now).await? {
                    return Err(ChangeError::Waiting);
                }
                match &prepared.draft.whole {
                    Whole::Edit => {
                        let taken = look(c, &prepared).await?;
                        let planned = taken.plan(&prepared)?;
                        prepared.check(c, &planned).await?;
                        let version = prepared.loaded.row.version;
                        let told = taken.told(&planned);
                        Ok(prepared.answer(ChangeState::Preview, version, &planned, told))
                    }
                    Whole::Split => Ok(whole::split_of(&prepared).answer),
                    Whole::Merge { .. } => {
                        let merge = whole::merge_of(&work, c, &prepared).await?;
                        Ok(merge.answer)
                    }
                }
            })
        })
        .await
}

/// Fails if the order is not what the caller says that they have seen.
fn allow(request: &ChangeRequest, seen: &IfMatch, version: i64) -> Result<(), ChangeError> {
    seen.allow(version)?;
    if request.version.is_some_and(|said| said != version) {
        return Err(ChangeError::VersionConflict);
    }
    Ok(())
}

/// Changes an order, once for each key.
///
/// # Errors
/// [`ChangeError`] by what was refused.
pub async fn change(
    app: &App,
    caller: Caller,
    id: OrderId,
    request: ChangeRequest,
    seen: IfMatch,
    key: String,
) -> Result<OrderChange, ChangeError> {
    caller.event_of(app, id).await?;
    let hash = NewOrder::hash_of(&request);
    // What was done before is answered as before, even if it could not be done now.
    if let Some(before) = earlier(app, id, &key, hash).await? {
        return Ok(before);
    }
    if request.version.is_none() && !seen.is_said() {
        let detail = "Say which version this change starts from, here or by If-Match.";
        return Err(ChangeError::field("version", "missing", detail));
    }
    let mut answer = try_change(app, &caller, id, &request, &seen, &key, hash).await;
    if matches!(answer, Err(ChangeError::Sales(SalesError::OfferChanged))) {
        // What was shown a moment ago has changed: look again, once.
        let event = caller.event_of(app, id).await?;
        catalog::fresh_offer(app, event).await?;
        answer = try_change(app, &caller, id, &request, &seen, &key, hash).await;
    }
    let may_be_repeated = match &answer {
        Err(ChangeError::Sales(SalesError::Db(error))) => error.violates(Violation::Unique),
        Err(ChangeError::VersionConflict | ChangeError::Stale(_)) => true,
        Ok(_) | Err(_) => false,
    };
    if may_be_repeated && let Some(before) = earlier(app, id, &key, hash).await? {
        return Ok(before);
    }
    answer
}

/// What an earlier request with this key was answered.
async fn earlier(
    app: &App,
    id: OrderId,
    key: &str,
    hash: [u8; 32],
) -> Result<Option<OrderChange>, ChangeError> {
    let (work, key) = (app.clone(), key.to_owned());
    app.db
        .read(move |c| Box::pin(async move { replayed(&work, c, id, &key, hash).await }))
        .await
}

async fn replayed(
    app: &App,
    c: &mut Conn,
    id: OrderId,
    key: &str,
    hash: [u8; 32],
) -> Result<Option<OrderChange>, ChangeError> {
    let Some(row) = store::change_by_key(c, id, key).await? else {
        return Ok(None);
    };
    if row.request_hash != hash {
        return Err(SalesError::KeyReused.into());
    }
    Ok(Some(answered(app, row)))
}

/// A change as it was answered, with where it stands now.
fn answered(app: &App, row: store::ChangeRow) -> OrderChange {
    let mut answer = row.answer.0;
    answer.state = row.state;
    // Secrets follow from ids, and are stored nowhere.
    if let Some(due) = &mut answer.supplement {
        due.token = Some(sales::order_token(app, due.order_id));
    }
    if let Some(other) = &mut answer.other
        && !other.lines.is_empty()
    {
        other.token = other.order_id.map(|id| sales::order_token(app, id));
    }
    answer
}

async fn try_change(
    app: &App,
    caller: &Caller,
    id: OrderId,
    request: &ChangeRequest,
    seen: &IfMatch,
    key: &str,
    hash: [u8; 32],
) -> Result<OrderChange, ChangeError> {
    let prepared = Arc::new(prepare(app, caller, id, request, seen).await?);
    let making = Making {
        key: key.to_owned(),
        hash,
        seen: seen.clone(),
    };
    let work = app.clone();
    app.db
        .write_again(move |c| {
            let (app, prepared, making) = (work.clone(), Arc::clone(&prepared), making.clone());
            Box::pin(async move {
                if let Some(before) = replayed(&app, c, id, &making.key, making.hash).await? {
                    return Ok(before);
                }
                let answer = match &prepared.draft.whole {
                    Whole::Edit => {
                        let (event, answers) = (prepared.offer.event.id, &prepared.people.answers);
                        files::lock_for_one(c, event, answers, prepared.now).await?;
                        lock(c, &prepared, &making).await?;
                        let taken = look_or_take(c, &prepared).await?;
                        let planned = taken.plan(&prepared)?;
                        prepared.check(c, &planned).await?;
                        edit::carry_out(&app, c, &prepared, &taken, planned, &making).await?
                    }
                    Whole::Split => {
                        lock(c, &prepared, &making).await?;
                        whole::split(&app, c, &prepared, &making).await?
                    }
                    Whole::Merge { .. } => whole::merge(&app, c, &prepared, &making).await?,
                };
                prepared.note(&app, c).await?;
                Ok(answer)
            })
        })
        .await
}

/// What makes a change happen once.
#[derive(Clone, Debug)]
struct Making {
    key: String,
    hash: [u8; 32],
    seen: IfMatch,
}

/// Locks the order at the version that the change was planned for, and raises it.
async fn lock(c: &mut Conn, prepared: &Prepared, making: &Making) -> Result<(), ChangeError> {
    raise(c, prepared.id, prepared.loaded.row.version, making).await?;
    has_same_stock(c, prepared.id, &prepared.loaded).await?;
    if store::is_waiting(c, prepared.id, prepared.now).await? {
        return Err(ChangeError::Waiting);
    }
    Ok(())
}

/// Fails if what a locked order has taken is not what it had when it was looked at: a resale takes some of
/// it, and is no change.
async fn has_same_stock(c: &mut Conn, id: OrderId, loaded: &Loaded) -> Result<(), ChangeError> {
    let items: Vec<OrderItem> = loaded.lines.iter().map(|line| line.item.clone()).collect();
    if stock_taken(c, id, &items).await? == loaded.stock {
        Ok(())
    } else {
        Err(ChangeError::VersionConflict)
    }
}

async fn raise(
    c: &mut Conn,
    id: OrderId,
    version: i64,
    making: &Making,
) -> Result<(), ChangeError> {
    if store::raise(c, id, version).await? {
        return Ok(());
    }
    // Somebody else was a moment earlier.
    let row = store::changing(c, id)
        .await?
        .ok_or(SalesError::OrderNotFound)?;
    match row.state {
        OrderState::Paid => {
            making.seen.allow(row.version)?;
            Err(ChangeError::VersionConflict)
        }
        state @ (OrderState::Pending
        | OrderState::Cancelled
        | OrderState::Expired
        | OrderState::Refunded) => Err(SalesError::State(state).into()),
    }
}

/// Remembers what was done, or waits.
async fn keep(
    app: &App,
    c: &mut Conn,
    prepared: &Prepared,
    making: &Making,
    answer: &OrderChange,
    plan: Option<&Plan>,
) -> Result<(), DbError> {
    let mut kept = answer.clone();
    if let Some(due) = &mut kept.supplement {
        due.token = None;
    }
    if let Some(other) = &mut kept.other {
        other.token = None;
    }
    let sealed_reason = match &prepared.beyond {
        Some(reason) => {
            let purpose = reason_purpose(prepared.change);
            app.vault.seal_text(&purpose, reason, &*app.random)?
        }
        None => Vec::new(),
    };
    let new = store::NewChange {
        id: prepared.change,
        order: prepared.id,
        key: &making.key,
        request_hash: making.hash,
        supplement: answer.supplement.as_ref().map(|due| due.order_id),
        plan,
        answer: &kept,
        actor: prepared.caller.actor(),
        sealed_reason,
        now: prepared.now,
    };
    store::insert_change(c, new).await
}

/// All orders that share what was paid with an order, itself among them.
///
/// # Errors
/// A fault of the database.
pub async fn paid_together_in(c: &mut Conn, id: OrderId) -> Result<Vec<OrderId>, DbError> {
    let Some(row) = store::changing(c, id).await? else {
        return Ok(Vec::new());
    };
    store::paid_together(c, row.money_of(id)).await
}

/// The changes of an order of one of the organisation's events after one of them, oldest first.
///
/// # Errors
/// [`SalesError::OrderNotFound`], or a fault of the database.
pub async fn changes_of(
    app: &App,
    tenant: &Tenant,
    id: OrderId,
    after: Option<ChangeId>,
    limit: i64,
) -> Result<Vec<OrderChange>, ChangeError> {
    sales::order_of(app, tenant, id).await?;
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::changes_of(c, id, after, limit).await }))
        .await?;
    let changes = rows.into_iter().map(|row| OrderChange {
        state: row.state,
        ..row.answer.0
    });
    Ok(changes.collect())
}

/// Why changes of an order were made beyond the refund policy, for a copy of what is held of its buyer.
///
/// # Errors
/// A fault of the database.
pub async fn reasons_in(app: &App, c: &mut Conn, id: OrderId) -> Result<Vec<String>, DbError> {
    let mut reasons = Vec::new();
    for (change, sealed) in store::reasons(c, id).await? {
        if !sealed.is_empty() {
            reasons.push(app.vault.open_text(&reason_purpose(change), &sealed)?);
        }
    }
    Ok(reasons)
}

/// For what the reason of a change is sealed.
pub(in crate::sales) fn reason_purpose(change: impl std::fmt::Display) -> String {
    format!("order change {change}")
}

/// Forgets why orders of buyers were changed who are forgotten.
pub(in crate::sales) async fn on_buyers_erased(
    c: &mut Conn,
    orders: &[OrderId],
) -> Result<(), DbError> {
    if orders.is_empty() {
        return Ok(());
    }
    store::forget_reasons(c, orders).await
}

/// Drops the changes of a deleted event of a sandbox.
pub(crate) async fn on_event_deleted(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    store::delete_of_event(c, event).await
}
