//! From which version of an event's settings a change starts.

use bilten_kernel::error::FieldError;
use bilten_kernel::http::IfMatch;

use super::SalesError;

/// Which version of the settings a change starts from.
#[derive(Clone, Debug)]
pub(super) struct StartsFrom {
    /// As `If-Match` says it.
    pub(super) seen: IfMatch,
    /// As the change itself says it.
    pub(super) version: Option<i64>,
}

impl StartsFrom {
    /// Fails if the settings have another version by now, or if nobody says which one they have seen of
    /// what was said before: that is not written over unseen.
    pub(super) fn allow(&self, current: i64) -> Result<(), SalesError> {
        if current > 0 && self.version.is_none() && !self.seen.is_said() {
            let detail = "Say which version this change starts from, here or by If-Match.";
            return Err(SalesError::Invalid(vec![FieldError {
                field: "version".to_owned(),
                code: "missing".into(),
                detail: detail.to_owned(),
            }]));
        }
        self.seen.allow(current)?;
        match self.version {
            Some(version) if version != current => Err(SalesError::VersionConflict { current }),
            Some(_) | None => Ok(()),
        }
    }

    /// What is said if somebody else was a moment earlier, so that they have this version now.
    pub(super) fn missed(&self, current: i64) -> SalesError {
        match self.seen.allow(current) {
            Err(stale) => stale.into(),
            Ok(()) => SalesError::VersionConflict { current },
        }
    }
}
