//! The Bilten server: events, sales, tickets and the door, over HTTP.
//!
//! | part | holds |
//! |---|---|
//! | `catalog`, `waiting_room`, `sales`, `payments`, `tickets`, `access`, `identity`, `platform`, `webhooks` | the domains, each with the same files |
//! | `inspect` | what programs asked of the API, for their developers |
//! | `web` | the storefront: pages that call the domains' services |
//! | `screens`, `batch` | what a screen shows in one read; many reads in one request |
//! | `sheet` | tables to be downloaded: CSV and XLSX |
//! | `edge` | who is let in, how often, and what goes first |
//! | `api` | the API as a whole: its description, versions and documentation |
//! | `events` | what happens in a domain and concerns those before it |
//! | `telemetry` | how a running node is watched, and what changes without a restart |
//! | `app`, `router`, `config`, `server` | the application put together, its routes, its settings, its life |
//! | `cli` | the commands of `bilten` |

pub mod access;
pub mod api;
pub mod app;
pub mod batch;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod edge;
pub mod events;
pub mod identity;
pub mod inspect;
pub mod payments;
pub mod personal;
pub mod platform;
mod qr;
pub mod router;
pub mod sales;
pub mod screens;
pub mod server;
mod sheet;
pub mod telemetry;
pub mod tickets;
pub mod waiting_room;
pub mod web;
pub mod webhooks;

use bilten_kernel::db::Migration;

/// The server's tables; their versions begin at 100, below are the kernel's.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 100,
        name: "spine",
        sql: include_str!("../migrations/0100_spine.sql"),
    },
    Migration {
        version: 101,
        name: "platform",
        sql: include_str!("../migrations/0101_platform.sql"),
    },
    Migration {
        version: 102,
        name: "identity",
        sql: include_str!("../migrations/0102_identity.sql"),
    },
    Migration {
        version: 103,
        name: "people",
        sql: include_str!("../migrations/0103_people.sql"),
    },
    Migration {
        version: 104,
        name: "privacy",
        sql: include_str!("../migrations/0104_privacy.sql"),
    },
    Migration {
        version: 105,
        name: "factors",
        sql: include_str!("../migrations/0105_factors.sql"),
    },
    Migration {
        version: 106,
        name: "federation",
        sql: include_str!("../migrations/0106_federation.sql"),
    },
    Migration {
        version: 107,
        name: "organisations",
        sql: include_str!("../migrations/0107_organisations.sql"),
    },
    Migration {
        version: 108,
        name: "oauth",
        sql: include_str!("../migrations/0108_oauth.sql"),
    },
    Migration {
        version: 109,
        name: "flags",
        sql: include_str!("../migrations/0109_flags.sql"),
    },
    Migration {
        version: 120,
        name: "webhooks",
        sql: include_str!("../migrations/0120_webhooks.sql"),
    },
    Migration {
        version: 130,
        name: "edge",
        sql: include_str!("../migrations/0130_edge.sql"),
    },
    Migration {
        version: 131,
        name: "revisions",
        sql: include_str!("../migrations/0131_revisions.sql"),
    },
    Migration {
        version: 132,
        name: "sandbox",
        sql: include_str!("../migrations/0132_sandbox.sql"),
    },
    Migration {
        version: 133,
        name: "requests",
        sql: include_str!("../migrations/0133_requests.sql"),
    },
    Migration {
        version: 134,
        name: "nodes",
        sql: include_str!("../migrations/0134_nodes.sql"),
    },
    Migration {
        version: 140,
        name: "venues",
        sql: include_str!("../migrations/0140_venues.sql"),
    },
    Migration {
        version: 141,
        name: "event_model",
        sql: include_str!("../migrations/0141_event_model.sql"),
    },
    Migration {
        version: 142,
        name: "waiting_room",
        sql: include_str!("../migrations/0142_waiting_room.sql"),
    },
    Migration {
        version: 143,
        name: "codes",
        sql: include_str!("../migrations/0143_codes.sql"),
    },
    Migration {
        version: 144,
        name: "offers",
        sql: include_str!("../migrations/0144_offers.sql"),
    },
    Migration {
        version: 145,
        name: "selling",
        sql: include_str!("../migrations/0145_selling.sql"),
    },
    Migration {
        version: 146,
        name: "after_sale",
        sql: include_str!("../migrations/0146_after_sale.sql"),
    },
    Migration {
        version: 147,
        name: "buyers",
        sql: include_str!("../migrations/0147_buyers.sql"),
    },
    Migration {
        version: 148,
        name: "order_changes",
        sql: include_str!("../migrations/0148_order_changes.sql"),
    },
    Migration {
        version: 149,
        name: "resale",
        sql: include_str!("../migrations/0149_resale.sql"),
    },
    Migration {
        version: 150,
        name: "change_terms",
        sql: include_str!("../migrations/0150_change_terms.sql"),
    },
    Migration {
        version: 151,
        name: "waiting",
        sql: include_str!("../migrations/0151_waiting.sql"),
    },
    Migration {
        version: 152,
        name: "in_order",
        sql: include_str!("../migrations/0152_in_order.sql"),
    },
    Migration {
        version: 153,
        name: "tickets_counted",
        sql: include_str!("../migrations/0153_tickets_counted.sql"),
    },
    Migration {
        version: 154,
        name: "answer_files",
        sql: include_str!("../migrations/0154_answer_files.sql"),
    },
    Migration {
        version: 158,
        name: "settings_versions",
        sql: include_str!("../migrations/0158_settings_versions.sql"),
    },
    Migration {
        version: 160,
        name: "counts_by_key",
        sql: include_str!("../migrations/0160_counts_by_key.sql"),
    },
    Migration {
        version: 161,
        name: "scores_by_payment",
        sql: include_str!("../migrations/0161_scores_by_payment.sql"),
    },
    Migration {
        version: 162,
        name: "resale_unseen",
        sql: include_str!("../migrations/0162_resale_unseen.sql"),
    },
];
