//! The PROXY protocol (v1 and v2): a proxy that passes bytes on tells whose they are.
//!
//! It is read from the networks of [`proxy_protocol_from`](super::HttpConfig::proxy_protocol_from)
//! only, and from those it must come: a server that guesses lets everybody say who they are.

use std::net::SocketAddr;

use ppp::{PartialResult, v1, v2};

/// How long the text form may be, as the protocol says.
const MOST_TEXT: usize = 107;
/// How long the binary form may be; it could say 64 KiB, and says some hundred bytes.
const MOST_BINARY: usize = 4096;

/// What the first bytes of a connection are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The beginning of a header.
    Part,
    /// A header of so many bytes, and who the client is if it says so: a proxy that looks whether
    /// we are there speaks for itself.
    Whole(usize, Option<SocketAddr>),
    /// Something else.
    Nonsense,
}

/// Reads the header at the beginning of `bytes`.
pub(super) fn read(bytes: &[u8]) -> Said {
    let begins_like = |prefix: &[u8]| {
        let length = prefix.len().min(bytes.len());
        bytes[..length] == prefix[..length]
    };
    if begins_like(v2::PROTOCOL_PREFIX) {
        read_binary(bytes)
    } else if begins_like(b"PROXY ") {
        read_text(bytes)
    } else {
        Said::Nonsense
    }
}

fn read_text(bytes: &[u8]) -> Said {
    let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else {
        return if bytes.len() < MOST_TEXT {
            Said::Part
        } else {
            Said::Nonsense
        };
    };
    let length = end + 2;
    match v1::Header::try_from(&bytes[..length]) {
        Ok(header) => Said::Whole(
            length,
            match header.addresses {
                v1::Addresses::Tcp4(ip) => Some((ip.source_address, ip.source_port).into()),
                v1::Addresses::Tcp6(ip) => Some((ip.source_address, ip.source_port).into()),
                v1::Addresses::Unknown => None,
            },
        ),
        Err(_) => Said::Nonsense,
    }
}

fn read_binary(bytes: &[u8]) -> Said {
    if let Some(&[high, low]) = bytes.get(14..16)
        && usize::from(u16::from_be_bytes([high, low])) > MOST_BINARY
    {
        return Said::Nonsense;
    }
    let header = v2::Header::try_from(bytes);
    if header.is_incomplete() {
        return Said::Part;
    }
    match header {
        Ok(header) => Said::Whole(
            header.len(),
            match (header.command, header.addresses) {
                (v2::Command::Proxy, v2::Addresses::IPv4(ip)) => {
                    Some((ip.source_address, ip.source_port).into())
                }
                (v2::Command::Proxy, v2::Addresses::IPv6(ip)) => {
                    Some((ip.source_address, ip.source_port).into())
                }
                (v2::Command::Proxy, v2::Addresses::Unspecified | v2::Addresses::Unix(_))
                | (v2::Command::Local, _) => None,
            },
        ),
        Err(_) => Said::Nonsense,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let mut bytes = v2::PROTOCOL_PREFIX.to_vec();
        bytes.extend([command, family]);
        bytes.extend(u16::try_from(addresses.len()).unwrap().to_be_bytes());
        bytes.extend(addresses);
        bytes
    }

    /// covers: GW-2
    #[test]
    fn both_forms_say_who_the_client_is() {
        let text = b"PROXY TCP4 203.0.113.7 10.0.0.1 5000 443\r\n";
        let (four, six) = ("203.0.113.7:5000", "[2001:db8::7]:5000");
        assert_eq!(
            read(text),
            Said::Whole(text.len(), Some(four.parse().unwrap()))
        );
        let text = b"PROXY TCP6 2001:db8::7 ::1 5000 443\r\nGET / HTTP/1.1\r\n";
        assert_eq!(read(text), Said::Whole(37, Some(six.parse().unwrap())));
        assert_eq!(read(b"PROXY UNKNOWN\r\n"), Said::Whole(15, None));
        let addresses = [203, 0, 113, 7, 10, 0, 0, 1, 0x13, 0x88, 1, 187];
        let mut bytes = binary(0x21, 0x11, &addresses);
        let length = bytes.len();
        bytes.extend(b"GET /");
        assert_eq!(
            read(&bytes),
            Said::Whole(length, Some(four.parse().unwrap()))
        );
        assert_eq!(read(&binary(0x20, 0, &[])), Said::Whole(16, None));
        for cut in 0..length {
            assert_eq!(read(&bytes[..cut]), Said::Part, "{cut}");
        }
        for cut in 0..42 {
            let text = b"PROXY TCP4 203.0.113.7 10.0.0.1 5000 443\r\n";
            assert!(!matches!(read(&text[..cut.min(41)]), Said::Whole(..)));
        }
    }

    #[test]
    fn what_is_no_header_is_refused_and_not_waited_for() {
        let mut long = binary(0x21, 0x11, &[0; 12]);
        long[14] = 0xff;
        for bytes in [
            b"GET / HTTP/1.1\r\n".as_slice(),
            b"PROXY TCP4 nonsense\r\n",
            b"PROXY TCP4 203.0.113.7 10.0.0.1 5000 99999\r\n",
            &[b'P'; 200],
            &[b"PROXY ".as_slice(), &[b'x'; 200]].concat(),
            &long,
            &binary(0x31, 0x11, &[0; 12]),
            &binary(0x21, 0x11, &[0; 3]),
            b"\x16\x03\x01",
        ] {
            assert_eq!(read(bytes), Said::Nonsense, "{bytes:?}");
        }
    }
}
