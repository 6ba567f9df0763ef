//! What staff does with orders: makes them, tags them, writes about them, and looks for them.

use std::collections::BTreeSet;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::FieldError;
use bilten_kernel::{text_enum, typed_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{OrderId, OrderState, ReviewOutcome};
use crate::sales::fraud::{FraudDecision, FraudReason};

typed_id!(pub OrderNoteId, "ont", "Names a note of an order.");

/// The most characters of a note.
const MOST_NOTE: usize = 4_000;
/// The most characters of a tag.
const MOST_TAG: usize = 40;
/// The most tags of an order.
const MOST_TAGS: usize = 20;
/// The most characters of a reason.
const MOST_REASON: usize = 500;
/// The most notes of an order.
pub const MOST_NOTES: i64 = 200;

text_enum! {
    /// By which way staff made an order.
    pub enum StaffChannel {
        /// One by one.
        Manual = "manual",
        /// From a file.
        Import = "import",
    }
}

text_enum! {
    /// How an order was paid that staff made.
    pub enum StaffPayment {
        /// It is given away.
        Comp = "comp",
        /// In cash.
        Cash = "cash",
        /// By bank transfer.
        Transfer = "transfer",
    }
}

/// What there is to say of an order that staff makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffSale {
    /// By which way.
    pub channel: StaffChannel,
    /// How it was paid.
    pub method: StaffPayment,
    /// Why.
    pub reason: String,
    /// Who made it.
    pub actor: String,
}

fn fault(field: &str, code: &'static str, detail: String) -> FieldError {
    FieldError {
        field: field.to_owned(),
        code: code.into(),
        detail,
    }
}

/// What is wrong with a reason: something must be said, in one line.
pub fn reason_fault(field: &str, reason: &str) -> Option<FieldError> {
    let reason = reason.trim();
    let is_wrong = reason.is_empty()
        || reason.chars().count() > MOST_REASON
        || reason.chars().any(char::is_control);
    let detail = format!("A reason has 1 to {MOST_REASON} characters in one line.");
    is_wrong.then(|| fault(field, "invalid", detail))
}

/// How an order came to be, and what was thought of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderOrigin {
    /// The order.
    pub order_id: OrderId,
    /// By which way staff made it; absent if its buyer did.
    pub channel: Option<StaffChannel>,
    /// How it was paid, if staff made it.
    pub paid_by: Option<StaffPayment>,
    /// Why staff made it.
    pub reason: Option<String>,
    /// Who of the staff made it.
    pub actor: Option<String>,
    /// How suspicious it looked, from 0 to 100, if it was scored.
    pub score: Option<i64>,
    /// What was to be done by its score.
    pub decision: Option<FraudDecision>,
    /// Why it scored what it did, the strongest first.
    pub reasons: Vec<FraudReason>,
    /// The version of the rules that scored it; 0 are the default ones.
    pub policy_version: Option<i64>,
    /// What somebody decided about it.
    pub outcome: Option<ReviewOutcome>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
}

/// A note of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderNote {
    /// Its id.
    pub id: OrderNoteId,
    /// The order.
    pub order_id: OrderId,
    /// What it says.
    pub text: String,
    /// Who wrote it.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
}

/// A note to be written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteRequest {
    /// What it says, in up to 4,000 characters of plain text.
    #[schema(min_length = 1, max_length = 4_000)]
    pub text: String,
}

impl NoteRequest {
    /// The text as it is kept.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn checked(&self) -> Result<String, FieldError> {
        let text = self.text.trim();
        let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\r');
        if text.is_empty() {
            return Err(fault("text", "required", "Please write something.".into()));
        }
        if text.chars().count() > MOST_NOTE || text.chars().any(is_odd) {
            let detail = format!("A note has at most {MOST_NOTE} characters of plain text.");
            return Err(fault("text", "too_long", detail));
        }
        Ok(text.to_owned())
    }
}

/// The tags of an order, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderTags {
    /// The order.
    pub order_id: OrderId,
    /// Its tags.
    pub tags: Vec<String>,
}

/// The tags that an order is to have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TagsRequest {
    /// At most 20, each of up to 40 characters; small letters and large ones are the same.
    #[schema(max_items = 20)]
    pub tags: Vec<String>,
}

/// A tag as it is kept and looked for; nothing if it is none.
pub fn tag(text: &str) -> Option<String> {
    let tag = text.trim().to_lowercase();
    let is_tag = !tag.is_empty()
        && tag.chars().count() <= MOST_TAG
        && !tag.chars().any(|c| c.is_control() || c == ',');
    is_tag.then_some(tag)
}

impl TagsRequest {
    /// The tags as they are kept.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn checked(&self) -> Result<BTreeSet<String>, Vec<FieldError>> {
        let mut faults = Vec::new();
        let mut tags = BTreeSet::new();
        for (i, text) in self.tags.iter().enumerate().take(MOST_TAGS + 1) {
            match tag(text) {
                Some(tag) => {
                    tags.insert(tag);
                }
                None => {
                    let detail = format!(
                        "A tag has 1 to {MOST_TAG} characters, no commas and no control characters."
                    );
                    faults.push(fault(&format!("tags[{i}]"), "invalid", detail));
                }
            }
        }
        if self.tags.len() > MOST_TAGS {
            let detail = format!("An order has at most {MOST_TAGS} tags.");
            faults.push(fault("tags", "too_many", detail));
        }
        if faults.is_empty() {
            Ok(tags)
        } else {
            Err(faults)
        }
    }
}

/// Which orders of an event are wanted; all that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Those with these ids.
    pub ids: Option<Vec<OrderId>>,
    /// Those in this state.
    pub state: Option<OrderState>,
    /// Those with this tag.
    pub tag: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_one_however_they_are_written() {
        let checked = |tags: &[&str]| {
            TagsRequest {
                tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            }
            .checked()
        };
        let tags = checked(&[" VIP ", "vip", "Žiga"]).unwrap();
        assert_eq!(tags.into_iter().collect::<Vec<_>>(), ["vip", "žiga"]);
        assert_eq!(checked(&[]), Ok(BTreeSet::new()));
        for wrong in ["", " ", "a,b", "a\nb", &"x".repeat(41)] {
            assert_eq!(checked(&[wrong]).unwrap_err()[0].field, "tags[0]");
        }
        let many: Vec<_> = (0..21).map(|i| i.to_string()).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(checked(&many).unwrap_err()[0].code, "too_many");
    }

    #[test]
    fn notes_and_reasons_say_something() {
        let note = |text: &str| {
            NoteRequest {
                text: text.to_owned(),
            }
            .checked()
        };
        assert_eq!(note(" a\nb "), Ok("a\nb".to_owned()));
        for wrong in ["", " \n", "a\0", &"x".repeat(4_001)] {
            assert!(note(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(reason_fault("reason", " press "), None);
        for wrong in ["", "  ", "a\nb", &"x".repeat(501)] {
            assert!(reason_fault("reason", wrong).is_some(), "{wrong:?}");
        }
    }
}
