//! The feed: what devices must know, page by page, signed.

use bilten_core::checkin::{Holder, TicketRecord};
use bilten_core::key::KeyId;
use bilten_core::sync::page::{self, Change, Header, Redemption, Revocation};
use bilten_core::sync::{MAX_MESSAGE_BYTES, MAX_PAGE};
use bilten_core::ticket::Issuer;
use bilten_core::time::Validity;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use std::sync::Arc;

use super::AccessError;
use super::check_in::core_state;
use crate::access::DOOR_WORK;
use crate::access::model::*;
use crate::access::store::devices;
use crate::access::store::marks::{self, MarkRow};
use crate::access::store::scans::{self, FedPassage};
use crate::app::App;
use crate::catalog::EventId;
use crate::tickets::{self, FedTicket};

/// A device is noted as seen once in this time, in milliseconds: not each poll is a write.
const SEEN_MS: i64 = 60_000;
/// Pages with more changes than this are signed and compressed away from other requests.
const SMALL_PAGE: usize = 200;
/// The fastest level: a page has to be made while the device waits.
const ZSTD_LEVEL: i32 = 1;

/// A signed page, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPage {
    /// The lines, perhaps compressed.
    pub bytes: Vec<u8>,
    /// Whether they are compressed.
    pub is_zstd: bool,
}

/// Where a device stands in a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    epoch: i64,
    position: i64,
}

impl Cursor {
    fn to_text(self) -> String {
        format!("{}.{}", self.epoch, self.position)
    }

    fn parse(text: &str) -> Option<Self> {
        let (epoch, position) = text.split_once('.')?;
        let cursor = Self {
            epoch: epoch.parse().ok()?,
            position: position.parse().ok()?,
        };
        // One text for each cursor.
        (cursor.to_text() == text && cursor.position >= 0).then_some(cursor)
    }
}

/// The page of the feed after a cursor; the first one without a cursor.
///
/// # Errors
/// [`AccessError::CursorUnknown`]; [`AccessError::Ticket`] if the event has no key to sign with; a
/// fault of the database.
pub async fn feed_page(
    app: &App,
    device: &Device,
    cursor: Option<&str>,
    limit: Option<usize>,
    wants_zstd: bool,
) -> Result<FeedPage, AccessError> {
    let now = app.now();
    if now.ms().saturating_sub(device.seen_at.ms()) >= SEEN_MS {
        let id = device.id;
        app.db
            .write(move |c| Box::pin(async move { devices::saw(c, id, now).await }))
            .await?;
    }
    let cursor = match cursor.filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => Some(Cursor::parse(text).ok_or(AccessError::CursorUnknown)?),
    };
    let mut limit = limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
    loop {
        let page = read_page(app, device.event_id, cursor, limit).await?;
        let is_small = page.changes.len() <= SMALL_PAGE;
        let write = move || page.write(now, wants_zstd);
        let written = if is_small {
            write()
        } else {
            let written = DOOR_WORK.run(write).await;
            written.map_err(|error| AccessError::Page(error.to_string()))?
        };
        match written? {
            Some(page) => return Ok(page),
            // Long names make large pages; one change is never too large.
            None => limit = limit.div_ceil(4),
        }
    }
}

/// A page that was read, but not written yet.
struct ReadPage {
    event: EventId,
    epoch: i64,
    from: i64,
    to: i64,
    more: bool,
    changes: Vec<Change>,
    issuer: Arc<Issuer>,
}

impl ReadPage {
    /// Signs and compresses the page; nothing if it is larger than a message may be.
    fn write(self, now: Timestamp, wants_zstd: bool) -> Result<Option<FeedPage>, AccessError> {
        let number = |n: i64| u64::try_from(n).unwrap_or(0);
        let next = Cursor {
            epoch: self.epoch,
            position: self.to,
        };
        let header = Header {
            event: opaque(self.event)?,
            epoch: u32::try_from(self.epoch).unwrap_or(0),
            from: number(self.from),
            to: number(self.to),
            more: self.more,
            count: 0,
            next: next.to_text(),
            made_at: bilten_core::time::Timestamp(now.ms()),
            key: KeyId([0; 4]),
        };
        let fault = |error: &dyn std::fmt::Display| AccessError::Page(error.to_string());
        let bytes =
            page::write(header, &self.changes, &self.issuer).map_err(|error| fault(&error))?;
        if bytes.len() > MAX_MESSAGE_BYTES && self.changes.len() > 1 {
            return Ok(None);
        }
        if !wants_zstd {
            return Ok(Some(FeedPage {
                bytes,
                is_zstd: false,
            }));
        }
        let bytes = zstd::bulk::compress(&bytes, ZSTD_LEVEL).map_err(|error| fault(&error))?;
        Ok(Some(FeedPage {
            bytes,
            is_zstd: true,
        }))
    }
}

