//! Layouts of seat maps, kept while they are in use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::service::{aside, broken};
use super::store;
use crate::app::App;
use crate::catalog::model::SeatMapRef;
use crate::catalog::seating::{Layout, SeatMap};
use crate::catalog::service::CatalogError;
use crate::catalog::venues::HouseError;

/// How many seats the layouts that are kept have together at most: some 100 MB.
const MOST_SEATS: usize = 300_000;
/// As how many seats a small map counts, so that there are not too many of them.
const LEAST_SEATS: usize = 500;

/// Layouts that were in use lately. Versions never change, so what is kept is right for ever.
#[derive(Default)]
pub struct Layouts {
    kept: Mutex<Kept>,
    /// One is read at a time: whoever waits may well want the same one.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    layouts: HashMap<SeatMapRef, Entry>,
    /// How many seats they count as.
    seats: usize,
    /// Raised whenever one is asked for.
    uses: u64,
}

struct Entry {
    layout: Arc<Layout>,
    last_use: u64,
}

fn size(layout: &Layout) -> usize {
    layout.places().len().max(LEAST_SEATS)
}

impl Layouts {
    fn get(&self, of: SeatMapRef) -> Option<Arc<Layout>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let uses = kept.uses;
        let entry = kept.layouts.get_mut(&of)?;
        entry.last_use = uses;
        Some(Arc::clone(&entry.layout))
    }

    /// Keeps a layout, and lets those go that were not used for longest if there are too many.
    pub(super) fn put(&self, of: SeatMapRef, layout: Arc<Layout>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let last_use = kept.uses;
        kept.seats += size(&layout);
        let entry = Entry { layout, last_use };
        if let Some(old) = kept.layouts.insert(of, entry) {
            kept.seats -= size(&old.layout);
        }
        while kept.seats > MOST_SEATS && kept.layouts.len() > 1 {
            let oldest = kept.layouts.iter().min_by_key(|(_, entry)| entry.last_use);
            let Some(oldest) = oldest.map(|(of, _)| *of) else {
                break;
            };
            if let Some(old) = kept.layouts.remove(&oldest) {
                kept.seats -= size(&old.layout);
            }
        }
    }
}

/// A version of a seat map, checked and with its indexes; whose it is was decided before.
///
/// # Errors
/// [`HouseError::MapNotFound`], or a fault of the database.
pub async fn layout(app: &App, of: SeatMapRef) -> Result<Arc<Layout>, CatalogError> {
    if let Some(kept) = app.layouts.get(of) {
        return Ok(kept);
    }
    let _alone = app.layouts.reading.lock().await;
    if let Some(kept) = app.layouts.get(of) {
        return Ok(kept);
    }
    let body = app
        .db
        .read(move |c| Box::pin(async move { store::body(c, of).await }))
        .await?;
    let body = body.ok_or(HouseError::MapNotFound)?;
    let layout = aside(move || read(&body)).await??;
    app.layouts.put(of, Arc::clone(&layout));
    Ok(layout)
}

fn read(body: &str) -> Result<Arc<Layout>, CatalogError> {
    let map: SeatMap = serde_json::from_str(body).map_err(|error| broken(&error))?;
    let layout = Layout::new(map).map_err(|faults| broken(&format!("{faults:?}")))?;
    Ok(Arc::new(layout))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::model::SeatMapId;
    use crate::catalog::seating::templates;

    fn reference(number: u8) -> SeatMapRef {
        SeatMapRef {
            id: SeatMapId::from_bytes([number; 16]),
            version: 1,
        }
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let large = Arc::new(Layout::new(templates::arena(120, 20, 25).unwrap()).unwrap());
        let layouts = Layouts::default();
        for number in 0..5 {
            layouts.put(reference(number), Arc::clone(&large));
        }
        assert!(layouts.get(reference(0)).is_some(), "300,000 seats fit");
        layouts.put(reference(5), Arc::clone(&large));
        assert!(
            layouts.get(reference(0)).is_some(),
            "it was used a moment ago"
        );
        assert!(layouts.get(reference(1)).is_none());
        layouts.put(reference(5), large);
        assert!(
            layouts.get(reference(2)).is_some(),
            "the same one counts once"
        );
    }
}
