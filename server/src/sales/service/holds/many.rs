//! Many holds made in one write. What they take is taken for all of them at once: their seats, and the stock
//! of those who have no codes and find enough. Those with codes are made one by one after them, each as a
//! part of the write that may be refused by itself; so are those with passes where there is not enough for
//! all.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};

use super::make::{Making, held_before, make_seated, shown};
use crate::catalog::seating::SeatId;
use crate::catalog::{CounterKey, EventId, OccurrenceId};
use crate::sales::model::*;
use crate::sales::service::cart::{Cart, Founds};
use crate::sales::service::{HOLDS, SalesError, sold_out};
use crate::sales::store::{self, Found, NewHold, Take};
use crate::waiting_room::{self, Gate};

/// A hold that is to be made, and the place of its answer.
pub(super) struct Wanted {
    pub(super) place: usize,
    pub(super) cart: Arc<Cart>,
    pub(super) making: Making,
}

impl Wanted {
    /// Its seats, in its name.
    fn seats(&self) -> impl Iterator<Item = (OccurrenceId, SeatId, EventId, String)> {
        let (event, holder) = (self.making.event, self.making.id.to_string());
        let seats = self.cart.seats().into_iter();
        seats.map(move |(date, seat)| (date, seat, event, holder.clone()))
    }

    /// Whether it has no codes: then its stock may be taken together with that of others.
    fn is_plain(&self) -> bool {
        self.cart.codes.is_empty()
    }
}

/// What was asked again: the place of its answer, of that of the first, and whether it is the same.
type Repeat = (usize, usize, bool);

/// Holds of one event that are to be made in one write.
#[derive(Default)]
pub(super) struct Many {
    fresh: Vec<Wanted>,
    repeats: Vec<Repeat>,
    answers: BTreeMap<usize, Result<Hold, SalesError>>,
}

impl Many {
    /// What was asked before is answered as before, and what is asked twice is made once.
    pub(super) async fn of(c: &mut Conn, wanted: Vec<Wanted>) -> Result<Self, SalesError> {
        let mut many = Self::default();
        let Some(event) = wanted.first().map(|one| one.making.event) else {
            return Ok(many);
        };
        let keys = wanted.iter().filter_map(|one| one.making.key.as_deref());
        let keys = store::keys_with_holds(c, event, Val::texts(keys)).await?;
        let known: HashSet<String> = keys.into_iter().collect();
        let mut firsts: HashMap<String, (usize, [u8; 32])> = HashMap::new();
        for one in wanted {
            let (place, hash) = (one.place, one.making.request_hash);
            if let Some(key) = one.making.key.clone() {
                if known.contains(&key) {
                    match held_before(c, event, &key, hash).await {
                        Ok(Some(hold)) => {
                            many.answers.insert(place, Ok(hold));
                            continue;
                        }
                        Ok(None) => {}
                        Err(SalesError::Db(error)) => return Err(error.into()),
                        Err(refusal) => {
                            many.answers.insert(place, Err(refusal));
                            continue;
                        }
                    }
                }
                if let Some((first, other)) = firsts.get(&key) {
                    many.repeats.push((place, *first, *other == hash));
                    continue;
                }
                firsts.insert(key, (place, hash));
            }
            many.fresh.push(one);
        }
        Ok(many)
    }

    /// The carts of those that have a chance yet.
    pub(super) fn carts(&self) -> Vec<Arc<Cart>> {
        let carts = self.fresh.iter().map(|one| Arc::clone(&one.cart));
        carts.collect()
    }

