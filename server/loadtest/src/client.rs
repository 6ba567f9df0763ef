//! One HTTP/1.1 connection, kept open.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Why the load could not be made, or what it proved wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The address is not a plain HTTP one.
    #[error("only http:// addresses can be loaded, not {0}")]
    Address(String),
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
        Ok(Self(if host.contains(':') {
            host.to_owned()
        } else {
            format!("{host}:80")
        }))
    }
}

/// A connection to the server.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    address: Address,
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
        })
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
