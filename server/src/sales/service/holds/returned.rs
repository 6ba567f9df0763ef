//! What goes back when holds and orders end.

use std::collections::BTreeMap;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError};

use crate::catalog::seating::SeatId;
use crate::catalog::{CounterKey, EventId, OccurrenceId};
use crate::sales::model::{HoldId, OrderItem};
use crate::sales::service::seats::seats_of;
use crate::sales::service::{HOLDS, stock_of_items};
use crate::sales::store::{self, EndedHold, Take};
use crate::sales::{codes, resale};

/// A seat of a date and an event, and in whose name it is taken.
type HolderSeat = (OccurrenceId, SeatId, EventId, String);

/// What goes back when holds and orders end: put together, so that one write gives all of it back in the
/// order in which everybody takes.
#[derive(Default)]
pub(in crate::sales::service) struct Returned {
    seats: Vec<HolderSeat>,
    stock: BTreeMap<CounterKey, i64>,
    codes: Vec<String>,
    /// The holders that have no stock: tickets of others, perhaps.
    resold: Vec<String>,
}

impl Returned {
    /// Adds what a hold or order has.
    pub(in crate::sales::service) fn add(
        &mut self,
        event: EventId,
        seat_holder: &str,
        items: &[OrderItem],
        stock: Vec<(CounterKey, i64)>,
    ) {
        if stock.is_empty() {
            self.resold.push(seat_holder.to_owned());
        }
        let seats = seats_of(items).into_iter();
        self.seats
            .extend(seats.map(|(date, seat)| (date, seat, event, seat_holder.to_owned())));
        for (key, quantity) in stock {
            *self.stock.entry(key).or_insert(0) += quantity;
        }
    }

    /// Adds the codes of a hold or order.
    pub(in crate::sales::service) fn add_codes(&mut self, holder: String) {
        self.codes.push(holder);
    }

    /// The counters of which something goes back.
    pub(super) fn counters(&self) -> impl Iterator<Item = &CounterKey> {
        self.stock.keys()
    }

    /// The holds and orders of which codes go back.
    pub(super) fn code_holders(&self) -> &[String] {
        &self.codes
    }

    /// Lets go of the seats, which everybody takes before stock.
    pub(super) async fn free_seats(&mut self, c: &mut Conn, now: Timestamp) -> Result<(), DbError> {
        self.seats.sort();
        while !self.seats.is_empty() {
            // A statement may meet each row once: a seat that went from one of them to another comes again.
            let (mut round, mut again) = (Vec::<HolderSeat>::new(), Vec::new());
            for seat in std::mem::take(&mut self.seats) {
                let is_there = round
                    .last()
                    .is_some_and(|last| (last.0, last.1) == (seat.0, seat.1));
                if is_there {
                    again.push(seat);
                } else {
                    round.push(seat);
                }
            }
            store::seats::free_all(c, &round, now).await?;
            self.seats = again;
        }
        Ok(())
    }

    /// Gives all of it back.
    pub(in crate::sales::service) async fn give_back(
        mut self,
        c: &mut Conn,
        how: Take,
        now: Timestamp,
    ) -> Result<(), DbError> {
        self.free_seats(c, now).await?;
        let stock: Vec<_> = self.stock.into_iter().collect();
        store::give_back(c, how, &stock).await?;
        if !self.codes.is_empty() {
            codes::give_back_all(c, &self.codes).await?;
        }
        if !self.resold.is_empty() {
            resale::let_go(c, &self.resold).await?;
        }
        Ok(())
    }
}

/// Adds what a hold had that was ended in this state to `returned`.
pub(super) async fn return_hold(
    c: &mut Conn,
    id: HoldId,
    ended: EndedHold,
    state: &'static str,
    returned: &mut Returned,
) -> Result<(), DbError> {
    let items = store::hold_items(c, id).await?;
    let stock = match ended.stock {
        Some(AsJson(stock)) => stock,
        None => stock_of_items(&items),
    };
    returned.add(ended.event_id, &id.to_string(), &items, stock);
    if ended.has_codes {
        returned.add_codes(id.to_string());
    }
    c.after_commit(move || HOLDS.add(&[("state", state)], 1));
    Ok(())
}
