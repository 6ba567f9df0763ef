//! Events as organisers describe them.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::Currency;
use bilten_kernel::{record, text_enum, typed_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::state::{Brake, Kept};
use super::{DetailsInput, EventDetails, OccurrenceInput, TierInput, VenueId};
use crate::identity::{OrganisationId, Tenant};

typed_id!(pub EventId, "evt", "Names an event.");

text_enum! {
    /// Where an event stands in its life.
    pub enum EventState {
        /// Only the organiser sees it.
        Draft = "draft",
        /// Everybody sees it, and tickets are on sale.
        Published = "published",
        /// It will not take place; its tickets let nobody in.
        Cancelled = "cancelled",
        /// It is over and out of the way.
        Archived = "archived",
    }
}

record! {
    /// An event.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    pub struct Event {
        /// Its id.
        pub id: EventId,
        /// Who sells it.
        pub organisation_id: OrganisationId,
        /// The last part of its page's address.
        pub slug: String,
        /// Its name.
        pub name: String,
        /// What it is about, in plain text.
        pub description: String,
        /// Where it stands in its life.
        pub state: EventState,
        /// What holds it back while it is published.
        #[serde(default)]
        pub brake: Brake,
        /// The IANA time zone of the venue, such as `Europe/Ljubljana`.
        pub time_zone: String,
        /// The currency of all its prices (ISO 4217).
        pub currency: Currency,
        /// What the venue is called.
        pub venue_name: String,
        /// Where the venue is.
        pub venue_address: String,
        /// Whether its organisation only tries things out: its tickets let nobody in anywhere else.
        #[serde(default)]
        pub sandbox: bool,
        /// What else there is to know of it, and its texts in other languages.
        #[serde(default)]
        pub details: EventDetails,
        /// Raised by each change; a change must name the version it started from.
        pub version: i64,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it was changed last.
        pub updated_at: Timestamp,
    }
}

impl Event {
    /// The state that its two columns mean.
    pub const fn kept(&self) -> Kept {
        Kept::of(self.state, self.brake)
    }

    /// Whether the event is among those that a request may touch.
    pub fn is_of(&self, tenant: &Tenant) -> bool {
        self.organisation_id == tenant.organisation && tenant.includes(self.id)
    }
}

/// What an organiser says of a new event.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventInput {
    /// Its name.
    pub name: String,
    /// The last part of its page's address; without it, made from the name.
    pub slug: Option<String>,
    /// What it is about, in plain text.
    #[serde(default)]
    pub description: String,
    /// The IANA time zone of the venue, such as `Europe/Ljubljana`.
    pub time_zone: String,
    /// The currency of all its prices (ISO 4217).
    pub currency: Currency,
    /// The organisation's venue where it takes place, whose name and address are copied.
    pub venue: Option<VenueId>,
    /// What the venue is called; needed unless `venue` says it.
    #[serde(default)]
    pub venue_name: String,
    /// Where the venue is.
    #[serde(default)]
    pub venue_address: String,
    /// Its dates; at least one.
    pub occurrences: Vec<OccurrenceInput>,
    /// Its tiers; more can be added later.
    #[serde(default)]
    pub tiers: Vec<TierInput>,
    /// What else there is to know of it, and its texts in other languages.
    #[serde(default)]
    pub details: DetailsInput,
}

/// A change of an event; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventPatch {
    /// The version of the event that this change starts from; needed unless `If-Match` says it.
    pub version: Option<i64>,
    /// Its name.
    pub name: Option<String>,
    /// What it is about, in plain text.
    pub description: Option<String>,
    /// The organisation's venue where it takes place, whose name and address are copied.
    pub venue: Option<VenueId>,
    /// What the venue is called.
    pub venue_name: Option<String>,
    /// Where the venue is.
    pub venue_address: Option<String>,
    /// What else there is to know of it, and its texts in other languages.
    pub details: Option<DetailsInput>,
}
