//! The document as it is published: what domains say of their routes, and what all routes of a kind
//! have in common.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use super::operation::{METHODS, Operation};
use super::{answers, examples, names, parameters, versions};

/// Completes the description; the same text each time, whatever order its parts come in.
pub fn document(description: &OpenApi) -> Value {
    // What cannot be written is a fault that the first test sees.
    let mut document = serde_json::to_value(description).unwrap_or_default();
    let schemas = document["components"]["schemas"].clone();
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        let item = item.as_object_mut();
        for (method, fields) in item.into_iter().flatten() {
            let fields = fields.as_object_mut();
            let Some(fields) = fields.filter(|_| METHODS.contains(&method.as_str())) else {
                continue;
            };
            complete(&mut Operation {
                method,
                path,
                fields,
                schemas: &schemas,
            });
        }
    }
    if let Some(components) = document
        .get_mut("components")
        .and_then(Value::as_object_mut)
    {
        components.insert("responses".to_owned(), answers::shared());
        components.insert("headers".to_owned(), answers::shared_headers());
        components.insert("parameters".to_owned(), parameters::shared());
    }
    sorted(document)
}

fn complete(operation: &mut Operation<'_>) {
    names::complete(operation);
    // By its parameters it is seen what can be refused, so they come later.
    answers::complete(operation);
    parameters::complete(operation);
    examples::complete(operation);
    permission(operation);
    security(operation);
    versions::complete(operation);
}

/// Says in words what `x-permission` says to programs.
fn permission(operation: &mut Operation<'_>) {
    let of_operation = operation.fields.get("x-permission");
    let text = match of_operation.and_then(Value::as_str) {
        None => return,
        Some("signed_in") => "For people about themselves.".to_owned(),
        Some("recently_authenticated") => {
            "For people who proved only just who they are.".to_owned()
        }
        Some("platform_admin") => "For administrators of the platform.".to_owned(),
        Some(permission) => format!("Needs the permission `{permission}`."),
    };
    operation.describe(&text);
    if operation.is_marked("x-recently-authenticated") {
        operation.describe("Only for people who proved only just who they are, so not by a key.");
    } else if operation.is_marked("x-people-only") {
        operation.describe("Only for people, so not by a key.");
    }
}

/// Says by what else people prove who they are, and leaves out what stands for programs where they
/// are refused.
fn security(operation: &mut Operation<'_>) {
    let is_for_people =
        operation.is_marked("x-recently-authenticated") || operation.is_marked("x-people-only");
    let security = operation.fields.get_mut("security");
    let Some(all) = security.and_then(Value::as_array_mut) else {
        return;
    };
    let is = |one: &Value, name: &str| one.get(name).is_some();
    if is_for_people {
        all.retain(|one| !is(one, "api_key") && !is(one, "oauth2"));
    }
    // Who signed in with an app has a token where a browser has a cookie.
    let has = |name: &str| all.iter().any(|one| is(one, name));
    if has("session") && !has("access_token") {
        all.push(json!({"access_token": []}));
    }
}

/// The same value with its fields by the alphabet: extensions come in no order of their own.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, sorted(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}
