//! The event that is loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Address, Answer, Connection, LoadError};
use crate::figures::Dice;

/// A server, and the organisation that sells on it.
#[derive(Clone)]
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

/// How many read at once.
const READERS: usize = 16;

/// A seat of a date.
pub(crate) type SeatKey = (String, String);

/// A map of blocks that are all of one size.
#[derive(Clone, Debug)]
pub(crate) struct Arena {
    pub(crate) map: String,
    pub(crate) seats: u64,
    pub(crate) rows: u32,
    /// How many seats a row has.
    pub(crate) width: u32,
    /// The section that each block is, and its price category.
    pub(crate) blocks: Vec<(String, String)>,
}

impl Arena {
    /// The categories of its seats, each with how many it has.
    pub(crate) fn categories(&self) -> BTreeMap<String, u32> {
        let mut sizes = BTreeMap::new();
        for (_, category) in &self.blocks {
            *sizes.entry(category.clone()).or_insert(0) += self.rows * self.width;
        }
        sizes
    }

    /// So many neighbours somewhere in a block, by name.
    pub(crate) fn neighbours(&self, dice: &mut Dice, block: u64, party: u32) -> Vec<String> {
        let party = party.clamp(1, self.width.max(1));
        let row = dice.below(u64::from(self.rows)) + 1;
        let from = dice.below(u64::from(self.width - party + 1)) + 1;
        (from..from + u64::from(party))
            .map(|seat| format!("{}-{row}-{seat}", block + 1))
            .collect()
    }
}

/// The seat of a ticket.
pub(crate) fn seat_of(ticket: &Value) -> SeatKey {
    (text(&ticket["occurrence_id"]), text(&ticket["seat_id"]))
}

/// The things in a list of an answer.
pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A set of these seats, none of which is there twice.
pub(crate) fn distinct(
    what: &str,
    seats: impl IntoIterator<Item = SeatKey>,
) -> Result<BTreeSet<SeatKey>, LoadError> {
    let mut set = BTreeSet::new();
    for (date, seat) in seats {
        if !set.insert((date.clone(), seat.clone())) {
            return Err(LoadError::Wrong(format!(
                "seat {seat} of {date} is twice among {what}"
            )));
        }
    }
    Ok(set)
}

/// A text of an answer; empty if it is none.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What tells an event from all others, in a few letters.
pub(crate) fn tail_of(event: &str) -> String {
    event.chars().rev().take(12).collect()
}

/// The address of somebody who comes to an event; `who` is said once for it.
pub(crate) fn mailbox(event: &str, who: &str) -> String {
    format!("load-{who}.{}@example.com", tail_of(event))
}

/// The body of a paid order of these items. Each buyer is somebody else: who buys very often has to wait
/// until somebody has looked at it. `buyer` is said once for an event.
pub(crate) fn purchase_of(event: &str, items: &Value, buyer: &str) -> Value {
    json!({
        "event": event,
        "items": items,
        "buyer": {"email": mailbox(event, buyer), "name": "Load Test"},
        "payment": {"method": "sandbox", "outcome": "succeed"},
    })
}

/// Does all of it at the same time, and gives what came of each.
pub(crate) async fn at_once<T, F>(all: Vec<F>) -> Result<Vec<T>, LoadError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, LoadError>> + Send + 'static,
{
    let tasks: Vec<_> = all.into_iter().map(tokio::spawn).collect();
    let mut done = Vec::with_capacity(tasks.len());
    for task in tasks {
        let ended = task.await;
        done.push(ended.map_err(|error| LoadError::Network(error.to_string()))??);
    }
    Ok(done)
}

impl Event {
    /// So many of its tier.
    pub(crate) fn items(&self, quantity: u32) -> Value {
        json!([{"tier": self.tier, "quantity": quantity}])
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

    /// Calls the organiser's API, by a key if it is to be done once; refusals are answers too.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, LoadError> {
        let mut connection = Connection::open(&self.address).await?;
        let token = format!("Bearer {}", self.key);
        let mut headers = vec![("authorization", token.as_str())];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        connection.ask(method, path, &headers, body).await
    }

    /// Reads a file that the organiser can download, as text.
    pub(crate) async fn file(&self, path: &str) -> Result<String, LoadError> {
        let mut connection = Connection::open(&self.address).await?;
        let token = format!("Bearer {}", self.key);
        let headers = [("authorization", token.as_str())];
        let (status, body) = connection
            .send(Method::GET, path, &headers, Vec::new())
            .await?;
        let body = String::from_utf8_lossy(&body).into_owned();
        if status == 200 {
            return Ok(body);
        }
        Err(LoadError::Answer {
            what: path.to_owned(),
            status,
            body,
        })
    }

    /// Makes a map of so many blocks.
    pub(crate) async fn arena(
        &self,
        blocks: u32,
        rows: u32,
        width: u32,
    ) -> Result<Arena, LoadError> {
        let template = json!({"template": {"template": "arena", "sections": blocks, "rows": rows, "seats": width}});
        let made = self
            .call(Method::POST, "/api/v1/seat-maps", Some(template))
            .await?;
        let id = text(&made["id"]);
        let path = format!("/api/v1/seat-maps/{id}");
        let map = self.call(Method::GET, &path, None).await?;
        Ok(Arena {
            map: id,
            seats: made["seats"].as_u64().unwrap_or(0),
            rows,
            width,
            blocks: list(&map["map"]["sections"])
                .map(|section| (text(&section["id"]), text(&section["category"])))
                .collect(),
        })
    }

