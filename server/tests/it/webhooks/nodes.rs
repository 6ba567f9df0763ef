//! Two nodes on one database, and entries of the outbox that cannot be read.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bilten_adapters::outgoing::Outside;
use bilten_kernel::db::Db;
use bilten_kernel::random::OsRandom;
use bilten_kernel::{on_both_engines, outbox, sql, vals};
use bilten_server::app::{App, Post};
use bilten_server::server;
use serde_json::json;

use super::hook::Hook;
use super::*;
use crate::app::{TestApp, vault};

on_both_engines! {
    /// On SQLite there is one node only.
    /// covers: BE-7, GW-10, DB-8
    async fn two_nodes_send_each_message_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let mut tasks = Vec::new();
        let mut other_db = None;
        if t.app.db.engine() == "postgres" {
            let db = Db::open(&t.app.config.database).await.unwrap();
            let config = t.app.config.clone();
            let outside = Outside::new(config.outgoing, t.clock.clone(), Arc::new(OsRandom));
            let (keys, post) = (vault(&db, t.app.now()).await, Post::new(&config, outside).unwrap());
            let other = App::new(db.clone(), t.clock.clone(), Arc::new(OsRandom), config, keys, post);
            let until = || {
                let mut stopped = stopped.clone();
                async move { let _ = stopped.wait_for(|stop| *stop).await; }
            };
            tasks.push(tokio::spawn(server::webhook_jobs(&other).run(until())));
            tasks.push(tokio::spawn(server::dispatcher(&other).run(until())));
            let (listening, until) = (db.clone(), until());
            tasks.push(tokio::spawn(async move { listening.wake_each_other(None, until).await }));
            other_db = Some(db);
        }
        let hooks = [Hook::start().await, Hook::start().await];
        for hook in &hooks {
            endpoint(&t.organiser, &hook.url, &["order.paid"]).await;
        }
        let event = t.event(&[("Standing", 2500, 1_000)]).await;
        let buyers = (0..40).map(|n| {
            let (t, event) = (&t, &event);
            async move { t.stranger.buy(event, 0, 1, "succeed", &format!("k{n}")).await.expect(201) }
        });
        futures_util::future::join_all(buyers).await;
        for hook in &hooks {
            hook.wait_for(40).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let ids = |hook: &Hook| -> BTreeSet<String> { hook.received().iter().map(|one| one.id().to_owned()).collect() };
        for hook in &hooks {
            assert_eq!((hook.received().len(), ids(hook).len()), (40, 40), "something was sent twice");
        }
        assert_eq!(ids(&hooks[0]), ids(&hooks[1]), "one message for both");
        stop.send_replace(true);
        for task in tasks {
            task.await.unwrap();
        }
        if let Some(db) = other_db {
            db.close().await;
        }
        t.stop().await;
    }

    /// covers: BE-7
    async fn what_cannot_be_told_is_a_dead_letter_until_it_is_replayed(db: TestDb) {
        let t = TestApp::start(db).await;
        let hook = Hook::start().await;
        endpoint(&t.organiser, &hook.url, &["event.deleted"]).await;
        t.app.db.write(|c| Box::pin(async move {
            c.exec(
                sql!("INSERT INTO outbox (aggregate, kind, payload, created_at) VALUES ('x', 'event.deleted', 'nonsense', 1)"),
                vals![],
            ).await
        })).await.unwrap();
        let user = t.person("admin").await;
        t.grant_platform(user).await;
        let admin = t.signed_in(user, true).await;
        let begin = Instant::now();
        let letters = loop {
            let letters = admin.get("/api/v1/platform/outbox/dead-letters").await.expect(200);
            if letters["items"].as_array().is_some_and(|items| !items.is_empty()) {
                break letters;
            }
            assert!(begin.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let letter = &letters["items"][0];
        assert_eq!((&letter["kind"], &letter["aggregate"]), (&json!("event.deleted"), &json!("x")));
        assert!(letter["last_error"].as_str().unwrap().starts_with("webhooks: "), "{letter}");
        let report = admin.get("/api/v1/platform/outbox").await.expect(200);
        assert_eq!((&report["dead"], report["lag_ms"].is_i64()), (&json!(1), true));
        // Mended, it is told.
        t.app.db.write(|c| Box::pin(async move {
            let payload = json!({"kind": "event_deleted", "event": "evt_00000000000000000000000000",
                "organisation": "org_00000000000000000000000000"}).to_string();
            c.exec(sql!("UPDATE outbox SET payload = $1 WHERE is_dead"), vals![payload]).await
        })).await.unwrap();
        let many: Vec<i64> = (0..1_001).collect();
        admin.post("/api/v1/platform/outbox/replay", json!({"ids": many})).await.refused(422, "invalid");
        let none = admin.post("/api/v1/platform/outbox/replay", json!({"ids": [letter["id"].as_i64().unwrap() + 1]})).await;
        assert_eq!(none.expect(200)["replayed"], 0);
        let replayed = admin.post("/api/v1/platform/outbox/replay", json!({"ids": [letter["id"]]})).await.expect(200);
        assert_eq!(replayed["replayed"], 1);
        let begin = Instant::now();
        while outbox::lag(&t.app.db).await.unwrap().waiting > 0 {
            assert!(begin.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let audit = admin.get("/api/v1/platform/audit?action=outbox.").await.expect(200);
        assert_eq!(audit["items"].as_array().unwrap().len(), 1);
        let lag = outbox::lag(&t.app.db).await.unwrap();
        assert_eq!((lag.waiting, lag.dead), (0, 0));
        t.stop().await;
    }
}
