//! The examples of the description, sent to the server as they stand there.

use bilten_kernel::on_both_engines;
use bilten_server::api::examples::{EVENT, Example, HOLD, ORDER, TIER, examples};
use bilten_server::identity::Role;
use serde_json::{Value, json};

use crate::app::TestApp;

/// What stands for what: ids of the examples, and those that the server gave.
#[derive(Default)]
struct Given(Vec<(&'static str, String)>);

impl Given {
    fn is(&mut self, shown: &'static str, answer: &Value) {
        self.0.push((shown, answer.as_str().unwrap().to_owned()));
    }

    /// The text with the server's ids in place of those of the examples.
    fn real(&self, text: &str) -> String {
        let all = self.0.iter();
        all.fold(text.to_owned(), |text, (shown, given)| {
            text.replace(shown, given)
        })
    }
}

/// Whether an answer has all that an example shows of it.
fn has(answer: &Value, shown: &Value) -> bool {
    match shown {
        Value::Object(fields) => fields.iter().all(|(name, shown)| has(&answer[name], shown)),
        Value::Array(items) => {
            let is_as_long = answer
                .as_array()
                .is_some_and(|all| all.len() == items.len());
            is_as_long
                && items
                    .iter()
                    .enumerate()
                    .all(|(at, shown)| has(&answer[at], shown))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => answer == shown,
    }
}

on_both_engines! {
    /// covers: GW-7, BE-6
    async fn the_examples_work_one_after_the_other(db: TestDb) {
        let t = TestApp::start(db).await;
        let owner = t.member(Role::Owner).await;
        let (mut given, mut token) = (Given::default(), String::new());
        for Example { method, path, request, status, answer } in examples() {
            let path = path.replace("{event}", EVENT).replace("{order}", ORDER);
            let client = if path.starts_with("/api/v1/shop/") {
                t.stranger.with_token(&token)
            } else {
                owner.clone()
            };
            let sent = client
                .request(method.to_uppercase().parse().unwrap(), &given.real(&path))
                .header("idempotency-key", format!("example {path}").replace(' ', "-"));
            let sent = if request.is_null() {
                sent
            } else {
                let body = given.real(&request.to_string());
                sent.header("content-type", "application/json").body(body)
            };
            let got = client.send(sent).await.expect(status.parse().unwrap());
            match path.as_str() {
                "/api/v1/events" => {
                    given.is(EVENT, &got["id"]);
                    given.is(TIER, &got["tiers"][0]["id"]);
                }
                // Nobody is there to be told.
                "/api/v1/webhooks/endpoints" => {
                    let endpoint = format!("{path}/{}", got["id"].as_str().unwrap());
                    owner.delete(&endpoint).await.expect(204);
                }
                "/api/v1/shop/holds" => given.is(HOLD, &got["id"]),
                "/api/v1/shop/orders" => {
                    given.is(ORDER, &got["order"]["id"]);
                    got["token"].as_str().unwrap().clone_into(&mut token);
                }
                _ => {}
            }
            let shown: Value = serde_json::from_str(&given.real(&answer.to_string())).unwrap();
            assert!(has(&got, &shown), "{method} {path} answers {got}, not {shown}");
        }
        t.stop().await;
    }
}

#[test]
fn an_answer_that_is_not_as_shown_is_seen() {
    let answer = json!({"id": "1", "tiers": [{"name": "a"}]});
    assert!(has(&answer, &json!({"tiers": [{"name": "a"}]})));
    for shown in [
        json!({"id": "2"}),
        json!({"tiers": []}),
        json!({"tiers": [{"name": "b"}]}),
        json!({"more": 1}),
    ] {
        assert!(!has(&answer, &shown), "{shown}");
    }
}
