//! What is never shown of a request: secrets and what is personal, found by the names of fields and
//! headers and by what values look like.
//!
//! In doubt it is masked: a developer knows what they sent, and nobody else needs to.
//!
//! | file | holds |
//! |---|---|
//! | `words.rs` | what values look like |
//! | `mod.rs` | names of fields and headers; documents, addresses and headers |

mod words;

use serde_json::{Map, Number, Value};

pub use words::{MASK, mask_text};
use words::{Tokens, code_at, mask_words};

/// What the names of fields hold that are masked, in lower case and without separators.
const PARTS: &[&str] = &[
    "address",
    "apikey",
    "assertion",
    "authorization",
    "birth",
    "challenge",
    "cookie",
    "credential",
    "email",
    "iban",
    "mail",
    "mobile",
    "nonce",
    "passphrase",
    "passwd",
    "password",
    "phone",
    "postal",
    "privatekey",
    "secret",
    "signature",
    "street",
    "token",
    "useragent",
    "verifier",
];
/// How the names of fields end that are masked.
const ENDS: &[&str] = &["cardnumber", "name", "otp", "pin"];
/// The whole names of others.
const WHOLE: &[&str] = &[
    "attendee",
    "card",
    "clientip",
    "cvc",
    "cvv",
    "holder",
    "ip",
    "pan",
    "recipient",
    "remoteip",
    "tel",
    "zip",
];
/// Names that end like those, and name nobody.
const OPEN: &[&str] = &["eventname", "filename", "tiername", "venuename"];
/// Names of what looks like a token and is none.
const IDS: &[&str] = &["requestid", "traceid"];

/// Headers that are masked whatever they hold.
const HEADERS: &[&str] = &[
    "bilten-device",
    "forwarded",
    "proxy-authorization",
    "set-cookie",
    "waiting-pass",
    "waiting-place",
    "x-forwarded-for",
];
/// Headers that hold addresses of pages.
const ADDRESSES: &[&str] = &["content-location", "location", "referer"];
/// Headers that hold what looks like a token and is none.
const ID_HEADERS: &[&str] = &[
    "bilten-organisation",
    "etag",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "traceparent",
    "tracestate",
    "x-request-id",
];

fn normal(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// Whether what a field of this name holds is masked.
fn is_hidden(name: &str) -> bool {
    let name = normal(name);
    let name = name.as_str();
    !OPEN.contains(&name)
        && (PARTS.iter().any(|part| name.contains(*part))
            || ENDS.iter().any(|end| name.ends_with(*end))
            || WHOLE.contains(&name))
}

/// Whether a field is a code that is no word: that of a ticket or of a promotion, one that was mailed.
/// The codes of problems are words.
fn is_code(name: &str, text: &str) -> bool {
    let is_word = text.len() <= 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.');
    normal(name).ends_with("code") && !is_word
}

/// A JSON document without secrets and what is personal; its structure stays.
pub fn mask_json(value: &Value) -> Value {
    masked(value, false)
}

fn masked_number(number: &Number, is_hidden: bool) -> Value {
    // Larger than any time in milliseconds: the number of a card.
    let is_long = number.as_u64().is_some_and(|n| n >= 100_000_000_000_000);
    if is_hidden || is_long {
        Value::String(MASK.to_owned())
    } else {
        Value::Number(number.clone())
    }
}

fn masked(value: &Value, hides: bool) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(is) => Value::Bool(*is),
        Value::Number(number) => masked_number(number, hides),
        Value::String(text) if text.is_empty() => Value::String(String::new()),
        Value::String(_) if hides => Value::String(MASK.to_owned()),
        Value::String(text) => Value::String(mask_text(text)),
        Value::Array(items) => Value::Array(items.iter().map(|item| masked(item, hides)).collect()),
        Value::Object(fields) => {
            let mut all = Map::new();
            for (name, value) in fields {
                let shown = shown_name(name, &all);
                all.insert(shown, masked_field(name, value, hides));
            }
            Value::Object(all)
        }
    }
}

/// The name of a field, which may be a secret itself; no two are alike.
fn shown_name(name: &str, others: &Map<String, Value>) -> String {
    let shown = mask_text(name);
    if shown == name {
        return shown;
    }
    let mut numbered = MASK.to_owned();
    let mut number = 1;
    while others.contains_key(&numbered) {
        number += 1;
        numbered = format!("{MASK} {number}");
    }
    numbered
}

fn masked_field(name: &str, value: &Value, hides: bool) -> Value {
    if hides || is_hidden(name) {
        return masked(value, true);
    }
    match value {
        Value::String(text) if IDS.contains(&normal(name).as_str()) => {
            Value::String(mask_words(text, Tokens::Shown))
        }
        Value::String(text) if is_code(name, text) => masked(value, true),
        Value::Number(_) if normal(name).ends_with("code") => masked(value, true),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => masked(value, false),
    }
}

/// What percent-encoding means; a plus is a space in queries and itself in paths.
fn decoded(text: &str, plus: u8) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let number = tail
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match number {
            Some(number) => {
                bytes.push(number);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(if *first == b'+' { plus } else { *first });
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A part of an address, unless it means something that is masked.
fn masked_part(part: &str) -> String {
    let is_open = |text: &str| mask_text(text) == text;
    if is_open(&decoded(part, b' ')) && is_open(&decoded(part, b'+')) && is_open(part) {
        part.to_owned()
    } else {
        MASK.to_owned()
    }
}

fn masked_pair(pair: &str) -> String {
    let Some((name, value)) = pair.split_once('=') else {
        return masked_part(pair);
    };
    let (plain, meant) = (decoded(name, b' '), decoded(value, b' '));
    let is_masked = !value.is_empty() && (is_hidden(&plain) || is_code(&plain, &meant));
    let value = if is_masked {
        MASK.to_owned()
    } else {
        masked_part(value)
    };
    format!("{}={value}", masked_part(name))
}

/// A path with its query without secrets and what is personal.
pub fn mask_path(path: &str) -> String {
    let code = code_at(path);
    let path = code.and_then(|at| path.get(..at)).unwrap_or(path);
    let (path, query) = path
        .split_once('?')
        .map_or((path, None), |(path, query)| (path, Some(query)));
    let parts: Vec<String> = path.split('/').map(masked_part).collect();
    let mut out = parts.join("/");
    if let Some(query) = query {
        let pairs: Vec<String> = query.split('&').map(masked_pair).collect();
        out.push('?');
        out.push_str(&pairs.join("&"));
    }
    if code.is_some() {
        out.push_str(MASK);
    }
    out
}

/// What the header of this name, in lower case, held.
pub fn mask_header(name: &str, value: &str) -> String {
    if name == "authorization" {
        // Which kind of credential it was helps, and tells nothing.
        let scheme = value.split_once(' ').map_or("", |(scheme, _)| scheme);
        let is_known = ["basic", "bearer"].contains(&scheme.to_ascii_lowercase().as_str());
        return if is_known {
            format!("{scheme} {MASK}")
        } else {
            MASK.to_owned()
        };
    }
    if ID_HEADERS.contains(&name) {
        return mask_words(value, Tokens::Shown);
    }
    let is_address = name.split('-').any(|part| part == "ip");
    if HEADERS.contains(&name) || is_address || is_hidden(name) {
        return MASK.to_owned();
    }
    if ADDRESSES.contains(&name) {
        return mask_path(value);
    }
    mask_text(value)
}

#[cfg(test)]
mod tests;
