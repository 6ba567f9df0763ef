//! What the platform can refuse.

use bilten_kernel::db::DbError;
use bilten_kernel::error::{FieldError, IntoProblem, Problem};

use super::super::vault::{KeysError, VaultError};

/// Why something about the platform was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// Fields of the input are wrong.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// There is no such setting.
    #[error("there is no setting of this name")]
    SettingUnknown,
    /// The setting has no such version.
    #[error("this setting never had that version")]
    VersionUnknown,
    /// Somebody else has changed the setting.
    #[error("the setting was changed in the meantime; it is at version {0} now")]
    Stale(i64),
    /// There is no such block, or it is over.
    #[error("there is no such block, or it is over")]
    BlockUnknown,
    /// A new key is on its way already.
    #[error("a new key is about to become active; wait until it is")]
    RotationUnderWay,
    /// The keys cannot be had.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl PlatformError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::SettingUnknown => "platform.setting_unknown",
            Self::VersionUnknown => "platform.version_unknown",
            Self::Stale(_) => "platform.stale",
            Self::BlockUnknown => "platform.block_unknown",
            Self::RotationUnderWay => "platform.rotation_under_way",
            Self::Vault(error) => error.code(),
            Self::Db(error) => error.code(),
        }
    }
}

impl From<KeysError> for PlatformError {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Vault(error) => Self::Vault(error),
            KeysError::Db(error) => Self::Db(error),
        }
    }
}

impl IntoProblem for VaultError {
    fn into_problem(self) -> Problem {
        match self {
            Self::UnknownKey(_) => {
                tracing::warn!(error = %self, "a key is read again");
                Problem::unavailable(
                    self.code(),
                    "A key is being replaced. Please try again in a moment.",
                )
                .retry_after(1)
            }
            Self::File { .. } | Self::Form | Self::Sealed | Self::NoKeys => Problem::fault(&self),
        }
    }
}

impl IntoProblem for PlatformError {
    fn into_problem(self) -> Problem {
        let (code, detail) = (self.code(), self.to_string());
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::SettingUnknown | Self::VersionUnknown | Self::BlockUnknown => {
                Problem::not_found(code, detail)
            }
            Self::Stale(_) | Self::RotationUnderWay => Problem::conflict(code, detail),
            Self::Vault(error) => error.into_problem(),
            Self::Db(error) => error.into_problem(),
        }
    }
}
