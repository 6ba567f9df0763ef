//! Responses of SAML identity providers: good ones, and everything that pretends to be one.

mod forged;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bilten_adapters::saml::{
    Assertion, Expected, IdentityProvider, SamlError, ServiceProvider, accept, authn_request,
    certificate_from_text, identity_provider, service_provider_metadata,
};
use bilten_kernel::clock::Timestamp;

use crate::signer::{DSIG, Facts, Form, Signer};

const IDP: &str = "https://idp.example/saml";
const SP: &str = "https://tickets.example/sso/kino/saml/metadata";
const ACS: &str = "https://tickets.example/sso/kino/saml/acs";
const REQUEST: &str = "_request1";

struct World {
    signer: Signer,
    provider: IdentityProvider,
    service: ServiceProvider,
}

impl World {
    fn new() -> Self {
        let signer = Signer::new();
        Self {
            provider: IdentityProvider {
                entity_id: IDP.to_owned(),
                sso_url: "https://idp.example/sso?tenant=1".to_owned(),
                certificates: vec![Signer::new().certificate, signer.certificate.clone()],
            },
            signer,
            service: ServiceProvider {
                entity_id: SP.to_owned(),
                acs_url: ACS.to_owned(),
            },
        }
    }

    fn facts() -> Facts {
        Facts::new(IDP, SP, ACS, REQUEST)
    }

    fn encoded(&self, response: &str, now: Timestamp) -> Result<Assertion, SamlError> {
        let expected = Expected {
            service: &self.service,
            provider: &self.provider,
            request_id: REQUEST,
            now,
        };
        accept(response, &expected)
    }

    fn accept(&self, xml: &str) -> Result<Assertion, SamlError> {
        self.encoded(&STANDARD.encode(xml), Self::facts().now)
    }

    /// A good response of which the assertion was changed before it was signed.
    fn said(&self, change: impl Fn(&mut Facts)) -> Result<Assertion, SamlError> {
        let mut facts = Self::facts();
        change(&mut facts);
        self.encoded(&self.signer.response(&facts), Self::facts().now)
    }

    /// A response whose assertion was changed as text before it was signed.
    fn written(&self, from: &str, to: &str) -> Result<Assertion, SamlError> {
        let facts = Self::facts();
        let plain = facts.assertion("");
        assert!(plain.contains(from), "{from}");
        let changed = plain.replacen(from, to, 1);
        let signature = self.signer.signature(&facts.id, &changed, Form::default());
        let issuer = "</saml:Issuer>";
        let signed = changed.replacen(issuer, &format!("{issuer}{signature}"), 1);
        self.accept(&facts.response(&signed))
    }
}

/// covers: AUTH-5
#[test]
fn a_good_response_is_read() {
    let world = World::new();
    let assertion = world.said(|_| {}).unwrap();
    assert_eq!(assertion.name_id, "ana");
    assert_eq!(assertion.id, "_assertion1");
    assert_eq!(
        assertion.attributes,
        [("mail".to_owned(), vec!["ana@example.com".to_owned()])]
    );
    assert_eq!(assertion.authenticated_at, World::facts().now);
    assert!(
        assertion
            .authentication_context
            .unwrap()
            .ends_with("PasswordProtectedTransport")
    );
    assert_eq!(
        assertion.expires_at.ms(),
        World::facts().now.ms() + 360_000,
        "it is remembered for as long as it could be accepted"
    );
    // White space, comments and character references outside of what is signed change nothing.
    let facts = World::facts();
    let spread = facts
        .response(&world.signer.assertion(&facts))
        .replace("<samlp:Status>", "\r\n  <!-- a -->\n<samlp:Status>");
    assert!(world.accept(&spread).is_ok());
    let lines: String = STANDARD
        .encode(spread)
        .as_bytes()
        .chunks(76)
        .map(|line| format!("{}\r\n", std::str::from_utf8(line).unwrap()))
        .collect();
    assert!(world.encoded(&lines, facts.now).is_ok());
    // So is one in another form with the same canonical form.
    let other = facts
        .response(&world.signer.assertion(&facts))
        .replace("></saml:SubjectConfirmationData>", "/>")
        .replace(
            "IssueInstant=\"2027-01-15T08:00:00.000Z\" Version=\"2.0\"><saml:Issuer>",
            "Version='2.0'\n IssueInstant='2027-01-15T08:00:00.000Z' ><saml:Issuer>",
        );
    assert!(other.contains("Version='2.0'"));
    world.accept(&other).unwrap();
}

