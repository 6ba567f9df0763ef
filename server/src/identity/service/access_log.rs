//! Who of an organisation's people and programs read what is personal.

use bilten_kernel::db::DbError;
use serde_json::json;

use crate::app::App;
use crate::identity::model::OrganisationId;
use crate::platform::{self, AuditRecord};

/// Writes to the audit log that somebody read what is personal: one entry for each request, with how
/// many people it was about. To be called before the answer is given.
///
/// # Errors
/// A fault of the database; the answer must not be given then.
pub async fn note_personal_data_read(
    app: &App,
    organisation: OrganisationId,
    actor: String,
    subject: impl ToString,
    what: &'static str,
    count: usize,
) -> Result<(), DbError> {
    if count == 0 {
        return Ok(());
    }
    let record = AuditRecord::new(actor, "personal_data.read", subject)
        .of(organisation)
        .detail(json!({"what": what, "count": count}));
    let work = app.clone();
    app.db
        .write(move |c| Box::pin(async move { platform::audit(&work, c, record).await }))
        .await
}
