//! Setting connections up, and which are offered to whom.

use bilten_kernel::db::{Conn, Violation};

use super::{FederationError, domains, settings};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::{self, trail};
use crate::identity::store::federation as store;
use crate::identity::store::federation::ConnectionRow;
use crate::identity::store::members;

/// How many connections an organisation, or the platform, can have.
const MAX_CONNECTIONS: usize = 20;

async fn all(
    app: &App,
    c: &mut Conn,
    organisation: Option<OrganisationId>,
) -> Result<Vec<Connection>, FederationError> {
    store::connections(c, organisation)
        .await?
        .into_iter()
        .map(|row| settings::open(app, row))
        .collect()
}

async fn view(
    app: &App,
    c: &mut Conn,
    connection: Connection,
) -> Result<ConnectionView, FederationError> {
    let claims = match connection.organisation {
        Some(organisation) => store::domains(c, organisation).await?,
        None => Vec::new(),
    };
    let kind = connection.settings.kind();
    let (oidc, saml) = settings::shown(&connection.settings);
    let service = settings::service_provider(app, &connection.slug);
    Ok(ConnectionView {
        id: connection.id,
        kind,
        is_enabled: connection.is_enabled,
        domains: connection
            .domains
            .iter()
            .map(|domain| DomainView {
                domain: domain.clone(),
                is_confirmed: claims
                    .iter()
                    .any(|(claim, confirmed)| claim == domain && confirmed.is_some()),
            })
            .collect(),
        role_mapping: connection.role_mapping,
        callback_url: settings::callback_url(app, &connection.slug, kind),
        metadata_url: saml.is_some().then_some(service.entity_id),
        oidc,
        saml,
        slug: connection.slug,
        name: connection.name,
        created_at: connection.created_at,
    })
}

/// The connections of an organisation, or of the platform.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn sso_connections(
    app: &App,
    organisation: Option<OrganisationId>,
) -> Result<Vec<ConnectionView>, FederationError> {
    let work = app.clone();
    app.db
        .read(move |c| {
            Box::pin(async move {
                let mut views = Vec::new();
                for connection in all(&work, c, organisation).await? {
                    views.push(view(&work, c, connection).await?);
                }
                Ok(views)
            })
        })
        .await
}

/// A connection of an organisation, or of the platform.
///
/// # Errors
/// [`FederationError::NotFound`], or a fault of the vault or the database.
pub async fn sso_connection(
    app: &App,
    organisation: Option<OrganisationId>,
    id: ConnectionId,
) -> Result<ConnectionView, FederationError> {
    let work = app.clone();
    app.db
        .read(move |c| {
            Box::pin(async move {
                let row = store::connection(c, organisation, id)
                    .await?
                    .ok_or(FederationError::NotFound("connection"))?;
                view(&work, c, settings::open(&work, row)?).await
            })
        })
        .await
}

/// Makes a connection, or changes the one with this id.
///
/// # Errors
/// [`FederationError::Invalid`], [`FederationError::SlugTaken`], [`FederationError::NotFound`], or a
/// fault of the vault or the database.
pub async fn save_sso_connection(
    app: &App,
    organisation: Option<OrganisationId>,
    id: Option<ConnectionId>,
    input: ConnectionInput,
    by: &str,
) -> Result<ConnectionView, FederationError> {
    let owner = match organisation {
        Some(id) => Some(service::organisation(app, id).await?.slug),
        None => None,
    };
    let (work, by) = (app.clone(), by.to_owned());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if let Some(organisation) = organisation {
                    // Each change keeps the domains that the one before it claimed.
                    members::one_at_a_time(c, organisation).await?;
                }
                let known = all(&work, c, organisation).await?;
                let before = match id {
                    Some(id) => Some(
                        known
                            .iter()
                            .find(|one| one.id == id)
                            .ok_or(FederationError::NotFound("connection"))?,
                    ),
                    None if known.len() >= MAX_CONNECTIONS => {
                        return Err(too_many());
                    }
                    None => None,
                };
                let checked = settings::check(&work, &input, owner.as_deref(), before)?;
                own_events_only(c, organisation, &input.role_mapping).await?;
                let now = work.now();
                let id = id.unwrap_or_else(|| ConnectionId::new(&*work.clock, &*work.random));
                let row = ConnectionRow {
                    id,
                    organisation_id: organisation,
                    kind: checked.settings.kind(),
                    sealed_config: settings::seal(&work, id, &checked.settings, &checked.domains)?,
                    role_mapping: serde_json::to_string(&input.role_mapping).unwrap_or_default(),
                    slug: input.slug,
                    name: input.name,
                    is_enabled: input.is_enabled,
                    created_at: before.map_or(now, |one| one.created_at),
                    updated_at: now,
                };
                let change = if before.is_some() {
                    "changed"
                } else {
                    "created"
                };
                let saved = match before {
                    Some(_) => store::update(c, &row).await.map(|_| ()),
                    None => store::insert(c, &row).await,
                };
                match saved {
                    Ok(()) => {}
                    Err(error) if error.violates(Violation::Unique) => {
                        return Err(FederationError::SlugTaken);
                    }
                    Err(error) => return Err(error.into()),
                }
                if before.is_some_and(|one| {
                    !settings::is_same_provider(&one.settings, &checked.settings)
                }) {
                    // Whom another provider calls by the same name is somebody else.
                    store::unlink_all(c, id).await?;
                }
                if let Some(organisation) = organisation {
                    let known = all(&work, c, Some(organisation)).await?;
                    domains::claim(&work, c, organisation, &known, &by).await?;
                }
                let shown = view(&work, c, settings::open(&work, row)?).await?;
                tell(&work, c, &by, id, organisation, change).await?;
                Ok(shown)
            })
        })
        .await
}

