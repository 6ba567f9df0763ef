//! The one small file that every waiting page polls: the same for everybody, so that caches answer it.

use bilten_kernel::clock::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{PlaceId, RoomState, WaitingRoomId, ms_until};

/// How often a page asks at most, in milliseconds.
const OFTEN_MS: u64 = 3_000;
/// How often a page asks at least, in milliseconds.
const SELDOM_MS: u64 = 60_000;
/// How many ask for their number in one second, right after the draw.
const NUMBERS_PER_SECOND: u64 = 2_000;

/// What everybody may know of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = WaitingNotice)]
pub struct Notice {
    /// The room.
    pub room: WaitingRoomId,
    /// Where it stands.
    pub state: RoomState,
    /// When the draw is held.
    pub opens_at: Timestamp,
    /// What was promised of the seed, in hexadecimal digits.
    pub commitment: String,
    /// Where the beacon's value is found, if there is one.
    pub beacon: Option<String>,
    /// The hash of all places in the draw, once it is closed.
    pub roster: Option<String>,
    /// The seed, once it is revealed.
    pub seed: Option<String>,
    /// The beacon's value, once it is known.
    pub beacon_value: Option<String>,
    /// How many took part in the draw.
    pub drawn: u64,
    /// Up to which number everybody is called.
    pub called: u64,
    /// Since when everything is sold, if it is: nobody is called, everybody keeps their place.
    pub sold_out_at: Option<Timestamp>,
    /// How many of them were called in the last `lately_seconds`.
    pub lately: u64,
    /// What `lately` counts.
    pub lately_seconds: u64,
    /// Over how many milliseconds pages spread their question for their number.
    pub spread_ms: u64,
    /// When this was the case.
    pub at: Timestamp,
}

impl Notice {
    /// What caches are told: for how long they may answer with it, and that an old one is better than
    /// none when we cannot be reached.
    pub fn cache_control(&self, now: Timestamp) -> &'static str {
        match self.state {
            RoomState::Gathering if ms_until(self.opens_at, now) > SELDOM_MS => {
                "public, max-age=15, stale-while-revalidate=15, stale-if-error=3600"
            }
            RoomState::Gathering | RoomState::Drawing | RoomState::Calling | RoomState::Open => {
                "public, max-age=1, stale-while-revalidate=2, stale-if-error=600"
            }
            RoomState::Ended => "public, max-age=60, stale-if-error=86400",
        }
    }
}

/// Over how long the questions of so many are spread after the draw: whoever asks first gains nothing.
pub fn spread_ms(drawn: u64) -> u64 {
    drawn.saturating_mul(1_000) / NUMBERS_PER_SECOND
}

/// After how long a page asks again. Those whose turn is far ask seldom; each place has its own offset
/// of up to a quarter, so that 100,000 pages do not ask in one moment.
///
/// `until_ms` is what lies before the next thing that concerns it: the opening, or the shortest time in
/// which its turn could come.
pub fn poll_after_ms(place: PlaceId, until_ms: u64) -> u64 {
    let plain = (until_ms / 4).clamp(OFTEN_MS, SELDOM_MS);
    let hash: [u8; 32] = Sha256::digest(place.as_bytes()).into();
    let offset = hash.first_chunk::<2>().copied().unwrap_or_default();
    plain + plain / 4 * u64::from(u16::from_be_bytes(offset)) / 65_536
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(state: RoomState) -> Notice {
        Notice {
            room: WaitingRoomId::from_bytes([2; 16]),
            state,
            opens_at: Timestamp::from_ms(1_000_000),
            commitment: "00".repeat(32),
            beacon: None,
            roster: None,
            seed: None,
            beacon_value: None,
            drawn: 0,
            called: 0,
            sold_out_at: None,
            lately: 0,
            lately_seconds: 60,
            spread_ms: 0,
            at: Timestamp::from_ms(0),
        }
    }

    #[test]
    fn nothing_that_moves_is_kept_for_long() {
        let at = Timestamp::from_ms;
        for state in RoomState::ALL {
            let told = notice(*state).cache_control(at(990_000));
            assert!(told.starts_with("public, max-age="), "{told}");
            let is_moving = *state != RoomState::Ended;
            assert_eq!(told.contains("max-age=1,"), is_moving, "{state}");
        }
        let early = notice(RoomState::Gathering).cache_control(at(0));
        assert!(early.contains("max-age=15"), "{early}");
    }

    #[test]
    fn a_secret_is_not_there_before_it_is_revealed() {
        let text = serde_json::to_string(&notice(RoomState::Drawing)).unwrap();
        assert!(text.contains("\"seed\":null"), "{text}");
        assert!(text.len() < 1_024);
    }

    #[test]
    fn pages_do_not_ask_all_at_once() {
        let mut asks = [0u32; 100];
        for number in 0..10_000u32 {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            let after = poll_after_ms(PlaceId::from_bytes(bytes), 3_600_000);
            assert!((60_000..75_000).contains(&after), "{after}");
            asks[usize::try_from((after - 60_000) / 150).unwrap()] += 1;
        }
        assert!(asks.iter().all(|n| *n < 200), "{asks:?}");
        let place = PlaceId::from_bytes([1; 16]);
        assert!((3_000..3_750).contains(&poll_after_ms(place, 0)));
        assert!((60_000..75_000).contains(&poll_after_ms(place, u64::MAX)));
        assert_eq!((spread_ms(100_000), spread_ms(0)), (50_000, 0));
    }
}
