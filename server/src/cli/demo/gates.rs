//! The two gates: processes of this same program, each with a store of its own.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::api::{number, text};
use super::folder::Folder;
use super::stage::{Outcome, Stage};
use crate::cli::Failure;

/// A gate that does not answer by then hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A gate; each command is a process of its own, so that nothing is kept but the store.
pub(super) struct Gate {
    /// What staff call it.
    pub(super) name: &'static str,
    program: PathBuf,
    store: PathBuf,
}

/// What a gate's process said.
pub(super) struct Said {
    /// How it ended: 0, 3 for a refusal, 1 for a failure.
    pub(super) code: Option<i32>,
    /// The values it printed.
    pub(super) lines: Vec<Value>,
}

impl Said {
    /// The first value it printed.
    pub(super) fn value(&self) -> &Value {
        self.lines.first().unwrap_or(&Value::Null)
    }

    /// What became of a scan; the exit code must say the same as the text.
    fn outcome(&self) -> Result<Outcome, Failure> {
        let value = self.value();
        let outcome = match (text(value, "/kind")?, value["verdict"].as_str()) {
            ("scan", Some("admit")) => Outcome::Admitted,
            ("scan", Some("deny")) => Outcome::refused(text(value, "/reason")?),
            ("unread", _) => Outcome::Unread(text(value, "/code")?.to_owned()),
            _ => return Err(self.failure("scan")),
        };
        let code = match outcome {
            Outcome::Admitted => 0,
            Outcome::Refused(_) => 3,
            Outcome::Unread(_) => 1,
        };
        if self.code == Some(code) {
            Ok(outcome)
        } else {
            Err(self.failure("scan"))
        }
    }

    fn failure(&self, command: &str) -> Failure {
        let value = self.value();
        Failure::new(
            value["code"].as_str().unwrap_or("demo.gate"),
            format_args!(
                "`bilten gate {command}` ended with {:?}: {}",
                self.code, value["detail"]
            ),
        )
    }
}

/// How a gate is doing, as far as the demo compares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// Tickets on the allowlist.
    pub(super) tickets: i64,
    /// People inside.
    pub(super) inside: i64,
    /// Scans that were not sent.
    pub(super) outbox: i64,
    /// Own passages that do not count.
    pub(super) conflicts: i64,
}

impl Gate {
    /// A gate with its store in the demo's folder.
    ///
    /// # Errors
    /// `demo.gate` if this program cannot find itself.
    pub(super) fn new(folder: &Folder, name: &'static str, file: &str) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(|error| Failure::new("demo.gate", error))?;
        Ok(Self {
            name,
            program,
            store: folder.gate(file),
        })
    }

    /// Runs a command of the gate, with `input` typed into it.
    ///
    /// # Errors
    /// `demo.gate` if the process cannot be run, hangs, or says what is not JSON.
    pub(super) async fn run<A: AsRef<OsStr>>(
        &self,
        arguments: &[A],
        input: &str,
    ) -> Result<Said, Failure> {
        let mut command = Command::new(&self.program);
        command
            .args(["gate", "--json", "--store"])
            .arg(&self.store)
            .args(arguments);
        let input = input.to_owned();
        let run = move || finish(command, &input).map_err(|error| Failure::new("demo.gate", error));
        let (status, text) = tokio::task::spawn_blocking(run)
            .await
            .map_err(|error| Failure::new("demo.gate", error))??;
        let lines = text
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::new("demo.gate", error))?;
        Ok(Said {
            code: status.code(),
            lines,
        })
    }

    /// Runs a command that must go well.
    ///
    /// # Errors
    /// What the gate said, or `demo.gate`.
    pub(super) async fn must(&self, arguments: &[&str]) -> Result<Said, Failure> {
        let said = self.run(arguments, "").await?;
        if said.code == Some(0) {
            Ok(said)
        } else {
            Err(said.failure(arguments.first().unwrap_or(&"")))
        }
    }

    /// Shows a picture to the gate and compares what it says.
    ///
    /// # Errors
    /// `demo.gate` if the gate fails.
    pub(super) async fn show(
        &self,
        stage: &mut Stage,
        what: &str,
        picture: &Path,
        expected: Outcome,
    ) -> Result<Said, Failure> {
        let arguments = [OsStr::new("scan"), picture.as_os_str()];
        let said = self.run(&arguments, "").await?;
        stage.scan(self.name, what, &expected, &said.outcome()?)?;
        Ok(said)
    }

    /// Types a code into the gate, as a hand-held scanner does, and compares what it says.
    ///
    /// # Errors
    /// `demo.gate` if the gate fails.
    pub(super) async fn type_in(
        &self,
        stage: &mut Stage,
        what: &str,
        code: &str,
        expected: Outcome,
    ) -> Result<(), Failure> {
        let said = self.run(&["scan"], &format!("{code}\n")).await?;
        stage.scan(self.name, what, &expected, &said.outcome()?)
    }

    /// Lets somebody in by the ticket's id, and compares what the gate says.
    ///
    /// # Errors
    /// `demo.gate` if the gate fails.
    pub(super) async fn redeem(
        &self,
        stage: &mut Stage,
        what: &str,
        ticket: &str,
        expected: Outcome,
    ) -> Result<(), Failure> {
        let said = self.run(&["redeem", ticket], "").await?;
        stage.scan(self.name, what, &expected, &said.outcome()?)
    }

    /// How it is doing.
    ///
    /// # Errors
    /// What the gate said, or `demo.gate`.
    pub(super) async fn state(&self) -> Result<State, Failure> {
        let said = self.must(&["status"]).await?;
        let value = said.value();
        Ok(State {
            tickets: number(value, "/tickets")?,
            inside: number(value, "/inside")?,
            outbox: number(value, "/outbox")?,
            conflicts: number(value, "/conflicts")?,
        })
    }
}

/// Runs a process to its end; what it prints here fits a pipe, so that it never waits for us.
fn finish(mut command: Command, input: &str) -> std::io::Result<(ExitStatus, String)> {
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut keyboard) = process.stdin.take() {
        // A process that does not read what is typed ends for a reason that it will say.
        let _ = keyboard.write_all(input.as_bytes());
    }
    let late = Instant::now() + PATIENCE;
    let status = loop {
        match process.try_wait()? {
            Some(status) => break status,
            None if Instant::now() < late => std::thread::sleep(Duration::from_millis(2)),
            None => {
                process.kill()?;
                process.wait()?;
                return Err(std::io::ErrorKind::TimedOut.into());
            }
        }
    };
    let mut text = String::new();
    if let Some(mut printed) = process.stdout.take() {
        printed.read_to_string(&mut text)?;
    }
    Ok((status, text))
}
