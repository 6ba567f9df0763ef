//! The event types with the JSON schemas of their messages.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::*;
use crate::identity::{OrganisationId, Permission};

/// An event type, for whoever chooses among them or writes a receiver.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhookEventType {
    /// Its name, as `type` in messages.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What it means.
    pub about: String,
    /// The version of its messages.
    pub version: u32,
    /// Whether an endpoint can choose it; the others come by themselves.
    pub is_chosen: bool,
    /// What whoever chooses it must be allowed to do as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<Permission>,
    /// The JSON schema (2020-12) of the whole body.
    #[schema(value_type = Object)]
    pub schema: Value,
}

static CATALOGUE: LazyLock<Vec<WebhookEventType>> = LazyLock::new(|| {
    let chosen = EventType::ALL.iter().map(|one| WebhookEventType {
        event_type: one.as_str().to_owned(),
        about: one.about().to_owned(),
        version: one.version(),
        is_chosen: true,
        needs: Some(one.needs()),
        schema: body(one.as_str(), one.version(), data(*one)),
    });
    let test = WebhookEventType {
        event_type: TEST_TYPE.to_owned(),
        about: "Somebody tries an endpoint".to_owned(),
        version: 1,
        is_chosen: false,
        needs: None,
        schema: body(TEST_TYPE, 1, schema_of::<TestV1>()),
    };
    chosen.chain([test]).collect()
});

/// All event types.
pub fn event_types() -> &'static [WebhookEventType] {
    &CATALOGUE
}

/// The schema of `data`, and of what it refers to.
type Parts = (Value, Map<String, Value>);

fn data(event_type: EventType) -> Parts {
    match event_type {
        EventType::EventCreated
        | EventType::EventUpdated
        | EventType::EventPublished
        | EventType::EventCancelled
        | EventType::EventArchived
        | EventType::EventKeyAdded => schema_of::<EventV1>(),
        EventType::EventDeleted => schema_of::<EventDeletedV1>(),
        EventType::OrderPaid | EventType::OrderRefunded => schema_of::<OrderV1>(),
        EventType::TicketRevoked | EventType::TicketReissued => schema_of::<TicketV1>(),
        EventType::RedemptionRecorded | EventType::RedemptionConflicted => {
            schema_of::<RedemptionsV1>()
        }
        EventType::DevicePaired | EventType::DeviceRevoked => schema_of::<DeviceV1>(),
        EventType::ProgramCreated
        | EventType::ProgramChanged
        | EventType::ProgramSecretRotated
        | EventType::ProgramEnded
        | EventType::ProgramGranted
        | EventType::ProgramGrantEnded
        | EventType::ProgramMisused => schema_of::<ProgramV1>(),
        EventType::SsoConnectionChanged => schema_of::<SsoConnectionV1>(),
        EventType::SsoDomainConfirmed => schema_of::<SsoDomainV1>(),
        EventType::SsoRolesChanged => schema_of::<SsoRolesV1>(),
        EventType::SsoRefused => schema_of::<SsoRefusedV1>(),
    }
}

fn schema_of<D: ToSchema>() -> Parts {
    let mut parts = Vec::new();
    D::schemas(&mut parts);
    let text = |part| local(serde_json::to_value(part).unwrap_or_default());
    let parts = parts.into_iter().map(|(name, part)| (name, text(part)));
    (text(D::schema()), parts.collect())
}

fn body(event_type: &str, version: u32, (data, parts): Parts) -> Value {
    let text = |part| local(serde_json::to_value(part).unwrap_or_default());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["id", "type", "version", "timestamp", "organisation", "data"],
        "properties": {
            "id": text(<WebhookMessageId as utoipa::PartialSchema>::schema()),
            "type": {"const": event_type},
            "version": {"const": version},
            "timestamp": {"type": "string", "format": "date-time"},
            "organisation": text(<OrganisationId as utoipa::PartialSchema>::schema()),
            "data": data,
        },
        "$defs": parts,
    })
}

/// The same schema with its references within itself instead of within an OpenAPI document.
fn local(schema: Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| {
                let value = match value.as_str() {
                    Some(text) if name == "$ref" => {
                        text.replace("#/components/schemas/", "#/$defs/").into()
                    }
                    _ => local(value),
                };
                (name, value)
            });
            Value::Object(fields.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(local).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                if let (true, Some(text)) = (name == "$ref", value.as_str()) {
                    found.insert(text.to_owned());
                }
                references(value, found);
            }),
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// covers: GW-10
    #[test]
    fn every_type_has_a_schema_that_stands_by_itself() {
        let all = event_types();
        assert_eq!(all.len(), EventType::ALL.len() + 1);
        for one in all {
            assert!(!one.about.is_empty() && one.version >= 1, "{one:?}");
            let mut found = BTreeSet::new();
            references(&one.schema, &mut found);
            for reference in found {
                let name = reference.strip_prefix("#/$defs/").unwrap();
                assert!(
                    one.schema["$defs"][name].is_object(),
                    "{}: {name}",
                    one.event_type
                );
            }
            assert!(
                one.schema["properties"]["data"]["properties"].is_object(),
                "{}: {}",
                one.event_type,
                one.schema
            );
        }
    }
}
