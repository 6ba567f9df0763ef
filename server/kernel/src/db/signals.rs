//! Telling those who wait that something was committed: tasks of this process, and other nodes.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use tokio::sync::{Notify, watch};

/// What was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// A job.
    Jobs,
    /// An entry of the outbox.
    Outbox,
}

impl Topic {
    pub(super) const ALL: [Self; 2] = [Self::Jobs, Self::Outbox];

    /// Its name between nodes.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Outbox => "outbox",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Jobs => 1,
            Self::Outbox => 2,
        }
    }
}

/// Wakes whoever waits for something to be committed to a database.
#[derive(Debug)]
pub(crate) struct Signals {
    jobs: watch::Sender<()>,
    outbox: watch::Sender<()>,
    /// What other nodes have not been told of yet.
    untold: AtomicU8,
    news: Notify,
    /// When jobs were last looked for in this process, in milliseconds since 1970.
    pub(crate) jobs_looked_at: AtomicI64,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            jobs: watch::Sender::new(()),
            outbox: watch::Sender::new(()),
            untold: AtomicU8::new(0),
            news: Notify::new(),
            jobs_looked_at: AtomicI64::new(0),
        }
    }
}

impl Signals {
    /// Says that something was committed here.
    pub(crate) fn committed(&self, topic: Topic) {
        self.wake(topic);
        self.untold.fetch_or(topic.bit(), Ordering::AcqRel);
        self.news.notify_one();
    }

    /// Wakes the tasks of this process only.
    pub(super) fn wake(&self, topic: Topic) {
        self.sender(topic).send_replace(());
    }

    /// Changes whenever something of that kind was committed, here or elsewhere.
    pub(crate) fn listen(&self, topic: Topic) -> watch::Receiver<()> {
        self.sender(topic).subscribe()
    }

    /// Waits until something was committed here, and gives what.
    pub(super) async fn untold(&self) -> Vec<Topic> {
        loop {
            let bits = self.untold.swap(0, Ordering::AcqRel);
            if bits != 0 {
                let all = Topic::ALL.into_iter();
                return all.filter(|topic| bits & topic.bit() != 0).collect();
            }
            self.news.notified().await;
        }
    }

    const fn sender(&self, topic: Topic) -> &watch::Sender<()> {
        match topic {
            Topic::Jobs => &self.jobs,
            Topic::Outbox => &self.outbox,
        }
    }
}
