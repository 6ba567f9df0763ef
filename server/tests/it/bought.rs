//! An order as its buyer has it.

use serde_json::Value;

use crate::app::{Client, Event, TestApp};

/// A paid order, whoever has its secret, and its tickets with their codes.
pub(crate) struct Bought {
    pub(crate) buyer: Client,
    pub(crate) order: String,
    pub(crate) tickets: Vec<(String, String)>,
}

impl Bought {
    /// An order as it was answered when it was placed.
    pub(crate) fn of(t: &TestApp, bought: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let tickets = bought["tickets"].as_array().unwrap();
        Self {
            buyer: t.stranger.with_token(&text(&bought["token"])),
            order: text(&bought["order"]["id"]),
            tickets: tickets
                .iter()
                .map(|ticket| (text(&ticket["id"]), text(&ticket["code"])))
                .collect(),
        }
    }

    /// Where something is done with one of its tickets.
    pub(crate) fn path_of(&self, ticket: usize, what: &str) -> String {
        let (order, ticket) = (&self.order, &self.tickets[ticket].0);
        format!("/api/v1/shop/orders/{order}/tickets/{ticket}/{what}")
    }
}

/// Buys so many tickets of the first tier.
pub(crate) async fn buy(t: &TestApp, event: &Event, quantity: u32, key: &str) -> Bought {
    let bought = t.stranger.buy(event, 0, quantity, "succeed", key).await;
    Bought::of(t, &bought.expect(201))
}
