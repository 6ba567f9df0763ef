//! Who is let in at all: lists of networks and countries, and addresses that are blocked for a while
//! because they got nothing but refusals.
//!
//! An address is blocked on this node at once. Whoever keeps the blocks of all nodes is told by
//! [`Visitors::on_block`], and says which there are by [`Visitors::set_blocks`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use axum::http::StatusCode;

use super::Network;
use super::client::one_client;
use super::limits::{Quota, Table};
use crate::clock::{Clock, Timestamp};
use crate::error::Problem;

/// How many addresses are blocked at once at most; whoever has more of them than this is stopped by
/// other means.
const MOST_BLOCKS: usize = 100_000;
/// How many addresses' refusals are counted at once.
const WATCHED: usize = 100_000;

/// Two letters that name a country (ISO 3166-1), in capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country([u8; 2]);

/// The text does not name a country.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected the two letters of a country, such as SI")]
pub struct CountryError;

impl std::str::FromStr for Country {
    type Err = CountryError;

    fn from_str(text: &str) -> Result<Self, CountryError> {
        let letters: [u8; 2] = text.as_bytes().try_into().map_err(|_| CountryError)?;
        if letters.iter().all(u8::is_ascii_alphabetic) {
            Ok(Self(letters.map(|letter| letter.to_ascii_uppercase())))
        } else {
            Err(CountryError)
        }
    }
}

impl<'de> serde::Deserialize<'de> for Country {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::id::text_from(deserializer)
    }
}

/// Knows in which country an address is.
pub trait Countries: Send + Sync {
    /// The country, if it is known.
    fn country(&self, address: IpAddr) -> Option<Country>;
}

/// Who is let in: part of section `[visitors]`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisitorsConfig {
    /// Networks that are always let in, never counted and never blocked.
    pub always: Vec<Network>,
    /// Networks that are not let in.
    pub never: Vec<Network>,
    /// A file in MaxMind's format that says which addresses are in which country; empty: none.
    pub country_file: std::path::PathBuf,
    /// Countries from which people are not let in.
    pub never_countries: Vec<Country>,
    /// The only countries from which people are let in, if any are named; also addresses of which
    /// the country is not known.
    pub only_countries: Vec<Country>,
    /// So many refusals of an address in so many seconds block it; empty: never.
    #[serde(deserialize_with = "super::limits::quota_or_none")]
    pub refusals: Option<Quota>,
    /// For how long it is blocked, in seconds.
    pub block_s: u32,
}

impl Default for VisitorsConfig {
    fn default() -> Self {
        Self {
            always: Vec::new(),
            never: Vec::new(),
            country_file: std::path::PathBuf::new(),
            never_countries: Vec::new(),
            only_countries: Vec::new(),
            refusals: None,
            block_s: 600,
        }
    }
}

/// An address that was blocked just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewBlock {
    /// Which, or the /64 that it is in.
    pub address: IpAddr,
    /// Since when.
    pub at: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

type OnBlock = Box<dyn Fn(NewBlock) + Send + Sync>;

/// Who is let in.
pub struct Visitors {
    config: VisitorsConfig,
    countries: Option<Arc<dyn Countries>>,
    clock: Arc<dyn Clock>,
    refused: Table,
    blocked: RwLock<HashMap<IpAddr, Timestamp>>,
    on_block: OnceLock<OnBlock>,
}

