//! `bilten demo`: the main job from the sale to the door report, on real input.
//!
//! The server runs in this process on a real port; everything else goes through its HTTP interface
//! or through processes of their own, as it would for anybody.
//!
//! | file | holds |
//! |---|---|
//! | `stage.rs` | scenes and steps, printed and counted |
//! | `folder.rs` | where everything is kept |
//! | `serving.rs` | the server in this process |
//! | `api.rs`, `organiser.rs`, `shop.rs`, `pages.rs` | the organiser and the buyers |
//! | `gates.rs`, `network.rs`, `door.rs`, `forging.rs` | the gates, their network, an evening without it |
//! | `meeting.rs` | the network is back: sync and report |

mod api;
mod door;
mod folder;
mod forging;
mod gates;
mod meeting;
mod network;
mod organiser;
mod pages;
mod serving;
mod shop;
mod stage;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{Failure, output};
use crate::server;
use api::Api;
use door::Gates;
use folder::{Folder, Marker};
use network::Network;
use serving::Running;
use stage::Stage;

/// Show everything: sell tickets, take the network away, let people in, settle what happened.
///
/// Makes a folder with a database (or uses --database-url), a concert with three tiers and two
/// gates, sells tickets through the public shop and writes them as pictures. Two gates, processes
/// of their own, are paired, lose their network, and admit and refuse from the pictures alone. Then
/// the network comes back, they sync, and the door report names the conflict. In the end the shop
/// stays open at the printed address until Ctrl-C; a folder with a finished demo goes on from there.
///
/// Each step is compared with what it should come to: ok, or FAIL. Exits with 1 if any failed.
#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// Do the same and end: exit with 0 only if every step came to what was expected
    #[arg(long)]
    check: bool,
    /// The folder for everything; without it, bilten-demo, or a temporary one for --check
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// The address and port of the shop; without it, 127.0.0.1:8080 or a free port
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

pub(super) async fn run(
    database_url: Option<&str>,
    arguments: &DemoArguments,
) -> Result<ExitCode, Failure> {
    let folder = Folder::prepare(arguments.folder.as_deref(), arguments.check)?;
    let listen = arguments.listen.as_deref();
    let running = Running::start(&folder, database_url, listen, arguments.check).await?;
    let result = tokio::select! {
        result = perform(&folder, &running, arguments.check) => result,
        () = server::told_to_stop() => Err(Failure::new("stopped", "the demo was stopped")),
    };
    let (code, network) = match result {
        Ok((code, network)) => (code, network),
        Err(failure) => {
            // What went wrong first is what counts.
            let _ = running.stop().await;
            return Err(failure);
        }
    };
    if let Some(network) = network {
        server::told_to_stop().await;
        drop(network);
    }
    running.stop().await?;
    Ok(code)
}

/// Plays the demo, or takes up a finished one; with a network for the gates if it goes on.
async fn perform(
    folder: &Folder,
    running: &Running,
    is_check: bool,
) -> Result<(ExitCode, Option<Network>), Failure> {
    if let Some(marker) = &folder.marker {
        let network = serving::take_up(folder, running, marker).await?;
        return Ok((ExitCode::SUCCESS, Some(network)));
    }
    let mut stage = Stage::new();
    let (marker, network) = play(&mut stage, folder, running).await?;
    output::line("")?;
    if is_check {
        output::line(stage.figures())?;
        let code = if stage.is_as_expected() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
        return Ok((code, None));
    }
    if !stage.is_as_expected() {
        return Err(Failure::new("demo.unexpected", stage.figures()));
    }
    folder.finish(&marker)?;
    output::line(stage.figures())?;
    serving::invite(folder, running, &marker)?;
    Ok((ExitCode::SUCCESS, Some(network)))
}

/// The whole evening.
async fn play(
    stage: &mut Stage,
    folder: &Folder,
    running: &Running,
) -> Result<(Marker, Network), Failure> {
    let app = &running.app;
    output::line(
        "Bilten sells tickets and lets people in, with and without a network. This is one evening of it.",
    )?;

    stage.scene(
        "The server",
        "One process and one database; the folder holds everything else.",
    )?;
    serving::answers(stage, running).await?;
    stage.say(format_args!("folder {}", folder.path().display()))?;

    stage.scene(
        "The organiser",
        "An organisation with an API key puts a concert on sale.",
    )?;
    let (organisation, key) = organiser::organisation(app).await?;
    folder.keep_api_key(&key)?;
    let api = Api::new(running.url(), key)?;
    let scenery = organiser::set_up(stage, &api, app.now()).await?;

    stage.scene(
        "The shop",
        "People buy through the public checkout; payments are a sandbox and move no money.",
    )?;
    let sold = shop::sell(stage, &api, folder, &scenery).await?;
    let dario = door::change(stage, &api, folder, &sold).await?;
    // One ticket of those sold is for the other event.
    let tickets = i64::try_from(stage.sold).unwrap_or(0) - 1;
    shop::count(stage, &api, &scenery.concert, tickets).await?;

    stage.scene("The gates", "Two gates, processes with a store each, are paired by one-time codes and fetch the allowlist.")?;
    let mut network = Network::start(running.address, None)?;
    let gates: Gates = door::pair(stage, &api, folder, &scenery, &network, tickets).await?;

    stage.scene(
        "The network goes away",
        "The relay between gates and server is closed: every connection is refused from now on.",
    )?;
    network.cut().await?;
    door::notice(stage, &gates).await?;
    stage.say("The shop is still open, and sells a ticket that no gate has heard of.")?;
    let hana = shop::sell_late(stage, &api, folder, &scenery).await?;

    stage.scene("Doors", "Each gate reads pictures and decides alone, by signatures, its allowlist and what it has seen itself.")?;
    door::evening(stage, folder, &gates, &sold, &dario, &hana).await?;

    stage.scene(
        "The network comes back",
        "Both gates send their scans and hear of the other's. The first scan of a ticket counts.",
    )?;
    network.mend()?;
    meeting::sync(stage, &gates, &sold, tickets + 1).await?;

    stage.scene(
        "The door report",
        "What the organiser reads the next morning, from the API.",
    )?;
    meeting::report(stage, &api, &scenery).await?;
    shop::count(stage, &api, &scenery.concert, tickets + 1).await?;

    let marker = Marker {
        organisation: organisation.slug,
        slug: scenery.concert.slug,
        gates_server: network.url(),
        engine: app.db.engine().to_owned(),
    };
    Ok((marker, network))
}
