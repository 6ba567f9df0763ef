//! Text messages to people: written down with what causes them, sent by a job.

use bilten_adapters::sms::{Sms, SmsError};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;
use bilten_kernel::jobs::{self, JobError};
use bilten_kernel::{metric, random};
use serde::{Deserialize, Serialize};

use super::IdentityError;
use super::sealed_job::SealedJob;
use crate::app::App;
use crate::identity::model::Phone;

/// The job that sends a text message.
pub(crate) const SMS_JOB: &str = "identity.sms";

const PURPOSE: &str = "job:identity.sms";

/// A text message to somebody with an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SmsText {
    /// A code to type in.
    Code {
        /// The code.
        code: String,
        /// Until when it works.
        expires_at: Timestamp,
    },
}

#[derive(Serialize, Deserialize)]
struct Waiting {
    id: String,
    to: Phone,
    text: SmsText,
}

/// Whether there is somebody who sends text messages; if not, they must not be offered.
pub fn is_offered(app: &App) -> bool {
    app.sms.current().is_some()
}

/// Sends a text message, if and only if this write is committed.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn send_in(
    app: &App,
    c: &mut Conn,
    to: &Phone,
    text: SmsText,
) -> Result<(), IdentityError> {
    let waiting = Waiting {
        id: random::token(&*app.random, 26),
        to: to.clone(),
        text,
    };
    let job = SealedJob::seal(app, PURPOSE, &waiting)?;
    Ok(jobs::enqueue(c, SMS_JOB, &job, app.now()).await?)
}

metric! {
    /// Text messages that were tried to be sent, by what came of it.
    TEXTS: Counter = "bilten_text_messages_total"
}

/// Sends a text message that was written down.
pub(crate) async fn deliver(app: &App, job: SealedJob) -> Result<(), JobError> {
    let waiting: Waiting = job.open(app, PURPOSE)?;
    let SmsText::Code { code, expires_at } = waiting.text;
    if app.now() > expires_at {
        tracing::warn!("a text message was too late to be of use, so it was not sent");
        return Ok(());
    }
    let Some(sender) = app.sms.current() else {
        return Err(JobError::Dead("nobody sends text messages".to_owned()));
    };
    let sms = Sms {
        id: waiting.id,
        to: waiting.to.to_string(),
        text: code_text(&code, &app.config.http.public_url),
    };
    let sent = sender.send(&sms).await;
    let outcome = match &sent {
        Ok(()) => "sent",
        Err(SmsError::Refused(_)) => "refused",
        Err(SmsError::Failed(_)) => "failed",
        Err(SmsError::PutOff(_)) => "put_off",
    };
    TEXTS.add(&[("outcome", outcome)], 1);
    match sent {
        Ok(()) => Ok(()),
        Err(error @ SmsError::Refused(_)) => {
            tracing::warn!(%error, "a text message reaches nobody");
            Ok(())
        }
        Err(error @ SmsError::Failed(_)) => Err(JobError::Retry(error.to_string())),
        Err(SmsError::PutOff(until)) => Err(JobError::PutOff(until)),
    }
}

/// The last line lets phones fill the code in on our own site only ("origin-bound one-time codes").
fn code_text(code: &str, public_url: &str) -> String {
    let host = public_url
        .split_once("://")
        .map_or(public_url, |(_, rest)| rest);
    let host = host.split([':', '/']).next().unwrap_or(host);
    format!("{code} is your code for {host}. Give it to nobody.\n\n@{host} #{code}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_code_is_bound_to_our_site() {
        assert_eq!(
            super::code_text("123456", "https://tickets.example.org:8443"),
            "123456 is your code for tickets.example.org. Give it to nobody.\n\n@tickets.example.org #123456"
        );
    }
}
