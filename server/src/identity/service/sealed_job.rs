//! Jobs whose content is nobody's business.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bilten_kernel::jobs::JobError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::IdentityError;
use crate::app::App;

/// The payload of a job, sealed by the vault.
#[derive(Serialize, Deserialize)]
pub(crate) struct SealedJob {
    sealed: String,
}

impl SealedJob {
    /// Seals a payload for a purpose.
    pub(super) fn seal(
        app: &App,
        purpose: &str,
        payload: &impl Serialize,
    ) -> Result<Self, IdentityError> {
        let text = serde_json::to_vec(payload).unwrap_or_default();
        let sealed = app.vault.seal(purpose, &text, &*app.random)?;
        Ok(Self {
            sealed: STANDARD_NO_PAD.encode(sealed),
        })
    }

    /// The payload that was sealed for this purpose.
    pub(super) fn open<P: DeserializeOwned>(
        &self,
        app: &App,
        purpose: &str,
    ) -> Result<P, JobError> {
        let dead = |error: String| JobError::Dead(format!("its payload cannot be read: {error}"));
        let sealed = STANDARD_NO_PAD
            .decode(&self.sealed)
            .map_err(|error| dead(error.to_string()))?;
        // The master key may be missing for the moment: that can be mended.
        let text = app.vault.open(purpose, &sealed)?;
        serde_json::from_slice(&text).map_err(|error| dead(error.to_string()))
    }
}
