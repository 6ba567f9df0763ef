//! The verifier against somebody who has the database, knows this program, and lacks the master key.

use bilten_kernel::db::Db;
use bilten_kernel::{on_both_engines, record, sql, vals};
use bilten_server::platform::{Anchor, AuditCheck, AuditRecord, BrokenLink, verify_audit};
use sha2::{Digest, Sha256};

use super::{holds, record, record_from};
use crate::app::TestApp;

record! {
    struct Row {
        seq: i64,
        at: i64,
        organisation_id: Option<String>,
        actor: String,
        action: String,
        subject: String,
        detail: String,
        request_id: Option<String>,
        person: Option<String>,
        origin: Option<Vec<u8>>,
        previous_hash: Vec<u8>,
        hash: Vec<u8>,
    }
}

/// The hash of an entry, written a second time from its description.
fn hash(row: &Row) -> Vec<u8> {
    let (seq, at) = (row.seq.to_be_bytes(), row.at.to_be_bytes());
    let fields: [Option<&[u8]>; 12] = [
        Some(b"bilten audit entry v1"),
        Some(&row.previous_hash),
        Some(&seq),
        Some(&at),
        row.organisation_id.as_deref().map(str::as_bytes),
        Some(row.actor.as_bytes()),
        Some(row.action.as_bytes()),
        Some(row.subject.as_bytes()),
        Some(row.detail.as_bytes()),
        row.request_id.as_deref().map(str::as_bytes),
        row.person.as_deref().map(str::as_bytes),
        row.origin.as_deref(),
    ];
    let mut text = Vec::new();
    for field in fields {
        text.push(u8::from(field.is_some()));
        let field = field.unwrap_or_default();
        text.extend(u64::try_from(field.len()).unwrap().to_be_bytes());
        text.extend(field);
    }
    Sha256::digest(text).to_vec()
}

async fn exec(
    db: &Db,
    statement: &'static bilten_kernel::db::Statement,
    vals: Vec<bilten_kernel::db::Val>,
) {
    let touched = db
        .write(move |c| Box::pin(async move { c.exec(statement, vals).await }))
        .await
        .unwrap();
    assert!(touched > 0, "{}", statement.sql());
}

/// Writes the whole log anew from an entry on, as it would have been written.
async fn rewrite(db: &Db) {
    let rows: Vec<Row> = db
        .all(
            sql!(
                "SELECT seq, at, organisation_id, actor, action, subject, detail, request_id, person, origin, \
                 previous_hash, hash FROM audit_log ORDER BY seq"
            ),
            vals![],
        )
        .await
        .unwrap();
    let mut last = vec![0; 32];
    for (mut row, seq) in rows.into_iter().zip(1..) {
        let old = row.seq;
        (row.seq, row.previous_hash) = (seq, last);
        last = hash(&row);
        let vals = vals![old, seq, &row.previous_hash, &last];
        exec(
            db,
            sql!("UPDATE audit_log SET seq = $2, previous_hash = $3, hash = $4 WHERE seq = $1"),
            vals,
        )
        .await;
    }
    exec(
        db,
        sql!("UPDATE audit_head SET seq = (SELECT MAX(seq) FROM audit_log), hash = $1"),
        vals![last],
    )
    .await;
}

async fn filled(t: &TestApp) -> i64 {
    for n in 0..20 {
        let entry = AuditRecord::new("usr_1", "test.done", format!("evt_{n}")).of("org_1");
        if n % 3 == 0 {
            record_from(&t.app, entry, "usr_1").await;
        } else {
            record(&t.app, entry).await;
        }
    }
    holds(&verify_audit(&t.app.db, &t.app.vault, None).await.unwrap())
}

async fn broken(t: &TestApp, anchor: Option<Anchor>) -> Option<(i64, AuditCheck)> {
    let verdict = verify_audit(&t.app.db, &t.app.vault, anchor).await.unwrap();
    verdict.broken.map(|BrokenLink { seq, check }| (seq, check))
}

