//! All SQL of the waitlist.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use super::model::*;
use crate::catalog::{EventId, TierId};
use crate::sales::HoldId;

record! {
    /// An entry as it is stored.
    #[derive(Clone)]
    pub(super) struct EntryRow {
        pub(super) id: WaitlistEntryId,
        pub(super) event_id: EventId,
        pub(super) tier_id: TierId,
        pub(super) occurrence_id: String,
        pub(super) sealed_person: Vec<u8>,
        pub(super) most: u32,
        pub(super) least: u32,
        pub(super) priority: i32,
        pub(super) joined_at: Timestamp,
        pub(super) state: WaitlistEntryState,
        pub(super) passed_over: u32,
        pub(super) missed: u32,
        pub(super) version: i64,
    }
}

record! {
    /// An open offer with the state of its hold.
    pub(super) struct OfferRow {
        pub(super) id: WaitlistOfferId,
        pub(super) entry_id: WaitlistEntryId,
        pub(super) quantity: u32,
        pub(super) hold_id: HoldId,
        pub(super) expires_at: Timestamp,
        pub(super) hold_state: String,
    }
}

// Entries

/// Inserts an entry, or lets one wait again that has ended or was served; gives its id, or nothing if
/// there is one already.
pub(super) async fn join(
    c: &mut Conn,
    row: &EntryRow,
    person_hash: [u8; 32],
) -> Result<Option<WaitlistEntryId>, DbError> {
    c.scalar_opt(
        sql!(
            "INSERT INTO waitlist_entries (id, event_id, tier_id, occurrence_id, sealed_person, person_hash, most, \
             least, priority, joined_at, state, passed_over, missed, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, 'waiting', 0, 0, 1) \
             ON CONFLICT (tier_id, occurrence_id, person_hash) DO UPDATE \
             SET most = excluded.most, least = excluded.least, joined_at = excluded.joined_at, state = 'waiting', \
             passed_over = 0, missed = 0, version = waitlist_entries.version + 1 \
             WHERE waitlist_entries.state IN ('served', 'ended') RETURNING id"
        ),
        vals![
            row.id, row.event_id, row.tier_id, &row.occurrence_id, &row.sealed_person, person_hash, row.most,
            row.least, row.joined_at
        ],
    )
    .await
}

pub(super) async fn entry(c: &mut Conn, id: WaitlistEntryId) -> Result<Option<EntryRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, event_id, tier_id, occurrence_id, sealed_person, most, least, priority, joined_at, state, \
             passed_over, missed, version FROM waitlist_entries WHERE id = $1"
        ),
        vals![id],
    )
    .await
}

/// An entry, locked until the write ends. Entries are locked before their offers.
pub(super) async fn lock_entry(
    c: &mut Conn,
    id: WaitlistEntryId,
) -> Result<Option<EntryRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, event_id, tier_id, occurrence_id, sealed_person, most, least, priority, joined_at, state, \
             passed_over, missed, version FROM waitlist_entries WHERE id = $1 FOR UPDATE"
        ),
        vals![id],
    )
    .await
}

/// An event's entries in the order in which they are served, after a place in it.
pub(super) async fn of_event(
    c: &mut Conn,
    event: EventId,
    after: Option<(i64, Timestamp, WaitlistEntryId)>,
    limit: i64,
) -> Result<Vec<EntryRow>, DbError> {
    let (behind, joined_at, id) = match after {
        Some((behind, joined_at, id)) => (behind, joined_at, id.to_string()),
        None => (i64::MIN, Timestamp::from_ms(i64::MIN), String::new()),
    };
    c.all(
        sql!(
            "SELECT id, event_id, tier_id, occurrence_id, sealed_person, most, least, priority, joined_at, state, \
             passed_over, missed, version FROM waitlist_entries \
             WHERE event_id = $1 AND (0 - priority, joined_at, id) > ($2, $3, $4) \
             ORDER BY 0 - priority, joined_at, id LIMIT $5"
        ),
        vals![event, behind, joined_at, id, limit],
    )
    .await
}

