//! What signing in costs: sign-ins per second per core, a session check per request, and what other
//! requests notice while people sign in.
//!
//! ```sh
//! cargo run --release -p bilten-server --example sign_in_bench
//! cargo run --release -p bilten-server --example sign_in_bench -- --seconds 10 --database-url postgres://…
//! ```
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement prints its result, and ends if it cannot go on"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bilten_kernel::config;
use bilten_kernel::random::OsRandom;
use bilten_server::app::App;
use bilten_server::config::{Config, DEFAULTS};
use bilten_server::identity::{
    self, Origin, Password, Proof, SessionKind, SignInStep, UserId, Visitor,
};
use bilten_server::{catalog, server};
use clap::Parser;

const PASSWORD: &str = "lantern orbit 42 teapot";

#[derive(Parser)]
struct Arguments {
    /// How long each figure is measured
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// The database; without it, a SQLite file in a temporary folder
    #[arg(long)]
    database_url: Option<String>,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir().unwrap();
    let mut config: Config = config::load(None, DEFAULTS, std::iter::empty()).unwrap();
    config.database.url = arguments
        .database_url
        .unwrap_or_else(|| format!("sqlite:{}", folder.path().join("bench.db").display()));
    config.secrets.master_key = "5a".repeat(32);
    config.mail.folder = folder.path().join("mail");
    let app = server::open(config).await.unwrap();
    let lasts = Duration::from_secs(arguments.seconds);
    let limits = &app.config.identity;
    println!(
        "Argon2id: {} KiB, {} iterations, {} lanes; {}",
        limits.argon2_memory_kib,
        limits.argon2_iterations,
        limits.argon2_lanes,
        app.db.engine()
    );

    // People sign in from their own devices, so that no limit is met.
    let people = people(&app, 64).await;
    hashing(&app, lasts).await;
    checks(&app, people[0].0, lasts).await;

    let quiet = others(&app, lasts, Arc::default()).await;
    println!(
        "other requests, nobody signs in: p50 {:?}, p99 {:?}",
        quiet.0, quiet.1
    );
    let stop = Arc::new(AtomicBool::new(false));
    let signing_in: Vec<_> = people
        .into_iter()
        .map(|(_, email, visitor)| {
            let (app, stop) = (app.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut count = 0u64;
                while !stop.load(Ordering::Relaxed) {
                    let password = Password::from(PASSWORD.to_owned());
                    let step = identity::sign_in(&app, &email, password, &visitor).await;
                    count += u64::from(matches!(step.unwrap(), SignInStep::Done(_)));
                }
                count
            })
        })
        .collect();
    let begin = Instant::now();
    let busy = others(&app, lasts, Arc::default()).await;
    stop.store(true, Ordering::Relaxed);
    let mut count = 0;
    for task in signing_in {
        count += task.await.unwrap();
    }
    let rate = count as f64 / begin.elapsed().as_secs_f64();
    println!(
        "other requests, {rate:.1} sign-ins/s: p50 {:?}, p99 {:?}",
        busy.0, busy.1
    );
}

async fn people(app: &App, count: usize) -> Vec<(UserId, String, Visitor)> {
    let mut people = Vec::with_capacity(count);
    for i in 0..count {
        let email = format!(
            "{}@example.com",
            bilten_kernel::random::token(&OsRandom, 16)
        );
        let profile = identity::checked_profile(&email, "Ana Novak", None).unwrap();
        let password = Password::from(PASSWORD.to_owned());
        let user = identity::create_person(app, profile, Some(password), true)
            .await
            .unwrap();
        let mut visitor = Visitor {
            origin: Origin::new([127, 0, (i / 250) as u8, (i % 250) as u8].into(), "bench"),
            device: None,
            kind: SessionKind::Page,
        };
        let password = Password::from(PASSWORD.to_owned());
        let step = identity::sign_in(app, &email, password, &visitor).await;
        if let SignInStep::Done(begun) = step.unwrap() {
            visitor.device = begun.device;
        }
        people.push((user, email, visitor));
    }
    people
}

/// Passwords per second on one core.
async fn hashing(app: &App, lasts: Duration) {
    let password = Password::from(PASSWORD.to_owned());
    let stored = app
        .passwords
        .hash(&*app.random, password.clone())
        .await
        .unwrap();
    let (begin, mut count) = (Instant::now(), 0u32);
    while begin.elapsed() < lasts {
        let verified = app
            .passwords
            .verify(&*app.random, Some(stored.clone()), password.clone())
            .await;
        assert!(verified.unwrap().is_right);
        count += 1;
    }
    let each = begin.elapsed() / count;
    println!(
        "passwords per second per core: {:.1} ({each:?} each)",
        1.0 / each.as_secs_f64()
    );
}

/// What it costs to know who makes a request.
async fn checks(app: &App, user: UserId, lasts: Duration) {
    for kind in [SessionKind::Page, SessionKind::App] {
        let work = app.clone();
        let begun = app.db.write(move |c| {
            Box::pin(async move {
                let origin = Origin::new([127, 0, 0, 1].into(), "bench");
                let proof = Proof::single("password");
                identity::begin_session(&work, c, user, kind, &proof, &origin, None).await
            })
        });
        let token = begun.await.unwrap().token;
        for is_known in [true, false] {
            let (begin, mut count) = (Instant::now(), 0u32);
            while begin.elapsed() < lasts {
                if !is_known {
                    app.principals.clear();
                }
                assert!(identity::authenticate(app, &token).await.unwrap().is_some());
                count += 1;
            }
            let each = begin.elapsed() / count;
            let how = if is_known {
                "known to the node"
            } else {
                "asked of the database"
            };
            println!("session check, {kind}, {how}: {each:?}");
        }
    }
}

/// How long small requests of others take.
async fn others(
    app: &App,
    lasts: Duration,
    times: Arc<std::sync::Mutex<Vec<Duration>>>,
) -> (Duration, Duration) {
    let until = Instant::now() + lasts;
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let (app, times) = (app.clone(), Arc::clone(&times));
        tasks.push(tokio::spawn(async move {
            let mut own = Vec::new();
            while Instant::now() < until {
                let begin = Instant::now();
                let tenant = identity::Tenant::whole(identity::OrganisationId::from_bytes([7; 16]));
                let by = catalog::EventSort::Newest;
                catalog::events_of(&app, &tenant, None, by, None, 10)
                    .await
                    .unwrap();
                own.push(begin.elapsed());
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            times.lock().unwrap().extend(own);
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let mut times = times.lock().unwrap().clone();
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    (at(0.5), at(0.99))
}
