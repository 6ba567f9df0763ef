//! Maintenance mode: the service is closed, and gates go on.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::Problem;

use super::super::model::*;
use super::PlatformError;
use super::settings::{New, change, invalid, reason_of, setting};
use crate::app::App;

crate::setting! {
    /// Closes the service for everybody but gates and platform administrators.
    pub MAINTENANCE: Option<Maintenance> = "maintenance", default: || None
}

/// What stays open: signs of life, gates, signing in, the administrators' own routes, and what pages
/// are made of.
const OPEN: &[&str] = &[
    "/livez",
    "/readyz",
    "/status",
    "/api/v1/status",
    "/assets/",
    "/robots.txt",
    "/api/v1/sync/",
    "/api/v1/platform/",
    "/api/v1/auth/",
    "/api/v1/me/reauthenticate",
    "/sign-in",
    "/sign-out",
    "/sso/",
    "/.well-known/",
];

/// Whether an address is one of these, or below one.
fn is_open(path: &str) -> bool {
    OPEN.iter().any(|open| {
        let rest = path.strip_prefix(open);
        rest.is_some_and(|rest| rest.is_empty() || open.ends_with('/') || rest.starts_with('/'))
    })
}

/// Closes the service, or changes what is said about it.
///
/// # Errors
/// [`PlatformError::Invalid`] by the message or the time, or a fault of the database.
pub async fn begin_maintenance(
    app: &App,
    message: &str,
    until: Option<Timestamp>,
    actor: &str,
    reason: &str,
) -> Result<SettingState, PlatformError> {
    let maintenance = Maintenance {
        message: message.trim().to_owned(),
        until,
        since: app.now(),
    };
    if let Err(detail) = maintenance.check() {
        let field = if detail.starts_with("until") {
            "until"
        } else {
            "message"
        };
        return Err(invalid(field, detail));
    }
    let text = serde_json::json!(maintenance).to_string();
    set_maintenance(app, Some(text), actor, reason).await
}

/// Opens the service again.
///
/// # Errors
/// A fault of the database.
pub async fn end_maintenance(
    app: &App,
    actor: &str,
    reason: &str,
) -> Result<SettingState, PlatformError> {
    set_maintenance(app, None, actor, reason).await
}

async fn set_maintenance(
    app: &App,
    value: Option<String>,
    actor: &str,
    reason: &str,
) -> Result<SettingState, PlatformError> {
    let (actor, reason) = (actor.to_owned(), reason_of(reason)?);
    change(
        app,
        MAINTENANCE.definition,
        New::Value(value),
        None,
        actor,
        reason,
    )
    .await
}

/// The layer that answers 503 while the service is closed.
pub async fn closed_for_maintenance(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    if is_open(request.uri().path()) {
        return next.run(request).await;
    }
    match setting(&app, &MAINTENANCE).await {
        None => next.run(request).await,
        Some(maintenance) => {
            Problem::unavailable("platform.maintenance", maintenance.message.clone())
                .title("Closed for maintenance")
                .retry_after(maintenance.retry_after(app.now()))
                .into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_open;

    #[test]
    fn what_only_begins_like_an_open_address_is_closed() {
        for path in [
            "/livez",
            "/api/v1/sync/feed",
            "/sign-in",
            "/sign-in/passkey",
        ] {
            assert!(is_open(path), "{path}");
        }
        for path in [
            "/",
            "/livezz",
            "/api/v1/synchronous",
            "/sign-in-not",
            "/e/livez",
        ] {
            assert!(!is_open(path), "{path}");
        }
    }
}
