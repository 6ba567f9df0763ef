//! Endpoints, and when each has something to send.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::identity::OrganisationId;
use crate::webhooks::model::*;

record! {
    /// An endpoint as it is stored.
    #[derive(Clone, Debug)]
    pub(in crate::webhooks) struct EndpointRow {
        pub(in crate::webhooks) id: WebhookEndpointId,
        pub(in crate::webhooks) organisation_id: OrganisationId,
        pub(in crate::webhooks) sealed_url: Vec<u8>,
        pub(in crate::webhooks) description: String,
        pub(in crate::webhooks) event_types: AsJson<Vec<EventType>>,
        pub(in crate::webhooks) is_enabled: bool,
        pub(in crate::webhooks) disabled_reason: Option<DisabledReason>,
        pub(in crate::webhooks) disabled_at: Option<Timestamp>,
        pub(in crate::webhooks) sealed_secret: Vec<u8>,
        pub(in crate::webhooks) previous_secret_until: Option<Timestamp>,
        pub(in crate::webhooks) last_success_at: Option<Timestamp>,
        pub(in crate::webhooks) created_by: String,
        pub(in crate::webhooks) created_at: Timestamp,
        pub(in crate::webhooks) updated_at: Timestamp,
        pub(in crate::webhooks) revision: i64,
    }
}

pub(in crate::webhooks) async fn insert(c: &mut Conn, row: &EndpointRow) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO webhook_endpoints (id, organisation_id, sealed_url, description, event_types, is_enabled,
                 disabled_at, sealed_secret, created_by, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        ),
        vals![
            row.id,
            row.organisation_id,
            &row.sealed_url,
            &row.description,
            Val::json(&row.event_types.0)?,
            row.is_enabled,
            row.disabled_at,
            &row.sealed_secret,
            &row.created_by,
            row.created_at,
            row.updated_at
        ],
    )
    .await?;
    Ok(())
}

/// How many endpoints an organisation has.
pub(in crate::webhooks) async fn count(
    c: &mut Conn,
    organisation: OrganisationId,
) -> Result<i64, DbError> {
    c.scalar(
        sql!(
            "SELECT COUNT(*) FROM webhook_endpoints WHERE organisation_id = $1 AND deleted_at IS NULL"
        ),
        vals![organisation],
    )
    .await
}

pub(in crate::webhooks) async fn by_id(
    c: &mut Conn,
    organisation: OrganisationId,
    id: WebhookEndpointId,
) -> Result<Option<EndpointRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, organisation_id, sealed_url, description, event_types, is_enabled, disabled_reason,
                 disabled_at, sealed_secret, previous_secret_until, last_success_at, created_by, created_at, updated_at,
                 revision FROM webhook_endpoints WHERE id = $1 AND organisation_id = $2 AND deleted_at IS NULL"
        ),
        vals![id, organisation],
    )
    .await
}

/// An organisation's endpoints, newest first, before one of them.
pub(in crate::webhooks) async fn list(
    c: &mut Conn,
    organisation: OrganisationId,
    before: Option<WebhookEndpointId>,
    limit: i64,
) -> Result<Vec<EndpointRow>, DbError> {
    // `~` sorts after every id.
    let before = before.map_or_else(|| "~".to_owned(), |id| id.to_string());
    c.all(
        sql!(
            "SELECT id, organisation_id, sealed_url, description, event_types, is_enabled, disabled_reason,
                 disabled_at, sealed_secret, previous_secret_until, last_success_at, created_by, created_at, updated_at,
                 revision FROM webhook_endpoints WHERE organisation_id = $1 AND deleted_at IS NULL AND id < $2
             ORDER BY id DESC LIMIT $3"
        ),
        vals![organisation, before, limit],
    )
    .await
}

/// An organisation's endpoints that were switched off for taking nothing, or did not take a message in
/// so many attempts, the newest first.
pub(in crate::webhooks) async fn failing(
    c: &mut Conn,
    organisation: OrganisationId,
    attempts: i64,
) -> Result<Vec<FailingEndpoint>, DbError> {
    c.all(
        sql!(
            "SELECT e.id AS endpoint_id, e.description AS description, e.is_enabled AS is_enabled,
                 e.disabled_reason AS disabled_reason, e.disabled_at AS disabled_at,
                 e.last_success_at AS last_success_at
             FROM webhook_endpoints e WHERE e.organisation_id = $1 AND e.deleted_at IS NULL
                 AND (e.disabled_reason IS NOT NULL OR (e.is_enabled AND EXISTS (
                     SELECT 1 FROM webhook_deliveries d
                     WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.attempts >= $2)))
             ORDER BY e.id DESC"
        ),
        vals![organisation, attempts],
    )
    .await
}

