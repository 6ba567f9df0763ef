//! What is left, told in steps and as it changes.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Event, TestApp};

const SOON: Duration = Duration::from_secs(10);

/// The events of a stream, as they come.
struct Watched {
    bytes: futures_util::stream::BoxStream<'static, Vec<u8>>,
    kept: String,
}

impl Watched {
    async fn begin(t: &TestApp, event: &Event) -> Self {
        let path = format!("/api/v1/shop/events/{}/availability/stream", event.slug);
        let response = t.stranger.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let bytes = response
            .bytes_stream()
            .map(|chunk| chunk.map(|bytes| bytes.to_vec()).unwrap_or_default());
        Self {
            bytes: bytes.boxed(),
            kept: String::new(),
        }
    }

    /// The data of the next event; nothing at the end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.kept.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.kept = rest;
                let data = event.lines().find_map(|line| line.strip_prefix("data: "));
                if let Some(data) = data {
                    return Some(serde_json::from_str(data).unwrap());
                }
                continue;
            }
            let chunk = tokio::time::timeout(SOON, self.bytes.next())
                .await
                .unwrap()?;
            self.kept += &String::from_utf8(chunk).unwrap();
        }
    }
}

on_both_engines! {
    /// covers: ORG-3, BE-2
    async fn large_numbers_are_told_in_steps(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 137), ("Balcony", 2500, 3)]).await;
        let path = format!("/api/v1/shop/events/{}/availability", event.id);
        let told = t.stranger.get(&path).await.expect(200);
        let of = |told: &Value, tier: usize| {
            let tiers = told["tiers"].as_array().unwrap();
            let tier = tiers.iter().find(|one| one["tier"] == event.tiers[tier].as_str()).unwrap();
            (tier["level"].as_str().unwrap().to_owned(), tier["left_at_least"].as_i64().unwrap())
        };
        assert_eq!(of(&told, 0), ("available".to_owned(), 100));
        assert_eq!(of(&told, 1), ("few".to_owned(), 3));
        t.stranger.buy(&event, 1, 3, "succeed", "k").await.expect(201);
        let told = t.stranger.get(&path).await.expect(200);
        assert_eq!(of(&told, 1), ("sold_out".to_owned(), 0));
        for nothing in ["no-such-event", "evt_1", "%00"] {
            let path = format!("/api/v1/shop/events/{nothing}/availability");
            assert_eq!(t.stranger.get(&path).await.status, 404, "{nothing}");
            assert_eq!(t.stranger.get(&format!("{path}/stream")).await.status, 404, "{nothing}");
        }
        t.stop().await;
    }

    /// covers: ORG-3
    async fn listeners_hear_of_changes_until_the_server_stops(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 8)]).await;
        let (mut one, mut other) = (Watched::begin(&t, &event).await, Watched::begin(&t, &event).await);
        let left = |told: &Option<Value>| told.as_ref().unwrap()["tiers"][0]["left_at_least"].as_i64().unwrap();
        assert_eq!((left(&one.next().await), left(&other.next().await)), (8, 8));
        t.stranger.buy(&event, 0, 3, "succeed", "k").await.expect(201);
        assert_eq!((left(&one.next().await), left(&other.next().await)), (5, 5));
        drop(other);
        t.stranger.buy(&event, 0, 5, "succeed", "l").await.expect(201);
        let told = one.next().await;
        assert_eq!(told.as_ref().unwrap()["tiers"][0]["level"], json!("sold_out"));
        tokio::time::timeout(SOON, t.stop()).await.unwrap();
        assert_eq!(one.next().await, None);
    }

    /// covers: ORG-3, BE-6
    async fn listening_ends_with_the_event(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = t.person("founder").await;
        let tester = t.signed_in(user, false).await;
        let sandbox = json!({"name": "Founders", "mode": "sandbox"});
        tester.post("/api/v1/organisations", sandbox).await.expect(201);
        let trial = t.event_of(&tester, &[("Standing", 2500, 8)]).await;
        let mut watched = Watched::begin(&t, &trial).await;
        assert_eq!(watched.next().await.unwrap()["tiers"][0]["left_at_least"], 8);
        tester.post("/api/v1/organisation/reset", json!({})).await.expect(200);
        // By then it is looked anew whether there is still such an event.
        t.clock.advance(Duration::from_secs(2));
        // A look that was under way may have found the event and nothing of its stock.
        while let Some(told) = watched.next().await {
            assert_eq!(told["tiers"][0]["level"], "sold_out");
        }
        let path = format!("/api/v1/shop/events/{}/availability/stream", trial.id);
        assert_eq!(t.stranger.get(&path).await.status, 404);
        t.stop().await;
    }
}
