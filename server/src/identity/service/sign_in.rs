//! Signing in by password, and by a link that was mailed.

use std::time::Duration;

use super::devices::known_device;
use super::finish::SUSPICIOUS_AFTER;
use super::letters::{Letter, link, post};
use super::one_time::{OneTime, issue_one_time, take_one_time};
use super::throttle::{AccountThrottles, MAIL, MAIL_NETWORK, NETWORK, PROOF};
use super::trail::{keep_attempt, tell};
use super::{IdentityError, email_lookup, finish_sign_in, open_user};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::people;
use crate::identity::store::people::UserRow;

/// What links for signing in are for.
pub(super) const SIGN_IN_LINK: &str = "sign-in link";
/// How long a link for signing in is good.
const LINK_LASTS: Duration = Duration::from_secs(900);

/// Whom an attempt is about: perhaps nobody, which must not show.
struct Subject {
    lookup: [u8; 32],
    row: Option<UserRow>,
    known: Option<[u8; 32]>,
}

/// Finds whom an address belongs to, and whether they used this device before.
async fn subject(app: &App, email: &str, visitor: &Visitor) -> Result<Subject, IdentityError> {
    let lookup = match email.parse::<Email>() {
        Ok(email) => email_lookup(app, &email),
        // What is no address is nobody's; all of those are one.
        Err(_) => app.vault.mac("email lookup", &[b"no address"]),
    };
    let (work, visitor) = (app.clone(), visitor.clone());
    app.db
        .read(move |c| {
            Box::pin(async move {
                let row = people::by_email(c, lookup).await?;
                let known =
                    known_device(&work, c, row.as_ref().map(|row| row.id), &visitor).await?;
                Ok(Subject { lookup, row, known })
            })
        })
        .await
}

/// What a step inside a write came to; a wait is written down and then answered as an error.
enum Passed {
    Yes,
    Wait(u32),
}

/// Counts a try of a method, and keeps it if it comes too early.
async fn pass(
    app: &App,
    throttles: AccountThrottles,
    user: Option<UserId>,
    method: &'static str,
    visitor: &Visitor,
) -> Result<(), IdentityError> {
    let (work, visitor) = (app.clone(), visitor.clone());
    let passed = app
        .db
        .write(move |c| {
            Box::pin(async move {
                match throttles.pass(c, work.now()).await? {
                    Ok(_) => Ok::<_, IdentityError>(Passed::Yes),
                    Err(wait) => {
                        let outcome = AttemptOutcome::Blocked;
                        keep_attempt(&work, c, user, method, outcome, true, &visitor.origin)
                            .await?;
                        Ok(Passed::Wait(wait))
                    }
                }
            })
        })
        .await?;
    match passed {
        Passed::Yes => Ok(()),
        Passed::Wait(seconds) => Err(IdentityError::TooMany(seconds)),
    }
}

/// Signs somebody in by their password; a second factor may be asked for.
///
/// An account that does not exist, is locked, or has no password is answered like a wrong password,
/// in the same time.
///
/// # Errors
/// [`IdentityError::SignInRefused`], [`IdentityError::TooMany`] with when to try again,
/// [`IdentityError::Hash`] if too many sign in at the moment; a fault of the vault or the database.
pub async fn sign_in(
    app: &App,
    email: &str,
    password: Password,
    visitor: &Visitor,
) -> Result<SignInStep, IdentityError> {
    let subject = subject(app, email, visitor).await?;
    let throttles = AccountThrottles::new(
        app,
        (PROOF, NETWORK),
        &subject.lookup,
        visitor,
        subject.known,
    );
    let user = subject.row.as_ref().map(|row| row.id);
    pass(app, throttles, user, "password", visitor).await?;

    let stored = subject
        .row
        .as_ref()
        .and_then(|row| row.password_hash.clone());
    let verified = app
        .passwords
        .verify(&*app.random, stored.clone(), password)
        .await?;
    let is_open = subject
        .row
        .as_ref()
        .is_some_and(|row| row.state == UserState::Active && row.email_verified_at.is_some());
    let (work, visitor) = (app.clone(), visitor.clone());
    let signed_in = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let user = match user {
                    Some(user) if verified.is_right && is_open => user,
                    Some(_) | None => {
                        failed(&work, c, &subject, throttles, "password", &visitor).await?;
                        return Ok(None);
                    }
                };
                if let (Some(stored), Some(upgraded)) = (stored, verified.upgraded) {
                    people::upgrade_password(c, user, &stored, &upgraded).await?;
                }
                let proof = Proof::single("password");
                finish_sign_in(&work, c, user, proof, &visitor)
                    .await
                    .map(Some)
            })
        })
        .await?;
    signed_in.ok_or(IdentityError::SignInRefused)
}

