//! Devices, how they are invited, and the tokens by which they are known again.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::http::Place;
use bilten_kernel::{record, text_enum};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DeviceId, GateId, ListId, PairingId};
use crate::catalog::EventId;
use crate::identity::Permission;
use crate::platform::Vault;

/// How long an invitation is good, in milliseconds.
pub const PAIRING_MS: i64 = 10 * 60_000;
/// How long a challenge may be answered, in milliseconds.
pub const CHALLENGE_MS: i64 = 2 * 60_000;
/// How long a session lasts, in milliseconds.
pub const SESSION_MS: i64 = 60 * 60_000;
/// How many characters a one-time code has: 130 bits.
pub const CODE_LENGTH: usize = 26;

record! {
    /// A paired phone, desktop or hub; or the server itself, for check-ins by the API.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct Device {
        /// Its id.
        pub id: DeviceId,
        /// The event that it belongs to.
        pub event_id: EventId,
        /// What staff call it.
        pub name: String,
        /// The software that it runs.
        pub software: String,
        /// The list on which it started.
        pub list_id: Option<ListId>,
        /// The gate where it stood when it was paired.
        pub gate_id: Option<GateId>,
        /// When it was paired.
        pub paired_at: Timestamp,
        /// When it was last heard of, to the minute.
        pub seen_at: Timestamp,
        /// How far its clock was behind the server's when it last sent scans, in milliseconds.
        pub clock_skew_ms: i64,
        /// When it was revoked: it may not sync any more and wipes itself.
        pub revoked_at: Option<Timestamp>,
        /// Whether it is the server itself.
        pub built_in: bool,
    }
}

text_enum! {
    /// How a list of devices is sorted.
    #[derive(Default)]
    pub enum DeviceSort {
        /// As they were paired, the newest first.
        #[default]
        Newest = "-paired",
        /// As they were paired, the oldest first.
        Oldest = "paired",
        /// By when they were last heard of, the longest silent first.
        LongestSilent = "seen_at",
        /// By when they were last heard of, the latest first.
        LastSeen = "-seen_at",
        /// By name, letter by letter.
        Name = "name",
        /// By name, backwards.
        NameBackwards = "-name",
    }
}

impl DeviceSort {
    /// Where a device stands in this order.
    pub fn place(self, device: &Device) -> Place {
        match self {
            Self::Newest | Self::Oldest => Place::of_id(device.id),
            Self::LongestSilent | Self::LastSeen => {
                Place::of_number(device.seen_at.ms(), device.id)
            }
            Self::Name | Self::NameBackwards => Place::of_text(&device.name, device.id),
        }
    }
}

record! {
    /// An invitation, as it is stored.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(in crate::access) struct PairingRow {
        /// Its id.
        pub(in crate::access) id: PairingId,
        /// The event that the device will belong to.
        pub(in crate::access) event_id: EventId,
        /// The list on which the device starts.
        pub(in crate::access) list_id: Option<ListId>,
        /// The gate where the device stands.
        pub(in crate::access) gate_id: Option<GateId>,
        /// Until when it is good.
        pub(in crate::access) expires_at: Timestamp,
        /// When it was used.
        pub(in crate::access) used_at: Option<Timestamp>,
    }
}

/// What an organiser says of a device that is to be paired.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PairingInput {
    /// The list on which it starts; without it, staff choose.
    pub list: Option<ListId>,
    /// The gate where it stands; without it, staff choose.
    pub gate: Option<GateId>,
}

/// An invitation for one device, to be shown to it once.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Pairing {
    /// Its id.
    pub id: PairingId,
    /// The one-time code; stored only as a hash, so it is never shown again.
    pub code: String,
    /// What the device reads: the code and the server's address.
    pub link: String,
    /// The link as a QR code, an SVG picture.
    pub qr_svg: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// What a session's token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything a device does.
    Sync,
    /// One last push, for a device that was revoked.
    LastPush,
}

impl Scope {
    /// What a device may do with it, of its event: the same permissions as people and programs have.
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Sync => &[Permission::CheckInRead, Permission::CheckInScan],
            Self::LastPush => &[Permission::CheckInScan],
        }
    }
}

/// A challenge for a device; it is not stored, since only we can make it.
pub fn challenge(vault: &Vault, device: &str, now: Timestamp, salt: &str) -> String {
    let until = now.ms().saturating_add(CHALLENGE_MS);
    let mac = challenge_mac(vault, device, until, salt);
    format!("{until}.{salt}.{mac}")
}

