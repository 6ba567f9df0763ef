//! A room as it is stored, as its organiser sees it and as everybody does.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::AsJson;
use bilten_kernel::error::FieldError;
use bilten_kernel::{record, text_enum};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{JoinLimits, Pace, PacePolicy, PlaceId, PolicyError, RoomState, WaitingRoomId, hex};
use crate::catalog::EventId;

/// How a room calls, and whom it gives places; a column of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomPolicy {
    /// How it calls.
    pub pace: PacePolicy,
    /// How many places one of each may have.
    pub limits: JoinLimits,
}

record! {
    /// A room as it is stored.
    #[derive(Clone, Debug)]
    pub struct RoomRow {
        /// Its id.
        pub id: WaitingRoomId,
        /// The event that people wait for.
        pub event_id: EventId,
        /// Where it stands.
        pub state: RoomState,
        /// When the draw is held.
        pub opens_at: Timestamp,
        /// The opening that the commitment names.
        pub promised_at: Timestamp,
        /// The seed, sealed.
        pub sealed_seed: Vec<u8>,
        /// What was promised of the seed.
        pub commitment: [u8; 32],
        /// Where the beacon's value is found.
        pub beacon: Option<String>,
        /// The beacon's value.
        pub beacon_value: Option<Vec<u8>>,
        /// The hash of all places in the draw, once it is closed.
        pub roster_hash: Option<[u8; 32]>,
        /// The seed, once it is revealed.
        pub seed: Option<[u8; 32]>,
        /// How many took part in the draw.
        pub drawn: u64,
        /// How many places there are.
        pub places: u64,
        /// Up to which number everybody is called.
        pub called: u64,
        /// Up to which number everybody's time is over.
        pub lapsed: u64,
        /// How many of those who were called came.
        pub entered: u64,
        /// How many of them let their time pass.
        pub missed: u64,
        /// How many had come at the last step.
        pub entered_seen: u64,
        /// How many had missed their turn at the last step.
        pub missed_seen: u64,
        /// How many are inside.
        pub inside: u32,
        /// How many may be inside at once.
        pub most_inside: u32,
        /// How it calls and whom it gives places.
        pub policy: AsJson<RoomPolicy>,
        /// What the steps remember.
        pub pace: Option<AsJson<Pace>>,
        /// Raised by each step.
        pub version: i64,
        /// Raised by each change of the organiser.
        pub revision: i64,
        /// When it was made.
        pub created_at: Timestamp,
        /// When the draw was closed.
        pub closed_at: Option<Timestamp>,
        /// When the seed was revealed.
        pub revealed_at: Option<Timestamp>,
        /// When it ended.
        pub ended_at: Option<Timestamp>,
        /// Since when everything is sold, if it is.
        pub sold_out_at: Option<Timestamp>,
    }
}

impl RoomRow {
    /// How many are called, have not come and still may.
    pub const fn outstanding(&self) -> u64 {
        self.called.saturating_sub(self.entered + self.missed)
    }
}

record! {
    /// A place as it is stored, with what matters once it is called.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct PlaceRow {
        /// Until when its pass is good.
        pub pass_until_at: Option<Timestamp>,
        /// When it came in.
        pub entered_at: Option<Timestamp>,
        /// When it was done.
        pub left_at: Option<Timestamp>,
    }
}

text_enum! {
    /// What an organiser does to a room besides setting it up.
    pub enum RoomMove {
        /// Holds the draw now, whatever was planned.
        Draw = "draw",
        /// Lets everybody buy without waiting.
        Open = "open",
        /// Lets people wait again.
        Resume = "resume",
        /// Ends it for good.
        End = "end",
    }
}

const fn one() -> u32 {
    1
}

const fn per_network() -> u32 {
    50
}

const fn floor() -> u32 {
    60
}

const fn ceiling() -> u32 {
    60_000
}

const fn overbook() -> u32 {
    100
}

