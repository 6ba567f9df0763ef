//! Connections to identity providers, who is linked to whom, and sign-ins on their way.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::catalog::EventId;
use crate::identity::model::*;

record! {
    /// A connection as it is stored.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct ConnectionRow {
        pub(in crate::identity) id: ConnectionId,
        pub(in crate::identity) organisation_id: Option<OrganisationId>,
        pub(in crate::identity) slug: String,
        pub(in crate::identity) kind: ConnectionKind,
        pub(in crate::identity) name: String,
        pub(in crate::identity) sealed_config: Vec<u8>,
        pub(in crate::identity) role_mapping: String,
        pub(in crate::identity) is_enabled: bool,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) updated_at: Timestamp,
    }
}

/// Writes a connection down; a second one with the same short name violates a unique index.
pub(in crate::identity) async fn insert(c: &mut Conn, row: &ConnectionRow) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO sso_connections (id, organisation_id, slug, kind, name, sealed_config,
                 role_mapping, is_enabled, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        ),
        vals![
            row.id,
            row.organisation_id,
            &row.slug,
            row.kind,
            &row.name,
            &row.sealed_config,
            &row.role_mapping,
            row.is_enabled,
            row.created_at,
            row.updated_at
        ],
    )
    .await?;
    Ok(())
}

/// Changes a connection of an organisation, or of the platform; says whether there is one.
pub(in crate::identity) async fn update(
    c: &mut Conn,
    row: &ConnectionRow,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE sso_connections SET slug = $3, kind = $4, name = $5, sealed_config = $6,
                     role_mapping = $7, is_enabled = $8, updated_at = $9
                 WHERE id = $1 AND COALESCE(organisation_id, '') = COALESCE(CAST($2 AS TEXT), '')"
            ),
            vals![
                row.id,
                row.organisation_id,
                &row.slug,
                row.kind,
                &row.name,
                &row.sealed_config,
                &row.role_mapping,
                row.is_enabled,
                row.updated_at
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Deletes a connection with everything that hangs on it; says whether there was one.
pub(in crate::identity) async fn delete(
    c: &mut Conn,
    organisation: Option<OrganisationId>,
    id: ConnectionId,
) -> Result<bool, DbError> {
    if connection(c, organisation, id).await?.is_none() {
        return Ok(false);
    }
    c.exec(
        sql!("DELETE FROM sso_states WHERE connection_id = $1"),
        vals![id],
    )
    .await?;
    c.exec(
        sql!("DELETE FROM saml_assertions_seen WHERE connection_id = $1"),
        vals![id],
    )
    .await?;
    c.exec(
        sql!("DELETE FROM identity_links WHERE connection_id = $1"),
        vals![id],
    )
    .await?;
    let touched = c
        .exec(sql!("DELETE FROM sso_connections WHERE id = $1"), vals![id])
        .await?;
    Ok(touched == 1)
}

/// The connections of an organisation, or of the platform.
pub(in crate::identity) async fn connections(
    c: &mut Conn,
    organisation: Option<OrganisationId>,
) -> Result<Vec<ConnectionRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, organisation_id, slug, kind, name, sealed_config, role_mapping, is_enabled,
                 created_at, updated_at
             FROM sso_connections
             WHERE COALESCE(organisation_id, '') = COALESCE(CAST($1 AS TEXT), '') ORDER BY id"
        ),
        vals![organisation],
    )
    .await
}

/// A connection of an organisation, or of the platform.
pub(in crate::identity) async fn connection(
    c: &mut Conn,
    organisation: Option<OrganisationId>,
    id: ConnectionId,
) -> Result<Option<ConnectionRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, organisation_id, slug, kind, name, sealed_config, role_mapping, is_enabled,
                 created_at, updated_at
             FROM sso_connections
             WHERE id = $2 AND COALESCE(organisation_id, '') = COALESCE(CAST($1 AS TEXT), '')"
        ),
        vals![organisation, id],
    )
    .await
}

/// The connection with this short name.
pub(in crate::identity) async fn by_slug(
    c: &mut Conn,
    slug: &str,
) -> Result<Option<ConnectionRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, organisation_id, slug, kind, name, sealed_config, role_mapping, is_enabled,
                 created_at, updated_at
             FROM sso_connections WHERE slug = $1"
        ),
        vals![slug],
    )
    .await
}

/// The connections that are offered: the platform's, and those of whoever has this domain.
pub(in crate::identity) async fn offered(
    c: &mut Conn,
    domain: &str,
) -> Result<Vec<ConnectionRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, organisation_id, slug, kind, name, sealed_config, role_mapping, is_enabled,
                 created_at, updated_at
             FROM sso_connections
             WHERE is_enabled AND (organisation_id IS NULL OR organisation_id IN
                 (SELECT organisation_id FROM sso_domains
                  WHERE domain = $1 AND confirmed_at IS NOT NULL))
             ORDER BY CASE WHEN organisation_id IS NULL THEN 1 ELSE 0 END, id"
        ),
        vals![domain],
    )
    .await
}

