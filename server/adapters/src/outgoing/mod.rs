//! Calls to others: all that this server asks of somebody else goes through here.
//!
//! Whoever is asked may be down, slow, or hostile, and must not be able to hold the server up. All of
//! that is decided here, once, by section `[outgoing]` of the configuration:
//!
//! - time-outs of connections and of whole calls;
//! - who fails again and again is left alone for a while ([`BreakerRules`]), by destination;
//! - so many calls are under way to one destination at once, others wait a moment or are put off;
//! - what may be repeated is, after pauses that grow and are random, as long as repeats are few among
//!   all calls;
//! - each call is a span, and is measured, by what whoever is asked is to us ([`Peer`]).
//!
//! Calls by HTTP ([`Outgoing`], feature `outgoing`) go to addresses that somebody outside has chosen,
//! too. Such an address must not become a way into the network that the server stands in: only
//! https, only public addresses, looked at again when the name is resolved for the connection
//! (`check`, `is_public`); no redirects, no proxies of the environment. What speaks another
//! protocol asks for its [`Turn`] and says how it went.
//!
//! | file | holds |
//! |---|---|
//! | `peers.rs` | everybody that is called |
//! | `config.rs` | section `[outgoing]` |
//! | `mod.rs` | [`Outside`]: what is known of all destinations; [`Turn`] |
//! | `breaker.rs`, `places.rs`, `budget.rs` | who is left alone; how many calls at once; repeats |
//! | `http.rs`, `guard.rs` | calls by HTTP, and where they may go |

#![cfg_attr(
    not(feature = "outgoing"),
    expect(dead_code, reason = "only calls by HTTP are repeated")
)]

mod breaker;
mod budget;
mod config;
#[cfg(feature = "outgoing")]
mod guard;
#[cfg(feature = "outgoing")]
mod http;
mod peers;
mod places;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bilten_kernel::clock::{Clock, Timestamp};
use bilten_kernel::metric;
use bilten_kernel::random::{self, Random};

pub use breaker::BreakerRules;
pub use config::{OutgoingConfig, OutgoingConfigError};
#[cfg(feature = "outgoing")]
pub use guard::{Refusal, check, is_public};
#[cfg(feature = "outgoing")]
pub use http::{Outgoing, OutgoingError, Reach, Reading, Reply, Rules, Traced};
pub use peers::{
    COLLECTOR, IDENTITY_PROVIDER, MAIL_SERVER, OWN_SERVER, Peer, SHARED_LIMITS, SMS_GATEWAY,
    WEBHOOK_RECEIVER,
};

use breaker::{Breakers, Pass};
use budget::Budget;
use places::{Place, Places};

/// Those of whom operators see how they are.
pub static PEERS: &[&Peer] = &[
    &MAIL_SERVER,
    &SMS_GATEWAY,
    &IDENTITY_PROVIDER,
    &WEBHOOK_RECEIVER,
    &COLLECTOR,
    &SHARED_LIMITS,
];

/// The pause before the first repeat, at most; then twice as long each time.
const FIRST_PAUSE_MS: u64 = 100;
/// After how long somebody comes back who found too many others.
const COME_BACK: Duration = Duration::from_secs(2);

metric! {
    /// Calls that were not made, by whom they would have gone to and why: `left_alone` after failures,
    /// or `busy` with others.
    NOT_MADE: Counter = "bilten_outgoing_not_made_total"
}
metric! {
    /// Repeats of calls, by whom they went to: `made`, or `refused` because they were too many.
    REPEATS: Counter = "bilten_outgoing_repeats_total"
}

/// Nobody was asked, and that is no failure of whoever would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// Whoever is there has failed again and again.
    #[error("it has failed again and again, so it is left alone until {0}")]
    LeftAlone(Timestamp),
    /// As many calls are under way there as may be.
    #[error("it is busy with other calls of ours, so this one is put off until {0}")]
    Busy(Timestamp),
}

impl NotAsked {
    /// When it may be tried.
    pub const fn until(self) -> Timestamp {
        match self {
            Self::LeftAlone(until) | Self::Busy(until) => until,
        }
    }
}

/// How many destinations of one kind fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failing {
    /// Those that are left alone.
    pub open: usize,
    /// Those of which the next call finds out whether they are back.
    pub half_open: usize,
}

/// What is known of all whom this server calls; one for a process.
pub struct Outside {
    settings: RwLock<Arc<Settings>>,
    breakers: Breakers,
    places: Places,
    budgets: Mutex<HashMap<&'static str, Budget>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// How calls are made just now.
struct Settings {
    config: OutgoingConfig,
    #[cfg(feature = "outgoing")]
    clients: http::Clients,
}

impl Settings {
    fn new(config: OutgoingConfig) -> Arc<Self> {
        Arc::new(Self {
            config,
            #[cfg(feature = "outgoing")]
            clients: http::Clients::default(),
        })
    }
}

/// The right to call once. Whoever drops it without a word has learned nothing.
pub struct Turn<'o> {
    pass: Pass<'o>,
    place: Place<'o>,
    clock: &'o dyn Clock,
}

