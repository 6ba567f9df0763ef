//! Replacing keys while everybody works.
//!
//! [`rotate_keys`] adds a data key that becomes active only when every node has learnt of it;
//! [`reseal`] then seals again what older keys sealed, row by row and only what is still as it was
//! read. [`rewrap_keys`] wraps the data keys by another master key, in one transaction. Whatever is
//! interrupted anywhere is gone on with: a row is sealed either by the old key or by the new one,
//! and both open.

use std::time::Duration;

use bilten_kernel::db::{Db, DbError};
use bilten_kernel::jobs::{self, JobError};
use bilten_kernel::random::OsRandom;
use tokio::time::Instant;

use super::super::model::*;
use super::super::store::sealed::SealedRow;
use super::super::vault::{MAC_KEY, active, header, hex, wrap, wrap_again};
use super::super::{MasterKey, Masters, VaultError, store};
use super::{PlatformError, audit};
use crate::app::App;

/// How often a node reads the data keys.
pub const KEYS_REFRESH: Duration = Duration::from_secs(30);
/// After what time a new data key becomes active: every node has read it by then.
pub const KEYS_GRACE: Duration = Duration::from_secs(90);
/// The job that seals again.
pub const RESEAL_JOB: &str = "platform.reseal";
/// How many texts one write seals again.
const BATCH: i64 = 200;
/// How long a job seals again before it lets another one go on.
const JOB_TIME: Duration = Duration::from_secs(30);

/// Makes a new data key, which becomes active after `grace`; a job then seals again what is sealed
/// by older ones. Gives its number.
///
/// # Errors
/// [`PlatformError::RotationUnderWay`] if one is coming already, or a fault of the database.
pub async fn rotate_keys(app: &App, actor: &str, grace: Duration) -> Result<u32, PlatformError> {
    let (work, actor, now) = (app.clone(), actor.to_owned(), app.now());
    let id = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let app = work;
                store::keys::lock(c, MAC_KEY).await?;
                let rows = store::keys::all(c).await?;
                if rows.iter().any(|row| row.active_from > now) {
                    return Err(PlatformError::RotationUnderWay);
                }
                let id = rows.iter().map(|row| row.id).max().unwrap_or(MAC_KEY) + 1;
                let (mut key, mut nonce) = ([0; 32], [0; 24]);
                app.random.fill(&mut key);
                app.random.fill(&mut nonce);
                let master = app.vault.masters().current();
                let due = now + grace;
                let row = wrap(master, id, KeyPurpose::Seal, &key, nonce, now, due)?;
                store::keys::insert(c, &row).await?;
                // Other nodes seal by the key before until they have read the keys once more.
                jobs::enqueue(c, RESEAL_JOB, &(), due + KEYS_REFRESH).await?;
                let record = AuditRecord::new(actor, "keys.rotated", format!("data_key_{id}"));
                let detail = serde_json::json!({"active_from": due});
                audit(&app, c, record.detail(detail)).await?;
                Ok(id)
            })
        })
        .await?;
    app.vault.refresh(&app.db, app.now()).await?;
    Ok(id)
}

/// Wraps all data keys by a master key: the one given, or else this node's. Whatever wrapped them
/// before must be known here. Gives how many keys there are.
///
/// # Errors
/// [`PlatformError::Vault`] if a data key cannot be opened, or a fault of the database.
pub async fn rewrap_keys(
    app: &App,
    actor: &str,
    master: Option<MasterKey>,
) -> Result<u64, PlatformError> {
    let (work, actor) = (app.clone(), actor.to_owned());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = work;
                let masters = match master {
                    Some(master) => app.vault.masters().wrapping_by(master),
                    None => app.vault.masters().clone(),
                };
                store::keys::lock(c, MAC_KEY).await?;
                let rows = store::keys::all(c).await?;
                let wrapped: Result<Vec<_>, VaultError> = rows
                    .iter()
                    .map(|row| wrap_again(&masters, row, &*app.random))
                    .collect();
                let count = store::keys::wrap_again(c, &wrapped?).await?;
                let to = masters.current().fingerprint().to_string();
                let record = AuditRecord::new(actor, "keys.rewrapped", format!("master_{to}"));
                let detail = serde_json::json!({"keys": count});
                audit(&app, c, record.detail(detail)).await?;
                Ok(count)
            })
        })
        .await
}

/// Seals again, by the active key, what older ones have sealed; stops when `time` is over.
///
/// # Errors
/// A fault of the database.
pub async fn reseal(app: &App, time: Duration) -> Result<Resealed, PlatformError> {
    let began = Instant::now();
    app.vault.refresh(&app.db, app.now()).await?;
    let active = app.vault.active_key();
    let mut done = Resealed::default();
    for column in app.vault.columns() {
        let mut after = None;
        loop {
            if began.elapsed() > time {
                return Ok(done);
            }
            let Some(last) = reseal_batch(app, column, active, after, &mut done).await? else {
                break;
            };
            after = Some(last);
        }
    }
    let mut older = 0;
    for count in counts(app, active).await? {
        older += count.older;
    }
    done.is_done = older == 0 || u64::try_from(older).is_ok_and(|older| older == done.unreadable);
    if older == 0 {
        let now = app.now();
        app.db
            .write(move |c| {
                Box::pin(async move { store::keys::retire_before(c, active, now).await })
            })
            .await?;
    }
    Ok(done)
}

