//! Requests to providers. Whoever sets up a connection chooses the address, so it must not become
//! a way into the network that the server stands in.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use openidconnect::http::{Response, StatusCode};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(8);
/// The largest answer that is read, in bytes.
const MOST_BYTES: usize = 256 * 1024;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("{0}")]
    Address(&'static str),
    #[error("the answer is too large")]
    TooLarge,
    #[error("{0}")]
    Failed(String),
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

#[derive(Clone)]
pub(super) struct Http {
    client: reqwest::Client,
    allows_private: bool,
}

impl Http {
    /// With `allows_private`, providers may be in private networks and need no encryption.
    pub(super) fn new(allows_private: bool) -> Result<Self, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .user_agent(concat!("Bilten/", env!("CARGO_PKG_VERSION")));
        if !allows_private {
            builder = builder.dns_resolver(Arc::new(PublicOnly));
        }
        Ok(Self {
            client: builder.build()?,
            allows_private,
        })
    }

    /// Sends a request and reads the whole answer. A server that says that it is broken gives none.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let request = reqwest::Request::try_from(request).map_err(|error| failed(&error))?;
        self.check(request.url())?;
        let mut response = self
            .client
            .execute(request)
            .await
            .map_err(|error| failed(&error))?;
        if response.status().is_server_error() {
            let status = response.status().as_u16();
            return Err(HttpError::Failed(format!("it answers {status}")));
        }
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| failed(&error))? {
            if body.len() + part.len() > MOST_BYTES {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&part);
        }
        let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or_default();
        let mut answer = Response::new(body);
        *answer.status_mut() = status;
        for (name, value) in response.headers() {
            answer.headers_mut().append(name, value.clone());
        }
        Ok(answer)
    }

    fn check(&self, url: &reqwest::Url) -> Result<(), HttpError> {
        if self.allows_private {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err(HttpError::Address("it is not https"));
        }
        // An address that is written out is never looked up.
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(ip) if !is_public(ip) => Err(HttpError::Address("it is in a private network")),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// What went wrong without the address, which may hold secrets.
fn failed(error: &reqwest::Error) -> HttpError {
    let why = if error.is_timeout() {
        "it took too long"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the transfer broke"
    };
    HttpError::Failed(why.to_owned())
}

/// Resolves names to public addresses only, at the moment of connecting.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .filter(|address| is_public(address.ip()))
                .collect();
            if found.is_empty() {
                return Err("the name has no public address".into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the whole internet.
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let is_special = a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19));
    !(is_special
        || ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation())
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b) {
        // Translated (RFC 6052) and tunnelled (6to4) addresses stand for others.
        (0x64, 0xff9b) => [c, d, e, f] == [0; 4] && embedded(g, h),
        (0x2002, _) => embedded(b, c),
        (0x2001, 0x0 | 0xdb8) => false,
        // Only what is given out as global.
        _ => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: AUTH-5
    #[test]
    fn private_addresses_are_not_asked() {
        let _ = rustls_provider();
        for ip in [
            "8.8.8.8",
            "2606:4700::1111",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::1",
            "2001:db8::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        let http = Http::new(false).unwrap();
        for url in [
            "http://example.com/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://169.254.169.254/latest",
        ] {
            assert!(http.check(&url.parse().unwrap()).is_err(), "{url}");
        }
        assert!(http.check(&"https://example.com/".parse().unwrap()).is_ok());
        let near = Http::new(true).unwrap();
        assert!(near.check(&"http://127.0.0.1/".parse().unwrap()).is_ok());
    }

    /// covers: AUTH-5
    #[tokio::test]
    async fn names_of_private_addresses_are_not_asked() {
        let _ = rustls_provider();
        let http = Http::new(false).unwrap();
        let request = openidconnect::http::Request::get("https://localhost/")
            .body(Vec::new())
            .unwrap();
        assert!(matches!(
            http.send(request).await,
            Err(HttpError::Failed(_))
        ));
    }

    fn rustls_provider() -> Result<(), Arc<rustls::crypto::CryptoProvider>> {
        rustls::crypto::ring::default_provider().install_default()
    }
}
