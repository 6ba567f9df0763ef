//! The database: whether it can be reached, is up to date, and keeps what it is given.

use bilten_kernel::clock::{Clock, SystemClock, Timestamp};
use bilten_kernel::db::{DatabaseConfig, Db, DbError, Inspection, LiteFile, Settings};

use super::Finding;
use crate::MIGRATIONS;

/// Clocks may differ by this much without anybody noticing, in milliseconds.
const TOLERANCE_MS: u64 = 2_000;
/// From here on times in the database are wrong for people, in milliseconds.
const INTOLERABLE_MS: u64 = 60_000;
/// The oldest PostgreSQL that is tested.
const OLDEST_PG: i32 = 140_000;

/// Looks at the database; also gives it, if it can be read.
pub(super) async fn examine(
    config: &DatabaseConfig,
    is_serving: bool,
) -> (Vec<Finding>, Option<Db>) {
    let mut findings = Vec::new();
    match config.lite_file() {
        Ok(Some(file)) => {
            findings.push(in_use(&file, is_serving));
            if !file.exists {
                findings.push(Finding::ok(
                    "database",
                    format_args!("{} will be made at the first start", file.path.display()),
                ));
                return (findings, None);
            }
        }
        Ok(None) => {}
        Err(error) => return (vec![failed("database", &error)], None),
    }
    let opened = async {
        let db = Db::open_to_inspect(config).await?;
        let before = SystemClock.now();
        let inspection = db.inspect().await?;
        // The answer was made about half-way.
        let asked_at = before + SystemClock.now().since(before) / 2;
        Ok::<_, DbError>((db, inspection, asked_at))
    };
    let (db, inspection, asked_at) = match opened.await {
        Ok(opened) => opened,
        Err(error) => {
            findings.push(failed("database", &error));
            return (findings, None);
        }
    };
    findings.push(engine(&db, &inspection));
    findings.extend(settings(&inspection.settings, config));
    let (schema, is_ours) = schema(&db, &inspection).await;
    findings.push(schema);
    findings.push(clock(&inspection, asked_at));
    (findings, is_ours.then_some(db))
}

/// An error of the database names its mend in its last sentence, or needs the operator's eye.
fn failed(check: &'static str, error: &DbError) -> Finding {
    let text = error.to_string();
    let detail = format!("{text} ({})", error.code());
    if !matches!(error, DbError::Open { .. }) {
        return Finding::fail(
            check,
            detail,
            "Check that the database runs, and its own log",
        );
    }
    match text.rsplit_once(". ") {
        Some((what, mend)) => Finding::fail(
            check,
            format_args!("{what} ({})", error.code()),
            mend.trim_end_matches('.'),
        ),
        None => Finding::fail(check, detail, "Check database.url"),
    }
}

fn in_use(file: &LiteFile, is_serving: bool) -> Finding {
    const CHECK: &str = "second server";
    let path = file.path.display();
    match (&file.holder, is_serving) {
        (None, _) => Finding::ok(CHECK, format_args!("nobody else has {path}")),
        (Some(holder), true) => Finding::ok(
            CHECK,
            format_args!("the running server (process {holder}) has {path}"),
        ),
        (Some(holder), false) => Finding::fail(
            CHECK,
            format_args!(
                "{path} is in use by process {holder}, which does not answer on http.listen: a server started here would be refused (database_in_use)"
            ),
            "Stop that process, or give this server a database of its own; several servers can share a PostgreSQL database",
        ),
    }
}

fn engine(db: &Db, inspection: &Inspection) -> Finding {
    const CHECK: &str = "database";
    let version = &inspection.version;
    match &inspection.settings {
        Settings::Lite { .. } => {
            Finding::ok(CHECK, format_args!("{} {version} answers", db.engine()))
        }
        Settings::Pg { version_number, .. } if *version_number < OLDEST_PG => Finding::warn(
            CHECK,
            format_args!("PostgreSQL {version} is older than what we test with"),
            "Upgrade to PostgreSQL 14 or newer",
        ),
        Settings::Pg { .. } => Finding::ok(CHECK, format_args!("PostgreSQL {version} answers")),
    }
}

fn settings(settings: &Settings, config: &DatabaseConfig) -> Vec<Finding> {
    const CHECK: &str = "durability";
    match settings {
        Settings::Lite { is_wal: true } => {
            vec![Finding::ok(
                CHECK,
                "write-ahead log; the server writes with synchronous=FULL",
            )]
        }
        Settings::Lite { is_wal: false } => vec![Finding::warn(
            CHECK,
            "the file keeps no write-ahead log; the server sets it when it starts",
            "Keep the file on a local disk: the write-ahead log does not work on network shares",
        )],
        Settings::Pg {
            fsync,
            full_page_writes,
            synchronous_commit,
            encoding,
            max_connections,
            connections,
            is_replica,
            may_create,
            version_number: _,
            now: _,
        } => {
            let mut findings = Vec::new();
            let mut fail =
                |detail: &str, mend: &str| findings.push(Finding::fail(CHECK, detail, mend));
            if !fsync {
                fail(
                    "fsync is off: a power cut loses orders and may destroy the database",
                    "Set fsync = on in postgresql.conf",
                );
            }
            if !full_page_writes {
                fail(
                    "full_page_writes is off: a power cut may destroy the database",
                    "Set full_page_writes = on in postgresql.conf",
                );
            }
            if synchronous_commit == "off" {
                fail(
                    "synchronous_commit is off: orders that were confirmed may be lost",
                    "Set synchronous_commit = on",
                );
            }
            if encoding != "UTF8" {
                fail(
                    "the database is not in UTF8: names would be refused",
                    "Make the database anew with ENCODING 'UTF8'",
                );
            }
            if *is_replica {
                fail(
                    "this is a replica, which refuses writes",
                    "Point database.url at the primary",
                );
            }
            if !may_create {
                fail(
                    "this user may not make tables",
                    "GRANT CREATE ON SCHEMA public TO it, or let another user run `bilten migrate`",
                );
            }
            if findings.is_empty() {
                findings.push(Finding::ok(CHECK, "fsync and synchronous_commit are on"));
            }
            findings.push(connections_left(
                *max_connections,
                *connections,
                config.max_connections,
            ));
            findings
        }
    }
}

