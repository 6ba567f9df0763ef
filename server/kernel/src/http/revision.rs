//! Changes that start from what their caller has seen: `If-Match` (RFC 9110).
//!
//! What can be changed has a revision, a number that each change raises. The `ETag` of its answers is
//! `W/"7.abc…"`: the revision, then a hash of the body. `If-None-Match` compares the whole, so an
//! answer cut by `?fields=` is another one than the whole; `If-Match` compares the revision only,
//! whichever part of the thing its caller has read. `"7"` alone, as lists show revisions, is good too.
//!
//! Whether a change may go on is decided inside the write, by the row that is locked or by the
//! `UPDATE` itself: pass the [`IfMatch`] on, and ask it there.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Json;
use crate::error::{IntoProblem, Problem};

/// What the caller has seen of the thing that they change; as an extractor, of `If-Match`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IfMatch(Option<Vec<i64>>);

impl IfMatch {
    /// Whatever there is.
    pub const ANY: Self = Self(None);

    /// Whether the caller says what they have seen.
    pub const fn is_said(&self) -> bool {
        self.0.is_some()
    }

    /// Lets the change of a thing with this revision go on if it is what the caller has seen.
    ///
    /// # Errors
    /// [`Stale`] if it is not.
    pub fn allow(&self, revision: i64) -> Result<(), Stale> {
        match &self.0 {
            Some(seen) if !seen.contains(&revision) => Err(Stale),
            Some(_) | None => Ok(()),
        }
    }

    fn read(text: &str) -> Self {
        if text.trim() == "*" {
            return Self::ANY;
        }
        // A tag without a revision is of something else, and so never seen.
        Self(Some(text.split(',').filter_map(revision_of).collect()))
    }
}

/// The revision in `W/"7.abc"` or `"7"`.
fn revision_of(tag: &str) -> Option<i64> {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let tag = tag.strip_prefix('"')?.strip_suffix('"')?;
    let number = tag.split('.').next()?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| number.parse().ok())?
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let given: Vec<&str> = parts
            .headers
            .get_all(header::IF_MATCH)
            .iter()
            .map(|value| value.to_str().unwrap_or_default())
            .collect();
        Ok(if given.is_empty() {
            Self::ANY
        } else {
            Self::read(&given.join(","))
        })
    }
}

/// The thing is not any more what the caller has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this was changed in the meantime; nothing was written. Read it anew and try again")]
pub struct Stale;

impl IntoProblem for Stale {
    fn into_problem(self) -> Problem {
        Problem::stale("precondition_failed", self.to_string())
    }
}

/// The revision of what an answer shows; the layer of conditional requests makes its tag of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Revision(pub(super) i64);

/// JSON of a thing that has a revision.
#[derive(Debug, Clone, Copy)]
pub struct Revised<T>(pub i64, pub T);

impl<T: Serialize> IntoResponse for Revised<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        response.extensions_mut().insert(Revision(self.0));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: GW-4
    #[test]
    fn a_tag_names_a_revision() {
        for (text, revision, is_allowed) in [
            ("W/\"7.abc-_\"", 7, true),
            ("\"7\"", 7, true),
            ("\"6\", W/\"7.x\"", 7, true),
            (" * ", 7, true),
            ("W/\"7.abc\"", 8, false),
            ("7", 7, false),
            ("\"\"", 7, false),
            ("\"+7\"", 7, false),
            ("W/\"abc\"", 7, false),
            ("\"99999999999999999999\"", 7, false),
            ("", 0, false),
        ] {
            let seen = IfMatch::read(text);
            assert_eq!(seen.allow(revision).is_ok(), is_allowed, "{text}");
        }
        assert!(IfMatch::ANY.allow(1).is_ok() && !IfMatch::ANY.is_said());
        assert_eq!(Stale.into_problem().status().as_u16(), 412);
    }
}
