//! The vectors of `feed_pages.json`.

mod forged;
mod good;
mod malformed;

use super::keys::{self, CONCERT, Keys, NOW, hex};
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
    good::good(&mut vectors);
    malformed::torn(&mut vectors);
    malformed::contradictory(&mut vectors);
    forged::forged(&mut vectors);
    forged::untrusted(&mut vectors);
    File {
        about: "Feed pages named by their fault. README.md says how to read this file.",
        keys: keys::all(),
        vectors: vectors.0,
    }
}
