//! An operation of the document while it is being completed.

use serde_json::{Map, Value, json};

/// The methods that a path of a document may have.
pub(super) const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// An operation with what is known of it.
pub(super) struct Operation<'a> {
    /// Its method, in small letters.
    pub method: &'a str,
    /// Its address, with the names of its parameters.
    pub path: &'a str,
    /// What the document says of it.
    pub fields: &'a mut Map<String, Value>,
    /// The schemas of the document.
    pub schemas: &'a Value,
}

impl Operation<'_> {
    /// Whether it is of the API: what is not is a page for people, a standard's, or a sign of life.
    pub(super) fn is_api(&self) -> bool {
        self.path == "/api" || self.path.starts_with("/api/")
    }

    /// Whether it changes nothing.
    pub(super) fn is_read(&self) -> bool {
        self.method == "get"
    }

    /// Whether it takes a body.
    pub(super) fn has_body(&self) -> bool {
        self.fields.contains_key("requestBody")
    }

    /// Whether somebody must prove who they are.
    pub(super) fn is_secured(&self) -> bool {
        let security = self.fields.get("security").and_then(Value::as_array);
        security.is_some_and(|all| !all.is_empty())
    }

    /// Whether one of its extensions is true.
    pub(super) fn is_marked(&self, name: &str) -> bool {
        self.fields.get(name) == Some(&Value::Bool(true))
    }

    /// Whether one of its parameters is of this place (`path`, `query`, `header`) and, if one is
    /// given, of this name.
    pub(super) fn takes(&self, place: &str, name: Option<&str>) -> bool {
        let parameters = self.fields.get("parameters").and_then(Value::as_array);
        let mut all = parameters.into_iter().flatten();
        all.any(|one| one["in"] == place && name.is_none_or(|name| one["name"] == name))
    }

    /// The schema of its JSON answer of this status, with references followed.
    pub(super) fn answer(&self, status: &str) -> Option<&Value> {
        let schema = self
            .fields
            .get("responses")?
            .get(status)?
            .get("content")?
            .get("application/json")?
            .get("schema")?;
        Some(resolved(self.schemas, schema))
    }

    /// Whether it reads JSON below a version, so that `fields` and `If-None-Match` are for it.
    pub(super) fn is_read_of_json(&self) -> bool {
        self.is_read() && self.path.starts_with("/api/v") && self.answer("200").is_some()
    }

    /// Adds a parameter.
    pub(super) fn add_parameter(&mut self, parameter: Value) {
        let all = self
            .fields
            .entry("parameters")
            .or_insert_with(|| json!([]))
            .as_array_mut();
        if let Some(all) = all {
            all.push(parameter);
        }
    }

    /// Adds a sentence to its description.
    pub(super) fn describe(&mut self, text: &str) {
        let said = self.fields.get("description").and_then(Value::as_str);
        let text = match said {
            Some(said) if !said.is_empty() => format!("{said}\n\n{text}"),
            Some(_) | None => text.to_owned(),
        };
        self.fields.insert("description".to_owned(), text.into());
    }

    /// Its answers by their statuses.
    pub(super) fn responses(&mut self) -> Option<&mut Map<String, Value>> {
        self.fields
            .entry("responses")
            .or_insert_with(|| json!({}))
            .as_object_mut()
    }
}

/// What a reference to a schema refers to; anything else is itself.
pub(super) fn resolved<'a>(schemas: &'a Value, schema: &'a Value) -> &'a Value {
    let name = schema["$ref"]
        .as_str()
        .and_then(|place| place.strip_prefix("#/components/schemas/"));
    name.and_then(|name| schemas.get(name)).unwrap_or(schema)
}
