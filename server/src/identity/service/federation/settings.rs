//! What a connection may be set up with, and what the clients make of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bilten_adapters::oidc::{AppleKey, Provider, apple_client_secret};
use bilten_adapters::saml::{
    IdentityProvider, ServiceProvider, certificate_from_text, identity_provider,
};
use bilten_kernel::error::FieldError;

use super::FederationError;
use super::domains::stored_form;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::federation::ConnectionRow;

/// Authentication context classes that stand for a second factor everywhere.
pub(super) const MFA_CONTEXTS: &[&str] = &[
    "https://refeds.org/profile/mfa",
    "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
    "http://schemas.microsoft.com/claims/multipleauthn",
];

pub(super) fn public_url(app: &App) -> &str {
    app.config.http.public_url.trim_end_matches('/')
}

pub(super) fn callback_url(app: &App, slug: &str, kind: ConnectionKind) -> String {
    let url = public_url(app);
    match kind {
        ConnectionKind::Oidc => format!("{url}/sso/{slug}/callback"),
        ConnectionKind::Saml => format!("{url}/sso/{slug}/saml/acs"),
    }
}

/// Ourselves, as a connection's identity provider knows us.
pub(super) fn service_provider(app: &App, slug: &str) -> ServiceProvider {
    ServiceProvider {
        entity_id: format!("{}/sso/{slug}/saml/metadata", public_url(app)),
        acs_url: callback_url(app, slug, ConnectionKind::Saml),
    }
}

/// For what the settings of a connection are sealed.
pub(in crate::identity) fn connection_purpose(id: &str) -> String {
    format!("sso_connection:{id}")
}

fn sealed_for(id: ConnectionId) -> String {
    connection_purpose(&id.to_string())
}

/// What is sealed of a connection.
#[derive(serde::Serialize, serde::Deserialize)]
struct Sealed {
    settings: ConnectionSettings,
    domains: Vec<String>,
}

pub(super) fn seal(
    app: &App,
    id: ConnectionId,
    settings: &ConnectionSettings,
    domains: &[String],
) -> Result<Vec<u8>, FederationError> {
    let sealed = Sealed {
        settings: settings.clone(),
        domains: domains.to_vec(),
    };
    let text = serde_json::to_vec(&sealed).unwrap_or_default();
    Ok(app.vault.seal(&sealed_for(id), &text, &*app.random)?)
}

/// A connection as it is stored, opened.
pub(super) fn open(app: &App, row: ConnectionRow) -> Result<Connection, FederationError> {
    let text = app.vault.open(&sealed_for(row.id), &row.sealed_config)?;
    let sealed: Sealed =
        serde_json::from_slice(&text).map_err(|_| FederationError::NotFound("connection"))?;
    Ok(Connection {
        id: row.id,
        organisation: row.organisation_id,
        slug: row.slug,
        name: row.name,
        settings: sealed.settings,
        domains: sealed.domains,
        role_mapping: serde_json::from_str(&row.role_mapping).unwrap_or_default(),
        is_enabled: row.is_enabled,
        created_at: row.created_at,
    })
}

/// How an OpenID provider is asked.
pub(super) fn provider(
    app: &App,
    connection: &Connection,
    settings: &OidcSettings,
) -> Result<Provider, FederationError> {
    let quirks = settings.preset.quirks();
    let client_secret = match &settings.apple_key {
        Some(key) => {
            let key = AppleKey {
                team_id: key.team_id.clone(),
                key_id: key.key_id.clone(),
                private_key: key.private_key.clone(),
            };
            Some(apple_client_secret(&key, &settings.client_id, app.now())?)
        }
        None => settings.client_secret.clone(),
    };
    let usual = || quirks.scopes.iter().map(|s| (*s).to_owned()).collect();
    Ok(Provider {
        issuer: settings
            .issuer
            .clone()
            .or_else(|| quirks.issuer.map(str::to_owned))
            .unwrap_or_default(),
        client_id: settings.client_id.clone(),
        client_secret,
        redirect_uri: callback_url(app, &connection.slug, ConnectionKind::Oidc),
        scopes: settings.scopes.clone().unwrap_or_else(usual),
        token_endpoint: quirks.token_endpoint.map(str::to_owned),
        posts_secret: quirks.posts_secret,
        returns_nonce: quirks.returns_nonce,
        form_post: quirks.form_post,
        wants_user_info: !connection.role_mapping.rules.is_empty(),
    })
}

/// The identity provider that speaks SAML.
pub(super) fn saml_provider(settings: &SamlSettings) -> Result<IdentityProvider, FederationError> {
    let certificates = settings
        .certificates
        .iter()
        .map(|text| certificate_from_text(text))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(IdentityProvider {
        entity_id: settings.entity_id.clone(),
        sso_url: settings.sso_url.clone(),
        certificates,
    })
}

/// Whether a text can be the short name of a connection.
pub(super) fn is_slug(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (2..=80).contains(&text.len()) && text.chars().all(is_word)
}

/// A connection that is to be, checked.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) settings: ConnectionSettings,
    pub(super) domains: Vec<String>,
}

