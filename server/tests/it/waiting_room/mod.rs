//! Waiting rooms: the draw and its proof, places and their limits, turns and passes, what organisers do,
//! and the pages.

mod draw;
mod manage;
mod pages;
mod places;
mod sold_out;
mod turns;

use std::collections::BTreeMap;
use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_server::waiting_room;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, Client, Event, TestApp};

/// The time in so many minutes.
fn in_minutes(t: &TestApp, minutes: i64) -> String {
    Timestamp::from_ms(t.app.now().ms() + minutes * 60_000).to_string()
}

fn organisers(event: &Event, more: &str) -> String {
    format!("/api/v1/events/{}/waiting-room{more}", event.id)
}

fn visitors(event: &Event, more: &str) -> String {
    format!("/api/v1/shop/events/{}/waiting-room{more}", event.id)
}

async fn put(client: &Client, path: &str, body: &Value) -> Answer {
    client
        .send(client.request(Method::PUT, path).json(body))
        .await
}

/// A room that opens in an hour and calls as fast as it can, unless a test wishes otherwise.
async fn room(t: &TestApp, event: &Event, wish: Value) -> Value {
    let mut body = json!({
        "opens_at": in_minutes(t, 60), "most_inside": 1, "floor_per_minute": 60_000, "ceiling_per_minute": 60_000,
        "overbook_permille": 0, "per_network": 1_000,
    });
    let wish = wish.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(wish);
    put(&t.organiser, &organisers(event, ""), &body)
        .await
        .expect(200)
}

/// Somebody who has a place.
#[derive(Clone, Debug)]
struct Waiter {
    id: String,
    token: String,
}

impl Waiter {
    /// A new one.
    async fn join(t: &TestApp, event: &Event) -> Self {
        let place = t
            .stranger
            .post(&visitors(event, "/places"), json!({}))
            .await
            .expect(201);
        Self {
            id: place["id"].as_str().unwrap().to_owned(),
            token: place["token"].as_str().unwrap().to_owned(),
        }
    }

    async fn ask(&self, t: &TestApp, method: Method, path: &str) -> Answer {
        let request = t.stranger.request(method, path);
        t.stranger
            .send(request.header("waiting-place", &self.token))
            .await
    }

    /// How it stands for them.
    async fn standing(&self, t: &TestApp, event: &Event) -> Value {
        self.ask(t, Method::GET, &visitors(event, "/place"))
            .await
            .expect(200)
    }

    async fn number(&self, t: &TestApp, event: &Event) -> u64 {
        self.standing(t, event).await["number"].as_u64().unwrap()
    }

    async fn claim(&self, t: &TestApp, event: &Event) -> Answer {
        self.ask(t, Method::POST, &visitors(event, "/pass")).await
    }

    /// Their pass.
    async fn pass(&self, t: &TestApp, event: &Event) -> String {
        let pass = self.claim(t, event).await.expect(201);
        pass["pass"].as_str().unwrap().to_owned()
    }

    /// Reserves one ticket by a pass.
    async fn hold(&self, t: &TestApp, event: &Event, pass: &str, key: &str) -> Answer {
        let wish = json!({"event": event.id, "items": [{"tier": event.tiers[0], "quantity": 1}]});
        let request = t.stranger.request(Method::POST, "/api/v1/shop/holds");
        let request = request
            .header("idempotency-key", key)
            .header("waiting-place", &self.token)
            .header("waiting-pass", pass)
            .json(&wish);
        t.stranger.send(request).await
    }
}

/// So many people who have places.
async fn waiters(t: &TestApp, event: &Event, count: usize) -> Vec<Waiter> {
    let all = (0..count).map(|_| Waiter::join(t, event));
    futures_util::future::join_all(all).await
}

/// Lets two seconds pass and makes a step; one of those that the server makes itself may be faster.
async fn step(t: &TestApp) {
    t.clock.advance(Duration::from_secs(2));
    waiting_room::tick(&t.app, &BTreeMap::new()).await.unwrap();
}

/// Holds the draw now.
async fn draw(t: &TestApp, event: &Event) {
    let path = organisers(event, "/draw");
    t.organiser.post(&path, json!({})).await.expect(200);
    for _ in 0..5 {
        step(t).await;
        let room = t.organiser.get(&organisers(event, "")).await.expect(200);
        if room["state"] == "calling" {
            return;
        }
    }
    panic!("the draw was not held");
}

/// Those who wait, in the order of their numbers.
async fn in_order(t: &TestApp, event: &Event, waiters: Vec<Waiter>) -> Vec<Waiter> {
    let mut all = Vec::new();
    for waiter in waiters {
        all.push((waiter.number(t, event).await, waiter));
    }
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, waiter)| waiter).collect()
}

/// A figure of the room, as its organiser sees it.
async fn figure(t: &TestApp, event: &Event, name: &str) -> u64 {
    let room = t.organiser.get(&organisers(event, "")).await.expect(200);
    room[name].as_u64().unwrap()
}

/// Holds the draw and gives those who wait in the order of their numbers.
async fn in_order_after_draw(t: &TestApp, event: &Event, waiters: Vec<Waiter>) -> Vec<Waiter> {
    draw(t, event).await;
    in_order(t, event, waiters).await
}
