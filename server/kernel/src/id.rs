//! Typed ids: `evt_01jx…`, one Rust type for each kind of thing.
//!
//! An id is 16 bytes laid out as a UUID version 7: its first 48 bits are the time it was made, so
//! newer rows land at the end of an index and ids sort by age. Its text is a prefix that says what
//! it names, `_`, and 26 characters of Crockford's base32 (the TypeID format). Each id has exactly
//! one text: parsing refuses upper case, look-alikes and overflow, so an id can be compared as text
//! anywhere.
//!
//! To add one, write in the domain's `model.rs`:
//!
//! ```
//! bilten_kernel::typed_id!(pub EventId, "evt", "Names an event.");
//! # use bilten_kernel::{clock::ManualClock, random::SeededRandom};
//! let id = EventId::new(&ManualClock::default(), &SeededRandom::new(1));
//! assert_eq!(id.to_string().parse::<EventId>(), Ok(id));
//! assert!("ord_01jx0000000000000000000000".parse::<EventId>().is_err());
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::clock::Clock;
use crate::random::Random;

/// Crockford's base32 digits in lower case.
pub(crate) const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// It names another kind of thing, or nothing at all.
    #[error("expected an id that starts with `{0}_`")]
    Prefix(&'static str),
    /// It has the right prefix but is not the canonical text of 16 bytes.
    #[error("expected `{0}_` and 26 characters of lower-case base32")]
    Form(&'static str),
}

/// The 16 bytes of a new id: a UUID version 7 of the clock's time and random bits.
pub fn bytes(clock: &dyn Clock, random: &dyn Random) -> [u8; 16] {
    let mut bytes = [0; 16];
    random.fill(&mut bytes[6..]);
    let ms = u64::try_from(clock.now().ms()).unwrap_or(0).to_be_bytes();
    bytes[..6].copy_from_slice(&ms[2..]);
    bytes[6] = bytes[6] & 0x0f | 0x70;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

/// Writes the text of an id.
///
/// # Errors
/// Only when the formatter fails.
pub fn write(prefix: &str, bytes: &[u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let number = u128::from_be_bytes(*bytes);
    let mut text = [b'_'; 32];
    let (head, length) = (prefix.len(), prefix.len() + 27);
    let Some(buffer) = text.get_mut(..length) else {
        // A prefix of more than five letters: slower, same text.
        f.write_str(prefix)?;
        return write("", bytes, f);
    };
    buffer[..head].copy_from_slice(prefix.as_bytes());
    for (place, digit) in buffer[head + 1..].iter_mut().rev().enumerate() {
        *digit = ALPHABET[usize::try_from(number >> (5 * place) & 31).unwrap_or(0)];
    }
    f.write_str(str::from_utf8(buffer).map_err(|_| fmt::Error)?)
}

/// Reads the bytes of an id from its one canonical text.
///
/// # Errors
/// [`IdError`] when the prefix is another one or the rest is not canonical.
pub fn parse(prefix: &'static str, text: &str) -> Result<[u8; 16], IdError> {
    let digits = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .ok_or(IdError::Prefix(prefix))?
        .as_bytes();
    if digits.len() != 26 || digits[0] > b'7' {
        return Err(IdError::Form(prefix));
    }
    let mut number = 0u128;
    for digit in digits {
        let value = ALPHABET
            .iter()
            .position(|known| known == digit)
            .ok_or(IdError::Form(prefix))?;
        number = number << 5 | value as u128;
    }
    Ok(number.to_be_bytes())
}

/// Reads any `FromStr` from a serde string, borrowed where the format allows it.
///
/// # Errors
/// The deserializer's, or the parser's error as its message.
pub fn text_from<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// Declares an id type: `typed_id!(pub EventId, "evt", "Names an event.")`.
///
/// It is `Copy`, `Ord` by age, `Display`/`FromStr`/serde as text, a database value (`TEXT`) and
/// an OpenAPI schema.
#[macro_export]
macro_rules! typed_id {
    ($visibility:vis $name:ident, $prefix:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility struct $name([u8; 16]);

        impl $name {
            /// What the text of such an id starts with, before the `_`.
            $visibility const PREFIX: &'static str = $prefix;

            /// A new id that nobody else has.
            $visibility fn new(clock: &dyn $crate::clock::Clock, random: &dyn $crate::random::Random) -> Self {
                Self($crate::id::bytes(clock, random))
            }

            /// The id with exactly these bytes.
            $visibility const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes of the id.
            $visibility const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::id::write($prefix, &self.0, f)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(self, f)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::id::IdError;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                $crate::id::parse($prefix, text).map(Self)
            }
        }

        impl $crate::private::serde::Serialize for $name {
            fn serialize<S: $crate::private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> $crate::private::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                $crate::id::text_from(deserializer)
            }
        }

        impl $crate::db::ToVal for $name {
            fn to_val(self) -> $crate::db::Val {
                $crate::db::Val::Text(Some(self.to_string()))
            }

            fn null() -> $crate::db::Val {
                $crate::db::Val::Text(None)
            }
        }

        impl $crate::db::FromCol for $name {
            fn from_col(col: $crate::db::Col<'_>) -> ::std::result::Result<Self, $crate::db::ColError> {
                col.parse()
            }
        }

        impl $crate::private::utoipa::PartialSchema for $name {
            fn schema() -> $crate::private::utoipa::openapi::RefOr<
                $crate::private::utoipa::openapi::schema::Schema,
            > {
                $crate::id::schema($prefix, $doc)
            }
        }

        impl $crate::private::utoipa::ToSchema for $name {
            fn name() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed(stringify!($name))
            }
        }
    };
}

