//! The vectors of `tickets.json`.

mod certificates;
mod forged;
mod good;
mod malformed;

use super::keys::{self, CONCERT, Keys, NOW, Validity, hex};
use bilten_core::id::TicketId;
use serde::Serialize;

const TICKET: &str = "bilten ticket v1\0";
const CERTIFICATE: &str = "bilten certificate v1\0";
const FEED_PAGE: &str = "bilten feed page v1\0";

/// Order of Ed25519's base point, little-endian (RFC 8032, section 5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Where fields stand in a ticket's bytes.
mod place {
    pub(super) const FORMAT: usize = 0;
    pub(super) const KIND: usize = 1;
    pub(super) const KEY: usize = 2;
    pub(super) const ID: usize = 6;
    pub(super) const VERSION: usize = 22;
    pub(super) const TIER: usize = 24;
    pub(super) const FROM: usize = 26;
    pub(super) const UNTIL: usize = 30;
    /// Of issued tickets.
    pub(super) const SIGNATURE: usize = 34;
    /// Of delegated tickets, as all that follow.
    pub(super) const SERIAL: usize = 34;
    pub(super) const DEVICE_SIGNATURE: usize = 36;
    pub(super) const CERTIFICATE: usize = 100;
    pub(super) const CERTIFICATE_EVENT_KEY: usize = 101;
    pub(super) const CERTIFICATE_FROM: usize = 137;
    pub(super) const CERTIFICATE_UNTIL: usize = 141;
    pub(super) const CERTIFICATE_MAX: usize = 145;
    pub(super) const CERTIFICATE_COUNT: usize = 147;
    pub(super) const CERTIFICATE_TIERS: usize = 148;
}

#[derive(Serialize)]
pub(crate) struct File {
    about: &'static str,
    keys: Keys,
    vectors: Vec<Vector>,
}

#[derive(Serialize)]
struct Vector {
    name: &'static str,
    about: &'static str,
    /// As scanned.
    code: String,
    /// When it is judged, in milliseconds since the epoch.
    at: i64,
    expect: Expect,
}

#[derive(Serialize)]
struct Expect {
    parse: &'static str,
    verify: Option<&'static str>,
    ticket: Option<Fields>,
}

/// What a verified ticket says.
#[derive(Serialize)]
struct Fields {
    id: String,
    version: u16,
    tier: u16,
    validity: Validity,
    /// Where `at` lies: `before`, `within` or `after` the validity.
    place: &'static str,
    kind: &'static str,
    event: &'static str,
    key: String,
    delegation: Option<Delegation>,
}

#[derive(Serialize)]
struct Delegation {
    device_key: String,
    serial: u16,
}

/// A ticket's header and payload.
#[derive(Clone, Copy)]
struct Ticket {
    format: u8,
    kind: u8,
    key: [u8; 4],
    id: [u8; 16],
    version: u16,
    tier: u16,
    from: u32,
    until: u32,
    serial: Option<u16>,
}

impl Ticket {
    /// What vectors deviate from: signed by `event`, valid on the day of `NOW`.
    fn issued() -> Self {
        Self {
            format: 1,
            kind: 1,
            key: keys::id("event"),
            id: *b"\x01\x9f\x1d\x2e\x8a\x00\x71\x23\xb4\x56\x78\x9a\xbc\xde\xf0\x12",
            version: 1,
            tier: 3,
            from: NOW - 64_800,
            until: NOW + 43_200,
            serial: None,
        }
    }

    fn delegated() -> Self {
        Self {
            kind: 2,
            key: keys::id("box office"),
            serial: Some(7),
            ..Self::issued()
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.format, self.kind];
        bytes.extend(self.key);
        bytes.extend(self.id);
        bytes.extend(self.version.to_be_bytes());
        bytes.extend(self.tier.to_be_bytes());
        bytes.extend(self.from.to_be_bytes());
        bytes.extend(self.until.to_be_bytes());
        bytes.extend(self.serial.iter().flat_map(|serial| serial.to_be_bytes()));
        bytes
    }

    fn signed_by(&self, key: &str) -> Vec<u8> {
        signed(self.bytes(), TICKET, key)
    }

    fn fields(&self, event: &'static str, key: [u8; 4], at: i64) -> Fields {
        let place = if at < i64::from(self.from) * 1_000 {
            "before"
        } else if at < i64::from(self.until) * 1_000 {
            "within"
        } else {
            "after"
        };
        Fields {
            id: TicketId(self.id).to_string(),
            version: self.version,
            tier: self.tier,
            validity: Validity {
                from: self.from,
                until: self.until,
            },
            place,
            kind: if self.serial.is_some() {
                "delegated"
            } else {
                "issued"
            },
            event,
            key: hex(&key),
            delegation: self.serial.map(|serial| Delegation {
                device_key: hex(&self.key),
                serial,
            }),
        }
    }
}

#[derive(Clone)]
struct Certificate {
    format: u8,
    event_key: [u8; 4],
    device_key: [u8; 32],
    from: u32,
    until: u32,
    max_tickets: u16,
    tiers: Vec<u16>,
}

