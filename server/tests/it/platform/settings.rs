//! Settings and flags.

use std::time::Duration;

use bilten_kernel::http::PageQuery;
use bilten_kernel::on_both_engines;
use bilten_server::platform::{self, AuditFilter, Flag, PlatformError};
use bilten_server::setting;
use serde_json::{Value, json};

use crate::app::TestApp;

setting! {
    /// How many.
    MOST: i64 = "test.most", default: || 10,
    rule: |most| if *most > 0 { Ok(()) } else { Err("at least one".to_owned()) }
}

setting! {
    /// Something new.
    NEW: Flag = "flag.test_new", default: || Flag::Off
}

async fn set(t: &TestApp, key: &str, value: Value, version: i64) -> Result<i64, PlatformError> {
    platform::set_setting(&t.app, key, Some(value), version, "usr_1", "a test")
        .await
        .map(|state| state.version)
}

on_both_engines! {
    /// covers: ADM-4
    async fn a_setting_is_changed_from_the_version_that_was_seen(db: TestDb) {
        let t = TestApp::start(db).await;
        assert_eq!(platform::setting(&t.app, &MOST).await, 10);
        assert_eq!(set(&t, "test.most", json!(20), 0).await.unwrap(), 1);
        // At once on this node, although it was read a moment ago.
        assert_eq!(platform::setting(&t.app, &MOST).await, 20);
        for version in [0, 2, -1] {
            let refused = set(&t, "test.most", json!(30), version).await;
            assert!(matches!(refused, Err(PlatformError::Stale(1))), "{version}: {refused:?}");
        }
        for bad in [json!("20"), json!(1.5), json!(0), json!(null), json!({})] {
            let refused = set(&t, "test.most", bad.clone(), 1).await;
            assert!(matches!(refused, Err(PlatformError::Invalid(_))), "{bad}: {refused:?}");
        }
        assert!(matches!(set(&t, "test.least", json!(1), 0).await, Err(PlatformError::SettingUnknown)));
        let refused = platform::set_setting(&t.app, "test.most", Some(json!(1)), 1, "usr_1", "  ").await;
        assert!(matches!(refused, Err(PlatformError::Invalid(fields)) if fields[0].field == "reason"));

        // Two at once: one is stale.
        let both = tokio::join!(set(&t, "test.most", json!(21), 1), set(&t, "test.most", json!(22), 1));
        let stale = [&both.0, &both.1].into_iter().filter(|r| matches!(r, Err(PlatformError::Stale(_)))).count();
        assert_eq!((stale, both.0.is_ok() || both.1.is_ok()), (1, true), "{both:?}");
        t.stop().await;
    }

    /// covers: ADM-4
    async fn every_change_is_kept_and_can_be_gone_back_to(db: TestDb) {
        let t = TestApp::start(db).await;
        for (version, value) in [(0, 11), (1, 12), (2, 13)] {
            set(&t, "test.most", json!(value), version).await.unwrap();
        }
        let back = |to, version| platform::roll_back_setting(&t.app, "test.most", to, version, "usr_2", "too many");
        assert_eq!(back(1, 3).await.unwrap().value, json!(11));
        assert_eq!(platform::setting(&t.app, &MOST).await, 11);
        assert!(matches!(back(2, 3).await, Err(PlatformError::Stale(4))));
        assert!(matches!(back(9, 4).await, Err(PlatformError::VersionUnknown)));
        assert_eq!(back(0, 4).await.unwrap().value, json!(10));
        assert_eq!(platform::setting(&t.app, &MOST).await, 10);

        let (mut changes, mut cursor) = (Vec::new(), None);
        loop {
            let page = PageQuery { limit: Some(2), cursor };
            let page = platform::setting_history(&t.app, "test.most", &page).await.unwrap();
            changes.extend(page.items);
            cursor = page.next;
            if cursor.is_none() { break }
        }
        let shown: Vec<_> = changes.iter().map(|c| (c.version, c.old.clone(), c.new.clone(), c.actor.as_str())).collect();
        let v = |n: i64| Some(json!(n));
        assert_eq!(shown, [
            (5, v(11), None, "usr_2"), (4, v(13), v(11), "usr_2"), (3, v(12), v(13), "usr_1"),
            (2, v(11), v(12), "usr_1"), (1, None, v(11), "usr_1"),
        ]);
        assert_eq!(changes[0].reason, "too many");
        let filter = AuditFilter { subject: Some("test.most".to_owned()), ..AuditFilter::default() };
        let audited = platform::audit_page(&t.app, filter, &PageQuery::default(), false).await.unwrap().items;
        assert_eq!(audited.len(), 5);
        assert_eq!(audited[0].detail, json!({"version": 5, "rolled_back_to": 0}));
        let states = platform::settings_list(&t.app).await.unwrap();
        let most = states.iter().find(|state| state.key == "test.most").unwrap();
        assert_eq!((most.version, &most.value, most.kind.as_str(), most.about.as_str()), (5, &json!(10), "integer", "How many."));
        t.stop().await;
    }

    /// covers: ADM-4
    async fn another_node_learns_of_a_change_within_seconds(db: TestDb) {
        let t = TestApp::start(db).await;
        assert_eq!(platform::setting(&t.app, &MOST).await, 10);
        // Another node's change: the same database, but not this node's cache.
        let work = t.app.clone();
        t.app.db.write(move |c| Box::pin(async move {
            c.exec(bilten_kernel::sql!("INSERT INTO settings (key, value, version, updated_at) VALUES ('test.most', '77', 1, $1)"),
                bilten_kernel::vals![work.now()]).await
        })).await.unwrap();
        assert_eq!(platform::setting(&t.app, &MOST).await, 10);
        t.clock.advance(Duration::from_secs(6));
        assert_eq!(platform::setting(&t.app, &MOST).await, 77);
        t.stop().await;
    }

    /// covers: ADM-4
    async fn a_flag_is_on_for_a_part_of_the_organisations(db: TestDb) {
        let t = TestApp::start(db).await;
        let on = async || {
            let mut on = Vec::new();
            for n in 0..300 {
                let organisation = format!("org_{n}");
                if platform::flag(&t.app, &NEW, &organisation).await { on.push(organisation) }
            }
            on
        };
        assert!(on().await.is_empty());
        set(&t, "flag.test_new", json!({"for": "percentage", "percent": 20}), 0).await.unwrap();
        let few = on().await;
        assert!((30..90).contains(&few.len()), "{}", few.len());
        assert_eq!(on().await, few);
        set(&t, "flag.test_new", json!({"for": "percentage", "percent": 50}), 1).await.unwrap();
        let more = on().await;
        assert!(more.len() > few.len() && few.iter().all(|one| more.contains(one)));
        set(&t, "flag.test_new", json!({"for": "organisations", "organisations": ["org_7"]}), 2).await.unwrap();
        assert_eq!(on().await, ["org_7"]);
        set(&t, "flag.test_new", json!({"for": "on"}), 3).await.unwrap();
        assert_eq!(on().await.len(), 300);
        for bad in [json!(true), json!({"for": "percentage", "percent": 101}), json!({"for": "some"})] {
            assert!(matches!(set(&t, "flag.test_new", bad.clone(), 4).await, Err(PlatformError::Invalid(_))), "{bad}");
        }
        t.stop().await;
    }
}