/// Writes down what was changed; says whether the endpoint is still there as it was seen.
pub(in crate::webhooks) async fn update(
    c: &mut Conn,
    row: &EndpointRow,
    seen: i64,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE webhook_endpoints SET sealed_url = $3, description = $4, event_types = $5, is_enabled = $6,
                     disabled_reason = $7, disabled_at = $8, updated_at = $9, revision = revision + 1
                 WHERE id = $1 AND revision = $2 AND deleted_at IS NULL"
            ),
            vals![
                row.id,
                seen,
                &row.sealed_url,
                &row.description,
                Val::json(&row.event_types.0)?,
                row.is_enabled,
                row.disabled_reason,
                row.disabled_at,
                row.updated_at
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Gives an endpoint a new secret; the one before signs as well until then.
pub(in crate::webhooks) async fn rotate(
    c: &mut Conn,
    organisation: OrganisationId,
    id: WebhookEndpointId,
    sealed_secret: &[u8],
    previous_until: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE webhook_endpoints SET sealed_previous_secret = sealed_secret, previous_secret_until = $4,
                     sealed_secret = $3, updated_at = $5, revision = revision + 1
                 WHERE id = $1 AND organisation_id = $2 AND deleted_at IS NULL"
            ),
            vals![id, organisation, sealed_secret, previous_until, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Deletes an endpoint with its address and its secrets; what came of its messages is kept for a
/// while. Says whether it was there, at that revision if one is given.
pub(in crate::webhooks) async fn delete(
    c: &mut Conn,
    organisation: OrganisationId,
    id: WebhookEndpointId,
    only: Option<i64>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE webhook_endpoints SET deleted_at = $3, updated_at = $3, is_enabled = FALSE, wakes_at = NULL,
                     sealed_url = $4, sealed_secret = $4, sealed_previous_secret = NULL, previous_secret_until = NULL,
                     revision = revision + 1
                 WHERE id = $1 AND organisation_id = $2 AND revision = COALESCE($5, revision) AND deleted_at IS NULL"
            ),
            vals![id, organisation, now, Vec::<u8>::new(), only],
        )
        .await?;
    Ok(touched == 1)
}

/// Forgets secrets that sign no more.
pub(in crate::webhooks) async fn forget_previous_secrets(
    c: &mut Conn,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE webhook_endpoints SET sealed_previous_secret = NULL, previous_secret_until = NULL
             WHERE previous_secret_until <= $1"
        ),
        vals![now],
    )
    .await?;
    Ok(())
}

/// Forgets deleted endpoints of which nothing is left.
pub(in crate::webhooks) async fn forget_deleted(c: &mut Conn) -> Result<(), DbError> {
    c.exec(
        sql!(
            "DELETE FROM webhook_endpoints WHERE deleted_at IS NOT NULL AND NOT EXISTS (
                 SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = webhook_endpoints.id)"
        ),
        vals![],
    )
    .await?;
    Ok(())
}

// Who hears of something

/// Whether anybody anywhere wants to hear of anything.
pub(in crate::webhooks) async fn is_any(c: &mut Conn) -> Result<bool, DbError> {
    c.scalar(
        sql!("SELECT EXISTS (SELECT 1 FROM webhook_endpoints WHERE deleted_at IS NULL)"),
        vals![],
    )
    .await
}

record! {
    /// What an endpoint is told of.
    pub(in crate::webhooks) struct Listener {
        pub(in crate::webhooks) id: WebhookEndpointId,
        pub(in crate::webhooks) event_types: AsJson<Vec<EventType>>,
        pub(in crate::webhooks) is_enabled: bool,
    }
}

/// All endpoints of an organisation; in one order, so that two writes do not wait for each other.
pub(in crate::webhooks) async fn listeners(
    c: &mut Conn,
    organisation: OrganisationId,
) -> Result<Vec<Listener>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_types, is_enabled FROM webhook_endpoints
             WHERE organisation_id = $1 AND deleted_at IS NULL ORDER BY id"
        ),
        vals![organisation],
    )
    .await
}

// When something is due

