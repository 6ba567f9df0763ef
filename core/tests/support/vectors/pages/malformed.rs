//! Pages that cannot be read, or contradict themselves.

use super::super::keys::{self, hex};
use super::{FEED_PAGE, Page, REVOCATION, TICKET, Vectors, signed, with_signature};
use sha2::{Digest, Sha256};

pub(super) fn torn(v: &mut Vectors) {
    let page = Page::of(&[TICKET, REVOCATION]);
    let bytes = page.signed();
    let body = page.body();
    const FAULT: &str = "page_malformed";
    v.fault("nothing", FAULT, Vec::new(), "no byte at all");
    v.fault("only_newline", FAULT, b"\n".to_vec(), "an empty line");
    v.fault(
        "torn_in_header",
        FAULT,
        body[..60].to_vec(),
        "half a header",
    );
    v.fault(
        "torn_in_change",
        FAULT,
        body[..body.len() - 10].to_vec(),
        "the last change is cut",
    );
    v.fault("torn_before_signature", FAULT, body.clone(), "no signature");
    v.fault(
        "torn_in_signature",
        FAULT,
        bytes[..bytes.len() - 40].to_vec(),
        "half a signature",
    );
    v.fault(
        "signature_short",
        FAULT,
        with_signature(body.clone(), &"0".repeat(126)),
        "63 bytes of signature",
    );
    let signature = hex(&keys::sign("event", FEED_PAGE, &Sha256::digest(&body)));
    v.fault(
        "signature_upper_case",
        FAULT,
        with_signature(body.clone(), &signature.to_uppercase()),
        "hexadecimal is lower case",
    );
    v.fault(
        "no_header",
        FAULT,
        signed(format!("{TICKET}\n").into_bytes(), "event"),
        "a change where the header should be",
    );
    v.fault(
        "not_a_page",
        FAULT,
        b"<!doctype html>\n<title>Sign in to the Wi-Fi</title>\n".to_vec(),
        "what a captive portal answers",
    );
}

pub(super) fn contradictory(v: &mut Vectors) {
    let page = Page::of(&[TICKET, REVOCATION]);
    let mut fault = |name, read, page: Page, about| v.fault(name, read, page.signed(), about);
    fault(
        "count_too_high",
        "page_count",
        Page {
            count: 3,
            ..page.clone()
        },
        "three changes announced, two there, truly signed",
    );
    fault(
        "count_too_low",
        "page_count",
        Page {
            count: 1,
            ..page.clone()
        },
        "one change announced, two there, truly signed",
    );
    fault(
        "count_negative",
        "page_malformed",
        Page {
            count: -1,
            ..page.clone()
        },
        "counts are not negative",
    );
    fault(
        "positions_backwards",
        "page_positions",
        Page {
            from: 42,
            to: 41,
            ..page.clone()
        },
        "from 42 to 41",
    );
    let mut line = |name, line: &[u8], about| {
        let lines = vec![TICKET.as_bytes().to_vec(), line.to_vec()];
        fault(
            name,
            "page_malformed",
            Page {
                lines,
                ..page.clone()
            },
            about,
        );
    };
    line("change_not_json", b"revocation", "a line that is not JSON");
    line(
        "change_not_an_object",
        br#"["revocation"]"#,
        "a change is an object",
    );
    line("change_without_name", b"{}", "a change has one name");
    line(
        "change_with_two_names",
        br#"{"weather":1,"moon":2}"#,
        "a change has one name, also one from the future",
    );
    line(
        "change_lacks_field",
        br#"{"revocation":{"ticket":"tkt_01kwekp2a074hv8np7hamys3rj"}}"#,
        "a known change without one of its fields",
    );
    line(
        "change_with_unknown_value",
        br#"{"ticket":{"id":"tkt_01kwekp2a074hv8np7hamys3rj","version":1,"tier":3,"state":"asleep","from":0,"until":1}}"#,
        "new values need a new kind of change: guessing at a state would let people in",
    );
    line(
        "change_with_bad_id",
        br#"{"revocation":{"ticket":"tkt_01KWEKP2A074HV8NP7HAMYS3RJ","below":2}}"#,
        "ids are lower case",
    );
    for (name, text) in [
        ("ticket_without_value", r#"{"ticket":null}"#),
        ("revocation_without_value", r#"{"revocation":null}"#),
        ("redemption_without_value", r#"{"redemption":null}"#),
        ("key_without_value", r#"{"key":null}"#),
        ("withdrawn_key_without_value", r#"{"withdrawn_key":null}"#),
        ("list_without_value", r#"{"list":null}"#),
        ("gate_without_value", r#"{"gate":null}"#),
        ("tier_without_value", r#"{"tier":null}"#),
        ("removed_without_value", r#"{"removed":null}"#),
    ] {
        line(name, text.as_bytes(), "known changes are never skipped");
    }
    line(
        "not_utf8",
        b"{\"tier\":{\"number\":3,\"name\":\"caf\xe9\"}}",
        "a name in another encoding, truly signed",
    );
    line(
        "not_utf8_where_ignored",
        b"{\"tier\":{\"number\":3,\"name\":\"x\",\"moon\":\"caf\xe9\"}}",
        "pages are UTF-8 also in fields that are ignored",
    );
}
