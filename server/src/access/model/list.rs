//! Check-in lists.

use bilten_core::checkin::{CheckInList as CoreList, Policy};
use bilten_core::ticket::TierNumber;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Col, ColError, DbError, FromCol, ToVal, Val};
use bilten_kernel::{record, text_enum};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::{Faults, ListId, opaque};
use crate::catalog::EventId;

/// The most check-in lists of one event.
pub const MAX_LISTS: i64 = 100;
/// The most tiers that a list or a gate names: more than an event has.
const MAX_TIERS: usize = 100;

text_enum! {
    /// How often one ticket lets somebody in on one check-in list.
    pub enum ListPolicy {
        /// Once, even after leaving.
        Single = "single",
        /// Up to `max_entries` times, as for a group ticket; without that number, any number of times.
        Multiple = "multiple",
        /// Any number of times, but only after leaving.
        ReEntry = "re_entry",
    }
}

impl ListPolicy {
    /// The same in the core's words.
    pub const fn to_core(self, max_entries: Option<u16>) -> Policy {
        match (self, max_entries) {
            (Self::Single, _) => Policy::Single,
            (Self::Multiple, Some(max)) => Policy::Multiple { max },
            (Self::Multiple, None) => Policy::Multiple { max: 0 },
            (Self::ReEntry, _) => Policy::ReEntry,
        }
    }
}

/// Numbers of tiers, as tickets carry them; JSON in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct TierNumbers(pub Vec<TierNumber>);

impl FromCol for TierNumbers {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        serde_json::from_str(col.text()?).map_err(|error| ColError(error.to_string()))
    }
}

impl ToVal for TierNumbers {
    fn to_val(self) -> Val {
        let numbers: Vec<String> = self.0.iter().map(TierNumber::to_string).collect();
        Val::Text(Some(format!("[{}]", numbers.join(","))))
    }

    fn null() -> Val {
        Val::Text(None)
    }
}

record! {
    /// A check-in list: the scope in which one entry counts once, such as a day or an area.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct CheckInList {
        /// Its id.
        pub id: ListId,
        /// The event whose tickets it takes.
        pub event_id: EventId,
        /// What staff call it.
        pub name: String,
        /// How often one ticket lets somebody in.
        pub policy: ListPolicy,
        /// The most entries by one ticket, with the policy `multiple`.
        pub max_entries: Option<u16>,
        /// When entry begins; without it, entry is never too early.
        pub opens_at: Option<Timestamp>,
        /// When entry ends; without it, entry is never too late.
        pub closes_at: Option<Timestamp>,
        /// The numbers of the tiers that may enter; without it, all.
        pub tiers: Option<TierNumbers>,
        /// How many people may be inside at once.
        pub capacity: Option<u32>,
        /// Whether tickets that a box-office device signed are taken.
        pub accepts_delegated: bool,
        /// Whether a ticket must be on a device's allowlist; otherwise a true signature is enough.
        pub allowlist_only: bool,
        /// Raised by each change; a change can name the one that it starts from (`If-Match`).
        pub revision: i64,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it was removed; what was scanned by it before still counts.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub removed_at: Option<Timestamp>,
    }
}

impl CheckInList {
    /// The policy in the core's words.
    pub const fn core_policy(&self) -> Policy {
        self.policy.to_core(self.max_entries)
    }

    /// The list as devices know it.
    ///
    /// # Errors
    /// A fault of ours if its id is none that a device would take.
    pub fn to_core(&self) -> Result<CoreList, DbError> {
        let time = |at: Timestamp| bilten_core::time::Timestamp(at.ms());
        Ok(CoreList {
            id: opaque(self.id)?,
            event: opaque(self.event_id)?,
            name: self.name.clone(),
            policy: self.core_policy(),
            opens_at: self.opens_at.map(time),
            closes_at: self.closes_at.map(time),
            tiers: self.tiers.clone().map(|tiers| tiers.0),
            capacity: self.capacity,
            accepts_delegated: self.accepts_delegated,
            allowlist_only: self.allowlist_only,
        })
    }
}

/// What an organiser says of a check-in list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListInput {
    /// What staff call it.
    pub name: String,
    /// How often one ticket lets somebody in.
    #[serde(default = "single")]
    pub policy: ListPolicy,
    /// The most entries by one ticket, with the policy `multiple`.
    pub max_entries: Option<u16>,
    /// When entry begins; without it, entry is never too early.
    pub opens_at: Option<Timestamp>,
    /// When entry ends; without it, entry is never too late.
    pub closes_at: Option<Timestamp>,
    /// The numbers of the tiers that may enter; without it, all.
    pub tiers: Option<TierNumbers>,
    /// How many people may be inside at once.
    pub capacity: Option<u32>,
    /// Whether tickets that a box-office device signed are taken.
    #[serde(default = "yes")]
    pub accepts_delegated: bool,
    /// Whether a ticket must be on a device's allowlist; otherwise a true signature is enough.
    #[serde(default)]
    pub allowlist_only: bool,
}

const fn single() -> ListPolicy {
    ListPolicy::Single
}

const fn yes() -> bool {
    true
}

/// Tells a field that is `null` from one that is left out.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    d: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

