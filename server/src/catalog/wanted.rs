//! Which languages a request wants.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};

use super::texts::{Language, wanted_languages};

/// The languages that a request wants, the dearest first: `?lang=`, then `Accept-Language`. What is no
/// language is passed over, since there is always something to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted(pub Vec<Language>);

impl Wanted {
    /// The header of an answer that would be another in another language.
    pub fn varies() -> [(HeaderName, HeaderValue); 1] {
        [(VARY, HeaderValue::from_static("accept-language"))]
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let chosen = form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "lang")
            .map(|(_, value)| value.into_owned());
        let header: Vec<&str> = parts
            .headers
            .get_all(ACCEPT_LANGUAGE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        Ok(Self(wanted_languages(chosen.as_deref(), &header.join(","))))
    }
}
