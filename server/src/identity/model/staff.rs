//! Members at tills and phones that others use too: a PIN says who holds the device.

use std::fmt;

use bilten_kernel::clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::{MemberId, Permission, Role, StaffSessionId};

/// How long a member holds a device at most before they show their PIN again, in milliseconds.
pub const STAFF_SESSION_MS: i64 = 8 * 3_600_000;
/// How many names a device shows at most.
pub const MAX_STAFF: i64 = 500;

/// A PIN as somebody types it: never shown.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// What was typed.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is wrong with it as a new PIN: how long it is, or that everybody guesses it.
    pub fn fault(&self) -> Option<&'static str> {
        let digits = self.0.as_bytes();
        if !(4..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
            return Some("A PIN has 4 to 8 digits.");
        }
        let steps = |step: i16| {
            digits
                .windows(2)
                .all(|pair| matches!(pair, [a, b] if i16::from(*b) - i16::from(*a) == step))
        };
        let halves = digits.split_at(digits.len() / 2);
        if steps(0) || steps(1) || steps(-1) || halves.0 == halves.1 {
            return Some("This PIN is too easy to guess: digits in a row, or the same ones again.");
        }
        None
    }
}

impl From<String> for Pin {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

/// A PIN that is to be set.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PinInput {
    /// 4 to 8 digits.
    #[schema(value_type = String, pattern = "^[0-9]{4,8}$", example = "4071")]
    pub pin: Pin,
}

/// Somebody who may take a device over, as it shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StaffName {
    /// The member.
    pub member: MemberId,
    /// What they are called.
    pub name: String,
}

/// A member who takes a device over.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffSignIn {
    /// Who.
    pub member: MemberId,
    /// Their PIN.
    #[schema(value_type = String, example = "4071")]
    pub pin: Pin,
}

/// A member holds a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StaffSession {
    /// Its id.
    pub id: StaffSessionId,
    /// Who holds it; scans name them in `staff`.
    pub member: MemberId,
    /// What they are called.
    pub name: String,
    /// What they may do at the device's event.
    pub permissions: Vec<Permission>,
    /// Proves that they hold it.
    pub token: String,
    /// Until when at the latest.
    pub expires_at: Timestamp,
}

impl Role {
    /// Whether somebody with this role works where tickets are sold or looked at.
    pub fn works_at_events(self) -> bool {
        self == Self::BoxOffice || self.may(Permission::CheckInScan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: AUTH-6
    #[test]
    fn pins_that_everybody_guesses_are_none() {
        let fault = |text: &str| Pin::from(text.to_owned()).fault();
        for good in ["4071", "90210", "19283746", "1357", "1122", "11223344"] {
            assert_eq!(fault(good), None, "{good}");
        }
        for bad in [
            "",
            "123",
            "407a",
            "４０７１",
            "123456789",
            "0000",
            "1234",
            "87654321",
            "1212",
            "123123",
            " 4071",
        ] {
            assert!(fault(bad).is_some(), "{bad}");
        }
        assert_eq!(format!("{:?}", Pin::from("4071".to_owned())), "Pin(…)");
    }
}
