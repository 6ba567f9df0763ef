//! Showing requests to those who made them, and to those who look after an organisation's keys.

use std::time::Duration;

use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::error::FieldError;

use super::{InspectError, detail_purpose, head_purpose, id_at};
use crate::app::App;
use crate::identity::{
    self, ApiKeyId, Denied, IdentityError, OAuthClientId, OrganisationId, Permission, Principal,
    UserId,
};
use crate::inspect::model::*;
use crate::inspect::store::{self, RequestRow, Wanted};

/// How long after they were written requests are shown to whoever asks for newer ones: longer than
/// nodes differ in the time of day and a write takes to its commit.
const SETTLED: Duration = Duration::from_secs(2);
/// How many requests a copy of somebody's data holds at most.
const MOST_EXPORTED: i64 = 10_000;
/// How long what a filter names can be.
const MOST_FILTER: usize = 200;

/// Whose requests somebody sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// Of which organisation.
    pub organisation: OrganisationId,
    /// Only those of this program, as the audit log names it.
    pub program: Option<String>,
}

impl Viewer {
    /// A program sees its own; a person, those of the organisation whose keys they may manage.
    ///
    /// # Errors
    /// [`IdentityError::Denied`].
    pub fn of(principal: &Principal, organisation: Option<&str>) -> Result<Self, IdentityError> {
        match principal {
            Principal::Person(_) => {
                let permission = Permission::KeysManage;
                let tenant = identity::authorise(principal, permission, organisation)?;
                Ok(Self {
                    organisation: tenant.organisation,
                    program: None,
                })
            }
            Principal::Program(program) => {
                let own = program.organisation.to_string();
                if organisation.is_some_and(|named| named != own) {
                    return Err(IdentityError::Denied(Denied::OrganisationUnknown));
                }
                Ok(Self {
                    organisation: program.organisation,
                    program: Some(program.actor.clone()),
                })
            }
        }
    }
}

fn fault(field: &str, detail: &str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        code: "invalid".into(),
        detail: detail.to_owned(),
    }
}

/// What is wrong with what the filters name.
fn faults(query: &RequestQuery) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let is_plain =
        |text: &str| text.len() <= MOST_FILTER && text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_key =
        |key: &str| key.parse::<ApiKeyId>().is_ok() || key.parse::<OAuthClientId>().is_ok();
    if query.key.as_deref().is_some_and(|key| !is_key(key)) {
        faults.push(fault(
            "key",
            "This is the id of an API key or of an OAuth client.",
        ));
    }
    if query.route.as_deref().is_some_and(|route| !is_plain(route)) {
        faults.push(fault(
            "route",
            "This is a route such as /api/v1/events/{event}.",
        ));
    }
    if query
        .method
        .as_deref()
        .is_some_and(|method| !is_plain(method))
    {
        faults.push(fault("method", "This is a method such as GET."));
    }
    faults
}

/// The requests that somebody sees, the newest first, before one of them.
///
/// # Errors
/// [`InspectError::Invalid`], or a fault of the vault or the database.
pub async fn requests(
    app: &App,
    viewer: &Viewer,
    query: &RequestQuery,
    before: Option<LoggedRequestId>,
    limit: i64,
) -> Result<Vec<LoggedRequest>, InspectError> {
    let faults = faults(query);
    if !faults.is_empty() {
        return Err(InspectError::Invalid(faults));
    }
    let own = viewer.program.as_deref();
    let own_credential = own.and_then(|actor| actor.split(' ').next());
    let credential = match (own_credential, query.key.as_deref()) {
        // Of another program they see nothing, as if it had asked nothing.
        (Some(own), Some(other)) if own != other => return Ok(Vec::new()),
        (Some(own), _) => Some(own.to_owned()),
        (None, key) => key.map(str::to_owned),
    };
    // `~` sorts after every id.
    let mut before = before.map_or_else(|| "~".to_owned(), |id| id.to_string());
    if query.after.is_some() {
        before = before.min(id_at(app.now() - SETTLED).to_string());
    }
    let wanted = Wanted {
        organisation: viewer.organisation,
        actor: viewer.program.clone(),
        credential,
        before,
        after: query.after.map_or_else(String::new, |id| id.to_string()),
        method: query.method.as_deref().map(str::to_ascii_uppercase),
        route: query.route.clone(),
        status: query.status.map_or((0, 1_000), StatusClass::span),
        limit,
    };
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::list(c, wanted).await }))
        .await?;
    rows.into_iter().map(|row| opened(app, row)).collect()
}

