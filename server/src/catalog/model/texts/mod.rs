//! Texts in several languages.
//!
//! A text is kept as a map from language to words, and read in the best language there is for
//! somebody: what they ask for, then the organisation's own, then any.
//!
//! # Where it is used
//! - **What has a language of its own** (an event, a venue) says its texts in it, as plain strings, for
//!   sorting, search and every statement; `translations` has them in the others, and only those, each a
//!   map for editing side by side ([`Texts::translated`], [`Texts::exchange`]).
//! - **What lists and statements never look at**, and may be missing in any language (questions, points
//!   of a programme, restrictions, what an organisation says of itself), is a whole [`Texts`].
//! - **API.** The same. A union of both ([`TextInput`]) is nothing for the API: clients in languages
//!   with types cannot read it.
//! - **Shop.** It answers the words that are best for who asks ([`wanted_languages`],
//!   [`Texts::pick`]).
//! - **Pages.** `lang` and `dir` of the element come from what was picked, not from the page.

mod accept;
mod language;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bilten_kernel::error::FieldError;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

pub use accept::*;
pub use language::*;

/// The most languages of one text.
pub const MAX_LANGUAGES: usize = 30;

/// A text as a caller says it: in the organisation's default language, or by language.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum TextInput {
    /// In the organisation's default language.
    Plain(String),
    /// By language (BCP 47); null takes a language away.
    ByLanguage(BTreeMap<String, Option<String>>),
}

/// What a text may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextLimits {
    /// The fewest characters; 0 means that it may be left out in a language, or altogether.
    pub min: usize,
    /// The most characters.
    pub max: usize,
    /// Whether it may have several lines.
    pub lines: bool,
}

impl TextLimits {
    /// One line that must be there.
    pub const fn line(max: usize) -> Self {
        Self {
            min: 1,
            max,
            lines: false,
        }
    }

    /// Several lines that may be left out.
    pub const fn prose(max: usize) -> Self {
        Self {
            min: 0,
            max,
            lines: true,
        }
    }
}

/// A text in some languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Texts(BTreeMap<Language, String>);

/// A text in the language that was best for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picked<'a> {
    /// The language it is in.
    pub language: &'a Language,
    /// The words.
    pub text: &'a str,
}

impl Texts {
    /// A text in one language, as it is.
    pub fn one(language: Language, text: impl Into<String>) -> Self {
        Self(BTreeMap::from([(language, text.into())]))
    }

    /// What a caller says, in NFC and without spaces around it.
    ///
    /// # Errors
    /// All that is wrong with it; `field` is where it stands in the input.
    pub fn from_input(
        field: &str,
        input: TextInput,
        default: &Language,
        limits: TextLimits,
    ) -> Result<Self, Vec<FieldError>> {
        Self::default().patched(field, input, default, limits)
    }

    /// The text with a change: languages that the change does not name stay.
    ///
    /// # Errors
    /// All that is wrong with it; `field` is where it stands in the input.
    pub fn patched(
        &self,
        field: &str,
        input: TextInput,
        default: &Language,
        limits: TextLimits,
    ) -> Result<Self, Vec<FieldError>> {
        let said = match input {
            TextInput::Plain(text) => vec![(default.as_str().to_owned(), Some(text))],
            TextInput::ByLanguage(map) => map.into_iter().collect(),
        };
        let mut faults = Vec::new();
        if said.len() > 2 * MAX_LANGUAGES {
            // Nobody needs a fault for each of a million languages.
            return Err(vec![too_many(field)]);
        }
        let mut all = self.0.clone();
        let mut seen: Vec<Language> = Vec::new();
        for (tag, text) in said {
            let field = format!("{field}.{}", shortened(&tag));
            let Ok(language) = tag.parse::<Language>() else {
                faults.push(fault(
                    &field,
                    "language",
                    "must be a language such as sl or en-GB",
                ));
                continue;
            };
            if seen.contains(&language) {
                faults.push(fault(
                    &field,
                    "language_twice",
                    "this language is said twice",
                ));
                continue;
            }
            seen.push(language.clone());
            // What is empty where it may be is as good as nothing.
            let text = text.map(|text| clean(&text));
            match text.filter(|text| limits.min > 0 || !text.is_empty()) {
                None => {
                    all.remove(&language);
                }
                Some(text) => {
                    faults.extend(check(&field, &text, limits));
                    all.insert(language, text);
                }
            }
        }
        if all.len() > MAX_LANGUAGES {
            faults.push(too_many(field));
        }
        if limits.min > 0 && all.is_empty() {
            faults.push(fault(
                field,
                "required",
                "must be said in at least one language",
            ));
        }
        if faults.is_empty() {
            Ok(Self(all))
        } else {
            Err(faults)
        }
    }

    /// The text with those of another: languages that the other does not name stay, and where it is
    /// empty, a language goes.
    ///
    /// # Errors
    /// All that is wrong with it; `field` is where it stands in the input.
    pub fn merged(
        &self,
        field: &str,
        other: &Self,
        limits: TextLimits,
    ) -> Result<Self, Vec<FieldError>> {
        let said = other
            .0
            .iter()
            .map(|(language, text)| (language.to_string(), Some(text.clone())));
        let said = TextInput::ByLanguage(said.collect());
        self.patched(field, said, &Language::default(), limits)
    }

