//! Why the catalogue refuses something.

use bilten_kernel::db::DbError;
use bilten_kernel::error::FieldError;
use bilten_kernel::http::Stale;

use crate::catalog::model::state::{Immovable, Need};
use crate::catalog::model::*;
use crate::catalog::venues::HouseError;
use crate::events::Refused;

/// Why something about the catalogue was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Fields of the input are wrong.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// There is no such event or tier, or it belongs to another organisation.
    #[error("there is no such event")]
    NotFound,
    /// Another event has this address.
    #[error("another event has this address")]
    SlugTaken,
    /// The event, or whatever is changed, was changed by somebody else in the meantime.
    #[error("this was changed in the meantime; it has version {current} now")]
    VersionConflict {
        /// The version it has now.
        current: i64,
    },
    /// It is not any more what the caller has seen.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// There is nothing of that kind there.
    #[error("there is no such {0}")]
    NoSuch(&'static str),
    /// The event's state, or what it lacks, does not allow it.
    #[error(transparent)]
    State(Immovable),
    /// Something that is not a draft cannot be deleted.
    #[error("only a draft can be deleted; cancel or archive the event instead")]
    NotADraft,
    /// An event without tiers cannot be published.
    #[error("an event needs a tier before it can be published")]
    NoTiers,
    /// An event has the most tiers it can have.
    #[error("an event has at most {MAX_TIERS} tiers")]
    TooManyTiers,
    /// The capacity is below what is sold or held.
    #[error("the capacity cannot be lower than what is sold or held")]
    CapacityBelowSold,
    /// A rule of tiers, pools or dates does not allow it.
    #[error(transparent)]
    Offer(#[from] OfferRefusal),
    /// Something about a venue or a seat map.
    #[error(transparent)]
    House(#[from] HouseError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<Immovable> for CatalogError {
    fn from(refusal: Immovable) -> Self {
        match refusal {
            Immovable::NotADraft => Self::NotADraft,
            Immovable::Lacks(Need::Tier) => Self::NoTiers,
            other @ (Immovable::Already(_)
            | Immovable::State { .. }
            | Immovable::Lacks(Need::NewDates)) => Self::State(other),
        }
    }
}

impl From<Refused> for CatalogError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::CapacityBelowSold => Self::CapacityBelowSold,
            Refused::SeatsTaken(faults) => Self::House(HouseError::SeatsTaken(faults)),
            Refused::Db(error) => Self::Db(error),
        }
    }
}
