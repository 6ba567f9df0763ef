//! Pages that nobody has signed who may.

use super::super::keys::{self, FESTIVAL, FUTURE, RETIRED, hex};
use super::{FEED_PAGE, Page, REVOCATION, TICKET, TICKET_DOMAIN, Vectors, signed, with_signature};
use sha2::{Digest, Sha256};

pub(super) fn forged(v: &mut Vectors) {
    let page = Page::of(&[TICKET, REVOCATION]);
    let body = page.body();
    let bytes = page.signed();
    let text = String::from_utf8(bytes.clone()).expect("UTF-8");
    const FAULT: &str = "page_bad_signature";
    let mut altered = |name, from: &str, to: &str, about| {
        assert!(text.contains(from));
        v.fault(name, FAULT, text.replacen(from, to, 1).into_bytes(), about);
    };
    altered(
        "change_altered",
        r#""state":"valid""#,
        r#""state":"blocked""#,
        "a ticket's state was altered on the way",
    );
    altered(
        "header_altered",
        r#""to":42"#,
        r#""to":43"#,
        "the header was altered on the way",
    );
    altered(
        "line_lost",
        &format!("{REVOCATION}\n"),
        "",
        "a line was lost on the way",
    );
    altered(
        "lines_swapped",
        &format!("{TICKET}\n{REVOCATION}\n"),
        &format!("{REVOCATION}\n{TICKET}\n"),
        "lines changed places on the way",
    );
    altered(
        "space_added",
        "\"version\":1",
        "\"version\": 1",
        "the same JSON, but other bytes",
    );
    v.fault(
        "crlf",
        FAULT,
        text.replace('\n', "\r\n").into_bytes(),
        "line ends were rewritten on the way",
    );
    v.fault(
        "signature_wrong",
        FAULT,
        with_signature(body.clone(), &"0".repeat(128)),
        "a signature of zeros",
    );
    v.fault(
        "signature_by_other_event",
        FAULT,
        signed(body.clone(), "other event"),
        "another event's key signed in the name of this one",
    );
    let signature = keys::sign("event", TICKET_DOMAIN, &Sha256::digest(&body));
    v.fault(
        "signature_of_ticket_domain",
        FAULT,
        with_signature(body.clone(), &hex(&signature)),
        "signed as if it were a ticket",
    );
    let signature = keys::sign("event", FEED_PAGE, &body);
    v.fault(
        "signature_without_digest",
        FAULT,
        with_signature(body, &hex(&signature)),
        "signed over the page itself instead of its SHA-256",
    );
}

pub(super) fn untrusted(v: &mut Vectors) {
    let page = Page::of(&[TICKET, REVOCATION]);
    let by = |key| Page {
        key,
        ..page.clone()
    };
    v.fault(
        "wrong_event",
        "page_wrong_event",
        Page {
            event: FESTIVAL,
            ..by("other event")
        }
        .signed(),
        "a true page of another event",
    );
    v.fault(
        "other_event_key",
        "page_wrong_event",
        by("other event").signed(),
        "another event's key has no say here, though it is known",
    );
    v.fault(
        "other_event_named",
        "page_wrong_event",
        Page {
            event: FESTIVAL,
            ..by("event")
        }
        .signed(),
        "this event's key has no say in another event's feed",
    );
    v.fault(
        "unknown_key",
        "page_unknown_key",
        by("stranger").signed(),
        "truly signed, by a key that nobody trusts",
    );
    const FAULT: &str = "page_key_not_in_force";
    v.fault(
        "key_revoked",
        FAULT,
        by("revoked").signed(),
        "its key is revoked",
    );
    v.fault(
        "key_retired",
        FAULT,
        by("retired").signed(),
        "the time of its key is over",
    );
    v.fault(
        "key_future",
        FAULT,
        by("future").signed(),
        "the time of its key has not come",
    );
    v.fault_at(
        "key_one_moment_late",
        FAULT,
        i64::from(RETIRED) * 1_000,
        by("retired").signed(),
        "the time of its key has just ended",
    );
    v.fault_at(
        "key_one_moment_early",
        FAULT,
        i64::from(FUTURE) * 1_000 - 1,
        by("future").signed(),
        "the time of its key begins 1 ms later",
    );
}
