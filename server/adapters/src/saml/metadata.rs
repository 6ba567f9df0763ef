//! The description that an identity provider gives of itself.
//!
//! Whoever sets up a connection vouches for it: a signature in it is not looked at.

use super::signature::{check_certificate, decode};
use super::xml::{self, DSIG, METADATA};
use super::{IdentityProvider, MOST_BYTES, SamlError};

const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";

/// Reads an identity provider's description.
///
/// # Errors
/// [`SamlError`] by what is missing.
pub fn identity_provider(metadata: &str) -> Result<IdentityProvider, SamlError> {
    if metadata.len() > MOST_BYTES {
        return Err(SamlError::TooLarge);
    }
    let document = xml::parse(metadata)?;
    let entity = xml::top(&document)?;
    if !xml::is(&document, entity, METADATA, "EntityDescriptor") {
        return Err(SamlError::Form("it does not describe one entity"));
    }
    let entity_id = xml::attribute(&document, entity, "entityID")
        .filter(|id| !id.is_empty())
        .ok_or(SamlError::Form("the entity has no id"))?;
    let role = xml::children(&document, entity, METADATA, "IDPSSODescriptor")
        .into_iter()
        .find(|role| {
            xml::attribute(&document, *role, "protocolSupportEnumeration")
                .is_some_and(|all| all.split_ascii_whitespace().any(|one| one == PROTOCOL))
        })
        .ok_or(SamlError::Form("it describes no identity provider"))?;
    let sso_url = xml::children(&document, role, METADATA, "SingleSignOnService")
        .into_iter()
        .find(|service| xml::attribute(&document, *service, "Binding") == Some(REDIRECT))
        .and_then(|service| xml::attribute(&document, service, "Location"))
        .ok_or(SamlError::Form("it takes no requests by redirect"))?;
    let mut certificates = Vec::new();
    for key in xml::children(&document, role, METADATA, "KeyDescriptor") {
        if xml::attribute(&document, key, "use").is_some_and(|used| used != "signing") {
            continue;
        }
        let certificate = xml::only(&document, key, DSIG, "KeyInfo")
            .and_then(|info| xml::only(&document, info, DSIG, "X509Data"))
            .and_then(|data| {
                xml::children(&document, data, DSIG, "X509Certificate")
                    .into_iter()
                    .next()
            })
            .and_then(|certificate| xml::text(&document, certificate))
            .ok_or(SamlError::Certificate)?;
        certificates.push(certificate_from_text(&certificate)?);
    }
    if certificates.is_empty() {
        return Err(SamlError::Certificate);
    }
    Ok(IdentityProvider {
        entity_id: entity_id.to_owned(),
        sso_url: sso_url.to_owned(),
        certificates,
    })
}

/// A certificate, in PEM or as bare Base64.
///
/// # Errors
/// [`SamlError::Certificate`].
pub fn certificate_from_text(text: &str) -> Result<Vec<u8>, SamlError> {
    let body: String = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let der = decode(&body).ok_or(SamlError::Certificate)?;
    check_certificate(&der)?;
    Ok(der)
}
