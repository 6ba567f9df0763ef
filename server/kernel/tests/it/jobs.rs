//! Jobs: exactly with their write, again after failure, once their lease is over, on two runners.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bilten_kernel::clock::{Clock, ManualClock, SystemClock, Timestamp};
use bilten_kernel::db::{Db, DbError};
use bilten_kernel::jobs::{self, JobError, JobRunner};
use bilten_kernel::random::SeededRandom;
use bilten_kernel::{on_both_engines, sql, vals};

use crate::set_up;

const DUST: &str = "shelves.dust";

async fn enqueue(db: &Db, payload: i64, run_at: Timestamp) {
    let write = db.write(move |conn| {
        Box::pin(async move { jobs::enqueue(conn, DUST, &payload, run_at).await })
    });
    write
        .await
        .unwrap_or_else(|error: DbError| panic!("{error}"));
}

fn runner(db: &Db, clock: &Arc<ManualClock>, seed: u64) -> JobRunner {
    JobRunner::new(
        db.clone(),
        Arc::clone(clock) as Arc<dyn Clock>,
        Arc::new(SeededRandom::new(seed)),
    )
}

/// Counts its runs; payload 0 fails for ever, 1 until the third run, 2 panics, 3 is hopeless.
fn counting(runner: JobRunner, runs: &Arc<AtomicUsize>) -> JobRunner {
    let runs = Arc::clone(runs);
    runner
        .on(DUST, move |payload: i64| {
            let count = runs.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                match payload {
                    0 => Err(JobError::Retry("no".into())),
                    1 if count < 3 => Err(JobError::Retry("not yet".into())),
                    2 => panic!("on purpose"),
                    3 => Err(JobError::Dead("hopeless".into())),
                    _ => Ok(()),
                }
            }
        })
        .attempts(DUST, 4)
}

