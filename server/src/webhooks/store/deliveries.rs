//! Messages for endpoints, and what came of each attempt.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::identity::OrganisationId;
use crate::webhooks::model::*;

/// A delivery that is to be made.
pub(in crate::webhooks) struct NewDelivery {
    pub(in crate::webhooks) id: WebhookDeliveryId,
    pub(in crate::webhooks) message: WebhookMessageId,
    pub(in crate::webhooks) endpoint: WebhookEndpointId,
    pub(in crate::webhooks) event_type: String,
    pub(in crate::webhooks) most_attempts: u32,
}

impl NewDelivery {
    fn vals(&self, now: Timestamp) -> Vec<Val> {
        vals![
            self.id,
            self.message,
            self.endpoint,
            &self.event_type,
            self.most_attempts,
            now,
            now + GIVE_UP
        ]
    }
}

pub(in crate::webhooks) async fn insert(
    c: &mut Conn,
    new: &[NewDelivery],
    now: Timestamp,
) -> Result<(), DbError> {
    c.insert_many(
        sql!(
            "INSERT INTO webhook_deliveries (id, message_id, endpoint_id, event_type, state, attempts, most_attempts,
                 next_at, started_at, created_at, give_up_at)
             VALUES ($1, $2, $3, $4, 'pending', 0, $5, $6, $6, $6, $7)"
        ),
        new.iter().map(|one| one.vals(now)).collect(),
    )
    .await?;
    Ok(())
}

/// Makes deliveries, or begins those that are there and not under way anew.
pub(in crate::webhooks) async fn insert_or_begin(
    c: &mut Conn,
    new: &[NewDelivery],
    scope: ReplayScope,
    now: Timestamp,
) -> Result<u64, DbError> {
    let statement = match scope {
        ReplayScope::Missed => sql!(
            "INSERT INTO webhook_deliveries (id, message_id, endpoint_id, event_type, state, attempts, most_attempts,
                 next_at, started_at, created_at, give_up_at)
             VALUES ($1, $2, $3, $4, 'pending', 0, $5, $6, $6, $6, $7)
             ON CONFLICT (message_id, endpoint_id) DO UPDATE SET state = 'pending', attempts = 0,
                 most_attempts = excluded.most_attempts, next_at = excluded.next_at,
                 started_at = excluded.started_at, give_up_at = excluded.give_up_at, finished_at = NULL
             WHERE webhook_deliveries.state = 'failed'"
        ),
        ReplayScope::All => sql!(
            "INSERT INTO webhook_deliveries (id, message_id, endpoint_id, event_type, state, attempts, most_attempts,
                 next_at, started_at, created_at, give_up_at)
             VALUES ($1, $2, $3, $4, 'pending', 0, $5, $6, $6, $6, $7)
             ON CONFLICT (message_id, endpoint_id) DO UPDATE SET state = 'pending', attempts = 0,
                 most_attempts = excluded.most_attempts, next_at = excluded.next_at,
                 started_at = excluded.started_at, give_up_at = excluded.give_up_at, finished_at = NULL
             WHERE webhook_deliveries.state <> 'pending'"
        ),
    };
    c.insert_many(statement, new.iter().map(|one| one.vals(now)).collect())
        .await
}

/// Begins a delivery anew, whatever came of it; gives the endpoint.
pub(in crate::webhooks) async fn begin(
    c: &mut Conn,
    id: WebhookDeliveryId,
    now: Timestamp,
) -> Result<Option<WebhookEndpointId>, DbError> {
    c.scalar_opt(
        sql!(
            "UPDATE webhook_deliveries SET state = 'pending', attempts = 0, next_at = $2, started_at = $2,
                 give_up_at = $3, finished_at = NULL
             WHERE id = $1 RETURNING endpoint_id"
        ),
        vals![id, now, now + GIVE_UP],
    )
    .await
}

/// Claims deliveries that are due, the earliest first.
pub(in crate::webhooks) async fn claim(
    c: &mut Conn,
    endpoint: WebhookEndpointId,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<WebhookDeliveryId>, DbError> {
    c.scalars(
        sql!(
            "WITH due AS MATERIALIZED (
                 SELECT id FROM webhook_deliveries
                 WHERE endpoint_id = $1 AND state = 'pending' AND next_at <= $2 AND claimed_until <= $2
                 ORDER BY next_at, id LIMIT $4 FOR UPDATE SKIP LOCKED
             )
             UPDATE webhook_deliveries SET claimed_until = $3 WHERE id IN (SELECT id FROM due)
             RETURNING id"
        ),
        vals![endpoint, now, until, limit],
    )
    .await
}

record! {
    /// A delivery that somebody tries.
    #[derive(Clone, Debug)]
    pub(in crate::webhooks) struct Due {
        pub(in crate::webhooks) id: WebhookDeliveryId,
        pub(in crate::webhooks) message_id: WebhookMessageId,
        pub(in crate::webhooks) payload: String,
        pub(in crate::webhooks) attempts: u32,
        pub(in crate::webhooks) most_attempts: u32,
        pub(in crate::webhooks) started_at: Timestamp,
        pub(in crate::webhooks) give_up_at: Timestamp,
        pub(in crate::webhooks) request_id: Option<String>,
        pub(in crate::webhooks) traceparent: Option<String>,
    }
}

/// What was claimed, with what is sent.
pub(in crate::webhooks) async fn due(
    c: &mut Conn,
    ids: &[WebhookDeliveryId],
) -> Result<Vec<Due>, DbError> {
    c.all(
        sql!(
            "SELECT d.id, d.message_id, m.payload, d.attempts, d.most_attempts, d.started_at, d.give_up_at,
                 m.request_id, m.traceparent
             FROM webhook_deliveries d JOIN webhook_messages m ON m.id = d.message_id
             WHERE d.id IN (SELECT value FROM list($1)) ORDER BY d.next_at, d.id"
        ),
        vals![Val::texts(ids)],
    )
    .await
}

