//! All SQL of policies.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::{sql, vals};

use super::model::KeptPolicy;
use crate::catalog::model::EventId;
use crate::catalog::model::policy::{Policy, Region};
use crate::identity::OrganisationId;

/// Whose policies they are: the organisation's, or those of one of its events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whose {
    pub(super) organisation: OrganisationId,
    pub(super) event: Option<EventId>,
}

impl Whose {
    /// How the table names the event.
    fn event(self) -> String {
        self.event
            .map_or_else(String::new, |event| event.to_string())
    }
}

type Columns = (AsJson<Policy>, i64, Timestamp);

fn kept((AsJson(policy), version, updated_at): Columns) -> KeptPolicy {
    KeptPolicy::new(policy, version, updated_at)
}

/// Policies by region, after one of them.
pub(super) async fn policies(
    c: &mut Conn,
    whose: Whose,
    after: &str,
    limit: i64,
) -> Result<Vec<KeptPolicy>, DbError> {
    let rows: Vec<Columns> = c
        .all(
            sql!(
                "SELECT definition, revision, updated_at FROM policies \
                 WHERE organisation_id = $1 AND event_id = $2 AND region > $3 ORDER BY region LIMIT $4"
            ),
            vals![whose.organisation, whose.event(), after, limit],
        )
        .await?;
    Ok(rows.into_iter().map(kept).collect())
}

/// The policy for a region.
pub(super) async fn policy(
    c: &mut Conn,
    whose: Whose,
    region: Region,
) -> Result<Option<KeptPolicy>, DbError> {
    let row: Option<Columns> = c
        .opt(
            sql!(
                "SELECT definition, revision, updated_at FROM policies \
                 WHERE organisation_id = $1 AND event_id = $2 AND region = $3"
            ),
            vals![whose.organisation, whose.event(), region.to_string()],
        )
        .await?;
    Ok(row.map(kept))
}

/// Writes a new policy, unless somebody was a moment earlier.
pub(super) async fn insert(c: &mut Conn, whose: Whose, kept: &KeptPolicy) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO policies (organisation_id, event_id, region, definition, revision, updated_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organisation_id, event_id, region) DO NOTHING"
            ),
            vals![
                whose.organisation,
                whose.event(),
                kept.region.to_string(),
                Val::json(&kept.policy())?,
                kept.version,
                kept.updated_at
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Writes a policy over one that still has version `from`.
pub(super) async fn update(
    c: &mut Conn,
    whose: Whose,
    kept: &KeptPolicy,
    from: i64,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE policies SET definition = $5, revision = $6, updated_at = $7 \
                 WHERE organisation_id = $1 AND event_id = $2 AND region = $3 AND revision = $4"
            ),
            vals![
                whose.organisation,
                whose.event(),
                kept.region.to_string(),
                from,
                Val::json(&kept.policy())?,
                kept.version,
                kept.updated_at
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Drops a policy that still has version `from`.
pub(super) async fn delete(
    c: &mut Conn,
    whose: Whose,
    region: Region,
    from: i64,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "DELETE FROM policies \
                 WHERE organisation_id = $1 AND event_id = $2 AND region = $3 AND revision = $4"
            ),
            vals![whose.organisation, whose.event(), region.to_string(), from],
        )
        .await?;
    Ok(touched == 1)
}

// What held before

/// Keeps a policy that has version `from` and is about to go: it held until now. One that was there for no
/// time at all was shown to nobody.
pub(super) async fn keep(
    c: &mut Conn,
    whose: Whose,
    region: Region,
    from: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO policy_versions (organisation_id, event_id, region, definition, from_at, until_at) \
             SELECT organisation_id, event_id, region, definition, updated_at, CAST($5 AS BIGINT) FROM policies \
             WHERE organisation_id = $1 AND event_id = $2 AND region = $3 AND revision = $4 AND updated_at < $5 \
             ON CONFLICT (organisation_id, event_id, region, from_at) DO NOTHING"
        ),
        vals![
            whose.organisation,
            whose.event(),
            region.to_string(),
            from,
            now
        ],
    )
    .await?;
    Ok(())
}

/// The policies that held at a moment and do not any more.
pub(super) async fn replaced_since(
    c: &mut Conn,
    whose: Whose,
    at: Timestamp,
) -> Result<Vec<Policy>, DbError> {
    let rows: Vec<AsJson<Policy>> = c
        .scalars(
            sql!(
                "SELECT definition FROM policy_versions \
                 WHERE organisation_id = $1 AND event_id = $2 AND from_at <= $3 AND until_at > $3 ORDER BY region"
            ),
            vals![whose.organisation, whose.event(), at],
        )
        .await?;
    Ok(rows.into_iter().map(|AsJson(policy)| policy).collect())
}

/// The regions of which it is known what held before.
pub(super) async fn known_regions(c: &mut Conn, whose: Whose) -> Result<Vec<String>, DbError> {
    c.scalars(
        sql!(
            "SELECT DISTINCT region FROM policy_versions WHERE organisation_id = $1 AND event_id = $2"
        ),
        vals![whose.organisation, whose.event()],
    )
    .await
}
