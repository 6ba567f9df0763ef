//! Progressive delay and lock-out.
//!
//! Tries are counted before they are looked at, in one statement, so that a thousand at the same
//! moment are a thousand tries. Who comes with a device from which this account was used before has
//! a counter of their own: whatever strangers try, they cannot lock the owner out.

use std::net::IpAddr;
use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};

use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::throttles as store;

/// How many tries are free, and how long the further ones are put off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Names the counter.
    name: &'static str,
    /// So many tries may follow each other at once.
    free: i64,
    /// The first pause; each further one is twice as long.
    first_ms: i64,
    /// The longest pause.
    most_ms: i64,
    /// After so long without a try, all is forgotten.
    forget: Duration,
}

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);

/// Tries to prove that one is the owner of an account.
pub const PROOF: Rule = Rule {
    name: "proof",
    free: 5,
    first_ms: 1_000,
    most_ms: 900_000,
    forget: DAY,
};
/// Tries of a PIN for a member at one device.
pub const STAFF: Rule = Rule {
    name: "staff",
    free: 5,
    first_ms: 30_000,
    most_ms: 900_000,
    forget: DAY,
};
/// Tries of any PINs at one device.
pub const STAFF_DEVICE: Rule = Rule {
    name: "staff device",
    free: 20,
    first_ms: 10_000,
    most_ms: 300_000,
    forget: HOUR,
};
/// Tries from one network, whatever the accounts.
pub const NETWORK: Rule = Rule {
    name: "network",
    free: 50,
    first_ms: 1_000,
    most_ms: 900_000,
    forget: HOUR,
};
/// Mail that somebody has sent to an address by asking for it.
pub const MAIL: Rule = Rule {
    name: "mail",
    free: 4,
    first_ms: 60_000,
    most_ms: 3_600_000,
    forget: DAY,
};
/// Mail that is sent because one network asks for it.
pub const MAIL_NETWORK: Rule = Rule {
    name: "mail network",
    free: 30,
    first_ms: 10_000,
    most_ms: 3_600_000,
    forget: HOUR,
};

impl Rule {
    /// So many tries are free; then pauses begin and double up to the longest; after `forget`
    /// without a try all is forgotten.
    pub const fn new(
        name: &'static str,
        free: i64,
        first_ms: i64,
        most_ms: i64,
        forget: Duration,
    ) -> Self {
        Self {
            name,
            free,
            first_ms,
            most_ms,
            forget,
        }
    }

    /// How long after the `count`-th try the next one has to wait, in milliseconds.
    const fn pause_ms(self, count: i64) -> i64 {
        if count < self.free {
            return 0;
        }
        let doubled = count - self.free;
        let doubled = if doubled > 30 { 30 } else { doubled };
        let pause = self.first_ms << doubled;
        if pause > self.most_ms {
            self.most_ms
        } else {
            pause
        }
    }
}

/// In how many seconds it is then; at least one.
fn seconds_until(until: Timestamp, now: Timestamp) -> u32 {
    let wait = until.ms().saturating_sub(now.ms()).max(1);
    u32::try_from((wait + 999) / 1_000).unwrap_or(u32::MAX)
}

/// A counter: a rule, and whom or what it counts for.
#[derive(Clone, Copy, Debug)]
pub struct Throttle {
    rule: Rule,
    key: [u8; 32],
}

impl Throttle {
    /// The counter of this rule for whoever these parts name.
    pub fn new(app: &App, rule: Rule, parts: &[&[u8]]) -> Self {
        let mut all = vec![rule.name.as_bytes()];
        all.extend(parts);
        Self {
            rule,
            key: app.vault.mac("throttle", &all),
        }
    }