impl Turn<'_> {
    /// It worked, or it failed for a reason that is not whoever was asked.
    pub fn worked(self) {
        self.pass.worked();
        drop(self.place);
    }

    /// Whoever was asked has failed.
    pub fn failed(self) {
        self.pass.failed(self.clock.now());
        drop(self.place);
    }
}

impl Outside {
    /// Nobody has been called yet.
    pub fn new(
        config: OutgoingConfig,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Arc<Self> {
        Arc::new(Self {
            settings: RwLock::new(Settings::new(config)),
            breakers: Breakers::default(),
            places: Places::default(),
            budgets: Mutex::default(),
            clock,
            random,
        })
    }

    /// Calls are made by this configuration from now on. It should have been checked.
    pub fn set_up(&self, config: OutgoingConfig) {
        let mut settings = self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if settings.config != config {
            *settings = Settings::new(config);
        }
    }

    /// How calls are made just now.
    pub fn config(&self) -> OutgoingConfig {
        self.settings().config
    }

    fn settings(&self) -> Arc<Settings> {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&settings)
    }

    /// Until when somebody is left alone, if that is so.
    pub fn left_alone_until(&self, peer: &Peer, name: &str) -> Option<Timestamp> {
        self.breakers.open_until(&key(peer, name), self.clock.now())
    }

    /// Whether somebody failed so often that one call has to find out whether they are back.
    pub fn is_doubtful(&self, peer: &Peer, name: &str) -> bool {
        self.breakers.is_doubtful(&key(peer, name))
    }

    /// How many of these fail.
    pub fn failing(&self, peer: &Peer) -> Failing {
        let (open, half_open) = self.breakers.states(peer.name, self.clock.now());
        Failing { open, half_open }
    }

    /// Asks for the right to call somebody, and waits a moment for it. Failures are counted under
    /// `name`: choose it so that one tenant's are not another's.
    ///
    /// # Errors
    /// [`NotAsked`] if nobody is to call them now.
    pub async fn turn(&self, peer: &'static Peer, name: &str) -> Result<Turn<'_>, NotAsked> {
        let key = key(peer, name);
        let left_alone = |until| {
            NOT_MADE.add(&[("peer", peer.name), ("reason", "left_alone")], 1);
            NotAsked::LeftAlone(until)
        };
        // Nobody waits for a place only to hear that.
        if let Some(until) = self.breakers.open_until(&key, self.clock.now()) {
            return Err(left_alone(until));
        }
        let config = self.config();
        let most = peer.at_once.unwrap_or(config.at_once);
        let Some(place) = self.places.take(&key, most, peer.waits).await else {
            NOT_MADE.add(&[("peer", peer.name), ("reason", "busy")], 1);
            return Err(NotAsked::Busy(self.clock.now() + COME_BACK));
        };
        let pass = self
            .breakers
            .admit(peer.name, key, config.breaker(peer), self.clock.now())
            .map_err(left_alone)?;
        Ok(Turn {
            pass,
            place,
            clock: &*self.clock,
        })
    }

    /// Pays a call into the budget of repeats.
    fn called(&self, peer: &Peer) {
        let (now, percent) = (self.clock.now(), self.config().repeats_percent);
        self.budget(peer, |budget| budget.deposit(percent, now));
    }

    /// Whether a call may be repeated.
    fn may_repeat(&self, peer: &Peer) -> bool {
        let now = self.clock.now();
        let may = self.budget(peer, |budget| budget.withdraw(now));
        let outcome = if may { "made" } else { "refused" };
        REPEATS.add(&[("outcome", outcome), ("peer", peer.name)], 1);
        may
    }

    fn budget<T>(&self, peer: &Peer, work: impl FnOnce(&mut Budget) -> T) -> T {
        let now = self.clock.now();
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        work(budgets.entry(peer.name).or_insert_with(|| Budget::new(now)))
    }

    /// The pause before a repeat: random up to what doubles each time, so that what failed together
    /// is not tried together.
    fn pause(&self, repeats: u32) -> Duration {
        let most = FIRST_PAUSE_MS << repeats.min(10);
        Duration::from_millis(random::below(&*self.random, most + 1))
    }
}

/// What is remembered of one destination goes by this.
fn key(peer: &Peer, name: &str) -> String {
    format!("{} {name}", peer.name)
}
