//! What somebody agreed to: given, taken back, never changed.

use bilten_kernel::db::Conn;

use super::{PrivacyError, themselves};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::IdentityError;
use crate::identity::store::consents as store;

/// The version of a text that is in force.
pub fn consent_version(app: &App, kind: ConsentKind) -> &str {
    let versions = &app.config.identity.consents;
    match kind {
        ConsentKind::Terms => &versions.terms,
        ConsentKind::Privacy => &versions.privacy,
        ConsentKind::Marketing => &versions.marketing,
        ConsentKind::Analytics => &versions.analytics,
    }
}

fn states(app: &App, history: &[Consent]) -> Vec<ConsentState> {
    ConsentKind::ALL
        .iter()
        .map(|&kind| {
            let version = consent_version(app, kind);
            let last = history
                .iter()
                .rfind(|consent| consent.kind == kind)
                .cloned();
            ConsentState {
                kind,
                version: version.to_owned(),
                is_required: kind.is_required(),
                is_given: last
                    .as_ref()
                    .is_some_and(|last| last.is_given && last.version == version),
                last,
            }
        })
        .collect()
}

/// Where somebody stands with each kind of consent, and all they ever did, oldest first.
///
/// # Errors
/// A fault of the database.
pub async fn consents_of(
    app: &App,
    person: &Person,
) -> Result<(Vec<ConsentState>, Vec<Consent>), PrivacyError> {
    let user = person.user;
    let history = app
        .db
        .read(move |c| Box::pin(async move { store::of_user(c, user).await }))
        .await?;
    Ok((states(app, &history), history))
}

/// Records inside a write that somebody agrees to these texts as they are in force, as when they
/// register.
///
/// # Errors
/// A fault of the database.
pub async fn give_consents_in(
    app: &App,
    c: &mut Conn,
    user: UserId,
    kinds: &[ConsentKind],
    source: &str,
) -> Result<(), IdentityError> {
    for kind in kinds {
        let consent = new(app, *kind, true, source);
        store::insert(c, user, &consent).await?;
    }
    Ok(())
}

fn new(app: &App, kind: ConsentKind, is_given: bool, source: &str) -> Consent {
    Consent {
        id: ConsentId::new(&*app.clock, &*app.random),
        kind,
        version: consent_version(app, kind).to_owned(),
        is_given,
        source: source.to_owned(),
        at: app.now(),
    }
}

/// Records that somebody agrees to a text in the version that they were shown, or takes that back.
/// Saying the same thing again adds nothing.
///
/// # Errors
/// [`PrivacyError::ConsentVersion`], [`PrivacyError::ConsentRequired`],
/// [`PrivacyError::Impersonated`], or a fault of the database.
pub async fn set_consent(
    app: &App,
    person: &Person,
    kind: ConsentKind,
    version: &str,
    is_given: bool,
    source: &'static str,
) -> Result<Vec<ConsentState>, PrivacyError> {
    themselves(person)?;
    if is_given && version != consent_version(app, kind) {
        return Err(PrivacyError::ConsentVersion);
    }
    if !is_given && kind.is_required() {
        return Err(PrivacyError::ConsentRequired);
    }
    let (work, user) = (app.clone(), person.user);
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = &work;
                if !store::lock(c, user, app.now()).await? {
                    return Err(IdentityError::NotFound("account").into());
                }
                let mut history = store::of_user(c, user).await?;
                let consent = new(app, kind, is_given, source);
                let last = history.iter().rfind(|consent| consent.kind == kind);
                let is_new = match last {
                    Some(last) => {
                        last.is_given != is_given || (is_given && last.version != consent.version)
                    }
                    None => is_given,
                };
                if is_new {
                    store::insert(c, user, &consent).await?;
                    history.push(consent);
                }
                Ok(states(app, &history))
            })
        })
        .await
}
