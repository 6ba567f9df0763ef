//! Nodes wake each other by Redis, and look by themselves when it is away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bilten_adapters::nodes;
use bilten_kernel::clock::{Clock, SystemClock};
use bilten_kernel::db::{Db, DbError};
use bilten_kernel::outbox::{self, Dispatcher, Entry};
use bilten_kernel::random::SeededRandom;
use bilten_kernel::testing::{Engine, TestDb};

use super::node::PATIENCE;
use crate::edge::OwnRedis;

async fn emit(db: &Db) {
    let now = SystemClock.now();
    db.write(move |c| {
        Box::pin(async move {
            let entry = Entry::new("a", "nodes.woken", &1, now)?;
            outbox::emit(c, vec![entry]).await
        })
    })
    .await
    .unwrap_or_else(|error: DbError| panic!("{error}"));
}

/// Whether an entry of one node was taken by the other within that time.
async fn is_heard(db: &Db, within: Duration) -> bool {
    emit(db).await;
    let begin = Instant::now();
    while outbox::waiting(db).await.unwrap() > 0 {
        if begin.elapsed() > within {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    true
}

/// The other node looks by itself so rarely that only a word can have woken it.
/// covers: BE-7, GW-6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_wake_each_other_by_redis() {
    if Engine::Postgres.is_left_out() {
        return;
    }
    let db = TestDb::new(Engine::Postgres).await;
    db.db()
        .migrate(&[bilten_kernel::MIGRATIONS], SystemClock.now())
        .await
        .unwrap();
    let other = Db::open(db.config()).await.unwrap();
    let redis = OwnRedis::start(None).await;
    let port = redis.port;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let until = || {
        let mut stopped = stopped.clone();
        async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        }
    };
    let mut tasks = Vec::new();
    for node in [db.db(), other.clone()] {
        let (until, by) = (until(), nodes::nodes(&format!("redis://127.0.0.1:{port}")));
        let by = by.unwrap().unwrap();
        tasks.push(tokio::spawn(async move {
            node.wake_each_other(Some(&*by), until).await;
        }));
    }
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SeededRandom::new(1)));
    let dispatcher = Dispatcher::new(other.clone(), clock, random)
        .on("tests", "nodes.woken", |_, _| Box::pin(async { Ok(()) }))
        .poll_every(Duration::from_hours(1));
    tasks.push(tokio::spawn(dispatcher.run(until())));
    for _ in 0..5 {
        assert!(is_heard(&db, PATIENCE).await, "nobody was woken");
    }
    // Gone: the write is done all the same, and nobody hears of it.
    drop(redis);
    let begin = Instant::now();
    emit(&db).await;
    assert!(begin.elapsed() < Duration::from_secs(5), "a write waited");
    // Back: whatever was missed is looked for as soon as it is heard again.
    let _redis = OwnRedis::start(Some(port)).await;
    let begin = Instant::now();
    while outbox::waiting(&db).await.unwrap() > 0 {
        assert!(begin.elapsed() < PATIENCE, "nobody listens again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for _ in 0..3 {
        assert!(is_heard(&db, PATIENCE).await, "nobody was woken again");
    }
    stop.send_replace(true);
    for task in tasks {
        task.await.unwrap();
    }
    other.close().await;
}

/// covers: BE-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_words_a_node_looks_by_itself() {
    if Engine::Postgres.is_left_out() {
        return;
    }
    let db = TestDb::new(Engine::Postgres).await;
    db.db()
        .migrate(&[bilten_kernel::MIGRATIONS], SystemClock.now())
        .await
        .unwrap();
    let other = Db::open(db.config()).await.unwrap();
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    // Nobody is there.
    let by = nodes::nodes("redis://127.0.0.1:9").unwrap().unwrap();
    let node = db.db();
    let mut until = stop.subscribe();
    let telling = tokio::spawn(async move {
        let until = async {
            let _ = until.wait_for(|stop| *stop).await;
        };
        node.wake_each_other(Some(&*by), until).await;
    });
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SeededRandom::new(1)));
    let dispatcher =
        Dispatcher::new(other.clone(), clock, random)
            .on("tests", "nodes.woken", |_, _| Box::pin(async { Ok(()) }));
    let running = tokio::spawn(dispatcher.run(async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    }));
    for _ in 0..2 {
        assert!(is_heard(&db, PATIENCE).await, "nobody looked");
    }
    stop.send_replace(true);
    telling.await.unwrap();
    running.await.unwrap();
    other.close().await;
}

#[test]
fn an_address_that_is_none_is_told_without_its_password() {
    let error = nodes::nodes("redsi://u:secret@h").err().unwrap();
    assert_eq!(error.code(), "nodes.config");
    let text = error.to_string();
    assert!(
        text.contains("nodes.url") && !text.contains("secret"),
        "{text}"
    );
    assert!(nodes::nodes("").unwrap().is_none());
}

/// What one node says of a number, all hear.
/// covers: GW-6, SCAN-4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_that_grow_are_told_by_redis_and_by_the_database() {
    let Ok(redis) = std::env::var("BILTEN_TEST_REDIS") else {
        panic!(
            "BILTEN_TEST_REDIS is not set: start a server with `scripts/redis start DIR` and set it to the URL that prints"
        );
    };
    if Engine::Postgres.is_left_out() {
        return;
    }
    for url in [redis.as_str(), ""] {
        let db = TestDb::new(Engine::Postgres).await;
        let other = Db::open(db.config()).await.unwrap();
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
        other.hear_nodes(move |about, number| {
            let _ = told.send((about.to_owned(), number));
        });
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let mut tasks = Vec::new();
        for node in [db.db(), other.clone()] {
            let (by, mut stopped) = (nodes::nodes(url).unwrap(), stopped.clone());
            tasks.push(tokio::spawn(async move {
                let until = async {
                    let _ = stopped.wait_for(|stop| *stop).await;
                };
                node.wake_each_other(by.as_deref(), until).await;
            }));
        }
        // Other tests may use the same Redis, and what is told before anybody listens is lost.
        let about = format!("n{}", bilten_kernel::random::u64(&SeededRandom::new(7)));
        let begin = Instant::now();
        let found = loop {
            db.tell_nodes(about.clone(), 41);
            db.tell_nodes(about.clone(), 42);
            let next = tokio::time::timeout(Duration::from_millis(200), heard.recv()).await;
            match next {
                Ok(Some((name, number))) if name == about => break number,
                Ok(None) => panic!("nobody tells any more"),
                Ok(Some(_)) | Err(_) => assert!(begin.elapsed() < PATIENCE, "nothing was heard"),
            }
        };
        assert!([41, 42].contains(&found), "{found}");
        stop.send_replace(true);
        for task in tasks {
            task.await.unwrap();
        }
        other.close().await;
    }
}
