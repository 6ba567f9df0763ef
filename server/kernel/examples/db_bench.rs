//! How many purchases a second the seam carries: the hot path of a sale without any domain.
//!
//! One purchase takes 2 of one hot stock and writes a basket, 2 lines, 2 slips and an outbox entry,
//! durably. Prints a line for each engine, way and number of tasks at once:
//!
//! ```text
//! cargo run --release -p bilten-kernel --example db_bench
//! ```
//!
//! PostgreSQL joins in when `BILTEN_TEST_POSTGRES` is set (see `scripts/postgres`).

#![expect(clippy::print_stdout, reason = "it prints figures")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bilten_kernel::clock::{Clock, SystemClock};
use bilten_kernel::db::{Conn, Db, DbError, Migration};
use bilten_kernel::lane::Lanes;
use bilten_kernel::outbox::{self, Entry};
use bilten_kernel::random::OsRandom;
use bilten_kernel::testing::{Engine, TestDb};
use bilten_kernel::{sql, typed_id, vals};

typed_id!(BasketId, "bsk", "Names a basket.");
typed_id!(SlipId, "slp", "Names a slip.");

const MIGRATIONS: &[Migration] = &[Migration {
    version: 100,
    name: "bench",
    sql: "
        CREATE TABLE stocks (
            id BIGINT PRIMARY KEY, room BIGINT NOT NULL, taken BIGINT NOT NULL CHECK (taken <= room)
        );
        CREATE TABLE baskets (
            id TEXT PRIMARY KEY, stock_id BIGINT NOT NULL REFERENCES stocks (id),
            state TEXT NOT NULL, total_minor BIGINT NOT NULL, currency TEXT NOT NULL,
            created_at BIGINT NOT NULL
        );
        CREATE TABLE lines (
            basket_id TEXT NOT NULL REFERENCES baskets (id), place BIGINT NOT NULL,
            count BIGINT NOT NULL, price_minor BIGINT NOT NULL, PRIMARY KEY (basket_id, place)
        );
        CREATE TABLE slips (
            id TEXT PRIMARY KEY, basket_id TEXT NOT NULL REFERENCES baskets (id),
            version BIGINT NOT NULL, content BYTEA NOT NULL
        );
    ",
}];

/// One purchase, with its ids made before the write.
#[derive(Clone)]
struct Purchase {
    basket: BasketId,
    slips: [SlipId; 2],
    at: bilten_kernel::clock::Timestamp,
}

impl Purchase {
    fn new() -> Self {
        let slip = || SlipId::new(&SystemClock, &OsRandom);
        Self {
            basket: BasketId::new(&SystemClock, &OsRandom),
            slips: [slip(), slip()],
            at: SystemClock.now(),
        }
    }
}