/// covers: AUTH-5
#[test]
fn what_an_assertion_says_must_fit() {
    let world = World::new();
    let said = |change: fn(&mut Facts)| world.said(change).unwrap_err();
    assert_eq!(
        said(|f| f.issuer = "https://evil.example".into()),
        SamlError::Issuer
    );
    assert_eq!(
        said(|f| f.audience = "https://other.example".into()),
        SamlError::Audience
    );
    assert_eq!(
        said(|f| f.acs_url = "https://other.example/acs".into()),
        SamlError::Recipient
    );
    assert_eq!(
        said(|f| f.request_id = "_other".into()),
        SamlError::InResponseTo
    );
    assert_eq!(said(|f| f.window = (-600_000, -60_000)), SamlError::Expired);
    assert_eq!(said(|f| f.window = (61_000, 600_000)), SamlError::TooEarly);
    assert_eq!(said(|f| f.name_id = String::new()), SamlError::Subject);
    // Clocks that are a minute apart are right.
    assert!(world.said(|f| f.window = (-600_000, -59_000)).is_ok());
    assert!(world.said(|f| f.window = (60_000, 600_000)).is_ok());

    for (from, to, wanted) in [
        (
            " Recipient=\"https://tickets.example/sso/kino/saml/acs\"",
            "",
            SamlError::Recipient,
        ),
        (" InResponseTo=\"_request1\"", "", SamlError::InResponseTo),
        ("cm:bearer", "cm:holder-of-key", SamlError::Subject),
        (
            "<saml:AudienceRestriction><saml:Audience>https://tickets.example/sso/kino/saml/metadata</saml:Audience></saml:AudienceRestriction>",
            "",
            SamlError::Audience,
        ),
        (
            "</saml:Conditions>",
            "<saml:Condition></saml:Condition></saml:Conditions>",
            SamlError::Condition,
        ),
        (
            "</saml:Conditions>",
            "<saml:AudienceRestriction><saml:Audience>x</saml:Audience></saml:AudienceRestriction></saml:Conditions>",
            SamlError::Audience,
        ),
        (
            "Version=\"2.0\"",
            "Version=\"1.1\"",
            SamlError::Form("it is no SAML 2.0 assertion"),
        ),
        (
            "ana</saml:NameID>",
            "<saml:b></saml:b></saml:NameID>",
            SamlError::Subject,
        ),
        (
            "<saml:NameID",
            "<saml:NameID>eva</saml:NameID><saml:NameID",
            SamlError::Subject,
        ),
    ] {
        assert_eq!(world.written(from, to).unwrap_err(), wanted, "{to}");
    }
    assert!(matches!(
        world.written("NotBefore=\"2027", "NotBefore=\"yesterday 2027"),
        Err(SamlError::Form(_))
    ));
}

/// covers: AUTH-5
#[test]
fn comments_cut_no_name_short() {
    // Whoever may call themselves "ana.evil" must not become "ana".
    let world = World::new();
    let facts = Facts {
        name_id: "ana.evil".to_owned(),
        ..World::facts()
    };
    let response = facts
        .response(&world.signer.assertion(&facts))
        .replace(">ana.evil<", ">ana<!-- -->.evil<");
    assert_eq!(world.accept(&response).unwrap().name_id, "ana.evil");
    let cdata = facts
        .response(&world.signer.assertion(&facts))
        .replace(">ana.evil<", "><![CDATA[ana]]>.evil<");
    assert_eq!(world.accept(&cdata).unwrap().name_id, "ana.evil");
}

