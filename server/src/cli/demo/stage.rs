//! What the demo shows: scenes, and steps whose results are compared with what was expected.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Instant;

use crate::cli::{Failure, output};

/// Prints the demo and keeps count.
pub(super) struct Stage {
    started: Instant,
    scenes: u32,
    steps: u32,
    failed: u32,
    /// How many tickets were sold.
    pub(super) sold: usize,
    /// How many conflicts the door report names.
    pub(super) conflicts: usize,
    admitted: u32,
    unread: u32,
    refused: BTreeMap<String, u32>,
}

/// What came of showing a code to a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Let in.
    Admitted,
    /// Refused for this reason.
    Refused(String),
    /// No code was read, for this reason; nothing was judged.
    Unread(String),
}

impl Outcome {
    /// A refusal for this reason.
    pub(super) fn refused(reason: &str) -> Self {
        Self::Refused(reason.to_owned())
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Admitted => f.write_str("ADMIT"),
            Self::Refused(reason) => write!(f, "REFUSE  {reason}"),
            Self::Unread(reason) => write!(f, "UNREAD  {reason}"),
        }
    }
}

impl Stage {
    /// Begins.
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            scenes: 0,
            steps: 0,
            failed: 0,
            sold: 0,
            conflicts: 0,
            admitted: 0,
            unread: 0,
            refused: BTreeMap::new(),
        }
    }

    /// Begins a scene: a title, and a sentence that says what it is about.
    pub(super) fn scene(&mut self, title: &str, about: &str) -> Result<(), Failure> {
        self.scenes += 1;
        output::line(format_args!("\n{}. {title}\n   {about}", self.scenes))
    }

    /// Says something that is no result.
    pub(super) fn say(&self, text: impl Display) -> Result<(), Failure> {
        output::line(format_args!("         {text}"))
    }

    /// One step: what was done, what it should have come to, and what it came to.
    pub(super) fn step<T: PartialEq + Display>(
        &mut self,
        what: impl Display,
        expected: T,
        got: T,
    ) -> Result<(), Failure> {
        self.steps += 1;
        if expected == got {
            output::line(format_args!("   ok    {what}: {got}"))
        } else {
            self.failed += 1;
            output::line(format_args!(
                "   FAIL  {what}: {got}, but expected {expected}"
            ))
        }
    }

    /// One step whose success is all there is to say.
    pub(super) fn done(&mut self, what: impl Display, is_done: bool) -> Result<(), Failure> {
        self.steps += 1;
        let mark = if is_done { "ok  " } else { "FAIL" };
        self.failed += u32::from(!is_done);
        output::line(format_args!("   {mark}  {what}"))
    }

    /// Somebody showed a code to a gate.
    pub(super) fn scan(
        &mut self,
        gate: &str,
        what: &str,
        expected: &Outcome,
        got: &Outcome,
    ) -> Result<(), Failure> {
        match got {
            Outcome::Admitted => self.admitted += 1,
            Outcome::Refused(reason) => *self.refused.entry(reason.clone()).or_default() += 1,
            Outcome::Unread(_) => self.unread += 1,
        }
        self.steps += 1;
        let line = format!("{gate:<12}{what:<46}{got}");
        if expected == got {
            output::line(format_args!("   ok    {line}"))
        } else {
            self.failed += 1;
            output::line(format_args!("   FAIL  {line}, but expected {expected}"))
        }
    }

    /// Whether every step came to what was expected.
    pub(super) const fn is_as_expected(&self) -> bool {
        self.failed == 0
    }

    /// How many were let in so far.
    pub(super) const fn admitted(&self) -> u32 {
        self.admitted
    }

    /// How many were refused so far, by reason.
    pub(super) const fn refused(&self) -> &BTreeMap<String, u32> {
        &self.refused
    }

    /// All figures in one line.
    pub(super) fn figures(&self) -> String {
        let refused: u32 = self.refused.values().sum();
        let reasons: Vec<_> = self
            .refused
            .iter()
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        format!(
            "demo: {} of {} steps as expected; {} tickets sold; {} scans: {} admitted, {refused} refused ({}), {} unread; conflicts {}; {:.1} s",
            self.steps - self.failed,
            self.steps,
            self.sold,
            self.admitted + refused + self.unread,
            self.admitted,
            reasons.join(", "),
            self.unread,
            self.conflicts,
            self.started.elapsed().as_secs_f64(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_result_is_enough() {
        let mut stage = Stage::new();
        stage.step("one", 1, 1).unwrap();
        stage
            .scan("North", "a", &Outcome::Admitted, &Outcome::Admitted)
            .unwrap();
        assert!(stage.is_as_expected());
        let expired = Outcome::refused("expired");
        stage
            .scan("North", "b", &Outcome::Admitted, &expired)
            .unwrap();
        assert!(!stage.is_as_expected());
        assert!(
            stage
                .figures()
                .starts_with("demo: 2 of 3 steps as expected; 0 tickets sold; 2 scans: 1 admitted, 1 refused (expired 1), 0 unread; conflicts 0; "),
            "{}",
            stage.figures()
        );
    }
}
