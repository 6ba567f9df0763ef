//! Name, language and telephone number.

use bilten_kernel::clock::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{PrivacyError, email_change, invalid};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::people::{open_user, seal_profile};
use crate::identity::store::{email_changes as store, people};
use crate::platform::{self, AuditRecord};

/// What somebody sees of their own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProfileView {
    /// Their id.
    pub id: UserId,
    /// Where mail reaches them.
    pub email: String,
    /// When they showed that the address is theirs.
    pub email_verified_at: Option<Timestamp>,
    /// The address that they want to have instead, until they confirm it.
    pub new_email: Option<String>,
    /// What they are called.
    pub name: String,
    /// The language they read.
    pub locale: Option<String>,
    /// Their telephone number.
    pub phone: Option<String>,
    /// Whether they have a password.
    pub has_password: bool,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// A change of somebody's profile: what is absent stays, `null` deletes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileChange {
    /// What they are called.
    pub name: Option<String>,
    /// The language they read, such as `en` or `sl-SI`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub locale: Option<Option<String>>,
    /// Their telephone number with its country.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub phone: Option<Option<String>>,
}

/// Tells `null` from nothing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// Whether a text can be a language (RFC 5646, without its rare forms).
fn is_locale(text: &str) -> bool {
    let mut parts = text.split('-');
    let language = parts.next().unwrap_or_default();
    (2..=3).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && text.len() <= 35
        && parts.all(|part| {
            (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

impl ProfileChange {
    /// The profile as it is after the change, and the names of what is another.
    fn apply(self, profile: &Profile) -> Result<(Profile, Vec<&'static str>), PrivacyError> {
        let (mut faults, mut new) = (Vec::new(), profile.clone());
        if let Some(name) = self.name {
            let name = name.trim();
            if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
                let detail = "A name has 1 to 200 characters and no control characters.";
                faults.push(invalid("name", "name", detail));
            }
            name.clone_into(&mut new.name);
        }
        if let Some(locale) = self.locale {
            if locale.as_deref().is_some_and(|text| !is_locale(text)) {
                let detail = "A language is written such as en or sl-SI.";
                faults.push(invalid("locale", "locale", detail));
            }
            new.locale = locale;
        }
        if let Some(phone) = self.phone {
            match phone.map(|text| text.parse::<Phone>()).transpose() {
                Ok(phone) => new.phone = phone.map(String::from),
                Err(error) => faults.push(invalid("phone", "phone", error.to_string())),
            }
        }
        if !faults.is_empty() {
            return Err(PrivacyError::Invalid(faults));
        }
        let changed = [
            ("name", new.name != profile.name),
            ("locale", new.locale != profile.locale),
            ("phone", new.phone != profile.phone),
        ];
        let changed = changed.iter().filter(|(_, is)| *is);
        Ok((new, changed.map(|(what, _)| *what).collect()))
    }
}

/// Somebody's own account, as they see it.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn profile_of(app: &App, person: &Person) -> Result<ProfileView, PrivacyError> {
    let (id, now) = (person.user, app.now());
    let (row, change) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let row = people::by_id(c, id)
                    .await?
                    .ok_or(super::IdentityError::NotFound("account"))?;
                let change = store::pending(c, id, now).await?;
                Ok::<_, PrivacyError>((row, change))
            })
        })
        .await?;
    let new_email = change
        .map(|change| email_change::Addresses::open(app, change.id, &change.sealed_content))
        .transpose()?
        .map(|addresses| addresses.new.to_string());
    let user = open_user(app, row)?;
    let profile = user
        .profile
        .ok_or(super::IdentityError::NotFound("account"))?;
    Ok(ProfileView {
        id,
        email: profile.email.to_string(),
        email_verified_at: user.email_verified_at,
        new_email,
        name: profile.name,
        locale: profile.locale,
        phone: profile.phone,
        has_password: user.password_hash.is_some(),
        created_at: user.created_at,
    })
}

/// Changes somebody's own profile.
///
/// # Errors
/// [`PrivacyError::Invalid`], [`PrivacyError::ChangedMeanwhile`], or a fault.
pub async fn change_profile(
    app: &App,
    person: &Person,
    change: ProfileChange,
) -> Result<(), PrivacyError> {
    let (work, id) = (app.clone(), person.user);
    let actor = Principal::Person(person.clone()).actor();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = &work;
                let row = people::by_id(c, id)
                    .await?
                    .ok_or(super::IdentityError::NotFound("account"))?;
                let old = row.sealed_profile.clone();
                let profile = open_user(app, row)?
                    .profile
                    .ok_or(super::IdentityError::NotFound("account"))?;
                let (new, changed) = change.apply(&profile)?;
                if changed.is_empty() {
                    return Ok(());
                }
                let sealed = seal_profile(app, id, &new)?;
                if !store::set_profile(c, id, (&old, &sealed), app.now()).await? {
                    return Err(PrivacyError::ChangedMeanwhile);
                }
                let record = AuditRecord::new(actor, "profile.changed", id)
                    .detail(json!({"fields": changed}));
                Ok(platform::audit(app, c, record).await?)
            })
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told_from_other_texts() {
        for good in ["en", "sl-SI", "zh-Hant-TW", "de-1996"] {
            assert!(is_locale(good), "{good}");
        }
        for bad in ["", "e", "english", "en_US", "en-", "en-x!", "-en", "en-\n"] {
            assert!(!is_locale(bad), "{bad:?}");
        }
    }
}