/// How a waiting room is to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitingRoomInput {
    /// When the draw is held and people begin to be called; until then it makes no difference who comes when.
    pub opens_at: Timestamp,
    /// How many may be choosing and paying at once.
    #[schema(minimum = 1)]
    pub most_inside: u32,
    /// The public random value that goes into the draw, by a name that says where it is found, such as
    /// `drand quicknet 20000000`; it cannot be changed later.
    pub beacon: Option<String>,
    /// How many are called a minute, however strained the house is; 60 if absent.
    #[serde(default = "floor")]
    #[schema(minimum = 1)]
    pub floor_per_minute: u32,
    /// How many are called a minute at most; 60,000 if absent.
    #[serde(default = "ceiling")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub ceiling_per_minute: u32,
    /// How many of a thousand who were called are at most expected not to come; 100 if absent.
    #[serde(default = "overbook")]
    #[schema(maximum = 500)]
    pub overbook_permille: u32,
    /// How many places one account may have; 1 if absent.
    #[serde(default = "one")]
    #[schema(minimum = 1)]
    pub per_account: u32,
    /// How many places one browser or app may have; 1 if absent.
    #[serde(default = "one")]
    #[schema(minimum = 1)]
    pub per_device: u32,
    /// How many places one network may have; 50 if absent, since many people share one.
    #[serde(default = "per_network")]
    #[schema(minimum = 1)]
    pub per_network: u32,
    /// Whether people must be signed in to get a place.
    #[serde(default)]
    pub needs_account: bool,
}

/// The longest name of a beacon.
const BEACON_MOST: usize = 100;

impl WaitingRoomInput {
    /// The policy that it asks for.
    pub const fn policy(&self) -> RoomPolicy {
        RoomPolicy {
            pace: PacePolicy {
                most_inside: self.most_inside,
                floor_per_minute: self.floor_per_minute,
                ceiling_per_minute: self.ceiling_per_minute,
                overbook_permille: self.overbook_permille,
            },
            limits: JoinLimits {
                per_account: self.per_account,
                per_device: self.per_device,
                per_network: self.per_network,
                needs_account: self.needs_account,
            },
        }
    }

    /// What is wrong with it whatever the event.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut add = |field: &str, code: &'static str, detail: String| {
            faults.push(FieldError {
                field: field.to_owned(),
                code: code.into(),
                detail,
            });
        };
        if let Err(error) = self.policy().pace.check() {
            let field = match error {
                PolicyError::NobodyFits => "most_inside",
                PolicyError::NoFloor => "floor_per_minute",
                PolicyError::Ceiling => "ceiling_per_minute",
                PolicyError::Overbooked => "overbook_permille",
            };
            add(field, "out_of_range", format!("Of a room, {error}."));
        }
        for (field, places) in [
            ("per_account", self.per_account),
            ("per_device", self.per_device),
            ("per_network", self.per_network),
        ] {
            if places == 0 {
                add(field, "out_of_range", "Must be at least 1.".to_owned());
            }
        }
        if let Some(beacon) = &self.beacon
            && (beacon.trim().is_empty()
                || beacon.chars().count() > BEACON_MOST
                || beacon.chars().any(char::is_control))
        {
            let detail = "A beacon's name has 1 to 100 characters and no control characters.";
            add("beacon", "invalid", detail.to_owned());
        }
        faults
    }
}

