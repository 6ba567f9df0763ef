//! The table of moves: what may be done to an event in each state, by whom, and what it causes.

use bilten_kernel::text_enum;

use super::Kept;
use crate::identity::Permission;

text_enum! {
    /// What somebody does to an event.
    pub enum Action {
        /// Shows it to everybody.
        Publish = "publish",
        /// Stops the sale for a while.
        Pause = "pause",
        /// Goes on selling.
        Resume = "resume",
        /// Says that it takes place at another time, not known yet.
        Postpone = "postpone",
        /// Says when it takes place.
        Reschedule = "reschedule",
        /// Calls it off for good.
        Cancel = "cancel",
        /// Puts it out of the way.
        Archive = "archive",
        /// Drops it.
        Delete = "delete",
    }
}

impl Action {
    /// The name of the change in histories and domain events.
    pub const fn past(self) -> &'static str {
        match self {
            Self::Publish => "published",
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Postpone => "postponed",
            Self::Reschedule => "rescheduled",
            Self::Cancel => "cancelled",
            Self::Archive => "archived",
            Self::Delete => "deleted",
        }
    }

    /// What somebody needs for it.
    pub const fn permission(self) -> Permission {
        match self {
            Self::Publish
            | Self::Pause
            | Self::Resume
            | Self::Postpone
            | Self::Reschedule
            | Self::Cancel
            | Self::Archive => Permission::EventsPublish,
            Self::Delete => Permission::EventsWrite,
        }
    }
}

text_enum! {
    /// What a move causes, each in the same transaction through a domain event.
    pub enum Effect {
        /// Followers and search engines are told of a new event.
        Announce = "announce",
        /// Holds that are not being paid are released; payments that are under way are finished.
        ReleaseHolds = "release_holds",
        /// The waiting list makes no more offers.
        StopWaitlist = "stop_waitlist",
        /// The waiting list goes on with its offers.
        StartWaitlist = "start_waitlist",
        /// Holders are told, with the new dates if there are any.
        TellHolders = "tell_holders",
        /// Holders may have their money back, whatever the policy says.
        OfferRefunds = "offer_refunds",
        /// Tickets get the new validity: a new version each, the old ones dead.
        ReissueTickets = "reissue_tickets",
        /// Every ticket is dead.
        RevokeTickets = "revoke_tickets",
        /// All that was paid is paid back, fees as the policy says.
        RefundAll = "refund_all",
        /// It leaves the lists and the search.
        Unlist = "unlist",
        /// Its rows are gone.
        Erase = "erase",
    }
}

text_enum! {
    /// What must be true of an event for a move, apart from its state.
    pub enum Need {
        /// It has at least one tier.
        Tier = "tier",
        /// Its new dates are said along with the move, and end in the future.
        NewDates = "new_dates",
    }
}

/// What a move does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The state that is kept from now on; none once the event is gone.
    pub to: Option<Kept>,
    /// What must be true as well.
    pub needs: &'static [Need],
    /// What it causes, in this order.
    pub effects: &'static [Effect],
}

/// Why an event cannot be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Immovable {
    /// It has been done already; saying so twice is no fault (200 with the event as it is).
    #[error("the event is {0} already")]
    Already(Kept),
    /// Its state does not allow it.
    #[error("{action} is not possible while the event is {from}")]
    State {
        /// The state that is kept.
        from: Kept,
        /// What was asked for.
        action: Action,
    },
    /// Something that was ever shown is never dropped.
    #[error("only a draft can be deleted; cancel or archive the event instead")]
    NotADraft,
    /// Something else is missing.
    #[error("the event lacks what this needs: {0}")]
    Lacks(Need),
}

impl Immovable {
    /// The stable code of the refusal; those that exist today keep their words.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Already(_) => "already",
            Self::State { .. } => "state",
            Self::NotADraft => "not_a_draft",
            Self::Lacks(Need::Tier) => "no_tiers",
            Self::Lacks(Need::NewDates) => "no_dates",
        }
    }
}

