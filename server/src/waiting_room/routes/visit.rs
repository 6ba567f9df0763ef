//! Who waits: what a request shows of a place and a pass, and from whom it comes.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};

use crate::app::App;
use crate::catalog::EventId;
use crate::identity::{self, PageVisitor, Principal, UserId};
use crate::waiting_room::model::WaitingPass;
use crate::waiting_room::service::{Joiner, PassShown};

/// The header in which an app shows its place.
const PLACE: &str = "waiting-place";
/// The header in which an app shows its pass.
const PASS: &str = "waiting-pass";
/// The header in which an app sends the secret by which it is known.
const DEVICE: &str = "bilten-device";
/// How long a browser keeps its place, in seconds: a sale is over by then.
const PLACE_LASTS_S: i64 = 7 * 86_400;

/// What a request shows of places and passes: apps by headers, browsers by cookies of each event.
#[derive(Clone, Debug)]
pub struct Visit(HeaderMap);

impl FromRequestParts<App> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.clone()))
    }
}

impl Visit {
    /// What is shown for an event.
    pub fn shown(&self, app: &App, event: EventId) -> PassShown {
        PassShown {
            place: self.one(PLACE, &cookie_name(app, "place", event)),
            pass: self.one(PASS, &cookie_name(app, "pass", event)),
        }
    }

    fn one(&self, header: &str, cookie: &str) -> Option<String> {
        let header = self
            .0
            .get(header)
            .map(|value| value.to_str().unwrap_or("?"));
        header
            .or_else(|| identity::cookie(&self.0, cookie))
            .map(str::to_owned)
    }
}

/// From whom a request comes that wants a place.
#[derive(Clone, Debug)]
pub struct Came {
    account: Option<UserId>,
    device: Option<String>,
    address: IpAddr,
}

impl FromRequestParts<App> for Came {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let PageVisitor(visitor) = PageVisitor::from_request_parts(parts, app).await?;
        let named = parts.headers.get(DEVICE);
        let named = named.and_then(|value| value.to_str().ok());
        let device = named.map(str::to_owned).or(visitor.device);
        // Whoever is signed in nowhere, or not any more, comes as nobody in particular.
        let account = match identity::caller(parts, app).await {
            Ok(principal) => match &*principal {
                Principal::Person(person) => Some(person.user),
                Principal::Program(_) => None,
            },
            Err(_) => None,
        };
        Ok(Self {
            account,
            device,
            address: visitor.origin.ip,
        })
    }
}

impl Came {
    /// Somebody who wants a place, with the one that they show.
    pub fn joiner(self, place: Option<String>) -> Joiner {
        Joiner {
            place,
            account: self.account,
            device: self.device,
            address: self.address,
        }
    }
}

fn cookie_name(app: &App, kind: &str, event: EventId) -> String {
    let prefix = if app.config.http.public_url.starts_with("https://") {
        "__Host-"
    } else {
        ""
    };
    format!("{prefix}bilten_{kind}_{event}")
}

/// The `Set-Cookie` value by which a browser has a place.
pub fn place_cookie(app: &App, event: EventId, token: &str) -> HeaderValue {
    identity::set_cookie(app, &cookie_name(app, "place", event), token, PLACE_LASTS_S)
}

/// The `Set-Cookie` value by which a browser has a pass.
pub fn pass_cookie(app: &App, event: EventId, pass: &WaitingPass) -> HeaderValue {
    let lasts = pass.until.since(app.now()).as_secs();
    let lasts = i64::try_from(lasts).unwrap_or(i64::MAX);
    identity::set_cookie(app, &cookie_name(app, "pass", event), &pass.pass, lasts)
}
