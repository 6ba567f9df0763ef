//! Limits that all nodes share.

#[cfg(feature = "redis")]
mod redis;

use std::sync::Arc;
use std::time::Duration;

use bilten_kernel::http::{Outcome, SharedError, SharedLimits, Take};
use bilten_kernel::telemetry::trace;

#[cfg(feature = "redis")]
pub use redis::RedisLimits;

use crate::Answer;
use crate::outgoing::{Outside, SHARED_LIMITS};

/// How long an answer may take: a little less than a request waits for it, so that it is a failure
/// of whoever was asked.
const PATIENCE: Duration = Duration::from_millis(90);

/// The address of shared limits makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "limits.url is not the address of a Redis server: {0}. Write redis://host:6379 or rediss://user:password@host:6379, or leave it empty"
)]
pub struct LimitsUrlError(pub String);

impl LimitsUrlError {
    /// The stable name of this error.
    pub const fn code(&self) -> &'static str {
        "limits.config"
    }
}

/// Who keeps the limits of all nodes, as the address says; nobody if it is empty. It is not asked
/// yet: limits must not keep a server from starting.
///
/// # Errors
/// [`LimitsUrlError`] if it is no such address.
pub fn shared(url: &str) -> Result<Option<Arc<dyn SharedLimits>>, LimitsUrlError> {
    if url.is_empty() {
        return Ok(None);
    }
    #[cfg(feature = "redis")]
    {
        Ok(Some(Arc::new(RedisLimits::new(url)?)))
    }
    #[cfg(not(feature = "redis"))]
    {
        Err(LimitsUrlError(
            "this program was built without Redis".to_owned(),
        ))
    }
}

/// Whether who keeps the limits of all nodes answers at this address.
///
/// # Errors
/// [`SharedError`] if not.
pub async fn answers(url: &str) -> Result<(), SharedError> {
    #[cfg(feature = "redis")]
    {
        let limits = RedisLimits::new(url).map_err(|error| SharedError(error.to_string()))?;
        limits.ping().await
    }
    #[cfg(not(feature = "redis"))]
    {
        let _ = url;
        Err(SharedError(
            "this program was built without Redis".to_owned(),
        ))
    }
}

/// Shared limits that are called like anybody else: who fails is left alone, and how it goes is
/// measured.
pub fn watched(shared: Arc<dyn SharedLimits>, outside: Arc<Outside>) -> Arc<dyn SharedLimits> {
    Arc::new(Watched { shared, outside })
}

struct Watched {
    shared: Arc<dyn SharedLimits>,
    outside: Arc<Outside>,
}

impl Watched {
    async fn ask(&self, take: Take) -> Result<Outcome, SharedError> {
        let turn = self.outside.turn(&SHARED_LIMITS, "").await;
        let turn = turn.map_err(|why| SharedError(why.to_string()))?;
        let asked = async {
            tokio::time::timeout(PATIENCE, self.shared.take(take))
                .await
                .unwrap_or_else(|_| Err(SharedError("no answer in time".to_owned())))
        };
        let answer = trace::outgoing(SHARED_LIMITS.name, "EVALSHA", asked).await;
        if answer.is_ok() {
            turn.worked();
        } else {
            turn.failed();
        }
        answer
    }
}

impl SharedLimits for Watched {
    fn take(&self, take: Take) -> Answer<'_, Result<Outcome, SharedError>> {
        Box::pin(self.ask(take))
    }
}
