//! Passkeys: made, named, removed, and used to sign in.

use std::time::Duration;

use super::ceremony::{Ceremony, PasskeyRegistrationResponse};
use super::{ceremony, manage, prove};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::{IdentityError, Rule, Throttle, user as load_user, user_by_email};
use crate::identity::store::passkeys as store;

/// How many passkeys somebody can have.
const MOST: usize = 20;
/// Sign-ins with a passkey that are begun from one network.
const BEGUN: Rule = Rule::new("passkey", 300, 1_000, 60_000, Duration::from_secs(3_600));

async fn passkeys_of(app: &App, user: UserId) -> Result<Vec<store::PasskeyRow>, IdentityError> {
    Ok(app
        .db
        .read(move |c| Box::pin(async move { store::of_user(c, user).await }))
        .await?)
}

/// The credentials of somebody's passkeys.
pub(super) async fn credentials_of(app: &App, user: UserId) -> Result<Vec<Vec<u8>>, IdentityError> {
    let rows = passkeys_of(app, user).await?;
    Ok(rows.into_iter().map(|row| row.credential_id).collect())
}

/// Begins to add a passkey in somebody's session.
///
/// # Errors
/// [`IdentityError::PasskeysUnavailable`], [`IdentityError::TooManyPasskeys`], or a fault.
pub async fn begin_passkey(app: &App, person: &Person) -> Result<Ceremony, IdentityError> {
    let existing = passkeys_of(app, person.user).await?;
    if existing.len() >= MOST {
        return Err(IdentityError::TooManyPasskeys);
    }
    let user = load_user(app, person.user).await?;
    ceremony::begin_making(app, &user, person.session, &existing).await
}

/// Adds the passkey that was made in the same session; gives recovery codes if it is the first
/// second factor of that person. The session counts as authenticated by it.
///
/// # Errors
/// [`IdentityError::Invalid`], [`IdentityError::PasskeyRefused`], [`IdentityError::PasskeyTaken`],
/// [`IdentityError::TooManyPasskeys`], or a fault.
pub async fn finish_passkey(
    app: &App,
    person: &Person,
    ceremony: &str,
    name: &str,
    response: &PasskeyRegistrationResponse,
) -> Result<(PasskeyEntry, Option<Vec<String>>), IdentityError> {
    let name = passkey_name(name).map_err(|error| IdentityError::Invalid(vec![error]))?;
    let whose = (person.user, person.session);
    let made = ceremony::check_made(app, whose, ceremony, response, name).await?;
    let entry = PasskeyEntry {
        id: made.row.id,
        name: made.row.name.clone(),
        created_at: made.row.created_at,
        used_at: None,
    };
    let (work, person, subject) = (app.clone(), person.clone(), entry.id.to_string());
    let codes = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let app = &work;
                manage::lock(c, person.user).await?;
                let is_first = !manage::has_any(c, person.user).await?;
                if store::of_user(c, person.user).await?.len() >= MOST {
                    return Ok(Err(IdentityError::TooManyPasskeys));
                }
                if let Err(refused) = made.settle(app, c).await? {
                    return Ok(Err(refused));
                }
                prove::raise(app, c, &person, FactorKind::Passkey).await?;
                let change = manage::Change::Added(FactorKind::Passkey, subject);
                manage::added(app, c, &person, is_first, change)
                    .await
                    .map(Ok)
            })
        })
        .await??;
    app.principals.clear();
    Ok((entry, codes))
}

/// Gives a passkey another name.
///
/// # Errors
/// [`IdentityError::Invalid`], [`IdentityError::NotFound`], or a fault of the database.
pub async fn rename_passkey(
    app: &App,
    person: &Person,
    id: PasskeyId,
    name: &str,
) -> Result<(), IdentityError> {
    let name = passkey_name(name).map_err(|error| IdentityError::Invalid(vec![error]))?;
    let user = person.user;
    let renamed = app
        .db
        .write(move |c| Box::pin(async move { store::rename(c, user, id, &name).await }))
        .await?;
    if renamed {
        Ok(())
    } else {
        Err(IdentityError::NotFound("passkey"))
    }
}

/// Removes a passkey.
///
/// # Errors
/// [`IdentityError::NotFound`], [`IdentityError::FactorRequired`], or a fault.
pub async fn remove_passkey(
    app: &App,
    person: &Person,
    id: PasskeyId,
) -> Result<(), IdentityError> {
    let (work, person) = (app.clone(), person.clone());
    app.db
        .write(move |c| {
            Box::pin(async move {
                manage::lock(c, person.user).await?;
                if !store::delete(c, person.user, id).await? {
                    return Err(IdentityError::NotFound("passkey"));
                }
                let change = manage::Change::Removed(FactorKind::Passkey, id.to_string());
                manage::removed(&work, c, &person, change).await
            })
        })
        .await?;
    app.principals.clear();
    Ok(())
}

/// Begins to sign in with a passkey: with any, or with one of the account of an address. Whether
/// there is such an account cannot be told from the answer.
///
/// # Errors
/// [`IdentityError::PasskeysUnavailable`], [`IdentityError::TooMany`], or a fault.
pub async fn begin_passkey_sign_in(
    app: &App,
    email: Option<&str>,
    visitor: &Visitor,
) -> Result<Ceremony, IdentityError> {
    if !ceremony::is_possible(app) {
        return Err(IdentityError::PasskeysUnavailable);
    }
    // Whoever asks leaves a row behind.
    let throttle = Throttle::network(app, BEGUN, visitor.origin.ip);
    let now = app.now();
    app.db
        .write(move |c| {
            Box::pin(async move { Ok::<_, IdentityError>(throttle.pass(c, now).await?) })
        })
        .await?
        .map_err(IdentityError::TooMany)?;
    let Some(email) = email else {
        return ceremony::begin_showing(app, ceremony::Purpose::SignIn, Vec::new()).await;
    };
    let (user, address) = match email.parse::<Email>() {
        Ok(email) => (user_by_email(app, &email).await?, email.lookup()),
        Err(_) => (None, email.trim().to_lowercase()),
    };
    let user = user
        .filter(|user| user.state == UserState::Active)
        .map(|user| user.id);
    // Asked for even if there is nobody, so that both take as long.
    let nobody = UserId::from_bytes([0; 16]);
    let mut credentials = credentials_of(app, user.unwrap_or(nobody)).await?;
    if credentials.is_empty() {
        credentials = ceremony::decoys(app, &address)?;
    }
    ceremony::begin_showing(app, ceremony::Purpose::SignInAs(user), credentials).await
}
