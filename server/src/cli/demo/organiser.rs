//! What the organiser does: an organisation, a concert with two gates, and a second event.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::random;
use serde_json::{Value, json};

use super::api::{Api, list, text};
use super::stage::Stage;
use crate::app::App;
use crate::cli::Failure;
use crate::identity::{self, IdentityError, Organisation};

/// The names of the gates.
pub(super) const GATES: [&str; 2] = ["North gate", "South gate"];

/// An event as the demo needs it.
pub(super) struct Event {
    /// Its id.
    pub(super) id: String,
    /// The last part of its page's address.
    pub(super) slug: String,
    /// Its tiers: name and id.
    tiers: Vec<(String, String)>,
}

impl Event {
    /// The id of a tier.
    ///
    /// # Errors
    /// `demo.answer` if there is no tier of that name.
    pub(super) fn tier(&self, name: &str) -> Result<&str, Failure> {
        let found = self.tiers.iter().find(|(tier, _)| tier == name);
        found
            .map(|(_, id)| id.as_str())
            .ok_or_else(|| Failure::new("demo.answer", format_args!("there is no tier {name}")))
    }

    fn of(answer: &Value) -> Result<Self, Failure> {
        let tiers = list(answer, "/tiers")?;
        let tiers = tiers
            .iter()
            .map(|tier| {
                Ok((
                    text(tier, "/name")?.to_owned(),
                    text(tier, "/id")?.to_owned(),
                ))
            })
            .collect::<Result<_, Failure>>()?;
        Ok(Self {
            id: text(answer, "/id")?.to_owned(),
            slug: text(answer, "/slug")?.to_owned(),
            tiers,
        })
    }
}

/// What the demo is about.
pub(super) struct Scenery {
    /// The concert.
    pub(super) concert: Event,
    /// Another event of the same organisation.
    pub(super) other: Event,
    /// The concert's check-in list.
    pub(super) list: String,
    /// The ids of its gates, in the order of [`GATES`].
    pub(super) gates: Vec<String>,
}

/// Makes an organisation and an API key for it, as `bilten organisation` and `bilten key` do.
///
/// # Errors
/// What identity says.
pub(super) async fn organisation(app: &App) -> Result<(Organisation, String), Failure> {
    const NAME: &str = "Demo Concerts";
    let made = match identity::create_organisation(app, NAME).await {
        Err(IdentityError::SlugTaken) => {
            let name = format!("{NAME} {}", random::token(&*app.random, 5));
            identity::create_organisation(app, &name).await?
        }
        made => made?,
    };
    let key = new_key(app, &made).await?;
    Ok((made, key))
}

/// A new API key of the organisation.
///
/// # Errors
/// What identity says.
pub(super) async fn new_key(app: &App, organisation: &Organisation) -> Result<String, Failure> {
    let (_, key) = identity::create_api_key(app, organisation.id, "bilten demo").await?;
    Ok(key)
}

/// Puts a concert with three tiers and two gates on sale, and another event beside it.
///
/// # Errors
/// What the server says, or the output's failure.
pub(super) async fn set_up(
    stage: &mut Stage,
    api: &Api,
    now: Timestamp,
) -> Result<Scenery, Failure> {
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    let concert = json!({
        "name": "Polka Night",
        "description": "Two bands, one floor, and a balcony for those who prefer to listen.",
        "time_zone": "Europe/Ljubljana",
        "currency": "EUR",
        "venue_name": "Kino Center",
        "venue_address": "Glavni trg 1, Ljubljana",
        "occurrences": [{ "doors_at": now - hours(1), "starts_at": now + hours(1), "ends_at": now + hours(5) }],
        "tiers": [
            { "name": "Standing", "price_minor": 2400, "capacity": 300 },
            { "name": "Balcony", "price_minor": 3600, "capacity": 80 },
            { "name": "Soundcheck", "description": "Before the doors open; until an hour ago.",
              "price_minor": 900, "capacity": 20,
              "valid_from_at": now - hours(4), "valid_until_at": now - hours(1) },
        ],
    });
    let other = json!({
        "name": "Polka Night, the day after",
        "time_zone": "Europe/Ljubljana",
        "currency": "EUR",
        "venue_name": "Kino Center",
        "occurrences": [{ "starts_at": now + hours(24), "ends_at": now + hours(28) }],
        "tiers": [{ "name": "Standing", "price_minor": 2400, "capacity": 300,
                    "valid_from_at": now - hours(1), "valid_until_at": now + hours(34) }],
    });
    let concert = publish(
        stage,
        api,
        "Polka Night, tonight, with three tiers",
        &concert,
    )
    .await?;
    let other = publish(stage, api, "a second event, tomorrow", &other).await?;

    let path = format!("/api/v1/events/{}", concert.id);
    let lists = api.get(&format!("{path}/lists")).await?;
    let list_id = text(&lists, "/items/0/id")?.to_owned();
    let found = api.get(&format!("{path}/gates")).await?;
    let mut gates = Vec::new();
    for (place, name) in GATES.iter().enumerate() {
        let name = json!({ "name": name });
        let gate = match list(&found, "/items")?.get(place) {
            Some(first) => {
                let gate = text(first, "/id")?;
                api.patch(&format!("{path}/gates/{gate}"), &name).await?
            }
            None => api.post(&format!("{path}/gates"), &name).await?,
        };
        gates.push(text(&gate, "/id")?.to_owned());
    }
    stage.step("its gates, North and South", GATES.len(), gates.len())?;
    Ok(Scenery {
        concert,
        other,
        list: list_id,
        gates,
    })
}

async fn publish(
    stage: &mut Stage,
    api: &Api,
    what: &str,
    event: &Value,
) -> Result<Event, Failure> {
    let draft = api.post("/api/v1/events", event).await?;
    let path = format!("/api/v1/events/{}/publish", text(&draft, "/id")?);
    let published = api.post(&path, &json!({})).await?;
    stage.step(what, "published", text(&published, "/state")?)?;
    Event::of(&published)
}

/// Invites a gate: the text of its pairing code, with the server's address replaced by the one that
/// the gates know it by.
///
/// # Errors
/// What the server says.
pub(super) async fn invite(
    api: &Api,
    scenery: &Scenery,
    gate: &str,
    server: &str,
) -> Result<String, Failure> {
    let path = format!("/api/v1/events/{}/pairings", scenery.concert.id);
    let body = json!({ "list": scenery.list, "gate": gate });
    let pairing = api.post(&path, &body).await?;
    let link = bilten_core::sync::pairing::PairingLink::parse(text(&pairing, "/link")?)
        .map_err(|error| Failure::new("demo.answer", error))?;
    let server = server.to_owned();
    Ok(bilten_core::sync::pairing::PairingLink { server, ..link }.to_text())
}
