//! What a gate prints: plain values for `--json`, and the same as text for people.

mod scan;
mod status;
mod sync;

pub(super) use scan::{ScanView, TicketView, UnreadView};
pub(super) use status::{ChoiceView, StatusView};
pub(super) use sync::SyncView;

use std::io::IsTerminal;

use bilten_kernel::clock::Timestamp;
use serde::Serialize;

use super::texts::Colour;
use crate::cli::{Failure, output};

/// How to print.
#[derive(Clone, Copy, Debug)]
pub(super) struct Print {
    json: bool,
    coloured: bool,
}

/// Something that can be printed.
pub(super) trait View: Serialize {
    /// The lines for people.
    fn text(&self, coloured: bool) -> String;
}

impl Print {
    /// As JSON, or for people: in colours on a terminal.
    pub(super) fn new(json: bool) -> Self {
        let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, coloured }
    }

    /// Prints a value.
    ///
    /// # Errors
    /// The failure `output` if nobody takes it.
    pub(super) fn view(self, view: &impl View) -> Result<(), Failure> {
        if self.json {
            output::json(view)
        } else {
            output::line(view.text(self.coloured))
        }
    }
}

fn time(at: bilten_core::time::Timestamp) -> Timestamp {
    Timestamp::from_ms(at.ms())
}

/// The time on the clock of this machine's wall.
fn wall(at: Timestamp) -> impl std::fmt::Display {
    at.to_jiff()
        .to_zoned(jiff::tz::TimeZone::system())
        .strftime("%H:%M:%S")
}

/// Why the command failed.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename = "error")]
pub(super) struct ErrorView<'a> {
    code: &'a str,
    detail: &'a str,
}

impl<'a> ErrorView<'a> {
    pub(super) fn of(failure: &'a Failure) -> Self {
        Self {
            code: &failure.code,
            detail: &failure.detail,
        }
    }
}

fn painted(word: &str, colour: Colour, coloured: bool) -> String {
    let number = match colour {
        Colour::Green => 32,
        Colour::Amber => 33,
        Colour::Red => 31,
    };
    if coloured {
        format!("\x1b[1;{number}m{word}\x1b[0m")
    } else {
        word.to_owned()
    }
}
