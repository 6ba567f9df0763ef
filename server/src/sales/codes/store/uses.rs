//! What codes are used for. Where several codes are touched they come in the order of their ids, and
//! each before its buyers.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::catalog::EventId;
use crate::sales::codes::model::*;

/// Far above all that is ever spent, and far below what overflows.
const NO_BUDGET: i64 = 4_000_000_000_000_000_000;

/// Notes that a holder has a code; says whether it had not, or had given it back.
pub(in crate::sales::codes) async fn open(
    c: &mut Conn,
    holder: &str,
    code: PromoCodeId,
    buyer: Option<[u8; 32]>,
    units: u32,
    amount_minor: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO promo_code_uses (holder, code_id, buyer, units, amount_minor, state, at) \
                 VALUES ($1, $2, $3, $4, $5, 'reserved', $6) ON CONFLICT (holder, code_id) DO UPDATE \
                 SET buyer = $3, units = $4, amount_minor = $5, state = 'reserved', at = $6, uses = 1 \
                 WHERE promo_code_uses.state = 'returned'"
            ),
            vals![holder, code, buyer, units, amount_minor, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Forgets that a holder has a code: it was not to be had.
pub(in crate::sales::codes) async fn forget(
    c: &mut Conn,
    holder: &str,
    code: PromoCodeId,
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM promo_code_uses WHERE holder = $1 AND code_id = $2"),
        vals![holder, code],
    )
    .await?;
    Ok(())
}

/// Counts one use of a code within its limits; gives how often one buyer may use it.
pub(in crate::sales::codes) async fn count(
    c: &mut Conn,
    code: PromoCodeId,
    amount_minor: i64,
) -> Result<Option<Option<i64>>, DbError> {
    c.scalar_opt(
        sql!(
            "UPDATE promo_codes SET used = used + 1, spent_minor = spent_minor + $2 \
             WHERE id = $1 AND archived_at IS NULL AND (max_uses IS NULL OR used < max_uses) \
             AND spent_minor + $2 <= COALESCE(budget_minor, $3) \
             AND (batch_id IS NULL OR NOT EXISTS (SELECT 1 FROM promo_code_batches b \
             WHERE b.id = promo_codes.batch_id AND b.archived_at IS NOT NULL)) \
             RETURNING max_uses_per_buyer"
        ),
        vals![code, amount_minor, NO_BUDGET],
    )
    .await
}

/// Whether a code that could not be counted has no orders left, or else no money; nothing if it is
/// archived.
pub(in crate::sales::codes) async fn is_used_up(
    c: &mut Conn,
    code: PromoCodeId,
) -> Result<Option<bool>, DbError> {
    c.scalar_opt(
        sql!(
            "SELECT budget_minor IS NULL OR (max_uses IS NOT NULL AND used >= max_uses) FROM promo_codes \
             WHERE id = $1 AND archived_at IS NULL"
        ),
        vals![code],
    )
    .await
}

/// Counts one use of a code by a buyer, if they have used it less than `most` times.
pub(in crate::sales::codes) async fn count_buyer(
    c: &mut Conn,
    code: PromoCodeId,
    buyer: [u8; 32],
    most: Option<i64>,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO promo_code_buyers (code_id, buyer, used) VALUES ($1, $2, 1) \
                 ON CONFLICT (code_id, buyer) DO UPDATE SET used = promo_code_buyers.used + 1 \
                 WHERE promo_code_buyers.used < $3"
            ),
            vals![code, buyer, most.unwrap_or(i64::MAX)],
        )
        .await?;
    Ok(touched == 1)
}

/// Takes back what [`count`] and [`count_buyer`] counted.
pub(in crate::sales::codes) async fn uncount(
    c: &mut Conn,
    code: PromoCodeId,
    uses: i64,
    amount_minor: i64,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE promo_codes SET used = used - $2, spent_minor = spent_minor - $3 WHERE id = $1"
        ),
        vals![code, uses, amount_minor],
    )
    .await?;
    Ok(())
}

/// Takes back one use by a buyer.
pub(in crate::sales::codes) async fn uncount_buyer(
    c: &mut Conn,
    code: PromoCodeId,
    buyer: &[u8],
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE promo_code_buyers SET used = used - 1 WHERE code_id = $1 AND buyer = $2 AND used > 0"
        ),
        vals![code, buyer],
    )
    .await?;
    Ok(())
}

record! {
    /// A use that was given back.
    pub(in crate::sales::codes) struct ReturnedRow {
        pub(in crate::sales::codes) code_id: PromoCodeId,
        pub(in crate::sales::codes) buyer: Option<Vec<u8>>,
        pub(in crate::sales::codes) amount_minor: i64,
        pub(in crate::sales::codes) uses: i64,
    }
}

/// Marks all that these holders have as given back; each use is among the rows once.
pub(in crate::sales::codes) async fn close(
    c: &mut Conn,
    holders: &[String],
) -> Result<Vec<ReturnedRow>, DbError> {
    c.all(
        sql!(
            "UPDATE promo_code_uses SET state = 'returned' WHERE holder IN (SELECT value FROM list($1)) \
             AND state <> 'returned' RETURNING code_id, buyer, amount_minor, uses"
        ),
        vals![Val::texts(holders)],
    )
    .await
}

