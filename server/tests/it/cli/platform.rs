//! `bilten audit`, `bilten keys` and `bilten maintenance`.

use bilten_kernel::db::Db;
use bilten_kernel::{on_both_engines, sql, vals};

use super::{Ended, bilten, finish};

on_both_engines! {
    /// covers: DB-5, DB-6, ADM-4, MON-6
    async fn the_platform_is_looked_after_by_commands(db: TestDb) {
        let folder = tempfile::tempdir().unwrap();
        let (config, path) = (db.config().clone(), folder.path().to_owned());
        let is_sqlite = db.engine() == "sqlite";
        db.db().close().await;
        let url = config.url.clone();
        let run = move |arguments: &[&str]| -> Ended {
            let mut command = bilten(&path);
            command.args(["--database-url", &url]).args(arguments);
            // The runtime has another thread for what goes on besides.
            tokio::task::block_in_place(|| finish(&mut command))
        };
        let well = |arguments: &[&str]| {
            let ended = run(arguments);
            assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
            ended
        };
        // Without tables there is nothing to look at, and nothing is made.
        assert_eq!(run(&["audit", "verify"]).code, Some(1));
        well(&["migrate"]);
        assert_eq!(well(&["audit", "verify"]).values()[0]["entries"], 0);

        let on = well(&["maintenance", "on", "--message", "Back soon.", "--until", "2099-01-01T00:00:00Z"]);
        assert_eq!(on.values()[0]["value"]["message"], "Back soon.");
        let late = run(&["maintenance", "on", "--message", "Back soon.", "--until", "2001-01-01T00:00:00Z"]);
        assert_eq!(late.code, Some(1));
        assert!(late.stderr.starts_with("bilten: invalid: until: "), "{}", late.stderr);
        let off = well(&["maintenance", "off"]);
        assert!(off.values()[0]["value"].is_null());
        let rotated = well(&["keys", "rotate", "--grace", "0"]);
        assert_eq!(rotated.values()[0]["resealed"]["is_done"], true);
        let status = well(&["keys", "status", "--check"]);
        assert_eq!(status.values()[0]["keys"].as_array().unwrap().len(), 3);

        let exported = well(&["audit", "export"]).values();
        let actions: Vec<_> = exported.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["settings.changed", "settings.changed", "keys.rotated"]);
        assert!(exported.iter().all(|entry| entry["actor"] == "command_line"));
        assert_eq!(well(&["audit", "export", "--after", "2"]).values().len(), 1);
        assert_eq!(well(&["audit", "export", "--since", "2099-01-01T00:00:00Z"]).stdout, "");
        assert_eq!(well(&["audit", "export", "--since", "2001-01-01T00:00:00Z"]).values().len(), 3);

        let open = Db::open(&config).await.unwrap();
        open.write(|c| Box::pin(async move {
            for n in 0..2 {
                let dead = sql!("INSERT INTO outbox (aggregate, kind, payload, created_at, is_dead, last_error) VALUES ($1, 'x', '{}', 1, TRUE, 'y: no')");
                c.exec(dead, vals![format!("a{n}")]).await?;
            }
            Ok::<_, bilten_kernel::db::DbError>(())
        })).await.unwrap();
        if is_sqlite {
            // Somebody has the file: looking goes, writing is refused with the way out.
            let head = well(&["audit", "verify"]).values()[0]["head"].as_str().unwrap().to_owned();
            well(&["audit", "verify", "--anchor", &head]);
            let refused = run(&["maintenance", "off"]);
            assert_eq!(refused.code, Some(1));
            assert!(refused.stderr.starts_with("bilten: database_in_use: "), "{}", refused.stderr);
            assert!(refused.stderr.contains("/api/v1/platform/"), "{}", refused.stderr);
            assert_eq!(run(&["outbox", "replay", "--all"]).code, Some(1));
        }
        // Dead letters are seen beside a server, without what they say.
        assert_eq!(well(&["outbox", "status"]).values()[0]["dead"], 2);
        let letters = well(&["outbox", "dead"]).values();
        assert_eq!((letters.len(), letters[0]["aggregate"].as_str(), letters[1]["last_error"].as_str()), (2, Some("a0"), Some("y: no")));
        assert!(letters[0]["payload"].is_null());
        open.write(|c| Box::pin(async move {
            c.exec(sql!("UPDATE audit_log SET actor = 'nobody' WHERE seq = 2"), vals![]).await
        })).await.unwrap();
        let broken = run(&["audit", "verify"]);
        assert_eq!(broken.code, Some(1));
        assert_eq!(broken.values()[0]["broken"], serde_json::json!({"seq": 2, "check": "hash"}));
        assert!(broken.stderr.starts_with("bilten: platform.audit_broken: entry 2: "), "{}", broken.stderr);
        let anchor = run(&["audit", "verify", "--anchor", "nonsense"]);
        assert_eq!(anchor.code, Some(2), "not understood");
        open.close().await;
        let first = letters[0]["id"].to_string();
        assert_eq!(well(&["outbox", "replay", &first, "999"]).values()[0]["replayed"], 1);
        assert_eq!(well(&["outbox", "replay", "--all"]).values()[0]["replayed"], 1);
        let status = well(&["outbox", "status"]).values();
        assert_eq!((status[0]["dead"].as_i64(), status[0]["waiting"].as_i64()), (Some(0), Some(2)));
        assert!(status[0]["lag_ms"].as_i64().unwrap() > 0);
        assert_eq!(run(&["outbox", "replay"]).code, Some(2), "nothing is named");

        // With a master key of somebody else there is nothing to do here.
        std::fs::write(folder.path().join("bilten-data/master.key"), "ab".repeat(32)).unwrap();
        for arguments in [&["audit", "verify"][..], &["keys", "status"], &["keys", "rotate"], &["migrate"]] {
            let ended = run(arguments);
            assert_eq!(ended.code, Some(1));
            assert!(ended.stderr.starts_with("bilten: platform.master_key_wrong: "), "{}", ended.stderr);
        }
    }
}
