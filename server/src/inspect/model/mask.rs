//! What is never shown of a request: secrets and what is personal, found by the names of fields and
//! headers and by what values look like.
//!
//! In doubt it is masked: a developer knows what they sent, and nobody else needs to.

use serde_json::{Map, Number, Value};

/// What stands where something was.
pub const MASK: &str = "[masked]";

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

/// How our own secrets begin.
const SECRETS: &[&str] = &[
    "bilten_",
    "biltenat_",
    "biltencs_",
    "biltendv_",
    "biltenem_",
    "biltenot_",
    "biltenrt_",
    "biltense_",
    "biltenst_",
];
/// How codes of tickets and secrets of webhooks begin, in capitals; what follows may hold spaces and
/// slashes.
const CODES: &[&str] = &["BT1:", "BL1:", "BT1%3A", "BL1%3A", "WHSEC_"];

/// Headers that are masked whatever they hold.
const HEADERS: &[&str] = &[
    "bilten-device",
    "forwarded",
    "proxy-authorization",
    "set-cookie",
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

/// From how many letters and digits in a row a text looks like a token.
const TOKEN: usize = 24;
/// The same where hyphens and underscores belong to it, as in base64url.
const LONG_TOKEN: usize = 32;
/// From how many digits a number looks like one of a phone or of a card.
const PHONE: usize = 7;
const CARD: usize = 13;

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

/// Where the code of a ticket or the secret of a webhook begins.
fn code_at(text: &str) -> Option<usize> {
    // Letters keep their places.
    let text = text.to_ascii_uppercase();
    CODES.iter().filter_map(|code| text.find(*code)).min()
}

/// Whether a text is one of our ids, such as `evt_…`.
fn is_typed_id(part: &str) -> bool {
    let is_small = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    part.split_once('_').is_some_and(|(kind, rest)| {
        (2..=4).contains(&kind.len())
            && kind.bytes().all(|byte| byte.is_ascii_lowercase())
            && rest.len() == 26
            && rest.bytes().all(is_small)
    })
}

fn is_long_and_mixed(part: &str) -> bool {
    part.len() >= TOKEN
        && part.bytes().any(|byte| byte.is_ascii_digit())
        && part.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn is_base64(part: &str) -> bool {
    part.len() >= LONG_TOKEN
        && part.bytes().any(|byte| byte.is_ascii_digit())
        && part.bytes().any(|byte| byte.is_ascii_lowercase())
        && part.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether a word has something in it that looks like a token.
fn has_token(word: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    word.split(|c: char| !is_letter(c) && c != '-')
        .any(is_base64)
        || word
            .split(|c: char| !is_letter(c))
            .filter(|part| !is_typed_id(part))
            .flat_map(|part| part.split('_'))
            .any(is_long_and_mixed)
}

fn is_secret(word: &str, tokens: Tokens) -> bool {
    let lower = word.to_ascii_lowercase();
    let is_address = (lower.contains('@') || lower.contains("%40")) && lower.len() > 1;
    is_address
        || SECRETS.iter().any(|start| lower.contains(*start))
        || (word.starts_with("eyJ") && word.len() > 16)
        || (tokens == Tokens::Hidden && has_token(word))
}

/// Whether whatever looks like a token is masked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tokens {
    Hidden,
    Shown,
}

const fn ends_word(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '"' | '\''
                | '`'
                | ','
                | ';'
                | '('
                | ')'
                | '<'
                | '>'
                | '['
                | ']'
                | '{'
                | '}'
                | '='
                | '&'
                | '?'
                | '#'
                | '|'
                | '/'
                | '\\'
        )
}

/// Masks numbers of phones and of cards, which may be written with spaces.
fn mask_numbers(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    let mut before = ' ';
    while let Some(first) = letters.get(at).copied() {
        let begins = (first == '+' || first.is_ascii_digit()) && !before.is_alphanumeric();
        let span: Vec<char> = if begins {
            letters
                .iter()
                .skip(at)
                .enumerate()
                .take_while(|(place, c)| {
                    (*place == 0 && **c == '+')
                        || c.is_ascii_digit()
                        || matches!(c, ' ' | '-' | '(' | ')' | '.')
                        || (first == '+' && **c == '/')
                })
                .map(|(_, c)| *c)
                .collect()
        } else {
            vec![first]
        };
        let length = span
            .iter()
            .rposition(char::is_ascii_digit)
            .map_or(1, |last| last + 1);
        let digits = span.iter().filter(|c| c.is_ascii_digit()).count();
        let is_number = begins && digits >= if first == '+' { PHONE } else { CARD };
        if is_number {
            out.push_str(MASK);
        } else {
            out.extend(span.iter().take(length));
        }
        before = span.get(length.saturating_sub(1)).copied().unwrap_or(' ');
        at += length;
    }
    out
}

fn mask_words(text: &str, tokens: Tokens) -> String {
    let code = code_at(text);
    let text = code.and_then(|at| text.get(..at)).unwrap_or(text);
    let text = mask_numbers(text);
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(ends_word) {
        let word = piece.trim_end_matches(ends_word);
        if is_secret(word, tokens) {
            out.push_str(MASK);
            out.push_str(piece.get(word.len()..).unwrap_or_default());
        } else {
            out.push_str(piece);
        }
    }
    if code.is_some() {
        out.push_str(MASK);
    }
    out
}

/// A text without what looks like a secret or like something personal.
pub fn mask_text(text: &str) -> String {
    mask_words(text, Tokens::Hidden)
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
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// covers: GW-7, GW-9
    #[test]
    fn secrets_and_people_go_and_what_helps_stays() {
        let shown = mask_json(&json!({
            "event": "evt_01jx0000000000000000000000",
            "currency": "EUR", "price_minor": 2500, "starts_at": "2030-01-01T12:00:00.123456789Z",
            "buyer": {"email": "ana@example.com", "name": "Ana Novak", "phone": "040 123 456"},
            "order_token": "abc", "pin": 1234, "has_pin": true, "venue_name": "Kino",
            "tickets": [{"code": "BT1:AB C/D+E", "id": "tkt_01jx0000000000000000000000", "holder": "Ana"}],
            "note": "call +386 40/123-456 or write to ana@example.com, card 4111 1111 1111 1111",
            "type": "/problems/sales.sold_out", "problem": {"code": "sales.sold_out", "errors": [{"code": "too_long"}]},
            "otp_code": "123456", "promo_code": "SUMMER", "code": 4711,
            "request_id": "abcdefgh0123456789abcdefgh", "empty_secret": "", "gone": null,
            "ana@example.com": 1, "eva@example.com": 2,
        }));
        assert_eq!(
            shown,
            json!({
                "event": "evt_01jx0000000000000000000000",
                "currency": "EUR", "price_minor": 2500, "starts_at": "2030-01-01T12:00:00.123456789Z",
                "buyer": {"email": MASK, "name": MASK, "phone": MASK},
                "order_token": MASK, "pin": MASK, "has_pin": true, "venue_name": "Kino",
                "tickets": [{"code": MASK, "id": "tkt_01jx0000000000000000000000", "holder": MASK}],
                "note": "call [masked] or write to [masked], card [masked]",
                "type": "/problems/sales.sold_out", "problem": {"code": "sales.sold_out", "errors": [{"code": "too_long"}]},
                "otp_code": MASK, "promo_code": MASK, "code": MASK,
                "request_id": "abcdefgh0123456789abcdefgh", "empty_secret": "", "gone": null,
                "[masked]": 1, "[masked] 2": 2,
            })
        );
    }

    /// covers: GW-7, GW-9
    #[test]
    fn headers_and_addresses_are_masked_by_what_they_are() {
        for (name, value, shown) in [
            ("authorization", "Bearer bilten_abc", "Bearer [masked]"),
            ("authorization", "abc", MASK),
            ("cookie", "bilten_session=1", MASK),
            ("set-cookie", "a=b", MASK),
            ("x-api-token", "1", MASK),
            ("x-real-ip", "203.0.113.7", MASK),
            ("x-forwarded-for", "203.0.113.7", MASK),
            (
                "idempotency-key",
                "4f0c2d7a6b1e4c3d9a8b7c6d5e4f3a2b",
                "4f0c2d7a6b1e4c3d9a8b7c6d5e4f3a2b",
            ),
            ("idempotency-key", "ana@example.com", MASK),
            (
                "content-type",
                "application/json; charset=utf-8",
                "application/json; charset=utf-8",
            ),
            ("location", "/a?token=1&x=2", "/a?token=[masked]&x=2"),
            ("from", "ana@example.com", MASK),
        ] {
            assert_eq!(mask_header(name, value), shown, "{name}: {value}");
        }
        for (path, shown) in [
            (
                "/api/v1/events?limit=2&sort=-starts_at",
                "/api/v1/events?limit=2&sort=-starts_at",
            ),
            (
                "/api/v1/members?email=ana%40example.com",
                "/api/v1/members?email=[masked]",
            ),
            (
                "/api/v1/members?q=ana%40example.com",
                "/api/v1/members?q=[masked]",
            ),
            ("/api/v1/x/ana%40example.com/y", "/api/v1/x/[masked]/y"),
            ("/api/v1/tickets/BT1%3AAB/CD", "/api/v1/tickets/[masked]"),
            ("/api/v1/tickets/bl1:AB/CD?a=b", "/api/v1/tickets/[masked]"),
            ("/api/v1/x?phone=%2B38640123456", "/api/v1/x?phone=[masked]"),
            ("/api/v1/x?q=%2B386+40+123+456", "/api/v1/x?q=[masked]"),
            ("/api/v1/x?token=", "/api/v1/x?token="),
            (
                "/api/v1/orders/ord_01jx0000000000000000000000",
                "/api/v1/orders/ord_01jx0000000000000000000000",
            ),
            ("/%", "/%"),
            ("/%4", "/%4"),
            ("/%zz%ff", "/%zz%ff"),
        ] {
            assert_eq!(mask_path(path), shown, "{path}");
        }
    }

    /// What must not survive, wherever it is.
    fn secret() -> impl Strategy<Value = String> {
        prop_oneof![
            "bilten(at|cs|dv|em|ot|rt|se|st)?_[0-9a-z]{10,40}",
            "whsec_[A-Za-z0-9+/]{20,44}",
            "B[TL]1:[0-9A-Z $%*+./-]{8,60}[0-9A-Z]",
            "[a-z]{2,8}\\.[a-z]{2,8}@[a-z]{3,9}\\.(com|si|org)",
            "\\+[1-9][0-9]{2} [0-9]{2} [0-9]{3} [0-9]{3}",
            "eyJ[A-Za-z0-9]{20,30}\\.eyJ[A-Za-z0-9]{20,40}\\.[A-Za-z0-9]{30,43}",
            "[a-z][0-9][0-9a-z]{38}",
        ]
    }

    /// Something harmless before or after a secret.
    fn around() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            "[a-z]{1,8} ",
            " [a-z]{1,8}",
            "\"[(<]",
            " = "
        ]
    }

    /// A document, and what must not survive of it.
    fn document() -> impl Strategy<Value = (Value, Vec<String>)> {
        let hidden = prop_oneof![
            Just("password"),
            Just("clientSecret"),
            Just("order_token"),
            Just("email"),
            Just("Phone"),
            Just("name"),
            Just("holder-name"),
            Just("otp"),
            Just("billing_address"),
        ];
        let leaf = prop_oneof![
            Just((json!(null), Vec::<String>::new())),
            any::<bool>().prop_map(|is| (json!(is), Vec::new())),
            (0i64..1_000_000).prop_map(|n| (json!(n), Vec::new())),
            "[a-z ]{0,12}".prop_map(|text| (json!(text), Vec::new())),
            (around(), secret(), around()).prop_map(|(before, secret, after)| {
                (json!(format!("{before} {secret} {after}")), vec![secret])
            }),
            // Under such a name, anything is a secret.
            (hidden, "Qx[a-z]{6,12}Zz").prop_map(|(name, secret)| {
                (json!({name: {"deep": [secret.clone()]}}), vec![secret])
            }),
            secret().prop_map(|secret| (json!({secret.clone(): 1}), vec![secret])),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(|items| {
                    let secrets = items
                        .iter()
                        .flat_map(|(_, secrets)| secrets.clone())
                        .collect();
                    (
                        Value::Array(items.into_iter().map(|(item, _)| item).collect()),
                        secrets,
                    )
                }),
                prop::collection::vec(("[a-z]{1,3}", inner), 0..5).prop_map(|fields| {
                    let fields: std::collections::BTreeMap<String, (Value, Vec<String>)> =
                        fields.into_iter().collect();
                    let secrets = fields
                        .values()
                        .flat_map(|(_, secrets)| secrets.clone())
                        .collect();
                    let fields = fields.into_iter().map(|(name, (value, _))| (name, value));
                    (Value::Object(fields.collect()), secrets)
                }),
            ]
        })
    }

    /// How a document is built, whatever it says.
    fn structure(value: &Value) -> Value {
        match value {
            Value::Null => json!("null"),
            Value::Bool(_) => json!("bool"),
            // A masked number is a text.
            Value::Number(_) | Value::String(_) => json!("some"),
            Value::Array(items) => Value::Array(items.iter().map(structure).collect()),
            Value::Object(fields) => {
                let mut kinds: Vec<String> = fields
                    .values()
                    .map(|value| structure(value).to_string())
                    .collect();
                kinds.sort();
                json!({ "fields": kinds })
            }
        }
    }

    proptest! {
        /// covers: GW-7, GW-9
        #[test]
        fn no_secret_survives_and_the_structure_stays((document, secrets) in document()) {
            let shown = mask_json(&document);
            let text = shown.to_string();
            for secret in &secrets {
                prop_assert!(!text.contains(secret.as_str()), "{secret} in {text}");
            }
            prop_assert_eq!(structure(&shown), structure(&document));
            prop_assert_eq!(mask_json(&shown), shown, "masking again changes nothing");
        }

        /// covers: GW-9
        #[test]
        fn no_secret_survives_in_an_address(
            start in "/[a-z]{1,5}", secret in secret(), is_query in any::<bool>(), is_encoded in any::<bool>(),
        ) {
            let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let given = if is_encoded { encoded } else { secret.replace(' ', "%20") };
            let path = if is_query { format!("{start}?q={given}&b=1") } else { format!("{start}/{given}") };
            let shown = mask_path(&path);
            prop_assert!(!shown.contains(&given) && !decoded(&shown, b' ').contains(&secret), "{path}: {shown}");
            prop_assert!(shown.starts_with(&start), "{shown}");
        }

        #[test]
        fn no_text_is_too_strange(name in ".{0,20}", text in ".{0,200}") {
            for shown in [mask_text(&text), mask_path(&text), mask_header(&name, &text)] {
                prop_assert!(shown.len() <= text.len() * 8 + 64);
            }
            mask_json(&json!({name: text}));
        }
    }
}
