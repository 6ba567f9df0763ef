//! Changes that were made, or wait for their payment.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::catalog::EventId;
use crate::sales::OrderId;
use crate::sales::changes::model::*;

record! {
    /// A change as it is stored.
    pub(in crate::sales::changes) struct ChangeRow {
        pub(in crate::sales::changes) id: ChangeId,
        pub(in crate::sales::changes) order_id: OrderId,
        pub(in crate::sales::changes) request_hash: Vec<u8>,
        pub(in crate::sales::changes) state: ChangeState,
        pub(in crate::sales::changes) at_version: i64,
        pub(in crate::sales::changes) plan: AsJson<Option<Plan>>,
        pub(in crate::sales::changes) answer: AsJson<OrderChange>,
    }
}

record! {
    /// What a supplement is for.
    pub(in crate::sales::changes) struct SupplementTerms {
        pub(in crate::sales::changes) plan: AsJson<Option<Plan>>,
        pub(in crate::sales::changes) actor: String,
    }
}

/// Whether a change of an order waits for its payment.
pub(in crate::sales::changes) async fn is_waiting(
    c: &mut Conn,
    id: OrderId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let found: Option<OrderId> = c
        .scalar_opt(
            sql!(
                "SELECT s.id FROM order_changes ch JOIN orders s ON s.id = ch.supplement_id \
                 WHERE ch.order_id = $1 AND ch.state = 'pending' AND s.state = 'pending' AND s.expires_at > $2"
            ),
            vals![id, now],
        )
        .await?;
    Ok(found.is_some())
}

/// A change to be remembered.
pub(in crate::sales::changes) struct NewChange<'a> {
    pub(in crate::sales::changes) id: ChangeId,
    pub(in crate::sales::changes) order: OrderId,
    pub(in crate::sales::changes) key: &'a str,
    pub(in crate::sales::changes) request_hash: [u8; 32],
    pub(in crate::sales::changes) supplement: Option<OrderId>,
    pub(in crate::sales::changes) plan: Option<&'a Plan>,
    pub(in crate::sales::changes) answer: &'a OrderChange,
    pub(in crate::sales::changes) actor: &'a str,
    pub(in crate::sales::changes) sealed_reason: Vec<u8>,
    pub(in crate::sales::changes) now: Timestamp,
}

pub(in crate::sales::changes) async fn insert_change(
    c: &mut Conn,
    new: NewChange<'_>,
) -> Result<(), DbError> {
    let settled_at = (new.answer.state == ChangeState::Done).then_some(new.now);
    c.exec(
        sql!(
            "INSERT INTO order_changes (id, order_id, idempotency_key, request_hash, state, at_version, \
             supplement_id, plan, answer, actor, sealed_reason, created_at, settled_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        ),
        vals![
            new.id, new.order, new.key, new.request_hash, new.answer.state, new.answer.version, new.supplement,
            Val::json(&new.plan)?, Val::json(new.answer)?, new.actor, new.sealed_reason, new.now, settled_at
        ],
    )
    .await?;
    Ok(())
}

/// The change that was asked for with a key.
pub(in crate::sales::changes) async fn change_by_key(
    c: &mut Conn,
    order: OrderId,
    key: &str,
) -> Result<Option<ChangeRow>, DbError> {
    named(c, order, "", key).await
}

/// A change of an order.
pub(in crate::sales::changes) async fn change(
    c: &mut Conn,
    order: OrderId,
    id: ChangeId,
) -> Result<Option<ChangeRow>, DbError> {
    named(c, order, &id.to_string(), "").await
}

/// The change of an order with this id or this key; neither is ever empty. One whose supplement ended is void,
/// though nobody wrote that down.
async fn named(
    c: &mut Conn,
    order: OrderId,
    id: &str,
    key: &str,
) -> Result<Option<ChangeRow>, DbError> {
    c.opt(
        sql!(
            "SELECT ch.id AS id, ch.order_id AS order_id, ch.request_hash AS request_hash, \
             CASE WHEN ch.state = 'pending' AND s.state <> 'pending' THEN 'void' ELSE ch.state END AS state, \
             ch.at_version AS at_version, ch.plan AS plan, ch.answer AS answer \
             FROM order_changes ch LEFT JOIN orders s ON s.id = ch.supplement_id \
             WHERE ch.order_id = $1 AND (ch.id = $2 OR ch.idempotency_key = $3)"
        ),
        vals![order, id, key],
    )
    .await
}

pub(in crate::sales::changes) async fn change_of_supplement(
    c: &mut Conn,
    supplement: OrderId,
) -> Result<Option<ChangeRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, order_id, request_hash, state, at_version, plan, answer FROM order_changes \
             WHERE supplement_id = $1"
        ),
        vals![supplement],
    )
    .await
}

