//! The network that stands for one household, office or hoster.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address with its last bits cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressNetwork {
    address: IpAddr,
    bits: u8,
}

impl AddressNetwork {
    /// How many bits of an IPv4 address count: all. Whole towns share one behind their provider, so
    /// limits by network are to be generous.
    pub const V4_BITS: u8 = 32;
    /// How many bits of an IPv6 address count: providers give one household a /56 or a /64.
    pub const V6_BITS: u8 = 56;

    /// The network of an address.
    pub fn of(address: IpAddr) -> Self {
        Self::with_bits(address, Self::V4_BITS, Self::V6_BITS)
    }

    /// The network of an address, of so many bits. IPv4 within IPv6 is IPv4.
    pub fn with_bits(address: IpAddr, v4_bits: u8, v6_bits: u8) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let bits = v4_bits.min(32);
                let kept = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
                let address = IpAddr::V4(Ipv4Addr::from(u32::from(v4) & kept));
                Self { address, bits }
            }
            IpAddr::V6(v6) => {
                let bits = v6_bits.min(128);
                let kept = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
                let address = IpAddr::V6(Ipv6Addr::from(u128::from(v6) & kept));
                Self { address, bits }
            }
        }
    }
}

impl fmt::Display for AddressNetwork {
    /// `203.0.113.7/32`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_household_is_one_network() {
        let of = |text: &str| AddressNetwork::of(text.parse().unwrap()).to_string();
        assert_eq!(of("203.0.113.7"), "203.0.113.7/32");
        assert_eq!(of("::ffff:203.0.113.7"), "203.0.113.7/32");
        assert_eq!(of("2001:db8:1:2ff:a:b:c:d"), "2001:db8:1:200::/56");
        assert_eq!(of("2001:db8:1:201::1"), of("2001:db8:1:2ff::2"));
        assert_ne!(of("2001:db8:1:201::1"), of("2001:db8:1:301::1"));
    }

    #[test]
    fn any_number_of_bits_will_do() {
        let with = |text: &str, v4, v6| {
            AddressNetwork::with_bits(text.parse().unwrap(), v4, v6).to_string()
        };
        assert_eq!(with("203.0.113.7", 24, 0), "203.0.113.0/24");
        assert_eq!(with("203.0.113.7", 0, 0), "0.0.0.0/0");
        assert_eq!(with("203.0.113.7", 99, 0), "203.0.113.7/32");
        assert_eq!(with("2001:db8::1", 0, 0), "::/0");
        assert_eq!(with("2001:db8::1", 0, 255), "2001:db8::1/128");
    }
}
