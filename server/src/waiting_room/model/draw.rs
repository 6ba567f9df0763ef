//! The draw: an order that nobody chose, and that everybody can check.
//!
//! By commit and reveal. Published, in this order:
//!
//! 1. when the room is made: `commitment`, the closing time and the name of the beacon, if any;
//! 2. at the closing: `roster`, the hash of all places that take part (each visitor knows their own
//!    id; the list of ids is published with the seed);
//! 3. after that: `seed`, and the beacon's value.
//!
//! ```text
//! commitment = SHA-256("bilten-draw-v1/commit" 00 ‖ room ‖ closes_at ‖ seed ‖ beacon's name)
//! roster     = SHA-256("bilten-draw-v1/roster" 00 ‖ room ‖ ids of all places, ascending)
//! key        = SHA-256("bilten-draw-v1/key" 00 ‖ seed ‖ beacon's value)
//! rank       = the first 8 bytes of HMAC-SHA256(key, id), big-endian, shifted right by one
//! number     = 1 + how many places have a smaller rank (of equal ranks: a smaller id)
//! ```
//!
//! Ids are their 16 bytes, `closes_at` is 8 bytes of big-endian milliseconds. With Python alone:
//!
//! ```text
//! key = hashlib.sha256(b"bilten-draw-v1/key\0" + seed + beacon).digest()
//! rank = lambda id: int.from_bytes(hmac.digest(key, id, "sha256")[:8], "big") >> 1
//! order = sorted(ids, key=lambda id: (rank(id), id))
//! ```
//!
//! What this is worth: after step 1 the server cannot choose another seed; after step 2 it cannot add
//! or drop places to suit the seed. Without a beacon one must trust it not to have invented places
//! before step 2 while it already knew the seed; with a beacon (for example a round of drand that is
//! drawn after the closing) nobody knows the order until it is too late to change it. Joining earlier
//! gains nothing, since the time is not in the rank; joining twice with one id counts once.

use std::fmt;
use std::fmt::Write as _;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::random::Random;
use sha2::{Digest, Sha256};

use super::{PlaceId, WaitingRoomId, keyed_hash};

/// The secret of a draw until it is revealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed")
    }
}

impl Seed {
    /// A new one.
    pub fn draw(random: &dyn Random) -> Self {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// The seed with exactly these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes: to be sealed, and once the roster is published, to be shown.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What is promised of a draw before anybody joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawTerms {
    /// The room.
    pub room: WaitingRoomId,
    /// When the last place joins the draw.
    pub closes_at: Timestamp,
    /// The public random value that goes into the draw, by a name that says where it is found:
    /// `drand quicknet 20000000`.
    pub beacon: Option<String>,
}

impl DrawTerms {
    /// What is published of the seed before it is revealed.
    pub fn commitment(&self, seed: &Seed) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"bilten-draw-v1/commit\0");
        hash.update(self.room.as_bytes());
        hash.update(self.closes_at.ms().to_be_bytes());
        hash.update(seed.as_bytes());
        hash.update(self.beacon.as_deref().unwrap_or("").as_bytes());
        hash.finalize().into()
    }

    /// Whether a revealed seed is the one that was promised.
    pub fn is_kept_by(&self, seed: &Seed, commitment: &[u8; 32]) -> bool {
        self.commitment(seed) == *commitment
    }
}

/// What turns an id into a rank.
#[derive(Clone)]
pub struct DrawKey([u8; 32]);

impl fmt::Debug for DrawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DrawKey")
    }
}

impl DrawKey {
    /// The key of a seed and of the beacon's value (empty without a beacon).
    pub fn new(seed: &Seed, beacon_value: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"bilten-draw-v1/key\0");
        hash.update(seed.as_bytes());
        hash.update(beacon_value);
        Self(hash.finalize().into())
    }

    /// The rank of a place: the smaller, the earlier it is called. Never negative.
    pub fn rank(&self, place: PlaceId) -> i64 {
        let hash = keyed_hash(&self.0, place.as_bytes());
        let first = hash.first_chunk::<8>().copied().unwrap_or_default();
        i64::try_from(u64::from_be_bytes(first) >> 1).unwrap_or(i64::MAX)
    }
}

/// The hash of all places that take part, in whatever order they are given.
pub fn roster_hash(room: WaitingRoomId, places: impl IntoIterator<Item = PlaceId>) -> [u8; 32] {
    let mut places: Vec<PlaceId> = places.into_iter().collect();
    places.sort_unstable();
    places.dedup();
    let mut hash = Sha256::new();
    hash.update(b"bilten-draw-v1/roster\0");
    hash.update(room.as_bytes());
    for place in &places {
        hash.update(place.as_bytes());
    }
    hash.finalize().into()
}

/// The places of a draw in the order that they are called in; 24 bytes each.
#[derive(Debug)]
pub struct Line {
    key: DrawKey,
    order: Vec<(i64, PlaceId)>,
}

impl Line {
    /// Draws. The same places and key give the same line on every node, in whatever order the places
    /// were read.
    pub fn draw(key: DrawKey, places: impl IntoIterator<Item = PlaceId>) -> Self {
        let mut order: Vec<(i64, PlaceId)> = places
            .into_iter()
            .map(|place| (key.rank(place), place))
            .collect();
        order.sort_unstable();
        order.dedup();
        order.shrink_to_fit();
        Self { key, order }
    }

