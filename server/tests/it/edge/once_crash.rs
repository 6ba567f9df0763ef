//! Killed while requests with an `Idempotency-Key` are carried out: none of them is done twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bilten_kernel::clock::{Clock, SystemClock};
use bilten_kernel::db::{Db, DbError, Migration};
use bilten_kernel::testing::TestDb;
use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::MIGRATIONS;
use serde_json::json;

use crate::app::Client;
use crate::crash::{bilten, printed, requests_run_out, serve};

/// What somebody knows of a request that they sent.
#[derive(Clone, Debug, PartialEq)]
enum Known {
    /// It was answered: what it made.
    Made(String),
    /// No answer came.
    Nothing,
}

/// Makes a draft of an event by this key.
fn draft(organiser: &Client, key: &str) -> reqwest::RequestBuilder {
    let body = json!({
        "name": key, "time_zone": "UTC", "currency": "EUR", "venue_name": "Hall",
        "occurrences": [{"starts_at": "2040-06-06T18:00:00Z", "ends_at": "2040-06-06T21:00:00Z"}],
        "tiers": [{"name": "Any", "price_minor": 100, "capacity": 10}],
    });
    let request = organiser.request(reqwest::Method::POST, "/api/v1/events");
    request.header("idempotency-key", key).json(&body)
}

/// How often there is a draft of each name.
async fn drafts(organiser: &Client) -> BTreeMap<String, usize> {
    let (mut counts, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let page = organiser
            .get(&format!("/api/v1/events?limit=100{cursor}"))
            .await
            .expect(200);
        for event in page["items"].as_array().unwrap() {
            *counts
                .entry(event["name"].as_str().unwrap().to_owned())
                .or_default() += 1;
        }
        let Some(next) = page["next"].as_str() else {
            return counts;
        };
        cursor = format!("&cursor={next}");
    }
}

/// Answers are not kept: on PostgreSQL whoever wants to keep one waits there, on SQLite they cannot.
const NO_ANSWERS: &[Migration] = &[Migration {
    version: 9_000,
    name: "no answers",
    sql: "
        --! postgres
        CREATE FUNCTION wait_there() RETURNS trigger LANGUAGE plpgsql
            AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';
        --! postgres
        CREATE TRIGGER wait_there BEFORE UPDATE OF is_answered ON idempotent_answers
            FOR EACH ROW EXECUTE FUNCTION wait_there();
        --! sqlite
        CREATE TRIGGER fail_there BEFORE UPDATE OF is_answered ON idempotent_answers
            BEGIN SELECT RAISE(ABORT, 'no answer is kept');
        --! sqlite
        END;
    ",
}];

/// Lets nobody keep an answer in this database from now on.
async fn keep_no_answers(db: &TestDb) {
    let sets = [bilten_kernel::MIGRATIONS, MIGRATIONS, NO_ANSWERS];
    db.migrate(&sets, SystemClock.now()).await.unwrap();
    let forgotten = db.write(|c| {
        Box::pin(async move {
            // The server knows nothing of it.
            let forget = sql!("DELETE FROM schema_migrations WHERE version = 9000");
            c.exec(forget, vals![]).await
        })
    });
    let forgotten = forgotten.await;
    assert_eq!(
        forgotten.unwrap_or_else(|error: DbError| panic!("{error}")),
        1
    );
}

