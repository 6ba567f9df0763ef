//! Requests to providers. Whoever sets up a connection chooses the address, so they are made by
//! [`outgoing`](crate::outgoing).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use openidconnect::http::{Response, StatusCode};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

use crate::outgoing::{
    IDENTITY_PROVIDER, Outgoing, OutgoingError, Outside, Reach, Reading, Rules, Traced,
};

/// How providers are asked.
const RULES: Rules = Rules {
    peer: &IDENTITY_PROVIDER,
    reach: Reach::Public,
    reading: Reading::Whole(256 * 1024),
    is_failure,
    // They are told nothing of our traces.
    traced: Traced::Here,
};

fn is_failure(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// Why there is no answer to make something of.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HttpError {
    /// None came.
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
    /// The provider failed, by this status.
    #[error("it answers {0}")]
    Failed(u16),
}

#[derive(Clone)]
pub(super) struct Http(Outgoing);

impl Http {
    /// With `allows_private`, providers may be in private networks and need no encryption.
    pub(super) fn new(allows_private: bool, outside: Arc<Outside>) -> Self {
        let reach = if allows_private {
            Reach::Anywhere
        } else {
            Reach::Public
        };
        Self(Outgoing::new(Rules { reach, ..RULES }, outside))
    }

    /// Sends a request and reads the whole answer.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // A host that is down is down for all of its tenants.
        let host = request.uri().authority().map(ToString::to_string);
        let host = host.as_deref().unwrap_or_default();
        let reply = self.0.send(host, request).await?;
        if reply.status.is_server_error() {
            return Err(HttpError::Failed(reply.status.as_u16()));
        }
        let mut answer = Response::new(reply.body);
        *answer.status_mut() = reply.status;
        *answer.headers_mut() = reply.headers;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outgoing::{OutgoingConfig, Refusal};
    use bilten_kernel::clock::ManualClock;
    use bilten_kernel::random::SeededRandom;

    /// covers: AUTH-5
    #[tokio::test]
    async fn names_of_private_addresses_are_not_asked() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let outside = Outside::new(
            OutgoingConfig::default(),
            Arc::new(ManualClock::default()),
            Arc::new(SeededRandom::new(1)),
        );
        let http = Http::new(false, outside);
        for (url, refusal) in [
            ("https://localhost/", Refusal::Private),
            ("https://127.0.0.1/", Refusal::Private),
            ("http://example.com/", Refusal::Scheme),
        ] {
            let request = openidconnect::http::Request::get(url)
                .body(Vec::new())
                .unwrap();
            let refused = http.send(request).await.map(|_| ());
            assert_eq!(
                refused,
                Err(OutgoingError::Address(refusal).into()),
                "{url}"
            );
        }
    }
}
