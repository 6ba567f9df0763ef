//! Events as organisers describe them, and the rules that need no database.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{DbError, Record, Row};
use bilten_kernel::error::FieldError;
use bilten_kernel::http::Place;
use bilten_kernel::money::{Currency, Money};
use bilten_kernel::{record, text_enum, typed_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::identity::{OrganisationId, Tenant};

typed_id!(pub EventId, "evt", "Names an event.");
typed_id!(pub OccurrenceId, "occ", "Names one date of an event.");
typed_id!(pub TierId, "tir", "Names a tier of an event.");

/// The most dates of one event.
pub const MAX_OCCURRENCES: usize = 100;
/// The most tiers of one event.
pub const MAX_TIERS: usize = 50;
/// Tickets are valid from this long before the first doors, in milliseconds: people come early.
const EARLY_MS: i64 = 12 * 3_600_000;
/// Tickets are valid until this long after the last end, in milliseconds: shows run late.
const LATE_MS: i64 = 6 * 3_600_000;

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

impl EventState {
    /// Whether an event may go from this state to `next`.
    ///
    /// ```text
    /// draft ──▶ published ──▶ cancelled ──▶ archived
    ///   │                └───────────────────▶ ▲
    ///   └── (deleted: never published, nothing depends on it)
    /// ```
    pub const fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Draft, Self::Published)
            | (Self::Published, Self::Cancelled | Self::Archived)
            | (Self::Cancelled, Self::Archived) => true,
            (Self::Draft | Self::Published | Self::Cancelled | Self::Archived, _) => false,
        }
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
        /// Raised by each change; a change must name the version it started from.
        pub version: i64,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it was changed last.
        pub updated_at: Timestamp,
    }
}

impl Event {
    /// Whether the event is among those that a request may touch.
    pub fn is_of(&self, tenant: &Tenant) -> bool {
        self.organisation_id == tenant.organisation && tenant.includes(self.id)
    }
}

record! {
    /// One date of an event.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    pub struct Occurrence {
        /// Its id.
        pub id: OccurrenceId,
        /// When the doors open, if that is known.
        pub doors_at: Option<Timestamp>,
        /// When it starts.
        pub starts_at: Timestamp,
        /// When it ends.
        pub ends_at: Timestamp,
    }
}

record! {
    /// A kind of ticket with price and capacity.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    pub struct Tier {
        /// Its id.
        pub id: TierId,
        /// Its number within the event, as tickets carry it.
        pub number: u16,
        /// Its name.
        pub name: String,
        /// What it includes, in plain text.
        pub description: String,
        /// The price of one ticket, in minor units of the event's currency, taxes included.
        pub price_minor: i64,
        /// How many tickets there are in all.
        pub capacity: i64,
        /// How many tickets one order may have.
        pub max_per_order: i64,
        /// When sale begins; without it, when the event is published.
        pub sales_start_at: Option<Timestamp>,
        /// When sale ends; without it, when the event ends.
        pub sales_end_at: Option<Timestamp>,
        /// From when its tickets are valid, if not for the whole event.
        pub valid_from_at: Option<Timestamp>,
        /// Until when its tickets are valid, if not for the whole event.
        pub valid_until_at: Option<Timestamp>,
    }
}

/// An event with all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventDetail {
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// Its dates, earliest first.
    pub occurrences: Vec<Occurrence>,
    /// Its tiers by number.
    pub tiers: Vec<Tier>,
}

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
        /// When the first of its dates that are not over starts.
        pub starts_at: Timestamp,
        /// When its last date ends.
        pub ends_at: Timestamp,
        /// The price of its cheapest tier, in minor units; none if it has no tier.
        pub from_price_minor: Option<i64>,
    }
}

/// Why a tier cannot be bought at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffSale {
    /// The event is not published, or over.
    Event,
    /// Sale has not begun.
    NotYet,
    /// Sale has ended.
    Over,
}

impl EventDetail {
    /// The tier with this id.
    pub fn tier(&self, id: TierId) -> Option<&Tier> {
        self.tiers.iter().find(|tier| tier.id == id)
    }

    /// When the last date ends.
    pub fn ends_at(&self) -> Timestamp {
        self.occurrences
            .iter()
            .map(|o| o.ends_at)
            .max()
            .unwrap_or(self.event.updated_at)
    }

    /// When the doors of the first date open.
    pub fn opens_at(&self) -> Timestamp {
        self.occurrences
            .iter()
            .map(|o| o.doors_at.unwrap_or(o.starts_at))
            .min()
            .unwrap_or(self.event.created_at)
    }

