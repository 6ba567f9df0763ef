//! What every HTTP route shares: the layers around a router, extractors that answer with problems,
//! paging, and serving until told to stop.
//!
//! | file | holds |
//! |---|---|
//! | `layers.rs` | [`layers`]: request id, log line, panics, time limit, security headers, 404 and 405 |
//! | `request_id.rs` | the id of a request, wherever it is needed |
//! | `extract.rs` | [`Json`], [`Query`], [`Path`] with field errors; [`IdempotencyKey`] |
//! | `page.rs` | [`Page`], [`PageQuery`]: lists by opaque cursors |
//! | `client.rs` | [`ClientIp`] behind trusted proxies |
//! | `serve.rs` | [`bind`], [`serve`] |
//!
//! A domain writes its handlers with these extractors and gives `Result<_, Problem>`; the server
//! merges the domains' routers and wraps the whole in [`layers`] once.

mod client;
mod extract;
mod layers;
mod page;
pub mod request_id;
mod serve;

pub use client::{ClientIp, Network};
pub use extract::{IdempotencyKey, Json, Path, Query};
pub use layers::layers;
pub use page::{Page, PageQuery, decode_cursor, encode_cursor};
pub use request_id::RequestId;
pub use serve::{ServeError, bind, serve};

/// How the server is reached: section `[http]`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// The address and port to listen on, such as `127.0.0.1:8080`.
    pub listen: String,
    /// The address people use, such as `https://tickets.example.org`, without a `/` at its end.
    pub public_url: String,
    /// How large the body of a request may be, unless its route says otherwise.
    pub body_limit_bytes: usize,
    /// How long a request may take until its answer begins.
    pub request_timeout_ms: u64,
    /// How long requests in progress may take to finish when the server stops.
    pub shutdown_grace_ms: u64,
    /// The networks whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`.
    pub trusted_proxies: Vec<Network>,
}

impl Default for HttpConfig {
    /// For one machine without a proxy.
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            body_limit_bytes: 1024 * 1024,
            request_timeout_ms: 30_000,
            shutdown_grace_ms: 20_000,
            trusted_proxies: Vec::new(),
        }
    }
}
