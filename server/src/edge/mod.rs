//! The edge: what the kernel's layers are told of this server. Which requests go before others, how
//! often each kind may be made, who is let in, and who is blocked for a while.
//!
//! Owns no table: blocks are the platform's.
//!
//! | file | holds |
//! |---|---|
//! | `classes.rs` | of which class a request is |
//! | `decisions.rs` | what was decided about who may do what is logged |
//! | `once.rs` | POSTs with an `Idempotency-Key` are done once |
//! | `mod.rs` | [`LimitsConfig`], [`Front`]: the layers' parts, made of the configuration |
//!
//! To add a class: a static in `classes.rs`, a field of [`LimitsConfig`] and of [`LimitsConfig::quotas`],
//! a section in `bilten.default.toml`.

mod classes;
mod decisions;
mod once;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bilten_adapters::countries::{CountryFile, CountryFileError};
use bilten_adapters::limits::{self, LimitsUrlError};
use bilten_kernel::http::{
    Cors, Countries, Edge, Limits, Load, NewBlock, Quotas, Shapes, Visitors,
};
use serde::Deserialize;
use tokio::sync::mpsc;

pub(crate) use decisions::log_decisions;
pub(crate) use once::{done_once, is_done_once};

use crate::app::App;
use crate::config::Config;
use crate::{platform, router};

/// How often the blocks of all nodes are read.
const READ_EVERY: Duration = Duration::from_secs(2);
/// How many new blocks may wait to be written down; more are kept by this node alone.
const MOST_WAITING: usize = 1_000;
/// How addresses of the API begin that pages of all sites may use: buying needs no account.
const OPEN: &[&str] = &["/api/v1/shop/"];

/// How often requests may be made: section `[limits]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Where they are counted for all nodes; empty: each node counts by itself.
    pub url: String,
    /// For how many callers there is room in memory.
    pub keys: usize,
    /// Looking at pages and at what is on sale.
    pub browse: Quotas,
    /// Holding, buying, and seeing what was bought.
    pub buy: Quotas,
    /// Signing in and all that leads to it.
    pub sign_in: Quotas,
    /// Devices at gates and box offices.
    pub device: Quotas,
    /// All else of the API.
    pub api: Quotas,
}

impl std::fmt::Debug for LimitsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.debug_struct("LimitsConfig")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl LimitsConfig {
    /// The quotas by the names of the classes.
    fn quotas(&self) -> HashMap<String, Quotas> {
        let all = [
            (&classes::BROWSE, self.browse),
            (&classes::BUY, self.buy),
            (&classes::SIGN_IN, self.sign_in),
            (&classes::DEVICE, self.device),
            (&classes::API, self.api),
        ];
        all.into_iter()
            .map(|(class, quotas)| (class.name.to_owned(), quotas))
            .collect()
    }
}

/// The settings of the edge make no sense.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// That of shared limits.
    #[error(transparent)]
    Limits(#[from] LimitsUrlError),
    /// The file of countries.
    #[error(transparent)]
    Countries(#[from] CountryFileError),
    /// Countries are named, and nothing says which addresses are there.
    #[error(
        "visitors.never_countries and visitors.only_countries need visitors.country_file. Set it to a file in MaxMind's format, or name no countries"
    )]
    NoCountryFile,
}

impl EdgeError {
    /// The stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Limits(error) => error.code(),
            Self::Countries(error) => error.code(),
            Self::NoCountryFile => "visitors.country_file",
        }
    }
}

/// Whether the settings of the edge can be used; nobody is asked.
///
/// # Errors
/// [`EdgeError`] by what is wrong.
pub fn check(config: &Config) -> Result<(), EdgeError> {
    limits::shared(&config.limits.url)?;
    countries(config)?;
    Ok(())
}

fn countries(config: &Config) -> Result<Option<Arc<dyn Countries>>, EdgeError> {
    let visitors = &config.visitors;
    if !visitors.country_file.as_os_str().is_empty() {
        return Ok(Some(Arc::new(CountryFile::open(&visitors.country_file)?)));
    }
    if visitors.never_countries.is_empty() && visitors.only_countries.is_empty() {
        Ok(None)
    } else {
        Err(EdgeError::NoCountryFile)
    }
}

/// The parts of the edge of a running server.
pub struct Front {
    /// What the layers are told.
    pub edge: Edge,
    limits: Arc<Limits>,
    visitors: Arc<Visitors>,
    blocked: mpsc::Receiver<NewBlock>,
}

impl Front {
    /// As the configuration says.
    ///
    /// # Errors
    /// [`EdgeError`] by what is wrong with it.
    pub fn new(app: &App) -> Result<Self, EdgeError> {
        let (config, clock) = (&app.config, Arc::clone(&app.clock));
        let shared = limits::shared(&config.limits.url)?
            .map(|shared| limits::watched(shared, Arc::clone(&app.outside)));
        let (quotas, keys) = (config.limits.quotas(), config.limits.keys);
        let limits = Arc::new(Limits::new(quotas, keys, shared, Arc::clone(&clock)));
        let lists = config.visitors.clone();
        let visitors = Arc::new(Visitors::new(lists, countries(config)?, Arc::clone(&clock)));
        let (told, blocked) = mpsc::channel(MOST_WAITING);
        visitors.on_block(move |block| {
            // If too many wait, this node keeps the block and the others make their own.
            let _ = told.try_send(block);
        });
        let slow = Duration::from_millis(config.http.slow_ms);
        let edge = Edge {
            classify: classes::classify,
            visitors: Some(Arc::clone(&visitors)),
            limits: Some(Arc::clone(&limits)),
            load: Some(Arc::new(Load::new(
                config.http.max_in_flight,
                slow,
                classes::ALL,
            ))),
            cors: Cors {
                origins: config.http.cors_origins.clone().into(),
                open: OPEN,
            },
            shapes: Shapes::from_openapi(router::openapi(), "/api/v"),
            clock,
        };
        Ok(Self {
            edge,
            limits,
            visitors,
            blocked,
        })
    }

    /// Writes down whom this node blocks, reads whom all nodes block, and follows the quotas of the
    /// configuration, for ever.
    pub async fn keep_blocks(mut self, app: &App) {
        let mut reading = tokio::time::interval(READ_EVERY);
        reading.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                Some(block) = self.blocked.recv() => platform::record_block(app, block).await,
                _ = reading.tick() => {
                    self.limits.set_quotas(app.config.limits.quotas());
                    self.read_blocks(app).await
                }
            };
            if let Err(error) = done {
                // A database that is away leaves each node with its own.
                tracing::warn!(%error, "blocks are not shared with the other nodes");
            }
        }
    }

    async fn read_blocks(&self, app: &App) -> Result<(), bilten_kernel::db::DbError> {
        let read_at = app.now();
        let blocks = platform::current_blocks(app).await?;
        let blocks = blocks.into_iter().map(|block| (block.address, block.until));
        self.visitors.set_blocks(blocks, read_at);
        Ok(())
    }
}
