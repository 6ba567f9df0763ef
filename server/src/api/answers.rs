//! Which refusals an operation of a kind can meet, as shared responses.
//!
//! What is said here is what the layers (`kernel/src/http`, `edge`), the extractors and the domains'
//! errors answer; a test calls the server by whatever the document allows and takes no other status.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::operation::Operation;
use super::parameters::is_done_once;

/// A kind of refusal.
struct Refusal {
    status: u16,
    /// Its name in the document.
    name: &'static str,
    text: &'static str,
    /// Headers besides those of all answers.
    headers: &'static [&'static str],
}

static REFUSALS: [Refusal; 13] = [
    refusal(
        400,
        "BadRequest",
        "The request cannot be understood: no JSON, a strange cursor, an unknown field, no organisation or two hosts named",
        &[],
    ),
    refusal(
        401,
        "Unauthorized",
        "Nobody is signed in, or the key is not known",
        &["WWW-Authenticate"],
    ),
    refusal(
        403,
        "Forbidden",
        "Who asks may not do this, or is not let in from there",
        &["WWW-Authenticate"],
    ),
    refusal(
        404,
        "NotFound",
        "There is no such thing, or it belongs to somebody else",
        &[],
    ),
    refusal(
        408,
        "Timeout",
        "The request took too long to arrive or to answer",
        &[],
    ),
    refusal(
        409,
        "Conflict",
        "The state of the thing does not allow it, or the same request is under way",
        &["Retry-After"],
    ),
    refusal(
        410,
        "Gone",
        "It was there and will not come back",
        &["Link"],
    ),
    refusal(
        412,
        "PreconditionFailed",
        "It was changed since the caller read it (`If-Match`); nothing was written",
        &[],
    ),
    refusal(413, "TooLarge", "The body is too large", &[]),
    refusal(
        415,
        "UnsupportedMedia",
        "The body is of a type that is not taken here",
        &[],
    ),
    refusal(
        422,
        "Invalid",
        "The request is understood, and something in it is wrong; `errors` says what and where",
        &[],
    ),
    refusal(
        429,
        "TooManyRequests",
        "Too often: `Retry-After` says when to come back",
        &["Retry-After"],
    ),
    refusal(
        503,
        "Unavailable",
        "Not just now: too much to do, or maintenance; `Retry-After` says when to come back",
        &["Retry-After"],
    ),
];

const fn refusal(
    status: u16,
    name: &'static str,
    text: &'static str,
    headers: &'static [&'static str],
) -> Refusal {
    Refusal {
        status,
        name,
        text,
        headers,
    }
}

/// What a domain's errors add, by how addresses begin: to reads, and to what changes something.
const OF_DOMAINS: &[(&str, &[u16], &[u16])] = &[
    ("/api/v1/auth/", &[], &[401, 404, 409, 410]),
    ("/api/v1/invitations/", &[], &[410]),
    ("/api/v1/me/", &[], &[410]),
    ("/api/v1/shop/", &[404], &[404, 410]),
    ("/api/v1/shop/holds/", &[410], &[]),
    ("/api/v1/sync/", &[410], &[401, 404, 410]),
    ("/oauth/authorize", &[], &[404, 409, 413, 415, 422]),
    ("/oauth/", &[], &[401]),
    ("/sso/", &[401, 409, 410, 422], &[409, 410, 422]),
];

/// Signs of life: never counted, never refused for load or maintenance.
const PROBES: [&str; 2] = ["/livez", "/readyz"];

/// Headers of all answers.
const ALWAYS: [&str; 3] = ["X-Request-Id", "RateLimit", "RateLimit-Policy"];

/// The statuses by which an operation can be refused.
fn statuses(operation: &Operation<'_>) -> BTreeSet<u16> {
    // One host and one end, lists of networks and countries, and the time limit are for everybody.
    let mut all = BTreeSet::from([400, 403, 408]);
    if !PROBES.contains(&operation.path) {
        all.extend([429, 503]);
    }
    if operation.has_body() {
        all.extend([413, 415, 422]);
    }
    if operation.takes("query", None) {
        all.insert(422);
    }
    if is_done_once(operation) {
        all.extend([409, 413, 422]);
    }
    if operation.takes("header", Some("Idempotency-Key")) {
        all.extend([409, 422]);
    }
    if operation.takes("header", Some("If-Match")) {
        all.insert(412);
    }
    if operation.is_secured() {
        // Organisations and the platform are not there for whoever is not part of them.
        all.extend([401, 404]);
    }
    if operation.takes("path", None) {
        all.insert(404);
    }
    if operation.is_api() && !operation.is_read() {
        all.insert(409);
    }
    for (beginning, reads, writes) in OF_DOMAINS {
        if operation.path.starts_with(beginning) {
            all.extend(if operation.is_read() { *reads } else { *writes });
        }
    }
    all
}

/// The shared responses, by their names; those of pages are also HTML.
pub(super) fn shared() -> Value {
    let mut all = serde_json::Map::new();
    for refusal in &REFUSALS {
        let problem = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
        let mut response = json!({
            "description": refusal.text,
            "headers": headers(refusal.headers),
            "content": {"application/problem+json": problem},
        });
        all.insert(refusal.name.to_owned(), response.clone());
        if let Some(content) = response["content"].as_object_mut() {
            let page = json!({"schema": {"type": "string"}});
            content.insert("text/html".to_owned(), page);
        }
        all.insert(format!("{}Page", refusal.name), response);
    }
    let unchanged = json!({
        "description": "What the caller has is still the answer",
        "headers": headers(&["ETag"]),
    });
    all.insert("NotModified".to_owned(), unchanged);
    Value::Object(all)
}

