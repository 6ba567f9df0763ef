//! Venues: where they are, in the words of their country, and how one gets in.
//!
//! - **Kept** in the table `venues`, as JSON but for what lists need; `events.venue_id` names one
//!   beside `venue_name` and `venue_address`, which are copied from it when it is chosen
//!   ([`VenueDetail::shown`]): tickets and mails read those.
//! - **Texts** are in the venue's own language, with `translations` beside them, as those of an event.
//!   An event that names a venue shows its name in the event's language, if there is one, and takes
//!   over the others as translations.
//! - **Never lost**: a venue that an event or a seat map names is not deleted.
//! - **Forms.** [`format_of`] says which fields a country has and in which order, so a form asks for
//!   nothing that does not exist there.

mod early;
mod format;
mod kept;
#[cfg(test)]
mod tests;

use bilten_kernel::error::FieldError;
use bilten_kernel::typed_id;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::country::Country;
use super::texts::{Language, TextLimits, Texts, clean, is_unwanted, plain};

pub use format::*;
pub use kept::*;

typed_id!(pub VenueId, "ven", "Names a venue.");

/// The most lines of a street.
pub const MAX_STREET_LINES: usize = 3;
/// The longest part of an address.
pub const MAX_PART: usize = 100;
/// What a venue's name may be.
const NAME: TextLimits = TextLimits::line(200);
/// What notes on access may be.
const NOTES: TextLimits = TextLimits::prose(2_000);

/// An address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The country.
    pub country: Country,
    /// Street and number, and what comes before them.
    pub street: Vec<String>,
    /// The postal code.
    #[serde(default)]
    pub postal_code: String,
    /// The city or village.
    pub city: String,
    /// The state, province or county, where addresses have one.
    #[serde(default)]
    pub region: String,
}

impl Address {
    /// The address as it is kept: cleaned, and its postal code as the country writes it.
    ///
    /// # Errors
    /// All that is wrong with it; `field` is where it stands in the input.
    pub fn checked(&self, field: &str) -> Result<Self, Vec<FieldError>> {
        let mut faults = Vec::new();
        let format = format_of(self.country);
        let mut part = |name: &str, text: &str, is_required: bool| {
            let text = clean(text);
            let fault = if text.is_empty() && is_required {
                Some(("required", "must not be empty"))
            } else if text.chars().count() > MAX_PART {
                Some(("too_long", "is too long"))
            } else if text.chars().any(|c| is_unwanted(c, false)) {
                Some(("control_characters", "must not contain control characters"))
            } else {
                None
            };
            if let Some((code, detail)) = fault {
                faults.push(FieldError {
                    field: format!("{field}.{name}"),
                    code: code.into(),
                    detail: detail.to_owned(),
                });
            }
            text
        };
        let street: Vec<String> = self
            .street
            .iter()
            .take(MAX_STREET_LINES + 1)
            .enumerate()
            .map(|(i, line)| part(&format!("street[{i}]"), line, false))
            .filter(|line| !line.is_empty())
            .collect();
        let city = part("city", &self.city, true);
        let region = part(
            "region",
            &self.region,
            format.requires(AddressField::Region),
        );
        let code = part(
            "postal_code",
            &self.postal_code,
            format.requires(AddressField::PostalCode),
        );
        let mut add = |name: &str, code: &'static str, detail: String| {
            faults.push(FieldError {
                field: format!("{field}.{name}"),
                code: code.into(),
                detail,
            });
        };
        if street.is_empty() {
            add("street", "required", "must not be empty".to_owned());
        }
        if self.street.len() > MAX_STREET_LINES {
            let detail = format!("has at most {MAX_STREET_LINES} lines");
            add("street", "too_many", detail);
        }
        let postal_code = if code.is_empty() {
            code
        } else {
            match format.postal_code(&code) {
                Some(code) => code,
                None => {
                    let detail = format!("must look like {}", format.example());
                    add("postal_code", "postal_code", detail);
                    code
                }
            }
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            country: self.country,
            street,
            postal_code,
            city,
            region,
        })
    }

    /// Its lines as an envelope in its country has them, without the country.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for line in format_of(self.country).lines.split('|') {
            let mut words: Vec<&str> = Vec::new();
            for token in line.split(' ') {
                match token {
                    "street" => {
                        lines.extend(self.street.iter().cloned());
                    }
                    "postal" => words.push(&self.postal_code),
                    "city" => words.push(&self.city),
                    "region" => words.push(&self.region),
                    other => words.push(other),
                }
            }
            words.retain(|word| !word.is_empty());
            if !words.is_empty() {
                lines.push(words.join(" "));
            }
        }
        lines
    }
}

