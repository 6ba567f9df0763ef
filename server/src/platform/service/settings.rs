//! Settings: read from a cache, changed with a version, an actor and a reason, rolled back.

use bilten_kernel::error::{FieldError, Problem};
use bilten_kernel::http::{Page, PageQuery};
use serde_json::Value;

use super::super::model::*;
use super::super::store;
use super::{PlatformError, audit};
use crate::app::App;

/// How long a reason may be, in characters.
const MOST_REASON: usize = 500;

/// What a setting is now: what it was set to, or its default.
///
/// A database that does not answer leaves the settings at what they were; if they were never read,
/// at their defaults. So asking for one never fails.
pub async fn setting<T: SettingValue>(app: &App, setting: &Setting<T>) -> T {
    let key = setting.definition.key;
    let rows = match app.settings.rows(&app.db, app.now()).await {
        Ok(rows) => rows,
        Err(error) => {
            tracing::warn!(%error, key, "settings cannot be read");
            return (setting.default)();
        }
    };
    let value = rows.get(key).and_then(|row| row.value.as_deref());
    let Some(text) = value else {
        return (setting.default)();
    };
    serde_json::from_str(text).unwrap_or_else(|error| {
        tracing::error!(%error, key, "a setting holds what it cannot; its default is used");
        (setting.default)()
    })
}

/// How often a setting was changed; 0 if never, or if the database does not answer.
pub async fn setting_version<T>(app: &App, setting: &Setting<T>) -> i64 {
    match app.settings.rows(&app.db, app.now()).await {
        Ok(rows) => rows
            .get(setting.definition.key)
            .map_or(0, |row| row.version),
        Err(_) => 0,
    }
}

/// Whether a flag is on for an organisation.
pub async fn flag(app: &App, flag: &Setting<Flag>, organisation: impl ToString) -> bool {
    let value = setting(app, flag).await;
    value.is_on(flag.definition.key, &organisation.to_string())
}

/// The setting of this name.
fn definition(key: &str) -> Result<&'static Definition, PlatformError> {
    SETTINGS
        .iter()
        .find(|definition| definition.key == key)
        .copied()
        .ok_or(PlatformError::SettingUnknown)
}

fn state(definition: &Definition, row: Option<&SettingRow>) -> SettingState {
    let default = (definition.default)();
    let set = row.and_then(|row| row.value.as_deref());
    SettingState {
        key: definition.key.to_owned(),
        about: definition.about.trim().to_owned(),
        kind: definition.kind.to_owned(),
        value: set
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_else(|| default.clone()),
        default,
        version: row.map_or(0, |row| row.version),
        updated_at: row.map(|row| row.updated_at),
    }
}

/// All settings, by name, as the database has them.
///
/// # Errors
/// A fault of the database.
pub async fn settings_list(app: &App) -> Result<Vec<SettingState>, PlatformError> {
    let rows = app
        .db
        .read(|c| Box::pin(async move { store::settings::all(c).await }))
        .await?;
    let row = |key: &str| rows.iter().find(|row| row.key == key);
    let mut list: Vec<_> = SETTINGS
        .iter()
        .map(|definition| state(definition, row(definition.key)))
        .collect();
    list.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(list)
}

/// Sets a setting, or with no value sets it back to its default, if it is still at `version`.
///
/// # Errors
/// [`PlatformError::SettingUnknown`], [`PlatformError::Invalid`], [`PlatformError::Stale`], or a
/// fault of the database.
pub async fn set_setting(
    app: &App,
    key: &str,
    value: Option<Value>,
    version: i64,
    actor: &str,
    reason: &str,
) -> Result<SettingState, PlatformError> {
    let definition = definition(key)?;
    if let Some(value) = &value {
        (definition.check)(value).map_err(|detail| invalid("value", detail))?;
    }
    let value = value.map(|value| value.to_string());
    let (actor, reason) = (actor.to_owned(), reason_of(reason)?);
    change(
        app,
        definition,
        New::Value(value),
        Some(version),
        actor,
        reason,
    )
    .await
}

