//! What identity tells the audit log.

use bilten_kernel::db::Conn;
use serde_json::Value;

use super::IdentityError;
use crate::app::App;
use crate::identity::model::OrganisationId;
use crate::platform::{self, AuditRecord};

/// The actor that the audit log names for what is done by a command of the program.
pub const COMMAND_LINE: &str = "command line";

/// Notes in the audit log, inside a write and last in it, who did what to what; `detail` holds ids
/// and words, nothing personal.
///
/// # Errors
/// A fault of the database.
pub(in crate::identity) async fn note(
    app: &App,
    c: &mut Conn,
    organisation: Option<OrganisationId>,
    actor: &str,
    action: &'static str,
    subject: impl ToString,
    detail: Value,
) -> Result<(), IdentityError> {
    let mut record = AuditRecord::new(actor, action, subject).detail(detail);
    if let Some(organisation) = organisation {
        record = record.of(organisation);
    }
    Ok(platform::audit(app, c, record).await?)
}