/// Whether a challenge is ours, for this device, and not too old.
pub fn is_fresh_challenge(vault: &Vault, device: &str, nonce: &str, now: Timestamp) -> bool {
    let mut parts = nonce.splitn(3, '.');
    let (Some(until), Some(salt), Some(mac)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let Ok(until) = until.parse::<i64>() else {
        return false;
    };
    now.ms() < until
        && Vault::equal(
            mac.as_bytes(),
            challenge_mac(vault, device, until, salt).as_bytes(),
        )
}

fn challenge_mac(vault: &Vault, device: &str, until: i64, salt: &str) -> String {
    let parts: [&[u8]; 3] = [device.as_bytes(), &until.to_be_bytes(), salt.as_bytes()];
    hex(&vault.mac("device challenge v1", &parts))
}

/// The token of a session; it is not stored, since only we can make it.
pub fn session_token(vault: &Vault, device: DeviceId, until: Timestamp, scope: Scope) -> String {
    let mac = session_mac(vault, device, until.ms(), scope);
    format!("{device}.{}.{}.{mac}", until.ms(), scope_word(scope))
}

/// The device that a session's token is for, if the token is ours and the session is not over.
pub fn read_session_token(vault: &Vault, token: &str, now: Timestamp) -> Option<(DeviceId, Scope)> {
    let mut parts = token.splitn(4, '.');
    let device: DeviceId = parts.next()?.parse().ok()?;
    let until: i64 = parts.next()?.parse().ok()?;
    let scope = match parts.next()? {
        "sync" => Scope::Sync,
        "push" => Scope::LastPush,
        _ => return None,
    };
    let mac = session_mac(vault, device, until, scope);
    let is_ours = Vault::equal(parts.next()?.as_bytes(), mac.as_bytes());
    (is_ours && now.ms() < until).then_some((device, scope))
}

const fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::Sync => "sync",
        Scope::LastPush => "push",
    }
}

fn session_mac(vault: &Vault, device: DeviceId, until: i64, scope: Scope) -> String {
    let parts: [&[u8]; 3] = [
        device.as_bytes(),
        &until.to_be_bytes(),
        scope_word(scope).as_bytes(),
    ];
    hex(&vault.mac("device session v1", &parts))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

record! {
    /// How many devices of events that take place now are heard of.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Scanners {
        /// They were heard of a moment ago.
        pub active: i64,
        /// They were heard of today, but not for a while.
        pub silent: i64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> Vault {
        Vault::in_memory(7)
    }

    #[test]
    fn a_challenge_is_good_for_its_device_and_two_minutes() {
        let (vault, now) = (vault(), Timestamp::from_ms(1_000_000));
        let nonce = challenge(&vault, "dev_1", now, "salt");
        let later = |ms| Timestamp::from_ms(now.ms() + ms);
        assert!(is_fresh_challenge(&vault, "dev_1", &nonce, later(119_999)));
        assert!(!is_fresh_challenge(&vault, "dev_1", &nonce, later(120_000)));
        assert!(!is_fresh_challenge(&vault, "dev_2", &nonce, now));
        for bad in [
            "",
            "1.2",
            "a.b.c",
            "99999999999999.salt.00",
            &nonce[1..],
            &format!("{nonce}0"),
        ] {
            assert!(!is_fresh_challenge(&vault, "dev_1", bad, now), "{bad}");
        }
    }

    #[test]
    fn a_token_names_its_device_and_scope_until_it_ends() {
        let vault = vault();
        let (device, until) = (DeviceId::from_bytes([3; 16]), Timestamp::from_ms(2_000_000));
        let (early, late) = (Timestamp::from_ms(1_999_999), until);
        for scope in [Scope::Sync, Scope::LastPush] {
            let token = session_token(&vault, device, until, scope);
            assert_eq!(
                read_session_token(&vault, &token, early),
                Some((device, scope))
            );
            assert_eq!(read_session_token(&vault, &token, late), None);
        }
        let push = session_token(&vault, device, until, Scope::LastPush);
        for forged in [
            push.replace(".push.", ".sync."),
            push.replace("2000000", "3000000"),
            push[..push.len() - 1].to_owned(),
            String::new(),
            "...".to_owned(),
        ] {
            assert_eq!(read_session_token(&vault, &forged, early), None, "{forged}");
        }
    }
}
