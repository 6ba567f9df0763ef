//! The texts of an event in the language that is best for somebody.

use super::texts::{Direction, Language, Texts};
use super::{Event, Translations};

/// A text, and the language that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The language.
    pub language: Language,
    /// The words; empty if there are none in any language.
    pub text: String,
}

impl Said {
    /// Where its lines begin.
    pub fn direction(&self) -> Direction {
        self.language.direction()
    }
}

/// A text with its translations in the language that is best for somebody: each wanted one with its
/// relatives, then its own, then any.
pub(super) fn said(plain: &str, others: &Texts, own: &Language, wanted: &[Language]) -> Said {
    let mut all = others.clone();
    if !plain.is_empty() {
        all.put(own.clone(), plain);
    }
    let picked = all.pick(wanted, own);
    picked.map_or_else(
        || Said {
            language: own.clone(),
            text: String::new(),
        },
        |picked| Said {
            language: picked.language.clone(),
            text: picked.text.to_owned(),
        },
    )
}

impl Event {
    /// Its name.
    pub fn name_in(&self, wanted: &[Language]) -> Said {
        self.said(&self.name, &self.details.translations.name, wanted)
    }

    /// What it is about.
    pub fn description_in(&self, wanted: &[Language]) -> Said {
        let others = &self.details.translations.description;
        self.said(&self.description, others, wanted)
    }

    /// What the venue is called.
    pub fn venue_name_in(&self, wanted: &[Language]) -> Said {
        let others = &self.details.translations.venue_name;
        self.said(&self.venue_name, others, wanted)
    }

    /// Where the venue is.
    pub fn venue_address_in(&self, wanted: &[Language]) -> Said {
        let others = &self.details.translations.venue_address;
        self.said(&self.venue_address, others, wanted)
    }

    /// One of its texts that have no column: empty in the event's own language if there is none.
    pub fn text_in(&self, texts: &Texts, wanted: &[Language]) -> Said {
        self.said("", texts, wanted)
    }

    fn said(&self, plain: &str, others: &Texts, wanted: &[Language]) -> Said {
        said(plain, others, &self.details.language, wanted)
    }

    /// The languages that its name is in, its own first.
    pub fn languages(&self) -> Vec<Language> {
        let own = std::iter::once(self.details.language.clone());
        let others = self.details.translations.name.iter();
        own.chain(others.map(|name| name.language.clone()))
            .collect()
    }

    /// The event for who wants these languages: its plain texts are in the best there is, each by
    /// itself, and it carries no translation of them.
    #[must_use]
    pub fn in_languages(&self, wanted: &[Language]) -> Self {
        let mut event = self.clone();
        event.name = self.name_in(wanted).text;
        event.description = self.description_in(wanted).text;
        event.venue_name = self.venue_name_in(wanted).text;
        event.venue_address = self.venue_address_in(wanted).text;
        event.details.language = self.name_in(wanted).language;
        event.details.translations = Translations::default();
        event
    }
}
