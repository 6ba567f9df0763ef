//! Listening, and serving until told to stop.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | [`bind`], [`serve`]: who is let in, and how it ends |
//! | `connection.rs` | one connection: who speaks, encrypted or not, HTTP/1.1 or HTTP/2 |
//! | `stream.rs` | bytes that were read ahead, and clients that do not read |
//! | `proxy.rs` | the PROXY protocol |
//! | `tls.rs` | certificates, read again when they change |
//!
//! `axum::serve` has no place for any of these, so this stands on hyper itself.

mod connection;
mod proxy;
mod stream;
mod tls;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::HttpConfig;
use super::client::one_client;

pub use tls::TlsConfig;

/// Why the server cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another program listens there.
    #[error(
        "{listen} is in use by another program. Stop that one, or set http.listen to another port (0 takes a free one)."
    )]
    InUse {
        /// The address as it is configured.
        listen: String,
    },
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {listen}: {source}. Set http.listen to an address of this machine, such as 127.0.0.1:8080."
    )]
    Listen {
        /// The address as it is configured.
        listen: String,
        /// What the system said.
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error(
        "{path}: {problem}. Set http.tls.certificate to a file with the certificate and those that signed it, and http.tls.key to the file of its key, both PEM."
    )]
    Tls {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl ServeError {
    /// A stable code for logs and for the command line.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "listen_address_in_use",
            Self::Listen { .. } => "listen_address",
            Self::Tls { .. } => "tls_certificate",
        }
    }
}

/// Listens on an address such as `127.0.0.1:8080`; port 0 takes a free one.
///
/// # Errors
/// [`ServeError::InUse`] when another program listens there.
pub async fn bind(listen: &str) -> Result<TcpListener, ServeError> {
    TcpListener::bind(listen).await.map_err(|source| {
        let listen = listen.to_owned();
        if source.kind() == io::ErrorKind::AddrInUse {
            ServeError::InUse { listen }
        } else {
            ServeError::Listen { listen, source }
        }
    })
}

/// Whether this node is about to stop: whoever asks if it is ready is told no, so that a balancer
/// sends nobody new, while it goes on serving those who come.
#[derive(Debug, Clone, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// From now on this node is about to stop.
    pub fn begin(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it is.
    pub fn is_begun(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What all connections share.
struct Front {
    router: Router,
    config: HttpConfig,
    tls: Option<tls::Tls>,
    addresses: Addresses,
}

/// How many connections each client has.
#[derive(Default)]
struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A connection that is counted until this is dropped.
struct Counted {
    all: Arc<Mutex<HashMap<IpAddr, usize>>>,
    client: IpAddr,
}

impl Addresses {
    /// Counts one more connection of a client, unless it has so many.
    fn one_more(&self, address: IpAddr, most: usize) -> Option<Counted> {
        let client = one_client(address);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(client).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Counted {
            all: Arc::clone(&self.0),
            client,
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.client);
            }
        }
    }
}

/// Serves until `shutdown`, then finishes the requests in progress, for
/// [`shutdown_grace_ms`](HttpConfig::shutdown_grace_ms) at most.
///
/// # Errors
/// [`ServeError::Tls`] when the certificate cannot be used. A client can end its own connection
/// only.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    config: &HttpConfig,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let tls = tls::Tls::load(&config.tls)?;
    let reloading = tls.clone().map(|tls| tokio::spawn(tls.keep_fresh()));
    let front = Arc::new(Front {
        router,
        tls,
        config: config.clone(),
        addresses: Addresses::default(),
    });
    let room = Arc::new(Semaphore::new(
        config.max_connections.min(Semaphore::MAX_PERMITS),
    ));
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        // Who comes while there is no room waits in the system's queue.
        let permit = tokio::select! {
            permit = Arc::clone(&room).acquire_owned() => permit,
            () = &mut shutdown => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = &mut shutdown => break,
        };
        let (front, stopping) = (Arc::clone(&front), stopping.clone());
        connections.spawn(async move {
            connection::serve(&front, stream, peer, stopping).await;
            drop(permit);
        });
        while connections.try_join_next().is_some() {}
    }
    drop((listener, stopping));
    stop.send_replace(true);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    let grace = Duration::from_millis(config.shutdown_grace_ms);
    if tokio::time::timeout(grace, all_ended).await.is_err() {
        tracing::warn!("stopped with requests in progress");
    }
    if let Some(reloading) = reloading {
        reloading.abort();
    }
    Ok(())
}

/// The next connection. What is wrong with one client's is that client's matter; when the system
/// has nothing left to give, it gets a moment.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are small and must not wait to be joined; without it they are merely slower.
                let _ = stream.set_nodelay(true);
                return (stream, peer);
            }
            Err(error) => {
                use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
                let is_theirs = matches!(
                    error.kind(),
                    ConnectionAborted | ConnectionRefused | ConnectionReset
                );
                if !is_theirs {
                    tracing::error!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}
