//! Rules over an OpenAPI document, and what breaks each of them.

use serde_json::{Value, json};

use super::{fields, rules};

/// A rule: its name, and what it finds wrong with a document.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) check: fn(&Value) -> Vec<String>,
}

const fn rule(name: &'static str, check: fn(&Value) -> Vec<String>) -> Rule {
    Rule { name, check }
}

/// All rules. `docs/api-style.md` says them in words.
pub(super) static RULES: &[Rule] = &[
    rule("paths-kebab-case", rules::paths_kebab_case),
    rule("paths-plural", rules::paths_plural),
    rule("words", rules::words),
    rule("operation-ids", rules::operation_ids),
    rule("summaries", rules::summaries),
    rule("tags", rules::tags),
    rule("security-known", rules::security_known),
    rule("statuses-exact", rules::statuses_exact),
    rule("errors-are-problems", rules::errors_are_problems),
    rule("lists-are-pages", rules::lists_are_pages),
    rule("making-answers-201", rules::making_answers_201),
    rule("deleting-answers-204", rules::deleting_answers_204),
    rule(
        "deprecated-have-successors",
        rules::deprecated_have_successors,
    ),
    rule("references", rules::references),
    rule("headers", rules::headers),
    rule("answers-described", rules::answers_described),
    rule("fields-snake-case", fields::snake_case),
    rule("fields-described", fields::described),
    rule("parameters-described", fields::parameters_described),
    rule("amounts-minor", fields::amounts_minor),
    rule("times-at", fields::times_at),
    rule("examples-fit", fields::examples_fit),
];

/// All that is wrong with a document, with the names of the rules.
pub(super) fn faults(document: &Value) -> Vec<String> {
    let found = RULES.iter().flat_map(|rule| {
        let faults = (rule.check)(document);
        faults
            .into_iter()
            .map(|fault| format!("{}: {fault}", rule.name))
    });
    found.collect()
}

/// An operation of a document.
pub(super) struct Operation<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) it: &'a Value,
}

impl Operation<'_> {
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }

    pub(super) fn is_api(&self) -> bool {
        self.path == "/api" || self.path.starts_with("/api/")
    }

    /// Its answers with their statuses, references followed.
    pub(super) fn answers<'d>(&'d self, document: &'d Value) -> Vec<(&'d str, &'d Value)> {
        let all = self.it["responses"].as_object().into_iter().flatten();
        all.map(|(status, answer)| (status.as_str(), resolved(document, answer)))
            .collect()
    }
}

/// All operations of a document.
pub(super) fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, it) in item.as_object().into_iter().flatten() {
            all.push(Operation { method, path, it });
        }
    }
    all
}

/// What a reference refers to; anything else is itself.
pub(super) fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let Some(reference) = value["$ref"].as_str() else {
        return value;
    };
    let found = reference
        .strip_prefix('#')
        .and_then(|place| document.pointer(place));
    found.unwrap_or(&Value::Null)
}

