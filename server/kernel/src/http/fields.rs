//! Sparse fields: `?fields=id,venue.name` asks for these fields of an answer only.
//!
//! On a list they are the fields of its items; the way to the next page is always there. Which
//! fields there are is taken from the OpenAPI description, so a name that no answer has is told,
//! and one that this answer just leaves out is not.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::error::Problem;

/// How many fields may be named.
const MOST: usize = 100;
/// How deep a description is read; what is deeper has any fields.
const DEPTH: u32 = 12;

/// Which fields something has.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    /// It is not said.
    Any,
    /// It is no thing with fields.
    Plain,
    /// These; a list has those of its items.
    Fields(BTreeMap<String, Shape>),
}

/// Which fields the answers of all routes have.
#[derive(Debug, Clone, Default)]
pub struct Shapes(Arc<HashMap<String, Shape>>);

impl Shapes {
    /// Reads them from an OpenAPI document: all answers of GET that are JSON, below `prefix`.
    pub fn from_openapi(document: &Value, prefix: &str) -> Self {
        let paths = document["paths"].as_object();
        let shapes = paths.into_iter().flatten().filter_map(|(path, item)| {
            let content = &item["get"]["responses"]["200"]["content"];
            let schema = content.get("application/json")?.get("schema")?;
            path.starts_with(prefix)
                .then(|| (path.clone(), shape(document, schema, DEPTH)))
        });
        Self(Arc::new(shapes.collect()))
    }
}

