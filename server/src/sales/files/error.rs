//! Why something about files is refused.

use bilten_kernel::busy::NotDone;
use bilten_kernel::db::DbError;
use bilten_kernel::error::{FieldError, IntoProblem, Problem};

use crate::catalog::questions::FileType;
use crate::platform::VaultError;
use crate::sales::SalesError;

/// Why something about a file was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Fields of the input are wrong.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// The event does not ask for such a file.
    #[error("the event asks no such question that a file answers")]
    QuestionNotFound,
    /// The event sells nothing any more.
    #[error("this event sells nothing any more, so no files are taken for it")]
    Closed,
    /// It has more bytes than the question takes.
    #[error("the file is too large: at most {0} bytes are taken here")]
    TooLarge(u32),
    /// It ended too early.
    #[error("the file could not be read to its end")]
    Broken,
    /// By its bytes it is of no type that the question takes.
    #[error("by what is in it, the file is none of these: {}", words(.0))]
    Type(Vec<FileType>),
    /// The event keeps as many as it can.
    #[error("too many files wait for their orders; please try again later")]
    Full,
    /// One sender has sent as many as they can.
    #[error("too many files were sent from here without an order; buy with them first")]
    TooMany,
    /// The node has as many in its hands as it can.
    #[error("too many files are being sent just now; please try again in a moment")]
    Busy,
    /// There is no such file, or it is another order's.
    #[error("there is no such file")]
    NotFound,
    /// The order or the event cannot be had.
    #[error(transparent)]
    Sales(#[from] SalesError),
    /// It cannot be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// It was not sealed or opened.
    #[error(transparent)]
    NotDone(#[from] NotDone),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

fn words(types: &[FileType]) -> String {
    let words: Vec<&str> = types.iter().map(|one| one.as_str()).collect();
    words.join(", ")
}

impl IntoProblem for FileError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::QuestionNotFound => Problem::not_found("sales.question_not_found", detail),
            Self::Closed => Problem::conflict("sales.files_closed", detail),
            Self::TooLarge(_) => Problem::too_large("sales.file_too_large", detail),
            Self::Broken => Problem::bad_request("body_broken", detail),
            Self::Type(_) => Problem::unsupported_media("sales.file_type", detail),
            Self::Full => Problem::conflict("sales.files_full", detail),
            Self::TooMany => Problem::too_many("sales.too_many_files", detail).retry_after(3_600),
            Self::Busy => Problem::unavailable("sales.files_busy", detail).retry_after(5),
            Self::NotFound => Problem::not_found("sales.file_not_found", detail),
            Self::Sales(error) => error.into_problem(),
            Self::Vault(error) => DbError::from(error).into_problem(),
            Self::NotDone(error) => Problem::fault(&error),
            Self::Db(error) => error.into_problem(),
        }
    }
}
