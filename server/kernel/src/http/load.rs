//! Too much to do: what can wait is refused before what must not stop.
//!
//! So many requests are worked on at once at most. A part of that is kept for each class (bulkheads), so
//! that a flood of one takes no room from the others: neither pages from gates nor buyers from
//! gates nor programs from pages. The rest is for all, and of that, what can wait may fill a part
//! only, so that there is always room for what goes before it. How many that is follows what is measured: if
//! most requests of a moment took longer than they should, fewer are let in, and slowly more when
//! they are quick again. One address may fill a quarter of it: who sends many bodies slowly must not
//! keep everybody else out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::Problem;

use super::class::{Class, Priority};
use super::client::one_client;

/// Over how long requests are measured.
const MOMENT_MS: i64 = 250;
/// How many requests a moment must have to say something.
const TELLING: usize = 20;
/// How many are always let in.
const FEWEST: usize = 32;

/// How much is done at once.
pub struct Load {
    most: usize,
    /// How many of a hundred places are kept for one class or another.
    kept_percent: usize,
    slow: Duration,
    room: AtomicUsize,
    working: AtomicUsize,
    moment: AtomicI64,
    answered: AtomicUsize,
    slow_ones: AtomicUsize,
    parts: Mutex<Parts>,
}

/// Who works on what.
#[derive(Debug, Default)]
struct Parts {
    /// By class.
    classes: HashMap<&'static str, usize>,
    /// In places that are kept for no class.
    shared: usize,
    clients: HashMap<IpAddr, usize>,
}

/// A request that is worked on until this is dropped.
pub(super) struct Working<'a> {
    load: &'a Load,
    /// Its class, if it takes a place.
    class: Option<&'static Class>,
    is_shared: bool,
    client: Option<IpAddr>,
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.load.working.fetch_sub(1, Ordering::Relaxed);
        let Some(class) = self.class else {
            return;
        };
        let mut parts = self.load.parts();
        if let Some(count) = parts.classes.get_mut(class.name) {
            *count -= 1;
        }
        if self.is_shared {
            parts.shared -= 1;
        }
        let Some(client) = self.client else {
            return;
        };
        if let Some(count) = parts.clients.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                parts.clients.remove(&client);
            }
        }
    }
}

