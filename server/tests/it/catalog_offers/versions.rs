//! Two managers who set prices at once overwrite nothing of each other.

use bilten_kernel::on_both_engines;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{faults, path, put, with};
use crate::app::{Answer, Client, Event, TestApp};

fn fee(minor: i64) -> Value {
    json!({"currency": "EUR", "fees": [{"id": "f", "name": "F", "rate": 0, "fixed_minor": minor, "per": "unit", "passed_on": true}]})
}

fn tax(rate: i64) -> Value {
    json!({"name": "VAT", "place": {"country": "DE"}, "classes": ["admission"], "rate": rate, "mode": "exclusive"})
}

/// Sends all of these at once: one is written, the others are refused in one of these ways.
async fn race(client: &Client, path: &str, bodies: Vec<Value>, refusals: &[u16]) -> Value {
    let answers: Vec<Answer> = join_all(bodies.iter().map(|body| put(client, path, body))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    for answer in lost {
        assert!(refusals.contains(&answer.status), "{}", answer.text);
    }
    assert_eq!(won.len(), 1, "{path}");
    won[0].expect(200)
}

/// Settings that were said once are not said anew unseen: by whoever names no version, or an old one.
async fn guarded(t: &TestApp, path: &str, settings: impl Fn(&Value) -> Value) {
    let client = &t.organiser;
    let first = put(client, path, &fee(1)).await.expect(200);
    let missing = put(client, path, &fee(2)).await;
    assert_eq!(
        faults(&missing.refused(422, "invalid")),
        [("version".to_owned(), "missing".to_owned())]
    );
    let second = with(fee(3), "version", &first["version"]);
    let second = put(client, path, &second).await.expect(200);
    let late = put(client, path, &with(fee(4), "version", &first["version"])).await;
    late.refused(409, "catalog.version_conflict");
    let tag = format!("\"{}\"", first["version"]);
    let late = client
        .request(Method::PUT, path)
        .header("if-match", tag)
        .json(&fee(5));
    client.send(late).await.refused(412, "precondition_failed");
    let read = client.get(path).await;
    let tag = read.headers["etag"].clone();
    let read = read.expect(200);
    assert_eq!(read, second, "nothing was overwritten");
    assert_eq!(settings(&read)["fees"][0]["fixed_minor"], 3);
    let bodies = (10..18).map(|minor| with(fee(minor), "version", &read["version"]));
    let won = race(client, path, bodies.collect(), &[409]).await;
    assert_eq!(client.get(path).await.expect(200), won);
    let late = client
        .request(Method::PUT, path)
        .header("if-match", tag)
        .json(&fee(6));
    client.send(late).await.refused(412, "precondition_failed");
}

on_both_engines! {
    /// covers: ORG-3, BE-6
    async fn prices_of_an_organisation_are_changed_as_they_were_seen(db: TestDb) {
        let t = TestApp::start(db).await;
        guarded(&t, "/api/v1/price-settings", |said| said["settings"].clone()).await;
        // Nothing was said by another one yet: then too one of those who begin at once is the first.
        let other = t.other_organiser().await;
        let bodies = (1..9).map(fee).collect();
        let won = race(&other, "/api/v1/price-settings", bodies, &[409, 422]).await;
        assert_eq!(won["version"], 1);
        assert_eq!(other.get("/api/v1/price-settings").await.expect(200), won);
        t.stop().await;
    }

    /// covers: ORG-3, BE-6
    async fn prices_of_an_event_are_changed_as_they_were_seen(db: TestDb) {
        let t = TestApp::start(db).await;
        let event: Event = t.event(&[("Seat", 1_000, 10)]).await;
        let own = path(&event, "price-settings");
        guarded(&t, &own, Value::clone).await;
        // What is changed of the event otherwise counts as well: it may be what the prices are of.
        let seen = t.organiser.get(&own).await.expect(200);
        let event_path = format!("/api/v1/events/{}", event.id);
        let renamed = json!({"version": seen["version"], "name": "Another"});
        t.organiser.patch(&event_path, renamed).await.expect(200);
        let late = put(&t.organiser, &own, &with(fee(9), "version", &seen["version"])).await;
        late.refused(409, "catalog.version_conflict");
        t.stop().await;
    }

    /// covers: ORG-3, BE-6
    async fn a_tax_is_changed_as_it_was_seen(db: TestDb) {
        let t = TestApp::start(db).await;
        let made = t.organiser.post("/api/v1/tax-rules", tax(1)).await.expect(201);
        let one = format!("/api/v1/tax-rules/{}", made["id"].as_str().unwrap());
        let missing = put(&t.organiser, &one, &tax(2)).await.refused(422, "invalid");
        assert_eq!(faults(&missing), [("revision".to_owned(), "missing".to_owned())]);
        let bodies = (10..18).map(|rate| with(tax(rate), "revision", &json!(1)));
        let won = race(&t.organiser, &one, bodies.collect(), &[409]).await;
        assert_eq!(won["revision"], 2);
        let kept = t.organiser.get("/api/v1/tax-rules").await.expect(200);
        assert_eq!(kept["items"], json!([won]));
        put(&t.organiser, &one, &with(tax(3), "revision", &json!(1))).await.refused(409, "catalog.version_conflict");
        t.stop().await;
    }
}
