//! The vectors of `tickets.json`.

use super::keys::{self, CONCERT, FESTIVAL, FUTURE, Keys, NOW, RETIRED, TWINS, Validity, hex};
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
    good_issued(&mut vectors);
    good_delegated(&mut vectors);
    not_tickets(&mut vectors);
    bad_texts(&mut vectors);
    torn(&mut vectors);
    bad_headers(&mut vectors);
    bad_certificates(&mut vectors);
    forged(&mut vectors);
    forged_delegated(&mut vectors);
    keys_not_in_force(&mut vectors);
    beyond_certificate(&mut vectors);
    File {
        about: "Ticket codes named by their fault. README.md says how to read this file.",
        keys: keys::all(),
        vectors: vectors.0,
    }
}

fn good_issued(v: &mut Vectors) {
    let good = Ticket::issued();
    let (first, end) = (i64::from(good.from) * 1_000, i64::from(good.until) * 1_000);
    v.issued("issued", good, "an ordinary ticket");
    v.issued(
        "issued_smallest_values",
        Ticket {
            id: [0; 16],
            tier: 0,
            from: 0,
            until: 1,
            ..good
        },
        "every field as small as it may be",
    );
    v.issued(
        "issued_largest_values",
        Ticket {
            id: [0xff; 16],
            version: u16::MAX,
            tier: u16::MAX,
            from: u32::MAX - 1,
            until: u32::MAX,
            ..good
        },
        "every field as large as it may be",
    );
    v.issued("issued_tier_zero", Ticket { tier: 0, ..good }, "tier 0");
    v.issued(
        "issued_tier_largest",
        Ticket {
            tier: u16::MAX,
            ..good
        },
        "tier 65535",
    );
    v.issued(
        "issued_version_largest",
        Ticket {
            version: u16::MAX,
            ..good
        },
        "version 65535",
    );
    v.issued(
        "issued_always_valid",
        Ticket {
            from: 0,
            until: u32::MAX,
            ..good
        },
        "valid at every moment of the format",
    );
    v.issued_at(
        "issued_one_moment_early",
        first - 1,
        good,
        "trusted, but its validity begins 1 ms later",
    );
    v.issued_at(
        "issued_first_moment",
        first,
        good,
        "judged at the first moment of its validity",
    );
    v.issued_at(
        "issued_last_moment",
        end - 1,
        good,
        "judged at the last moment of its validity",
    );
    v.issued_at(
        "issued_one_moment_late",
        end,
        good,
        "trusted, but its validity has just ended",
    );

    let text = code(&good.signed_by("event"));
    let fields = || good.fields(CONCERT, keys::id("event"), AT);
    v.good(
        "issued_white_space_around",
        "spaces, tabs and line ends around a code are ignored",
        format!(" \t{text}\r\n"),
        AT,
        fields(),
    );
    v.good(
        "issued_much_white_space_around",
        "the length is that of the trimmed code",
        format!("{0}{text}{0}", " ".repeat(1_000)),
        AT,
        fields(),
    );

    let other = Ticket {
        key: keys::id("other event"),
        ..good
    };
    v.good(
        "issued_by_other_event",
        "a true ticket, for another event: trusted here, refused by the check-in decision",
        code(&other.signed_by("other event")),
        AT,
        other.fields(FESTIVAL, other.key, AT),
    );
    let twin = Ticket {
        key: keys::id(TWINS[0]),
        ..good
    };
    v.good(
        "issued_by_first_key_of_an_id",
        "two keys share the id; the first one signed",
        code(&twin.signed_by(TWINS[0])),
        AT,
        twin.fields(CONCERT, twin.key, AT),
    );
    v.good(
        "issued_by_second_key_of_an_id",
        "two keys share the id; the second one signed, which belongs to another event",
        code(&twin.signed_by(TWINS[1])),
        AT,
        twin.fields(FESTIVAL, twin.key, AT),
    );
    let at = i64::from(RETIRED) * 1_000 - 1;
    let retired = Ticket {
        key: keys::id("retired"),
        ..good
    };
    v.good(
        "issued_key_last_moment",
        "judged at the last moment of its key",
        code(&retired.signed_by("retired")),
        at,
        retired.fields(CONCERT, retired.key, at),
    );
    let at = i64::from(FUTURE) * 1_000;
    let future = Ticket {
        key: keys::id("future"),
        ..good
    };
    v.good(
        "issued_key_first_moment",
        "judged at the first moment of its key",
        code(&future.signed_by("future")),
        at,
        future.fields(CONCERT, future.key, at),
    );
}