fn connections_left(most: i32, now: i64, wanted: u32) -> Finding {
    const CHECK: &str = "connections";
    let detail = format!("the server takes {most}, {now} are in use, this node may open {wanted}");
    let mend = "Lower database.max_connections, or raise max_connections of PostgreSQL (nodes times this number must fit)";
    if i64::from(wanted) >= i64::from(most) {
        Finding::fail(CHECK, detail, mend)
    } else if i64::from(wanted) + now > i64::from(most) {
        Finding::warn(CHECK, detail, mend)
    } else {
        Finding::ok(CHECK, detail)
    }
}

/// Whether the schema is ours and up to date; the second value says whether it can be read.
async fn schema(db: &Db, inspection: &Inspection) -> (Finding, bool) {
    const CHECK: &str = "schema";
    if inspection.migrated_at.is_none() {
        let detail = "the database is empty; its tables will be made at the first start";
        return (Finding::ok(CHECK, detail), false);
    }
    match db
        .missing_migrations(&[bilten_kernel::MIGRATIONS, MIGRATIONS])
        .await
    {
        Ok(missing) if missing.is_empty() => (Finding::ok(CHECK, "up to date"), true),
        Ok(missing) => {
            let detail = format!("to be brought up to date: {}", missing.join(", "));
            let mend = "Make a backup, then run `bilten migrate` or start the server";
            (Finding::warn(CHECK, detail, mend), false)
        }
        Err(error) => (failed(CHECK, &error), false),
    }
}

fn clock(inspection: &Inspection, asked_at: Timestamp) -> Finding {
    const CHECK: &str = "clock";
    let mend = "Let both machines keep time by NTP";
    let off = match (&inspection.settings, inspection.migrated_at) {
        (Settings::Pg { now, .. }, _) => now.ms().abs_diff(asked_at.ms()),
        // The file's clock is ours; it only shows when it was set back.
        (Settings::Lite { .. }, Some(at)) if at > asked_at => at.ms().abs_diff(asked_at.ms()),
        (Settings::Lite { .. }, _) => 0,
    };
    let seconds = off / 1_000;
    match off {
        0..=TOLERANCE_MS => Finding::ok(CHECK, "agrees with the database's"),
        _ if off < INTOLERABLE_MS => Finding::warn(
            CHECK,
            format_args!("differs from the database's by {seconds} s"),
            mend,
        ),
        _ => Finding::fail(
            CHECK,
            format_args!(
                "differs from the database's by {seconds} s: holds, sales and entry would begin and end at the wrong time"
            ),
            mend,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn a_pool_that_does_not_fit_is_found() {
        assert_eq!(connections_left(100, 5, 16).status, Status::Ok);
        assert_eq!(connections_left(100, 90, 16).status, Status::Warn);
        assert_eq!(connections_left(16, 1, 16).status, Status::Fail);
    }

    #[test]
    fn settings_that_lose_orders_are_found() {
        let config = DatabaseConfig::new("postgres://x");
        let worst = Settings::Pg {
            version_number: 150_000,
            fsync: false,
            full_page_writes: false,
            synchronous_commit: "off".to_owned(),
            encoding: "SQL_ASCII".to_owned(),
            max_connections: 100,
            connections: 1,
            is_replica: true,
            may_create: false,
            now: Timestamp::from_ms(0),
        };
        let findings = settings(&worst, &config);
        let fails = findings.iter().filter(|f| f.status == Status::Fail);
        assert_eq!(fails.count(), 6);
        assert!(
            findings
                .iter()
                .all(|f| f.check == "connections" || f.mend.is_some())
        );
    }

    #[test]
    fn clocks_that_differ_are_found() {
        let at = |ms| Inspection {
            version: String::new(),
            settings: Settings::Lite { is_wal: true },
            migrated_at: Some(Timestamp::from_ms(ms)),
        };
        let now = Timestamp::from_ms(1_000_000);
        assert_eq!(clock(&at(0), now).status, Status::Ok);
        assert_eq!(clock(&at(1_001_000), now).status, Status::Ok);
        assert_eq!(clock(&at(1_010_000), now).status, Status::Warn);
        assert_eq!(clock(&at(9_000_000), now).status, Status::Fail);
    }
}
