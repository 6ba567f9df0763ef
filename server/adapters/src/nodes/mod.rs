//! How nodes that share a database wake each other.

#[cfg(feature = "redis")]
mod redis;

use std::sync::Arc;

use bilten_kernel::db::Nodes;

#[cfg(feature = "redis")]
pub use redis::RedisNodes;

/// The address by which nodes wake each other makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "nodes.url is not the address of a Redis server: {0}. Write redis://host:6379 or rediss://user:password@host:6379, or leave it empty"
)]
pub struct NodesUrlError(pub String);

impl NodesUrlError {
    /// The stable name of this error.
    pub const fn code(&self) -> &'static str {
        "nodes.config"
    }
}

/// Who carries words between nodes, as the address says; the database itself (`None`) if it is empty.
/// It is not asked yet: nodes do without each other's words.
///
/// # Errors
/// [`NodesUrlError`] if it is no such address.
pub fn nodes(url: &str) -> Result<Option<Arc<dyn Nodes>>, NodesUrlError> {
    if url.is_empty() {
        return Ok(None);
    }
    #[cfg(feature = "redis")]
    {
        Ok(Some(Arc::new(RedisNodes::new(url)?)))
    }
    #[cfg(not(feature = "redis"))]
    {
        Err(NodesUrlError(
            "this program was built without Redis".to_owned(),
        ))
    }
}
