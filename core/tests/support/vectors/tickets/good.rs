//! Tickets that are valid, or valid at another time.

use super::super::keys::{self, CONCERT, FESTIVAL, FUTURE, RETIRED, TWINS};
use super::{AT, Certificate, Ticket, Vectors, code};

pub(super) fn good_issued(v: &mut Vectors) {
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

pub(super) fn good_delegated(v: &mut Vectors) {
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