// domains

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

// sign-ins on their way

record! {
    /// A sign-in that goes to an identity provider.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct StateRow {
        pub(in crate::identity) state_hash: Vec<u8>,
        pub(in crate::identity) connection_id: ConnectionId,
        pub(in crate::identity) browser_hash: Vec<u8>,
        pub(in crate::identity) sealed_content: Vec<u8>,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) expires_at: Timestamp,
    }
}

pub(in crate::identity) async fn insert_state(c: &mut Conn, row: &StateRow) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO sso_states (state_hash, connection_id, browser_hash, sealed_content,
                 created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        vals![
            &row.state_hash,
            row.connection_id,
            &row.browser_hash,
            &row.sealed_content,
            row.created_at,
            row.expires_at
        ],
    )
    .await?;
    Ok(())
}

/// Uses up a sign-in that comes back to the browser that it left; one that a form brought must have
/// been answered. Returns what it holds.
pub(in crate::identity) async fn take_state(
    c: &mut Conn,
    connection: ConnectionId,
    state_hash: [u8; 32],
    browser_hash: [u8; 32],
    is_answered: bool,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, DbError> {
    c.scalar_opt(
        sql!(
            "UPDATE sso_states SET used_at = $5
             WHERE state_hash = $1 AND connection_id = $2 AND browser_hash = $3
               AND (answered_at IS NOT NULL) = $4 AND used_at IS NULL AND expires_at > $5
             RETURNING sealed_content"
        ),
        vals![state_hash, connection, browser_hash, is_answered, now],
    )
    .await
}

/// What a sign-in holds that was not answered yet, whatever the browser.
pub(in crate::identity) async fn open_state(
    c: &mut Conn,
    connection: ConnectionId,
    state_hash: [u8; 32],
    now: Timestamp,
) -> Result<Option<Vec<u8>>, DbError> {
    c.scalar_opt(
        sql!(
            "SELECT sealed_content FROM sso_states
             WHERE state_hash = $1 AND connection_id = $2 AND answered_at IS NULL
               AND used_at IS NULL AND expires_at > $3"
        ),
        vals![state_hash, connection, now],
    )
    .await
}

/// Keeps the answer to a sign-in; says whether it waited for one.
pub(in crate::identity) async fn answer_state(
    c: &mut Conn,
    connection: ConnectionId,
    state_hash: [u8; 32],
    sealed_content: Vec<u8>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE sso_states SET sealed_content = $3, answered_at = $4
                 WHERE state_hash = $1 AND connection_id = $2 AND answered_at IS NULL
                   AND used_at IS NULL AND expires_at > $4"
            ),
            vals![state_hash, connection, sealed_content, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Notes that an assertion was accepted; says whether that is the first time.
pub(in crate::identity) async fn see_assertion(
    c: &mut Conn,
    connection: ConnectionId,
    assertion_hash: [u8; 32],
    expires_at: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO saml_assertions_seen (connection_id, assertion_hash, expires_at)
                 VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
            ),
            vals![connection, assertion_hash, expires_at],
        )
        .await?;
    Ok(touched == 1)
}

/// Forgets sign-ins and assertions whose time was over before this.
pub(in crate::identity) async fn sweep(c: &mut Conn, before: Timestamp) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM sso_states WHERE expires_at < $1"),
        vals![before],
    )
    .await?;
    c.exec(
        sql!("DELETE FROM saml_assertions_seen WHERE expires_at < $1"),
        vals![before],
    )
    .await?;
    Ok(())
}

// links

/// Whose account somebody's identity is linked to.
pub(in crate::identity) async fn linked(
    c: &mut Conn,
    connection: ConnectionId,
    subject: &str,
) -> Result<Option<UserId>, DbError> {
    c.scalar_opt(
        sql!("SELECT user_id FROM identity_links WHERE connection_id = $1 AND subject = $2"),
        vals![connection, subject],
    )
    .await
}

/// Links an identity to an account; says whether it was linked to none before.
pub(in crate::identity) async fn link(
    c: &mut Conn,
    connection: ConnectionId,
    subject: &str,
    user: UserId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO identity_links (connection_id, subject, user_id, created_at, used_at)
                 VALUES ($1, $2, $3, $4, $4) ON CONFLICT DO NOTHING"
            ),
            vals![connection, subject, user, now],
        )
        .await?;
    Ok(touched == 1)
}

pub(in crate::identity) async fn link_used(
    c: &mut Conn,
    connection: ConnectionId,
    subject: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE identity_links SET used_at = $3 WHERE connection_id = $1 AND subject = $2"),
        vals![connection, subject, now],
    )
    .await?;
    Ok(())
}

