//! People at the door: scan and redeem.

use std::io::{BufRead, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use bilten_core::checkin::Direction;
use bilten_core::gate::{Gate, ScanOutcome};
use bilten_core::id::TicketId;
use bilten_core::qr::Payload;

use super::views::{Print, ScanView, UnreadView};
use crate::cli::{Failure, read};

/// The exit code of a refusal.
const REFUSED: u8 = 3;
/// More of a line than any code is long; the core says what is wrong with such a line.
const MAX_LINE: u64 = 8 * 1024;

/// What happened so far: a failure outweighs a refusal.
#[derive(Default)]
struct Tally {
    refused: bool,
    failed: bool,
}

impl Tally {
    fn exit_code(&self) -> ExitCode {
        match (self.failed, self.refused) {
            (true, _) => ExitCode::FAILURE,
            (false, true) => ExitCode::from(REFUSED),
            (false, false) => ExitCode::SUCCESS,
        }
    }

    fn told(
        &mut self,
        outcome: &ScanOutcome,
        source: Option<&str>,
        print: Print,
    ) -> Result<(), Failure> {
        self.refused |= !outcome.verdict.is_admit();
        print.view(&ScanView::of(outcome, source))
    }
}

/// Judges pictures, or codes from standard input as they come.
pub(super) fn scan(
    gate: &Gate,
    direction: Direction,
    pictures: &[PathBuf],
    print: Print,
) -> Result<ExitCode, Failure> {
    let mut tally = Tally::default();
    for picture in pictures {
        let source = picture.to_string_lossy();
        match read::picture(picture) {
            Ok(reading) => {
                let code = match &reading.payload {
                    Payload::Text(text) => text.clone(),
                    // No ticket looks like this; the gate says so and writes the scan down.
                    Payload::Binary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                };
                tally.told(&gate.scan_text(&code, direction)?, Some(&source), print)?;
            }
            Err(why) => {
                tally.failed = true;
                print.view(&UnreadView::new(&source, &why))?;
            }
        }
    }
    if pictures.is_empty() {
        let mut input = std::io::stdin().lock();
        while let Some(code) = next_line(&mut input)? {
            if !code.trim().is_empty() {
                tally.told(&gate.scan_text(&code, direction)?, None, print)?;
            }
        }
    }
    Ok(tally.exit_code())
}

/// The next line, cut to [`MAX_LINE`]: whoever types must not fill the memory.
fn next_line(input: &mut impl BufRead) -> Result<Option<String>, Failure> {
    let fault = |error| Failure::new("input", error);
    let mut line = Vec::new();
    let read = input
        .by_ref()
        .take(MAX_LINE)
        .read_until(b'\n', &mut line)
        .map_err(fault)?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        input.skip_until(b'\n').map_err(fault)?;
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

/// Judges a ticket that staff found.
pub(super) fn redeem(
    gate: &Gate,
    direction: Direction,
    ticket: &str,
    print: Print,
) -> Result<ExitCode, Failure> {
    let ticket: TicketId = ticket
        .parse()
        .map_err(|error| Failure::new("ticket_id", error))?;
    let mut tally = Tally::default();
    tally.told(&gate.redeem(ticket, direction)?, None, print)?;
    Ok(tally.exit_code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_and_the_next_one_is_whole() {
        let long = "x".repeat(3 * MAX_LINE as usize);
        let text = format!("one\r\n\n{long}\ntwo");
        let mut input = text.as_bytes();
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut input).unwrap() {
            lines.push(line);
        }
        assert_eq!(lines.len(), 4);
        assert_eq!((lines[0].as_str(), lines[1].as_str()), ("one\r\n", "\n"));
        assert_eq!(lines[2].len() as u64, MAX_LINE);
        assert_eq!(lines[3], "two");
        assert_eq!(
            next_line(&mut &b"\xff\xfe\n"[..]).unwrap().unwrap(),
            "\u{fffd}\u{fffd}\n"
        );
    }

    #[test]
    fn a_failure_outweighs_a_refusal() {
        let code = |failed, refused| format!("{:?}", Tally { refused, failed }.exit_code());
        assert_eq!(code(false, false), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(code(false, true), format!("{:?}", ExitCode::from(3)));
        assert_eq!(code(true, true), format!("{:?}", ExitCode::FAILURE));
    }
}
