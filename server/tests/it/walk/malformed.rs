//! What no client sends by mistake, to every route: bodies that are not JSON, or JSON with more or
//! less than the route wants; text that is no text; addresses that name nothing.

use bilten_kernel::{on_both_engines, sql, vals};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde_json::Value;

use super::bodies::body;
use super::callers::{self, Caller, Callers};
use super::operations::{Access, Operation, operations};
use super::things::Things;
use super::{Faults, code};
use crate::app::{Answer, TestApp};

const JSON: &str = "application/json";

/// Whoever may call an operation; one caller of each kind, so that nothing has to be made meanwhile.
fn caller(operation: &Operation, callers: &Callers, things: &Things) -> Option<Caller> {
    Some(match &operation.access {
        Access::Permission(p) if p.is_for_programs() && !operation.is_for_people => {
            callers.key.clone()
        }
        Access::Permission(_) | Access::SignedIn | Access::Recent | Access::Authenticated => {
            callers.owner.clone()
        }
        Access::Admin => callers.admin.clone(),
        Access::Order => Caller::bearer("the buyer", &things.order_token),
        Access::Device => Caller::bearer("the device", &things.device_session),
        Access::Public => Caller::stranger(),
        Access::Other(_) => return None,
    })
}

/// A text in which every string is another one.
fn with_strings(value: &Value, text: &str) -> Value {
    match value {
        Value::String(_) => Value::from(text),
        Value::Array(items) => items.iter().map(|item| with_strings(item, text)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), with_strings(value, text)))
            .collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other.clone(),
    }
}

/// Bodies that are refused wherever a body is read at all, by what is wrong with them.
fn broken(good: &Value) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let text = good.to_string();
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let strings = |inside: &[u8]| {
        let marked = with_strings(good, "@").to_string();
        let parts: Vec<&[u8]> = marked.split('@').map(str::as_bytes).collect();
        parts.join(inside)
    };
    let mut all: Vec<(&str, &str, Vec<u8>)> = vec![
        ("nothing", JSON, Vec::new()),
        ("cut off", JSON, text.as_bytes()[..text.len() - 1].to_vec()),
        ("with more behind it", JSON, format!("{text}x").into_bytes()),
        ("twice", JSON, format!("{text}\n{text}").into_bytes()),
        ("null", JSON, b"null".to_vec()),
        ("a list", JSON, b"[]".to_vec()),
        ("a list of one", JSON, format!("[{text}]").into_bytes()),
        ("a text", JSON, b"\"walk\"".to_vec()),
        ("a number", JSON, b"7".to_vec()),
        ("true", JSON, b"true".to_vec()),
        ("deep lists", JSON, "[".repeat(100_000).into_bytes()),
        ("deep objects", JSON, "{\"a\":".repeat(100_000).into_bytes()),
        ("too large a number", JSON, b"{\"walk\": 1e400}".to_vec()),
        (
            "a byte order mark",
            JSON,
            format!("\u{feff}{text}").into_bytes(),
        ),
        ("UTF-16", JSON, utf16(&text)),
        ("bytes that are no text", JSON, vec![0xff, 0xfe, 0xfd]),
        ("NUL", JSON, vec![0]),
        ("no names", JSON, b"{1: 2}".to_vec()),
        ("a comment", JSON, format!("/**/{text}").into_bytes()),
        ("text", "text/plain", text.clone().into_bytes()),
        ("XML", "application/xml", b"<a/>".to_vec()),
        (
            "a form",
            "application/x-www-form-urlencoded",
            b"a=b".to_vec(),
        ),
        (
            "parts",
            "multipart/form-data; boundary=x",
            b"--x--".to_vec(),
        ),
        ("of no type", "", text.clone().into_bytes()),
        ("of a type that is none", "json", text.clone().into_bytes()),
        (
            "of another charset",
            "application/json; charset=utf-16",
            utf16(&text),
        ),
        (
            "said to be of another charset",
            "application/json; charset=iso-8859-1",
            text.clone().into_bytes(),
        ),
    ];
    if text.contains("\":\"") {
        all.push(("half a character", JSON, strings(b"\\ud800")));
        all.push(("the other half", JSON, strings(b"\\udc00\\ud800")));
        all.push(("strings that are no text", JSON, strings(b"\xff\xc0\x80")));
        all.push(("UTF-8 of half a character", JSON, strings(b"\xed\xa0\x80")));
        all.push(("a line in a string", JSON, strings(b"a\nb")));
    }
    if let Some((name, value)) = good.as_object().and_then(|fields| fields.iter().next()) {
        let rest = text.trim_start_matches('{');
        let double = format!("{{\"{name}\":{value},{rest}");
        all.push(("a field twice", JSON, double.into_bytes()));
    }
    all
}

