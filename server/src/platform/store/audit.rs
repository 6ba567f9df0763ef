//! The audit log: entries are inserted and read, and nothing else.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use super::super::model::*;

pub(in crate::platform) async fn insert_head(
    c: &mut Conn,
    hash: &[u8; 32],
    mac: [u8; 32],
) -> Result<(), DbError> {
    c.exec(
        sql!("INSERT INTO audit_head (id, seq, hash, mac) VALUES (1, 0, $1, $2)"),
        vals![hash, mac],
    )
    .await?;
    Ok(())
}

pub(in crate::platform) async fn head(c: &mut Conn) -> Result<Option<AuditHead>, DbError> {
    c.opt(
        sql!("SELECT seq, hash, mac FROM audit_head WHERE id = 1"),
        vals![],
    )
    .await
}

/// Takes the end of the log: whoever wants to append waits from here on.
pub(in crate::platform) async fn lock_head(c: &mut Conn) -> Result<AuditHead, DbError> {
    c.one(
        sql!("SELECT seq, hash, mac FROM audit_head WHERE id = 1 FOR UPDATE"),
        vals![],
    )
    .await
}

pub(in crate::platform) async fn append(
    c: &mut Conn,
    row: &AuditRow,
    mac: [u8; 32],
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO audit_log (seq, at, organisation_id, actor, action, subject, detail, request_id, person, \
             origin, previous_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        ),
        vals![
            row.seq,
            row.at,
            &row.organisation_id,
            &row.actor,
            &row.action,
            &row.subject,
            &row.detail,
            &row.request_id,
            &row.person,
            &row.origin,
            &row.previous_hash,
            &row.hash
        ],
    )
    .await?;
    c.exec(
        sql!("UPDATE audit_head SET seq = $1, hash = $2, mac = $3 WHERE id = 1"),
        vals![row.seq, &row.hash, mac],
    )
    .await?;
    Ok(())
}

/// Entries of which somebody is the actor, the subject, or the owner of the origin; newest first.
pub(in crate::platform) async fn about(
    c: &mut Conn,
    person: &str,
    limit: i64,
) -> Result<Vec<AuditRow>, DbError> {
    c.all(
        sql!(
            "SELECT seq, at, organisation_id, actor, action, subject, detail, request_id, person, origin, \
             previous_hash, hash FROM audit_log \
             WHERE actor = $1 OR subject = $1 OR person = $1 ORDER BY seq DESC LIMIT $2"
        ),
        vals![person, limit],
    )
    .await
}

/// Entries after one of them, in order.
pub(in crate::platform) async fn after(
    c: &mut Conn,
    seq: i64,
    limit: i64,
) -> Result<Vec<AuditRow>, DbError> {
    c.all(
        sql!(
            "SELECT seq, at, organisation_id, actor, action, subject, detail, request_id, person, origin, \
             previous_hash, hash FROM audit_log WHERE seq > $1 ORDER BY seq LIMIT $2"
        ),
        vals![seq, limit],
    )
    .await
}

/// Entries before one of them that fit, newest first.
pub(in crate::platform) async fn list(
    c: &mut Conn,
    filter: &AuditFilter,
    before: i64,
    limit: i64,
) -> Result<Vec<AuditRow>, DbError> {
    // What is sure to be given stands first and has an index; the rest may be NULL.
    macro_rules! by {
        ($first:literal) => {
            sql!(concat!(
                "SELECT seq, at, organisation_id, actor, action, subject, detail, request_id, person, origin, \
                 previous_hash, hash FROM audit_log WHERE seq < $1 AND ",
                $first,
                " AND substr(action, 1, length(CAST($6 AS TEXT))) = $6 AND at >= $7 AND at < $8 \
                 ORDER BY seq DESC LIMIT $9"
            ))
        };
    }
    let statement = if filter.subject.is_some() {
        by!(
            "subject = $4 AND (CAST($2 AS TEXT) IS NULL OR organisation_id = $2) \
             AND (CAST($3 AS TEXT) IS NULL OR actor = $3) AND (CAST($5 AS TEXT) IS NULL OR person = $5)"
        )
    } else if filter.person.is_some() {
        by!(
            "person = $5 AND (CAST($2 AS TEXT) IS NULL OR organisation_id = $2) \
             AND (CAST($3 AS TEXT) IS NULL OR actor = $3) AND CAST($4 AS TEXT) IS NULL"
        )
    } else if filter.actor.is_some() {
        by!(
            "actor = $3 AND (CAST($2 AS TEXT) IS NULL OR organisation_id = $2) \
             AND CAST($4 AS TEXT) IS NULL AND CAST($5 AS TEXT) IS NULL"
        )
    } else if filter.organisation.is_some() {
        by!(
            "organisation_id = $2 AND CAST($3 AS TEXT) IS NULL AND CAST($4 AS TEXT) IS NULL \
             AND CAST($5 AS TEXT) IS NULL"
        )
    } else {
        by!(
            "CAST($2 AS TEXT) IS NULL AND CAST($3 AS TEXT) IS NULL AND CAST($4 AS TEXT) IS NULL \
             AND CAST($5 AS TEXT) IS NULL"
        )
    };
    let action = filter.action.as_deref().unwrap_or_default();
    let from = filter.from.unwrap_or(Timestamp::from_ms(i64::MIN));
    let until = filter.until.unwrap_or(Timestamp::from_ms(i64::MAX));
    c.all(
        statement,
        vals![
            before,
            &filter.organisation,
            &filter.actor,
            &filter.subject,
            &filter.person,
            action,
            from,
            until,
            limit
        ],
    )
    .await
}

/// The first entry that is not older.
pub(in crate::platform) async fn first_since(
    c: &mut Conn,
    since: Timestamp,
) -> Result<Option<i64>, DbError> {
    c.scalar(
        sql!("SELECT MIN(seq) FROM audit_log WHERE at >= $1"),
        vals![since],
    )
    .await
}

// Keys of persons

pub(in crate::platform) async fn person_key(
    c: &mut Conn,
    person: &str,
) -> Result<Option<Vec<u8>>, DbError> {
    c.scalar_opt(
        sql!("SELECT sealed_key FROM audit_persons WHERE person = $1"),
        vals![person],
    )
    .await
}

pub(in crate::platform) async fn person_keys(
    c: &mut Conn,
    persons: Vec<String>,
) -> Result<Vec<(String, Vec<u8>)>, DbError> {
    c.all(
        sql!("SELECT person, sealed_key FROM audit_persons WHERE person IN (SELECT value FROM list($1))"),
        vals![bilten_kernel::db::Val::texts(persons)],
    )
    .await
}

pub(in crate::platform) async fn insert_person(
    c: &mut Conn,
    person: &str,
    sealed_key: &[u8],
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO audit_persons (person, sealed_key, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT (person) DO NOTHING"
        ),
        vals![person, sealed_key, now],
    )
    .await?;
    Ok(())
}

pub(in crate::platform) async fn delete_person(
    c: &mut Conn,
    person: &str,
) -> Result<bool, DbError> {
    let deleted = c
        .exec(
            sql!("DELETE FROM audit_persons WHERE person = $1"),
            vals![person],
        )
        .await?;
    Ok(deleted == 1)
}
