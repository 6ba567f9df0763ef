//! One HTTP/1.1 connection, kept open.

use std::net::IpAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Why the load could not be made, or what it proved wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The address is not a plain HTTP one.
    #[error("only http:// addresses can be loaded, not {0}")]
    Address(String),
    /// The server is on another machine.
    #[error("only a server on this machine is loaded, not {0}")]
    Elsewhere(String),
    /// The server cannot be reached, or hung up.
    #[error("the server cannot be reached: {0}")]
    Network(String),
    /// The server answered something else than expected.
    #[error("{what}: status {status}: {body}")]
    Answer {
        what: String,
        status: u16,
        body: String,
    },
    /// Requests failed that should not: the figures are of something else.
    #[error("{0} requests failed; does the server limit how many an address may make?")]
    Errors(u64),
    /// A step after a sale has no order that it could be done with.
    #[error("too little was sold to do all steps with: take more dates, blocks or floor")]
    TooLittle,
    /// Mail that was sent cannot be read.
    #[error("the mail: {0}; --mail is the folder that the server writes it to (mail.folder)")]
    Mail(String),
    /// The device failed.
    #[error("the device: {0}")]
    Device(String),
    /// What must never happen.
    #[error("PROVEN WRONG: {0}")]
    Wrong(String),
}

/// Where a server listens.
#[derive(Clone, Debug)]
pub(crate) struct Address(String);

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, LoadError> {
        let wrong = || LoadError::Address(url.to_owned());
        let host = url
            .strip_prefix("http://")
            .ok_or_else(wrong)?
            .trim_end_matches('/');
        if host.is_empty() || host.contains('/') {
            return Err(wrong());
        }
        if !is_loopback(host) {
            return Err(LoadError::Elsewhere(host.to_owned()));
        }
        let has_port = host
            .rsplit_once(':')
            .is_some_and(|(_, port)| !port.ends_with(']'));
        Ok(Self(if has_port {
            host.to_owned()
        } else {
            format!("{host}:80")
        }))
    }
}

/// Whether a host, with or without a port, is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost"
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// What was answered, read as JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Null if it was no JSON.
    pub(crate) body: Value,
}

impl Answer {
    /// The code of a refusal; empty for what is none.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The body, if the status says that it was done.
    pub(crate) fn done(self, what: &str) -> Result<Value, LoadError> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        Err(LoadError::Answer {
            what: what.to_owned(),
            status: self.status,
            body: self.body.to_string(),
        })
    }
}

/// How long whoever is turned away waits before they ask again, and how often they do.
const TURNED_AWAY: Duration = Duration::from_millis(250);
const PATIENCE: u64 = 1_000;

/// A connection to the server.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    address: Address,
    /// How often the server had too much to do, and was asked again.
    pub(crate) turned_away: u64,
}

fn network(error: impl std::fmt::Display) -> LoadError {
    LoadError::Network(error.to_string())
}

impl Connection {
    pub(crate) async fn open(address: &Address) -> Result<Self, LoadError> {
        let stream = TcpStream::connect(&address.0).await.map_err(network)?;
        stream.set_nodelay(true).map_err(network)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(network)?;
        tokio::spawn(connection);
        Ok(Self {
            sender,
            address: address.clone(),
            turned_away: 0,
        })
    }

    /// Sends JSON and reads the answer as JSON. Whoever is turned away asks again in a moment, as people do.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, LoadError> {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        for _ in 0..PATIENCE {
            let (status, bytes) = self.send(method.clone(), path, &all, body.clone()).await?;
            let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            let answer = Answer { status, body };
            if answer.code() != "edge.busy" {
                return Ok(answer);
            }
            self.turned_away += 1;
            tokio::time::sleep(TURNED_AWAY).await;
        }
        Err(LoadError::Network("the server is busy".to_owned()))
    }

    /// Posts JSON, to be done once for each key.
    pub(crate) async fn post_once(
        &mut self,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Result<Answer, LoadError> {
        let headers = [("idempotency-key", key)];
        self.ask(Method::POST, path, &headers, Some(body)).await
    }

    /// Sends one request and reads the whole answer.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<(u16, Bytes), LoadError> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.address.0);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(network)?;
        self.sender.ready().await.map_err(network)?;
        let response = self.sender.send_request(request).await.map_err(network)?;
        let status = response.status().as_u16();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(network)?
            .to_bytes();
        Ok((status, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loaded() {
        for (url, address) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://127.8.9.1/", "127.8.9.1:80"),
            ("http://localhost:1", "localhost:1"),
            ("http://[::1]", "[::1]:80"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            assert_eq!(Address::parse(url).unwrap().0, address, "{url}");
        }
        for url in [
            "http://example.com",
            "http://10.0.0.1:8080",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com:80",
            "http://[2001:db8::1]:80",
            "http://0.0.0.0",
        ] {
            let refused = Address::parse(url);
            assert!(matches!(refused, Err(LoadError::Elsewhere(_))), "{url}");
        }
        for url in [
            "https://127.0.0.1",
            "http://",
            "127.0.0.1:80",
            "http://127.0.0.1/x",
        ] {
            let refused = Address::parse(url);
            assert!(matches!(refused, Err(LoadError::Address(_))), "{url}");
        }
    }
}