async fn send(
    t: &TestApp,
    caller: &Caller,
    operation: &Operation,
    path: &str,
    kind: &str,
    body: Vec<u8>,
) -> Answer {
    let method: Method = operation.method.parse().unwrap();
    let mut request = caller.request(t, method, path).body(body);
    if !kind.is_empty() {
        request = request.header(CONTENT_TYPE, kind);
    }
    if operation.method == "POST" {
        let key = bilten_kernel::random::token(&*t.app.random, 16);
        request = request.header("idempotency-key", key);
    }
    callers::send(t, request).await
}

/// How many rows there are of what routes write, but for what is noted of requests themselves.
async fn written(t: &TestApp) -> Vec<i64> {
    let mut counts = Vec::new();
    for count in [
        sql!("SELECT COUNT(*) FROM audit_log"),
        sql!("SELECT COUNT(*) FROM users"),
        sql!("SELECT COUNT(*) FROM organisations"),
        sql!("SELECT COUNT(*) FROM members"),
        sql!("SELECT COUNT(*) FROM sessions"),
        sql!("SELECT COUNT(*) FROM api_keys"),
        sql!("SELECT COUNT(*) FROM events"),
        sql!("SELECT COUNT(*) FROM tiers"),
        sql!("SELECT COUNT(*) FROM holds"),
        sql!("SELECT COUNT(*) FROM orders"),
        sql!("SELECT COUNT(*) FROM tickets"),
    ] {
        let found: Vec<i64> = t.app.db.scalars(count, vals![]).await.unwrap();
        counts.extend(found);
    }
    counts
}

