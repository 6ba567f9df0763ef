//! Bodies that a route can at least read, made up from their schemas.

use std::sync::LazyLock;

use bilten_kernel::clock::Timestamp;
use bilten_server::router;
use serde_json::{Map, Value, json};

use super::operations::Operation;
use super::things::Things;

static DESCRIPTION: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(router::openapi()).unwrap());

/// What to send to an operation.
pub(super) fn body(operation: &Operation, things: &Things) -> Option<Value> {
    known(operation, things)
        .or_else(|| operation.body.as_ref().map(|schema| sample(schema, things)))
}

/// Bodies whose rules no schema tells; needed only where a wrong body is refused before the things
/// that the path names are looked for.
fn known(operation: &Operation, things: &Things) -> Option<Value> {
    let in_hours =
        |hours: i64| Timestamp::from_ms(things.made_at.ms() + hours * 3_600_000).to_string();
    match (operation.method.as_str(), operation.path.as_str()) {
        ("POST", "/api/v1/events") => Some(json!({
            "name": "Walk", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Hall",
            "occurrences": [{"starts_at": in_hours(2), "ends_at": in_hours(5)}],
        })),
        ("PUT", "/api/v1/events/{event}/series")
        | ("POST", "/api/v1/events/{event}/series/preview") => Some(
            json!({"starts": "2031-05-01T19:30:00", "rules": ["FREQ=WEEKLY;COUNT=2"], "duration_minutes": 60}),
        ),
        ("PATCH", "/api/v1/events/{event}/series") => Some(json!({"excluded": []})),
        ("PATCH", "/api/v1/events/{event}/occurrences") => {
            Some(json!({"scope": "all", "change": {"shift_minutes": 1}}))
        }
        ("POST", "/api/v1/tax-rules") | ("PUT", "/api/v1/tax-rules/{tax_rule}") => Some(json!({
            "name": "Walk", "place": {"country": "SI"}, "classes": ["walk"], "rate": 1, "mode": "inclusive",
        })),
        ("POST", "/api/v1/events/{event}/reschedule") => Some(json!({"dates": []})),
        // The field is called like the thing, and is what is on it.
        ("PUT", "/api/v1/seat-maps/{map}") => Some(json!({"version": 1, "map": seat_map()})),
        ("POST", "/api/v1/seat-maps/{map}/compare") => Some(json!({"map": seat_map()})),
        // The session of whoever walks must outlive the walk.
        ("POST", "/api/v1/me/sessions/end") => Some(json!({"keep_this": true})),
        ("POST", "/api/v1/events/{event}/pairings") => Some(json!({})),
        ("POST", "/api/v1/events/{event}/check-in") => Some(
            json!({"list": things.get("list"), "ticket": things.get("ticket"), "direction": "entry"}),
        ),
        // Refused, since it would close the service to the rest of the walk.
        ("POST", "/api/v1/platform/maintenance") => Some(json!({"message": "", "reason": "walk"})),
        ("PUT", "/api/v1/members/{member}/roles") => Some(json!({"role": "viewer"})),
        ("POST", "/api/v1/invitations") => {
            Some(json!({"email": "walk@example.com", "role": "viewer"}))
        }
        _ => None,
    }
}

/// A seat map with one seat.
fn seat_map() -> Value {
    let row =
        json!({"id": "r", "label": "1", "seats": [{"id": "s", "label": "1", "x": 10, "y": 10}]});
    json!({
        "format": 1, "name": "Walk", "width": 100, "height": 100, "seat_size": 10, "focus": {"x": 0, "y": 0},
        "categories": [{"id": "a", "label": "A"}],
        "sections": [{"id": "s", "label": "S", "category": "a", "rows": [row]}],
    })
}

/// What must follow an operation's path.
pub(super) fn query(operation: &Operation, things: &Things) -> String {
    let pair = |(name, schema): &(String, Value)| match sample(schema, things) {
        Value::String(_) if name == "email" => "email=walk@example.com".to_owned(),
        Value::String(text) => format!("{name}={text}"),
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_)) => format!("{name}={other}"),
    };
    operation
        .query
        .iter()
        .map(pair)
        .collect::<Vec<_>>()
        .join("&")
}

fn sample(schema: &Value, things: &Things) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches("#/components/schemas/");
        return sample(&DESCRIPTION["components"]["schemas"][name], things);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    for choice in ["oneOf", "anyOf"] {
        let options = schema[choice].as_array().into_iter().flatten();
        if let Some(option) = options.into_iter().find(|option| option["type"] != "null") {
            return sample(option, things);
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut all = Map::new();
        for part in parts {
            if let Value::Object(fields) = sample(part, things) {
                all.extend(fields);
            }
        }
        return Value::Object(all);
    }
    let example = &schema["example"];
    if !example.is_null() {
        return example.clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds
            .iter()
            .find(|kind| *kind != "null")
            .cloned()
            .unwrap_or_default(),
        kind @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)) => kind.clone(),
    };
    match kind.as_str() {
        Some("string") => match schema["format"].as_str() {
            Some("date-time") => json!("2030-01-01T12:00:00Z"),
            _ => json!("walk"),
        },
        Some("integer" | "number") => schema["minimum"]
            .as_i64()
            .map_or_else(|| json!(1), Value::from),
        Some("boolean") => json!(true),
        Some("array") => json!([sample(&schema["items"], things)]),
        _ => {
            let required = schema["required"].as_array().into_iter().flatten();
            let fields = required.filter_map(Value::as_str).map(|field| {
                let own = sample(&schema["properties"][field], things);
                // A text that is called like a thing names one.
                let thing = things.find(field).filter(|_| own.is_string());
                let value = thing.map_or(own, Value::from);
                (field.to_owned(), value)
            });
            Value::Object(fields.collect())
        }
    }
}
