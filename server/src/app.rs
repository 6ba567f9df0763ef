//! What every use case is given: the database, time, randomness and the keys of this node.

use std::ops::Deref;
use std::sync::Arc;

use bilten_adapters::mail::{self, MailConfigError, Mailer};
use bilten_adapters::outgoing::{MAIL_SERVER, OutgoingConfigError, Outside};
use bilten_adapters::sms::{self, SmsConfigError, SmsSender};
use bilten_kernel::clock::{Clock, Timestamp};
use bilten_kernel::db::Db;
use bilten_kernel::http::Draining;
use bilten_kernel::random::Random;

use crate::access::{Hints, PushLanes};
use crate::catalog::{Books, Forms, Layouts, Offers};
use crate::config::Config;
use crate::identity::{Passwords, Principals, Sightings, Sso, TokenKeys};
use crate::inspect::Inspector;
use crate::payments::PurchaseLanes;
use crate::platform::{Settings, Vault};
use crate::sales::{HoldLanes, SeatTurns, Sweeps};
use crate::telemetry::{Exchange, Health, Live, LogControl, Source};
use crate::tickets::{Issued, Issuers};
use crate::waiting_room::{JoinLanes, Rooms};
use crate::webhooks::Receivers;

/// The running application; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of an [`App`].
pub struct Parts {
    /// Records.
    pub db: Db,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// How this node is set up; some of it changes while it runs.
    pub config: Live<Config>,
    /// Seals secrets and derives tokens.
    pub vault: Vault,
    /// Whom this node calls, and how they are.
    pub outside: Arc<Outside>,
    /// Sends mail; a job calls it, see [`identity::mail`](crate::identity::mail).
    pub mailer: Exchange<Arc<dyn Mailer>>,
    /// Sends text messages, if anybody does.
    pub sms: Exchange<Option<Arc<dyn SmsSender>>>,
    /// Who called within the last second.
    pub principals: Principals,
    /// Asks identity providers who people are.
    pub sso: Sso,
    /// When sessions and keys were last used, until it is written down.
    pub sightings: Sightings,
    /// What is set, kept for a moment.
    pub settings: Settings,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Keys that sign access tokens.
    pub token_keys: TokenKeys,
    /// What is on sale, kept for a moment.
    pub offers: Offers,
    /// By which rules it is priced, kept for a moment.
    pub books: Books,
    /// What events ask, kept by their versions.
    pub forms: Forms,
    /// Waiting rooms, kept for a moment.
    pub rooms: Rooms,
    /// Queues of people who want a place, one for each waiting room.
    pub joins: JoinLanes,
    /// Seat maps in use.
    pub layouts: Layouts,
    /// Event keys in use.
    pub issuers: Issuers,
    /// Tickets issued a moment ago.
    pub issued: Issued,
    /// Who has seats looked for, one after the other.
    pub seat_turns: SeatTurns,
    /// Who ends what has run out, one after the other.
    pub sweeps: Sweeps,
    /// Queues of what is done with holds, one per event.
    pub holds: HoldLanes,
    /// Queues of purchases, one per event.
    pub purchases: PurchaseLanes,
    /// Queues of pushed scans, one per event.
    pub pushes: PushLanes,
    /// Wakes devices that wait for news.
    pub hints: Arc<Hints>,
    /// What is left of long series, kept for a moment.
    pub counts: crate::sales::RecentCounts,
    /// Who listens to what is left of tiers.
    pub left: crate::sales::Listeners,
    /// Whether this node is about to stop.
    pub draining: Draining,
    /// How this node is.
    pub health: Health,
    /// How much it logs.
    pub log: LogControl,
    /// Where its configuration came from.
    pub source: Source,
    /// Sends webhooks to their receivers.
    pub webhooks: Receivers,
    /// Takes down what programs ask.
    pub inspector: Inspector,
}

/// Who carries messages to people.
pub struct Post {
    /// By whom calls to others are made.
    pub outside: Arc<Outside>,
    /// Sends mail.
    pub mailer: Arc<dyn Mailer>,
    /// Sends text messages, if anybody does.
    pub sms: Option<Arc<dyn SmsSender>>,
}

/// The settings of mail or of text messages make no sense.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// Those of mail.
    #[error(transparent)]
    Mail(#[from] MailConfigError),
    /// Those of text messages.
    #[error(transparent)]
    Sms(#[from] SmsConfigError),
    /// Those of all calls to others.
    #[error(transparent)]
    Outgoing(#[from] OutgoingConfigError),
}

impl PostError {
    /// The stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Mail(_) => "mail.config",
            Self::Sms(_) => "sms.config",
            Self::Outgoing(error) => error.code(),
        }
    }
}

impl Post {
    /// The carriers that the configuration names, who call others by what is known of those.
    ///
    /// # Errors
    /// [`PostError`] if its settings make no sense.
    pub fn new(config: &Config, outside: Arc<Outside>) -> Result<Self, PostError> {
        config.outgoing.check()?;
        let step = config.outgoing.whole(&MAIL_SERVER);
        Ok(Self {
            mailer: mail::mailer(&config.mail, step, &outside)?,
            sms: sms::sender(&config.sms, &outside)?,
            outside,
        })
    }
}

impl App {
    /// Puts the parts together; the lanes sell through the parts themselves.
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        config: Config,
        vault: Vault,
        post: Post,
    ) -> Self {
        Self(Arc::new_cyclic(|parts| Parts {
            purchases: crate::payments::purchase_lanes(db.clone(), parts.clone()),
            pushes: crate::access::push_lanes(db.clone(), parts.clone()),
            holds: crate::sales::hold_lanes(db.clone()),
            joins: crate::waiting_room::join_lanes(db.clone()),
            outside: post.outside,
            mailer: Exchange::new(post.mailer),
            sms: Exchange::new(post.sms),
            principals: Principals::default(),
            sightings: Sightings::default(),
            sso: Sso::default(),
            settings: Settings::default(),
            passwords: Passwords::new(&config.identity),
            token_keys: TokenKeys::default(),
            offers: Offers::default(),
            books: Books::default(),
            forms: Forms::default(),
            rooms: Rooms::default(),
            layouts: Layouts::default(),
            issuers: Issuers::default(),
            issued: Issued::default(),
            seat_turns: SeatTurns::default(),
            sweeps: Sweeps::default(),
            hints: Arc::default(),
            counts: crate::sales::RecentCounts::default(),
            left: crate::sales::Listeners::default(),
            draining: Draining::default(),
            health: Health::default(),
            log: LogControl::default(),
            source: Source::default(),
            webhooks: Receivers::default(),
            inspector: Inspector::new(&config.inspector),
            db,
            clock,
            random,
            config: Live::new(config),
            vault,
        }))
    }

    /// The application around these parts.
    pub(crate) const fn from_parts(parts: Arc<Parts>) -> Self {
        Self(parts)
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
