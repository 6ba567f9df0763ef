//! The life of a server: opened, migrated, serving, stopped.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bilten_adapters::nodes::{self, NodesUrlError};
use bilten_adapters::outgoing::Outside;
use bilten_kernel::clock::{Clock, SystemClock};
use bilten_kernel::db::{Db, DbError};
use bilten_kernel::http::{self, ServeError};
use bilten_kernel::jobs::JobRunner;
use bilten_kernel::outbox::Dispatcher;
use bilten_kernel::random::{OsRandom, Random};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::{App, Post, PostError};
use crate::config::Config;
use crate::edge::{self, EdgeError, Front};
use crate::platform::{KeysError, SealedColumn, Vault, VaultError};
use crate::{
    MIGRATIONS, identity, inspect, payments, platform, router, sales, telemetry, tickets,
    waiting_room, webhooks,
};

/// How often holds and orders whose time is over are ended.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// How often waiting rooms make a step.
const WAITING_EVERY: Duration = Duration::from_secs(1);
/// How often what came back is offered to those who wait for it.
const WAITLIST_EVERY: Duration = Duration::from_secs(2);
/// How often files that nobody named in time are deleted.
const FILES_EVERY: Duration = Duration::from_secs(60);
/// How often offers of tickets that nobody answered are ended.
const TRANSFERS_EVERY: Duration = Duration::from_secs(60);
/// How often it is written down when sessions and keys were last used.
const SIGHTINGS_EVERY: Duration = Duration::from_secs(60);
/// How often codes and tokens of programs that are long over are forgotten.
const OAUTH_SWEEP_EVERY: Duration = Duration::from_secs(3_600);

/// How often it is looked for secrets that older keys have sealed.
const RESEAL_EVERY: Duration = Duration::from_secs(3_600);
/// How often keys of access tokens are looked after, and what has had its time is deleted.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);
/// How often requests of programs that have had their time are deleted.
const INSPECTED_EVERY: Duration = Duration::from_secs(600);
/// How long a step of a stop may take that comes after what was in progress: giving claims back, writing down
/// what was asked last, closing the database.
const LAST_STEP: Duration = Duration::from_secs(2);

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened or brought up to date.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The master key cannot be had.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Mail or text messages cannot be sent by these settings.
    #[error(transparent)]
    Post(#[from] PostError),
    /// Nobody can be let in by these settings.
    #[error(transparent)]
    Edge(#[from] EdgeError),
    /// Nodes cannot wake each other by these settings.
    #[error(transparent)]
    Nodes(#[from] NodesUrlError),
    /// The address cannot be listened on.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl From<KeysError> for StartError {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Vault(error) => Self::Vault(error),
            KeysError::Db(error) => Self::Db(error),
        }
    }
}

impl StartError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::Post(error) => error.code(),
            Self::Edge(error) => error.code(),
            Self::Nodes(error) => error.code(),
            Self::Serve(error) => error.code(),
        }
    }
}

/// Whom this process calls, by this configuration and the system's clock.
pub fn outside(config: &Config) -> Arc<Outside> {
    Outside::new(config.outgoing, Arc::new(SystemClock), Arc::new(OsRandom))
}

/// Opens the database, brings it up to date and puts the application together.
///
/// # Errors
/// [`StartError`] by what is wrong.
pub async fn open(config: Config) -> Result<App, StartError> {
    let outside = outside(&config);
    open_with(config, outside).await
}

