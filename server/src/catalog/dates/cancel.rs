//! Cancelling one date.

use bilten_kernel::http::IfMatch;

use super::rows::allow_dates;
use super::store;
use crate::app::App;
use crate::catalog::model::*;
use crate::catalog::service::{CatalogError, StartsFrom, open_in, raise_in, record};
use crate::identity::Tenant;

/// Cancels one date: nothing is sold for it any more, and its tickets let nobody in.
pub(super) async fn cancel_date(
    app: &App,
    tenant: &Tenant,
    (id, date): (EventId, OccurrenceId),
    actor: String,
    seen: IfMatch,
) -> Result<(i64, Occurrence), CatalogError> {
    let (work, tenant, now) = (app.clone(), tenant.clone(), app.now());
    let from = StartsFrom::any(seen);
    app.db
        .write(move |c| {
            Box::pin(async move {
                let mut detail = open_in(c, &tenant, id, &from).await?;
                let found = detail.occurrence(date).ok_or(CatalogError::NotFound)?;
                if !found.is_scheduled() || found.ends_at <= now {
                    return Err(CatalogError::from(OfferRefusal::DateClosed));
                }
                allow_dates(&detail)?;
                if detail.scheduled().count() == 1 {
                    return Err(OfferRefusal::LastDate.into());
                }
                let mut cancelled = found.clone();
                cancelled.state = OccurrenceState::Cancelled;
                raise_in(c, &mut detail, &from, now).await?;
                store::cancel_date(c, date).await?;
                if let Some(old) = detail.occurrences.iter_mut().find(|old| old.id == date) {
                    *old = cancelled.clone();
                }
                record(&work, c, &detail, DATE_CANCELLED, &actor).await?;
                Ok((detail.event.version, cancelled))
            })
        })
        .await
}