    /// The counter for a network: an IPv4 address, or what one household has of IPv6.
    pub fn network(app: &App, rule: Rule, ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(v4) => Self::new(app, rule, &[&v4.octets()]),
            IpAddr::V6(v6) => Self::new(app, rule, &[&v6.octets()[..7]]),
        }
    }

    /// Counts a try; the number of seconds to wait if it may not be made yet.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn pass(self, c: &mut Conn, now: Timestamp) -> Result<Result<i64, u32>, DbError> {
        let Some(count) = store::count(c, self.key, now, now - self.rule.forget).await? else {
            let until = store::state(c, self.key)
                .await?
                .map_or(now, |state| state.1);
            return Ok(Err(seconds_until(until, now)));
        };
        self.put_off(c, count, now).await?;
        Ok(Ok(count))
    }

    /// The number of seconds to wait if no try may be made yet; counts nothing. For what many do at
    /// once who are right: only what [`failed`](Self::failed) is counted.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn wait(self, c: &mut Conn, now: Timestamp) -> Result<Option<u32>, DbError> {
        let state = store::state(c, self.key).await?;
        Ok(state
            .filter(|(_, until)| *until > now)
            .map(|(_, until)| seconds_until(until, now)))
    }

    /// Counts a try that was made and was wrong, also one that was let in before others put off all
    /// further ones: whoever makes many at once waits the longer.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn failed(self, c: &mut Conn, now: Timestamp) -> Result<(), DbError> {
        let count = store::count_failed(c, self.key, now, now - self.rule.forget).await?;
        self.put_off(c, count, now).await
    }

    async fn put_off(self, c: &mut Conn, count: i64, now: Timestamp) -> Result<(), DbError> {
        let pause = self.rule.pause_ms(count);
        if pause > 0 {
            let until = Timestamp::from_ms(now.ms().saturating_add(pause));
            store::block(c, self.key, until).await?;
        }
        Ok(())
    }

    /// Forgets all tries: the last one was right.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn clear(self, c: &mut Conn) -> Result<(), DbError> {
        store::clear(c, self.key).await
    }

    /// Takes one try back. Unlike [`clear`](Self::clear) it leaves the others: who can sign in to
    /// one account is not free to try others.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn take_back(self, c: &mut Conn) -> Result<(), DbError> {
        store::take_back(c, self.key).await
    }

    /// How many tries were counted.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn tries(self, c: &mut Conn) -> Result<i64, DbError> {
        Ok(store::state(c, self.key).await?.map_or(0, |state| state.0))
    }
}

/// The counters of a try about an account, by how its address is looked up; accounts that do not
/// exist have them as well.
#[derive(Clone, Copy, Debug)]
pub(in crate::identity) struct AccountThrottles {
    /// For the network; not for devices that are known.
    pub(in crate::identity) network: Option<Throttle>,
    /// For the account: of this device, or of all that are not known.
    pub(in crate::identity) account: Throttle,
    /// For the account and all devices that are not known.
    pub(in crate::identity) strangers: Throttle,
}

impl AccountThrottles {
    /// The counters for whoever asks; `known` is the hash of a device that is known to the account.
    pub(in crate::identity) fn new(
        app: &App,
        (account, network): (Rule, Rule),
        lookup: &[u8; 32],
        visitor: &Visitor,
        known: Option<[u8; 32]>,
    ) -> Self {
        let strangers = Throttle::new(app, account, &[lookup]);
        match known {
            Some(device) => Self {
                network: None,
                account: Throttle::new(app, account, &[lookup, &device]),
                strangers,
            },
            None => Self {
                network: Some(Throttle::network(app, network, visitor.origin.ip)),
                account: strangers,
                strangers,
            },
        }
    }

    /// Counts a try: how many there were for the account, or how many seconds to wait.
    pub(in crate::identity) async fn pass(
        &self,
        c: &mut Conn,
        now: Timestamp,
    ) -> Result<Result<i64, u32>, DbError> {
        if let Some(network) = self.network
            && let Err(wait) = network.pass(c, now).await?
        {
            return Ok(Err(wait));
        }
        self.account.pass(c, now).await
    }

    /// The try was right.
    pub(in crate::identity) async fn succeeded(&self, c: &mut Conn) -> Result<(), DbError> {
        if let Some(network) = self.network {
            network.take_back(c).await?;
        }
        self.account.clear(c).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: AUTH-2
    #[test]
    fn pauses_double_up_to_a_limit() {
        let pauses: Vec<_> = (1..=16)
            .map(|count| PROOF.pause_ms(count) / 1_000)
            .collect();
        assert_eq!(
            pauses,
            [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
        );
        assert_eq!(PROOF.pause_ms(i64::MAX), 900_000);
        assert_eq!(MAIL.pause_ms(i64::MAX), 3_600_000);
    }
}
