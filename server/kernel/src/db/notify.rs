//! Nodes on one database wake each other: by `LISTEN` and `NOTIFY` of PostgreSQL, or by whatever
//! else carries words between them.
//!
//! It is a hint and no more: whoever misses one looks by itself within a second. So it is sent
//! after the commit and gathered, not inside the transaction: PostgreSQL lets transactions that
//! notify commit one after the other only.

use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::postgres::{PgListener, PgPool, PgPoolOptions};

use super::signals::{Signals, Topic};

const CHANNEL: &str = "bilten_wake";

/// How long commits are gathered into one notification.
const GATHER: Duration = Duration::from_millis(20);

/// How long who carries the words is left alone when it is away.
const PAUSE: Duration = Duration::from_secs(1);

/// The words did not get through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nodes cannot tell each other: {0}")]
pub struct NodesError(pub String);

/// Carries words between the nodes that share a database. Words may get lost.
pub trait Nodes: Send + Sync {
    /// Tells all nodes, this one too.
    fn tell(&self, words: String) -> BoxFuture<'_, Result<(), NodesError>>;

    /// Listens until the connection is lost, and hands over what is told; and nothing (`None`) as
    /// soon as it listens, and whenever something may have been missed.
    fn listen<'a>(
        &'a self,
        hear: &'a (dyn Fn(Option<&str>) + Send + Sync),
    ) -> BoxFuture<'a, Result<(), NodesError>>;
}

/// Tells other nodes and listens to them, until it is dropped.
pub(super) async fn run(nodes: &dyn Nodes, signals: &Signals) {
    tokio::join!(tell(nodes, signals), listen(nodes, signals));
}

async fn tell(nodes: &dyn Nodes, signals: &Signals) {
    loop {
        let words = signals.untold().await;
        if let Err(error) = nodes.tell(words).await {
            tracing::debug!(%error, "other nodes were not told; they look by themselves");
        }
        tokio::time::sleep(GATHER).await;
    }
}

async fn listen(nodes: &dyn Nodes, signals: &Signals) {
    let hear = |words: Option<&str>| match words {
        Some(words) => signals.heard(words),
        None => Topic::ALL.into_iter().for_each(|topic| signals.wake(topic)),
    };
    loop {
        if let Err(error) = nodes.listen(&hear).await {
            tracing::debug!(%error, "other nodes cannot be heard just now");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// By PostgreSQL itself.
pub(super) struct PgNodes<'p>(pub(super) &'p PgPool);

impl From<sqlx::Error> for NodesError {
    fn from(error: sqlx::Error) -> Self {
        Self(error.to_string())
    }
}

impl PgNodes<'_> {
    async fn notify(&self, words: String) -> Result<(), NodesError> {
        sqlx::query("SELECT pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(words)
            .execute(self.0)
            .await?;
        Ok(())
    }

    /// Listens on a connection of its own: one of the pool would be missing there for ever.
    async fn hear(&self, hear: &(dyn Fn(Option<&str>) + Send + Sync)) -> Result<(), NodesError> {
        let own = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_with((*self.0.connect_options()).clone())
            .await?;
        let mut listener = PgListener::connect_with(&own).await?;
        listener.listen(CHANNEL).await?;
        // For what was said before.
        hear(None);
        loop {
            match listener.try_recv().await? {
                Some(notification) => hear(Some(notification.payload())),
                // The connection was lost for a moment, and whatever was said meanwhile.
                None => hear(None),
            }
        }
    }
}

impl Nodes for PgNodes<'_> {
    fn tell(&self, words: String) -> BoxFuture<'_, Result<(), NodesError>> {
        Box::pin(self.notify(words))
    }

    fn listen<'a>(
        &'a self,
        hear: &'a (dyn Fn(Option<&str>) + Send + Sync),
    ) -> BoxFuture<'a, Result<(), NodesError>> {
        Box::pin(self.hear(hear))
    }
}