/// Sets a setting to what it was at an earlier version (0: its default), as a new change.
///
/// # Errors
/// [`PlatformError::SettingUnknown`], [`PlatformError::VersionUnknown`], [`PlatformError::Invalid`]
/// if the setting does not take that any more, [`PlatformError::Stale`], or a fault of the database.
pub async fn roll_back_setting(
    app: &App,
    key: &str,
    to: i64,
    version: i64,
    actor: &str,
    reason: &str,
) -> Result<SettingState, PlatformError> {
    let definition = definition(key)?;
    let (actor, reason) = (actor.to_owned(), reason_of(reason)?);
    change(
        app,
        definition,
        New::Version(to),
        Some(version),
        actor,
        reason,
    )
    .await
}

/// What a setting becomes.
pub(super) enum New {
    /// This, or its default.
    Value(Option<String>),
    /// What it was at this version.
    Version(i64),
}

/// Changes a setting, whatever its version is if none is given.
pub(super) async fn change(
    app: &App,
    definition: &'static Definition,
    new: New,
    version: Option<i64>,
    actor: String,
    reason: String,
) -> Result<SettingState, PlatformError> {
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let (app, key) = (work, definition.key);
                let old = store::settings::one(c, key).await?;
                let at = old.as_ref().map_or(0, |old| old.version);
                let version = version.unwrap_or(at);
                let (value, rolled_back_to) = match new {
                    New::Value(value) => (value, None),
                    New::Version(to) => (earlier(c, definition, to).await?, Some(to)),
                };
                let is_set =
                    store::settings::set(c, key, value.as_deref(), version, now).await?;
                if version != at || !is_set {
                    return Err(PlatformError::Stale(at));
                }
                let change = ChangeRow {
                    version: version + 1,
                    old_value: old.and_then(|old| old.value),
                    new_value: value.clone(),
                    actor: actor.clone(),
                    reason,
                    at: now,
                };
                store::settings::insert_change(c, key, &change).await?;
                let record = AuditRecord::new(actor, "settings.changed", key).detail(
                    serde_json::json!({"version": change.version, "rolled_back_to": rolled_back_to}),
                );
                audit(&app, c, record).await?;
                c.after_commit(move || app.settings.forget());
                let row = SettingRow {
                    key: key.to_owned(),
                    value,
                    version: change.version,
                    updated_at: now,
                };
                Ok(state(definition, Some(&row)))
            })
        })
        .await
}

/// What a setting was at a version, if it may be that again.
async fn earlier(
    c: &mut bilten_kernel::db::Conn,
    definition: &Definition,
    version: i64,
) -> Result<Option<String>, PlatformError> {
    if version == 0 {
        return Ok(None);
    }
    let value = store::settings::at_version(c, definition.key, version)
        .await?
        .ok_or(PlatformError::VersionUnknown)?;
    if let Some(text) = &value {
        let value = serde_json::from_str(text).map_err(|error| invalid("to", error.to_string()))?;
        (definition.check)(&value).map_err(|detail| invalid("to", detail))?;
    }
    Ok(value)
}

/// The changes of a setting, newest first.
///
/// # Errors
/// A problem 404 for an unknown setting, 400 for a strange cursor, or a fault of the database.
pub async fn setting_history(
    app: &App,
    key: &str,
    page: &PageQuery,
) -> Result<Page<SettingChange>, Problem> {
    let key = definition(key)?.key;
    let (before, limit) = (page.after()?.unwrap_or(i64::MAX), page.limit_and_one());
    let rows = app
        .db
        .read(move |c| {
            Box::pin(async move { store::settings::changes(c, key, before, limit).await })
        })
        .await?;
    let parsed = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
    let page = page.page(rows, |row| row.version);
    Ok(page.map(|row| SettingChange {
        version: row.version,
        old: parsed(row.old_value),
        new: parsed(row.new_value),
        actor: row.actor,
        reason: row.reason,
        at: row.at,
    }))
}

pub(super) fn invalid(field: &str, detail: String) -> PlatformError {
    PlatformError::Invalid(vec![FieldError {
        field: field.to_owned(),
        code: "invalid".into(),
        detail,
    }])
}

/// Why somebody does it: something, and not too much.
pub(super) fn reason_of(reason: &str) -> Result<String, PlatformError> {
    let reason = reason.trim();
    let is_odd = reason.chars().any(char::is_control);
    if reason.is_empty() || reason.chars().count() > MOST_REASON || is_odd {
        let detail = format!("A reason has 1 to {MOST_REASON} characters in one line.");
        return Err(invalid("reason", detail));
    }
    Ok(reason.to_owned())
}