/// Sells as many of the batch as there is stock for; gives how many.
async fn sell(conn: &mut Conn, batch: &[Purchase]) -> Result<usize, DbError> {
    let mut sold = batch.len();
    let take = sql!("UPDATE stocks SET taken = taken + $1 WHERE id = 1 AND taken + $1 <= room");
    while sold > 0
        && conn
            .exec(take, vals![2 * i64::try_from(sold).unwrap_or(i64::MAX)])
            .await?
            == 0
    {
        sold -= 1;
    }
    let sold_now = &batch[..sold];
    let basket = |one: &Purchase| vals![one.basket, 1i64, "paid", 5000i64, "EUR", one.at];
    conn.insert_many(
        sql!(
            "INSERT INTO baskets (id, stock_id, state, total_minor, currency, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        sold_now.iter().map(basket).collect(),
    )
    .await?;
    let lines = |one: &Purchase| [0i64, 1].map(|place| vals![one.basket, place, 1i64, 2500i64]);
    conn.insert_many(
        sql!("INSERT INTO lines (basket_id, place, count, price_minor) VALUES ($1, $2, $3, $4)"),
        sold_now.iter().flat_map(lines).collect(),
    )
    .await?;
    let slips = |one: &Purchase| {
        one.slips
            .map(|slip| vals![slip, one.basket, 1i64, vec![7u8; 120]])
    };
    conn.insert_many(
        sql!("INSERT INTO slips (id, basket_id, version, content) VALUES ($1, $2, $3, $4)"),
        sold_now.iter().flat_map(slips).collect(),
    )
    .await?;
    let entry = |one: &Purchase| Entry::new(one.basket, "baskets.paid", &one.basket, one.at);
    outbox::emit(conn, sold_now.iter().map(entry).collect::<Result<_, _>>()?).await?;
    Ok(sold)
}

/// A transaction for each purchase (SQLite commits them in groups).
async fn alone(db: &Db, purchase: Purchase) -> Result<bool, DbError> {
    db.write(|conn| Box::pin(async move { Ok(sell(conn, &[purchase]).await? == 1) }))
        .await
}

fn lanes(db: Db) -> Lanes<i64, Purchase, bool, DbError> {
    Lanes::new(db, |conn, batch: Vec<Purchase>| {
        Box::pin(async move {
            let sold = sell(conn, &batch).await?;
            Ok((0..batch.len()).map(|place| Ok(place < sold)).collect())
        })
    })
}

/// Runs `tasks` buyers for a while; gives purchases a second.
async fn measure(engine: Engine, is_lane: bool, tasks: usize) -> Result<f64, DbError> {
    let db = TestDb::new(engine).await;
    db.db()
        .migrate(&[bilten_kernel::MIGRATIONS, MIGRATIONS], SystemClock.now())
        .await?;
    db.write(|conn| {
        Box::pin(async move {
            conn.exec(
                sql!("INSERT INTO stocks (id, room, taken) VALUES (1, 100000000, 0)"),
                vals![],
            )
            .await
        })
    })
    .await
    .map(|_: u64| ())
    .map_err(|error: DbError| error)?;
    let (sold, lanes) = (Arc::new(AtomicU64::new(0)), lanes(db.db()));
    let began = Instant::now();
    let end = began + Duration::from_secs(4);
    let buyers: Vec<_> = (0..tasks)
        .map(|_| {
            let (db, lanes, sold) = (db.db(), lanes.clone(), Arc::clone(&sold));
            tokio::spawn(async move {
                while Instant::now() < end {
                    let purchase = Purchase::new();
                    let is_sold = if is_lane {
                        lanes.submit(1, purchase).await?
                    } else {
                        alone(&db, purchase).await?
                    };
                    sold.fetch_add(u64::from(is_sold), Ordering::Relaxed);
                }
                Ok::<_, DbError>(())
            })
        })
        .collect();
    for buyer in buyers {
        buyer
            .await
            .map_err(|_| DbError::Closed("a buyer panicked"))??;
    }
    let seconds = began.elapsed().as_secs_f64();
    let count: i64 = db
        .scalar(sql!("SELECT COUNT(*) FROM slips"), vals![])
        .await?;
    let taken: i64 = db.scalar(sql!("SELECT taken FROM stocks"), vals![]).await?;
    let sold = sold.load(Ordering::Relaxed);
    assert!(
        count == taken && u64::try_from(taken) == Ok(2 * sold),
        "{count} {taken} {sold}"
    );
    #[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
    Ok(sold as f64 / seconds)
}

#[tokio::main]
async fn main() -> Result<(), DbError> {
    let engines: &[Engine] = if std::env::var("BILTEN_TEST_POSTGRES").is_ok() {
        &[Engine::Sqlite, Engine::Postgres]
    } else {
        &[Engine::Sqlite]
    };
    println!(
        "{:<10} {:<22} {:>6} {:>12}",
        "engine", "way", "tasks", "purchases/s"
    );
    for engine in engines {
        for (is_lane, way) in [(false, "a write each"), (true, "a lane")] {
            for tasks in [16, 64, 256] {
                let rate = measure(*engine, is_lane, tasks).await?;
                let engine = format!("{engine:?}").to_lowercase();
                println!("{engine:<10} {way:<22} {tasks:>6} {rate:>12.0}");
            }
        }
    }
    Ok(())
}
