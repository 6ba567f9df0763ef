//! Rules about fields, parameters and examples.

use serde_json::Value;

use super::lint::{everywhere, operations, resolved};

/// Whose names are those of a standard.
const OF_STANDARDS: &[&str] = &["Jwk", "Jwks", "OAuthMetadata"];

/// Fields whose names are those of a standard.
const NAMES_OF_STANDARDS: &[&str] = &["RelayState", "SAMLResponse"];

/// Words that name an amount of money.
const AMOUNTS: &[&str] = &["amount", "fee", "fees", "price", "tax", "taxes"];

/// How else the name of a time may end: the bounds of a span.
const BOUNDS: &[&str] = &["from", "since", "until"];

/// A field with the place where it is.
struct Field<'a> {
    place: String,
    name: &'a str,
    schema: &'a Value,
}

/// All fields of a document's schemas, and of those written into its operations.
fn all(document: &Value) -> Vec<Field<'_>> {
    let mut found = Vec::new();
    let schemas = document["components"]["schemas"].as_object();
    for (name, schema) in schemas.into_iter().flatten() {
        collect(name, schema, &mut found);
    }
    for operation in operations(document) {
        collect(&operation.name(), operation.it, &mut found);
    }
    found
}

fn collect<'a>(place: &str, value: &'a Value, found: &mut Vec<Field<'a>>) {
    everywhere(value, &mut |value| {
        // An example may have a field of any name.
        for (name, schema) in value["properties"].as_object().into_iter().flatten() {
            found.push(Field {
                place: place.to_owned(),
                name,
                schema,
            });
        }
    });
}

fn in_fields(document: &Value, fault: impl Fn(&Field<'_>) -> Option<String>) -> Vec<String> {
    let all = all(document);
    let found = all.iter().filter_map(|field| {
        let fault = fault(field)?;
        Some(format!("{} of {}: {fault}", field.name, field.place))
    });
    found.collect()
}

/// The parts of which a schema may be one: itself, or what `oneOf` and its like name.
fn parts(schema: &Value) -> Vec<&Value> {
    let several = ["oneOf", "anyOf", "allOf"].into_iter();
    let below = several.filter_map(|name| schema[name].as_array()).flatten();
    std::iter::once(schema).chain(below).collect()
}

fn is_time(schema: &Value) -> bool {
    let time = "#/components/schemas/Timestamp";
    parts(schema).iter().any(|part| part["$ref"] == time)
}

fn is_number(schema: &Value) -> bool {
    let mut kinds = schema["type"].as_array().into_iter().flatten();
    schema["type"] == "integer" || kinds.any(|kind| kind == "integer")
}

/// `starts_at`.
pub(super) fn snake_case(document: &Value) -> Vec<String> {
    in_fields(document, |field| {
        let is_word = |word: &str| {
            !word.is_empty()
                && word
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        let is_right =
            field.name.split('_').all(is_word) || NAMES_OF_STANDARDS.contains(&field.name);
        (!is_right).then(|| "not in snake_case".to_owned())
    })
}

/// Every field says what it is.
pub(super) fn described(document: &Value) -> Vec<String> {
    in_fields(document, |field| {
        let is_said = |part: &&Value| {
            part["description"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        };
        // The word by which variants are told apart says itself what it is.
        let is_tag = field.schema["enum"]
            .as_array()
            .is_some_and(|words| words.len() == 1);
        let is_right = parts(field.schema).iter().any(is_said)
            || is_tag
            || OF_STANDARDS.contains(&field.place.as_str());
        (!is_right).then(|| "no description".to_owned())
    })
}

/// Every parameter says what it is.
pub(super) fn parameters_described(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for operation in operations(document) {
        for parameter in operation.it["parameters"].as_array().into_iter().flatten() {
            let parameter = resolved(document, parameter);
            let text = parameter["description"].as_str().unwrap_or_default();
            if text.is_empty() {
                found.push(format!(
                    "{}: {} has no description",
                    operation.name(),
                    parameter["name"]
                ));
            }
        }
    }
    found
}

/// Amounts are integers in minor units, and say so.
pub(super) fn amounts_minor(document: &Value) -> Vec<String> {
    in_fields(document, |field| {
        let is_named = field.name.ends_with("_minor");
        if is_named && !is_number(field.schema) {
            return Some("an amount that is no integer".to_owned());
        }
        let is_amount = field.name.split('_').any(|word| AMOUNTS.contains(&word));
        // A part of an amount is none.
        let is_share = field.name.ends_with("_basis_points");
        (is_amount && is_number(field.schema) && !is_named && !is_share)
            .then(|| "an amount without _minor".to_owned())
    })
}

/// Times end in `_at`, or are the bounds of a span.
pub(super) fn times_at(document: &Value) -> Vec<String> {
    in_fields(document, |field| {
        let last = field.name.rsplit('_').next().unwrap_or_default();
        match (is_time(field.schema), last) {
            (false, "at") => Some("no time".to_owned()),
            (true, "at") => None,
            (true, last) if BOUNDS.contains(&last) => None,
            (true, _) => Some("a time without _at".to_owned()),
            (false, _) => None,
        }
    })
}

/// Examples have no fields that the schema does not have, and all that it must have.
pub(super) fn examples_fit(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for operation in operations(document) {
        let mut look = |content: &Value, is_request: bool| {
            let json = &content["application/json"];
            let Some(example) = json["example"].as_object() else {
                return;
            };
            let (known, needed) = fields_of(document, &json["schema"]);
            for name in example
                .keys()
                .filter(|name| !known.contains(&name.as_str()))
            {
                found.push(format!("{}: there is no {name}", operation.name()));
            }
            for name in needed
                .iter()
                .filter(|name| is_request && !example.contains_key(**name))
            {
                found.push(format!("{}: {name} is missing", operation.name()));
            }
        };
        look(&operation.it["requestBody"]["content"], true);
        for answer in operation.it["responses"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.values())
        {
            look(&answer["content"], false);
        }
    }
    found
}

/// The fields that something may have, and those that it must have.
fn fields_of<'a>(document: &'a Value, schema: &'a Value) -> (Vec<&'a str>, Vec<&'a str>) {
    let schema = resolved(document, schema);
    let (mut known, mut needed) = (Vec::new(), Vec::new());
    let own = schema["properties"].as_object().into_iter();
    known.extend(own.flat_map(|all| all.keys().map(String::as_str)));
    let own = schema["required"].as_array().into_iter().flatten();
    needed.extend(own.filter_map(Value::as_str));
    for part in schema["allOf"].as_array().into_iter().flatten() {
        let (more_known, more_needed) = fields_of(document, part);
        known.extend(more_known);
        needed.extend(more_needed);
    }
    (known, needed)
}
