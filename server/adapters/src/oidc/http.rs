//! Requests to providers. Whoever sets up a connection chooses the address, so they are made by
//! [`outgoing`](crate::outgoing).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bilten_kernel::clock::SystemClock;
use bilten_kernel::telemetry::trace;
use openidconnect::http::{Response, StatusCode};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

use crate::outgoing::{BreakerRules, Outgoing, OutgoingError, Reading, Rules};

/// How providers are asked.
const RULES: Rules = Rules {
    allows_private: false,
    connect: Duration::from_secs(3),
    whole: Duration::from_secs(8),
    reading: Reading::Whole(256 * 1024),
    is_failure,
    breaker: BreakerRules {
        failures: 10,
        pause: Duration::from_secs(5),
        longest: Duration::from_secs(60),
    },
};

fn is_failure(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = OutgoingError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OutgoingError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

#[derive(Clone)]
pub(super) struct Http(Arc<Outgoing>);

impl Http {
    /// With `allows_private`, providers may be in private networks and need no encryption.
    pub(super) fn new(allows_private: bool) -> Result<Self, OutgoingError> {
        let rules = Rules {
            allows_private,
            ..RULES
        };
        Ok(Self(Arc::new(Outgoing::new(rules, Arc::new(SystemClock))?)))
    }

    /// Sends a request and reads the whole answer.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, OutgoingError> {
        // A host that is down is down for all of its tenants.
        let host = request.uri().authority().map(ToString::to_string);
        // They are told nothing of our traces.
        let sent = self.0.send(host.as_deref().unwrap_or_default(), request);
        let reply = trace::outgoing("identity_provider", "HTTP", sent).await?;
        let mut answer = Response::new(reply.body);
        *answer.status_mut() = reply.status;
        *answer.headers_mut() = reply.headers;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outgoing::Refusal;

    /// covers: AUTH-5
    #[tokio::test]
    async fn names_of_private_addresses_are_not_asked() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Http::new(false).unwrap();
        for (url, refusal) in [
            ("https://localhost/", Refusal::Private),
            ("https://127.0.0.1/", Refusal::Private),
            ("http://example.com/", Refusal::Scheme),
        ] {
            let request = openidconnect::http::Request::get(url)
                .body(Vec::new())
                .unwrap();
            let refused = http.send(request).await.map(|_| ());
            assert_eq!(refused, Err(OutgoingError::Address(refusal)), "{url}");
        }
    }
}
