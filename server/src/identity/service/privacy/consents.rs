//! What somebody agreed to: given, taken back, never changed.

use bilten_kernel::db::Conn;

use super::{PrivacyError, invalid, themselves};
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

/// What somebody agrees to who registers now.
///
/// # Errors
/// [`IdentityError::Invalid`] if a text that they were shown is not in force any more.
pub fn first_consents(app: &App, first: &FirstConsents) -> Result<Vec<Agreed>, IdentityError> {
    let shown = [
        (
            ConsentKind::Terms,
            &first.terms,
            "The terms of use have changed. Please read them again.",
        ),
        (
            ConsentKind::Privacy,
            &first.privacy,
            "What is said about your data has changed. Please read it again.",
        ),
    ];
    let mut faults = Vec::new();
    for (kind, version, text) in shown {
        let version = version.as_deref();
        if version.is_some_and(|version| version != consent_version(app, kind)) {
            faults.push(invalid(kind.as_str(), "version", text));
        }
    }
    if !faults.is_empty() {
        return Err(IdentityError::Invalid(faults));
    }
    let mut kinds = vec![ConsentKind::Terms, ConsentKind::Privacy];
    if first.marketing {
        kinds.push(ConsentKind::Marketing);
    }
    let agreed = kinds
        .into_iter()
        .map(|kind| agreed(app, kind, first.source));
    Ok(agreed.collect())
}

/// What somebody agrees to now who continues by an account elsewhere and has none here yet: the texts
/// that the pages name beside the buttons for that, which are those that can be read somewhere.
pub fn consents_by_continuing(app: &App) -> Vec<Agreed> {
    let texts = &app.config.identity.consents;
    [
        (ConsentKind::Terms, &texts.terms_url),
        (ConsentKind::Privacy, &texts.privacy_url),
    ]
    .into_iter()
    .filter(|(_, url)| !url.is_empty())
    .map(|(kind, _)| agreed(app, kind, "provider"))
    .collect()
}

fn agreed(app: &App, kind: ConsentKind, source: &str) -> Agreed {
    Agreed {
        kind,
        version: consent_version(app, kind).to_owned(),
        source: source.to_owned(),
        at: app.now(),
    }
}

/// Records what somebody agreed to who had no account yet, inside the write that makes it.
///
/// # Errors
/// A fault of the database.
pub async fn give_consents_in(
    app: &App,
    c: &mut Conn,
    user: UserId,
    agreed: Vec<Agreed>,
) -> Result<(), IdentityError> {
    for agreed in agreed {
        let consent = Consent {
            id: ConsentId::new(&*app.clock, &*app.random),
            kind: agreed.kind,
            version: agreed.version,
            is_given: true,
            source: agreed.source,
            at: agreed.at,
        };
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
