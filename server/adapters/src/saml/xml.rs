//! Reading of XML from strangers.

use std::collections::HashSet;

use uppsala::{Document, NodeId, NodeKind, Parser};

use super::SamlError;

pub(super) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub(super) const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(super) const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
pub(super) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// How deep elements may lie in each other: twice what any known provider sends.
const MOST_DEPTH: u32 = 40;

/// Parses a document that holds elements, text, comments and nothing else.
///
/// # Errors
/// [`SamlError::Xml`].
pub(super) fn parse(text: &str) -> Result<Document<'_>, SamlError> {
    // Before any parser sees them: document types (and with them entities), and instructions.
    let body = text.trim_start_matches('\u{feff}').trim_start();
    let body = match body.strip_prefix("<?xml ") {
        Some(rest) => {
            rest.split_once("?>")
                .ok_or(SamlError::Xml("the declaration does not end"))?
                .1
        }
        None => body,
    };
    if body.contains("<?") {
        return Err(SamlError::Xml("it holds a processing instruction"));
    }
    if body
        .match_indices("<!")
        .any(|(at, _)| !body[at..].starts_with("<!--") && !body[at..].starts_with("<![CDATA["))
    {
        return Err(SamlError::Xml("it holds a document type"));
    }
    let document = Parser::new()
        .with_max_depth(MOST_DEPTH)
        .with_forbid_dtd(true)
        .with_forbid_entities(true)
        .parse(body)
        .map_err(|_| SamlError::Xml("it is not well-formed"))?;
    ids_are_unique(&document)?;
    Ok(document)
}

/// Two elements with one id are how a signature is made to be about something else.
fn ids_are_unique(document: &Document<'_>) -> Result<(), SamlError> {
    let mut seen = HashSet::new();
    for node in document.descendants(document.root()) {
        let Some(element) = document.element(node) else {
            continue;
        };
        for attribute in &element.attributes {
            let is_id = attribute.name.local_name.eq_ignore_ascii_case("id");
            if is_id && !seen.insert(attribute.value.to_string()) {
                return Err(SamlError::Xml("an id is used twice"));
            }
        }
    }
    Ok(())
}

/// The element at the top.
///
/// # Errors
/// [`SamlError::Xml`] if there is none.
pub(super) fn top(document: &Document<'_>) -> Result<NodeId, SamlError> {
    document
        .document_element()
        .ok_or(SamlError::Xml("it is empty"))
}

/// Whether a node is the element with this name.
pub(super) fn is(document: &Document<'_>, node: NodeId, namespace: &str, name: &str) -> bool {
    document
        .element(node)
        .is_some_and(|element| element.matches_name_ns(namespace, name))
}

/// The elements directly inside another.
pub(super) fn elements(document: &Document<'_>, node: NodeId) -> Vec<NodeId> {
    document
        .children(node)
        .into_iter()
        .filter(|child| document.element(*child).is_some())
        .collect()
}

/// The elements with this name directly inside another.
pub(super) fn children(
    document: &Document<'_>,
    node: NodeId,
    namespace: &str,
    name: &str,
) -> Vec<NodeId> {
    elements(document, node)
        .into_iter()
        .filter(|child| is(document, *child, namespace, name))
        .collect()
}

/// The one element with this name directly inside another; nothing if there is none or a second.
pub(super) fn only(
    document: &Document<'_>,
    node: NodeId,
    namespace: &str,
    name: &str,
) -> Option<NodeId> {
    match children(document, node, namespace, name)[..] {
        [one] => Some(one),
        _ => None,
    }
}

/// How many elements with this local name there are anywhere, whatever their namespace.
pub(super) fn count(document: &Document<'_>, name: &str) -> usize {
    document
        .descendants(document.root())
        .into_iter()
        .filter_map(|node| document.element(node))
        .filter(|element| element.name.local_name.eq_ignore_ascii_case(name))
        .count()
}

/// An attribute that is in no namespace.
pub(super) fn attribute<'d>(
    document: &'d Document<'_>,
    node: NodeId,
    name: &str,
) -> Option<&'d str> {
    document
        .element(node)?
        .attributes
        .iter()
        .find(|a| a.name.namespace_uri.is_none() && a.name.local_name == name)
        .map(|a| &*a.value)
}

/// All text directly inside an element, whatever comments are in it; nothing if it holds elements.
pub(super) fn text(document: &Document<'_>, node: NodeId) -> Option<String> {
    let mut all = String::new();
    for child in document.children(node) {
        match document.node_kind(child)? {
            NodeKind::Text(text) | NodeKind::CData(text) => all.push_str(text),
            NodeKind::Comment(_) => {}
            NodeKind::Document
            | NodeKind::Element(_)
            | NodeKind::ProcessingInstruction(_)
            | NodeKind::Attribute(..) => return None,
        }
    }
    Some(all.trim().to_owned())
}

/// Text as it stands in an element or an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => all.push_str("&amp;"),
            '<' => all.push_str("&lt;"),
            '>' => all.push_str("&gt;"),
            '"' => all.push_str("&quot;"),
            '\'' => all.push_str("&apos;"),
            c if c.is_control() => {}
            c => all.push(c),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: AUTH-5
    #[test]
    fn only_plain_xml_is_read() {
        for plain in [
            "<a/>",
            "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a b='1'>x<!-- y --></a>",
            "<a><![CDATA[<b>]]></a>",
        ] {
            assert!(parse(plain).is_ok(), "{plain}");
        }
        let deep = format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
        for refused in [
            "",
            "x",
            "<a>",
            "<a/><a/>",
            "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
            "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
            "<!doctype a><a/>",
            "<a>&b;</a>",
            "<a><?b c?></a>",
            "<a ID='1'><b ID='1'/></a>",
            "<a ID='1'><b id='1'/></a>",
            "<a ID='1'><b xml:id='1'/></a>",
            "<a b='1' b='2'/>",
            "<x:a/>",
            "<a>\u{0}</a>",
            &deep,
        ] {
            let shown = &refused[..refused.len().min(60)];
            assert!(matches!(parse(refused), Err(SamlError::Xml(_))), "{shown}");
        }
    }

    #[test]
    fn text_is_whole_or_none() {
        let document = parse("<a><b>x<!-- y -->z<![CDATA[ & ]]>w</b><c>x<d/></c></a>").unwrap();
        let inside = elements(&document, top(&document).unwrap());
        assert_eq!(text(&document, inside[0]).as_deref(), Some("xz & w"));
        assert_eq!(text(&document, inside[1]), None);
        assert_eq!(
            escaped("<\"a\" & 'b'>\u{0}"),
            "&lt;&quot;a&quot; &amp; &apos;b&apos;&gt;"
        );
    }
}
