//! A receiver of webhooks on this machine.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;

/// How long something may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the receiver answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// With this status.
    Status(u16),
    /// With this status, and how many seconds to wait.
    Later(u16, u64),
    /// That it is elsewhere.
    Elsewhere(String),
    /// After this time.
    Slowly(Duration),
    /// Without end.
    Endlessly,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// What happened.
    pub(crate) fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// The signatures by these secrets, as the specification's own library makes them.
    pub(crate) fn signatures(&self, secrets: &[&str]) -> String {
        let at = self.header("webhook-timestamp").parse().unwrap();
        let sign = |secret: &&str| {
            let webhook = standardwebhooks::Webhook::new(secret).unwrap();
            webhook.sign(self.id(), at, &self.body).unwrap()
        };
        secrets.iter().map(sign).collect::<Vec<_>>().join(" ")
    }
}

#[derive(Default)]
struct HookState {
    received: Vec<Received>,
    answers: VecDeque<Answer>,
    usual: Option<Answer>,
}

/// A receiver.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) url: String,
    state: Arc<Mutex<HookState>>,
}

impl Hook {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let state = Arc::<Mutex<HookState>>::default();
        let routes = Router::new().fallback(take).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, state }
    }

    /// Answers the next requests so.
    pub(crate) fn next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state.lock().unwrap().answers.extend(answers);
    }

    /// Answers all others so.
    pub(crate) fn always(&self, answer: Answer) {
        self.state.lock().unwrap().usual = Some(answer);
    }

    /// All that came.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// What happened, of all that came.
    pub(crate) fn kinds(&self) -> Vec<String> {
        self.received().iter().map(Received::kind).collect()
    }

    /// Waits until so many requests came.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        let begin = Instant::now();
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "{} of {count} came: {:?}",
                received.len(),
                self.kinds()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn take(
    State(state): State<Arc<Mutex<HookState>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = {
        let mut state = state.lock().unwrap();
        state.received.push(Received {
            headers,
            body: body.to_vec(),
        });
        let usual = state.usual.clone().unwrap_or(Answer::Status(200));
        state.answers.pop_front().unwrap_or(usual)
    };
    let status = |status| StatusCode::from_u16(status).unwrap();
    match answer {
        Answer::Status(code) => (status(code), "thank you").into_response(),
        Answer::Later(code, seconds) => {
            (status(code), [("retry-after", seconds.to_string())]).into_response()
        }
        Answer::Elsewhere(url) => (StatusCode::FOUND, [("location", url)]).into_response(),
        Answer::Slowly(time) => {
            tokio::time::sleep(time).await;
            StatusCode::OK.into_response()
        }
        Answer::Endlessly => {
            let parts = futures_util::stream::repeat_with(|| {
                Ok::<_, std::convert::Infallible>(Bytes::from_static(&[b'x'; 1_024]))
            });
            Body::from_stream(parts).into_response()
        }
    }
}
