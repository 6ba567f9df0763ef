//! Listening, and serving until told to stop.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

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
    /// Serving ended by an error.
    #[error("serving ended: {0}")]
    Serve(#[from] io::Error),
}

impl ServeError {
    /// A stable code for logs and for the command line.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "listen_address_in_use",
            Self::Listen { .. } => "listen_address",
            Self::Serve(_) => "serve",
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

/// Serves until `shutdown`, then finishes the requests in progress, for `grace` at most.
///
/// # Errors
/// [`ServeError::Serve`] when the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
    grace: Duration,
) -> Result<(), ServeError> {
    let listener = listener.tap_io(|stream| {
        // Answers are small and must not wait to be joined; without it they are merely slower.
        let _ = stream.set_nodelay(true);
    });
    let (told, stopping) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async move {
        shutdown.await;
        let _ = told.send(());
    };
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(shutdown);
    let late = async {
        if stopping.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        ended = serving.into_future() => ended.map_err(ServeError::from),
        () = late => {
            tracing::warn!("stopped with requests in progress");
            Ok(())
        }
    }
}
