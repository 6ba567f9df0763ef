//! Use cases of seat maps.

mod edit;
mod make;
mod read;
mod show;

use std::fmt::Display;

use bilten_kernel::busy::Busy;
use bilten_kernel::db::DbError;
use bilten_kernel::error::FieldError;

use crate::catalog::seating::{Layout, SeatMap};
use crate::catalog::service::CatalogError;

pub use edit::*;
pub use make::*;
pub use read::*;
pub use show::*;

/// Checking, comparing and drawing maps: the largest take a tenth of a second.
static MAPS: Busy = Busy::new(|cores| cores / 2);

/// Does work on a map away from the threads that answer requests.
///
/// # Errors
/// A fault of ours.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CatalogError> {
    MAPS.run(work).await.map_err(|error| broken(&error))
}

/// A fault of ours with a map.
pub(super) fn broken(error: &dyn Display) -> CatalogError {
    tracing::error!(%error, "work on a seat map failed");
    CatalogError::Db(DbError::Closed("work on a seat map failed"))
}

/// A map that was checked.
pub(super) struct Checked {
    pub(super) layout: Layout,
    /// The map as it is stored.
    pub(super) body: String,
}

/// Checks a map that somebody sent.
fn checked(map: SeatMap) -> Result<Checked, CatalogError> {
    let layout = Layout::new(map).map_err(|faults| {
        let faults = faults.into_iter().map(|fault| FieldError {
            field: format!("map.{}", fault.field),
            ..fault
        });
        CatalogError::Invalid(faults.collect())
    })?;
    let body = serde_json::to_string(layout.map()).map_err(|error| broken(&error))?;
    Ok(Checked { layout, body })
}

/// How many seats a map has, and for how many people there is room in its standing areas.
fn sizes(map: &SeatMap) -> (i64, i64) {
    let areas = map.sections.iter().flat_map(|section| &section.areas);
    let standing = areas.map(|area| i64::from(area.capacity)).sum();
    (i64::try_from(map.seats()).unwrap_or(i64::MAX), standing)
}