/// Checks what a connection is to be set up with; secrets that are left out are those of `before`.
///
/// `owner` is the short name of the organisation whose it is, if it is not the platform's.
pub(super) fn check(
    app: &App,
    input: &ConnectionInput,
    owner: Option<&str>,
    before: Option<&Connection>,
) -> Result<Checked, FederationError> {
    let mut wrong = Vec::new();
    let mut fault = |field: &str, code: &'static str, detail: &str| {
        wrong.push(FieldError {
            field: field.to_owned(),
            code: code.into(),
            detail: detail.to_owned(),
        });
    };
    let slug = &input.slug;
    if !is_slug(slug) {
        fault(
            "slug",
            "form",
            "A short name has 2 to 80 letters a to z, digits and hyphens.",
        );
    } else if let Some(owner) = owner
        && slug != owner
        && !slug
            .strip_prefix(owner)
            .is_some_and(|rest| rest.starts_with('-'))
    {
        let detail = format!("It must be {owner}, or begin with {owner}-.");
        fault("slug", "prefix", &detail);
    }
    if !(1..=100).contains(&input.name.chars().count()) || input.name.chars().any(char::is_control)
    {
        fault("name", "length", "A name has 1 to 100 characters.");
    }
    if owner.is_none()
        && !(input.domains.is_empty() && input.role_mapping == RoleMapping::default())
    {
        fault(
            "domains",
            "platform",
            "Domains and roles are for organisations.",
        );
    }
    let mut domains = Vec::new();
    for domain in &input.domains {
        match stored_form(domain) {
            Some(domain) => domains.push(domain),
            None => fault("domains", "form", "A domain is something like example.com."),
        }
    }
    domains.sort_unstable();
    domains.dedup();
    if domains.len() > MAX_DOMAINS {
        fault("domains", "too_many", "There are too many domains.");
    }
    let mapping = &input.role_mapping;
    if mapping.rules.len() > MAX_ROLE_RULES {
        fault(
            "role_mapping.rules",
            "too_many",
            "There are too many rules.",
        );
    }
    let gives_owner = mapping.default_role == Some(Role::Owner)
        || mapping.rules.iter().any(|rule| rule.role == Role::Owner);
    if gives_owner {
        fault("role_mapping", "owner", "Owners are made by owners only.");
    }
    let is_text = |text: &str| (1..=300).contains(&text.len());
    if !mapping
        .rules
        .iter()
        .all(|r| is_text(&r.attribute) && is_text(&r.value))
    {
        fault(
            "role_mapping.rules",
            "length",
            "Names and values have 1 to 300 characters.",
        );
    }
    let settings = match (&input.oidc, &input.saml) {
        (Some(oidc), None) => oidc_settings(app, oidc, owner, before, &mut fault),
        (None, Some(saml)) => saml_settings(app, saml, owner, &mut fault),
        (None, None) | (Some(_), Some(_)) => {
            fault("oidc", "one_of", "Give either oidc or saml.");
            None
        }
    };
    match settings {
        Some(settings) if wrong.is_empty() => Ok(Checked { settings, domains }),
        Some(_) | None => Err(FederationError::Invalid(wrong)),
    }
}

fn is_address(app: &App, text: &str) -> bool {
    let is_plain = text.len() <= 500 && text.bytes().all(|b| b.is_ascii_graphic());
    let host = match text.split_once("://") {
        Some(("https", rest)) => rest,
        Some(("http", rest)) if app.config.identity.sso_private_networks => rest,
        Some(_) | None => return false,
    };
    // A name before an @ is not where a browser goes.
    let host = host.split(['/', '?']).next().unwrap_or_default();
    is_plain && !host.is_empty() && !host.contains(['@', '\\']) && !text.contains('#')
}

