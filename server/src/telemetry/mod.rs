//! How a running node is watched: signs of life, health and its history, metrics of the business,
//! the level of the log, settings that change without a restart.
//!
//! No domain: it stands beside `server` and asks the domains' services. What is counted is declared
//! next to what it counts, by [`metric!`](bilten_kernel::metric), in the domains and the kernel.
//!
//! | file | holds |
//! |---|---|
//! | `health.rs` | what is looked at, and what was wrong since the start |
//! | `watch.rs` | looks every few seconds; sets the gauges |
//! | `metrics.rs` | `/metrics`, on an address of its own |
//! | `disk.rs`, `files.rs` | how much room there is, and how many files may be open |
//! | `log.rs` | the level of the log, while the process runs |
//! | `live.rs`, `reload.rs` | the configuration, and reading it again |
//! | `routes.rs` | `/livez`, `/readyz`, the status, the administrators' routes |

pub(crate) mod disk;
pub(crate) mod files;
mod health;
mod live;
mod log;
mod metrics;
mod reload;
mod routes;
mod watch;

pub use health::{Check, Condition, Group, Health, Outage, Part};
pub use live::{Exchange, Live};
pub use log::LogControl;
pub use metrics::{MetricsListener, bind_metrics, serve_metrics};
pub use reload::{RELOADABLE, ReloadError, Reloaded, Source, reload};
pub use routes::routes;
pub use watch::{look, watch};
