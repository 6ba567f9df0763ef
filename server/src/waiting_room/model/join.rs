//! How many places one account, one device and one network may have.

use std::net::IpAddr;

use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};

use super::{AddressNetwork, WaitingRoomId};
use crate::identity::UserId;
use crate::platform::Vault;

text_enum! {
    /// By what places are counted.
    pub enum JoinKind {
        /// An account.
        Account = "account",
        /// A browser, by a cookie that it was given before.
        Device = "device",
        /// A network of addresses.
        Network = "network",
    }
}

/// What places are counted by: a kind, and a hash that means nothing outside this installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JoinKey {
    /// By what.
    pub kind: JoinKind,
    /// Whose; of one room only, so that nobody is followed from sale to sale.
    pub hash: [u8; 32],
}

impl JoinKey {
    /// The keys of somebody who comes, in the order in which their rows are to be locked.
    pub fn of(
        vault: &Vault,
        room: WaitingRoomId,
        account: Option<UserId>,
        device: &str,
        address: IpAddr,
    ) -> Vec<Self> {
        let key = |kind: JoinKind, text: &[u8]| Self {
            kind,
            hash: vault.mac(
                "waiting room join",
                &[room.as_bytes(), kind.as_str().as_bytes(), text],
            ),
        };
        let mut keys = Vec::with_capacity(3);
        keys.extend(account.map(|user| key(JoinKind::Account, user.as_bytes())));
        keys.push(key(JoinKind::Device, device.as_bytes()));
        let network = AddressNetwork::of(address).to_string();
        keys.push(key(JoinKind::Network, network.as_bytes()));
        keys
    }
}

/// How many places there are for one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinLimits {
    /// For an account.
    pub per_account: u32,
    /// For a device.
    pub per_device: u32,
    /// For a network; offices and whole providers share one.
    pub per_network: u32,
    /// Whether an account is needed.
    pub needs_account: bool,
}

impl Default for JoinLimits {
    fn default() -> Self {
        Self {
            per_account: 1,
            per_device: 1,
            per_network: 50,
            needs_account: false,
        }
    }
}

impl JoinLimits {
    /// Whether somebody must sign in before they get a place.
    pub const fn lacks_account(&self, account: Option<UserId>) -> bool {
        self.needs_account && account.is_none()
    }

    /// How many places a key of this kind may have; at least one.
    pub fn most(&self, kind: JoinKind) -> u32 {
        match kind {
            JoinKind::Account => self.per_account,
            JoinKind::Device => self.per_device,
            JoinKind::Network => self.per_network,
        }
        .max(1)
    }

    /// Whether somebody whose keys have so many places may have one more; if not, why. With one place
    /// per account or device the answer to a second one is the first, so this refuses only others.
    ///
    /// # Errors
    /// The first kind of which there are no more.
    pub fn check(&self, counted: &[(JoinKind, u32)]) -> Result<(), JoinKind> {
        counted
            .iter()
            .find(|(kind, places)| *places >= self.most(*kind))
            .map_or(Ok(()), |(kind, _)| Err(*kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: WaitingRoomId = WaitingRoomId::from_bytes([2; 16]);

    fn keys(room: WaitingRoomId, account: Option<u8>, device: &str, address: &str) -> Vec<JoinKey> {
        let account = account.map(|byte| UserId::from_bytes([byte; 16]));
        let address = address.parse().unwrap();
        JoinKey::of(&Vault::in_memory(7), room, account, device, address)
    }

    #[test]
    fn keys_tell_people_apart_and_follow_nobody() {
        let ana = keys(ROOM, Some(1), "d1", "2001:db8::1");
        let phone = keys(ROOM, Some(1), "d2", "203.0.113.7");
        assert_eq!(ana[0], phone[0]);
        assert_ne!(ana[1], phone[1]);
        let neighbour = keys(ROOM, None, "d3", "2001:db8::ff");
        assert_eq!(neighbour.len(), 2);
        assert_eq!(ana[2], neighbour[1]);
        let other_sale = keys(
            WaitingRoomId::from_bytes([3; 16]),
            Some(1),
            "d1",
            "2001:db8::1",
        );
        assert!(ana.iter().zip(&other_sale).all(|(a, b)| a != b));
        assert!(ana.is_sorted() && neighbour.is_sorted());
    }

    #[test]
    fn each_kind_has_its_limit() {
        let limits = JoinLimits::default();
        for (counted, wanted) in [
            (vec![], Ok(())),
            (vec![(JoinKind::Device, 0), (JoinKind::Network, 49)], Ok(())),
            (vec![(JoinKind::Device, 1)], Err(JoinKind::Device)),
            (
                vec![(JoinKind::Account, 0), (JoinKind::Network, 50)],
                Err(JoinKind::Network),
            ),
        ] {
            assert_eq!(limits.check(&counted), wanted, "{counted:?}");
        }
        // A limit of none would lock everybody out.
        let none = JoinLimits {
            per_device: 0,
            ..limits
        };
        assert_eq!(none.check(&[(JoinKind::Device, 0)]), Ok(()));
        assert!(!limits.lacks_account(None));
        let strict = JoinLimits {
            needs_account: true,
            ..limits
        };
        assert!(strict.lacks_account(None));
        assert!(!strict.lacks_account(Some(UserId::from_bytes([1; 16]))));
    }
}
