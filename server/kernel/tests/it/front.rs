//! The front through real sockets: TLS, HTTP/2, the PROXY protocol, and clients that mean no good.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bilten_kernel::http::{self, Class, ClientIp, Edge, HttpConfig, Load, Priority, TlsConfig};
use bilten_kernel::random::OsRandom;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

struct Server {
    address: String,
    stop: Option<oneshot::Sender<()>>,
    ended: tokio::task::JoinHandle<Result<(), http::ServeError>>,
}

async fn start(set_up: impl FnOnce(&mut HttpConfig)) -> Server {
    let mut config = HttpConfig {
        header_timeout_ms: 500,
        shutdown_grace_ms: 2_000,
        ..HttpConfig::default()
    };
    set_up(&mut config);
    let routes = Router::new()
        .route("/who", get(async |ClientIp(ip): ClientIp| ip.to_string()))
        .route("/body", post(async |body: String| body))
        .route("/large", get(async || "x".repeat(50_000_000)))
        .route(
            "/version",
            get(async |request: axum::extract::Request| format!("{:?}", request.version())),
        );
    let router = http::layers(routes, &config, Arc::new(OsRandom), Edge::default());
    let listener = http::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(async move {
        let shutdown = async { stopped.await.unwrap_or(()) };
        http::serve(listener, router, &config, shutdown).await
    });
    Server {
        address,
        stop: Some(stop),
        ended,
    }
}

impl Server {
    /// Sends bytes, and gives all that comes back until the server ends the connection.
    async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        // The server may have had enough before all was sent.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let ended =
            tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "the server kept the connection");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn answers(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count()
}

/// Writes a new certificate for localhost; gives it as its client must know it.
fn certificate(folder: &Path) -> (TlsConfig, reqwest::Certificate) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsConfig {
        certificate: folder.join("cert.pem"),
        key: folder.join("key.pem"),
    };
    let pem = |name: &str, der: &[u8]| {
        let text = STANDARD.encode(der);
        format!("-----BEGIN {name}-----\n{text}\n-----END {name}-----\n")
    };
    std::fs::write(&files.certificate, pem("CERTIFICATE", made.cert.der())).unwrap();
    let key = made.signing_key.serialize_der();
    std::fs::write(&files.key, pem("PRIVATE KEY", &key)).unwrap();
    let known = reqwest::Certificate::from_der(made.cert.der()).unwrap();
    (files, known)
}

fn client(known: Option<reqwest::Certificate>) -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().tls_certs_only(known)
}

/// covers: BE-8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_speaks_both_versions_and_reads_a_new_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (files, first) = certificate(folder.path());
    let server = start(|config| config.tls = files.clone()).await;
    let port = server.address.rsplit(':').next().unwrap();
    let url = format!("https://localhost:{port}/version");
    let ask = async |client: reqwest::ClientBuilder| {
        let answer = client.build().unwrap().get(&url).send().await;
        match answer {
            Ok(answer) => answer.text().await.unwrap(),
            Err(_) => "refused".to_owned(),
        }
    };
    assert_eq!(ask(client(Some(first.clone()))).await, "HTTP/2.0");
    assert_eq!(
        ask(client(Some(first.clone())).http1_only()).await,
        "HTTP/1.1"
    );
    assert_eq!(ask(client(None)).await, "refused");
    // Not HTTP, and plain HTTP where TLS is spoken: both end.
    assert_eq!(answers(&server.raw(b"GET / HTTP/1.1\r\n\r\n").await), 0);

    // A half-written pair changes nothing; a whole one is taken without a restart.
    std::fs::write(&files.key, "-----BEGIN").unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(ask(client(Some(first.clone()))).await, "HTTP/2.0");
    let (_, second) = certificate(folder.path());
    let began = Instant::now();
    while ask(client(Some(second.clone()))).await == "refused" {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "the new certificate was not read"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(ask(client(Some(first))).await, "refused");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = certificate(folder.path());
    let other = tempfile::tempdir().unwrap();
    let (others, _) = certificate(other.path());
    for broken in [
        TlsConfig {
            key: folder.path().join("none.pem"),
            ..files.clone()
        },
        TlsConfig {
            key: others.key.clone(),
            ..files.clone()
        },
        TlsConfig {
            certificate: files.key.clone(),
            ..files.clone()
        },
        TlsConfig {
            certificate: std::path::PathBuf::new(),
            ..files.clone()
        },
    ] {
        let server = start(|config| config.tls = broken.clone()).await;
        let error = server.ended.await.unwrap().unwrap_err();
        assert_eq!(error.code(), "tls_certificate", "{error}");
    }
}

