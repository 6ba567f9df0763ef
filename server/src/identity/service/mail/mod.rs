//! Mail to people: written down with what causes it, sent by a job.
//!
//! A job's row holds the mail sealed: neither its address nor the link in it can be read from the
//! database. To add a mail: a case of [`MailTemplate`] and its words in `words.rs`.

mod template;
mod words;

use bilten_adapters::mail::{Mail, MailError};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;
use bilten_kernel::jobs::{self, JobError};
use bilten_kernel::{metric, random};
use serde::{Deserialize, Serialize};

pub use template::MailTemplate;

use super::IdentityError;
use super::sealed_job::SealedJob;
use crate::app::App;
use crate::identity::model::Email;

/// The job that sends a mail.
pub(crate) const MAIL_JOB: &str = "identity.mail";
/// How often it is tried: within about half a day, unless the mail is of no use any more.
pub(crate) const MAIL_ATTEMPTS: u32 = 24;

const PURPOSE: &str = "job:identity.mail";

metric! {
    /// Mails that were tried to be sent, by what came of it.
    MAILS: Counter = "bilten_mails_total"
}

/// A mail that waits to be sent.
#[derive(Serialize, Deserialize)]
struct Waiting {
    id: String,
    to: Email,
    template: MailTemplate,
    at: Timestamp,
}

/// The whole address of a path here, for a mail.
pub fn link(app: &App, path: &str) -> String {
    format!("{}{path}", app.config.http.public_url)
}

/// Sends a mail, if and only if this write is committed.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn send_in(
    app: &App,
    c: &mut Conn,
    to: &Email,
    template: MailTemplate,
) -> Result<(), IdentityError> {
    let waiting = Waiting {
        id: random::token(&*app.random, 26),
        to: to.clone(),
        template,
        at: app.now(),
    };
    let job = SealedJob::seal(app, PURPOSE, &waiting)?;
    Ok(jobs::enqueue(c, MAIL_JOB, &job, waiting.at).await?)
}

/// Sends a mail that was written down; what nobody can read is given up, what failed is tried again.
pub(crate) async fn deliver(app: &App, job: SealedJob) -> Result<(), JobError> {
    let waiting: Waiting = job.open(app, PURPOSE)?;
    let kind = waiting.template.name();
    if app.now() > waiting.template.useful_until(waiting.at) {
        MAILS.add(&[("outcome", "too_late")], 1);
        tracing::warn!(kind, "a mail was too late to be of use, so it was not sent");
        return Ok(());
    }
    let words = waiting.template.words();
    let fault = |error: askama::Error| JobError::Dead(error.to_string());
    let mail = Mail {
        id: waiting.id,
        to: waiting.to.to_string(),
        subject: words.subject.clone(),
        text: words.plain(&app.config.http.public_url).map_err(fault)?,
        html: words.html(&app.config.http.public_url).map_err(fault)?,
        at: waiting.at,
    };
    let sent = app.mailer.current().send(&mail).await;
    let outcome = match &sent {
        Ok(()) => "sent",
        Err(MailError::Refused(_)) => "refused",
        Err(MailError::Unusable(_) | MailError::Failed(_)) => "failed",
        Err(MailError::PutOff(_)) => "put_off",
    };
    MAILS.add(&[("outcome", outcome)], 1);
    match sent {
        Ok(()) => Ok(()),
        Err(error @ MailError::Refused(_)) => {
            tracing::warn!(kind, %error, "a mail reaches nobody");
            Ok(())
        }
        Err(error @ MailError::Unusable(_)) => Err(JobError::Dead(error.to_string())),
        Err(error @ MailError::Failed(_)) => Err(JobError::Retry(error.to_string())),
        Err(MailError::PutOff(until)) => Err(JobError::PutOff(until)),
    }
}
