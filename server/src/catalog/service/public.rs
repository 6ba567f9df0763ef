//! Events as everybody may see them.

use std::sync::Arc;

use super::{CatalogError, id_by_slug, offer};
use crate::app::App;
use crate::catalog::model::*;

/// An event that everybody may see, by its id or the last part of its page's address.
///
/// # Errors
/// [`CatalogError::NotFound`], also of a draft; a fault of the database.
pub async fn visible_event(app: &App, named: &str) -> Result<Arc<EventDetail>, CatalogError> {
    let id = match named.parse::<EventId>() {
        Ok(id) => id,
        Err(_) if !can_be_slug(named) => return Err(CatalogError::NotFound),
        Err(_) => id_by_slug(app, named).await?,
    };
    let offer = offer(app, id).await?;
    match offer.event.state {
        EventState::Draft => Err(CatalogError::NotFound),
        EventState::Published | EventState::Cancelled | EventState::Archived => Ok(offer),
    }
}
