//! Words between nodes by Redis (or what speaks its protocol): published on one channel.
//!
//! Several installations may share a Redis: a word too many makes a node look once more.

use std::time::Duration;

use bilten_kernel::db::{Nodes, NodesError};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use redis::aio::{ConnectionManager, ConnectionManagerConfig, PubSub};
use redis::{Client, RedisError, RedisResult};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::NodesUrlError;

const CHANNEL: &str = "bilten:wake";
/// How long a connection and an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// After how long without a word the connection is made anew: one that broke silently is found out.
const QUIET: Duration = Duration::from_secs(60);

/// Words by Redis.
pub struct RedisNodes {
    client: Client,
    connection: OnceCell<ConnectionManager>,
}

impl RedisNodes {
    /// By an address such as `redis://host:6379`; nothing is asked yet.
    ///
    /// # Errors
    /// [`NodesUrlError`] if it is no such address.
    pub fn new(url: &str) -> Result<Self, NodesUrlError> {
        // What redis says of a broken address may hold its password.
        let client =
            Client::open(url).map_err(|error| NodesUrlError(format!("{:?}", error.kind())))?;
        Ok(Self {
            client,
            connection: OnceCell::new(),
        })
    }

    /// The connection that tells; it is made again by itself when it breaks.
    async fn connection(&self) -> RedisResult<ConnectionManager> {
        let connect = || async {
            let config = ConnectionManagerConfig::new()
                .set_number_of_retries(1)
                .set_min_delay(Duration::from_millis(50))
                .set_connection_timeout(Some(PATIENCE))
                .set_response_timeout(Some(PATIENCE));
            ConnectionManager::new_lazy_with_config(self.client.clone(), config)
        };
        let connection = self.connection.get_or_try_init(connect).await?;
        Ok(connection.clone())
    }

    async fn publish(&self, words: String) -> RedisResult<()> {
        let mut connection = self.connection().await?;
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(CHANNEL).arg(words);
        let _listeners: i64 = publish.query_async(&mut connection).await?;
        Ok(())
    }

    async fn subscribed(&self) -> RedisResult<PubSub> {
        let mut channel = self.client.get_async_pubsub().await?;
        channel.subscribe(CHANNEL).await?;
        Ok(channel)
    }

    async fn hear(&self, hear: &(dyn Fn(Option<&str>) + Send + Sync)) -> Result<(), NodesError> {
        let channel = timeout(PATIENCE, self.subscribed())
            .await
            .map_err(|_| NodesError("Redis does not answer".to_owned()))?
            .map_err(|error| lost(&error))?;
        let mut told = channel.into_on_message();
        // For what was said before.
        hear(None);
        loop {
            match timeout(QUIET, told.next()).await {
                Ok(Some(message)) => {
                    // What is no text is nothing of ours.
                    if let Ok(words) = message.get_payload::<String>() {
                        hear(Some(&words));
                    }
                }
                Ok(None) => return Err(NodesError("the connection was lost".to_owned())),
                // Nothing is wrong, as far as anybody knows.
                Err(_) => return Ok(()),
            }
        }
    }
}

fn lost(error: &RedisError) -> NodesError {
    NodesError(error.to_string())
}

impl Nodes for RedisNodes {
    fn tell(&self, words: String) -> BoxFuture<'_, Result<(), NodesError>> {
        Box::pin(async move { self.publish(words).await.map_err(|error| lost(&error)) })
    }

    fn listen<'a>(
        &'a self,
        hear: &'a (dyn Fn(Option<&str>) + Send + Sync),
    ) -> BoxFuture<'a, Result<(), NodesError>> {
        Box::pin(self.hear(hear))
    }
}