    /// The seats of a date that buyers see as sold.
    pub(crate) async fn sold_seats(
        &self,
        event: &str,
        date: &str,
        arena: &Arena,
    ) -> Result<Vec<SeatKey>, LoadError> {
        let path = format!("/api/v1/shop/events/{event}/occurrences/{date}/seats");
        let paths = arena
            .blocks
            .iter()
            .map(|(section, _)| format!("{path}?section={section}"))
            .collect();
        let mut sold = Vec::new();
        for section in self.read_all(paths).await? {
            for row in list(&section["rows"]) {
                for seat in list(&row["seats"]).filter(|seat| seat["state"] == "sold") {
                    sold.push((date.to_owned(), text(&seat["id"])));
                }
            }
        }
        Ok(sold)
    }

    /// Reads all pages of a list.
    pub(crate) async fn pages(&self, path: &str) -> Result<Vec<Value>, LoadError> {
        let (mut all, mut next) = (Vec::new(), String::new());
        loop {
            let page = format!("{path}?limit=200{next}");
            let page = self.call(Method::GET, &page, None).await?;
            all.extend(page["items"].as_array().into_iter().flatten().cloned());
            match page["next"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => return Ok(all),
            }
        }
    }

    /// Reads many things of the organiser's, some at once; in the order of `paths`.
    pub(crate) async fn read_all(&self, paths: Vec<String>) -> Result<Vec<Value>, LoadError> {
        let share = paths.len().div_ceil(READERS).max(1);
        let readers = paths.chunks(share).map(|chunk| {
            let (address, chunk) = (self.address.clone(), chunk.to_vec());
            let token = format!("Bearer {}", self.key);
            async move {
                let mut connection = Connection::open(&address).await?;
                let headers = [("authorization", token.as_str())];
                let mut read = Vec::with_capacity(chunk.len());
                for path in chunk {
                    let answer = connection.ask(Method::GET, &path, &headers, None).await?;
                    read.push(answer.done(&path)?);
                }
                Ok(read)
            }
        });
        Ok(at_once(readers.collect()).await?.concat())
    }

    /// Makes an event in the far future; it is not published yet.
    pub(crate) async fn draft(&self, tiers: Value) -> Result<Value, LoadError> {
        let body = json!({
            "name": "Load", "time_zone": "UTC", "currency": "EUR", "venue_name": "Loopback",
            "occurrences": [{"starts_at": "2099-01-01T19:00:00Z", "ends_at": "2099-01-01T23:00:00Z"}],
            "tiers": tiers,
        });
        self.call(Method::POST, "/api/v1/events", Some(body)).await
    }

    /// Publishes an event, and gives it as it is then.
    pub(crate) async fn publish(&self, event: &str) -> Result<Value, LoadError> {
        let path = format!("/api/v1/events/{event}/publish");
        self.call(Method::POST, &path, None).await
    }

    /// How much of all tiers of an event is held and sold.
    pub(crate) async fn totals(&self, event: &str) -> Result<(i64, i64), LoadError> {
        let path = format!("/api/v2/events/{event}/stock");
        let stock = self.call(Method::GET, &path, None).await?;
        let number = |name: &str| stock[name].as_i64().unwrap_or(-1);
        Ok((number("held"), number("sold")))
    }

    /// Waits until nothing is held any more of what was given up; gives what is sold.
    pub(crate) async fn settled(&self, event: &str) -> Result<i64, LoadError> {
        for _ in 0..100 {
            let (held, sold) = self.totals(event).await?;
            if held == 0 {
                return Ok(sold);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let (held, sold) = self.totals(event).await?;
        if held == 0 {
            return Ok(sold);
        }
        Err(LoadError::Wrong(format!(
            "{held} are held of an event of which nobody holds anything"
        )))
    }

    /// The tickets and the money of all paid orders of an event, each of whose tickets costs this.
    pub(crate) async fn paid(&self, event: &str, price: i64) -> Result<(u64, i64), LoadError> {
        let orders = self
            .pages(&format!("/api/v1/events/{event}/orders"))
            .await?;
        let paid = orders.iter().filter(|order| order["state"] == "paid");
        let (mut count, mut minor) = (0, 0);
        for order in paid {
            count += 1;
            minor += order["total_minor"].as_i64().unwrap_or(0);
        }
        Ok((count, minor / price))
    }

    /// Makes and publishes an event with this capacity.
    pub(crate) async fn event(&self, capacity: i64) -> Result<Event, LoadError> {
        let tiers = json!([{"name": "Hot", "price_minor": 2500, "capacity": capacity, "max_per_order": 100,
                            "valid_from_at": "2020-01-01T00:00:00Z"}]);
        let made = self.draft(tiers).await?;
        let event = Event {
            id: text(&made["id"]),
            slug: text(&made["slug"]),
            tier: text(&made["tiers"][0]["id"]),
        };
        self.publish(&event.id).await?;
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
