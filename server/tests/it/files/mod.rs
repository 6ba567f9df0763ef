//! Files that answer questions: sent, bought with, read, and forgotten.

mod life;
mod refusals;
mod whose;

use bilten_kernel::{sql, vals};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::app::{Answer, Client, Event, TestApp};
use crate::selling::{buying, event_with, text};

/// Hours until an event that is far away.
const FAR: i64 = 24 * 30;
const PDF: &[u8] = b"%PDF-1.7\nAna Novak, matriculation 4711";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF and so on";

/// A published event a month away, which asks these questions by themselves; with their ids.
async fn asking(t: &TestApp, questions: Value) -> (Event, Vec<String>) {
    let tiers = json!([{"name": "Student", "price_minor": 1_000, "capacity": 100}]);
    let event = event_with(t, tiers, &[FAR]).await;
    let ids = ask(t, &t.organiser, &event, questions).await;
    (event, ids)
}

/// Lets an event ask questions; gives their ids.
async fn ask(t: &TestApp, organiser: &Client, event: &Event, questions: Value) -> Vec<String> {
    let path = format!("/api/v1/events/{}", event.id);
    let version = organiser.get(&path).await.expect(200)["version"].clone();
    let body = json!({"version": version, "questions": questions});
    let put = organiser.request(Method::PUT, &format!("{path}/questions"));
    let form = t.stranger.send(put.json(&body)).await.expect(200);
    let questions = form["questions"].as_array().unwrap().iter();
    questions.map(|one| text(&one["id"])).collect()
}

/// A question that a file answers: one of each ticket that has to be answered.
fn file_question(asks: Value) -> Value {
    json!({
        "label": {"sl": "Študentska izkaznica"}, "asks": asks, "per": "ticket", "stage": "purchase", "required": true,
    })
}

/// Sends a file as what it is not, which says nothing.
async fn send(t: &TestApp, event: &str, question: &str, bytes: &[u8]) -> Answer {
    send_called(t, event, question, "", bytes).await
}

/// The same, with what is to follow the path.
async fn send_called(
    t: &TestApp,
    event: &str,
    question: &str,
    query: &str,
    bytes: &[u8],
) -> Answer {
    let path = format!("/api/v1/shop/events/{event}/questions/{question}/files{query}");
    let request = t.stranger.request(Method::POST, &path);
    let request = request
        .header("content-type", "text/html")
        .body(bytes.to_vec());
    t.stranger.send(request).await
}

async fn sent(t: &TestApp, event: &Event, question: &str, bytes: &[u8]) -> String {
    text(&send(t, &event.id, question, bytes).await.expect(201)["id"])
}

/// The body of a purchase in which each ticket answers a question with one of these files.
fn with_files(event: &Event, question: &str, files: &[&str], outcome: &str) -> Value {
    let items = json!([{"tier": event.tiers[0], "quantity": files.len()}]);
    let mut body = buying(event, items, outcome);
    let tickets: Vec<Value> = files
        .iter()
        .map(|file| json!({"answers": {question: file}}))
        .collect();
    body["tickets"] = json!(tickets);
    body
}

async fn buy(t: &TestApp, body: &Value, key: &str) -> Answer {
    t.stranger.post_once("/api/v1/shop/orders", key, body).await
}

/// The field and the code of each fault of a refused request.
fn faults(answer: &Answer) -> Vec<String> {
    let problem = answer.refused(422, "invalid");
    let all = problem["errors"].as_array().unwrap().iter();
    all.map(|one| format!("{} {}", text(&one["field"]), text(&one["code"])))
        .collect()
}

/// What a download answers, byte by byte.
async fn download(client: &Client, path: &str) -> (u16, HeaderMap, Vec<u8>) {
    let response = client.request(Method::GET, path).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.bytes().await.unwrap().to_vec())
}

/// Whether the organiser finds a file with an order.
async fn is_of(t: &TestApp, order: &str, file: &str) -> bool {
    let answer = t
        .organiser
        .get(&format!("/api/v1/orders/{order}/files/{file}"))
        .await;
    if answer.status == 200 {
        return true;
    }
    answer.refused(404, "sales.file_not_found");
    false
}

/// How many files are kept; as many contents are.
async fn kept(t: &TestApp) -> i64 {
    let db = &t.app.db;
    let files: i64 = db
        .scalar(sql!("SELECT COUNT(*) FROM answer_files"), vals![])
        .await
        .unwrap();
    let contents: i64 = db
        .scalar(sql!("SELECT COUNT(*) FROM answer_file_contents"), vals![])
        .await
        .unwrap();
    assert_eq!(files, contents);
    files
}

/// Does what the job does.
async fn sweep(t: &TestApp) {
    while bilten_server::sales::files::sweep(&t.app).await.unwrap() > 0 {}
}
