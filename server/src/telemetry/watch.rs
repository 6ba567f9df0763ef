//! Looks every few seconds how this node is, and sets the gauges that nobody counts by the way.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bilten_adapters::outgoing::{COLLECTOR, MAIL_SERVER, PEERS, Peer, SHARED_LIMITS, SMS_GATEWAY};
use bilten_adapters::telemetry::upkeep;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::DbError;
use bilten_kernel::jobs::{self, Backlog};
use bilten_kernel::metric;
use bilten_kernel::outbox;

use super::disk::{self, LITTLE, MIB, TOO_LITTLE};
use super::health::{Check, Condition, Part};
use crate::app::App;
use crate::{access, catalog, platform};

/// How often the level of the log is looked after.
const TICK: Duration = Duration::from_secs(2);
/// How often everything is looked at.
const LOOK: Duration = Duration::from_secs(15);
/// How long the database may take for a sign of life, and how long that is good.
const PATIENCE: Duration = Duration::from_secs(3);
const SLOW: Duration = Duration::from_millis(500);
/// How long nobody may have looked for jobs.
const JOBS_SILENT: Duration = Duration::from_secs(60);
/// How long jobs and entries of the outbox may wait.
const LATE: Duration = Duration::from_secs(120);
const TOO_LATE: Duration = Duration::from_secs(900);

metric! {
    /// Which version runs: always 1.
    BUILD: Gauge = "bilten_build_info"
}
metric! {
    /// How parts of this node are: 0 ok, 1 degraded, 2 failed.
    HEALTH: Gauge = "bilten_health"
}
metric! {
    /// Connections to PostgreSQL, by whether they are used.
    POOL: Gauge = "bilten_db_pool_connections"
}
metric! {
    /// How many connections to PostgreSQL this node may open.
    POOL_MOST: Gauge = "bilten_db_pool_max_connections"
}
metric! {
    /// Writes that wait for the writer of SQLite.
    QUEUED: Gauge = "bilten_db_writer_queue"
}
metric! {
    /// Jobs that are to be done: due, later, or dead.
    JOBS: Gauge = "bilten_jobs_waiting"
}
metric! {
    /// How long the oldest job that is due has been so.
    JOBS_AGE: Gauge = "bilten_jobs_oldest_due_seconds"
}
metric! {
    /// Entries of the outbox that are to be delivered, or dead.
    OUTBOX: Gauge = "bilten_outbox_entries"
}
metric! {
    /// How long the oldest entry of the outbox has waited.
    OUTBOX_LAG: Gauge = "bilten_outbox_lag_seconds"
}
metric! {
    /// Room on the disk that the data is on.
    DISK_FREE: Gauge = "bilten_disk_free_bytes"
}
metric! {
    /// The size of the disk that the data is on.
    DISK_SIZE: Gauge = "bilten_disk_size_bytes"
}
metric! {
    /// Events that can be bought tickets of just now.
    ON_SALE: Gauge = "bilten_events_on_sale"
}
metric! {
    /// Devices of events that take place just now: `active`, or `silent` after they have been heard of.
    SCANNERS: Gauge = "bilten_scanners"
}

metric! {
    /// Destinations that failed again and again, by what they are to us: `open` ones are left alone,
    /// of `half_open` ones the next call finds out whether they are back.
    BREAKERS: Gauge = "bilten_outgoing_breakers"
}

/// Watches until it is dropped.
pub async fn watch(app: &App) {
    BUILD.set(
        &[
            ("database", app.db.engine()),
            ("version", env!("CARGO_PKG_VERSION")),
        ],
        1,
    );
    let mut looked: Option<Instant> = None;
    loop {
        platform::obey_log_level(app).await;
        if looked.is_none_or(|at| at.elapsed() >= LOOK) {
            looked = Some(Instant::now());
            look(app).await;
        }
        tokio::time::sleep(TICK).await;
    }
}

/// Looks at everything once.
pub async fn look(app: &App) {
    let now = app.now();
    let database = database(app).await;
    let answers = database.condition != Condition::Failed;
    let mut checks = vec![database];
    checks.extend(room(app));
    checks.push(others(app, Part::Post, &[&MAIL_SERVER, &SMS_GATEWAY]));
    checks.push(others(app, Part::Outside, &[&COLLECTOR, &SHARED_LIMITS]));
    if answers {
        checks.push(jobs_check(app, now).await);
        checks.push(outbox_check(app, now).await);
        if let Err(error) = business(app, now).await {
            tracing::warn!(%error, "what is on sale and who scans cannot be counted just now");
        }
    }
    usage(app);
    upkeep();
    for check in &checks {
        let value = match check.condition {
            Condition::Ok => 0,
            Condition::Degraded => 1,
            Condition::Failed => 2,
        };
        HEALTH.set(&[("part", check.part.as_str())], value);
    }
    app.health.keep(checks, now);
}

fn found(part: Part, condition: Condition, detail: impl ToString) -> Check {
    Check {
        part,
        condition,
        detail: detail.to_string(),
    }
}

