//! JSON in which no object names a field twice.
//!
//! Of two fields of one name some readers take the first and some the last, so that a proxy or a
//! log that looked at a request may have seen another one than we carry out. Structs refuse doubles
//! by themselves; what is kept as free JSON does not.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Any JSON, looked at and not kept.
pub(super) struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_unit<E: Error>(self) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unique, A::Error> {
        while items.next_element::<Unique>()?.is_some() {}
        Ok(Unique)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Unique, A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            if seen.contains(&name) {
                // In serde's words for structs.
                return Err(Error::custom(format_args!("duplicate field `{name}`")));
            }
            fields.next_value::<Unique>()?;
            seen.insert(name);
        }
        Ok(Unique)
    }
}

/// Whether a text is JSON in which no object names a field twice.
pub fn is_unique_json(text: &[u8]) -> bool {
    serde_json::from_slice::<Unique>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_found_at_any_depth() {
        for unique in [
            r#"{}"#,
            r#"{"a": 1, "b": {"a": -1.5e3}, "c": [{"a": null}, {"a": true}, "a"]}"#,
            r#""a""#,
            "18446744073709551615",
        ] {
            assert!(is_unique_json(unique.as_bytes()), "{unique}");
        }
        for double in [
            r#"{"a": 1, "a": 1}"#,
            // One name, written in two ways.
            r#"{"a": 1, "\u0061": 1}"#,
            r#"[[{"b": {"": [], "": {}}}]]"#,
            "{",
            "",
            "{} {}",
        ] {
            assert!(!is_unique_json(double.as_bytes()), "{double}");
        }
        let deep = "[".repeat(1_000_000);
        assert!(!is_unique_json(deep.as_bytes()));
    }
}
