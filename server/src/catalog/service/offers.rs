//! Events as they are on sale, kept for a moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
pub struct Offers {
    kept: Mutex<HashMap<EventId, Kept>>,
    /// Which event has an address; an event keeps its own for good.
    slugs: Mutex<HashMap<String, EventId>>,
    /// Held by whoever reads an event, so that one does it for all who ask; events share them.
    turns: [Arc<tokio::sync::Mutex<()>>; TURNS],
}

impl Default for Offers {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            slugs: Mutex::default(),
            turns: std::array::from_fn(|_| Arc::default()),
        }
    }
}

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
/// After how long a long series is read anew while it is still shown as it was, in milliseconds, so that
/// nobody waits for that.
const RENEW_MS: i64 = 5_000;
/// How many addresses are kept.
const MOST_SLUGS: usize = 2_000;
/// How many events can be read at once.
const TURNS: usize = 64;

impl Offers {
    fn get(&self, id: EventId, now: Timestamp) -> Option<Arc<EventDetail>> {
        let kept = self.last(id, now)?;
        (now.ms() - kept.checked_at.ms() < OFFER_MS).then_some(kept.offer)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<EventId, Kept>> {
        // Nothing panics while the lock is held, so the map is whole even if it is poisoned.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slugs(&self) -> MutexGuard<'_, HashMap<String, EventId>> {
        self.slugs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The event with this address, if it was there within the last second.
    pub(super) fn by_slug(&self, slug: &str, now: Timestamp) -> Option<EventId> {
        let id = self.slugs().get(slug).copied()?;
        let offer = self.get(id, now)?;
        (offer.event.slug == slug).then_some(id)
    }

    fn turn(&self, id: EventId) -> Arc<tokio::sync::Mutex<()>> {
        let last = id.as_bytes().last().copied().unwrap_or_default();
        let turn = self.turns.get(usize::from(last) % TURNS);
        turn.cloned().unwrap_or_default()
    }

    /// The offer as it was read last, if that is not long ago.
    fn last(&self, id: EventId, now: Timestamp) -> Option<Kept> {
        let all = self.all();
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
        let event = &new.offer.event;
        let mut slugs = self.slugs();
        if slugs.len() >= MOST_SLUGS {
            slugs.clear();
        }
        slugs.insert(event.slug.clone(), event.id);
        drop(slugs);
        let mut all = self.all();
        if all.len() >= 1_000 {
            let now = new.checked_at.ms();
            all.retain(|_, kept| now - kept.checked_at.ms() < OFFER_MS);
        }
        all.insert(new.offer.event.id, new);
    }

    /// Keeps what was found of a version that is kept: whoever changed the event meanwhile had it forgotten.
    fn keep(&self, found: Kept) {
        let mut all = self.all();
        let Some(there) = all.get_mut(&found.offer.event.id) else {
            return;
        };
        if there.offer.event.version == found.offer.event.version {
            there.checked_at = there.checked_at.max(found.checked_at);
            if found.read_at > there.read_at {
                there.read_at = found.read_at;
                there.offer = found.offer;
            }
        }
    }

    pub(in crate::catalog) fn forget(&self, id: EventId) {
        self.all().remove(&id);
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
    let (now, turn) = (app.now(), app.offers.turn(id));
    if let Some(kept) = app.offers.last(id, now) {
        let version = app
            .db
            .read(move |c| Box::pin(async move { store::version(c, id).await }))
            .await?;
        if version == Some(kept.offer.event.version) {
            let offer = Arc::clone(&kept.offer);
            let is_due = now.ms() - kept.read_at.ms() >= RENEW_MS;
            app.offers.keep(Kept {
                checked_at: now,
                ..kept
            });
            if is_due && offer.occurrences.len() > MAX_OCCURRENCES {
                renew_behind(app, id, turn);
            }
            return Ok(offer);
        }
    }
    let _turn = turn.lock().await;
    // Whoever had the turn before has read it for all who waited.
    read_offer(app, id).await
}

/// Reads a long series anew while others are shown what is kept, unless somebody is at it.
fn renew_behind(app: &App, id: EventId, turn: Arc<tokio::sync::Mutex<()>>) {
    let Ok(turn) = turn.try_lock_owned() else {
        return;
    };
    let app = app.clone();
    tokio::spawn(async move {
        let now = app.now();
        let read: Result<Option<EventDetail>, DbError> = app
            .db
            .read_long(move |c| Box::pin(async move { detail_in(c, id).await }))
            .await;
        match read {
            Ok(Some(detail)) => app.offers.keep(Kept {
                read_at: now,
                checked_at: now,
                offer: Arc::new(detail),
            }),
            Ok(None) => app.offers.forget(id),
            Err(error) => tracing::warn!(%error, event = %id, "an event cannot be read anew"),
        }
        drop(turn);
    });
}

/// Reads an event, unless it is kept as it is now.
async fn read_offer(app: &App, id: EventId) -> Result<Arc<EventDetail>, CatalogError> {
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