fn good_delegated(v: &mut Vectors) {
    let good = Ticket::delegated();
    let certificate = Certificate::good();
    v.delegated(
        "delegated",
        good,
        &certificate,
        "a ticket that a box office sold offline",
    );
    v.delegated(
        "delegated_first_tier",
        Ticket { tier: 1, ..good },
        &certificate,
        "in the first tier of the certificate",
    );
    v.delegated(
        "delegated_last_tier",
        Ticket { tier: 9, ..good },
        &certificate,
        "in the last tier of the certificate",
    );
    v.delegated(
        "delegated_first_serial",
        Ticket {
            serial: Some(0),
            ..good
        },
        &certificate,
        "the first ticket of the certificate",
    );
    v.delegated(
        "delegated_last_serial",
        Ticket {
            serial: Some(99),
            ..good
        },
        &certificate,
        "the last ticket of the certificate: serials count from 0",
    );
    v.delegated(
        "delegated_one_tier",
        good,
        &Certificate {
            tiers: vec![3],
            ..certificate.clone()
        },
        "the shortest delegated ticket",
    );
    v.delegated(
        "delegated_most_tiers",
        good,
        &Certificate {
            tiers: (0..32).collect(),
            ..certificate.clone()
        },
        "the longest delegated ticket: a certificate with 32 tiers",
    );
    v.delegated(
        "delegated_largest_values",
        Ticket {
            id: [0xff; 16],
            version: u16::MAX,
            tier: u16::MAX,
            from: u32::MAX - 1,
            until: u32::MAX,
            serial: Some(u16::MAX - 1),
            ..good
        },
        &Certificate {
            from: 0,
            until: u32::MAX,
            max_tickets: u16::MAX,
            tiers: vec![u16::MAX],
            ..certificate.clone()
        },
        "every field as large as it may be",
    );
    v.delegated_at(
        "delegated_certificate_first_moment",
        i64::from(certificate.from) * 1_000,
        good,
        &certificate,
        "judged at the first moment of the certificate",
    );
    v.delegated_at(
        "delegated_certificate_last_moment",
        i64::from(certificate.until) * 1_000 - 1,
        good,
        &certificate,
        "judged at the last moment of the certificate",
    );
}

fn not_tickets(v: &mut Vectors) {
    let text = code(&Ticket::issued().signed_by("event"));
    let body = &text[4..];
    v.malformed("empty", "not_a_ticket", "", "nothing");
    v.malformed("only_white_space", "not_a_ticket", " \r\n", "white space");
    v.malformed(
        "web_address",
        "not_a_ticket",
        "https://example.com/BT1:",
        "some other QR code",
    );
    v.malformed(
        "web_address_long",
        "not_a_ticket",
        format!("https://example.com/{}", "a".repeat(2_000)),
        "some other QR code, longer than tickets: still no ticket",
    );
    v.malformed("half_prefix", "not_a_ticket", "BT", "torn in the prefix");
    v.malformed(
        "prefix_without_colon",
        "not_a_ticket",
        format!("BT1{body}"),
        "no colon",
    );
    v.malformed(
        "prefix_lower_case",
        "not_a_ticket",
        format!("bt1:{body}"),
        "the prefix is upper case",
    );
    v.malformed(
        "prefix_cyrillic",
        "not_a_ticket",
        format!("\u{412}\u{422}1:{body}"),
        "letters that look the same",
    );
    v.malformed(
        "prefix_after_byte_order_mark",
        "not_a_ticket",
        format!("\u{feff}{text}"),
        "only ASCII white space is ignored",
    );
    v.malformed(
        "prefix_without_digit",
        "not_a_ticket",
        format!("BTX:{body}"),
        "a prefix ends with a digit and a colon",
    );
    v.malformed(
        "next_prefix",
        "unknown_format",
        format!("BT2:{body}"),
        "a later format",
    );
    v.malformed(
        "next_prefix_long",
        "unknown_format",
        format!("BT2:{}", "A".repeat(2_000)),
        "later formats may be longer",
    );
    v.malformed(
        "live_prefix",
        "unknown_format",
        format!("BL1:{body}"),
        "live tickets are reserved",
    );
}