async fn read_page(
    app: &App,
    event: EventId,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<ReadPage, AccessError> {
    let work = app.clone();
    app.db
        .read_long(move |c| {
            Box::pin(async move {
                let feed = tickets::feed_in(c, event).await?;
                let (epoch, end) = feed.ok_or(AccessError::NotFound)?;
                let from = match cursor {
                    None => 0,
                    // A position that was never given comes from before a backup was restored.
                    Some(cursor) if cursor.epoch == epoch && cursor.position <= end => {
                        cursor.position
                    }
                    Some(_) => return Err(AccessError::CursorUnknown),
                };
                let issuer = tickets::feed_issuer_in(&work, c, event).await?;
                let (changes, to) = if from == end {
                    (Vec::new(), end)
                } else {
                    read_changes(&work, c, event, from, end, limit).await?
                };
                Ok(ReadPage {
                    event,
                    epoch,
                    from,
                    to,
                    more: to < end,
                    changes,
                    issuer,
                })
            })
        })
        .await
}

/// The changes in `(from, end]`, about `limit` of them, and the position up to which they go.
async fn read_changes(
    app: &App,
    c: &mut Conn,
    event: EventId,
    from: i64,
    end: i64,
    limit: usize,
) -> Result<(Vec<Change>, i64), DbError> {
    let rows = i64::try_from(limit).unwrap_or(i64::MAX);
    // Beyond the last row of a query that gave as many as it may, others may be missing.
    let bound = |bound: i64, count: usize, last: Option<i64>| match last {
        Some(last) if count >= limit => bound.min(last),
        Some(_) | None => bound,
    };
    let mut to = end;
    let tickets = tickets::fed_after(app, c, event, from, rows).await?;
    to = bound(to, tickets.len(), tickets.last().map(|t| t.feed_position));
    let marks = marks::between(c, event, from, to, rows).await?;
    to = bound(to, marks.len(), marks.last().map(|m| m.position));
    let passages = scans::between(c, event, from, to, rows).await?;
    to = bound(to, passages.len(), passages.last().map(|p| p.feed_position));

    let mut entries = Vec::with_capacity(tickets.len() + marks.len() + passages.len());
    for ticket in tickets {
        push_ticket(&mut entries, ticket);
    }
    for mark in marks {
        entries.push((mark.position, change_of_mark(&mark)?));
    }
    for passage in passages {
        entries.push((passage.feed_position, change_of_passage(&passage)?));
    }
    // Up to three sorted runs, which the stable sort merges.
    entries.sort_by_key(|(position, _)| *position);
    entries.truncate(entries.partition_point(|(position, _)| *position <= to));
    if entries.len() > limit {
        // What happened at one position stays together.
        let first_out = entries[limit].0;
        let fits = entries.partition_point(|(position, _)| *position < first_out);
        let keep = if fits == 0 {
            entries.partition_point(|(position, _)| *position <= first_out)
        } else {
            fits
        };
        entries.truncate(keep);
        to = entries.last().map_or(to, |(position, _)| *position);
    }
    Ok((entries.into_iter().map(|(_, change)| change).collect(), to))
}

fn push_ticket(entries: &mut Vec<(i64, Change)>, ticket: FedTicket) {
    let (id, position) = (ticket.id.to_core(), ticket.feed_position);
    let below = ticket.revoked_below;
    let record = TicketRecord {
        id,
        version: ticket.version,
        tier: ticket.tier_number,
        state: core_state(ticket.state),
        validity: Validity {
            from: ticket.valid_from,
            until: ticket.valid_until,
        },
        holder: Some(Holder {
            name: ticket.holder_name,
            order: ticket.order_reference,
            note: None,
        }),
    };
    entries.push((position, Change::Ticket(record)));
    if below > 0 {
        entries.push((
            position,
            Change::Revocation(Revocation { ticket: id, below }),
        ));
    }
}

fn change_of_mark(mark: &MarkRow) -> Result<Change, DbError> {
    serde_json::from_str(&mark.content).map_err(|error| DbError::Fault {
        at: "access::change_of_mark",
        detail: error.to_string(),
    })
}

fn change_of_passage(passage: &FedPassage) -> Result<Change, DbError> {
    Ok(Change::Redemption(Redemption {
        id: bilten_core::id::ScanId(*passage.id.as_bytes()),
        ticket: passage.ticket_id.to_core(),
        list: opaque(&passage.list_id)?,
        gate: passage.gate_id.as_ref().map(opaque).transpose()?,
        device: opaque(passage.device_id)?,
        at: bilten_core::time::Timestamp(passage.at.ms()),
        direction: passage.direction.into(),
        standing: passage.standing.into(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_has_one_text() {
        let cursor = Cursor {
            epoch: 7,
            position: 42,
        };
        assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        for bad in [
            "",
            ".",
            "7",
            "7.",
            ".42",
            "7.-1",
            "+7.42",
            "7.042",
            "7.42 ",
            "a.b",
            "7.42.1",
            "7.99999999999999999999",
        ] {
            assert_eq!(Cursor::parse(bad), None, "{bad}");
        }
    }
}
