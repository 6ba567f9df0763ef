//! What a sync did.

use bilten_core::sync::{Problem, SyncReport};
use bilten_kernel::clock::Timestamp;
use serde::Serialize;

use super::{View, time, wall};

/// What a sync did.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename = "sync")]
pub(in crate::cli::gate) struct SyncView<'a> {
    complete: bool,
    wiped: bool,
    pulled: PulledView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_problem: Option<ProblemView<'a>>,
    pushed: PushedView,
    #[serde(skip_serializing_if = "Option::is_none")]
    push_problem: Option<ProblemView<'a>>,
}

#[derive(Debug, Serialize)]
struct PulledView {
    pages: u32,
    changes: u64,
}

#[derive(Debug, Serialize)]
struct PushedView {
    sent: u64,
    accepted: u64,
    repeated: u64,
    conflicts: Vec<ConflictView>,
    unplaced: Vec<UnplacedView>,
}

#[derive(Debug, Serialize)]
struct ConflictView {
    scan: String,
    ticket: String,
    counted: String,
    device: String,
    at: Timestamp,
}

#[derive(Debug, Serialize)]
struct UnplacedView {
    scan: String,
    code: String,
}

#[derive(Debug, Serialize)]
struct ProblemView<'a> {
    code: &'a str,
    detail: &'a str,
}

impl<'a> From<&'a Problem> for ProblemView<'a> {
    fn from(problem: &'a Problem) -> Self {
        Self {
            code: &problem.code,
            detail: &problem.detail,
        }
    }
}

impl<'a> SyncView<'a> {
    pub(in crate::cli::gate) fn of(report: &'a SyncReport) -> Self {
        let pushed = &report.pushed;
        Self {
            complete: report.is_complete(),
            wiped: report.wiped,
            pulled: PulledView {
                pages: report.pulled.pages,
                changes: report.pulled.changes,
            },
            pull_problem: report.pull_problem.as_ref().map(ProblemView::from),
            pushed: PushedView {
                sent: pushed.sent,
                accepted: pushed.accepted,
                repeated: pushed.repeated,
                conflicts: pushed
                    .conflicts
                    .iter()
                    .map(|conflict| ConflictView {
                        scan: conflict.scan.to_string(),
                        ticket: conflict.ticket.to_string(),
                        counted: conflict.counted.to_string(),
                        device: conflict.device.to_string(),
                        at: time(conflict.at),
                    })
                    .collect(),
                unplaced: pushed
                    .unplaced
                    .iter()
                    .map(|unplaced| UnplacedView {
                        scan: unplaced.scan.to_string(),
                        code: unplaced.code.clone(),
                    })
                    .collect(),
            },
            push_problem: report.push_problem.as_ref().map(ProblemView::from),
        }
    }
}

impl View for SyncView<'_> {
    fn text(&self, _: bool) -> String {
        let mut lines = vec![format!(
            "{} changes in, {} scans out",
            self.pulled.changes, self.pushed.sent
        )];
        for conflict in &self.pushed.conflicts {
            lines.push(format!(
                "conflict: {} was in already, since {} at device {}",
                conflict.ticket,
                wall(conflict.at),
                conflict.device
            ));
        }
        for unplaced in &self.pushed.unplaced {
            lines.push(format!("not placed: {} ({})", unplaced.scan, unplaced.code));
        }
        if self.wiped {
            lines.push("the organiser revoked this device: it has wiped itself".to_owned());
        }
        for (what, problem) in [("fetch", &self.pull_problem), ("send", &self.push_problem)] {
            if let Some(problem) = problem {
                lines.push(format!(
                    "could not {what}: {}: {}",
                    problem.code, problem.detail
                ));
            }
        }
        lines.join("\n")
    }
}