fn bad_texts(v: &mut Vectors) {
    let text = code(&Ticket::issued().signed_by("event"));
    let body = &text[4..];
    v.malformed(
        "lower_case",
        "base45",
        format!("BT1:{}", body.to_lowercase()),
        "Base45 is upper case",
    );
    v.malformed(
        "triple_over_65535",
        "base45",
        format!("BT1::::{}", &body[3..]),
        "three digits that make 91124",
    );
    v.malformed(
        "triple_of_65536",
        "base45",
        format!("BT1:GGW{}", &body[3..]),
        "three digits that make 65536",
    );
    v.malformed(
        "pair_over_255",
        "base45",
        format!("{text}::"),
        "two closing digits that make 2024",
    );
    v.malformed(
        "pair_of_256",
        "base45",
        format!("{text}V5"),
        "two closing digits that make 256",
    );
    v.malformed(
        "dangling_character",
        "base45",
        format!("{text}0"),
        "one character too many",
    );
    v.malformed(
        "foreign_character",
        "base45",
        format!("BT1:_{}", &body[1..]),
        "an underscore is not in the alphabet",
    );
    v.malformed(
        "line_end_inside",
        "base45",
        format!("BT1:{}\n{}", &body[..60], &body[61..]),
        "white space is ignored only around a code",
    );
    v.malformed(
        "null_inside",
        "base45",
        format!("BT1:{}\0{}", &body[..60], &body[61..]),
        "a zero byte",
    );
    v.malformed(
        "not_ascii",
        "base45",
        format!("BT1:{}\u{11f}{}", &body[..60], &body[62..]),
        "a letter of two bytes in place of two digits",
    );
    v.malformed(
        "fullwidth_digit",
        "base45",
        format!("BT1:\u{ff11}{}", &body[3..]),
        "a digit that is not ASCII",
    );
    v.malformed(
        "longest_code",
        "unknown_format",
        format!("BT1:{}", "0".repeat(1_020)),
        "1024 characters are still read: here they say format 0",
    );
    v.malformed(
        "oversized_by_one",
        "too_long",
        format!("BT1:{}", "0".repeat(1_021)),
        "1025 characters",
    );
    v.malformed(
        "oversized",
        "too_long",
        format!("{text}{}", "0".repeat(5_000)),
        "far too long",
    );
}

