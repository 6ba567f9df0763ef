//! An identity provider that speaks SAML, and does as it is told.
//!
//! What it signs is written down in its canonical form by hand, so that the canonical form that is
//! verified is checked by something that knows nothing of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bilten_kernel::clock::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use sha2::{Digest, Sha256};

pub(crate) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(crate) const ECDSA: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
pub(crate) const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
pub(crate) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// A key with its certificate.
pub(crate) struct Signer {
    key: EcdsaKeyPair,
    pub(crate) certificate: Vec<u8>,
    random: SystemRandom,
}

/// What an assertion says.
#[derive(Clone)]
pub(crate) struct Facts {
    pub(crate) id: String,
    pub(crate) issuer: String,
    pub(crate) name_id: String,
    pub(crate) name_id_format: String,
    pub(crate) acs_url: String,
    pub(crate) audience: String,
    pub(crate) request_id: String,
    pub(crate) context: String,
    pub(crate) now: Timestamp,
    /// From when and until when it holds, in milliseconds from now.
    pub(crate) window: (i64, i64),
    pub(crate) attributes: Vec<(String, String)>,
}

impl Facts {
    pub(crate) fn new(issuer: &str, service: &str, acs_url: &str, request_id: &str) -> Self {
        Self {
            id: "_assertion1".to_owned(),
            issuer: issuer.to_owned(),
            name_id: "ana".to_owned(),
            name_id_format: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent".to_owned(),
            acs_url: acs_url.to_owned(),
            audience: service.to_owned(),
            request_id: request_id.to_owned(),
            context: "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport".to_owned(),
            now: Timestamp::from_ms(1_800_000_000_000),
            window: (-5_000, 300_000),
            attributes: vec![("mail".to_owned(), "ana@example.com".to_owned())],
        }
    }

    fn at(&self, ms: i64) -> String {
        Timestamp::from_ms(self.now.ms() + ms).to_string()
    }

    /// The assertion in its canonical form, with `signature` in its place.
    pub(crate) fn assertion(&self, signature: &str) -> String {
        let (from, until) = (self.at(self.window.0), self.at(self.window.1));
        let now = self.at(0);
        let attributes: String = self
            .attributes
            .iter()
            .map(|(name, value)| {
                format!(
                    "<saml:Attribute Name=\"{name}\"><saml:AttributeValue>{value}</saml:AttributeValue></saml:Attribute>"
                )
            })
            .collect();
        format!(
            "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{}\" \
             IssueInstant=\"{now}\" Version=\"2.0\"><saml:Issuer>{}</saml:Issuer>{signature}\
             <saml:Subject><saml:NameID Format=\"{}\">{}</saml:NameID>\
             <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
             <saml:SubjectConfirmationData InResponseTo=\"{}\" NotOnOrAfter=\"{until}\" \
             Recipient=\"{}\"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>\
             <saml:Conditions NotBefore=\"{from}\" NotOnOrAfter=\"{until}\"><saml:AudienceRestriction>\
             <saml:Audience>{}</saml:Audience></saml:AudienceRestriction></saml:Conditions>\
             <saml:AuthnStatement AuthnInstant=\"{now}\"><saml:AuthnContext><saml:AuthnContextClassRef>{}\
             </saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>\
             <saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>",
            self.id,
            self.issuer,
            self.name_id_format,
            self.name_id,
            self.request_id,
            self.acs_url,
            self.audience,
            self.context,
        )
    }

    /// A response around something.
    pub(crate) fn response(&self, inside: &str) -> String {
        format!(
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
             Destination=\"{}\" ID=\"_response1\" InResponseTo=\"{}\" IssueInstant=\"{}\" \
             Version=\"2.0\"><saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{}\
             </saml:Issuer><samlp:Status><samlp:StatusCode \
             Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:StatusCode></samlp:Status>\
             {inside}</samlp:Response>",
            self.acs_url,
            self.request_id,
            self.at(0),
            self.issuer,
        )
    }
}

/// How a signature is made.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    pub(crate) canonicalization: &'static str,
    pub(crate) method: &'static str,
    pub(crate) digest: &'static str,
    pub(crate) transforms: &'static [&'static str],
}

impl Default for Form {
    fn default() -> Self {
        Self {
            canonicalization: EXCLUSIVE,
            method: ECDSA,
            digest: SHA256,
            transforms: &[
                "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
                EXCLUSIVE,
            ],
        }
    }
}

impl Signer {
    pub(crate) fn new() -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["idp.example".to_owned()])
            .unwrap()
            .self_signed(&pair)
            .unwrap();
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &pair.serialize_der(),
            &random,
        )
        .unwrap();
        Self {
            key,
            certificate: certificate.der().to_vec(),
            random,
        }
    }

    /// A signature about `content`, the canonical form of the element with this id.
    pub(crate) fn signature(&self, id: &str, content: &str, form: Form) -> String {
        let transforms: String = form
            .transforms
            .iter()
            .map(|uri| format!("<ds:Transform Algorithm=\"{uri}\"></ds:Transform>"))
            .collect();
        let info = format!(
            "<ds:SignedInfo xmlns:ds=\"{DSIG}\"><ds:CanonicalizationMethod \
             Algorithm=\"{}\"></ds:CanonicalizationMethod><ds:SignatureMethod \
             Algorithm=\"{}\"></ds:SignatureMethod><ds:Reference URI=\"#{id}\"><ds:Transforms>{transforms}\
             </ds:Transforms><ds:DigestMethod Algorithm=\"{}\"></ds:DigestMethod><ds:DigestValue>{}\
             </ds:DigestValue></ds:Reference></ds:SignedInfo>",
            form.canonicalization,
            form.method,
            form.digest,
            STANDARD.encode(Sha256::digest(content.as_bytes())),
        );
        let value = self.key.sign(&self.random, info.as_bytes()).unwrap();
        // Inside of the signature, which declares the prefix, the canonical form does not.
        let info = info.replace(&format!(" xmlns:ds=\"{DSIG}\""), "");
        format!(
            "<ds:Signature xmlns:ds=\"{DSIG}\">{info}<ds:SignatureValue>{}</ds:SignatureValue></ds:Signature>",
            STANDARD.encode(value)
        )
    }

    /// The assertion, signed.
    pub(crate) fn assertion(&self, facts: &Facts) -> String {
        let signature = self.signature(&facts.id, &facts.assertion(""), Form::default());
        facts.assertion(&signature)
    }

    /// A good response, as a browser posts it.
    pub(crate) fn response(&self, facts: &Facts) -> String {
        STANDARD.encode(facts.response(&self.assertion(facts)))
    }
}
