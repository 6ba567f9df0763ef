//! `bilten gate`: a gate without a screen, with a store of its own.
//!
//! For turnstiles and hand-held scanners that type, for tests, and for trying things out. It adds
//! nothing to the core's gate but words.
//!
//! | file | holds |
//! |---|---|
//! | `door.rs` | scan, redeem, search |
//! | `views.rs` | what `--json` prints, and the same for people |
//! | `texts.rs` | text, colour and signal of every verdict |
//! | `key.rs` | the key of the store |

mod door;
mod key;
mod texts;
mod views;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bilten_core::checkin::Direction;
use bilten_core::gate::{Choice, Gate, GateError};
use clap::{Args, Subcommand};

use super::{Failure, output};
use views::Print;

/// Be a gate: judge tickets with no network, and sync when there is one.
///
/// Exits with 0 if all went well and everybody was admitted, with 3 if somebody was refused, and
/// with 1 if something failed: then no judgement was made, and nobody may pass on it.
///
/// With --json it prints one object a line; `kind` says which. A field that has nothing to say is
/// left out, times are RFC 3339 in UTC, and names never change their meaning:
///
///   scan    verdict (admit, deny), reason if denied, text, colour (green, amber, red), signal
///           (chime, buzz, double_buzz), supervisor, scan, at, direction (entry, exit), source (the
///           picture), ticket (as below), earlier (at, device, is_here, gate), event_name
///   unread  source, code, detail: no code was read in this picture, so nothing was judged
///   ticket  id, version, tier, tier_name, valid_from, valid_until, state, holder, order, note;
///           found by search also is_inside, last_entry (as earlier)
///   sync    complete, wiped, pulled (pages, changes), pull_problem (code, detail), pushed (sent,
///           accepted, repeated, conflicts, unplaced), push_problem
///   status  paired, server, device, event, event_name, list, gate (id, name), tickets, inside,
///           capacity, outbox, conflicts, last_pull, last_push, clock_offset_ms, unknown_changes,
///           storage (fine, full, failing), storage_code, revoked_at, wiped_at
///   choice  what (list, gate), id, name, is_chosen
///   error   code, detail: why the command failed
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct GateArguments {
    /// The gate's store; `pair` makes it
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// The file with the key that seals names in the store; without it, the store's name and .key
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Print one JSON object a line
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: GateCommand,
}

