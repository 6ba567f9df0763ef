//! All SQL of questions.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::{sql, vals};

use crate::catalog::model::EventId;
use crate::catalog::model::questions::{Question, QuestionId};

/// The questions of an event: what is asked in its order, then what is retired; each with when it was
/// retired.
pub(super) async fn questions(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<(Question, Option<Timestamp>)>, DbError> {
    let rows: Vec<(AsJson<Question>, Option<Timestamp>)> = c
        .all(
            sql!(
                "SELECT definition, retired_at FROM questions WHERE event_id = $1 \
                 ORDER BY retired_at NULLS FIRST, position, id"
            ),
            vals![event],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|(AsJson(question), retired_at)| (question, retired_at))
        .collect())
}

/// Writes what is asked from now on, in its order, over what has the same ids.
pub(super) async fn put(
    c: &mut Conn,
    event: EventId,
    questions: &[Question],
    now: Timestamp,
) -> Result<(), DbError> {
    let mut rows = Vec::with_capacity(questions.len());
    for (question, position) in questions.iter().zip(0_i64..) {
        rows.push(vals![
            question.id,
            event,
            position,
            Val::json(question)?,
            now
        ]);
    }
    c.insert_many(
        sql!(
            "INSERT INTO questions (id, event_id, position, definition, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $5) \
             ON CONFLICT (id) DO UPDATE SET position = excluded.position, definition = excluded.definition, \
             retired_at = NULL, updated_at = excluded.updated_at"
        ),
        rows,
    )
    .await?;
    Ok(())
}

/// Asks questions no more.
pub(super) async fn retire(
    c: &mut Conn,
    event: EventId,
    ids: &[QuestionId],
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE questions SET retired_at = $3 \
             WHERE event_id = $1 AND retired_at IS NULL AND id IN (SELECT value FROM list($2))"
        ),
        vals![event, Val::texts(ids), now],
    )
    .await?;
    Ok(())
}
