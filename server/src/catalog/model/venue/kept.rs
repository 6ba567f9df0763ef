//! Venues as organisers describe them and as they are kept.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, DbError, Record, Row};
use bilten_kernel::error::FieldError;
use bilten_kernel::http::Place;
use bilten_kernel::text_enum;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::{Access, Address, MapPosition, Venue, VenueId};
use crate::catalog::model::texts::{Language, TextLimits, Texts};

/// The most venues of one organisation.
pub const MAX_VENUES: i64 = 2_000;

/// The most characters of the address that an event shows.
const MAX_SHOWN: usize = 500;
/// What a venue's name may be.
const NAME: TextLimits = TextLimits::line(200);
/// What notes on access may be.
const NOTES: TextLimits = TextLimits::prose(2_000);

/// A venue of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct VenueDetail {
    /// Its id.
    pub id: VenueId,
    /// What it is called, by language (BCP 47).
    pub name: Texts,
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
            name: venue.name,
            address: venue.address,
            position: venue.position,
            time_zone: venue.time_zone,
            access: venue.access,
            version,
            created_at,
            updated_at: created_at,
        }
    }

    /// What is kept of it as JSON.
    pub fn venue(&self) -> Venue {
        Venue {
            name: self.name.clone(),
            address: self.address.clone(),
            position: self.position,
            time_zone: self.time_zone.clone(),
            access: self.access.clone(),
        }
    }

    /// What it is called in lists.
    pub fn listed_name(&self) -> &str {
        listed_name(&self.name)
    }

    /// How an event shows it: its name, and its address in one line.
    pub fn shown(&self) -> ShownVenue {
        ShownVenue {
            id: self.id,
            name: self.listed_name().to_owned(),
            address: self
                .address_lines
                .join(", ")
                .chars()
                .take(MAX_SHOWN)
                .collect(),
        }
    }
}

impl Record for VenueDetail {
    fn read(row: &Row<'_>) -> Result<Self, DbError> {
        let AsJson(venue): AsJson<Venue> = row.get("definition")?;
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
    /// The venue.
    pub id: VenueId,
    /// What it is called.
    pub name: String,
    /// Where it is, in one line.
    pub address: String,
}

/// A name in one language, the one that everybody is most likely to read.
fn listed_name(name: &Texts) -> &str {
    name.pick(&[], &Language::default())
        .map_or("", |picked| picked.text)
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
            Self::Name => Place::of_text(venue.listed_name(), venue.id),
        }
    }
}

/// What an organiser says of a new venue.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VenueInput {
    /// What it is called, by language (BCP 47); at least one.
    pub name: Texts,
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
}

impl VenueInput {
    /// The venue as it is kept.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(in crate::catalog) fn checked(self) -> Result<Venue, Vec<FieldError>> {
        let mut faults = Vec::new();
        let name = kept(&mut faults, self.name.checked("name", NAME));
        let access = checked_access(&mut faults, self.access);
        whole(
            faults,
            Venue {
                name: name.unwrap_or_else(placeholder),
                address: self.address,
                position: self.position,
                time_zone: self.time_zone,
                access,
            },
        )
    }
}

/// A change of a venue; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VenuePatch {
    /// The version of the venue that this change starts from; needed unless `If-Match` says it.
    pub version: Option<i64>,
    /// What it is called; languages that are not named stay.
    pub name: Option<Texts>,
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
}

impl VenuePatch {
    /// The venue with this change, as it is kept.
    ///
    /// # Errors
    /// All that is wrong with the change.
    pub(in crate::catalog) fn applied(self, to: Venue) -> Result<Venue, Vec<FieldError>> {
        let mut faults = Vec::new();
        let name = match self.name {
            Some(name) => kept(&mut faults, to.name.merged("name", &name, NAME)),
            None => Some(to.name),
        };
        let access = match self.access {
            Some(access) => checked_access(&mut faults, access),
            None => to.access,
        };
        whole(
            faults,
            Venue {
                name: name.unwrap_or_else(placeholder),
                address: self.address.unwrap_or(to.address),
                position: self.position.unwrap_or(to.position),
                time_zone: self.time_zone.unwrap_or(to.time_zone),
                access,
            },
        )
    }
}

/// Tells a field that is `null` from one that is left out.
pub(in crate::catalog) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    d: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

/// What was read, unless something is wrong with it.
fn kept(faults: &mut Vec<FieldError>, read: Result<Texts, Vec<FieldError>>) -> Option<Texts> {
    match read {
        Ok(texts) => Some(texts),
        Err(wrong) => {
            faults.extend(wrong);
            None
        }
    }
}

/// In the place of a name that was refused, so that the rest is looked at, too.
fn placeholder() -> Texts {
    Texts::one(Language::default(), "-")
}

fn checked_access(faults: &mut Vec<FieldError>, access: Access) -> Access {
    let notes = kept(faults, access.notes.checked("access.notes", NOTES));
    Access {
        notes: notes.unwrap_or_default(),
        ..access
    }
}

/// The venue as it is kept, if nothing is wrong with its texts or with the rest.
fn whole(mut faults: Vec<FieldError>, venue: Venue) -> Result<Venue, Vec<FieldError>> {
    match venue.checked() {
        Ok(venue) if faults.is_empty() => Ok(venue),
        Ok(_) => Err(faults),
        Err(wrong) => {
            faults.extend(wrong);
            Err(faults)
        }
    }
}
