//! The audit log: appended to inside the write that it tells of, listed, exported.

use std::collections::HashMap;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, Db, DbError};
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Page, PageQuery, request_id};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};

use super::super::model::*;
use super::super::vault::{KeysError, Vault, VaultError, hex, open_with, seal_with};
use super::super::{chain, store};
use super::fault;
use crate::app::App;

/// How many entries an export holds at most.
const MOST_EXPORTED: i64 = 10_000;

/// Appends to the audit log inside a write: the entry exists exactly if the write does.
///
/// Call it last: the end of the log is one row, and who has it makes all others wait.
///
/// # Errors
/// A fault of the database.
pub async fn audit(app: &App, c: &mut Conn, record: AuditRecord) -> Result<(), DbError> {
    append(app, c, record, None).await
}

/// Like [`audit`], with where a person acted from. That is personal: it is sealed by a key of the
/// person's own, and [`forget_person`] deletes the key.
///
/// # Errors
/// A fault of the database.
pub async fn audit_with_origin(
    app: &App,
    c: &mut Conn,
    record: AuditRecord,
    origin: &Origin,
    person: &str,
) -> Result<(), DbError> {
    let at = "platform::audit_with_origin";
    let cipher = person_cipher(app, c, person).await?;
    let plain = serde_json::to_vec(origin).map_err(|error| fault(at, error))?;
    let mut nonce = [0; 24];
    app.random.fill(&mut nonce);
    let sealed =
        seal_with(&cipher, &origin_of(person), &plain, nonce).map_err(|error| fault(at, error))?;
    append(app, c, record, Some((person.to_owned(), sealed))).await
}

/// Makes everything personal that the log holds of somebody unreadable for ever, while the log
/// stays whole; says whether there was something.
///
/// # Errors
/// A fault of the database.
pub async fn forget_person(_app: &App, c: &mut Conn, person: &str) -> Result<bool, DbError> {
    store::audit::delete_person(c, person).await
}

async fn append(
    app: &App,
    c: &mut Conn,
    record: AuditRecord,
    origin: Option<(String, Vec<u8>)>,
) -> Result<(), DbError> {
    let (person, origin) = origin.unzip();
    let head = store::audit::lock_head(c).await?;
    let mut row = AuditRow {
        seq: head.seq + 1,
        at: app.now(),
        organisation_id: record.organisation,
        actor: record.actor,
        action: record.action.to_owned(),
        subject: record.subject,
        detail: record.detail.to_string(),
        request_id: request_id::current().map(|id| id.0.to_string()),
        person,
        origin,
        previous_hash: head.hash,
        hash: Vec::new(),
    };
    row.hash = chain::entry_hash(&row).to_vec();
    let mac = chain::head_mac(
        |purpose, parts| app.vault.mac(purpose, parts),
        row.seq,
        &row.hash,
    );
    store::audit::append(c, &row, mac).await
}

/// For what the key of a person is sealed.
pub(in crate::platform) fn person_key_of(person: &str) -> String {
    format!("audit person {person}")
}

fn origin_of(person: &str) -> String {
    format!("audit origin {person}")
}

/// The key of a person, made where there is none.
async fn person_cipher(
    app: &App,
    c: &mut Conn,
    person: &str,
) -> Result<XChaCha20Poly1305, DbError> {
    let at = "platform::person_cipher";
    let purpose = person_key_of(person);
    let sealed = match store::audit::person_key(c, person).await? {
        Some(sealed) => sealed,
        None => {
            let mut key = [0; 32];
            app.random.fill(&mut key);
            let sealed = app.vault.seal(&purpose, &key, &*app.random);
            let sealed = sealed.map_err(|error| fault(at, error))?;
            store::audit::insert_person(c, person, &sealed, app.now()).await?;
            // Somebody else may have been faster.
            store::audit::person_key(c, person)
                .await?
                .ok_or(DbError::NoRow { at })?
        }
    };
    let key = match app.vault.open(&purpose, &sealed) {
        Err(VaultError::UnknownKey(_)) => {
            let read = app.vault.refresh_in(c, app.now()).await;
            read.map_err(|error| match error {
                KeysError::Db(error) => error,
                KeysError::Vault(error) => fault(at, error),
            })?;
            app.vault.open(&purpose, &sealed)
        }
        opened => opened,
    };
    cipher(&key.map_err(|error| fault(at, error))?).ok_or_else(|| fault(at, VaultError::Sealed))
}

fn cipher(key: &[u8]) -> Option<XChaCha20Poly1305> {
    let key: [u8; 32] = key.try_into().ok()?;
    Some(XChaCha20Poly1305::new(&key.into()))
}

