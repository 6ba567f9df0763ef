//! What has had its time is deleted.

use std::time::Duration;

use super::IdentityError;
use crate::app::App;
use crate::identity::store::{attempts, factors, flags, one_time, sessions, throttles};

/// How many sessions are deleted in one write.
const AT_ONCE: i64 = 500;
/// How long what has ended is kept, so that it can be told apart from what never was.
const KEPT: Duration = Duration::from_secs(2 * 86_400);
/// How long devices are known that nobody uses.
const DEVICES_KEPT: Duration = Duration::from_secs(400 * 86_400);

/// Deletes links, sessions, counters, attempts and unconfirmed factors that have had their time.
///
/// # Errors
/// A fault of the database; what is left is deleted the next time.
pub async fn tidy(app: &App) -> Result<(), IdentityError> {
    let now = app.now();
    let attempts_before = now - Duration::from_secs(app.config.identity.attempts_kept_s);
    app.db
        .write(move |c| {
            Box::pin(async move {
                one_time::delete_expired(c, now - KEPT).await?;
                factors::delete_unconfirmed(c, now - KEPT).await?;
                throttles::delete_old(c, now - KEPT, now).await?;
                attempts::delete_old(c, attempts_before).await?;
                attempts::delete_old_devices(c, now - DEVICES_KEPT).await?;
                flags::delete_old(c, attempts_before).await?;
                Ok::<_, IdentityError>(())
            })
        })
        .await?;
    loop {
        let ended = app
            .db
            .write(move |c| {
                Box::pin(async move { sessions::delete_ended(c, now - KEPT, AT_ONCE).await })
            })
            .await?;
        if ended == 0 {
            return Ok(());
        }
    }
}
