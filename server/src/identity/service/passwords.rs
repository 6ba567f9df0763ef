//! Passwords forgotten, changed, and asked for once more.

use std::time::Duration;

use bilten_kernel::db::Conn;
use serde::{Deserialize, Serialize};

use super::finish::{ask_second_factor, raise_session};
use super::letters::{Letter, link, post};
use super::one_time::{OneTime, issue_one_time, peek_one_time, take_one_time};
use super::sign_in::{SIGN_IN_LINK, mailable};
use super::throttle::{PROOF, Throttle};
use super::trail::tell;
use super::{IdentityError, end_sessions_in, hash_chosen, second_factors, user};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::{attempts, one_time, people};

/// What links for a new password are for.
const RESET: &str = "password reset";
/// How long a link for a new password is good, if it was mailed.
const RESET_LASTS: Duration = Duration::from_secs(3_600);
/// … and if an administrator handed it over.
const INVITED_LASTS: Duration = Duration::from_secs(3 * 86_400);

/// Whose password may be set.
#[derive(Debug, Serialize, Deserialize)]
struct Reset {
    user: UserId,
    /// Whether the link came by mail, so that who has it has the address.
    was_mailed: bool,
}

/// Mails somebody a link by which they choose a new password. The answer is the same whether or not
/// there is an account.
///
/// # Errors
/// [`IdentityError::TooMany`], or a fault of the vault or the database.
pub async fn request_password_reset(
    app: &App,
    email: &str,
    visitor: &Visitor,
) -> Result<(), IdentityError> {
    let (found, _) = mailable(app, email, visitor).await?;
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                // Who has no account costs as much: a link that nobody gets.
                let user = found.as_ref().map(|(user, _)| user.id);
                let (token, expires_at) = issue_reset(&work, c, user, RESET_LASTS, true).await?;
                let Some((_, profile)) = found else {
                    return Ok(());
                };
                let link = link(&work, "/reset", &token);
                post(
                    &work,
                    c,
                    &profile,
                    Letter::ResetPassword { link, expires_at },
                )
                .await
            })
        })
        .await
}

async fn issue_reset(
    app: &App,
    c: &mut Conn,
    user: Option<UserId>,
    lasts: Duration,
    was_mailed: bool,
) -> Result<(String, bilten_kernel::clock::Timestamp), IdentityError> {
    let what = OneTime {
        purpose: RESET,
        user,
        subject: None,
        lasts,
    };
    let content = user.map(|user| Reset { user, was_mailed });
    issue_one_time(app, c, what, &content).await
}

/// A link by which somebody sets their first password, to be handed over by an administrator.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn set_password_link(app: &App, user: UserId) -> Result<String, IdentityError> {
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let (token, _) = issue_reset(&work, c, Some(user), INVITED_LASTS, false).await?;
                Ok(link(&work, "/reset", &token))
            })
        })
        .await
}

/// Mails somebody whose account was made for them a link by which they set their first password and
/// show that the address is theirs.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn mail_password_link(app: &App, user: UserId) -> Result<(), IdentityError> {
    let profile = super::user(app, user)
        .await?
        .profile
        .ok_or(IdentityError::NotFound("account"))?;
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let (token, expires_at) =
                    issue_reset(&work, c, Some(user), INVITED_LASTS, true).await?;
                let link = link(&work, "/reset", &token);
                post(
                    &work,
                    c,
                    &profile,
                    Letter::ResetPassword { link, expires_at },
                )
                .await
            })
        })
        .await
}

/// Whether a link for a new password is still good; the page asks before it shows a form.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn is_reset_link_good(app: &App, token: &str) -> Result<bool, IdentityError> {
    Ok(reset_of(app, token).await?.is_some())
}

async fn reset_of(app: &App, token: &str) -> Result<Option<Reset>, IdentityError> {
    let (work, token) = (app.clone(), token.to_owned());
    let found: Option<Option<Reset>> = app
        .db
        .read(move |c| Box::pin(async move { peek_one_time(&work, c, RESET, &token).await }))
        .await?;
    Ok(found.flatten())
}

/// Gives somebody the password they chose by a link. All their sessions end, all their other links
/// are worthless, and they are told by mail. A second factor stays what it was.
///
/// # Errors
/// [`IdentityError::LinkUnknown`], [`IdentityError::Invalid`] if the password is not good enough
/// (the link stays good), [`IdentityError::Hash`], or a fault of the vault or the database.
pub async fn reset_password(
    app: &App,
    token: &str,
    password: Password,
    origin: &Origin,
) -> Result<UserId, IdentityError> {
    let reset = reset_of(app, token)
        .await?
        .ok_or(IdentityError::LinkUnknown)?;
    let person = user(app, reset.user).await?;
    let profile = person.profile.ok_or(IdentityError::LinkUnknown)?;
    let hash = hash_chosen(app, password, &profile.email, &profile.name).await?;
    let (work, token, origin) = (app.clone(), token.to_owned(), origin.clone());
    let id = app
        .db
        .write_again(move |c| {
            let (work, token, origin) = (work.clone(), token.clone(), origin.clone());
            let (profile, hash) = (profile.clone(), hash.clone());
            Box::pin(async move {
                let taken: Option<Option<Reset>> = take_one_time(&work, c, RESET, &token).await?;
                let reset = taken.flatten().ok_or(IdentityError::LinkUnknown)?;
                if reset.was_mailed {
                    people::set_verified(c, reset.user, work.now()).await?;
                }
                // Whoever got in before must not look like the owner.
                attempts::forget_devices(c, reset.user).await?;
                let lookup = super::email_lookup(&work, &profile.email);
                Throttle::new(&work, PROOF, &[&lookup]).clear(c).await?;
                new_password(
                    &work,
                    c,
                    reset.user,
                    &profile,
                    &hash,
                    None,
                    ("reset", &origin),
                )
                .await?;
                Ok::<_, IdentityError>(reset.user)
            })
        })
        .await?;
    app.principals.clear();
    Ok(id)
}

