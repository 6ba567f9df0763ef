//! What there is to know of an event besides its name, dates and prices, and all of it in several
//! languages.
//!
//! It is one JSON document in `events.details`: nothing in it is looked for by a statement, and a row
//! from before it is `{}`. The columns `name`, `description`, `venue_name` and `venue_address` hold the
//! words in the event's own language; [`Translations`] has those in the others, and only those.

use bilten_kernel::db::{AsJson, Col, ColError, FromCol};
use bilten_kernel::text_enum;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::country::Country;
use super::texts::{Language, Texts};

/// The most categories of one event.
pub const MAX_CATEGORIES: usize = 5;
/// The most tags of one event.
pub const MAX_TAGS: usize = 20;
/// The most performers of one event.
pub const MAX_PERFORMERS: usize = 100;
/// The most points of one programme.
pub const MAX_POINTS: usize = 200;
/// The furthest point of a programme from the start, in minutes: two weeks.
pub const MAX_POINT_MINUTES: i32 = 14 * 24 * 60;
/// The highest age that an event asks for.
pub const MAX_AGE: u8 = 99;

text_enum! {
    /// What kind of event it is.
    pub enum Category {
        /// Concerts of any kind.
        Music = "music",
        /// Plays and musicals.
        Theatre = "theatre",
        /// Dance and ballet.
        Dance = "dance",
        /// Stand-up and cabaret.
        Comedy = "comedy",
        /// Cinema.
        Film = "film",
        /// Matches, races, tournaments.
        Sport = "sport",
        /// Several days or stages.
        Festival = "festival",
        /// Exhibitions and museums.
        Exhibition = "exhibition",
        /// Conferences and congresses.
        Conference = "conference",
        /// Where something is learnt by doing it.
        Workshop = "workshop",
        /// Readings and talks.
        Talk = "talk",
        /// Eating and drinking.
        Food = "food",
        /// Clubs and parties.
        Nightlife = "nightlife",
        /// For children and those who come with them.
        Family = "family",
        /// Of a neighbourhood, a club or a good cause.
        Community = "community",
        /// Guided tours.
        Tour = "tour",
        /// Anything else.
        Other = "other",
    }
}

text_enum! {
    /// What an event does so that more people can follow it. How one gets in is the venue's affair.
    pub enum AccessService {
        /// Sign language is interpreted.
        SignLanguage = "sign_language",
        /// What is said is shown as text.
        Captions = "captions",
        /// What is seen is described.
        AudioDescription = "audio_description",
        /// Light and sound are softened, and one may come and go.
        Relaxed = "relaxed",
        /// There is a quiet room.
        QuietRoom = "quiet_room",
        /// A companion comes along for nothing.
        FreeCompanion = "free_companion",
        /// The set can be touched before the start.
        TouchTour = "touch_tour",
    }
}

/// The texts of an event in languages other than its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Translations {
    /// Its name.
    pub name: Texts,
    /// What it is about.
    pub description: Texts,
    /// What the venue is called.
    pub venue_name: Texts,
    /// Where the venue is.
    pub venue_address: Texts,
}

/// Somebody who is seen or heard at an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Performer {
    /// What they are called.
    pub name: String,
    /// What they do there.
    #[serde(default)]
    pub role: Texts,
    /// Their page, an https address; empty if none is known.
    #[serde(default)]
    pub link: String,
}

/// A point of the programme, the same on each date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// How many minutes after the start of a date it begins; below 0, before it.
    pub after_minutes: i32,
    /// How many minutes it takes, if that is known.
    pub minutes: Option<u32>,
    /// What it is.
    pub title: Texts,
    /// Where at the venue, such as the name of a stage.
    #[serde(default)]
    pub place: Texts,
}

/// How old one must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgeLimit {
    /// From this age on one comes alone.
    pub alone: u8,
    /// From this age on one comes with an adult; without it, the same age.
    pub accompanied: Option<u8>,
}

/// What there is to know of an event besides its name, dates and prices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct EventDetails {
    /// The language of its name, its description and the other plain texts.
    pub language: Language,
    /// These texts in other languages.
    pub translations: Translations,
    /// The country of the venue: it says which policy and which law hold.
    pub country: Option<Country>,
    /// What kinds of event it is, the most fitting first.
    pub categories: Vec<Category>,
    /// Words by which people find it.
    pub tags: Vec<String>,
    /// Who is seen or heard, the most prominent first.
    pub performers: Vec<Performer>,
    /// Its programme.
    pub programme: Vec<Point>,
    /// How old one must be, if it is not for everybody.
    pub age_limit: Option<AgeLimit>,
    /// What is not allowed, or must be brought along.
    pub restrictions: Texts,
    /// What it does so that more people can follow it.
    pub access_services: Vec<AccessService>,
    /// What else there is to know for people with disabilities.
    pub access_notes: Texts,
}

impl FromCol for EventDetails {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        let AsJson(details) = AsJson::<Self>::from_col(col)?;
        Ok(details)
    }
}

/// What an organiser says of an event besides its name, dates and prices. What is left out stays as it
/// is; what is said takes the place of what was there, and `null` takes it away. Translations are
/// merged: languages that are left out stay, and an empty text takes one away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DetailsInput {
    /// The language of the name, the description and the other plain texts. When it changes, the plain
    /// texts become translations, and the translations in the new language the plain texts.
    pub language: Option<Language>,
    /// The plain texts in other languages.
    pub translations: Option<TranslationsInput>,
    /// The country of the venue.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Country>)]
    pub country: Option<Option<Country>>,
    /// What kinds of event it is, the most fitting first; at most 5.
    pub categories: Option<Vec<Category>>,
    /// Words by which people find it; at most 20.
    pub tags: Option<Vec<String>>,
    /// Who is seen or heard, the most prominent first; at most 100.
    pub performers: Option<Vec<Performer>>,
    /// Its programme; at most 200 points.
    pub programme: Option<Vec<Point>>,
    /// How old one must be.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<AgeLimit>)]
    pub age_limit: Option<Option<AgeLimit>>,
    /// What is not allowed, or must be brought along, by language.
    pub restrictions: Option<Texts>,
    /// What it does so that more people can follow it.
    pub access_services: Option<Vec<AccessService>>,
    /// What else there is to know for people with disabilities, by language.
    pub access_notes: Option<Texts>,
}

/// The texts of an event in languages other than its own, as an organiser says them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TranslationsInput {
    /// Its name.
    pub name: Texts,
    /// What it is about.
    pub description: Texts,
    /// What the venue is called.
    pub venue_name: Texts,
    /// Where the venue is.
    pub venue_address: Texts,
}

/// Tells `null` from nothing.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}
