//! An event's life: which states are written down, which follow from time and stock, and who may
//! move an event from one to another.
//!
//! Nine words are shown ([`Standing`]), six are kept ([`Kept`]): *scheduled*, *on sale*, *sold out*
//! and *ended* are never written anywhere, so that no job has to run on the second and no counter
//! can disagree with them.
//!
//! | action | draft | published | paused | postponed | cancelled | archived |
//! |---|---|---|---|---|---|---|
//! | publish | published | = | | | | |
//! | pause | | paused | = | | | |
//! | resume | | = | published | | | |
//! | postpone | | postponed | postponed | = | | |
//! | reschedule | | published | paused | published | | |
//! | cancel | | cancelled | cancelled | cancelled | = | |
//! | archive | | archived | archived | | archived | = |
//! | delete | gone | | | | | |
//!
//! `=` has been done already, an empty cell is refused. A published event is, by the clock and the
//! stock, *scheduled* → *on sale* ⇄ *sold out* → *ended*; a paused one ends too.
//!
//! # Where it is used
//! - **Columns.** `events.state` has four words, `events.brake` three; [`Kept::of`] reads the two,
//!   [`Kept::columns`] writes them.
//! - **Service.** `life` takes a [`step`] inside the one write that changes the event, with the check
//!   of its version. What it causes, others see by the name of the change in the domain event
//!   ([`Action::past`]), in the same transaction.
//! - **Selling.** Whoever takes stock asks [`Kept`] inside the statement: a pause works from the
//!   moment it is committed.
//! - **Answers.** [`Facts::standing`] says the word where the stock is known.

mod table;
#[cfg(test)]
mod tests;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::text_enum;

use super::EventState;

pub use table::*;

text_enum! {
    /// What holds a published event back.
    #[derive(Default)]
    pub enum Brake {
        /// Nothing does.
        #[default]
        None = "none",
        /// Its organiser stopped the sale for a while.
        Paused = "paused",
        /// It will take place at a time that is not known yet.
        Postponed = "postponed",
    }
}

text_enum! {
    /// The state of an event as it is kept.
    pub enum Kept {
        /// Only the organiser sees it.
        Draft = "draft",
        /// Everybody sees it, and it sells when its tiers do.
        Published = "published",
        /// Everybody sees it, nobody can buy, and its tickets stay valid.
        Paused = "paused",
        /// Everybody sees it, nobody can buy, and its tickets wait for the new date.
        Postponed = "postponed",
        /// It will not take place; its tickets let nobody in.
        Cancelled = "cancelled",
        /// It is over and out of the way.
        Archived = "archived",
    }
}

impl Kept {
    /// The state that two columns mean; a brake means something on a published event only.
    pub const fn of(state: EventState, brake: Brake) -> Self {
        match (state, brake) {
            (EventState::Draft, _) => Self::Draft,
            (EventState::Published, Brake::None) => Self::Published,
            (EventState::Published, Brake::Paused) => Self::Paused,
            (EventState::Published, Brake::Postponed) => Self::Postponed,
            (EventState::Cancelled, _) => Self::Cancelled,
            (EventState::Archived, _) => Self::Archived,
        }
    }

    /// The two columns that mean this state.
    pub const fn columns(self) -> (EventState, Brake) {
        match self {
            Self::Draft => (EventState::Draft, Brake::None),
            Self::Published => (EventState::Published, Brake::None),
            Self::Paused => (EventState::Published, Brake::Paused),
            Self::Postponed => (EventState::Published, Brake::Postponed),
            Self::Cancelled => (EventState::Cancelled, Brake::None),
            Self::Archived => (EventState::Archived, Brake::None),
        }
    }
}

text_enum! {
    /// Where an event stands for whoever looks at it now.
    pub enum Standing {
        /// Only the organiser sees it.
        Draft = "draft",
        /// It will take place and nothing is on sale now: sale has not begun, is between two
        /// windows, or is over while the date is still ahead.
        Scheduled = "scheduled",
        /// At least one tier can be bought.
        OnSale = "on_sale",
        /// Its organiser stopped the sale for a while.
        Paused = "paused",
        /// Every ticket is sold that will ever be offered. Tickets that are only held do not count:
        /// they may come back in a minute.
        SoldOut = "sold_out",
        /// It will not take place.
        Cancelled = "cancelled",
        /// It will take place at a time that is not known yet.
        Postponed = "postponed",
        /// Its last date is over.
        Ended = "ended",
        /// It is out of the way.
        Archived = "archived",
    }
}

/// What a tier adds to where its event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierFacts {
    /// When its sale begins; without it, when the event is published.
    pub sells_from: Option<Timestamp>,
    /// When its sale ends; without it, when the event ends.
    pub sells_until: Option<Timestamp>,
    /// How many of its tickets are not sold (held ones are not sold).
    pub left: i64,
}

impl TierFacts {
    fn is_open(&self, now: Timestamp) -> bool {
        self.sells_from.is_none_or(|from| from <= now)
            && self.sells_until.is_none_or(|until| now < until)
    }

    fn opens_later(&self, now: Timestamp) -> bool {
        self.sells_from.is_some_and(|from| now < from)
    }
}

/// All that decides where an event stands.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The state that is kept.
    pub kept: Kept,
    /// When its last date ends.
    pub ends_at: Timestamp,
    /// Its tiers, without those that only a code shows.
    pub tiers: &'a [TierFacts],
}

impl Facts<'_> {
    /// Where the event stands at `now`.
    pub fn standing(&self, now: Timestamp) -> Standing {
        match self.kept {
            Kept::Draft => Standing::Draft,
            Kept::Cancelled => Standing::Cancelled,
            Kept::Archived => Standing::Archived,
            // Its dates are the old ones: that they are over says nothing.
            Kept::Postponed => Standing::Postponed,
            Kept::Published | Kept::Paused if now >= self.ends_at => Standing::Ended,
            Kept::Paused => Standing::Paused,
            Kept::Published => self.selling(now),
        }
    }

    fn selling(&self, now: Timestamp) -> Standing {
        let mut with_stock = self.tiers.iter().filter(|tier| tier.left > 0).peekable();
        if with_stock.peek().is_none() && !self.tiers.is_empty() {
            return Standing::SoldOut;
        }
        if with_stock.any(|tier| tier.is_open(now)) {
            Standing::OnSale
        } else {
            Standing::Scheduled
        }
    }

    /// When the next tier with stock goes on sale, if none is now; for "sale begins at …".
    pub fn opens_at(&self, now: Timestamp) -> Option<Timestamp> {
        if self.standing(now) != Standing::Scheduled {
            return None;
        }
        self.tiers
            .iter()
            .filter(|tier| tier.left > 0 && tier.opens_later(now))
            .filter_map(|tier| tier.sells_from)
            .min()
    }
}
