//! Why something about a waiting room is refused.

use bilten_kernel::db::DbError;
use bilten_kernel::error::FieldError;
use bilten_kernel::http::Stale;

use super::super::model::*;
use crate::catalog::CatalogError;

/// Why something about a waiting room was refused, or failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WaitingError {
    /// Fields of the input are wrong.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// There is no such event, or it has no waiting room.
    #[error("there is no waiting room here")]
    NotFound,
    /// It was changed since the caller read it.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The room's state does not allow it.
    #[error("the waiting room is {0}")]
    State(RoomState),
    /// Somebody has a place already.
    #[error("people have joined already; end the waiting room instead")]
    Joined,
    /// What was promised of the draw cannot be changed.
    #[error("the beacon was promised with the draw and cannot be changed")]
    BeaconPromised,
    /// Nobody knows the places of the draw yet.
    #[error("the draw has not been held yet")]
    NotDrawn,
    /// Only people who are signed in get a place.
    #[error("please sign in first: this waiting room is for people with an account")]
    AccountNeeded,
    /// There are no more places for one account, device or network.
    #[error("there are no more places for this {0}")]
    NoMorePlaces(JoinKind),
    /// The draw is being held; a moment later there are places again.
    #[error("the draw is being held; please try again in a moment")]
    Drawing,
    /// Nobody has to wait.
    #[error("nobody has to wait: the tickets can be chosen at once")]
    NotNeeded,
    /// There is nothing left to wait for.
    #[error("this waiting room has ended")]
    Over,
    /// The caller has no place.
    #[error("you have no place in this waiting room")]
    NoPlace,
    /// The caller shows a place that is none.
    #[error("this place was not given by us")]
    PlaceRefused(PassRefusal),
    /// It is not their turn.
    #[error("it is not your turn yet")]
    NotCalled,
    /// Everything is sold.
    #[error("all tickets are sold; your place is kept, in case some come back")]
    SoldOut,
    /// They let their time pass.
    #[error("your turn is over; you can join again")]
    Missed,
    /// Their turn was used.
    #[error("your turn was used already")]
    Used,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<CatalogError> for WaitingError {
    fn from(error: CatalogError) -> Self {
        if let CatalogError::Db(error) = error {
            Self::Db(error)
        } else {
            Self::NotFound
        }
    }
}

/// Why somebody is not let in to buy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnterRefusal {
    /// They have no pass.
    #[error("there is a waiting room for this event; please wait for your turn there")]
    NoPass,
    /// Their pass is not good.
    #[error("this pass is not good here ({0}); please go back to the waiting room")]
    Pass(PassRefusal),
    /// Their pass was used, or a newer one was given.
    #[error("this pass was used already; please go back to the waiting room")]
    Used,
    /// As many as may be are inside. The pass stays good.
    #[error("too many are choosing just now; your turn is kept, please try again in a moment")]
    Full,
}

impl EnterRefusal {
    /// The word by which it is counted.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoPass => "none",
            Self::Pass(why) => why.as_str(),
            Self::Used => "replayed",
            Self::Full => "full",
        }
    }
}
