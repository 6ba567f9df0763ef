//! Whether the audit log is as it was written.

use bilten_kernel::db::{Conn, Db, DbError};

use super::super::model::*;
use super::super::vault::{Vault, hex};
use super::super::{chain, store};

/// How many entries are looked at at once.
const BATCH: i64 = 1_000;

/// Looks at the whole audit log and names the first thing that does not hold.
///
/// Somebody who has the database but not the master key cannot write a log that holds. Whoever puts
/// back an older copy of the whole database can; an `anchor` kept elsewhere finds that too.
///
/// # Errors
/// A fault of the database.
pub async fn verify_audit(
    db: &Db,
    vault: &Vault,
    anchor: Option<Anchor>,
) -> Result<AuditVerdict, DbError> {
    let (head, last, entries, broken) = db
        .read_long(move |c| Box::pin(async move { walk(c, anchor).await }))
        .await?;
    let broken = broken.or_else(|| judge_head(vault, head.as_ref(), &last, entries));
    Ok(AuditVerdict {
        entries,
        head: format!("{}:{}", last.0, hex(&last.1)),
        broken,
    })
}

type Walked = (Option<AuditHead>, (i64, Vec<u8>), i64, Option<BrokenLink>);

/// Walks along the entries until one does not hold.
async fn walk(c: &mut Conn, anchor: Option<Anchor>) -> Result<Walked, DbError> {
    let head = store::audit::head(c).await?;
    let (mut last, mut entries) = ((0, vec![0; 32]), 0);
    let mut is_anchored = anchor.is_none();
    loop {
        // From the very beginning: nobody may slip entries in before the first.
        let seen = if entries == 0 { i64::MIN } else { last.0 };
        let rows = store::audit::after(c, seen, BATCH).await?;
        let is_end = rows.is_empty();
        for row in rows {
            let broken = |check| {
                Some(BrokenLink {
                    seq: row.seq,
                    check,
                })
            };
            let found = judge(&row, &last).or_else(|| {
                let anchor = anchor.as_ref().filter(|anchor| anchor.seq == row.seq)?;
                is_anchored = anchor.hash == hex(&row.hash);
                (!is_anchored).then_some(AuditCheck::Anchor)
            });
            if let Some(check) = found {
                return Ok((head, last, entries, broken(check)));
            }
            entries += 1;
            last = (row.seq, row.hash);
        }
        if is_end {
            break;
        }
    }
    let lost = anchor.filter(|anchor| !is_anchored && anchor.seq > 0);
    let broken = lost.map(|anchor| BrokenLink {
        seq: anchor.seq,
        check: AuditCheck::Anchor,
    });
    // A tail that is missing by the log's own head says more than a lost anchor.
    let is_cut = head.as_ref().is_some_and(|head| head.seq > last.0);
    Ok((head, last, entries, broken.filter(|_| !is_cut)))
}

/// What does not hold of an entry after another one.
fn judge(row: &AuditRow, last: &(i64, Vec<u8>)) -> Option<AuditCheck> {
    if row.seq != last.0 + 1 {
        Some(AuditCheck::Gap)
    } else if chain::entry_hash(row)[..] != row.hash[..] {
        Some(AuditCheck::Hash)
    } else if row.previous_hash != last.1 {
        Some(AuditCheck::Link)
    } else {
        None
    }
}

fn judge_head(
    vault: &Vault,
    head: Option<&AuditHead>,
    last: &(i64, Vec<u8>),
    entries: i64,
) -> Option<BrokenLink> {
    let broken = |seq, check| Some(BrokenLink { seq, check });
    let Some(head) = head else {
        return broken(entries, AuditCheck::Head);
    };
    let mac = chain::head_mac(
        |purpose, parts| vault.mac(purpose, parts),
        head.seq,
        &head.hash,
    );
    if !Vault::equal(&mac, &head.mac) {
        broken(head.seq, AuditCheck::Head)
    } else if head.seq > last.0 {
        broken(last.0 + 1, AuditCheck::Tail)
    } else if head.seq < last.0 || head.hash != last.1 {
        broken(last.0, AuditCheck::Head)
    } else {
        None
    }
}
