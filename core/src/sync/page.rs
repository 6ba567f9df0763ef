//! Pages of the feed: what changed at an event since a position.
//!
//! A page is lines of JSON: a [`Header`], one [`Change`] a line, and the signature by the event's
//! key over the SHA-256 of all bytes before it. It can therefore be relayed by a hub that nobody
//! has to trust. The snapshot and the increments are the same feed, from position 0 on.

use crate::checkin::{CheckInList, Direction, Gate, Standing, TicketRecord};
use crate::codes::codes;
use crate::id::{DeviceId, EventId, GateId, ListId, ScanId, TicketId};
use crate::key::{EventKey, KeyError, KeyId, KeySet, read_hex};
use crate::signed::{Domain, SIGNATURE_LEN};
use crate::ticket::TierNumber;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The first line of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The event whose feed it is.
    pub event: EventId,
    /// The feed's incarnation: another one means that the server starts anew, and so must the device.
    pub epoch: u32,
    /// The position after which the page starts: that of the device that asked.
    pub from: u64,
    /// The position up to which the page goes.
    pub to: u64,
    /// Whether more is known beyond `to`.
    pub more: bool,
    /// How many changes follow.
    pub count: u32,
    /// The cursor to ask with for the next page; opaque.
    pub next: String,
    /// When the page was made, by the server's clock.
    pub made_at: Timestamp,
    /// The event key that signed it.
    pub key: KeyId,
}

/// A fact that a device must know. Later facts about the same thing replace earlier ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A ticket was sold or changed.
    Ticket(TicketRecord),
    /// Versions of a ticket died.
    Revocation(Revocation),
    /// Somebody passed a gate, or it is known now whether a passage counts.
    Redemption(Redemption),
    /// A key of this event, or of another one of the organisation.
    Key(NamedKey),
    /// A box-office key may issue no more.
    WithdrawnKey(KeyId),
    /// A check-in list was made or changed.
    List(CheckInList),
    /// A gate was made or changed.
    Gate(Gate),
    /// A tier got its name.
    Tier(Tier),
    /// A list, or a gate, exists no more.
    Removed(Removed),
}

/// A tier's name, for staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Its number in tickets.
    pub number: TierNumber,
    /// What people call it.
    pub name: String,
}

/// A key together with the name of its event, so that staff can say where a ticket belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedKey {
    /// The key.
    #[serde(flatten)]
    pub key: EventKey,
    /// The event's name.
    pub event_name: String,
}

/// Versions of a ticket that are dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Which ticket.
    pub ticket: TicketId,
    /// All versions below this one.
    pub below: u16,
}

/// An accepted scan, by any device, with what the server settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redemption {
    /// The scan.
    pub id: ScanId,
    /// The ticket.
    pub ticket: TicketId,
    /// The check-in list on which it counts.
    pub list: ListId,
    /// The gate at which it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateId>,
    /// The device that said so.
    pub device: DeviceId,
    /// When.
    pub at: Timestamp,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
    /// Whether it counts.
    pub standing: Standing,
}

/// Something that exists no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Removed {
    /// A check-in list.
    List(ListId),
    /// A gate.
    Gate(GateId),
}

/// A page whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    header: Header,
    changes: Vec<Change>,
    unknown: u32,
}

impl Page {
    /// The first line.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The changes, in the feed's order.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// How many changes are of kinds that this software is too old to know; they were left out.
    #[must_use]
    pub const fn unknown(&self) -> u32 {
        self.unknown
    }
}

/// Why a page is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageFault {
    /// Larger than [`super::MAX_MESSAGE_BYTES`].
    #[error("the page is too large")]
    TooLarge,
    /// Not lines of JSON with a header and a signature.
    #[error("the page is torn or not a page")]
    Malformed,
    /// It says it has another number of changes than it has.
    #[error("the page has lost or gained lines")]
    Count,
    /// Its positions run backwards.
    #[error("the page's positions run backwards")]
    Positions,
    /// It is the page of another event.
    #[error("the page belongs to another event")]
    WrongEvent,
    /// No key known here signed it.
    #[error("the key that signed the page is not known here")]
    UnknownKey,
    /// Its key is revoked or outside its validity.
    #[error("the key that signed the page is not in force")]
    KeyNotInForce,
    /// It was altered.
    #[error("the page's signature does not fit")]
    BadSignature,
}

