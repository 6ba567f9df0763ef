//! Whose word counts for which mail domain.

use bilten_kernel::db::{Conn, DbError, Violation};

use super::FederationError;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::trail;
use crate::identity::store::federation as store;

/// A domain in the form in which addresses are stored: what can stand after their @.
pub(super) fn stored_form(domain: &str) -> Option<String> {
    let email: Email = format!("a@{domain}").parse().ok()?;
    Some(email.lookup().trim_start_matches("a@").to_owned())
}

/// Whether the provider of a connection may say whose an address is: one of an organisation only if
/// the address is of a domain that it claims, and that the platform confirmed.
pub(super) async fn is_spoken_for(
    c: &mut Conn,
    connection: &Connection,
    email: &Email,
) -> Result<bool, DbError> {
    let Some(organisation) = connection.organisation else {
        return Ok(true);
    };
    let lookup = email.lookup();
    let domain = lookup.rsplit_once('@').map_or("", |(_, domain)| domain);
    let is_claimed = connection.domains.iter().any(|d| d == domain);
    Ok(is_claimed && store::has_domain(c, organisation, domain).await?)
}

/// The domains of all connections of an organisation, claimed in its name.
pub(super) async fn claim(
    app: &App,
    c: &mut Conn,
    organisation: OrganisationId,
    all: &[Connection],
    by: &str,
) -> Result<(), DbError> {
    let mut domains: Vec<String> = all.iter().flat_map(|one| one.domains.clone()).collect();
    domains.sort_unstable();
    domains.dedup();
    store::keep_domains(c, organisation, &domains).await?;
    store::claim_domains(c, organisation, &domains, by, app.now()).await
}

/// Confirms that a mail domain is an organisation's: from then on its identity provider says who
/// the people of that domain are. For the platform's own people only.
///
/// # Errors
/// [`FederationError::NotFound`] if the organisation does not claim it,
/// [`FederationError::DomainTaken`] if another one has it, or a fault of the database.
pub async fn confirm_sso_domain(
    app: &App,
    organisation: OrganisationId,
    domain: &str,
    by: &str,
) -> Result<(), FederationError> {
    let domain = stored_form(domain).ok_or(FederationError::NotFound("claim"))?;
    let (work, by) = (app.clone(), by.to_owned());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let now = work.now();
                match store::confirm_domain(c, organisation, &domain, &by, now).await {
                    Ok(true) => {}
                    Ok(false) => return Err(FederationError::NotFound("claim")),
                    Err(error) if error.violates(Violation::Unique) => {
                        return Err(FederationError::DomainTaken);
                    }
                    Err(error) => return Err(error.into()),
                }
                let happened = IdentityEvent::SsoDomainConfirmed {
                    organisation,
                    domain,
                };
                trail::tell(&work, c, &by, vec![happened], None).await?;
                Ok(())
            })
        })
        .await
}
