//! Scores of orders, and what was decided about them.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::catalog::EventId;
use crate::sales::fraud::{FraudDecision, FraudReason};
use crate::sales::model::*;

record! {
    /// How often a mailbox bought.
    pub(in crate::sales) struct MailboxRow {
        pub(in crate::sales) name: String,
        /// Orders since a while ago, up to 100.
        pub(in crate::sales) recent: i64,
        /// Paid orders before a while ago, up to 20.
        pub(in crate::sales) good: i64,
    }
}

record! {
    /// An order that waits to be looked at: which, and why.
    pub(in crate::sales) struct ToReviewRow {
        pub(in crate::sales) order_id: OrderId,
        pub(in crate::sales) score: i64,
        pub(in crate::sales) reasons: AsJson<Vec<FraudReason>>,
        pub(in crate::sales) scored_at: Timestamp,
    }
}

record! {
    /// What was decided about an order.
    pub(in crate::sales) struct DecidedRow {
        pub(in crate::sales) decision: FraudDecision,
        pub(in crate::sales) outcome: Option<ReviewOutcome>,
    }
}

/// How often these mailboxes bought since then, and how often they had paid before `good_before`.
pub(in crate::sales) async fn mailboxes(
    c: &mut Conn,
    keys: Val,
    since: Timestamp,
    good_before: Timestamp,
) -> Result<Vec<MailboxRow>, DbError> {
    c.all(
        sql!(
            "SELECT k.name AS name, \
             (SELECT COUNT(*) FROM (SELECT 1 AS one FROM order_scores s \
              WHERE s.email_key = k.name AND s.scored_at >= $2 LIMIT 100) AS few) AS recent, \
             (SELECT COUNT(*) FROM (SELECT 1 AS one FROM order_scores s JOIN orders o ON o.id = s.order_id \
              WHERE s.email_key = k.name AND s.scored_at < $3 AND o.state = 'paid' LIMIT 20) AS few) AS good \
             FROM (SELECT value AS name FROM list($1)) AS k"
        ),
        vals![keys, since, good_before],
    )
    .await
}

/// How many orders came from these networks since then, up to 100 each.
pub(in crate::sales) async fn networks(
    c: &mut Conn,
    keys: Val,
    since: Timestamp,
) -> Result<Vec<(String, i64)>, DbError> {
    c.all(
        sql!(
            "SELECT k.name AS name, \
             (SELECT COUNT(*) FROM (SELECT 1 AS one FROM order_scores s \
              WHERE s.network_key = k.name AND s.network_key <> '' AND s.scored_at >= $2 LIMIT 100) AS few) AS recent \
             FROM (SELECT value AS name FROM list($1)) AS k"
        ),
        vals![keys, since],
    )
    .await
}

/// How many orders were placed by these means of payment since then, up to 100 each.
pub(in crate::sales) async fn payments(
    c: &mut Conn,
    keys: Val,
    since: Timestamp,
) -> Result<Vec<(String, i64)>, DbError> {
    c.all(
        sql!(
            "SELECT k.name AS name, \
             (SELECT COUNT(*) FROM (SELECT 1 AS one FROM order_scores s \
              WHERE s.payment_key = k.name AND s.payment_key <> '' AND s.scored_at >= $2 LIMIT 100) AS few) AS recent \
             FROM (SELECT value AS name FROM list($1)) AS k"
        ),
        vals![keys, since],
    )
    .await
}

/// Keeps the scores of orders that were placed.
pub(in crate::sales) async fn insert(
    c: &mut Conn,
    orders: &[(&NewOrder, &Verdict)],
) -> Result<(), DbError> {
    let mut rows = Vec::with_capacity(orders.len());
    for (new, verdict) in orders {
        rows.push(vals![
            new.id,
            new.event,
            verdict.score.score,
            verdict.score.decision,
            Val::json(&verdict.score.reasons)?,
            verdict.policy_version,
            &verdict.email_key,
            &verdict.network_key,
            &verdict.payment_key,
            new.at
        ]);
    }
    c.insert_many(
        sql!(
            "INSERT INTO order_scores (order_id, event_id, score, decision, reasons, policy_version, email_key, \
             network_key, payment_key, scored_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        ),
        rows,
    )
    .await?;
    Ok(())
}

/// The orders of an event that wait to be looked at, oldest first, after one of them.
pub(in crate::sales) async fn to_review(
    c: &mut Conn,
    event: EventId,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<ToReviewRow>, DbError> {
    let after = after.map_or_else(String::new, |id| id.to_string());
    c.all(
        sql!(
            "SELECT s.order_id AS order_id, s.score AS score, s.reasons AS reasons, s.scored_at AS scored_at \
             FROM order_scores s JOIN orders o ON o.id = s.order_id \
             WHERE s.event_id = $1 AND s.decision = 'review' AND s.outcome IS NULL AND o.state = 'pending' \
             AND s.order_id > $2 ORDER BY s.order_id LIMIT $3"
        ),
        vals![event, after, limit],
    )
    .await
}

/// What was said and decided about an order, if it was scored.
pub(in crate::sales) async fn decided(
    c: &mut Conn,
    order: OrderId,
) -> Result<Option<DecidedRow>, DbError> {
    c.opt(
        sql!("SELECT decision, outcome FROM order_scores WHERE order_id = $1"),
        vals![order],
    )
    .await
}

/// Decides about an order that waits for it; says whether it did.
pub(in crate::sales) async fn decide(
    c: &mut Conn,
    order: OrderId,
    outcome: ReviewOutcome,
    actor: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE order_scores SET outcome = $2, decided_by = $3, decided_at = $4 \
                 WHERE order_id = $1 AND decision = 'review' AND outcome IS NULL"
            ),
            vals![order, outcome, actor, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Lets a pending order wait until then.
pub(in crate::sales) async fn put_off(
    c: &mut Conn,
    order: OrderId,
    until: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE orders SET expires_at = $2 WHERE id = $1 AND state = 'pending'"),
        vals![order, until],
    )
    .await?;
    Ok(())
}

/// Forgets of whom orders were, as far as scores, counts and notes tell.
pub(in crate::sales) async fn forget(c: &mut Conn, orders: Val) -> Result<(), DbError> {
    for statement in [
        sql!(
            "UPDATE order_scores SET email_key = '', network_key = '', payment_key = '' \
             WHERE order_id IN (SELECT value FROM list($1))"
        ),
        sql!("DELETE FROM order_counts WHERE order_id IN (SELECT value FROM list($1))"),
        sql!("DELETE FROM order_notes WHERE order_id IN (SELECT value FROM list($1))"),
        sql!("UPDATE order_origins SET reason = '' WHERE order_id IN (SELECT value FROM list($1))"),
    ] {
        c.exec(statement, vals![orders.clone()]).await?;
    }
    Ok(())
}
