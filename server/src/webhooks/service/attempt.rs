//! One attempt to deliver, and what follows from it.

use std::time::{Duration, Instant};

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, Request, StatusCode};
use bilten_adapters::outgoing::{OutgoingError, Reply};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;
use bilten_kernel::random;
use bilten_kernel::telemetry::{Cause, Trace, trace};
use serde_json::json;
use tracing::field::Empty;

use super::WebhookError;
use crate::app::App;
use crate::identity::mail::MailTemplate;
use crate::identity::{self, OrganisationId, Permission};
use crate::platform::{self, AuditRecord};
use crate::webhooks::model::*;
use crate::webhooks::store::deliveries::{self, Due, Tried};
use crate::webhooks::store::endpoints;

/// How the audit log names this part of the server.
const ACTOR: &str = "webhooks";
const MINUTE: i64 = 60_000;

/// Where something is sent.
pub(super) struct Receiver {
    pub(super) endpoint: WebhookEndpointId,
    pub(super) organisation: OrganisationId,
    pub(super) url: String,
    pub(super) secrets: Vec<SigningSecret>,
}

/// What an answer, or that there was none, means.
struct Judged {
    outcome: AttemptOutcome,
    status: Option<StatusCode>,
    retry_after: Option<Duration>,
    answer: String,
}

/// Sends a delivery once and writes down what came of it; if that fails, it will be sent again. It is
/// a part of the trace of whatever it tells, not of the job's that sends many.
pub(super) async fn attempt(app: &App, to: &Receiver, due: Due) -> Result<(), WebhookError> {
    let cause = Cause::stored(due.traceparent.as_deref(), due.request_id.as_deref());
    let span = tracing::error_span!(
        parent: None,
        "webhook",
        otel.name = "webhook",
        otel.kind = "producer",
        trace_id = Empty,
        request_id = Empty,
        organisation = %to.organisation,
        delivery = %due.id,
    );
    if let Some(id) = cause.request_id() {
        span.record("request_id", id);
    }
    let job = trace::current();
    let trace = Trace::begin(span, cause.trace().or(job), true, &*app.random);
    if let Some(job) = job {
        trace.link(job);
    }
    cause.scope(trace.scope(try_once(app, to, due))).await
}

async fn try_once(app: &App, to: &Receiver, due: Due) -> Result<(), WebhookError> {
    let (at, begun) = (app.now(), Instant::now());
    let sent = trace::outgoing("webhook", "POST", send(app, to, &due, at)).await;
    let latency_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
    let result = match judge(sent) {
        Ok(result) => result,
        Err(until) => return give_back(app, &due, until).await,
    };
    let tried = Tried {
        id: WebhookAttemptId::new(&*app.clock, &*app.random),
        at,
        outcome: result.outcome,
        status: result.status.map(|status| status.as_u16()),
        latency_ms,
        answer: result.answer,
    };
    let now = app.now();
    let is_gone = result.status == Some(StatusCode::GONE);
    let failed = due.attempts.saturating_add(1);
    let is_late = now >= due.give_up_at;
    let pause = next_attempt(&*app.random, failed, due.most_attempts, result.retry_after);
    let (state, next_at) = match (result.outcome, pause) {
        (AttemptOutcome::Delivered, _) => (DeliveryState::Delivered, None),
        (_, Some(pause)) if !is_late && !is_gone => (DeliveryState::Pending, Some(now + pause)),
        (_, _) => (DeliveryState::Failed, None),
    };
    tracing::debug!(delivery = %due.id, outcome = %tried.outcome, status = tried.status, latency_ms, "a webhook was sent");
    let (work, endpoint, organisation) = (app.clone(), to.endpoint, to.organisation);
    app.db
        .write(move |c| {
            Box::pin(async move {
                deliveries::insert_attempt(c, due.id, &tried).await?;
                deliveries::settle(c, &due, state, tried.status, next_at, now).await?;
                match state {
                    DeliveryState::Delivered => {
                        let minute_ago = Timestamp::from_ms(now.ms() - MINUTE);
                        endpoints::worked(c, endpoint, now, minute_ago).await?;
                    }
                    DeliveryState::Failed if is_gone => {
                        let gone = DisabledReason::Gone;
                        // Whatever it took before.
                        let since = now + Duration::from_secs(1);
                        disable(&work, c, organisation, endpoint, gone, since).await?;
                    }
                    // Somebody who tries an endpoint sees for themselves.
                    DeliveryState::Failed if due.most_attempts > 1 => {
                        let failing = DisabledReason::Failing;
                        disable(&work, c, organisation, endpoint, failing, due.started_at).await?;
                    }
                    DeliveryState::Failed | DeliveryState::Pending => {}
                }
                Ok(())
            })
        })
        .await
}

