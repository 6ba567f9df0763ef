//! From the dates there are to the dates a changed rule gives.

use std::collections::BTreeSet;

use super::{Local, PlannedDate, SeriesDate};

/// What is to be done so that the dates there are become those of a new plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Dates of the plan that there are already.
    pub kept: Vec<Local>,
    /// Dates of the plan that are new.
    pub added: Vec<Local>,
    /// Dates that go: nobody has a ticket for them.
    pub removed: Vec<Local>,
    /// Dates that are not in the plan and stay, because they have sold something or are over: put
    /// them among the series' added dates (RDATE), or cancel them by name.
    pub orphaned: Vec<Local>,
}

/// Compares the dates there are with a plan.
pub fn reconcile(dates: &[SeriesDate], plan: &[PlannedDate]) -> Reconciled {
    let mut wanted: BTreeSet<Local> = plan.iter().map(|date| date.original).collect();
    let mut done = Reconciled::default();
    for date in dates {
        let list = if wanted.remove(&date.original) {
            &mut done.kept
        } else if date.is_sold() || date.is_closed {
            &mut done.orphaned
        } else {
            &mut done.removed
        };
        list.push(date.original);
    }
    done.added = wanted.into_iter().collect();
    done
}
