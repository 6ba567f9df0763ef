//! The outbox: in order within an aggregate, effectively once, dead letters and replay.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bilten_kernel::clock::{Clock, ManualClock};
use bilten_kernel::db::{Db, DbError};
use bilten_kernel::jobs::JobError;
use bilten_kernel::outbox::{self, Dispatcher, Entry};
use bilten_kernel::random::SeededRandom;
use bilten_kernel::{on_both_engines, sql, vals};

use crate::set_up;

const FILLED: &str = "shelves.filled";

async fn emit(db: &Db, aggregates: &[&'static str], payload: i64) {
    let aggregates = aggregates.to_vec();
    db.write(move |conn| {
        Box::pin(async move {
            let now = ManualClock::default().now();
            let entries = aggregates
                .into_iter()
                .map(|aggregate| Entry::new(aggregate, FILLED, &payload, now));
            outbox::emit(conn, entries.collect::<Result<_, _>>()?).await
        })
    })
    .await
    .unwrap_or_else(|error: DbError| panic!("{error}"));
}

/// A consumer that writes `consumer:aggregate:payload`; it refuses aggregate `bad` while `broken`,
/// after it has already written, and always refuses `hopeless`.
fn consumer(dispatcher: Dispatcher, name: &'static str, broken: &Arc<AtomicBool>) -> Dispatcher {
    let broken = Arc::clone(broken);
    dispatcher.on(name, FILLED, move |conn, entry| {
        let broken = Arc::clone(&broken);
        Box::pin(async move {
            let label = format!("{name}:{}:{}", entry.aggregate, entry.payload::<i64>()?);
            let insert = sql!("INSERT INTO notes (label) VALUES ($1)");
            conn.exec(insert, vals![label]).await?;
            match entry.aggregate.as_str() {
                "bad" if broken.load(Ordering::SeqCst) => Err(JobError::Retry("broken".into())),
                "hopeless" => Err(JobError::Dead("hopeless".into())),
                _ => Ok(()),
            }
        })
    })
}

async fn notes(db: &Db) -> Vec<String> {
    db.scalars(sql!("SELECT label FROM notes ORDER BY id"), vals![])
        .await
        .unwrap()
}

on_both_engines! {
    async fn every_consumer_gets_each_entry_in_order(db: TestDb) {
        set_up(&db, 1).await;
        let clock = Arc::new(ManualClock::default());
        let fine = Arc::default();
        let dispatcher = Dispatcher::new(db.db(), clock, Arc::new(SeededRandom::new(1)));
        let dispatcher = consumer(consumer(dispatcher, "x", &fine), "y", &fine);
        for payload in 0..3 { emit(&db, &["a", "b"], payload).await; }
        assert_eq!(outbox::waiting(&db).await.unwrap(), 6);
        assert_eq!(dispatcher.run_until_idle().await.unwrap(), 6);
        assert_eq!(outbox::waiting(&db).await.unwrap(), 0);
        let notes = notes(&db).await;
        assert_eq!(notes.len(), 12);
        for own in ["x:a:", "x:b:", "y:a:", "y:b:"] {
            let order: Vec<_> = notes.iter().filter_map(|note| note.strip_prefix(own)).collect();
            assert_eq!(order, ["0", "1", "2"]);
        }
    }

    async fn a_refused_entry_holds_back_its_aggregate_alone(db: TestDb) {
        set_up(&db, 1).await;
        let clock = Arc::new(ManualClock::default());
        let (broken, fine) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let dispatcher = Dispatcher::new(db.db(), clock.clone(), Arc::new(SeededRandom::new(1)));
        let dispatcher = consumer(consumer(dispatcher, "x", &fine), "y", &broken);
        for payload in 0..2 { emit(&db, &["bad", "good"], payload).await; }
        dispatcher.run_until_idle().await.unwrap();
        assert_eq!(outbox::waiting(&db).await.unwrap(), 2);
        // What the refusing consumer had written is gone; what the other had is kept.
        assert_eq!(notes(&db).await, ["x:bad:0", "x:good:0", "y:good:0", "x:good:1", "y:good:1"]);
        broken.store(false, Ordering::SeqCst);
        clock.advance(Duration::from_secs(10));
        dispatcher.run_until_idle().await.unwrap();
        assert_eq!(outbox::waiting(&db).await.unwrap(), 0);
        assert_eq!(notes(&db).await[5..], ["y:bad:0", "x:bad:1", "y:bad:1"]);
    }

    async fn a_dead_letter_lets_others_pass_and_can_be_replayed(db: TestDb) {
        set_up(&db, 1).await;
        let clock = Arc::new(ManualClock::default());
        let (broken, fine) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let dispatcher = Dispatcher::new(db.db(), clock.clone(), Arc::new(SeededRandom::new(1))).attempts(3);
        let dispatcher = consumer(consumer(dispatcher, "x", &fine), "y", &broken);
        emit(&db, &["bad"], 0).await;
        emit(&db, &["hopeless"], 0).await;
        for _ in 0..4 {
            dispatcher.run_until_idle().await.unwrap();
            clock.advance(Duration::from_secs(60));
        }
        broken.store(false, Ordering::SeqCst);
        emit(&db, &["bad"], 1).await;
        dispatcher.run_until_idle().await.unwrap();
        let dead = outbox::dead_letters(&db).await.unwrap();
        let errors: Vec<_> = dead.iter().map(|letter| letter.last_error.as_deref().unwrap()).collect();
        assert_eq!(errors, ["y: broken", "x: hopeless"]);
        assert_eq!(notes(&db).await, ["x:bad:0", "x:bad:1", "y:bad:1"]);
        assert_eq!(outbox::replay(&db, vec![dead[0].id, 12345]).await.unwrap(), 1);
        dispatcher.run_until_idle().await.unwrap();
        assert_eq!(notes(&db).await[3..], ["y:bad:0"]);
    }

    async fn the_claim_of_a_dead_node_runs_out(db: TestDb) {
        set_up(&db, 1).await;
        let clock = Arc::new(ManualClock::default());
        emit(&db, &["a", "b"], 0).await;
        let until = clock.now() + Duration::from_secs(30);
        db.write(move |conn| Box::pin(async move {
            let claim = sql!("UPDATE outbox SET claim = 'dead node', run_at = $1 WHERE aggregate = 'a'");
            conn.exec(claim, vals![until]).await
        })).await.map(|count| assert_eq!(count, 1)).unwrap_or_else(|error: DbError| panic!("{error}"));
        emit(&db, &["a"], 1).await;
        let dispatcher = Dispatcher::new(db.db(), clock.clone(), Arc::new(SeededRandom::new(1)));
        let dispatcher = consumer(dispatcher, "x", &Arc::default());
        dispatcher.run_until_idle().await.unwrap();
        assert_eq!(notes(&db).await, ["x:b:0"]);
        clock.advance(Duration::from_secs(30));
        dispatcher.run_until_idle().await.unwrap();
        assert_eq!(notes(&db).await, ["x:b:0", "x:a:0", "x:a:1"]);
        bilten_kernel::testing::assert_nothing_left(&db).await;
    }

    /// Nodes that race for the same entries: each effect once, in order.
    async fn several_dispatchers_deliver_once(db: TestDb) {
        set_up(&db, 1).await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let fine = Arc::default();
        let nodes: Vec<_> = (0..3).map(|seed| {
            let clock = Arc::new(bilten_kernel::clock::SystemClock);
            let dispatcher = Dispatcher::new(db.db(), clock, Arc::new(SeededRandom::new(seed)));
            let mut stopped = stopped.clone();
            let shutdown = async move { stopped.wait_for(|stop| *stop).await.map(|_| ()).unwrap() };
            tokio::spawn(consumer(dispatcher, "x", &fine).run(shutdown))
        }).collect();
        for payload in 0..50 { emit(&db, &["a", "b", "c", "d"], payload).await; }
        for _ in 0..200 {
            if outbox::waiting(&db).await.unwrap() == 0 { break; }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stop.send(true).unwrap();
        for node in nodes { node.await.unwrap(); }
        let notes = notes(&db).await;
        assert_eq!(notes.len(), 200);
        for aggregate in ["a", "b", "c", "d"] {
            let prefix = format!("x:{aggregate}:");
            let order: Vec<i64> = notes.iter().filter_map(|note| note.strip_prefix(&prefix)?.parse().ok()).collect();
            assert_eq!(order, (0..50).collect::<Vec<_>>());
        }
    }
}

on_both_engines! {
    /// covers: BE-7
    async fn a_consumer_of_every_kind_gets_every_kind(db: TestDb) {
        set_up(&db, 1).await;
        let dispatcher = Dispatcher::new(db.db(), Arc::new(ManualClock::default()), Arc::new(SeededRandom::new(1)));
        let dispatcher = dispatcher.on_every("all", |conn, entry| {
            Box::pin(async move {
                let insert = sql!("INSERT INTO notes (label) VALUES ($1)");
                conn.exec(insert, vals![&entry.kind]).await?;
                Ok(())
            })
        });
        db.write(|conn| Box::pin(async move {
            let now = ManualClock::default().now();
            outbox::emit(conn, vec![Entry::new("a", FILLED, &1, now)?, Entry::new("b", "shelves.emptied", &1, now)?]).await
        })).await.unwrap_or_else(|error: DbError| panic!("{error}"));
        dispatcher.run_until_idle().await.unwrap();
        assert_eq!(notes(&db).await, [FILLED, "shelves.emptied"]);
    }

    /// covers: BE-7
    async fn the_lag_tells_how_much_waits_and_since_when(db: TestDb) {
        set_up(&db, 1).await;
        let clock = Arc::new(ManualClock::default());
        let idle = outbox::lag(&db).await.unwrap();
        assert_eq!((idle.waiting, idle.dead, idle.oldest_at), (0, 0, None));
        assert_eq!(idle.age(clock.now()), Duration::ZERO);
        let dispatcher = Dispatcher::new(db.db(), clock.clone(), Arc::new(SeededRandom::new(1))).attempts(9);
        let dispatcher = consumer(dispatcher, "x", &Arc::new(AtomicBool::new(true)));
        emit(&db, &["bad", "bad", "hopeless"], 0).await;
        dispatcher.run_until_idle().await.unwrap();
        clock.advance(Duration::from_secs(90));
        let lag = outbox::lag(&db).await.unwrap();
        assert_eq!((lag.waiting, lag.refused, lag.dead), (2, 1, 1));
        assert_eq!(lag.age(clock.now()), Duration::from_secs(90));
        // Page by page, and back by one number or all.
        let letters = outbox::dead_letters_after(&db, 0, 10).await.unwrap();
        assert_eq!(letters.len(), 1);
        assert!(outbox::dead_letters_after(&db, letters[0].id, 10).await.unwrap().is_empty());
        let again = db.write(|conn| Box::pin(async move { outbox::replay_in(conn, None).await })).await;
        assert_eq!(again.unwrap_or_else(|error: DbError| panic!("{error}")), 1);
        assert_eq!(outbox::lag(&db).await.unwrap().dead, 0);
    }

    /// Two nodes, one of which looks by itself once an hour: it hears of what the other commits.
    /// covers: BE-7
    async fn nodes_wake_each_other(db: TestDb) {
        set_up(&db, 1).await;
        // SQLite has one node, which wakes itself.
        let other = if db.engine() == "sqlite" { db.db() } else { Db::open(db.config()).await.unwrap() };
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let until = || {
            let mut stopped = stopped.clone();
            async move { stopped.wait_for(|stop| *stop).await.map(|_| ()).unwrap() }
        };
        let mut tasks = Vec::new();
        for node in [db.db(), other.clone()] {
            let until = until();
            tasks.push(tokio::spawn(async move { node.wake_each_other(None, until).await }));
        }
        let clock = Arc::new(bilten_kernel::clock::SystemClock);
        let dispatcher = Dispatcher::new(other.clone(), clock, Arc::new(SeededRandom::new(1)));
        let dispatcher = consumer(dispatcher, "x", &Arc::default()).poll_every(Duration::from_hours(1));
        tasks.push(tokio::spawn(dispatcher.run(until())));
        // Whoever listens from now on has heard the rest.
        for payload in 0..5 {
            emit(&db, &["a"], payload).await;
            for _ in 0..600 {
                if outbox::waiting(&db).await.unwrap() == 0 { break; }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert_eq!(outbox::waiting(&db).await.unwrap(), 0, "nobody was woken by {payload}");
        }
        stop.send(true).unwrap();
        for task in tasks { task.await.unwrap(); }
        if db.engine() == "postgres" { other.close().await; }
    }
}
