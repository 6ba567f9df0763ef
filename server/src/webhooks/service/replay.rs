//! Sending a span of time again.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::jobs::{self, JobError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{WebhookError, endpoints, pump};
use crate::app::App;
use crate::identity::OrganisationId;
use crate::platform::{self, AuditRecord};
use crate::webhooks::model::*;
use crate::webhooks::store::deliveries::{self, NewDelivery};
use crate::webhooks::store::{endpoints as endpoint_store, messages};

/// The job that sends a span of time again, some messages at a time.
pub(super) const REPLAY_JOB: &str = "webhooks.replay";

/// How many messages one job looks at.
const AT_ONCE: i64 = 500;

/// Which messages are still to be looked at.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct ReplayJob {
    organisation: OrganisationId,
    endpoint: WebhookEndpointId,
    from: Timestamp,
    until: Timestamp,
    scope: ReplayScope,
    after: WebhookMessageId,
}

/// An id that is not later than those of messages about this moment.
fn floor(at: Timestamp) -> WebhookMessageId {
    let mut bytes = [0; 16];
    let ms = u64::try_from(at.ms()).unwrap_or(0).to_be_bytes();
    bytes[..6].copy_from_slice(&ms[2..]);
    WebhookMessageId::from_bytes(bytes)
}

/// Sends again what happened in a span of time: what the endpoint did not take or missed while it
/// was off, or all of it, always with the same `webhook-id` as before.
///
/// # Errors
/// [`WebhookError::Invalid`], [`WebhookError::NotFound`], [`WebhookError::EndpointOff`], or a fault of
/// the database.
pub async fn replay(
    app: &App,
    actor: String,
    organisation: OrganisationId,
    endpoint: WebhookEndpointId,
    input: ReplayInput,
) -> Result<Replay, WebhookError> {
    if !endpoints::row(app, organisation, endpoint)
        .await?
        .is_enabled
    {
        return Err(WebhookError::EndpointOff);
    }
    let now = app.now();
    let until = input.until.unwrap_or(now).min(now);
    let refuse = |name, code, detail| Err(WebhookError::Invalid(vec![field(name, code, detail)]));
    if now.since(input.from) > KEPT {
        return refuse("from", "too_early", "Messages are kept for 30 days.");
    }
    if input.from >= until {
        return refuse(
            "until",
            "not_after",
            "The span must end after it begins, and begin before now.",
        );
    }
    let job = ReplayJob {
        organisation,
        endpoint,
        from: input.from,
        until,
        scope: input.scope.unwrap_or(ReplayScope::Missed),
        after: floor(input.from),
    };
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let (from, until) = (job.from, job.until);
                let count = messages::count_between(c, organisation, job.after, from, until);
                let messages = count.await?;
                jobs::enqueue(c, REPLAY_JOB, &job, now).await?;
                let record = AuditRecord::new(actor, "webhooks.replayed", endpoint)
                    .of(organisation)
                    .detail(json!({"from": from, "until": until, "scope": job.scope}));
                platform::audit(&work, c, record).await?;
                Ok(Replay { messages })
            })
        })
        .await
}

/// Looks at some messages of the span, and enqueues itself for the rest.
pub(super) async fn replay_some(app: &App, mut job: ReplayJob) -> Result<(), JobError> {
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = work;
                let row = endpoint_store::by_id(c, job.organisation, job.endpoint).await?;
                let Some(row) = row.filter(|row| row.is_enabled) else {
                    // Switched off or deleted meanwhile.
                    return Ok(());
                };
                let (from, until) = (job.from, job.until);
                let some =
                    messages::between(c, job.organisation, job.after, from, until, AT_ONCE).await?;
                let Some(last) = some.last().map(|message| message.id) else {
                    return Ok(());
                };
                let is_wanted =
                    |kind: &str| row.event_types.0.iter().any(|one| one.as_str() == kind);
                let new: Vec<NewDelivery> = some
                    .into_iter()
                    .filter(|message| is_wanted(&message.event_type))
                    .map(|message| NewDelivery {
                        id: WebhookDeliveryId::new(&*app.clock, &*app.random),
                        message: message.id,
                        endpoint: job.endpoint,
                        event_type: message.event_type,
                        most_attempts: MOST_ATTEMPTS,
                    })
                    .collect();
                deliveries::insert_or_begin(c, &new, job.scope, app.now()).await?;
                pump::wake(&app, c, job.endpoint).await?;
                job.after = last;
                jobs::enqueue(c, REPLAY_JOB, &job, app.now()).await?;
                Ok::<_, WebhookError>(())
            })
        })
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bilten_kernel::clock::ManualClock;
    use bilten_kernel::random::SeededRandom;

    #[test]
    fn the_floor_of_a_moment_is_below_its_ids() {
        let clock = ManualClock::default();
        clock.set(Timestamp::from_ms(1_800_000_000_000));
        let id = WebhookMessageId::new(&clock, &SeededRandom::new(1));
        let at = |ms| floor(Timestamp::from_ms(ms)).to_string();
        assert!(at(1_800_000_000_000) < id.to_string());
        assert!(at(1_800_000_000_001) > id.to_string());
        assert_eq!(
            floor(Timestamp::from_ms(-1)),
            WebhookMessageId::from_bytes([0; 16])
        );
    }
}