    /// The number of a place that took part, from 1.
    pub fn number_of(&self, place: PlaceId) -> Option<u64> {
        let found = self.order.binary_search(&(self.key.rank(place), place));
        found.ok().map(|before| before as u64 + 1)
    }

    /// The place with a number.
    pub fn place_at(&self, number: u64) -> Option<PlaceId> {
        let before = usize::try_from(number.checked_sub(1)?).ok()?;
        self.order.get(before).map(|(_, place)| *place)
    }

    /// How many places took part.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether nobody took part.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// How much memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.order.capacity() * size_of::<(i64, PlaceId)>()
    }
}

/// Lower-case hexadecimal text, as hashes and seeds are published.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use bilten_kernel::random::SeededRandom;
    use proptest::prelude::*;

    use super::*;

    const ROOM: WaitingRoomId = WaitingRoomId::from_bytes([1; 16]);

    fn place(number: u32) -> PlaceId {
        let mut bytes = [0; 16];
        bytes[12..].copy_from_slice(&number.to_be_bytes());
        PlaceId::from_bytes(bytes)
    }

    fn key(seed: u64) -> DrawKey {
        DrawKey::new(&Seed::draw(&SeededRandom::new(seed)), b"")
    }

    /// The figures were worked out by the three lines of Python above.
    #[test]
    fn anybody_can_work_the_order_out_again() {
        let seed = Seed::from_bytes(std::array::from_fn(|i| u8::try_from(i).unwrap()));
        let mut terms = DrawTerms {
            room: ROOM,
            closes_at: Timestamp::from_ms(1_800_000_000_000),
            beacon: Some("drand quicknet 20000000".to_owned()),
        };
        let commitment = terms.commitment(&seed);
        assert_eq!(
            hex(&commitment),
            "370ee0de5909eee7d51f28a5832886b8c79cb9fa42a17933cd188dc5b47667ba"
        );
        assert!(terms.is_kept_by(&seed, &commitment));
        assert!(!terms.is_kept_by(&Seed::from_bytes([0; 32]), &commitment));
        terms.beacon = None;
        assert_eq!(
            hex(&terms.commitment(&seed)),
            "8a86c705749528e0c60dc528394947d176a5839d42325b4c77f08a3aea2dc553"
        );

        let ids = |numbers: &[u8]| -> Vec<PlaceId> {
            numbers
                .iter()
                .map(|n| PlaceId::from_bytes([*n; 16]))
                .collect()
        };
        let line = Line::draw(DrawKey::new(&seed, b"\xbe\xac"), ids(&[1, 2, 3, 4, 5]));
        let order: Vec<_> = (1..=5).filter_map(|n| line.place_at(n)).collect();
        assert_eq!(order, ids(&[3, 5, 4, 1, 2]));
        assert_eq!(
            hex(&roster_hash(ROOM, ids(&[3, 1, 2, 1]))),
            "debbe86bf01412ee72824cf403170b99161140a66b53709b66e348d954407a0f"
        );
    }

    #[test]
    fn every_place_is_everywhere_equally_often() {
        let (mut counts, draws) = ([0u32; 10], 4_000);
        for seed in 0..draws {
            let line = Line::draw(key(seed), (0..10).map(place));
            let number = line.number_of(place(0)).unwrap();
            counts[usize::try_from(number - 1).unwrap()] += 1;
        }
        // 400 each, standard deviation 19: all within five of them.
        assert!(counts.iter().all(|n| (305..=495).contains(n)), "{counts:?}");
    }

    #[test]
    fn a_line_of_none_is_no_fault() {
        let line = Line::draw(key(1), []);
        assert!(line.is_empty());
        assert_eq!((line.number_of(place(1)), line.place_at(1)), (None, None));
        assert_eq!(line.place_at(0), None);
        assert_eq!(line.place_at(u64::MAX), None);
    }

    proptest! {
        #[test]
        fn coming_early_or_twice_gains_nothing(
            seed: u64,
            numbers in proptest::collection::vec(0u32..500, 1..100),
        ) {
            let once = Line::draw(key(seed), numbers.iter().copied().map(place));
            let again = numbers.iter().rev().chain(&numbers).copied().map(place);
            let twice = Line::draw(key(seed), again);
            prop_assert_eq!(once.len(), twice.len());
            for number in &numbers {
                prop_assert_eq!(once.number_of(place(*number)), twice.number_of(place(*number)));
            }
        }

        #[test]
        fn numbers_and_places_are_one_to_one(seed: u64, count in 1u32..200) {
            let line = Line::draw(key(seed), (0..count).map(place));
            prop_assert_eq!(line.len(), usize::try_from(count).unwrap());
            for number in 1..=u64::from(count) {
                let place = line.place_at(number).unwrap();
                prop_assert_eq!(line.number_of(place), Some(number));
            }
            prop_assert_eq!(line.place_at(u64::from(count) + 1), None);
            prop_assert_eq!(line.number_of(place(count)), None);
        }

        /// Whoever is not in the roster changes nothing between those who are.
        #[test]
        fn others_never_change_who_comes_first(seed: u64, a in 0u32..100, b in 100u32..200, more in 1u32..50) {
            let small = Line::draw(key(seed), [place(a), place(b)]);
            let large = Line::draw(key(seed), (0..more).map(|n| place(1_000 + n)).chain([place(b), place(a)]));
            let first = |line: &Line| line.number_of(place(a)) < line.number_of(place(b));
            prop_assert_eq!(first(&small), first(&large));
        }
    }
}