/// When something of an endpoint is due next.
pub(in crate::webhooks) async fn next_due(
    c: &mut Conn,
    endpoint: WebhookEndpointId,
) -> Result<Option<Timestamp>, DbError> {
    c.scalar(
        sql!(
            "SELECT MIN(GREATEST(next_at, claimed_until)) FROM webhook_deliveries
             WHERE endpoint_id = $1 AND state = 'pending'"
        ),
        vals![endpoint],
    )
    .await
}

/// Gives a claimed delivery back untried.
pub(in crate::webhooks) async fn give_back(
    c: &mut Conn,
    id: WebhookDeliveryId,
    next_at: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE webhook_deliveries SET next_at = $2, claimed_until = 0 WHERE id = $1 AND state = 'pending'"
        ),
        vals![id, next_at],
    )
    .await?;
    Ok(())
}

/// What an attempt leaves behind.
#[derive(Clone, Debug)]
pub(in crate::webhooks) struct Tried {
    pub(in crate::webhooks) id: WebhookAttemptId,
    pub(in crate::webhooks) at: Timestamp,
    pub(in crate::webhooks) outcome: AttemptOutcome,
    pub(in crate::webhooks) status: Option<u16>,
    pub(in crate::webhooks) latency_ms: i64,
    pub(in crate::webhooks) answer: String,
}

/// Writes an attempt down.
pub(in crate::webhooks) async fn insert_attempt(
    c: &mut Conn,
    delivery: WebhookDeliveryId,
    tried: &Tried,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO webhook_attempts (id, delivery_id, at, outcome, status, latency_ms, answer)
             VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        vals![
            tried.id,
            delivery,
            tried.at,
            tried.outcome,
            tried.status,
            tried.latency_ms,
            &tried.answer
        ],
    )
    .await?;
    Ok(())
}

/// Says where a delivery stands after an attempt, unless it was begun anew meanwhile; a delivery
/// that is to be tried again is tried at `next_at`.
pub(in crate::webhooks) async fn settle(
    c: &mut Conn,
    due: &Due,
    state: DeliveryState,
    status: Option<u16>,
    next_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let finished = next_at.is_none().then_some(now);
    let touched = c
        .exec(
            sql!(
                "UPDATE webhook_deliveries SET state = $3, attempts = attempts + 1, last_status = $4,
                     next_at = COALESCE(CAST($5 AS BIGINT), next_at), claimed_until = 0, finished_at = $6
                 WHERE id = $1 AND started_at = $2 AND state = 'pending'"
            ),
            vals![due.id, due.started_at, state, status, next_at, finished],
        )
        .await?;
    if touched == 0 {
        // Whoever began it anew waits for nobody.
        c.exec(
            sql!("UPDATE webhook_deliveries SET claimed_until = 0 WHERE id = $1"),
            vals![due.id],
        )
        .await?;
    }
    Ok(touched == 1)
}

// What people see

/// An endpoint's deliveries, newest first, before one of them.
pub(in crate::webhooks) async fn list(
    c: &mut Conn,
    endpoint: WebhookEndpointId,
    state: Option<DeliveryState>,
    event_type: Option<&str>,
    before: Option<WebhookDeliveryId>,
    limit: i64,
) -> Result<Vec<WebhookDelivery>, DbError> {
    // `~` sorts after every id.
    let before = before.map_or_else(|| "~".to_owned(), |id| id.to_string());
    c.all(
        sql!(
            "SELECT id, endpoint_id, message_id, event_type, state, attempts,
                 CASE WHEN state = 'pending' THEN next_at ELSE NULL END AS next_attempt_at,
                 last_status, created_at, finished_at
             FROM webhook_deliveries
             WHERE endpoint_id = $1 AND id < $2 AND (CAST($3 AS TEXT) IS NULL OR state = $3)
               AND (CAST($4 AS TEXT) IS NULL OR event_type = $4)
             ORDER BY id DESC LIMIT $5"
        ),
        vals![endpoint, before, state, event_type, limit],
    )
    .await
}

/// A delivery of an organisation, with what is sent.
pub(in crate::webhooks) async fn by_id(
    c: &mut Conn,
    organisation: OrganisationId,
    id: WebhookDeliveryId,
) -> Result<Option<WebhookDelivery>, DbError> {
    c.opt(
        sql!(
            "SELECT d.id, d.endpoint_id, d.message_id, d.event_type, d.state, d.attempts,
                 CASE WHEN d.state = 'pending' THEN d.next_at ELSE NULL END AS next_attempt_at,
                 d.last_status, d.created_at, d.finished_at
             FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
             WHERE d.id = $1 AND e.organisation_id = $2 AND e.deleted_at IS NULL"
        ),
        vals![id, organisation],
    )
    .await
}

/// What a message says, and the request that led to it.
pub(in crate::webhooks) async fn said(
    c: &mut Conn,
    message: WebhookMessageId,
) -> Result<(String, Option<String>), DbError> {
    c.one(
        sql!("SELECT payload, request_id FROM webhook_messages WHERE id = $1"),
        vals![message],
    )
    .await
}

/// The newest attempts of a delivery.
pub(in crate::webhooks) async fn attempts(
    c: &mut Conn,
    delivery: WebhookDeliveryId,
) -> Result<Vec<WebhookAttempt>, DbError> {
    c.all(
        sql!(
            "SELECT id, at, outcome, status, latency_ms, answer FROM webhook_attempts
             WHERE delivery_id = $1 ORDER BY id DESC LIMIT 100"
        ),
        vals![delivery],
    )
    .await
}