impl Load {
    /// At most so many requests at once, fewer when most take longer than `slow`; 0 for any number.
    /// Places are kept for these classes as they say, and for no others.
    pub fn new(most: usize, slow: Duration, classes: &[&'static Class]) -> Self {
        let kept: usize = classes.iter().map(|class| class.kept_percent).sum();
        Self {
            most,
            kept_percent: kept.min(100),
            slow,
            room: AtomicUsize::new(most),
            working: AtomicUsize::new(0),
            moment: AtomicI64::new(0),
            answered: AtomicUsize::new(0),
            slow_ones: AtomicUsize::new(0),
            parts: Mutex::default(),
        }
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        // Whoever panicked while holding it had changed one number, or none.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many requests are worked on, and how many may be.
    pub fn state(&self) -> (usize, usize) {
        (
            self.working.load(Ordering::Relaxed),
            self.room.load(Ordering::Relaxed),
        )
    }

    /// Begins with a request; of a client that is not to be held to its part, there is no address.
    ///
    /// # Errors
    /// A problem 503 if there is too much to do for one of its class, or of its client.
    pub(super) fn begin(
        &self,
        class: &'static Class,
        client: Option<IpAddr>,
    ) -> Result<Working<'_>, Problem> {
        let others = self.working.fetch_add(1, Ordering::Relaxed);
        if self.most == 0 || class.priority == Priority::Always {
            return Ok(Working {
                load: self,
                class: None,
                is_shared: false,
                client: None,
            });
        }
        let client = client.map(one_client);
        let room = self.room.load(Ordering::Relaxed);
        let kept = room * class.kept_percent / 100;
        let shared_room = room - room * self.kept_percent / 100;
        let shared_room = match class.priority {
            Priority::Low => shared_room - shared_room / 3,
            Priority::Middle => shared_room - shared_room / 6,
            Priority::High | Priority::Always => shared_room,
        };
        let part = (self.most / 4).max(FEWEST);
        let mut guard = self.parts();
        let parts = &mut *guard;
        let own = client.map_or(0, |client| {
            parts.clients.get(&client).copied().unwrap_or_default()
        });
        let of_class = parts.classes.entry(class.name).or_default();
        // What began in a shared place stays there; so a class may have a few more than it seems.
        let is_shared = *of_class >= kept;
        if own >= part || (is_shared && parts.shared >= shared_room) {
            drop(guard);
            self.working.fetch_sub(1, Ordering::Relaxed);
            tracing::warn!(class = class.name, working = others, "too much to do");
            return Err(Problem::unavailable(
                "edge.busy",
                "There is very much to do just now. Please try again in a moment.",
            )
            .retry_after(2));
        }
        *of_class += 1;
        parts.shared += usize::from(is_shared);
        if let Some(client) = client {
            *parts.clients.entry(client).or_default() += 1;
        }
        drop(guard);
        Ok(Working {
            load: self,
            class: Some(class),
            is_shared,
            client,
        })
    }

    /// Notes how long a request took, and once in a moment how many may be let in from now on.
    pub(super) fn answered(&self, took: Duration, now: Timestamp) {
        if self.most == 0 {
            return;
        }
        self.answered.fetch_add(1, Ordering::Relaxed);
        if took > self.slow {
            self.slow_ones.fetch_add(1, Ordering::Relaxed);
        }
        let (now, began) = (now.ms(), self.moment.load(Ordering::Relaxed));
        if (0..MOMENT_MS).contains(&(now - began)) {
            return;
        }
        let is_mine =
            self.moment
                .compare_exchange(began, now, Ordering::Relaxed, Ordering::Relaxed);
        if is_mine.is_err() {
            return;
        }
        let answered = self.answered.swap(0, Ordering::Relaxed);
        let slow = self.slow_ones.swap(0, Ordering::Relaxed);
        let room = self.room.load(Ordering::Relaxed);
        let is_slow = answered >= TELLING && slow * 2 > answered;
        let next = if is_slow {
            // From what is worked on, since that is what made it slow.
            room.min(self.working.load(Ordering::Relaxed)) * 9 / 10
        } else {
            room + room / 20 + 1
        };
        let next = next.clamp(FEWEST.min(self.most), self.most);
        self.room.store(next, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn class(priority: Priority) -> Class {
        Class {
            name: "tests",
            priority,
            kept_percent: 0,
            is_watched: false,
        }
    }
    static LOW: Class = class(Priority::Low);
    static MIDDLE: Class = class(Priority::Middle);
    static HIGH: Class = class(Priority::High);
    static ALWAYS: Class = class(Priority::Always);

    #[test]
    fn what_can_wait_is_refused_first_and_signs_of_life_never() {
        let load = Load::new(60, Duration::from_secs(1), &[]);
        let mut working = Vec::new();
        let mut fill = |class, until: usize| {
            while let Ok(one) = load.begin(class, None) {
                working.push(one);
                assert!(working.len() <= until);
            }
            assert_eq!(working.len(), until);
        };
        fill(&LOW, 40);
        fill(&MIDDLE, 50);
        fill(&HIGH, 60);
        let problem = load.begin(&HIGH, None).err().unwrap();
        assert_eq!(
            (problem.status().as_u16(), problem.code()),
            (503, "edge.busy")
        );
        assert!(load.begin(&ALWAYS, None).is_ok());
        working.truncate(45);
        assert!(load.begin(&LOW, None).is_err() && load.begin(&MIDDLE, None).is_ok());
        drop(working);
        assert_eq!(load.state(), (0, 60));
    }

    const fn kept(name: &'static str, priority: Priority, kept_percent: usize) -> Class {
        Class {
            name,
            priority,
            kept_percent,
            is_watched: false,
        }
    }
    static GATES: Class = kept("gates", Priority::High, 10);
    static BUYERS: Class = kept("buyers", Priority::High, 20);
    static PAGES: Class = kept("pages", Priority::Low, 10);

    /// covers: GW-6
    #[test]
    fn a_flood_of_one_class_leaves_the_others_what_is_kept_for_them() {
        let load = Load::new(100, Duration::from_secs(1), &[&GATES, &BUYERS, &PAGES]);
        let flood = |class: &'static Class| {
            let mut all = Vec::new();
            while let Ok(one) = load.begin(class, None) {
                all.push(one);
                assert!(all.len() <= 100);
            }
            all
        };
        // What is kept for them, and all that is kept for nobody.
        let buyers = flood(&BUYERS);
        assert_eq!(buyers.len(), 20 + 60);
        let gates = flood(&GATES);
        assert_eq!((gates.len(), flood(&PAGES).len()), (10, 10));
        drop(buyers);
        // Pages may fill two thirds of what is kept for nobody, of which gates have none.
        let pages = flood(&PAGES);
        assert_eq!(pages.len(), 10 + 40);
        assert!(load.begin(&GATES, None).is_ok() && load.begin(&BUYERS, None).is_ok());
        drop((gates, pages));
        assert_eq!(load.state(), (0, 100));
        assert_eq!(load.parts().shared, 0);
    }

    #[test]
    fn one_client_cannot_take_all_room() {
        let load = Load::new(400, Duration::from_secs(1), &[]);
        let from = |last: u8| Some(IpAddr::from([3, 0, 0, last]));
        let all: Vec<_> = (0..150).map(|_| load.begin(&HIGH, from(1))).collect();
        assert_eq!(all.iter().filter(|one| one.is_ok()).count(), 100);
        assert!(load.begin(&HIGH, from(2)).is_ok());
        drop(all);
        assert!(load.begin(&HIGH, from(1)).is_ok());
        assert!(load.parts().clients.is_empty());
    }

    #[test]
    fn slow_moments_make_it_smaller_and_quick_ones_larger_again() {
        let load = Load::new(1_000, Duration::from_millis(100), &[]);
        let working: Vec<_> = (0..100)
            .map(|_| load.begin(&HIGH, None).ok().unwrap())
            .collect();
        let mut now = Timestamp::from_ms(10_000);
        let mut moment = |took: u64| {
            now = now + Duration::from_millis(250);
            for _ in 0..50 {
                load.answered(Duration::from_millis(took), now);
            }
            load.state().1
        };
        moment(10);
        assert_eq!(moment(10), 1_000);
        moment(500);
        assert_eq!(moment(500), 90);
        for _ in 0..20 {
            moment(500);
        }
        assert_eq!(moment(500), FEWEST);
        for _ in 0..100 {
            moment(5);
        }
        assert_eq!(moment(5), 1_000);
        drop(working);
    }

    #[test]
    fn without_a_limit_nobody_is_refused() {
        let load = Load::new(0, Duration::ZERO, &[]);
        let all: Vec<_> = (0..1_000)
            .map(|_| load.begin(&LOW, None).ok().unwrap())
            .collect();
        load.answered(Duration::from_secs(9), Timestamp::from_ms(1));
        assert_eq!(all.len(), 1_000);
    }
}