/// What is known of an event besides its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Has {
    /// It has at least one tier.
    pub tier: bool,
    /// New dates are said along with the move, and end in the future.
    pub new_dates: bool,
}

/// What happens when somebody who may do it does `action` to an event in state `from`.
///
/// # Errors
/// [`Immovable`], which changes nothing.
pub fn step(from: Kept, action: Action, has: Has) -> Result<Move, Immovable> {
    let step = cell(from, action)?;
    for need in step.needs {
        let is_met = match need {
            Need::Tier => has.tier,
            Need::NewDates => has.new_dates,
        };
        if !is_met {
            return Err(Immovable::Lacks(*need));
        }
    }
    Ok(step)
}

const fn to(
    to: Kept,
    needs: &'static [Need],
    effects: &'static [Effect],
) -> Result<Move, Immovable> {
    Ok(Move {
        to: Some(to),
        needs,
        effects,
    })
}

/// One cell of the table. Every pair is written down: a new state or action does not compile
/// until somebody has thought about each of its pairs.
const fn cell(from: Kept, action: Action) -> Result<Move, Immovable> {
    use Effect::{
        Announce, Erase, OfferRefunds, RefundAll, ReissueTickets, ReleaseHolds, RevokeTickets,
        StartWaitlist, StopWaitlist, TellHolders, Unlist,
    };
    use Kept::{Archived, Cancelled, Draft, Paused, Postponed, Published};

    let refused = Err(Immovable::State { from, action });
    let already = Err(Immovable::Already(from));
    match action {
        Action::Publish => match from {
            Draft => to(Published, &[Need::Tier], &[Announce]),
            Published => already,
            // A pause ends by resuming, a wait for a date by rescheduling.
            Paused | Postponed | Cancelled | Archived => refused,
        },
        Action::Pause => match from {
            Published => to(Paused, &[], &[ReleaseHolds, StopWaitlist]),
            Paused => already,
            Draft | Postponed | Cancelled | Archived => refused,
        },
        Action::Resume => match from {
            Paused => to(Published, &[], &[StartWaitlist]),
            Published => already,
            Draft | Postponed | Cancelled | Archived => refused,
        },
        Action::Postpone => match from {
            Published | Paused => to(
                Postponed,
                &[],
                &[ReleaseHolds, StopWaitlist, TellHolders, OfferRefunds],
            ),
            Postponed => already,
            // The date of a draft is simply changed.
            Draft | Cancelled | Archived => refused,
        },
        Action::Reschedule => match from {
            Published | Postponed => to(
                Published,
                &[Need::NewDates],
                &[ReissueTickets, TellHolders, OfferRefunds, StartWaitlist],
            ),
            // What is paused stays paused under its new dates.
            Paused => to(
                Paused,
                &[Need::NewDates],
                &[ReissueTickets, TellHolders, OfferRefunds],
            ),
            Draft | Cancelled | Archived => refused,
        },
        Action::Cancel => match from {
            Published | Paused | Postponed => to(
                Cancelled,
                &[],
                &[
                    ReleaseHolds,
                    StopWaitlist,
                    RevokeTickets,
                    TellHolders,
                    RefundAll,
                ],
            ),
            Cancelled => already,
            Draft | Archived => refused,
        },
        Action::Archive => match from {
            Published | Paused => to(Archived, &[], &[ReleaseHolds, StopWaitlist, Unlist]),
            Cancelled => to(Archived, &[], &[Unlist]),
            Archived => already,
            // Tickets of a postponed event are a promise: it is rescheduled or cancelled first.
            Draft | Postponed => refused,
        },
        Action::Delete => match from {
            Draft => Ok(Move {
                to: None,
                needs: &[],
                effects: &[Erase],
            }),
            Published | Paused | Postponed | Cancelled | Archived => Err(Immovable::NotADraft),
        },
    }
}