#[tokio::test]
async fn http2_is_spoken_without_tls_to_whoever_begins_with_it() {
    let server = start(|_| {}).await;
    let client = client(None).http2_prior_knowledge().build().unwrap();
    let url = format!("http://{}/version", server.address);
    let answers = futures_util::future::join_all(
        (0..50).map(|_| async { client.get(&url).send().await.unwrap().text().await.unwrap() }),
    );
    assert!(answers.await.iter().all(|version| version == "HTTP/2.0"));
}

/// covers: GW-2
#[tokio::test]
async fn the_proxy_protocol_is_believed_where_it_is_expected_only() {
    let ask = "GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let server =
        start(|config| config.proxy_protocol_from = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let text = format!("PROXY TCP4 203.0.113.7 10.0.0.1 5000 80\r\n{ask}");
    assert!(server.raw(text.as_bytes()).await.ends_with("203.0.113.7"));
    let mut binary =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\x0a\0\0\x01\x13\x88\0\x50".to_vec();
    binary.extend(ask.as_bytes());
    assert!(server.raw(&binary).await.ends_with("203.0.113.9"));
    let unknown = format!("PROXY UNKNOWN\r\n{ask}");
    assert!(server.raw(unknown.as_bytes()).await.ends_with("127.0.0.1"));
    // It must come.
    assert_eq!(server.raw(ask.as_bytes()).await, "");
    assert_eq!(server.raw(b"PROXY TCP4 x").await, "");

    let server = start(|_| {}).await;
    let answer = server.raw(text.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 400") && !answer.contains("203.0.113.7"),
        "{answer}"
    );
}

/// covers: GW-2
#[tokio::test]
async fn slow_clients_and_floods_of_headers_are_given_up() {
    let server = start(|config| config.header_limit_bytes = 8_192).await;
    for begun in [
        "",
        "GET",
        "PRI * HTTP/2.0\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    ] {
        let began = Instant::now();
        let answer = server.raw(begun.as_bytes()).await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{begun}: {answer}");
        assert!(began.elapsed() < Duration::from_secs(3), "{begun}");
    }
    let large = format!(
        "GET /who HTTP/1.1\r\nHost: x\r\nX-Large: {}\r\n\r\n",
        "x".repeat(10_000)
    );
    let many = format!(
        "GET /who HTTP/1.1\r\nHost: x\r\n{}\r\n",
        "X-Many: 1\r\n".repeat(200)
    );
    let answer = server.raw(many.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    // Of one that is not read to its end the answer may be lost on its way.
    let answer = server.raw(large.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 431") || answer.is_empty(),
        "{answer}"
    );
    let endless = format!("GET /{} HTTP/1.1\r\n", "x".repeat(100_000));
    let answer = server.raw(endless.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 4") || answer.is_empty(),
        "{answer}"
    );
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    let server = start(|config| config.write_timeout_ms = 300).await;
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    stream
        .write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    assert!(all.len() < 50_000_000, "{} bytes came", all.len());
}

/// covers: GW-2
#[tokio::test]
async fn one_address_has_so_many_connections_and_others_wait_for_room() {
    let server = start(|config| config.connections_per_address = 3).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        stream
            .write_all(b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut some = [0; 15];
        stream.read_exact(&mut some).await.unwrap();
        assert_eq!(&some, b"HTTP/1.1 200 OK");
        open.push(stream);
    }
    let ask = b"GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(server.raw(ask).await, "");
    open.clear();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(server.raw(ask).await.starts_with("HTTP/1.1 200"));

    let server = start(|config| config.max_connections = 1).await;
    let held = TcpStream::connect(&server.address).await.unwrap();
    let waiting = server.raw(ask);
    let (answer, ()) = tokio::join!(waiting, async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(held);
    });
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// Two servers in a row must not see two different requests in one text.
///
/// covers: GW-2
#[tokio::test]
async fn requests_cannot_be_smuggled() {
    let server = start(|_| {}).await;
    let head = "POST /body HTTP/1.1\r\nHost: x\r\n";
    let hidden = "GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (shape, refused) in [
        // Whoever goes by the length must not see what follows as another request.
        (
            format!(
                "{head}Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
                hidden.len() + 5
            ),
            false,
        ),
        (
            format!(
                "{head}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{hidden}"
            ),
            false,
        ),
        (
            format!("{head}Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde{hidden}"),
            true,
        ),
        (format!("{head}Content-Length: +3\r\n\r\nabc{hidden}"), true),
        (
            format!("{head}Content-Length: 3, 3\r\n\r\nabc{hidden}"),
            true,
        ),
        (
            format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}"),
            true,
        ),
        (
            format!("{head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}"),
            true,
        ),
        (
            format!("{head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
            true,
        ),
        (
            format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n{hidden}"),
            true,
        ),
        (
            format!(
                "{head}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nabc\r\n0\r\n\r\n{hidden}"
            ),
            true,
        ),
        (
            format!("POST /body HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
            true,
        ),
        (
            format!("GET /who HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n{hidden}"),
            true,
        ),
        (
            format!("GET /who HTTP/1.1\r\n X: folded\r\n\r\n{hidden}"),
            true,
        ),
    ] {
        let answer = server.raw(shape.as_bytes()).await;
        assert_eq!(answers(&answer), 1, "{shape}\n{answer}");
        let wanted = if refused {
            "HTTP/1.1 400"
        } else {
            "HTTP/1.1 200"
        };
        assert!(answer.starts_with(wanted), "{shape}\n{answer}");
    }
}

#[tokio::test]
async fn stopping_ends_quiet_connections_at_once_and_new_ones_are_not_made() {
    let mut server = start(|config| config.header_timeout_ms = 60_000).await;
    let quiet = TcpStream::connect(&server.address).await.unwrap();
    let mut kept = TcpStream::connect(&server.address).await.unwrap();
    kept.write_all(b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut some = [0; 15];
    kept.read_exact(&mut some).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let began = Instant::now();
    server.stop.take().unwrap().send(()).unwrap();
    server.ended.await.unwrap().unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert!(TcpStream::connect(&server.address).await.is_err());
    drop(quiet);
}

static LOOKING: Class = Class {
    name: "looking",
    priority: Priority::Low,
    kept_percent: 0,
    is_watched: false,
};
static GATE: Class = Class {
    name: "gate",
    priority: Priority::High,
    kept_percent: 0,
    is_watched: false,
};
static PROBE: Class = Class {
    name: "probe",
    priority: Priority::Always,
    kept_percent: 0,
    is_watched: false,
};

/// covers: GW-2, GW-6
#[tokio::test]
async fn what_can_wait_is_refused_while_what_must_not_stop_goes_on() {
    let nap = async || tokio::time::sleep(Duration::from_millis(500)).await;
    let routes = Router::new()
        .route("/look", get(nap))
        .route("/gate", get(nap))
        .route("/livez", get(async || "alive"));
    let edge = Edge {
        classify: |_, path| match path {
            "/livez" => &PROBE,
            "/gate" => &GATE,
            _ => &LOOKING,
        },
        load: Some(Arc::new(Load::new(3, Duration::from_secs(9), &[]))),
        ..Edge::default()
    };
    let config = HttpConfig::default();
    let router = http::layers(routes, &config, Arc::new(OsRandom), edge);
    let listener = http::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(
        async move { http::serve(listener, router, &config, std::future::pending()).await },
    );
    let client = client(None).build().unwrap();
    let ask = async |path: &str, after: u64| {
        tokio::time::sleep(Duration::from_millis(after)).await;
        let answer = client
            .get(format!("http://{address}{path}"))
            .send()
            .await
            .unwrap();
        (
            answer.status().as_u16(),
            answer.headers().contains_key("retry-after"),
        )
    };
    let answers = tokio::join!(
        ask("/look", 0),
        ask("/look", 0),
        ask("/look", 100),
        ask("/gate", 150),
        ask("/gate", 200),
        ask("/livez", 250)
    );
    let (well, busy) = ((200, false), (503, true));
    assert_eq!(answers, (well, well, busy, well, busy, well));
    assert_eq!(ask("/look", 300).await, well);
}
