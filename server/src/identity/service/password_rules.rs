//! Which passwords may be chosen.

use bilten_kernel::error::FieldError;
use zxcvbn::{Score, zxcvbn};

use super::{IdentityError, breached};
use crate::app::App;
use crate::identity::model::*;

fn fault(code: &'static str, detail: &str) -> FieldError {
    FieldError {
        field: "password".to_owned(),
        code: code.into(),
        detail: detail.to_owned(),
    }
}

/// Hashes a password that somebody chose, if it is good enough; what is known of them makes a bad one.
///
/// # Errors
/// [`IdentityError::Invalid`] with what is wrong with it, [`IdentityError::Hash`].
pub(in crate::identity) async fn hash_chosen(
    app: &App,
    password: Password,
    email: &Email,
    name: &str,
) -> Result<String, IdentityError> {
    let length = password.reveal().chars().count();
    if length < PASSWORD_LEAST {
        let fault = fault("too_short", "A password has at least 10 characters.");
        return Err(IdentityError::Invalid(vec![fault]));
    }
    if length > PASSWORD_MOST {
        let fault = fault("too_long", "A password has at most 256 characters.");
        return Err(IdentityError::Invalid(vec![fault]));
    }
    let list = app.passwords.breached_list();
    let (text, known) = (password.clone(), format!("{email} {name}"));
    let judged = app.passwords.run(move || {
        let parts = known.split([' ', '@', '.', '+', '-', '_']);
        let words: Vec<&str> = known.split(' ').chain(parts).collect();
        if zxcvbn(text.reveal(), &words).score() < Score::Three {
            return Some(fault(
                "guessable",
                "This password is easy to guess. Several words that do not belong together make a good one.",
            ));
        }
        if list.as_os_str().is_empty() {
            return None;
        }
        match breached::is_breached(&list, text.reveal()) {
            Ok(true) => Some(fault(
                "breached",
                "This password is in lists of passwords that have leaked. Please take another one.",
            )),
            Ok(false) => None,
            Err(error) => {
                // Nobody could choose a password any more: that would be worse.
                tracing::error!(%error, "the list of leaked passwords cannot be read");
                None
            }
        }
    });
    match judged.await? {
        Some(fault) => Err(IdentityError::Invalid(vec![fault])),
        None => Ok(app.passwords.hash(&*app.random, password).await?),
    }
}
