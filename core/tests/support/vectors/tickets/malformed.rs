//! What is no ticket by its form.

use super::{Certificate, Ticket, Vectors, code, delegated, place};

pub(super) fn not_tickets(v: &mut Vectors) {
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

pub(super) fn bad_texts(v: &mut Vectors) {
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

pub(super) fn torn(v: &mut Vectors) {
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

pub(super) fn bad_headers(v: &mut Vectors) {
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
