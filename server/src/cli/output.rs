//! What commands write: results on standard output, everything else on standard error.
//!
//! Writing goes through here instead of `println!`, so that a reader who leaves early (`| head`)
//! ends the command with an error instead of a panic.

use std::fmt::Display;
use std::io::Write;

use serde::Serialize;

use super::Failure;

/// Writes one line of the result and hands it on at once.
///
/// # Errors
/// The failure `output` if nobody takes it.
pub(super) fn line(text: impl Display) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| Failure::new("output", error))
}

/// Writes a value as one line of JSON.
///
/// # Errors
/// The failure `output` if nobody takes it.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(|error| Failure::new("output", error))?;
    line(text)
}

/// Tells a person something that is no result.
pub(super) fn note(text: impl Display) {
    // Nobody is left to be told that standard error is closed.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A text from a stranger on one line: what would move, colour or reorder it is made visible, and
/// so is the backslash that does it.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => shown.push_str("\\\\"),
            '\t' => shown.push_str("\\t"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            c if c.is_control() || breaks_or_reorders(c) => {
                shown.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// Line and paragraph separators, and the marks that change the direction of writing.
const fn breaks_or_reorders(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_a_line_and_can_be_read_back() {
        for (text, shown) in [
            ("BT1:AB+ 9", "BT1:AB+ 9"),
            ("žiga 🎫", "žiga 🎫"),
            ("a\tb\nc\r", "a\\tb\\nc\\r"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("\\t", "\\\\t"),
            ("a\u{202e}b\u{2028}\0", "a\\u{202e}b\\u{2028}\\u{0}"),
            ("", ""),
        ] {
            assert_eq!(visible(text), shown);
        }
    }
}
