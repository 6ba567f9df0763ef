//! Scans.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::access::model::*;
use crate::catalog::EventId;
use crate::identity::MemberId;
use crate::tickets::TicketId;

record! {
    /// A scan that came before.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(in crate::access) struct KnownScan {
        pub(in crate::access) id: ScanId,
        pub(in crate::access) list_id: String,
        pub(in crate::access) ticket_id: Option<TicketId>,
        pub(in crate::access) direction: Way,
        pub(in crate::access) refused: Option<String>,
        pub(in crate::access) unplaced: Option<UnplacedCode>,
    }
}

/// Those of these scans that are known already.
pub(in crate::access) async fn known(
    c: &mut Conn,
    ids: &[ScanId],
) -> Result<Vec<KnownScan>, DbError> {
    c.all(
        sql!(
            "SELECT id, list_id, ticket_id, direction, refused, unplaced FROM scans \
             WHERE id IN (SELECT value FROM list($1))"
        ),
        vals![Val::texts(ids)],
    )
    .await
}

/// How often a ticket let somebody in.
pub(in crate::access) async fn entries(c: &mut Conn, ticket: TicketId) -> Result<i64, DbError> {
    c.scalar(
        sql!(
            "SELECT COUNT(*) FROM scans \
             WHERE ticket_id = $1 AND standing IS NOT NULL AND direction = 'entry'"
        ),
        vals![ticket],
    )
    .await
}

/// A scan that is to be stored.
#[derive(Debug)]
pub(in crate::access) struct NewScan<'a> {
    pub(in crate::access) event: EventId,
    pub(in crate::access) device: DeviceId,
    pub(in crate::access) received_at: Timestamp,
    pub(in crate::access) report: &'a Report,
    pub(in crate::access) unplaced: Option<UnplacedCode>,
    pub(in crate::access) standing: Option<(Counting, i64)>,
    pub(in crate::access) staff: Option<MemberId>,
}

/// Inserts scans; gives how many there are now that were not there before.
pub(in crate::access) async fn insert(c: &mut Conn, scans: &[NewScan<'_>]) -> Result<u64, DbError> {
    c.insert_many(
        sql!(
            "INSERT INTO scans (id, event_id, device_id, list_id, gate_id, direction, at, reported_at, \
             received_at, refused, ticket_id, version, code, standing, unplaced, feed_position, staff_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
             ON CONFLICT (id) DO NOTHING"
        ),
        scans
            .iter()
            .map(|scan| {
                let r = scan.report;
                vals![
                    r.id,
                    scan.event,
                    scan.device,
                    &r.list,
                    &r.gate,
                    r.way,
                    r.at,
                    r.reported_at,
                    scan.received_at,
                    &r.refused,
                    r.ticket,
                    r.version,
                    &r.code,
                    scan.standing.map(|(standing, _)| standing),
                    scan.unplaced,
                    scan.standing.map(|(_, position)| position),
                    scan.staff
                ]
            })
            .collect(),
    )
    .await
}

/// Gives passages a new standing at a new position.
pub(in crate::access) async fn restand(
    c: &mut Conn,
    changed: Vec<(ScanId, Option<Counting>, i64)>,
) -> Result<(), DbError> {
    let rows = changed
        .into_iter()
        .map(|(id, standing, position)| vals![id, standing, position])
        .collect();
    c.update_many(
        sql!("UPDATE scans SET standing = $2, feed_position = $3 WHERE id = $1"),
        rows,
    )
    .await?;
    Ok(())
}

/// All passages of these tickets, on any list.
pub(in crate::access) async fn passages(
    c: &mut Conn,
    tickets: &[TicketId],
) -> Result<Vec<PassageRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, ticket_id, list_id, gate_id, device_id, at, direction, standing FROM scans \
             WHERE ticket_id IN (SELECT value FROM list($1)) AND standing IS NOT NULL"
        ),
        vals![Val::texts(tickets)],
    )
    .await
}

/// All passages on a list, by ticket.
pub(in crate::access) async fn passages_of_list(
    c: &mut Conn,
    event: EventId,
    list: ListId,
) -> Result<Vec<PassageRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, ticket_id, list_id, gate_id, device_id, at, direction, standing FROM scans \
             WHERE event_id = $1 AND list_id = $2 AND standing IS NOT NULL ORDER BY ticket_id"
        ),
        vals![event, list],
    )
    .await
}

/// How many people are inside by a list.
pub(in crate::access) async fn inside(c: &mut Conn, list: ListId) -> Result<i64, DbError> {
    let counts: Vec<(Way, i64)> = c
        .all(
            sql!(
                "SELECT direction, COUNT(*) AS passages FROM scans \
                 WHERE list_id = $1 AND standing = 'counted' GROUP BY direction"
            ),
            vals![list],
        )
        .await?;
    let sum = counts.into_iter().fold(0, |sum, (way, count)| match way {
        Way::Entry => sum + count,
        Way::Exit => sum - count,
    });
    Ok(sum)
}

record! {
    /// A passage as the feed tells of it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(in crate::access) struct FedPassage {
        pub(in crate::access) id: ScanId,
        pub(in crate::access) ticket_id: TicketId,
        pub(in crate::access) list_id: String,
        pub(in crate::access) gate_id: Option<String>,
        pub(in crate::access) device_id: DeviceId,
        pub(in crate::access) at: Timestamp,
        pub(in crate::access) direction: Way,
        pub(in crate::access) standing: Counting,
        pub(in crate::access) feed_position: i64,
    }
}

/// The passages in `(from, to]`, in the feed's order.
pub(in crate::access) async fn between(
    c: &mut Conn,
    event: EventId,
    from: i64,
    to: i64,
    limit: i64,
) -> Result<Vec<FedPassage>, DbError> {
    c.all(
        sql!(
            "SELECT id, ticket_id, list_id, gate_id, device_id, at, direction, standing, feed_position \
             FROM scans WHERE event_id = $1 AND feed_position > $2 AND feed_position <= $3 \
             AND standing IS NOT NULL ORDER BY feed_position LIMIT $4"
        ),
        vals![event, from, to, limit],
    )
    .await
}

/// Whether one of these tickets has a passage that counts or is in conflict.
pub(in crate::access) async fn have_let_in(
    c: &mut Conn,
    tickets: &[TicketId],
) -> Result<bool, DbError> {
    let passages: i64 = c
        .scalar(
            sql!(
                "SELECT COUNT(*) FROM scans WHERE ticket_id IN (SELECT value FROM list($1)) \
                 AND standing IS NOT NULL"
            ),
            vals![Val::texts(tickets)],
        )
        .await?;
    Ok(passages > 0)
}
