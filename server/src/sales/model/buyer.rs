//! Who buys.

use bilten_kernel::error::FieldError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who buys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Buyer {
    /// Where the tickets are sent.
    pub email: String,
    /// Their name; the tickets carry it.
    pub name: String,
}

impl Buyer {
    /// What is wrong with it, by field below `at`.
    pub fn faults(&self, at: &str) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut add = |field: &str, code: &'static str, detail: &str| {
            faults.push(FieldError {
                field: format!("{at}{field}"),
                code: code.into(),
                detail: detail.to_owned(),
            });
        };
        let name = self.name.trim();
        if name.is_empty() {
            add("name", "required", "Please give your name.");
        } else if name.chars().count() > 200 || name.chars().any(char::is_control) {
            add(
                "name",
                "too_long",
                "A name has at most 200 characters and no control characters.",
            );
        }
        if !is_email(self.email.trim()) {
            add(
                "email",
                "email",
                "Please give an e-mail address such as ana@example.com.",
            );
        }
        faults
    }
}

/// Whether a text can be an e-mail address; whether it is one is known when mail arrives.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    !local.is_empty()
        && local.len() <= 64
        && text.len() <= 254
        && text.chars().all(|c| !c.is_whitespace() && !c.is_control())
        && domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for good in ["a@b.si", "ana.novak+x@mail.example.com", "žiga@pošta.si"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "", "@", "a@", "@b.si", "a@b", "a b@c.si", "a@-b.si", "a@b..si", "a@b.si\n",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