fn torn(v: &mut Vectors) {
    let issued = Ticket::issued().signed_by("event");
    let sold = delegated(Ticket::delegated(), &Certificate::good());
    let mut torn = |name, bytes: &[u8], length: usize, about| {
        v.malformed(name, "truncated", code(&bytes[..length]), about);
    };
    torn("torn_after_prefix", &issued, 0, "only the prefix");
    torn("torn_in_header", &issued, 1, "no kind");
    torn("torn_in_key", &issued, place::KEY + 2, "half a key id");
    torn("torn_in_id", &issued, place::ID + 15, "the id lacks a byte");
    torn(
        "torn_in_validity",
        &issued,
        place::UNTIL + 3,
        "the validity lacks a byte",
    );
    torn(
        "torn_before_signature",
        &issued,
        place::SIGNATURE,
        "no signature",
    );
    torn(
        "torn_in_signature",
        &issued,
        place::SIGNATURE + 32,
        "half a signature",
    );
    torn(
        "torn_at_the_end",
        &issued,
        issued.len() - 1,
        "the last byte is missing",
    );
    torn(
        "torn_in_serial",
        &sold,
        place::SERIAL + 1,
        "half a serial number",
    );
    torn(
        "torn_in_device_signature",
        &sold,
        place::DEVICE_SIGNATURE + 1,
        "one byte of the signature",
    );
    torn(
        "torn_before_certificate",
        &sold,
        place::CERTIFICATE,
        "no certificate",
    );
    torn(
        "torn_in_certificate_key",
        &sold,
        place::CERTIFICATE + 20,
        "half a device key",
    );
    torn(
        "torn_before_certificate_count",
        &sold,
        place::CERTIFICATE_COUNT,
        "no number of tiers",
    );
    torn(
        "torn_in_certificate_tiers",
        &sold,
        place::CERTIFICATE_TIERS + 3,
        "one and a half of three tiers",
    );
    torn(
        "torn_before_certificate_signature",
        &sold,
        sold.len() - 64,
        "no signature of the certificate",
    );
    torn(
        "torn_at_the_end_delegated",
        &sold,
        sold.len() - 1,
        "the last byte is missing",
    );
    let mut relabelled = issued.clone();
    relabelled[place::KIND] = 2;
    v.malformed(
        "issued_called_delegated",
        "truncated",
        code(&relabelled),
        "an issued ticket with the kind of a delegated one",
    );
    v.malformed(
        "only_prefix_and_space",
        "truncated",
        "BT1: ",
        "a space after the prefix is around the code, not in it",
    );

    let mut relabelled = sold.clone();
    relabelled[place::KIND] = 1;
    v.malformed(
        "delegated_called_issued",
        "trailing_bytes",
        code(&relabelled),
        "a delegated ticket with the kind of an issued one",
    );
    v.malformed(
        "trailing_byte",
        "trailing_bytes",
        code(&[&issued[..], &[0]].concat()),
        "a byte after the signature",
    );
    v.malformed(
        "trailing_byte_delegated",
        "trailing_bytes",
        code(&[&sold[..], &[0]].concat()),
        "a byte after the certificate",
    );
    v.malformed(
        "ticket_twice",
        "trailing_bytes",
        code(&[&issued[..], &issued].concat()),
        "a ticket after a ticket",
    );
    v.malformed(
        "certificate_after_issued",
        "trailing_bytes",
        code(&[issued, Certificate::good().signed_by("certificates")].concat()),
        "issued tickets have no certificate",
    );
}

fn bad_headers(v: &mut Vectors) {
    let good = Ticket::issued();
    let mut malformed = |name, parse, ticket: Ticket, about| {
        v.malformed(name, parse, code(&ticket.signed_by("event")), about);
    };
    malformed(
        "format_future",
        "unknown_format",
        Ticket { format: 2, ..good },
        "a later format, truly signed",
    );
    malformed(
        "format_zero",
        "unknown_format",
        Ticket { format: 0, ..good },
        "formats start at 1",
    );
    malformed(
        "kind_zero",
        "unknown_kind",
        Ticket { kind: 0, ..good },
        "kinds start at 1",
    );
    malformed(
        "kind_live_reserved",
        "unknown_kind",
        Ticket { kind: 3, ..good },
        "kind 3 is kept for live tickets",
    );
    malformed(
        "kind_largest",
        "unknown_kind",
        Ticket { kind: 255, ..good },
        "a kind that nobody defined",
    );
    malformed(
        "version_zero",
        "version_zero",
        Ticket { version: 0, ..good },
        "versions start at 1",
    );
    malformed(
        "validity_empty",
        "empty_validity",
        Ticket {
            until: good.from,
            ..good
        },
        "it ends when it begins",
    );
    malformed(
        "validity_backwards",
        "empty_validity",
        Ticket {
            from: good.until,
            until: good.from,
            ..good
        },
        "it ends before it begins",
    );
    malformed(
        "version_zero_and_validity_empty",
        "version_zero",
        Ticket {
            version: 0,
            until: good.from,
            ..good
        },
        "of two faults the first counts",
    );
}

