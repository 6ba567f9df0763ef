//! Purchase limits: how many tickets one person may have, however many names they write.
//!
//! Counted are tickets that let people in: those of a bundle one by one, add-ons, donations and merchandise
//! not at all. What an order was counted by is kept with it, and that is what it gives back.
//!
//! A person is counted by up to four keys: the mailbox behind an e-mail address, the account, the
//! fingerprint of the means of payment, the network of the address. Keys are hashes that mean nothing
//! outside this installation and outside the event.
//!
//! The means of payment are those that pay, so they are counted with the payment: in the write that places
//! an order which is paid with it, or that begins another payment (`service/means.rs`), before any money
//! moves. A payment that is declined counts nothing. An order may be paid by several, each for its part.
//!
//! How it is counted (`service/limits.rs`, `store/limits.rs`): the table `purchase_counts` (`event_id, kind,
//! key_hash, tickets`, primary key the first three) and, for each key in the order of [`CountingKey`] (so
//! that two buyers never wait for each other):
//!
//! ```text
//! INSERT INTO purchase_counts (event_id, kind, key_hash, tickets) VALUES ($1, $2, $3, $4)
//! ON CONFLICT (event_id, kind, key_hash) DO UPDATE SET tickets = purchase_counts.tickets + $4
//! WHERE purchase_counts.tickets + $4 <= $5
//! ```
//!
//! in the write that places the order, after [`PurchaseLimits::check`] has refused what is too much even
//! for a new key: the INSERT alone does not ask. A row count of 0 is a refusal. When an order ends
//! otherwise than paid, or is refunded: `UPDATE purchase_counts SET tickets = tickets - $4 WHERE …`. In a
//! lane, the buyers of one batch are counted one after the other within the same write. What a kind is not
//! limited to is not counted, so a limit that is set later counts from then on.

use std::net::IpAddr;

use bilten_kernel::error::FieldError;
use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalog::EventId;
use crate::identity::{Email, UserId};
use crate::platform::Vault;
use crate::waiting_room::AddressNetwork;

text_enum! {
    /// By what purchases are counted.
    pub enum LimitKind {
        /// The mailbox behind an e-mail address.
        Email = "email",
        /// An account.
        Account = "account",
        /// The fingerprint of a means of payment.
        Payment = "payment",
        /// A network of addresses.
        Network = "network",
    }
}

impl LimitKind {
    /// Who may have no more; a buyer is told only of their means of payment, since they may have others.
    const fn whose(self) -> &'static str {
        match self {
            Self::Email | Self::Account | Self::Network => "One person",
            Self::Payment => "Whoever pays by this card or account",
        }
    }
}

/// What hosts of mail make of an address.
struct MailHost {
    /// The domains that are one; the first stands for them.
    domains: &'static [&'static str],
    /// Which characters of the local part mean nothing.
    ignored: &'static str,
}

/// Hosts whose rules are known and published.
const MAIL_HOSTS: &[MailHost] = &[
    MailHost {
        domains: &["gmail.com", "googlemail.com"],
        ignored: ".",
    },
    MailHost {
        domains: &["icloud.com", "me.com", "mac.com"],
        ignored: "",
    },
    MailHost {
        domains: &["proton.me", "protonmail.com", "protonmail.ch", "pm.me"],
        ignored: ".-_",
    },
    MailHost {
        domains: &["yandex.ru", "ya.ru", "yandex.com", "yandex.by", "yandex.kz"],
        ignored: "",
    },
];

/// The mailbox behind an address, as far as its host's rules are known: for counting only. Mail goes to
/// the address as it was written.
///
/// What follows a `+` is taken for a tag at every host: two people whose addresses differ by that alone
/// are rarer than one who makes many of one.
pub fn mailbox(email: &Email) -> String {
    mailbox_of(email.lookup())
}

/// The same of an address as a buyer writes it: orders take more than mail can be sent to, and nobody
/// is to have more of a mailbox by writing it wrong.
pub fn mailbox_as_written(text: &str) -> String {
    match text.parse::<Email>() {
        Ok(email) => mailbox(&email),
        Err(_) => mailbox_of(text.trim().to_lowercase()),
    }
}

fn mailbox_of(address: String) -> String {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return address;
    };
    let host = MAIL_HOSTS
        .iter()
        .find(|host| host.domains.contains(&domain));
    let untagged = match local.split_once('+') {
        // `+x@…` is all tag: what is left would be nobody.
        Some(("", _)) | None => local,
        Some((name, _)) => name,
    };
    let Some(host) = host else {
        return format!("{untagged}@{domain}");
    };
    let plain: String = untagged
        .chars()
        .filter(|c| !host.ignored.contains(*c))
        .collect();
    let name = if plain.is_empty() { untagged } else { &plain };
    let domain = host.domains.first().copied().unwrap_or(domain);
    format!("{name}@{domain}")
}

