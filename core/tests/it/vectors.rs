//! The vectors in `tests/vectors/`, which bind every implementation to `docs/protocol.md`.

use bilten_core::id::EventId;
use bilten_core::key::{EventKey, KeyId, KeySet, PublicKey};
use bilten_core::sync::page::{self, Change, PageFault};
use bilten_core::ticket::{Distrust, Kind, Malformed, Ticket, UntrustedTicket};
use bilten_core::time::{Place, Timestamp, Validity};
use serde::Deserialize;
use std::collections::BTreeSet;

#[path = "../support/vectors/mod.rs"]
mod make;

const TICKETS: &str = include_str!("../vectors/tickets.json");
const FEED_PAGES: &str = include_str!("../vectors/feed_pages.json");

#[derive(Deserialize)]
struct File<V> {
    keys: Keys,
    vectors: Vec<V>,
}

#[derive(Deserialize)]
struct Keys {
    trusted: Vec<EventKey>,
    withdrawn: Vec<KeyId>,
    devices: Vec<Device>,
}

#[derive(Deserialize)]
struct Device {
    id: KeyId,
    public_key: PublicKey,
}

impl Keys {
    fn set(&self) -> KeySet {
        let mut keys = KeySet::default();
        self.trusted.iter().for_each(|key| keys.put(key.clone()));
        self.withdrawn.iter().for_each(|&key| keys.withdraw(key));
        keys
    }
}

#[derive(Deserialize)]
struct TicketVector {
    name: String,
    code: String,
    at: Timestamp,
    expect: TicketExpect,
}

#[derive(Deserialize)]
struct TicketExpect {
    parse: String,
    verify: Option<String>,
    ticket: Option<TicketFields>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct TicketFields {
    id: String,
    version: u16,
    tier: u16,
    validity: Validity,
    place: String,
    kind: Kind,
    event: EventId,
    key: KeyId,
    delegation: Option<DelegationFields>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct DelegationFields {
    device_key: KeyId,
    serial: u16,
}

impl TicketFields {
    fn of(ticket: &Ticket, at: Timestamp) -> Self {
        let payload = ticket.payload();
        Self {
            id: payload.id.to_string(),
            version: payload.version,
            tier: payload.tier,
            validity: payload.validity,
            place: match payload.validity.place(at) {
                Place::Before => "before",
                Place::Within => "within",
                Place::After => "after",
            }
            .to_owned(),
            kind: ticket.kind(),
            event: ticket.event().clone(),
            key: ticket.key(),
            delegation: ticket.delegation().map(|delegation| DelegationFields {
                device_key: delegation.device_key,
                serial: delegation.serial,
            }),
        }
    }
}

#[derive(Deserialize)]
struct PageVector {
    name: String,
    page: Option<String>,
    page_hex: Option<String>,
    event: EventId,
    at: Timestamp,
    expect: PageExpect,
}

#[derive(Deserialize)]
struct PageExpect {
    read: String,
    page: Option<PageContents>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct PageContents {
    from: u64,
    to: u64,
    more: bool,
    changes: Vec<String>,
    unknown: u32,
}

impl PageVector {
    fn bytes(&self) -> Vec<u8> {
        match (&self.page, &self.page_hex) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(hex)) => hex
                .as_bytes()
                .chunks(2)
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
                .collect(),
            _ => panic!("{}: page or page_hex", self.name),
        }
    }
}

const fn change_name(change: &Change) -> &'static str {
    match change {
        Change::Ticket(_) => "ticket",
        Change::Revocation(_) => "revocation",
        Change::Redemption(_) => "redemption",
        Change::Key(_) => "key",
        Change::WithdrawnKey(_) => "withdrawn_key",
        Change::List(_) => "list",
        Change::Gate(_) => "gate",
        Change::Tier(_) => "tier",
        Change::Removed(_) => "removed",
    }
}

fn tickets() -> File<TicketVector> {
    serde_json::from_str(TICKETS).unwrap()
}

fn feed_pages() -> File<PageVector> {
    serde_json::from_str(FEED_PAGES).unwrap()
}

/// covers: SCAN-1 SCAN-2
#[test]
fn every_ticket_vector_is_judged_as_it_says() {
    let File { keys, vectors } = tickets();
    let keys = keys.set();
    for TicketVector {
        name,
        code,
        at,
        expect,
    } in vectors
    {
        let parsed = UntrustedTicket::parse(&code);
        let parse = parsed.as_ref().map_or_else(|fault| fault.code(), |_| "ok");
        assert_eq!(parse, expect.parse, "parse of {name}");
        let verified = parsed.ok().map(|ticket| ticket.verify(&keys, at));
        let verify = verified
            .as_ref()
            .map(|v| v.as_ref().map_or_else(|fault| fault.code(), |_| "ok"));
        assert_eq!(verify, expect.verify.as_deref(), "verify of {name}");
        let fields = verified
            .and_then(Result::ok)
            .map(|ticket| TicketFields::of(&ticket, at));
        assert_eq!(fields, expect.ticket, "fields of {name}");
    }
}

