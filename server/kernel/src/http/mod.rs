//! What every HTTP route shares: the layers around a router, extractors that answer with problems,
//! paging, and serving until told to stop.
//!
//! | file | holds |
//! |---|---|
//! | `layers.rs` | [`layers`]: the whole stack, one layer after the other |
//! | `request_id.rs` `trace.rs` | the id of a request and its trace, wherever they are needed |
//! | `client.rs` | [`ClientIp`] behind trusted proxies |
//! | `host.rs` | for which host a request is, and where it ends |
//! | `cors.rs` | which other sites' pages may read answers |
//! | `visitors.rs` | [`Visitors`]: lists of networks and countries, blocks for a while |
//! | `class.rs` | [`Class`]: what requests have in common for limits and load |
//! | `limits/` | [`Limits`]: how often somebody may ask |
//! | `load.rs` | [`Load`]: what can wait goes last |
//! | `compress.rs` `conditional.rs` `fields.rs` | answers made smaller, not sent twice, cut to what is wanted |
//! | `extract.rs` | [`Json`], [`Query`], [`Path`] with field errors; [`IdempotencyKey`] |
//! | `object.rs` `unique.rs` | JSON that cannot be read in two ways |
//! | `page.rs` `sort.rs` | [`Page`], [`PageQuery`], [`Sorted`]: lists by opaque cursors, in an order that is asked for |
//! | `revision.rs` | [`IfMatch`], [`Revised`]: changes of what the caller has seen only |
//! | `serve/` | [`bind`], [`serve`]: connections, TLS, HTTP/2, the PROXY protocol |
//!
//! A domain writes its handlers with these extractors and gives `Result<_, Problem>`; the server
//! merges the domains' routers and wraps the whole in [`layers`] once.

mod class;
mod client;
mod compress;
mod conditional;
mod cors;
mod extract;
mod fields;
mod host;
mod layers;
mod limits;
mod load;
mod object;
mod page;
pub mod request_id;
mod revision;
mod serve;
mod sort;
mod trace;
mod unique;
mod visitors;

pub use class::{Class, Classify, EVERYTHING, Priority};
pub use client::{ClientIp, Network};
pub use cors::Cors;
pub use extract::{IdempotencyKey, Json, Path, Query, read_body};
pub use fields::Shapes;
pub use layers::{Edge, layers};
pub use limits::{
    Counted, Limits, Outcome, Quota, QuotaError, Quotas, SharedError, SharedLimits, Table, Take,
};
pub use load::Load;
pub use page::{Page, PageQuery, decode_cursor, encode_cursor};
pub use request_id::RequestId;
pub use revision::{IfMatch, Revised, Stale};
pub use serve::{Draining, ServeError, TlsConfig, bind, serve};
pub use sort::{Place, Sorted, ids};
pub use unique::is_unique_json;
pub use visitors::{Countries, Country, CountryError, NewBlock, Visitors, VisitorsConfig};

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
    /// How long a client may take to send the head of a request, the next one on a connection too.
    pub header_timeout_ms: u64,
    /// How large the head of a request may be.
    pub header_limit_bytes: usize,
    /// How long a client may take nothing of an answer that is there for it.
    pub write_timeout_ms: u64,
    /// How many connections there are at once at most; others wait.
    pub max_connections: usize,
    /// How many connections one address has at once at most (one /64 of IPv6); 0 for any number.
    /// Trusted proxies have as many as they like.
    pub connections_per_address: usize,
    /// How long the server goes on after it was told to stop and says that it is not ready.
    pub drain_delay_ms: u64,
    /// How long requests, jobs and deliveries in progress may take to finish when the server stops.
    pub shutdown_grace_ms: u64,
    /// The networks whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`.
    pub trusted_proxies: Vec<Network>,
    /// The networks whose connections begin with a header of the PROXY protocol (v1 or v2).
    pub proxy_protocol_from: Vec<Network>,
    /// How many requests are worked on at once at most; 0 for any number.
    pub max_in_flight: usize,
    /// If most requests take longer than this, fewer are worked on at once.
    pub slow_ms: u64,
    /// The sites whose pages may use the API by a token, such as `https://shop.example.org`.
    pub cors_origins: Vec<String>,
    /// The certificate, if connections are encrypted here.
    pub tls: TlsConfig,
}

impl Default for HttpConfig {
    /// For one machine without a proxy.
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            body_limit_bytes: 1024 * 1024,
            request_timeout_ms: 30_000,
            header_timeout_ms: 30_000,
            header_limit_bytes: 32 * 1024,
            write_timeout_ms: 30_000,
            max_connections: 20_000,
            connections_per_address: 2_000,
            drain_delay_ms: 0,
            shutdown_grace_ms: 20_000,
            trusted_proxies: Vec::new(),
            proxy_protocol_from: Vec::new(),
            max_in_flight: 1_024,
            slow_ms: 3_000,
            cors_origins: Vec::new(),
            tls: TlsConfig::default(),
        }
    }
}
