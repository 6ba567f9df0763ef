//! A request as it is taken down, as it is kept and as it is shown.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::body::Bytes;
use axum::http::HeaderMap;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::*;
use crate::identity::OrganisationId;

text_enum! {
    /// Why a body is not shown.
    pub enum LeftOut {
        /// It is larger than what is kept.
        TooLarge = "too_large",
        /// It is not JSON.
        NotJson = "not_json",
        /// It says that it is JSON, and is none; what is secret in it cannot be told.
        Malformed = "malformed",
        /// It was refused before it was read, or sent as a stream.
        NotRead = "not_read",
    }
}

text_enum! {
    /// Which answers are wanted.
    pub enum StatusClass {
        /// Those that say that it was done.
        Success = "2xx",
        /// Those that say that there is nothing new, or that lead on.
        Redirect = "3xx",
        /// Refusals.
        Refusal = "4xx",
        /// Failures of ours.
        Failure = "5xx",
        /// Refusals and failures.
        Error = "error",
    }
}

impl StatusClass {
    /// The least status of it, and the first beyond.
    pub const fn span(self) -> (u16, u16) {
        match self {
            Self::Success => (200, 300),
            Self::Redirect => (300, 400),
            Self::Refusal => (400, 500),
            Self::Failure => (500, 600),
            Self::Error => (400, 600),
        }
    }
}

/// A body as it is taken down.
#[derive(Clone, Debug, Default)]
pub(in crate::inspect) struct RawBody {
    /// What it held, if it is to be kept.
    pub(in crate::inspect) bytes: Option<Bytes>,
    /// How large it is, if that is known.
    pub(in crate::inspect) size: Option<u64>,
    /// Why what it held is not kept.
    pub(in crate::inspect) left_out: Option<LeftOut>,
}

/// A request or an answer as it is taken down.
#[derive(Clone, Debug, Default)]
pub(in crate::inspect) struct RawMessage {
    pub(in crate::inspect) headers: HeaderMap,
    /// Nothing if it has none.
    pub(in crate::inspect) body: Option<RawBody>,
}

/// A request as it is taken down: nothing is masked yet.
#[derive(Clone, Debug)]
pub(in crate::inspect) struct Captured {
    pub(in crate::inspect) request_id: String,
    pub(in crate::inspect) organisation: OrganisationId,
    pub(in crate::inspect) actor: String,
    pub(in crate::inspect) at: Timestamp,
    pub(in crate::inspect) method: String,
    pub(in crate::inspect) route: Option<String>,
    pub(in crate::inspect) path: String,
    pub(in crate::inspect) status: u16,
    pub(in crate::inspect) problem: Option<String>,
    pub(in crate::inspect) duration_ms: i64,
    pub(in crate::inspect) client: Option<IpAddr>,
    pub(in crate::inspect) request: RawMessage,
    pub(in crate::inspect) response: RawMessage,
}

impl Captured {
    /// The key or the client by which it was made.
    pub(in crate::inspect) fn credential(&self) -> &str {
        self.actor.split(' ').next().unwrap_or_default()
    }

    /// The person for whom a client made it.
    pub(in crate::inspect) fn user(&self) -> Option<&str> {
        self.actor.split_once(" for ").map(|(_, user)| user)
    }

    /// What lists show of it, masked.
    pub(in crate::inspect) fn head(&self) -> Head {
        Head {
            path: mask_path(&self.path),
            client_network: self.client.map(network),
        }
    }

    /// What was sent and what was answered, masked.
    pub(in crate::inspect) fn detail(&self) -> Detail {
        Detail {
            request: self.request.masked(),
            response: self.response.masked(),
        }
    }
}

impl RawMessage {
    fn masked(&self) -> InspectedMessage {
        let headers = self.headers.iter().map(|(name, value)| InspectedHeader {
            name: name.as_str().to_owned(),
            value: mask_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes())),
        });
        let media_type = self.headers.get(axum::http::header::CONTENT_TYPE);
        let media_type = media_type.and_then(|kind| kind.to_str().ok());
        InspectedMessage {
            headers: headers.collect(),
            body: self.body.as_ref().map(|body| body.masked(media_type)),
        }
    }
}

impl RawBody {
    fn masked(&self, media_type: Option<&str>) -> InspectedBody {
        let json = self
            .bytes
            .as_ref()
            .map(|bytes| serde_json::from_slice::<Value>(bytes));
        let (json, left_out) = match json {
            None => (None, self.left_out),
            Some(Ok(json)) => (Some(mask_json(&json)), None),
            Some(Err(_)) => (None, Some(LeftOut::Malformed)),
        };
        InspectedBody {
            media_type: media_type.map(mask_text),
            size: self.size,
            json,
            left_out,
        }
    }
}

