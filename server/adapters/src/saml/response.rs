//! What an assertion must say to be believed.

use bilten_kernel::clock::Timestamp;
use uppsala::{Document, NodeId};

use super::signature::{decode, verified};
use super::xml::{self, DSIG, SAML, SAMLP};
use super::{IdentityProvider, MOST_BYTES, SamlError, ServiceProvider};

/// How far clocks may be apart, in milliseconds.
const SKEW_MS: i64 = 60_000;
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// What a response must fit.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// Ourselves.
    pub service: &'a ServiceProvider,
    /// Who must have issued it.
    pub provider: &'a IdentityProvider,
    /// The id of the request that it answers.
    pub request_id: &'a str,
    /// What time it is.
    pub now: Timestamp,
}

/// An assertion that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Its id: it counts once.
    pub id: String,
    /// Until when it must be remembered.
    pub expires_at: Timestamp,
    /// What the provider calls the person.
    pub name_id: String,
    /// Of which form that is.
    pub name_id_format: String,
    /// How the person proved who they are.
    pub authentication_context: Option<String>,
    /// When they did.
    pub authenticated_at: Timestamp,
    /// What else is said of them: names with their values, in their order.
    pub attributes: Vec<(String, Vec<String>)>,
}

/// Verifies a response as a browser posts it, and reads its assertion.
///
/// # Errors
/// [`SamlError`] by what is wrong with it.
pub fn accept(response: &str, expected: &Expected<'_>) -> Result<Assertion, SamlError> {
    if response.len() > MOST_BYTES * 3 / 2 {
        return Err(SamlError::TooLarge);
    }
    let bytes = decode(response).ok_or(SamlError::Encoding)?;
    if bytes.len() > MOST_BYTES {
        return Err(SamlError::TooLarge);
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| SamlError::Encoding)?;
    let document = xml::parse(text)?;
    let signed = signed_assertion(&document, expected)?;
    let document = xml::parse(&signed)?;
    let assertion = xml::top(&document)?;
    if !xml::is(&document, assertion, SAML, "Assertion") {
        return Err(SamlError::Form("what is signed is no assertion"));
    }
    read(&document, assertion, expected)
}

/// Refuses what can be refused before anything is believed; returns what was signed.
fn signed_assertion(document: &Document<'_>, expected: &Expected<'_>) -> Result<String, SamlError> {
    let response = xml::top(document)?;
    if !xml::is(document, response, SAMLP, "Response")
        || xml::attribute(document, response, "Version") != Some("2.0")
    {
        return Err(SamlError::Form("it is no SAML 2.0 response"));
    }
    if let Some(destination) = xml::attribute(document, response, "Destination")
        && destination != expected.service.acs_url
    {
        return Err(SamlError::Recipient);
    }
    if let Some(issuer) = xml::only(document, response, SAML, "Issuer")
        && xml::text(document, issuer).as_deref() != Some(&expected.provider.entity_id)
    {
        return Err(SamlError::Issuer);
    }
    let status = xml::only(document, response, SAMLP, "Status")
        .and_then(|status| xml::only(document, status, SAMLP, "StatusCode"))
        .ok_or(SamlError::Form("it has no status"))?;
    let code = xml::attribute(document, status, "Value").unwrap_or_default();
    if code != SUCCESS {
        let detail = xml::only(document, status, SAMLP, "StatusCode")
            .and_then(|inner| xml::attribute(document, inner, "Value"))
            .unwrap_or(code);
        let name = detail.rsplit(':').next().unwrap_or_default();
        return Err(SamlError::Status(name.chars().take(60).collect()));
    }
    if xml::attribute(document, response, "InResponseTo") != Some(expected.request_id) {
        return Err(SamlError::InResponseTo);
    }
    // One assertion, in its place; any other, wherever it hides, is an attack or a mistake.
    if xml::count(document, "EncryptedAssertion") > 0 {
        return Err(SamlError::Encrypted);
    }
    if xml::count(document, "Assertion") != 1 {
        return Err(SamlError::Assertions);
    }
    let assertion =
        xml::only(document, response, SAML, "Assertion").ok_or(SamlError::Assertions)?;
    let mut places = xml::children(document, assertion, DSIG, "Signature").len();
    let is_response_signed = !xml::children(document, response, DSIG, "Signature").is_empty();
    places += usize::from(is_response_signed);
    if xml::count(document, "Signature") > places {
        return Err(SamlError::SignatureForm("there is one in another place"));
    }
    let certificates = &expected.provider.certificates;
    let signed = verified(document, assertion, certificates)?;
    if is_response_signed {
        // Not needed, but nothing that is wrong is let pass.
        verified(document, response, certificates)?;
    }
    Ok(signed)
}

