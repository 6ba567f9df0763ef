//! Whether people can be called like this.

use bilten_kernel::error::FieldError;

use super::Faults;
use crate::sales::{TicketRequest, is_email};

/// What is wrong with the name and address of a holder.
pub(super) fn name_faults(name: &str, email: Option<&str>, at: &str, faults: &mut Faults) {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        faults.add(
            format!("{at}.name"),
            "invalid",
            "A name has 1 to 200 characters and no control characters.",
        );
    }
    if email.is_some_and(|email| !is_email(email.trim())) {
        faults.add(
            format!("{at}.email"),
            "email",
            "Please give an e-mail address such as ana@example.com.",
        );
    }
}

/// What is wrong with whom tickets that are added are for.
pub(in crate::sales::changes) fn people_faults(people: &[TicketRequest]) -> Vec<FieldError> {
    let mut faults = Faults(Vec::new());
    for (i, ticket) in people.iter().enumerate() {
        if ticket.name.is_some() || ticket.email.is_some() {
            let name = ticket.name.as_deref().unwrap_or_default();
            let at = format!("tickets[{i}]");
            name_faults(name, ticket.email.as_deref(), &at, &mut faults);
        }
    }
    faults.0
}
