//! The addresses to which a browser may be sent back: compared by their letters, never by a pattern.

use url::Url;

/// How long one may be.
const MOST_LENGTH: usize = 500;

/// The loopback addresses of RFC 8252, section 7.3; `localhost` may be somebody else (8.3).
const LOOPBACKS: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// What is wrong with an address that a client wants to register; nothing if it may be used.
pub fn redirect_fault(uri: &str, is_public: bool) -> Option<&'static str> {
    if uri.len() > MOST_LENGTH {
        return Some("This address is too long.");
    }
    let is_plain = uri
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
    let Ok(url) = Url::parse(uri) else {
        return Some("This is not a whole address, such as https://example.com/callback.");
    };
    if !is_plain {
        return Some("This address holds characters that addresses do not have.");
    }
    if uri.contains('#') {
        return Some("An address to return to has no fragment.");
    }
    if uri.contains('*') {
        return Some("An address to return to has no wildcard: name each one.");
    }
    if !url.username().is_empty() || url.password().is_some() || uri_authority(uri).contains('@') {
        return Some("An address to return to has no user name.");
    }
    match url.scheme() {
        // Parsers find a host in `https:///example.com` too; browsers and people may differ.
        "https" if !uri.starts_with("https://") || uri_authority(uri).is_empty() => {
            Some("This is not a whole address, such as https://example.com/callback.")
        }
        "https" => None,
        "http" if loopback(uri).is_some() => None,
        "http" => Some(
            "Only https is taken; for a program on the person's own machine http://127.0.0.1 or http://[::1].",
        ),
        scheme if scheme.contains('.') => (!is_public)
            .then_some("Only a public client can be called by an address of its own kind."),
        _ => Some(
            "An app's own kind of address is a domain backwards, such as com.example.app:/callback.",
        ),
    }
}

