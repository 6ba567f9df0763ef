//! A page with one button: for links in mail, so that whoever only looks at one uses nothing up.

use askama::Template;
use axum::response::Response;
use bilten_kernel::error::Problem;

use crate::web::form::{Faults, Refusal};
use crate::web::problem::Way;
use crate::web::shell::{self, Privacy, Shell};

/// What such a page says.
pub(super) struct Confirm {
    pub(super) heading: &'static str,
    pub(super) text: &'static str,
    pub(super) action: &'static str,
    pub(super) button: &'static str,
    pub(super) token: String,
}

#[derive(Template)]
#[template(path = "account/confirm.html")]
struct ConfirmPage {
    shell: Shell,
    faults: Faults,
    confirm: Confirm,
}

#[derive(Template)]
#[template(path = "account/message.html")]
struct MessagePage {
    shell: Shell,
    heading: &'static str,
    text: &'static str,
    note: &'static str,
    way: Way,
}

/// The page with the button.
pub(super) fn page(confirm: Confirm) -> Result<Response, Problem> {
    let page = ConfirmPage {
        shell: Shell::personal(confirm.heading),
        faults: Faults::default(),
        confirm,
    };
    Refusal::default().page(&page, Privacy::SecretForm)
}

/// A page that says what has happened.
pub(super) fn message(
    heading: &'static str,
    text: &'static str,
    note: &'static str,
    way: Way,
) -> Result<Response, Problem> {
    let page = MessagePage {
        shell: Shell::personal(heading),
        heading,
        text,
        note,
        way,
    };
    shell::page(axum::http::StatusCode::OK, &page, Privacy::Form)
}
