//! Batches: many codes of one rule.
//!
//! The first codes are made in the request itself, the rest by a job, a bounded number in each write,
//! so that nobody waits long for the writer of SQLite. A job that dies half-way is run again and goes
//! on from where the batch is: the batch counts its codes in the write that stores them.

use bilten_core::price::batch_code;
use bilten_kernel::db::{AsJson, DbError, Violation};
use bilten_kernel::jobs::{self, JobError};
use serde_json::json;

use super::manage::{note, statistics};
use super::{CodesError, event_for, may_touch, unknown_event};
use crate::app::App;
use crate::catalog::EventId;
use crate::identity::Tenant;
use crate::sales::codes::model::*;
use crate::sales::codes::store::batches as store;
use crate::sales::codes::store::batches::BatchRow;

/// The job that makes the codes of a batch that are missing; its payload is the batch.
pub const MAKE_CODES_JOB: &str = "codes.make";

/// How many codes are stored in one write.
const AT_ONCE: i64 = 2_000;
/// How many writes one run of the job makes, which is far below the time after which a job counts as lost.
const WRITES: u32 = 10;
/// How many codes are read at once for a file.
const READ: i64 = 5_000;

const MISSING: CodesError = CodesError::NotFound("batch of promo codes");

fn shown(row: BatchRow) -> PromoCodeBatch {
    let state = if row.archived_at.is_some() {
        PromoCodeBatchState::Archived
    } else if row.made < row.size {
        PromoCodeBatchState::Making
    } else {
        PromoCodeBatchState::Ready
    };
    PromoCodeBatch {
        id: row.id,
        organisation_id: row.organisation_id,
        event_id: row.event_id,
        name: row.name,
        prefix: row.prefix,
        letters: row.letters,
        rule: row.rule.0,
        size: row.size,
        made: row.made,
        state,
        archived_at: row.archived_at,
        created_at: row.created_at,
    }
}

/// Draws codes for a batch.
fn draw(app: &App, batch: &BatchRow, count: i64) -> Vec<Drawn> {
    let letters = usize::try_from(batch.letters).unwrap_or(0);
    (0..count)
        .map(|_| {
            let mut random = vec![0; letters];
            app.random.fill(&mut random);
            let id = PromoCodeId::new(&*app.clock, &*app.random);
            Drawn::new(id, &batch.prefix, &batch_code(&random))
        })
        .collect()
}

/// Makes a batch; its codes are there at once if they are few, otherwise soon.
///
/// # Errors
/// [`CodesError::Invalid`], [`CodesError::TooManyBatches`], or a fault of the database.
pub async fn create_batch(
    app: &App,
    tenant: &Tenant,
    actor: String,
    input: PromoCodeBatchInput,
) -> Result<PromoCodeBatch, CodesError> {
    let mut faults = Faults::default();
    faults.batch(&input);
    faults.check().map_err(CodesError::Invalid)?;
    let event = event_for(app, tenant, input.event).await?;
    let rule = input
        .rule
        .checked(event.as_deref(), true)
        .map_err(CodesError::Invalid)?;
    let now = app.now();
    let mut row = BatchRow {
        id: PromoCodeBatchId::new(&*app.clock, &*app.random),
        organisation_id: tenant.organisation,
        event_id: input.event,
        name: input.name.trim().to_owned(),
        prefix: input.prefix,
        letters: input.letters.unwrap_or(BATCH_LETTERS.1),
        rule: AsJson(rule),
        size: i64::from(input.size),
        made: 0,
        archived_at: None,
        created_at: now,
    };
    let drawn = draw(app, &row, row.size.min(AT_ONCE));
    let (work, new) = (app.clone(), row.clone());
    let written: Result<i64, CodesError> = app
        .db
        .write(move |c| {
            Box::pin(async move {
                if store::count(c, new.organisation_id).await? >= MAX_BATCHES {
                    return Err(CodesError::TooManyBatches);
                }
                store::insert(c, &new, &actor).await?;
                let made = store::add(c, &new, &drawn, now).await?;
                if made < new.size {
                    jobs::enqueue(c, MAKE_CODES_JOB, &new.id, now).await?;
                }
                let detail =
                    json!({"event": new.event_id, "size": new.size, "effect": new.rule.0.effect});
                let (organisation, subject) = (new.organisation_id, new.id.to_string());
                let action = "codes.batch_created";
                note(&work, c, organisation, &actor, action, subject, detail).await?;
                Ok(made)
            })
        })
        .await;
    match written {
        Ok(made) => {
            row.made = made;
            Ok(shown(row))
        }
        // The event was deleted in this very moment.
        Err(CodesError::Db(error)) if error.violates(Violation::ForeignKey) => Err(unknown_event()),
        Err(other) => Err(other),
    }
}

