//! Changes of what was seen only: `If-Match`.

use bilten_kernel::on_both_engines;
use bilten_server::identity::Role;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, Client, TestApp};

async fn change(client: &Client, method: Method, path: &str, seen: &str, body: &Value) -> Answer {
    let request = client.request(method, path).header("if-match", seen);
    client.send(request.json(body)).await
}

fn tag(answer: &Answer) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

/// Eight change one thing at once, all of what they have seen; gives the answer to the one that did.
async fn race(client: &Client, path: &str, seen: &str) -> Value {
    let tries = (0..8).map(|turn| async move {
        let name = format!("Name {turn}");
        let body = if path.contains("/webhooks/") {
            json!({"description": name})
        } else {
            json!({"name": name})
        };
        change(client, Method::PATCH, path, seen, &body).await
    });
    let (won, lost): (Vec<_>, Vec<_>) = join_all(tries)
        .await
        .into_iter()
        .partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 7), "{path}: {lost:?}");
    for answer in lost {
        answer.refused(412, "precondition_failed");
    }
    assert_ne!(tag(&won[0]), seen);
    won[0].expect(200)
}

on_both_engines! {
    /// covers: GW-4
    async fn an_event_is_changed_as_it_was_seen_or_not_at_all(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        let path = format!("/api/v1/events/{}", event.id);
        let tier = format!("{path}/tiers/{}", event.tiers[0]);
        let whole = t.organiser.get(&path).await;
        let part = t.organiser.get(&format!("{path}?fields=name")).await;
        assert!(tag(&whole).starts_with("W/\"2.") && tag(&part).starts_with("W/\"2."), "{}", tag(&whole));
        assert_ne!(tag(&whole), tag(&part), "another answer");

        // What was cut is the same thing, and each change answers the tag for the next one.
        let renamed = change(&t.organiser, Method::PATCH, &path, &tag(&part), &json!({"name": "One"})).await;
        assert_eq!(renamed.expect(200)["version"], 3);
        assert_eq!(tag(&renamed), tag(&t.organiser.get(&path).await));
        let priced = change(&t.organiser, Method::PATCH, &tier, &tag(&renamed), &json!({"price_minor": 1_500})).await;
        priced.expect(200);
        let late = change(&t.organiser, Method::PATCH, &path, &tag(&renamed), &json!({"name": "Late"})).await;
        late.refused(412, "precondition_failed");
        assert!(!late.headers.contains_key("etag"));
        for (method, address, body) in [
            (Method::PATCH, &tier, json!({"price_minor": 1})),
            (Method::POST, &format!("{path}/tiers"), json!({"name": "More", "price_minor": 1, "capacity": 1})),
            (Method::POST, &format!("{path}/cancel"), json!({})),
            (Method::DELETE, &path, json!({})),
        ] {
            let refused = change(&t.organiser, method, address, &tag(&renamed), &body).await;
            refused.refused(412, "precondition_failed");
        }
        let seen = t.organiser.get(&path).await;
        assert_eq!(tag(&seen), tag(&priced), "nothing was written");
        let seen = seen.expect(200);
        assert_eq!((&seen["name"], &seen["state"], &seen["tiers"][0]["price_minor"]), (&json!("One"), &json!("published"), &json!(1_500)));

        // The version says the same as a tag; one of them is needed, and both must be right.
        change(&t.organiser, Method::PATCH, &path, "\"4\"", &json!({"name": "Two"})).await.expect(200);
        change(&t.organiser, Method::PATCH, &path, "\"5\"", &json!({"name": "No", "version": 4})).await.refused(409, "catalog.version_conflict");
        change(&t.organiser, Method::PATCH, &path, "*", &json!({"name": "Three", "version": 5})).await.expect(200);
        let missing = t.organiser.patch(&path, json!({"name": "No"})).await.refused(422, "invalid");
        assert_eq!((&missing["errors"][0]["field"], &missing["errors"][0]["code"]), (&json!("version"), &json!("missing")));
        for strange in ["", "6", "W/\"x\"", "\"6", "W/\"-6\""] {
            change(&t.organiser, Method::PATCH, &path, strange, &json!({"name": "No"})).await.refused(412, "precondition_failed");
        }
        // Who may not see it learns nothing of its version.
        let other = t.other_organiser().await;
        for seen in ["\"6\"", "\"1\""] {
            change(&other, Method::PATCH, &path, seen, &json!({"name": "No"})).await.refused(404, "catalog.not_found");
        }
        t.stop().await;
    }

    /// covers: GW-4
    async fn of_eight_who_saw_the_same_one_changes_it(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        let owner = t.member(Role::Owner).await;
        let path = format!("/api/v1/events/{}", event.id);
        let first = |list: Value| list["items"][0]["id"].as_str().unwrap().to_owned();
        let list = first(owner.get(&format!("{path}/lists")).await.expect(200));
        let gate = first(owner.get(&format!("{path}/gates")).await.expect(200));
        let hook = json!({"url": "http://127.0.0.1:9/", "event_types": ["order.refunded"]});
        let hook = owner.post("/api/v1/webhooks/endpoints", hook).await.expect(201);
        let key = json!({"name": "Till", "scopes": ["events.read"]});
        let key = owner.post("/api/v1/keys", key).await.expect(201);
        let text = |made: &Value| made["id"].as_str().unwrap().to_owned();
        let (hook, key) = (text(&hook), text(&key));

        let won = race(&owner, &path, &tag(&owner.get(&path).await)).await;
        assert_eq!(won["version"], 3);
        assert_eq!(owner.get(&path).await.expect(200)["name"], won["name"]);
        let tier = format!("{path}/tiers/{}", event.tiers[0]);
        assert_eq!(race(&owner, &tier, "\"3\"").await["version"], 4);
        for (list, id, field) in [
            (format!("{path}/lists"), list, "name"),
            (format!("{path}/gates"), gate, "name"),
            ("/api/v1/webhooks/endpoints".to_owned(), hook, "description"),
            ("/api/v1/keys".to_owned(), key, "name"),
        ] {
            let one = format!("{list}/{id}");
            let won = race(&owner, &one, "\"1\"").await;
            assert_eq!(won["revision"], 2, "{one}");
            let items = owner.get(&list).await.expect(200);
            let item = items["items"].as_array().unwrap().iter().find(|item| item["id"] == id.as_str()).unwrap();
            assert_eq!((&item[field], &item["revision"]), (&won[field], &json!(2)), "{one}");
            // Without it, the last one wins, as ever.
            owner.patch(&one, json!({field: "Last"})).await.expect(200);
            assert_eq!(race(&owner, &one, "\"3\"").await["revision"], 4);
        }
        t.stop().await;
    }

    /// covers: GW-4
    async fn what_is_removed_was_seen(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        let places = format!("/api/v1/events/{}", event.id);
        let hooks = "/api/v1/webhooks/endpoints".to_owned();
        for (list, body, field) in [
            (format!("{places}/lists"), json!({"name": "Second"}), "name"),
            (format!("{places}/gates"), json!({"name": "Second"}), "name"),
            (hooks, json!({"url": "http://127.0.0.1:9/", "event_types": ["order.refunded"]}), "description"),
        ] {
            let made = t.organiser.post(&list, body).await.expect(201);
            assert_eq!(made["revision"], 1);
            let one = format!("{list}/{}", made["id"].as_str().unwrap());
            let changed = t.organiser.patch(&one, json!({field: "Third"})).await;
            changed.expect(200);
            assert!(tag(&changed).starts_with("W/\"2."), "{}", tag(&changed));
            change(&t.organiser, Method::DELETE, &one, "\"1\"", &json!({})).await.refused(412, "precondition_failed");
            let still = t.organiser.patch(&one, json!({field: "Fourth"})).await;
            still.expect(200);
            let gone = change(&t.organiser, Method::DELETE, &one, &tag(&still), &json!({})).await;
            assert_eq!(gone.status, 204, "{}", gone.text);
        }
        // What nothing changed has the tag that it had.
        let list = t.organiser.get(&format!("{places}/lists")).await.expect(200);
        let one = format!("{places}/lists/{}", list["items"][0]["id"].as_str().unwrap());
        let same = t.organiser.patch(&one, json!({"name": list["items"][0]["name"]})).await;
        assert!(tag(&same).starts_with("W/\"1."));
        t.stop().await;
    }
}
