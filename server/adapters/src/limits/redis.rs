//! Limits in Redis (or what speaks its protocol): one script, so that no two nodes decide at once,
//! by the clock of Redis, so that it does not matter whose clock is right.

use std::time::Duration;

use bilten_kernel::http::{Outcome, SharedError, SharedLimits, Take};
use futures_util::future::BoxFuture;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisResult, Script};
use tokio::sync::OnceCell;

use super::LimitsUrlError;

/// How long a connection and an answer may take; whoever asks waits no longer anyway.
const PATIENCE: Duration = Duration::from_millis(500);

/// `Quota::take`, where it is at once for all. A bucket that is full is forgotten.
const TAKE: &str = "
    local time = redis.call('TIME')
    local now = time[1] * 1000000 + time[2]
    local window, interval = tonumber(ARGV[1]), tonumber(ARGV[2])
    local full_at = tonumber(redis.call('GET', KEYS[1]) or '0')
    full_at = math.min(math.max(full_at, now), now + window)
    local after = full_at + interval
    if after - now > window then
        return {0, full_at - now, after - now - window}
    end
    redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
    return {1, after - now, 0}
";

/// Limits in Redis.
pub struct RedisLimits {
    client: Client,
    script: Script,
    connection: OnceCell<ConnectionManager>,
}

impl RedisLimits {
    /// By an address such as `redis://host:6379`; nothing is asked yet.
    ///
    /// # Errors
    /// [`LimitsUrlError`] if it is no such address.
    pub fn new(url: &str) -> Result<Self, LimitsUrlError> {
        // What redis says of a broken address may hold its password.
        let client =
            Client::open(url).map_err(|error| LimitsUrlError(format!("{:?}", error.kind())))?;
        Ok(Self {
            client,
            script: Script::new(TAKE),
            connection: OnceCell::new(),
        })
    }

    /// The connection; it is made again by itself when it breaks.
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

    /// Whether it answers; nothing is counted.
    ///
    /// # Errors
    /// [`SharedError`] with what went wrong.
    pub async fn ping(&self) -> Result<(), SharedError> {
        let asked = async {
            let mut connection = self.connection().await?;
            redis::cmd("PING")
                .query_async::<String>(&mut connection)
                .await
        };
        let answer: RedisResult<String> = asked.await;
        answer
            .map(|_| ())
            .map_err(|error| SharedError(error.to_string()))
    }

    async fn ask(&self, take: &Take) -> RedisResult<Outcome> {
        let mut connection = self.connection().await?;
        let (is_allowed, full_us, retry_us): (u8, u64, u64) = self
            .script
            .key(format!("bilten:limit:{}", take.key))
            .arg(take.quota.window_us())
            .arg(take.quota.interval_us())
            .invoke_async(&mut connection)
            .await?;
        Ok(take.quota.outcome(is_allowed == 1, full_us, retry_us))
    }
}

impl SharedLimits for RedisLimits {
    fn take(&self, take: Take) -> BoxFuture<'_, Result<Outcome, SharedError>> {
        Box::pin(async move {
            let asked = self.ask(&take).await;
            asked.map_err(|error| SharedError(error.to_string()))
        })
    }
}