    /// Whether the doors of one of its dates are open.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.occurrences
            .iter()
            .any(|date| date.doors_at.unwrap_or(date.starts_at) <= now && now < date.ends_at)
    }

    /// When tickets of a tier are valid, in whole seconds since the epoch: `[from, until)`.
    pub fn validity(&self, tier: &Tier) -> (u32, u32) {
        let from = tier
            .valid_from_at
            .map_or(self.opens_at().ms() - EARLY_MS, Timestamp::ms);
        let until = tier
            .valid_until_at
            .map_or(self.ends_at().ms() + LATE_MS, Timestamp::ms);
        let seconds = |ms: i64| u32::try_from(ms.div_euclid(1_000).max(0)).unwrap_or(u32::MAX);
        (
            seconds(from),
            seconds(until).max(seconds(from).saturating_add(1)),
        )
    }

    /// Whether a tier can be bought at `now`, apart from its stock.
    pub fn off_sale(&self, tier: &Tier, now: Timestamp) -> Option<OffSale> {
        match self.event.state {
            EventState::Published => {}
            EventState::Draft | EventState::Cancelled | EventState::Archived => {
                return Some(OffSale::Event);
            }
        }
        if now >= self.ends_at() {
            Some(OffSale::Event)
        } else if tier.sales_start_at.is_some_and(|start| now < start) {
            Some(OffSale::NotYet)
        } else if tier.sales_end_at.is_some_and(|end| now >= end) {
            Some(OffSale::Over)
        } else {
            None
        }
    }

    /// The price of one ticket of a tier.
    pub fn price(&self, tier: &Tier) -> Money {
        Money::new(tier.price_minor, self.event.currency)
    }
}

/// What an organiser says of a date.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OccurrenceInput {
    /// When the doors open, if that is known.
    pub doors_at: Option<Timestamp>,
    /// When it starts.
    pub starts_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
}

/// What an organiser says of a tier.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TierInput {
    /// Its name.
    pub name: String,
    /// What it includes, in plain text.
    #[serde(default)]
    pub description: String,
    /// The price of one ticket, in minor units of the event's currency, taxes included.
    pub price_minor: i64,
    /// How many tickets there are in all.
    pub capacity: i64,
    /// How many tickets one order may have.
    #[serde(default = "default_max_per_order")]
    pub max_per_order: i64,
    /// When sale begins; without it, when the event is published.
    pub sales_start_at: Option<Timestamp>,
    /// When sale ends; without it, when the event ends.
    pub sales_end_at: Option<Timestamp>,
    /// From when its tickets are valid, if not for the whole event.
    pub valid_from_at: Option<Timestamp>,
    /// Until when its tickets are valid, if not for the whole event.
    pub valid_until_at: Option<Timestamp>,
}

const fn default_max_per_order() -> i64 {
    10
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
    /// What the venue is called.
    pub venue_name: String,
    /// Where the venue is.
    #[serde(default)]
    pub venue_address: String,
    /// Its dates; at least one.
    pub occurrences: Vec<OccurrenceInput>,
    /// Its tiers; more can be added later.
    #[serde(default)]
    pub tiers: Vec<TierInput>,
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
    /// What the venue is called.
    pub venue_name: Option<String>,
    /// Where the venue is.
    pub venue_address: Option<String>,
}

/// A change of a tier; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TierPatch {
    /// The version of the event that this change starts from; needed unless `If-Match` says it.
    pub version: Option<i64>,
    /// Its name.
    pub name: Option<String>,
    /// What it includes, in plain text.
    pub description: Option<String>,
    /// The price of one ticket, in minor units of the event's currency, taxes included.
    pub price_minor: Option<i64>,
    /// How many tickets there are in all; never below what is sold and held.
    pub capacity: Option<i64>,
    /// How many tickets one order may have.
    pub max_per_order: Option<i64>,
}

/// The largest price of one ticket in minor units: far above any real one, far below overflow.
pub const MAX_PRICE_MINOR: i64 = 1_000_000_000;
/// The largest capacity of one tier.
pub const MAX_CAPACITY: i64 = 10_000_000;

/// Collects what is wrong with an input.
#[derive(Default)]
pub(super) struct Faults(Vec<FieldError>);

impl Faults {
    fn add(&mut self, field: String, code: &'static str, detail: impl Into<String>) {
        self.0.push(FieldError {
            field,
            code: code.into(),
            detail: detail.into(),
        });
    }

    fn text(&mut self, field: String, text: &str, min: usize, max: usize) {
        let length = text.trim().chars().count();
        if length < min {
            self.add(field, "required", "must not be empty");
        } else if length > max {
            self.add(
                field,
                "too_long",
                format!("may have at most {max} characters"),
            );
        } else if text
            .chars()
            .any(|c| c.is_control() && c != '\n' && c != '\t')
        {
            self.add(
                field,
                "control_characters",
                "must not contain control characters",
            );
        }
    }

    fn range(&mut self, field: String, value: i64, min: i64, max: i64) {
        if !(min..=max).contains(&value) {
            self.add(
                field,
                "out_of_range",
                format!("must be between {min} and {max}"),
            );
        }
    }

