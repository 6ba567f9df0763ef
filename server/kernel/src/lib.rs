#![doc = include_str!("../README.md")]

pub mod busy;
pub mod clock;
pub mod config;
pub mod db;
pub mod error;
pub mod http;
pub mod id;
pub mod jobs;
pub mod lane;
pub mod money;
pub mod outbox;
pub mod random;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text_enum;

/// The kernel's own tables; their versions are below 100.
pub const MIGRATIONS: &[db::Migration] = &[
    db::Migration {
        version: 1,
        name: "jobs and outbox",
        sql: include_str!("../migrations/0001_jobs_and_outbox.sql"),
    },
    db::Migration {
        version: 5,
        name: "traces",
        sql: include_str!("../migrations/0005_traces.sql"),
    },
    db::Migration {
        version: 6,
        name: "causes",
        sql: include_str!("../migrations/0006_causes.sql"),
    },
];

/// What the macros of this crate need; not for use by hand.
#[doc(hidden)]
pub mod private {
    pub use {linkme, serde, tokio, utoipa};
}
