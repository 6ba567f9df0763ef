//! Which mail domains are an organisation's.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{sql, vals};

use crate::identity::model::*;

/// Claims domains for an organisation; those that it has already stay as they are.
pub(in crate::identity) async fn claim_domains(
    c: &mut Conn,
    organisation: OrganisationId,
    domains: &[String],
    by: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    if domains.is_empty() {
        return Ok(());
    }
    let rows = domains
        .iter()
        .map(|domain| vals![organisation, domain, by, now])
        .collect();
    c.insert_many(
        sql!(
            "INSERT INTO sso_domains (organisation_id, domain, claimed_by, claimed_at)
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
        ),
        rows,
    )
    .await?;
    Ok(())
}

/// Forgets claims that no connection of the organisation makes any more.
pub(in crate::identity) async fn keep_domains(
    c: &mut Conn,
    organisation: OrganisationId,
    domains: &[String],
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "DELETE FROM sso_domains WHERE organisation_id = $1
               AND domain NOT IN (SELECT value FROM list($2))"
        ),
        vals![organisation, Val::texts(domains)],
    )
    .await?;
    Ok(())
}

/// The domains that an organisation claims, and when they were confirmed.
pub(in crate::identity) async fn domains(
    c: &mut Conn,
    organisation: OrganisationId,
) -> Result<Vec<(String, Option<Timestamp>)>, DbError> {
    c.all(
        sql!(
            "SELECT domain, confirmed_at FROM sso_domains WHERE organisation_id = $1 ORDER BY domain"
        ),
        vals![organisation],
    )
    .await
}

/// Confirms a claim; says whether there is one. One that another organisation has already violates
/// a unique index.
pub(in crate::identity) async fn confirm_domain(
    c: &mut Conn,
    organisation: OrganisationId,
    domain: &str,
    by: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE sso_domains SET confirmed_by = $3, confirmed_at = COALESCE(confirmed_at, $4)
                 WHERE organisation_id = $1 AND domain = $2"
            ),
            vals![organisation, domain, by, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Whether some organisation signs the people of a domain of its own in.
pub(in crate::identity) async fn has_organisations(c: &mut Conn) -> Result<bool, DbError> {
    c.scalar(
        sql!(
            "SELECT EXISTS (SELECT 1 FROM sso_connections s
                 JOIN sso_domains d ON d.organisation_id = s.organisation_id
                 WHERE s.is_enabled AND d.confirmed_at IS NOT NULL)"
        ),
        vals![],
    )
    .await
}

/// Whether an organisation has a domain.
pub(in crate::identity) async fn has_domain(
    c: &mut Conn,
    organisation: OrganisationId,
    domain: &str,
) -> Result<bool, DbError> {
    c.scalar(
        sql!(
            "SELECT EXISTS (SELECT 1 FROM sso_domains WHERE organisation_id = $1 AND domain = $2
                 AND confirmed_at IS NOT NULL)"
        ),
        vals![organisation, domain],
    )
    .await
}
