//! XML signatures: one form of them, and the bytes that they are about.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra_c14n::{C14nMode, canonicalize_doc};
use bergshamra_xml::NodeSet;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use sha2::{Digest, Sha256, Sha384, Sha512};
use uppsala::{Document, NodeId};
use webpki::EndEntityCert;
use webpki::ring as algorithms;

use super::SamlError;
use super::xml::{self, DSIG};

const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// A signature method that is accepted.
struct Method {
    uri: &'static str,
    algorithm: &'static dyn SignatureVerificationAlgorithm,
    is_ecdsa: bool,
}

/// Whatever is not here is refused: SHA-1, MD5, DSA, HMAC (by which a public key becomes a secret).
fn method(uri: &str) -> Option<Method> {
    let all = [
        (
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            algorithms::RSA_PKCS1_2048_8192_SHA256,
            false,
        ),
        (
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
            algorithms::RSA_PKCS1_2048_8192_SHA384,
            false,
        ),
        (
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
            algorithms::RSA_PKCS1_2048_8192_SHA512,
            false,
        ),
        (
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            algorithms::ECDSA_P256_SHA256,
            true,
        ),
        (
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
            algorithms::ECDSA_P384_SHA384,
            true,
        ),
    ];
    all.into_iter()
        .find(|(known, ..)| *known == uri)
        .map(|(uri, algorithm, is_ecdsa)| Method {
            uri,
            algorithm,
            is_ecdsa,
        })
}

fn digest(uri: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    match uri {
        "http://www.w3.org/2001/04/xmlenc#sha256" => Some(Sha256::digest(bytes).to_vec()),
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => Some(Sha384::digest(bytes).to_vec()),
        "http://www.w3.org/2001/04/xmlenc#sha512" => Some(Sha512::digest(bytes).to_vec()),
        _ => None,
    }
}

/// Checks that a certificate can be used.
///
/// # Errors
/// [`SamlError::Certificate`].
pub(super) fn check_certificate(der: &[u8]) -> Result<(), SamlError> {
    EndEntityCert::try_from(&CertificateDer::from(der))
        .map(|_| ())
        .map_err(|_| SamlError::Certificate)
}

/// Verifies the one signature directly inside an element by one of the trusted keys, and returns
/// the canonical text of the element that was signed, without the signature: what is to be read.
///
/// # Errors
/// [`SamlError`] by what is wrong with it.
pub(super) fn verified(
    document: &Document<'_>,
    element: NodeId,
    certificates: &[Vec<u8>],
) -> Result<String, SamlError> {
    let form = SamlError::SignatureForm;
    let signature = match xml::children(document, element, DSIG, "Signature")[..] {
        [] => return Err(SamlError::Unsigned),
        [one] => one,
        _ => return Err(form("there is a second one")),
    };
    let id = xml::attribute(document, element, "ID")
        .filter(|id| !id.is_empty())
        .ok_or(form("what it is about has no id"))?;

    // An `Object` inside a signature is a place to hide things in.
    let parts = xml::elements(document, signature);
    let known = ["SignedInfo", "SignatureValue", "KeyInfo"];
    let is_known = |(part, name): (&NodeId, &&str)| xml::is(document, *part, DSIG, name);
    if !(2..=3).contains(&parts.len()) || !parts.iter().zip(&known).all(is_known) {
        return Err(form("it has parts that are not known"));
    }
    let value = xml::text(document, parts[1]).ok_or(form("its value is no text"))?;
    let value = decode(&value).ok_or(form("its value is not Base64"))?;

    let signed_info = canonical(
        document,
        parts[0],
        None,
        &prefixes(document, parts[0], "CanonicalizationMethod")?,
    )?;
    // What is read of it from here on is what the signature is about.
    let info = xml::parse(&signed_info)?;
    let top = xml::top(&info)?;
    let [canonicalization, method_node, reference] = xml::elements(&info, top)[..] else {
        return Err(form("it must be about exactly one thing"));
    };
    if !xml::is(&info, canonicalization, DSIG, "CanonicalizationMethod")
        || !xml::is(&info, method_node, DSIG, "SignatureMethod")
        || !xml::is(&info, reference, DSIG, "Reference")
    {
        return Err(form("it has parts that are not known"));
    }
    let uri_of = |node| xml::attribute(&info, node, "Algorithm").unwrap_or_default();
    if uri_of(canonicalization) != EXCLUSIVE {
        return Err(SamlError::Algorithm);
    }
    if !xml::elements(&info, method_node).is_empty() {
        return Err(form("its method has parameters"));
    }
    let method = method(uri_of(method_node)).ok_or(SamlError::Algorithm)?;
    if !certificates
        .iter()
        .any(|certificate| is_signed_by(certificate, &method, signed_info.as_bytes(), &value))
    {
        return Err(SamlError::Signature);
    }

    if xml::attribute(&info, reference, "URI") != Some(&format!("#{id}")) {
        return Err(form("it is about another element"));
    }
    let [transforms, digest_method, digest_value] = xml::elements(&info, reference)[..] else {
        return Err(form("its reference has parts that are not known"));
    };
    if !xml::is(&info, transforms, DSIG, "Transforms")
        || !xml::is(&info, digest_method, DSIG, "DigestMethod")
        || !xml::is(&info, digest_value, DSIG, "DigestValue")
    {
        return Err(form("its reference has parts that are not known"));
    }
    let [enveloped, exclusive] = xml::elements(&info, transforms)[..] else {
        return Err(form("its transforms are not the two that are accepted"));
    };
    if uri_of(enveloped) != ENVELOPED
        || uri_of(exclusive) != EXCLUSIVE
        || !xml::elements(&info, enveloped).is_empty()
    {
        return Err(SamlError::Algorithm);
    }
    let content = canonical(
        document,
        element,
        Some(signature),
        &prefix_list(&info, exclusive)?,
    )?;
    let expected = xml::text(&info, digest_value)
        .and_then(|text| decode(&text))
        .ok_or(form("its digest is not Base64"))?;
    let actual = digest(uri_of(digest_method), content.as_bytes()).ok_or(SamlError::Algorithm)?;
    if actual != expected {
        return Err(SamlError::Digest);
    }
    Ok(content)
}