/// A place on the map, in millionths of a degree: to ten centimetres, and exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MapPosition {
    /// North of the equator.
    pub latitude_e6: i32,
    /// East of Greenwich.
    pub longitude_e6: i32,
}

impl MapPosition {
    /// Whether there is such a place.
    pub fn is_on_earth(self) -> bool {
        (-90_000_000..=90_000_000).contains(&self.latitude_e6)
            && (-180_000_000..=180_000_000).contains(&self.longitude_e6)
    }
}

/// How one gets in and around; what is not known is not said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// From the street to a place inside there is no step.
    pub step_free: Option<bool>,
    /// There are toilets that can be used with a wheelchair.
    pub accessible_toilets: Option<bool>,
    /// There is an induction loop or the like.
    pub hearing_loop: Option<bool>,
    /// Assistance dogs may come along.
    pub assistance_dogs: Option<bool>,
    /// There are parking places for disabled people.
    pub accessible_parking: Option<bool>,
    /// What else there is to know.
    pub notes: String,
}

/// The texts of a venue in languages other than its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VenueTranslations {
    /// What it is called.
    pub name: Texts,
    /// What else there is to know of how one gets in and around.
    pub access_notes: Texts,
}

/// A venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Venue {
    /// The language of its plain texts.
    pub language: Language,
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Where it is on the map.
    pub position: Option<MapPosition>,
    /// The IANA time zone, for the events that take place there.
    pub time_zone: String,
    /// How one gets in and around.
    #[serde(default)]
    pub access: Access,
    /// Its plain texts in other languages.
    #[serde(default)]
    pub translations: VenueTranslations,
}

impl Venue {
    /// Makes another language the venue's own: its plain texts become translations, and the
    /// translations in that language the plain texts.
    pub(in crate::catalog) fn speak(&mut self, language: Language) {
        let others = &mut self.translations;
        let own = &self.language;
        others.name.exchange(&mut self.name, own, &language);
        let notes = &mut self.access.notes;
        others.access_notes.exchange(notes, own, &language);
        self.language = language;
    }

    /// The venue as it is kept, with what is `said` of its translations.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn checked(&self, said: &VenueTranslations) -> Result<Self, Vec<FieldError>> {
        let mut venue = self.clone();
        let mut faults = Vec::new();
        match self.address.checked("address") {
            Ok(address) => venue.address = address,
            Err(wrong) => faults.extend(wrong),
        }
        for (field, text, limits) in [
            ("name", &mut venue.name, NAME),
            ("access.notes", &mut venue.access.notes, NOTES),
        ] {
            match plain(field, text, limits) {
                Ok(cleaned) => *text = cleaned,
                Err(wrong) => faults.push(wrong),
            }
        }
        let others = &mut venue.translations;
        for (field, known, said, limits) in [
            ("translations.name", &mut others.name, &said.name, NAME),
            (
                "translations.access_notes",
                &mut others.access_notes,
                &said.access_notes,
                NOTES,
            ),
        ] {
            match known.translated(field, said, &self.language, limits) {
                Ok(translated) => *known = translated,
                Err(wrong) => faults.extend(wrong),
            }
        }
        let mut add = |field: &str, code: &'static str, detail: &str| {
            faults.push(FieldError {
                field: field.to_owned(),
                code: code.into(),
                detail: detail.to_owned(),
            });
        };
        if self.position.is_some_and(|place| !place.is_on_earth()) {
            add("position", "out_of_range", "is not on earth");
        }
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            let detail = "must be an IANA time zone such as Europe/Ljubljana";
            add("time_zone", "time_zone", detail);
        }
        if faults.is_empty() {
            Ok(venue)
        } else {
            Err(faults)
        }
    }
}