/// Like [`open`], for a process that calls others already.
///
/// # Errors
/// As [`open`].
pub async fn open_with(config: Config, outside: Arc<Outside>) -> Result<App, StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(OsRandom);
    if let Some(folder) = config
        .database
        .url
        .strip_prefix("sqlite:")
        .and_then(|p| std::path::Path::new(p).parent())
    {
        // If this fails, opening the file says why.
        let _ = std::fs::create_dir_all(folder);
    }
    // Before the database: what is wrong with the settings must change nothing.
    edge::check(&config)?;
    nodes::nodes(&config.nodes.url)?;
    let post = Post::new(&config, outside)?;
    let db = Db::open(&config.database).await?;
    db.migrate(&[bilten_kernel::MIGRATIONS, MIGRATIONS], clock.now())
        .await?;
    let masters = config.secrets.masters(&*random)?;
    let vault = Vault::unlock(&db, masters, sealed_columns(), &*random, clock.now()).await?;
    Ok(App::new(db, clock, random, config, vault, post))
}

/// Opens a database that is up to date for reading only, beside a server that may have it.
///
/// # Errors
/// [`StartError`] by what is wrong.
pub async fn open_to_read(config: Config) -> Result<App, StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let db = Db::open_to_read(&config.database).await?;
    let masters = config.secrets.existing_masters()?;
    let masters = masters.ok_or(VaultError::NoKeys)?;
    let vault = Vault::load(&db, masters, sealed_columns(), clock.now()).await?;
    let post = Post::new(&config, outside(&config))?;
    Ok(App::new(db, clock, Arc::new(OsRandom), config, vault, post))
}