fn bad_certificates(v: &mut Vectors) {
    let good = Certificate::good();
    let ticket = Ticket::delegated();
    let mut malformed = |name, parse, certificate: Certificate, about| {
        v.malformed(name, parse, code(&delegated(ticket, &certificate)), about);
    };
    malformed(
        "certificate_format_future",
        "certificate_format",
        Certificate {
            format: 2,
            ..good.clone()
        },
        "a later format of certificate",
    );
    malformed(
        "certificate_format_zero",
        "certificate_format",
        Certificate {
            format: 0,
            ..good.clone()
        },
        "formats start at 1",
    );
    let mut tiers = |name, tiers: Vec<u16>, about| {
        malformed(
            name,
            "certificate_tiers",
            Certificate {
                tiers,
                ..good.clone()
            },
            about,
        );
    };
    tiers("certificate_without_tiers", vec![], "no tier at all");
    tiers("certificate_tiers_unsorted", vec![3, 1, 9], "out of order");
    tiers(
        "certificate_tiers_duplicate",
        vec![1, 3, 3, 9],
        "a tier twice",
    );
    tiers(
        "certificate_tiers_too_many",
        (0..33).collect(),
        "33 tiers, one more than may be",
    );
    malformed(
        "certificate_validity_empty",
        "certificate_validity",
        Certificate {
            until: good.from,
            ..good.clone()
        },
        "it ends when it begins",
    );
    malformed(
        "certificate_validity_backwards",
        "certificate_validity",
        Certificate {
            from: good.until,
            until: good.from,
            ..good.clone()
        },
        "it ends before it begins",
    );
    let mut key = |name, device_key: [u8; 32], about| {
        malformed(
            name,
            "certificate_key",
            Certificate {
                device_key,
                ..good.clone()
            },
            about,
        );
    };
    let point = |first: u8, rest: u8, last: u8| {
        let mut bytes = [rest; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    key(
        "certificate_key_zero",
        [0; 32],
        "a point of order 4, for which signatures can be made up",
    );
    key(
        "certificate_key_neutral",
        point(1, 0, 0),
        "the neutral point, for which signatures can be made up",
    );
    key(
        "certificate_key_order_2",
        point(0xec, 0xff, 0x7f),
        "a point of order 2, for which signatures can be made up",
    );
    key(
        "certificate_key_not_on_curve",
        point(2, 0, 0),
        "no point of the curve",
    );
    key(
        "certificate_key_second_encoding",
        point(0xed + 3, 0xff, 0x7f),
        "the coordinate 3 written as 3 + p (RFC 8032, section 5.1.3)",
    );
}

fn forged(v: &mut Vectors) {
    let good = Ticket::issued();
    let bytes = good.signed_by("event");
    v.malformed(
        "flipped_format",
        "unknown_format",
        code(&flipped(&bytes, place::FORMAT)),
        "a bit of the format",
    );
    v.malformed(
        "flipped_kind",
        "unknown_kind",
        code(&flipped(&bytes, place::KIND)),
        "a bit of the kind",
    );
    let mut flip = |name, verify, at: usize, about| {
        v.distrusted(name, verify, &flipped(&bytes, at), about);
    };
    flip(
        "flipped_key",
        "unknown_key",
        place::KEY,
        "a bit of the key id",
    );
    flip(
        "flipped_id",
        "bad_signature",
        place::ID,
        "a bit of the ticket's id",
    );
    flip(
        "flipped_id_end",
        "bad_signature",
        place::ID + 15,
        "a bit of the ticket's id",
    );
    flip(
        "flipped_version",
        "bad_signature",
        place::VERSION + 1,
        "a bit of the version",
    );
    flip(
        "flipped_tier",
        "bad_signature",
        place::TIER + 1,
        "a bit of the tier",
    );
    flip(
        "flipped_from",
        "bad_signature",
        place::FROM + 3,
        "a bit of the first second",
    );
    flip(
        "flipped_until",
        "bad_signature",
        place::UNTIL + 3,
        "a bit of the last second",
    );
    flip(
        "flipped_signature_r",
        "bad_signature",
        place::SIGNATURE,
        "a bit of the signature's R",
    );
    flip(
        "flipped_signature_s",
        "bad_signature",
        place::SIGNATURE + 32,
        "a bit of the signature's S",
    );

    let mut signature = |name, signature: &[u8; 64], about| {
        let bytes = [&good.bytes()[..], signature].concat();
        v.distrusted(name, "bad_signature", &bytes, about);
    };
    signature("signature_zero", &[0; 64], "64 zero bytes");
    signature("signature_ones", &[0xff; 64], "64 bytes of 255");
    let mut neutral = [0; 64];
    neutral[0] = 1;
    signature(
        "signature_neutral",
        &neutral,
        "R is the neutral point and S is 0",
    );
    let mut second = keys::sign("event", TICKET, &good.bytes());
    let mut carry = 0;
    for (s, l) in second[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*s) + u16::from(l) + carry;
        *s = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    signature(
        "signature_s_plus_order",
        &second,
        "the true signature with S + L: a second text for one ticket",
    );
    let other = Ticket { version: 2, ..good };
    signature(
        "signature_of_other_version",
        &keys::sign("event", TICKET, &other.bytes()),
        "the true signature of another version",
    );
    signature(
        "signature_of_certificate_domain",
        &keys::sign("event", CERTIFICATE, &good.bytes()),
        "signed as if it were a certificate",
    );
    signature(
        "signature_of_feed_page_domain",
        &keys::sign("event", FEED_PAGE, &good.bytes()),
        "signed as if it were a feed page",
    );
    signature(
        "signature_without_domain",
        &keys::sign("event", "", &good.bytes()),
        "signed without a domain",
    );
    signature(
        "signature_by_other_event",
        &keys::sign("other event", TICKET, &good.bytes()),
        "signed by another event's key in the name of this one",
    );
    signature(
        "signature_by_stranger",
        &keys::sign("stranger", TICKET, &good.bytes()),
        "signed by a key that nobody trusts",
    );

    let named = |key| Ticket {
        key: keys::id(key),
        ..good
    };
    v.distrusted(
        "signature_by_neither_key_of_an_id",
        "bad_signature",
        &named(TWINS[0]).signed_by("event"),
        "two keys share the id, and neither signed",
    );
    v.distrusted(
        "forged_in_the_name_of_a_retired_key",
        "bad_signature",
        &named("retired").signed_by("stranger"),
        "a forgery is told from a late ticket",
    );
    v.distrusted(
        "stranger",
        "unknown_key",
        &named("stranger").signed_by("stranger"),
        "truly signed, by a key that nobody trusts",
    );
    v.distrusted(
        "box_office_without_certificate",
        "unknown_key",
        &named("box office").signed_by("box office"),
        "a box office cannot sign as an event does",
    );
}

fn forged_delegated(v: &mut Vectors) {
    let ticket = Ticket::delegated();
    let certificate = Certificate::good();
    let bytes = delegated(ticket, &certificate);
    let mut flip = |name, verify, at: usize, about| {
        v.distrusted(name, verify, &flipped(&bytes, at), about);
    };
    flip(
        "flipped_device_key",
        "bad_signature",
        place::KEY,
        "a bit of the key id, which is the certified key's",
    );
    flip(
        "flipped_serial",
        "bad_signature",
        place::SERIAL + 1,
        "a bit of the serial number",
    );
    flip(
        "flipped_device_signature",
        "bad_signature",
        place::DEVICE_SIGNATURE,
        "a bit of the device's signature",
    );
    flip(
        "flipped_certificate_event_key",
        "unknown_key",
        place::CERTIFICATE_EVENT_KEY,
        "a bit of the certifying key's id",
    );
    flip(
        "flipped_certificate_from",
        "bad_signature",
        place::CERTIFICATE_FROM + 3,
        "a bit of the certificate's first second",
    );
    flip(
        "flipped_certificate_until",
        "bad_signature",
        place::CERTIFICATE_UNTIL + 3,
        "a bit of the certificate's last second",
    );
    flip(
        "flipped_certificate_max",
        "bad_signature",
        place::CERTIFICATE_MAX,
        "a bit of the number of tickets",
    );
    flip(
        "flipped_certificate_tier",
        "bad_signature",
        place::CERTIFICATE_TIERS + 5,
        "a bit of a tier",
    );
    flip(
        "flipped_certificate_signature",
        "bad_signature",
        bytes.len() - 1,
        "a bit of the certificate's signature",
    );

    let certified = certificate.signed_by("certificates");
    let by = |key: &str, certificate: &[u8]| [&ticket.signed_by(key)[..], certificate].concat();
    v.distrusted(
        "delegated_signed_by_event",
        "bad_signature",
        &by("certificates", &certified),
        "signed by the certifying key instead of the device",
    );
    v.distrusted(
        "delegated_signed_by_other_device",
        "bad_signature",
        &by("other box office", &certified),
        "signed by another device in the name of this one",
    );
    v.distrusted(
        "certificate_of_other_device",
        "bad_signature",
        &by(
            "box office",
            &Certificate {
                device_key: keys::public("other box office"),
                ..certificate.clone()
            }
            .signed_by("certificates"),
        ),
        "a true certificate, for another device",
    );
    let bytes = [
        &signed(ticket.bytes(), CERTIFICATE, "box office")[..],
        &certified,
    ]
    .concat();
    v.distrusted(
        "delegated_signature_of_certificate_domain",
        "bad_signature",
        &bytes,
        "the device signed as if it were a certificate",
    );
    v.distrusted(
        "certificate_signature_of_ticket_domain",
        "bad_signature",
        &by(
            "box office",
            &signed(certificate.bytes(), TICKET, "certificates"),
        ),
        "certified as if it were a ticket",
    );
    v.distrusted(
        "certificate_by_device_itself",
        "bad_signature",
        &by("box office", &certificate.signed_by("box office")),
        "the device certified itself in the name of the event",
    );
    v.distrusted(
        "certificate_by_other_event",
        "bad_signature",
        &by("box office", &certificate.signed_by("other event")),
        "another event's key certified in the name of this one",
    );
    v.distrusted(
        "certificate_by_stranger",
        "unknown_key",
        &by(
            "box office",
            &Certificate {
                event_key: keys::id("stranger"),
                ..certificate.clone()
            }
            .signed_by("stranger"),
        ),
        "certified by a key that nobody trusts",
    );
    v.distrusted(
        "certificate_by_box_office",
        "unknown_key",
        &by(
            "box office",
            &Certificate {
                event_key: keys::id("other box office"),
                ..certificate
            }
            .signed_by("other box office"),
        ),
        "a box office cannot certify another",
    );
}

fn keys_not_in_force(v: &mut Vectors) {
    let good = Ticket::issued();
    let by = |key: &str| {
        Ticket {
            key: keys::id(key),
            ..good
        }
        .signed_by(key)
    };
    const FAULT: &str = "key_not_in_force";
    v.distrusted("key_retired", FAULT, &by("retired"), "its time is over");
    v.distrusted_at(
        "key_one_moment_late",
        FAULT,
        i64::from(RETIRED) * 1_000,
        &by("retired"),
        "its time has just ended",
    );
    v.distrusted("key_future", FAULT, &by("future"), "its time has not come");
    v.distrusted_at(
        "key_one_moment_early",
        FAULT,
        i64::from(FUTURE) * 1_000 - 1,
        &by("future"),
        "its time begins 1 ms later",
    );
    v.distrusted(
        "key_revoked",
        FAULT,
        &by("revoked"),
        "revoked within its time",
    );

    let certificate = Certificate::good();
    let ticket = Ticket::delegated();
    let bytes = delegated(ticket, &certificate);
    v.distrusted_at(
        "certificate_one_moment_early",
        FAULT,
        i64::from(certificate.from) * 1_000 - 1,
        &bytes,
        "the certificate begins 1 ms later",
    );
    v.distrusted_at(
        "certificate_one_moment_late",
        FAULT,
        i64::from(certificate.until) * 1_000,
        &bytes,
        "the certificate has just ended",
    );
    let certified_by = |key: &str| {
        let certificate = Certificate {
            event_key: keys::id(key),
            ..certificate.clone()
        };
        [ticket.signed_by("box office"), certificate.signed_by(key)].concat()
    };
    v.distrusted(
        "certificate_key_retired",
        FAULT,
        &certified_by("retired"),
        "the time of the certifying key is over",
    );
    v.distrusted(
        "certificate_key_revoked",
        FAULT,
        &certified_by("revoked"),
        "the certifying key is revoked",
    );
    let withdrawn = |signer: &str| {
        let ticket = Ticket {
            key: keys::id("withdrawn box office"),
            ..ticket
        };
        let certificate = Certificate {
            device_key: keys::public("withdrawn box office"),
            ..certificate.clone()
        };
        [
            ticket.signed_by(signer),
            certificate.signed_by("certificates"),
        ]
        .concat()
    };
    v.distrusted(
        "device_withdrawn",
        FAULT,
        &withdrawn("withdrawn box office"),
        "the device may issue no more, whatever its certificate says",
    );
    v.distrusted(
        "device_withdrawn_and_forged",
        "bad_signature",
        &withdrawn("stranger"),
        "a forgery in the name of a withdrawn device",
    );
}

fn beyond_certificate(v: &mut Vectors) {
    let good = Ticket::delegated();
    let certificate = Certificate::good();
    let mut beyond = |name, ticket: Ticket, certificate: &Certificate, about| {
        v.distrusted(
            name,
            "beyond_certificate",
            &delegated(ticket, certificate),
            about,
        );
    };
    beyond(
        "tier_not_certified",
        Ticket { tier: 2, ..good },
        &certificate,
        "a tier between those of the certificate",
    );
    beyond(
        "tier_below_certified",
        Ticket { tier: 0, ..good },
        &certificate,
        "a tier below those of the certificate",
    );
    beyond(
        "tier_above_certified",
        Ticket {
            tier: u16::MAX,
            ..good
        },
        &certificate,
        "a tier above those of the certificate",
    );
    beyond(
        "serial_at_max",
        Ticket {
            serial: Some(100),
            ..good
        },
        &certificate,
        "serials count from 0: number 100 is the 101st",
    );
    beyond(
        "serial_largest",
        Ticket {
            serial: Some(u16::MAX),
            ..good
        },
        &Certificate {
            max_tickets: u16::MAX,
            ..certificate.clone()
        },
        "no certificate covers serial 65535",
    );
    beyond(
        "certificate_for_no_tickets",
        Ticket {
            serial: Some(0),
            ..good
        },
        &Certificate {
            max_tickets: 0,
            ..certificate
        },
        "a certificate for 0 tickets",
    );
}
