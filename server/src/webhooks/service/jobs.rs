//! What webhooks do in the background.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::jobs::JobRunner;

use super::WebhookError;
use super::pump::{self, PUMP_JOB};
use super::replay::{self, REPLAY_JOB};
use crate::app::App;
use crate::webhooks::model::KEPT;
use crate::webhooks::store::{endpoints, messages};

/// How many endpoints a node sends to at once.
const AT_ONCE: usize = 16;
/// How often it is looked for endpoints whose time has come.
const SWEEP_EVERY: Duration = Duration::from_secs(20);
/// How often what has had its time is deleted.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);
/// How often a job that cannot do its work is tried before the sweep makes another one.
const ATTEMPTS: u32 = 24;
/// How many batches of messages are deleted at once.
const MOST_BATCHES: u32 = 100;

/// Gives a runner the jobs of webhooks. It is to be one of its own: receivers that are slow must keep
/// nothing else waiting.
pub fn jobs(app: &App, runner: JobRunner) -> JobRunner {
    let (pumps, replays, sweeps, tidies) = (app.clone(), app.clone(), app.clone(), app.clone());
    runner
        .at_once(AT_ONCE)
        .on(PUMP_JOB, move |job| {
            let app = pumps.clone();
            async move { pump::pump(&app, job).await }
        })
        .attempts(PUMP_JOB, ATTEMPTS)
        .on(REPLAY_JOB, move |job| {
            let app = replays.clone();
            async move { replay::replay_some(&app, job).await }
        })
        .every("webhooks.sweep", SWEEP_EVERY, move || {
            let app = sweeps.clone();
            async move { pump::sweep(&app).await }
        })
        .every("webhooks.tidy", TIDY_EVERY, move || {
            let app = tidies.clone();
            async move { Ok(tidy(&app).await?) }
        })
}

/// Deletes messages that have had their time with what came of them, secrets that sign no more, and
/// deleted endpoints of which nothing is left.
///
/// # Errors
/// A fault of the database.
pub async fn tidy(app: &App) -> Result<(), WebhookError> {
    let now = app.now();
    let kept = i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
    let before = Timestamp::from_ms(now.ms().saturating_sub(kept));
    for _ in 0..MOST_BATCHES {
        let deleted = app
            .db
            .write(move |c| Box::pin(async move { messages::delete_before(c, before).await }))
            .await?;
        if deleted == 0 {
            break;
        }
    }
    app.db
        .write(move |c| {
            Box::pin(async move {
                endpoints::forget_previous_secrets(c, now).await?;
                endpoints::forget_deleted(c).await
            })
        })
        .await?;
    Ok(())
}
