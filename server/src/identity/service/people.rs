//! People with an account: made, found, sealed and opened.

use bilten_kernel::db::{Conn, Violation};

use super::IdentityError;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::people as store;
use crate::identity::store::people::UserRow;

/// Somebody who is to have an account.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// What is personal.
    pub profile: Profile,
    /// The hash of their password, if they have one.
    pub password_hash: Option<String>,
    /// Whether the address is known to be theirs.
    pub is_verified: bool,
}

/// The keyed hash by which somebody's address is found.
pub(in crate::identity) fn email_lookup(app: &App, email: &Email) -> [u8; 32] {
    app.vault.mac("email lookup", &[email.lookup().as_bytes()])
}

/// For what the profile of somebody is sealed.
pub(in crate::identity) fn profile_purpose(id: impl std::fmt::Display) -> String {
    format!("user:{id}")
}

/// What is personal about somebody, opened; nothing once erased.
///
/// # Errors
/// [`IdentityError::Vault`] if it cannot be opened.
pub(in crate::identity) fn open_profile(
    app: &App,
    id: UserId,
    sealed: &[u8],
) -> Result<Option<Profile>, IdentityError> {
    if sealed.is_empty() {
        return Ok(None);
    }
    let text = app.vault.open(&profile_purpose(id), sealed)?;
    Ok(serde_json::from_slice(&text).ok())
}

/// A person as they are stored, opened.
///
/// # Errors
/// [`IdentityError::Vault`] if the stored profile cannot be opened.
pub(in crate::identity) fn open_user(app: &App, row: UserRow) -> Result<User, IdentityError> {
    Ok(User {
        id: row.id,
        profile: open_profile(app, row.id, &row.sealed_profile)?,
        password_hash: row.password_hash,
        email_verified_at: row.email_verified_at,
        state: row.state,
        created_at: row.created_at,
    })
}

/// A profile as it is stored.
///
/// # Errors
/// [`IdentityError::Vault`] if it cannot be sealed.
pub(in crate::identity) fn seal_profile(
    app: &App,
    id: UserId,
    profile: &Profile,
) -> Result<Vec<u8>, IdentityError> {
    let text = serde_json::to_vec(profile).unwrap_or_default();
    Ok(app.vault.seal(&profile_purpose(id), &text, &*app.random)?)
}

/// Makes an account inside a write.
///
/// # Errors
/// [`IdentityError::EmailTaken`] (the write is lost then), or a fault of the vault or the database.
pub async fn create_user_in(
    app: &App,
    c: &mut Conn,
    new: NewUser,
) -> Result<UserId, IdentityError> {
    let (id, now) = (UserId::new(&*app.clock, &*app.random), app.now());
    let row = UserRow {
        id,
        sealed_profile: seal_profile(app, id, &new.profile)?,
        password_hash: new.password_hash,
        email_verified_at: new.is_verified.then_some(now),
        state: UserState::Active,
        created_at: now,
    };
    match store::insert(c, &row, email_lookup(app, &new.profile.email)).await {
        Ok(()) => Ok(id),
        Err(error) if error.violates(Violation::Unique) => Err(IdentityError::EmailTaken),
        Err(error) => Err(error.into()),
    }
}

/// Makes an account.
///
/// # Errors
/// As [`create_user_in`].
pub async fn create_user(app: &App, new: NewUser) -> Result<UserId, IdentityError> {
    let work = app.clone();
    app.db
        .write(move |c| Box::pin(async move { create_user_in(&work, c, new).await }))
        .await
}

/// Somebody with an account.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the vault or the database.
pub async fn user(app: &App, id: UserId) -> Result<User, IdentityError> {
    let row = app
        .db
        .read(move |c| Box::pin(async move { store::by_id(c, id).await }))
        .await?
        .ok_or(IdentityError::NotFound("account"))?;
    open_user(app, row)
}

/// The account with this address, if there is one.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn user_by_email(app: &App, email: &Email) -> Result<Option<User>, IdentityError> {
    let lookup = email_lookup(app, email);
    let row = app
        .db
        .read(move |c| Box::pin(async move { store::by_email(c, lookup).await }))
        .await?;
    row.map(|row| open_user(app, row)).transpose()
}
