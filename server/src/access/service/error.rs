//! What can be refused at the door.

use bilten_kernel::db::DbError;
use bilten_kernel::error::{FieldError, IntoProblem, Problem};
use bilten_kernel::http::Stale;

use crate::access::model::{MAX_GATES, MAX_LISTS};
use crate::catalog::CatalogError;
use crate::identity::IdentityError;
use crate::tickets::TicketError;

/// Why something about the door was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Fields of the input are wrong.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// There is no such event, list, gate or device, or it belongs to another organisation.
    #[error("there is no such thing at this event")]
    NotFound,
    /// It is not any more what the caller has seen.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// An event keeps at least one list.
    #[error("the last check-in list cannot be removed")]
    LastList,
    /// An event has the most lists it can have.
    #[error("an event has at most {MAX_LISTS} check-in lists")]
    TooManyLists,
    /// An event has the most gates it can have.
    #[error("an event has at most {MAX_GATES} gates")]
    TooManyGates,
    /// The device that is the server itself cannot be revoked.
    #[error("the server's own device cannot be revoked")]
    BuiltIn,
    /// Nobody gave this one-time code.
    #[error("the pairing code is not known")]
    PairingUnknown,
    /// Another device used this one-time code.
    #[error("the pairing code was used")]
    PairingUsed,
    /// This one-time code was not used in time.
    #[error("the pairing code has expired")]
    PairingExpired,
    /// Who asks to be paired does not hold the key that it names.
    #[error("the signature of the pairing request does not fit")]
    PairingSignature,
    /// A device with this key exists already.
    #[error("a device with this key is paired already")]
    DeviceKnown,
    /// There is no such device.
    #[error("the device is not known")]
    DeviceUnknown,
    /// The challenge is not ours, or too old.
    #[error("the challenge is not ours or too old")]
    ChallengeExpired,
    /// The answer to the challenge is not signed by the device's key.
    #[error("the signature of the session request does not fit")]
    SessionSignature,
    /// The session is over, or was never opened.
    #[error("the session is over")]
    SessionExpired,
    /// The device was revoked.
    #[error("the device was revoked")]
    DeviceRevoked,
    /// Something about the people who hold a device was refused, or failed.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The cursor is of another feed, or of a time before the server began anew.
    #[error("the cursor is not known")]
    CursorUnknown,
    /// A line of a push cannot be read.
    #[error("line {line} of the push cannot be read")]
    PushMalformed {
        /// Which line, counted from 1.
        line: usize,
    },
    /// A push has another number of scans than it says.
    #[error("the push says {said} scans and has {found}")]
    PushCount {
        /// How many it says.
        said: u32,
        /// How many it has.
        found: usize,
    },
    /// A push has more scans than a push may have.
    #[error("the push has too many scans")]
    PushTooMany,
    /// A push has more bytes than a push may have.
    #[error("the push is too large")]
    PushTooLarge,
    /// A push is compressed in a way that is not taken here.
    #[error("the push is compressed in an unknown way")]
    PushEncoding,
    /// A key was used before, for something else.
    #[error("the idempotency key was used for another check-in")]
    KeyReused,
    /// The catalogue refused.
    #[error(transparent)]
    Catalog(CatalogError),
    /// Tickets or keys refused.
    #[error(transparent)]
    Ticket(#[from] TicketError),
    /// A page cannot be written; a fault of ours.
    #[error("a feed page cannot be written: {0}")]
    Page(String),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<CatalogError> for AccessError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::NotFound => Self::NotFound,
            CatalogError::Db(error) => Self::Db(error),
            other @ (CatalogError::Invalid(_)
            | CatalogError::SlugTaken
            | CatalogError::VersionConflict { .. }
            | CatalogError::Stale(_)
            | CatalogError::NoSuch(_)
            | CatalogError::State(_)
            | CatalogError::NotADraft
            | CatalogError::NoTiers
            | CatalogError::TooManyTiers
            | CatalogError::Offer(_)
            | CatalogError::CapacityBelowSold
            | CatalogError::House(_)) => Self::Catalog(other),
        }
    }
}