on_both_engines! {
    /// Each change is nearer to the beginning than the one before, so it is the first that is found.
    ///
    /// covers: DB-6
    async fn the_first_broken_link_is_named(db: TestDb) {
        let t = TestApp::start(db).await;
        let (db, last) = (t.app.db.clone(), filled(&t).await);

        // The tail is cut off.
        exec(&db, sql!("DELETE FROM audit_log WHERE seq = $1"), vals![last]).await;
        assert_eq!(broken(&t, None).await, Some((last, AuditCheck::Tail)));
        // Two entries are swapped.
        let (one, other) = (last - 3, last - 2);
        exec(&db, sql!("UPDATE audit_log SET seq = -1 WHERE seq = $1"), vals![one]).await;
        exec(&db, sql!("UPDATE audit_log SET seq = $1 WHERE seq = $2"), vals![one, other]).await;
        exec(&db, sql!("UPDATE audit_log SET seq = $1 WHERE seq = -1"), vals![other]).await;
        assert_eq!(broken(&t, None).await, Some((one, AuditCheck::Hash)));
        // An entry is deleted.
        exec(&db, sql!("DELETE FROM audit_log WHERE seq = $1"), vals![last - 6]).await;
        assert_eq!(broken(&t, None).await, Some((last - 5, AuditCheck::Gap)));
        // One is changed, and its hash with it.
        let changed = last - 9;
        exec(&db, sql!("UPDATE audit_log SET actor = 'usr_2' WHERE seq = $1"), vals![changed]).await;
        assert_eq!(broken(&t, None).await, Some((changed, AuditCheck::Hash)));
        let row: Row = db.one(
            sql!("SELECT seq, at, organisation_id, actor, action, subject, detail, request_id, person, origin, \
                  previous_hash, hash FROM audit_log WHERE seq = $1"),
            vals![changed],
        ).await.unwrap();
        exec(&db, sql!("UPDATE audit_log SET hash = $2 WHERE seq = $1"), vals![changed, hash(&row)]).await;
        assert_eq!(broken(&t, None).await, Some((changed + 1, AuditCheck::Link)));
        // Where somebody acted from is bound as well.
        exec(&db, sql!("UPDATE audit_log SET origin = NULL WHERE seq = (SELECT MIN(seq) FROM audit_log WHERE person IS NOT NULL)"), vals![]).await;
        let first: i64 = db.scalar(sql!("SELECT MIN(seq) FROM audit_log WHERE person IS NOT NULL"), vals![]).await.unwrap();
        assert_eq!(broken(&t, None).await, Some((first, AuditCheck::Hash)));
        // One is slipped in before the first.
        exec(&db, sql!(
            "INSERT INTO audit_log (seq, at, actor, action, subject, detail, previous_hash, hash) \
             SELECT 0, at, actor, action, subject, detail, previous_hash, hash FROM audit_log WHERE seq = 1"
        ), vals![]).await;
        assert_eq!(broken(&t, None).await, Some((0, AuditCheck::Gap)));
        t.stop().await;
    }

    /// covers: DB-6
    async fn a_log_that_was_written_anew_is_found_by_its_end(db: TestDb) {
        let t = TestApp::start(db).await;
        let (db, last) = (t.app.db.clone(), filled(&t).await);
        let seen: Anchor = verify_audit(&db, &t.app.vault, None).await.unwrap().head.parse().unwrap();
        // Written anew without a change it is the same log: the description above is right.
        rewrite(&db).await;
        assert_eq!(broken(&t, None).await, None);

        // An entry is taken out and everything after it bound anew.
        exec(&db, sql!("DELETE FROM audit_log WHERE seq = $1"), vals![last - 4]).await;
        rewrite(&db).await;
        assert_eq!(broken(&t, None).await, Some((last - 1, AuditCheck::Head)));
        // Not even the last hash can be kept.
        exec(&db, sql!("UPDATE audit_head SET seq = $1, hash = $2"), vals![last, vec![7u8; 32]]).await;
        assert_eq!(broken(&t, None).await, Some((last, AuditCheck::Head)));
        // Or the head taken away.
        exec(&db, sql!("DELETE FROM audit_head"), vals![]).await;
        assert_eq!(broken(&t, None).await, Some((last - 1, AuditCheck::Head)));
        // Whoever remembers an entry needs no head.
        assert_eq!(broken(&t, Some(seen)).await.map(|(_, check)| check), Some(AuditCheck::Anchor));
        // And nobody appends to a log without its end.
        let work = t.app.clone();
        let refused = db.write(move |c| Box::pin(async move {
            bilten_server::platform::audit(&work, c, AuditRecord::new("usr_1", "test.done", "evt_1")).await
        })).await;
        assert!(refused.is_err());
        t.stop().await;
    }

    /// Somebody puts an older copy of the log back, with its true end.
    ///
    /// covers: DB-6
    async fn an_older_log_is_found_by_what_was_remembered(db: TestDb) {
        let t = TestApp::start(db).await;
        let (db, last) = (t.app.db.clone(), filled(&t).await);
        let (seq, head, mac): (i64, Vec<u8>, Vec<u8>) =
            db.one(sql!("SELECT seq, hash, mac FROM audit_head"), vals![]).await.unwrap();
        record(&t.app, AuditRecord::new("usr_1", "test.done", "evt_1")).await;
        let seen: Anchor = verify_audit(&db, &t.app.vault, None).await.unwrap().head.parse().unwrap();
        exec(&db, sql!("DELETE FROM audit_log WHERE seq > $1"), vals![seq]).await;
        exec(&db, sql!("UPDATE audit_head SET seq = $1, hash = $2, mac = $3"), vals![seq, head, mac]).await;
        assert_eq!(broken(&t, None).await, None);
        assert_eq!(broken(&t, Some(seen.clone())).await, Some((last + 1, AuditCheck::Anchor)));
        // The log grows on, and the entry at that place is another one.
        record(&t.app, AuditRecord::new("usr_1", "test.done", "evt_2")).await;
        assert_eq!(broken(&t, None).await, None);
        assert_eq!(broken(&t, Some(seen)).await, Some((last + 1, AuditCheck::Anchor)));
        t.stop().await;
    }
}
