//! `bilten read`: what the core reads from picture files.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bilten_core::qr::{self, MAX_FILE_BYTES, Payload, PictureError, Reading};
use clap::Args;

use super::{Failure, output};

/// Read the codes in picture files (PNG, JPEG, WebP, PGM).
///
/// Prints one line for each file: its name, a tab, and the text of the code, or `-` if none was
/// read; the reason then stands on standard error. Tabs, line ends and other control characters in
/// a text are written as \t, \n, \r, \u{…}, a backslash as \\, a text that is a hyphen as \-, and
/// bytes that are no text as \xHH. Exits with 0 if all files were read and with 1 otherwise.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ReadArguments {
    /// The pictures; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn run(arguments: &ReadArguments) -> Result<ExitCode, Failure> {
    let mut code = ExitCode::SUCCESS;
    for file in &arguments.files {
        let name = output::visible(&file.to_string_lossy());
        let shown = match picture(file) {
            Ok(reading) => shown(&reading.payload),
            Err(why) => {
                code = ExitCode::FAILURE;
                output::note(format_args!("bilten: {}: {name}: {}", why.code, why.detail));
                "-".to_owned()
            }
        };
        output::line(format_args!("{name}\t{shown}"))?;
    }
    Ok(code)
}

/// Reads one picture; a picture without a code that can be read is a failure too.
///
/// # Errors
/// The failure `no_code`, or the code of a [`PictureError`].
pub(super) fn picture(file: &Path) -> Result<Reading, Failure> {
    let reading = if file.as_os_str() == OsStr::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(PictureError::Unreadable)
            .and_then(|_| qr::read_image_bytes(&bytes))
    } else {
        qr::read_image_file(file)
    };
    reading
        .map_err(|error| Failure::new(error.code(), error))?
        .ok_or_else(|| Failure::new("no_code", "no code that can be read is in this picture"))
}

/// A payload on one line that no other payload and no unread picture has.
fn shown(payload: &Payload) -> String {
    match payload {
        Payload::Text(text) if text == "-" => "\\-".to_owned(),
        Payload::Text(text) => output::visible(text),
        Payload::Binary(bytes) => bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_says_nothing_is_told_from_one_that_was_not_read() {
        assert_eq!(shown(&Payload::Text("-".into())), "\\-");
        assert_eq!(shown(&Payload::Text(String::new())), "");
        assert_eq!(shown(&Payload::Text("\\-".into())), "\\\\-");
        assert_eq!(shown(&Payload::Binary(vec![0, 0xff])), "\\x00\\xff");
    }
}
