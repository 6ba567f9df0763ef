//! What telemetry costs a request: an authenticated read of the API, through the whole router but
//! without a network, on SQLite.
//!
//! ```text
//! cargo run --release -p bilten-server --example telemetry_bench -- off|lines|metrics|traces|sampled [REQUESTS]
//! ```
//!
//! `off`: nothing is said. `lines`: a line of JSON for each request, to nowhere. `metrics`: that, and
//! Prometheus. `traces`: that, and all traces, to a collector in this process that throws them away.
//! `sampled`: the same with one trace in a hundred. One process for each, since what is set up once
//! stays. Prints the median and the 99th of 100 in microseconds.

#![expect(clippy::print_stdout, reason = "it prints figures")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on must stop")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use axum::routing::post;
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

async fn app(db: &TestDb, config: Config) -> App {
    let now = SystemClock.now();
    db.migrate(&[bilten_kernel::MIGRATIONS, MIGRATIONS], now)
        .await
        .unwrap();
    let masters = Masters::new(MasterKey::from_hex(&"5a".repeat(32)).unwrap(), Vec::new());
    let vault = Vault::unlock(db, masters, server::sealed_columns(), &OsRandom, now)
        .await
        .unwrap();
    let post = Post::new(&config, server::outside(&config)).unwrap();
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

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().unwrap_or_else(|| "off".to_owned());
    let requests: usize = arguments
        .next()
        .map_or(50_000, |count| count.parse().unwrap());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let db = TestDb::new(Engine::Sqlite).await;
    let mut config: Config = config::load(None, DEFAULTS, std::iter::empty()).unwrap();
    config.database = db.config().clone();

    let is_traced = mode == "traces" || mode == "sampled";
    if is_traced {
        config.telemetry.otlp_url = collector().await;
        config.telemetry.sample_ratio = if mode == "sampled" { 0.01 } else { 1.0 };
    }
    if is_traced || mode == "metrics" {
        export::prometheus().unwrap();
    }
    let traces = export::traces(&config.telemetry).unwrap();
    let (layer, finish) = traces.map(export::Traces::split).unzip();
    if mode != "off" {
        // Standard error is where lines go: send it to /dev/null.
        let log = LogConfig {
            format: LogFormat::Json,
            level: "info".to_owned(),
        };
        init_with(&log, layer).unwrap();
    }

    let app = app(&db, config).await;
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
