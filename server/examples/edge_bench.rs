//! What the edge costs: the layers around a route and the whole server against a bare axum route,
//! limits with a million keys, and quiet event streams.
//!
//! ```text
//! cargo run --release -p bilten-server --example edge_bench 2>/dev/null
//! ```
//!
//! Everything is as in production: release, a line of JSON for each request (to standard error,
//! which is thrown away), metrics collected, limits counted, SQLite. Three servers in one process,
//! on worker threads of their own, and one client on a thread of its own:
//!
//! - `bare`: one axum route behind `axum::serve`, which gives the bytes that the server gives;
//! - `layers`: the same route inside all layers of the edge;
//! - `server`: the real router, `GET /api/v1/events` with an API key.
//!
//! The client is a closed loop over HTTP/1.1 connections that are kept: one connection for times,
//! [`CONNECTIONS`] for rates. Rounds are interleaved and each begins with a warm-up; the table has
//! medians over the rounds. On loopback only differences and ratios mean something. Memory of
//! streams is the server's alone: the other ends are in a process of their own. It ends by itself,
//! after [`LONGEST`] in any case.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that cannot go on must stop, and prints"
)]

use std::convert::Infallible;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use bilten_adapters::telemetry as export;
use bilten_kernel::http::{self, HttpConfig, Table};
use bilten_kernel::random::OsRandom;
use bilten_kernel::telemetry::{LogConfig, LogFormat, init_with};
use bilten_server::app::App;
use bilten_server::config::{Config, DEFAULTS};
use bilten_server::edge::Front;
use bilten_server::{identity, router, server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often each server is measured.
const ROUNDS: usize = 5;
/// How many requests of a round are timed, and how many before them are not.
const TIMED: usize = 3_000;
const WARM_UP: usize = 500;
/// How many connections ask at once for a rate, and for how long.
const CONNECTIONS: usize = 16;
const RATE_FOR: Duration = Duration::from_secs(2);
const KEYS: usize = 1_000_000;
const STREAMS: usize = 10_000;
/// After how long it is given up.
const LONGEST: Duration = Duration::from_secs(240);

/// The present memory of this process, in MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib: f64 = line
        .and_then(|line| line.split_whitespace().nth(1))
        .and_then(|text| text.parse().ok())
        .unwrap_or(f64::NAN);
    kib / 1024.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A connection that asks the same thing again and again.
struct Asking {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Asking {
    async fn new(target: &Target) -> Self {
        let stream = TcpStream::connect(&target.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nAuthorization: Bearer {}\r\n\r\n",
            target.path, target.key
        );
        Self {
            stream,
            request: request.into_bytes(),
            buffer: vec![0; 64 * 1024],
        }
    }

    /// Asks once; gives the body.
    async fn ask(&mut self) -> &[u8] {
        self.stream.write_all(&self.request).await.unwrap();
        let mut length = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[length..]).await.unwrap();
            assert!(read > 0, "the server hung up");
            length += read;
            let Some(head) = find(&self.buffer[..length], b"\r\n\r\n") else {
                continue;
            };
            let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
            assert!(text.starts_with("http/1.1 200"), "{text}");
            let begin = head + 4;
            let body = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let body: usize = body.unwrap().trim().parse().unwrap();
            if length >= begin + body {
                return &self.buffer[begin..begin + body];
            }
        }
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|part| part == what)
}

/// Somebody to be measured.
struct Target {
    name: &'static str,
    address: String,
    path: &'static str,
    key: String,
    /// Medians of each round in microseconds, 99th of 100, and requests a second.
    p50: Vec<f64>,
    p99: Vec<f64>,
    rate: Vec<f64>,
}

impl Target {
    fn new(name: &'static str, address: String, path: &'static str, key: &str) -> Self {
        Self {
            name,
            address,
            path,
            key: key.to_owned(),
            p50: Vec::new(),
            p99: Vec::new(),
            rate: Vec::new(),
        }
    }

