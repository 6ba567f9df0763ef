//! Examples of the way from an event to a paid order, and of what programs need besides.
//!
//! A test sends each request as it stands here, with the ids of what was made before in place of
//! those below, and compares the answer's fields.

use serde_json::{Value, json};

use super::operation::Operation;

/// A request and its answer, as the description shows them.
pub struct Example {
    /// The method, in small letters.
    pub method: &'static str,
    /// The address.
    pub path: &'static str,
    /// What is sent; null if nothing is.
    pub request: Value,
    /// The status of the answer.
    pub status: &'static str,
    /// Fields of the answer; it has more.
    pub answer: Value,
}

/// The event of all examples.
pub const EVENT: &str = "evt_01kdvm6x00fazbzzr4pc4snbka";
/// Its tier.
pub const TIER: &str = "tir_01kdvm6x00fazbzzr4pc4snbka";
/// A hold of two tickets.
pub const HOLD: &str = "hld_01kdvm6x00fazbzzr4pc4snbka";
/// The order of these.
pub const ORDER: &str = "ord_01kdvm6x00fazbzzr4pc4snbka";

/// All examples, in the order in which they can be tried.
pub fn examples() -> Vec<Example> {
    let event = json!({
        "name": "Letni koncert",
        "description": "An evening by the river.",
        "time_zone": "Europe/Ljubljana",
        "currency": "EUR",
        "venue_name": "Kino Šiška",
        "venue_address": "Trg prekomorskih brigad 3, 1000 Ljubljana",
        "occurrences": [{
            "doors_at": "2040-06-01T17:00:00.000Z",
            "starts_at": "2040-06-01T18:00:00.000Z",
            "ends_at": "2040-06-01T21:00:00.000Z",
        }],
        "tiers": [{"name": "Standing", "price_minor": 2_500, "capacity": 200}],
    });
    let buyer = json!({"email": "ana@example.com", "name": "Ana Novak"});
    let pay = |outcome: &str| json!({"method": "sandbox", "outcome": outcome});
    vec![
        Example {
            method: "post",
            path: "/api/v1/keys",
            request: json!({"name": "Our web shop", "scopes": ["events.read", "orders.read"]}),
            status: "201",
            answer: json!({"name": "Our web shop", "scopes": ["events.read", "orders.read"]}),
        },
        Example {
            method: "post",
            path: "/api/v1/webhooks/endpoints",
            request: json!({
                "url": "https://shop.example.org/bilten",
                "description": "Tells the shop what was sold",
                "event_types": ["order.paid"],
            }),
            status: "201",
            answer: json!({"url": "https://shop.example.org/bilten", "event_types": ["order.paid"]}),
        },
        Example {
            method: "post",
            path: "/api/v1/events",
            request: event,
            status: "201",
            answer: json!({"id": EVENT, "name": "Letni koncert", "state": "draft", "currency": "EUR"}),
        },
        Example {
            method: "post",
            path: "/api/v1/events/{event}/publish",
            request: Value::Null,
            status: "200",
            answer: json!({"id": EVENT, "state": "published"}),
        },
        Example {
            method: "get",
            path: "/api/v1/shop/events/{event}",
            request: Value::Null,
            status: "200",
            answer: json!({"id": EVENT, "availability": [{"tier": TIER, "left": 200}]}),
        },
        Example {
            method: "post",
            path: "/api/v1/shop/holds",
            request: json!({"event": EVENT, "items": [{"tier": TIER, "quantity": 2}]}),
            status: "201",
            answer: json!({"id": HOLD, "event_id": EVENT, "items": [{"tier": TIER, "quantity": 2}]}),
        },
        Example {
            method: "post",
            path: "/api/v1/shop/orders",
            request: json!({"event": EVENT, "hold": HOLD, "buyer": buyer, "payment": pay("decline")}),
            status: "201",
            answer: json!({"order": {"id": ORDER, "state": "pending"}, "payment": {"state": "declined"}, "tickets": []}),
        },
        Example {
            method: "post",
            path: "/api/v1/shop/orders/{order}/payments",
            request: json!({"payment": pay("succeed")}),
            status: "201",
            answer: json!({"order": {"id": ORDER, "state": "paid"}, "payment": {"state": "succeeded"}}),
        },
    ]
}

/// Adds the example of an operation, if it has one.
pub(super) fn complete(operation: &mut Operation<'_>) {
    let all = examples().into_iter();
    let mut ours = all.filter(|one| one.method == operation.method && one.path == operation.path);
    let Some(example) = ours.next() else {
        return;
    };
    let content = |of: Option<&mut Value>, shown: Value| {
        let json = of.and_then(|of| of.get_mut("content")?.get_mut("application/json"));
        if let Some(json) = json.and_then(Value::as_object_mut) {
            json.insert("example".to_owned(), shown);
        }
    };
    if !example.request.is_null() {
        content(operation.fields.get_mut("requestBody"), example.request);
    }
    let responses = operation.responses();
    content(
        responses.and_then(|all| all.get_mut(example.status)),
        example.answer,
    );
}
