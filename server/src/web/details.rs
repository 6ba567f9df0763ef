//! What there is to know of an event besides its name, dates and prices, as its page shows it.

use bilten_kernel::clock::Timestamp;

use super::text;
use crate::catalog::texts::{Language, Texts};
use crate::catalog::{AccessService, AgeLimit, EventDetail, Point, Said};

/// A text in a language that need not be the page's.
#[derive(Clone, Debug)]
pub(super) struct TextView {
    pub(super) text: String,
    pub(super) lang: String,
    pub(super) dir: &'static str,
}

impl From<Said> for TextView {
    fn from(said: Said) -> Self {
        Self {
            lang: said.language.to_string(),
            dir: said.direction().as_str(),
            text: said.text,
        }
    }
}

impl TextView {
    pub(super) const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn paragraphs(&self) -> Vec<String> {
        text::paragraphs(&self.text)
    }
}

impl std::fmt::Display for TextView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Somebody who is seen or heard.
#[derive(Clone, Debug)]
pub(super) struct PerformerView {
    pub(super) name: String,
    pub(super) role: TextView,
    pub(super) link: String,
}

/// A point of the programme.
#[derive(Clone, Debug)]
pub(super) struct PointView {
    pub(super) when: String,
    pub(super) title: TextView,
    pub(super) place: TextView,
}

/// A language that the page can be read in.
#[derive(Clone, Debug)]
pub(super) struct LanguageView {
    pub(super) tag: String,
    pub(super) name: String,
    pub(super) is_shown: bool,
}

/// What there is to know besides.
#[derive(Clone, Debug)]
pub(super) struct DetailsView {
    pub(super) performers: Vec<PerformerView>,
    pub(super) programme: Vec<PointView>,
    pub(super) age: Option<String>,
    pub(super) restrictions: TextView,
    pub(super) services: Vec<&'static str>,
    pub(super) access: TextView,
    /// None unless there are several.
    pub(super) languages: Vec<LanguageView>,
}

impl DetailsView {
    /// Those of an event for who wants these languages.
    pub(super) fn of(offer: &EventDetail, wanted: &[Language]) -> Self {
        let (event, details) = (&offer.event, &offer.event.details);
        let said = |texts: &Texts| TextView::from(event.text_in(texts, wanted));
        let performers = details
            .performers
            .iter()
            .map(|one| PerformerView {
                name: one.name.clone(),
                role: said(&one.role),
                link: one.link.clone(),
            })
            .collect();
        let programme = details
            .programme
            .iter()
            .map(|point| PointView {
                when: when(offer, point),
                title: said(&point.title),
                place: said(&point.place),
            })
            .collect();
        let shown = event.name_in(wanted).language;
        let languages: Vec<_> = event
            .languages()
            .iter()
            .map(|language| LanguageView {
                tag: language.to_string(),
                name: name_of(language),
                is_shown: *language == shown,
            })
            .collect();
        Self {
            performers,
            programme,
            age: details.age_limit.map(age),
            restrictions: said(&details.restrictions),
            services: details
                .access_services
                .iter()
                .map(|one| service(*one))
                .collect(),
            access: said(&details.access_notes),
            languages: if languages.len() > 1 {
                languages
            } else {
                Vec::new()
            },
        }
    }

    /// Whether there is something to know before one comes.
    pub(super) fn is_good_to_know(&self) -> bool {
        self.age.is_some()
            || !self.restrictions.is_empty()
            || !self.services.is_empty()
            || !self.access.is_empty()
    }
}

/// When a point of the programme begins: by the clock if there is one date only.
fn when(offer: &EventDetail, point: &Point) -> String {
    let minutes = i64::from(point.after_minutes);
    if let [date] = offer.occurrences.as_slice() {
        let zone = text::zone(&offer.event.time_zone);
        let at = Timestamp::from_ms(date.starts_at.ms().saturating_add(minutes * 60_000));
        return text::time_near(at, date.starts_at, &zone).text;
    }
    match minutes {
        0 => "At the start".to_owned(),
        1.. => format!("{} after the start", text::span(minutes * 60)),
        _ => format!("{} before the start", text::span(-minutes * 60)),
    }
}

fn age(limit: AgeLimit) -> String {
    match limit.accompanied {
        Some(with) if with < limit.alone => {
            format!("From {} years; from {with} with an adult", limit.alone)
        }
        Some(_) | None => format!("From {} years", limit.alone),
    }
}

const fn service(service: AccessService) -> &'static str {
    match service {
        AccessService::SignLanguage => "Sign language",
        AccessService::Captions => "Captions",
        AccessService::AudioDescription => "Audio description",
        AccessService::Relaxed => "Relaxed: soft light and sound, come and go as you like",
        AccessService::QuietRoom => "Quiet room",
        AccessService::FreeCompanion => "A companion comes for free",
        AccessService::TouchTour => "Touch tour before the start",
    }
}

/// What a language is called by those who speak it; its tag if we do not know.
fn name_of(language: &Language) -> String {
    let name = match language.as_str() {
        "ar" => "العربية",
        "de" => "Deutsch",
        "en" => "English",
        "es" => "Español",
        "fr" => "Français",
        "hr" => "Hrvatski",
        "hu" => "Magyar",
        "it" => "Italiano",
        "sl" => "Slovenščina",
        tag => tag,
    };
    name.to_owned()
}