/// The next tier and date for which somebody waits, after one of them: found by one look into the index,
/// however many wait.
pub(super) async fn next_waited_for(
    c: &mut Conn,
    after: Option<(EventId, TierId, String)>,
) -> Result<Option<(EventId, TierId, String)>, DbError> {
    let (event, tier, occurrence) = match after {
        Some((event, tier, occurrence)) => (event.to_string(), tier.to_string(), occurrence),
        None => (String::new(), String::new(), String::new()),
    };
    c.opt(
        sql!(
            "SELECT event_id, tier_id, occurrence_id FROM waitlist_entries WHERE state = 'waiting' \
             AND (event_id, tier_id, occurrence_id) > ($1, $2, $3) \
             ORDER BY event_id, tier_id, occurrence_id LIMIT 1"
        ),
        vals![event, tier, occurrence],
    )
    .await
}

/// Who waits for a tier, on a date, in the order in which they are served.
pub(super) async fn waiting(
    c: &mut Conn,
    tier: TierId,
    occurrence: &str,
    limit: i64,
) -> Result<Vec<EntryRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_id, tier_id, occurrence_id, sealed_person, most, least, priority, joined_at, state, \
             passed_over, missed, version FROM waitlist_entries \
             WHERE tier_id = $1 AND occurrence_id = $2 AND state = 'waiting' \
             ORDER BY 0 - priority, joined_at, id LIMIT $3"
        ),
        vals![tier, occurrence, limit],
    )
    .await
}

/// Whether somebody waits for a tier, on a date, who is content with so many tickets.
pub(super) async fn is_waited_for(
    c: &mut Conn,
    tier: TierId,
    occurrence: &str,
    tickets: i64,
) -> Result<bool, DbError> {
    let found: Option<i64> = c
        .scalar_opt(
            sql!(
                "SELECT least FROM waitlist_entries WHERE tier_id = $1 AND occurrence_id = $2 AND state = 'waiting' \
                 AND least <= $3 LIMIT 1"
            ),
            vals![tier, occurrence, tickets],
        )
        .await?;
    Ok(found.is_some())
}

/// Lets a waiting entry of this version have an offer; says whether it was one.
pub(super) async fn claim(
    c: &mut Conn,
    id: WaitlistEntryId,
    version: i64,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE waitlist_entries SET state = 'offered', version = version + 1 \
                 WHERE id = $1 AND state = 'waiting' AND version = $2"
            ),
            vals![id, version],
        )
        .await?;
    Ok(touched == 1)
}

/// Gives a waiting entry another version, so that another hold is made for it.
pub(super) async fn bump(c: &mut Conn, id: WaitlistEntryId, version: i64) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE waitlist_entries SET version = version + 1 WHERE id = $1 AND version = $2"),
        vals![id, version],
    )
    .await?;
    Ok(())
}

/// Moves an entry that has an offer on; says whether it had one.
pub(super) async fn after_offer(
    c: &mut Conn,
    id: WaitlistEntryId,
    to: WaitlistEntryState,
    missed: u32,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE waitlist_entries SET state = $2, missed = missed + $3, version = version + 1 \
                 WHERE id = $1 AND state = 'offered'"
            ),
            vals![id, to, missed],
        )
        .await?;
    Ok(touched == 1)
}

/// Ends an entry that waits or has an offer; says whether it did.
pub(super) async fn end(c: &mut Conn, id: WaitlistEntryId) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE waitlist_entries SET state = 'ended', version = version + 1 \
                 WHERE id = $1 AND state IN ('waiting', 'offered')"
            ),
            vals![id],
        )
        .await?;
    Ok(touched == 1)
}

pub(super) async fn set_priority(
    c: &mut Conn,
    id: WaitlistEntryId,
    priority: i32,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE waitlist_entries SET priority = $2, version = version + 1 WHERE id = $1"),
        vals![id, priority],
    )
    .await?;
    Ok(())
}

