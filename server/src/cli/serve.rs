//! `bilten serve`

use std::process::ExitCode;

use bilten_kernel::{http, telemetry};
use clap::Args;

use super::Failure;
use crate::config::Config;
use crate::server;

#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// The address and port to listen on, over whatever the configuration says
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

pub(super) async fn run(
    mut config: Config,
    arguments: &ServeArguments,
) -> Result<ExitCode, Failure> {
    if let Some(listen) = &arguments.listen {
        config.http.listen.clone_from(listen);
    }
    telemetry::init(&config.log).map_err(|error| Failure::new("log", error))?;
    // The port first: a second server by mistake must not touch the database.
    let listener = http::bind(&config.http.listen)
        .await
        .map_err(server::StartError::from)?;
    let app = server::open(config).await?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::new("listen", error))?;
    tracing::info!(%address, public_url = app.config.http.public_url, database = app.db.engine(), "serving");
    server::serve(app, listener, server::told_to_stop()).await?;
    Ok(ExitCode::SUCCESS)
}