/// The network of an address: enough to tell places apart, not people.
pub(in crate::inspect) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => format!("{}/24", Ipv4Addr::from(u32::from(v4) >> 8 << 8)),
        IpAddr::V6(v6) => format!("{}/48", Ipv6Addr::from(u128::from(v6) >> 80 << 80)),
    }
}

/// What lists show of a request and is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::inspect) struct Head {
    pub(in crate::inspect) path: String,
    pub(in crate::inspect) client_network: Option<String>,
}

/// What was sent and what was answered, as it is sealed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::inspect) struct Detail {
    pub(in crate::inspect) request: InspectedMessage,
    pub(in crate::inspect) response: InspectedMessage,
}

/// A request of a program, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LoggedRequest {
    /// Its id here.
    pub id: LoggedRequestId,
    /// What `X-Request-Id` answered; callers choose it, so several may have the same.
    pub request_id: String,
    /// When it came.
    pub at: Timestamp,
    /// Its method.
    pub method: String,
    /// The route that served it, as the description of the API names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Its path with the query, masked.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// The code of the problem, if it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// The key or the client that made it, and for whom.
    pub made_by: String,
    /// The network that it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_network: Option<String>,
}

/// A request of a program with what was sent and what was answered.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct InspectedRequest {
    /// In short.
    #[serde(flatten)]
    pub summary: LoggedRequest,
    /// What was sent.
    pub request: InspectedMessage,
    /// What was answered, before it was compressed, cut by `fields`, or left out as not modified.
    pub response: InspectedMessage,
}

/// What was sent or answered, masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InspectedMessage {
    /// The headers.
    pub headers: Vec<InspectedHeader>,
    /// The body, if it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body: Option<InspectedBody>,
}

/// A header, masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InspectedHeader {
    /// Its name, in lower case.
    pub name: String,
    /// What it held.
    pub value: String,
}

/// A body, masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InspectedBody {
    /// Its type.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub media_type: Option<String>,
    /// How large it is in bytes, if that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size: Option<u64>,
    /// What it says, if it is JSON and not too large.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<Value>)]
    pub json: Option<Value>,
    /// Why it is not shown.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub left_out: Option<LeftOut>,
}

/// Which requests are wanted; all that is given must fit.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RequestQuery {
    /// How many, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// The `next` of the page before; absent for the first page.
    pub cursor: Option<String>,
    /// Only those that came to light after this one: to see them as they come, ask again with the
    /// newest id. They are shown a few seconds after they were made, so that none is missed.
    pub after: Option<LoggedRequestId>,
    /// Only those that were answered so.
    pub status: Option<StatusClass>,
    /// Only those of this API key or OAuth client.
    pub key: Option<String>,
    /// Only those of this route, such as `/api/v1/events/{event}`.
    pub route: Option<String>,
    /// Only those of this method.
    pub method: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: GW-9
    #[test]
    fn addresses_are_shortened_to_networks() {
        for (address, shown) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("::ffff:203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
            ("::1", "::/48"),
        ] {
            assert_eq!(network(address.parse().unwrap()), shown);
        }
    }

    #[test]
    fn who_made_it_is_taken_apart() {
        let mut captured = Captured {
            request_id: String::new(),
            organisation: OrganisationId::from_bytes([1; 16]),
            actor: "key_1".to_owned(),
            at: Timestamp::from_ms(0),
            method: "GET".to_owned(),
            route: None,
            path: "/".to_owned(),
            status: 200,
            problem: None,
            duration_ms: 1,
            client: None,
            request: RawMessage::default(),
            response: RawMessage::default(),
        };
        assert_eq!((captured.credential(), captured.user()), ("key_1", None));
        captured.actor = "oac_1 for usr_1".to_owned();
        assert_eq!(
            (captured.credential(), captured.user()),
            ("oac_1", Some("usr_1"))
        );
    }

    #[test]
    fn a_body_that_is_no_json_is_not_shown() {
        let body = |bytes: &'static [u8]| RawBody {
            bytes: Some(Bytes::from_static(bytes)),
            size: Some(1),
            left_out: None,
        };
        let broken = body(b"{\"password\": \"hunter2").masked(Some("application/json"));
        assert_eq!(
            (broken.json, broken.left_out),
            (None, Some(LeftOut::Malformed))
        );
        let whole = body(b"{\"password\": \"hunter2\"}").masked(None);
        assert_eq!(whole.json, Some(serde_json::json!({"password": MASK})));
    }
}
