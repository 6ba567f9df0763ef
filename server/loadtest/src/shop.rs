//! The event that is loaded.

use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Address, Connection, LoadError};

/// A server, and the organisation that sells on it.
pub(crate) struct Shop {
    pub(crate) address: Address,
    key: String,
}

/// A published event with one tier.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) slug: String,
    pub(crate) tier: String,
}

impl Event {
    /// The body of a paid order.
    pub(crate) fn purchase(&self, quantity: u32) -> Vec<u8> {
        json!({
            "event": self.id,
            "items": [{"tier": self.tier, "quantity": quantity}],
            "buyer": {"email": "load@example.com", "name": "Load Test"},
            "payment": {"method": "sandbox", "outcome": "succeed"},
        })
        .to_string()
        .into_bytes()
    }
}

impl Shop {
    pub(crate) fn new(url: &str, key: &str) -> Result<Self, LoadError> {
        Ok(Self {
            address: Address::parse(url)?,
            key: key.to_owned(),
        })
    }

    /// Calls the organiser's API.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, LoadError> {
        let mut connection = Connection::open(&self.address).await?;
        let what = format!("{method} {path}");
        let token = format!("Bearer {}", self.key);
        let headers = [
            ("authorization", token.as_str()),
            ("content-type", "application/json"),
        ];
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let (status, body) = connection.send(method, path, &headers, body).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        if !(200..300).contains(&status) {
            return Err(LoadError::Answer {
                what,
                status,
                body: text,
            });
        }
        serde_json::from_str(&text).map_err(|_| LoadError::Answer {
            what,
            status,
            body: text,
        })
    }

    /// Makes and publishes an event with this capacity.
    pub(crate) async fn event(&self, capacity: i64) -> Result<Event, LoadError> {
        let body = json!({
            "name": "Load", "time_zone": "UTC", "currency": "EUR", "venue_name": "Loopback",
            "occurrences": [{"starts_at": "2099-01-01T19:00:00Z", "ends_at": "2099-01-01T23:00:00Z"}],
            "tiers": [{"name": "Hot", "price_minor": 2500, "capacity": capacity, "max_per_order": 100,
                       "valid_from_at": "2020-01-01T00:00:00Z"}],
        });
        let made = self
            .call(Method::POST, "/api/v1/events", Some(body))
            .await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let event = Event {
            id: text(&made["id"]),
            slug: text(&made["slug"]),
            tier: text(&made["tiers"][0]["id"]),
        };
        self.call(
            Method::POST,
            &format!("/api/v1/events/{}/publish", event.id),
            None,
        )
        .await?;
        Ok(event)
    }

    /// How much of the tier is held and sold.
    pub(crate) async fn stock(&self, event: &Event) -> Result<(i64, i64), LoadError> {
        let stock = self
            .call(
                Method::GET,
                &format!("/api/v2/events/{}/stock", event.id),
                None,
            )
            .await?;
        let number = |name: &str| stock["tiers"][0][name].as_i64().unwrap_or(-1);
        Ok((number("held"), number("sold")))
    }
}
