//! Hints: telling devices that there is more.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::AccessError;
use crate::access::model::Device;
use crate::access::store::devices;
use crate::app::App;
use crate::tickets;

/// How often to look whether the device was revoked, and for news of which no node was heard.
const LOOK: Duration = Duration::from_secs(3);

/// The news of one device's feed.
pub struct News {
    app: App,
    device: Device,
    told: watch::Receiver<i64>,
    /// What the device was told last.
    last: Option<i64>,
    /// When to look into the database again.
    look_at: Instant,
}

/// Listens for news of the device's feed.
pub fn listen(app: &App, device: Device) -> News {
    News {
        told: app.hints.listen(device.event_id),
        app: app.clone(),
        device,
        last: None,
        look_at: Instant::now(),
    }
}

impl News {
    /// Waits until the feed has grown and gives its position: the first time at once; nothing once
    /// the device was revoked or the server stops.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn next(&mut self) -> Result<Option<i64>, AccessError> {
        loop {
            // First, so that nothing told meanwhile is missed.
            let told = *self.told.borrow_and_update();
            let position = if Instant::now() < self.look_at {
                told
            } else {
                self.look_at = Instant::now() + LOOK;
                match self.look().await? {
                    Some(position) => position.max(told),
                    None => return Ok(None),
                }
            };
            if self.last.is_none_or(|last| position > last) {
                self.last = Some(position);
                return Ok(Some(position));
            }
            // Nobody tells any more once the server stops.
            if let Ok(Err(_)) = timeout_at(self.look_at, self.told.changed()).await {
                return Ok(None);
            }
        }
    }

    /// The feed's position; nothing if the device may not hear of it any more.
    async fn look(&self) -> Result<Option<i64>, AccessError> {
        let (device, event) = (self.device.id, self.device.event_id);
        let read = self.app.db.read(move |c| {
            Box::pin(async move {
                let device = devices::device(c, device).await?;
                let feed = tickets::feed_in(c, event).await?;
                Ok::<_, AccessError>((device, feed))
            })
        });
        let (device, feed) = read.await?;
        let may_listen = device.is_some_and(|device| device.revoked_at.is_none());
        Ok(feed.filter(|_| may_listen).map(|(_, position)| position))
    }
}