/// Counts for these entries that others were served before them.
pub(super) async fn pass_over(c: &mut Conn, ids: &[WaitlistEntryId]) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE waitlist_entries SET passed_over = passed_over + 1 \
             WHERE state = 'waiting' AND id IN (SELECT value FROM list($1))"
        ),
        vals![Val::texts(ids)],
    )
    .await?;
    Ok(())
}

// Offers

pub(super) async fn insert_offer(
    c: &mut Conn,
    id: WaitlistOfferId,
    entry: &EntryRow,
    open: &OpenWaitlistOffer,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO waitlist_offers (id, entry_id, event_id, quantity, state, hold_id, expires_at, created_at) \
             VALUES ($1, $2, $3, $4, 'open', $5, $6, $7)"
        ),
        vals![id, entry.id, entry.event_id, open.quantity, open.hold, open.expires_at, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn open_offer(
    c: &mut Conn,
    entry: WaitlistEntryId,
) -> Result<Option<OfferRow>, DbError> {
    c.opt(
        sql!(
            "SELECT o.id, o.entry_id, o.quantity, o.hold_id, o.expires_at, h.state AS hold_state \
             FROM waitlist_offers o JOIN holds h ON h.id = o.hold_id WHERE o.entry_id = $1 AND o.state = 'open'"
        ),
        vals![entry],
    )
    .await
}

/// Open offers whose holds have ended.
pub(super) async fn ended_offers(c: &mut Conn, limit: i64) -> Result<Vec<OfferRow>, DbError> {
    c.all(
        sql!(
            "SELECT o.id, o.entry_id, o.quantity, o.hold_id, o.expires_at, h.state AS hold_state \
             FROM waitlist_offers o JOIN holds h ON h.id = o.hold_id \
             WHERE o.state = 'open' AND h.state <> 'active' ORDER BY o.id LIMIT $1"
        ),
        vals![limit],
    )
    .await
}

/// Settles an open offer; says whether it was open.
pub(super) async fn settle_offer(
    c: &mut Conn,
    id: WaitlistOfferId,
    to: OfferState,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE waitlist_offers SET state = $2, settled_at = $3 WHERE id = $1 AND state = 'open'"
            ),
            vals![id, to, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Lets an active hold run out at this time, whatever its own was; says whether it was active.
pub(super) async fn hold_until(
    c: &mut Conn,
    hold: HoldId,
    until: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!("UPDATE holds SET expires_at = $2 WHERE id = $1 AND state = 'active'"),
            vals![hold, until],
        )
        .await?;
    Ok(touched == 1)
}

// Forgetting

/// The entries of a person, locked.
pub(super) async fn lock_of_person(
    c: &mut Conn,
    person_hash: [u8; 32],
) -> Result<Vec<WaitlistEntryId>, DbError> {
    c.scalars(
        sql!("SELECT id FROM waitlist_entries WHERE person_hash = $1 ORDER BY id FOR UPDATE"),
        vals![person_hash],
    )
    .await
}

/// The entries of a person, oldest first.
pub(super) async fn of_person(
    c: &mut Conn,
    person_hash: [u8; 32],
) -> Result<Vec<EntryRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_id, tier_id, occurrence_id, sealed_person, most, least, priority, joined_at, state, \
             passed_over, missed, version FROM waitlist_entries WHERE person_hash = $1 ORDER BY id"
        ),
        vals![person_hash],
    )
    .await
}

/// Takes the person out of an entry; in the place of their index stands what is nobody's.
pub(super) async fn forget_person(c: &mut Conn, id: WaitlistEntryId) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE waitlist_entries SET sealed_person = $2, person_hash = $3 WHERE id = $1"),
        vals![id, Vec::<u8>::new(), id.as_bytes().to_vec()],
    )
    .await?;
    Ok(())
}

/// Deletes who waited for an event that is deleted.
pub(super) async fn delete_of_event(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM waitlist_offers WHERE event_id = $1"),
        vals![event],
    )
    .await?;
    c.exec(
        sql!("DELETE FROM waitlist_entries WHERE event_id = $1"),
        vals![event],
    )
    .await?;
    Ok(())
}