/// What is planned once a supplement is paid, and who wants it.
pub(in crate::sales::changes) async fn supplement_terms(
    c: &mut Conn,
    supplement: OrderId,
) -> Result<Option<SupplementTerms>, DbError> {
    c.opt(
        sql!("SELECT plan, actor FROM order_changes WHERE supplement_id = $1"),
        vals![supplement],
    )
    .await
}

/// The change of an order that waits for its payment.
pub(in crate::sales::changes) async fn waiting(
    c: &mut Conn,
    order: OrderId,
    now: Timestamp,
) -> Result<Option<ChangeRow>, DbError> {
    c.opt(
        sql!(
            "SELECT ch.id AS id, ch.order_id AS order_id, ch.request_hash AS request_hash, ch.state AS state, \
             ch.at_version AS at_version, ch.plan AS plan, ch.answer AS answer \
             FROM order_changes ch JOIN orders s ON s.id = ch.supplement_id \
             WHERE ch.order_id = $1 AND ch.state = 'pending' AND s.state = 'pending' AND s.expires_at > $2"
        ),
        vals![order, now],
    )
    .await
}

/// Says what became of a change that waited for its payment.
pub(in crate::sales::changes) async fn settle_change(
    c: &mut Conn,
    id: ChangeId,
    to: ChangeState,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE order_changes SET state = $2, settled_at = $3 WHERE id = $1 AND state = 'pending'"
            ),
            vals![id, to, now],
        )
        .await?;
    Ok(touched == 1)
}

/// An order's changes after one of them, oldest first.
pub(in crate::sales::changes) async fn changes_of(
    c: &mut Conn,
    order: OrderId,
    after: Option<ChangeId>,
    limit: i64,
) -> Result<Vec<ChangeRow>, DbError> {
    let after = after.map_or_else(String::new, |id| id.to_string());
    c.all(
        sql!(
            "SELECT ch.id AS id, ch.order_id AS order_id, ch.request_hash AS request_hash, \
             CASE WHEN ch.state = 'pending' AND s.state <> 'pending' THEN 'void' ELSE ch.state END AS state, \
             ch.at_version AS at_version, ch.plan AS plan, ch.answer AS answer \
             FROM order_changes ch LEFT JOIN orders s ON s.id = ch.supplement_id \
             WHERE ch.order_id = $1 AND ch.id > $2 ORDER BY ch.id LIMIT $3"
        ),
        vals![order, after, limit],
    )
    .await
}

/// Why changes of an order were made, sealed.
pub(in crate::sales::changes) async fn reasons(
    c: &mut Conn,
    order: OrderId,
) -> Result<Vec<(ChangeId, Vec<u8>)>, DbError> {
    c.all(
        sql!("SELECT id, sealed_reason FROM order_changes WHERE order_id = $1 ORDER BY id"),
        vals![order],
    )
    .await
}

/// Forgets why changes of these orders were made.
pub(in crate::sales::changes) async fn forget_reasons(
    c: &mut Conn,
    orders: &[OrderId],
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE order_changes SET sealed_reason = $2 WHERE order_id IN (SELECT value FROM list($1))"
        ),
        vals![Val::texts(orders), Vec::<u8>::new()],
    )
    .await?;
    Ok(())
}

/// Drops the changes of an event's orders that are of a sandbox.
pub(in crate::sales::changes) async fn delete_of_event(
    c: &mut Conn,
    event: EventId,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "DELETE FROM order_changes WHERE order_id IN \
             (SELECT id FROM orders WHERE event_id = $1 AND sandbox)"
        ),
        vals![event],
    )
    .await?;
    Ok(())
}
