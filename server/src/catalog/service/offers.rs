//! Events as they are on sale, kept for a moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::DbError;

use super::{CatalogError, detail_in};
use crate::app::App;
use crate::catalog::model::*;
use crate::catalog::store;

/// Offers as they were a moment ago, so that a busy sale does not read them anew for each request.
///
/// Selling checks the version of the event inside the statement that takes the stock, so a stale
/// offer can be shown for a moment, but never be bought.
#[derive(Default)]
pub struct Offers(Mutex<HashMap<EventId, Kept>>);

#[derive(Clone)]
struct Kept {
    /// When it was read from the database, all of it.
    read_at: Timestamp,
    /// When its version was known to be the newest.
    checked_at: Timestamp,
    offer: Arc<EventDetail>,
}

/// How long an offer is kept, in milliseconds.
const OFFER_MS: i64 = 1_000;
/// How long an offer is kept whose version stays, in milliseconds: a new version of a seat map that
/// its dates use does not raise it.
const WHOLE_MS: i64 = 10_000;

impl Offers {
    fn get(&self, id: EventId, now: Timestamp) -> Option<Arc<EventDetail>> {
        let kept = self.last(id, now)?;
        (now.ms() - kept.checked_at.ms() < OFFER_MS).then_some(kept.offer)
    }

    /// The offer as it was read last, if that is not long ago.
    fn last(&self, id: EventId, now: Timestamp) -> Option<Kept> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.get(&id)?;
        (now.ms() - kept.read_at.ms() < WHOLE_MS).then(|| kept.clone())
    }

    /// The offer as it is at a version.
    pub(super) fn at_version(
        &self,
        id: EventId,
        version: i64,
        now: Timestamp,
    ) -> Option<Arc<EventDetail>> {
        let kept = self.last(id, now)?;
        (kept.offer.event.version == version).then_some(kept.offer)
    }

    fn put(&self, new: Kept) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= 1_000 {
            let now = new.checked_at.ms();
            all.retain(|_, kept| now - kept.checked_at.ms() < OFFER_MS);
        }
        all.insert(new.offer.event.id, new);
    }

    pub(in crate::catalog) fn forget(&self, id: EventId) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
    }
}

/// What a look at an event's version came to.
enum Read {
    Gone,
    Same,
    Anew(Box<EventDetail>),
}

/// An event as it is on sale, at most a second old.
///
/// # Errors
/// [`CatalogError::NotFound`], or a fault of the database.
pub async fn offer(app: &App, id: EventId) -> Result<Arc<EventDetail>, CatalogError> {
    let now = app.now();
    if let Some(offer) = app.offers.get(id, now) {
        return Ok(offer);
    }
    fresh_offer(app, id).await
}

/// An event as it is on sale now.
///
/// # Errors
/// [`CatalogError::NotFound`], or a fault of the database.
pub async fn fresh_offer(app: &App, id: EventId) -> Result<Arc<EventDetail>, CatalogError> {
    let now = app.now();
    let kept = app.offers.last(id, now);
    let version = kept.as_ref().map(|kept| kept.offer.event.version);
    let read = app
        .db
        .read(move |c| {
            Box::pin(async move {
                // A long series is read anew only when something about the event has changed.
                match store::version(c, id).await? {
                    None => Ok::<_, DbError>(Read::Gone),
                    now if now == version => Ok(Read::Same),
                    Some(_) => {
                        let detail = detail_in(c, id).await?;
                        Ok(detail.map_or(Read::Gone, |detail| Read::Anew(Box::new(detail))))
                    }
                }
            })
        })
        .await?;
    let (read_at, offer) = match (read, kept) {
        (Read::Same, Some(kept)) => (kept.read_at, kept.offer),
        (Read::Anew(detail), _) => (now, Arc::new(*detail)),
        (Read::Gone | Read::Same, _) => {
            app.offers.forget(id);
            return Err(CatalogError::NotFound);
        }
    };
    app.offers.put(Kept {
        read_at,
        checked_at: now,
        offer: Arc::clone(&offer),
    });
    Ok(offer)
}
