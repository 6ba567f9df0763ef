//! The audit log as those see it who write and read it.

use bilten_kernel::http::{PageQuery, RequestId, request_id};
use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::platform::{self, AuditEntry, AuditFilter, AuditRecord, verify_audit};
use serde_json::json;

use super::{forget, holds, record, record_from};
use crate::app::TestApp;

async fn list(t: &TestApp, filter: AuditFilter) -> Vec<AuditEntry> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = PageQuery {
            limit: Some(3),
            cursor,
        };
        let page = platform::audit_page(&t.app, filter.clone(), &page, false)
            .await
            .unwrap();
        assert!(page.items.len() <= 3);
        found.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return found;
        }
    }
}

on_both_engines! {
    /// covers: DB-6, ADM-8, MON-6
    async fn many_append_at_once_and_the_chain_holds(db: TestDb) {
        let t = TestApp::start(db).await;
        let before = holds(&verify_audit(&t.app.db, &t.app.vault, None).await.unwrap());
        let tasks: Vec<_> = (0..40).map(|n| {
            let app = t.app.clone();
            tokio::spawn(async move {
                let entry = AuditRecord::new(format!("usr_{n}"), "test.done", "evt_1");
                if n % 2 == 0 {
                    record(&app, entry).await;
                } else {
                    // All of one person, whose key is made by whoever comes first.
                    record_from(&app, entry, "usr_shared").await;
                }
            })
        }).collect();
        for task in tasks {
            task.await.unwrap();
        }
        let verdict = verify_audit(&t.app.db, &t.app.vault, None).await.unwrap();
        assert_eq!(holds(&verdict), before + 40);
        // What was seen once can be asked for again.
        let anchor = verdict.head.parse().unwrap();
        record(&t.app, AuditRecord::new("usr_1", "test.done", "evt_1")).await;
        holds(&verify_audit(&t.app.db, &t.app.vault, Some(anchor)).await.unwrap());
        let page = PageQuery { limit: Some(200), cursor: None };
        let all = platform::audit_page(&t.app, AuditFilter::default(), &page, true).await.unwrap().items;
        assert_eq!(all.iter().filter(|entry| entry.origin.is_some()).count(), 20);
        t.stop().await;
    }

    /// covers: DB-6
    async fn an_entry_exists_exactly_if_its_write_does(db: TestDb) {
        let t = TestApp::start(db).await;
        let before = verify_audit(&t.app.db, &t.app.vault, None).await.unwrap();
        let work = t.app.clone();
        let refused: Result<(), platform::PlatformError> = t.app.db.write(move |c| Box::pin(async move {
            platform::audit(&work, c, AuditRecord::new("usr_1", "test.refused", "evt_1")).await?;
            Err(platform::PlatformError::SettingUnknown)
        })).await;
        assert!(refused.is_err());
        assert_eq!(verify_audit(&t.app.db, &t.app.vault, None).await.unwrap(), before);
        t.stop().await;
    }

    /// covers: DB-6, ADM-8
    async fn entries_are_found_by_whom_what_and_when(db: TestDb) {
        let t = TestApp::start(db).await;
        let begin = t.app.now();
        let id = RequestId("req-7".into());
        request_id::scope(id, async {
            for n in 0..5 {
                let entry = AuditRecord::new("usr_a", "members.added", format!("usr_{n}")).of("org_1");
                record(&t.app, entry.detail(json!({"role": "viewer"}))).await;
            }
        }).await;
        t.clock.advance(std::time::Duration::from_secs(60));
        let later = t.app.now();
        for n in 0..4 {
            let entry = AuditRecord::new("usr_b", "members.removed", format!("usr_{n}"));
            record(&t.app, entry.of(if n < 2 { "org_1" } else { "org_2" })).await;
        }
        record_from(&t.app, AuditRecord::new("usr_c", "session.began", "ses_1"), "usr_c").await;

        let text = |text: &str| Some(text.to_owned());
        let none = AuditFilter { from: Some(begin), ..AuditFilter::default() };
        for (filter, wanted) in [
            (none.clone(), 10),
            (AuditFilter { organisation: text("org_1"), ..none.clone() }, 7),
            (AuditFilter { organisation: text("org_2"), ..none.clone() }, 2),
            (AuditFilter { organisation: text("org_3"), ..none.clone() }, 0),
            (AuditFilter { actor: text("usr_a"), ..none.clone() }, 5),
            (AuditFilter { actor: text("usr_b"), organisation: text("org_1"), ..none.clone() }, 2),
            (AuditFilter { subject: text("usr_1"), ..none.clone() }, 2),
            (AuditFilter { subject: text("usr_1"), actor: text("usr_a"), ..none.clone() }, 1),
            (AuditFilter { subject: text("usr_3"), organisation: text("org_1"), ..none.clone() }, 1),
            (AuditFilter { action: text("members."), ..none.clone() }, 9),
            (AuditFilter { action: text("members.r"), organisation: text("org_1"), ..none.clone() }, 2),
            (AuditFilter { action: text("%"), ..none.clone() }, 0),
            (AuditFilter { from: Some(later), ..none.clone() }, 5),
            (AuditFilter { until: Some(later), ..none.clone() }, 5),
            (AuditFilter { person: text("usr_c"), ..none.clone() }, 1),
            (AuditFilter { person: text("usr_c"), actor: text("usr_a"), ..none.clone() }, 0),
        ] {
            let found = list(&t, filter.clone()).await;
            assert_eq!(found.len(), wanted, "{filter:?}");
            assert!(found.windows(2).all(|pair| pair[0].seq > pair[1].seq), "newest first");
        }
        let first = &list(&t, AuditFilter { actor: text("usr_a"), ..none }).await[0];
        assert_eq!(first.request_id.as_deref(), Some("req-7"));
        assert_eq!(first.detail, json!({"role": "viewer"}));
        assert_eq!(first.organisation.as_deref(), Some("org_1"));

        // For a SIEM: from a time on, then from the last one it has.
        let start = platform::audit_export_start(&t.app.db, later).await.unwrap().unwrap();
        let exported = platform::audit_export(&t.app.db, &t.app.vault, start, false).await.unwrap();
        assert_eq!(exported.len(), 5);
        let rest = platform::audit_export(&t.app.db, &t.app.vault, exported[2].seq, false).await.unwrap();
        assert_eq!(rest, exported[3..]);
        t.clock.advance(std::time::Duration::from_secs(60));
        assert_eq!(platform::audit_export_start(&t.app.db, t.app.now()).await.unwrap(), None);
        t.stop().await;
    }

    /// covers: BE-8, DB-6
    async fn who_is_forgotten_is_unreadable_and_the_chain_still_holds(db: TestDb) {
        let t = TestApp::start(db).await;
        for person in ["usr_a", "usr_b", "usr_a"] {
            record_from(&t.app, AuditRecord::new(person, "session.began", "ses_1"), person).await;
        }
        let page = PageQuery::default();
        let origins = async || {
            let filter = AuditFilter { subject: Some("ses_1".to_owned()), ..AuditFilter::default() };
            let page = platform::audit_page(&t.app, filter, &page, true).await.unwrap();
            page.items.into_iter().map(|entry| entry.origin.map(|o| o.ip.to_string())).collect::<Vec<_>>()
        };
        let ip = || Some("192.0.2.77".to_owned());
        assert_eq!(origins().await, [ip(), ip(), ip()]);
        let stored: Vec<Vec<u8>> = t.app.db
            .scalars(sql!("SELECT origin FROM audit_log WHERE person IS NOT NULL"), vals![]).await.unwrap();
        for sealed in stored {
            assert!(!String::from_utf8_lossy(&sealed).contains("192.0.2"));
        }
        let before = verify_audit(&t.app.db, &t.app.vault, None).await.unwrap();
        assert!(forget(&t.app, "usr_a").await);
        assert!(!forget(&t.app, "usr_a").await);
        assert_eq!(origins().await, [None, ip(), None]);
        assert_eq!(verify_audit(&t.app.db, &t.app.vault, None).await.unwrap(), before);
        holds(&before);
        t.stop().await;
    }
}