/// Marks what a holder has as paid for.
pub(in crate::sales::codes) async fn confirm(c: &mut Conn, holder: &str) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE promo_code_uses SET state = 'confirmed' WHERE holder = $1 AND state = 'reserved'"
        ),
        vals![holder],
    )
    .await?;
    Ok(())
}

/// Gives what one holder has to another.
pub(in crate::sales::codes) async fn rename(
    c: &mut Conn,
    from: &str,
    to: &str,
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM promo_code_uses WHERE holder = $1 AND state = 'returned'"),
        vals![to],
    )
    .await?;
    // What both have stays with the first one: it is counted twice, and given back by each.
    c.exec(
        sql!(
            "UPDATE promo_code_uses SET holder = $2 WHERE holder = $1 AND state <> 'returned' \
             AND NOT EXISTS (SELECT 1 FROM promo_code_uses t \
             WHERE t.holder = $2 AND t.code_id = promo_code_uses.code_id)"
        ),
        vals![from, to],
    )
    .await?;
    Ok(())
}

/// The codes that a holder has and that were counted for somebody else, and for whom; locked.
pub(in crate::sales::codes) async fn of_others(
    c: &mut Conn,
    holder: &str,
    buyer: [u8; 32],
) -> Result<Vec<(PromoCodeId, Vec<u8>)>, DbError> {
    c.all(
        sql!(
            "SELECT code_id, buyer FROM promo_code_uses WHERE holder = $1 AND buyer IS NOT NULL AND buyer <> $2 \
             AND state <> 'returned' ORDER BY code_id FOR UPDATE"
        ),
        vals![holder, buyer],
    )
    .await
}

/// Names the buyer of all that a holder has and nobody was named for; gives these codes with how
/// often one buyer may use them.
pub(in crate::sales::codes) async fn name(
    c: &mut Conn,
    holder: &str,
    buyer: [u8; 32],
) -> Result<Vec<(PromoCodeId, Option<i64>)>, DbError> {
    c.all(
        sql!(
            "UPDATE promo_code_uses SET buyer = $2 WHERE holder = $1 AND buyer IS NULL AND state <> 'returned' \
             RETURNING code_id, (SELECT p.max_uses_per_buyer FROM promo_codes p WHERE p.id = promo_code_uses.code_id)"
        ),
        vals![holder, buyer],
    )
    .await
}

/// Takes the buyer out of what a holder has of these codes again.
pub(in crate::sales::codes) async fn unname(
    c: &mut Conn,
    holder: &str,
    codes: &[PromoCodeId],
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE promo_code_uses SET buyer = NULL WHERE holder = $1 AND code_id IN (SELECT value FROM list($2))"
        ),
        vals![holder, Val::texts(codes)],
    )
    .await?;
    Ok(())
}

/// Forgets who used what; how often codes were used stays.
pub(in crate::sales::codes) async fn forget_buyer(
    c: &mut Conn,
    buyer: [u8; 32],
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE promo_code_uses SET buyer = NULL WHERE buyer = $1"),
        vals![buyer],
    )
    .await?;
    c.exec(
        sql!("DELETE FROM promo_code_buyers WHERE buyer = $1"),
        vals![buyer],
    )
    .await?;
    Ok(())
}

// What orders that are changed have more or less

/// Notes that a change is to take so much more off by a code that its order has: no use of its own.
pub(in crate::sales::codes) async fn open_more(
    c: &mut Conn,
    side: &str,
    code: PromoCodeId,
    amount_minor: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO promo_code_uses (holder, code_id, units, amount_minor, state, at, uses) \
             VALUES ($1, $2, 0, $3, 'reserved', $4, 0)"
        ),
        vals![side, code, amount_minor, now],
    )
    .await?;
    Ok(())
}

/// Spends so much more of a code's budget; says whether there was so much.
pub(in crate::sales::codes) async fn spend(
    c: &mut Conn,
    code: PromoCodeId,
    amount_minor: i64,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE promo_codes SET spent_minor = spent_minor + $2 \
                 WHERE id = $1 AND spent_minor + $2 <= COALESCE(budget_minor, $3)"
            ),
            vals![code, amount_minor, NO_BUDGET],
        )
        .await?;
    Ok(touched == 1)
}

/// Takes away what was noted for a change, if anything was: how much.
pub(in crate::sales::codes) async fn take_more(
    c: &mut Conn,
    side: &str,
    code: PromoCodeId,
) -> Result<Option<i64>, DbError> {
    c.scalar_opt(
        sql!(
            "DELETE FROM promo_code_uses WHERE holder = $1 AND code_id = $2 AND uses = 0 AND state = 'reserved' \
             RETURNING amount_minor"
        ),
        vals![side, code],
    )
    .await
}

