//! Names of seats and of the parts of a map: short, stable, and never shown as labels.

use std::fmt;
use std::str::FromStr;

use bilten_kernel::db::{Col, ColError, FromCol, ToVal, Val};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// The longest id in bytes.
const MAX_ID: usize = 12;

/// The text is no id of a map's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected 1 to 12 lower-case letters, digits and hyphens, the first of them a letter or digit"
)]
pub struct MapIdError;

/// Puts the text of an id into its bytes, zeros behind it: bytes sort as the text does.
fn bytes_of(text: &str) -> Result<[u8; MAX_ID], MapIdError> {
    let mut bytes = [0; MAX_ID];
    let is_ok = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.is_empty() || text.starts_with('-') || !text.bytes().all(is_ok) {
        return Err(MapIdError);
    }
    bytes
        .get_mut(..text.len())
        .ok_or(MapIdError)?
        .copy_from_slice(text.as_bytes());
    Ok(bytes)
}

fn text_of(bytes: &[u8; MAX_ID]) -> &str {
    let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(MAX_ID);
    bytes
        .get(..length)
        .and_then(|part| str::from_utf8(part).ok())
        .unwrap_or_default()
}

fn schema_of(doc: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(doc))
        .pattern(Some("^[a-z0-9][a-z0-9-]{0,11}$"))
        .examples(["p3-12"])
        .into()
}

macro_rules! map_id {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; MAX_ID]);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                text_of(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = MapIdError;

            fn from_str(text: &str) -> Result<Self, MapIdError> {
                bytes_of(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                bilten_kernel::id::text_from(deserializer)
            }
        }

        impl ToVal for $name {
            fn to_val(self) -> Val {
                Val::Text(Some(self.to_string()))
            }

            fn null() -> Val {
                Val::Text(None)
            }
        }

        impl FromCol for $name {
            fn from_col(col: Col<'_>) -> Result<Self, ColError> {
                col.parse()
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                schema_of($doc)
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed(stringify!($name))
            }
        }
    };
}

map_id!(
    SeatId,
    "Names a seat of a map, through all versions of the map; its label may change, its id never."
);
map_id!(
    PartId,
    "Names a section, row, table, standing area or price category of a map."
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_sort_as_texts() {
        for text in ["a", "1", "p3-12", "abcdefghijkl"] {
            let id: SeatId = text.parse().unwrap();
            assert_eq!(id.as_str(), text);
            assert_eq!(serde_json::to_value(id).unwrap(), text);
        }
        for text in ["", "-a", "A1", "abcdefghijklm", "a b", "č", "a_1", "a\0b"] {
            assert_eq!(text.parse::<PartId>(), Err(MapIdError), "{text}");
        }
        let mut ids: Vec<SeatId> = ["b", "a-1", "a", "a1", "10", "2"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        ids.sort();
        let texts: Vec<_> = ids.iter().map(SeatId::as_str).collect();
        assert_eq!(texts, ["10", "2", "a", "a-1", "a1", "b"]);
    }
}
