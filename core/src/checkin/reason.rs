//! The reasons for which a gate says no.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)+) => {
        /// Why somebody may not pass.
        ///
        /// Exhaustive on purpose: whoever shows verdicts matches every reason, so that a new one
        /// does not compile until it has a text, a colour and a sound everywhere.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum DenyReason {
            $($(#[$doc])* #[serde(rename = $code)] $name,)+
        }

        impl DenyReason {
            /// Every reason, in the order in which they are looked for.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The stable name that travels and is stored.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The reason with this stable name.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

reasons! {
    /// Some other QR code.
    NotATicket = "not_a_ticket",
    /// A Bilten code that is torn, altered or misread.
    Malformed = "malformed",
    /// Made for a newer scanner.
    NewerFormat = "newer_format",
    /// Signed by a key that is not known here.
    UnknownKey = "unknown_key",
    /// Signed by a key that is not in force.
    KeyNotInForce = "key_not_in_force",
    /// Forged or altered.
    BadSignature = "bad_signature",
    /// The box office issued more, or other tiers, than it was allowed to.
    BeyondCertificate = "beyond_certificate",
    /// A true ticket, for another event.
    WrongEvent = "wrong_event",
    /// This list does not take tickets signed by a box office.
    KindNotAllowed = "kind_not_allowed",
    /// This list takes only tickets that are on the allowlist.
    NotOnAllowlist = "not_on_allowlist",
    /// A true ticket that was declared dead.
    Revoked = "revoked",
    /// A newer version of the ticket was issued.
    Superseded = "superseded",
    /// The organiser stopped it for the time being.
    Blocked = "blocked",
    /// Its order or date was cancelled.
    Cancelled = "cancelled",
    /// Its order is not paid.
    Unpaid = "unpaid",
    /// Entry has not begun.
    ListNotOpen = "list_not_open",
    /// Entry has ended.
    ListClosed = "list_closed",
    /// The ticket is for a later time.
    NotYetValid = "not_yet_valid",
    /// The ticket was for an earlier time.
    Expired = "expired",
    /// This check-in list is not for its tier.
    WrongTier = "wrong_tier",
    /// This gate is not for its tier.
    WrongGate = "wrong_gate",
    /// It let somebody in already.
    AlreadyRedeemed = "already_redeemed",
    /// Nobody entered with it who could leave.
    NotInside = "not_inside",
    /// As many people are inside as may be.
    Full = "full",
}

impl DenyReason {
    /// Whether a supervisor should look at the person, not only at the code.
    #[must_use]
    pub const fn is_suspicious(self) -> bool {
        match self {
            Self::BadSignature
            | Self::BeyondCertificate
            | Self::Revoked
            | Self::Superseded
            | Self::AlreadyRedeemed => true,
            Self::NotATicket
            | Self::Malformed
            | Self::NewerFormat
            | Self::UnknownKey
            | Self::KeyNotInForce
            | Self::WrongEvent
            | Self::KindNotAllowed
            | Self::NotOnAllowlist
            | Self::Blocked
            | Self::Cancelled
            | Self::Unpaid
            | Self::ListNotOpen
            | Self::ListClosed
            | Self::NotYetValid
            | Self::Expired
            | Self::WrongTier
            | Self::WrongGate
            | Self::Full
            | Self::NotInside => false,
        }
    }
}

impl fmt::Display for DenyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
