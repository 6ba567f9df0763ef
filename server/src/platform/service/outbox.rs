//! The outbox as operators see it: how far behind it is, and its dead letters.

use bilten_kernel::error::{FieldError, Problem};
use bilten_kernel::http::{Page, PageQuery};
use bilten_kernel::outbox;
use serde_json::json;

use super::super::model::*;
use super::{PlatformError, audit};
use crate::app::App;

/// How many dead letters can be named at once.
const MOST_NAMED: usize = 1_000;

/// How far behind the outbox is.
///
/// # Errors
/// A fault of the database.
pub async fn outbox_report(app: &App) -> Result<OutboxReport, PlatformError> {
    let lag = outbox::lag(&app.db).await?;
    Ok(OutboxReport {
        waiting: lag.waiting,
        refused: lag.refused,
        dead: lag.dead,
        oldest_at: lag.oldest_at,
        lag_ms: i64::try_from(lag.age(app.now()).as_millis()).unwrap_or(i64::MAX),
    })
}

/// The dead letters of the outbox, oldest first.
///
/// # Errors
/// A problem with the cursor, or a fault of the database.
pub async fn dead_letters(app: &App, page: &PageQuery) -> Result<Page<DeadLetter>, Problem> {
    let after = page.after::<i64>()?.unwrap_or(0);
    let letters = outbox::dead_letters_after(&app.db, after, page.limit_and_one()).await?;
    let shown = page.page(letters, |letter| letter.id);
    Ok(shown.map(|letter| DeadLetter {
        id: letter.id,
        aggregate: letter.aggregate,
        kind: letter.kind,
        last_error: letter.last_error,
        created_at: letter.created_at,
    }))
}

/// Delivers dead letters again to those who have not dealt with them; all if none are named.
///
/// # Errors
/// [`PlatformError::Invalid`], or a fault of the database.
pub async fn replay_letters(
    app: &App,
    actor: &str,
    letters: ReplayLetters,
) -> Result<ReplayedLetters, PlatformError> {
    if letters
        .ids
        .as_ref()
        .is_some_and(|ids| ids.len() > MOST_NAMED)
    {
        return Err(PlatformError::Invalid(vec![FieldError {
            field: "ids".to_owned(),
            code: "too_many".into(),
            detail: "At most 1,000 can be named at once.".to_owned(),
        }]));
    }
    let (work, actor) = (app.clone(), actor.to_owned());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let named = letters.ids.clone();
                let replayed = outbox::replay_in(c, letters.ids).await?;
                if replayed > 0 {
                    let record = AuditRecord::new(actor, "outbox.replayed", "outbox")
                        .detail(json!({"ids": named, "replayed": replayed}));
                    audit(&work, c, record).await?;
                }
                Ok(ReplayedLetters { replayed })
            })
        })
        .await
}