async fn send(app: &App, to: &Receiver, due: &Due, at: Timestamp) -> Result<Reply, OutgoingError> {
    let (timestamp, signature) = sign(&to.secrets, due.message_id, at, due.payload.as_bytes());
    // As the parser writes it: names of other scripts in the letters of DNS.
    let url: url::Url = to.url.parse().map_err(|_| OutgoingError::Unusable)?;
    let mut request = Request::post(url.as_str());
    // With it, a receiver's own traces are parts of ours.
    if let Some(traceparent) = trace::current_text() {
        request = request.header("traceparent", traceparent);
    }
    let request = request
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", due.message_id.to_string())
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", signature)
        .body(due.payload.clone().into_bytes())
        .map_err(|_| OutgoingError::Unusable)?;
    let outgoing = app.webhooks.outgoing(app);
    // Each endpoint by its own name, so that no tenant's failures are another's.
    outgoing.send(&to.endpoint.to_string(), request).await
}

/// What came back; `Err` with a time if nobody was asked and nobody is to be until then.
fn judge(sent: Result<Reply, OutgoingError>) -> Result<Judged, Timestamp> {
    let nothing = |outcome| Judged {
        outcome,
        status: None,
        retry_after: None,
        answer: String::new(),
    };
    Ok(match sent {
        Ok(reply) => Judged {
            outcome: if reply.status.is_success() {
                AttemptOutcome::Delivered
            } else if reply.status.is_redirection() {
                AttemptOutcome::Redirected
            } else {
                AttemptOutcome::Refused
            },
            status: Some(reply.status),
            retry_after: retry_after(&reply.headers),
            answer: beginning(&reply.body),
        },
        Err(OutgoingError::NotAsked(why)) => return Err(why.until()),
        Err(OutgoingError::TooSlow) => nothing(AttemptOutcome::TooSlow),
        Err(OutgoingError::NoConnection) => nothing(AttemptOutcome::Unreachable),
        Err(OutgoingError::Broken | OutgoingError::TooLarge) => nothing(AttemptOutcome::Broken),
        Err(OutgoingError::Address(_) | OutgoingError::Unusable) => {
            nothing(AttemptOutcome::AddressBlocked)
        }
    })
}

/// How long the receiver asks us to wait, if it does so in seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse();
    seconds.ok().map(Duration::from_secs)
}

/// Gives a delivery back that was not tried, for when its receiver may be asked again.
async fn give_back(app: &App, due: &Due, until: Timestamp) -> Result<(), WebhookError> {
    let next_at = until + Duration::from_millis(random::below(&*app.random, 1_000));
    let id = due.id;
    app.db
        .write(move |c| Box::pin(async move { deliveries::give_back(c, id, next_at).await }))
        .await?;
    Ok(())
}

/// Switches off an endpoint that has taken nothing since then, and tells those who look after it.
async fn disable(
    app: &App,
    c: &mut Conn,
    organisation: OrganisationId,
    endpoint: WebhookEndpointId,
    reason: DisabledReason,
    since: Timestamp,
) -> Result<(), WebhookError> {
    let now = app.now();
    if !endpoints::disable(c, endpoint, reason, since, now).await? {
        return Ok(());
    }
    let row = endpoints::by_id(c, organisation, endpoint).await?;
    let template = MailTemplate::WebhookDisabled {
        at: now,
        endpoint: endpoint.to_string(),
        description: row.map(|row| row.description).unwrap_or_default(),
        is_gone: reason == DisabledReason::Gone,
    };
    identity::tell_those_who_may(app, c, organisation, Permission::WebhooksManage, template)
        .await?;
    let record = AuditRecord::new(ACTOR, "webhooks.endpoint_disabled", endpoint)
        .of(organisation)
        .detail(json!({"reason": reason}));
    platform::audit(app, c, record).await?;
    Ok(())
}
