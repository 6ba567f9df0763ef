//! Emptying a sandbox.

use bilten_kernel::db::{DbError, Val};
use serde_json::json;

use super::super::model::*;
use super::super::store;
use crate::app::App;
use crate::catalog::{self, CatalogError};
use crate::identity::{self, OrganisationId};
use crate::platform::{self, AuditRecord};

/// A sandbox with more orders than this is not emptied: it happens in one write, and on SQLite others
/// wait for that.
const MOST_ORDERS: i64 = 50_000;

/// Why a sandbox was not emptied.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// The organisation sells: nothing of it is thrown away.
    #[error("only a sandbox can be emptied")]
    NotASandbox,
    /// There is too much in it.
    #[error("there is too much in this sandbox to empty it; please make another one")]
    TooLarge,
    /// An event could not be deleted.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Throws away all events of a sandbox with their orders, tickets and devices, all or nothing; members,
/// keys and webhooks stay. Doing it again finds nothing.
///
/// # Errors
/// [`ResetError`] by why it was not done.
pub async fn reset_sandbox(
    app: &App,
    organisation: OrganisationId,
    actor: String,
) -> Result<Emptied, ResetError> {
    let mode = identity::organisation_mode(app, organisation).await?;
    if !mode.is_sandbox() {
        return Err(ResetError::NotASandbox);
    }
    let work = app.clone();
    app.db
        .write_again(move |c| {
            let (app, actor) = (work.clone(), actor.clone());
            Box::pin(async move {
                let events = catalog::sandbox_events_in(c, organisation).await?;
                let orders = store::count_orders(c, Val::texts(&events)).await?;
                if orders > MOST_ORDERS {
                    return Err(ResetError::TooLarge);
                }
                for event in &events {
                    catalog::erase_sandbox_event_in(&app, c, organisation, *event).await?;
                }
                let emptied = Emptied {
                    events: i64::try_from(events.len()).unwrap_or(i64::MAX),
                    orders,
                };
                let record = AuditRecord::new(&actor, "organisations.reset", organisation)
                    .of(organisation)
                    .detail(json!(emptied));
                platform::audit(&app, c, record).await?;
                Ok(emptied)
            })
        })
        .await
}