/// Says that something is due at once; says whether a job is wanted for it.
///
/// It holds the endpoint in any case: a job that finds nothing more to do must wait for this write, or
/// it would rest without having seen what is due, and nobody would wake it.
pub(in crate::webhooks) async fn wake(
    c: &mut Conn,
    id: WebhookEndpointId,
    now: Timestamp,
) -> Result<bool, DbError> {
    c.exec(
        sql!("UPDATE webhook_endpoints SET wakes_at = wakes_at WHERE id = $1 AND is_enabled"),
        vals![id],
    )
    .await?;
    let touched = c
        .exec(
            sql!(
                "UPDATE webhook_endpoints SET wakes_at = $2, has_job = TRUE
                 WHERE id = $1 AND is_enabled AND (wakes_at IS NULL OR wakes_at > $2 OR NOT has_job)"
            ),
            vals![id, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Says when something is due next, unless somebody has said something else meanwhile.
pub(in crate::webhooks) async fn rest(
    c: &mut Conn,
    id: WebhookEndpointId,
    at: Timestamp,
    next: Option<Timestamp>,
    has_job: bool,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!("UPDATE webhook_endpoints SET wakes_at = $3, has_job = $4 WHERE id = $1 AND wakes_at = $2"),
            vals![id, at, next, has_job],
        )
        .await?;
    Ok(touched == 1)
}

/// Endpoints for which something is due and no job is there, or one that was lost; at most 1,000.
pub(in crate::webhooks) async fn overdue(
    c: &mut Conn,
    now: Timestamp,
    lost_before: Timestamp,
) -> Result<Vec<(WebhookEndpointId, Timestamp)>, DbError> {
    c.all(
        sql!(
            "SELECT id, wakes_at FROM webhook_endpoints
             WHERE wakes_at <= $1 AND (NOT has_job OR wakes_at < $2) AND is_enabled AND deleted_at IS NULL
             ORDER BY wakes_at LIMIT 1000"
        ),
        vals![now, lost_before],
    )
    .await
}

record! {
    /// Where to send, and what signs it.
    pub(in crate::webhooks) struct Target {
        pub(in crate::webhooks) organisation_id: OrganisationId,
        pub(in crate::webhooks) sealed_url: Vec<u8>,
        pub(in crate::webhooks) sealed_secret: Vec<u8>,
        pub(in crate::webhooks) sealed_previous_secret: Option<Vec<u8>>,
        pub(in crate::webhooks) previous_secret_until: Option<Timestamp>,
    }
}

/// Holds an endpoint for the rest of the write, if it is to be looked after at that time and is on.
pub(in crate::webhooks) async fn hold(
    c: &mut Conn,
    id: WebhookEndpointId,
    at: Timestamp,
) -> Result<Option<Target>, DbError> {
    c.opt(
        sql!(
            "UPDATE webhook_endpoints SET wakes_at = wakes_at
             WHERE id = $1 AND wakes_at = $2 AND is_enabled AND deleted_at IS NULL
             RETURNING organisation_id, sealed_url, sealed_secret, sealed_previous_secret, previous_secret_until"
        ),
        vals![id, at],
    )
    .await
}

/// Notes that an endpoint took something; to the minute, so that few of these writes are needed.
pub(in crate::webhooks) async fn worked(
    c: &mut Conn,
    id: WebhookEndpointId,
    now: Timestamp,
    minute_ago: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE webhook_endpoints SET last_success_at = $2
             WHERE id = $1 AND (last_success_at IS NULL OR last_success_at < $3)"
        ),
        vals![id, now, minute_ago],
    )
    .await?;
    Ok(())
}

/// Switches an endpoint off, unless it took something since then; says whether it was on.
pub(in crate::webhooks) async fn disable(
    c: &mut Conn,
    id: WebhookEndpointId,
    reason: DisabledReason,
    unless_worked_since: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE webhook_endpoints SET is_enabled = FALSE, disabled_reason = $2, disabled_at = $4,
                     updated_at = $4, wakes_at = NULL, revision = revision + 1
                 WHERE id = $1 AND is_enabled AND (last_success_at IS NULL OR last_success_at < $3)"
            ),
            vals![id, reason, unless_worked_since, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Takes an endpoint that was switched off out of what is due.
pub(in crate::webhooks) async fn sleep(c: &mut Conn, id: WebhookEndpointId) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE webhook_endpoints SET wakes_at = NULL WHERE id = $1"),
        vals![id],
    )
    .await?;
    Ok(())
}
