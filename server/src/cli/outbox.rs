//! `bilten outbox`: how far behind the outbox is, and its dead letters.

use std::process::ExitCode;

use bilten_kernel::error::Problem;
use bilten_kernel::http::PageQuery;
use clap::{Args, Subcommand};

use super::{COMMAND_LINE, Failure, open_to_write, output};
use crate::app::App;
use crate::config::Config;
use crate::platform::{self, ReplayLetters};
use crate::server;

#[derive(Debug, Args)]
pub(super) struct OutboxArguments {
    #[command(subcommand)]
    command: OutboxCommand,
}

#[derive(Debug, Subcommand)]
enum OutboxCommand {
    /// Print, as one line of JSON, how much waits to be delivered and since when; works beside a
    /// running server
    Status,
    /// Print the dead letters as lines of JSON, oldest first; works beside a running server
    Dead,
    /// Let dead letters be delivered again to those who have not dealt with them
    ///
    /// A SQLite file belongs to its server: stop it first, or let a platform administrator do the same
    /// by POST /api/v1/platform/outbox/replay.
    Replay {
        /// The numbers of dead letters, as `bilten outbox dead` prints them
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<i64>,
        /// All of them
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

pub(super) async fn run(config: Config, arguments: &OutboxArguments) -> Result<ExitCode, Failure> {
    let app = match &arguments.command {
        OutboxCommand::Status | OutboxCommand::Dead => server::open_to_read(config).await?,
        OutboxCommand::Replay { .. } => open_to_write(config).await?,
    };
    let done = match &arguments.command {
        OutboxCommand::Status => status(&app).await,
        OutboxCommand::Dead => dead(&app).await,
        OutboxCommand::Replay { ids, all } => {
            let ids = (!all).then(|| ids.clone());
            replay(&app, ReplayLetters { ids }).await
        }
    };
    app.db.clone().close().await;
    done
}

async fn status(app: &App) -> Result<ExitCode, Failure> {
    output::json(&platform::outbox_report(app).await?)?;
    Ok(ExitCode::SUCCESS)
}

async fn dead(app: &App) -> Result<ExitCode, Failure> {
    let failed = |problem: Problem| Failure::new(problem.code(), problem.detail());
    let mut page = PageQuery {
        limit: Some(200),
        cursor: None,
    };
    loop {
        let letters = platform::dead_letters(app, &page).await.map_err(failed)?;
        for letter in &letters.items {
            output::json(letter)?;
        }
        match letters.next {
            Some(next) => page.cursor = Some(next),
            None => return Ok(ExitCode::SUCCESS),
        }
    }
}

async fn replay(app: &App, letters: ReplayLetters) -> Result<ExitCode, Failure> {
    let replayed = platform::replay_letters(app, COMMAND_LINE, letters).await?;
    output::json(&replayed)?;
    Ok(ExitCode::SUCCESS)
}