/// Reads the assertion out of the text that was signed.
fn read(
    document: &Document<'_>,
    assertion: NodeId,
    expected: &Expected<'_>,
) -> Result<Assertion, SamlError> {
    if xml::attribute(document, assertion, "Version") != Some("2.0") {
        return Err(SamlError::Form("it is no SAML 2.0 assertion"));
    }
    let id = xml::attribute(document, assertion, "ID")
        .filter(|id| (1..=512).contains(&id.len()))
        .ok_or(SamlError::Form("the assertion has no id"))?;
    let issuer = xml::only(document, assertion, SAML, "Issuer")
        .and_then(|issuer| xml::text(document, issuer));
    if issuer.as_deref() != Some(&expected.provider.entity_id) {
        return Err(SamlError::Issuer);
    }
    let subject = xml::only(document, assertion, SAML, "Subject").ok_or(SamlError::Subject)?;
    let name_id = xml::only(document, subject, SAML, "NameID").ok_or(SamlError::Subject)?;
    let name = xml::text(document, name_id)
        .filter(|name| (1..=1_000).contains(&name.len()))
        .ok_or(SamlError::Subject)?;
    let confirmed_until = confirmation(document, subject, expected)?;
    let valid_until = conditions(document, assertion, expected)?;
    let statement = xml::children(document, assertion, SAML, "AuthnStatement")
        .into_iter()
        .next()
        .ok_or(SamlError::Form("it does not say how the person signed in"))?;
    let authenticated_at = instant(document, statement, "AuthnInstant")?
        .ok_or(SamlError::Form("it does not say when the person signed in"))?;
    if authenticated_at.ms() > expected.now.ms() + SKEW_MS {
        return Err(SamlError::TooEarly);
    }
    if let Some(end) = instant(document, statement, "SessionNotOnOrAfter")? {
        not_over(end, expected.now)?;
    }
    let authentication_context = xml::only(document, statement, SAML, "AuthnContext")
        .and_then(|context| xml::only(document, context, SAML, "AuthnContextClassRef"))
        .and_then(|class| xml::text(document, class));
    Ok(Assertion {
        id: id.to_owned(),
        expires_at: Timestamp::from_ms(confirmed_until.max(valid_until).ms() + SKEW_MS),
        name_id: name,
        name_id_format: xml::attribute(document, name_id, "Format")
            .unwrap_or("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified")
            .to_owned(),
        authentication_context,
        authenticated_at,
        attributes: attributes(document, assertion),
    })
}

/// By whom and until when the assertion may be brought; one confirmation must fit.
fn confirmation(
    document: &Document<'_>,
    subject: NodeId,
    expected: &Expected<'_>,
) -> Result<Timestamp, SamlError> {
    let mut why = SamlError::Subject;
    for confirmation in xml::children(document, subject, SAML, "SubjectConfirmation") {
        if xml::attribute(document, confirmation, "Method") != Some(BEARER) {
            continue;
        }
        let Some(data) = xml::only(document, confirmation, SAML, "SubjectConfirmationData") else {
            continue;
        };
        match confirmed(document, data, expected) {
            Ok(until) => return Ok(until),
            Err(error) => why = error,
        }
    }
    Err(why)
}

fn confirmed(
    document: &Document<'_>,
    data: NodeId,
    expected: &Expected<'_>,
) -> Result<Timestamp, SamlError> {
    if xml::attribute(document, data, "Recipient") != Some(&expected.service.acs_url) {
        return Err(SamlError::Recipient);
    }
    if xml::attribute(document, data, "InResponseTo") != Some(expected.request_id) {
        return Err(SamlError::InResponseTo);
    }
    begun(instant(document, data, "NotBefore")?, expected.now)?;
    let end = instant(document, data, "NotOnOrAfter")?
        .ok_or(SamlError::Form("the confirmation does not end"))?;
    not_over(end, expected.now)?;
    Ok(end)
}

fn conditions(
    document: &Document<'_>,
    assertion: NodeId,
    expected: &Expected<'_>,
) -> Result<Timestamp, SamlError> {
    let conditions = xml::only(document, assertion, SAML, "Conditions")
        .ok_or(SamlError::Form("it has no conditions"))?;
    begun(instant(document, conditions, "NotBefore")?, expected.now)?;
    let end = instant(document, conditions, "NotOnOrAfter")?;
    if let Some(end) = end {
        not_over(end, expected.now)?;
    }
    let mut audiences = 0;
    for condition in xml::elements(document, conditions) {
        if xml::is(document, condition, SAML, "AudienceRestriction") {
            let is_for_us = xml::children(document, condition, SAML, "Audience")
                .into_iter()
                .filter_map(|audience| xml::text(document, audience))
                .any(|audience| audience == expected.service.entity_id);
            if !is_for_us {
                return Err(SamlError::Audience);
            }
            audiences += 1;
        } else if !xml::is(document, condition, SAML, "OneTimeUse")
            && !xml::is(document, condition, SAML, "ProxyRestriction")
        {
            return Err(SamlError::Condition);
        }
    }
    if audiences == 0 {
        return Err(SamlError::Audience);
    }
    Ok(end.unwrap_or(expected.now))
}

fn begun(start: Option<Timestamp>, now: Timestamp) -> Result<(), SamlError> {
    match start {
        Some(start) if start.ms() > now.ms() + SKEW_MS => Err(SamlError::TooEarly),
        Some(_) | None => Ok(()),
    }
}

fn not_over(end: Timestamp, now: Timestamp) -> Result<(), SamlError> {
    if end.ms() + SKEW_MS <= now.ms() {
        return Err(SamlError::Expired);
    }
    Ok(())
}

fn instant(
    document: &Document<'_>,
    node: NodeId,
    name: &str,
) -> Result<Option<Timestamp>, SamlError> {
    let Some(text) = xml::attribute(document, node, name) else {
        return Ok(None);
    };
    text.parse()
        .map(Some)
        .map_err(|_| SamlError::Form("a time cannot be read"))
}

fn attributes(document: &Document<'_>, assertion: NodeId) -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    for statement in xml::children(document, assertion, SAML, "AttributeStatement") {
        for attribute in xml::children(document, statement, SAML, "Attribute") {
            let Some(name) = xml::attribute(document, attribute, "Name") else {
                continue;
            };
            let values = xml::children(document, attribute, SAML, "AttributeValue")
                .into_iter()
                .filter_map(|value| xml::text(document, value))
                .collect();
            all.push((name.to_owned(), values));
        }
    }
    all
}
