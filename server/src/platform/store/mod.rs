//! All SQL of the platform.

pub(super) mod audit;
pub(super) mod blocks;
pub(super) mod keys;
pub(super) mod once;
pub(super) mod sealed;
pub(super) mod settings;

use bilten_kernel::db::{Db, DbError};
use bilten_kernel::{sql, vals};

pub(super) async fn ping(db: &Db) -> Result<i64, DbError> {
    db.scalar(sql!("SELECT CAST(1 AS BIGINT)"), vals![]).await
}