/// A change of a check-in list; what is left out stays as it is, what is `null` is taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListPatch {
    /// What staff call it.
    pub name: Option<String>,
    /// How often one ticket lets somebody in; a change judges anew what was scanned before.
    pub policy: Option<ListPolicy>,
    /// The most entries by one ticket, with the policy `multiple`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u16>)]
    pub max_entries: Option<Option<u16>>,
    /// When entry begins.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Timestamp>)]
    pub opens_at: Option<Option<Timestamp>>,
    /// When entry ends.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Timestamp>)]
    pub closes_at: Option<Option<Timestamp>>,
    /// The numbers of the tiers that may enter.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<TierNumbers>)]
    pub tiers: Option<Option<TierNumbers>>,
    /// How many people may be inside at once.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub capacity: Option<Option<u32>>,
    /// Whether tickets that a box-office device signed are taken.
    pub accepts_delegated: Option<bool>,
    /// Whether a ticket must be on a device's allowlist.
    pub allowlist_only: Option<bool>,
}

impl ListPatch {
    /// Changes a list.
    pub fn apply(self, list: &mut CheckInList) {
        list.name = self
            .name
            .map_or_else(|| list.name.clone(), |name| name.trim().to_owned());
        list.policy = self.policy.unwrap_or(list.policy);
        list.max_entries = self.max_entries.unwrap_or(list.max_entries);
        list.opens_at = self.opens_at.unwrap_or(list.opens_at);
        list.closes_at = self.closes_at.unwrap_or(list.closes_at);
        if let Some(tiers) = self.tiers {
            list.tiers = tiers;
        }
        list.capacity = self.capacity.unwrap_or(list.capacity);
        list.accepts_delegated = self.accepts_delegated.unwrap_or(list.accepts_delegated);
        list.allowlist_only = self.allowlist_only.unwrap_or(list.allowlist_only);
    }
}

impl Faults {
    /// What is wrong with a list; `known` are the numbers of the event's tiers.
    pub(in crate::access) fn list(&mut self, list: &CheckInList, known: &[TierNumber]) {
        self.line("name", &list.name, 100);
        if list.max_entries == Some(0) {
            self.add("max_entries", "out_of_range", "must be at least 1");
        }
        if list.max_entries.is_some() && list.policy != ListPolicy::Multiple {
            self.add(
                "max_entries",
                "not_with_policy",
                "goes with the policy `multiple` only",
            );
        }
        if list
            .opens_at
            .zip(list.closes_at)
            .is_some_and(|(opens, closes)| opens >= closes)
        {
            self.add("closes_at", "not_after", "must be later than the opening");
        }
        self.tiers(list.tiers.as_ref(), known);
    }

    pub(super) fn tiers(&mut self, tiers: Option<&TierNumbers>, known: &[TierNumber]) {
        let Some(TierNumbers(tiers)) = tiers else {
            return;
        };
        if tiers.is_empty() || tiers.len() > MAX_TIERS {
            self.add("tiers", "out_of_range", "name at least one tier, or none");
        } else if let Some(unknown) = tiers.iter().find(|tier| !known.contains(tier)) {
            self.add(
                "tiers",
                "unknown",
                format!("the event has no tier with the number {unknown}"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> CheckInList {
        CheckInList {
            id: ListId::from_bytes([1; 16]),
            event_id: EventId::from_bytes([2; 16]),
            name: "Entry".into(),
            policy: ListPolicy::Single,
            max_entries: None,
            opens_at: None,
            closes_at: None,
            tiers: None,
            capacity: Some(7),
            accepts_delegated: true,
            allowlist_only: false,
            created_at: Timestamp::from_ms(0),
            removed_at: None,
            revision: 1,
        }
    }

    #[test]
    fn null_takes_away_and_absence_keeps() {
        let mut changed = list();
        let patch: ListPatch = serde_json::from_str(r#"{"name": " Side ", "tiers": [2]}"#).unwrap();
        patch.apply(&mut changed);
        assert_eq!((changed.name.as_str(), changed.capacity), ("Side", Some(7)));
        assert_eq!(changed.tiers, Some(TierNumbers(vec![2])));
        let patch: ListPatch =
            serde_json::from_str(r#"{"capacity": null, "tiers": null}"#).unwrap();
        patch.apply(&mut changed);
        assert_eq!((changed.capacity, changed.tiers), (None, None));
    }

    #[test]
    fn what_is_wrong_is_named_by_field() {
        let codes = |list: &CheckInList| {
            let mut faults = Faults::default();
            faults.list(list, &[1, 2]);
            let faults = faults.check().err().unwrap_or_default();
            faults
                .into_iter()
                .map(|f| format!("{} {}", f.field, f.code))
                .collect::<Vec<_>>()
        };
        assert_eq!(codes(&list()), [""; 0]);
        let bad = CheckInList {
            name: " ".into(),
            max_entries: Some(0),
            opens_at: Some(Timestamp::from_ms(5)),
            closes_at: Some(Timestamp::from_ms(5)),
            tiers: Some(TierNumbers(vec![3])),
            ..list()
        };
        assert_eq!(
            codes(&bad),
            [
                "name required",
                "max_entries out_of_range",
                "max_entries not_with_policy",
                "closes_at not_after",
                "tiers unknown"
            ]
        );
    }

    #[test]
    fn policies_are_the_cores() {
        assert_eq!(ListPolicy::Single.to_core(None), Policy::Single);
        assert_eq!(
            ListPolicy::Multiple.to_core(Some(4)),
            Policy::Multiple { max: 4 }
        );
        assert_eq!(
            ListPolicy::Multiple.to_core(None),
            Policy::Multiple { max: 0 }
        );
        assert_eq!(ListPolicy::ReEntry.to_core(None), Policy::ReEntry);
    }
}
