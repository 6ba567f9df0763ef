//! Registration by e-mail.
//!
//! There is no account until the link in the mail was followed, so nobody can take an address that
//! is not theirs, with a password of theirs. Whatever address somebody registers, the answer is the
//! same; its owner learns by mail what happened.

use std::time::Duration;

use bilten_kernel::db::{Conn, Violation};
use bilten_kernel::error::FieldError;
use serde::{Deserialize, Serialize};

use super::letters::{Letter, link, post};
use super::one_time::{OneTime, issue_one_time, open, take_one_time};
use super::sign_in::mailable;
use super::trail::tell;
use super::{
    IdentityError, NewUser, create_user_in, email_lookup, first_consents, give_consents_in,
    hash_chosen, open_user,
};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::{one_time as store, people};

/// What links for registering are for.
const REGISTRATION: &str = "registration";
/// How long a link for registering is good.
const LINK_LASTS: Duration = Duration::from_secs(86_400);
/// The most characters of a name.
const NAME_MOST: usize = 100;

/// What somebody says who wants an account.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Their address.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// The password that they chose.
    pub password: Password,
    /// The language that they read.
    pub locale: Option<String>,
    /// What they agree to.
    pub consents: FirstConsents,
}

/// Who will have an account when the link was followed.
#[derive(Debug, Serialize, Deserialize)]
struct Registered {
    profile: Profile,
    password_hash: String,
    agreed: Vec<Agreed>,
}

fn wrong(field: &str, code: &'static str, detail: &str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        code: code.into(),
        detail: detail.to_owned(),
    }
}

/// A profile of what somebody typed.
///
/// # Errors
/// [`IdentityError::Invalid`] with all that is wrong.
pub fn checked_profile(
    email: &str,
    name: &str,
    locale: Option<String>,
) -> Result<Profile, IdentityError> {
    let mut faults = Vec::new();
    let name = name.trim();
    let length = name.chars().count();
    if !(1..=NAME_MOST).contains(&length) || name.chars().any(char::is_control) {
        let text = "A name has 1 to 100 characters, in one line.";
        faults.push(wrong("name", "length", text));
    }
    let is_tag = |tag: &String| {
        (2..=20).contains(&tag.len()) && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if locale.as_ref().is_some_and(|tag| !is_tag(tag)) {
        let text = "A language is a tag such as en or sl.";
        faults.push(wrong("locale", "form", text));
    }
    match email.parse::<Email>() {
        Ok(email) if faults.is_empty() => Ok(Profile {
            email,
            name: name.to_owned(),
            locale,
            phone: None,
        }),
        Ok(_) => Err(IdentityError::Invalid(faults)),
        Err(error) => {
            faults.push(wrong("email", "form", &error.to_string()));
            Err(IdentityError::Invalid(faults))
        }
    }
}

/// Mails a link by which an account is made, or a word that there is one already. The answer is the
/// same, and takes as long.
///
/// # Errors
/// [`IdentityError::Invalid`], [`IdentityError::TooMany`], [`IdentityError::Hash`], or a fault of
/// the vault or the database.
pub async fn register(
    app: &App,
    new: Registration,
    visitor: &Visitor,
) -> Result<(), IdentityError> {
    let profile = checked_profile(&new.email, &new.name, new.locale)?;
    let agreed = first_consents(app, &new.consents)?;
    let (_, lookup) = mailable(app, profile.email.as_str(), visitor).await?;
    let password_hash = hash_chosen(app, new.password, &profile.email, &profile.name).await?;
    let registered = Registered {
        profile,
        password_hash,
        agreed,
    };
    let work = app.clone();
    app.db
        .write(move |c| Box::pin(async move { send_link(&work, c, lookup, &registered).await }))
        .await
}

/// Sends the link once more, if somebody registered this address and has not followed it.
///
/// # Errors
/// [`IdentityError::TooMany`], or a fault of the vault or the database.
pub async fn resend_registration(
    app: &App,
    email: &str,
    visitor: &Visitor,
) -> Result<(), IdentityError> {
    let (_, lookup) = mailable(app, email, visitor).await?;
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let row = store::newest_of_subject(c, REGISTRATION, lookup, work.now()).await?;
                match open::<Registered>(&work, REGISTRATION, row)? {
                    Some(registered) => send_link(&work, c, lookup, &registered).await,
                    None => Ok(()),
                }
            })
        })
        .await
}