/// Who buys, as far as it is known at this step.
#[derive(Clone, Copy, Debug)]
pub struct BuyerKeys<'a> {
    /// The e-mail address as they write it.
    pub email: Option<&'a str>,
    /// The account.
    pub account: Option<UserId>,
    /// The fingerprint of the means of payment, as the payment provider gives it.
    pub payment: Option<&'a str>,
    /// The address of the client.
    pub address: Option<IpAddr>,
}

/// From where somebody buys: what they do not say themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BuyerOrigin {
    /// The address of the client.
    pub address: Option<IpAddr>,
    /// The account in which they are signed in.
    pub account: Option<UserId>,
}

impl BuyerOrigin {
    /// The address, unless it is this machine's own: that says nothing of who buys.
    pub fn network(&self) -> Option<IpAddr> {
        self.address
            .map(|address| address.to_canonical())
            .filter(|address| !address.is_loopback())
    }
}

/// What purchases are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountingKey {
    /// By what.
    pub kind: LimitKind,
    /// Whose; of one event only.
    pub hash: [u8; 32],
}

/// The keys of a buyer for an event, in the order in which their rows are to be locked.
pub fn counting_keys(vault: &Vault, event: EventId, buyer: &BuyerKeys<'_>) -> Vec<CountingKey> {
    let key = |kind: LimitKind, text: &[u8]| CountingKey {
        kind,
        hash: vault.mac(
            "purchase limit",
            &[event.as_bytes(), kind.as_str().as_bytes(), text],
        ),
    };
    let mut keys = Vec::with_capacity(LimitKind::ALL.len());
    if let Some(email) = buyer.email {
        keys.push(key(LimitKind::Email, mailbox_as_written(email).as_bytes()));
    }
    if let Some(account) = buyer.account {
        keys.push(key(LimitKind::Account, account.as_bytes()));
    }
    if let Some(payment) = buyer.payment {
        keys.push(key(LimitKind::Payment, payment.as_bytes()));
    }
    if let Some(address) = buyer.address {
        let network = AddressNetwork::of(address).to_string();
        keys.push(key(LimitKind::Network, network.as_bytes()));
    }
    keys
}

/// How many tickets of an event one of each may have; `None` for any number. What lets people in counts, so
/// a bundle by its tickets; add-ons, donations and merchandise do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct PurchaseLimits {
    /// For the mailbox behind an e-mail address; any number if absent.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub per_email: Option<u32>,
    /// For an account; any number if absent.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub per_account: Option<u32>,
    /// For a means of payment, such as a card; any number if absent. What its provider names by no fingerprint
    /// is not counted: the sandbox names one by `card`.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub per_payment: Option<u32>,
    /// For a network; whole towns can share one, so be generous. Any number if absent.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub per_network: Option<u32>,
}

/// The most that a limit can be.
const MOST: u32 = 1_000_000;

/// A limit was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} may have {most} of these tickets; {left} more can be bought.", .kind.whose())]
pub struct LimitMet {
    /// By what was counted.
    pub kind: LimitKind,
    /// How many there may be.
    pub most: u32,
    /// How many more can be had.
    pub left: u32,
}

impl LimitMet {
    /// The stable name of this refusal; which kind it was is for the organiser, not for the buyer, but for a
    /// means of payment: they may have another one.
    pub const CODE: &'static str = "sales.purchase_limit";
}

impl PurchaseLimits {
    /// What is wrong with them, by field.
    pub fn faults(&self) -> Vec<FieldError> {
        LimitKind::ALL
            .iter()
            .filter(|kind| {
                self.most(**kind)
                    .is_some_and(|most| !(1..=MOST).contains(&most))
            })
            .map(|kind| FieldError {
                field: format!("per_{kind}"),
                code: "out_of_range".into(),
                detail: format!("Must be from 1 to {MOST}, or null for any number."),
            })
            .collect()
    }

    /// Whether anything is limited.
    pub fn is_any(&self) -> bool {
        LimitKind::ALL.iter().any(|kind| self.most(*kind).is_some())
    }

    /// How many a key of this kind may have.
    pub const fn most(&self, kind: LimitKind) -> Option<u32> {
        match kind {
            LimitKind::Email => self.per_email,
            LimitKind::Account => self.per_account,
            LimitKind::Payment => self.per_payment,
            LimitKind::Network => self.per_network,
        }
    }

