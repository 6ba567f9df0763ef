//! Venues as organisers describe them and as they are kept.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Col, ColError, DbError, FromCol, Record, Row};
use bilten_kernel::error::FieldError;
use bilten_kernel::http::Place;
use bilten_kernel::text_enum;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::{Access, Address, MapPosition, Venue, VenueId, VenueTranslations, early};
use crate::catalog::model::texts::{Language, Texts};

/// The most venues of one organisation.
pub const MAX_VENUES: i64 = 2_000;

/// The most characters of the address that an event shows.
const MAX_SHOWN: usize = 500;

/// A venue of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct VenueDetail {
    /// Its id.
    pub id: VenueId,
    /// The language of its name and the other plain texts.
    pub language: Language,
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Its address in lines as an envelope in its country has them, without the country.
    pub address_lines: Vec<String>,
    /// Where it is on the map, if that is known.
    pub position: Option<MapPosition>,
    /// The IANA time zone, for the events that take place there.
    pub time_zone: String,
    /// How one gets in and around.
    pub access: Access,
    /// Its plain texts in other languages.
    pub translations: VenueTranslations,
    /// Raised by each change; a change must name the version it started from.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl VenueDetail {
    /// A venue as it is kept, with these other facts.
    pub fn new(id: VenueId, venue: Venue, version: i64, created_at: Timestamp) -> Self {
        Self {
            id,
            address_lines: venue.address.lines(),
            language: venue.language,
            name: venue.name,
            address: venue.address,
            position: venue.position,
            time_zone: venue.time_zone,
            access: venue.access,
            translations: venue.translations,
            version,
            created_at,
            updated_at: created_at,
        }
    }

    /// What is kept of it as JSON.
    pub fn venue(&self) -> Venue {
        Venue {
            language: self.language.clone(),
            name: self.name.clone(),
            address: self.address.clone(),
            position: self.position,
            time_zone: self.time_zone.clone(),
            access: self.access.clone(),
            translations: self.translations.clone(),
        }
    }

    /// How an event shows it: its name, and its address in one line.
    pub fn shown(self) -> ShownVenue {
        ShownVenue {
            address: self
                .address_lines
                .join(", ")
                .chars()
                .take(MAX_SHOWN)
                .collect(),
            language: self.language,
            name: self.name,
            names: self.translations.name,
        }
    }
}

impl FromCol for Venue {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        let AsJson(kept) = AsJson::<serde_json::Value>::from_col(col)?;
        early::read(kept).map_err(|error| ColError(error.to_string()))
    }
}

impl Record for VenueDetail {
    fn read(row: &Row<'_>) -> Result<Self, DbError> {
        let venue: Venue = row.get("definition")?;
        let (version, created_at) = (row.get("version")?, row.get("created_at")?);
        Ok(Self {
            updated_at: row.get("updated_at")?,
            ..Self::new(row.get("id")?, venue, version, created_at)
        })
    }
}

/// How an event shows its venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownVenue {
    /// The venue's language.
    pub language: Language,
    /// What it is called in it.
    pub name: String,
    /// What it is called in others.
    pub names: Texts,
    /// Where it is, in one line.
    pub address: String,
}

text_enum! {
    /// How a list of venues is ordered.
    #[derive(Default)]
    pub enum VenueSort {
        /// As they were made, the newest first.
        #[default]
        Newest = "-created",
        /// By name, letter by letter.
        Name = "name",
    }
}

impl VenueSort {
    /// Where a venue stands in this order.
    pub fn place(self, venue: &VenueDetail) -> Place {
        match self {
            Self::Newest => Place::of_id(venue.id),
            Self::Name => Place::of_text(&venue.name, venue.id),
        }
    }
}

/// What an organiser says of a new venue.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VenueInput {
    /// The language of its name and the other plain texts; the organisation's if absent.
    pub language: Option<Language>,
    /// What it is called.
    pub name: String,
    /// Where it is, as its country writes addresses.
    pub address: Address,
    /// Where it is on the map.
    #[serde(default)]
    pub position: Option<MapPosition>,
    /// The IANA time zone, such as `Europe/Ljubljana`.
    pub time_zone: String,
    /// How one gets in and around.
    #[serde(default)]
    pub access: Access,
    /// The plain texts in other languages.
    #[serde(default)]
    pub translations: VenueTranslations,
}

impl VenueInput {
    /// The venue as it is kept, in the language of its organisation unless another is said.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(in crate::catalog) fn checked(self, default: Language) -> Result<Venue, Vec<FieldError>> {
        let venue = Venue {
            language: self.language.unwrap_or(default),
            name: self.name,
            address: self.address,
            position: self.position,
            time_zone: self.time_zone,
            access: self.access,
            translations: VenueTranslations::default(),
        };
        venue.checked(&self.translations)
    }
}

/// A change of a venue; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VenuePatch {
    /// The version of the venue that this change starts from; needed unless `If-Match` says it.
    pub version: Option<i64>,
    /// The language of its name and the other plain texts. When it changes, the plain texts become
    /// translations, and the translations in the new language the plain texts.
    pub language: Option<Language>,
    /// What it is called.
    pub name: Option<String>,
    /// Where it is, all of it.
    pub address: Option<Address>,
    /// Where it is on the map; null if that is not known any more.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<MapPosition>)]
    pub position: Option<Option<MapPosition>>,
    /// The IANA time zone.
    pub time_zone: Option<String>,
    /// How one gets in and around, all of it.
    pub access: Option<Access>,
    /// The plain texts in other languages: those that are left out stay, and an empty text takes one
    /// away.
    pub translations: Option<VenueTranslations>,
}

impl VenuePatch {
    /// The venue with this change, as it is kept.
    ///
    /// # Errors
    /// All that is wrong with the change.
    pub(in crate::catalog) fn applied(self, mut to: Venue) -> Result<Venue, Vec<FieldError>> {
        if let Some(language) = self.language {
            to.speak(language);
        }
        let changed = Venue {
            language: to.language,
            name: self.name.unwrap_or(to.name),
            address: self.address.unwrap_or(to.address),
            position: self.position.unwrap_or(to.position),
            time_zone: self.time_zone.unwrap_or(to.time_zone),
            access: self.access.unwrap_or(to.access),
            translations: to.translations,
        };
        changed.checked(&self.translations.unwrap_or_default())
    }
}

/// Tells a field that is `null` from one that is left out.
pub(in crate::catalog) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    d: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}
