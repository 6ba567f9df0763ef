//! The server over HTTP, as an organiser's program and a buyer's browser see it.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, Url};
use serde_json::Value;

use crate::cli::Failure;

/// Long enough for a debug build on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The server, with the organiser's key.
#[derive(Clone)]
pub(super) struct Api {
    client: Client,
    base: String,
    key: String,
}

impl Api {
    /// The server at this address.
    ///
    /// # Errors
    /// `demo.http` if there is no HTTP client to be had.
    pub(super) fn new(base: String, key: String) -> Result<Self, Failure> {
        let client = Client::builder()
            .no_proxy()
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| Failure::new("demo.http", error))?;
        Ok(Self { client, base, key })
    }

    /// Reads something of the organiser's.
    ///
    /// # Errors
    /// The server's code, or `demo.http`.
    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.json(self.client.get(self.at(path)).bearer_auth(&self.key))
            .await
    }

    /// Does something as the organiser.
    ///
    /// # Errors
    /// The server's code, or `demo.http`.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.json(
            self.client
                .post(self.at(path))
                .bearer_auth(&self.key)
                .json(body),
        )
        .await
    }

    /// Changes something as the organiser.
    ///
    /// # Errors
    /// The server's code, or `demo.http`.
    pub(super) async fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.json(
            self.client
                .patch(self.at(path))
                .bearer_auth(&self.key)
                .json(body),
        )
        .await
    }

    /// Buys something: `once` makes it happen once, `token` is the order's if there is one already.
    ///
    /// # Errors
    /// The server's code, or `demo.http`.
    pub(super) async fn buy(
        &self,
        path: &str,
        once: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<Value, Failure> {
        let mut request = self.client.post(self.at(path)).json(body);
        request = request.header("Idempotency-Key", once);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        self.json(request).await
    }

    /// Reads an order as its buyer.
    ///
    /// # Errors
    /// The server's code, or `demo.http`.
    pub(super) async fn order(&self, order: &str, token: &str) -> Result<Value, Failure> {
        let path = format!("/api/v1/shop/orders/{order}");
        self.json(self.client.get(self.at(&path)).bearer_auth(token))
            .await
    }

    /// Downloads a file, with the order's token if one is needed.
    ///
    /// # Errors
    /// The server's code, or `demo.http`.
    pub(super) async fn file(&self, path: &str, token: Option<&str>) -> Result<Vec<u8>, Failure> {
        let mut request = self.client.get(self.at(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = sent(request).await?;
        Ok(response.bytes().await.map_err(broken)?.to_vec())
    }

    /// Opens a page as a browser does; also says where that led.
    ///
    /// # Errors
    /// The server's code, or `demo.http`.
    pub(super) async fn page(&self, path: &str) -> Result<(Url, String), Failure> {
        shown(self.client.get(self.at(path))).await
    }

    /// Sends a form as a browser does; also says where that led.
    ///
    /// # Errors
    /// The server's code, or `demo.http`.
    pub(super) async fn form(
        &self,
        path: &str,
        fields: &[(String, String)],
    ) -> Result<(Url, String), Failure> {
        // A query and the body of a form are encoded alike.
        let encoded = Url::parse_with_params("http://form/", fields)
            .map_err(|error| Failure::new("demo.http", error))?;
        let request = self
            .client
            .post(self.at(path))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(encoded.query().unwrap_or_default().to_owned());
        shown(request).await
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn json(&self, request: RequestBuilder) -> Result<Value, Failure> {
        sent(request).await?.json().await.map_err(broken)
    }
}

fn broken(error: reqwest::Error) -> Failure {
    Failure::new("demo.http", error)
}

async fn sent(request: RequestBuilder) -> Result<Response, Failure> {
    let response = request.send().await.map_err(broken)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let place = response.url().path().to_owned();
    let problem: Value = response.json().await.unwrap_or_default();
    let code = problem["code"].as_str().unwrap_or("demo.http");
    Err(Failure::new(
        code,
        format_args!("{place} answered {status}: {}", problem["detail"]),
    ))
}

async fn shown(request: RequestBuilder) -> Result<(Url, String), Failure> {
    let response = sent(request).await?;
    let url = response.url().clone();
    Ok((url, response.text().await.map_err(broken)?))
}

/// A text within an answer.
///
/// # Errors
/// `demo.answer` if it is not there.
pub(super) fn text<'a>(answer: &'a Value, pointer: &str) -> Result<&'a str, Failure> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    found.ok_or_else(|| missing(pointer))
}

/// A number within an answer.
///
/// # Errors
/// `demo.answer` if it is not there.
pub(super) fn number(answer: &Value, pointer: &str) -> Result<i64, Failure> {
    let found = answer.pointer(pointer).and_then(Value::as_i64);
    found.ok_or_else(|| missing(pointer))
}

/// A list within an answer.
///
/// # Errors
/// `demo.answer` if it is not there.
pub(super) fn list<'a>(answer: &'a Value, pointer: &str) -> Result<&'a [Value], Failure> {
    let found = answer.pointer(pointer).and_then(Value::as_array);
    found.map(Vec::as_slice).ok_or_else(|| missing(pointer))
}

fn missing(pointer: &str) -> Failure {
    Failure::new("demo.answer", format_args!("the answer has no {pointer}"))
}
