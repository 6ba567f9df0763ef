//! What happened to clients and grants, for others and for the audit log.

use bilten_kernel::db::{Conn, DbError};

use crate::app::App;
use crate::events::{self, DomainEvent, Refused};
use crate::identity::model::*;
use crate::platform::{self, AuditRecord};

/// Something that happened to a client or to a grant.
pub(super) struct Note {
    /// What, such as `oauth.client_created`.
    pub(super) action: &'static str,
    /// The id of who did it.
    pub(super) actor: String,
    /// Of which organisation.
    pub(super) organisation: OrganisationId,
    /// Which client.
    pub(super) client: OAuthClientId,
    /// Which grant, if it is about one.
    pub(super) grant: Option<OAuthGrantId>,
    /// What else is to be known: ids and words, nothing personal.
    pub(super) detail: serde_json::Value,
}

/// Writes down what happened, in the same transaction.
pub(super) async fn note(app: &App, c: &mut Conn, note: Note) -> Result<(), DbError> {
    let subject = match note.grant {
        Some(grant) => grant.to_string(),
        None => note.client.to_string(),
    };
    let mut detail = note.detail.clone();
    if let (Some(_), Some(detail)) = (note.grant, detail.as_object_mut()) {
        detail.insert("client".to_owned(), note.client.to_string().into());
    }
    let record = AuditRecord::new(&note.actor, note.action, subject)
        .of(note.organisation)
        .detail(detail);
    let event = DomainEvent::OAuthChanged {
        action: note.action.to_owned(),
        actor: note.actor,
        organisation: note.organisation,
        client: note.client,
        grant: note.grant,
        detail: note.detail,
    };
    events::publish(app, c, vec![event])
        .await
        .map_err(|refused| match refused {
            Refused::Db(error) => error,
            Refused::CapacityBelowSold | Refused::SeatsTaken(_) => {
                DbError::Closed("a note was refused by a reaction")
            }
        })?;
    platform::audit(app, c, record).await
}

/// Forgets who was authenticated a moment ago, once this write is kept.
pub(super) fn forget_callers(app: &App, c: &mut Conn) {
    let app = app.clone();
    c.after_commit(move || app.principals.clear());
}
