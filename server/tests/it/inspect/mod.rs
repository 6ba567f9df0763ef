//! The request inspector, as developers see it.

mod listing;
mod masking;
mod pressure;

use std::time::Duration;

use serde_json::Value;

use crate::app::{Client, TestApp};

const REQUESTS: &str = "/api/v1/requests";

/// Asks until what is answered fits; what is taken down is written a moment later.
async fn list_until(client: &Client, query: &str, fits: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let mut items = Vec::new();
    for _ in 0..400 {
        let list = client.get(&format!("{REQUESTS}{query}")).await.expect(200);
        items = list["items"].as_array().unwrap().clone();
        if fits(&items) {
            return items;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("not listed at {query}: {items:#?}");
}

/// A request by the id in its answer; waits until it is written.
async fn read(client: &Client, id: &str) -> Value {
    for _ in 0..400 {
        let answer = client.get(&format!("{REQUESTS}/{id}")).await;
        if answer.status != 404 {
            return answer.expect(200);
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{id} is not kept");
}

/// The id of a request that the organiser has made.
pub(crate) async fn first(t: &TestApp) -> String {
    let items = list_until(&t.organiser, "", |items| !items.is_empty()).await;
    items[0]["id"].as_str().unwrap().to_owned()
}
