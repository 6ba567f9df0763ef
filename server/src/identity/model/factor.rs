//! Second factors and passkeys: the words and the rules that need no database.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::FieldError;
use bilten_kernel::random::{self, Random};
use bilten_kernel::typed_id;
use serde::Serialize;
use utoipa::ToSchema;

use super::{FactorKind, Phone};

typed_id!(pub FactorId, "mfa", "Names a second factor of a person.");
typed_id!(pub PasskeyId, "psk", "Names a passkey of a person.");

impl FactorKind {
    /// Whether it is worth anything after these methods, such as `password`: mail that opened the
    /// door once is no second factor.
    pub fn adds_to(self, methods: &str) -> bool {
        match self {
            Self::Email => methods.split(' ').any(|method| method != "link"),
            Self::Totp | Self::Sms | Self::Recovery | Self::Passkey => true,
        }
    }
}

/// A second factor that somebody has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Factor {
    /// Its id.
    pub id: FactorId,
    /// Its kind: `totp`, `email` or `sms`.
    pub kind: FactorKind,
    /// Where its codes go, mostly hidden; nothing for an authenticator app.
    pub target: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A passkey that somebody has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PasskeyEntry {
    /// Its id.
    pub id: PasskeyId,
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When somebody signed in with it last.
    pub used_at: Option<Timestamp>,
}

/// All by which somebody can prove more than with a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Factors {
    /// Codes by app, e-mail and SMS.
    pub factors: Vec<Factor>,
    /// Passkeys.
    pub passkeys: Vec<PasskeyEntry>,
    /// How many recovery codes are left.
    pub recovery_codes: i64,
    /// Whether an organisation of theirs asks for a second factor.
    pub is_required: bool,
    /// Whether this server can send SMS.
    pub has_sms: bool,
    /// Whether this server can have passkeys: not if it is reached by a number.
    pub has_passkeys: bool,
}

/// How many digits a code has.
const DIGITS: usize = 6;

/// A new code of six digits.
pub(in crate::identity) fn new_code(random: &dyn Random) -> String {
    format!("{:0DIGITS$}", random::below(random, 1_000_000))
}

/// A new recovery code: 50 random bits, in two groups.
pub(in crate::identity) fn new_recovery_code(random: &dyn Random) -> String {
    format!("{}-{}", random::token(random, 5), random::token(random, 5))
}

/// A code as somebody typed it, without what makes it easier to read.
pub(in crate::identity) fn plain_code(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .flat_map(char::to_lowercase)
        .take(64)
        .collect()
}

/// A telephone number with all but its end hidden.
pub(in crate::identity) fn hidden_phone(phone: &Phone) -> String {
    let number = phone.as_str();
    format!("•••{}", &number[number.len().saturating_sub(3)..])
}

/// An e-mail address with all but its ends hidden.
pub(in crate::identity) fn hidden_email(email: &str) -> String {
    match email.split_once('@') {
        Some((local, domain)) => format!("{}•••@{domain}", &local[..local.len().min(1)]),
        None => "•••".to_owned(),
    }
}

/// What somebody calls a passkey.
///
/// # Errors
/// What is wrong with the name.
pub(in crate::identity) fn passkey_name(text: &str) -> Result<String, FieldError> {
    let name = text.trim();
    let name = if name.is_empty() { "Passkey" } else { name };
    if name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(FieldError {
            field: "name".to_owned(),
            code: "name".into(),
            detail: "A name has at most 100 characters, in one line.".to_owned(),
        });
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bilten_kernel::random::SeededRandom;

    /// covers: AUTH-3
    #[test]
    fn codes_are_read_as_people_write_them() {
        let random = SeededRandom::new(3);
        for _ in 0..200 {
            let code = new_code(&random);
            assert!(
                code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()),
                "{code}"
            );
        }
        let code = new_recovery_code(&random);
        assert_eq!(code.len(), 11);
        assert_eq!(
            plain_code(&format!(" {} ", code.to_uppercase())),
            code.replace('-', "")
        );
        assert_eq!(plain_code("123 456"), "123456");
        assert_eq!(plain_code(&"9".repeat(10_000)).len(), 64);
    }

    #[test]
    fn mail_is_no_second_factor_after_mail() {
        assert!(
            FactorKind::Email.adds_to("password") && FactorKind::Email.adds_to("link password")
        );
        assert!(!FactorKind::Email.adds_to("link") && FactorKind::Totp.adds_to("link"));
        assert_eq!(hidden_email("ana@example.com"), "a•••@example.com");
        assert_eq!(hidden_phone(&"+386 40 123 456".parse().unwrap()), "•••456");
        assert!(
            passkey_name("  ").is_ok_and(|name| name == "Passkey") && passkey_name("a\nb").is_err()
        );
    }
}
