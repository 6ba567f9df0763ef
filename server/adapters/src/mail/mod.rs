//! Mail that goes out.

mod folder;
mod message;
#[cfg(feature = "smtp")]
mod smtp;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use lettre::message::Mailbox;
use serde::Deserialize;

pub use folder::FolderMailer;
#[cfg(feature = "smtp")]
pub use smtp::SmtpMailer;

use crate::Answer;
use crate::outgoing::Outside;

/// Sends mail.
pub trait Mailer: Send + Sync {
    /// Hands a mail over. Doing so again with the same [`Mail::id`] is harmless.
    fn send<'a>(&'a self, mail: &'a Mail) -> Answer<'a, Result<(), MailError>>;
}

/// A mail to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Tells it from all others: lower-case letters and digits; it is in the `Message-ID`.
    pub id: String,
    /// The address it goes to.
    pub to: String,
    /// What it is about, in one line.
    pub subject: String,
    /// What it says, as plain text.
    pub text: String,
    /// What it says, as HTML.
    pub html: String,
    /// When it was written.
    pub at: Timestamp,
}

/// Why a mail was not sent. No error names the address: it may be logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// No mail can be made of it.
    #[error("the mail cannot be written: {0}")]
    Unusable(String),
    /// There is nobody at that address.
    #[error("the address was refused: {0}")]
    Refused(String),
    /// It may work later.
    #[error("the mail could not be handed over: {0}")]
    Failed(String),
    /// The server was not asked, because it fails or is busy; it may work from then on.
    #[error("the mail is put off until {0}")]
    PutOff(Timestamp),
}

/// Where mail goes: section `[mail]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// The folder that mail is written to as long as there is no SMTP server.
    pub folder: PathBuf,
    /// The SMTP server with name and password, or empty.
    pub smtp_url: String,
    /// Whom mail comes from.
    pub from: String,
}

impl std::fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The server's URL holds a password.
        f.debug_struct("MailConfig")
            .field("folder", &self.folder)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

/// The settings of mail make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailConfigError {
    /// The sender is no address.
    #[error("mail.from must be an address, such as Bilten <tickets@example.org>")]
    From,
    /// The server's URL is wrong.
    #[error("mail.smtp_url must be such as smtps://user:password@mail.example.org: {0}")]
    Url(String),
    /// This program was built without it.
    #[error("mail.smtp_url is set, but this program was built without SMTP")]
    NotBuilt,
}

/// The mailer that the settings name; a server may take so long for each step.
///
/// # Errors
/// [`MailConfigError`] by what is wrong with them.
pub fn mailer(
    config: &MailConfig,
    step: Duration,
    outside: &Arc<Outside>,
) -> Result<Arc<dyn Mailer>, MailConfigError> {
    let from: Mailbox = config.from.parse().map_err(|_| MailConfigError::From)?;
    if config.smtp_url.is_empty() {
        return Ok(Arc::new(FolderMailer::new(config.folder.clone(), from)));
    }
    #[cfg(feature = "smtp")]
    return Ok(Arc::new(SmtpMailer::new(
        &config.smtp_url,
        from,
        step,
        Arc::clone(outside),
    )?));
    #[cfg(not(feature = "smtp"))]
    {
        let _ = (step, outside);
        Err(MailConfigError::NotBuilt)
    }
}