    async fn measure(&mut self) {
        let mut one = Asking::new(self).await;
        for _ in 0..WARM_UP {
            one.ask().await;
        }
        let mut took = Vec::with_capacity(TIMED);
        for _ in 0..TIMED {
            let began = Instant::now();
            one.ask().await;
            took.push(began.elapsed().as_secs_f64() * 1e6);
        }
        took.sort_by(f64::total_cmp);
        self.p50.push(took[took.len() / 2]);
        self.p99.push(took[took.len() * 99 / 100]);
        let began = Instant::now();
        let mut all = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut one = Asking::new(self).await;
            all.push(async move {
                let mut count = 0_u32;
                while began.elapsed() < RATE_FOR {
                    one.ask().await;
                    count += 1;
                }
                count
            });
        }
        let asked: u32 = futures_util::future::join_all(all).await.into_iter().sum();
        self.rate
            .push(f64::from(asked) / began.elapsed().as_secs_f64());
    }
}

fn config(folder: &std::path::Path) -> Config {
    let mut config: Config =
        bilten_kernel::config::load(None, DEFAULTS, std::iter::empty()).unwrap();
    config.database.url = format!("sqlite:{}/bench.db", folder.display());
    config.secrets.master_key = "5a".repeat(32);
    config.mail.folder = folder.join("mail");
    // This machine is counted like anybody else, and never refused.
    config.visitors.always.clear();
    config.visitors.refusals = None;
    config.http.connections_per_address = 0;
    let plenty = "1000000/1".parse().ok();
    let api = &mut config.limits.api;
    (api.address, api.key, api.organisation) = (plenty, plenty, plenty);
    config
}

/// One route that gives this JSON.
fn route(answer: &'static [u8]) -> Router {
    let answer = move || async move { ([(CONTENT_TYPE, "application/json")], answer) };
    Router::new().route("/api/v1/bench", get(answer))
}

async fn serve(router: Router, config: HttpConfig) -> String {
    let listener = http::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        http::serve(listener, router, &config, std::future::pending())
            .await
            .unwrap();
    });
    address
}

async fn serve_bare(router: Router) -> String {
    let listener = http::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// Times and rates of all, as a table.
fn rates(servers: &Runtime, client: &Runtime, app: &App, front: &Front) {
    let key = servers.block_on(async {
        let organisation = identity::create_organisation(app, "Bench").await.unwrap();
        let (_, key) = identity::create_api_key(app, organisation.id, "bench")
            .await
            .unwrap();
        key
    });
    let config = app.config.http.clone();
    let real = router::router(app.clone(), front.edge.clone());
    let address = servers.block_on(serve(real, config.clone()));
    let real = Target::new("server", address, "/api/v1/events", &key);
    // All give the same bytes.
    let answer: &'static [u8] = client.block_on(async {
        let mut one = Asking::new(&real).await;
        one.ask().await.to_vec().leak()
    });
    let path = "/api/v1/bench";
    let address = servers.block_on(serve_bare(route(answer)));
    let bare = Target::new("bare", address, path, &key);
    let layered = http::layers(
        route(answer),
        &config,
        Arc::new(OsRandom),
        front.edge.clone(),
    );
    let address = servers.block_on(serve(layered, config));
    let layers = Target::new("layers", address, path, &key);
    let mut all = [bare, layers, real];
    for _ in 0..ROUNDS {
        for target in &mut all {
            client.block_on(target.measure());
        }
    }
    println!(
        "an answer of {} bytes, medians of {ROUNDS} rounds:",
        answer.len()
    );
    println!("| | p50 | p99 | requests/s | added p50 | added p99 | of bare |");
    println!("|---|---|---|---|---|---|---|");
    let medians = |target: &Target| {
        let of = |values: &[f64]| median(values.to_vec());
        (of(&target.p50), of(&target.p99), of(&target.rate))
    };
    let (p50, p99, rate) = medians(&all[0]);
    for target in &all {
        let own = medians(target);
        println!(
            "| {} | {:.0} µs | {:.0} µs | {:.0} | {:+.0} µs | {:+.0} µs | {:.0} % |",
            target.name,
            own.0,
            own.1,
            own.2,
            own.0 - p50,
            own.1 - p99,
            own.2 / rate * 100.0
        );
    }
}

