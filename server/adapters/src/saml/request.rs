//! The request that a browser brings to an identity provider, and the description of ourselves.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bilten_kernel::clock::Timestamp;
use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::xml::escaped;
use super::{IdentityProvider, SamlError, ServiceProvider};

/// The address to which a browser is sent to ask an identity provider who somebody is.
///
/// `id` is what the response must name; it must be an XML name. `relay_state` comes back as it is.
/// With `is_forced` the person must prove anew who they are.
///
/// # Errors
/// [`SamlError::Form`] if the request cannot be packed.
pub fn authn_request(
    service: &ServiceProvider,
    provider: &IdentityProvider,
    id: &str,
    relay_state: &str,
    is_forced: bool,
    now: Timestamp,
) -> Result<String, SamlError> {
    let request = format!(
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{}\" Version=\"2.0\" \
         IssueInstant=\"{}\" Destination=\"{}\"{} \
         ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         AssertionConsumerServiceURL=\"{}\"><saml:Issuer>{}</saml:Issuer></samlp:AuthnRequest>",
        escaped(id),
        now,
        escaped(&provider.sso_url),
        if is_forced {
            " ForceAuthn=\"true\""
        } else {
            ""
        },
        escaped(&service.acs_url),
        escaped(&service.entity_id),
    );
    let fault = |_| SamlError::Form("the request cannot be packed");
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
    packed.write_all(request.as_bytes()).map_err(fault)?;
    let packed = STANDARD.encode(packed.finish().map_err(fault)?);
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("SAMLRequest", &packed)
        .append_pair("RelayState", relay_state)
        .finish();
    let separator = if provider.sso_url.contains('?') {
        '&'
    } else {
        '?'
    };
    Ok(format!("{}{separator}{query}", provider.sso_url))
}

/// Our description, for the people who set up the identity provider.
pub fn service_provider_metadata(service: &ServiceProvider) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{}\">\n  \
         <md:SPSSODescriptor AuthnRequestsSigned=\"false\" WantAssertionsSigned=\"true\" \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\n    \
         <md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>\n    \
         <md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</md:NameIDFormat>\n    \
         <md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         Location=\"{}\" index=\"0\" isDefault=\"true\"/>\n  \
         </md:SPSSODescriptor>\n\
         </md:EntityDescriptor>\n",
        escaped(&service.entity_id),
        escaped(&service.acs_url),
    )
}