async fn send_link(
    app: &App,
    c: &mut Conn,
    lookup: [u8; 32],
    registered: &Registered,
) -> Result<(), IdentityError> {
    let what = OneTime {
        purpose: REGISTRATION,
        user: None,
        subject: Some(lookup),
        lasts: LINK_LASTS,
    };
    // Issued for an address with an account as well: that nobody learns of it makes it worthless,
    // and both cases do the same.
    let (token, expires_at) = issue_one_time(app, c, what, registered).await?;
    let owner = match people::by_email(c, lookup).await? {
        Some(row) => Some(open_user(app, row)?),
        None => None,
    };
    match owner {
        Some(owner) if owner.email_verified_at.is_some() => match owner.profile {
            Some(profile) if owner.state == UserState::Active => {
                let url = app.config.http.public_url.trim_end_matches('/');
                let link = format!("{url}/sign-in");
                post(app, c, &profile, Letter::AccountExists { link }).await
            }
            Some(_) | None => Ok(()),
        },
        Some(_) | None => {
            let link = link(app, "/verify", &token);
            post(
                app,
                c,
                &registered.profile,
                Letter::VerifyEmail { link, expires_at },
            )
            .await
        }
    }
}

/// Makes the account whose link was followed. Of several who registered the same address, the one
/// whose link is followed first has it; the other links are worthless then.
///
/// # Errors
/// [`IdentityError::LinkUnknown`], or a fault of the vault or the database.
pub async fn verify_registration(app: &App, token: &str) -> Result<UserId, IdentityError> {
    let (work, token) = (app.clone(), token.to_owned());
    let made: Result<UserId, IdentityError> = app
        .db
        // Two links of one address end each other: on PostgreSQL one of them may have to begin again.
        .write_again(move |c| {
            let (work, token) = (work.clone(), token.clone());
            Box::pin(async move { verify_in(&work, c, &token).await })
        })
        .await;
    match made {
        // Two links of one address at the same moment: the other one was faster.
        Err(IdentityError::EmailTaken) => Err(IdentityError::LinkUnknown),
        Err(IdentityError::Db(error)) if error.violates(Violation::Unique) => {
            Err(IdentityError::LinkUnknown)
        }
        made => made,
    }
}

async fn verify_in(app: &App, c: &mut Conn, token: &str) -> Result<UserId, IdentityError> {
    let registered: Registered = take_one_time(app, c, REGISTRATION, token)
        .await?
        .ok_or(IdentityError::LinkUnknown)?;
    let lookup = email_lookup(app, &registered.profile.email);
    let user = match people::by_email(c, lookup).await? {
        // Made by somebody else, such as a command, and never used: the address is shown now.
        Some(row) if row.email_verified_at.is_none() && row.state == UserState::Active => {
            people::set_verified(c, row.id, app.now()).await?;
            people::set_password(c, row.id, &registered.password_hash, app.now()).await?;
            row.id
        }
        Some(_) => return Err(IdentityError::LinkUnknown),
        None => {
            let new = NewUser {
                profile: registered.profile,
                password_hash: Some(registered.password_hash),
                is_verified: true,
            };
            create_user_in(app, c, new).await?
        }
    };
    give_consents_in(app, c, user, registered.agreed).await?;
    store::end_of_subject(c, REGISTRATION, lookup, app.now()).await?;
    let happened = vec![IdentityEvent::Registered { user }];
    tell(app, c, &user.to_string(), happened, None).await?;
    Ok(user)
}

/// Makes an account for somebody else, such as an installation's first owner; without a password
/// they set one by a link.
///
/// # Errors
/// [`IdentityError::EmailTaken`], [`IdentityError::Invalid`] if the password is not good enough,
/// [`IdentityError::Hash`], or a fault of the vault or the database.
pub async fn create_person(
    app: &App,
    profile: Profile,
    password: Option<Password>,
    is_verified: bool,
) -> Result<UserId, IdentityError> {
    let password_hash = match password {
        Some(password) => Some(hash_chosen(app, password, &profile.email, &profile.name).await?),
        None => None,
    };
    let new = NewUser {
        profile,
        password_hash,
        is_verified,
    };
    super::create_user(app, new).await
}
