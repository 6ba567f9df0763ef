//! The kernel on real databases of both engines; see `bilten_kernel::testing`.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Db, DbError, Migration};
use bilten_kernel::{on_both_engines, sql, vals};

mod db;
mod lane;

/// The tables of these tests.
const MIGRATIONS: &[Migration] = &[Migration {
    version: 100,
    name: "shelves",
    sql: "
        CREATE TABLE shelves (
            id BIGINT PRIMARY KEY,
            room BIGINT NOT NULL,
            taken BIGINT NOT NULL DEFAULT 0 CHECK (taken <= room),
            label TEXT UNIQUE,
            open BOOLEAN NOT NULL DEFAULT TRUE,
            picture BYTEA
        );
        CREATE TABLE things (
            id TEXT PRIMARY KEY,
            shelf_id BIGINT NOT NULL REFERENCES shelves (id)
        );
    ",
}];

/// Makes the tables, and shelf 1 with room for so many things.
async fn set_up(db: &Db, room: i64) {
    let sets = [bilten_kernel::MIGRATIONS, MIGRATIONS];
    db.migrate(&sets, Timestamp::from_ms(0)).await.unwrap();
    db.write(move |conn| {
        Box::pin(async move {
            conn.exec(
                sql!("INSERT INTO shelves (id, room) VALUES (1, $1)"),
                vals![room],
            )
            .await
        })
    })
    .await
    .map(|count| assert_eq!(count, 1))
    .unwrap_or_else(|error: DbError| panic!("{error}"));
}

on_both_engines! {
    async fn every_statement_fits_the_schema(db: TestDb) {
        set_up(&db, 1).await;
        let count = bilten_kernel::db::check_statements(&db).await.unwrap();
        assert!(count > 10, "{count}");
    }
}
