//! What guards the writes of a task.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bilten_kernel::db::{Conn, DbError, Guard, guarded};
use bilten_kernel::{on_both_engines, sql, vals};
use futures_util::future::BoxFuture;

use crate::set_up;

/// Takes a place on the shelf for each write, as long as it may.
struct Places(AtomicBool);

impl Guard for Places {
    fn check<'c>(&'c self, conn: &'c mut Conn) -> BoxFuture<'c, Result<(), DbError>> {
        Box::pin(async move {
            if !self.0.load(Ordering::SeqCst) {
                return Err(DbError::Busy {
                    at: "the guard",
                    detail: "no more".to_owned(),
                });
            }
            let take = sql!("UPDATE shelves SET taken = taken + 1 WHERE id = 1");
            conn.exec(take, vals![]).await.map(|_| ())
        })
    }
}

async fn note(conn: &mut Conn) -> Result<(), DbError> {
    let insert = sql!("INSERT INTO notes (label) VALUES ('x')");
    conn.exec(insert, vals![]).await.map(|_| ())
}

on_both_engines! {
    /// covers: DB-8
    async fn a_guard_is_in_the_same_transaction_as_the_write(db: TestDb) {
        set_up(&db, 100).await;
        let guard = Arc::new(Places(AtomicBool::new(true)));
        let counts = async || -> (i64, i64) {
            db.one(sql!("SELECT taken, (SELECT COUNT(*) FROM notes) AS notes FROM shelves WHERE id = 1"), vals![]).await.unwrap()
        };
        let write = async || db.write(|conn| Box::pin(async move { note(conn).await })).await;
        let again = async || db.write_again(|conn| Box::pin(async move { note(conn).await })).await;
        let fail = async || db.write(|conn| Box::pin(async move {
            note(conn).await?;
            Err::<(), _>(DbError::Closed("it thinks better of it"))
        })).await;
        guarded(guard.clone(), write()).await.unwrap();
        guarded(guard.clone(), again()).await.unwrap();
        assert_eq!(counts().await, (2, 2));
        guarded(guard.clone(), fail()).await.unwrap_err();
        assert_eq!(counts().await, (2, 2), "both or none");
        // Others are not guarded.
        write().await.unwrap();
        assert_eq!(counts().await, (2, 3));
        guard.0.store(false, Ordering::SeqCst);
        for refused in [guarded(guard.clone(), write()).await, guarded(guard.clone(), again()).await] {
            assert!(matches!(refused, Err(DbError::Busy { at: "the guard", .. })), "{refused:?}");
        }
        assert_eq!(counts().await, (2, 3), "a write that is refused was not begun");
    }
}