fn too_many() -> FederationError {
    FederationError::Invalid(vec![bilten_kernel::error::FieldError {
        field: "slug".to_owned(),
        code: "too_many".into(),
        detail: format!("There are {MAX_CONNECTIONS} connections already."),
    }])
}

async fn own_events_only(
    c: &mut Conn,
    organisation: Option<OrganisationId>,
    mapping: &RoleMapping,
) -> Result<(), FederationError> {
    let events: Vec<_> = mapping.rules.iter().filter_map(|rule| rule.event).collect();
    let Some(organisation) = organisation.filter(|_| !events.is_empty()) else {
        return Ok(());
    };
    let own = store::own_events(c, organisation, &events).await?;
    if events.iter().all(|event| own.contains(event)) {
        return Ok(());
    }
    Err(FederationError::Invalid(vec![
        bilten_kernel::error::FieldError {
            field: "role_mapping.rules".to_owned(),
            code: "event".into(),
            detail: "There is no such event.".to_owned(),
        },
    ]))
}

async fn tell(
    app: &App,
    c: &mut Conn,
    by: &str,
    connection: ConnectionId,
    organisation: Option<OrganisationId>,
    change: &str,
) -> Result<(), FederationError> {
    let happened = IdentityEvent::SsoConnectionChanged {
        connection,
        organisation,
        change: change.to_owned(),
    };
    trail::tell(app, c, by, vec![happened], None).await?;
    Ok(())
}

/// Deletes a connection with its links: nobody signs in with it any more.
///
/// # Errors
/// [`FederationError::NotFound`], or a fault of the vault or the database.
pub async fn delete_sso_connection(
    app: &App,
    organisation: Option<OrganisationId>,
    id: ConnectionId,
    by: &str,
) -> Result<(), FederationError> {
    let (work, by) = (app.clone(), by.to_owned());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if !store::delete(c, organisation, id).await? {
                    return Err(FederationError::NotFound("connection"));
                }
                if let Some(organisation) = organisation {
                    members::one_at_a_time(c, organisation).await?;
                    let known = all(&work, c, Some(organisation)).await?;
                    domains::claim(&work, c, organisation, &known, &by).await?;
                }
                tell(&work, c, &by, id, organisation, "deleted").await
            })
        })
        .await
}

/// Asks the provider of a connection whether it is there: a test of the settings. What can be
/// tested of SAML was tested when it was saved.
///
/// # Errors
/// [`FederationError::Oidc`] by what is wrong, [`FederationError::NotFound`], or a fault of the
/// vault or the database.
pub async fn test_sso_connection(
    app: &App,
    organisation: Option<OrganisationId>,
    id: ConnectionId,
) -> Result<(), FederationError> {
    let row = app
        .db
        .read(move |c| Box::pin(async move { store::connection(c, organisation, id).await }))
        .await?
        .ok_or(FederationError::NotFound("connection"))?;
    let connection = settings::open(app, row)?;
    match &connection.settings {
        ConnectionSettings::Oidc(oidc) => {
            let provider = settings::provider(app, &connection, oidc)?;
            let client = app.sso.oidc(app);
            Ok(client.check(&provider, app.now()).await?)
        }
        ConnectionSettings::Saml(saml) => settings::saml_provider(saml).map(|_| ()),
    }
}

/// The connection with this short name, if people can sign in with it.
pub(super) async fn enabled(app: &App, slug: &str) -> Result<Connection, FederationError> {
    // PostgreSQL takes not every text, and this one is a stranger's.
    if !settings::is_slug(slug) {
        return Err(FederationError::Unknown);
    }
    let slug = slug.to_owned();
    let row = app
        .db
        .read(move |c| Box::pin(async move { store::by_slug(c, &slug).await }))
        .await?
        .filter(|row| row.is_enabled)
        .ok_or(FederationError::Unknown)?;
    settings::open(app, row)
}

/// Our description for the identity provider of a SAML connection.
///
/// # Errors
/// [`FederationError::Unknown`] if there is no such SAML connection, or a fault of the vault or the
/// database.
pub async fn saml_metadata(app: &App, slug: &str) -> Result<String, FederationError> {
    let connection = enabled(app, slug).await?;
    match connection.settings {
        ConnectionSettings::Saml(_) => Ok(bilten_adapters::saml::service_provider_metadata(
            &settings::service_provider(app, slug),
        )),
        ConnectionSettings::Oidc(_) => Err(FederationError::Unknown),
    }
}

/// The buttons to show for signing in: the platform's, and before them those of the organisation
/// that has the domain of the e-mail address, if one was typed.
///
/// # Errors
/// A fault of the database.
pub async fn sso_buttons(
    app: &App,
    email: Option<&str>,
) -> Result<Vec<SsoButton>, FederationError> {
    let domain = email
        .and_then(|text| text.parse::<Email>().ok())
        .and_then(|email| email.lookup().rsplit_once('@').map(|(_, d)| d.to_owned()))
        .unwrap_or_default();
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::offered(c, &domain).await }))
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| SsoButton {
            slug: row.slug,
            name: row.name,
            kind: row.kind,
        })
        .collect())
}

/// Whether some organisation signs people in by a provider of its own, which their e-mail address
/// finds.
///
/// # Errors
/// A fault of the database.
pub async fn has_organisation_sso(app: &App) -> Result<bool, FederationError> {
    Ok(app
        .db
        .read(move |c| Box::pin(async move { store::has_organisations(c).await }))
        .await?)
}
