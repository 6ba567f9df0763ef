//! What telemetry costs a request: an authenticated read of the API, through the whole router but
//! without a network, on SQLite.
//!
//! ```text
//! cargo run --release -p bilten-server --example telemetry_bench 2>/dev/null
//! cargo run --release -p bilten-server --example telemetry_bench -- off|lines|metrics|traces|sampled [REQUESTS] 2>/dev/null
//! ```
//!
//! Without a mode it measures all of them, [`ROUNDS`] times in turn, and prints the medians as a table.
//!
//! `off`: nothing is said. `lines`: a line of JSON for each request, to nowhere. `metrics`: that, and
//! Prometheus. `traces`: that, and all traces, to a collector in this process that throws them away.
//! `sampled`: the same with one trace in a hundred. One process for each, since what is set up once
//! stays. Prints the median and the 99th of 100 in microseconds. One request after the other, after a
//! warm-up; it ends after [`LONGEST`] in any case.

#![expect(clippy::print_stdout, reason = "it prints figures")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on must stop")]

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use axum::routing::post;
use bilten_adapters::outgoing::Outside;
use bilten_adapters::telemetry as export;
use bilten_kernel::clock::{Clock, SystemClock};
use bilten_kernel::config;
use bilten_kernel::random::OsRandom;
use bilten_kernel::telemetry::{LogConfig, LogFormat, init_with};
use bilten_kernel::testing::{Engine, TestDb};
use bilten_server::app::{App, Post};
use bilten_server::config::{Config, DEFAULTS};
use bilten_server::edge::Front;
use bilten_server::platform::{MasterKey, Masters, Vault};
use bilten_server::{MIGRATIONS, identity, router, server};
use tower::ServiceExt;

/// How often each mode is measured.
const ROUNDS: usize = 5;
/// How many requests one process times.
const REQUESTS: usize = 20_000;
/// After how long one process, or all of them, are given up.
const LONGEST: Duration = Duration::from_secs(600);
const MODES: &[&str] = &["off", "lines", "metrics", "traces", "sampled"];

async fn app(db: &TestDb, config: Config, outside: Arc<Outside>) -> App {
    let now = SystemClock.now();
    db.migrate(&[bilten_kernel::MIGRATIONS, MIGRATIONS], now)
        .await
        .unwrap();
    let masters = Masters::new(MasterKey::from_hex(&"5a".repeat(32)).unwrap(), Vec::new());
    let vault = Vault::unlock(db, masters, server::sealed_columns(), &OsRandom, now)
        .await
        .unwrap();
    let post = Post::new(&config, outside).unwrap();
    App::new(
        db.db(),
        Arc::new(SystemClock),
        Arc::new(OsRandom),
        config,
        vault,
        post,
    )
}

/// A collector that takes everything and keeps nothing.
async fn collector() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/v1/traces", post(|| async {}));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Measures all modes in turn, each in a process of its own; prints the medians.
fn all() {
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let mut figures = vec![(Vec::new(), Vec::new()); MODES.len()];
    for _ in 0..ROUNDS {
        for (mode, (p50, p99)) in MODES.iter().zip(&mut figures) {
            let ended = Command::new(std::env::current_exe().unwrap())
                .arg(mode)
                .arg(REQUESTS.to_string())
                .stderr(Stdio::null())
                .output()
                .unwrap();
            assert!(ended.status.success(), "{mode} failed");
            let said = String::from_utf8(ended.stdout).unwrap();
            // `off: p50 1.0 µs, p99 2.0 µs`
            let mut words = said.split(' ').filter_map(|word| word.parse::<f64>().ok());
            p50.push(words.next().unwrap());
            p99.push(words.next().unwrap());
        }
    }
    println!("medians of {ROUNDS} rounds of {REQUESTS} requests:");
    println!("| | p50 | p99 |");
    println!("|---|---|---|");
    for (mode, (p50, p99)) in MODES.iter().zip(&mut figures) {
        println!("| {mode} | {:.1} µs | {:.1} µs |", median(p50), median(p99));
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    std::thread::spawn(|| {
        std::thread::sleep(LONGEST);
        std::process::exit(1);
    });
    let Some(mode) = arguments.next() else {
        return all();
    };
    let requests = arguments
        .next()
        .map_or(REQUESTS, |count| count.parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure(&mode, requests));
}

async fn measure(mode: &str, requests: usize) {
    assert!(MODES.contains(&mode), "one of {MODES:?}");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let db = TestDb::new(Engine::Sqlite).await;
    let mut config: Config = config::load(None, DEFAULTS, std::iter::empty()).unwrap();
    config.database = db.config().clone();
    // Counted like anybody, and never refused.
    let plenty = "1000000/1".parse().ok();
    let api = &mut config.limits.api;
    (api.address, api.key, api.organisation) = (plenty, plenty, plenty);

    let is_traced = mode == "traces" || mode == "sampled";
    if is_traced {
        config.telemetry.otlp_url = collector().await;
        config.telemetry.sample_ratio = if mode == "sampled" { 0.01 } else { 1.0 };
    }
    if is_traced || mode == "metrics" {
        export::prometheus().unwrap();
    }
    let outside = server::outside(&config);
    let traces = export::traces(&config.telemetry, &outside).unwrap();
    let (layer, finish) = traces.map(export::Traces::split).unzip();
    if mode != "off" {
        // Standard error is where lines go: send it to /dev/null.
        let log = LogConfig {
            format: LogFormat::Json,
            level: "info".to_owned(),
        };
        init_with(&log, layer).unwrap();
    }

    let app = app(&db, config, outside).await;
    let organisation = identity::create_organisation(&app, "Bench").await.unwrap();
    let (_, key) = identity::create_api_key(&app, organisation.id, "bench")
        .await
        .unwrap();
    let front = Front::new(&app).unwrap();
    let router = router::router(app.clone(), front.edge.clone());
    let mut times = Vec::with_capacity(requests);
    for round in 0..requests + 1_000 {
        let request = Request::get("/api/v1/events")
            .header("authorization", format!("Bearer {key}"))
            .body(Body::empty())
            .unwrap();
        let began = Instant::now();
        let answer = router.clone().oneshot(request).await.unwrap();
        let took = began.elapsed();
        assert_eq!(answer.status(), 200);
        if round >= 1_000 {
            times.push(took);
        }
    }
    if let Some(finish) = finish {
        let _ = tokio::task::spawn_blocking(finish).await;
    }
    times.sort_unstable();
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        let time: Duration = times[place.min(times.len() - 1)];
        time.as_secs_f64() * 1e6
    };
    println!("{mode}: p50 {:.1} µs, p99 {:.1} µs", at(0.5), at(0.99));
}
