//! The layer that logs what was decided about who may do what.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use bilten_kernel::error::Problem;
use tracing::Level;

use crate::identity::Noted;

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Allowed,
    Refused,
    /// There is no such thing, or it belongs to somebody else: the two are alike outside, and here.
    Hidden,
}

impl Decision {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Hidden => "hidden",
        }
    }

    /// What an answer says of it; nothing if nobody was asked who they are.
    fn of(status: StatusCode, is_known: bool) -> Option<Self> {
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(Self::Refused),
            StatusCode::NOT_FOUND => is_known.then_some(Self::Hidden),
            _ => is_known.then_some(Self::Allowed),
        }
    }
}

/// The layer: a line for each decision, with ids and words only. What was allowed is logged at the
/// level `debug`, since the line of each answer names who asked as well.
pub(crate) async fn log_decisions(mut request: Request, next: Next) -> Response {
    let noted = Noted::of(&mut request);
    let response = next.run(request).await;
    let Some(decision) = Decision::of(response.status(), noted.is_known()) else {
        return response;
    };
    let is_allowed = decision == Decision::Allowed;
    if is_allowed && !tracing::enabled!(Level::DEBUG) {
        return response;
    }
    let who = noted.who();
    let principal = who.as_deref();
    let permission = noted.permission();
    let code = response.extensions().get::<Problem>().map(Problem::code);
    let decision = decision.as_str();
    if is_allowed {
        tracing::debug!(principal, permission, decision, "decided");
    } else {
        tracing::info!(principal, permission, decision, code, "decided");
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: GW-3
    #[test]
    fn an_answer_says_what_was_decided() {
        for (status, is_known, wanted) in [
            (401, false, Some(Decision::Refused)),
            (403, true, Some(Decision::Refused)),
            (404, true, Some(Decision::Hidden)),
            (404, false, None),
            (200, true, Some(Decision::Allowed)),
            (422, true, Some(Decision::Allowed)),
            (200, false, None),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                Decision::of(status, is_known),
                wanted,
                "{status} {is_known}"
            );
        }
    }
}