/// All columns that hold sealed texts.
pub fn sealed_columns() -> Vec<&'static SealedColumn> {
    [
        platform::SEALED,
        identity::SEALED,
        waiting_room::SEALED,
        sales::SEALED,
        tickets::SEALED,
        webhooks::SEALED,
        inspect::SEALED,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The jobs of all domains.
pub fn jobs(app: &App) -> JobRunner {
    let runner = JobRunner::new(
        app.db.clone(),
        Arc::clone(&app.clock),
        Arc::clone(&app.random),
    );
    let (caller, sweeper, watcher) = (app.clone(), app.clone(), app.clone());
    let (resealer, straggler) = (app.clone(), app.clone());
    let (forgetter, decliner, usher) = (app.clone(), app.clone(), app.clone());
    let (rotator, tidier, inspector) = (app.clone(), app.clone(), app.clone());
    let finder = app.clone();
    let coder = app.clone();
    let (offerer, ender, filer) = (app.clone(), app.clone(), app.clone());
    identity::jobs(app, runner)
        .on(
            payments::CALL_BACK_JOB,
            move |payment: payments::PaymentId| {
                let app = caller.clone();
                async move { Ok(payments::provider_reports(&app, payment, true).await?) }
            },
        )
        .on(
            payments::CALL_BACK_DECLINED_JOB,
            move |payment: payments::PaymentId| {
                let app = decliner.clone();
                async move { Ok(payments::provider_reports(&app, payment, false).await?) }
            },
        )
        .on(
            sales::codes::MAKE_CODES_JOB,
            move |batch: sales::codes::PromoCodeBatchId| {
                let app = coder.clone();
                async move { sales::codes::make_codes(&app, batch).await }
            },
        )
        .on(platform::RESEAL_JOB, move |()| {
            let app = resealer.clone();
            async move { platform::reseal_job(&app).await }
        })
        // For what a node has sealed by an older key while it could not read the new one.
        .every("platform.reseal_stragglers", RESEAL_EVERY, move || {
            let app = straggler.clone();
            async move { platform::reseal_job(&app).await }
        })
        .on(sales::FIND_JOB, move |job: sales::FindJob| {
            let app = finder.clone();
            async move { sales::mail_found_orders(&app, job).await }
        })
        .every("sales.sweep", SWEEP_EVERY, move || {
            let app = sweeper.clone();
            async move {
                while sales::sweep(&app).await? > 0 {}
                Ok(())
            }
        })
        .every("waiting_room.step", WAITING_EVERY, move || {
            let app = usher.clone();
            async move {
                let events = waiting_room::calling_events(&app).await?;
                // Whoever would find nothing left is not called.
                let supply = sales::supply_of(&app, events).await?;
                Ok(waiting_room::tick(&app, &supply).await?)
            }
        })
        .every("sales.waitlist", WAITLIST_EVERY, move || {
            let app = offerer.clone();
            async move {
                // The one is done whatever became of the other.
                let waited = sales::waitlist::offer_what_is_free(&app).await;
                sales::resale::offer_listings(&app).await?;
                Ok(waited?)
            }
        })
        .every("sales.answer_files", FILES_EVERY, move || {
            let app = filer.clone();
            async move {
                while sales::files::sweep(&app).await? > 0 {}
                Ok(())
            }
        })
        .every("tickets.transfers", TRANSFERS_EVERY, move || {
            let app = ender.clone();
            async move { Ok(tickets::transfers::expire(&app).await?) }
        })
        .every("identity.sightings", SIGHTINGS_EVERY, move || {
            let app = watcher.clone();
            async move { Ok(identity::write_sightings(&app).await?) }
        })
        .every("identity.oauth_sweep", OAUTH_SWEEP_EVERY, move || {
            let app = forgetter.clone();
            async move { Ok(identity::sweep_oauth(&app).await?) }
        })
        .every("identity.token_keys", TIDY_EVERY, move || {
            let app = rotator.clone();
            async move { Ok(identity::rotate_token_keys(&app).await?) }
        })
        .every("inspect.tidy", INSPECTED_EVERY, move || {
            let app = inspector.clone();
            async move { Ok(inspect::tidy(&app).await?) }
        })
        .every("identity.tidy", TIDY_EVERY, move || {
            let app = tidier.clone();
            async move {
                identity::tidy(&app).await?;
                platform::forget_old_blocks(&app).await?;
                platform::forget_old_answers(&app).await?;
                waiting_room::tidy(&app).await?;
                Ok(identity::tidy_federation(&app).await?)
            }
        })
}

/// The jobs that wait for receivers of webhooks, apart from all others.
pub fn webhook_jobs(app: &App) -> JobRunner {
    let runner = JobRunner::new(
        app.db.clone(),
        Arc::clone(&app.clock),
        Arc::clone(&app.random),
    );
    webhooks::jobs(app, runner)
}

/// Who listens to the outbox.
pub fn dispatcher(app: &App) -> Dispatcher {
    let listener = app.clone();
    Dispatcher::new(
        app.db.clone(),
        Arc::clone(&app.clock),
        Arc::clone(&app.random),
    )
    .on_every("webhooks", move |c, entry| {
        let app = listener.clone();
        Box::pin(async move { webhooks::hear(&app, c, entry).await })
    })
}

/// Serves until `shutdown`, then lets requests and jobs finish and closes the database. Nothing is waited for without
/// end: after `http.shutdown_grace_ms` what is still in progress is dropped.
///
/// # Errors
/// [`StartError::Serve`] when the certificate cannot be used, [`StartError::Edge`] or [`StartError::Nodes`] by other settings.
pub async fn serve(
    app: App,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StartError> {
    let front = Front::new(&app)?;
    let nodes = nodes::nodes(&app.config.nodes.url)?;
    // What runs in the background stops while the last requests finish, what serves these after them.
    let (stop, stopping) = watch::channel(false);
    let (end, ending) = watch::channel(false);
    let grace = Duration::from_millis(app.config.http.shutdown_grace_ms);
    let keys = app.clone();
    let keys = tokio::spawn(async move { platform::keep_keys_fresh(&keys).await });
    let watched = app.clone();
    let watch = tokio::spawn(async move { telemetry::watch(&watched).await });
    let given_back = grace + LAST_STEP;
    let runner = jobs(&app).grace(grace).run(told(stopping.clone()));
    let jobs = tokio::spawn(bounded("jobs", runner, stopping.clone(), given_back));
    let sender = webhook_jobs(&app).grace(grace).run(told(stopping.clone()));
    let sending = tokio::spawn(bounded("webhooks", sender, stopping.clone(), given_back));
    let delivering = dispatcher(&app).run(told(stopping.clone()));
    let outbox = tokio::spawn(bounded("outbox", delivering, stopping, grace));
    let (inspected, until) = (app.clone(), told(ending.clone()));
    let writing = async move { inspect::write_down(&inspected, until).await };
    let inspecting = tokio::spawn(bounded("inspector", writing, ending.clone(), LAST_STEP));
    let (db, hints) = (app.db.clone(), Arc::clone(&app.hints));
    db.hear_nodes(move |about, position| hints.heard(about, position));
    let others = tokio::spawn(async move {
        db.wake_each_other(nodes.as_deref(), told(ending)).await;
    });
    let waiting = app.clone();
    let drain_delay = Duration::from_millis(app.config.http.drain_delay_ms);
    let shutdown = async move {
        shutdown.await;
        // Whoever balances sees that this node goes, and sends nobody new, while it still serves.
        waiting.draining.begin();
        tokio::time::sleep(drain_delay).await;
        // Devices that wait for news would hold the server up.
        waiting.hints.close();
        // So would those who watch what is left.
        waiting.left.close();
        stop.send_replace(true);
    };
    let routes = router::router(app.clone(), front.edge.clone());
    let blocker = app.clone();
    let blocks = tokio::spawn(async move { front.keep_blocks(&blocker).await });
    let served = http::serve(listener, routes, &app.config.http, shutdown).await;
    end.send_replace(true);
    let _ = tokio::join!(jobs, sending, outbox, inspecting, others);
    keys.abort();
    blocks.abort();
    watch.abort();
    // Whatever they were reading is given back before the database is closed.
    let _ = tokio::join!(keys, blocks, watch);
    // A statement that was dropped in the middle runs on in the database, which undoes it when it finds nobody there.
    if tokio::time::timeout(LAST_STEP, app.db.clone().close())
        .await
        .is_err()
    {
        tracing::warn!("stopped while the database was at work");
    }
    Ok(served?)
}

/// Waits until it is said, or nobody is left to say it.
async fn told(mut stopping: watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Does `work` until it ends by itself, but drops it so long after it was told to stop. What it had claimed is done
/// again, here or on another node, when the claim is over.
async fn bounded(
    name: &'static str,
    work: impl Future<Output = ()>,
    stopping: watch::Receiver<bool>,
    grace: Duration,
) {
    let too_late = async move {
        told(stopping).await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        () = work => {}
        () = too_late => tracing::warn!(name, "stopped in the middle of its work"),
    }
}

/// Waits for Ctrl-C or a request to end.
pub async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The columns that a migration makes and calls sealed, with their tables.
    fn called_sealed(sql: &str) -> BTreeSet<String> {
        let without_comments: String = sql
            .lines()
            .filter_map(|line| line.split("--").next())
            .flat_map(|line| [line, "\n"])
            .collect();
        let mut found = BTreeSet::new();
        for statement in without_comments.split(';') {
            let mut words = statement
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .filter(|word| !word.is_empty());
            if let (Some("CREATE" | "ALTER"), Some("TABLE"), Some(table)) =
                (words.next(), words.next(), words.next())
            {
                let columns = words.filter(|word| word.starts_with("sealed_"));
                found.extend(columns.map(|column| format!("{table}.{column}")));
            }
        }
        found
    }

    /// covers: BE-8, DB-5
    #[test]
    fn every_sealed_column_is_sealed_again_by_new_keys() {
        let made: BTreeSet<String> = MIGRATIONS
            .iter()
            .flat_map(|migration| called_sealed(migration.sql))
            .collect();
        assert!(made.contains("passkeys.sealed_credential"), "{made:?}");
        let listed: BTreeSet<String> = sealed_columns()
            .iter()
            .map(|column| column.name.to_owned())
            .collect();
        assert_eq!(
            made, listed,
            "a domain's SEALED must name what is sealed, or the rotation of keys loses it"
        );
    }
}