/// covers: AUTH-5
#[test]
fn requests_and_descriptions_fit_each_other() {
    use std::io::Read as _;

    let world = World::new();
    let now = World::facts().now;
    let url = authn_request(&world.service, &world.provider, "_1", "st&te", true, now).unwrap();
    let (address, query) = url.split_once("&SAMLRequest=").unwrap();
    assert_eq!(address, "https://idp.example/sso?tenant=1");
    let (request, state) = query.split_once("&RelayState=").unwrap();
    assert_eq!(state, "st%26te");
    let request = request
        .replace("%2B", "+")
        .replace("%2F", "/")
        .replace("%3D", "=");
    let mut text = String::new();
    flate2::read::DeflateDecoder::new(&*STANDARD.decode(request).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    for part in [
        "ID=\"_1\"",
        "ForceAuthn=\"true\"",
        "IssueInstant=\"2027-01-15T08:00:00.000Z\"",
        "Destination=\"https://idp.example/sso?tenant=1\"",
        &format!("AssertionConsumerServiceURL=\"{ACS}\""),
        &format!("<saml:Issuer>{SP}</saml:Issuer>"),
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let ours = service_provider_metadata(&world.service);
    assert!(ours.contains(&format!("entityID=\"{SP}\"")) && ours.contains(ACS));
    assert!(identity_provider(&ours).is_err(), "we are none");

    let certificate = STANDARD.encode(&world.signer.certificate);
    let theirs = |certificate: &str| {
        format!(
            "<?xml version=\"1.0\"?><md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{IDP}\">\
             <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
             <md:KeyDescriptor use=\"encryption\"><x/></md:KeyDescriptor>\
             <md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"{DSIG}\"><ds:X509Data><ds:X509Certificate>\n{certificate}\n\
             </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\
             <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"https://idp.example/post\"/>\
             <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"https://idp.example/redirect\"/>\
             </md:IDPSSODescriptor></md:EntityDescriptor>"
        )
    };
    let read = identity_provider(&theirs(&certificate)).unwrap();
    assert_eq!(read.entity_id, IDP);
    assert_eq!(read.sso_url, "https://idp.example/redirect");
    assert_eq!(
        read.certificates,
        std::slice::from_ref(&world.signer.certificate)
    );
    assert_eq!(
        identity_provider(&theirs("AAAA")),
        Err(SamlError::Certificate)
    );
    assert_eq!(
        certificate_from_text(&format!(
            "-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n"
        ))
        .unwrap(),
        world.signer.certificate
    );
    for wrong in ["", "<a/>", "hello", &theirs("")] {
        assert!(identity_provider(wrong).is_err());
    }
}

/// What a real identity provider (samlp, with an RSA key) answered to our request.
///
/// covers: AUTH-5
#[test]
fn a_real_providers_answer_is_read() {
    let provider =
        identity_provider(include_str!("../../vectors/saml/samlp_metadata.xml")).unwrap();
    assert!(provider.sso_url.ends_with("/sso"));
    let service = ServiceProvider {
        entity_id: SP.to_owned(),
        acs_url: ACS.to_owned(),
    };
    let expected = Expected {
        service: &service,
        provider: &provider,
        request_id: REQUEST,
        now: "2026-11-25T16:54:00Z".parse().unwrap(),
    };
    let response = include_str!("../../vectors/saml/samlp_rsa.xml");
    let assertion = accept(&STANDARD.encode(response), &expected).unwrap();
    assert_eq!(assertion.name_id, "ana");
    let groups = (
        "groups".to_owned(),
        vec!["team".to_owned(), "heads".to_owned()],
    );
    assert!(assertion.attributes.contains(&groups), "{assertion:?}");
    let forged = response.replace(">team<", ">owners<");
    let refused = accept(&STANDARD.encode(forged), &expected);
    assert_eq!(refused, Err(SamlError::Digest));
    let weak = response.replace("rsa-sha256", "rsa-sha1");
    let refused = accept(&STANDARD.encode(weak), &expected);
    assert_eq!(refused, Err(SamlError::Algorithm));
    // Another time, another service.
    let late = Expected {
        now: "2026-11-25T17:55:00Z".parse().unwrap(),
        ..expected
    };
    let refused = accept(&STANDARD.encode(response), &late);
    assert_eq!(refused, Err(SamlError::Expired));
}
