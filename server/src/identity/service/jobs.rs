//! What identity does in the background.

use std::time::Duration;

use bilten_kernel::jobs::JobRunner;

use super::mail::{self, MAIL_ATTEMPTS, MAIL_JOB};
use super::privacy::{self, EXPORT_JOB};
use super::sms::{self, SMS_JOB};
use crate::app::App;

/// How often what has had its time is deleted.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);

/// Adds the jobs of identity to a runner.
pub fn jobs(app: &App, runner: JobRunner) -> JobRunner {
    let (mails, texts, copies, tidier) = (app.clone(), app.clone(), app.clone(), app.clone());
    runner
        .on(MAIL_JOB, move |job| {
            let app = mails.clone();
            async move { mail::deliver(&app, job).await }
        })
        .attempts(MAIL_JOB, MAIL_ATTEMPTS)
        .on(SMS_JOB, move |job| {
            let app = texts.clone();
            async move { sms::deliver(&app, job).await }
        })
        .on(EXPORT_JOB, move |job| {
            let app = copies.clone();
            async move { privacy::make_export(&app, job).await }
        })
        .every("identity.privacy", TIDY_EVERY, move || {
            let app = tidier.clone();
            async move { Ok(privacy::tidy_privacy(&app).await?) }
        })
}
