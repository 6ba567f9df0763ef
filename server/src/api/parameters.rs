//! Parameters that many operations share.

use serde_json::{Value, json};

use super::operation::Operation;

/// Ids by the names of their path parameters are described alike; these are no ids.
const PATH: &[(&str, &str)] = &[
    ("slug", "The short name of the organisation or connection"),
    ("format", "The format of the picture: `png` or `svg`"),
    ("domain", "The mail domain, such as `example.org`"),
];

/// The shared parameters, by their names in the document.
pub(super) fn shared() -> Value {
    json!({
        "Fields": {
            "name": "fields", "in": "query", "style": "form", "explode": false,
            "description": "Only these fields of the answer, or of the items of a list; what is below one is named with a dot, such as `id,venue.name`",
            "schema": {"type": "array", "items": {"type": "string", "pattern": "^[a-z0-9_]+(\\.[a-z0-9_]+)*$"}, "maxItems": 100},
        },
        "IfNoneMatch": {
            "name": "If-None-Match", "in": "header",
            "description": "The `ETag` of the answer that the caller has; if it is still the same, the answer is 304",
            "schema": {"type": "string"},
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header",
            "description": "A new random text for each thing that is to be done, so that a repeated request does it once",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        },
        "Limit": {
            "name": "limit", "in": "query",
            "description": "How many items, 1 to 200; 50 if absent",
            "schema": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 200},
        },
        "Cursor": {
            "name": "cursor", "in": "query",
            "description": "The `next` of the page before; absent for the first page",
            "schema": {"type": "string"},
        },
    })
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/parameters/{name}")})
}

/// Adds what the layers take, and says of each parameter what it is.
pub(super) fn complete(operation: &mut Operation<'_>) {
    let parameters = operation.fields.get_mut("parameters");
    for parameter in parameters
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let text = parameter["description"].as_str().unwrap_or_default();
        let is_of_lists = |beginning: &str| text.starts_with(beginning);
        let name = parameter["name"].as_str().unwrap_or_default();
        let shared = match name {
            "limit" if is_of_lists("How many items, 1 to 200") => Some("Limit"),
            "cursor" if is_of_lists("The `next` of the page before") => Some("Cursor"),
            _ => None,
        };
        if let Some(shared) = shared {
            *parameter = reference(shared);
        } else if parameter["in"] == "path" && text.is_empty() {
            let said = PATH
                .iter()
                .find(|(one, _)| *one == name)
                .map_or_else(|| format!("Which {name}"), |(_, text)| (*text).to_owned());
            if let Some(parameter) = parameter.as_object_mut() {
                parameter.insert("description".to_owned(), said.into());
            }
        }
    }
    if operation.is_read_of_json() {
        operation.add_parameter(reference("Fields"));
        operation.add_parameter(reference("IfNoneMatch"));
    }
    if is_done_once(operation) {
        operation.add_parameter(reference("IdempotencyKey"));
    }
}

/// Whether the edge does it once for each key; strangers have no keys there.
pub(super) fn is_done_once(operation: &Operation<'_>) -> bool {
    operation.method == "post"
        && operation.is_secured()
        && !operation.takes("header", Some("Idempotency-Key"))
        && crate::edge::is_done_once(operation.path)
}