/// A waiting room, as its organiser sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WaitingRoom {
    /// Its id.
    pub id: WaitingRoomId,
    /// The event that people wait for.
    pub event_id: EventId,
    /// Where it stands.
    pub state: RoomState,
    /// When the draw is held.
    pub opens_at: Timestamp,
    /// The opening that was promised when the room was made; the commitment names it.
    pub promised_at: Timestamp,
    /// What was promised of the seed, in hexadecimal digits.
    pub commitment: String,
    /// Where the beacon's value is found, if there is one.
    pub beacon: Option<String>,
    /// The beacon's value in hexadecimal digits, once it is known.
    pub beacon_value: Option<String>,
    /// The hash of all places in the draw, once it is closed.
    pub roster: Option<String>,
    /// The seed, once it is revealed.
    pub seed: Option<String>,
    /// How many may be choosing and paying at once.
    pub most_inside: u32,
    /// How many are called a minute, however strained the house is.
    pub floor_per_minute: u32,
    /// How many are called a minute at most.
    pub ceiling_per_minute: u32,
    /// How many of a thousand who were called are at most expected not to come.
    pub overbook_permille: u32,
    /// How many places one account may have.
    pub per_account: u32,
    /// How many places one browser or app may have.
    pub per_device: u32,
    /// How many places one network may have.
    pub per_network: u32,
    /// Whether people must be signed in to get a place.
    pub needs_account: bool,
    /// How many places there are.
    pub places: u64,
    /// How many of them took part in the draw.
    pub drawn: u64,
    /// How many wait to be called.
    pub waiting: u64,
    /// Up to which number everybody is called.
    pub called: u64,
    /// How many of those who were called came.
    pub entered: u64,
    /// How many of them let their time pass.
    pub missed: u64,
    /// How many are inside now.
    pub inside: u32,
    /// How many are called a minute now.
    pub rate_per_minute: u64,
    /// Raised by each change.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the draw was closed.
    pub closed_at: Option<Timestamp>,
    /// When the seed was revealed.
    pub revealed_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Since when everything is sold, so that nobody is called; it ends by itself after half an hour of it.
    pub sold_out_at: Option<Timestamp>,
}

impl From<&RoomRow> for WaitingRoom {
    fn from(row: &RoomRow) -> Self {
        let RoomPolicy { pace, limits } = row.policy.0;
        Self {
            id: row.id,
            event_id: row.event_id,
            state: row.state,
            opens_at: row.opens_at,
            promised_at: row.promised_at,
            commitment: hex(&row.commitment),
            beacon: row.beacon.clone(),
            beacon_value: row.beacon_value.as_deref().map(hex),
            roster: row.roster_hash.as_ref().map(|hash| hex(hash)),
            seed: row.seed.as_ref().map(|seed| hex(seed)),
            most_inside: row.most_inside,
            floor_per_minute: pace.floor_per_minute,
            ceiling_per_minute: pace.ceiling_per_minute,
            overbook_permille: pace.overbook_permille,
            per_account: limits.per_account,
            per_device: limits.per_device,
            per_network: limits.per_network,
            needs_account: limits.needs_account,
            places: row.places,
            drawn: row.drawn,
            waiting: row.places - row.called.min(row.places),
            called: row.called,
            entered: row.entered,
            missed: row.missed,
            inside: row.inside,
            rate_per_minute: row.pace.map_or(0, |pace| pace.0.per_minute()),
            revision: row.revision,
            created_at: row.created_at,
            closed_at: row.closed_at,
            revealed_at: row.revealed_at,
            ended_at: row.ended_at,
            sold_out_at: row.sold_out_at,
        }
    }
}

/// What anybody needs to check that a draw was fair; `docs/waiting-room.md` says how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WaitingRoomProof {
    /// The room.
    pub id: WaitingRoomId,
    /// The event that people wait for.
    pub event_id: EventId,
    /// Where it stands.
    pub state: RoomState,
    /// How it draws: `bilten-draw-v1`.
    pub method: &'static str,
    /// When the draw is held, or was to be.
    pub opens_at: Timestamp,
    /// The opening that was promised when the room was made; the commitment names it.
    pub promised_at: Timestamp,
    /// When the last place joined the draw.
    pub closed_at: Option<Timestamp>,
    /// When the seed was revealed.
    pub revealed_at: Option<Timestamp>,
    /// What was promised of the seed, in hexadecimal digits.
    pub commitment: String,
    /// Where the beacon's value is found, if there is one.
    pub beacon: Option<String>,
    /// The beacon's value in hexadecimal digits, once it is known.
    pub beacon_value: Option<String>,
    /// The hash of all places in the draw, once it is closed.
    pub roster: Option<String>,
    /// The seed in hexadecimal digits, once it is revealed.
    pub seed: Option<String>,
    /// How many took part in the draw.
    pub drawn: u64,
}