/// The OpenAPI schema of an id with this prefix.
pub fn schema(prefix: &str, doc: &str) -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
    use utoipa::openapi::schema::{ObjectBuilder, Type};
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(doc))
        .pattern(Some(format!("^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$")))
        .examples([format!("{prefix}_01kdvm6x00fazbzzr4pc4snbka")])
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, Timestamp};
    use crate::random::SeededRandom;
    use proptest::prelude::*;

    typed_id!(ThingId, "thg", "Names a thing.");
    typed_id!(LongId, "somethinglong", "Names a thing at length.");

    #[test]
    fn a_new_id_is_a_uuid_v7_that_sorts_by_age() {
        let (clock, random) = (ManualClock::default(), SeededRandom::new(1));
        let first = ThingId::new(&clock, &random);
        clock.set(Timestamp::from_ms(clock.now().ms() + 1));
        let second = ThingId::new(&clock, &random);
        assert!(first < second && first.to_string() < second.to_string());
        assert_eq!(first.as_bytes()[6] >> 4, 7);
        assert_eq!(first.as_bytes()[8] >> 6, 2);
    }

    #[test]
    fn the_prefix_may_be_long() {
        let id = LongId::new(&ManualClock::default(), &SeededRandom::new(1));
        assert_eq!(LongId::from_bytes(*id.as_bytes()), id);
        assert!(
            id.to_string()
                .starts_with(&format!("{}_01", LongId::PREFIX))
        );
        assert_eq!(
            id.to_string().parse::<ThingId>(),
            Err(IdError::Prefix(ThingId::PREFIX))
        );
    }

    #[test]
    fn the_known_texts() {
        let text = |bytes| ThingId::from_bytes(bytes).to_string();
        assert_eq!(text([0; 16]), "thg_00000000000000000000000000");
        assert_eq!(text([255; 16]), "thg_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        assert_eq!(
            LongId::from_bytes([0; 16]).to_string(),
            "somethinglong_00000000000000000000000000"
        );
    }

    #[test]
    fn other_spellings_are_refused() {
        let prefix = Err(IdError::Prefix("thg"));
        let form = Err(IdError::Form("thg"));
        for (text, wanted) in [
            ("", prefix),
            ("thg", prefix),
            ("ord_00000000000000000000000000", prefix),
            ("THG_00000000000000000000000000", prefix),
            ("thg_", form),
            ("thg_0000000000000000000000000", form),
            ("thg_000000000000000000000000000", form),
            ("thg_80000000000000000000000000", form),
            ("thg_0000000000000000000000000O", form),
            ("thg_0000000000000000000000000A", form),
            ("thg_0000000000000000000000000u", form),
            ("thg_000000000000000000000000é", form),
        ] {
            assert_eq!(text.parse::<ThingId>(), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_id_has_one_text(bytes: [u8; 16]) {
            let id = ThingId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse::<ThingId>(), Ok(id));
            prop_assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{id}\""));
        }

        #[test]
        fn whatever_parses_is_canonical(text in "thg_[0-9a-zA-Z]{24,28}") {
            if let Ok(id) = text.parse::<ThingId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = text.parse::<ThingId>();
        }
    }
}
