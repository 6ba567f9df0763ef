//! Events as they are on sale, kept for a moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bilten_kernel::clock::Timestamp;

use super::{CatalogError, detail_in};
use crate::app::App;
use crate::catalog::model::*;

/// Offers as they were a moment ago, so that a busy sale does not read them anew for each request.
///
/// Selling checks the version of the event inside the statement that takes the stock, so a stale
/// offer can be shown for a moment, but never be bought.
#[derive(Default)]
pub struct Offers(Mutex<HashMap<EventId, (Timestamp, Arc<EventDetail>)>>);

/// How long an offer is kept, in milliseconds.
const OFFER_MS: i64 = 1_000;

impl Offers {
    fn get(&self, id: EventId, now: Timestamp) -> Option<Arc<EventDetail>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, offer) = kept.get(&id)?;
        (now.ms() - read_at.ms() < OFFER_MS).then(|| Arc::clone(offer))
    }

    fn put(&self, offer: Arc<EventDetail>, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= 1_000 {
            kept.retain(|_, (read_at, _)| now.ms() - read_at.ms() < OFFER_MS);
        }
        kept.insert(offer.event.id, (now, offer));
    }

    pub(super) fn forget(&self, id: EventId) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
    }
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
    let offer = app
        .db
        .read(move |c| Box::pin(async move { detail_in(c, id).await }))
        .await?;
    let offer = Arc::new(offer.ok_or(CatalogError::NotFound)?);
    app.offers.put(Arc::clone(&offer), app.now());
    Ok(offer)
}
