//! The cookie of a place, and the pass of somebody whose turn it is: signed, so that any node reads
//! them without the database.
//!
//! ```text
//! place = "bwl1." base64url(payload) "." base64url(mac)     payload: room 16 ‖ place 16 ‖ number 8
//! pass  = "bwp1." base64url(payload) "." base64url(mac)     payload: event 16 ‖ room 16 ‖ place 16 ‖
//!                                                           visitor 16 ‖ serial 8 ‖ from 8 ‖ until 8
//! mac   = HMAC-SHA256(key of the room, everything before the second dot)
//! ```
//!
//! Numbers are big-endian, times milliseconds since the epoch; base64url without padding, in its one
//! canonical form. The version is the digit in front: another layout gets another one, and both are
//! read while old ones live. `visitor` is the beginning of SHA-256 of the place's cookie, which is
//! secret though the place's id is not: a pass that is sold or copied is worth nothing in another
//! browser. A pass is used once because the row of its place says so (`serial`, `entered_at`); a new
//! pass of the same place kills the one before.
//!
//! An HMAC and not a signature, since only we check it. The key is derived for one room, so that it may
//! be handed to what stands in front of us without giving away anything else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::text_enum;
use sha2::{Digest, Sha256};

use super::{PlaceId, WaitingRoomId, keyed_hash};
use crate::catalog::EventId;
use crate::platform::Vault;

/// How long a pass is good for, in milliseconds: nobody is hurried who reads slowly or by ear.
pub const PASS_MS: i64 = 10 * 60_000;
/// How far the clocks of two nodes may be apart, in milliseconds.
const SKEW_MS: i64 = 5_000;
const PLACE: &str = "bwl1";
const PASS: &str = "bwp1";
const PLACE_LEN: usize = 40;
const PASS_LEN: usize = 88;
/// No text of ours is longer.
const LONGEST: usize = 256;

/// The key by which the texts of one room are signed.
#[derive(Clone)]
pub struct RoomKey([u8; 32]);

impl std::fmt::Debug for RoomKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RoomKey")
    }
}

impl RoomKey {
    /// The key of a room, the same on every node.
    pub fn of(vault: &Vault, room: WaitingRoomId) -> Self {
        Self(vault.mac("waiting room", &[room.as_bytes()]))
    }

    /// The key with exactly these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn sign(&self, kind: &str, payload: &[u8]) -> String {
        let signed = format!("{kind}.{}", URL_SAFE_NO_PAD.encode(payload));
        let mac = keyed_hash(&self.0, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    fn read<const N: usize>(&self, kind: &str, text: &str) -> Result<[u8; N], PassRefusal> {
        let malformed = PassRefusal::Malformed;
        if text.len() > LONGEST {
            return Err(malformed);
        }
        let (signed, mac) = text.rsplit_once('.').ok_or(malformed)?;
        let (found, payload) = signed.split_once('.').ok_or(malformed)?;
        if found != kind {
            return Err(malformed);
        }
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| malformed)?;
        // Before anything else of it is believed; in time that says nothing about the right one.
        if !Vault::equal(&mac, &keyed_hash(&self.0, signed.as_bytes())) {
            return Err(PassRefusal::Forged);
        }
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| malformed)?;
        <[u8; N]>::try_from(payload.as_slice()).map_err(|_| malformed)
    }
}

text_enum! {
    /// Why a pass, or the cookie of a place, is not honoured.
    pub enum PassRefusal {
        /// It is none.
        Malformed = "malformed",
        /// It was not signed by us for this room, or altered.
        Forged = "forged",
        /// It is for another event or room.
        Elsewhere = "elsewhere",
        /// It was given to another browser.
        OtherVisitor = "other_visitor",
        /// It is from the future.
        NotYet = "not_yet",
        /// Its time is over.
        Expired = "expired",
    }
}

/// Reads a payload front to back.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk::<N>() {
            Some((field, rest)) => {
                self.0 = rest;
                *field
            }
            // Payloads have the length of their kind: this is never reached.
            None => [0; N],
        }
    }

    fn number(&mut self) -> u64 {
        u64::from_be_bytes(self.take())
    }

    fn time(&mut self) -> Timestamp {
        Timestamp::from_ms(i64::from_be_bytes(self.take()))
    }
}

/// The place of a visitor, as their cookie holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceToken {
    /// The room.
    pub room: WaitingRoomId,
    /// The place.
    pub place: PlaceId,
    /// Its number if it came after the draw, otherwise 0: the draw says it.
    pub number: u64,
}

