//! Batches: many codes of one rule.

use bilten_core::price::canonical;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PromoCodeBatchId, PromoCodeId, PromoCodeRule};
use crate::catalog::EventId;
use crate::identity::OrganisationId;

/// The most codes of one batch.
pub const MAX_BATCH: u32 = 100_000;
/// The most batches of one organisation.
pub const MAX_BATCHES: i64 = 500;
/// How many random letters a code of a batch has at least, if nobody says, and at most.
pub const BATCH_LETTERS: (u32, u32, u32) = (8, 12, 20);

text_enum! {
    /// Whether the codes of a batch are there.
    pub enum PromoCodeBatchState {
        /// They are being made.
        Making = "making",
        /// All are there.
        Ready = "ready",
        /// None of them can be used any more.
        Archived = "archived",
    }
}

/// Many codes of one rule, each for one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PromoCodeBatch {
    /// Its id.
    pub id: PromoCodeBatchId,
    /// Whose it is.
    pub organisation_id: OrganisationId,
    /// The only event that its codes are for; absent if they are for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// What its organiser calls it.
    pub name: String,
    /// How its codes begin.
    pub prefix: String,
    /// How many random letters follow.
    pub letters: u32,
    /// What its codes do, for whom and when.
    pub rule: PromoCodeRule,
    /// How many codes it has.
    pub size: i64,
    /// How many of them are there by now.
    pub made: i64,
    /// Whether they are there.
    pub state: PromoCodeBatchState,
    /// Since when they cannot be used any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A batch that is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoCodeBatchInput {
    /// What its organiser calls it.
    pub name: String,
    /// The only event that its codes are for; absent for all events of the organisation.
    #[serde(default)]
    pub event: Option<EventId>,
    /// How its codes begin: at most 16 letters from A to Z and digits.
    #[serde(default)]
    pub prefix: String,
    /// How many random letters follow, 8 to 20; 12 if absent.
    #[serde(default)]
    pub letters: Option<u32>,
    /// How many codes, 1 to 100,000.
    pub size: u32,
    /// What they do, for whom and when.
    pub rule: PromoCodeRule,
}

/// A code of a batch, drawn but not stored yet.
pub(in crate::sales::codes) struct Drawn {
    pub(in crate::sales::codes) id: PromoCodeId,
    pub(in crate::sales::codes) form: String,
    pub(in crate::sales::codes) shown: String,
}

impl Drawn {
    /// The code with these random letters; shown in groups of four, which are easier to type.
    pub(in crate::sales::codes) fn new(id: PromoCodeId, prefix: &str, letters: &str) -> Self {
        let mut shown = prefix.to_owned();
        for (place, letter) in letters.chars().enumerate() {
            if place % 4 == 0 && !shown.is_empty() {
                shown.push('-');
            }
            shown.push(letter);
        }
        // A prefix was checked, and letters of a batch are their own form.
        let form = canonical(&shown).unwrap_or_else(|_| letters.to_owned());
        Self { id, form, shown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: MKT-2
    #[test]
    fn codes_of_a_batch_are_typed_in_groups_and_found_by_their_form() {
        let id = PromoCodeId::from_bytes([1; 16]);
        let drawn = Drawn::new(id, "Pilot", "ABCDEFGHJ");
        assert_eq!(drawn.shown, "Pilot-ABCD-EFGH-J");
        assert_eq!(drawn.form, "P110TABCDEFGHJ");
        assert_eq!(Drawn::new(id, "", "ABCDEFGH").shown, "ABCD-EFGH");
    }
}
