//! Use cases of promo codes: a file for what organisers do with codes, one for batches, one for what
//! selling asks, one for what changes of orders ask, one for whoever types a code.

mod batches;
mod error;
mod manage;
mod sell;
mod shift;
mod tries;

pub use batches::*;
pub use error::CodesError;
pub use manage::*;
pub use sell::*;
pub use shift::*;
pub use tries::*;

use std::sync::Arc;

use super::model::*;
use crate::app::App;
use crate::catalog::{self, CatalogError, EventDetail, EventId};
use crate::identity::{EventScope, Tenant};

/// Whether a caller may touch what is for this event, or for all.
fn may_touch(tenant: &Tenant, event: Option<EventId>) -> bool {
    match event {
        Some(event) => tenant.includes(event),
        None => tenant.events == EventScope::All,
    }
}

/// The event that something is to be made for.
async fn event_for(
    app: &App,
    tenant: &Tenant,
    event: Option<EventId>,
) -> Result<Option<Arc<EventDetail>>, CodesError> {
    let Some(id) = event else {
        if tenant.events == EventScope::All {
            return Ok(None);
        }
        let detail = "You look after single events: say for which of them this is.";
        return Err(CodesError::field("event", "required", detail));
    };
    match catalog::detail_of(app, tenant, id).await {
        Ok(detail) => Ok(Some(detail)),
        Err(CatalogError::NotFound) => Err(unknown_event()),
        Err(other) => Err(CodesError::Catalog(Box::new(other))),
    }
}

fn unknown_event() -> CodesError {
    CodesError::field("event", "unknown", "There is no such event.")
}

/// A new rule of a code that is there, against what its event is now.
async fn checked_rule(
    app: &App,
    tenant: &Tenant,
    event: Option<EventId>,
    rule: PromoCodeRule,
) -> Result<PromoCodeRule, CodesError> {
    let event = event_for(app, tenant, event).await?;
    rule.checked(event.as_deref(), false)
        .map_err(CodesError::Invalid)
}