impl PlaceToken {
    /// The text of the cookie.
    pub fn sign(&self, key: &RoomKey) -> String {
        let mut payload = Vec::with_capacity(PLACE_LEN);
        payload.extend_from_slice(self.room.as_bytes());
        payload.extend_from_slice(self.place.as_bytes());
        payload.extend_from_slice(&self.number.to_be_bytes());
        key.sign(PLACE, &payload)
    }

    /// Reads the text of a cookie.
    ///
    /// # Errors
    /// A [`PassRefusal`]: whoever shows such a cookie has no place.
    pub fn read(key: &RoomKey, room: WaitingRoomId, text: &str) -> Result<Self, PassRefusal> {
        let payload = key.read::<PLACE_LEN>(PLACE, text)?;
        let mut fields = Fields(&payload);
        let token = Self {
            room: WaitingRoomId::from_bytes(fields.take()),
            place: PlaceId::from_bytes(fields.take()),
            number: fields.number(),
        };
        if token.room == room {
            Ok(token)
        } else {
            Err(PassRefusal::Elsewhere)
        }
    }
}

/// The browser that a pass is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visitor([u8; 16]);

impl Visitor {
    /// Whoever holds this cookie, which must be a secret (the text of a [`PlaceToken`], or of a session).
    pub fn of_cookie(cookie: &str) -> Self {
        let hash: [u8; 32] = Sha256::digest(cookie.as_bytes()).into();
        Self(hash.first_chunk::<16>().copied().unwrap_or_default())
    }
}

/// The right to start one purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// What may be bought.
    pub event: EventId,
    /// The room that it came from.
    pub room: WaitingRoomId,
    /// The place that was called.
    pub place: PlaceId,
    /// Who may use it.
    pub visitor: Visitor,
    /// The how-manieth pass of the place it is; only the last one is good.
    pub serial: u64,
    /// When it was given.
    pub from: Timestamp,
    /// Until when it is good, exclusive.
    pub until: Timestamp,
}

impl Pass {
    /// The text of the pass.
    pub fn sign(&self, key: &RoomKey) -> String {
        let mut payload = Vec::with_capacity(PASS_LEN);
        payload.extend_from_slice(self.event.as_bytes());
        payload.extend_from_slice(self.room.as_bytes());
        payload.extend_from_slice(self.place.as_bytes());
        payload.extend_from_slice(&self.visitor.0);
        payload.extend_from_slice(&self.serial.to_be_bytes());
        payload.extend_from_slice(&self.from.ms().to_be_bytes());
        payload.extend_from_slice(&self.until.ms().to_be_bytes());
        key.sign(PASS, &payload)
    }

