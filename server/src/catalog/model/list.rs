//! Events as lists show them.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{DbError, Record, Row};
use bilten_kernel::http::Place;
use bilten_kernel::money::Currency;
use bilten_kernel::{record, text_enum};
use serde::Serialize;
use utoipa::ToSchema;

use super::texts::{Language, Texts};
use super::{Event, EventDetails, EventId, Said, said};

/// An event as lists show it: with the span of its dates, without the dates themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventSummary {
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// When its first date starts.
    pub starts_at: Timestamp,
    /// When its last date ends.
    pub ends_at: Timestamp,
}

impl Record for EventSummary {
    fn read(row: &Row<'_>) -> Result<Self, DbError> {
        Ok(Self {
            event: Event::read(row)?,
            starts_at: row.get("starts_at")?,
            ends_at: row.get("ends_at")?,
        })
    }
}

text_enum! {
    /// How a list of events is ordered.
    #[derive(Default)]
    pub enum EventSort {
        /// As they were made, the newest first.
        #[default]
        Newest = "-created",
        /// As they were made, the oldest first.
        Oldest = "created",
        /// By when their first date starts, the earliest first.
        Soonest = "starts_at",
        /// By when their first date starts, the latest first.
        Latest = "-starts_at",
        /// By name, letter by letter.
        Name = "name",
        /// By name, backwards.
        NameBackwards = "-name",
    }
}

impl EventSort {
    /// Where an event stands in this order.
    pub fn place(self, listed: &EventSummary) -> Place {
        let id = listed.event.id;
        match self {
            Self::Newest | Self::Oldest => Place::of_id(id),
            Self::Soonest | Self::Latest => Place::of_number(listed.starts_at.ms(), id),
            Self::Name | Self::NameBackwards => Place::of_text(&listed.event.name, id),
        }
    }
}

record! {
    /// A published event in a shop's list.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct ListedEvent {
        /// Its id.
        pub id: EventId,
        /// The last part of its page's address.
        pub slug: String,
        /// Its name.
        pub name: String,
        /// The IANA time zone of the venue, such as `Europe/Ljubljana`.
        pub time_zone: String,
        /// The currency of all its prices (ISO 4217).
        pub currency: Currency,
        /// What the venue is called.
        pub venue_name: String,
        /// Where the venue is.
        pub venue_address: String,
        /// Whether its organisation only tries things out.
        pub sandbox: bool,
        /// Its texts in other languages.
        #[serde(skip)]
        pub details: EventDetails,
        /// When the first of its dates that are not over starts.
        pub starts_at: Timestamp,
        /// When its last date ends.
        pub ends_at: Timestamp,
        /// The price of its cheapest ticket that everybody sees, in minor units; none if it has none.
        pub from_price_minor: Option<i64>,
    }
}

impl ListedEvent {
    /// Its name.
    pub fn name_in(&self, wanted: &[Language]) -> Said {
        self.said(&self.name, &self.details.translations.name, wanted)
    }

    /// What the venue is called.
    pub fn venue_name_in(&self, wanted: &[Language]) -> Said {
        let others = &self.details.translations.venue_name;
        self.said(&self.venue_name, others, wanted)
    }

    fn said(&self, plain: &str, others: &Texts, wanted: &[Language]) -> Said {
        said(plain, others, &self.details.language, wanted)
    }

    /// The event for who wants these languages: its texts are in the best there is, each by itself.
    #[must_use]
    pub fn in_languages(mut self, wanted: &[Language]) -> Self {
        let (name, venue_name) = (self.name_in(wanted), self.venue_name_in(wanted));
        let others = &self.details.translations.venue_address;
        let venue_address = self.said(&self.venue_address, others, wanted);
        self.name = name.text;
        self.venue_name = venue_name.text;
        self.venue_address = venue_address.text;
        self
    }
}
