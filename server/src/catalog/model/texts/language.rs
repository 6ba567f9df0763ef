//! Languages by their BCP 47 tags.

use std::fmt;
use std::str::FromStr;

use bilten_kernel::text_enum;
use icu_locale_core::LanguageIdentifier;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest tag, as RFC 5646 recommends to allow.
const MAX_TAG: usize = 35;

/// Scripts that run from right to left.
const RTL_SCRIPTS: [&str; 12] = [
    "Adlm", "Arab", "Aran", "Hebr", "Mand", "Mend", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa", "Yezi",
];

/// Languages that are written from right to left where no script is said.
const RTL_LANGUAGES: [&str; 25] = [
    "ar", "arc", "arz", "azb", "bal", "bqi", "ckb", "dv", "fa", "glk", "he", "iw", "ks", "lrc",
    "mzn", "nqo", "pnb", "prs", "ps", "rhg", "sd", "syr", "ug", "ur", "yi",
];

text_enum! {
    /// Where the lines of a text begin.
    pub enum Direction {
        /// At the left.
        LeftToRight = "ltr",
        /// At the right.
        RightToLeft = "rtl",
    }
}

/// A language, with script, region and variants where they matter: `sl`, `en-GB`, `sr-Latn-RS`.
/// Always in the canonical case, so that one language is one text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(String);

/// A text that is not the tag of a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a language such as sl, en-GB or sr-Latn")]
pub struct LanguageError;

impl Language {
    /// Its tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language itself, without script and region.
    pub fn primary(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// Its script, if it is said.
    pub fn script(&self) -> Option<&str> {
        let second = self.0.split('-').nth(1)?;
        let is_script = second.len() == 4 && second.bytes().all(|b| b.is_ascii_alphabetic());
        is_script.then_some(second)
    }

    /// Where its lines begin.
    pub fn direction(&self) -> Direction {
        let is_rtl = match self.script() {
            Some(script) => RTL_SCRIPTS.contains(&script),
            None => RTL_LANGUAGES.contains(&self.primary()),
        };
        if is_rtl {
            Direction::RightToLeft
        } else {
            Direction::LeftToRight
        }
    }

    /// It, and each wider one: `sr-Latn-RS`, `sr-Latn`, `sr` (the lookup of RFC 4647).
    pub(super) fn and_wider(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), |narrow| {
            let (wider, _) = narrow.0.rsplit_once('-')?;
            Some(Self(wider.to_owned()))
        })
    }

    /// Whether it is the same language in a script that whoever reads the other can read.
    pub(super) fn is_sister_of(&self, other: &Self) -> bool {
        self.primary() == other.primary()
            && (self.script() == other.script()
                || self.script().is_none()
                || other.script().is_none())
    }
}

/// English, which is what is not said to be anything else.
impl Default for Language {
    fn default() -> Self {
        Self("en".to_owned())
    }
}

impl FromStr for Language {
    type Err = LanguageError;

    fn from_str(text: &str) -> Result<Self, LanguageError> {
        // The reader takes underscores too, which are no tags.
        if text.len() > MAX_TAG || text.contains('_') {
            return Err(LanguageError);
        }
        let tag: LanguageIdentifier = text.parse().map_err(|_| LanguageError)?;
        if tag.language.is_unknown() {
            return Err(LanguageError);
        }
        Ok(Self(tag.to_string()))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bilten_kernel::id::text_from(deserializer)
    }
}

impl utoipa::PartialSchema for Language {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A language by its BCP 47 tag."))
            .max_length(Some(MAX_TAG))
            .examples(["sl", "en-GB"])
            .into()
    }
}

impl utoipa::ToSchema for Language {}