    /// The text as it is kept, if it came as it is: cleaned and checked.
    ///
    /// # Errors
    /// All that is wrong with it; `field` is where it stands in the input.
    pub fn checked(&self, field: &str, limits: TextLimits) -> Result<Self, Vec<FieldError>> {
        Self::default().merged(field, self, limits)
    }

    /// Translations of a plain text, with what a caller says of them: languages that they do not name
    /// stay, and where a text is empty, the language goes.
    ///
    /// # Errors
    /// All that is wrong with them, such as one in the plain text's `own` language; `field` is where
    /// they stand in the input.
    pub fn translated(
        &self,
        field: &str,
        said: &Self,
        own: &Language,
        limits: TextLimits,
    ) -> Result<Self, Vec<FieldError>> {
        if said.get(own).is_some() {
            let detail = "is the language of the plain text: say it there";
            return Err(vec![fault(
                &format!("{field}.{own}"),
                "own_language",
                detail,
            )]);
        }
        let may_be_empty = TextLimits { min: 0, ..limits };
        self.merged(field, said, may_be_empty)
    }

    /// Lets a plain text, of which these are the translations, be in another language: it becomes one
    /// of them, and that in the other language the plain text, which is empty if there was none.
    pub fn exchange(&mut self, plain: &mut String, own: &Language, other: &Language) {
        if own == other {
            return;
        }
        let now = self.take(other).unwrap_or_default();
        let before = std::mem::replace(plain, now);
        if !before.is_empty() {
            self.put(own.clone(), before);
        }
    }

    /// The words in exactly this language.
    pub fn get(&self, language: &Language) -> Option<&str> {
        self.0.get(language).map(String::as_str)
    }

    /// Adds the words in a language, or takes the place of those that were there.
    pub fn put(&mut self, language: Language, text: impl Into<String>) {
        self.0.insert(language, text.into());
    }

    /// Takes the words in a language out.
    pub fn take(&mut self, language: &Language) -> Option<String> {
        self.0.remove(language)
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its languages and words, by tag.
    pub fn iter(&self) -> impl Iterator<Item = Picked<'_>> {
        self.0.iter().map(|(language, text)| Picked {
            language,
            text: text.as_str(),
        })
    }

    /// The words in the best language: each wanted one with its relatives, then the default, then
    /// any. None only if there are no words at all.
    pub fn pick(&self, wanted: &[Language], default: &Language) -> Option<Picked<'_>> {
        wanted
            .iter()
            .chain([default])
            .find_map(|language| self.near(language))
            .or_else(|| self.iter().next())
    }

    /// The words in a language, a wider one (`sr` for `sr-Latn-RS`) or a sister (`en-GB` for `en`).
    fn near(&self, language: &Language) -> Option<Picked<'_>> {
        let exact = language
            .and_wider()
            .find_map(|wider| self.0.get_key_value(&wider));
        let picked = exact.map(|(language, text)| Picked { language, text });
        picked.or_else(|| self.iter().find(|one| one.language.is_sister_of(language)))
    }
}

/// NFC, with Unix lines, without spaces around it.
pub fn clean(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let text: String = lines.as_str().nfc().collect();
    text.trim().to_owned()
}

/// A plain text as it is kept: cleaned.
///
/// # Errors
/// What is wrong with it; `field` is where it stands in the input.
pub fn plain(field: &str, text: &str, limits: TextLimits) -> Result<String, FieldError> {
    let text = clean(text);
    match check(field, &text, limits) {
        Some(fault) => Err(fault),
        None => Ok(text),
    }
}

/// What is wrong with a cleaned text.
fn check(field: &str, text: &str, limits: TextLimits) -> Option<FieldError> {
    let length = text.chars().count();
    if length < limits.min {
        return Some(fault(field, "required", "must not be empty"));
    }
    if length > limits.max {
        let detail = format!("may have at most {} characters", limits.max);
        return Some(fault(field, "too_long", detail));
    }
    if text.chars().any(|c| is_unwanted(c, limits.lines)) {
        let detail = "must not contain control characters";
        return Some(fault(field, "control_characters", detail));
    }
    None
}

/// Whether a character controls how text is shown instead of being shown.
pub fn is_unwanted(c: char, lines: bool) -> bool {
    match c {
        '\n' | '\t' => !lines,
        // Embeddings and overrides turn the text after them around; isolates end by themselves.
        '\u{202a}'..='\u{202e}' => true,
        // Lines of their own kind, the mark of a file's start, and no characters at all.
        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        _ => c.is_control(),
    }
}

fn too_many(field: &str) -> FieldError {
    let detail = format!("at most {MAX_LANGUAGES} languages");
    fault(field, "too_many_languages", detail)
}

fn fault(field: &str, code: &'static str, detail: impl Into<String>) -> FieldError {
    FieldError {
        field: field.to_owned(),
        code: code.into(),
        detail: detail.into(),
    }
}

/// A tag in an answer: a stranger's key does not come back in full length.
fn shortened(tag: &str) -> String {
    tag.chars().filter(|c| !c.is_control()).take(35).collect()
}
