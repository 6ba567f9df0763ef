//! Whose word counts for which mail domain.

use bilten_kernel::db::{Conn, DbError, Violation};

use super::FederationError;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::trail;
use crate::identity::store::federation as store;

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
    let (work, domain, by) = (app.clone(), domain.to_lowercase(), by.to_owned());
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
