//! `bilten serve`

use std::path::PathBuf;
use std::process::ExitCode;

use bilten_adapters::telemetry::traces;
use bilten_kernel::config::Values;
use bilten_kernel::http;
use bilten_kernel::telemetry::init_with;
use clap::Args;
use tokio::sync::watch;

use super::Failure;
use crate::app::App;
use crate::config::Config;
use crate::{server, telemetry};

#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// The address and port to listen on, over whatever the configuration says
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

pub(super) async fn run(
    mut config: Config,
    values: Values,
    file: Option<PathBuf>,
    arguments: &ServeArguments,
) -> Result<ExitCode, Failure> {
    if let Some(listen) = &arguments.listen {
        config.http.listen.clone_from(listen);
    }
    let wrong = |error: &dyn std::fmt::Display| Failure::new("telemetry", error);
    let outside = server::outside(&config);
    let (layer, finish_traces) = traces(&config.telemetry, &outside)
        .map_err(|error| wrong(&error))?
        .map(bilten_adapters::telemetry::Traces::split)
        .unzip();
    let level = init_with(&config.log, layer).map_err(|error| Failure::new("log", error))?;
    allow_open_files(&config);
    // The ports first: a second server by mistake must not touch the database.
    let listener = http::bind(&config.http.listen)
        .await
        .map_err(server::StartError::from)?;
    let metrics = telemetry::bind_metrics(&config.telemetry)
        .await
        .map_err(|error| wrong(&error))?;
    let app = server::open_with(config, outside).await?;
    app.log.attach(level, &app.config.log.level);
    app.source.remember(file, values).await;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::new("listen", error))?;
    tracing::info!(%address, public_url = app.config.http.public_url, database = app.db.engine(), "serving");
    let (stop, stopped) = watch::channel(());
    if let Some(metrics) = metrics {
        let address = metrics.address().map(|address| address.to_string());
        tracing::info!(address, "metrics for Prometheus at /metrics");
        let mut stopped = stopped.clone();
        tokio::spawn(telemetry::serve_metrics(metrics, async move {
            // It never sends: it is gone when the server is.
            let _ = stopped.changed().await;
        }));
    }
    let reloading = tokio::spawn(reload_on_hangup(app.clone()));
    let served = server::serve(app, listener, server::told_to_stop()).await;
    reloading.abort();
    drop(stop);
    if let Some(finish) = finish_traces {
        // It waits for the collector, which answers by this runtime.
        let _ = tokio::task::spawn_blocking(finish).await;
    }
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Lets this process have as many open files as it may, and says so if that is too few.
fn allow_open_files(config: &Config) {
    let needed = telemetry::files::needed(config.http.max_connections);
    match telemetry::files::raise(needed) {
        Some(open_files) if open_files < needed => tracing::warn!(
            open_files,
            needed,
            "http.max_connections is more than this process may have open files: connections will be refused \
             before; raise the limit (LimitNOFILE of systemd, ulimit -Hn) or lower http.max_connections"
        ),
        Some(open_files) => tracing::info!(open_files, "so many files may be open"),
        None => {}
    }
}

/// Reads the configuration again at each SIGHUP.
async fn reload_on_hangup(app: App) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut hangups) = signal(SignalKind::hangup()) else {
            return;
        };
        while hangups.recv().await.is_some() {
            if let Err(error) = telemetry::reload(&app, super::COMMAND_LINE).await {
                tracing::error!(code = error.code(), %error, "the configuration stays as it was");
            }
        }
    }
    #[cfg(not(unix))]
    drop(app);
}
