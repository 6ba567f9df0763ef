//! The stock of a batch of orders: for all at once where it is plentiful, one by one where it is not.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};

use super::{Got, take_over_hold};
use crate::app::App;
use crate::catalog::CounterKey;
use crate::sales::model::{Basis, NewOrder};
use crate::sales::service::cart::{Cart, Founds};
use crate::sales::service::{SalesError, take_all};
use crate::sales::store::{self, Found, Take};

/// Where the stock of an order goes, as far as is known before it is priced.
fn take_for(new: &NewOrder, cart: &Cart) -> Take {
    // What costs nobody knows what may turn out to cost something: it is held until then.
    if new.pays.settles(cart.known_total().unwrap_or(i64::MAX)) {
        Take::Sold
    } else {
        Take::Held
    }
}

/// What is asked of one counter in one way at one version.
type Asked = (CounterKey, Take, i64);

/// Lets all that is asked of carts that find too little of something be short, and so on.
fn spread(short: &mut HashSet<Asked>, carts: &[(usize, Take, &Cart)]) {
    let mut has_grown = !short.is_empty();
    while has_grown {
        has_grown = false;
        for (_, how, cart) in carts {
            let asked = |key: &CounterKey| (key.clone(), *how, cart.offer.event.version);
            let is_short = |(key, _): &(CounterKey, i64)| short.contains(&asked(key));
            if cart.stock.iter().any(is_short) {
                for (key, _) in &cart.stock {
                    has_grown |= short.insert(asked(key));
                }
            }
        }
    }
}

/// Locks the holds that several orders take over; before all else, as whoever ends them does.
pub(super) async fn lock_taken_over(
    c: &mut Conn,
    batch: &[NewOrder],
    fresh: &[usize],
) -> Result<(), DbError> {
    let mut holds = BTreeSet::new();
    for &i in fresh {
        if let Basis::Hold(held) = &batch[i].basis {
            holds.insert(held.id);
        }
    }
    if fresh.len() < 2 || holds.is_empty() {
        return Ok(());
    }
    store::lock_these_holds(c, Val::texts(holds)).await
}

/// Locks the stock that several orders want, in the order in which everybody takes it: a sum that is too large
/// locks nothing, and what is taken after it one by one would be taken out of order.
async fn lock_wanted(c: &mut Conn, batch: &[NewOrder], fresh: &[usize]) -> Result<(), DbError> {
    if fresh.len() < 2 {
        return Ok(());
    }
    let mut keys = BTreeSet::new();
    for &i in fresh {
        let stock = match &batch[i].basis {
            Basis::Hold(held) => &held.stock,
            Basis::Cart(cart) => &cart.stock,
        };
        keys.extend(stock.iter().map(|(key, _)| key));
    }
    store::lock_counters(c, &keys).await
}

