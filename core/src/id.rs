//! Names of things.
//!
//! Tickets and scans are 16-byte UUIDs (version 7, RFC 9562), since they travel in QR codes and by
//! the million; their text form is a prefix and 26 Crockford base32 characters (`tkt_01j…`).
//! What the server merely names (events, lists, gates, devices) stays opaque text to a device.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 128 bits in 5-bit digits.
const DIGITS: usize = 26;

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text lacks the prefix that this kind of id has.
    #[error("the id has another prefix")]
    Prefix,
    /// The text is not 26 base32 digits of at most 128 bits after the prefix.
    #[error("the id is not 26 lowercase base32 digits")]
    Digits,
    /// The text is empty, longer than 64 bytes or not printable ASCII.
    #[error("the id is not 1 to 64 printable ASCII characters")]
    Opaque,
}

fn write_digits(bytes: [u8; 16], out: &mut [u8; DIGITS]) {
    let mut rest = u128::from_be_bytes(bytes);
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
}

fn read_digits(text: &[u8]) -> Result<[u8; 16], IdError> {
    // 26 digits hold 130 bits: the first may only be 0 to 7.
    if text.len() != DIGITS || !matches!(text[0], b'0'..=b'7') {
        return Err(IdError::Digits);
    }
    let mut value = 0u128;
    for &c in text {
        let digit = match c {
            b'0'..=b'9' => c - b'0',
            b'a'..=b'h' => c - b'a' + 10,
            b'j' | b'k' => c - b'j' + 18,
            b'm' | b'n' => c - b'm' + 20,
            b'p'..=b't' => c - b'p' + 22,
            b'v'..=b'z' => c - b'v' + 27,
            _ => return Err(IdError::Digits),
        };
        value = value << 5 | u128::from(digit);
    }
    Ok(value.to_be_bytes())
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// The bytes as they stand in codes and databases.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut digits = [0; DIGITS];
                write_digits(self.0, &mut digits);
                f.write_str($prefix)?;
                // The alphabet is ASCII.
                f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let digits = text.strip_prefix($prefix).ok_or(IdError::Prefix)?;
                read_digits(digits.as_bytes()).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("an id like ", $prefix, "01j…"))
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                d.deserialize_str(Text)
            }
        }
    };
}

uuid_id!(
    /// A ticket, through all its versions.
    TicketId,
    "tkt_"
);
uuid_id!(
    /// One scan; made by the device, so that sending it twice records it once.
    ScanId,
    "scn_"
);

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes the server's name for it.
            ///
            /// # Errors
            /// [`IdError::Opaque`] unless the text is 1 to 64 printable ASCII characters.
            pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                if (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
                    Ok(Self(text))
                } else {
                    Err(IdError::Opaque)
                }
            }

            /// The server's name for it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

opaque_id!(
    /// An event.
    EventId
);
opaque_id!(
    /// A check-in list.
    ListId
);
opaque_id!(
    /// A gate.
    GateId
);
opaque_id!(
    /// A paired device.
    DeviceId
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_and_bytes_are_one_to_one(bytes: [u8; 16]) {
            let text = TicketId(bytes).to_string();
            prop_assert_eq!(text.len(), 30);
            prop_assert_eq!(text.parse(), Ok(TicketId(bytes)));
        }

        #[test]
        fn order_of_text_is_order_of_bytes(a: [u8; 16], b: [u8; 16]) {
            prop_assert_eq!(a.cmp(&b), ScanId(a).to_string().cmp(&ScanId(b).to_string()));
        }

        #[test]
        fn any_text_is_refused_or_read_back(text in "tkt_[0-9a-zA-Z]{25,27}") {
            if let Ok(id) = text.parse::<TicketId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn strange_texts_are_refused() {
        assert_eq!(
            "scn_00000000000000000000000000".parse::<TicketId>(),
            Err(IdError::Prefix)
        );
        assert_eq!(
            "tkt_80000000000000000000000000".parse::<TicketId>(),
            Err(IdError::Digits)
        );
        assert_eq!(
            "tkt_0000000000000000000000000u".parse::<TicketId>(),
            Err(IdError::Digits)
        );
        assert_eq!("tkt_".parse::<TicketId>(), Err(IdError::Digits));
        assert_eq!(EventId::new(""), Err(IdError::Opaque));
        assert_eq!(EventId::new("evt 1"), Err(IdError::Opaque));
    }
}