fn oidc_settings(
    app: &App,
    input: &OidcSettings,
    owner: Option<&str>,
    before: Option<&Connection>,
    fault: &mut impl FnMut(&str, &'static str, &str),
) -> Option<ConnectionSettings> {
    let mut settings = input.clone();
    if let Some(Connection {
        settings: ConnectionSettings::Oidc(before),
        ..
    }) = before
    {
        // A secret goes to nobody but the provider that it was for.
        let is_same = before.preset == settings.preset && before.issuer == settings.issuer;
        if is_same && settings.client_secret.is_none() {
            settings.client_secret.clone_from(&before.client_secret);
        }
        if let (Some(key), Some(before)) = (&mut settings.apple_key, &before.apple_key)
            && is_same
            && key.private_key.is_empty()
        {
            key.private_key.clone_from(&before.private_key);
        }
    }
    let length = |text: &str| (1..=500).contains(&text.len());
    if !length(&settings.client_id) {
        fault(
            "oidc.client_id",
            "length",
            "A client id has 1 to 500 characters.",
        );
    }
    if settings.client_secret.as_ref().is_some_and(|s| !length(s)) {
        fault(
            "oidc.client_secret",
            "length",
            "A secret has 1 to 500 characters.",
        );
    }
    match (&settings.issuer, settings.preset) {
        (None, Preset::Generic) => {
            fault(
                "oidc.issuer",
                "missing",
                "Say where the provider is: its issuer.",
            );
        }
        (Some(issuer), Preset::Generic) if !is_address(app, issuer) => {
            fault("oidc.issuer", "form", "An issuer is an https address.");
        }
        (Some(_), Preset::Google | Preset::Apple | Preset::Facebook | Preset::Linkedin) => {
            fault(
                "oidc.issuer",
                "preset",
                "The preset knows where the provider is.",
            );
        }
        (Some(_) | None, _) => {}
    }
    if owner.is_some() && settings.preset != Preset::Generic {
        fault(
            "oidc.preset",
            "platform",
            "Organisations use the preset generic.",
        );
    }
    if let Some(key) = &settings.apple_key {
        let key = AppleKey {
            team_id: key.team_id.clone(),
            key_id: key.key_id.clone(),
            private_key: key.private_key.clone(),
        };
        if apple_client_secret(&key, &settings.client_id, app.now()).is_err() {
            fault(
                "oidc.apple_key",
                "form",
                "The key cannot be read: PKCS 8 in PEM is needed.",
            );
        }
    }
    let scopes = settings.scopes.iter().flatten();
    if scopes.clone().count() > 20
        || !scopes
            .clone()
            .all(|s| length(s) && s.bytes().all(|b| b.is_ascii_graphic()))
    {
        fault("oidc.scopes", "form", "Scopes are at most 20 words.");
    }
    contexts(&settings.mfa_contexts, "oidc.mfa_contexts", fault);
    Some(ConnectionSettings::Oidc(settings))
}

fn saml_settings(
    app: &App,
    input: &SamlSettings,
    owner: Option<&str>,
    fault: &mut impl FnMut(&str, &'static str, &str),
) -> Option<ConnectionSettings> {
    let mut settings = input.clone();
    if owner.is_none() {
        fault("saml", "platform", "SAML is for organisations.");
    }
    if let Some(metadata) = settings.metadata.take() {
        match identity_provider(&metadata) {
            Ok(provider) => {
                settings.entity_id = provider.entity_id;
                settings.sso_url = provider.sso_url;
                settings.certificates = provider
                    .certificates
                    .iter()
                    .map(|der| STANDARD.encode(der))
                    .collect();
            }
            Err(error) => {
                fault("saml.metadata", error.code(), &error.to_string());
                return None;
            }
        }
    }
    if !(1..=1_000).contains(&settings.entity_id.len()) {
        fault(
            "saml.entity_id",
            "length",
            "An entity id has 1 to 1000 characters.",
        );
    }
    if !is_address(app, &settings.sso_url) {
        fault("saml.sso_url", "form", "It must be an https address.");
    }
    if settings.certificates.is_empty() || settings.certificates.len() > 10 {
        fault(
            "saml.certificates",
            "count",
            "One to ten certificates are needed.",
        );
    }
    if let Err(error) = saml_provider(&settings) {
        fault("saml.certificates", "form", &error.to_string());
    }
    let names = [
        &settings.subject_attribute,
        &settings.email_attribute,
        &settings.name_attribute,
    ];
    if names
        .into_iter()
        .flatten()
        .any(|n| !(1..=300).contains(&n.len()))
    {
        fault(
            "saml",
            "length",
            "Names of attributes have 1 to 300 characters.",
        );
    }
    contexts(&settings.mfa_contexts, "saml.mfa_contexts", fault);
    Some(ConnectionSettings::Saml(settings))
}

fn contexts(all: &[String], field: &str, fault: &mut impl FnMut(&str, &'static str, &str)) {
    if all.len() > 20 || all.iter().any(|c| !(1..=300).contains(&c.len())) {
        fault(
            field,
            "length",
            "At most 20 classes of 1 to 300 characters.",
        );
    }
}

/// Whether what a provider calls somebody means the same person for both.
pub(super) fn is_same_provider(a: &ConnectionSettings, b: &ConnectionSettings) -> bool {
    match (a, b) {
        (ConnectionSettings::Oidc(a), ConnectionSettings::Oidc(b)) => {
            a.preset == b.preset && a.issuer == b.issuer
        }
        (ConnectionSettings::Saml(a), ConnectionSettings::Saml(b)) => {
            a.entity_id == b.entity_id && a.subject_attribute == b.subject_attribute
        }
        (ConnectionSettings::Oidc(_) | ConnectionSettings::Saml(_), _) => false,
    }
}

/// Settings without secrets.
pub(super) fn shown(settings: &ConnectionSettings) -> (Option<OidcSettings>, Option<SamlSettings>) {
    match settings {
        ConnectionSettings::Oidc(settings) => {
            let mut shown = settings.clone();
            shown.client_secret = None;
            if let Some(key) = &mut shown.apple_key {
                key.private_key.clear();
            }
            (Some(shown), None)
        }
        ConnectionSettings::Saml(settings) => (None, Some(settings.clone())),
    }
}
