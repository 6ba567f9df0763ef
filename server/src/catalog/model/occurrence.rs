//! The dates of an event.

use std::collections::{BTreeMap, HashMap};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Col, ColError, DbError, FromCol, Record, Row, ToVal, Val};
use bilten_kernel::{text_enum, typed_id};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::series::Local;
use super::{SeatMapId, SeatMapRef};

typed_id!(pub OccurrenceId, "occ", "Names one date of an event.");

/// The most dates that an event is made with, and that an answer, a version or a message carries;
/// those of a series are read by pages.
pub const MAX_OCCURRENCES: usize = 100;

/// What the change of an event is called that cancels one of its dates.
pub const DATE_CANCELLED: &str = "date_cancelled";

/// What the change of an event is called that lets dates take place at another time of which something is
/// sold.
pub const DATES_MOVED: &str = "dates_moved";

text_enum! {
    /// Whether a date takes place.
    #[derive(Default)]
    pub enum OccurrenceState {
        /// It does.
        #[default]
        Scheduled = "scheduled",
        /// It does not: nothing is sold for it any more.
        Cancelled = "cancelled",
    }
}

/// What one date sells otherwise than the tiers say, by number of the tier.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct DateOffer {
    /// Prices in minor units.
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "by_number"
    )]
    #[schema(value_type = BTreeMap<String, i64>)]
    pub prices: BTreeMap<u16, i64>,
    /// Capacities.
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "by_number"
    )]
    #[schema(value_type = BTreeMap<String, i64>)]
    pub capacities: BTreeMap<u16, i64>,
}

/// Reads numbers that are keys of an object from texts: a tagged enum around it, as messages are,
/// gives nothing else.
fn by_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<u16, i64>, D::Error> {
    BTreeMap::<String, i64>::deserialize(deserializer)?
        .into_iter()
        .map(|(number, value)| Ok((number.parse().map_err(D::Error::custom)?, value)))
        .collect()
}

impl DateOffer {
    /// Whether the tiers say all.
    pub fn is_empty(&self) -> bool {
        self.prices.is_empty() && self.capacities.is_empty()
    }
}

impl FromCol for DateOffer {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        serde_json::from_str(col.text()?).map_err(|error| ColError(error.to_string()))
    }
}

impl ToVal for DateOffer {
    fn to_val(self) -> Val {
        Val::Text(serde_json::to_string(&self).ok())
    }

    fn null() -> Val {
        Val::Text(None)
    }
}

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
    /// Whether it takes place.
    #[serde(default)]
    pub state: OccurrenceState,
    /// What a series knows it by: its local start before it was moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_local: Option<Local>,
    /// The seat map, of which seats are sold for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat_map: Option<SeatMapRef>,
    /// What it sells otherwise than the tiers say.
    #[serde(default, skip_serializing_if = "DateOffer::is_empty")]
    pub offer: DateOffer,
}

impl Record for Occurrence {
    fn read(row: &Row<'_>) -> Result<Self, DbError> {
        let map: Option<SeatMapId> = row.get("seat_map_id")?;
        let version: Option<i64> = row.get("seat_map_version")?;
        let offer: Option<DateOffer> = row.get("offer")?;
        Ok(Self {
            id: row.get("id")?,
            doors_at: row.get("doors_at")?,
            starts_at: row.get("starts_at")?,
            ends_at: row.get("ends_at")?,
            state: row.get("state")?,
            original_local: row.get("original_local")?,
            seat_map: map
                .zip(version)
                .map(|(id, version)| SeatMapRef { id, version }),
            offer: offer.unwrap_or_default(),
        })
    }
}

impl Occurrence {
    /// What it sells otherwise, if it does.
    pub(in crate::catalog) fn stored_offer(&self) -> Option<DateOffer> {
        Some(self.offer.clone()).filter(|offer| !offer.is_empty())
    }

    /// Whether it takes place.
    pub fn is_scheduled(&self) -> bool {
        self.state == OccurrenceState::Scheduled
    }
}

/// When two dates would start at one moment in the same place that did not before. Dates with different seat
/// maps are in different halls of a house, and who made dates that meet can have them so.
pub(in crate::catalog) fn meeting<'a>(
    before: &[Occurrence],
    after: impl Iterator<Item = &'a Occurrence>,
) -> Option<Timestamp> {
    let place = |date: &Occurrence| (date.starts_at, date.seat_map.map(|map| map.id));
    let was: HashMap<OccurrenceId, (Timestamp, Option<SeatMapId>)> = before
        .iter()
        .filter(|date| date.is_scheduled())
        .map(|date| (date.id, place(date)))
        .collect();
    // From where the first of the dates there has come; nowhere if it is new.
    let mut there = HashMap::new();
    for date in after.filter(|date| date.is_scheduled()) {
        let from = was.get(&date.id).copied();
        let first = *there.entry(place(date)).or_insert((date.id, from));
        if first.0 != date.id && (from.is_none() || first.1 != from) {
            return Some(date.starts_at);
        }
    }
    None
}

impl ToVal for Local {
    fn to_val(self) -> Val {
        Val::Text(Some(self.to_string()))
    }

    fn null() -> Val {
        Val::Text(None)
    }
}

impl FromCol for Local {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        col.parse()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn date(id: u8, hour: i64, map: Option<(u8, i64)>) -> Occurrence {
        let at = |hour: i64| Timestamp::from_ms(hour * 3_600_000);
        Occurrence {
            id: OccurrenceId::from_bytes([id; 16]),
            doors_at: None,
            starts_at: at(hour),
            ends_at: at(hour + 2),
            state: OccurrenceState::Scheduled,
            original_local: None,
            seat_map: map.map(|(id, version)| SeatMapRef {
                id: SeatMapId::from_bytes([id; 16]),
                version,
            }),
            offer: DateOffer::default(),
        }
    }

    #[test]
    fn dates_meet_where_one_of_them_comes_to_the_other() {
        let met = |before: &[Occurrence], after: &[Occurrence]| meeting(before, after.iter());
        let apart = [date(1, 18, None), date(2, 20, None)];
        let together = [date(1, 20, None), date(2, 20, None)];
        let at = Some(Timestamp::from_ms(20 * 3_600_000));
        assert_eq!(met(&apart, &apart), None);
        assert_eq!(met(&apart, &together), at);
        assert_eq!(met(&apart[..1], &together), at, "one is new");
        assert_eq!(met(&together, &together), None, "they were made so");
        let later = [date(1, 22, Some((1, 1))), date(2, 22, Some((1, 1)))];
        assert_eq!(met(&together, &later), None, "and stay so");
        let mut third = together.to_vec();
        third.push(date(3, 20, None));
        assert_eq!(met(&together, &third), at);
        let swapped = [date(1, 20, None), date(2, 18, None)];
        assert_eq!(met(&apart, &swapped), None);
        let halls = [date(1, 20, Some((1, 1))), date(2, 20, Some((2, 1)))];
        assert_eq!(met(&apart, &halls), None);
        let versions = [date(1, 20, Some((1, 1))), date(2, 20, Some((1, 2)))];
        assert_eq!(met(&apart, &versions), at);
        let mut off = together.clone();
        off[1].state = OccurrenceState::Cancelled;
        assert_eq!(met(&apart, &off), None);
    }
}