fn opened(app: &App, row: RequestRow) -> Result<LoggedRequest, InspectError> {
    let head = app.vault.open(&head_purpose(row.id), &row.sealed_head)?;
    let head: Head = serde_json::from_slice(&head)?;
    Ok(LoggedRequest {
        id: row.id,
        request_id: row.request_id,
        at: row.at,
        method: row.method,
        route: row.route,
        path: head.path,
        status: row.status,
        problem: row.problem,
        duration_ms: row.duration_ms,
        made_by: row.actor,
        client_network: head.client_network,
    })
}

/// A request that somebody sees, by its id or by the `X-Request-Id` that it was answered with; the
/// newest, if several have that.
///
/// # Errors
/// [`InspectError::NotFound`], or a fault of the vault or the database.
pub async fn request(
    app: &App,
    viewer: &Viewer,
    named: &str,
) -> Result<InspectedRequest, InspectError> {
    let is_plain = (1..=128).contains(&named.len())
        && named
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
    if !is_plain {
        return Err(InspectError::NotFound);
    }
    let (viewer, named) = (viewer.clone(), named.to_owned());
    let row = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let (organisation, actor) = (viewer.organisation, viewer.program.as_deref());
                if let Ok(id) = named.parse::<LoggedRequestId>()
                    && let Some(row) = store::by_id(c, organisation, actor, id).await?
                {
                    return Ok(Some(row));
                }
                store::by_request_id(c, organisation, actor, &named).await
            })
        })
        .await?;
    let (row, sealed) = row.ok_or(InspectError::NotFound)?.apart();
    let detail = app.vault.open(&detail_purpose(row.id), &sealed)?;
    let detail: Detail = serde_json::from_slice(&detail)?;
    Ok(InspectedRequest {
        summary: opened(app, row)?,
        request: detail.request,
        response: detail.response,
    })
}

/// What programs asked for somebody who let them, for the copy of their data.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn requests_of_person_in(
    app: &App,
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<LoggedRequest>, DbError> {
    let rows = store::of_user(c, user, MOST_EXPORTED).await?;
    rows.into_iter()
        .map(|row| {
            opened(app, row).map_err(|error| DbError::Fault {
                at: "inspect::requests_of_person_in",
                detail: error.to_string(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Program;

    /// covers: GW-7, SYS-6
    #[test]
    fn a_program_sees_its_own_and_nothing_of_another_organisation() {
        let organisation = OrganisationId::from_bytes([1; 16]);
        let program = Principal::Program(Program {
            actor: "key_1".to_owned(),
            organisation,
            scopes: Some(Vec::new()),
            event: None,
            on_behalf_of: None,
        });
        let own = Viewer {
            organisation,
            program: Some("key_1".to_owned()),
        };
        assert_eq!(Viewer::of(&program, None).unwrap(), own);
        assert_eq!(
            Viewer::of(&program, Some(&organisation.to_string())).unwrap(),
            own
        );
        let other = OrganisationId::from_bytes([2; 16]).to_string();
        assert!(matches!(
            Viewer::of(&program, Some(&other)),
            Err(IdentityError::Denied(Denied::OrganisationUnknown))
        ));
    }

    #[test]
    fn filters_are_looked_at_before_the_database_is() {
        let query = RequestQuery {
            key: Some("evt_1".to_owned()),
            route: Some("\0".to_owned()),
            method: Some("G T".to_owned()),
            ..RequestQuery::default()
        };
        let fields: Vec<_> = faults(&query)
            .into_iter()
            .map(|fault| fault.field)
            .collect();
        assert_eq!(fields, ["key", "route", "method"]);
        assert!(faults(&RequestQuery::default()).is_empty());
    }
}
