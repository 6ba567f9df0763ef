//! Two managers who set at once what is asked of those who buy overwrite nothing of each other.

use bilten_kernel::on_both_engines;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};
use crate::catalog_offers::put;

/// Nobody writes over what was said without having seen it; of eight who saw the same, one does.
async fn guarded(t: &TestApp, path: &str, say: fn(u32) -> Value) {
    let client = &t.organiser;
    let with = |mut body: Value, version: &Value| {
        body["version"] = version.clone();
        body
    };
    assert_eq!(client.get(path).await.expect(200)["version"], 0);
    let bodies: Vec<Value> = (1..9).map(say).collect();
    let first: Vec<Answer> = join_all(bodies.iter().map(|body| put(client, path, body))).await;
    let (won, lost): (Vec<_>, Vec<_>) = first.iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1, "{path}");
    assert!(
        lost.iter()
            .all(|answer| [409, 422].contains(&answer.status))
    );
    let first = won[0].expect(200);
    assert_eq!(first["version"], 1);

    let missing = put(client, path, &say(2)).await.refused(422, "invalid");
    assert_eq!(
        (
            &missing["errors"][0]["field"],
            &missing["errors"][0]["code"]
        ),
        (&json!("version"), &json!("missing"))
    );
    let second = put(client, path, &with(say(3), &json!(1)))
        .await
        .expect(200);
    let late = put(client, path, &with(say(4), &json!(1))).await;
    late.refused(409, "sales.version_conflict");
    let tagged = |tag: &str| {
        client
            .request(Method::PUT, path)
            .header("if-match", tag)
            .json(&say(5))
    };
    client
        .send(tagged("\"1\""))
        .await
        .refused(412, "precondition_failed");
    let read = client.get(path).await;
    assert_eq!(read.expect(200), second, "nothing was overwritten");
    let tag = read.headers["etag"].to_str().unwrap();
    let third = client.send(tagged(tag)).await.expect(200);
    assert_eq!(third["version"], 3);

    let bodies: Vec<Value> = (10..18).map(|n| with(say(n), &json!(3))).collect();
    let all: Vec<Answer> = join_all(bodies.iter().map(|body| put(client, path, body))).await;
    let (won, lost): (Vec<_>, Vec<_>) = all.iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1, "{path}");
    for answer in lost {
        answer.refused(409, "sales.version_conflict");
    }
    assert_eq!(client.get(path).await.expect(200), won[0].expect(200));
    let stranger = t.other_organiser().await;
    put(&stranger, path, &with(say(1), &json!(4)))
        .await
        .expect(404);
}

fn limits(most: u32) -> Value {
    json!({"per_email": most})
}

fn rules(n: u32) -> Value {
    json!({"no_single_seats": n.is_multiple_of(2), "companions_with_their_place": true})
}

on_both_engines! {
    /// covers: ORG-3, BE-6
    async fn purchase_limits_are_changed_as_they_were_seen(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2_500, 10)]).await;
        guarded(&t, &format!("/api/v1/events/{}/purchase-limits", event.id), limits).await;
        t.stop().await;
    }

    /// covers: ORG-3, BE-6
    async fn rules_of_sale_are_changed_as_they_were_seen(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2_500, 10)]).await;
        guarded(&t, &format!("/api/v1/events/{}/sale-rules", event.id), rules).await;
        t.stop().await;
    }
}
