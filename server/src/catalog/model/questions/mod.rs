//! Questions that an order or each ticket answers.
//!
//! An event has one form: a list of questions in the order in which they are shown. Each is asked
//! per order or per ticket, at purchase or at check-in, of all tiers or some, and always or only
//! when other answers are such.
//!
//! Forms are kept and saved by `catalog::forms`; a question that has answers is retired, never dropped or
//! given another kind.
//!
//! # For the integrator
//! - **Answers.** `answers (order_id, ticket_id NULL, question_id, value JSON sealed, answered_at)`,
//!   unique by the three ids; answers are personal fields, so they are sealed, exported and erased
//!   with the order's.
//! - **Ordering.** [`answer()`] with [`AskedAt::Purchase`] when a cart becomes an order; its faults name
//!   the field (`tickets[1].answers.qst_…`). A question that a condition hides takes no answer: what
//!   a page still sends for it is dropped, so that a changed mind leaves nothing behind.
//! - **Check-in.** [`answer()`] with [`AskedAt::CheckIn`] and what was answered before; a gate offline
//!   lets people in and asks later.
//! - **Files.** Whether the file exists and belongs to this cart is for who sells: see
//!   [`Answer::File`] and `sales::files`.

mod answer;
mod file_type;
mod form;
#[cfg(test)]
mod tests;

use bilten_kernel::{text_enum, typed_id};
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use super::TierId;
use super::country::Country;
use super::texts::Texts;

pub use answer::*;
pub use file_type::FileType;
pub use form::*;

typed_id!(pub QuestionId, "qst", "Names a question of an event.");

/// The most questions of one event.
pub const MAX_QUESTIONS: usize = 100;
/// The most choices of one question.
pub const MAX_CHOICES: usize = 300;
/// The longest answer in words.
pub const MAX_ANSWER: u32 = 5_000;
/// The most clauses of one condition.
pub const MAX_CLAUSES: usize = 10;
/// The largest file that a question can take, in bytes.
pub const MAX_FILE_BYTES: u32 = 10 * 1024 * 1024;

text_enum! {
    /// What a question is asked about.
    pub enum AskedPer {
        /// Each ticket answers for itself.
        Ticket = "ticket",
        /// The order answers once.
        Order = "order",
    }
}

text_enum! {
    /// When a question is asked.
    pub enum AskedAt {
        /// Before the order is placed.
        Purchase = "purchase",
        /// When the ticket's holder comes in.
        CheckIn = "check_in",
    }
}

/// A day of the calendar, as `2026-05-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub Date);

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        day(&text).ok_or_else(|| serde::de::Error::custom("expected a day like 2026-05-01"))
    }
}

impl utoipa::PartialSchema for Day {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
            .examples(["2026-05-01"])
            .into()
    }
}

impl ToSchema for Day {}

/// A day, written exactly so.
fn day(text: &str) -> Option<Day> {
    let date: Date = text.parse().ok()?;
    (date.to_string() == text).then_some(Day(date))
}

/// One of the answers that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What it is known by in answers and exports; it stays when its words change.
    pub key: String,
    /// What people read.
    pub label: Texts,
}

/// What kind of answer is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum QuestionKind {
    /// Words.
    Text {
        /// The most characters.
        max_length: u32,
        /// Whether it may have several lines.
        #[serde(default)]
        lines: bool,
    },
    /// A whole number.
    Number {
        /// The least, if there is one.
        min: Option<i64>,
        /// The most, if there is one.
        max: Option<i64>,
    },
    /// One of several choices.
    Choice {
        /// What can be chosen.
        choices: Vec<Choice>,
    },
    /// Some of several choices.
    MultiChoice {
        /// What can be chosen.
        choices: Vec<Choice>,
        /// The fewest, where it is answered at all.
        #[serde(default = "one")]
        min: u32,
        /// The most; without it, all.
        max: Option<u32>,
    },
    /// A day.
    Date {
        /// The first day that is allowed.
        from: Option<Day>,
        /// The last day that is allowed.
        until: Option<Day>,
    },
    /// A country.
    Country {
        /// The countries that are allowed; empty means all.
        #[serde(default)]
        allowed: Vec<Country>,
    },
    /// A telephone number with its country.
    Phone,
    /// An e-mail address.
    Email,
    /// A file that was sent before: a document or a picture.
    File {
        /// The types of files that are taken; all of them, unless it is said.
        #[serde(default = "all_types")]
        accept: Vec<FileType>,
        /// The most bytes that it may have: 5 MiB, unless it is said, and never more than 10 MiB.
        #[serde(default = "five_mib")]
        #[schema(minimum = 1, maximum = 10_485_760)]
        max_bytes: u32,
    },
    /// A yes; where it is required, nothing else will do.
    Consent,
}

const fn one() -> u32 {
    1
}

fn all_types() -> Vec<FileType> {
    FileType::ALL.to_vec()
}

const fn five_mib() -> u32 {
    5 * 1024 * 1024
}

impl QuestionKind {
    /// Its choices, if it has any.
    pub fn choices(&self) -> &[Choice] {
        match self {
            Self::Choice { choices } | Self::MultiChoice { choices, .. } => choices,
            Self::Text { .. }
            | Self::Number { .. }
            | Self::Date { .. }
            | Self::Country { .. }
            | Self::Phone
            | Self::Email
            | Self::File { .. }
            | Self::Consent => &[],
        }
    }
}

/// What another answer must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// The other question.
    pub question: QuestionId,
    /// Any of these: keys of choices, codes of countries, `true` or `false` of a consent. Empty means
    /// that it has any answer at all.
    #[serde(default)]
    pub is: Vec<String>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Its id.
    pub id: QuestionId,
    /// The question.
    pub label: Texts,
    /// What helps to answer it.
    #[serde(default)]
    pub help: Texts,
    /// What kind of answer it wants.
    pub asks: QuestionKind,
    /// What it is asked about.
    pub per: AskedPer,
    /// When it is asked.
    #[serde(rename = "stage")]
    pub at: AskedAt,
    /// Whether it must be answered.
    #[serde(default)]
    pub required: bool,
    /// The tiers it is asked of; empty means all.
    #[serde(default)]
    pub tiers: Vec<TierId>,
    /// What other answers must be for it to be asked; all of these.
    #[serde(default)]
    pub when: Vec<Clause>,
}
