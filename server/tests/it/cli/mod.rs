//! The commands of `bilten`, driven as whoever types them does: the real program, its output and
//! its exit code.

mod demo;
mod doctor;
mod doctor_database;
mod doctor_edge;
mod gate;
mod platform;
mod read;
mod user;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The JSON values on standard output.
    pub(crate) fn values(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// The program, in a folder, with nothing of our environment but what it needs.
pub(crate) fn bilten(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bilten"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BILTEN_") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder);
    command
}

/// Runs a command with `input` typed into it.
pub(crate) fn finish_with(command: &mut Command, input: &[u8]) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input closes it.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub(crate) fn finish(command: &mut Command) -> Ended {
    finish_with(command, b"")
}

/// A picture of a code.
pub(crate) fn png(text: &str) -> Vec<u8> {
    bilten_server::tickets::render_qr(text, bilten_server::tickets::QrFormat::Png).unwrap()
}
