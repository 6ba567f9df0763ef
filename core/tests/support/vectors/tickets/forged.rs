//! Tickets that nobody has signed who may.

use super::super::keys::{self, FUTURE, RETIRED, TWINS};
use super::{
    CERTIFICATE, Certificate, FEED_PAGE, ORDER, TICKET, Ticket, Vectors, code, delegated, flipped,
    place,
};

pub(super) fn forged(v: &mut Vectors) {
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

pub(super) fn keys_not_in_force(v: &mut Vectors) {
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
