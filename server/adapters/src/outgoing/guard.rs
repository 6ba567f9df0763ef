//! Where requests may go.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Why an address is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not one that can be asked at all.
    #[error("it is no address of a web server")]
    Form,
    /// It holds a name and a password, which logs would show.
    #[error("it holds a name or a password")]
    Credentials,
    /// What is sent there could be read on the way.
    #[error("it is not https")]
    Scheme,
    /// It leads into the network that the server stands in.
    #[error("it is in a private network")]
    Private,
}

/// Whether an address may be asked, as far as it says itself; names are looked at when they are
/// resolved. With `allows_private`, private networks and http may be asked as well.
///
/// # Errors
/// [`Refusal`] by what is wrong with it.
pub fn check(url: &Url, allows_private: bool) -> Result<(), Refusal> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refusal::Form);
    }
    let host = url.host_str().unwrap_or_default();
    if host.is_empty() {
        return Err(Refusal::Form);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal::Credentials);
    }
    if allows_private {
        return Ok(());
    }
    if url.scheme() != "https" {
        return Err(Refusal::Scheme);
    }
    // An address that is written out is never looked up.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(ip) if !is_public(ip) => Err(Refusal::Private),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Resolves names to public addresses only, at the moment of connecting: a name that led elsewhere
/// when it was looked at before gains nothing.
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let is_known = !found.is_empty();
            let public: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| is_public(address.ip()))
                .collect();
            match (public.is_empty(), is_known) {
                (true, true) => Err(Refusal::Private.into()),
                (true, false) => Err("the name has no address".into()),
                (false, _) => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}

/// Whether an address is one of the whole internet.
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, d] = ip.octets();
    let is_special = a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19))
        // Answers what runs on Azure, and nobody else.
        || [a, b, c, d] == [168, 63, 129, 16];
    !(is_special
        || ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation())
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b) {
        // Translated (RFC 6052) and tunnelled (6to4) addresses stand for others.
        (0x64, 0xff9b) => [c, d, e, f] == [0; 4] && embedded(g, h),
        (0x2002, _) => embedded(b, c),
        // Protocols' own (2001::/23, with Teredo), and those of documentation.
        (0x2001, 0x0..=0x1ff | 0xdb8) | (0x3fff, 0x0..=0xfff) => false,
        // Only what is given out as global.
        _ => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: AUTH-5, GW-10
    #[test]
    fn private_addresses_are_not_asked() {
        for ip in [
            "8.8.8.8",
            "168.63.129.15",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::808:808",
            "2002:7f00:1::1",
            "2001::1",
            "2001:20::1",
            "2001:db8::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    /// covers: AUTH-5, GW-10
    #[test]
    fn addresses_are_looked_at_before_anybody_is_asked() {
        for (url, refusal) in [
            ("http://example.com/", Refusal::Scheme),
            ("ftp://example.com/", Refusal::Form),
            ("data:text/plain,hello", Refusal::Form),
            ("https://ana:secret@example.com/", Refusal::Credentials),
            ("https://ana@example.com/", Refusal::Credentials),
            ("https://127.0.0.1/", Refusal::Private),
            ("https://127.1/", Refusal::Private),
            ("https://[::1]/", Refusal::Private),
            ("https://[::ffff:10.0.0.1]/", Refusal::Private),
            ("https://0x7f.1/", Refusal::Private),
            ("https://0177.0.0.1/", Refusal::Private),
            ("https://2130706433/", Refusal::Private),
            ("https://169.254.169.254/latest", Refusal::Private),
            ("https://①②⑦.0.0.1/", Refusal::Private),
        ] {
            assert_eq!(check(&url.parse().unwrap(), false), Err(refusal), "{url}");
        }
        for url in ["https://example.com/", "https://8.8.8.8:8443/x?y=z"] {
            assert_eq!(check(&url.parse().unwrap(), false), Ok(()), "{url}");
        }
        let near = |url: &str| check(&url.parse().unwrap(), true);
        assert_eq!(near("http://127.0.0.1/"), Ok(()));
        assert_eq!(near("file:///etc/passwd"), Err(Refusal::Form));
        assert_eq!(near("http://ana:x@127.0.0.1/"), Err(Refusal::Credentials));
    }
}