#[derive(Debug, Subcommand)]
enum GateCommand {
    /// Join an event by the text of a pairing code (bilten:pair?…)
    Pair {
        /// The text of the pairing code
        link: String,
        /// What staff call this gate; without it, the name of the store
        #[arg(long)]
        name: Option<String>,
    },
    /// Choose the check-in list and the gate, by id or name; without either, show them
    Choose {
        /// The check-in list to judge by; without it, the chosen one or the only one
        #[arg(long)]
        list: Option<String>,
        /// The gate where this device stands; without it, it stays
        #[arg(long)]
        gate: Option<String>,
    },
    /// Judge tickets from pictures, or codes from standard input, one a line
    Scan {
        /// People go out
        #[arg(long)]
        exit: bool,
        /// Pictures (PNG, JPEG, WebP, PGM)
        pictures: Vec<PathBuf>,
    },
    /// Admit the holder of a ticket that `search` found
    Redeem {
        /// The ticket's id
        ticket: String,
        /// People go out
        #[arg(long)]
        exit: bool,
    },
    /// Find tickets by the holder's name or the order's reference
    Search {
        /// Beginnings of words
        text: String,
        /// The most tickets to show
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Fetch what is new and send what was scanned
    Sync,
    /// Say how the gate is doing
    Status,
}

impl From<GateError> for Failure {
    fn from(error: GateError) -> Self {
        let detail = match error.code() {
            "not_paired" => "this gate is not paired with an event: run `pair` first".to_owned(),
            "already_paired" => "this gate is paired already; a new store is a new gate".to_owned(),
            "no_list" => "no check-in list is chosen: run `choose` first".to_owned(),
            _ => error.to_string(),
        };
        Self::new(error.code(), detail)
    }
}

pub(super) async fn run(arguments: &GateArguments) -> Result<ExitCode, Failure> {
    let print = Print::new(arguments.json);
    let done = work(arguments, print).await;
    if let (true, Err(failure)) = (arguments.json, &done) {
        output::json(&views::ErrorView::of(failure))?;
    }
    done
}

async fn work(arguments: &GateArguments, print: Print) -> Result<ExitCode, Failure> {
    let gate = open(arguments)?;
    match &arguments.command {
        GateCommand::Pair { link, name } => {
            let usual = arguments.store.file_stem().unwrap_or_default();
            let usual = usual.to_string_lossy();
            let status = gate.pair(link, name.as_deref().unwrap_or(&usual)).await?;
            print.view(&views::StatusView::of(&status))?;
        }
        GateCommand::Choose { list, gate: place } => {
            choose(&gate, list.as_deref(), place.as_deref(), print)?;
        }
        GateCommand::Scan { exit, pictures } => {
            return door::scan(&gate, direction(*exit), pictures, print);
        }
        GateCommand::Redeem { ticket, exit } => {
            return door::redeem(&gate, direction(*exit), ticket, print);
        }
        GateCommand::Search { text, limit } => {
            for found in gate.search(text, *limit)? {
                print.view(&views::TicketView::of_found(&found))?;
            }
        }
        GateCommand::Sync => {
            let report = gate.sync().await?;
            print.view(&views::SyncView::of(&report))?;
            if !report.is_complete() {
                return Ok(ExitCode::FAILURE);
            }
        }
        GateCommand::Status => print.view(&views::StatusView::of(&gate.status()?))?,
    }
    Ok(ExitCode::SUCCESS)
}

const fn direction(exit: bool) -> Direction {
    if exit {
        Direction::Exit
    } else {
        Direction::Entry
    }
}

fn open(arguments: &GateArguments) -> Result<Arc<Gate>, Failure> {
    let store = &arguments.store;
    let is_pairing = matches!(arguments.command, GateCommand::Pair { .. });
    if !is_pairing && !store.exists() {
        return Err(Failure::new(
            "no_store",
            format_args!("there is no gate in {}: `pair` makes one", store.display()),
        ));
    }
    let key_file = arguments
        .key_file
        .clone()
        .unwrap_or_else(|| key::usual(store));
    let key = key::of_store(store, &key_file)?;
    Ok(Gate::open_here(store, &key)?)
}

/// Chooses, or shows what there is to choose.
fn choose(
    gate: &Gate,
    list: Option<&str>,
    place: Option<&str>,
    print: Print,
) -> Result<(), Failure> {
    let (status, lists, gates) = (gate.status()?, gate.lists(), gate.gates());
    if list.is_none() && place.is_none() {
        for choice in &lists {
            let is_chosen = status.list.as_ref() == Some(choice);
            print.view(&views::ChoiceView::new("list", choice, is_chosen))?;
        }
        for choice in &gates {
            let is_chosen = status.gate.as_ref() == Some(choice);
            print.view(&views::ChoiceView::new("gate", choice, is_chosen))?;
        }
        return Ok(());
    }
    let list = match (list, &status.list, lists.as_slice()) {
        (Some(wanted), _, _) => by_id_or_name(&lists, wanted, "unknown_list")?,
        (None, Some(chosen), _) => chosen,
        (None, None, [only]) => only,
        (None, None, _) => {
            return Err(Failure::new(
                "no_list",
                "choose a check-in list as well: --list",
            ));
        }
    };
    let place = match place {
        Some(wanted) => Some(by_id_or_name(&gates, wanted, "unknown_gate")?),
        None => status.gate.as_ref(),
    };
    gate.choose(&list.id, place.map(|choice| &choice.id))?;
    print.view(&views::StatusView::of(&gate.status()?))
}

fn by_id_or_name<'a, I: ToString>(
    choices: &'a [Choice<I>],
    wanted: &str,
    code: &str,
) -> Result<&'a Choice<I>, Failure> {
    let by_id = choices
        .iter()
        .find(|choice| choice.id.to_string() == wanted);
    by_id
        .or_else(|| choices.iter().find(|choice| choice.name == wanted))
        .ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|choice| choice.name.as_str()).collect();
            let known = output::visible(&names.join(", "));
            Failure::new(
                code,
                format_args!("there is no such thing here; known: {known}"),
            )
        })
}
