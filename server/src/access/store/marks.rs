//! What the feed says besides tickets and redemptions.

use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, text_enum, vals};

use crate::catalog::EventId;

text_enum! {
    /// What a mark is about.
    pub(in crate::access) enum MarkKind {
        /// A key of the event.
        Key = "key",
        /// A key of another event of the organisation.
        SiblingKey = "sibling_key",
        /// A box-office key that may issue no more.
        WithdrawnKey = "withdrawn_key",
        /// A tier.
        Tier = "tier",
        /// A check-in list, also a removed one.
        List = "list",
        /// A gate, also a removed one.
        Gate = "gate",
    }
}

record! {
    /// A thing as it was last fed; `content` is the change in JSON.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(in crate::access) struct MarkRow {
        pub(in crate::access) kind: MarkKind,
        pub(in crate::access) about: String,
        pub(in crate::access) content: String,
        pub(in crate::access) position: i64,
    }
}

/// The marks of some kinds.
pub(in crate::access) async fn of_kinds(
    c: &mut Conn,
    event: EventId,
    kinds: &[MarkKind],
) -> Result<Vec<MarkRow>, DbError> {
    c.all(
        sql!(
            "SELECT kind, about, content, position FROM feed_marks \
             WHERE event_id = $1 AND kind IN (SELECT value FROM list($2)) ORDER BY position"
        ),
        vals![event, Val::texts(kinds)],
    )
    .await
}

/// What the keys of many events say.
pub(in crate::access) async fn keys_of(
    c: &mut Conn,
    events: &[EventId],
) -> Result<Vec<(String, String)>, DbError> {
    c.all(
        sql!(
            "SELECT about, content FROM feed_marks \
             WHERE event_id IN (SELECT value FROM list($1)) AND kind = 'key' ORDER BY event_id, about"
        ),
        vals![Val::texts(events)],
    )
    .await
}

/// Writes marks at consecutive positions, the last of which is `last_position`.
pub(in crate::access) async fn put(
    c: &mut Conn,
    event: EventId,
    marks: &[(MarkKind, String, String)],
    last_position: i64,
) -> Result<(), DbError> {
    let first = last_position + 1 - i64::try_from(marks.len()).unwrap_or(0);
    c.insert_many(
        sql!(
            "INSERT INTO feed_marks (event_id, kind, about, content, position) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (event_id, kind, about) \
             DO UPDATE SET content = excluded.content, position = excluded.position"
        ),
        marks
            .iter()
            .zip(first..)
            .map(|((kind, about, content), position)| vals![event, kind, about, content, position])
            .collect(),
    )
    .await?;
    Ok(())
}

/// The marks in `(from, to]`, in the feed's order.
pub(in crate::access) async fn between(
    c: &mut Conn,
    event: EventId,
    from: i64,
    to: i64,
    limit: i64,
) -> Result<Vec<MarkRow>, DbError> {
    c.all(
        sql!(
            "SELECT kind, about, content, position FROM feed_marks \
             WHERE event_id = $1 AND position > $2 AND position <= $3 ORDER BY position LIMIT $4"
        ),
        vals![event, from, to, limit],
    )
    .await
}
