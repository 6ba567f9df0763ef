//! Rooms, places and the rules that need no database.

mod calls;
mod draw;
mod join;
mod line;
mod network;
mod notice;
mod pace;
mod room;
mod standing;
mod supply;
mod token;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::{text_enum, typed_id};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub use calls::Calls;
pub use draw::{DrawKey, DrawTerms, Line, Seed, hex, roster_hash};
pub use join::{JoinKey, JoinKind, JoinLimits};
pub use line::{Estimate, InLine, estimate};
pub use network::AddressNetwork;
pub use notice::{Notice, poll_after_ms, spread_ms};
pub use pace::{Measured, Pace, PacePolicy, PolicyError, Shown, Step, may_enter, step};
pub use room::{
    BeaconInput, PlaceRow, RoomMove, RoomPolicy, RoomRow, RosterPlace, WaitingRoom,
    WaitingRoomInput, WaitingRoomProof,
};
pub use standing::{StandingState, WaitingPass, WaitingPlace, WaitingStanding};
pub use supply::{Fate, SOLD_OUT_MS, Supply, fate};
pub use token::{PASS_MS, Pass, PassRefusal, PlaceToken, RoomKey, Visitor};

typed_id!(pub WaitingRoomId, "wrm", "Names a waiting room.");
typed_id!(pub PlaceId, "wpl", "Names a place in a waiting room.");

text_enum! {
    /// Where a waiting room stands in its life.
    ///
    /// ```text
    /// gathering ──▶ drawing ──▶ calling ◀──▶ open
    ///     │            │           └──▶ ended ◀──┘
    ///     └────────────┴──────────────────▲
    /// ```
    pub enum RoomState {
        /// People come; everybody takes part in the draw.
        Gathering = "gathering",
        /// Nobody is added to the draw any more; the seed is not yet revealed.
        Drawing = "drawing",
        /// Places are called in their order.
        Calling = "calling",
        /// Nobody waits; who comes may buy at once.
        Open = "open",
        /// It was sold out for a while, the sale is over, or its organiser ended it.
        Ended = "ended",
    }
}

impl RoomState {
    /// Whether a room may go from this state to `next`.
    pub const fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Gathering, Self::Drawing | Self::Ended)
            | (Self::Drawing, Self::Calling | Self::Ended)
            | (Self::Calling, Self::Open | Self::Ended)
            | (Self::Open, Self::Calling | Self::Ended) => true,
            (Self::Gathering | Self::Drawing | Self::Calling | Self::Open | Self::Ended, _) => {
                false
            }
        }
    }

    /// Whether somebody who comes now gets a place, and whether it takes part in the draw.
    pub const fn joining(self) -> Joining {
        match self {
            Self::Gathering => Joining::Draw,
            // A moment only: the page asks again.
            Self::Drawing => Joining::Shortly,
            Self::Calling => Joining::Behind,
            Self::Open => Joining::NotNeeded,
            Self::Ended => Joining::Over,
        }
    }
}

text_enum! {
    /// What becomes of somebody who comes now.
    pub enum Joining {
        /// They take part in the draw.
        Draw = "draw",
        /// The draw is being held: in a moment they stand behind it.
        Shortly = "shortly",
        /// They stand behind everybody else.
        Behind = "behind",
        /// Nobody waits.
        NotNeeded = "not_needed",
        /// There is nothing left to wait for.
        Over = "over",
    }
}

/// HMAC-SHA256.
fn keyed_hash(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    // HMAC pads its key with zeros to a block (RFC 2104).
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Milliseconds until `at`; 0 if it is past.
fn ms_until(at: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(at.ms().saturating_sub(now.ms())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_room_stays_ended_and_nobody_skips_the_draw() {
        for state in RoomState::ALL {
            assert!(!RoomState::Ended.may_become(*state));
            assert!(!state.may_become(*state));
            assert!(!state.may_become(RoomState::Gathering));
        }
        assert!(!RoomState::Gathering.may_become(RoomState::Calling));
        assert!(RoomState::Open.may_become(RoomState::Calling));
    }

    #[test]
    fn the_keyed_hash_is_hmac_sha256() {
        // RFC 4231, test case 2, with its key padded by zeros as HMAC does.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        assert_eq!(
            hex(&keyed_hash(&key, b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