async fn database(app: &App) -> Check {
    let began = Instant::now();
    let answer = tokio::time::timeout(PATIENCE, platform::ping(app)).await;
    let took = began.elapsed();
    match answer {
        Ok(Ok(())) if took > SLOW => found(
            Part::Database,
            Condition::Degraded,
            format_args!("it took {} ms to answer", took.as_millis()),
        ),
        Ok(Ok(())) => found(
            Part::Database,
            Condition::Ok,
            format_args!("{} answers in {} ms", app.db.engine(), took.as_millis()),
        ),
        // What it said may name hosts; the code is enough, the rest is in the log.
        Ok(Err(error)) => {
            tracing::error!(%error, "the database does not answer");
            found(Part::Database, Condition::Failed, error.code())
        }
        Err(_) => found(
            Part::Database,
            Condition::Failed,
            "it does not answer in time",
        ),
    }
}

/// Where this node keeps what must not be lost.
fn data_folder(app: &App) -> Option<PathBuf> {
    if let Ok(Some(file)) = app.config.database.lite_file() {
        return Some(disk::existing_folder(&file.path));
    }
    let key = &app.config.secrets;
    let has_file = key.master_key.is_empty();
    has_file.then(|| disk::existing_folder(&key.master_key_file))
}

fn room(app: &App) -> Option<Check> {
    let folder = data_folder(app)?;
    match disk::room(&folder) {
        Ok(Some(room)) => {
            DISK_FREE.set(&[], i64::try_from(room.free).unwrap_or(i64::MAX));
            DISK_SIZE.set(&[], i64::try_from(room.size).unwrap_or(i64::MAX));
            let condition = match room.free {
                0..TOO_LITTLE => Condition::Failed,
                TOO_LITTLE..LITTLE => Condition::Degraded,
                LITTLE.. => Condition::Ok,
            };
            let detail = format!("{} MiB are free", room.free / MIB);
            Some(found(Part::Disk, condition, detail))
        }
        Ok(None) => None,
        Err(error) => Some(found(Part::Disk, Condition::Degraded, error)),
    }
}

/// Whether others that the operator has chosen answer. The server goes on without them.
fn others(app: &App, part: Part, peers: &[&Peer]) -> Check {
    let failing: Vec<_> = peers
        .iter()
        .filter(|peer| {
            let failing = app.outside.failing(peer);
            failing.open + failing.half_open > 0
        })
        .map(|peer| peer.name)
        .collect();
    if failing.is_empty() {
        found(part, Condition::Ok, "nobody fails")
    } else {
        let names = failing.join(", ");
        let detail = format!("left alone after failures: {names}");
        found(part, Condition::Degraded, detail)
    }
}

/// How bad it is that something waits so long.
fn lateness(age: Duration) -> Condition {
    if age > TOO_LATE {
        Condition::Failed
    } else if age > LATE {
        Condition::Degraded
    } else {
        Condition::Ok
    }
}

async fn jobs_check(app: &App, now: Timestamp) -> Check {
    let Backlog {
        due,
        later,
        dead,
        oldest_due,
    } = match jobs::backlog(&app.db, now).await {
        Ok(backlog) => backlog,
        Err(error) => return found(Part::Jobs, Condition::Degraded, error.code()),
    };
    for (state, count) in [("due", due), ("later", later), ("dead", dead)] {
        JOBS.set(&[("state", state)], count);
    }
    let age = oldest_due.map_or(Duration::ZERO, |at| now.since(at));
    JOBS_AGE.set_exact(&[], age.as_secs_f64());
    let silent = app.db.jobs_looked_at().map(|at| now.since(at));
    let is_silent = silent.is_some_and(|silent| silent > JOBS_SILENT);
    let condition = if is_silent {
        Condition::Failed
    } else {
        lateness(age)
    };
    let waits = age.as_secs();
    let detail = format!("{due} due, the oldest for {waits} s; {later} later, {dead} dead");
    found(Part::Jobs, condition, detail)
}

async fn outbox_check(app: &App, now: Timestamp) -> Check {
    let lag = match outbox::lag(&app.db).await {
        Ok(lag) => lag,
        Err(error) => return found(Part::Outbox, Condition::Degraded, error.code()),
    };
    let (waiting, dead) = (lag.waiting, lag.dead);
    for (state, count) in [("waiting", waiting), ("dead", dead)] {
        OUTBOX.set(&[("state", state)], count);
    }
    let age = lag.age(now);
    OUTBOX_LAG.set_exact(&[], age.as_secs_f64());
    let waits = age.as_secs();
    let detail = format!("{waiting} wait, the oldest for {waits} s; {dead} dead letters");
    found(Part::Outbox, lateness(age), detail)
}

async fn business(app: &App, now: Timestamp) -> Result<(), DbError> {
    ON_SALE.set(&[], catalog::count_on_sale(app, now).await?);
    let scanners = access::count_scanners(app, now).await?;
    SCANNERS.set(&[("state", "active")], scanners.active);
    SCANNERS.set(&[("state", "silent")], scanners.silent);
    Ok(())
}

fn usage(app: &App) {
    for peer in PEERS {
        let failing = app.outside.failing(peer);
        for (state, count) in [("open", failing.open), ("half_open", failing.half_open)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            BREAKERS.set(&[("peer", peer.name), ("state", state)], count);
        }
    }
    let usage = app.db.usage();
    QUEUED.set(&[], i64::try_from(usage.writes_queued).unwrap_or(i64::MAX));
    if let Some(connections) = usage.connections {
        let used = connections.open.saturating_sub(connections.idle);
        POOL.set(&[("state", "used")], i64::from(used));
        POOL.set(&[("state", "idle")], i64::from(connections.idle));
        POOL_MOST.set(&[], i64::from(connections.most));
    }
}
