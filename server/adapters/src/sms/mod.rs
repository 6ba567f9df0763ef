//! Text messages that go out.

#[cfg(feature = "sms-http")]
mod http;

use std::sync::Arc;

use bilten_kernel::clock::Timestamp;
use serde::Deserialize;

#[cfg(feature = "sms-http")]
pub use http::HttpSms;

use crate::Answer;
use crate::outgoing::Outside;

/// Sends text messages.
pub trait SmsSender: Send + Sync {
    /// Hands a message over. Doing so again with the same [`Sms::id`] is harmless, if the gateway
    /// heeds it.
    fn send<'a>(&'a self, sms: &'a Sms) -> Answer<'a, Result<(), SmsError>>;
}

/// A text message to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sms {
    /// Tells it from all others.
    pub id: String,
    /// The telephone number, in the form of E.164.
    pub to: String,
    /// What it says.
    pub text: String,
}

/// Why a text message was not sent. No error names the number: it may be logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmsError {
    /// The gateway will never take it.
    #[error("the text message was refused: {0}")]
    Refused(String),
    /// It may work later.
    #[error("the text message could not be handed over: {0}")]
    Failed(String),
    /// The gateway was not asked, because it fails or is busy; it may work from then on.
    #[error("the text message is put off until {0}")]
    PutOff(Timestamp),
}

/// Who sends text messages: section `[sms]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsConfig {
    /// The gateway's address, or empty: then there are no text messages.
    pub url: String,
    /// The `Authorization` header that it wants, or empty.
    pub authorization: String,
}

impl std::fmt::Debug for SmsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmsConfig").finish_non_exhaustive()
    }
}

/// The settings of text messages make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmsConfigError {
    /// The gateway's address is wrong.
    #[error(
        "sms.url must be an address such as https://sms.example.org/send, without a name and a password: those go into sms.authorization"
    )]
    Url,
    /// The header cannot be sent.
    #[error("sms.authorization must be what follows `Authorization: `, such as Bearer …")]
    Authorization,
    /// This program was built without it.
    #[error("sms.url is set, but this program was built without a client for it")]
    NotBuilt,
}

/// The sender that the settings name; nobody if they name none.
///
/// # Errors
/// [`SmsConfigError`] by what is wrong with them.
pub fn sender(
    config: &SmsConfig,
    outside: &Arc<Outside>,
) -> Result<Option<Arc<dyn SmsSender>>, SmsConfigError> {
    if config.url.is_empty() {
        return Ok(None);
    }
    #[cfg(feature = "sms-http")]
    return Ok(Some(Arc::new(HttpSms::new(config, Arc::clone(outside))?)));
    #[cfg(not(feature = "sms-http"))]
    {
        let _ = outside;
        Err(SmsConfigError::NotBuilt)
    }
}