/// A page of the log, newest first; with origins if they are asked for.
///
/// # Errors
/// A problem 400 for a strange cursor, or a fault of the database.
pub async fn audit_page(
    app: &App,
    filter: AuditFilter,
    page: &PageQuery,
    with_origins: bool,
) -> Result<Page<AuditEntry>, Problem> {
    let (before, limit) = (page.after()?.unwrap_or(i64::MAX), page.limit_and_one());
    let (rows, keys) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let rows = store::audit::list(c, &filter, before, limit).await?;
                let keys = person_keys(c, &rows, with_origins).await?;
                Ok::<_, DbError>((rows, keys))
            })
        })
        .await?;
    let origins = Origins::open(&app.vault, keys);
    Ok(page.page(rows, |row| row.seq).map(|row| origins.entry(row)))
}

/// What a person did and what was done to them, newest first, at most so many as an export holds;
/// with the origins that were theirs, unless they have been forgotten.
///
/// # Errors
/// A fault of the database.
pub async fn audit_of_person_in(
    app: &App,
    c: &mut Conn,
    person: &str,
) -> Result<Vec<AuditEntry>, DbError> {
    let rows = store::audit::about(c, person, MOST_EXPORTED).await?;
    let keys = store::audit::person_keys(c, vec![person.to_owned()]).await?;
    let origins = Origins::open(&app.vault, keys);
    Ok(rows.into_iter().map(|row| origins.entry(row)).collect())
}

/// Records that somebody reads where people have acted from.
///
/// # Errors
/// A fault of the database.
pub async fn note_origins_read(app: &App, actor: &str) -> Result<(), DbError> {
    let (work, record) = (
        app.clone(),
        AuditRecord::new(actor, "audit.origins_read", "audit_log"),
    );
    app.db
        .write(move |c| Box::pin(async move { audit(&work, c, record).await }))
        .await
}

/// The entries after one of them in order, at most so many as an export holds, for a SIEM that asks
/// again with the last one it has.
///
/// # Errors
/// A fault of the database.
pub async fn audit_export(
    db: &Db,
    vault: &Vault,
    after: i64,
    with_origins: bool,
) -> Result<Vec<AuditEntry>, DbError> {
    let (rows, keys) = db
        .read_long(move |c| {
            Box::pin(async move {
                let rows = store::audit::after(c, after, MOST_EXPORTED).await?;
                let keys = person_keys(c, &rows, with_origins).await?;
                Ok::<_, DbError>((rows, keys))
            })
        })
        .await?;
    let origins = Origins::open(vault, keys);
    Ok(rows.into_iter().map(|row| origins.entry(row)).collect())
}

/// The entry after which an export since some time begins; nothing if there is none since.
///
/// # Errors
/// A fault of the database.
pub async fn audit_export_start(db: &Db, since: Timestamp) -> Result<Option<i64>, DbError> {
    let first = db
        .read(|c| Box::pin(async move { store::audit::first_since(c, since).await }))
        .await?;
    Ok(first.map(|first| first - 1))
}

async fn person_keys(
    c: &mut Conn,
    rows: &[AuditRow],
    with_origins: bool,
) -> Result<Vec<(String, Vec<u8>)>, DbError> {
    let mut persons: Vec<String> = rows.iter().filter_map(|row| row.person.clone()).collect();
    persons.sort();
    persons.dedup();
    if persons.is_empty() || !with_origins {
        return Ok(Vec::new());
    }
    store::audit::person_keys(c, persons).await
}

/// The keys of those who have not been forgotten.
struct Origins(HashMap<String, XChaCha20Poly1305>);

impl Origins {
    fn open(vault: &Vault, keys: Vec<(String, Vec<u8>)>) -> Self {
        let opened = keys.into_iter().filter_map(|(person, sealed)| {
            let key = vault.open(&person_key_of(&person), &sealed).ok()?;
            Some((person, cipher(&key)?))
        });
        Self(opened.collect())
    }

    fn entry(&self, row: AuditRow) -> AuditEntry {
        let origin = row.person.as_ref().and_then(|person| {
            let plain = open_with(
                self.0.get(person)?,
                &origin_of(person),
                row.origin.as_deref()?,
            );
            serde_json::from_slice(&plain.ok()?).ok()
        });
        AuditEntry {
            seq: row.seq,
            at: row.at,
            organisation: row.organisation_id,
            actor: row.actor,
            action: row.action,
            subject: row.subject,
            detail: serde_json::from_str(&row.detail).unwrap_or(serde_json::Value::Null),
            request_id: row.request_id,
            person: row.person,
            origin,
            hash: hex(&row.hash),
        }
    }
}