/// What every change of a password brings with it; `but` is the session that goes on.
async fn new_password(
    app: &App,
    c: &mut Conn,
    user: UserId,
    profile: &Profile,
    hash: &str,
    but: Option<SessionId>,
    (how, origin): (&str, &Origin),
) -> Result<(), IdentityError> {
    if !people::set_password(c, user, hash, app.now()).await? {
        return Err(IdentityError::LinkUnknown);
    }
    one_time::end_of_user(c, user, &[RESET, SIGN_IN_LINK], app.now()).await?;
    one_time::end_of_user(c, user, &[super::finish::SECOND_FACTOR], app.now()).await?;
    let count = end_sessions_in(app, c, user, but).await?;
    post(app, c, profile, Letter::PasswordChanged).await?;
    let mut happened = vec![IdentityEvent::PasswordChanged {
        user,
        how: how.to_owned(),
    }];
    if count > 0 {
        happened.push(IdentityEvent::SessionsEnded { user, count });
    }
    tell(app, c, &user.to_string(), happened, Some(origin)).await
}

/// Compares the password of somebody who is signed in, a few times only.
async fn check_current(
    app: &App,
    person: &Person,
    password: Password,
) -> Result<User, IdentityError> {
    if person.impersonation.is_some() {
        return Err(IdentityError::Impersonated);
    }
    let found = user(app, person.user).await?;
    // By session: whoever stole one must not keep the owner from theirs.
    let session = person.session.to_string();
    let throttle = Throttle::new(app, PROOF, &[b"session", session.as_bytes()]);
    let now = app.now();
    let passed = app
        .db
        .write(move |c| {
            Box::pin(async move { Ok::<_, IdentityError>(throttle.pass(c, now).await?) })
        })
        .await?;
    if let Err(seconds) = passed {
        return Err(IdentityError::TooMany(seconds));
    }
    let stored = found.password_hash.clone();
    let verified = app.passwords.verify(&*app.random, stored, password).await?;
    if !verified.is_right {
        return Err(IdentityError::PasswordWrong);
    }
    app.db
        .write(move |c| Box::pin(async move { Ok::<_, IdentityError>(throttle.clear(c).await?) }))
        .await?;
    Ok(found)
}

/// Changes the password of somebody who is signed in; who has none yet sets one. The other sessions
/// end.
///
/// # Errors
/// [`IdentityError::PasswordWrong`], [`IdentityError::TooMany`], [`IdentityError::Invalid`],
/// [`IdentityError::Impersonated`], [`IdentityError::Hash`], or a fault of the vault or the database.
pub async fn change_password(
    app: &App,
    person: &Person,
    current: Option<Password>,
    new: Password,
    origin: &Origin,
) -> Result<(), IdentityError> {
    let mut found = user(app, person.user).await?;
    if found.password_hash.is_some() {
        let current = current.unwrap_or_else(|| Password::from(String::new()));
        found = check_current(app, person, current).await?;
    } else if person.impersonation.is_some() {
        return Err(IdentityError::Impersonated);
    }
    let profile = found.profile.ok_or(IdentityError::NotFound("account"))?;
    let hash = hash_chosen(app, new, &profile.email, &profile.name).await?;
    let (work, origin) = (app.clone(), origin.clone());
    let (user, session) = (person.user, person.session);
    app.db
        .write(move |c| {
            Box::pin(async move {
                let how = ("changed", &origin);
                new_password(&work, c, user, &profile, &hash, Some(session), how).await
            })
        })
        .await?;
    app.principals.clear();
    Ok(())
}

/// Whether somebody has proved once more who they are, or has to show their second factor too.
#[derive(Clone, Debug)]
pub enum Reauthentication {
    /// They have.
    Done,
    /// They have to.
    SecondFactor(SecondFactor),
}

/// Lets somebody who is signed in prove by their password that it is still them.
///
/// # Errors
/// [`IdentityError::PasswordWrong`], [`IdentityError::TooMany`], [`IdentityError::Impersonated`],
/// [`IdentityError::Hash`], or a fault of the vault or the database.
pub async fn reauthenticate(
    app: &App,
    person: &Person,
    password: Password,
) -> Result<Reauthentication, IdentityError> {
    check_current(app, person, password).await?;
    let (work, person) = (app.clone(), person.clone());
    let done = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let methods = second_factors(&work, c, person.user, "password").await?;
                if methods.is_empty() {
                    let proof = Proof::single("password");
                    raise_session(&work, c, person.user, person.session, &proof).await?;
                    return Ok::<_, IdentityError>(Reauthentication::Done);
                }
                let pending = Pending {
                    user: person.user,
                    methods: "password".to_owned(),
                    kind: person.kind,
                    raises: Some(person.session),
                };
                let factor = ask_second_factor(&work, c, pending, methods).await?;
                Ok(Reauthentication::SecondFactor(factor))
            })
        })
        .await?;
    app.principals.clear();
    Ok(done)
}