on_both_engines! {
    /// covers: BE-6, GW-3
    async fn what_is_no_json_is_refused_at_every_route_and_nothing_is_done(db: TestDb) {
        let t = TestApp::start(db).await;
        let callers = Callers::gather(&t).await;
        let things = Things::make(&t, &callers).await;
        let before = written(&t).await;
        let mut faults = Faults::default();
        let mut count = 0;
        for operation in operations() {
            let Some(good) = body(&operation, &things) else { continue };
            let Some(caller) = caller(&operation, &callers, &things) else { continue };
            let path = things.fill(&operation);
            for (what, kind, bytes) in broken(&good) {
                let answer = send(&t, &caller, &operation, &path, kind, bytes).await;
                count += 1;
                let is_refused = matches!(answer.status, 400 | 415 | 422)
                    && answer.headers.get(CONTENT_TYPE) == Some(&HeaderValue::from_static("application/problem+json"))
                    && !code(&answer).is_empty();
                faults.unless(is_refused, || {
                    format!("{} with a body that is {what}: {} {}", operation.name(), answer.status, answer.text)
                });
            }
        }
        faults.none();
        assert!(count > 1_000, "{count} bodies only");
        assert_eq!(written(&t).await, before, "something was written");
        t.stranger.get("/livez").await.expect(204);
        t.stop().await;
    }

    /// Whatever is in them, texts are refused or taken, and never a fault of ours.
    ///
    /// covers: BE-6, GW-3
    async fn odd_texts_are_no_fault_at_any_route(db: TestDb) {
        let t = TestApp::start(db).await;
        let callers = Callers::gather(&t).await;
        let things = Things::make(&t, &callers).await;
        let mut faults = Faults::default();
        // What ends sessions, or the service, would leave nothing to be found out.
        let operations = operations().into_iter().filter(|o| o.comes_last().is_none() && !o.path.contains("sessions"));
        for operation in operations {
            let Some(good) = body(&operation, &things) else { continue };
            let Some(caller) = caller(&operation, &callers, &things) else { continue };
            let path = things.fill(&operation);
            let long = "š".repeat(200_000);
            for odd in ["", "\0", "a\0b", "\u{feff}", "\u{202e}\u{0}", "' OR 1=1 --", "-1", "%00", "\u{10ffff}", &long] {
                let bytes = with_strings(&good, odd).to_string().into_bytes();
                // What two long texts are together may be too much to be read to its end.
                if bytes.len() > 1_000_000 {
                    continue;
                }
                let answer = send(&t, &caller, &operation, &path, JSON, bytes).await;
                faults.unless(answer.status < 500, || {
                    let shown: String = odd.chars().take(20).collect();
                    format!("{} with {shown:?}: {} {}", operation.name(), answer.status, answer.text)
                });
            }
        }
        faults.none();
        t.stranger.get("/livez").await.expect(204);
        t.stop().await;
    }

    /// covers: BE-6, GW-3
    async fn odd_addresses_name_nothing_at_any_route(db: TestDb) {
        let t = TestApp::start(db).await;
        let callers = Callers::gather(&t).await;
        let things = Things::make(&t, &callers).await;
        let before = written(&t).await;
        let mut faults = Faults::default();
        let long = "a".repeat(8_000);
        let odd = ["%00", "%ff%fe", "%ed%a0%80", "..%2f..%2fme", "%25", "%0d%0aset-cookie:%20a=b", "-1", "'", "%F0%9F%8E%AB", &long];
        for operation in operations() {
            let Some(caller) = caller(&operation, &callers, &things) else { continue };
            let good = body(&operation, &things).map(|body| body.to_string().into_bytes());
            let kind = if good.is_some() { JSON } else { "" };
            let good = good.unwrap_or_default();
            for name in operation.parameters() {
                for odd in odd {
                    let mut path = operation.path.replace(&format!("{{{name}}}"), odd);
                    for other in operation.parameters() {
                        path = path.replace(&format!("{{{other}}}"), things.find(other).unwrap_or("x"));
                    }
                    let answer = send(&t, &caller, &operation, &path, kind, good.clone()).await;
                    let is_public = operation.access == Access::Public;
                    let least = if is_public { 200 } else { 400 };
                    faults.unless((least..500).contains(&answer.status), || {
                        format!("{} with {}: {} {}", operation.name(), &odd[..odd.len().min(30)], answer.status, answer.text)
                    });
                }
            }
        }
        faults.none();
        assert_eq!(written(&t).await, before, "something was written");
        t.stop().await;
    }

    /// covers: BE-6, GW-3
    async fn odd_queries_are_no_fault_at_any_route(db: TestDb) {
        let t = TestApp::start(db).await;
        let callers = Callers::gather(&t).await;
        let mut things = Things::make(&t, &callers).await;
        things.make_copy(&t, &callers.owner).await;
        let mut faults = Faults::default();
        for operation in operations().iter().filter(|o| o.method == "GET") {
            let Some(caller) = caller(operation, &callers, &things) else { continue };
            let filled = things.fill(operation);
            let path = filled.split('?').next().unwrap_or_default();
            for name in &operation.queries {
                for odd in [
                    "", "%00", "%ff", "%ed%a0%80", "%zz", "-1", "0", "1e400", "9223372036854775808", "99999999999999999999999",
                    "%F0%9F%8E%AB", "'", "null", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "%2B999999-01-01T00:00:00Z",
                ] {
                    for query in [format!("{name}={odd}"), format!("{name}={odd}&{name}={odd}"), format!("{name}[]={odd}")] {
                        let answer = caller.send(&t, "GET", &format!("{path}?{query}")).await;
                        faults.unless(answer.status < 500, || {
                            format!("{}?{query}: {} {}", operation.name(), answer.status, answer.text)
                        });
                    }
                }
            }
        }
        faults.none();
        t.stop().await;
    }

    /// covers: BE-6, GW-3
    async fn an_idempotency_key_is_nobody_elses_at_any_route(db: TestDb) {
        let t = TestApp::start(db).await;
        let callers = Callers::gather(&t).await;
        let things = Things::make(&t, &callers).await;
        let mut faults = Faults::default();
        for operation in operations().iter().filter(|o| o.method == "POST" && o.comes_last().is_none()) {
            let (Access::Permission(_), Some(good)) = (&operation.access, body(operation, &things)) else { continue };
            let path = things.fill(operation);
            let post = async |caller: &Caller| {
                let request = caller.request(&t, Method::POST, &path).header("idempotency-key", "one-key-of-all").json(&good);
                callers::send(&t, request).await
            };
            let own = post(&callers.owner).await;
            let own_again = post(&callers.owner).await;
            faults.unless(own.status >= 500 || own.status == 429 || own_again.status == own.status, || {
                format!("{}: {} and then {}", operation.name(), own.status, own_again.status)
            });
            for other in [&callers.other_key, &callers.other_owner, &Caller::stranger()] {
                let answer = post(other).await;
                let is_replayed = answer.headers.contains_key("idempotency-replayed");
                let is_told = own.status < 300 && !own.text.is_empty() && answer.text == own.text;
                faults.unless(!is_replayed && !is_told && answer.status < 500, || {
                    format!("{} as {}: {} {}", operation.name(), other.name, answer.status, answer.text)
                });
            }
        }
        faults.none();
        t.stop().await;
    }
}
