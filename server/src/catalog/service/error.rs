//! Why the catalogue refuses something.

use bilten_kernel::db::DbError;
use bilten_kernel::error::FieldError;
use bilten_kernel::http::Stale;

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
    /// It was changed by somebody else in the meantime.
    #[error("it was changed in the meantime; it has version {current} now")]
    VersionConflict {
        /// The version it has now.
        current: i64,
    },
    /// It is not any more what the caller has seen.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The event's state does not allow it.
    #[error("an event that is {from} cannot become {to}")]
    State {
        /// Its state.
        from: EventState,
        /// The state that was asked for.
        to: EventState,
    },
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
    /// Something about a venue or a seat map.
    #[error(transparent)]
    House(#[from] HouseError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
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
