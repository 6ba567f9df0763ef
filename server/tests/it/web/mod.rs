//! The storefront, as a browser without scripts uses it.

mod account;
mod asking;
mod buying;
mod changing;
mod dates;
mod developer;
mod factors;
mod pages;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use reqwest::Method;
use reqwest::header::{COOKIE, SET_COOKIE};

use crate::app::{Answer, Client, Event, TestApp};

/// Somebody with a browser, which keeps cookies.
pub(super) struct Visitor {
    client: Client,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Visitor {
    pub(super) fn new(t: &TestApp) -> Self {
        Self {
            client: t.stranger.clone(),
            cookies: Mutex::default(),
        }
    }

    /// The cookies that it keeps.
    pub(super) fn cookies(&self) -> BTreeMap<String, String> {
        self.cookies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts a cookie into the browser.
    pub(super) fn set_cookie(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        cookies.insert(name.to_owned(), value.to_owned());
    }

    /// Asks with the cookies that it has, and keeps those that it is given.
    async fn ask(&self, request: reqwest::RequestBuilder) -> Answer {
        let kept = self.cookies();
        let pairs: Vec<_> = kept.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let request = if pairs.is_empty() {
            request
        } else {
            request.header(COOKIE, pairs.join("; "))
        };
        let answer = self.client.send(request).await;
        let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let text = cookie.to_str().unwrap();
            let (pair, rest) = text.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
                assert!(rest.contains(part), "{text}");
            }
            if value.is_empty() || rest.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        drop(cookies);
        answer
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        let request = self.client.request(Method::GET, path);
        self.ask(request.header("accept", "text/html")).await
    }

    /// Sends a form from the page that it is on.
    pub(super) async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send_with(path, fields, &[("sec-fetch-site", "same-origin")])
            .await
    }

    pub(super) async fn send_with(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut url = reqwest::Url::parse("http://form/").unwrap();
        url.query_pairs_mut().extend_pairs(fields);
        let mut request = self
            .client
            .request(Method::POST, path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(url.query().unwrap_or_default().to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request).await
    }

    /// Reserves so many of each tier and gives the checkout's address.
    pub(super) async fn reserve(&self, event: &Event, quantities: &[u32]) -> String {
        let page = self.get(&format!("/e/{}", event.slug)).await;
        let mut fields = vec![("key".to_owned(), page.value("key"))];
        for (tier, quantity) in event.tiers.iter().zip(quantities) {
            fields.push((format!("q_{tier}"), quantity.to_string()));
        }
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let path = format!("/e/{}/hold", event.slug);
        self.send(&path, &fields).await.leads_to("/checkout/")
    }

    /// Pays at a checkout with this outcome and gives the order's address.
    pub(super) async fn pay(&self, checkout: &str, outcome: &str) -> String {
        let total = self.get(checkout).await.value("total");
        let fields = [
            ("name", "Ana Novak"),
            ("email", "ana@example.com"),
            ("payment", outcome),
            ("total", &total),
        ];
        self.send(checkout, &fields).await.leads_to("/orders/")
    }

    /// Buys so many of each tier and gives the order's address.
    pub(super) async fn buy(&self, event: &Event, quantities: &[u32], outcome: &str) -> String {
        let checkout = self.reserve(event, quantities).await;
        self.pay(&checkout, outcome).await
    }
}

impl Answer {
    /// The page, if the status is as expected.
    #[track_caller]
    pub(super) fn page(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "text/html; charset=utf-8");
        &self.text
    }

    /// Fails unless the page says this.
    #[track_caller]
    pub(super) fn says(&self, status: u16, text: &str) -> &Self {
        assert!(
            self.page(status).contains(text),
            "no {text:?} in {}",
            self.text
        );
        self
    }

    /// Where the browser is sent, by GET.
    #[track_caller]
    pub(super) fn leads_to(&self, start: &str) -> String {
        assert_eq!(self.status, 303, "{}", self.text);
        let path = self.headers["location"].to_str().unwrap().to_owned();
        assert!(path.starts_with(start), "{path}");
        path
    }

    /// The value of a field of the page's form.
    #[track_caller]
    pub(super) fn value(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest = self.page(200).split_once(&start);
        let (_, rest) = rest.unwrap_or_else(|| panic!("no field {name} in {}", self.text));
        rest.split('"').next().unwrap().to_owned()
    }

    /// The targets of the page's links that hold this text.
    pub(super) fn links(&self, part: &str) -> Vec<String> {
        let targets = self.text.split("href=\"").skip(1);
        targets
            .map(|rest| rest.split('"').next().unwrap().replace("&#38;", "&"))
            .filter(|target| target.contains(part))
            .collect()
    }
}
