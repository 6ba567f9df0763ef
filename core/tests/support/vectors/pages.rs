//! The vectors of `feed_pages.json`.

use super::keys::{self, CONCERT, FESTIVAL, FUTURE, Keys, NOW, RETIRED, TWINS, hex};
use serde::Serialize;
use sha2::{Digest, Sha256};

const FEED_PAGE: &str = "bilten feed page v1\0";
const TICKET_DOMAIN: &str = "bilten ticket v1\0";
const AT: i64 = NOW as i64 * 1_000;

const TICKET: &str = r#"{"ticket":{"id":"tkt_01kwekp2a074hv8np7hamys3rj","version":1,"tier":3,"state":"valid","from":1782864000,"until":1782972000,"holder":{"name":"Ayşe Öztürk","order":"K7M2-P4","note":"row 4, seat 12"}}}"#;
const REVOCATION: &str = r#"{"revocation":{"ticket":"tkt_01kwekp2a074hv8np7hamys3rj","below":2}}"#;

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
    /// The page's bytes, where they are UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
    /// The page's bytes in hexadecimal, where they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    page_hex: Option<String>,
    /// The event whose page the reader asked for.
    event: &'static str,
    /// When it is judged, in milliseconds since the epoch.
    at: i64,
    expect: Expect,
}

#[derive(Serialize)]
struct Expect {
    read: &'static str,
    /// What a page that is taken holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<Contents>,
}

#[derive(Serialize)]
struct Contents {
    from: u64,
    to: u64,
    more: bool,
    /// The names of the changes, in order, without those that are skipped.
    changes: Vec<&'static str>,
    /// How many changes are skipped.
    unknown: u32,
}

/// A page before it is signed.
#[derive(Clone)]
struct Page {
    event: &'static str,
    key: &'static str,
    from: u64,
    to: u64,
    more: bool,
    count: i64,
    /// More fields of the header, with a leading comma.
    extra: &'static str,
    lines: Vec<Vec<u8>>,
}

impl Page {
    fn of(lines: &[&str]) -> Self {
        Self {
            event: CONCERT,
            key: "event",
            from: 40,
            to: 42,
            more: false,
            count: i64::try_from(lines.len()).expect("few lines"),
            extra: "",
            lines: lines.iter().map(|line| line.as_bytes().to_vec()).collect(),
        }
    }

    fn body(&self) -> Vec<u8> {
        let Self {
            event,
            from,
            to,
            more,
            count,
            extra,
            ..
        } = self;
        let key = hex(&keys::id(self.key));
        let mut body = format!(
            r#"{{"page":{{"event":"{event}","epoch":1,"from":{from},"to":{to},"more":{more},"count":{count},"next":"c1.{to}","made_at":{AT},"key":"{key}"{extra}}}}}"#
        )
        .into_bytes();
        body.push(b'\n');
        for line in &self.lines {
            body.extend(line);
            body.push(b'\n');
        }
        body
    }

    /// The bytes of the page, signed by the key it names.
    fn signed(&self) -> Vec<u8> {
        signed(self.body(), self.key)
    }
}

fn signed(body: Vec<u8>, key: &str) -> Vec<u8> {
    let signature = keys::sign(key, FEED_PAGE, &Sha256::digest(&body));
    with_signature(body, &hex(&signature))
}

fn with_signature(mut body: Vec<u8>, signature: &str) -> Vec<u8> {
    body.extend(format!("{{\"signature\":\"{signature}\"}}\n").bytes());
    body
}

struct Vectors(Vec<Vector>);

impl Vectors {
    fn put(
        &mut self,
        name: &'static str,
        about: &'static str,
        bytes: Vec<u8>,
        event: &'static str,
        at: i64,
        expect: Expect,
    ) {
        let (page, page_hex) = match String::from_utf8(bytes) {
            Ok(page) => (Some(page), None),
            Err(other) => (None, Some(hex(other.as_bytes()))),
        };
        self.0.push(Vector {
            name,
            about,
            page,
            page_hex,
            event,
            at,
            expect,
        });
    }

    fn fault_at(
        &mut self,
        name: &'static str,
        read: &'static str,
        at: i64,
        bytes: Vec<u8>,
        about: &'static str,
    ) {
        let expect = Expect { read, page: None };
        self.put(name, about, bytes, CONCERT, at, expect);
    }

    fn fault(
        &mut self,
        name: &'static str,
        read: &'static str,
        bytes: Vec<u8>,
        about: &'static str,
    ) {
        self.fault_at(name, read, AT, bytes, about);
    }

