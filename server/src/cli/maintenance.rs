//! `bilten maintenance`: closing the service, and opening it again.

use std::process::ExitCode;

use bilten_kernel::clock::Timestamp;
use clap::{Args, Subcommand};

use super::{COMMAND_LINE, Failure, open_to_write, output};
use crate::config::Config;
use crate::platform;

#[derive(Debug, Args)]
pub(super) struct MaintenanceArguments {
    #[command(subcommand)]
    command: MaintenanceCommand,
}

/// The service can be closed: gates go on, everybody else is asked to come back.
///
/// On PostgreSQL running servers close within seconds. A SQLite file belongs to its server: while it
/// runs, a platform administrator does the same by POST /api/v1/platform/maintenance.
#[derive(Debug, Subcommand)]
enum MaintenanceCommand {
    /// Close the service for everybody but gates and platform administrators
    On {
        /// What people read
        #[arg(long)]
        message: String,
        /// When it should be over, such as 2026-05-01T06:00:00Z
        #[arg(long, value_name = "TIME")]
        until: Option<Timestamp>,
        /// Why, for the history
        #[arg(long, default_value = "maintenance")]
        reason: String,
    },
    /// Open the service again
    Off {
        /// Why, for the history
        #[arg(long, default_value = "maintenance is over")]
        reason: String,
    },
}

pub(super) async fn run(
    config: Config,
    arguments: &MaintenanceArguments,
) -> Result<ExitCode, Failure> {
    let app = open_to_write(config).await?;
    let done = match &arguments.command {
        MaintenanceCommand::On {
            message,
            until,
            reason,
        } => platform::begin_maintenance(&app, message, *until, COMMAND_LINE, reason).await,
        MaintenanceCommand::Off { reason } => {
            platform::end_maintenance(&app, COMMAND_LINE, reason).await
        }
    };
    app.db.clone().close().await;
    output::json(&done?)?;
    Ok(ExitCode::SUCCESS)
}
