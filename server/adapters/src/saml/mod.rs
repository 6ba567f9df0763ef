//! SAML 2.0 as a service provider: the request that a browser carries to an identity provider, and
//! the response that it brings back.
//!
//! Only one profile is spoken, and whatever else comes is refused: Web Browser SSO, the request by
//! redirect, the response by POST, one signed assertion in the clear, exclusive canonical XML,
//! RSA or ECDSA with SHA-2.
//!
//! | file | holds |
//! |---|---|
//! | `xml.rs` | reading of XML from strangers: no DTD, no entities, no depth, no doubles of an id |
//! | `signature.rs` | XML signatures, and the bytes that they are about |
//! | `response.rs` | what an assertion must say to be believed |
//! | `request.rs` | the request, and the description of ourselves |
//! | `metadata.rs` | the description that an identity provider gives of itself |
//!
//! Why not a library for all of it: those that there are verify a signature in one tree and let the
//! caller read another, which is what signature wrapping lives from, and bring every algorithm that
//! was ever registered. Here the canonical bytes that the signature was verified over are parsed
//! again, and nothing else is ever read. Canonical XML is a library's, signatures are `ring`'s.

mod metadata;
mod request;
mod response;
mod signature;
mod xml;

pub use metadata::{certificate_from_text, identity_provider};
pub use request::{authn_request, service_provider_metadata};
pub use response::{Assertion, Expected, accept};

/// The largest response that is read, in bytes.
pub const MOST_BYTES: usize = 256 * 1024;

/// Ourselves, as an identity provider knows us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceProvider {
    /// Our name: the address of our description.
    pub entity_id: String,
    /// Where responses are posted to.
    pub acs_url: String,
}

/// An identity provider that is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityProvider {
    /// Its name.
    pub entity_id: String,
    /// Where browsers bring requests to.
    pub sso_url: String,
    /// The certificates of the keys that it signs with, in DER. The keys count and nothing else in
    /// them does: they were given to us as they are.
    pub certificates: Vec<Vec<u8>>,
}

/// Why a response, or a description, is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SamlError {
    /// It is larger than anything sensible.
    #[error("the message is too large")]
    TooLarge,
    /// It is not Base64 of UTF-8.
    #[error("the message cannot be decoded")]
    Encoding,
    /// It is not XML as it must be; what of it.
    #[error("the message is not acceptable XML: {0}")]
    Xml(&'static str),
    /// It is no SAML 2.0 response, or lacks a part.
    #[error("the message is incomplete: {0}")]
    Form(&'static str),
    /// The identity provider says that the person was not signed in.
    #[error("the identity provider answered with the status {0}")]
    Status(String),
    /// There is no assertion, or more than one.
    #[error("the response must hold exactly one assertion")]
    Assertions,
    /// The assertion is encrypted.
    #[error("encrypted assertions are not supported")]
    Encrypted,
    /// The assertion is not signed.
    #[error("the assertion is not signed")]
    Unsigned,
    /// A signature is not of the one form that is accepted; what of it.
    #[error("the signature is not acceptable: {0}")]
    SignatureForm(&'static str),
    /// A signature uses an algorithm that is not accepted.
    #[error("the signature uses an algorithm that is not accepted")]
    Algorithm,
    /// What was signed is not what came.
    #[error("the signature is not about this content")]
    Digest,
    /// No trusted key made the signature.
    #[error("the signature was not made by a trusted key")]
    Signature,
    /// Another identity provider issued it.
    #[error("the assertion was issued by somebody else")]
    Issuer,
    /// It is meant for another service.
    #[error("the assertion is meant for another service")]
    Audience,
    /// It is meant for another address.
    #[error("the assertion is meant for another address")]
    Recipient,
    /// It answers another request, or none.
    #[error("the assertion answers another request")]
    InResponseTo,
    /// It is not valid yet.
    #[error("the assertion is not valid yet; are the clocks right?")]
    TooEarly,
    /// It is not valid any more.
    #[error("the assertion is not valid any more")]
    Expired,
    /// It sets a condition that is not understood.
    #[error("the assertion has a condition that is not understood")]
    Condition,
    /// It does not say whom it is about.
    #[error("the assertion does not say whom it is about")]
    Subject,
    /// A certificate cannot be read.
    #[error("a certificate cannot be read: X.509 version 3 with an RSA or ECDSA key is needed")]
    Certificate,
}

impl SamlError {
    /// The stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Encoding => "encoding",
            Self::Xml(_) => "xml",
            Self::Form(_) => "form",
            Self::Status(_) => "status",
            Self::Assertions => "assertions",
            Self::Encrypted => "encrypted",
            Self::Unsigned => "unsigned",
            Self::SignatureForm(_) => "signature_form",
            Self::Algorithm => "algorithm",
            Self::Digest => "digest",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Recipient => "recipient",
            Self::InResponseTo => "in_response_to",
            Self::TooEarly => "too_early",
            Self::Expired => "expired",
            Self::Condition => "condition",
            Self::Subject => "subject",
            Self::Certificate => "certificate",
        }
    }
}