    /// Reads a pass that is shown for this event and room, by this visitor, now. Whether it was used is
    /// for the row of its place to say.
    ///
    /// # Errors
    /// A [`PassRefusal`].
    pub fn check(
        key: &RoomKey,
        text: &str,
        event: EventId,
        room: WaitingRoomId,
        visitor: Visitor,
        now: Timestamp,
    ) -> Result<Self, PassRefusal> {
        let payload = key.read::<PASS_LEN>(PASS, text)?;
        let mut fields = Fields(&payload);
        let pass = Self {
            event: EventId::from_bytes(fields.take()),
            room: WaitingRoomId::from_bytes(fields.take()),
            place: PlaceId::from_bytes(fields.take()),
            visitor: Visitor(fields.take()),
            serial: fields.number(),
            from: fields.time(),
            until: fields.time(),
        };
        if pass.event != event || pass.room != room {
            Err(PassRefusal::Elsewhere)
        } else if !Vault::equal(&pass.visitor.0, &visitor.0) {
            Err(PassRefusal::OtherVisitor)
        } else if pass.from.ms() > now.ms().saturating_add(SKEW_MS) {
            Err(PassRefusal::NotYet)
        } else if now >= pass.until {
            Err(PassRefusal::Expired)
        } else {
            Ok(pass)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVENT: EventId = EventId::from_bytes([1; 16]);
    const ROOM: WaitingRoomId = WaitingRoomId::from_bytes([2; 16]);
    const FROM: Timestamp = Timestamp::from_ms(1_800_000_000_000);

    fn key() -> RoomKey {
        RoomKey::of(&Vault::in_memory(7), ROOM)
    }

    fn pass() -> Pass {
        Pass {
            event: EVENT,
            room: ROOM,
            place: PlaceId::from_bytes([3; 16]),
            visitor: Visitor::of_cookie("a cookie"),
            serial: 1,
            from: FROM,
            until: Timestamp::from_ms(FROM.ms() + PASS_MS),
        }
    }

    fn check(text: &str, now_ms: i64) -> Result<Pass, PassRefusal> {
        let visitor = Visitor::of_cookie("a cookie");
        let now = Timestamp::from_ms(FROM.ms() + now_ms);
        Pass::check(&key(), text, EVENT, ROOM, visitor, now)
    }

    #[test]
    fn a_pass_is_good_for_its_event_visitor_and_time() {
        let text = pass().sign(&key());
        assert!(text.len() < LONGEST);
        let visitor = pass().visitor;
        for (now_ms, wanted) in [
            (-SKEW_MS - 1, Err(PassRefusal::NotYet)),
            (-SKEW_MS, Ok(pass())),
            (0, Ok(pass())),
            (PASS_MS - 1, Ok(pass())),
            (PASS_MS, Err(PassRefusal::Expired)),
        ] {
            assert_eq!(check(&text, now_ms), wanted, "{now_ms}");
        }
        let other = EventId::from_bytes([9; 16]);
        assert_eq!(
            Pass::check(&key(), &text, other, ROOM, visitor, FROM),
            Err(PassRefusal::Elsewhere)
        );
        let stranger = Visitor::of_cookie("another cookie");
        assert_eq!(
            Pass::check(&key(), &text, EVENT, ROOM, stranger, FROM),
            Err(PassRefusal::OtherVisitor)
        );
        let room = WaitingRoomId::from_bytes([9; 16]);
        let theirs = RoomKey::of(&Vault::in_memory(7), room);
        assert_eq!(
            Pass::check(&theirs, &text, EVENT, room, visitor, FROM),
            Err(PassRefusal::Forged)
        );
        let elsewhere = RoomKey::of(&Vault::in_memory(8), ROOM);
        assert_eq!(
            Pass::check(&elsewhere, &text, EVENT, ROOM, visitor, FROM),
            Err(PassRefusal::Forged)
        );
    }

    #[test]
    fn no_letter_of_a_pass_can_be_changed() {
        let text = pass().sign(&key());
        for place in 0..text.len() {
            for letter in ['A', 'B', '.', '-'] {
                let mut altered = text.clone();
                altered.replace_range(place..=place, &letter.to_string());
                if altered != text {
                    assert!(check(&altered, 0).is_err(), "{place} {letter}");
                }
            }
            assert!(check(&text[..place], 0).is_err(), "{place}");
        }
        for more in ["=", "A", ".", " ", "\n"] {
            assert!(check(&format!("{text}{more}"), 0).is_err(), "{more:?}");
        }
        assert_eq!(check(&"a".repeat(10_000), 0), Err(PassRefusal::Malformed));
    }

    #[test]
    fn a_place_is_no_pass_and_a_pass_no_place() {
        let place = PlaceToken {
            room: ROOM,
            place: PlaceId::from_bytes([3; 16]),
            number: 100_001,
        };
        let text = place.sign(&key());
        assert_eq!(PlaceToken::read(&key(), ROOM, &text), Ok(place));
        let other = WaitingRoomId::from_bytes([9; 16]);
        assert_eq!(
            PlaceToken::read(&key(), other, &text),
            Err(PassRefusal::Elsewhere)
        );
        assert_eq!(check(&text, 0), Err(PassRefusal::Malformed));
        assert_eq!(
            PlaceToken::read(&key(), ROOM, &pass().sign(&key())),
            Err(PassRefusal::Malformed)
        );
        // The kind is under the signature too.
        let renamed = text.replacen(PLACE, PASS, 1);
        assert_eq!(check(&renamed, 0), Err(PassRefusal::Forged));
    }

    proptest! {
        #[test]
        fn whatever_is_signed_is_read_again(
            event: [u8; 16], place: [u8; 16], visitor: [u8; 16], serial: u64, key: [u8; 32],
        ) {
            let key = RoomKey::from_bytes(key);
            let pass = Pass {
                event: EventId::from_bytes(event),
                place: PlaceId::from_bytes(place),
                visitor: Visitor(visitor),
                serial,
                ..pass()
            };
            let read = Pass::check(&key, &pass.sign(&key), pass.event, ROOM, pass.visitor, FROM);
            prop_assert_eq!(read, Ok(pass));
        }

        #[test]
        fn no_text_is_a_pass(text in "(bwp1|bwl1)?\\.?[A-Za-z0-9_.-]{0,200}|.*") {
            prop_assert!(check(&text, 0).is_err());
            prop_assert!(PlaceToken::read(&key(), ROOM, &text).is_err());
        }
    }
}