    /// Takes the seats of all, each for who came first. To be called before any stock is locked, as everybody
    /// takes seats before stock.
    pub(super) async fn take_seats(&mut self, c: &mut Conn) -> Result<(), DbError> {
        let mut asked = BTreeMap::new();
        for one in &self.fresh {
            let (until, now) = (one.making.until, one.making.now);
            for (date, seat, _, holder) in one.seats() {
                asked
                    .entry((date, seat))
                    .or_insert((date, seat, holder, until, now));
            }
        }
        let Some(event) = self.fresh.first().map(|one| one.making.event) else {
            return Ok(());
        };
        if asked.is_empty() {
            return Ok(());
        }
        let asked: Vec<_> = asked.into_values().collect();
        let got = store::seats::hold_each(c, event, &asked).await?;
        let got: HashSet<(OccurrenceId, SeatId)> = got.into_iter().collect();
        let had: HashMap<(OccurrenceId, SeatId), String> = asked
            .into_iter()
            .map(|(date, seat, holder, ..)| ((date, seat), holder))
            .filter(|(seat, _)| got.contains(seat))
            .collect();
        let mut lost = Lost::default();
        for one in std::mem::take(&mut self.fresh) {
            let seats: Vec<_> = one.seats().collect();
            let has = |(date, seat, _, holder): &(OccurrenceId, SeatId, EventId, String)| {
                had.get(&(*date, *seat)) == Some(holder)
            };
            if seats.iter().all(has) {
                self.fresh.push(one);
                continue;
            }
            let named = seats.iter().map(|(_, seat, ..)| *seat).collect();
            self.answers
                .insert(one.place, Err(SalesError::SeatsTaken(named)));
            lost.add(one.making.now, seats.into_iter().filter(has));
        }
        lost.free(c).await
    }

    /// Makes all that can be; gives the answers, each with its place. Their stock and codes are locked.
    pub(super) async fn make(
        mut self,
        c: &mut Conn,
    ) -> Result<Vec<(usize, Result<Hold, SalesError>)>, SalesError> {
        let version = self
            .fresh
            .iter()
            .map(|one| one.cart.offer.event.version)
            .max();
        let (plain, mut others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.fresh)
            .into_iter()
            .partition(|one| one.is_plain() && Some(one.cart.offer.event.version) == version);
        let mut lost = Lost::default();
        if !self.make_plain(c, &plain, &mut lost).await? {
            // What somebody leaves who may not come in is for those behind them.
            let (free, by_pass): (Vec<_>, Vec<_>) = plain
                .into_iter()
                .partition(|one| one.making.gate == Gate::Free);
            others.extend(by_pass);
            let fitting = self.fitting(c, free, &mut lost).await?;
            if !self.make_plain(c, &fitting, &mut lost).await? {
                // The event has changed: each is told so by itself.
                others.extend(fitting);
            }
            others.sort_by_key(|one| one.place);
        }
        for one in others {
            let (cart, making) = (Arc::clone(&one.cart), one.making.clone());
            let made = c
                .apart(move |c| Box::pin(async move { make_seated(c, &cart, making).await }))
                .await;
            match &made {
                Ok(_) => {}
                // Only what is its own fault is its own: after a fault of the database all is tried anew, one
                // by one.
                Err(SalesError::Db(error)) if !matches!(error, DbError::Violation { .. }) => {
                    return Err(error.clone().into());
                }
                Err(_) => lost.add(one.making.now, one.seats()),
            }
            self.answers.insert(one.place, made);
        }
        lost.free(c).await?;
        for (place, first, is_same) in std::mem::take(&mut self.repeats) {
            let answer = match self.answers.get(&first) {
                Some(answer) if is_same => answer.clone(),
                Some(_) => Err(SalesError::KeyReused),
                None => Err(SalesError::HoldGone),
            };
            self.answers.insert(place, answer);
        }
        Ok(self.answers.into_iter().collect())
    }

    /// Those that there is enough stock for, first come, first served; the others are refused, unless the event
    /// has changed.
    async fn fitting(
        &mut self,
        c: &mut Conn,
        plain: Vec<Wanted>,
        lost: &mut Lost,
    ) -> Result<Vec<Wanted>, DbError> {
        let Some(offer) = plain.first().map(|one| Arc::clone(&one.cart.offer)) else {
            return Ok(plain);
        };
        let sales = store::event_sales(c, offer.event.id).await?;
        let is_as_shown =
            sales.is_some_and(|row| row.version == offer.event.version && row.selling);
        if !is_as_shown {
            return Ok(plain);
        }
        let stock = plain.iter().flat_map(|one| &one.cart.stock);
        let keys: BTreeSet<&CounterKey> = stock.map(|(key, _)| key).collect();
        // They are locked: what is left of them is so until this write is done.
        let mut left: HashMap<(String, String), i64> = HashMap::new();
        for row in store::counters_of(c, &keys).await? {
            left.insert((row.counter, row.occurrence_id), row.capacity - row.taken);
        }
        let named = |key: &CounterKey| (key.of.clone(), store::date_of(key));
        let mut fitting = Vec::with_capacity(plain.len());
        for one in plain {
            let short = one.cart.stock.iter().find_map(|(key, quantity)| {
                let left = left.get(&named(key)).copied().unwrap_or(0);
                (left < *quantity).then_some((key, left))
            });
            if let Some((key, left)) = short {
                let refusal = sold_out(&one.cart, key, left);
                lost.add(one.making.now, one.seats());
                self.answers.insert(one.place, Err(refusal));
                continue;
            }
            for (key, quantity) in &one.cart.stock {
                if let Some(left) = left.get_mut(&named(key)) {
                    *left -= *quantity;
                }
            }
            fitting.push(one);
        }
        Ok(fitting)
    }

