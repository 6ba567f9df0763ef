//! Endpoints: where what is sent.

use bilten_adapters::outgoing::{self, Refusal};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::FieldError;
use bilten_kernel::{record, text_enum};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::*;
use crate::identity::OrganisationId;

/// How many endpoints an organisation can have.
pub const MOST_ENDPOINTS: i64 = 50;
/// How long an address can be, in bytes.
const MOST_URL: usize = 2_000;
/// How long a description can be, in characters.
const MOST_DESCRIPTION: usize = 500;
/// How long the secret before the current one signs as well, in milliseconds.
pub const OVERLAP_MS: i64 = 24 * 3_600_000;

text_enum! {
    /// Why nothing is sent to an endpoint, although nobody switched it off.
    pub enum DisabledReason {
        /// It took nothing in three days.
        Failing = "failing",
        /// It answered that it is gone (410).
        Gone = "gone",
    }
}

/// Where what is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WebhookEndpoint {
    /// Its id.
    pub id: WebhookEndpointId,
    /// Whose it is.
    pub organisation_id: OrganisationId,
    /// The address.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// What it is told of.
    pub event_types: Vec<EventType>,
    /// Whether anything is sent to it.
    pub is_enabled: bool,
    /// Why not, if nobody switched it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<DisabledReason>,
    /// Since when not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
    /// Until when the secret before the current one signs as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_secret_until: Option<Timestamp>,
    /// When it last took something, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success_at: Option<Timestamp>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Raised by each change; a change can name the one that it starts from (`If-Match`).
    pub revision: i64,
}

record! {
    /// An endpoint that takes nothing: it was switched off for that, or is tried again and again.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct FailingEndpoint {
        /// The endpoint.
        pub endpoint_id: WebhookEndpointId,
        /// What it is for.
        pub description: String,
        /// Whether anything is sent to it still.
        pub is_enabled: bool,
        /// Why not, if nobody switched it off.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub disabled_reason: Option<DisabledReason>,
        /// Since when not.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub disabled_at: Option<Timestamp>,
        /// When it last took something, to the minute.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub last_success_at: Option<Timestamp>,
    }
}

/// An endpoint with the secret that signs what is sent to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WebhookEndpointSecret {
    /// The endpoint.
    #[serde(flatten)]
    pub endpoint: WebhookEndpoint,
    /// The secret: `whsec_` and base64.
    pub secret: String,
}

/// An endpoint that is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookEndpointInput {
    /// The address: https, public, and without name and password in it.
    pub url: String,
    /// What it is for, in at most 500 characters.
    #[serde(default)]
    pub description: String,
    /// What it is told of: at least one thing, each of which its maker may read too.
    pub event_types: Vec<EventType>,
    /// Whether anything is sent to it; yes if absent.
    pub is_enabled: Option<bool>,
}

/// A change of an endpoint; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookEndpointPatch {
    /// The address.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it is told of.
    pub event_types: Option<Vec<EventType>>,
    /// Whether anything is sent to it.
    pub is_enabled: Option<bool>,
}

/// What is wrong with a field.
pub(in crate::webhooks) fn field(
    field: impl Into<String>,
    code: &'static str,
    detail: impl Into<String>,
) -> FieldError {
    FieldError {
        field: field.into(),
        code: code.into(),
        detail: detail.into(),
    }
}

/// What is wrong with an endpoint.
pub(in crate::webhooks) fn endpoint_faults(
    url: &str,
    description: &str,
    event_types: &[EventType],
    allows_private: bool,
) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if let Err((code, detail)) = check_url(url, allows_private) {
        faults.push(field("url", code, detail));
    }
    let is_long = description.chars().count() > MOST_DESCRIPTION;
    if is_long || description.chars().any(|c| c.is_control() && c != '\n') {
        faults.push(field(
            "description",
            "malformed",
            "A description has at most 500 characters, and none that are not seen.",
        ));
    }
    if event_types.is_empty() {
        faults.push(field(
            "event_types",
            "missing",
            "An endpoint is told of at least one thing.",
        ));
    }
    faults
}

fn check_url(text: &str, allows_private: bool) -> Result<(), (&'static str, &'static str)> {
    const FORM: (&str, &str) = (
        "malformed",
        "Give an address such as https://example.com/hook.",
    );
    if text.len() > MOST_URL {
        return Err(("too_long", "An address has at most 2,000 characters."));
    }
    // What a parser would silently leave out is no part of an address.
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(FORM);
    }
    let url: Url = text.parse().map_err(|_| FORM)?;
    if url.fragment().is_some() {
        return Err((
            "fragment",
            "An address ends before the #, which is never sent.",
        ));
    }
    outgoing::check(&url, allows_private).map_err(|refusal| match refusal {
        Refusal::Form => FORM,
        Refusal::Credentials => (
            "credentials",
            "Leave name and password out of the address: what is sent is signed.",
        ),
        Refusal::Scheme => ("not_https", "The address must begin with https://."),
        Refusal::Private => (
            "private",
            "Nothing is sent to addresses in private networks.",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: GW-10
    #[test]
    fn an_endpoint_is_told_what_is_wrong_with_it() {
        let codes = |url: &str| -> Vec<String> {
            let faults = endpoint_faults(url, "", &[EventType::OrderPaid], false);
            faults.iter().map(|fault| fault.code.to_string()).collect()
        };
        for good in [
            "https://example.com/hook?x=1",
            "https://xn--bcher-kva.example:8443/",
        ] {
            assert!(codes(good).is_empty(), "{good}");
        }
        for (bad, code) in [
            ("", "malformed"),
            ("example.com", "malformed"),
            ("mailto:ana@example.com", "malformed"),
            ("https://exa mple.com/", "malformed"),
            ("https://example.com/\n", "malformed"),
            ("https://example.com/#x", "fragment"),
            ("http://example.com/", "not_https"),
            ("https://a:b@example.com/", "credentials"),
            ("https://[::1]/", "private"),
            ("https://10.0.0.1/", "private"),
        ] {
            assert_eq!(codes(bad), [code], "{bad}");
        }
        assert_eq!(
            codes(&format!("https://example.com/{}", "x".repeat(2_000))),
            ["too_long"]
        );
        let faults = endpoint_faults("https://example.com/", "a\0", &[], false);
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["description", "event_types"]);
        assert!(
            endpoint_faults("http://127.0.0.1:1/", "", &[EventType::OrderPaid], true).is_empty()
        );
    }
}