/// Makes codes of a batch that are missing; asks to be run again if some still are.
///
/// # Errors
/// [`JobError`] if the database fails.
pub async fn make_codes(app: &App, id: PromoCodeBatchId) -> Result<(), JobError> {
    for round in 1..=WRITES {
        let batch = app
            .db
            .read(move |c| Box::pin(async move { store::by_id(c, id).await }))
            .await?;
        // With its event, a batch may be gone; of one that is archived nothing more is made.
        let Some(batch) = batch.filter(|batch| batch.archived_at.is_none()) else {
            return Ok(());
        };
        let drawn = draw(app, &batch, (batch.size - batch.made).min(AT_ONCE));
        let now = app.now();
        let missing = app
            .db
            .write(move |c| {
                Box::pin(async move {
                    let Some(missing) = store::lock_missing(c, id).await? else {
                        return Ok(0);
                    };
                    // Somebody else may have made some of them meanwhile.
                    let wanted = usize::try_from(missing).unwrap_or(0).min(drawn.len());
                    let wanted = drawn.get(..wanted).unwrap_or_default();
                    let left = missing - store::add(c, &batch, wanted, now).await?;
                    if left > 0 && round == WRITES {
                        jobs::enqueue(c, MAKE_CODES_JOB, &id, now).await?;
                    }
                    Ok::<_, DbError>(left)
                })
            })
            .await?;
        if missing == 0 {
            return Ok(());
        }
    }
    Ok(())
}

async fn row(app: &App, tenant: &Tenant, id: PromoCodeBatchId) -> Result<BatchRow, CodesError> {
    let found = app
        .db
        .read(move |c| Box::pin(async move { store::by_id(c, id).await }))
        .await?;
    found
        .filter(|row| row.organisation_id == tenant.organisation && may_touch(tenant, row.event_id))
        .ok_or(MISSING)
}

/// A batch that the caller may see.
///
/// # Errors
/// [`CodesError::NotFound`], or a fault of the database.
pub async fn batch(
    app: &App,
    tenant: &Tenant,
    id: PromoCodeBatchId,
) -> Result<PromoCodeBatch, CodesError> {
    Ok(shown(row(app, tenant, id).await?))
}

/// An organisation's batches that the caller may see, newest first, before one of them.
///
/// # Errors
/// A fault of the database.
pub async fn batches(
    app: &App,
    tenant: &Tenant,
    event: Option<EventId>,
    before: Option<PromoCodeBatchId>,
    limit: i64,
) -> Result<Vec<PromoCodeBatch>, CodesError> {
    let organisation = tenant.organisation;
    let only = tenant.only().map(<[EventId]>::to_vec);
    let rows = app
        .db
        .read(move |c| {
            Box::pin(async move { store::list(c, organisation, event, only, before, limit).await })
        })
        .await?;
    Ok(rows.into_iter().map(shown).collect())
}

/// Archives a batch: none of its codes can be used any more. Doing it again changes nothing.
///
/// # Errors
/// [`CodesError::NotFound`], or a fault of the database.
pub async fn archive_batch(
    app: &App,
    tenant: &Tenant,
    id: PromoCodeBatchId,
    actor: String,
) -> Result<(), CodesError> {
    let row = row(app, tenant, id).await?;
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if store::archive(c, id, now).await? {
                    let (organisation, subject) = (row.organisation_id, id.to_string());
                    let action = "codes.batch_archived";
                    note(&work, c, organisation, &actor, action, subject, json!({})).await?;
                }
                Ok(())
            })
        })
        .await
}

/// All codes of a batch as lines of CSV, with how often each was used; that somebody took them away
/// is in the audit log.
///
/// # Errors
/// [`CodesError::NotFound`], [`CodesError::NotReady`], or a fault of the database.
pub async fn batch_csv(
    app: &App,
    tenant: &Tenant,
    id: PromoCodeBatchId,
    actor: String,
) -> Result<String, CodesError> {
    let row = row(app, tenant, id).await?;
    if row.made < row.size && row.archived_at.is_none() {
        return Err(CodesError::NotReady);
    }
    let (work, organisation) = (app.clone(), row.organisation_id);
    app.db
        .write(move |c| {
            Box::pin(async move {
                let (action, detail) = ("codes.batch_exported", json!({}));
                let subject = id.to_string();
                note(&work, c, organisation, &actor, action, subject, detail).await
            })
        })
        .await?;
    let text = app
        .db
        .read_long(move |c| {
            Box::pin(async move {
                // No text here needs quotes: codes are letters, digits and dashes.
                let (mut text, mut after) = (String::from("code,uses\r\n"), String::new());
                loop {
                    let page = store::texts(c, id, &after, READ).await?;
                    let Some((last, ..)) = page.last() else {
                        return Ok::<_, DbError>(text);
                    };
                    after.clone_from(last);
                    for (_, code, used) in &page {
                        text.push_str(code);
                        text.push(',');
                        text.push_str(&used.to_string());
                        text.push_str("\r\n");
                    }
                }
            })
        })
        .await?;
    Ok(text)
}

/// How the codes of a batch were used.
///
/// # Errors
/// [`CodesError::NotFound`], or a fault of the database.
pub async fn batch_statistics(
    app: &App,
    tenant: &Tenant,
    id: PromoCodeBatchId,
) -> Result<PromoCodeStatistics, CodesError> {
    row(app, tenant, id).await?;
    statistics(app, None, Some(id)).await
}