    fn good(
        &mut self,
        name: &'static str,
        page: &Page,
        bytes: Vec<u8>,
        changes: &[&'static str],
        about: &'static str,
    ) {
        let contents = Contents {
            from: page.from,
            to: page.to,
            more: page.more,
            changes: changes.to_vec(),
            unknown: u32::try_from(page.count).expect("a count")
                - u32::try_from(changes.len()).expect("few changes"),
        };
        let expect = Expect {
            read: "ok",
            page: Some(contents),
        };
        self.put(name, about, bytes, page.event, AT, expect);
    }
}

pub(crate) fn file() -> File {
    let mut vectors = Vectors(Vec::new());
    good(&mut vectors);
    torn(&mut vectors);
    contradictory(&mut vectors);
    forged(&mut vectors);
    untrusted(&mut vectors);
    File {
        about: "Feed pages named by their fault. README.md says how to read this file.",
        keys: keys::all(),
        vectors: vectors.0,
    }
}

fn good(v: &mut Vectors) {
    let key = hex(&keys::public("event"));
    let device = hex(&keys::id("withdrawn box office"));
    let named_key = format!(
        r#"{{"key":{{"event":"evt_concert","public_key":"{key}","validity":{{"from":1767290400,"until":1798826400}},"event_name":"Concert"}}}}"#
    );
    let withdrawn = format!(r#"{{"withdrawn_key":"{device}"}}"#);
    let every = Page::of(&[
        &named_key,
        &withdrawn,
        r#"{"tier":{"number":3,"name":"Standing"}}"#,
        r#"{"list":{"id":"lst_1","event":"evt_concert","name":"Saturday","policy":"single","accepts_delegated":true,"allowlist_only":false}}"#,
        r#"{"list":{"id":"lst_2","event":"evt_concert","name":"Backstage","policy":{"multiple":{"max":4}},"opens_at":1782920000000,"closes_at":1782960000000,"tiers":[9],"capacity":40,"accepts_delegated":false,"allowlist_only":true}}"#,
        r#"{"list":{"id":"lst_3","event":"evt_concert","name":"Garden","policy":"re_entry","accepts_delegated":true,"allowlist_only":false}}"#,
        r#"{"gate":{"id":"gat_1","name":"North","tiers":[1,3]}}"#,
        TICKET,
        REVOCATION,
        r#"{"redemption":{"id":"scn_01kwekp2a07j1t0000000000aa","ticket":"tkt_01kwekp2a074hv8np7hamys3rj","list":"lst_1","gate":"gat_1","device":"dev_1","at":1782928700000,"direction":"entry","standing":"counted"}}"#,
        r#"{"redemption":{"id":"scn_01kwekp2a07j1t0000000000bb","ticket":"tkt_01kwekp2a074hv8np7hamys3rj","list":"lst_1","device":"dev_2","at":1782928701000,"standing":"conflict"}}"#,
        r#"{"removed":{"list":"lst_3"}}"#,
        r#"{"removed":{"gate":"gat_9"}}"#,
    ]);
    v.good(
        "good",
        &every,
        every.signed(),
        &[
            "key",
            "withdrawn_key",
            "tier",
            "list",
            "list",
            "list",
            "gate",
            "ticket",
            "revocation",
            "redemption",
            "redemption",
            "removed",
            "removed",
        ],
        "every kind of change, with and without its optional fields",
    );
    let empty = Page {
        to: 40,
        ..Page::of(&[])
    };
    v.good(
        "empty",
        &empty,
        empty.signed(),
        &[],
        "nothing changed since position 40",
    );
    let first = Page {
        from: 0,
        to: 2,
        more: true,
        ..Page::of(&[TICKET, REVOCATION])
    };
    v.good(
        "first_of_several",
        &first,
        first.signed(),
        &["ticket", "revocation"],
        "a snapshot is the feed from position 0 on",
    );
    let unknown = Page::of(&[
        TICKET,
        r#"{"weather":{"rain":true}}"#,
        REVOCATION,
        r#"{"moon":null}"#,
    ]);
    v.good(
        "unknown_change",
        &unknown,
        unknown.signed(),
        &["ticket", "revocation"],
        "changes with names from the future are skipped and counted",
    );
    let field = Page {
        extra: r#","moon":"full""#,
        ..Page::of(&[
            r#"{"revocation":{"ticket":"tkt_01kwekp2a074hv8np7hamys3rj","below":2,"because":"lost"}}"#,
        ])
    };
    v.good(
        "unknown_field",
        &field,
        field.signed(),
        &["revocation"],
        "fields from the future are ignored, in the header too",
    );
    let blank = Page {
        count: 1,
        ..Page::of(&["", REVOCATION, ""])
    };
    v.good(
        "blank_lines",
        &blank,
        blank.signed(),
        &["revocation"],
        "empty lines are no changes",
    );
    let plain = Page::of(&[TICKET, REVOCATION]);
    let mut bytes = plain.signed();
    bytes.pop();
    v.good(
        "no_trailing_newline",
        &plain,
        bytes,
        &["ticket", "revocation"],
        "the last line need not be ended",
    );
    let twin = Page {
        key: TWINS[0],
        ..plain
    };
    v.good(
        "key_shares_its_id",
        &twin,
        twin.signed(),
        &["ticket", "revocation"],
        "another event's key has the same id",
    );
}

fn torn(v: &mut Vectors) {
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

fn contradictory(v: &mut Vectors) {
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

fn forged(v: &mut Vectors) {
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

fn untrusted(v: &mut Vectors) {
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