/// The shared headers, by their names.
pub(super) fn shared_headers() -> Value {
    let header = |text: &str, example: &str| json!({"description": text, "schema": {"type": "string", "examples": [example]}});
    json!({
        "X-Request-Id": header("The id of the request, to be quoted to support", "01kdvm6x00fazbzzr4pc4snbka"),
        "RateLimit": header("How much is left of the tightest limit, and in how many seconds all of it (draft-ietf-httpapi-ratelimit-headers)", "\"key\";r=5999;t=1"),
        "RateLimit-Policy": header("The limits that the request was counted in", "\"address\";q=6000;w=60, \"key\";q=6000;w=60"),
        "Retry-After": {"description": "In how many seconds to come back", "schema": {"type": "integer", "minimum": 0, "examples": [1]}},
        "ETag": header("Names this answer; send it as `If-None-Match` to be told only whether it changed", "W/\"eMkgkHAyTIFJHpCSuJUP\""),
        "Idempotency-Replayed": {"description": "There if the request had been answered before", "schema": {"type": "string", "enum": ["true"]}},
        "WWW-Authenticate": header("What would do (RFC 6750)", "Bearer realm=\"bilten\""),
        "Deprecation": header("Since when this is deprecated (RFC 9745)", "@1796083200"),
        "Sunset": header("When this stops to answer (RFC 8594)", "Sat, 01 Jan 2028 00:00:00 GMT"),
        "Link": header("What comes in its place (`successor-version`), and where that is explained (`deprecation`)", "</api/v2/events/evt_01kdvm6x00fazbzzr4pc4snbka/stock>; rel=\"successor-version\""),
    })
}

/// References to shared headers: those of all answers and these.
fn headers(more: &[&str]) -> Value {
    let all = ALWAYS.iter().chain(more).map(|name| {
        let reference = json!({"$ref": format!("#/components/headers/{name}")});
        ((*name).to_owned(), reference)
    });
    Value::Object(all.collect())
}

/// Says of an operation by which statuses it can be refused, and which headers its answers have.
pub(super) fn complete(operation: &mut Operation<'_>) {
    let (statuses, is_api) = (statuses(operation), operation.is_api());
    let (is_read_of_json, is_done_once) = (operation.is_read_of_json(), is_done_once(operation));
    let Some(responses) = operation.responses() else {
        return;
    };
    // What a standard says of its own refusals.
    let own = responses.remove("4XX").and_then(|mut any| {
        let content = any.get_mut("content")?.take();
        let schema = &content["application/json"]["schema"]["$ref"];
        (schema != "#/components/schemas/Problem").then_some(content)
    });
    for (status, response) in responses.iter_mut() {
        mark(status, response, is_read_of_json, is_done_once);
    }
    for refusal in REFUSALS.iter().filter(|one| statuses.contains(&one.status)) {
        let name = refusal.name;
        let name = if is_api || PROBES.contains(&operation.path) {
            name.to_owned()
        } else {
            format!("{name}Page")
        };
        let shared = json!({"$ref": format!("#/components/responses/{name}")});
        let response = match &own {
            Some(content) if [400, 401].contains(&refusal.status) => json!({
                "description": "Refused as the standard says (RFC 6749, section 5.2)",
                "headers": headers(refusal.headers),
                "content": content,
            }),
            Some(_) | None => shared,
        };
        if let Some(responses) = operation.responses() {
            let status = refusal.status.to_string();
            responses.entry(status).or_insert(response);
        }
    }
    if is_read_of_json && let Some(responses) = operation.responses() {
        let unchanged = json!({"$ref": "#/components/responses/NotModified"});
        responses.insert("304".to_owned(), unchanged);
    }
}

/// Adds the headers to an answer that a route describes itself, and says what its problems are.
fn mark(status: &str, response: &mut Value, is_read_of_json: bool, is_done_once: bool) {
    let Some(response) = response.as_object_mut() else {
        return;
    };
    let more: &[&str] = match status {
        "200" if is_read_of_json => &["ETag"],
        "503" => &["Retry-After"],
        _ if is_done_once => &["Idempotency-Replayed"],
        _ => &[],
    };
    let said = match status {
        "201" => "It was made",
        "202" => "It will be done",
        "204" => "It was done",
        "303" => "Go on there",
        _ => "What was asked for",
    };
    response.entry("description").or_insert_with(|| said.into());
    // What a route says of a header itself is better.
    let own = response.remove("headers");
    let mut all = headers(more);
    if let (Some(all), Some(Value::Object(own))) = (all.as_object_mut(), own) {
        all.extend(own);
    }
    response.insert("headers".to_owned(), all);
    if !status.starts_with(['4', '5']) {
        return;
    }
    let content = response.get_mut("content").and_then(Value::as_object_mut);
    if let Some(content) = content
        && let Some(problem) = content.remove("application/json")
    {
        content.insert("application/problem+json".to_owned(), problem);
    }
}