/// Calls `look` with every value of a document.
pub(super) fn everywhere<'a>(value: &'a Value, look: &mut dyn FnMut(&'a Value)) {
    look(value);
    match value {
        Value::Object(fields) => fields.values().for_each(|value| everywhere(value, look)),
        Value::Array(items) => items.iter().for_each(|value| everywhere(value, look)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A document with one operation.
fn with(method: &str, path: &str, operation: Value) -> Value {
    json!({"paths": {path: {method: operation}}})
}

/// A document with one schema that has one field.
fn with_field(name: &str, schema: Value) -> Value {
    json!({"components": {"schemas": {"Thing": {"type": "object", "properties": {name: schema}}}}})
}

/// For each rule a document that breaks it, and what is said of that.
fn broken() -> Vec<(&'static str, Value, &'static str)> {
    let time = json!({"$ref": "#/components/schemas/Timestamp", "description": "When"});
    let ok =
        |content: Value| json!({"responses": {"200": {"content": {"application/json": content}}}});
    let mut twice = with("get", "/api/v1/a", json!({"operationId": "listThings"}));
    twice["paths"]["/api/v1/b"] = json!({"get": {"operationId": "listThings"}});
    let mut made = with("post", "/api/v1/things", json!({"responses": {"200": {}}}));
    made["paths"]["/api/v1/things/{thing}"] = json!({"get": {}});
    let mut example = with(
        "get",
        "/api/v1/a",
        ok(json!({"schema": {"$ref": "#/components/schemas/Thing"}, "example": {"idd": 1}})),
    );
    example["components"] =
        json!({"schemas": {"Thing": {"properties": {"id": {"type": "string"}}}}});
    vec![
        (
            "paths-kebab-case",
            with("get", "/api/v1/gate_lists", json!({})),
            "gate_lists",
        ),
        (
            "paths-kebab-case",
            with("get", "/api/v1/lists/{listId}", json!({})),
            "{listId}",
        ),
        (
            "paths-kebab-case",
            with("get", "/api/lists", json!({})),
            "no version",
        ),
        (
            "paths-plural",
            with("get", "/api/v1/event/{event}", json!({})),
            "event",
        ),
        (
            "words",
            with("get", "/api/v1/customers/{customer}", json!({})),
            "customers",
        ),
        (
            "words",
            with_field("tenant_id", json!({"type": "string"})),
            "tenant_id",
        ),
        (
            "operation-ids",
            with("get", "/api/v1/a", json!({"operationId": "list_things"})),
            "list_things",
        ),
        (
            "operation-ids",
            with("get", "/api/v1/a", json!({"operationId": "list"})),
            "list",
        ),
        ("operation-ids", twice, "twice"),
        (
            "summaries",
            with("get", "/api/v1/a", json!({})),
            "no summary",
        ),
        (
            "summaries",
            with("get", "/api/v1/a", json!({"summary": "See it."})),
            "full stop",
        ),
        (
            "tags",
            with("get", "/api/v1/a", json!({"tags": ["strange"]})),
            "strange",
        ),
        (
            "security-known",
            with("get", "/api/v1/a", json!({"security": [{"magic": []}]})),
            "magic",
        ),
        (
            "security-known",
            with("get", "/api/v1/a", json!({"x-permission": "events.read"})),
            "no security",
        ),
        (
            "statuses-exact",
            with("get", "/api/v1/a", json!({"responses": {"4XX": {}}})),
            "4XX",
        ),
        (
            "statuses-exact",
            with(
                "get",
                "/api/v1/a",
                json!({"responses": {"200": {}, "500": {}}}),
            ),
            "500",
        ),
        (
            "statuses-exact",
            with("get", "/api/v1/a", json!({"responses": {"429": {}}})),
            "no success",
        ),
        (
            "errors-are-problems",
            with(
                "get",
                "/api/v1/a",
                json!({"responses": {"404": {"content": {"application/json": {}}}}}),
            ),
            "404",
        ),
        (
            "lists-are-pages",
            with("get", "/api/v1/a", ok(json!({"schema": {"type": "array"}}))),
            "bare",
        ),
        (
            "lists-are-pages",
            with(
                "get",
                "/api/v1/a",
                ok(json!({"schema": {"properties": {"items": {}, "total": {}}}})),
            ),
            "total",
        ),
        ("making-answers-201", made, "/api/v1/things"),
        (
            "deleting-answers-204",
            with("delete", "/api/v1/a", json!({"responses": {"200": {}}})),
            "/api/v1/a",
        ),
        (
            "deprecated-have-successors",
            with("get", "/api/v1/a", json!({"deprecated": true})),
            "sunset",
        ),
        (
            "deprecated-have-successors",
            with(
                "get",
                "/api/v1/a",
                json!({"deprecated": true, "x-sunset": "2028-01-01", "x-successor": "/api/v2/a"}),
            ),
            "/api/v2/a",
        ),
        (
            "references",
            json!({"a": {"$ref": "#/components/schemas/Nothing"}}),
            "Nothing",
        ),
        (
            "headers",
            with("get", "/api/v1/a", json!({"responses": {"200": {}}})),
            "X-Request-Id",
        ),
        (
            "headers",
            with(
                "get",
                "/api/v1/a",
                json!({"responses": {"429": {"headers": {"X-Request-Id": {}}}}}),
            ),
            "Retry-After",
        ),
        (
            "answers-described",
            with(
                "get",
                "/api/v1/a",
                json!({"responses": {"200": {"headers": {}}}}),
            ),
            "200",
        ),
        (
            "fields-snake-case",
            with_field("createdAt", json!({})),
            "createdAt",
        ),
        (
            "fields-described",
            with_field("name", json!({"type": "string"})),
            "name",
        ),
        (
            "parameters-described",
            with(
                "get",
                "/api/v1/a",
                json!({"parameters": [{"name": "q", "in": "query"}]}),
            ),
            "q",
        ),
        (
            "amounts-minor",
            with_field("fee", json!({"type": "integer"})),
            "fee",
        ),
        (
            "amounts-minor",
            with_field("fee_minor", json!({"type": "string"})),
            "fee_minor",
        ),
        ("times-at", with_field("created", time), "created"),
        (
            "times-at",
            with_field("created_at", json!({"type": "integer"})),
            "created_at",
        ),
        ("examples-fit", example, "idd"),
    ]
}

/// covers: BE-6, GW-1
#[test]
fn every_rule_finds_what_breaks_it() {
    let broken = broken();
    for rule in RULES {
        let mut tried = broken
            .iter()
            .filter(|(name, _, _)| *name == rule.name)
            .peekable();
        assert!(tried.peek().is_some(), "nothing breaks {}", rule.name);
        for (name, document, said) in tried {
            let faults = (rule.check)(document);
            assert!(
                faults.iter().any(|fault| fault.contains(said)),
                "{name} says {faults:?} of {document}"
            );
        }
    }
    for (name, _, _) in &broken {
        assert!(
            RULES.iter().any(|rule| rule.name == *name),
            "{name} is no rule"
        );
    }
}