impl IntoProblem for AccessError {
    fn into_problem(self) -> Problem {
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::NotFound => Problem::not_found(
                "access.not_found",
                "There is no such event, list, gate or device.",
            ),
            Self::Stale(error) => error.into_problem(),
            Self::LastList => Problem::conflict(
                "access.last_list",
                "An event keeps at least one check-in list. Change this one, or make another one first.",
            ),
            Self::TooManyLists => Problem::conflict(
                "access.too_many_lists",
                format!("An event has at most {MAX_LISTS} check-in lists."),
            ),
            Self::TooManyGates => Problem::conflict(
                "access.too_many_gates",
                format!("An event has at most {MAX_GATES} gates."),
            ),
            Self::BuiltIn => Problem::conflict(
                "access.device_built_in",
                "This is the server itself: it checks in what comes through the API, and cannot be revoked.",
            ),
            Self::PairingUnknown => Problem::not_found(
                "access.pairing_unknown",
                "This pairing code is not one that the organiser gave. Scan the newest one.",
            ),
            Self::PairingUsed => Problem::conflict(
                "access.pairing_used",
                "Another device was paired with this code. Each device needs a code of its own: ask for a new one.",
            ),
            Self::PairingExpired => Problem::gone(
                "access.pairing_expired",
                "This pairing code is older than 10 minutes. Ask for a new one.",
            ),
            Self::PairingSignature => Problem::unprocessable(
                "access.pairing_signature",
                "The request is not signed by the key that it names.",
            ),
            Self::DeviceKnown => Problem::conflict(
                "access.device_known",
                "A device with this key is paired already. Reset the app, so that it makes a new key.",
            ),
            Self::DeviceUnknown => Problem::unauthorized(
                "access.device_unknown",
                "This device is not known here. Pair it again.",
            ),
            Self::ChallengeExpired => Problem::unauthorized(
                "access.challenge_expired",
                "The challenge is older than 2 minutes, or not ours. Ask for a new one.",
            ),
            Self::SessionSignature => Problem::unauthorized(
                "access.session_signature",
                "The answer to the challenge is not signed by the device's key.",
            ),
            Self::SessionExpired => Problem::unauthorized(
                "access.session_expired",
                "The session is over. Open a new one.",
            ),
            Self::Identity(error) => error.into_problem(),
            Self::DeviceRevoked => Problem::forbidden(
                "access.device_revoked",
                "The organiser revoked this device. Open a session to get the order to wipe it.",
            ),
            Self::CursorUnknown => Problem::gone(
                "access.cursor_unknown",
                "The server has begun its feed anew. Begin again without a cursor.",
            ),
            Self::PushMalformed { line } => Problem::bad_request(
                "access.push_malformed",
                format!(
                    "Line {line} is not what a push has there; nothing of the push was stored."
                ),
            ),
            Self::PushCount { said, found } => Problem::bad_request(
                "access.push_count",
                format!(
                    "The push says that {said} scans follow, but {found} do; nothing of it was stored."
                ),
            ),
            Self::PushTooMany => Problem::too_large(
                "access.push_too_many",
                format!(
                    "A push carries at most {} scans. Send several.",
                    bilten_core::sync::MAX_PUSH
                ),
            ),
            Self::PushTooLarge => Problem::too_large(
                "access.push_too_large",
                format!(
                    "A push has at most {} bytes. Send several.",
                    bilten_core::sync::MAX_MESSAGE_BYTES
                ),
            ),
            Self::PushEncoding => Problem::unsupported_media(
                "access.push_encoding",
                "A push is lines of JSON, plain or compressed with zstd.",
            ),
            Self::KeyReused => Problem::unprocessable(
                "access.idempotency_key_reused",
                "This Idempotency-Key was used for another check-in. Use a new one for each.",
            ),
            Self::Catalog(error) => error.into_problem(),
            Self::Ticket(error) => error.into_problem(),
            Self::Page(error) => Problem::fault(&error),
            Self::Db(error) => error.into_problem(),
        }
    }
}
