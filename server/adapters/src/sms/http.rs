//! Text messages by any gateway that takes them over HTTP.

use std::time::Duration;

use bilten_kernel::telemetry::trace;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, StatusCode, Url, redirect};
use serde_json::json;

use super::{Sms, SmsConfig, SmsConfigError, SmsError, SmsSender};
use crate::Answer;

/// How long the gateway may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Posts `{"to": …, "text": …}` to a gateway, with the message's id as `Idempotency-Key`; any 2xx
/// is a yes. What wants another form needs a few lines in front of it.
pub struct HttpSms {
    client: Client,
    url: Url,
}

impl HttpSms {
    /// A sender for the gateway of the settings.
    ///
    /// # Errors
    /// [`SmsConfigError`] by what is wrong with them.
    pub fn new(config: &SmsConfig) -> Result<Self, SmsConfigError> {
        let url: Url = config.url.parse().map_err(|_| SmsConfigError::Url)?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(SmsConfigError::Url);
        }
        let mut headers = HeaderMap::new();
        if !config.authorization.is_empty() {
            let mut value = HeaderValue::from_str(&config.authorization)
                .map_err(|_| SmsConfigError::Authorization)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let client = Client::builder()
            .default_headers(headers)
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(|error| SmsConfigError::Client(error.to_string()))?;
        Ok(Self { client, url })
    }

    async fn post(&self, sms: &Sms) -> Result<(), SmsError> {
        let request = self
            .client
            .post(self.url.clone())
            .header("idempotency-key", &sms.id)
            .json(&json!({"to": sms.to, "text": sms.text}));
        let sent = trace::outgoing("sms", "POST", async {
            let request = match trace::current_text() {
                Some(traceparent) => request.header("traceparent", traceparent),
                None => request,
            };
            request.send().await
        });
        let status = match sent.await {
            Ok(response) => response.status(),
            // The address may hold a secret.
            Err(error) => return Err(SmsError::Failed(error.without_url().to_string())),
        };
        let said = format!("the gateway answered {}", status.as_u16());
        match status {
            _ if status.is_success() => Ok(()),
            // About the message itself; what is wrong with our account can be mended.
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
                Err(SmsError::Refused(said))
            }
            _ => Err(SmsError::Failed(said)),
        }
    }
}

impl SmsSender for HttpSms {
    fn send<'a>(&'a self, sms: &'a Sms) -> Answer<'a, Result<(), SmsError>> {
        Box::pin(self.post(sms))
    }
}
