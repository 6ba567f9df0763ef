//! The storefront, as a browser without scripts uses it.

mod buying;
mod pages;

use reqwest::Method;

use crate::app::{Answer, Client, Event, TestApp};

/// Somebody with a browser.
pub(super) struct Visitor(Client);

impl Visitor {
    pub(super) fn new(t: &TestApp) -> Self {
        Self(t.stranger.clone())
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        let request = self.0.request(Method::GET, path);
        self.0.send(request.header("accept", "text/html")).await
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
            .0
            .request(Method::POST, path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(url.query().unwrap_or_default().to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.0.send(request).await
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
