//! Requests that were kept.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use super::model::*;
use crate::identity::{OrganisationId, UserId};

record! {
    /// A request without what was sent and answered.
    #[derive(Clone, Debug)]
    pub(super) struct RequestRow {
        pub(super) id: LoggedRequestId,
        pub(super) request_id: String,
        pub(super) actor: String,
        pub(super) at: Timestamp,
        pub(super) method: String,
        pub(super) route: Option<String>,
        pub(super) status: u16,
        pub(super) problem: Option<String>,
        pub(super) duration_ms: i64,
        pub(super) sealed_head: Vec<u8>,
    }
}

record! {
    /// A request with what was sent and answered.
    #[derive(Clone, Debug)]
    pub(super) struct DetailRow {
        pub(super) id: LoggedRequestId,
        pub(super) request_id: String,
        pub(super) actor: String,
        pub(super) at: Timestamp,
        pub(super) method: String,
        pub(super) route: Option<String>,
        pub(super) status: u16,
        pub(super) problem: Option<String>,
        pub(super) duration_ms: i64,
        pub(super) sealed_head: Vec<u8>,
        pub(super) sealed_detail: Vec<u8>,
    }
}

impl DetailRow {
    /// Both parts of it.
    pub(super) fn apart(self) -> (RequestRow, Vec<u8>) {
        let row = RequestRow {
            id: self.id,
            request_id: self.request_id,
            actor: self.actor,
            at: self.at,
            method: self.method,
            route: self.route,
            status: self.status,
            problem: self.problem,
            duration_ms: self.duration_ms,
            sealed_head: self.sealed_head,
        };
        (row, self.sealed_detail)
    }
}

/// A request that is to be kept, its parts sealed.
#[derive(Clone, Debug)]
pub(super) struct NewRow {
    pub(super) id: LoggedRequestId,
    pub(super) captured: Captured,
    pub(super) sealed_head: Vec<u8>,
    pub(super) sealed_detail: Vec<u8>,
}

impl NewRow {
    fn vals(self) -> Vec<Val> {
        let captured = &self.captured;
        vals![
            self.id,
            &captured.request_id,
            captured.organisation,
            &captured.actor,
            captured.credential(),
            captured.user(),
            captured.at,
            &captured.method,
            captured.route.as_deref(),
            captured.status,
            captured.problem.as_deref(),
            captured.duration_ms,
            self.sealed_head,
            self.sealed_detail
        ]
    }
}

pub(super) async fn insert(c: &mut Conn, rows: Vec<NewRow>) -> Result<u64, DbError> {
    c.insert_many(
        sql!(
            "INSERT INTO api_requests (id, request_id, organisation_id, actor, credential, user_id, at, method,
                 route, status, problem, duration_ms, sealed_head, sealed_detail)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
        ),
        rows.into_iter().map(NewRow::vals).collect(),
    )
    .await
}

/// Which requests are read, the newest first.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) organisation: OrganisationId,
    /// Only those of exactly this one.
    pub(super) actor: Option<String>,
    /// Only those of this key or client.
    pub(super) credential: Option<String>,
    /// Those with an id below.
    pub(super) before: String,
    /// Those with an id above.
    pub(super) after: String,
    pub(super) method: Option<String>,
    pub(super) route: Option<String>,
    /// The least status, and the first beyond.
    pub(super) status: (u16, u16),
    pub(super) limit: i64,
}

pub(super) async fn list(c: &mut Conn, wanted: Wanted) -> Result<Vec<RequestRow>, DbError> {
    let (least, beyond) = wanted.status;
    let Some(credential) = wanted.credential else {
        return c
            .all(
                sql!(
                    "SELECT id, request_id, actor, at, method, route, status, problem, duration_ms, sealed_head
                     FROM api_requests
                     WHERE organisation_id = $1 AND id < $2 AND id > $3 AND status >= $4 AND status < $5
                       AND (CAST($6 AS TEXT) IS NULL OR method = $6)
                       AND (CAST($7 AS TEXT) IS NULL OR route = $7)
                     ORDER BY id DESC LIMIT $8"
                ),
                vals![
                    wanted.organisation,
                    wanted.before,
                    wanted.after,
                    least,
                    beyond,
                    wanted.method,
                    wanted.route,
                    wanted.limit
                ],
            )
            .await;
    };
    c.all(
        sql!(
            "SELECT id, request_id, actor, at, method, route, status, problem, duration_ms, sealed_head
             FROM api_requests
             WHERE organisation_id = $1 AND credential = $2 AND id < $3 AND id > $4 AND status >= $5 AND status < $6
               AND (CAST($7 AS TEXT) IS NULL OR method = $7)
               AND (CAST($8 AS TEXT) IS NULL OR route = $8)
               AND (CAST($9 AS TEXT) IS NULL OR actor = $9)
             ORDER BY id DESC LIMIT $10"
        ),
        vals![
            wanted.organisation,
            credential,
            wanted.before,
            wanted.after,
            least,
            beyond,
            wanted.method,
            wanted.route,
            wanted.actor,
            wanted.limit
        ],
    )
    .await
}

/// A request by its id; of one caller only, if one is named.
pub(super) async fn by_id(
    c: &mut Conn,
    organisation: OrganisationId,
    actor: Option<&str>,
    id: LoggedRequestId,
) -> Result<Option<DetailRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, request_id, actor, at, method, route, status, problem, duration_ms, sealed_head, sealed_detail
             FROM api_requests
             WHERE organisation_id = $1 AND id = $2 AND (CAST($3 AS TEXT) IS NULL OR actor = $3)"
        ),
        vals![organisation, id, actor],
    )
    .await
}

/// The newest request that was answered with this `X-Request-Id`; of one caller only, if one is named.
pub(super) async fn by_request_id(
    c: &mut Conn,
    organisation: OrganisationId,
    actor: Option<&str>,
    request_id: &str,
) -> Result<Option<DetailRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, request_id, actor, at, method, route, status, problem, duration_ms, sealed_head, sealed_detail
             FROM api_requests
             WHERE organisation_id = $1 AND request_id = $2 AND (CAST($3 AS TEXT) IS NULL OR actor = $3)
             ORDER BY id DESC LIMIT 1"
        ),
        vals![organisation, request_id, actor],
    )
    .await
}

/// Requests that clients made for somebody, the newest first.
pub(super) async fn of_user(
    c: &mut Conn,
    user: UserId,
    limit: i64,
) -> Result<Vec<RequestRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, request_id, actor, at, method, route, status, problem, duration_ms, sealed_head
             FROM api_requests WHERE user_id = $1 ORDER BY id DESC LIMIT $2"
        ),
        vals![user, limit],
    )
    .await
}

/// Deletes what clients asked for somebody.
pub(super) async fn delete_of_user(c: &mut Conn, user: UserId) -> Result<u64, DbError> {
    let statement = sql!("DELETE FROM api_requests WHERE user_id = $1");
    c.exec(statement, vals![user]).await
}

/// Deletes requests with an id below; gives how many, at most 1,000.
pub(super) async fn delete_before(c: &mut Conn, before: &str) -> Result<u64, DbError> {
    c.exec(
        sql!(
            "DELETE FROM api_requests WHERE id IN (
                 SELECT id FROM api_requests WHERE id < $1 ORDER BY id LIMIT 1000)"
        ),
        vals![before],
    )
    .await
}
