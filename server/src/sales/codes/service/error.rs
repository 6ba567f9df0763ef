//! Why something about promo codes is refused, or fails.

use bilten_kernel::db::DbError;
use bilten_kernel::error::{FieldError, IntoProblem, Problem};
use bilten_kernel::http::Stale;

use crate::catalog::CatalogError;
use crate::sales::codes::model::MAX_BATCHES;

/// Why something about promo codes was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum CodesError {
    /// Fields of the input are wrong.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// There is no such code or batch, or it belongs to somebody else.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Another code of the organisation reads like this one.
    #[error("another code reads like this one")]
    Taken,
    /// The code was changed by somebody else in the meantime.
    #[error("the code was changed in the meantime; it has version {current} now")]
    VersionConflict {
        /// The version it has now.
        current: i64,
    },
    /// It is not any more what the caller has seen.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// More was used than the limit would allow.
    #[error("the code was used more than that already; archive it, or let it end sooner")]
    BelowUsed,
    /// The rule is that of the whole batch.
    #[error("a code of a batch has the rule of its batch")]
    OfBatch,
    /// What is archived stays as it is.
    #[error("the code is archived")]
    Archived,
    /// Not all codes are there yet.
    #[error("the codes of this batch are being made; please ask again in a moment")]
    NotReady,
    /// An organisation has the most batches it can have.
    #[error("an organisation has at most {MAX_BATCHES} batches of codes")]
    TooManyBatches,
    /// What somebody typed in this place is no code that can be used for the event.
    #[error("this code is not known")]
    Unknown {
        /// Which of the texts, counted from 0.
        place: usize,
    },
    /// More codes than one order may have.
    #[error("an order has at most {0} codes")]
    TooMany(usize),
    /// Too many codes were tried; so many seconds must pass.
    #[error("Too many codes were tried. Please try again in {0} seconds.")]
    TooOften(u32),
    /// The catalogue failed.
    #[error(transparent)]
    Catalog(Box<CatalogError>),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl CodesError {
    /// One field is wrong.
    pub(super) fn field(field: &str, code: &'static str, detail: &str) -> Self {
        Self::Invalid(vec![FieldError {
            field: field.to_owned(),
            code: code.into(),
            detail: detail.to_owned(),
        }])
    }
}

impl IntoProblem for CodesError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::NotFound(_) => Problem::not_found("sales.code_not_found", detail),
            Self::Taken => Problem::conflict("sales.code_taken", detail).field(
                "code",
                "taken",
                "Another code of the organisation reads like this one.",
            ),
            Self::VersionConflict { .. } => {
                Problem::conflict("sales.code_version_conflict", detail)
            }
            Self::Stale(error) => error.into_problem(),
            Self::BelowUsed => Problem::conflict("sales.code_below_used", detail),
            Self::OfBatch => Problem::conflict("sales.code_of_batch", detail),
            Self::Archived => Problem::conflict("sales.code_archived", detail),
            Self::NotReady => Problem::conflict("sales.code_batch_not_ready", detail),
            Self::TooManyBatches => Problem::conflict("sales.too_many_code_batches", detail),
            Self::Unknown { place } => Problem::unprocessable("sales.code_unknown", detail).field(
                format!("codes[{place}]"),
                "unknown",
                "This code is not known.",
            ),
            Self::TooMany(_) => {
                Problem::unprocessable("invalid", "Some fields are not as they should be.")
                    .field("codes", "too_many", detail)
            }
            Self::TooOften(seconds) => {
                Problem::too_many("sales.too_many_codes_tried", detail).retry_after(seconds)
            }
            Self::Catalog(error) => (*error).into_problem(),
            Self::Db(error) => error.into_problem(),
        }
    }
}
