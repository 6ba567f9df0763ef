//! What is looked at, how it is, and what was wrong since this node was started.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::text_enum;
use serde::Serialize;
use utoipa::ToSchema;

/// How many outages are remembered.
const MOST_OUTAGES: usize = 50;
/// For how long outages are told of.
const TOLD: Duration = Duration::from_secs(7 * 24 * 3_600);

text_enum! {
    /// How something is.
    pub enum Condition {
        /// It works.
        Ok = "ok",
        /// It works, but slowly or not for much longer.
        Degraded = "degraded",
        /// It does not work.
        Failed = "failed",
    }
}

text_enum! {
    /// What is looked at.
    pub enum Part {
        /// The database answers.
        Database = "database",
        /// There is room on the disk.
        Disk = "disk",
        /// Jobs are looked for, and begun in time.
        Jobs = "jobs",
        /// What happened is told to those who wait for it.
        Outbox = "outbox",
        /// Who carries mail and text messages takes them.
        Post = "post",
        /// Others that this node calls answer: the collector of traces, shared limits.
        Outside = "outside",
    }
}

text_enum! {
    /// What people use, as the status page shows it.
    pub enum Group {
        /// Pages, the shop, the API.
        Sales = "sales",
        /// Devices at the doors hear of what was sold elsewhere.
        Entry = "entry",
        /// Mail, text messages, webhooks.
        Messages = "messages",
    }
}

impl Group {
    /// On what it stands.
    const fn parts(self) -> &'static [Part] {
        match self {
            Self::Sales => &[Part::Database, Part::Disk],
            Self::Entry => &[Part::Database],
            Self::Messages => &[Part::Jobs, Part::Outbox, Part::Post],
        }
    }
}

/// What was found when something was looked at; the detail is for administrators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Check {
    /// What was looked at.
    pub part: Part,
    /// How it is.
    pub condition: Condition,
    /// What was seen.
    pub detail: String,
}

/// A time in which something did not work as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Outage {
    /// What.
    pub group: Group,
    /// How bad it was at its worst.
    pub condition: Condition,
    /// Since when.
    pub from: Timestamp,
    /// Until when; nothing if it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// How this node is, and what was wrong since it was started.
#[derive(Debug, Default)]
pub struct Health(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    since: Option<Timestamp>,
    checks: Vec<Check>,
    at: Option<Timestamp>,
    /// Oldest first.
    outages: VecDeque<Outage>,
}

impl Health {
    /// Keeps what was found at a time.
    pub fn keep(&self, checks: Vec<Check>, now: Timestamp) {
        let mut seen = self.lock();
        seen.since.get_or_insert(now);
        seen.at = Some(now);
        seen.checks = checks;
        for &group in Group::ALL {
            let condition = condition(&seen.checks, group);
            note(&mut seen.outages, group, condition, now);
        }
        while seen.outages.len() > MOST_OUTAGES {
            seen.outages.pop_front();
        }
    }

    /// What was found last, and when.
    pub fn checks(&self) -> (Vec<Check>, Option<Timestamp>) {
        let seen = self.lock();
        (seen.checks.clone(), seen.at)
    }

    /// How what people use is; everything is well until somebody has looked.
    pub fn groups(&self) -> Vec<(Group, Condition)> {
        let seen = self.lock();
        let of = |&group: &Group| (group, condition(&seen.checks, group));
        Group::ALL.iter().map(of).collect()
    }

    /// The outages of the last days, newest first.
    pub fn outages(&self, now: Timestamp) -> Vec<Outage> {
        let seen = self.lock();
        let is_recent = |outage: &&Outage| outage.until.is_none_or(|until| now.since(until) < TOLD);
        seen.outages
            .iter()
            .rev()
            .filter(is_recent)
            .copied()
            .collect()
    }

    /// Since when this node is watched.
    pub fn since(&self) -> Option<Timestamp> {
        self.lock().since
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The worst of what a group stands on.
fn condition(checks: &[Check], group: Group) -> Condition {
    let own = checks
        .iter()
        .filter(|check| group.parts().contains(&check.part));
    own.map(|check| check.condition)
        .max()
        .unwrap_or(Condition::Ok)
}

/// Begins, goes on with, or ends the outage of a group.
fn note(outages: &mut VecDeque<Outage>, group: Group, condition: Condition, now: Timestamp) {
    let open = outages
        .iter_mut()
        .rev()
        .find(|outage| outage.group == group && outage.until.is_none());
    match (open, condition) {
        (None, Condition::Ok) => {}
        (Some(outage), Condition::Ok) => outage.until = Some(now),
        (Some(outage), worse) => outage.condition = outage.condition.max(worse),
        (None, condition) => outages.push_back(Outage {
            group,
            condition,
            from: now,
            until: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(part: Part, condition: Condition) -> Check {
        Check {
            part,
            condition,
            detail: String::new(),
        }
    }

    /// covers: MON-5
    #[test]
    fn outages_begin_get_worse_and_end() {
        let health = Health::default();
        let at = |seconds: i64| Timestamp::from_ms(seconds * 1_000);
        assert!(
            health
                .groups()
                .iter()
                .all(|(_, condition)| *condition == Condition::Ok)
        );
        health.keep(vec![check(Part::Database, Condition::Ok)], at(0));
        assert!(health.outages(at(0)).is_empty());
        health.keep(vec![check(Part::Database, Condition::Degraded)], at(10));
        health.keep(vec![check(Part::Database, Condition::Failed)], at(20));
        health.keep(
            vec![
                check(Part::Database, Condition::Ok),
                check(Part::Outbox, Condition::Degraded),
            ],
            at(30),
        );
        let told = health.outages(at(40));
        let of = |group: Group| told.iter().find(|outage| outage.group == group).copied();
        let sales = of(Group::Sales).unwrap();
        assert_eq!((sales.from, sales.until), (at(10), Some(at(30))));
        assert_eq!(sales.condition, Condition::Failed);
        assert_eq!(of(Group::Entry).unwrap().until, Some(at(30)));
        assert_eq!(of(Group::Messages).unwrap().until, None);
        assert_eq!(health.since(), Some(at(0)));
        // What is long over is told no more; what goes on is.
        let later = health.outages(at(8 * 24 * 3_600));
        assert_eq!(later.len(), 1);
        for n in 0..200 {
            let condition = if n % 2 == 0 {
                Condition::Ok
            } else {
                Condition::Failed
            };
            health.keep(vec![check(Part::Database, condition)], at(100 + n));
        }
        assert!(health.outages(at(400)).len() <= MOST_OUTAGES);
    }
}