impl From<&RoomRow> for WaitingRoomProof {
    fn from(row: &RoomRow) -> Self {
        Self {
            id: row.id,
            event_id: row.event_id,
            state: row.state,
            method: "bilten-draw-v1",
            opens_at: row.opens_at,
            promised_at: row.promised_at,
            closed_at: row.closed_at,
            revealed_at: row.revealed_at,
            commitment: hex(&row.commitment),
            beacon: row.beacon.clone(),
            beacon_value: row.beacon_value.as_deref().map(hex),
            roster: row.roster_hash.as_ref().map(|hash| hex(hash)),
            seed: row.seed.as_ref().map(|seed| hex(seed)),
            drawn: row.drawn,
        }
    }
}

/// A place that took part in a draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RosterPlace {
    /// Its id.
    pub id: PlaceId,
}

/// The value of a beacon.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeaconInput {
    /// The value, in hexadecimal digits; at most 128 bytes.
    pub value: String,
}

/// The most bytes of a beacon's value.
const BEACON_VALUE_MOST: usize = 128;

impl BeaconInput {
    /// The bytes of the value, if it is one.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let text = self.value.as_bytes();
        let is_long = text.len() > 2 * BEACON_VALUE_MOST;
        if text.is_empty() || is_long || !text.len().is_multiple_of(2) {
            return None;
        }
        text.chunks(2)
            .map(|pair| {
                let digit = |place: usize| {
                    let byte = pair.get(place).copied()?;
                    char::from(byte).to_digit(16)
                };
                u8::try_from(digit(0)? * 16 + digit(1)?).ok()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(most_inside: u32) -> WaitingRoomInput {
        let text =
            format!(r#"{{"opens_at": "2030-01-01T10:00:00Z", "most_inside": {most_inside}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn what_is_left_out_is_usual() {
        let usual = input(500);
        assert!(usual.faults().is_empty());
        assert_eq!(usual.policy().limits, JoinLimits::default());
        assert_eq!(usual.policy().pace.most_inside, 500);
    }

    #[test]
    fn every_fault_names_its_field() {
        for (strange, field) in [
            (input(0), "most_inside"),
            (
                WaitingRoomInput {
                    floor_per_minute: 0,
                    ..input(1)
                },
                "floor_per_minute",
            ),
            (
                WaitingRoomInput {
                    ceiling_per_minute: 1,
                    ..input(1)
                },
                "ceiling_per_minute",
            ),
            (
                WaitingRoomInput {
                    overbook_permille: 501,
                    ..input(1)
                },
                "overbook_permille",
            ),
            (
                WaitingRoomInput {
                    per_network: 0,
                    ..input(1)
                },
                "per_network",
            ),
            (
                WaitingRoomInput {
                    beacon: Some(" ".to_owned()),
                    ..input(1)
                },
                "beacon",
            ),
            (
                WaitingRoomInput {
                    beacon: Some("a\nb".to_owned()),
                    ..input(1)
                },
                "beacon",
            ),
        ] {
            let faults = strange.faults();
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert_eq!(faults[0].field, field);
        }
    }

    #[test]
    fn a_beacon_is_hexadecimal() {
        let bytes = |value: &str| {
            BeaconInput {
                value: value.to_owned(),
            }
            .bytes()
        };
        assert_eq!(bytes("00fFa1"), Some(vec![0, 255, 161]));
        for strange in ["", "0", "0g", "žž", "+1", &"00".repeat(129)] {
            assert_eq!(bytes(strange), None, "{strange}");
        }
    }
}
