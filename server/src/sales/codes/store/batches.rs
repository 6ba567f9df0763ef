//! Batches and the codes that are made for them.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::catalog::EventId;
use crate::identity::OrganisationId;
use crate::sales::codes::model::*;

record! {
    /// A batch as it is stored.
    #[derive(Clone, Debug)]
    pub(in crate::sales::codes) struct BatchRow {
        pub(in crate::sales::codes) id: PromoCodeBatchId,
        pub(in crate::sales::codes) organisation_id: OrganisationId,
        pub(in crate::sales::codes) event_id: Option<EventId>,
        pub(in crate::sales::codes) name: String,
        pub(in crate::sales::codes) prefix: String,
        pub(in crate::sales::codes) letters: u32,
        pub(in crate::sales::codes) rule: AsJson<PromoCodeRule>,
        pub(in crate::sales::codes) size: i64,
        pub(in crate::sales::codes) made: i64,
        pub(in crate::sales::codes) archived_at: Option<Timestamp>,
        pub(in crate::sales::codes) created_at: Timestamp,
    }
}

pub(in crate::sales::codes) async fn insert(
    c: &mut Conn,
    row: &BatchRow,
    actor: &str,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO promo_code_batches (id, organisation_id, event_id, name, prefix, letters, rule, size, \
             created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        ),
        vals![
            row.id,
            row.organisation_id,
            row.event_id,
            &row.name,
            &row.prefix,
            row.letters,
            Val::json(&row.rule.0)?,
            row.size,
            actor,
            row.created_at
        ],
    )
    .await?;
    Ok(())
}

/// How many batches an organisation has.
pub(in crate::sales::codes) async fn count(
    c: &mut Conn,
    organisation: OrganisationId,
) -> Result<i64, DbError> {
    c.scalar(
        sql!("SELECT COUNT(*) FROM promo_code_batches WHERE organisation_id = $1"),
        vals![organisation],
    )
    .await
}

pub(in crate::sales::codes) async fn by_id(
    c: &mut Conn,
    id: PromoCodeBatchId,
) -> Result<Option<BatchRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, organisation_id, event_id, name, prefix, letters, rule, size, made, archived_at, created_at \
             FROM promo_code_batches WHERE id = $1"
        ),
        vals![id],
    )
    .await
}

/// An organisation's batches, newest first, before one of them: those of an event, or of the events
/// that may be seen.
pub(in crate::sales::codes) async fn list(
    c: &mut Conn,
    organisation: OrganisationId,
    event: Option<EventId>,
    only: Option<Vec<EventId>>,
    before: Option<PromoCodeBatchId>,
    limit: i64,
) -> Result<Vec<BatchRow>, DbError> {
    // `~` sorts after every id.
    let before = before.map_or_else(|| "~".to_owned(), |id| id.to_string());
    c.all(
        sql!(
            "SELECT id, organisation_id, event_id, name, prefix, letters, rule, size, made, archived_at, created_at \
             FROM promo_code_batches WHERE organisation_id = $1 AND ($2 OR event_id = $3) \
             AND ($4 OR event_id IN (SELECT value FROM list($5))) AND id < $6 ORDER BY id DESC LIMIT $7"
        ),
        vals![
            organisation,
            event.is_none(),
            event,
            only.is_none(),
            Val::texts(only.unwrap_or_default()),
            before,
            limit
        ],
    )
    .await
}

/// Archives a batch, and by that all its codes; says whether it was not before.
pub(in crate::sales::codes) async fn archive(
    c: &mut Conn,
    id: PromoCodeBatchId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE promo_code_batches SET archived_at = $2 WHERE id = $1 AND archived_at IS NULL"
            ),
            vals![id, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Locks a batch for the rest of the write; says how many of its codes are yet to be made.
pub(in crate::sales::codes) async fn lock_missing(
    c: &mut Conn,
    id: PromoCodeBatchId,
) -> Result<Option<i64>, DbError> {
    c.scalar_opt(
        sql!(
            "SELECT size - made FROM promo_code_batches WHERE id = $1 AND archived_at IS NULL FOR UPDATE"
        ),
        vals![id],
    )
    .await
}

/// Stores codes of a batch, but for those whose form is taken, and counts them.
pub(in crate::sales::codes) async fn add(
    c: &mut Conn,
    batch: &BatchRow,
    drawn: &[Drawn],
    now: Timestamp,
) -> Result<i64, DbError> {
    let added = c
        .insert_many(
            sql!(
                "INSERT INTO promo_codes (id, organisation_id, event_id, batch_id, form, shown, name, max_uses, \
                 created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8) \
                 ON CONFLICT (organisation_id, form) DO NOTHING"
            ),
            drawn
                .iter()
                .map(|code| {
                    vals![
                        code.id,
                        batch.organisation_id,
                        batch.event_id,
                        batch.id,
                        &code.form,
                        &code.shown,
                        &batch.name,
                        now
                    ]
                })
                .collect(),
        )
        .await?;
    let added = i64::try_from(added).unwrap_or(0);
    c.exec(
        sql!("UPDATE promo_code_batches SET made = made + $2 WHERE id = $1"),
        vals![batch.id, added],
    )
    .await?;
    Ok(added)
}

/// The codes of a batch as they are printed, with how often each was used, after one of them.
pub(in crate::sales::codes) async fn texts(
    c: &mut Conn,
    id: PromoCodeBatchId,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, String, i64)>, DbError> {
    c.all(
        sql!(
            "SELECT id, shown, used FROM promo_codes WHERE batch_id = $1 AND id > $2 ORDER BY id LIMIT $3"
        ),
        vals![id, after, limit],
    )
    .await
}
