//! What the edge costs: the whole stack against a bare route, limits with a million keys, and quiet
//! event streams.
//!
//! ```text
//! cargo run --release -p bilten-server --example edge_bench
//! ```
//!
//! All in one process on loopback, so only the ratios mean something. Ends by itself in a minute.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that cannot go on must stop, and prints"
)]

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use bilten_kernel::http::{self, HttpConfig, Json, Table};
use bilten_kernel::random::OsRandom;
use bilten_server::app::App;
use bilten_server::config::{Config, DEFAULTS};
use bilten_server::edge::Front;
use bilten_server::server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REQUESTS: usize = 20_000;
const KEYS: usize = 1_000_000;
const STREAMS: usize = 10_000;

/// Memory that is really used, in MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib: f64 = line
        .and_then(|line| line.split_whitespace().nth(1))
        .and_then(|text| text.parse().ok())
        .unwrap_or(f64::NAN);
    kib / 1024.0
}

fn routes() -> Router {
    let answer = serde_json::json!({"id": "evt_1", "name": "Večer", "tiers": [{"name": "Standing", "price_minor": 2500}]});
    let quiet = async || Sse::new(futures_util::stream::pending::<Result<Event, Infallible>>());
    Router::new()
        .route(
            "/api/v1/bench",
            get(move || {
                let answer = answer.clone();
                async move { Json(answer) }
            }),
        )
        .route("/api/v1/quiet", get(quiet))
}

async fn app(folder: &std::path::Path) -> App {
    let mut config: Config =
        bilten_kernel::config::load(None, DEFAULTS, std::iter::empty()).unwrap();
    config.database.url = format!("sqlite:{}/bench.db", folder.display());
    config.secrets.master_key = "5a".repeat(32);
    config.mail.folder = folder.join("mail");
    // Counted like anybody else, and never refused.
    config.visitors.always.clear();
    config.limits.api.address = "1000000/1".parse().ok();
    server::open(config).await.unwrap()
}

/// Serves a router; gives its address.
async fn serve(router: Router) -> String {
    let listener = http::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let config = HttpConfig {
        connections_per_address: 0,
        ..HttpConfig::default()
    };
    tokio::spawn(async move {
        http::serve(listener, router, &config, std::future::pending())
            .await
            .unwrap();
    });
    address
}

/// How long requests take one after the other, sorted, and how many a second come through sixteen
/// connections.
async fn measure(address: &str) -> (Vec<Duration>, f64) {
    let ask = async |count: usize| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let request = b"GET /api/v1/bench HTTP/1.1\r\nHost: x\r\n\r\n";
        let (mut took, mut buffer) = (Vec::with_capacity(count), vec![0; 16_384]);
        for _ in 0..count {
            let began = Instant::now();
            stream.write_all(request).await.unwrap();
            let mut length = 0;
            while !buffer[..length].ends_with(b"}") {
                length += stream.read(&mut buffer[length..]).await.unwrap();
            }
            took.push(began.elapsed());
        }
        took
    };
    ask(REQUESTS / 10).await;
    let mut took = ask(REQUESTS).await;
    took.sort_unstable();
    let began = Instant::now();
    let all = (0..16).map(|_| ask(REQUESTS / 16));
    futures_util::future::join_all(all).await;
    let rate = f64::from(u32::try_from(REQUESTS).unwrap()) / began.elapsed().as_secs_f64();
    (took, rate)
}

fn limits() {
    let before = resident();
    let table = Table::new(KEYS);
    let quota = "600/60".parse().unwrap();
    let now = 1_800_000_000_000_000;
    let began = Instant::now();
    for key in 0..KEYS {
        table.take(&format!("api:address:{key}"), quota, now);
    }
    let each = began.elapsed() / u32::try_from(KEYS).unwrap();
    let kept = (0..KEYS).filter(|key| {
        let outcome = table.take(&format!("api:address:{key}"), quota, now);
        outcome.left < 599
    });
    let kept = kept.count();
    println!(
        "limits with {KEYS} keys: {:.1} MiB, {each:?} a request, {kept} of them remembered",
        resident() - before
    );
}

async fn streams(address: &str) {
    let before = resident();
    let mut open = Vec::with_capacity(STREAMS);
    for _ in 0..STREAMS {
        let Ok(mut stream) = TcpStream::connect(address).await else {
            break;
        };
        let request = b"GET /api/v1/quiet HTTP/1.1\r\nHost: x\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut head = [0; 512];
        if !matches!(stream.read(&mut head).await, Ok(1..)) {
            break;
        }
        open.push(stream);
    }
    let took = resident() - before;
    let each = took * 1024.0 / f64::from(u32::try_from(open.len().max(1)).unwrap());
    println!(
        "{} quiet event streams: {took:.1} MiB, {each:.1} KiB each with both ends in this process",
        open.len()
    );
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    limits();
    let app = app(folder.path()).await;
    let front = Front::new(&app).unwrap();
    let config = &app.config.http;
    let whole = http::layers(routes(), config, Arc::new(OsRandom), front.edge.clone());
    let bare = serve(routes()).await;
    let whole = serve(whole).await;
    let micros = |took: &[Duration], share: usize| took[took.len() * share / 1_000].as_micros();
    let mut rates = Vec::new();
    for (name, address) in [
        ("bare", &bare),
        ("whole stack", &whole),
        ("bare", &bare),
        ("whole stack", &whole),
    ] {
        let (took, rate) = measure(address).await;
        println!(
            "{name}: p50 {} us, p99 {} us, {rate:.0} requests/s",
            micros(&took, 500),
            micros(&took, 990)
        );
        rates.push(rate);
    }
    println!(
        "the whole stack serves {:.0} % of bare",
        rates[3] / rates[2] * 100.0
    );
    streams(&whole).await;
    app.db.clone().close().await;
}
