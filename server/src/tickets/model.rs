//! Tickets as the server knows them.

use bilten_core::id::TicketId as CoreTicketId;
use bilten_core::ticket::Payload;
use bilten_core::time::Validity;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::{record, text_enum, typed_id};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::catalog::seating::SeatId;
use crate::catalog::{EventId, OccurrenceId, TierId};
use crate::qr::{QrError, QrFormat, render_qr, render_test_qr};
use crate::sales::OrderId;
use crate::tickets::transfers::TransferId;

typed_id!(pub TicketId, "tkt", "Names a ticket, through all its versions.");

text_enum! {
    /// Where a ticket stands in its life.
    pub enum TicketState {
        /// It lets somebody in.
        Valid = "valid",
        /// Its order is not paid.
        Unpaid = "unpaid",
        /// The organiser stopped it for the time being.
        Blocked = "blocked",
        /// Its order or its event was cancelled.
        Cancelled = "cancelled",
        /// It was declared dead.
        Revoked = "revoked",
    }
}

/// A ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Ticket {
    /// Its id.
    pub id: TicketId,
    /// The event it is for.
    pub event_id: EventId,
    /// The order it came from.
    pub order_id: OrderId,
    /// The tier it was sold in.
    pub tier_id: TierId,
    /// The tier's number, as codes carry it.
    pub tier_number: u16,
    /// Its newest version; codes of older ones are dead.
    pub version: u16,
    /// Where it stands in its life.
    pub state: TicketState,
    /// The key that signs it.
    pub key_id: String,
    /// From when it is valid, in seconds since the epoch.
    pub valid_from: u32,
    /// Until when it is valid, in seconds since the epoch.
    pub valid_until: u32,
    /// Who holds it.
    pub holder_name: String,
    /// What people call its order.
    pub order_reference: String,
    /// Versions below this one are revoked.
    pub revoked_below: u16,
    /// The transfer by which its holder got it; absent while it is its order's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer_id: Option<TransferId>,
    /// How often it was passed on.
    pub passed_on: u32,
    /// Whether it is of a sandbox: a trial that lets nobody in anywhere else.
    pub sandbox: bool,
    /// The date that it is for, if it is for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurrence_id: Option<OccurrenceId>,
    /// The seat that it is for, by its id in the seat map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seat_id: Option<SeatId>,
    /// The seat as people say it: section, row and number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seat_label: Option<String>,
    /// When it was issued.
    pub created_at: Timestamp,
}

impl TicketId {
    /// The id of an order's ticket number `index`: the order's time, then a hash.
    pub fn of_order(order: OrderId, index: u32) -> Self {
        let hash = Sha256::new()
            .chain_update(b"bilten ticket id v1")
            .chain_update(order.as_bytes())
            .chain_update(index.to_be_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&order.as_bytes()[..6]);
        bytes[6..].copy_from_slice(&hash[..10]);
        // UUID version 7 and variant bits, RFC 9562.
        bytes[6] = bytes[6] & 0x0f | 0x70;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self::from_bytes(bytes)
    }

    /// The same id in the core's words.
    pub const fn to_core(self) -> CoreTicketId {
        CoreTicketId(*self.as_bytes())
    }
}

impl From<CoreTicketId> for TicketId {
    fn from(id: CoreTicketId) -> Self {
        Self::from_bytes(id.0)
    }
}

impl Ticket {
    /// The statement that its code signs.
    pub const fn payload(&self) -> Payload {
        Payload {
            id: self.id.to_core(),
            version: self.version,
            tier: self.tier_number,
            validity: Validity {
                from: self.valid_from,
                until: self.valid_until,
            },
        }
    }
}

/// A ticket with the code that its holder shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SignedTicket {
    /// The ticket.
    #[serde(flatten)]
    pub ticket: Ticket,
    /// What its QR code holds.
    pub code: String,
}

impl SignedTicket {
    /// Its QR code as a picture, which says so if the ticket is of a sandbox.
    ///
    /// # Errors
    /// [`QrError`] if the code is too long, which is a fault.
    pub fn picture(&self, format: QrFormat) -> Result<Vec<u8>, QrError> {
        if self.ticket.sandbox {
            render_test_qr(&self.code, format)
        } else {
            render_qr(&self.code, format)
        }
    }
}

record! {
    /// A key of an event.
    #[derive(Clone, PartialEq, Eq)]
    pub struct EventKeyRow {
        /// Its id: 8 hexadecimal digits.
        pub key_id: String,
        /// The public half.
        pub public_key: Vec<u8>,
        /// The private half, sealed.
        pub sealed_secret: Vec<u8>,
        /// From when gates accept it, in seconds since the epoch.
        pub valid_from: u32,
        /// Until when gates accept it, in seconds since the epoch.
        pub valid_until: u32,
        /// When it was revoked.
        pub revoked_at: Option<Timestamp>,
    }
}

/// What the feed says of a ticket, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FedTicket {
    /// Which ticket.
    pub id: TicketId,
    /// The tier it was sold in.
    pub tier_number: u16,
    /// Its newest version.
    pub version: u16,
    /// Where it stands in its life.
    pub state: TicketState,
    /// From when it is valid, in seconds since the epoch.
    pub valid_from: u32,
    /// Until when it is valid, in seconds since the epoch.
    pub valid_until: u32,
    /// Who holds it.
    pub holder_name: String,
    /// What people call its order.
    pub order_reference: String,
    /// Versions below this one are revoked.
    pub revoked_below: u16,
    /// Its position in the feed.
    pub feed_position: i64,
}
