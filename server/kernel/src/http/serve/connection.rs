//! One connection, from its first byte to its last.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower::Service;

use super::stream::Stream;
use super::{Counted, Front, proxy};

/// How HTTP/2 begins where nothing was agreed on before.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How many requests one HTTP/2 connection may have in progress.
const MOST_STREAMS: u32 = 200;
/// How often a quiet HTTP/2 connection is asked whether it is still there, and how long it may
/// take to say so.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_PATIENCE: Duration = Duration::from_secs(20);

/// Serves a connection until the client or the server has enough of it.
pub(super) async fn serve(
    front: &Front,
    stream: TcpStream,
    peer: SocketAddr,
    mut stopping: watch::Receiver<bool>,
) {
    let patience = Duration::from_millis(front.config.header_timeout_ms);
    let mut stream = Stream::new(stream, Duration::from_millis(front.config.write_timeout_ms));
    let greeting = async {
        let (client, counted) = client(front, &mut stream, peer).await?;
        let greeted = greet(front, stream).await?;
        io::Result::Ok((client, counted, greeted))
    };
    let greeted = tokio::select! {
        greeted = tokio::time::timeout(patience, greeting) => greeted,
        () = told_to_stop(&mut stopping) => return,
    };
    let (client, counted, greeted) = match greeted {
        Ok(Ok(greeted)) => greeted,
        Ok(Err(error)) => return tracing::debug!(%peer, %error, "a connection was not made"),
        Err(_) => return tracing::debug!(%peer, "a connection was not made in time"),
    };
    match greeted {
        Greeted::Plain(stream, is_http2) => {
            speak(front, stream, client, is_http2, stopping).await;
        }
        Greeted::Encrypted(stream, is_http2) => {
            speak(front, *stream, client, is_http2, stopping).await;
        }
    }
    drop(counted);
}

/// Waits until the server is told to stop; if nobody can tell it any more, it was.
async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// A connection of which it is known what is spoken on it.
enum Greeted {
    Plain(Stream<TcpStream>, bool),
    Encrypted(
        Box<tokio_rustls::server::TlsStream<Stream<TcpStream>>>,
        bool,
    ),
}

/// Who is at the other end, also if a proxy that passes bytes on is between us.
async fn client(
    front: &Front,
    stream: &mut Stream<TcpStream>,
    peer: SocketAddr,
) -> io::Result<(SocketAddr, Option<Counted>)> {
    let config = &front.config;
    let is_proxy = |networks: &[crate::http::Network]| {
        networks.iter().any(|network| network.contains(peer.ip()))
    };
    let mut client = peer;
    if is_proxy(&config.proxy_protocol_from) {
        loop {
            match proxy::read(stream.ahead()) {
                proxy::Said::Part => stream.read_ahead().await?,
                proxy::Said::Whole(length, said) => {
                    stream.consume(length);
                    client = said.unwrap_or(peer);
                    break;
                }
                proxy::Said::Nonsense => {
                    return Err(io::Error::other("no header of the PROXY protocol"));
                }
            }
        }
    }
    if is_proxy(&config.trusted_proxies) || config.connections_per_address == 0 {
        return Ok((client, None));
    }
    let counted = front
        .addresses
        .one_more(client.ip(), config.connections_per_address);
    match counted {
        Some(counted) => Ok((client, Some(counted))),
        None => Err(io::Error::other("too many connections from one address")),
    }
}

/// Encrypts if there is a certificate, and finds out which HTTP is spoken.
async fn greet(front: &Front, mut stream: Stream<TcpStream>) -> io::Result<Greeted> {
    if let Some(tls) = &front.tls {
        let stream = tls.acceptor.accept(stream).await?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        return Ok(Greeted::Encrypted(Box::new(stream), is_http2));
    }
    loop {
        let ahead = stream.ahead();
        let length = ahead.len().min(PREFACE.len());
        let is_http2 = ahead[..length] == PREFACE[..length];
        if !is_http2 || length == PREFACE.len() {
            return Ok(Greeted::Plain(stream, is_http2));
        }
        stream.read_ahead().await?;
    }
}

/// Answers requests until the connection is over. When the server stops, the one in progress is
/// answered still.
async fn speak<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    front: &Front,
    stream: S,
    client: SocketAddr,
    is_http2: bool,
    mut stopping: watch::Receiver<bool>,
) {
    let config = &front.config;
    let most_header = config.header_limit_bytes.max(4096);
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(client));
        // A router is always ready.
        front.router.clone().call(request)
    });
    let io = TokioIo::new(stream);
    macro_rules! until_stopped {
        ($connection:expr) => {{
            let mut connection = std::pin::pin!($connection);
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = told_to_stop(&mut stopping) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        }};
    }
    let ended = if is_http2 {
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_PATIENCE)
            .max_concurrent_streams(MOST_STREAMS)
            .max_header_list_size(u32::try_from(most_header).unwrap_or(u32::MAX));
        until_stopped!(http2.serve_connection(io, service))
    } else {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(config.header_timeout_ms))
            .max_header_size(most_header);
        until_stopped!(http1.serve_connection(io, service))
    };
    if let Err(error) = ended {
        // Clients go as they please.
        tracing::debug!(%client, %error, "a connection ended early");
    }
}
