//! What comes: looked for or held, and priced.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};

use super::super::error::ChangeError;
use super::super::model::*;
use super::super::plan::{Coming, Planned, plan, stock_of};
use super::Prepared;
use super::codes::Codes;
use crate::catalog::CounterKey;
use crate::sales::service::{Founds, Priced, short_of, why_none};
use crate::sales::store::{self as orders, Take};
use crate::sales::{Cart, HOLD_MS, SalesError};

/// What comes, with what was found when it was looked for or taken.
pub(super) struct Taken {
    pub(super) priced: Option<Priced>,
    codes: Codes,
}

impl Taken {
    /// What is to be done.
    pub(super) fn plan(&self, prepared: &Prepared) -> Result<Planned, ChangeError> {
        let seats = prepared.cart.as_ref().map(|cart| cart.seats());
        let coming = match (&self.priced, &prepared.cart, &seats) {
            (Some(priced), Some(cart), Some(seats)) => Some(Coming {
                items: &priced.items,
                quote: &priced.quote,
                stock: &cart.stock,
                seats,
            }),
            _ => None,
        };
        let planned = plan(
            &prepared.basis(),
            &prepared.draft,
            coming,
            &prepared.terms(),
        );
        planned.ok_or_else(|| SalesError::OfferChanged.into())
    }

    /// What is told of the codes of the order.
    pub(super) fn told(&self, planned: &Planned) -> Vec<ChangedCode> {
        self.codes.told(planned)
    }
}

fn coming_stock(prepared: &Prepared) -> Vec<(CounterKey, i64)> {
    let coming = prepared.cart.as_ref().map(|cart| cart.stock.clone());
    let basis = prepared.basis();
    stock_of(&basis, &prepared.draft, &coming.unwrap_or_default())
}

/// What the counters say that the price of what comes looks at.
async fn found(c: &mut Conn, cart: &Cart, mut founds: Founds) -> Result<Founds, DbError> {
    for key in cart.looked_at() {
        if !founds.contains_key(&key)
            && let Some(found) = orders::counter(c, &key).await?
        {
            founds.insert(key, found);
        }
    }
    Ok(founds)
}

/// Prices what comes.
async fn priced(
    c: &mut Conn,
    prepared: &Prepared,
    founds: Founds,
    mut codes: Codes,
) -> Result<Taken, ChangeError> {
    let priced = match &prepared.cart {
        None => None,
        Some(cart) => Some(if let Some(priced) = &cart.priced {
            priced.as_ref().clone()
        } else {
            let founds = found(c, cart, founds).await?;
            codes.price(prepared, cart, &founds)?
        }),
    };
    Ok(Taken { priced, codes })
}

/// Looks whether what comes is there, and what it costs; takes nothing.
pub(super) async fn look(c: &mut Conn, prepared: &Prepared) -> Result<Taken, ChangeError> {
    let codes = Codes::look(c, prepared).await?;
    let mut founds = Founds::new();
    let Some(cart) = &prepared.cart else {
        return priced(c, prepared, founds, codes).await;
    };
    for (key, quantity) in coming_stock(prepared) {
        if quantity <= 0 {
            continue;
        }
        let found = orders::counter(c, &key).await?;
        let left = found.map_or(0, |found| found.capacity - found.taken);
        match found {
            Some(found) if left >= quantity => {
                founds.insert(key, found);
            }
            Some(_) | None => return Err(short_of(cart, &key, left).into()),
        }
    }
    priced(c, prepared, founds, codes).await
}

/// Takes what comes: it is held in the name of the order that may come of the change. Rows of what goes
/// back are locked in the same order.
pub(super) async fn look_or_take(c: &mut Conn, prepared: &Prepared) -> Result<Taken, ChangeError> {
    let event = &prepared.offer.event;
    let holder = prepared.side.to_string();
    let mut founds = Founds::new();
    if let Some(cart) = &prepared.cart {
        let (seats, until) = (cart.seats(), until(prepared));
        let (now, id) = (prepared.now, event.id);
        if !seats.is_empty() && !orders::seats::hold(c, id, &holder, &seats, until, now).await? {
            let seats = seats.into_iter().map(|(_, seat)| seat).collect();
            return Err(SalesError::SeatsTaken(seats).into());
        }
    }
    for (key, quantity) in coming_stock(prepared) {
        if quantity < 0 {
            orders::is_selling(c, &key).await?;
            continue;
        }
        match orders::take(c, Take::Held, &key, quantity, event.version).await? {
            Some(found) => {
                founds.insert(key, found);
            }
            None => {
                return Err(match &prepared.cart {
                    Some(cart) => why_none(c, cart, &key).await?.into(),
                    None => SalesError::OfferChanged.into(),
                });
            }
        }
    }
    let codes = Codes::lock(c, prepared).await?;
    priced(c, prepared, founds, codes).await
}

/// Until when it is held.
pub(super) fn until(prepared: &Prepared) -> Timestamp {
    Timestamp::from_ms(prepared.now.ms() + HOLD_MS)
}
