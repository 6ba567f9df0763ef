//! How streams of server-sent events are described.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// An event of a `text/event-stream`, whose data is JSON of a schema.
///
/// `OpenAPI` 3.1 has no word for what a stream consists of (3.2 has `itemSchema`). What tools take the
/// schema of this media type for is each event, as an object of its fields; so that is said.
pub(crate) fn event(name: &str, data: impl Into<RefOr<Schema>>) -> RefOr<Schema> {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("An event of the stream."))
        .property(
            "event",
            text()
                .description(Some("What the event is called."))
                .enum_values(Some([name])),
        )
        .required("event")
        .property(
            "data",
            text()
                .description(Some("Its data, as JSON."))
                .content_media_type("application/json")
                .content_schema(Some(data)),
        )
        .required("data")
        .into()
}