/// Writes a failure down; tells the owner, once, when there are many.
async fn failed(
    app: &App,
    c: &mut bilten_kernel::db::Conn,
    subject: &Subject,
    throttles: AccountThrottles,
    method: &str,
    visitor: &Visitor,
) -> Result<(), IdentityError> {
    let user = subject.row.as_ref().map(|row| row.id);
    let tries = throttles.strangers.tries(c).await?;
    let is_suspicious = tries >= SUSPICIOUS_AFTER;
    let outcome = AttemptOutcome::Failed;
    keep_attempt(
        app,
        c,
        user,
        method,
        outcome,
        is_suspicious,
        &visitor.origin,
    )
    .await?;
    let mut happened = vec![IdentityEvent::SignInFailed {
        user,
        method: method.to_owned(),
    }];
    if let Some(row) = &subject.row
        && tries == SUSPICIOUS_AFTER
        && subject.known.is_none()
    {
        happened.push(IdentityEvent::SuspiciousSignIn {
            user: row.id,
            session: None,
        });
        if let Some(profile) = open_user(app, row.clone())?.profile {
            let origin = visitor.origin.clone();
            post(
                app,
                c,
                &profile,
                Letter::SuspiciousSignIn {
                    origin,
                    was_let_in: false,
                },
            )
            .await?;
        }
    }
    tell(app, c, "nobody", happened, Some(&visitor.origin)).await
}

/// Mails somebody a link by which they sign in. The answer is the same whether or not there is an
/// account.
///
/// # Errors
/// [`IdentityError::TooMany`], or a fault of the vault or the database.
pub async fn request_sign_in_link(
    app: &App,
    email: &str,
    visitor: &Visitor,
) -> Result<(), IdentityError> {
    let (found, _) = mailable(app, email, visitor).await?;
    let found = found.filter(|(user, _)| user.email_verified_at.is_some());
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                // Who has no account costs as much: a link that nobody gets.
                let user = found.as_ref().map(|(user, _)| user.id);
                let what = OneTime {
                    purpose: SIGN_IN_LINK,
                    user,
                    subject: None,
                    lasts: LINK_LASTS,
                };
                let (token, expires_at) = issue_one_time(&work, c, what, &user).await?;
                let Some((_, profile)) = found else {
                    return Ok(());
                };
                let link = link(&work, "/sign-in/link", &token);
                post(&work, c, &profile, Letter::SignInLink { link, expires_at }).await
            })
        })
        .await
}

/// Counts a request for mail to an address; gives whose it is, if they can have an account's mail.
pub(super) async fn mailable(
    app: &App,
    email: &str,
    visitor: &Visitor,
) -> Result<(Option<(User, Profile)>, [u8; 32]), IdentityError> {
    let subject = subject(app, email, visitor).await?;
    let rules = (MAIL, MAIL_NETWORK);
    let throttles = AccountThrottles::new(app, rules, &subject.lookup, visitor, subject.known);
    let user = subject.row.as_ref().map(|row| row.id);
    pass(app, throttles, user, "mail", visitor).await?;
    let Some(row) = subject.row.filter(|row| row.state == UserState::Active) else {
        return Ok((None, subject.lookup));
    };
    let user = open_user(app, row)?;
    let profile = user.profile.clone();
    Ok((profile.map(|profile| (user, profile)), subject.lookup))
}

/// Signs somebody in by a link that was mailed to them. Only a POST comes here: programs that look
/// at mail follow links, but send no forms.
///
/// # Errors
/// [`IdentityError::LinkUnknown`], [`IdentityError::SignInRefused`], or a fault of the vault or the
/// database.
pub async fn sign_in_by_link(
    app: &App,
    token: &str,
    visitor: &Visitor,
) -> Result<SignInStep, IdentityError> {
    let (work, token, visitor) = (app.clone(), token.to_owned(), visitor.clone());
    app.db
        .write_again(move |c| {
            let (work, token, visitor) = (work.clone(), token.clone(), visitor.clone());
            Box::pin(async move {
                let taken: Option<Option<UserId>> =
                    take_one_time(&work, c, SIGN_IN_LINK, &token).await?;
                let user = taken.flatten().ok_or(IdentityError::LinkUnknown)?;
                finish_sign_in(&work, c, user, Proof::single("link"), &visitor).await
            })
        })
        .await
}