/// Base64 with or without line breaks.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let text: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(text).ok()
}

/// The prefixes that a canonicalization keeps, named inside a child with this name.
fn prefixes(document: &Document<'_>, node: NodeId, child: &str) -> Result<Vec<String>, SamlError> {
    let child = xml::only(document, node, DSIG, child)
        .ok_or(SamlError::SignatureForm("it has no canonicalization"))?;
    prefix_list(document, child)
}

fn prefix_list(document: &Document<'_>, node: NodeId) -> Result<Vec<String>, SamlError> {
    match xml::elements(document, node)[..] {
        [] => Ok(Vec::new()),
        [list] if xml::is(document, list, EXCLUSIVE, "InclusiveNamespaces") => {
            Ok(xml::attribute(document, list, "PrefixList")
                .unwrap_or_default()
                .split_ascii_whitespace()
                .map(str::to_owned)
                .collect())
        }
        _ => Err(SamlError::SignatureForm(
            "its canonicalization has parameters that are not known",
        )),
    }
}

/// The exclusive canonical form of an element without comments, and without one part of it.
fn canonical(
    document: &Document<'_>,
    element: NodeId,
    without: Option<NodeId>,
    prefixes: &[String],
) -> Result<String, SamlError> {
    let mut nodes = NodeSet::tree_without_comments(element, document);
    if let Some(without) = without {
        nodes = nodes.subtract(&NodeSet::tree_with_comments(without, document));
    }
    let fault = SamlError::Xml("it has no canonical form");
    let bytes = canonicalize_doc(document, C14nMode::Exclusive, Some(&nodes), prefixes)
        .map_err(|_| fault.clone())?;
    String::from_utf8(bytes).map_err(|_| fault)
}

fn is_signed_by(certificate: &[u8], method: &Method, message: &[u8], signature: &[u8]) -> bool {
    let certificate = CertificateDer::from(certificate);
    let Ok(certificate) = EndEntityCert::try_from(&certificate) else {
        return false;
    };
    let signature = if method.is_ecdsa {
        // XML has the two numbers one after the other, everybody else has them in ASN.1.
        let Some(signature) = asn1_pair(signature) else {
            return false;
        };
        signature
    } else {
        signature.to_vec()
    };
    certificate
        .verify_signature(method.algorithm, message, &signature)
        .is_ok()
}

/// Two numbers of equal length as an ASN.1 sequence of two integers.
fn asn1_pair(numbers: &[u8]) -> Option<Vec<u8>> {
    if numbers.is_empty() || !numbers.len().is_multiple_of(2) || numbers.len() > 96 {
        return None;
    }
    let (r, s) = numbers.split_at(numbers.len() / 2);
    let mut body = Vec::new();
    for number in [r, s] {
        let start = number.iter().position(|byte| *byte != 0)?;
        let number = &number[start..];
        // A set first bit would make it negative.
        let padding = usize::from(number[0] & 0x80 != 0);
        body.push(0x02);
        body.push(u8::try_from(number.len() + padding).ok()?);
        body.extend(std::iter::repeat_n(0, padding));
        body.extend_from_slice(number);
    }
    let mut all = vec![0x30, u8::try_from(body.len()).ok()?];
    all.extend(body);
    Some(all)
}

impl std::fmt::Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_algorithms_are_not_known() {
        for weak in [
            "",
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
            "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
            "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
            "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
            "none",
        ] {
            assert!(method(weak).is_none(), "{weak}");
        }
        for weak in ["", "http://www.w3.org/2000/09/xmldsig#sha1"] {
            assert!(digest(weak, b"x").is_none(), "{weak}");
        }
    }

    #[test]
    fn pairs_of_numbers_are_asn1() {
        assert_eq!(
            asn1_pair(&[0x00, 0x01, 0x80, 0x00]),
            Some(vec![0x30, 8, 2, 1, 1, 2, 3, 0, 0x80, 0])
        );
        assert_eq!(asn1_pair(&[1, 2, 3]), None);
        assert_eq!(asn1_pair(&[0, 0]), None);
        assert_eq!(asn1_pair(&[]), None);
    }
}
