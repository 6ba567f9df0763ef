//! Where a session is, in words: for a person's list of sessions.

use std::net::IpAddr;

/// What a browser or app is, by what it says of itself, such as `Firefox on Windows`.
pub fn device_name(user_agent: &str) -> String {
    let first = |names: &[(&str, &'static str)]| {
        names
            .iter()
            .find(|(mark, _)| user_agent.contains(mark))
            .map(|(_, name)| *name)
    };
    // Many pretend to be others as well: the more special name comes first.
    let browser = first(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("Bilten", "Bilten"),
    ]);
    let system = first(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "Mac"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => user_agent
            .split(['/', ' ', '('])
            .next()
            .filter(|name| !name.is_empty())
            .map_or_else(
                || "Unknown".to_owned(),
                |name| name.chars().take(40).collect(),
            ),
    }
}

/// An address without the part that tells one household from its neighbours.
pub fn masked_ip(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.x")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}::x")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_and_systems_have_names() {
        for (agent, wanted) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36 Edg/141.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            ("Bilten Scanner/1.0 (Android 15)", "Bilten on Android"),
            ("curl/8.1", "curl"),
            ("", "Unknown"),
        ] {
            assert_eq!(device_name(agent), wanted, "{agent}");
        }
    }

    #[test]
    fn addresses_are_masked() {
        assert_eq!(masked_ip("203.0.113.77".parse().unwrap()), "203.0.113.x");
        assert_eq!(
            masked_ip("::ffff:203.0.113.77".parse().unwrap()),
            "203.0.113.x"
        );
        assert_eq!(
            masked_ip("2001:db8:7:9::1".parse().unwrap()),
            "2001:db8:7::x"
        );
    }
}