fn shape(document: &Value, schema: &Value, depth: u32) -> Shape {
    if depth == 0 {
        return Shape::Any;
    }
    let below = |schema| shape(document, schema, depth - 1);
    if let Some(reference) = schema["$ref"].as_str() {
        let place = reference.trim_start_matches('#');
        return document.pointer(place).map_or(Shape::Any, below);
    }
    for several in ["allOf", "oneOf", "anyOf"] {
        if let Some(all) = schema[several].as_array() {
            let own = fields_of(document, schema, depth);
            return all.iter().map(below).chain(own).fold(Shape::Plain, merge);
        }
    }
    if let Some(items) = schema.get("items") {
        return below(items);
    }
    if let Some(own) = fields_of(document, schema, depth) {
        return own;
    }
    let is_object = match &schema["type"] {
        Value::String(kind) => kind == "object",
        Value::Array(kinds) => kinds.iter().any(|kind| kind == "object"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    };
    if is_object { Shape::Any } else { Shape::Plain }
}

fn fields_of(document: &Value, schema: &Value, depth: u32) -> Option<Shape> {
    let fields = schema.get("properties")?.as_object()?;
    let is_open =
        matches!(schema.get("additionalProperties"), Some(more) if *more != Value::Bool(false));
    if is_open {
        return Some(Shape::Any);
    }
    let field =
        |(name, schema): (&String, &Value)| (name.clone(), shape(document, schema, depth - 1));
    Some(Shape::Fields(fields.iter().map(field).collect()))
}

fn merge(one: Shape, other: Shape) -> Shape {
    match (one, other) {
        (Shape::Any, _) | (_, Shape::Any) => Shape::Any,
        (Shape::Plain, other) => other,
        (one, Shape::Plain) => one,
        (Shape::Fields(mut all), Shape::Fields(more)) => {
            for (name, shape) in more {
                let known = all.remove(&name).unwrap_or(Shape::Plain);
                all.insert(name, merge(known, shape));
            }
            Shape::Fields(all)
        }
    }
}

/// The fields that are wanted; nothing below a name means all of it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted(BTreeMap<String, Wanted>);

impl Wanted {
    /// Reads `a,b.c`.
    fn read(text: &str, shape: &Shape) -> Result<Self, Problem> {
        let mut wanted = Self::default();
        let mut unknown = Vec::new();
        for path in text.split(',').take(MOST + 1).map(str::trim) {
            if has(shape, path) {
                wanted.add(path);
            } else {
                unknown.push(path);
            }
        }
        if text.split(',').count() > MOST {
            let detail = format!("At most {MOST} fields can be named.");
            return Err(Problem::bad_request("fields_too_many", detail));
        }
        if unknown.is_empty() {
            return Ok(wanted);
        }
        let detail = "Some of these fields are in no answer of this address.";
        Err(unknown.iter().fold(
            Problem::bad_request("fields_unknown", detail),
            |problem, path| {
                let detail = format!("There is no field {path:?}.");
                problem.field("fields", "unknown", detail)
            },
        ))
    }

    fn add(&mut self, path: &str) {
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        let is_new = !self.0.contains_key(name);
        let below = self.0.entry(name.to_owned()).or_default();
        if rest.is_empty() {
            // All of it, whatever else was said.
            below.0.clear();
        } else if is_new || !below.0.is_empty() {
            below.add(rest);
        }
    }

    /// Leaves of a value what is wanted.
    fn cut(&self, value: Value) -> Value {
        if self.0.is_empty() {
            return value;
        }
        match value {
            Value::Array(items) => items.into_iter().map(|item| self.cut(item)).collect(),
            Value::Object(fields) => {
                let kept = fields.into_iter().filter_map(|(name, value)| {
                    let below = self.0.get(&name)?;
                    let value = below.cut(value);
                    Some((name, value))
                });
                Value::Object(kept.collect::<Map<_, _>>())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
        }
    }
}

fn has(shape: &Shape, path: &str) -> bool {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    if name.is_empty() || path.ends_with('.') {
        return false;
    }
    match shape {
        Shape::Any => true,
        Shape::Plain => false,
        Shape::Fields(fields) => fields
            .get(name)
            .is_some_and(|below| rest.is_empty() || has(below, rest)),
    }
}

/// The address without `fields`, which no handler knows, and what was said there.
fn taken_from(uri: &Uri) -> Option<(Uri, Vec<String>)> {
    let query = uri.query()?;
    let pairs = || query.split('&').filter(|pair| !pair.is_empty());
    let is_ours = |pair: &&str| pair.split('=').next() == Some("fields");
    let ours: Vec<&str> = pairs().filter(is_ours).collect();
    if ours.is_empty() {
        return None;
    }
    let said = form_urlencoded::parse(ours.join("&").as_bytes())
        .map(|(_, value)| value.into_owned())
        .collect();
    let rest: Vec<&str> = pairs().filter(|pair| !is_ours(pair)).collect();
    let path = uri.path();
    let address = if rest.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", rest.join("&"))
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = address.parse().ok();
    Uri::from_parts(parts).ok().map(|uri| (uri, said))
}

/// The layer: answers with the fields that are wanted.
pub(super) async fn cut(
    State(shapes): State<Shapes>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if request.method() != Method::GET || request.uri().query().is_none() {
        return Ok(next.run(request).await);
    }
    let route = request.extensions().get::<MatchedPath>();
    let shape = route.and_then(|route| shapes.0.get(route.as_str()));
    let (Some(shape), Some((uri, said))) = (shape, taken_from(request.uri())) else {
        return Ok(next.run(request).await);
    };
    let (item, is_list) = match shape {
        Shape::Fields(fields) => match fields.get("items") {
            Some(item) => (item, true),
            None => (shape, false),
        },
        Shape::Any | Shape::Plain => (shape, false),
    };
    let wanted = Wanted::read(&said.join(","), item)?;
    *request.uri_mut() = uri;
    let response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if response.status() != StatusCode::OK || !is_json {
        return Ok(response);
    }
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX)
        .await
        .map_err(|error| Problem::fault(&error))?;
    let mut value: Value =
        serde_json::from_slice(&bytes).map_err(|error| Problem::fault(&error))?;
    let value = if let (true, Some(page)) = (is_list, value.as_object_mut()) {
        let items = page.remove("items").unwrap_or_default();
        page.insert("items".to_owned(), wanted.cut(items));
        value
    } else {
        wanted.cut(value)
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(parts, Body::from(value.to_string())).into_response())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "paths": {
                "/api/v1/things": {"get": {"responses": {"200": {"content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/Page"}}}}}}},
                "/api/v1/things/{thing}": {"get": {"responses": {"200": {"content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/Thing"}}}}}}},
                "/pages": {"get": {"responses": {"200": {"content": {"text/html": {}}}}}},
            },
            "components": {"schemas": {
                "Page": {"type": "object", "properties": {
                    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
                    "next": {"type": ["string", "null"]}}},
                "Thing": {"type": "object", "properties": {
                    "id": {"type": "string"}, "free": {"type": "object"},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
                    "kind": {"oneOf": [{"type": "null"}, {"type": "object", "properties": {"name": {"type": "string"}}}]}}},
            }},
        })
    }

    /// covers: GW-4
    #[test]
    fn known_fields_are_cut_out_and_unknown_ones_told() {
        let shapes = Shapes::from_openapi(&document(), "/api/v1/");
        assert_eq!(shapes.0.len(), 2);
        let thing = &shapes.0["/api/v1/things/{thing}"];
        let value = json!({"id": "1", "free": {"a": 1, "b": 2}, "parts": [{"id": "2", "kind": {"name": "n", "x": 1}}]});
        for (fields, wanted) in [
            ("id", json!({"id": "1"})),
            ("id,free.b", json!({"id": "1", "free": {"b": 2}})),
            ("parts.id", json!({"parts": [{"id": "2"}]})),
            (
                "parts.kind.name, id",
                json!({"id": "1", "parts": [{"kind": {"name": "n"}}]}),
            ),
            (
                "parts.id,parts",
                json!({"parts": [{"id": "2", "kind": {"name": "n", "x": 1}}]}),
            ),
            (
                "parts,parts.id",
                json!({"parts": [{"id": "2", "kind": {"name": "n", "x": 1}}]}),
            ),
            ("kind", json!({})),
        ] {
            let cut = Wanted::read(fields, thing).unwrap().cut(value.clone());
            assert_eq!(cut, wanted, "{fields}");
        }
        for fields in [
            "",
            "nothing",
            "id.x",
            "kind.other",
            "id,",
            ".",
            "parts.",
            "parts..id",
        ] {
            let problem = Wanted::read(fields, thing).unwrap_err();
            assert_eq!(
                (problem.status().as_u16(), problem.code()),
                (400, "fields_unknown"),
                "{fields}"
            );
        }
        let many = vec!["id"; MOST + 1].join(",");
        assert_eq!(
            Wanted::read(&many, thing).unwrap_err().code(),
            "fields_too_many"
        );
    }

    #[test]
    fn handlers_do_not_see_the_fields() {
        for (uri, rest) in [
            ("/a?fields=b", "/a"),
            ("/a?limit=3&fields=b%2Cc&cursor=x", "/a?limit=3&cursor=x"),
            ("/a?fields", "/a"),
        ] {
            let (left, _) = taken_from(&uri.parse().unwrap()).unwrap();
            assert_eq!(left.to_string(), rest);
        }
        let (_, said) = taken_from(&"/a?fields=b%2Cc&fields=d".parse().unwrap()).unwrap();
        assert_eq!(said, ["b,c", "d"]);
        assert!(taken_from(&"/a?fieldss=1".parse().unwrap()).is_none());
    }
}
