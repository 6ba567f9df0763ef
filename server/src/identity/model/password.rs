//! Passwords as people type them.

use std::fmt;

use serde::Deserialize;
use zeroize::Zeroizing;

/// The fewest characters of a new password.
pub const PASSWORD_LEAST: usize = 10;
/// The most characters of a password.
pub const PASSWORD_MOST: usize = 256;

/// A password as somebody typed it: never shown, and wiped from memory after use.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct Password(Zeroizing<String>);

impl Password {
    /// What was typed.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it could be somebody's password at all; what is longer is not even hashed.
    pub fn is_possible(&self) -> bool {
        !self.0.is_empty() && self.0.chars().count() <= PASSWORD_MOST
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl utoipa::PartialSchema for Password {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .max_length(Some(PASSWORD_MOST))
            .into()
    }
}

impl utoipa::ToSchema for Password {}