    /// Whether somebody may have `wanted` more, whose keys were counted so often before. A key that was
    /// never counted has 0.
    ///
    /// # Errors
    /// The limit that leaves the fewest.
    pub fn check(&self, counted: &[(LimitKind, u32)], wanted: u32) -> Result<(), LimitMet> {
        counted
            .iter()
            .filter_map(|(kind, tickets)| {
                let most = self.most(*kind)?;
                let left = most.saturating_sub(*tickets);
                (wanted > left).then_some(LimitMet {
                    kind: *kind,
                    most,
                    left,
                })
            })
            .min_by_key(|met| (met.left, met.kind))
            .map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn email(text: &str) -> Email {
        text.parse().unwrap()
    }

    #[test]
    fn one_mailbox_has_one_form() {
        for (text, wanted) in [
            ("Ana.Novak+gig@gmail.com", "ananovak@gmail.com"),
            ("a.n.a.novak@GoogleMail.com", "ananovak@gmail.com"),
            ("ana.novak@example.com", "ana.novak@example.com"),
            ("ana.novak+1@example.com", "ana.novak@example.com"),
            ("ana+a+b@example.com", "ana@example.com"),
            ("+ana@example.com", "+ana@example.com"),
            ("a-na_x.y@pm.me", "anaxy@proton.me"),
            ("___@proton.me", "___@proton.me"),
            ("ana.novak@me.com", "ana.novak@icloud.com"),
            ("ana@ya.ru", "ana@yandex.ru"),
            // Nobody's rules but the host's own.
            ("ana.novak@mail.gmail.com", "ana.novak@mail.gmail.com"),
            ("ana@gmail.com.example.org", "ana@gmail.com.example.org"),
        ] {
            assert_eq!(mailbox(&email(text)), wanted, "{text}");
        }
    }

    #[test]
    fn no_host_is_listed_twice() {
        let mut all: Vec<_> = MAIL_HOSTS.iter().flat_map(|host| host.domains).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn keys_are_the_same_for_one_person_and_of_one_event() {
        let vault = Vault::in_memory(7);
        let event = EventId::from_bytes([1; 16]);
        let (ana, also_ana) = ("ana.novak@gmail.com", "anan..ovak+2@gmail.com");
        let buyer = |email: &'static str, address: &str| BuyerKeys {
            email: Some(email),
            account: Some(UserId::from_bytes([2; 16])),
            payment: Some("card_fingerprint"),
            address: Some(address.parse().unwrap()),
        };
        let keys = counting_keys(&vault, event, &buyer(ana, "2001:db8::1"));
        assert_eq!(keys.len(), LimitKind::ALL.len());
        assert!(keys.is_sorted());
        let again = counting_keys(&vault, event, &buyer(also_ana, "2001:db8::2"));
        assert_eq!(keys, again);
        let other = EventId::from_bytes([9; 16]);
        let elsewhere = counting_keys(&vault, other, &buyer(ana, "2001:db8::1"));
        assert!(keys.iter().zip(&elsewhere).all(|(a, b)| a.hash != b.hash));
        let nobody = BuyerKeys {
            email: None,
            account: None,
            payment: None,
            address: None,
        };
        assert!(counting_keys(&vault, event, &nobody).is_empty());
    }

    #[test]
    fn the_tightest_limit_is_told() {
        let limits = PurchaseLimits {
            per_email: Some(4),
            per_account: Some(6),
            per_payment: None,
            per_network: Some(20),
        };
        let met = |kind, most, left| Err(LimitMet { kind, most, left });
        for (counted, wanted, result) in [
            (vec![], 1_000, Ok(())),
            (vec![(LimitKind::Email, 0)], 4, Ok(())),
            (vec![(LimitKind::Email, 0)], 5, met(LimitKind::Email, 4, 4)),
            (vec![(LimitKind::Email, 3)], 1, Ok(())),
            (vec![(LimitKind::Email, 9)], 1, met(LimitKind::Email, 4, 0)),
            (vec![(LimitKind::Payment, u32::MAX)], u32::MAX, Ok(())),
            (
                vec![(LimitKind::Email, 1), (LimitKind::Account, 5)],
                4,
                met(LimitKind::Account, 6, 1),
            ),
            (
                vec![(LimitKind::Network, 20), (LimitKind::Email, 4)],
                1,
                met(LimitKind::Email, 4, 0),
            ),
        ] {
            assert_eq!(
                limits.check(&counted, wanted),
                result,
                "{counted:?} {wanted}"
            );
        }
    }

    proptest! {
        /// Counting one purchase after the other, as the statement does, nobody gets more than the limit.
        #[test]
        fn nobody_has_more_than_the_limit(
            most in 0u32..20, wants in proptest::collection::vec(1u32..10, 1..30),
        ) {
            let limits = PurchaseLimits { per_email: Some(most), ..PurchaseLimits::default() };
            let mut has = 0;
            for wanted in wants {
                match limits.check(&[(LimitKind::Email, has)], wanted) {
                    Ok(()) => has += wanted,
                    Err(met) => prop_assert!(met.left < wanted && met.left == most - has),
                }
                prop_assert!(has <= most);
            }
        }

        #[test]
        fn the_form_of_a_mailbox_is_its_own_form(
            local in "[a-z0-9._+-]{1,20}", host in "gmail\\.com|proton\\.me|example\\.org",
        ) {
            if let Ok(email) = format!("{local}@{host}").parse::<Email>() {
                let once = mailbox(&email);
                if let Ok(again) = once.parse::<Email>() {
                    prop_assert_eq!(mailbox(&again), once);
                }
            }
        }
    }
}
