//! A browser: it keeps cookies, and follows nothing by itself.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

use super::provider::Provider;
use crate::app::{Answer, Client, TestApp};

#[derive(Clone)]
pub(super) struct Browser {
    client: Client,
    cookies: BTreeMap<String, String>,
    url: String,
}

impl Browser {
    pub(super) fn new(t: &TestApp) -> Self {
        Self {
            client: t.stranger.clone(),
            cookies: BTreeMap::new(),
            url: t.url.clone(),
        }
    }

    /// Opens an address of ours, whole or only its path.
    pub(super) async fn get(&mut self, address: &str) -> Answer {
        self.send(Method::GET, address, |request| request).await
    }

    pub(super) async fn delete(&mut self, path: &str) -> Answer {
        self.send(Method::DELETE, path, |request| request).await
    }

    /// Posts a form as another site makes a browser do: without cookies.
    pub(super) async fn posted_by_other_site(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form);
        let request = self
            .client
            .request(Method::POST, path)
            .header("sec-fetch-site", "cross-site")
            .header("origin", "https://idp.example")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.finish());
        self.client.send(request).await
    }

    async fn send(
        &mut self,
        method: Method,
        address: &str,
        change: impl Fn(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Answer {
        let path = address.strip_prefix(&self.url).unwrap_or(address);
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = change(self.client.request(method, path));
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        let answer = self.client.send(request).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let text = cookie.to_str().unwrap();
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            assert!(
                text.contains("HttpOnly") && text.contains("SameSite=Lax"),
                "{text}"
            );
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    /// Goes out to a provider; where the browser is sent.
    pub(super) async fn start(&mut self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        assert_eq!(answer.headers["cache-control"], "no-store");
        location(&answer)
    }

    /// Signs in by a provider as whoever that says; what the callback answers.
    pub(super) async fn sign_in(&mut self, slug: &str, provider: &Provider, who: &Value) -> Answer {
        let out = self
            .start(&format!("/sso/{slug}/start?next=/account"))
            .await;
        let back = provider.login(&out, who);
        self.get(&back).await
    }

    /// Fails unless the browser is signed in; who that is.
    pub(super) async fn identities(&mut self) -> Value {
        self.get("/api/v1/me/identities").await.expect(200)
    }

    pub(super) async fn is_signed_in(&mut self) -> bool {
        self.get("/api/v1/me/identities").await.status == 200
    }

    /// The same browser as if it had signed in by other means.
    pub(super) fn with_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }
}

pub(super) fn location(answer: &Answer) -> String {
    answer.headers["location"].to_str().unwrap().to_owned()
}

/// Fails unless the answer sends the browser on to a page.
#[track_caller]
pub(super) fn lands_at(answer: &Answer, page: &str) {
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert_eq!(location(answer), page);
}