/// Takes the stock of the orders with these indices; gives what each got, or why it got nothing.
pub(super) async fn take_stock(
    app: &App,
    c: &mut Conn,
    batch: &[NewOrder],
    fresh: &[usize],
    now: Timestamp,
) -> Result<Vec<(usize, Result<Got, SalesError>)>, DbError> {
    lock_wanted(c, batch, fresh).await?;
    let mut answers = Vec::with_capacity(fresh.len());
    let mut sums: BTreeMap<Asked, i64> = BTreeMap::new();
    let mut direct = Vec::new();
    for &i in fresh {
        let new = &batch[i];
        match &new.basis {
            Basis::Hold(held) => answers.push((i, take_over_hold(app, c, new, held, now).await?)),
            Basis::Cart(cart) => {
                let how = take_for(new, cart);
                // Most carts with seats have a hold; what staff sells at once has none.
                if !take_seats(c, new, cart, how, now).await? {
                    let seats = cart.seats().into_iter().map(|(_, seat)| seat).collect();
                    answers.push((i, Err(SalesError::SeatsTaken(seats))));
                    continue;
                }
                direct.push((i, how, cart.as_ref()));
                for (key, quantity) in &cart.stock {
                    let asked = (key.clone(), how, cart.offer.event.version);
                    *sums.entry(asked).or_insert(0) += *quantity;
                }
            }
        }
    }

    let mut short: HashSet<Asked> = HashSet::new();
    let mut taken: HashMap<Asked, Found> = HashMap::new();
    for (asked, quantity) in &sums {
        let (key, how, version) = asked;
        match store::take(c, *how, key, *quantity, *version).await? {
            Some(found) => {
                taken.insert(asked.clone(), found);
            }
            None => {
                short.insert(asked.clone());
            }
        }
    }
    // Whoever has to be served by themselves takes nothing out of a sum: a price that follows the stock
    // would count those behind them.
    spread(&mut short, &direct);
    for (asked, quantity) in &sums {
        if short.contains(asked) && taken.remove(asked).is_some() {
            store::give_back(c, asked.1, &[(asked.0.clone(), *quantity)]).await?;
        }
    }
    // First come, first served: whoever stands behind finds as taken what those before them get.
    for (i, how, cart) in direct {
        let version = cart.offer.event.version;
        let asked = |key: &CounterKey| (key.clone(), how, version);
        let is_short = cart
            .stock
            .iter()
            .any(|(key, _)| short.contains(&asked(key)));
        let founds = if is_short {
            take_all(c, how, cart).await?
        } else {
            let mut founds = Founds::new();
            for (key, quantity) in &cart.stock {
                if let Some(next) = taken.get_mut(&asked(key)) {
                    founds.insert(key.clone(), *next);
                    next.taken += *quantity;
                }
            }
            Ok(founds)
        };
        let got = match founds {
            Ok(founds) => settle(c, &batch[i], cart, how, &founds, now).await?,
            Err(refused) => Err(refused),
        };
        if got.is_err() {
            free_seats(c, &batch[i], cart, now).await?;
            // It has given back what it got: those behind do not find it as taken.
            for (key, quantity) in &cart.stock {
                if let Some(next) = taken.get_mut(&asked(key)) {
                    next.taken -= *quantity;
                }
            }
        }
        answers.push((i, got));
    }
    answers.sort_by_key(|(i, _)| *i);
    Ok(answers)
}

/// Takes the seats of a cart in the name of its order; says whether it has all of them, otherwise it has
/// none.
async fn take_seats(
    c: &mut Conn,
    new: &NewOrder,
    cart: &Cart,
    how: Take,
    now: Timestamp,
) -> Result<bool, DbError> {
    let (seats, holder) = (cart.seats(), new.id.to_string());
    if seats.is_empty() {
        return Ok(true);
    }
    let has_all = match how {
        Take::Sold => store::seats::sell(c, new.event, &holder, &seats, now).await?,
        Take::Held => {
            let until = Timestamp::from_ms(new.at.ms() + new.waits_ms());
            store::seats::hold(c, new.event, &holder, &seats, until, now).await?
        }
    };
    if !has_all {
        free_seats(c, new, cart, now).await?;
    }
    Ok(has_all)
}

/// Lets go of those seats of a cart that its order has.
async fn free_seats(
    c: &mut Conn,
    new: &NewOrder,
    cart: &Cart,
    now: Timestamp,
) -> Result<(), DbError> {
    let seats = cart.seats();
    if seats.is_empty() {
        return Ok(());
    }
    store::seats::free(c, new.event, &new.id.to_string(), &seats, now).await
}

/// Prices an order that has its stock; gives the stock back if it has no price.
async fn settle(
    c: &mut Conn,
    new: &NewOrder,
    cart: &Cart,
    how: Take,
    founds: &Founds,
    now: Timestamp,
) -> Result<Result<Got, SalesError>, DbError> {
    let got = match &cart.priced {
        Some(priced) => Ok(Got::of(cart, priced)),
        None => cart
            .price(now, founds, Vec::new())
            .map(|priced| Got::of(cart, &priced)),
    };
    match &got {
        Ok(got) if how == Take::Held && new.pays.settles(got.total.minor) => {
            store::sell_held(c, &cart.stock).await?;
            // They are its own by now.
            take_seats(c, new, cart, Take::Sold, now).await?;
        }
        Ok(_) => {}
        Err(_) => store::give_back(c, how, &cart.stock).await?,
    }
    Ok(got)
}