record! {
    /// A use that is paid for, of one of the orders that share what was paid.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(in crate::sales::codes) struct SharedRow {
        pub(in crate::sales::codes) holder: String,
        pub(in crate::sales::codes) buyer: Option<Vec<u8>>,
        pub(in crate::sales::codes) units: i64,
        pub(in crate::sales::codes) amount_minor: i64,
        pub(in crate::sales::codes) uses: i64,
    }
}

impl SharedRow {
    /// Whether nothing is left of it.
    pub(in crate::sales::codes) const fn is_over(&self) -> bool {
        self.units == 0 && self.amount_minor == 0
    }
}

/// The uses of a code that these orders have and paid for, locked.
pub(in crate::sales::codes) async fn shared(
    c: &mut Conn,
    holders: &[String],
    code: PromoCodeId,
) -> Result<Vec<SharedRow>, DbError> {
    c.all(
        sql!(
            "UPDATE promo_code_uses SET units = units \
             WHERE holder IN (SELECT value FROM list($1)) AND code_id = $2 AND state = 'confirmed' \
             RETURNING holder, buyer, units, amount_minor, uses"
        ),
        vals![Val::texts(holders), code],
    )
    .await
}

/// Writes what is left of a use; one of which nothing is left is given back.
pub(in crate::sales::codes) async fn put_shared(
    c: &mut Conn,
    code: PromoCodeId,
    row: &SharedRow,
) -> Result<(), DbError> {
    let state = if row.is_over() {
        "returned"
    } else {
        "confirmed"
    };
    c.exec(
        sql!(
            "UPDATE promo_code_uses SET units = $3, amount_minor = $4, state = $5 \
             WHERE holder = $1 AND code_id = $2 AND state = 'confirmed'"
        ),
        vals![&row.holder, code, row.units, row.amount_minor, state],
    )
    .await?;
    Ok(())
}

// Statistics

/// How many uses of a code, or of all codes of a batch, are in each state.
pub(in crate::sales::codes) async fn states(
    c: &mut Conn,
    code: Option<PromoCodeId>,
    batch: Option<PromoCodeBatchId>,
) -> Result<Vec<(String, i64)>, DbError> {
    c.all(
        sql!(
            "SELECT u.state AS state, CAST(SUM(u.uses) AS BIGINT) AS uses FROM promo_code_uses u \
             JOIN promo_codes c ON c.id = u.code_id WHERE c.id = $1 OR c.batch_id = $2 GROUP BY u.state"
        ),
        vals![code, batch],
    )
    .await
}

/// What orders with a code, or with codes of a batch, came to by event.
pub(in crate::sales::codes) async fn by_event(
    c: &mut Conn,
    code: Option<PromoCodeId>,
    batch: Option<PromoCodeBatchId>,
) -> Result<Vec<PromoCodeEventUse>, DbError> {
    c.all(
        sql!(
            "SELECT o.event_id AS event_id, o.currency AS currency, \
             CAST(SUM(u.uses) AS BIGINT) AS orders, \
             CAST(COALESCE(SUM(CASE WHEN u.state = 'confirmed' THEN u.uses END), 0) AS BIGINT) AS confirmed, \
             CAST(SUM(u.units) AS BIGINT) AS units, CAST(SUM(u.amount_minor) AS BIGINT) AS spent_minor, \
             CAST(COALESCE(SUM(CASE WHEN u.state = 'confirmed' THEN o.total_minor END), 0) AS BIGINT) AS revenue_minor \
             FROM promo_code_uses u JOIN promo_codes c ON c.id = u.code_id JOIN orders o ON o.id = u.holder \
             WHERE (c.id = $1 OR c.batch_id = $2) AND u.state <> 'returned' \
             GROUP BY o.event_id, o.currency ORDER BY o.event_id, o.currency LIMIT 1000"
        ),
        vals![code, batch],
    )
    .await
}

// Events that are deleted

/// The holds of an event that have codes, and its orders of a sandbox that do.
pub(in crate::sales::codes) async fn holders_of_event(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<String>, DbError> {
    c.scalars(
        sql!(
            "SELECT DISTINCT holder FROM promo_code_uses WHERE holder IN (SELECT id FROM holds WHERE event_id = $1) \
             OR holder IN (SELECT id FROM orders WHERE event_id = $1 AND sandbox)"
        ),
        vals![event],
    )
    .await
}

/// Drops what these holders had, and the codes of an event with all that was noted of them.
pub(in crate::sales::codes) async fn delete_of_event(
    c: &mut Conn,
    event: EventId,
    holders: &[String],
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM promo_code_uses WHERE holder IN (SELECT value FROM list($1))"),
        vals![Val::texts(holders)],
    )
    .await?;
    for statement in [
        sql!(
            "DELETE FROM promo_code_uses WHERE code_id IN (SELECT id FROM promo_codes WHERE event_id = $1)"
        ),
        sql!(
            "DELETE FROM promo_code_buyers WHERE code_id IN (SELECT id FROM promo_codes WHERE event_id = $1)"
        ),
        sql!("DELETE FROM promo_codes WHERE event_id = $1"),
        sql!("DELETE FROM promo_code_batches WHERE event_id = $1"),
    ] {
        c.exec(statement, vals![event]).await?;
    }
    Ok(())
}
