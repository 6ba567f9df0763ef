//! How much is logged, and what the status page says: settings that all nodes obey.

use std::time::Duration;

use bilten_kernel::telemetry::Verbosity;

use super::super::model::*;
use super::PlatformError;
use super::settings::{New, change, invalid, reason_of, setting};
use crate::app::App;

crate::setting! {
    /// Logs more or less than the configuration says, until a time.
    pub LOG_LEVEL: Option<TemporaryLevel> = "log.level", default: || None
}

crate::setting! {
    /// What the status page says about an incident.
    pub STATUS_NOTICE: Option<Notice> = "status.notice", default: || None
}

/// Logs from another level on, for so many minutes, on all nodes.
///
/// # Errors
/// [`PlatformError::Invalid`] by the time or the reason, or a fault of the database.
pub async fn set_log_level(
    app: &App,
    level: Verbosity,
    minutes: u32,
    actor: &str,
    reason: &str,
) -> Result<SettingState, PlatformError> {
    if !(1..=MOST_LOG_MINUTES).contains(&minutes) {
        let detail = format!("It lasts 1 to {MOST_LOG_MINUTES} minutes.");
        return Err(invalid("minutes", detail));
    }
    let until = app.now() + Duration::from_secs(u64::from(minutes) * 60);
    let value = serde_json::json!(TemporaryLevel { level, until }).to_string();
    let (actor, reason) = (actor.to_owned(), reason_of(reason)?);
    let new = New::Value(Some(value));
    let set = change(app, LOG_LEVEL.definition, new, None, actor, reason).await?;
    obey_log_level(app).await;
    Ok(set)
}

/// Logs as the configuration says, before the time is over.
///
/// # Errors
/// [`PlatformError::Invalid`] by the reason, or a fault of the database.
pub async fn end_log_level(
    app: &App,
    actor: &str,
    reason: &str,
) -> Result<SettingState, PlatformError> {
    let (actor, reason) = (actor.to_owned(), reason_of(reason)?);
    let new = New::Value(None);
    let set = change(app, LOG_LEVEL.definition, new, None, actor, reason).await?;
    obey_log_level(app).await;
    Ok(set)
}

/// The level that was set and whose time is not over.
pub async fn temporary_log_level(app: &App) -> Option<TemporaryLevel> {
    let set = setting(app, &LOG_LEVEL).await;
    set.filter(|temporary| temporary.until > app.now())
}

/// Lets this node log as it should by now.
pub async fn obey_log_level(app: &App) {
    let temporary = temporary_log_level(app).await;
    let level = temporary.map_or_else(
        || app.config.log.level.clone(),
        |temporary| temporary.level.to_string(),
    );
    app.log.set(&level);
}