on_both_engines! {
    /// Killed exactly between the two: what was asked for is done, and its answer is not kept.
    /// covers: BE-6, DB-8
    async fn what_was_done_but_not_answered_is_not_done_again(db: TestDb) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bilten.toml"), "[http]\nrequest_timeout_ms = 1500\n").unwrap();
        let config = db.config().clone();
        keep_no_answers(&db).await;
        // The file belongs to the server from here on.
        db.db().close().await;
        let command = |arguments: &[&str]| {
            let mut command = bilten(&config, folder.path());
            command.args(arguments);
            printed(command)
        };
        command(&["organisation", "create", "Storm"]);
        let key = command(&["key", "create", "--organisation", "storm"]).split('\t').nth(1).unwrap().trim().to_owned();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let mut child = serve(&config, folder.path(), &url).await;
        let organiser = Client::new(&url, Some(&key));
        let asked = tokio::spawn(draft(&organiser, "only").send());
        let wanted = BTreeMap::from([("only".to_owned(), 1)]);
        let begin = Instant::now();
        while drafts(&organiser).await != wanted {
            assert!(begin.elapsed() < Duration::from_secs(30), "it was never done");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // SIGKILL on Unix.
        child.kill().unwrap();
        child.wait().unwrap();
        // On PostgreSQL nobody was answered.
        let _ = asked.await.unwrap();
        child = serve(&config, folder.path(), &url).await;
        let begin = Instant::now();
        let again = loop {
            let again = organiser.send(draft(&organiser, "only")).await;
            if !again.text.contains("edge.idempotency_under_way") {
                break again;
            }
            assert_eq!((again.status, &again.headers["retry-after"]), (409, &"1".parse().unwrap()));
            assert!(begin.elapsed() < Duration::from_secs(30), "{}", again.text);
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        again.refused(409, "edge.idempotency_unknown");
        organiser.send(draft(&organiser, "only")).await.refused(409, "edge.idempotency_unknown");
        assert_eq!(drafts(&organiser).await, wanted, "it was done again");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// covers: BE-6, DB-8
    async fn nothing_is_done_twice_after_kill_9(db: TestDb) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bilten.toml"), "[http]\nrequest_timeout_ms = 1500\n").unwrap();
        let config = db.config().clone();
        // The file belongs to the server from here on.
        db.db().close().await;
        let command = |arguments: &[&str]| {
            let mut command = bilten(&config, folder.path());
            command.args(arguments);
            printed(command)
        };
        command(&["organisation", "create", "Storm"]);
        let key = command(&["key", "create", "--organisation", "storm"]).split('\t').nth(1).unwrap().trim().to_owned();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let mut child = serve(&config, folder.path(), &url).await;
        let organiser = Client::new(&url, Some(&key));
        let mut known: BTreeMap<String, Known> = BTreeMap::new();
        for round in 0..3 {
            let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
            let storm: Vec<_> = (0..8).map(|task| {
                let (organiser, told) = (organiser.clone(), told.clone());
                tokio::spawn(async move {
                    for i in 0.. {
                        let key = format!("draft-{round}-{task}-{i}");
                        let answer = match draft(&organiser, &key).send().await {
                            Ok(answer) if answer.status() == 201 => answer.json::<serde_json::Value>().await.ok(),
                            // It took too long, or nobody is there any more.
                            Ok(answer) if answer.status().is_server_error() || answer.status() == 408 => None,
                            Ok(answer) => panic!("{}", answer.status()),
                            Err(_) => None,
                        };
                        let is_over = answer.is_none();
                        let made = answer.map_or(Known::Nothing, |made| Known::Made(made["id"].as_str().unwrap().to_owned()));
                        told.send((key, made)).unwrap();
                        if is_over {
                            break;
                        }
                    }
                })
            }).collect();
            drop(told);
            // In the middle of it: as soon as some were answered.
            for _ in 0..30 {
                let (key, made) = heard.recv().await.unwrap();
                known.insert(key, made);
            }
            // SIGKILL on Unix.
            child.kill().unwrap();
            child.wait().unwrap();
            for task in storm {
                task.await.unwrap();
            }
            while let Some((key, made)) = heard.recv().await {
                known.insert(key, made);
            }
            // That a claim of somebody dead is waited for is shown above.
            let between = Db::open(&config).await.unwrap();
            requests_run_out(&between).await;
            between.close().await;
            child = serve(&config, folder.path(), &url).await;

            let mut lost = 0;
            for (key, made) in &mut known {
                let begin = Instant::now();
                let again = loop {
                    let again = organiser.send(draft(&organiser, key)).await;
                    let is_under_way = again.status == 409 && again.text.contains("edge.idempotency_under_way");
                    if !is_under_way && again.status < 500 {
                        break again;
                    }
                    assert!(begin.elapsed() < Duration::from_secs(30), "{key}: {}", again.text);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                };
                match made {
                    Known::Made(id) => {
                        assert_eq!(again.expect(201)["id"], id.as_str(), "{key}");
                        assert!(again.headers.contains_key("idempotency-replayed"), "{key}");
                    }
                    // It had not been done, and is now; or its answer had been kept.
                    Known::Nothing if again.status == 201 => {
                        *made = Known::Made(again.expect(201)["id"].as_str().unwrap().to_owned());
                    }
                    // It had been done, which nobody can know but by looking.
                    Known::Nothing => {
                        again.refused(409, "edge.idempotency_unknown");
                        lost += 1;
                    }
                }
            }
            assert!(lost <= 8 * (round + 1), "each who asked lost one answer at most");
            let counts = drafts(&organiser).await;
            let wanted: BTreeMap<_, _> = known.keys().map(|key| (key.clone(), 1)).collect();
            assert_eq!(counts, wanted, "round {round}: each is there, and once");
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
