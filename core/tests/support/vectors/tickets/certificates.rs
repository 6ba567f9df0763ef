//! Certificates that are wrong, or that do not allow what was issued by them.

use super::super::keys;
use super::{
    CERTIFICATE, Certificate, TICKET, Ticket, Vectors, code, delegated, flipped, place, signed,
};

pub(super) fn bad_certificates(v: &mut Vectors) {
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

pub(super) fn forged_delegated(v: &mut Vectors) {
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

pub(super) fn beyond_certificate(v: &mut Vectors) {
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
