//! What people agree to.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::{record, text_enum};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ConsentId;

text_enum! {
    /// What somebody can agree to. The version of each text is in the configuration.
    pub enum ConsentKind {
        /// The terms of use: without them there is no account.
        Terms = "terms",
        /// That they have seen how their data is used: without that there is no account.
        Privacy = "privacy",
        /// Mail about events that they might like.
        Marketing = "marketing",
        /// That what they do is looked at to make the service better.
        Analytics = "analytics",
    }
}

impl ConsentKind {
    /// Whether there is no account without it: whoever takes it back has their account erased.
    pub const fn is_required(self) -> bool {
        matches!(self, Self::Terms | Self::Privacy)
    }
}

record! {
    /// That somebody agreed to something, or took that back.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct Consent {
        /// Its id.
        pub id: ConsentId,
        /// To what.
        pub kind: ConsentKind,
        /// The version of the text that was shown.
        pub version: String,
        /// Whether they agreed, or took it back.
        pub is_given: bool,
        /// Where they did so, such as `api`.
        pub source: String,
        /// When.
        pub at: Timestamp,
    }
}

/// What somebody agrees to when they register. Whoever does accepts the terms, and says that they have
/// seen how their data is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstConsents {
    /// The version of the terms that they were shown; the one in force unless told.
    pub terms: Option<String>,
    /// The version of the text on their data that they were shown; the one in force unless told.
    pub privacy: Option<String>,
    /// Whether mail about events is welcome.
    pub marketing: bool,
    /// Where they register, such as `api`.
    pub source: &'static str,
}

/// That somebody who has no account yet agrees to a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// To what.
    pub kind: ConsentKind,
    /// The version of the text that was shown.
    pub version: String,
    /// Where they did so.
    pub source: String,
    /// When.
    pub at: Timestamp,
}

/// Where somebody stands with one kind of consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ConsentState {
    /// To what.
    pub kind: ConsentKind,
    /// The version of the text as it is now.
    pub version: String,
    /// Whether there is no account without it.
    pub is_required: bool,
    /// Whether they agree to the text as it is now.
    pub is_given: bool,
    /// What they did last, if anything.
    pub last: Option<Consent>,
}