/// What stands between `//` and the path.
fn uri_authority(uri: &str) -> &str {
    let rest = uri.split_once("//").map_or("", |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

/// A loopback address as its host and its path, without the port: the program opens whichever is
/// free.
fn loopback(uri: &str) -> Option<(&'static str, &str)> {
    let (host, rest) = LOOPBACKS
        .iter()
        .find_map(|host| Some((*host, uri.strip_prefix(host)?)))?;
    let path = match rest.strip_prefix(':') {
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (port, path) = rest.split_at(digits);
            port.parse::<u16>().ok().filter(|port| *port > 0)?;
            path
        }
        None => rest,
    };
    (path.is_empty() || path.starts_with(['/', '?'])).then_some((host, path))
}

/// Whether a request may ask for this address, of a client with that one registered.
///
/// They are the same, letter by letter; only the port of a loopback address may be another, for a
/// public client (RFC 8252, section 7.3).
pub fn redirect_matches(registered: &str, asked: &str, is_public: bool) -> bool {
    if registered == asked {
        return true;
    }
    is_public
        && loopback(registered)
            .zip(loopback(asked))
            .is_some_and(|(registered, asked)| registered == asked)
}

/// An address to return to, with parameters added to its query.
pub fn redirect_with(uri: &str, parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    let joint = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{uri}{joint}{query}")
}

/// The source by which a page's policy lets its form lead to this address.
pub fn form_source(uri: &str) -> String {
    let Ok(url) = Url::parse(uri) else {
        return String::new();
    };
    let origin = url.origin().ascii_serialization();
    // A policy cannot name an address of IPv6, nor one in an app; and `;` may stand in a host.
    let is_nameable = matches!(url.scheme(), "http" | "https")
        && origin
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".:/-".contains(&byte));
    if is_nameable {
        origin
    } else {
        format!("{}:", url.scheme())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_mean_one_place_are_registered() {
        for good in [
            "https://example.com/callback",
            "https://example.com",
            "https://example.com:8443/cb?x=1",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:9000/cb",
            "http://[::1]:1/cb",
            "com.example.app:/callback",
            "com.example.app://callback",
        ] {
            assert_eq!(redirect_fault(good, true), None, "{good}");
        }
        for bad in [
            "",
            "/callback",
            "example.com/callback",
            "http://example.com/callback",
            "http://localhost/cb",
            "http://127.0.0.1.example.com/cb",
            "http://127.0.0.1@example.com/cb",
            "http://127.0.0.1:80@example.com/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:99999/cb",
            "http://127.1/cb",
            "https://*.example.com/cb",
            "https://example.com/*",
            "https://example.com/cb#x",
            "https://example.com/cb#",
            "https://user@example.com/cb",
            "https://user:pass@example.com/cb",
            "https://@example.com/cb",
            "https:///cb",
            "https:example.com/cb",
            "https://exa mple.com/cb",
            "https://example.com\\@evil.example/cb",
            "https://example.com/cb\u{0}",
            "https://example.com/čb",
            "javascript:alert(1)",
            "data:text/html,x",
            "myapp:/cb",
            "file:///etc/passwd",
        ] {
            assert!(redirect_fault(bad, true).is_some(), "{bad}");
        }
        assert!(redirect_fault("com.example.app:/callback", false).is_some());
        assert!(
            redirect_fault(&format!("https://example.com/{}", "a".repeat(500)), true).is_some()
        );
    }

    #[test]
    fn an_address_is_the_same_by_its_letters() {
        let registered = "https://example.com/callback";
        assert!(redirect_matches(registered, registered, true));
        for other in [
            "https://example.com/callback/",
            "https://example.com/callback?x=1",
            "https://example.com/callback#x",
            "https://example.com/Callback",
            "https://example.com/call%62ack",
            "https://example.com/x/../callback",
            "https://EXAMPLE.com/callback",
            "https://example.com:443/callback",
            "https://example.com:8443/callback",
            "https://example.com.evil.example/callback",
            "https://example.com@evil.example/callback",
            "https://example.co/callback",
            "http://example.com/callback",
            "https://example.com/callback\u{0}",
            "",
        ] {
            assert!(!redirect_matches(registered, other, true), "{other}");
        }
    }

    #[test]
    fn only_the_port_of_a_loopback_address_is_free_and_only_for_public_clients() {
        let registered = "http://127.0.0.1/cb";
        for same in ["http://127.0.0.1:51004/cb", "http://127.0.0.1:1/cb"] {
            assert!(redirect_matches(registered, same, true), "{same}");
            assert!(!redirect_matches(registered, same, false), "{same}");
        }
        assert!(redirect_matches(
            "http://[::1]:5/cb?a=1",
            "http://[::1]:6/cb?a=1",
            true
        ));
        for other in [
            "http://127.0.0.1:51004/cb/",
            "http://127.0.0.1:51004/cb?x=1",
            "http://127.0.0.1:51004/cb#x",
            "http://127.0.0.1:51004",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:80@evil.example/cb",
            "http://127.0.0.1@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.2:51004/cb",
            "http://localhost:51004/cb",
            "http://[::1]:51004/cb",
            "https://127.0.0.1:51004/cb",
            "HTTP://127.0.0.1:51004/cb",
        ] {
            assert!(!redirect_matches(registered, other, true), "{other}");
        }
    }

    #[test]
    fn parameters_are_added_to_what_is_there() {
        let with = |uri| redirect_with(uri, &[("code", "a b&c"), ("iss", "http://x")]);
        let query = "code=a+b%26c&iss=http%3A%2F%2Fx";
        assert_eq!(
            with("https://a.example/"),
            format!("https://a.example/?{query}")
        );
        assert_eq!(
            with("https://a.example/?x=1"),
            format!("https://a.example/?x=1&{query}")
        );
        assert_eq!(
            with("https://a.example/?"),
            format!("https://a.example/?{query}")
        );
        assert_eq!(
            with("com.example.app:/cb"),
            format!("com.example.app:/cb?{query}")
        );
    }

    #[test]
    fn a_policy_names_where_the_form_leads() {
        assert_eq!(form_source("https://a.example/cb?x=1"), "https://a.example");
        assert_eq!(
            form_source("https://a.example:8443/cb"),
            "https://a.example:8443"
        );
        assert_eq!(form_source("http://127.0.0.1:9/cb"), "http://127.0.0.1:9");
        assert_eq!(form_source("http://[::1]:9/cb"), "http:");
        assert_eq!(form_source("com.example.app:/cb"), "com.example.app:");
        assert_eq!(form_source("com.example.app://cb"), "com.example.app:");
        assert_eq!(form_source("https://a;script-src.example/cb"), "https:");
        assert_eq!(form_source("no address"), "");
    }
}
