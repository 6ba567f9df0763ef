//! Limits that all nodes share.

#[cfg(feature = "redis")]
mod redis;

use std::sync::Arc;

use bilten_kernel::http::SharedLimits;

#[cfg(feature = "redis")]
pub use redis::RedisLimits;

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
