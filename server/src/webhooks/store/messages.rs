//! What happened, as it is sent.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::telemetry::Cause;
use bilten_kernel::{record, sql, vals};

use crate::identity::OrganisationId;
use crate::webhooks::model::*;

/// A message that is to be stored.
pub(in crate::webhooks) struct NewMessage<'a> {
    pub(in crate::webhooks) id: WebhookMessageId,
    pub(in crate::webhooks) organisation: OrganisationId,
    pub(in crate::webhooks) event_type: &'a str,
    pub(in crate::webhooks) payload: &'a str,
    pub(in crate::webhooks) occurred_at: Timestamp,
    pub(in crate::webhooks) cause: &'a Cause,
}

pub(in crate::webhooks) async fn insert(
    c: &mut Conn,
    new: &NewMessage<'_>,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO webhook_messages (id, organisation_id, event_type, payload, occurred_at, created_at,
                 request_id, traceparent)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        ),
        vals![
            new.id,
            new.organisation,
            new.event_type,
            new.payload,
            new.occurred_at,
            now,
            new.cause.request_id(),
            new.cause.traceparent()
        ],
    )
    .await?;
    Ok(())
}

record! {
    /// A message without what it says.
    pub(in crate::webhooks) struct MessageRow {
        pub(in crate::webhooks) id: WebhookMessageId,
        pub(in crate::webhooks) event_type: String,
    }
}

/// An organisation's messages about a span of time, in order, after one of them.
pub(in crate::webhooks) async fn between(
    c: &mut Conn,
    organisation: OrganisationId,
    after: WebhookMessageId,
    from: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<MessageRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_type FROM webhook_messages
             WHERE organisation_id = $1 AND id > $2 AND occurred_at >= $3 AND occurred_at < $4
             ORDER BY id LIMIT $5"
        ),
        vals![organisation, after, from, until, limit],
    )
    .await
}

/// How many there are.
pub(in crate::webhooks) async fn count_between(
    c: &mut Conn,
    organisation: OrganisationId,
    after: WebhookMessageId,
    from: Timestamp,
    until: Timestamp,
) -> Result<i64, DbError> {
    c.scalar(
        sql!(
            "SELECT COUNT(*) FROM webhook_messages
             WHERE organisation_id = $1 AND id > $2 AND occurred_at >= $3 AND occurred_at < $4"
        ),
        vals![organisation, after, from, until],
    )
    .await
}

/// Deletes messages that have had their time, with what came of them; gives how many, at most 1,000.
pub(in crate::webhooks) async fn delete_before(
    c: &mut Conn,
    before: Timestamp,
) -> Result<u64, DbError> {
    c.exec(
        sql!(
            "DELETE FROM webhook_messages WHERE id IN (
                 SELECT id FROM webhook_messages WHERE created_at < $1 ORDER BY created_at LIMIT 1000)"
        ),
        vals![before],
    )
    .await
}