codes! {
    PageFault {
        TooLarge = "page_too_large",
        Malformed = "page_malformed",
        Count = "page_count",
        Positions = "page_positions",
        WrongEvent = "page_wrong_event",
        UnknownKey = "page_unknown_key",
        KeyNotInForce = "page_key_not_in_force",
        BadSignature = "page_bad_signature",
    }
}

#[derive(Serialize, Deserialize)]
struct HeaderLine {
    page: Header,
}

#[derive(Serialize, Deserialize)]
struct SignatureLine {
    signature: String,
}

/// Verifies and reads a page of `event`.
///
/// The signature is checked before any change is looked at.
///
/// # Errors
/// The [`PageFault`] that says why the page is not taken.
pub fn read(
    bytes: &[u8],
    event: &EventId,
    keys: &KeySet,
    at: Timestamp,
) -> Result<Page, PageFault> {
    if bytes.len() > super::MAX_MESSAGE_BYTES {
        return Err(PageFault::TooLarge);
    }
    let signed_len = bytes
        .trim_ascii_end()
        .iter()
        .rposition(|&b| b == b'\n')
        .ok_or(PageFault::Malformed)?
        + 1;
    let (signed, signature) = bytes.split_at(signed_len);
    let signature: SignatureLine = parse(signature)?;
    let signature: [u8; SIGNATURE_LEN] =
        read_hex(&signature.signature).ok_or(PageFault::Malformed)?;
    let mut lines = signed.split(|&b| b == b'\n');
    let HeaderLine { page: header } = parse(lines.next().unwrap_or_default())?;

    let digest = Sha256::digest(signed);
    let key = keys
        .find(header.key, at, |key| {
            Domain::FeedPage.verify(key.verifying(), &[&digest], &signature)
        })
        .map_err(|error| match error {
            KeyError::Unknown => PageFault::UnknownKey,
            KeyError::NotInForce => PageFault::KeyNotInForce,
            KeyError::BadSignature => PageFault::BadSignature,
        })?;
    // A key of another event of the organisation is known here too, but has no say in this feed.
    if &header.event != event || &key.event != event {
        return Err(PageFault::WrongEvent);
    }
    if header.to < header.from {
        return Err(PageFault::Positions);
    }
    // JSON is UTF-8 also where nobody looks: other readers would refuse the page.
    if std::str::from_utf8(signed).is_err() {
        return Err(PageFault::Malformed);
    }

    let mut page = Page {
        changes: Vec::with_capacity((header.count as usize).min(super::MAX_PAGE)),
        header,
        unknown: 0,
    };
    for line in lines.filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(change) => page.changes.push(change),
            Err(_) if is_unknown_kind(line) => page.unknown += 1,
            Err(_) => return Err(PageFault::Malformed),
        }
    }
    if page.changes.len() + page.unknown as usize != page.header.count as usize {
        return Err(PageFault::Count);
    }
    Ok(page)
}

fn parse<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, PageFault> {
    serde_json::from_slice(line).map_err(|_| PageFault::Malformed)
}

/// Whether the line is a change with a name that came after this software.
fn is_unknown_kind(line: &[u8]) -> bool {
    const KNOWN: [&str; 9] = [
        "ticket",
        "revocation",
        "redemption",
        "key",
        "withdrawn_key",
        "list",
        "gate",
        "tier",
        "removed",
    ];
    let Ok(object) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line)
    else {
        return false;
    };
    object.len() == 1 && object.keys().all(|name| !KNOWN.contains(&name.as_str()))
}

/// Writes and signs a page; `header.count` and `header.key` are filled in.
///
/// # Errors
/// The serializer's error; none is known for these types.
#[cfg(feature = "issue")]
pub fn write(
    mut header: Header,
    changes: &[Change],
    issuer: &crate::ticket::Issuer,
) -> serde_json::Result<Vec<u8>> {
    header.count = u32::try_from(changes.len()).unwrap_or(u32::MAX);
    header.key = issuer.public_key().id();
    let mut bytes = Vec::with_capacity(256 + 192 * changes.len());
    serde_json::to_writer(&mut bytes, &HeaderLine { page: header })?;
    bytes.push(b'\n');
    for change in changes {
        serde_json::to_writer(&mut bytes, change)?;
        bytes.push(b'\n');
    }
    let digest = Sha256::digest(&bytes);
    let signature = Domain::FeedPage.sign(issuer.signing_key(), &[&digest]);
    serde_json::to_writer(
        &mut bytes,
        &SignatureLine {
            signature: crate::key::to_hex(&signature),
        },
    )?;
    bytes.push(b'\n');
    Ok(bytes)
}
