//! `bilten-load`: load against a running Bilten server, and proof that nothing was oversold.
//!
//! Every mode makes an event of its own through the API (`--key` is an organisation's API key), is
//! bounded in time or count, and ends with one table of figures. Only plain `http://` addresses.

mod browse;
mod client;
mod figures;
mod gate;
mod orders;
mod shop;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Load against a running Bilten server.
#[derive(Debug, Parser)]
#[command(name = "bilten-load", version, about)]
struct Arguments {
    /// The server's address
    #[arg(long, default_value = "http://127.0.0.1:8080", global = true)]
    url: String,
    /// An API key of the organisation whose events are made
    #[arg(long, env = "BILTEN_LOAD_KEY", default_value = "", global = true)]
    key: String,
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// Paid orders on one hot tier, for so many seconds or until it is sold out
    Orders(orders::OrdersArguments),
    /// Look at the event's page and at what is on sale
    Browse(browse::BrowseArguments),
    /// First sync of so many tickets into a device's store, then an increment
    Sync(gate::SyncArguments),
    /// Push of so many redemptions that waited on a device
    Scans(gate::ScansArguments),
}

#[expect(
    clippy::print_stderr,
    reason = "a command says on standard error why it failed"
)]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // An error only says that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("bilten-load: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        let shop = shop::Shop::new(&arguments.url, &arguments.key)?;
        match &arguments.mode {
            Mode::Orders(orders) => orders::run(&shop, orders).await,
            Mode::Browse(browse) => browse::run(&shop, browse).await,
            Mode::Sync(sync) => gate::sync(&shop, sync).await,
            Mode::Scans(scans) => gate::scans(&shop, scans).await,
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bilten-load: {error}");
            ExitCode::FAILURE
        }
    }
}
