//! Which seats of one occurrence are taken, read from its rows.

use bilten_kernel::text_enum;

use super::ids::SeatId;
use super::layout::{Layout, UnknownSeats};
use super::set::SeatSet;

text_enum! {
    /// What a row says of a seat of an occurrence; a seat without a row is free.
    pub enum TakenState {
        /// Somebody is buying it.
        Held = "held",
        /// It is in a paid order.
        Sold = "sold",
        /// The organiser keeps it back on this date.
        Blocked = "blocked",
    }
}

text_enum! {
    /// How a seat stands, as pictures and lists show it.
    pub enum SeatState {
        /// Anybody may take it.
        Free = "free",
        /// The one who looks has chosen it.
        Chosen = "chosen",
        /// Somebody else is buying it.
        Held = "held",
        /// It is sold.
        Sold = "sold",
        /// It is not sold, or not on this date.
        NotForSale = "not_for_sale",
    }
}

/// Which seats of one occurrence are taken: three bits for each seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupancy {
    held: SeatSet,
    sold: SeatSet,
    blocked: SeatSet,
}

impl Occupancy {
    /// Nothing is taken.
    pub fn new(layout: &Layout) -> Self {
        let none = SeatSet::empty(layout.places().len());
        Self {
            held: none.clone(),
            sold: none.clone(),
            blocked: none,
        }
    }

    /// Reads the rows of an occurrence.
    ///
    /// # Errors
    /// Seats that the map does not have: the rows are of another map, which is a fault of ours,
    /// since [`compare`](fn@super::compare) lets no taken seat go.
    pub fn from_rows<I>(layout: &Layout, rows: I) -> Result<Self, UnknownSeats>
    where
        I: IntoIterator<Item = (SeatId, TakenState)>,
    {
        let (mut occupancy, mut unknown) = (Self::new(layout), Vec::new());
        for (id, state) in rows {
            match layout.index(id) {
                Some(seat) => occupancy.put(seat, Some(state)),
                None => unknown.push(id),
            }
        }
        if unknown.is_empty() {
            Ok(occupancy)
        } else {
            Err(UnknownSeats(unknown))
        }
    }

    /// Follows a change of one seat, such as a live stream tells; none is free.
    pub fn put(&mut self, seat: usize, state: Option<TakenState>) {
        self.held.remove(seat);
        self.sold.remove(seat);
        self.blocked.remove(seat);
        match state {
            Some(TakenState::Held) => self.held.insert(seat),
            Some(TakenState::Sold) => self.sold.insert(seat),
            Some(TakenState::Blocked) => self.blocked.insert(seat),
            None => true,
        };
    }

    /// The seats that anybody may take.
    pub fn free(&self, layout: &Layout) -> SeatSet {
        layout
            .for_sale()
            .without(&self.held)
            .without(&self.sold)
            .without(&self.blocked)
    }

    /// The seats that somebody has: those that no edit of the map may take away.
    pub fn taken(&self) -> SeatSet {
        let mut taken = self.sold.clone();
        for seat in self.held.iter() {
            taken.insert(seat);
        }
        taken
    }

    /// How a seat stands for somebody who has chosen some.
    pub fn state(&self, layout: &Layout, chosen: &SeatSet, seat: usize) -> SeatState {
        if chosen.contains(seat) {
            SeatState::Chosen
        } else if self.sold.contains(seat) {
            SeatState::Sold
        } else if self.held.contains(seat) {
            SeatState::Held
        } else if self.blocked.contains(seat) || !layout.for_sale().contains(seat) {
            SeatState::NotForSale
        } else {
            SeatState::Free
        }
    }
}