/// covers: SCAN-4 SCAN-10
#[test]
fn every_feed_page_vector_is_judged_as_it_says() {
    let File { keys, vectors } = feed_pages();
    let keys = keys.set();
    for vector in vectors {
        let name = &vector.name;
        let read = page::read(&vector.bytes(), &vector.event, &keys, vector.at);
        let code = read.as_ref().map_or_else(|fault| fault.code(), |_| "ok");
        assert_eq!(code, vector.expect.read, "{name}");
        let contents = read.ok().map(|page| PageContents {
            from: page.header().from,
            to: page.header().to,
            more: page.header().more,
            changes: page
                .changes()
                .iter()
                .map(|change| change_name(change).to_owned())
                .collect(),
            unknown: page.unknown(),
        });
        assert_eq!(contents, vector.expect.page, "{name}");
    }
}

#[test]
fn the_files_are_what_the_generator_writes() {
    let why = "run `cargo run -p bilten-core --example make_vectors`";
    assert!(TICKETS == make::tickets_json(), "tickets.json: {why}");
    assert!(
        FEED_PAGES == make::feed_pages_json(),
        "feed_pages.json: {why}"
    );
}

#[test]
fn every_fault_has_a_vector_and_every_vector_its_own_name() {
    let tickets = tickets().vectors;
    let pages = feed_pages().vectors;
    let names: BTreeSet<_> = tickets.iter().map(|v| &v.name).collect();
    assert_eq!(names.len(), tickets.len());
    let names: BTreeSet<_> = pages.iter().map(|v| &v.name).collect();
    assert_eq!(names.len(), pages.len());

    for fault in Malformed::ALL {
        assert!(
            tickets.iter().any(|v| v.expect.parse == fault.code()),
            "{fault:?}"
        );
    }
    for fault in Distrust::ALL {
        assert!(
            tickets
                .iter()
                .any(|v| v.expect.verify.as_deref() == Some(fault.code())),
            "{fault:?}"
        );
    }
    for fault in PageFault::ALL {
        // 16 MiB in a file would teach nobody anything: see below.
        assert!(
            *fault == PageFault::TooLarge || pages.iter().any(|v| v.expect.read == fault.code()),
            "{fault:?}"
        );
    }
}

#[test]
fn an_oversized_page_is_refused_unread() {
    let at = Timestamp::from_seconds(make::keys::NOW);
    let event = EventId::new("evt_concert").unwrap();
    let page = |length| page::read(&vec![b' '; length], &event, &KeySet::default(), at);
    let most = bilten_core::sync::MAX_MESSAGE_BYTES;
    assert_eq!(page(most), Err(PageFault::Malformed));
    assert_eq!(page(most + 1), Err(PageFault::TooLarge));
}

#[test]
fn the_ids_of_the_keys_are_theirs() {
    let File { keys, .. } = tickets();
    for device in &keys.devices {
        assert_eq!(device.public_key.id(), device.id);
    }
    let ids: BTreeSet<_> = keys.trusted.iter().map(|k| k.public_key.id()).collect();
    assert_eq!(ids.len() + 1, keys.trusted.len(), "one pair shares its id");
}

/// The generator lays out bytes by its own hand; the issuers must come to the same.
#[cfg(feature = "issue")]
#[test]
fn issuers_write_the_codes_of_the_vectors() {
    use bilten_core::ticket::{DelegatedIssuer, Issuer, Payload};

    let vectors = tickets().vectors;
    let named = |name: &str| vectors.iter().find(|v| v.name == name).unwrap();
    let payload = |fields: &TicketFields| Payload {
        id: fields.id.parse().unwrap(),
        version: fields.version,
        tier: fields.tier,
        validity: fields.validity,
    };

    let issuer = Issuer::from_secret(&make::keys::secret("event"));
    for name in ["issued", "issued_smallest_values", "issued_largest_values"] {
        let vector = named(name);
        let fields = vector.expect.ticket.as_ref().unwrap();
        assert_eq!(issuer.issue(payload(fields)).unwrap(), vector.code);
    }

    let secret = make::keys::secret("box office");
    let day = Validity {
        from: make::keys::NOW - 86_400,
        until: make::keys::NOW + 86_400,
    };
    let most: Vec<u16> = (0..32).collect();
    for (name, tiers) in [
        ("delegated", &[1, 3, 9][..]),
        ("delegated_most_tiers", &most),
    ] {
        let vector = named(name);
        let fields = vector.expect.ticket.as_ref().unwrap();
        let serial = fields.delegation.as_ref().unwrap().serial;
        let device = *Issuer::from_secret(&secret).public_key();
        let certificate = Issuer::from_secret(&make::keys::secret("certificates"))
            .certify(device, tiers, 100, day)
            .unwrap();
        let code = DelegatedIssuer::new(&secret, certificate).issue(payload(fields), serial);
        assert_eq!(code.unwrap(), vector.code);
    }
}

/// The generator writes pages by its own hand; `page::write` must come to the same.
#[cfg(feature = "issue")]
#[test]
fn writing_what_was_read_gives_the_page_of_the_vector() {
    use bilten_core::ticket::Issuer;

    let File { keys, vectors } = feed_pages();
    let issuer = Issuer::from_secret(&make::keys::secret("event"));
    for name in ["empty", "first_of_several"] {
        let vector = vectors.iter().find(|v| v.name == name).unwrap();
        let page = page::read(&vector.bytes(), &vector.event, &keys.set(), vector.at).unwrap();
        let written = page::write(page.header().clone(), page.changes(), &issuer).unwrap();
        assert_eq!(String::from_utf8(written).ok(), vector.page);
    }
}