/// Seals some rows again; gives the last one that was read.
async fn reseal_batch(
    app: &App,
    column: &'static SealedColumn,
    active: u32,
    after: Option<SealedRow>,
    done: &mut Resealed,
) -> Result<Option<SealedRow>, PlatformError> {
    let rows = app
        .db
        .read(move |c| {
            Box::pin(async move {
                store::sealed::batch(c, column, after.as_ref(), &header(active), BATCH).await
            })
        })
        .await?;
    let last = rows.last().cloned();
    let mut resealed = Vec::with_capacity(rows.len());
    for row in rows {
        let purpose = (column.purpose)(&row.about);
        match app.vault.open(&purpose, &row.sealed) {
            Ok(secret) => {
                let sealed = app.vault.seal(&purpose, &secret, &*app.random)?;
                resealed.push((row, sealed));
            }
            Err(error) => {
                done.unreadable += 1;
                tracing::error!(column = column.name, about = row.about, %error, "a secret cannot be sealed again");
            }
        }
    }
    done.moved += app
        .db
        .write(move |c| Box::pin(async move { store::sealed::replace(c, column, &resealed).await }))
        .await?;
    Ok(last)
}

/// What the job does: some of the work, and another job for the rest.
///
/// # Errors
/// A fault of the database, after which it is tried again.
pub async fn reseal_job(app: &App) -> Result<(), JobError> {
    let done = reseal(app, JOB_TIME).await?;
    if done.moved > 0 || done.unreadable > 0 {
        let (moved, unreadable) = (done.moved, done.unreadable);
        tracing::info!(moved, unreadable, is_done = done.is_done, "sealed again");
    }
    if !done.is_done {
        let now = app.now();
        app.db
            .write(move |c| Box::pin(async move { jobs::enqueue(c, RESEAL_JOB, &(), now).await }))
            .await?;
    }
    Ok(())
}

async fn counts(app: &App, active: u32) -> Result<Vec<SealedCount>, DbError> {
    let columns = app.vault.columns().to_vec();
    app.db
        .read_long(move |c| {
            Box::pin(async move {
                let mut counts = Vec::with_capacity(columns.len());
                for column in columns {
                    let (total, older) = store::sealed::count(c, column, &header(active)).await?;
                    counts.push(SealedCount {
                        column: column.name.to_owned(),
                        total,
                        older,
                    });
                }
                Ok(counts)
            })
        })
        .await
}

/// Where the keys stand, and how many secrets each column holds.
///
/// # Errors
/// A fault of the database.
pub async fn keys_report(app: &App) -> Result<KeysReport, PlatformError> {
    let now = app.now();
    let rows = app
        .db
        .read(|c| Box::pin(async move { store::keys::all(c).await }))
        .await?;
    let active = active(&rows, now).ok_or(VaultError::NoKeys)?;
    let state = |row: &DataKeyRow| match row.purpose {
        KeyPurpose::Mac => KeyState::Active,
        KeyPurpose::Seal if row.id == active => KeyState::Active,
        KeyPurpose::Seal if row.active_from > now => KeyState::Coming,
        KeyPurpose::Seal | KeyPurpose::Bare if row.retired_at.is_some() => KeyState::Retired,
        KeyPurpose::Seal | KeyPurpose::Bare => KeyState::Old,
    };
    let keys = rows.iter().map(|row| DataKey {
        id: row.id,
        purpose: row.purpose,
        state: state(row),
        master: hex(&row.master),
        created_at: row.created_at,
        active_from: row.active_from,
        retired_at: row.retired_at,
    });
    Ok(KeysReport {
        master: app.vault.masters().current().fingerprint().to_string(),
        keys: keys.collect(),
        sealed: counts(app, active).await?,
    })
}

/// Whether these master keys open all data keys of a database, which no key at all does not; nothing
/// if there are no data keys yet.
///
/// # Errors
/// A fault of the database.
pub async fn opens_keys(db: &Db, masters: Option<&Masters>) -> Result<Option<bool>, DbError> {
    let rows = db
        .read(|c| Box::pin(async move { store::keys::all(c).await }))
        .await?;
    let opens = |masters| {
        rows.iter()
            .all(|row| wrap_again(masters, row, &OsRandom).is_ok())
    };
    Ok((!rows.is_empty()).then(|| masters.is_some_and(opens)))
}

/// How many of all sealed texts open, and how many do not.
///
/// # Errors
/// A fault of the database.
pub async fn check_sealed(app: &App) -> Result<(u64, u64), PlatformError> {
    let (mut opens, mut does_not) = (0, 0);
    for column in app.vault.columns().to_vec() {
        let mut after: Option<SealedRow> = None;
        loop {
            // No text begins so: all of them are read.
            let rows = app
                .db
                .read(move |c| {
                    Box::pin(async move {
                        store::sealed::batch(c, column, after.as_ref(), &[], BATCH).await
                    })
                })
                .await?;
            for row in &rows {
                let purpose = (column.purpose)(&row.about);
                if app.vault.open(&purpose, &row.sealed).is_ok() {
                    opens += 1;
                } else {
                    does_not += 1;
                }
            }
            after = rows.into_iter().next_back();
            if after.is_none() {
                break;
            }
        }
    }
    Ok((opens, does_not))
}

/// Reads the data keys every now and then, and when a strange one is met, until it is dropped.
pub async fn keep_keys_fresh(app: &App) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(KEYS_REFRESH) => {}
            () = app.vault.missing() => {
                // A broken row must not make it read all the time.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        if let Err(error) = app.vault.refresh(&app.db, app.now()).await {
            tracing::warn!(%error, "the data keys cannot be read");
        }
    }
}