impl Visitors {
    /// By these lists.
    pub fn new(
        config: VisitorsConfig,
        countries: Option<Arc<dyn Countries>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            config,
            countries,
            clock,
            refused: Table::new(WATCHED),
            blocked: RwLock::default(),
            on_block: OnceLock::new(),
        }
    }

    /// Is told of every address that this node blocks. The first who wants to be told is.
    pub fn on_block(&self, told: impl Fn(NewBlock) + Send + Sync + 'static) {
        let _ = self.on_block.set(Box::new(told));
    }

    /// All blocks of all nodes as they are known now. What this node blocked after `read_at` stays.
    pub fn set_blocks(
        &self,
        blocks: impl IntoIterator<Item = (IpAddr, Timestamp)>,
        read_at: Timestamp,
    ) {
        let block = Duration::from_secs(u64::from(self.config.block_s.max(1)));
        let mut blocked = self.blocked.write().unwrap_or_else(PoisonError::into_inner);
        // What was blocked here a moment ago may not be written down yet.
        blocked.retain(|_, until| *until >= read_at + block);
        blocked.extend(blocks.into_iter().take(MOST_BLOCKS));
    }

    /// Whether an address is let in always, and not counted.
    pub fn is_always(&self, address: IpAddr) -> bool {
        self.config
            .always
            .iter()
            .any(|network| network.contains(address))
    }

    /// Lets an address in.
    ///
    /// # Errors
    /// A problem 403 if it is not let in.
    pub(super) fn let_in(&self, address: IpAddr) -> Result<(), Problem> {
        let denied = |why: &'static str| {
            tracing::info!(why, "not let in");
            Problem::forbidden(
                "edge.denied",
                "Requests from your network are not taken here.",
            )
        };
        if self
            .config
            .never
            .iter()
            .any(|network| network.contains(address))
        {
            return Err(denied("network"));
        }
        let (never, only) = (&self.config.never_countries, &self.config.only_countries);
        if let Some(countries) = self
            .countries
            .as_ref()
            .filter(|_| !never.is_empty() || !only.is_empty())
            && let Some(country) = countries.country(address)
            && (never.contains(&country) || !(only.is_empty() || only.contains(&country)))
        {
            return Err(denied("country"));
        }
        let until = {
            let blocked = self.blocked.read().unwrap_or_else(PoisonError::into_inner);
            if blocked.is_empty() {
                return Ok(());
            }
            blocked.get(&one_client(address)).copied()
        };
        let now = self.clock.now();
        match until {
            Some(until) if now < until => {
                let seconds = u32::try_from(until.since(now).as_secs() + 1).unwrap_or(u32::MAX);
                tracing::info!(why = "blocked", "not let in");
                Err(Problem::forbidden(
                    "edge.blocked",
                    "Too many requests from your network were refused, so it is shut out for a while.",
                )
                .retry_after(seconds))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Notes how a request of an address was answered; blocks the address if it was refused too
    /// often.
    pub(super) fn answered(&self, address: IpAddr, status: StatusCode) {
        let is_refusal = matches!(status.as_u16(), 401 | 403 | 404 | 429);
        let Some(quota) = self.config.refusals.filter(|_| is_refusal) else {
            return;
        };
        let (client, now) = (one_client(address), self.clock.now());
        let now_us = u64::try_from(now.ms()).unwrap_or(0).saturating_mul(1_000);
        if self
            .refused
            .take(&client.to_string(), quota, now_us)
            .is_allowed
        {
            return;
        }
        let until = now + Duration::from_secs(u64::from(self.config.block_s.max(1)));
        let mut blocked = self.blocked.write().unwrap_or_else(PoisonError::into_inner);
        if blocked.len() >= MOST_BLOCKS {
            blocked.retain(|_, until| *until > now);
        }
        let is_blocked = blocked.get(&client).is_some_and(|until| *until > now);
        if is_blocked || blocked.len() >= MOST_BLOCKS {
            return;
        }
        blocked.insert(client, until);
        drop(blocked);
        if let Some(told) = self.on_block.get() {
            told(NewBlock {
                address: client,
                at: now,
                until,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::clock::ManualClock;

    struct Atlas;

    impl Countries for Atlas {
        fn country(&self, address: IpAddr) -> Option<Country> {
            match address {
                IpAddr::V4(v4) if v4.octets()[0] == 1 => "SI".parse().ok(),
                IpAddr::V4(v4) if v4.octets()[0] == 2 => "XX".parse().ok(),
                IpAddr::V4(_) | IpAddr::V6(_) => None,
            }
        }
    }

    fn visitors(set: impl FnOnce(&mut VisitorsConfig)) -> (Visitors, Arc<ManualClock>) {
        let (mut config, clock) = (VisitorsConfig::default(), Arc::new(ManualClock::default()));
        set(&mut config);
        (
            Visitors::new(config, Some(Arc::new(Atlas)), clock.clone()),
            clock,
        )
    }

    fn code(visitors: &Visitors, address: &str) -> String {
        let address = address.parse().unwrap();
        visitors
            .let_in(address)
            .err()
            .map_or_else(String::new, |problem| problem.code().to_owned())
    }

    /// covers: GW-2
    #[test]
    fn networks_and_countries_are_let_in_or_not() {
        let (visitors, _) = visitors(|config| {
            config.never = vec![
                "9.9.0.0/16".parse().unwrap(),
                "2001:db8::/32".parse().unwrap(),
            ];
            config.never_countries = vec!["xx".parse().unwrap()];
        });
        for (address, wanted) in [
            ("9.9.1.2", "edge.denied"),
            ("::ffff:9.9.1.2", "edge.denied"),
            ("2001:db8::1", "edge.denied"),
            ("2.0.0.1", "edge.denied"),
            ("1.0.0.1", ""),
            ("9.8.1.2", ""),
        ] {
            assert_eq!(code(&visitors, address), wanted, "{address}");
        }
        let (visitors, _) =
            self::visitors(|config| config.only_countries = vec!["SI".parse().unwrap()]);
        assert_eq!(
            ["1.0.0.1", "2.0.0.1", "3.0.0.1"].map(|address| code(&visitors, address)),
            ["", "edge.denied", ""]
        );
        assert_eq!("S1".parse::<Country>(), Err(CountryError));
    }

    /// covers: GW-2
    #[test]
    fn who_is_refused_too_often_is_blocked_for_a_while() {
        let (visitors, clock) = visitors(|config| {
            config.refusals = "3/60".parse().ok();
            config.block_s = 600;
        });
        let told: Arc<Mutex<Vec<NewBlock>>> = Arc::default();
        let list = Arc::clone(&told);
        visitors.on_block(move |block| list.lock().unwrap().push(block));
        let answer = |address: &str, status| {
            visitors.answered(
                address.parse().unwrap(),
                StatusCode::from_u16(status).unwrap(),
            );
        };
        for _ in 0..20 {
            answer("3.0.0.2", 200);
            answer("3.0.0.2", 422);
        }
        for status in [401, 404, 429] {
            answer("2001:db8::1", status);
        }
        assert_eq!(code(&visitors, "2001:db8::1"), "");
        answer("2001:db8::2", 403);
        assert_eq!(
            code(&visitors, "2001:db8::ffff"),
            "edge.blocked",
            "the whole /64"
        );
        assert_eq!(
            [
                code(&visitors, "2001:db8:0:1::1"),
                code(&visitors, "3.0.0.2")
            ],
            ["", ""]
        );
        answer("2001:db8::3", 403);
        assert_eq!(told.lock().unwrap().len(), 1);
        assert_eq!(told.lock().unwrap()[0].address.to_string(), "2001:db8::");
        clock.advance(Duration::from_secs(600));
        assert_eq!(code(&visitors, "2001:db8::1"), "");
    }

    #[test]
    fn the_blocks_of_other_nodes_count_and_one_that_was_lifted_does_not() {
        let (visitors, clock) = visitors(|config| config.refusals = "1/60".parse().ok());
        let (one, other): (IpAddr, IpAddr) = ([3, 0, 0, 1].into(), [3, 0, 0, 2].into());
        let long = clock.now() + Duration::from_secs(60);
        visitors.set_blocks([(one, long)], clock.now());
        assert_eq!(code(&visitors, "3.0.0.1"), "edge.blocked");
        let read_at = clock.now();
        clock.advance(Duration::from_secs(1));
        for _ in 0..2 {
            visitors.answered(other, StatusCode::NOT_FOUND);
        }
        visitors.set_blocks([], read_at);
        assert_eq!(
            [code(&visitors, "3.0.0.1"), code(&visitors, "3.0.0.2")],
            ["", "edge.blocked"]
        );
    }
}
