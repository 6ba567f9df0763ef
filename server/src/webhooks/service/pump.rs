//! Looking after an endpoint: one job at a time sends what is due to it.
//!
//! A job for each endpoint, not one for each delivery: a receiver that is slow or away keeps one
//! worker of the node busy at most, whatever waits for it, and jobs take turns.
//!
//! `wakes_at` of an endpoint says when something is due. A job is enqueued for exactly that time and
//! names it; once the endpoint says another time, the job is stale and does nothing. Times that are
//! far off have no job: a sweep makes one when they come, as it does for a job that was lost.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;
use bilten_kernel::jobs::{self, JobError};
use bilten_kernel::random;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::WebhookError;
use super::attempt::{Receiver, attempt};
use super::seals::open_target;
use crate::app::App;
use crate::webhooks::model::*;
use crate::webhooks::store::deliveries::{self, Due};
use crate::webhooks::store::endpoints::{self, Target};

/// The job that looks after an endpoint.
pub(super) const PUMP_JOB: &str = "webhooks.pump";

/// How much one job sends at once to its endpoint.
const AT_ONCE: i64 = 4;
/// After how long a job gives way to others.
const TURN: Duration = Duration::from_secs(10);
/// How long whoever tries a delivery has it: longer than any attempt takes.
const CLAIM: Duration = Duration::from_secs(60);
/// What is due within that time gets a job at once; the sweep is not so punctual.
const SOON: Duration = Duration::from_secs(60);
/// A job that has not run so long after its time is lost.
const LOST: Duration = Duration::from_secs(300);

/// A job that looks after an endpoint, as of the time that it says.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Pump {
    endpoint: WebhookEndpointId,
    at: Timestamp,
}

/// Has something sent to an endpoint at once, if and only if this write is committed.
pub(super) async fn wake(
    app: &App,
    c: &mut Conn,
    endpoint: WebhookEndpointId,
) -> Result<(), WebhookError> {
    let at = app.now();
    if endpoints::wake(c, endpoint, at).await? {
        jobs::enqueue(c, PUMP_JOB, &Pump { endpoint, at }, at).await?;
    }
    Ok(())
}

/// Makes jobs for endpoints that something is due for and that have none.
pub(super) async fn sweep(app: &App) -> Result<(), JobError> {
    let now = app.now();
    let lost_before = Timestamp::from_ms(now.ms() - i64::try_from(LOST.as_millis()).unwrap_or(0));
    app.db
        .write(move |c| {
            Box::pin(async move {
                let mut due = Vec::new();
                for (endpoint, at) in endpoints::overdue(c, now, lost_before).await? {
                    // Whoever wakes it meanwhile makes the job.
                    if endpoints::rest(c, endpoint, at, Some(now), true).await? {
                        due.push(Pump { endpoint, at: now });
                    }
                }
                jobs::enqueue_many(c, PUMP_JOB, due.iter().map(|job| (job, now))).await
            })
        })
        .await?;
    Ok(())
}

/// What a job finds to do.
enum Found {
    /// Another job looks after the endpoint, or it is off.
    Nothing,
    /// Nothing is due; it was said when something is.
    Rest,
    /// Deliveries, and where they go.
    Work(Target, Vec<Due>),
}

/// Sends what is due to an endpoint, for a while.
pub(super) async fn pump(app: &App, job: Pump) -> Result<(), JobError> {
    let begun = std::time::Instant::now();
    let name = job.endpoint.to_string();
    let outgoing = app.webhooks.outgoing(app);
    loop {
        let left_alone_until = outgoing.left_alone_until(&name);
        let most = match left_alone_until {
            Some(_) => 0,
            // One finds out whether it is back.
            None if outgoing.is_doubtful(&name) => 1,
            None => AT_ONCE,
        };
        let (target, due) = match find(app, job, most, left_alone_until).await? {
            Found::Nothing | Found::Rest => return Ok(()),
            Found::Work(target, due) => (target, due),
        };
        let (url, secrets) = open_target(app, job.endpoint, &target)?;
        let receiver = Receiver {
            endpoint: job.endpoint,
            organisation: target.organisation_id,
            url,
            secrets,
        };
        let tried = join_all(due.into_iter().map(|due| attempt(app, &receiver, due))).await;
        tried.into_iter().collect::<Result<(), WebhookError>>()?;
        if begun.elapsed() >= TURN {
            return give_way(app, job).await;
        }
    }
}

async fn find(
    app: &App,
    job: Pump,
    most: i64,
    left_alone_until: Option<Timestamp>,
) -> Result<Found, WebhookError> {
    let (now, jitter) = (app.now(), random::below(&*app.random, 1_000));
    app.db
        .write(move |c| {
            Box::pin(async move {
                let Some(target) = endpoints::hold(c, job.endpoint, job.at).await? else {
                    return Ok(Found::Nothing);
                };
                if most > 0 {
                    let ids = deliveries::claim(c, job.endpoint, now, now + CLAIM, most).await?;
                    if !ids.is_empty() {
                        return Ok(Found::Work(target, deliveries::due(c, &ids).await?));
                    }
                }
                let next = deliveries::next_due(c, job.endpoint).await?;
                let next = next.map(|next| {
                    let alone = left_alone_until.map(|until| until + Duration::from_millis(jitter));
                    // Always later than now, so that a job is never its own successor.
                    next.max(alone.unwrap_or(next))
                        .max(now + Duration::from_millis(1))
                });
                let soon = next.filter(|next| *next <= now + SOON);
                if endpoints::rest(c, job.endpoint, job.at, next, soon.is_some()).await?
                    && let Some(at) = soon
                {
                    let again = Pump {
                        endpoint: job.endpoint,
                        at,
                    };
                    jobs::enqueue(c, PUMP_JOB, &again, at).await?;
                }
                Ok(Found::Rest)
            })
        })
        .await
}

/// Lets other endpoints have their turn.
async fn give_way(app: &App, job: Pump) -> Result<(), JobError> {
    let now = app.now().max(job.at + Duration::from_millis(1));
    app.db
        .write(move |c| {
            Box::pin(async move {
                if endpoints::rest(c, job.endpoint, job.at, Some(now), true).await? {
                    let again = Pump {
                        endpoint: job.endpoint,
                        at: now,
                    };
                    jobs::enqueue(c, PUMP_JOB, &again, now).await?;
                }
                Ok::<_, WebhookError>(())
            })
        })
        .await?;
    Ok(())
}
