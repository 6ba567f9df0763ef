//! `bilten keys`: the keys that seal secrets, and replacing them.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{COMMAND_LINE, Failure, open_to_write, output};
use crate::app::App;
use crate::config::Config;
use crate::platform::{self, KEYS_GRACE, MasterKey};
use crate::server;

#[derive(Debug, Args)]
pub(super) struct KeysArguments {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Print, as one line of JSON, which keys there are and how much each column has sealed; works
    /// beside a running server
    Status {
        /// Also open every secret, and fail if one does not open
        #[arg(long)]
        check: bool,
    },
    /// Replace the data key and seal everything again, or replace the master key
    ///
    /// On PostgreSQL all servers go on working meanwhile. A SQLite file belongs to its server: stop
    /// it first, or let a platform administrator do the same by POST /api/v1/platform/keys/rotate.
    Rotate {
        /// Wrap the data keys by the master key in this file instead, made if it is not there. The
        /// one that wraps them now must be configured as the master key or as a previous one
        #[arg(long, value_name = "FILE")]
        master: Option<PathBuf>,
        /// After how many seconds the new data key becomes active; 0 only if no server runs
        #[arg(long, value_name = "SECONDS", conflicts_with = "master")]
        grace: Option<u64>,
    },
}

pub(super) async fn run(config: Config, arguments: &KeysArguments) -> Result<ExitCode, Failure> {
    match &arguments.command {
        KeysCommand::Status { check } => {
            let app = server::open_to_read(config).await?;
            let done = status(&app, *check).await;
            app.db.clone().close().await;
            done
        }
        KeysCommand::Rotate { master, grace } => {
            let app = open_to_write(config).await?;
            let done = match master {
                Some(file) => rotate_master(&app, file).await,
                None => rotate(&app, *grace).await,
            };
            app.db.clone().close().await;
            done
        }
    }
}

async fn status(app: &App, check: bool) -> Result<ExitCode, Failure> {
    output::json(&platform::keys_report(app).await?)?;
    if check {
        let (opens, does_not) = platform::check_sealed(app).await?;
        if does_not > 0 {
            return Err(Failure::new(
                "platform.sealed",
                format_args!("{does_not} secrets do not open, {opens} do"),
            ));
        }
        output::note(format_args!("all {opens} secrets open"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn rotate(app: &App, grace: Option<u64>) -> Result<ExitCode, Failure> {
    // Nobody else has a SQLite file.
    let usual = if app.db.engine() == "sqlite" {
        Duration::ZERO
    } else {
        KEYS_GRACE
    };
    let grace = grace.map_or(usual, Duration::from_secs);
    let key = platform::rotate_keys(app, COMMAND_LINE, grace).await?;
    if !grace.is_zero() {
        output::note(format_args!(
            "data key {key} becomes active in {} s, when every server knows it; if this command ends before, a server seals everything again",
            grace.as_secs()
        ));
        tokio::time::sleep(grace).await;
    }
    // Rows that others write meanwhile are left to the job.
    let done = platform::reseal(app, Duration::MAX).await?;
    output::json(&serde_json::json!({"data_key": key, "resealed": done}))?;
    if done.unreadable > 0 {
        return Err(Failure::new(
            "platform.sealed",
            format_args!("{} secrets do not open; see the log", done.unreadable),
        ));
    }
    Ok(ExitCode::SUCCESS)
}

async fn rotate_master(app: &App, file: &std::path::Path) -> Result<ExitCode, Failure> {
    let master = MasterKey::from_file(file, &*app.random).map_err(server::StartError::from)?;
    let fingerprint = master.fingerprint();
    let count = platform::rewrap_keys(app, COMMAND_LINE, Some(master)).await?;
    output::json(&serde_json::json!({"master": fingerprint.to_string(), "data_keys": count}))?;
    output::note(format_args!(
        "set secrets.master_key_file = {} on every server before it starts again",
        file.display()
    ));
    Ok(ExitCode::SUCCESS)
}