on_both_engines! {
    /// covers: GW-6
    async fn what_is_put_off_costs_no_attempt(db: TestDb) {
        set_up(&db, 1).await;
        let (clock, runs) = (Arc::new(ManualClock::default()), Arc::new(AtomicUsize::new(0)));
        enqueue(&db, 7, clock.now()).await;
        let (seen, begun) = (Arc::clone(&runs), clock.now());
        let until = move |count: u64| begun + Duration::from_secs(60 * count);
        let runner = runner(&db, &clock, 1)
            .on(DUST, move |_: i64| {
                let count = seen.fetch_add(1, Ordering::SeqCst) + 1;
                async move {
                    match u64::try_from(count) {
                        Ok(count @ 1..=5) => Err(JobError::PutOff(until(count))),
                        Ok(_) | Err(_) => Ok(()),
                    }
                }
            })
            .attempts(DUST, 1);
        for count in 1..=5 {
            assert_eq!(runner.run_until_idle().await.unwrap(), 1);
            let left = jobs::remaining(&db).await.unwrap();
            assert_eq!((left[0].attempts, left[0].is_dead), (0, false));
            let spread = left[0].run_at.since(until(count));
            assert!(left[0].run_at >= until(count) && spread < Duration::from_secs(2), "{spread:?}");
            // Not before.
            assert_eq!(runner.run_until_idle().await.unwrap(), 0);
            clock.advance(Duration::from_secs(62));
        }
        assert_eq!(runner.run_until_idle().await.unwrap(), 1);
        assert_eq!(jobs::remaining(&db).await.unwrap(), []);
        assert_eq!(runs.load(Ordering::SeqCst), 6);
    }

    async fn a_job_exists_exactly_if_its_write_does(db: TestDb) {
        set_up(&db, 1).await;
        let (clock, runs) = (Arc::new(ManualClock::default()), Arc::default());
        let now = clock.now();
        let refused = db.write(move |conn| Box::pin(async move {
            jobs::enqueue(conn, DUST, &9, now).await?;
            Err::<(), _>(DbError::Closed("changed my mind"))
        })).await;
        assert!(refused.is_err());
        enqueue(&db, 9, now).await;
        enqueue(&db, 9, now + Duration::from_secs(60)).await;
        let runner = counting(runner(&db, &clock, 1), &runs);
        assert_eq!(runner.run_until_idle().await.unwrap(), 1);
        assert_eq!(jobs::remaining(&db).await.unwrap().len(), 1);
        clock.advance(Duration::from_secs(60));
        assert_eq!(runner.run_until_idle().await.unwrap(), 1);
        assert_eq!(jobs::remaining(&db).await.unwrap(), []);
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }

    async fn a_failed_job_is_tried_again_and_dies_with_its_error(db: TestDb) {
        set_up(&db, 1).await;
        let (clock, runs) = (Arc::new(ManualClock::default()), Arc::default());
        let runner = counting(runner(&db, &clock, 1), &runs);
        for (payload, wanted_runs, error) in [(0, 4, Some("no")), (1, 3, None), (2, 4, Some("panicked: on purpose")), (3, 1, Some("hopeless"))] {
            runs.store(0, Ordering::SeqCst);
            enqueue(&db, payload, clock.now()).await;
            for _ in 0..6 {
                runner.run_until_idle().await.unwrap();
                clock.advance(Duration::from_secs(3600));
            }
            assert_eq!(runs.load(Ordering::SeqCst), wanted_runs, "{payload}");
            let left = jobs::remaining(&db).await.unwrap();
            assert_eq!(left.len(), usize::from(error.is_some()), "{left:?}");
            if let (Some(error), Some(job)) = (error, left.first()) {
                assert!(job.is_dead && job.last_error.as_ref().unwrap().contains(error), "{job:?}");
            }
            assert_eq!(jobs::revive(&db, DUST.into(), clock.now()).await.unwrap(), u64::from(error.is_some()));
            db.write(|conn| Box::pin(async move { conn.exec(sql!("DELETE FROM jobs"), vals![]).await })).await.unwrap_or_else(|error: DbError| panic!("{error}"));
        }
    }

    async fn the_jobs_of_a_dead_node_are_claimed_when_its_lease_is_over(db: TestDb) {
        set_up(&db, 1).await;
        let clock = Arc::new(ManualClock::default());
        enqueue(&db, 9, clock.now()).await;
        // This node dies in the middle of the job.
        let dying = runner(&db, &clock, 1).on(DUST, |_: i64| std::future::pending());
        let died = tokio::time::timeout(Duration::from_millis(500), dying.run_until_idle()).await;
        assert!(died.is_err());
        let runs = Arc::default();
        let living = counting(runner(&db, &clock, 2), &runs);
        clock.advance(Duration::from_secs(59));
        assert_eq!(living.run_until_idle().await.unwrap(), 0);
        clock.advance(Duration::from_secs(1));
        assert_eq!(living.run_until_idle().await.unwrap(), 1);
        assert_eq!(jobs::remaining(&db).await.unwrap(), []);
    }

    async fn two_runners_share_the_jobs_and_stop_cleanly(db: TestDb) {
        set_up(&db, 1).await;
        let (clock, runs): (_, Arc<AtomicUsize>) = (SystemClock, Arc::default());
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let nodes: Vec<_> = (0..2).map(|seed| {
            let runner = JobRunner::new(db.db(), Arc::new(clock), Arc::new(SeededRandom::new(seed)));
            let mut stopped = stopped.clone();
            let shutdown = async move { stopped.wait_for(|stop| *stop).await.map(|_| ()).unwrap() };
            tokio::spawn(counting(runner, &runs).run(shutdown))
        }).collect();
        let now = clock.now();
        for batch in 0..10 {
            db.write(move |conn| Box::pin(async move {
                let payloads: Vec<i64> = (0..20).map(|n| 100 + batch * 20 + n).collect();
                jobs::enqueue_many(conn, DUST, payloads.iter().map(|payload| (payload, now))).await
            })).await.unwrap_or_else(|error: DbError| panic!("{error}"));
        }
        for _ in 0..200 {
            if jobs::remaining(&db).await.unwrap().is_empty() { break; }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stop.send(true).unwrap();
        for node in nodes { node.await.unwrap(); }
        assert_eq!(jobs::remaining(&db).await.unwrap(), []);
        assert_eq!(runs.load(Ordering::SeqCst), 200);
    }

    async fn a_recurring_job_runs_once_a_period_on_one_node(db: TestDb) {
        set_up(&db, 1).await;
        let clock = Arc::new(ManualClock::default());
        let runs: Arc<AtomicUsize> = Arc::default();
        let node = |seed| {
            let runs = Arc::clone(&runs);
            runner(&db, &clock, seed).every("shelves.count", Duration::from_secs(60), move || {
                let runs = Arc::clone(&runs);
                async move {
                    if runs.fetch_add(1, Ordering::SeqCst) == 0 { Err(JobError::Dead("first".into())) } else { Ok(()) }
                }
            })
        };
        let nodes = [node(1), node(2)];
        for _ in 0..4 {
            for node in &nodes { node.run_until_idle().await.unwrap(); }
            clock.advance(Duration::from_secs(60));
        }
        assert_eq!(runs.load(Ordering::SeqCst), 4);
        assert_eq!(jobs::remaining(&db).await.unwrap(), []);
    }
}