    fn order(&mut self, field: String, earlier: Option<Timestamp>, later: Option<Timestamp>) {
        if let (Some(earlier), Some(later)) = (earlier, later)
            && earlier >= later
        {
            self.add(field, "not_after", "must be later than the start");
        }
    }

    pub(super) fn tier(&mut self, at: &str, tier: &TierInput) {
        self.text(format!("{at}name"), &tier.name, 1, 100);
        self.text(format!("{at}description"), &tier.description, 0, 2_000);
        self.range(
            format!("{at}price_minor"),
            tier.price_minor,
            0,
            MAX_PRICE_MINOR,
        );
        self.range(format!("{at}capacity"), tier.capacity, 0, MAX_CAPACITY);
        self.range(format!("{at}max_per_order"), tier.max_per_order, 1, 100);
        self.order(
            format!("{at}sales_end_at"),
            tier.sales_start_at,
            tier.sales_end_at,
        );
        self.order(
            format!("{at}valid_until_at"),
            tier.valid_from_at,
            tier.valid_until_at,
        );
    }

    pub(super) fn tier_patch(&mut self, patch: &TierPatch) {
        if let Some(name) = &patch.name {
            self.text("name".into(), name, 1, 100);
        }
        if let Some(description) = &patch.description {
            self.text("description".into(), description, 0, 2_000);
        }
        if let Some(price) = patch.price_minor {
            self.range("price_minor".into(), price, 0, MAX_PRICE_MINOR);
        }
        if let Some(capacity) = patch.capacity {
            self.range("capacity".into(), capacity, 0, MAX_CAPACITY);
        }
        if let Some(max) = patch.max_per_order {
            self.range("max_per_order".into(), max, 1, 100);
        }
    }

    pub(super) fn event_patch(&mut self, patch: &EventPatch) {
        let texts = [
            ("name", &patch.name, 1, 200),
            ("description", &patch.description, 0, 20_000),
            ("venue_name", &patch.venue_name, 1, 200),
            ("venue_address", &patch.venue_address, 0, 500),
        ];
        for (field, text, min, max) in texts {
            if let Some(text) = text {
                self.text(field.into(), text, min, max);
            }
        }
    }

    pub(super) fn event(&mut self, input: &EventInput) {
        self.text("name".into(), &input.name, 1, 200);
        self.text("description".into(), &input.description, 0, 20_000);
        self.text("venue_name".into(), &input.venue_name, 1, 200);
        self.text("venue_address".into(), &input.venue_address, 0, 500);
        if let Some(slug) = &input.slug
            && (slug != &slugify(slug) || slug.is_empty())
        {
            self.add(
                "slug".into(),
                "slug",
                "may have lower-case letters, digits and single hyphens, at most 80",
            );
        }
        if jiff::tz::TimeZone::get(&input.time_zone).is_err() {
            self.add(
                "time_zone".into(),
                "time_zone",
                "must be an IANA time zone such as Europe/Ljubljana",
            );
        }
        match input.occurrences.len() {
            0 => self.add(
                "occurrences".into(),
                "required",
                "an event has at least one date",
            ),
            1..=MAX_OCCURRENCES => {}
            _ => self.add(
                "occurrences".into(),
                "too_many",
                format!("at most {MAX_OCCURRENCES}"),
            ),
        }
        if input.tiers.len() > MAX_TIERS {
            self.add("tiers".into(), "too_many", format!("at most {MAX_TIERS}"));
        }
        for (i, date) in input.occurrences.iter().enumerate() {
            self.order(
                format!("occurrences[{i}].ends_at"),
                Some(date.starts_at),
                Some(date.ends_at),
            );
            if date.doors_at.is_some_and(|doors| doors > date.starts_at) {
                self.add(
                    format!("occurrences[{i}].doors_at"),
                    "after_start",
                    "must not be later than the start",
                );
            }
        }
        for (i, tier) in input.tiers.iter().enumerate() {
            self.tier(&format!("tiers[{i}]."), tier);
        }
    }

    pub(super) fn check(self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.0)
        }
    }
}

/// Whether a text can be the last part of an address; a database need not be asked with anything else.
pub fn can_be_slug(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_part)
}

/// Makes the last part of an address from a name: ASCII letters, digits and single hyphens.
pub fn slugify(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        let c = match c {
            'č' | 'ć' | 'ç' => 'c',
            'š' => 's',
            'ž' => 'z',
            'ä' | 'à' | 'á' | 'â' => 'a',
            'ö' | 'ò' | 'ó' | 'ô' => 'o',
            'ü' | 'ù' | 'ú' | 'û' => 'u',
            'è' | 'é' | 'ê' | 'ë' => 'e',
            'ì' | 'í' | 'î' | 'ï' => 'i',
            'ñ' => 'n',
            other => other,
        };
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= 80 {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}
