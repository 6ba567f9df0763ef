//! Dates by pages, for organisers and for buyers.

use bilten_kernel::clock::Timestamp;

use super::store;
use crate::app::App;
use crate::catalog::model::*;
use crate::catalog::service::{CatalogError, id_by_slug, offer};
use crate::identity::Tenant;

/// Dates of an organisation's event that start within a span, after the one that starts at this time
/// and has this id.
pub(super) async fn page(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    span: (Timestamp, Timestamp),
    after: Option<(Timestamp, OccurrenceId)>,
    limit: i64,
) -> Result<Vec<Occurrence>, CatalogError> {
    let tenant = tenant.clone();
    app.db
        .read(move |c| {
            Box::pin(async move {
                let event = crate::catalog::store::event_of(c, &tenant, id).await?;
                event.ok_or(CatalogError::NotFound)?;
                Ok(store::page(c, id, span, after, limit).await?)
            })
        })
        .await
}

/// The same of an event that everybody sees, by its id or the last part of its page's address, as
/// buyers see its dates; of the offer as it is kept, without asking the database.
pub(super) async fn public_page(
    app: &App,
    named: &str,
    (from, until): (Timestamp, Timestamp),
    after: Option<(Timestamp, OccurrenceId)>,
    limit: usize,
) -> Result<Vec<Occurrence>, CatalogError> {
    let id = match named.parse::<EventId>() {
        Ok(id) => id,
        Err(_) if !can_be_slug(named) => return Err(CatalogError::NotFound),
        Err(_) => id_by_slug(app, named).await?,
    };
    let offer = offer(app, id).await?;
    if offer.event.state == EventState::Draft {
        return Err(CatalogError::NotFound);
    }
    let begin = offer.occurrences.partition_point(|date| {
        date.starts_at < from || after.is_some_and(|last| (date.starts_at, date.id) <= last)
    });
    let dates = offer.occurrences.iter().skip(begin);
    let dates = dates.take_while(|date| date.starts_at < until).take(limit);
    Ok(offer.dates_for_buyers(dates, &[]))
}
