//! Telephone numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A telephone number with its country, in the form of E.164: `+38640123456`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phone(String);

/// The text is not a telephone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This is not a telephone number with its country, such as +386 40 123 456.")]
pub struct PhoneError;

impl Phone {
    /// The number, without any spaces.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Phone {
    type Err = PhoneError;

    fn from_str(text: &str) -> Result<Self, PhoneError> {
        let bare: String = text
            .chars()
            .filter(|c| !matches!(c, ' ' | '\u{a0}' | '-' | '/' | '.' | '(' | ')'))
            .collect();
        let digits = bare.strip_prefix('+').ok_or(PhoneError)?;
        let is_number = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        is_number.then_some(Self(bare)).ok_or(PhoneError)
    }
}

impl TryFrom<String> for Phone {
    type Error = PhoneError;

    fn try_from(text: String) -> Result<Self, PhoneError> {
        text.parse()
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        phone.0
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_from_other_texts() {
        let number = |text: &str| text.parse::<Phone>().map(String::from);
        assert_eq!(number("+386 (40) 123-456"), Ok("+38640123456".to_owned()));
        for wrong in [
            "",
            "+",
            "040 123 456",
            "+0123456789",
            "+12345",
            "+1234567890123456",
            "+386 40 12x 456",
            "+386\n40123456",
            "+٣٨٦٤٠١٢٣٤٥٦",
            "++38640123456",
        ] {
            assert_eq!(number(wrong), Err(PhoneError), "{wrong:?}");
        }
    }
}
