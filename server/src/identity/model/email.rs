//! E-mail addresses: what may be one, and when two are the same.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An e-mail address as its owner writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

/// The text is not an e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This is not an e-mail address.")]
pub struct EmailError;

impl Email {
    /// The form by which addresses are compared and looked up.
    ///
    /// Capitals make no other address (RFC 5321 leaves that to the host; none of note minds). What
    /// follows a `+` does: who gets the mail is the host's affair.
    pub fn lookup(&self) -> String {
        self.0.to_lowercase()
    }

    /// The address as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError)?;
        let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
        let is_local = (1..=64).contains(&local.len())
            && local.chars().all(is_atom)
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        // Letters of other scripts that look like ours stay apart: `xn--…` is what is stored.
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| EmailError)?;
        let is_domain = domain.contains('.')
            && domain.len() <= 253
            && domain
                .split('.')
                .all(|label| (1..=63).contains(&label.len()));
        if is_local && is_domain {
            Ok(Self(format!("{local}@{domain}")))
        } else {
            Err(EmailError)
        }
    }
}

impl TryFrom<String> for Email {
    type Error = EmailError;

    fn try_from(text: String) -> Result<Self, EmailError> {
        text.parse()
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: AUTH-1
    #[test]
    fn addresses_are_the_same_or_not() {
        let lookup = |text: &str| text.parse::<Email>().map(|email| email.lookup());
        assert_eq!(
            lookup(" Ana@Example.COM "),
            Ok("ana@example.com".to_owned())
        );
        assert_ne!(lookup("ana+x@example.com"), lookup("ana@example.com"));
        // Cyrillic а: another domain, and seen to be one.
        assert_eq!(
            lookup("ana@ex\u{430}mple.com"),
            Ok("ana@xn--exmple-4nf.com".to_owned())
        );
        // Full-width letters are the same domain (UTS 46), and no local part.
        assert_eq!(
            lookup("ana@\u{ff45}xample.com"),
            Ok("ana@example.com".to_owned())
        );
        for wrong in [
            "",
            "@",
            "ana",
            "ana@",
            "@example.com",
            "ana@localhost",
            "a b@example.com",
            ".a@example.com",
            "a..b@example.com",
            "a.@example.com",
            "\u{430}na@example.com",
            "ana@exa_mple.com",
            "ana@-x.com",
            "ana@example.com\r\nBcc: x@example.org",
            "a\0@example.com",
            "\"a b\"@example.com",
            "ana@example..com",
        ] {
            assert_eq!(lookup(wrong), Err(EmailError), "{wrong:?}");
        }
        assert_eq!(
            lookup(&format!("{}@example.com", "a".repeat(65))),
            Err(EmailError)
        );
    }
}
