//! Lanes under a crowd.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use bilten_kernel::db::{Db, DbError};
use bilten_kernel::lane::Lanes;
use bilten_kernel::{on_both_engines, sql, vals};
use futures_util::future::BoxFuture;

use crate::set_up;

#[derive(Debug)]
enum PutError {
    Full,
    Db(#[expect(dead_code, reason = "shown by Debug")] DbError),
}

impl From<DbError> for PutError {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

type PutLanes = Lanes<i64, String, i64, PutError>;

/// Puts things on shelf 1; a thing whose id starts with `poison` fails its batch.
fn lanes(db: Db) -> PutLanes {
    Lanes::new(db, |conn, batch: Vec<String>| {
        Box::pin(async move {
            assert!(
                !batch.iter().any(|id| id.starts_with("panic")),
                "on purpose"
            );
            let wanted = batch.len() as i64;
            let before: i64 = conn
                .scalar(
                    sql!("SELECT taken FROM shelves WHERE id = 1 FOR UPDATE"),
                    vals![],
                )
                .await?;
            let after: i64 = conn
                .scalar(
                    sql!("UPDATE shelves SET taken = LEAST(taken + $1, room) WHERE id = 1 RETURNING taken"),
                    vals![wanted],
                )
                .await?;
            let given = after - before;
            let rows = batch.into_iter().take(given as usize).map(|id| {
                let shelf = if id.starts_with("poison") { 99i64 } else { 1 };
                vals![id, shelf]
            });
            conn.insert_many(
                sql!("INSERT INTO things (id, shelf_id) VALUES ($1, $2)"),
                rows.collect(),
            )
            .await?;
            Ok((0..wanted)
                .map(|place| {
                    if place < given {
                        Ok(before + place)
                    } else {
                        Err(PutError::Full)
                    }
                })
                .collect())
        })
    })
}

on_both_engines! {
    async fn a_thousand_want_five_hundred_places(db: TestDb) {
        set_up(&db, 500).await;
        let lanes = lanes(db.db());
        let (won, lost) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
        let tasks: Vec<_> = (0..1000).map(|n| {
            let (lanes, won, lost) = (lanes.clone(), won.clone(), lost.clone());
            tokio::spawn(async move {
                match lanes.submit(1, format!("thing{n}")).await {
                    Ok(_) => won.fetch_add(1, Ordering::SeqCst),
                    Err(PutError::Full) => lost.fetch_add(1, Ordering::SeqCst),
                    Err(error) => panic!("{error:?}"),
                };
            })
        }).collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!((won.load(Ordering::SeqCst), lost.load(Ordering::SeqCst)), (500, 500));
        let things: i64 = db.scalar(sql!("SELECT COUNT(*) FROM things"), vals![]).await.unwrap();
        let taken: i64 = db.scalar(sql!("SELECT taken FROM shelves"), vals![]).await.unwrap();
        assert_eq!((things, taken), (500, 500));
        for _ in 0..100 {
            if lanes.in_use() == 0 { break; }
            tokio::task::yield_now().await;
        }
        assert_eq!(lanes.in_use(), 0);
    }

    async fn one_poisonous_request_sinks_no_other(db: TestDb) {
        set_up(&db, 500).await;
        let lanes = lanes(db.db());
        let names = ["a", "poison1", "b", "panic1", "c", "poison2", "d"];
        let answers = futures_util::future::join_all(names.map(|name| lanes.submit(1, name.to_owned()))).await;
        for (name, answer) in names.iter().zip(answers) {
            assert_eq!(answer.is_ok(), name.len() == 1, "{name}: {answer:?}");
        }
        let taken: i64 = db.scalar(sql!("SELECT taken FROM shelves"), vals![]).await.unwrap();
        assert_eq!(taken, 4);
    }

    async fn who_has_left_is_not_served_when_their_batch_fails(db: TestDb) {
        type Waiting = BoxFuture<'static, Result<i64, PutError>>;
        type Place = Arc<Mutex<Option<Waiting>>>;
        let lanes: Arc<Mutex<Option<PutLanes>>> = Arc::default();
        let (leaving, staying): (Place, Place) = (Arc::default(), Arc::default());
        let served: Arc<Mutex<Vec<String>>> = Arc::default();
        let shared = (Arc::clone(&lanes), Arc::clone(&leaving), Arc::clone(&staying), Arc::clone(&served));
        let made: PutLanes = PutLanes::new(db.db(), move |_, batch: Vec<String>| {
            let (lanes, leaving, staying, served) = shared.clone();
            Box::pin(async move {
                if batch.len() > 1 {
                    drop(leaving.lock().unwrap().take());
                    return Err(PutError::Full);
                }
                if batch == ["first"] {
                    // While the first one is served two more come.
                    for (name, place) in [("leaves", &leaving), ("stays", &staying)] {
                        let lanes = lanes.lock().unwrap().clone().unwrap();
                        let mut waiting: Waiting = Box::pin(async move { lanes.submit(1, name.to_owned()).await });
                        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
                        *place.lock().unwrap() = Some(waiting);
                    }
                }
                served.lock().unwrap().extend(batch);
                Ok(vec![Ok(0)])
            })
        });
        *lanes.lock().unwrap() = Some(made.clone());
        made.submit(1, "first".to_owned()).await.unwrap();
        let waiting = staying.lock().unwrap().take().unwrap();
        waiting.await.unwrap();
        assert_eq!(*served.lock().unwrap(), ["first", "stays"]);
        *lanes.lock().unwrap() = None;
    }
}
