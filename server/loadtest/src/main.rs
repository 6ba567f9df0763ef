//! `bilten-load`: load against a running Bilten server, and proof that nothing was oversold.
//!
//! Every mode makes an event of its own through the API (`--key` is an organisation's API key), is
//! bounded in time or count, and ends with one table of figures. Only plain `http://` addresses, and
//! only of this machine. Whatever was sold twice makes it fail.
//!
//! A server counts how much one address asks for. To be measured it must not: set the `address`, `key`
//! and `organisation` of `limits.browse`, `limits.buy` and `limits.api` to nothing.

mod browse;
mod client;
mod contend;
mod figures;
mod gate;
mod on_sale;
mod orders;
mod room;
mod seats;
mod series;
mod shop;
mod tiers;
mod whole;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Load against a running Bilten server on this machine.
///
/// The server counts how much one address asks for. To be measured it must not: set BILTEN_LIMITS__BUY__ADDRESS,
/// BILTEN_LIMITS__BROWSE__ADDRESS, BILTEN_LIMITS__API__ADDRESS, BILTEN_LIMITS__API__KEY and
/// BILTEN_LIMITS__API__ORGANISATION to nothing when you start it.
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
    /// Paid orders on one hot tier, and the same over many tiers
    Tiers(tiers::TiersArguments),
    /// Rivals who fill a seated hall, by hand and by best available; all seats are read back
    Seats(seats::SeatsArguments),
    /// A million attempts for a few tickets in a shared pool, a hundred at a time
    Contend(contend::ContendArguments),
    /// So many in a waiting room: joins, notices, the draw, and how fast people are let in
    OnSale(on_sale::OnSaleArguments),
    /// An event with 2,000 dates and 50 tiers, as people look at it
    Series(series::SeriesArguments),
    /// Push of so many redemptions that waited on a device
    Scans(gate::ScansArguments),
    /// A whole sale: made, sold out through a waiting room, changed, cancelled, given on and resold
    Whole(whole::WholeArguments),
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
            Mode::Tiers(tiers) => tiers::run(&shop, tiers).await,
            Mode::Seats(seats) => seats::run(&shop, seats).await,
            Mode::Contend(contend) => contend::run(&shop, contend).await,
            Mode::OnSale(on_sale) => on_sale::run(&shop, on_sale).await,
            Mode::Series(series) => series::run(&shop, series).await,
            Mode::Scans(scans) => gate::scans(&shop, scans).await,
            Mode::Whole(whole) => whole::run(&shop, whole).await,
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
