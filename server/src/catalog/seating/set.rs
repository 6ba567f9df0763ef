//! A set of seats of one version of a map, a bit for each seat.

use std::ops::Range;

/// A set of seats, by their place in a [`Layout`](super::Layout): 7.5 KB for 60,000 seats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatSet {
    words: Vec<u64>,
    seats: usize,
}

impl SeatSet {
    /// No seat, of a map with so many.
    pub fn empty(seats: usize) -> Self {
        Self {
            words: vec![0; seats.div_ceil(64)],
            seats,
        }
    }

    /// All seats of a map with so many.
    pub fn full(seats: usize) -> Self {
        let mut set = Self::empty(seats);
        for seat in 0..seats {
            set.insert(seat);
        }
        set
    }

    /// How many seats the map has.
    pub const fn capacity(&self) -> usize {
        self.seats
    }

    /// Whether a seat is in the set.
    pub fn contains(&self, seat: usize) -> bool {
        self.words
            .get(seat / 64)
            .is_some_and(|word| word >> (seat % 64) & 1 == 1)
    }

    /// Adds a seat; gives whether it is new. A seat that the map does not have is not added.
    pub fn insert(&mut self, seat: usize) -> bool {
        if seat >= self.seats || self.contains(seat) {
            return false;
        }
        if let Some(word) = self.words.get_mut(seat / 64) {
            *word |= 1 << (seat % 64);
        }
        true
    }

    /// Takes a seat out; gives whether it was in.
    pub fn remove(&mut self, seat: usize) -> bool {
        let was_in = self.contains(seat);
        if let Some(word) = self.words.get_mut(seat / 64) {
            *word &= !(1 << (seat % 64));
        }
        was_in
    }

    /// How many seats are in the set.
    pub fn count(&self) -> usize {
        self.iter().count()
    }

    /// Whether no seat is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Whether one of these seats is in the set.
    pub fn any_in(&self, range: &Range<usize>) -> bool {
        if range.is_empty() {
            return false;
        }
        let (first, last) = (range.start / 64, (range.end - 1) / 64);
        (first..=last).any(|at| {
            let mut word = self.words.get(at).copied().unwrap_or(0);
            if at == first {
                word &= u64::MAX << (range.start % 64);
            }
            if at == last {
                word &= u64::MAX >> (63 - (range.end - 1) % 64);
            }
            word != 0
        })
    }

    /// What is in both sets.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let words = self.words.iter().enumerate();
        Self {
            words: words
                .map(|(at, word)| word & other.words.get(at).copied().unwrap_or(0))
                .collect(),
            seats: self.seats,
        }
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let words = self.words.iter().enumerate();
        Self {
            words: words
                .map(|(at, word)| word & !other.words.get(at).copied().unwrap_or(0))
                .collect(),
            seats: self.seats,
        }
    }

    /// The seats in the set, in the order of the map.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.words
            .iter()
            .enumerate()
            .flat_map(|(at, word)| Bits(*word).map(move |bit| at * 64 + bit))
    }
}

/// The places of the bits that are set in a word, lowest first.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = usize::try_from(self.0.trailing_zeros()).ok()?;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(
            size in 1usize..300,
            puts in prop::collection::vec(0usize..310, 0..80),
            takes in prop::collection::vec(0usize..310, 0..40),
            from in 0usize..300,
            length in 0usize..200,
        ) {
            let (mut set, mut model) = (SeatSet::empty(size), BTreeSet::new());
            for seat in puts {
                prop_assert_eq!(set.insert(seat), seat < size && model.insert(seat));
            }
            for seat in takes {
                prop_assert_eq!(set.remove(seat), model.remove(&seat));
            }
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(set.count(), model.len());
            prop_assert_eq!(set.is_empty(), model.is_empty());
            let range = from.min(size)..(from + length).min(size);
            prop_assert_eq!(set.any_in(&range), model.range(range.clone()).next().is_some());
            let rest = SeatSet::full(size).without(&set);
            prop_assert_eq!(rest.count() + set.count(), size);
            prop_assert!(rest.and(&set).is_empty());
        }
    }
}