impl Certificate {
    /// What vectors deviate from: lets `box office` issue 100 tickets in tiers 1, 3 and 9.
    fn good() -> Self {
        Self {
            format: 1,
            event_key: keys::id("certificates"),
            device_key: keys::public("box office"),
            from: NOW - 86_400,
            until: NOW + 86_400,
            max_tickets: 100,
            tiers: vec![1, 3, 9],
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.format];
        bytes.extend(self.event_key);
        bytes.extend(self.device_key);
        bytes.extend(self.from.to_be_bytes());
        bytes.extend(self.until.to_be_bytes());
        bytes.extend(self.max_tickets.to_be_bytes());
        bytes.push(u8::try_from(self.tiers.len()).expect("few tiers"));
        bytes.extend(self.tiers.iter().flat_map(|tier| tier.to_be_bytes()));
        bytes
    }

    fn signed_by(&self, key: &str) -> Vec<u8> {
        signed(self.bytes(), CERTIFICATE, key)
    }
}

fn signed(bytes: Vec<u8>, domain: &str, key: &str) -> Vec<u8> {
    let signature = keys::sign(key, domain, &bytes);
    [&bytes[..], &signature[..]].concat()
}

fn code(bytes: &[u8]) -> String {
    format!("BT1:{}", base45::encode(bytes))
}

fn flipped(bytes: &[u8], place: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[place] ^= 2;
    bytes
}

/// Collects vectors; those with the same `at` and circumstances share a line each.
struct Vectors(Vec<Vector>);

const AT: i64 = NOW as i64 * 1_000;

impl Vectors {
    fn put(
        &mut self,
        name: &'static str,
        about: &'static str,
        code: String,
        at: i64,
        expect: Expect,
    ) {
        self.0.push(Vector {
            name,
            about,
            code,
            at,
            expect,
        });
    }

    /// A code without the form of a ticket.
    fn malformed(
        &mut self,
        name: &'static str,
        parse: &'static str,
        code: impl Into<String>,
        about: &'static str,
    ) {
        let expect = Expect {
            parse,
            verify: None,
            ticket: None,
        };
        self.put(name, about, code.into(), AT, expect);
    }

    /// A ticket that must not be trusted at `at`.
    fn distrusted_at(
        &mut self,
        name: &'static str,
        verify: &'static str,
        at: i64,
        bytes: &[u8],
        about: &'static str,
    ) {
        let expect = Expect {
            parse: "ok",
            verify: Some(verify),
            ticket: None,
        };
        self.put(name, about, code(bytes), at, expect);
    }

    fn distrusted(
        &mut self,
        name: &'static str,
        verify: &'static str,
        bytes: &[u8],
        about: &'static str,
    ) {
        self.distrusted_at(name, verify, AT, bytes, about);
    }

    fn good(
        &mut self,
        name: &'static str,
        about: &'static str,
        code: String,
        at: i64,
        fields: Fields,
    ) {
        let expect = Expect {
            parse: "ok",
            verify: Some("ok"),
            ticket: Some(fields),
        };
        self.put(name, about, code, at, expect);
    }

    /// A true ticket, signed by the concert's key.
    fn issued_at(&mut self, name: &'static str, at: i64, ticket: Ticket, about: &'static str) {
        let fields = ticket.fields(CONCERT, keys::id("event"), at);
        self.good(name, about, code(&ticket.signed_by("event")), at, fields);
    }

    fn issued(&mut self, name: &'static str, ticket: Ticket, about: &'static str) {
        self.issued_at(name, AT, ticket, about);
    }

    /// A true ticket, signed by the box office.
    fn delegated_at(
        &mut self,
        name: &'static str,
        at: i64,
        ticket: Ticket,
        certificate: &Certificate,
        about: &'static str,
    ) {
        let fields = ticket.fields(CONCERT, keys::id("certificates"), at);
        self.good(
            name,
            about,
            code(&delegated(ticket, certificate)),
            at,
            fields,
        );
    }

    fn delegated(
        &mut self,
        name: &'static str,
        ticket: Ticket,
        certificate: &Certificate,
        about: &'static str,
    ) {
        self.delegated_at(name, AT, ticket, certificate, about);
    }
}

fn delegated(ticket: Ticket, certificate: &Certificate) -> Vec<u8> {
    [
        ticket.signed_by("box office"),
        certificate.signed_by("certificates"),
    ]
    .concat()
}

pub(crate) fn file() -> File {
    let mut vectors = Vectors(Vec::new());
    good::good_issued(&mut vectors);
    good::good_delegated(&mut vectors);
    malformed::not_tickets(&mut vectors);
    malformed::bad_texts(&mut vectors);
    malformed::torn(&mut vectors);
    malformed::bad_headers(&mut vectors);
    certificates::bad_certificates(&mut vectors);
    forged::forged(&mut vectors);
    certificates::forged_delegated(&mut vectors);
    forged::keys_not_in_force(&mut vectors);
    certificates::beyond_certificate(&mut vectors);
    File {
        about: "Ticket codes named by their fault. README.md says how to read this file.",
        keys: keys::all(),
        vectors: vectors.0,
    }
}
