//! Reads, writes and what is refused, the same on both engines.

use bilten_kernel::db::{Conn, DbError, Val, Violation};
use bilten_kernel::{on_both_engines, record, sql, vals};

use crate::set_up;

record! {
    #[derive(Debug, Clone, PartialEq)]
    struct Shelf {
        id: i64,
        room: i64,
        label: Option<String>,
        open: bool,
        picture: Option<Vec<u8>>,
    }
}

async fn label(conn: &mut Conn, id: i64, label: &str) -> Result<u64, DbError> {
    conn.exec(
        sql!("INSERT INTO shelves (id, room, label) VALUES ($1, 9, $2)"),
        vals![id, label],
    )
    .await
}

on_both_engines! {
    /// Browsers close connections at any moment, and what served them is dropped where it waits.
    async fn whoever_gives_up_leaves_no_transaction_open(db: TestDb) {
        set_up(&db, 5).await;
        for waits in 0..400_u32 {
            let read = db.read(|conn| Box::pin(async move {
                conn.scalar::<i64>(sql!("SELECT COUNT(*) FROM shelves"), vals![]).await
            }));
            let _ = tokio::time::timeout(std::time::Duration::from_micros(u64::from(waits) * 5), read).await;
        }
        let writes = (100..140_i64).map(|id| {
            let db = db.db();
            tokio::spawn(async move {
                let text = format!("shelf {id}");
                db.write(move |conn| Box::pin(async move { label(conn, id, &text).await })).await
            })
        });
        for write in writes.collect::<Vec<_>>() {
            write.await.unwrap().unwrap();
        }
        let written: i64 = db.scalar(sql!("SELECT COUNT(*) FROM shelves WHERE id >= 100"), vals![]).await.unwrap();
        assert_eq!(written, 40);
    }

    async fn values_come_back_as_they_went_in(db: TestDb) {
        set_up(&db, 5).await;
        let wanted = Shelf { id: 2, room: 7, label: Some("für".into()), open: false, picture: Some(vec![0, 255]) };
        let shelf = wanted.clone();
        db.write(move |conn| Box::pin(async move {
            // Out of order and twice: placeholders are numbers, not names.
            conn.exec(
                sql!("INSERT INTO shelves (label, id, room, open, picture) VALUES ($2, $1, CAST($1 AS BIGINT) + CAST($3 AS BIGINT) - CAST($1 AS BIGINT), $4, $5)"),
                vals![shelf.id, &shelf.label, shelf.room, shelf.open, shelf.picture],
            ).await
        })).await.unwrap();
        let all: Vec<Shelf> = db.all(sql!("SELECT * FROM shelves ORDER BY id"), vals![]).await.unwrap();
        assert_eq!(all[1], wanted);
        assert_eq!((all[0].label.as_deref(), &all[0].picture, all[0].open), (None, &None, true));
        let pair: (i64, Option<String>) = db.one(sql!("SELECT id, label FROM shelves WHERE label = $1"), vals!["für"]).await.unwrap();
        assert_eq!(pair, (2, wanted.label));
        let found: Vec<i64> = db.scalars(
            sql!("SELECT id FROM shelves WHERE id IN (SELECT value FROM int_list($1)) OR label IN (SELECT value FROM list($2)) ORDER BY id"),
            vals![Val::ints([1, 77]), Val::texts(["für", "wider"])],
        ).await.unwrap();
        assert_eq!(found, [1, 2]);
        let none: Result<(i64,), _> = db.one(sql!("SELECT id FROM shelves WHERE id = 99"), vals![]).await;
        assert!(matches!(none, Err(DbError::NoRow { .. })));
        let wrong: Result<i64, _> = db.scalar(sql!("SELECT label FROM shelves WHERE id = 2"), vals![]).await;
        assert!(matches!(wrong, Err(DbError::Column { .. })));
    }

    async fn many_rows_go_in_at_once(db: TestDb) {
        set_up(&db, 5).await;
        let row = |id: i64, text: Option<&str>| vals![id, text, id % 2 == 0, Some(vec![id as u8])];
        let rows = vec![row(1, None), row(2, Some("b")), row(3, None), row(4, Some("d"))];
        let counts: (u64, u64, Vec<(i64,)>) = db.write(move |conn| Box::pin(async move {
            let insert = sql!("INSERT INTO shelves (id, room, label, open, picture) VALUES (CAST($1 AS BIGINT), CAST($1 AS BIGINT) + 10, $2, $3, $4) ON CONFLICT DO NOTHING");
            let inserted = conn.insert_many(insert, rows).await?;
            let update = sql!("UPDATE shelves SET room = room + $2 WHERE id = $1 AND room < 100");
            let updated = conn.update_many(update, vec![vals![2i64, 100i64], vals![3i64, 200i64], vals![9i64, 1i64]]).await?;
            let returning = sql!("INSERT INTO shelves (id, room) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id");
            let mut returned = conn.insert_many_returning(returning, vec![vals![4i64, 1i64], vals![5i64, 1i64], vals![6i64, 1i64]]).await?;
            returned.sort_unstable();
            assert_eq!(conn.insert_many(insert, Vec::new()).await?, 0);
            Ok::<_, DbError>((inserted, updated, returned))
        })).await.unwrap();
        assert_eq!(counts, (3, 2, vec![(5,), (6,)]));
        let rooms: Vec<i64> = db.scalars(sql!("SELECT room FROM shelves ORDER BY id"), vals![]).await.unwrap();
        assert_eq!(rooms, [5, 112, 213, 14, 1, 1]);
    }

    async fn violations_are_told_apart(db: TestDb) {
        set_up(&db, 5).await;
        let cases = [
            (sql!("INSERT INTO shelves (id, room) VALUES (1, 1)"), Violation::Unique),
            (sql!("INSERT INTO shelves (id) VALUES (2)"), Violation::NotNull),
            (sql!("UPDATE shelves SET taken = 6"), Violation::Check),
            (sql!("INSERT INTO things (id, shelf_id) VALUES ('a', 2)"), Violation::ForeignKey),
        ];
        for (statement, wanted) in cases {
            let result = db.write(move |conn| Box::pin(async move { conn.exec(statement, vals![]).await })).await;
            let error = result.unwrap_err();
            assert!(error.violates(wanted), "{error}");
            if matches!(wanted, Violation::Unique | Violation::NotNull) {
                assert!(matches!(&error, DbError::Violation { table: Some(table), .. } if table == "shelves"), "{error:?}");
            }
        }
    }

    /// The trap: PostgreSQL ends the transaction at a failed statement, and `commit()` says Ok.
    async fn a_failed_statement_kills_the_whole_write(db: TestDb) {
        set_up(&db, 5).await;
        let result = db.write(move |conn| Box::pin(async move {
            label(conn, 2, "same").await?;
            let refused = label(conn, 3, "same").await;
            assert!(refused.is_err_and(|error| error.violates(Violation::Unique)));
            Ok::<_, DbError>(())
        })).await;
        assert!(matches!(result, Err(DbError::Poisoned { .. })), "{result:?}");
        let count: i64 = db.scalar(sql!("SELECT COUNT(*) FROM shelves"), vals![]).await.unwrap();
        assert_eq!(count, 1);
    }

    /// covers: DB-4
    async fn a_part_that_is_refused_takes_nothing_with_it(db: TestDb) {
        set_up(&db, 5).await;
        let told = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let tell = std::sync::Arc::clone(&told);
        let answers = db.write(move |conn| Box::pin(async move {
            let mut answers = Vec::new();
            label(conn, 2, "before").await?;
            // Kept, refused by itself, failed by a statement, failed without saying so, kept.
            for (id, name) in [(10, "kept"), (11, "refused"), (12, "kept"), (13, "before"), (14, "kept too")] {
                let tell = std::sync::Arc::clone(&tell);
                let part = conn.apart(move |conn| Box::pin(async move {
                    conn.after_commit(move || { tell.fetch_add(1, std::sync::atomic::Ordering::SeqCst); });
                    let written = label(conn, id, name).await;
                    match id {
                        11 => Err(DbError::NoRow { at: "on purpose" }),
                        // Whoever does not look at what failed keeps nothing all the same.
                        13 => Ok(0),
                        _ => written,
                    }
                })).await;
                answers.push(part.is_ok());
            }
            // A part may have parts.
            let inner = conn.apart(|conn| Box::pin(async move {
                label(conn, 20, "outside").await?;
                let refused: Result<(), DbError> = conn.apart(|conn| Box::pin(async move {
                    label(conn, 21, "inside").await?;
                    Err(DbError::NoRow { at: "on purpose" })
                })).await;
                Ok::<_, DbError>(refused.is_err())
            })).await?;
            answers.push(inner);
            Ok::<_, DbError>(answers)
        })).await.unwrap();
        assert_eq!(answers, [true, false, false, false, true, true]);
        let ids: Vec<i64> = db.scalars(sql!("SELECT id FROM shelves ORDER BY id"), vals![]).await.unwrap();
        assert_eq!(ids, [1, 2, 10, 14, 20]);
        assert_eq!(told.load(std::sync::atomic::Ordering::SeqCst), 2);
    }

    async fn an_error_or_a_panic_rolls_back_and_the_next_write_works(db: TestDb) {
        set_up(&db, 5).await;
        let refused = db.write(move |conn| Box::pin(async move {
            label(conn, 2, "a").await?;
            Err::<(), _>(DbError::Closed("changed my mind"))
        })).await;
        assert!(matches!(refused, Err(DbError::Closed("changed my mind"))));
        let panicked = db.write(move |conn| Box::pin(async move {
            label(conn, 3, "b").await?;
            assert_eq!(1, 2, "on purpose");
            Ok::<_, DbError>(())
        })).await;
        assert!(matches!(&panicked, Err(DbError::Panicked(text)) if text.contains("on purpose")), "{panicked:?}");
        db.write(move |conn| Box::pin(async move { label(conn, 4, "c").await })).await.unwrap();
        let ids: Vec<i64> = db.scalars(sql!("SELECT id FROM shelves ORDER BY id"), vals![]).await.unwrap();
        assert_eq!(ids, [1, 4]);
    }
}
