//! Text messages by any gateway that takes them over HTTP.

use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, StatusCode};
use reqwest::Url;
use serde_json::json;

use super::{Sms, SmsConfig, SmsConfigError, SmsError, SmsSender};
use crate::Answer;
use crate::outgoing::{
    Outgoing, OutgoingError, Outside, Reach, Reading, Rules, SMS_GATEWAY, Traced, check,
};

const RULES: Rules = Rules {
    peer: &SMS_GATEWAY,
    reach: Reach::Anywhere,
    // Its status says all.
    reading: Reading::Beginning(0),
    is_failure,
    traced: Traced::AndTold,
};

fn is_failure(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

/// Posts `{"to": …, "text": …}` to a gateway, with the message's id as `Idempotency-Key`; any 2xx
/// is a yes. What wants another form needs a few lines in front of it.
pub struct HttpSms {
    outgoing: Outgoing,
    url: Url,
    host: String,
    authorization: Option<HeaderValue>,
}

impl HttpSms {
    /// A sender for the gateway of the settings.
    ///
    /// # Errors
    /// [`SmsConfigError`] by what is wrong with them.
    pub fn new(config: &SmsConfig, outside: Arc<Outside>) -> Result<Self, SmsConfigError> {
        let url: Url = config.url.parse().map_err(|_| SmsConfigError::Url)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        // What is wrong with it would be found with each message otherwise.
        check(&url, true).map_err(|_| SmsConfigError::Url)?;
        let mut authorization = None;
        if !config.authorization.is_empty() {
            let mut value = HeaderValue::from_str(&config.authorization)
                .map_err(|_| SmsConfigError::Authorization)?;
            value.set_sensitive(true);
            authorization = Some(value);
        }
        Ok(Self {
            outgoing: Outgoing::new(RULES, outside),
            url,
            host,
            authorization,
        })
    }

    async fn post(&self, sms: &Sms) -> Result<(), SmsError> {
        let failed = |why: &dyn std::fmt::Display| SmsError::Failed(why.to_string());
        let mut request = Request::post(self.url.as_str())
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", &sms.id);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let body = json!({"to": sms.to, "text": sms.text}).to_string();
        let request = request
            .body(body.into_bytes())
            .map_err(|error| failed(&error))?;
        // The key lets the gateway know a message that it has already.
        let sent = self.outgoing.send_repeatable(&self.host, request).await;
        let status = match sent {
            Ok(reply) => reply.status,
            Err(OutgoingError::NotAsked(why)) => return Err(SmsError::PutOff(why.until())),
            Err(error) => return Err(failed(&error)),
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
