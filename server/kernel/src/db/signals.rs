//! Telling those who wait that something was committed: tasks of this process, and other nodes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

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

/// How many numbers one message to other nodes tells of: few enough for a notification of PostgreSQL.
const AT_ONCE: usize = 50;

/// How many numbers wait for being told at most; if nobody tells them, they are worth nothing soon.
const MOST_GROWN: usize = 10_000;

type Hear = Box<dyn Fn(&str, i64) + Send + Sync>;

/// Whoever wants to hear what other nodes tell.
#[derive(Default)]
struct Listener(OnceLock<Hear>);

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener")
            .field(&self.0.get().is_some())
            .finish()
    }
}

/// Wakes whoever waits for something to be committed to a database.
#[derive(Debug)]
pub(crate) struct Signals {
    jobs: watch::Sender<()>,
    outbox: watch::Sender<()>,
    /// What other nodes have not been told of yet.
    untold: AtomicU8,
    /// To which number what has grown, which other nodes have not been told of yet.
    grown: Mutex<BTreeMap<String, i64>>,
    news: Notify,
    listener: Listener,
    /// When jobs were last looked for in this process, in milliseconds since 1970.
    pub(crate) jobs_looked_at: AtomicI64,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            jobs: watch::Sender::new(()),
            outbox: watch::Sender::new(()),
            untold: AtomicU8::new(0),
            grown: Mutex::default(),
            news: Notify::new(),
            listener: Listener::default(),
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

    /// Says that something has come to a number here, which only grows.
    pub(super) fn grew(&self, about: String, number: i64) {
        let mut grown = self.grown();
        if grown.len() >= MOST_GROWN {
            grown.clear();
        }
        let known = grown.entry(about).or_insert(number);
        *known = number.max(*known);
        drop(grown);
        self.news.notify_one();
    }

    fn grown(&self) -> MutexGuard<'_, BTreeMap<String, i64>> {
        // Nothing panics while the lock is held.
        self.grown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over what other nodes tell of numbers; whoever is first is the only one.
    pub(super) fn on_heard(&self, hear: Hear) {
        let _ = self.listener.0.set(hear);
    }

    /// Takes what some node has told.
    pub(super) fn heard(&self, words: &str) {
        for word in words.split(' ') {
            let number = word.split_once('=');
            let number =
                number.and_then(|(about, number)| Some((about, number.parse::<i64>().ok()?)));
            if let (Some((about, number)), Some(hear)) = (number, self.listener.0.get()) {
                hear(about, number);
            }
            let topic = Topic::ALL.into_iter().find(|topic| topic.word() == word);
            topic.into_iter().for_each(|topic| self.wake(topic));
        }
    }

    /// Waits until there is something that other nodes should hear of, and gives it in words.
    pub(super) async fn untold(&self) -> String {
        loop {
            let bits = self.untold.swap(0, Ordering::AcqRel);
            let topics = Topic::ALL.into_iter();
            let mut words: Vec<String> = topics
                .filter(|topic| bits & topic.bit() != 0)
                .map(|topic| topic.word().to_owned())
                .collect();
            words.extend(self.some_grown());
            if !words.is_empty() {
                return words.join(" ");
            }
            self.news.notified().await;
        }
    }

    fn some_grown(&self) -> Vec<String> {
        let mut grown = self.grown();
        let mut some = Vec::new();
        while some.len() < AT_ONCE
            && let Some((about, number)) = grown.pop_first()
        {
            some.push(format!("{about}={number}"));
        }
        if !grown.is_empty() {
            self.news.notify_one();
        }
        some
    }

    const fn sender(&self, topic: Topic) -> &watch::Sender<()> {
        match topic {
            Topic::Jobs => &self.jobs,
            Topic::Outbox => &self.outbox,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn what_has_grown_is_told_once_by_its_last_number_and_in_parts() {
        let signals = Signals::default();
        for number in [3, 7, 5] {
            signals.grew("a".to_owned(), number);
        }
        signals.committed(Topic::Jobs);
        assert_eq!(signals.untold().await, "jobs a=7");
        for n in 0..AT_ONCE + 1 {
            signals.grew(format!("b{n}"), 1);
        }
        assert_eq!(signals.untold().await.split(' ').count(), AT_ONCE);
        assert_eq!(signals.untold().await.split(' ').count(), 1);
        let heard = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&heard);
        signals.on_heard(Box::new(move |about, number| {
            told.lock().unwrap().push((about.to_owned(), number));
        }));
        let mut jobs = signals.listen(Topic::Jobs);
        jobs.mark_unchanged();
        signals.heard("a=7 outbox b=x = nonsense c=-1");
        assert!(!jobs.has_changed().unwrap());
        signals.heard("jobs");
        assert!(jobs.has_changed().unwrap());
        let wanted = [("a".to_owned(), 7), ("c".to_owned(), -1)];
        assert_eq!(*heard.lock().unwrap(), wanted);
    }
}