    /// Makes holds that have no codes, if there is enough for all of them; says whether there was,
    /// otherwise none is made.
    async fn make_plain(
        &mut self,
        c: &mut Conn,
        plain: &[Wanted],
        lost: &mut Lost,
    ) -> Result<bool, SalesError> {
        let Some(version) = plain.first().map(|one| one.cart.offer.event.version) else {
            return Ok(true);
        };
        let mut sums: BTreeMap<CounterKey, i64> = BTreeMap::new();
        for (key, quantity) in plain.iter().flat_map(|one| &one.cart.stock) {
            *sums.entry(key.clone()).or_insert(0) += *quantity;
        }
        let mut taken: BTreeMap<CounterKey, Found> = BTreeMap::new();
        let mut had = Vec::with_capacity(sums.len());
        for (key, sum) in sums {
            let Some(found) = store::take(c, Take::Held, &key, sum, version).await? else {
                store::give_back(c, Take::Held, &had).await?;
                return Ok(false);
            };
            taken.insert(key.clone(), found);
            had.push((key, sum));
        }
        let mut places: Vec<usize> = Vec::with_capacity(plain.len());
        let mut holds: Vec<(NewHold, Timestamp)> = Vec::with_capacity(plain.len());
        for one in plain {
            // Whoever stands behind finds as taken what those before them get.
            let mut founds = Founds::new();
            for (key, quantity) in &one.cart.stock {
                if let Some(next) = taken.get_mut(key) {
                    founds.insert(key.clone(), *next);
                    next.taken += *quantity;
                }
            }
            let priced = match &one.cart.priced {
                Some(priced) => Ok(priced.as_ref().clone()),
                None => one.cart.price(one.making.now, &founds, Vec::new()),
            };
            let let_in = match priced {
                Ok(priced) => {
                    let Making { id, gate, now, .. } = one.making;
                    let may_enter = waiting_room::enter(c, &gate, id, now).await?;
                    may_enter.map(|()| priced).map_err(|refusal| {
                        let event = one.making.event;
                        SalesError::WaitingRoom { event, refusal }
                    })
                }
                Err(refusal) => Err(refusal),
            };
            match let_in {
                Ok(priced) => {
                    places.push(one.place);
                    holds.push((one.making.clone().hold(&one.cart, priced), one.making.now));
                }
                Err(SalesError::Db(error)) => return Err(error.into()),
                Err(refusal) => {
                    store::give_back(c, Take::Held, &one.cart.stock).await?;
                    for (key, quantity) in &one.cart.stock {
                        if let Some(next) = taken.get_mut(key) {
                            next.taken -= *quantity;
                        }
                    }
                    lost.add(one.making.now, one.seats());
                    self.answers.insert(one.place, Err(refusal));
                }
            }
        }
        store::insert_holds(c, &holds).await?;
        let count = u64::try_from(holds.len()).unwrap_or(0);
        c.after_commit(move || HOLDS.add(&[("state", "made")], count));
        for (place, (hold, _)) in places.into_iter().zip(holds) {
            self.answers.insert(place, Ok(shown(hold)));
        }
        Ok(true)
    }
}

/// The seats of those who get no hold after all.
#[derive(Default)]
struct Lost {
    seats: Vec<(OccurrenceId, SeatId, EventId, String)>,
    at: Option<Timestamp>,
}

impl Lost {
    fn add(
        &mut self,
        now: Timestamp,
        seats: impl Iterator<Item = (OccurrenceId, SeatId, EventId, String)>,
    ) {
        self.seats.extend(seats);
        self.at = self.at.max(Some(now));
    }

    async fn free(mut self, c: &mut Conn) -> Result<(), DbError> {
        let Some(now) = self.at.filter(|_| !self.seats.is_empty()) else {
            return Ok(());
        };
        self.seats.sort_unstable();
        store::seats::free_all(c, &self.seats, now).await
    }
}
