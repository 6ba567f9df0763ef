//! Nodes on one PostgreSQL wake each other, by `LISTEN` and `NOTIFY`.
//!
//! It is a hint and no more: whoever misses one looks by itself within a second. So it is sent
//! after the commit and gathered, not inside the transaction: PostgreSQL lets transactions that
//! notify commit one after the other only.

use std::time::Duration;

use sqlx::postgres::{PgListener, PgPool, PgPoolOptions};

use super::signals::{Signals, Topic};

const CHANNEL: &str = "bilten_wake";

/// How long commits are gathered into one notification.
const GATHER: Duration = Duration::from_millis(20);

/// How long a database that is away is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells other nodes and listens to them, until it is dropped.
pub(super) async fn run(pool: &PgPool, signals: &Signals) {
    tokio::join!(tell(pool, signals), listen(pool, signals));
}

async fn tell(pool: &PgPool, signals: &Signals) {
    loop {
        let topics: Vec<_> = signals
            .untold()
            .await
            .into_iter()
            .map(Topic::word)
            .collect();
        let sent = sqlx::query("SELECT pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(topics.join(" "))
            .execute(pool)
            .await;
        if let Err(error) = sent {
            tracing::debug!(%error, "other nodes were not woken; they look by themselves");
        }
        tokio::time::sleep(GATHER).await;
    }
}

async fn listen(pool: &PgPool, signals: &Signals) {
    loop {
        if let Err(error) = heard(pool, signals).await {
            tracing::debug!(%error, "other nodes cannot be heard just now");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Listens on a connection of its own: one of the pool would be missing there for ever.
async fn heard(pool: &PgPool, signals: &Signals) -> Result<(), sqlx::Error> {
    let own = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_with((*pool.connect_options()).clone())
        .await?;
    let mut listener = PgListener::connect_with(&own).await?;
    listener.listen(CHANNEL).await?;
    // For what was said before.
    wake_all(signals);
    loop {
        match listener.try_recv().await? {
            Some(notification) => {
                for word in notification.payload().split(' ') {
                    let topic = Topic::ALL.into_iter().find(|topic| topic.word() == word);
                    topic.into_iter().for_each(|topic| signals.wake(topic));
                }
            }
            // The connection was lost for a moment, and whatever was said meanwhile.
            None => wake_all(signals),
        }
    }
}

fn wake_all(signals: &Signals) {
    Topic::ALL.into_iter().for_each(|topic| signals.wake(topic));
}
