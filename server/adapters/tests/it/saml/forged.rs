//! What nobody has signed who may, what is wrapped around what somebody did sign, and garbage.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bilten_adapters::saml::SamlError;

use super::{ACS, World};
use crate::signer::{DSIG, EXCLUSIVE, Facts, Form, Signer};

/// covers: AUTH-5
#[test]
fn what_is_not_signed_as_it_must_be_is_refused() {
    let world = World::new();
    let facts = World::facts();
    let plain = facts.assertion("");
    let signed = world.signer.assertion(&facts);
    let accept = |inside: &str| world.accept(&facts.response(inside)).unwrap_err();

    assert_eq!(accept(&plain), SamlError::Unsigned);
    assert_eq!(accept(&signed.replace(">ana<", ">eva<")), SamlError::Digest);
    assert_eq!(
        accept(&Signer::new().assertion(&facts)),
        SamlError::Signature
    );
    assert_eq!(
        accept(&format!("{signed}{signed}")),
        SamlError::Xml("an id is used twice")
    );
    assert_eq!(
        accept(&format!("{signed}{}", plain.replace("_assertion1", "_2"))),
        SamlError::Assertions
    );
    assert_eq!(accept(""), SamlError::Assertions);
    assert_eq!(
        accept(&signed.replace("saml:Assertion", "saml:EncryptedAssertion")),
        SamlError::Encrypted
    );

    // The response is signed and the assertion is not: what is read must be signed itself.
    let bare = facts.response(&plain);
    let signature = world.signer.signature("_response1", &bare, Form::default());
    let status = "<samlp:Status>";
    let around = bare.replacen(status, &format!("{signature}{status}"), 1);
    assert_eq!(world.accept(&around).unwrap_err(), SamlError::Unsigned);
    // Both are.
    let both = facts.response(&signed);
    let signature = world.signer.signature("_response1", &both, Form::default());
    let both = both.replacen(status, &format!("{signature}{status}"), 1);
    assert!(world.accept(&both).is_ok());
    let broken = both.replace("ID=\"_response1\" ", "ID=\"_response1\" Consent=\"x\" ");
    assert_eq!(world.accept(&broken).unwrap_err(), SamlError::Digest);

    let form = |form: Form| {
        let signature = world.signer.signature(&facts.id, &plain, form);
        accept(&facts.assertion(&signature))
    };
    let usual = Form::default;
    for method in [
        "",
        "none",
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
    ] {
        assert_eq!(
            form(Form { method, ..usual() }),
            SamlError::Algorithm,
            "{method}"
        );
    }
    let rsa = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
    assert_eq!(
        form(Form {
            method: rsa,
            ..usual()
        }),
        SamlError::Signature
    );
    let digest = "http://www.w3.org/2000/09/xmldsig#sha1";
    assert_eq!(form(Form { digest, ..usual() }), SamlError::Algorithm);
    let canonicalization = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
    assert_eq!(
        form(Form {
            canonicalization,
            ..usual()
        }),
        SamlError::Algorithm
    );
    for transforms in [
        &["http://www.w3.org/TR/1999/REC-xslt-19991116", EXCLUSIVE] as &[_],
        &["http://www.w3.org/TR/1999/REC-xpath-19991116", EXCLUSIVE],
        &[
            EXCLUSIVE,
            "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        ],
    ] {
        assert_eq!(
            form(Form {
                transforms,
                ..usual()
            }),
            SamlError::Algorithm
        );
    }
    for transforms in [
        &[] as &[_],
        &[EXCLUSIVE],
        &[EXCLUSIVE, EXCLUSIVE, EXCLUSIVE],
    ] {
        assert!(matches!(
            form(Form {
                transforms,
                ..usual()
            }),
            SamlError::SignatureForm(_)
        ));
    }

    // Parts of a signature that have no business in it.
    for (from, to) in [
        ("</ds:Signature>", "<ds:Object>x</ds:Object></ds:Signature>"),
        (
            "<ds:SignatureValue>",
            "<ds:SignatureValue>A</ds:SignatureValue><ds:SignatureValue>",
        ),
        ("<ds:SignatureValue>", "<ds:SignatureValue>!"),
        (
            "<ds:SignedInfo>",
            "<ds:KeyInfo></ds:KeyInfo><ds:SignedInfo>",
        ),
    ] {
        let changed = signed.replacen(from, to, 1);
        assert_ne!(changed, signed);
        assert!(
            matches!(accept(&changed), SamlError::SignatureForm(_)),
            "{to}"
        );
    }
    // A key that the response itself brings counts for nothing.
    let evil = Signer::new();
    let brought = evil.assertion(&facts).replace(
        "</ds:Signature>",
        &format!(
            "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>",
            STANDARD.encode(&evil.certificate)
        ),
    );
    assert_eq!(accept(&brought), SamlError::Signature);
    // Nor is a signature about something else one about this.
    for id in ["", "_response1", "_nothing"] {
        let other = world.signer.signature(id, &plain, Form::default());
        assert!(matches!(
            accept(&facts.assertion(&other)),
            SamlError::SignatureForm("it is about another element")
        ));
    }
}

/// The eight shapes of signature wrapping of "On Breaking SAML: Be Whoever You Want to Be"
/// (Somorovsky and others, 2012), each with a forged assertion for somebody else.
///
/// covers: AUTH-5
#[test]
fn signature_wrapping_finds_nobody() {
    let world = World::new();
    let facts = World::facts();
    let good = world.signer.assertion(&facts);
    let plain = facts.assertion("");
    let signature = world.signer.signature(&facts.id, &plain, Form::default());
    let evil = |id: &str, inside: &str| {
        let facts = Facts {
            id: id.to_owned(),
            name_id: "owner".to_owned(),
            ..facts.clone()
        };
        facts.assertion(inside)
    };
    let inside_signature = |object: &str| {
        signature.replace(
            "</ds:Signature>",
            &format!("<ds:Object>{object}</ds:Object></ds:Signature>"),
        )
    };
    let signed_response = {
        let bare = facts.response(&plain);
        let about = world.signer.signature("_response1", &bare, Form::default());
        bare.replacen("<samlp:Status>", &format!("{about}<samlp:Status>"), 1)
    };
    let response_signature = {
        let bare = facts.response(&plain);
        world.signer.signature("_response1", &bare, Form::default())
    };
    let evil_response = |id: &str, inside: &str| {
        facts
            .response(&evil("_evil", ""))
            .replace("_response1", id)
            .replacen("<samlp:Status>", &format!("{inside}<samlp:Status>"), 1)
    };
    let shapes = [
        // The signed response lies in the signature of a forged one.
        (
            "XSW1",
            evil_response(
                "_evil_response",
                &response_signature.replace(
                    "</ds:Signature>",
                    &format!(
                        "<ds:Object>{}</ds:Object></ds:Signature>",
                        facts.response(&plain)
                    ),
                ),
            ),
        ),
        // The signed response lies beside its signature in a forged one.
        (
            "XSW2",
            evil_response(
                "_evil_response",
                &format!("{}{response_signature}", facts.response(&plain)),
            ),
        ),
        // The forged assertion lies before the signed one.
        (
            "XSW3",
            facts.response(&format!("{}{good}", evil("_evil", ""))),
        ),
        // The forged assertion holds the signed one.
        (
            "XSW4",
            facts.response(
                &evil("_evil", "")
                    .replace("</saml:Assertion>", &format!("{good}</saml:Assertion>")),
            ),
        ),
        // The forged assertion holds the signature, and the signed assertion lies behind it.
        (
            "XSW5",
            facts.response(&format!("{}{plain}", evil("_evil", &signature))),
        ),
        // The forged assertion holds the signature, which holds the signed assertion.
        (
            "XSW6",
            facts.response(&evil("_evil", &inside_signature(&plain))),
        ),
        // The forged assertion lies in extensions, where any element may be.
        (
            "XSW7",
            facts.response(&format!(
                "<samlp:Extensions>{}</samlp:Extensions>{good}",
                evil("_evil", "")
            )),
        ),
        // The signed assertion lies in an object of the signature in the forged one.
        (
            "XSW8",
            facts.response(&evil(
                "_evil",
                &inside_signature(&plain).replace("<ds:Object>", "<ds:Object Id=\"_o\">"),
            )),
        ),
        // The same with one id for both.
        (
            "same id",
            facts.response(&format!("{}{plain}", evil(&facts.id, &signature))),
        ),
        (
            "same id inside",
            facts.response(&evil(&facts.id, &inside_signature(&plain))),
        ),
        // The signed assertion under another name, the forged one in its place.
        (
            "other namespace",
            facts.response(&format!(
                "{}{}",
                evil("_evil", &signature),
                plain.replace("urn:oasis:names:tc:SAML:2.0:assertion", "urn:other")
            )),
        ),
        (
            "only the response is signed",
            signed_response.replace(">ana<", ">owner<"),
        ),
    ];
    for (name, response) in shapes {
        let answer = world.accept(&response);
        assert!(answer.is_err(), "{name}: {answer:?}");
    }
}

/// covers: AUTH-5
#[test]
fn garbage_is_refused_quickly() {
    let world = World::new();
    let facts = World::facts();
    let good = facts.response(&world.signer.assertion(&facts));
    let bomb = format!(
        "<!DOCTYPE r [<!ENTITY a \"{}\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;\">]>{}",
        "x".repeat(1_000),
        good.replace(">ana<", ">&c;<")
    );
    let outside = format!(
        "<!DOCTYPE r [<!ENTITY a SYSTEM \"file:///etc/hostname\">]>{}",
        good.replace(">ana<", ">&a;<")
    );
    for xml in [bomb, outside] {
        assert!(matches!(
            world.accept(&xml),
            Err(SamlError::Xml("it holds a document type"))
        ));
    }
    let now = facts.now;
    assert_eq!(world.encoded("%%%", now), Err(SamlError::Encoding));
    assert_eq!(
        world.encoded("", now),
        Err(SamlError::Xml("it is not well-formed"))
    );
    assert_eq!(
        world.encoded(&STANDARD.encode([0xff, 0xfe]), now),
        Err(SamlError::Encoding)
    );
    assert_eq!(
        world.encoded(&"A".repeat(400_000), now),
        Err(SamlError::TooLarge)
    );
    assert_eq!(
        world.encoded(&STANDARD.encode(" ".repeat(270_000)), now),
        Err(SamlError::TooLarge)
    );
    assert!(matches!(world.accept("<a/>"), Err(SamlError::Form(_))));
    let refused = good.replace("status:Success", "status:Responder");
    assert_eq!(
        world.accept(&refused),
        Err(SamlError::Status("Responder".to_owned()))
    );
    let elsewhere = good.replacen(ACS, "https://other.example/acs", 1);
    assert_eq!(world.accept(&elsewhere), Err(SamlError::Recipient));
    let unasked = good.replacen(" InResponseTo=\"_request1\"", "", 1);
    assert_eq!(world.accept(&unasked), Err(SamlError::InResponseTo));
    let repeated = good.replacen(
        "<samlp:Status>",
        &format!("<x xmlns=\"{DSIG}\"><Signature/></x><samlp:Status>"),
        1,
    );
    assert!(matches!(
        world.accept(&repeated),
        Err(SamlError::SignatureForm(_))
    ));
    // Whatever byte is lost or changed, nobody else comes in, and nothing breaks.
    let bytes = good.as_bytes();
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.to_vec();
        changed[at] ^= 0x15;
        if let Ok(assertion) = world.encoded(&STANDARD.encode(&changed), now) {
            assert_eq!(assertion.name_id, "ana", "{at}");
        }
        let cut = STANDARD.encode(&bytes[..at]);
        assert!(world.encoded(&cut, now).is_err(), "{at}");
    }
}