fn limits() {
    let names: Vec<String> = (0..KEYS).map(|key| format!("api:address:{key}")).collect();
    let before = resident();
    let table = Table::new(KEYS);
    let quota = "600/60".parse().unwrap();
    let now = 1_800_000_000_000_000;
    // The first touches each page of the table, the others find what is there.
    let mut each = Vec::new();
    let mut kept = 0;
    for round in 0..ROUNDS {
        let began = Instant::now();
        for name in &names {
            let outcome = table.take(name, quota, now);
            kept += usize::from(round == 1 && outcome.left < 599);
        }
        each.push(began.elapsed().as_secs_f64() * 1e9 / names.len() as f64);
    }
    println!(
        "limits with {KEYS} keys: {:.1} MiB, {:.0} ns a check ({:.0} ns the first time), {kept} of them remembered",
        resident() - before,
        median(each[1..].to_vec()),
        each[0]
    );
}

/// The other ends of streams: `edge_bench hold ADDRESS COUNT` says how many it has, and keeps them
/// until its input ends.
fn hold(address: &str, count: usize) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let open = runtime.block_on(async {
        let mut open = Vec::with_capacity(count);
        for _ in 0..count {
            let Ok(mut stream) = TcpStream::connect(address).await else {
                break;
            };
            let request = b"GET /api/v1/quiet HTTP/1.1\r\nHost: x\r\n\r\n";
            let mut head = [0; 1_024];
            if stream.write_all(request).await.is_err()
                || !matches!(stream.read(&mut head).await, Ok(1..))
            {
                break;
            }
            open.push(stream);
        }
        open
    });
    println!("{}", open.len());
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
}

fn streams(servers: &Runtime, app: &App, front: &Front) {
    let quiet = async || {
        let nothing = futures_util::stream::pending::<Result<Event, Infallible>>();
        Sse::new(nothing).keep_alive(KeepAlive::default())
    };
    let routes = Router::new().route("/api/v1/quiet", get(quiet));
    let config = app.config.http.clone();
    let layered = http::layers(routes, &config, Arc::new(OsRandom), front.edge.clone());
    let address = servers.block_on(serve(layered, config));
    let before = resident();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["hold", &address, &STREAMS.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    let open: f64 = line.trim().parse().unwrap_or(0.0);
    let took = resident() - before;
    println!(
        "{open} quiet event streams: {took:.1} MiB, {:.1} KiB each",
        took * 1024.0 / open.max(1.0)
    );
    if open < STREAMS as f64 {
        println!("(fewer than {STREAMS}: raise ulimit -n)");
    }
    // It ends when its input does.
    drop(child.stdin.take());
    child.wait().unwrap();
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Whoever waits for something that never comes ends, too.
    std::thread::spawn(|| {
        std::thread::sleep(LONGEST);
        std::process::exit(1);
    });
    if let [word, address, count] = arguments.as_slice()
        && word == "hold"
    {
        hold(address, count.parse().unwrap());
        return;
    }
    if std::io::stderr().is_terminal() {
        println!("send standard error to /dev/null: a terminal is slower than what is measured");
        return;
    }
    if cfg!(debug_assertions) {
        println!("build it with --release");
        return;
    }
    let log = LogConfig {
        format: LogFormat::Json,
        level: "info".to_owned(),
    };
    init_with(&log, None).unwrap();
    export::prometheus().unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    limits();
    let folder = tempfile::tempdir().unwrap();
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let servers = Builder::new_multi_thread()
        .worker_threads(cores.saturating_sub(1).max(1))
        .enable_all()
        .build()
        .unwrap();
    let client = Builder::new_current_thread().enable_all().build().unwrap();
    let app = servers
        .block_on(server::open(config(folder.path())))
        .unwrap();
    let front = Front::new(&app).unwrap();
    rates(&servers, &client, &app, &front);
    streams(&servers, &app, &front);
    servers.block_on(app.db.clone().close());
    servers.shutdown_timeout(Duration::from_secs(5));
}