record! {
    /// A link with its connection.
    pub(in crate::identity) struct LinkRow {
        pub(in crate::identity) connection_id: ConnectionId,
        pub(in crate::identity) slug: String,
        pub(in crate::identity) name: String,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) used_at: Option<Timestamp>,
    }
}

/// The accounts elsewhere by which somebody signs in.
pub(in crate::identity) async fn links_of(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<LinkRow>, DbError> {
    c.all(
        sql!(
            "SELECT l.connection_id, s.slug, s.name, l.created_at, l.used_at
             FROM identity_links l JOIN sso_connections s ON s.id = l.connection_id
             WHERE l.user_id = $1 ORDER BY l.created_at, l.connection_id"
        ),
        vals![user],
    )
    .await
}

/// Ends somebody's links with a connection, unless they could not sign in any more; says how many.
pub(in crate::identity) async fn unlink(
    c: &mut Conn,
    user: UserId,
    connection: ConnectionId,
) -> Result<u64, DbError> {
    c.exec(
        sql!(
            "DELETE FROM identity_links WHERE user_id = $1 AND connection_id = $2
               AND (EXISTS (SELECT 1 FROM users u WHERE u.id = $1 AND u.password_hash IS NOT NULL)
                    OR EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = $1)
                    OR EXISTS (SELECT 1 FROM identity_links l WHERE l.user_id = $1
                               AND l.connection_id <> $2))"
        ),
        vals![user, connection],
    )
    .await
}

/// Ends all links with a connection.
pub(in crate::identity) async fn unlink_all(
    c: &mut Conn,
    connection: ConnectionId,
) -> Result<u64, DbError> {
    c.exec(
        sql!("DELETE FROM identity_links WHERE connection_id = $1"),
        vals![connection],
    )
    .await
}

// members

/// Gives somebody a role for everything; an owner stays one. Returns the member.
pub(in crate::identity) async fn map_member(
    c: &mut Conn,
    id: MemberId,
    organisation: OrganisationId,
    user: UserId,
    role: Option<Role>,
    now: Timestamp,
) -> Result<Option<MemberId>, DbError> {
    c.scalar_opt(
        sql!(
            "INSERT INTO members (id, organisation_id, user_id, role, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $5)
             ON CONFLICT (organisation_id, user_id) DO UPDATE
             SET role = excluded.role, updated_at = excluded.updated_at, removed_at = NULL
             WHERE members.removed_at IS NOT NULL OR COALESCE(members.role, '') <> 'owner'
             RETURNING id"
        ),
        vals![id, organisation, user, role, now],
    )
    .await
}

/// What somebody is in an organisation now.
pub(in crate::identity) async fn roles_now(
    c: &mut Conn,
    organisation: OrganisationId,
    user: UserId,
) -> Result<Option<(MemberId, Option<Role>)>, DbError> {
    c.opt(
        sql!(
            "SELECT id, role FROM members
             WHERE organisation_id = $1 AND user_id = $2 AND removed_at IS NULL"
        ),
        vals![organisation, user],
    )
    .await
}

/// Takes somebody out who is no owner; says whether they were in.
pub(in crate::identity) async fn unmap_member(
    c: &mut Conn,
    organisation: OrganisationId,
    user: UserId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE members SET removed_at = $3, updated_at = $3
                 WHERE organisation_id = $1 AND user_id = $2 AND removed_at IS NULL
                   AND COALESCE(role, '') <> 'owner'"
            ),
            vals![organisation, user, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Gives a member these roles for single events and no others; events of other organisations are
/// left out.
pub(in crate::identity) async fn map_events(
    c: &mut Conn,
    organisation: OrganisationId,
    member: MemberId,
    roles: &[(EventId, Role)],
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM member_events WHERE member_id = $1"),
        vals![member],
    )
    .await?;
    for (event, role) in roles {
        c.exec(
            sql!(
                "INSERT INTO member_events (member_id, event_id, role)
                 SELECT $1, id, $3 FROM events WHERE id = $2 AND organisation_id = $4"
            ),
            vals![member, *event, *role, organisation],
        )
        .await?;
    }
    Ok(())
}

/// Which of these events are an organisation's.
pub(in crate::identity) async fn own_events(
    c: &mut Conn,
    organisation: OrganisationId,
    events: &[EventId],
) -> Result<Vec<EventId>, DbError> {
    c.scalars(
        sql!(
            "SELECT id FROM events WHERE organisation_id = $1 AND id IN (SELECT value FROM list($2))"
        ),
        vals![organisation, Val::texts(events)],
    )
    .await
}

/// Whether somebody administers the platform.
pub(in crate::identity) async fn is_platform_admin(
    c: &mut Conn,
    user: UserId,
) -> Result<bool, DbError> {
    c.scalar(
        sql!(
            "SELECT EXISTS (SELECT 1 FROM platform_admins WHERE user_id = $1 AND revoked_at IS NULL)"
        ),
        vals![user],
    )
    .await
}
